//! Training on everybody's rows in the clear.

use super::solver;
use crate::Error;
use crate::model::{Family, GlmConfig, Samples, Weights};
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
