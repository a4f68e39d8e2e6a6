//! Noise widths as types: bits, never bare floating-point deviations.

/// Flooding noise is uniform on [−2^w, 2^w); this is w.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SmudgingBits(u32);

impl SmudgingBits {
    /// w = λ_s + log2(bound) + log2(coefficients × releases), rounded up: the statistical distance
    /// between flooded results whose noise differs by less than `bound` is below 2^−λ_s over
    /// all coefficients of all releases.
    pub fn covering(log2_bound: f64, lambda_s: u32, coefficients: usize, releases: u64) -> Self {
        let union = (coefficients as f64).log2() + (releases.max(1) as f64).log2();
        Self((lambda_s as f64 + log2_bound.max(0.0) + union).ceil() as u32)
    }

    /// A given width.
    pub const fn new(bits: u32) -> Self {
        Self(bits)
    }

    /// w.
    pub const fn bits(self) -> u32 {
        self.0
    }
}
