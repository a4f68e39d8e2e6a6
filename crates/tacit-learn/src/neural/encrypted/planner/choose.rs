//! The cheapest plan, and why the others are not.

use std::fmt::Write as _;

use serde::Serialize;

use super::super::super::MlpConfig;
use super::super::MlpPlan;
use super::candidates::{Candidate, Space, moduli};
use super::cost::{PlanCost, Setting};
use super::precision;
use super::units::UnitCosts;
use crate::encrypted::EncryptedError;

/// What is to be trained, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// The training; slots, batch and iterations are what the planner may change.
    pub config: MlpConfig,
    /// Rows of each party.
    pub rows: Vec<usize>,
    /// Statistical security.
    pub lambda_s: u32,
    /// Where it runs.
    pub setting: Setting,
    /// How far outputs of the final model may be from the twin's.
    pub tolerance: f64,
}

/// How many iterations a batch takes.
pub enum Goal<'a> {
    /// As many samples are seen in all as the configuration says.
    Samples,
    /// The fewest of a ladder of iterations by which the twin reaches a figure.
    Twin {
        /// The figure: an accuracy, say.
        wanted: f64,
        /// Trains the twin, and measures it on rows it has not seen.
        run: &'a mut dyn FnMut(&MlpConfig) -> Result<f64, crate::Error>,
    },
}

impl std::fmt::Debug for Goal<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Goal::Samples => f.write_str("Samples"),
            Goal::Twin { wanted, .. } => write!(f, "Twin({wanted})"),
        }
    }
}

/// What became of a candidate.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It could be run.
    Possible {
        /// At this price.
        cost: Box<PlanCost>,
        /// Bits after the binary point that an iteration leaves right in the weights, above those needed.
        margin_bits: f64,
    },
    /// The modulus is too large for its ring.
    Insecure {
        /// log2 of the modulus.
        bits: u32,
        /// What the table allows.
        limit: u32,
    },
    /// The noise of an iteration is too large.
    Imprecise {
        /// Bits after the binary point that an iteration leaves right in the weights.
        bits: f64,
        /// Those needed.
        needed: f64,
    },
    /// The twin does not reach the figure.
    Inaccurate {
        /// The best it reached.
        reached: f64,
        /// What was wanted.
        wanted: f64,
        /// Iterations of the longest run.
        iterations: usize,
    },
    /// The network does not fit, or is not trained under encryption.
    Unsupported {
        /// Why.
        reason: String,
    },
}

/// A plan that was compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// log2 of the ring degree.
    pub log_n: u32,
    /// Samples per party and iteration.
    pub batch: usize,
    /// Iterations.
    pub iterations: usize,
    /// Degree of the activation.
    pub degree: usize,
    /// Ciphertext primes; 0 where it did not come to that.
    pub primes: usize,
    /// Special primes.
    pub special: usize,
    /// log2 of Δ.
    pub scale_bits: u32,
    /// What became of it.
    pub verdict: Verdict,
    /// In a sentence, beside the chosen one.
    pub sentence: String,
}

/// What was chosen, and from what.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The plan.
    pub plan: MlpPlan,
    /// What it costs.
    pub cost: PlanCost,
    /// All that were compared: the chosen first, then by cost, then those that cannot be run.
    pub compared: Vec<Compared>,
}

/// Chooses.
///
/// `units` gives the prices for a plan's kind of parameters: measured, read from a file, or reckoned.
pub fn choose(
    task: &Task,
    space: &Space,
    mut goal: Goal<'_>,
    units: &mut dyn FnMut(&MlpPlan) -> Result<UnitCosts, EncryptedError>,
) -> Result<Choice, EncryptedError> {
    let mut compared = Vec::new();
    let mut best: Option<(MlpPlan, PlanCost, usize)> = None;
    for activation in &space.activations {
        for &batch in &space.batch {
            let base = MlpConfig {
                activation: activation.clone(),
                batch,
                ..task.config.clone()
            };
            let iterations = match iterations(task, &base, &mut goal)? {
                Ok(iterations) => iterations,
                Err(verdict) => {
                    compared.push(Compared::unmade(&base, verdict));
                    continue;
                }
            };
            for &slots in &space.slots {
                let config = MlpConfig {
                    slots,
                    iterations,
                    ..base.clone()
                };
                let candidates = match moduli(space, &config, &task.rows, task.lambda_s) {
                    Ok(candidates) => candidates,
                    Err(error) => {
                        let reason = error.to_string();
                        compared.push(Compared::unmade(&config, Verdict::Unsupported { reason }));
                        continue;
                    }
                };
                for candidate in candidates {
                    let (verdict, made) = judge(task, &candidate, units)?;
                    if let Some((plan, cost)) = made {
                        let cheaper = |(_, known, _): &(_, PlanCost, _)| {
                            cost.wall_seconds() < known.wall_seconds()
                        };
                        if best.as_ref().is_none_or(cheaper) {
                            best = Some((plan, cost, compared.len()));
                        }
                    }
                    compared.push(Compared::made(&candidate, verdict));
                }
            }
        }
    }
    let Some((plan, cost, place)) = best else {
        return Err(refused(&compared));
    };
    let chosen = compared.remove(place);
    compared.sort_by(|a, b| a.wall_seconds().total_cmp(&b.wall_seconds()));
    compared.insert(0, chosen);
    for other in &mut compared {
        other.sentence = other.explain(&cost);
    }
    Ok(Choice {
        plan,
        cost,
        compared,
    })
}

/// Why nothing was found, by what came closest.
fn refused(compared: &[Compared]) -> EncryptedError {
    let last = compared.iter().rev();
    let reasons = last.map(|c| match &c.verdict {
        Verdict::Unsupported { reason } => reason.clone(),
        verdict => format!("{verdict:?}"),
    });
    let problem = match reasons.into_iter().next() {
        Some(reason) => format!(
            "none of {} plans can be run; the last: {reason}",
            compared.len()
        ),
        None => "there are no candidates".into(),
    };
    let remedy = "allow more slots, a lower accuracy or a larger tolerance";
    crate::Error::config("planner", problem, remedy).into()
}

fn judge(
    task: &Task,
    candidate: &Candidate,
    units: &mut dyn FnMut(&MlpPlan) -> Result<UnitCosts, EncryptedError>,
) -> Result<(Verdict, Option<(MlpPlan, PlanCost)>), EncryptedError> {
    let Candidate {
        config,
        shape,
        bits,
        limit,
        ..
    } = candidate;
    if !candidate.is_secure() {
        let (bits, limit) = (*bits, *limit);
        return Ok((Verdict::Insecure { bits, limit }, None));
    }
    let plan = match MlpPlan::of_shape(config.clone(), task.rows.clone(), task.lambda_s, *shape) {
        Ok(plan) => plan,
        Err(error) => {
            let reason = error.to_string();
            return Ok((Verdict::Unsupported { reason }, None));
        }
    };
    let (bits, needed) = (
        precision::of(&plan)?,
        precision::needed(config, task.tolerance),
    );
    if bits < needed {
        return Ok((Verdict::Imprecise { bits, needed }, None));
    }
    let cost = PlanCost::of(&plan, &units(&plan)?, task.setting)?;
    let verdict = Verdict::Possible {
        cost: Box::new(cost.clone()),
        margin_bits: bits - needed,
    };
    Ok((verdict, Some((plan, cost))))
}

/// Parts of the iterations that see as many samples as the configuration says.
const LADDER: [f64; 8] = [0.125, 0.25, 0.375, 0.5, 0.75, 1.0, 1.5, 2.0];

/// Iterations that a configuration's batch takes.
fn iterations(
    task: &Task,
    base: &MlpConfig,
    goal: &mut Goal<'_>,
) -> Result<Result<usize, Verdict>, EncryptedError> {
    let seen = (task.config.iterations * task.config.batch) as f64;
    let alike = seen / base.batch as f64;
    let Goal::Twin { wanted, run } = goal else {
        return Ok(Ok(alike.round().max(1.0) as usize));
    };
    let at = |part: f64| (part * alike).round().max(1.0) as usize;
    let mut reached = f64::NEG_INFINITY;
    // A bisection: longer runs are taken to be better ones.
    let (mut low, mut high) = (0, LADDER.len());
    while low < high {
        let middle = (low + high) / 2;
        let config = MlpConfig {
            iterations: at(LADDER[middle]),
            ..base.clone()
        };
        let figure = match run(&config) {
            Ok(figure) => figure,
            Err(crate::Error::Diverged { .. }) => f64::NEG_INFINITY,
            Err(error) => return Err(error.into()),
        };
        reached = reached.max(figure);
        match figure >= *wanted {
            true => high = middle,
            false => low = middle + 1,
        }
    }
    Ok(match LADDER.get(low) {
        Some(&part) => Ok(at(part)),
        None => Err(Verdict::Inaccurate {
            reached,
            wanted: *wanted,
            iterations: at(LADDER[LADDER.len() - 1]),
        }),
    })
}

impl Compared {
    fn unmade(config: &MlpConfig, verdict: Verdict) -> Self {
        Self {
            log_n: config.slots.trailing_zeros(),
            batch: config.batch,
            iterations: config.iterations,
            degree: config.activation.coefficients().len().saturating_sub(1),
            primes: 0,
            special: 0,
            scale_bits: 0,
            verdict,
            sentence: String::new(),
        }
    }

    fn made(candidate: &Candidate, verdict: Verdict) -> Self {
        Self {
            primes: candidate.primes,
            special: candidate.shape.special,
            scale_bits: candidate.shape.scale_bits,
            ..Self::unmade(&candidate.config, verdict)
        }
    }

    /// Wall seconds of the whole training, or ∞ if it cannot be run.
    pub fn wall_seconds(&self) -> f64 {
        match &self.verdict {
            Verdict::Possible { cost, .. } => cost.wall_seconds(),
            _ => f64::INFINITY,
        }
    }

    fn name(&self) -> String {
        let training = format!("batch {}, {} iterations", self.batch, self.iterations);
        match self.primes {
            0 => format!("N = 2^{}, {training}", self.log_n),
            primes => format!(
                "N = 2^{}, {primes} + {} primes, scale 2^{}, {training}",
                self.log_n, self.special, self.scale_bits
            ),
        }
    }

    fn explain(&self, chosen: &PlanCost) -> String {
        let name = self.name();
        match &self.verdict {
            Verdict::Possible { cost, margin_bits } => {
                let (ours, theirs) = (chosen.wall_seconds(), cost.wall_seconds());
                let (each, best) = (
                    cost.iteration_wall_seconds(),
                    chosen.iteration_wall_seconds(),
                );
                match theirs <= ours {
                    true => format!(
                        "{name}: the cheapest, {theirs:.0} s, {each:.2} s an iteration; {margin_bits:.1} bits more precise than needed."
                    ),
                    false => format!(
                        "{name}: {:.2} times as costly, {theirs:.0} s ({each:.2} s an iteration beside {best:.2}).",
                        theirs / ours
                    ),
                }
            }
            Verdict::Insecure { bits, limit } => {
                format!(
                    "{name}: not secure, {bits} bits of modulus where 128-bit security allows {limit}."
                )
            }
            Verdict::Imprecise { bits, needed } => format!(
                "{name}: too imprecise, an iteration leaves {bits:.1} bits of the weights right where {needed:.1} are needed."
            ),
            Verdict::Inaccurate {
                reached,
                wanted,
                iterations,
            } => format!(
                "{name}: not accurate enough, the twin reaches {reached:.4} of {wanted:.4} in up to {iterations} iterations."
            ),
            Verdict::Unsupported { reason } => format!("{name}: not possible, {reason}."),
        }
    }
}

impl Choice {
    /// For people: the choice, its cost, and a sentence on each of the first `most` others.
    pub fn to_text(&self, most: usize) -> String {
        let mut out = String::new();
        let cost = &self.cost;
        for (place, compared) in self.compared.iter().take(most + 1).enumerate() {
            let mark = if place == 0 { "chosen " } else { "       " };
            let _ = writeln!(out, "{mark}{}", compared.sentence);
        }
        let left = self.compared.len().saturating_sub(most + 1);
        if left > 0 {
            let _ = writeln!(out, "       and {left} more.");
        }
        let _ = writeln!(
            out,
            "cost   {:.0} s in all, {:.1} of them for keys; {:.0} processor seconds; {:.1} MB sent by a party for keys and \
             {:.2} MB an iteration; about {:.1} GB of memory.",
            cost.wall_seconds(),
            cost.keys.wall_seconds,
            cost.processor_seconds(),
            cost.keys.sent / 1e6,
            cost.iteration_sent() / 1e6,
            cost.memory_bytes / 1e9
        );
        out
    }

    /// For machines.
    pub fn to_json(&self) -> Result<String, crate::Error> {
        #[derive(Serialize)]
        struct Record<'a> {
            config: &'a MlpConfig,
            q_bits: &'a [u32],
            p_bits: &'a [u32],
            cost: &'a PlanCost,
            compared: &'a [Compared],
        }
        let literal = self.plan.encryption.params.literal();
        let record = Record {
            config: &self.plan.config,
            q_bits: &literal.q_bits,
            p_bits: &literal.p_bits,
            cost: &self.cost,
            compared: &self.compared,
        };
        serde_json::to_string_pretty(&record).map_err(|e| {
            crate::Error::config(
                "planner",
                e.to_string(),
                "report the plan that was compared",
            )
        })
    }
}
