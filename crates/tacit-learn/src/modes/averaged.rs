//! Federated averaging: local epochs in the clear, weighted means of the models in between.
//!
//! ```text
//! round r:  w_i = E epochs of descent on party i's rows, begun at w      every party
//!           w   = Σ_i (n_i / n)·w_i                                      whoever averages
//! ```
//!
//! FedAvg (McMahan et al., AISTATS 2017, algorithm 1) with all parties in every round. What is averaged is seen
//! by whoever does it, and each w_i tells of its party's rows: that is what encryption is for. Here it is the
//! bar of accuracy that plain averaging sets.

use rayon::prelude::*;

use crate::Error;
use crate::model::Samples;
use crate::neural::{Descent, MlpConfig, MlpWeights};

/// How often to average, and how much to learn in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Averaging {
    /// E: passes of each party through its own rows between two averages.
    pub local_epochs: usize,
    /// Averages taken.
    pub rounds: usize,
}

impl Averaging {
    /// As many rounds of `local_epochs` as visit about as many rows as the training `config` describes, at least one.
    pub fn like(config: &MlpConfig, parties: &[Samples], local_epochs: usize) -> Self {
        let rows: usize = parties.iter().map(Samples::len).sum();
        let filled = |party: &Samples| party.len().min(config.batch);
        let visits: usize = parties.iter().map(filled).sum::<usize>() * config.iterations;
        let round = (rows * local_epochs).max(1);
        Self {
            local_epochs,
            rounds: visits.div_ceil(round).max(1),
        }
    }
}

/// Trains the network of `config` by averaging: its batches, rates and momentum are those of each party's
/// descent, in which the step size follows the schedule from the first round to the last. Momentum starts afresh in
/// every round; `config.iterations` is not used.
///
/// ```
/// use tacit_learn::modes::averaged::{self, Averaging};
/// use tacit_learn::neural::{MlpConfig, Rate};
///
/// let parties = tacit_learn::synthetic::Ar1Logistic::new(4, 0.4, 0.1, 3)?.draw(300)?.deal(3)?;
/// let rate = Rate::Linear { from: 0.05, to: 0.0 };
/// let config = MlpConfig { batch: 20, iterations: 20, rate, gain: 1.0, ..MlpConfig::new(&[4, 6, 2]) };
/// let averaging = Averaging::like(&config, &parties, 2);
/// assert_eq!(averaging.rounds, 2); // 20 batches of 20 are four passes through 100 rows
/// let weights = averaged::network(&config, &parties, averaging)?;
/// assert!(weights.accuracy(&config, &parties[0]) > 0.6);
/// # Ok::<(), tacit_learn::Error>(())
/// ```
pub fn network(
    config: &MlpConfig,
    parties: &[Samples],
    averaging: Averaging,
) -> Result<MlpWeights, Error> {
    if averaging.local_epochs == 0 || averaging.rounds == 0 {
        return Err(Error::config(
            "averaging",
            format!("{averaging:?} never learns"),
            "set `local_epochs` and `rounds` to at least 1",
        ));
    }
    let total: usize = parties.iter().map(Samples::len).sum();
    if total == 0 {
        return Err(Error::Empty {
            what: "the list of parties",
        });
    }
    let steps = |rows: &Samples| averaging.local_epochs * rows.len().div_ceil(config.batch).max(1);
    let configs: Vec<MlpConfig> = (parties.iter())
        .map(|rows| MlpConfig {
            iterations: averaging.rounds * steps(rows),
            ..config.clone()
        })
        .collect();
    let mut descents = Vec::with_capacity(parties.len());
    for (party, (config, rows)) in configs.iter().zip(parties).enumerate() {
        let descent = Descent::new(config, std::slice::from_ref(rows));
        descents.push(descent.map_err(|e| e.at_party(party))?);
    }
    let mut weights = MlpWeights::initial(config);
    for _ in 0..averaging.rounds {
        let trained: Vec<MlpWeights> = (descents.par_iter_mut().zip(parties).enumerate())
            .map(|(party, (descent, rows))| {
                descent.restart(weights.clone());
                for _ in 0..steps(rows) {
                    descent.step().map_err(|e| e.at_party(party))?;
                }
                Ok(descent.weights().clone())
            })
            .collect::<Result<_, Error>>()?;
        weights = MlpWeights::zero(config);
        for (theirs, rows) in trained.iter().zip(parties) {
            weights.add_scaled(rows.len() as f64 / total as f64, theirs);
        }
    }
    Ok(weights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::neural::{Rate, StepMomentum, train_mlp};
    use crate::synthetic::Ar1Logistic;

    fn table(rows: usize) -> Samples {
        let mut source = Ar1Logistic::new(4, 0.4, 0.2, 3).unwrap();
        source.draw(rows).unwrap()
    }

    fn config() -> MlpConfig {
        MlpConfig {
            batch: 16,
            iterations: 12,
            gain: 1.0,
            rate: Rate::Linear { from: 0.1, to: 0.0 },
            ..MlpConfig::new(&[4, 6, 5, 2])
        }
    }

    #[test]
    fn one_party_that_averages_once_just_descends() {
        let parties = [table(48)];
        let averaging = Averaging::like(&config(), &parties, 4);
        assert_eq!(averaging.rounds, 1);
        let found = network(&config(), &parties, averaging).unwrap();
        let expected = train_mlp(&config(), &parties, |_, _| {}).unwrap();
        assert_eq!(found, expected);
    }

    #[test]
    fn an_average_after_every_full_step_is_a_step_on_the_pool() {
        // Without momentum and with all rows in each batch, the mean of the steps is the step of the mean.
        let (a, b) = table(60).split_at(13).unwrap();
        let config = MlpConfig {
            batch: 64,
            momentum: StepMomentum::None,
            ..config()
        };
        let averaging = Averaging {
            local_epochs: 1,
            rounds: 12,
        };
        let found = network(&config, &[a, b], averaging).unwrap();
        let pooled = train_mlp(&config, &[table(60)], |_, _| {}).unwrap();
        assert!(found.max_abs_diff(&pooled) < 1e-12);
    }

    #[test]
    fn a_seed_decides_everything() {
        let parties = table(90).deal(3).unwrap();
        let averaging = Averaging {
            local_epochs: 1,
            rounds: 2,
        };
        let train = |seed| network(&MlpConfig { seed, ..config() }, &parties, averaging).unwrap();
        assert_eq!(train(5), train(5));
        assert_ne!(train(5), train(6));
    }

    #[test]
    fn what_cannot_be_averaged_is_refused_by_name() {
        let parties = table(40).deal(2).unwrap();
        let never = Averaging {
            local_epochs: 0,
            rounds: 3,
        };
        let error = network(&config(), &parties, never).unwrap_err().to_string();
        assert!(error.contains("averaging"), "{error}");
        let wrong = MlpConfig::new(&[3, 4, 2]);
        let once = Averaging {
            local_epochs: 1,
            rounds: 1,
        };
        let error = network(&wrong, &parties, once).unwrap_err().to_string();
        assert!(error.contains("party"), "{error}");
        assert!(network(&config(), &[], once).is_err());
    }
}
