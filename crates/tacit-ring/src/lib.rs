//! Residue-number-system polynomials, number-theoretic transforms and exact samplers.
//!
//! The bottom room of Tacit's encrypted layer. It knows polynomials modulo word-sized primes and
//! nothing of ciphertexts:
//!
//! - [`Modulus`], [`ntt_primes`]: arithmetic modulo one prime, and the search for primes;
//! - [`ntt`], [`kernel`]: the transform of both rings, and the row functions for each instruction
//!   set, chosen at run time (`TACIT_SIMD=portable|avx2|avx512` overrides);
//! - [`Ring`], [`RnsPoly`]: a chain of primes and polynomials over part of it;
//! - [`GaloisElement`]: automorphisms in evaluation form;
//! - [`convert`]: exact-enough base extension, division by primes with rounding;
//! - [`sample`], [`Xof`], [`Seed`], [`Transcript`]: randomness;
//! - [`codec`]: strict binary encoding.
//!
//! Rings: the standard ℤ\[X\]/(X^N+1), and the conjugate-invariant ring, which packs twice as many
//! real numbers at the same degree (Kim and Song, ICISC 2018).

mod buffer;
pub mod codec;
pub mod convert;
mod error;
mod galois;
pub mod kernel;
mod modulus;
pub mod ntt;
mod poly;
mod ring;
pub mod sample;
mod xof;

pub use error::{DecodeError, RingError};
pub use galois::GaloisElement;
pub use modulus::{MAX_PRIME_BITS, Modulus, is_prime, ntt_primes};
pub use poly::{Basis, Coeff, Form, Ntt, RnsPoly, SecretPoly, WideIntegers};
pub use ring::{Ring, RingKind};
pub use xof::{Seed, Transcript, Xof};
