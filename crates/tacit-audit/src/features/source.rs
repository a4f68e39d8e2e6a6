//! The defended encoder as an attacker meets it.

use crate::error::AuditError;
use tacit_nn::Matrix;
use tacit_nn::layered::Layered;

/// An encoder with its defence, and the head that reads what it sends.
///
/// The attacker is the server, or whoever breaks into it. It sees what clients send, runs the head,
/// and holds the encoder, since every client has it. It does not hold a client's secret, nor the
/// noise a client drew.
pub trait FeatureSource: Sync {
    /// What clients send for these rows when they ask for the `query`-th time: normalised, noisy,
    /// quantised. Noise that is bound to the input is the same for every `query`.
    fn features(&self, rows: &Matrix, query: u64) -> Result<Matrix, AuditError>;

    /// What the attacker gets when it runs the encoder itself on rows of its own, with a secret and
    /// noise of its own; every `run` draws anew. The same distribution as
    /// [`features`](FeatureSource::features) over all clients. Without an own definition, a further
    /// query: for noise that is bound to the input that is no new draw, and attackers that learn
    /// from many draws are weaker than they could be.
    fn simulated(&self, rows: &Matrix, run: u64) -> Result<Matrix, AuditError> {
        self.features(rows, run)
    }

    /// The mean of the answers to the queries 0..times. Without an own definition every query is
    /// asked; a source that knows what is noise computes the rest once.
    fn mean_features(&self, rows: &Matrix, times: u64) -> Result<Matrix, AuditError> {
        super::observe::mean_over_queries(self, rows, times)
    }

    /// The public head's logits for features as sent.
    fn outputs(&self, features: &Matrix) -> Result<Matrix, AuditError>;

    /// The encoder without normalisation, noise and quantisation, from the rows as they are given:
    /// every client has it, so the attacker has it too.
    fn encoder(&self) -> &Layered;

    /// The head, from features as sent to logits, if it is a network that can be differentiated and
    /// copied. Attackers that need it stay at home without it, and the report says so.
    fn head(&self) -> Option<&Layered> {
        None
    }

    /// `[channels, height, width]` of the features if they are a map, row-major; `None` if they are
    /// a vector.
    fn map(&self) -> Option<[usize; 3]> {
        None
    }
}
