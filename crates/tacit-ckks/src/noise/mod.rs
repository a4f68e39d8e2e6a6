//! Noise: how much there is, and how much there can be.
//!
//! The error of a ciphertext is the decrypted polynomial minus the scaled exact message. Two estimators
//! answer two questions, and are two types so that they cannot be confused:
//!
//! | type | is | for |
//! |---|---|---|
//! | [`HeuristicNoise`] | the standard deviation of the coefficients, as if errors were independent | precision |
//! | [`ProvenNoise`] | a bound that fails with probability ≤ 2^-λ | flooding of what is released |
//!
//! [`Tracked`] follows either through a circuit, with the message's size, scale and level; a
//! [`NoiseModel`] says how many parties hold the key and whether they made the public keys together.
//! [`ReleaseMargin`] sizes the flooding of a release from a proven bound: it cannot be made from a
//! heuristic one.
//!
//! ```compile_fail
//! use tacit_ckks::noise::{HeuristicNoise, ReleaseMargin, Tracked};
//! fn flood_by_average(x: &Tracked<HeuristicNoise>) -> ReleaseMargin {
//!     ReleaseMargin::new(x, 64, 1)
//! }
//! ```
//!
//! Terms, with n' = N or 2N (conjugate-invariant ring: products have twice the variance), s of variance
//! 2/3 per party, σ = 3.2, K parties:
//!
//! | operation | error added | its variance |
//! |---|---|---|
//! | encode | rounding | 1/12 |
//! | encrypt | u·e_pk + e_0 + e_1·s | n'·(2/3)·Kσ² twice, + σ² |
//! | encrypt, seeded | e | σ² |
//! | rotate | Σ d_j·e_j/P + τ_0 + τ_1·s | n'·Kσ²·Σ(D_j/P)²/12 + (1 + n'·2K/3)/12 |
//! | relinearise | the same with e_j, or s·e_0 + u·e_1 + e_2 from two rounds | e: Kσ²·(1 + 2n'·2K/3) |
//! | rescale | τ_0 + τ_1·s, the rest divided by q | (1 + n'·2K/3)/12 |
//! | multiply | m_1·e_2 + m_2·e_1 + e_1·e_2 | sizes of the messages |
//! | refresh | e + e', one of each per party | 2Kσ² |
//! | release | flooding uniform on [−2^w, 2^w) | K·4^w/3 |
//!
//! Limits: the heuristic takes equal or repeated operands (x·x, x + x) as independent, half a bit low each time,
//! and knows messages by their root mean square only. Proven bounds assume that keys and encryptions
//! were sampled honestly.

mod estimate;
mod heuristic;
mod magnitude;
mod model;
mod proven;
mod release;
mod tracked;

pub use estimate::Noise;
pub use heuristic::HeuristicNoise;
pub use model::NoiseModel;
pub use proven::ProvenNoise;
pub use release::{ReleaseMargin, SmudgingBits};
pub use tracked::{Message, Tracked};

mod sealed {
    pub trait Sealed {}
}

#[cfg(test)]
mod tests;
