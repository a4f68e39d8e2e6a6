//! Rings without security.

use tacit_ckks::{Parameters, ParametersLiteral};
use tacit_ring::RingKind;

/// Degree 2^`log_n`, and two special primes of `special` bits: with 45 a key-switching digit is as large as
/// their product, and its error counts.
pub fn toy(kind: RingKind, log_n: u32, special: u32) -> Parameters {
    Parameters::insecure_toy(&ParametersLiteral {
        kind,
        log_n,
        q_bits: vec![50, 40, 40, 40, 40, 40],
        p_bits: vec![special; 2],
        log_scale: 40,
    })
    .unwrap()
}
