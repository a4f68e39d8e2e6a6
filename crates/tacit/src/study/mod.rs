//! One comparison: the encrypted model beside its twin, the pooled optimum and each site alone.
//!
//! What `tacit demo` and `tacit bench` do: all sites run in this process, each as its own party with
//! its own secret and rows, and a querier asks about the test rows under encryption. Unless the plan
//! releases the model, every figure of it comes from the decrypted answers.

mod margins;
pub mod network;
mod report;
mod source;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tacit_data::Table;
use tacit_learn::encrypted::{EncryptionPlan, LocalRows, Querier, SessionPlan, local};
use tacit_learn::metrics::{self, Evaluation};
use tacit_learn::model::{Curvature, GlmConfig, Samples};
use tacit_learn::twin::{Descent, Run as TwinRun};
use tacit_learn::{modes, packing};
use tacit_node::rows::{SiteRows, Standardisation, samples};
use tacit_report::measure::{Elapsed, Phases, Traffic};
use tacit_transport::memory::{Options as Threads, Progress as Round};

use crate::error::Context;
use crate::{Console, Error};

pub use margins::Margins;
pub use report::{cost_section, margins_section, model_table, quality_section};
pub use source::{Hold, Options, Source};

/// What is compared.
pub struct Setup {
    /// Names of the sites; the first one is the root.
    pub names: Vec<String>,
    /// Each site's rows.
    pub sites: Vec<Table>,
    /// Rows that no site trains on.
    pub test: Table,
    /// Standardisation.
    pub shared: Standardisation,
    /// Training.
    pub config: GlmConfig,
    /// Statistical security.
    pub lambda_s: u32,
    /// Whether the plan releases the model, to compare it weight by weight with the twin's.
    pub release_model: bool,
}

/// What was found.
pub struct Study {
    /// From the answers to encrypted queries.
    pub encrypted: Evaluation,
    /// The converged optimum on everybody's rows.
    pub pooled: Evaluation,
    /// Each site's converged optimum on its own rows.
    pub local: Vec<Evaluation>,
    /// The twin, iteration by iteration on the test rows.
    pub twin: TwinRun,
    /// Largest difference between an encrypted and a twin's weight, if the model was released.
    pub weights_diff: Option<f64>,
    /// Largest difference between an encrypted and a twin's linear predictor on the test rows.
    pub predictors_diff: f64,
    /// The encryption used.
    pub plan: Arc<SessionPlan>,
    /// Operation counts.
    pub cost: packing::Cost,
    /// Wall time by phase.
    pub phases: Phases,
    /// Bytes by party and phase.
    pub traffic: Traffic,
    /// Bytes sent and received by the mean party.
    pub bytes_per_party: f64,
    /// Rounds of the session.
    pub rounds: usize,
    /// Wall time of key generation.
    pub keys: Duration,
    /// Wall time of standardisation, training and refreshes.
    pub training: Duration,
    /// Wall time of all encrypted queries, the querier's side included.
    pub queries: Duration,
    /// Rows asked about.
    pub asked: usize,
    /// Wall time of everything encrypted.
    pub wall: Duration,
}

/// The phase that a round belongs to, for people.
fn phase(label: &str) -> &'static str {
    match label.split_once('/').map_or(label, |(group, _)| group) {
        "keys" => "keys",
        "data" => "standardisation",
        "model" => "model release",
        "query" => "query",
        _ if label == "train/gradient" => "gradients",
        _ if label == "train/refresh" => "refreshes",
        _ => "session",
    }
}

impl Setup {
    /// What all sites agree on, and the number of test rows that are asked about.
    pub fn plan(&self) -> Result<(Arc<SessionPlan>, usize), Error> {
        let layout = (self.config.layout()).bad_input(|| "the model does not fit a ciphertext")?;
        let encryption = EncryptionPlan::choose(&self.config, self.sites.len(), self.lambda_s)
            .bad_input(|| "no encryption parameters fit this training")?;
        let capacity = layout.group() / layout.lanes();
        // Everything the querier may know of an unreleased model comes from its answers; a released one
        // is measured directly, and the answers only have to agree with it.
        let asked = if self.release_model {
            self.test.rows().min(4 * capacity)
        } else {
            self.test.rows()
        };
        let plan = Arc::new(SessionPlan {
            config: self.config.clone(),
            total_rows: self.sites.iter().map(Table::rows).sum(),
            moments: self.shared.moments(),
            release_model: self.release_model,
            max_answers: asked.div_ceil(capacity),
            encryption,
        });
        Ok((plan, asked))
    }

    /// Each site's rows, as its party reads them.
    pub fn rows(&self) -> Vec<Box<dyn LocalRows>> {
        let rows = |table: &Table| {
            Box::new(SiteRows::new(table.clone(), self.shared.clone())) as Box<dyn LocalRows>
        };
        self.sites.iter().map(rows).collect()
    }

    /// Runs the comparison.
    pub fn run(self, console: &Console) -> Result<Study, Error> {
        let (plan, asked) = self.plan()?;
        let rows = self.rows();
        let Setup {
            names,
            sites,
            test,
            shared,
            config,
            ..
        } = self;
        let layout = config.layout().failed(|| "the layout is gone")?;
        let capacity = layout.group() / layout.lanes();
        let feature_names = test.names().to_vec();

        let began = Instant::now();
        let options = Threads::default();
        let mut watch = Watch::new(console, "training under encryption");
        let mut trained = local::train(&plan, &names, rows, &options, |r| watch.see(r))
            .failed(|| "the encrypted training stopped")?;
        watch.finish();

        let standardiser = shared
            .standardiser(&feature_names, trained.totals())
            .failed(|| "the released statistics cannot be used")?;
        let standardise = |table: &Table| -> Result<Samples, Error> {
            samples(table, &standardiser).failed(|| "rows cannot be standardised")
        };
        let test = standardise(&test)?;

        let asking = Instant::now();
        let querier = Querier::new(&config, &plan.encryption).failed(|| "no querier's key")?;
        let key = trained
            .collective_key()
            .ok_or_else(|| Error::failed("there is no collective public key"))?;
        let indices: Vec<usize> = (0..asked).collect();
        let mut queries = Vec::new();
        for chunk in indices.chunks(capacity) {
            let rows = chunk.iter().map(|&i| test.row(i));
            queries.push(
                querier
                    .ask(key, rows)
                    .failed(|| "a query could not be encrypted")?,
            );
        }
        let mut watch = Watch::new(console, "answering encrypted queries");
        let answers = trained
            .answer(queries, &options, |r| watch.see(r))
            .failed(|| "the queries were not answered")?;
        watch.finish();
        let mut predictors = Vec::with_capacity(test.len() * config.family.outputs());
        for (chunk, answer) in indices.chunks(capacity).zip(&answers.answers) {
            let read = querier
                .read(answer, chunk.len())
                .failed(|| "an answer cannot be read")?;
            predictors.extend(read.into_iter().flatten());
        }
        let (queries, wall) = (asking.elapsed(), began.elapsed());

        let parties = sites
            .iter()
            .map(standardise)
            .collect::<Result<Vec<_>, _>>()?;
        let failed = || "the comparison with plaintext failed";
        // The twin takes the steps that were taken: their size rests on a released number.
        let config = GlmConfig {
            curvature: Curvature::Bound(trained.curvature_bound()),
            ..config
        };
        let encrypted = match trained.released_model() {
            Some(model) => metrics::evaluate(config.family, model, &test),
            None => metrics::evaluate_predictors(config.family, &predictors, test.labels()),
        }
        .failed(failed)?;
        let twin = Descent::new(&config, &parties)
            .and_then(|descent| descent.watch(&test).run())
            .failed(failed)?;
        let weights_diff = match trained.released_model() {
            Some(model) => Some(model.max_abs_diff(&twin.weights).failed(failed)?),
            None => None,
        };
        let outputs = config.family.outputs();
        let predictors_diff = predictors
            .iter()
            .enumerate()
            .map(|(i, u)| (u - twin.weights.predictor(i % outputs, test.row(i / outputs))).abs())
            .fold(0.0, f64::max);
        let pooled = modes::pooled::optimum(&parties, config.family, config.l2)
            .and_then(|w| metrics::evaluate(config.family, &w, &test))
            .failed(failed)?;
        let local = modes::local::optima(&parties, config.family, config.l2.max(1e-3))
            .and_then(|all| {
                all.iter()
                    .map(|w| metrics::evaluate(config.family, w, &test))
                    .collect()
            })
            .failed(failed)?;

        let mut phases = Phases::default();
        for round in &trained.rounds {
            let elapsed = Elapsed {
                wall: round.took,
                cpu: None,
            };
            phases.record(phase(round.label.as_str()), elapsed);
        }
        phases.record(
            "query",
            Elapsed {
                wall: queries,
                cpu: None,
            },
        );
        let spent =
            |wanted: &[&str]| -> Duration { wanted.iter().filter_map(|p| phases.wall(p)).sum() };
        let mut traffic = Traffic::new(names.iter().cloned());
        for flows in [&trained.traffic, &answers.traffic] {
            for (party, of) in flows.parties().iter().enumerate() {
                for (label, flow) in &of.sent {
                    traffic
                        .sent(party, phase(label.as_str()), flow.bytes)
                        .failed(failed)?;
                }
                for (label, flow) in &of.received {
                    traffic
                        .received(party, phase(label.as_str()), flow.bytes)
                        .failed(failed)?;
                }
            }
        }
        let degree = config.activation().failed(failed)?.folded().degree();
        let cost = packing::Cost::of(&layout, degree, packing::GradientForm::Fused);
        Ok(Study {
            encrypted,
            pooled,
            local,
            twin,
            weights_diff,
            predictors_diff,
            cost,
            bytes_per_party: trained.traffic.bytes_per_party() + answers.traffic.bytes_per_party(),
            rounds: trained.rounds.len(),
            keys: spent(&["keys"]),
            training: spent(&["standardisation", "gradients", "refreshes"]),
            phases,
            traffic,
            queries,
            asked,
            wall,
            plan,
        })
    }
}

impl Study {
    /// Accuracy of the encrypted model, where the family has one.
    pub fn accuracy(&self) -> f64 {
        self.encrypted.accuracy.unwrap_or(f64::NAN)
    }

    /// Mean accuracy of the sites alone.
    pub fn local_accuracy(&self) -> f64 {
        let all: Vec<f64> = self.local.iter().filter_map(|e| e.accuracy).collect();
        all.iter().sum::<f64>() / all.len() as f64
    }

    /// The largest difference from the twin that is known: of weights, else of predictors.
    pub fn twin_diff(&self) -> f64 {
        self.weights_diff.unwrap_or(self.predictors_diff)
    }

    /// Figures of this study, by their contracted names.
    pub fn figures(&self) -> Vec<(&'static str, f64)> {
        let mut out = vec![
            ("encrypted.loss", self.encrypted.loss),
            ("pooled.loss", self.pooled.loss),
            ("twin.max_abs_diff", self.twin_diff()),
            ("twin.max_abs_diff_predictors", self.predictors_diff),
            ("wall_s", self.wall.as_secs_f64()),
            ("keygen_s", self.keys.as_secs_f64()),
            ("train_s", self.training.as_secs_f64()),
            ("query_s", self.queries.as_secs_f64()),
            ("bytes_per_party", self.bytes_per_party),
            ("rounds", self.rounds as f64),
            (
                "query.ok",
                if self.predictors_diff < 1e-2 {
                    1.0
                } else {
                    0.0
                },
            ),
            (
                "twin.share_outside_activation",
                self.twin.range.share_outside(),
            ),
        ];
        let local_loss =
            self.local.iter().map(|e| e.loss).sum::<f64>() / self.local.len().max(1) as f64;
        out.push(("local.loss_mean", local_loss));
        let mut push = |name, value: Option<f64>| {
            if let Some(value) = value {
                out.push((name, value));
            }
        };
        push("encrypted.accuracy", self.encrypted.accuracy);
        push("encrypted.auc", self.encrypted.auc);
        push("encrypted.rmse", self.encrypted.rmse);
        push("pooled.accuracy", self.pooled.accuracy);
        push("pooled.auc", self.pooled.auc);
        push("pooled.rmse", self.pooled.rmse);
        push("majority.accuracy", self.encrypted.majority_floor);
        if self.encrypted.accuracy.is_some() {
            push("local.accuracy_mean", Some(self.local_accuracy()));
            let aucs: Vec<f64> = self.local.iter().filter_map(|e| e.auc).collect();
            if !aucs.is_empty() {
                push(
                    "local.auc_mean",
                    Some(aucs.iter().sum::<f64>() / aucs.len() as f64),
                );
            }
        }
        out
    }
}

/// Shows the rounds of a session as they pass.
struct Watch {
    progress: crate::Progress,
    name: &'static str,
    phase: Option<crate::Phase>,
    seen: u64,
}

impl Watch {
    fn new(console: &Console, name: &'static str) -> Self {
        Self {
            progress: console.progress(),
            name,
            phase: None,
            seen: 0,
        }
    }

    fn see(&mut self, round: &Round) {
        let Some(of) = round.of else { return };
        let phase = self
            .phase
            .get_or_insert_with(|| self.progress.phase(self.name, u64::from(of)));
        let done = u64::from(round.index) + u64::from(round.finished);
        if done > self.seen {
            phase.inc_by((done - self.seen).min(u64::from(of).saturating_sub(self.seen)));
            self.seen = done;
        }
    }

    fn finish(&mut self) {
        if let Some(phase) = self.phase.take() {
            phase.finish();
        }
    }
}
