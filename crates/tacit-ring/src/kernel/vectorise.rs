//! Plain Rust, compiled once more for larger vectors.

use super::{Kernels, Simd};

/// Loops worth compiling for larger vectors, but not worth writing for each instruction set, such as the
/// encoder's floating-point transform.
///
/// `run` and what it calls must be `#[inline(always)]`, or nothing is gained. Results do not
/// depend on the instruction set: the compiler never contracts or reorders floating-point
/// operations.
pub trait Vectorise {
    /// What the loops compute.
    type Output;
    /// Runs them.
    fn run(self) -> Self::Output;
}

impl Kernels {
    /// Runs loops compiled for this table's instruction set.
    pub fn vectorised<L: Vectorise>(&self, loops: L) -> L::Output {
        #[cfg(target_arch = "x86_64")]
        if self.simd >= Simd::Avx2 && is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has the instruction set that the function is compiled for.
            #[allow(unsafe_code)]
            return unsafe { with_avx2(loops) };
        }
        loops.run()
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<L: Vectorise>(loops: L) -> L::Output {
    loops.run()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Floats<'a>(&'a [f64]);

    impl Vectorise for Floats<'_> {
        type Output = Vec<f64>;
        #[inline(always)]
        fn run(self) -> Vec<f64> {
            let next = self.0.iter().cycle().skip(1);
            self.0
                .iter()
                .zip(next)
                .map(|(a, b)| a * b + a / b)
                .collect()
        }
    }

    #[test]
    fn vectors_do_not_change_floating_point_results() {
        let x: Vec<f64> = (1..1000).map(|i| (i as f64).sqrt()).collect();
        for kernels in Kernels::available() {
            assert_eq!(kernels.vectorised(Floats(&x)), Floats(&x).run());
        }
    }
}
