//! Exact samplers. Each draws from an [`Xof`](crate::Xof), so that
//! the same seed gives the same sample on every machine.
//!
//! | sampler | law | distance from the ideal |
//! |---|---|---|
//! | [`ternary()`] | uniform on {−1, 0, 1} | 0 |
//! | [`gaussian()`] | discrete Gaussian, σ = 3.2 | < 2^-57 per coefficient |
//! | [`uniform()`] | uniform residues (public polynomials) | 0 |
//! | [`wide_uniform`] | uniform on [−2^b, 2^b): masks and flooding | 0 |
//!
//! `ternary`, `gaussian` and `wide_uniform` take no branch and read no address that depends on a
//! returned value: ternary rejection depends on discarded bytes only.

mod gaussian;
mod ternary;
mod uniform;
mod wide;

pub use gaussian::{GAUSSIAN_BOUND, GAUSSIAN_SIGMA, gaussian};
pub use ternary::ternary;
pub use uniform::uniform;
pub use wide::wide_uniform;

/// Small signed secrets (ternary keys, errors). Erased on drop, never printed.
pub struct SmallIntegers(Vec<i64>);

impl SmallIntegers {
    /// The values.
    pub fn as_slice(&self) -> &[i64] {
        &self.0
    }
}

impl Drop for SmallIntegers {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

impl std::fmt::Debug for SmallIntegers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SmallIntegers({}, redacted)", self.0.len())
    }
}
