//! Training on everybody's rows in the clear.

use super::{local, solver};
use crate::Error;
use crate::model::{Family, GlmConfig, Samples, Weights};
use crate::neural::{MlpConfig, MlpWeights};
use crate::twin::{Descent, Response, Run};

/// The converged optimum of the penalised likelihood with the exact link.
///
/// Minimises `1/n Σ loss(x_i·w, y_i) + l2/2·‖w‖²` (intercept not penalised) until the gradient's
/// norm is below 1e-8. Multinomial: softmax, the joint likelihood, not the one-vs-rest
/// surrogate of the encrypted path, so the comparison charges the surrogate too.
///
/// ```
/// use tacit_learn::model::Family;
/// let rows = tacit_learn::synthetic::Ar1Logistic::new(3, 0.5, 0.1, 1)?.draw(500)?;
/// let weights = tacit_learn::modes::pooled::optimum(&[rows], Family::Logistic, 1e-3)?;
/// assert_eq!(weights.values().len(), 4);
/// # Ok::<(), tacit_learn::Error>(())
/// ```
pub fn optimum(parties: &[Samples], family: Family, l2: f64) -> Result<Weights, Error> {
    let columns = parties.first().map_or(0, Samples::columns);
    for (party, rows) in parties.iter().enumerate() {
        rows.check(family, columns).map_err(|e| e.at_party(party))?;
    }
    solver::minimise(parties, family, l2)
}

/// The schedule of the encrypted path, batches included, with the exact link: the difference
/// between this and the twin is what the polynomial costs, the difference between this and
/// [`optimum`] is what stopping early costs.
pub fn gradient_descent(config: &GlmConfig, parties: &[Samples]) -> Result<Run, Error> {
    Descent::new(config, parties)?
        .response(Response::Exact)
        .run()
}

/// The network trained on everybody's rows in one table: as many samples a step as all parties use together, the same
/// start, rates and number of steps. What differs from the encrypted training is only which rows share a batch.
///
/// ```
/// use tacit_learn::neural::MlpConfig;
/// let parties = tacit_learn::synthetic::Ar1Logistic::new(3, 0.5, 0.1, 1)?.draw(300)?.deal(3)?;
/// let config = MlpConfig { batch: 8, iterations: 10, target: 1.0, ..MlpConfig::new(&[3, 4, 2]) };
/// let weights = tacit_learn::modes::pooled::network(&config, &parties)?;
/// assert!(weights.accuracy(&config, &parties[0]) > 0.5);
/// # Ok::<(), tacit_learn::Error>(())
/// ```
pub fn network(config: &MlpConfig, parties: &[Samples]) -> Result<MlpWeights, Error> {
    local::alone(config, parties.len(), &Samples::pool(parties)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::neural::train_mlp;
    use crate::synthetic::Ar1Logistic;

    #[test]
    fn a_network_of_full_batches_learns_the_same_from_the_pool_as_from_its_parts() {
        let mut source = Ar1Logistic::new(4, 0.4, 0.2, 3).unwrap();
        let (a, b) = source.draw(60).unwrap().split_at(20).unwrap();
        let config = MlpConfig {
            batch: 64,
            iterations: 6,
            ..MlpConfig::new(&[4, 6, 2])
        };
        let parties = [a, b];
        let twin = train_mlp(&config, &parties, |_, _| {}).unwrap();
        let pooled = network(&config, &parties).unwrap();
        assert!(pooled.max_abs_diff(&twin) < 1e-12);
        let alone = local::networks(&config, &parties).unwrap();
        assert!(alone.iter().all(|w| w.max_abs_diff(&twin) > 1e-6));
        assert_eq!(alone, local::networks(&config, &parties).unwrap());
    }

    #[test]
    fn a_party_whose_rows_do_not_fit_the_network_is_named() {
        let parties = Ar1Logistic::new(4, 0.4, 0.2, 3)
            .unwrap()
            .draw(30)
            .unwrap()
            .deal(2)
            .unwrap();
        let error = local::networks(&MlpConfig::new(&[3, 4, 2]), &parties).unwrap_err();
        assert!(error.to_string().contains("party"), "{error}");
        assert!(network(&MlpConfig::new(&[4, 3, 2]), &[]).is_err());
    }
}
