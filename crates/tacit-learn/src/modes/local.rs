//! Every party alone.

use rayon::prelude::*;

use super::solver;
use crate::Error;
use crate::model::{Family, Samples, Weights};

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
