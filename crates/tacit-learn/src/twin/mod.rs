//! The plaintext twin: the packed algorithm on `f64`, with the same polynomial, the same batches,
//! the same schedule, hence (up to the noise of encryption) the same weights.
//!
//! What it is for: predicting accuracy and the range of the predictors before a plan is signed,
//! drawing the accuracy per round, and telling an encrypted run that went wrong from one that
//! learned badly. It sees everybody's rows, so it runs where data may be pooled: on test data, on
//! synthetic data, or at one party on its own rows.
//!
//! Two speeds, one result: [`train`] computes `X·w` directly; [`slots::train`] walks through
//! every slot and rotation. A test holds them together.
//!
//! ```
//! use tacit_learn::model::{Family, GlmConfig};
//! use tacit_learn::{synthetic, twin};
//!
//! let parties = synthetic::Ar1Logistic::new(4, 0.5, 0.1, 3)?.draw(900)?.deal(3)?;
//! let run = twin::train(&GlmConfig::new(Family::Logistic, 4), &parties)?;
//! let losses: Vec<f64> = run.history.iter().map(|record| record.batch_loss).collect();
//! assert!(losses.last() < losses.first());
//! # Ok::<(), tacit_learn::Error>(())
//! ```

mod descent;
mod history;
mod moments;
pub mod slots;

pub use descent::{Descent, Response};
pub use history::{Record, Run};
pub use moments::{coarsened, largest_second_moment, second_moment_bound};

use crate::Error;
use crate::model::{GlmConfig, Samples};

/// Trains as the encrypted path does.
pub fn train(config: &GlmConfig, parties: &[Samples]) -> Result<Run, Error> {
    Descent::new(config, parties)?.run()
}

/// The gradient of the loss at zero weights over all rows: what a party computes in the clear for
/// the first step.
pub fn gradient_at_zero(
    family: crate::model::Family,
    activation: &crate::activation::Folded,
    rows: &Samples,
) -> crate::model::Weights {
    let mut gradient = crate::model::Weights::zero(family.outputs(), rows.columns());
    let stride = rows.columns() + 1;
    for (row, &label) in rows.labels().iter().enumerate() {
        for lane in 0..family.outputs() {
            let error = activation.eval(0.0) - family.target(label, lane);
            let out = &mut gradient.values_mut()[lane * stride..][..stride];
            out.iter_mut()
                .zip(rows.row(row))
                .for_each(|(g, x)| *g += error * x);
            out[stride - 1] += error;
        }
    }
    gradient
}
