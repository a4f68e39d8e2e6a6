//! What an attacker learns who never asks the encoder.
//!
//! It knows the head, and inputs with their public and private labels of its own. A *shadow* of the
//! encoder's architecture is trained in front of the fixed head,
//!
//! ```text
//! minimise  CE(head(S(x)), public label)    over the weights of S
//! ```
//!
//! (He, Zhang and Lee, "Model inversion attacks against collaborative inference", ACSAC 2019), and
//! stands for the encoder from then on. What the attacker learns on shadow features it applies to
//! the victims', each whitened within its own predicted classes, so that their scales agree.

use super::Subjects;
use super::whiten::ClassWhitener;
use crate::error::AuditError;
use tacit_nn::burn::module::Module;
use tacit_nn::layered::Layered;
use tacit_nn::predict::{argmax, logits};
use tacit_nn::train::{Batches, cross_entropy};
use tacit_nn::{Draws, Matrix, Network, Optimiser, Rule, Schedule, training_device};

const BATCH: usize = 64;
const RATE: f64 = 2e-3;

/// What a shadow is trained from.
pub(crate) struct Shadow<'a> {
    /// Whose architecture is known, and whose weights are not used.
    pub(crate) encoder: &'a Layered,
    pub(crate) head: &'a Layered,
    pub(crate) epochs: usize,
    pub(crate) seed: u64,
}

/// Whitened shadow features of the training and validation rows, and of the test rows what was
/// sent, whitened by its own figures.
pub(crate) fn shadow_view(
    from: Shadow<'_>,
    subjects: &Subjects,
    sent: &Matrix,
    predicted: &[usize],
) -> Result<[Matrix; 3], AuditError> {
    let head = from.head;
    let shadow = train(&from, subjects)?;
    let classes = subjects.public_classes();
    let train = logits(&shadow, subjects.train().features())?;
    let validation = logits(&shadow, subjects.validation().features())?;
    let of_train = argmax(&logits(head, &train)?);
    let of_validation = argmax(&logits(head, &validation)?);
    let own = ClassWhitener::fit(&train, &of_train, classes);
    let theirs = ClassWhitener::fit(sent, predicted, classes);
    Ok([
        own.apply(&train, &of_train)?,
        own.apply(&validation, &of_validation)?,
        theirs.apply(sent, predicted)?,
    ])
}

fn train(from: &Shadow<'_>, subjects: &Subjects) -> Result<Layered, AuditError> {
    let Shadow { epochs, seed, .. } = *from;
    let (encoder, head) = (from.encoder, from.head.clone().no_grad());
    let mut draws = Draws::new(seed, "shadow encoder");
    let mut shadow = Layered::new(encoder.architecture(), &mut draws)?;
    let mut optimiser = Optimiser::new(Rule::adam()).with_clip(5.0);
    let samples = subjects.train();
    let steps = Batches::count(samples.rows(), BATCH);
    let device = training_device();
    for epoch in 0..epochs {
        for (step, rows) in Batches::new(samples.rows(), BATCH, seed, epoch).enumerate() {
            let (inputs, labels) = samples.batch(&rows, &device);
            let features = shadow.forward_training(inputs, &mut draws);
            let loss = cross_entropy(head.forward(features), labels);
            let factor = Schedule::Cosine.factor(epoch * steps + step, epochs * steps, epoch);
            shadow = optimiser.step(shadow, &loss, RATE * factor)?;
        }
    }
    Ok(shadow)
}
