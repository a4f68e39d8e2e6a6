//! Support vectors with a Gaussian kernel.

use super::best_of;
use super::linear::{Fitted, best_ridge};
use crate::attacker::{Attacker, Budget, FittedAttacker};
use crate::error::AuditError;
use crate::linear::{Expansion, Loss};
use crate::suite::first_rows;
use tacit_nn::{Draws, Samples};

/// Cosines that stand for the kernel.
const COSINES: usize = 512;

/// Support vectors with the kernel e^{−γ‖x−y‖²}; γ and λ are chosen on validation rows.
#[derive(Debug, Clone, Copy)]
pub struct KernelSvm;

impl Attacker for KernelSvm {
    fn name(&self) -> &'static str {
        "svm-kernel"
    }

    fn fit(
        &self,
        train: &Samples,
        validation: &Samples,
        seed: u64,
        budget: &Budget,
    ) -> Result<Box<dyn FittedAttacker>, AuditError> {
        let columns = train.features().columns();
        let train = first_rows(train, budget.kernel_rows, seed)?;
        let trial = first_rows(&train, budget.kernel_rows / 4, seed)?;
        let expansion = |gamma: f32| {
            let mut draws = Draws::new(seed, "cosines");
            Expansion::cosines(columns, COSINES, gamma, &mut draws)
        };
        let fit = |samples: &Samples, gamma: f32, ridges: &[f64]| -> Result<Fitted, AuditError> {
            let loss = Loss::SquaredHinge;
            let mut fitted = best_ridge(samples, validation, expansion(gamma), loss, ridges)?;
            fitted.settings = format!("γ {gamma:.3}, {}", fitted.settings);
            Ok(fitted)
        };
        let gammas = [0.125, 0.5, 2.0].map(|factor| factor / columns as f32);
        let gamma = best_of(gammas, validation, |gamma| {
            fit(&trial, gamma, &[1e-3])?.scores(validation.features())
        })?;
        Ok(Box::new(fit(&train, gamma, &[1e-2, 1e-4])?))
    }
}
