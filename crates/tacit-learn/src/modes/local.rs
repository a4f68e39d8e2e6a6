//! Every party alone.

use rayon::prelude::*;

use super::solver;
use crate::Error;
use crate::model::{Family, Samples, Weights};
use crate::neural::{MlpConfig, MlpWeights, train_mlp};

/// Each party's converged optimum on its own rows only, in roster order.
///
/// ```
/// use tacit_learn::model::Family;
/// let parties = tacit_learn::synthetic::Ar1Logistic::new(3, 0.5, 0.1, 1)?.draw(300)?.deal(3)?;
/// let models = tacit_learn::modes::local::optima(&parties, Family::Logistic, 1e-2)?;
/// assert_eq!(models.len(), 3);
/// # Ok::<(), tacit_learn::Error>(())
/// ```
pub fn optima(parties: &[Samples], family: Family, l2: f64) -> Result<Vec<Weights>, Error> {
    parties
        .par_iter()
        .enumerate()
        .map(|(party, rows)| {
            rows.check(family, rows.columns())
                .and_then(|()| solver::minimise(std::slice::from_ref(rows), family, l2))
                .map_err(|e| e.at_party(party))
        })
        .collect()
}

/// Each party's network, trained on its own rows only, in roster order. A step uses as many samples as a step of
/// the joint training does, or all rows of a party that has fewer.
///
/// ```
/// use tacit_learn::neural::MlpConfig;
/// let parties = tacit_learn::synthetic::Ar1Logistic::new(3, 0.5, 0.1, 1)?.draw(300)?.deal(3)?;
/// let config = MlpConfig { batch: 8, iterations: 10, ..MlpConfig::new(&[3, 4, 2]) };
/// let models = tacit_learn::modes::local::networks(&config, &parties)?;
/// assert_eq!(models.len(), 3);
/// # Ok::<(), tacit_learn::Error>(())
/// ```
pub fn networks(config: &MlpConfig, parties: &[Samples]) -> Result<Vec<MlpWeights>, Error> {
    let joint = parties.len();
    parties
        .par_iter()
        .enumerate()
        .map(|(party, rows)| alone(config, joint, rows).map_err(|e| e.at_party(party)))
        .collect()
}

/// The training of `config` on one table, in place of `joint` parties.
pub(super) fn alone(config: &MlpConfig, joint: usize, rows: &Samples) -> Result<MlpWeights, Error> {
    let config = MlpConfig {
        batch: config.batch * joint,
        ..config.clone()
    };
    train_mlp(&config, std::slice::from_ref(rows), |_, _| {})
}
