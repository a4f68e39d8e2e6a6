//! A plan that describes a network: what the planner makes of it.

use std::path::PathBuf;

use tacit_ckks::max_log_qp;
use tacit_learn::neural::MlpConfig;
use tacit_learn::neural::encrypted::planner::{
    Calibration, Choice, Goal, PlanCost, Setting, Space, Task, UnitCosts, Workload, choose,
    measure, precision_needed, precision_of,
};
use tacit_learn::neural::encrypted::{IterationCost, MlpPlan, ModulusShape};
use tacit_report::Run;
use tacit_session::Plan;
use tacit_session::plan::{Parameters, ReleaseKind};

use super::{Figure, PlanCheck};
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// How far outputs of the encrypted model may be from the twin's.
const TOLERANCE: f64 = 0.02;

/// Runners-up that are told of: all of them, for one batch and activation.
const MOST: usize = 40;

/// Explains a plan whose family is that of networks.
pub(super) fn run(args: &PlanCheck, plan: &Plan, console: &mut Console) -> Result<Outcome, Error> {
    let name = args.plan.display();
    let config = MlpConfig::from_plan(plan).bad_input(|| format!("{name}: the model"))?;
    let mut run = Run::new("plan check", env!("CARGO_PKG_VERSION"), config.seed)
        .failed(|| "the record cannot be made")?;
    let mut figure = |name: &str, value: f64| {
        run.figure(name, value)
            .failed(|| "the record cannot be made")
    };
    let digest = plan.digest().failed(|| "the plan has no digest")?;
    console.say(&format!(
        "Plan `{}`: a network of layers {:?}, {} iterations of {} rows per party, among {} parties.",
        plan.name,
        config.layers,
        config.iterations,
        config.batch,
        plan.parties.len()
    ))?;
    console.say(&format!("Digest to sign: {digest}"))?;

    // Time does not depend on how many rows a party has beyond its batch.
    let rows = usize::try_from(plan.min_rows).unwrap_or(usize::MAX);
    let task = Task {
        rows: vec![rows; plan.parties.len()],
        lambda_s: plan.security.statistical_bits,
        setting: Setting::Together {
            cores: std::thread::available_parallelism().map_or(1, |n| n.get()),
        },
        tolerance: TOLERANCE,
        config,
    };
    let mut prices = Prices::load(args)?;
    let (checked, cost) = match &plan.parameters {
        Parameters::Choose => {
            // What is signed stays as it is: batch, activation and iterations are not the planner's here.
            let space = Space {
                batch: vec![task.config.batch],
                ..Space::around(&task.config)
            };
            let choice = choose(&task, &space, Goal::Samples, &mut |p| prices.of(p))
                .bad_input(|| format!("{name}: the parameters"))?;
            explain(&choice, console)?;
            (choice.plan, choice.cost)
        }
        Parameters::Explicit(given) => {
            let shape = ModulusShape {
                special: given.p_bits.len(),
                scale_bits: given.scale_bits,
            };
            let config = MlpConfig {
                slots: 1 << given.log_n,
                ..task.config.clone()
            };
            let made = MlpPlan::of_shape(config, task.rows.clone(), task.lambda_s, shape)
                .bad_input(|| format!("{name}: the parameters"))?;
            let literal = made.encryption.params.literal();
            if literal.q_bits != given.q_bits || literal.p_bits != given.p_bits {
                return Err(Error::bad_input(format!(
                    "{name}: parameters.q_bits are not those that the masks of this plan need"
                ))
                .remedy(format!(
                    "write q_bits = {:?} and p_bits = {:?}, or `choose = true`",
                    literal.q_bits, literal.p_bits
                )));
            }
            let units = prices
                .of(&made)
                .failed(|| "this machine could not be measured")?;
            let cost = PlanCost::of(&made, &units, task.setting).failed(|| "the prices")?;
            (made, cost)
        }
    };
    prices.save()?;
    tell(plan, &task, &checked, &cost, console, &mut figure)?;
    Ok(Outcome::recorded(run))
}

/// Unit costs: from a file, measured, or reckoned.
struct Prices {
    file: Option<PathBuf>,
    measured: bool,
    calibration: Calibration,
}

impl Prices {
    fn load(args: &PlanCheck) -> Result<Self, Error> {
        let file = args.prices.clone();
        let known = match file.as_ref().filter(|file| file.exists()) {
            Some(file) => {
                let name = file.display();
                let text =
                    std::fs::read_to_string(file).bad_input(|| format!("{name} cannot be read"))?;
                Calibration::from_json(&text).bad_input(|| format!("{name} holds no prices"))?
            }
            None => Calibration::default(),
        };
        Ok(Self {
            file,
            measured: !args.no_timing,
            calibration: known,
        })
    }

    fn of(&mut self, plan: &MlpPlan) -> Result<UnitCosts, tacit_learn::encrypted::EncryptedError> {
        let units = self
            .calibration
            .units_for(plan, |plan| match self.measured {
                true => measure(plan),
                false => Ok(UnitCosts::reckoned(Workload::of(plan))),
            });
        units.cloned()
    }

    fn save(&self) -> Result<(), Error> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let text = (self.calibration.to_json()).failed(|| "the prices cannot be written")?;
        std::fs::write(file, text).bad_input(|| format!("{} cannot be written", file.display()))
    }
}

fn explain(choice: &Choice, console: &mut Console) -> Result<(), Error> {
    console.say("Compared at the plan's batch, activation and samples:")?;
    console.say(choice.to_text(MOST).trim_end())?;
    let literal = choice.plan.encryption.params.literal();
    console.say(&format!(
        "To pin the choice for everyone: [parameters] ring = \"conjugate-invariant\", log_n = {}, q_bits = {:?}, p_bits = {:?}, \
         scale_bits = {}.",
        literal.log_n, literal.q_bits, literal.p_bits, literal.log_scale
    ))
}

fn tell(
    plan: &Plan,
    task: &Task,
    checked: &MlpPlan,
    cost: &PlanCost,
    console: &mut Console,
    figure: &mut Figure<'_>,
) -> Result<(), Error> {
    let params = &checked.encryption.params;
    let ring = params.ring();
    let log_qp = ring.log2_modulus(ring.full_basis());
    let limit = f64::from(max_log_qp(ring.log_n()).unwrap_or(0));
    console.say(&format!(
        "Security: {log_qp:.0} of at most {limit:.0} bits of modulus at 128-bit security; refresh masks of {} bits hide values up to \
         2^-{} over the whole plan.",
        checked.encryption.mask.bits(),
        checked.encryption.lambda_s
    ))?;
    let precision = precision_of(checked).failed(|| "the noise of an iteration")?;
    let needed = precision_needed(&checked.config, task.tolerance);
    console.say(&format!(
        "Precision: an iteration leaves {precision:.1} bits of the weights right, {needed:.1} are needed for outputs within {} of the twin's.",
        task.tolerance
    ))?;
    let ops = IterationCost::of(checked);
    let total = ops.total(checked.rows.len());
    console.say(&format!(
        "An iteration: {} rotations, {} ciphertext and {} plaintext products by all parties, {} refreshes in {} rounds; {:.2} s here, {:.2} MB \
         sent by a party.",
        total.hoisted + total.rotations,
        total.products,
        total.plain_products,
        ops.refreshes,
        ops.rounds,
        cost.iteration_wall_seconds(),
        cost.iteration_sent() / 1e6
    ))?;
    let margin = checked.release_margin();
    for release in &plan.releases {
        if release.what == ReleaseKind::Model {
            figure("release.model.precision_bits", margin.precision_bits())?;
        }
    }
    figure("security.log_qp", log_qp)?;
    figure("security.limit", limit)?;
    figure("precision.margin_bits", precision - needed)?;
    figure("predicted.wall_s", cost.wall_seconds())?;
    figure("predicted.processor_s", cost.processor_seconds())?;
    figure("predicted.bytes_per_party", cost.sent())?;
    figure("predicted.memory_bytes", cost.memory_bytes)?;
    let rotations = total.hoisted + total.rotations;
    figure("ops.rotations_per_iteration", rotations as f64)?;
    figure("ops.mul_per_iteration", total.products as f64)?;
    figure("ops.refreshes_per_iteration", ops.refreshes as f64)
}
