//! What a plan costs: bills priced, for one machine or several.

use serde::{Deserialize, Serialize};

use super::super::MlpPlan;
use super::operation::{Bill, Kind};
use super::rounds::{self, RoundBill};
use super::units::UnitCosts;
use crate::Error;

/// Where parties compute and how they are connected.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Setting {
    /// All parties share one machine and its memory.
    Together {
        /// Its cores.
        cores: usize,
    },
    /// Every party has a machine of its own; the root speaks to all others.
    Apart {
        /// Cores of each.
        cores: usize,
        /// Seconds a message is under way.
        latency: f64,
        /// Bytes a second, of each machine.
        bandwidth: f64,
    },
}

/// What rounds of one kind cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoundCost {
    /// Label.
    pub label: &'static str,
    /// Rounds.
    pub rounds: usize,
    /// Processor seconds, everybody's.
    pub processor_seconds: f64,
    /// Wall seconds.
    pub wall_seconds: f64,
    /// Bytes that a party sends.
    pub sent: f64,
    /// Bytes that a party receives.
    pub received: f64,
}

/// What a plan costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanCost {
    /// Keys, all rounds together.
    pub keys: RoundCost,
    /// One iteration, by kind of round.
    pub iteration: Vec<RoundCost>,
    /// One error of an early stop, measured and released, all rounds together.
    pub errors: Option<RoundCost>,
    /// The model, raised and released, all rounds together.
    pub model: RoundCost,
    /// Iterations, if none is saved by an early stop.
    pub iterations: usize,
    /// Errors released in so many iterations.
    pub releases: usize,
    /// Peak of memory: of the one machine, or of the root's.
    pub memory_bytes: f64,
}

impl PlanCost {
    /// Prices a plan.
    pub fn of(plan: &MlpPlan, units: &UnitCosts, setting: Setting) -> Result<Self, Error> {
        let pricing = Pricing {
            units,
            setting,
            parties: plan.rows.len() as f64,
        };
        let keys = pricing.together("keys", rounds::keys(plan))?;
        let mut iteration: Vec<RoundCost> = Vec::new();
        for round in rounds::iteration(plan) {
            let cost = pricing.round(&round)?;
            match iteration.iter_mut().find(|known| known.label == cost.label) {
                Some(known) => known.include(&cost),
                None => iteration.push(cost),
            }
        }
        let errors = match plan.config.stop {
            Some(_) => Some(pricing.together("stop", rounds::error(plan))?),
            None => None,
        };
        Ok(Self {
            keys,
            iteration,
            errors,
            model: pricing.together("model", rounds::model(plan))?,
            iterations: plan.config.iterations,
            releases: plan.errors_before(plan.config.iterations),
            memory_bytes: memory(plan, setting),
        })
    }

    /// An iteration's processor seconds.
    pub fn iteration_processor_seconds(&self) -> f64 {
        self.iteration.iter().map(|r| r.processor_seconds).sum()
    }

    /// An iteration's wall seconds.
    pub fn iteration_wall_seconds(&self) -> f64 {
        self.iteration.iter().map(|r| r.wall_seconds).sum()
    }

    /// Bytes a party sends in an iteration.
    pub fn iteration_sent(&self) -> f64 {
        self.iteration.iter().map(|r| r.sent).sum()
    }

    /// Wall seconds of everything.
    pub fn wall_seconds(&self) -> f64 {
        self.whole(self.iteration_wall_seconds(), |r| r.wall_seconds)
    }

    /// Processor seconds of everything.
    pub fn processor_seconds(&self) -> f64 {
        let iteration = self.iteration_processor_seconds();
        self.whole(iteration, |r| r.processor_seconds)
    }

    /// Bytes a party sends in all.
    pub fn sent(&self) -> f64 {
        self.whole(self.iteration_sent(), |r| r.sent)
    }

    /// What happens once, and all iterations.
    fn whole(&self, iteration: f64, of: impl Fn(&RoundCost) -> f64) -> f64 {
        let errors = self.errors.as_ref().map_or(0.0, &of) * self.releases as f64;
        of(&self.keys) + self.iterations as f64 * iteration + errors + of(&self.model)
    }
}

impl RoundCost {
    fn include(&mut self, other: &Self) {
        self.rounds += other.rounds;
        self.processor_seconds += other.processor_seconds;
        self.wall_seconds += other.wall_seconds;
        self.sent += other.sent;
        self.received += other.received;
    }
}

struct Pricing<'a> {
    units: &'a UnitCosts,
    setting: Setting,
    parties: f64,
}

impl Pricing<'_> {
    /// Rounds that follow one another, as one.
    fn together(&self, label: &'static str, rounds: Vec<RoundBill>) -> Result<RoundCost, Error> {
        let mut all: Option<RoundCost> = None;
        for round in &rounds {
            let cost = self.round(round)?;
            match &mut all {
                None => all = Some(RoundCost { label, ..cost }),
                Some(all) => all.include(&cost),
            }
        }
        let what = "the list of rounds";
        all.ok_or(Error::Empty { what })
    }

    fn round(&self, round: &RoundBill) -> Result<RoundCost, Error> {
        let price = |bill: &Bill| self.units.price(bill);
        let (mut each, fold) = (price(&round.each)?, price(&round.fold)?);
        let (root, serial) = (price(&round.root)?, price(&round.serial)?);
        let n = self.parties;
        let mut hearing = Bill::new();
        hearing.add(
            Kind::Hashing,
            0,
            (round.input_bytes + round.share_bytes) * 1e-6,
        );
        let wall = match self.setting {
            Setting::Together { cores } => {
                let cores = cores.max(1) as f64;
                // The last share is made while there are no others left to make.
                let alone = (1.0 - 1.0 / cores) * each;
                (n * each + (n - 1.0) * fold + root) / cores + alone + serial
            }
            Setting::Apart {
                cores,
                latency,
                bandwidth,
            } => {
                // Each machine checks what it hears; the root hears everybody.
                let heard = price(&hearing)?;
                each += heard;
                let on_the_way = (n - 1.0) * (round.input_bytes + round.share_bytes) / bandwidth;
                let adding = (n - 1.0) * (fold + heard);
                let computing = each + root / cores.max(1) as f64 + serial + adding;
                computing + on_the_way + 2.0 * latency
            }
        };
        let (sent, received) = (round.share_bytes, round.input_bytes);
        Ok(RoundCost {
            label: round.label,
            rounds: 1,
            processor_seconds: n * each + (n - 1.0) * fold + root + serial,
            wall_seconds: wall,
            sent,
            received,
        })
    }
}

/// Evaluation keys, the rotations of weights or errors that a hidden layer holds at once, encoded batches and
/// what is under way; an estimate.
fn memory(plan: &MlpPlan, setting: Setting) -> f64 {
    let layout = &plan.layout;
    let ciphertext = |at: usize| (2 * (plan.level(at) + 1) * plan.config.slots * 8) as f64;
    let own_keys = plan.party_rotations().len() as f64;
    let keys = (plan.rotations().len() + 1) as f64 * rounds::key_memory(plan);
    let rotated = 2.0 * layout.height() as f64 * ciphertext(plan.errors_above(2));
    let plaintexts = match &plan.convolution {
        None => layout.first_ciphertexts() * layout.batch(),
        Some(tiled) => tiled.offsets() * tiled.taps(),
    };
    let rows = plan.level(plan.weights_above(1)) + 1;
    let batch = (plaintexts * plan.period() * 8 * rows) as f64;
    let rounds = rounds::iteration(plan);
    let most = |size: &dyn Fn(&RoundBill) -> f64| rounds.iter().map(size).fold(0.0, f64::max);
    let n = plan.rows.len() as f64;
    let passing = most(&|r| r.input_bytes + r.share_bytes * if r.gathers { 2.0 * n } else { 2.0 });
    // Sums of shares of the keys, until they are decoded.
    let sums = keys;
    match setting {
        // Parties of one process hold the keys of the first layer once.
        Setting::Together { .. } => {
            let shared = own_keys * rounds::key_memory(plan);
            keys + sums + shared + rotated + n * (batch + passing)
        }
        Setting::Apart { .. } => keys + sums + rotated + batch + passing,
    }
}
