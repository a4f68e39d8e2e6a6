//! The pairing groups of BLS12-381, safely: the only room of this crate with `unsafe`.
//!
//! Three groups of one prime order r ≈ 2^255, and a map e : G1 × G2 → GT that is linear on both
//! sides: e(\[a\]g1, \[b\]g2) = gT^{ab}. G1 and G2 are written additively, GT multiplicatively.
//!
//! | type | what |
//! |---|---|
//! | [`Scalar`] | an integer modulo r |
//! | [`G1`], [`G2`] | points in projective coordinates, for sums |
//! | [`G1Affine`], [`G2Affine`] | points as (x, y): for storage, pairings and batched additions |
//! | [`MillerValue`] | a pairing before the final exponentiation: products are cheap here |
//! | [`Gt`] | an element of GT |
//!
//! The final exponentiation f ↦ f^{3(p^12−1)/r} is a homomorphism, so products and powers of Miller
//! values may be taken first and exponentiated once: e(A,B)^u·e(C,D)^v costs one final
//! exponentiation, not two.
//!
//! # What a value promises
//! Every [`G1`], [`G2`] and [`Gt`] is in the subgroup of order r: constructors give nothing else,
//! and decoding checks it. The exception has a name: `from_raw_trusted` checks that a point is on
//! the curve and leaves the subgroup to whoever wrote the bytes.
//!
//! # Time and secrets
//! [`G1::mul`] and [`G2::mul`] take the same time for every scalar (a property of blst: fixed
//! windows, table entries gathered by masks), and so does arithmetic on [`Scalar`]. Everything
//! with `vartime` in its name, powers in GT and the decoders are not constant-time.
//!
//! The arithmetic is `blst`'s, written in assembly and partly verified formally.

mod batch;
mod both;
mod curve;
mod decompress;
mod field;
mod fixed;
mod lanes;
mod membership;
mod multiples;
mod pairing;
mod scalar;
mod sums;

pub use curve::{G1, G1Affine, G2, G2Affine};
pub(crate) use field::P;
pub(crate) use fixed::Lookup;
pub(crate) use membership::Membership;
pub(crate) use multiples::{Generator, PointTables, SmallInputs, blinded};
pub use pairing::{Gt, MillerValue, PreparedG2, miller_loop, miller_loop_prepared};
pub(crate) use scalar::SmallSum;
pub use scalar::{Scalar, SecretScalar};
pub use sums::SumProgram;
