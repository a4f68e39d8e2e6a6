//! One comparison for networks: the encrypted model beside its twin, the pooled training, plain averaging and each
//! site alone.
//!
//! All sites run in this process, each as its own party with its own secret and rows. What can be known
//! without encryption comes first, so that settings that diverge are found before the long work. The plan releases
//! the model once, to be compared with the twin's on the held-out rows.

mod checkpoint;
mod report;
mod settings;
mod source;
mod watch;

use std::sync::Arc;

use tacit_learn::encrypted::EncryptedError;
use tacit_learn::metrics::{Summary, majority_floor};
use tacit_learn::model::Samples;
use tacit_learn::modes::{averaged, local as alone, pooled};
use tacit_learn::neural::encrypted::planner::{Calibration, PlanCost, Setting, measure};
use tacit_learn::neural::encrypted::{IterationCost, MlpPlan, local};
use tacit_learn::neural::packed::LayerCounts;
use tacit_learn::neural::{MlpConfig, MlpWeights, train_mlp};
use tacit_report::measure::{Elapsed, Phases, Stopwatch, peak_rss_bytes};
use tacit_transport::memory::Options as Threads;

use crate::error::Context;
use crate::{Console, Error};

pub use checkpoint::Checkpoint;
pub use report::{cost_section, margins_section, quality_section};
pub use settings::Settings;
pub use source::{Cohorts, Held, Rows};

/// What is compared.
pub struct Setup {
    /// Names of the sites; the first one is the root.
    pub names: Vec<String>,
    /// Everybody's rows.
    pub cohorts: Cohorts,
    /// Training.
    pub config: MlpConfig,
    /// Statistical security.
    pub lambda_s: u32,
    /// Passes through a site's rows between two averages.
    pub local_epochs: usize,
    /// Leave the encrypted training out.
    pub twin_only: bool,
    /// Where the encrypted training is resumed from, and keeps what it can be resumed from.
    pub checkpoint: Option<Checkpoint>,
}

/// A point of the twin's way.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    /// Iterations done.
    pub iteration: usize,
    /// On the held-out rows.
    pub accuracy: f64,
    /// Mean loss over the batch before.
    pub loss: f64,
}

/// Accuracies on the held-out rows.
#[derive(Debug, Clone)]
pub struct Plain {
    /// The twin's model.
    pub weights: MlpWeights,
    /// Its way there.
    pub curve: Vec<Point>,
    /// The largest pre-activation on it.
    pub max_abs_u: f64,
    /// Of the twin.
    pub twin: f64,
    /// Of the same training on everybody's rows in one table.
    pub pooled: f64,
    /// Of plain averaging.
    pub averaged: f64,
    /// Of each site alone.
    pub local: Vec<f64>,
    /// Of always naming the commonest class.
    pub majority: f64,
    /// Held-out rows.
    pub rows: usize,
}

/// What the encrypted training came to.
pub struct Encrypted {
    /// Accuracy on the held-out rows.
    pub accuracy: f64,
    /// Largest difference from the twin: of a weight.
    pub weights_diff: f64,
    /// Largest difference from the twin: of an output on held-out rows.
    pub outputs_diff: f64,
    /// Share of held-out rows for which the twin names the same class.
    pub same: f64,
    /// The encryption used.
    pub plan: Arc<MlpPlan>,
    /// Wall and processor time by phase.
    pub phases: Phases,
    /// All of it.
    pub elapsed: Elapsed,
    /// Bytes sent and received by the mean party: in all, and in the rounds of the iterations.
    pub bytes: (f64, f64),
    /// Rounds: in all, and in an iteration.
    pub rounds: (usize, usize),
    /// Operations of an iteration: predicted.
    pub predicted: IterationCost,
    /// Operations of an iteration by all: counted.
    pub counted: LayerCounts,
    /// Peak memory of the process, right after.
    pub peak: Option<u64>,
    /// Iterations that an interrupted run had done before: times, bytes and rounds are those of the rest.
    pub resumed_after: usize,
    /// What the planner expected of the whole training here.
    pub expected: PlanCost,
}

/// What was found.
pub struct Study {
    /// In the clear.
    pub plain: Plain,
    /// Under encryption, unless it was left out.
    pub encrypted: Option<Encrypted>,
}

/// Points of the twin's curve.
const POINTS: usize = 60;

impl Setup {
    /// Runs the comparison.
    ///
    /// `prices` holds what this machine was measured at so far; what is missing is measured.
    pub fn run(self, prices: &mut Calibration, console: &Console) -> Result<Study, Error> {
        let totals = self.cohorts.totals()?;
        let (parties, test) = self.cohorts.standardised(&totals)?;
        let mut plain = self.plain(console, &parties, &test)?;
        if self.twin_only {
            let encrypted = None;
            return Ok(Study { plain, encrypted });
        }
        let encrypted = self.encrypted(prices, console, &mut plain, &parties)?;
        let encrypted = Some(encrypted);
        Ok(Study { plain, encrypted })
    }

    /// Everything that needs no encryption.
    fn plain(&self, console: &Console, sites: &[Samples], test: &Samples) -> Result<Plain, Error> {
        let config = &self.config;
        let failed = || "the comparison in the clear failed";
        let every = config.iterations.div_ceil(POINTS);
        let phase = (console.progress()).phase("plaintext twin", config.iterations as u64);
        let (mut curve, mut max_abs_u) = (Vec::new(), 0.0f64);
        let weights = train_mlp(config, sites, |progress, weights| {
            max_abs_u = max_abs_u.max(progress.max_abs_u);
            let iteration = progress.iteration + 1;
            if iteration % every == 0 || iteration == config.iterations {
                curve.push(Point {
                    iteration,
                    accuracy: weights.accuracy(config, test),
                    loss: progress.loss,
                });
            }
            phase.inc();
        })
        .failed(failed)?;
        phase.finish();
        let phase = console.progress().phase("plaintext comparison", 3);
        let pooled = gentler(config, |c| pooled::network(c, sites)).failed(failed)?;
        phase.inc();
        let averaging = averaged::Averaging::like(config, sites, self.local_epochs);
        let averaged =
            gentler(config, |c| averaged::network(c, sites, averaging)).failed(failed)?;
        phase.inc();
        let local = gentler(config, |c| alone::networks(c, sites)).failed(failed)?;
        phase.finish();
        let of = |weights: &MlpWeights| weights.accuracy(config, test);
        Ok(Plain {
            twin: of(&weights),
            weights,
            curve,
            max_abs_u,
            pooled: of(&pooled),
            averaged: of(&averaged),
            local: local.iter().map(of).collect(),
            majority: majority_floor(test.labels()),
            rows: test.len(),
        })
    }

    /// The training under encryption, beside the twin.
    fn encrypted(
        &self,
        prices: &mut Calibration,
        console: &Console,
        plain: &mut Plain,
        sites: &[Samples],
    ) -> Result<Encrypted, Error> {
        let config = &self.config;
        let moments = self.cohorts.moments();
        let plan = MlpPlan::new(config.clone(), self.cohorts.sizes(), self.lambda_s)
            .and_then(|plan| plan.with_moments(moments))
            .bad_input(|| "no encryption parameters fit this training")?;
        let plan = Arc::new(plan);
        let folder = match &self.checkpoint {
            Some(checkpoint) => Some(checkpoint.open(&plan)?),
            None => None,
        };
        let expected = expected(&plan, prices).failed(|| "this machine could not be measured")?;
        let stopwatch = Stopwatch::start();
        let mut watch = watch::Watch::new(console, &plan);
        let (rows, options) = (self.cohorts.rows(), Threads::default());
        let (names, see) = (&self.names, |r: &_| watch.see(r));
        let trained = match folder {
            Some(folder) => local::train_or_resume(&plan, names, rows, folder, &options, see),
            None => local::train(&plan, names, rows, &options, see),
        }
        .failed(|| "the encrypted training stopped")?;
        let (elapsed, phases) = (stopwatch.elapsed(), watch.finish());
        let peak = peak_rss_bytes();

        // Released totals carry the noise of their release; where that shows, the twin starts from them, too.
        let (parties, test) = self.cohorts.standardised(&trained.totals)?;
        if largest_difference(&parties, sites) > 1e-6 {
            let again = train_mlp(config, &parties, |_, _| {});
            plain.weights = again.failed(|| "the comparison in the clear failed")?;
            plain.twin = plain.weights.accuracy(config, &test);
        }
        let (mut outputs_diff, mut same) = (0.0f64, 0);
        for row in 0..test.len() {
            let features = test.row(row);
            let [ours, twins] =
                [&trained.weights, &plain.weights].map(|w| w.outputs(config, features));
            let differences = ours.iter().zip(&twins).map(|(a, b)| (a - b).abs());
            outputs_diff = differences.fold(outputs_diff, f64::max);
            let [a, b] = [&trained.weights, &plain.weights].map(|w| w.predict(config, features));
            same += usize::from(a == b);
        }
        let count = self.names.len() as f64;
        let moved = |inside: bool| -> f64 {
            let flows = (trained.traffic.parties().iter())
                .flat_map(|party| party.sent.iter().chain(&party.received))
                .filter(|(label, _)| !inside || label.as_str().starts_with("train/"));
            flows.map(|(_, flow)| flow.bytes as f64).sum::<f64>() / count
        };
        let counted = (trained.parties.iter()).fold(trained.root, |sum, own| sum.plus(*own));
        let predicted = IterationCost::of(&plan);
        let steps = trained.rounds.iter();
        let steps = steps.filter(|r| r.label.as_str() == watch::STEP).count();
        Ok(Encrypted {
            resumed_after: config.iterations - steps,
            expected,
            accuracy: trained.weights.accuracy(config, &test),
            weights_diff: trained.weights.max_abs_diff(&plain.weights),
            outputs_diff,
            same: same as f64 / test.len() as f64,
            bytes: (moved(false), moved(true)),
            rounds: (trained.rounds.len(), predicted.rounds),
            counted: per_iteration(counted, steps),
            predicted,
            plan,
            phases,
            elapsed,
            peak,
        })
    }
}

/// What the planner expects of a plan on this machine.
fn expected(plan: &MlpPlan, prices: &mut Calibration) -> Result<PlanCost, EncryptedError> {
    let units = prices.units_for(plan, measure)?;
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
    Ok(PlanCost::of(plan, units, Setting::Together { cores })?)
}

/// Trains for comparison: where the steps are too large for it, with half of them, until it works. So no comparison
/// suffers from settings that were chosen for the encrypted training.
fn gentler<T>(
    config: &MlpConfig,
    train: impl Fn(&MlpConfig) -> Result<T, tacit_learn::Error>,
) -> Result<T, tacit_learn::Error> {
    let mut config = config.clone();
    for _ in 0..6 {
        if let Ok(found) = train(&config) {
            return Ok(found);
        }
        config.rate = config.rate.times(0.5);
    }
    train(&config)
}

/// Counts of an iteration, out of all.
fn per_iteration(counts: LayerCounts, iterations: usize) -> LayerCounts {
    LayerCounts {
        hoisted: counts.hoisted / iterations,
        rotations: counts.rotations / iterations,
        plain_products: counts.plain_products / iterations,
        products: counts.products / iterations,
        relinearisations: counts.relinearisations / iterations,
    }
}

fn largest_difference(a: &[Samples], b: &[Samples]) -> f64 {
    let mut largest = 0.0f64;
    for (a, b) in a.iter().zip(b) {
        for row in 0..a.len().min(b.len()) {
            let pairs = a.row(row).iter().zip(b.row(row));
            largest = pairs.fold(largest, |m, (x, y)| m.max((x - y).abs()));
        }
    }
    largest
}

impl Plain {
    /// Mean and spread over the sites.
    pub fn local_summary(&self) -> (f64, f64) {
        Summary::of(self.local.iter().copied()).map_or((f64::NAN, f64::NAN), |s| (s.mean, s.sd))
    }
}

impl Encrypted {
    /// Wall and processor seconds of the phases whose names `wanted` accepts.
    pub fn spent(&self, wanted: impl Fn(&str) -> bool) -> (f64, f64) {
        let found = self.phases.iter().filter(|(name, _)| wanted(name));
        found.fold((0.0, 0.0), |(wall, cpu), (_, elapsed)| {
            let more = elapsed.cpu.map_or(0.0, |cpu| cpu.as_secs_f64());
            (wall + elapsed.wall.as_secs_f64(), cpu + more)
        })
    }

    /// Figures, by their contracted names.
    fn figures(&self) -> Vec<(&'static str, f64)> {
        let (keys, training) = (
            self.spent(|phase| phase == watch::KEYS),
            self.spent(watch::is_training),
        );
        let iterations = (self.plan.config.iterations - self.resumed_after) as f64;
        let rounds = self.rounds.1 as f64 * iterations;
        let of = self.predicted.total(self.plan.rows.len());
        let counted = self.counted;
        vec![
            ("encrypted.accuracy", self.accuracy),
            ("twin.max_abs_diff", self.outputs_diff),
            ("twin.max_abs_diff_weights", self.weights_diff),
            ("twin.same_predictions", self.same),
            ("wall_s", self.elapsed.wall.as_secs_f64()),
            ("cpu_s", self.elapsed.cpu.unwrap_or_default().as_secs_f64()),
            ("predicted.wall_s", self.expected.wall_seconds()),
            ("predicted.cpu_s", self.expected.processor_seconds()),
            ("resumed_after", self.resumed_after as f64),
            ("keygen_s", keys.0),
            ("keygen_cpu_s", keys.1),
            ("train_s", training.0),
            ("train_cpu_s", training.1),
            ("iteration_s", training.0 / iterations),
            ("iteration_cpu_s", training.1 / iterations),
            ("bytes_per_party", self.bytes.0),
            ("bytes_per_party_keys", self.bytes.0 - self.bytes.1),
            ("bytes_per_party_per_iteration", self.bytes.1 / iterations),
            ("bytes_per_party_per_round", self.bytes.1 / rounds),
            ("rounds", self.rounds.0 as f64),
            ("rounds_per_iteration", self.rounds.1 as f64),
            (
                "ops.rotations_per_iteration",
                (of.hoisted + of.rotations) as f64,
            ),
            ("ops.hoisted_per_iteration", of.hoisted as f64),
            ("ops.mul_per_iteration", of.products as f64),
            ("ops.mul_plain_per_iteration", of.plain_products as f64),
            (
                "ops.relinearisations_per_iteration",
                of.relinearisations as f64,
            ),
            (
                "ops.refreshes_per_iteration",
                self.predicted.refreshes as f64,
            ),
            (
                "ops.counted.rotations_per_iteration",
                (counted.hoisted + counted.rotations) as f64,
            ),
            ("ops.counted.mul_per_iteration", counted.products as f64),
            (
                "ops.counted.mul_plain_per_iteration",
                counted.plain_products as f64,
            ),
            (
                "ops.counted.relinearisations_per_iteration",
                counted.relinearisations as f64,
            ),
        ]
    }
}

impl Study {
    /// Figures of this study, by their contracted names.
    pub fn figures(&self) -> Vec<(&'static str, f64)> {
        let plain = &self.plain;
        let (mean, sd) = plain.local_summary();
        let mut out = vec![
            ("twin.accuracy", plain.twin),
            ("twin.max_abs_u", plain.max_abs_u),
            ("pooled.accuracy", plain.pooled),
            ("fedavg.accuracy", plain.averaged),
            ("local.accuracy_mean", mean),
            ("local.accuracy_spread", sd),
            ("majority.accuracy", plain.majority),
            ("rows.held_out", plain.rows as f64),
        ];
        out.extend(self.encrypted.iter().flat_map(Encrypted::figures));
        out
    }
}
