//! `tacit plan check`: a plan in plain language, before anyone signs it.

mod forecast;
mod network;

use std::path::{Path, PathBuf};

use tacit_ckks::max_log_qp;
use tacit_ckks::noise::ReleaseMargin;
use tacit_data::{Cohort, CohortSpec};
use tacit_learn::encrypted::EncryptionPlan;
use tacit_learn::model::GlmConfig;
use tacit_learn::neural::MlpConfig;
use tacit_learn::packing::{Cost, GradientForm};
use tacit_report::{Cell, Column, Quantity, Run, Table, Unit};
use tacit_session::Plan;
use tacit_session::plan::ReleaseKind;

use crate::args::RecordArgs;
use crate::commands::bench::network::shape::{Rate, Span};
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// Arguments of `tacit plan check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Says what a plan computes, under which security, who learns what and what that gives away, how many levels
and refreshes it takes, what it will cost, and, from the cohorts that can be read here, the accuracy that its
plaintext twin predicts. For a network, all secure parameter sets are compared, and each runner-up has a sentence
on why it lost.

Examples:
  tacit plan check plan.toml
  tacit plan check plan.toml --no-twin
  tacit plan check plan.toml --round-trip 20ms --bandwidth 100mbit
  tacit plan check plan.toml --json - --require 'release.prediction.precision_bits>=16'")]
pub struct PlanCheck {
    /// The plan.
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,

    /// Do not read cohorts and do not run the twin.
    #[arg(long)]
    pub no_twin: bool,

    /// Do not measure this machine to predict times.
    #[arg(long)]
    pub no_timing: bool,

    /// Round trip of a site's link to the hub, such as 20ms: topologies are compared.
    #[arg(
        long,
        value_name = "TIME",
        requires = "bandwidth",
        conflicts_with = "no_timing"
    )]
    pub round_trip: Option<Span>,

    /// Rate of a site's link in each direction, such as 100mbit.
    #[arg(long, value_name = "RATE", requires = "round_trip")]
    pub bandwidth: Option<Rate>,

    /// Networks: prices of operations, read from PATH if it exists, else measured and written there.
    #[arg(long, value_name = "PATH")]
    pub prices: Option<PathBuf>,

    /// The record.
    #[command(flatten)]
    pub record: RecordArgs,
}

/// Explains the plan.
pub fn run(args: &PlanCheck, console: &mut Console) -> Result<Outcome, Error> {
    let name = args.plan.display();
    let text =
        std::fs::read_to_string(&args.plan).bad_input(|| format!("{name} cannot be read"))?;
    let plan = Plan::from_toml(&text).bad_input(|| format!("{name} is not a valid plan"))?;
    if plan.model.family == MlpConfig::FAMILY {
        if args.round_trip.is_some() {
            console.warn("topologies are compared for generalised linear models only");
        }
        return network::run(args, &plan, console);
    }
    let config = GlmConfig::from_plan(&plan).bad_input(|| format!("{name}: the model"))?;
    let encryption =
        EncryptionPlan::agreed(&plan, &config).bad_input(|| format!("{name}: the parameters"))?;

    let mut run = Run::new("plan check", env!("CARGO_PKG_VERSION"), config.seed)
        .failed(|| "the record cannot be made")?;
    let mut figure = |name: &str, value: f64| {
        run.figure(name, value)
            .failed(|| "the record cannot be made")
    };

    heading(&plan, &config, console)?;
    security(&plan, &encryption, console, &mut figure)?;
    let short = releases(&plan, &config, &encryption, console, &mut figure)?;
    work(&config, &encryption, console, &mut figure)?;
    if !args.no_timing {
        let sizes = forecast::times(&config, &encryption, console, &mut figure)?;
        if let (Some(round_trip), Some(bandwidth)) = (args.round_trip, args.bandwidth) {
            let network = bandwidth.network(round_trip);
            forecast::topologies(&plan, &network, &sizes, console, &mut figure)?;
        }
    }
    if !args.no_twin {
        let base = args.plan.parent().unwrap_or(Path::new("."));
        forecast::accuracy(
            &plan,
            &config,
            &cohorts(&plan, base, console)?,
            console,
            &mut figure,
        )?;
    }
    if let Some(what) = short {
        return Err(Error::bad_input(what).remedy(
            "ask for less precision, fewer answers or parties, or lower security.statistical_bits knowingly",
        ));
    }
    Ok(Outcome::recorded(run))
}

type Figure<'a> = dyn FnMut(&str, f64) -> Result<(), Error> + 'a;

fn heading(plan: &Plan, config: &GlmConfig, console: &mut Console) -> Result<(), Error> {
    let names: Vec<&str> = plan.parties.iter().map(|p| p.name.as_str()).collect();
    console.say(&format!(
        "Plan `{}`: {} regression on {} features, {} iterations of {} rows per party, among {}.",
        plan.name,
        config.family.name(),
        config.features,
        config.iterations,
        config.batch,
        names.join(", ")
    ))?;
    let digest = plan.digest().failed(|| "the plan has no digest")?;
    console.say(&format!("Digest to sign: {digest}"))
}

fn security(
    plan: &Plan,
    encryption: &EncryptionPlan,
    console: &mut Console,
    figure: &mut Figure<'_>,
) -> Result<(), Error> {
    let params = &encryption.params;
    let ring = params.ring();
    let log_qp = ring.log2_modulus(params.key_basis());
    let limit = f64::from(max_log_qp(ring.log_n()).unwrap_or(0));
    let literal = params.literal();
    console.say(&format!(
        "Encryption: {:?} ring, N = 2^{}, primes {:?} and special {:?} bits, scale 2^{}.",
        literal.kind, literal.log_n, literal.q_bits, literal.p_bits, literal.log_scale
    ))?;
    console.say(&format!(
        "Security: {log_qp:.0} of at most {limit:.0} bits of modulus at 128-bit security (Homomorphic Encryption Standard; \
         for the conjugate-invariant ring by Kim and Song's argument at the same dimension)."
    ))?;
    let colluders = match plan.threshold {
        None => format!(
            "up to {} of the {} parties and any querier",
            plan.parties.len() - 1,
            plan.parties.len()
        ),
        Some(t) => format!(
            "up to {} of the {} parties (t = {} of them hold the key together)",
            t.t - 1,
            plan.parties.len(),
            t.t
        ),
    };
    console.say(&format!("Who may collude without learning more than the releases: {colluders}, as long as everyone follows the protocol."))?;
    let away = match plan.threshold {
        None => "the session pauses, and the others say whom they wait for".to_owned(),
        Some(t) => format!(
            "the others go on without it while {} parties and the root are there; until the first iteration is complete, all are needed              (its sub-shares: {:.1} MB in one round)",
            t.t,
            encryption.threshold_bytes() as f64 / 1e6
        ),
    };
    console.say(&format!("If a party stays away: {away}."))?;
    let have = params.log2_q(encryption.refresh_level);
    let need = encryption.mask.modulus_bits(encryption.parties);
    console.say(&format!(
        "Refresh: after every iteration, at level {} of {}; masks of {} bits hide the weights up to 2^-{} over the whole plan; \
         {have:.1} bits of modulus for {need:.1}.",
        encryption.refresh_level,
        encryption.top_level(),
        encryption.mask.bits(),
        encryption.lambda_s
    ))?;
    figure("security.log_qp", log_qp)?;
    figure("security.limit", limit)?;
    figure("refresh.margin_bits", have - need)
}

/// Tells every release; the first that cannot be as precise as promised is returned.
fn releases(
    plan: &Plan,
    config: &GlmConfig,
    encryption: &EncryptionPlan,
    console: &mut Console,
    figure: &mut Figure<'_>,
) -> Result<Option<String>, Error> {
    let layout = config.layout().failed(|| "the layout")?;
    let columns = [
        Column::text("what"),
        Column::text("to"),
        Column::number("at most"),
        Column::number("flooding bits"),
        Column::number("precision asked"),
        Column::number("precision kept"),
    ];
    let mut table = Table::new("Everything that is ever decrypted", columns);
    let failed = || "the noise of a release cannot be bounded";
    let mut short = None;
    for release in &plan.releases {
        let answers = usize::try_from(release.at_most).unwrap_or(usize::MAX);
        let (name, margin): (&str, Option<ReleaseMargin>) = match release.what {
            ReleaseKind::Prediction => (
                "prediction",
                Some(encryption.answer_margin(&layout, answers).failed(failed)?),
            ),
            ReleaseKind::Model => ("model", Some(encryption.model_margin())),
            ReleaseKind::Statistics => (
                "statistics",
                Some(encryption.moments_margin().failed(failed)?),
            ),
            _ => ("metrics", None),
        };
        let Some(margin) = margin else {
            console.warn(&format!(
                "release of {name}: this version does not compute it; it will not happen"
            ));
            continue;
        };
        figure(
            &format!("release.{name}.precision_bits"),
            margin.precision_bits(),
        )?;
        figure(
            &format!("release.{name}.smudging_bits"),
            f64::from(margin.smudging().bits()),
        )?;
        if margin.precision_bits() < f64::from(release.precision_bits) && short.is_none() {
            short = Some(format!(
                "release of {name}: {} bits after the binary point are promised, {:.1} survive the flooding",
                release.precision_bits,
                margin.precision_bits()
            ));
        }
        let plain = |v: f64| Cell::from(Quantity::new(v, Unit::Plain));
        table = table.row([
            Cell::text(name),
            Cell::text(release.to.join(", ")),
            Cell::from(Quantity::count(release.at_most)),
            plain(f64::from(margin.smudging().bits())),
            plain(f64::from(release.precision_bits)),
            plain(margin.precision_bits()),
        ]);
        if release.what == ReleaseKind::Prediction && answers > config.features {
            console.warn(&format!(
                "{answers} answers give the model away: a {} model can be recovered from about {} exact answers",
                config.family.name(),
                config.features + 1
            ));
        }
        if release.what == ReleaseKind::Prediction {
            console.warn(
                "a coalition of parties could submit another querier's query as its own: bind queries to queriers by their identity",
            );
        }
    }
    console.table(&table)?;
    Ok(short)
}

fn work(
    config: &GlmConfig,
    encryption: &EncryptionPlan,
    console: &mut Console,
    figure: &mut Figure<'_>,
) -> Result<(), Error> {
    let layout = config.layout().failed(|| "the layout")?;
    let degree = config
        .activation()
        .failed(|| "the activation")?
        .folded()
        .degree();
    let cost = Cost::of(&layout, degree, GradientForm::Fused);
    console.say(&format!(
        "Levels per iteration: {} (forward, degree-{degree} activation with the gradient fused in, the root's mask). Each party: {} \
         rotations, {} plaintext and {} ciphertext products. The root, besides: {} rotations.",
        cost.levels(),
        cost.party.rotations,
        cost.party.plain_products,
        cost.party.products,
        cost.root.rotations
    ))?;
    figure(
        "ops.rotations_per_iteration",
        (cost.party.rotations * encryption.parties + cost.root.rotations) as f64,
    )?;
    figure(
        "ops.mul_per_iteration",
        (cost.party.products * encryption.parties) as f64,
    )?;
    figure("ops.refreshes_per_iteration", cost.refreshes as f64)?;
    figure("levels_per_iteration", cost.levels() as f64)
}

/// The cohorts that can be read here, with their party.
fn cohorts(
    plan: &Plan,
    base: &Path,
    console: &mut Console,
) -> Result<Vec<(String, Cohort)>, Error> {
    let mut found = Vec::new();
    for party in &plan.parties {
        if party.cohort.0.is_empty() {
            continue;
        }
        let spec: CohortSpec = party
            .cohort
            .settings_as(&party.name)
            .bad_input(|| format!("the cohort of `{}`", party.name))?;
        let here = spec.path.as_ref().is_some_and(|p| base.join(p).exists());
        if !here {
            console.say(&format!(
                "The rows of `{}` are not here; its cohort is not checked.",
                party.name
            ))?;
            continue;
        }
        let cohort =
            Cohort::load(&spec, base).bad_input(|| format!("the cohort of `{}`", party.name))?;
        let rows = cohort.table.rows() as u64;
        if rows < plan.min_rows {
            return Err(Error::bad_input(format!(
                "party `{}` has {rows} rows, the plan's min_rows is {}",
                party.name, plan.min_rows
            )));
        }
        found.push((party.name.clone(), cohort));
    }
    Ok(found)
}
