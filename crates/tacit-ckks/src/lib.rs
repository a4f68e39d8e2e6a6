//! CKKS: approximate arithmetic on encrypted vectors of real or complex numbers.
//!
//! RNS-CKKS (Cheon, Kim, Kim and Song, ASIACRYPT 2017; Cheon, Han, Kim, Kim and Song, SAC 2018) over
//! the standard and the conjugate-invariant ring, with hybrid key switching. This crate knows one
//! secret key at a time; the multiparty crate makes the same keys from shares.
//!
//! Read top-down: [`Parameters`] (checked for security), [`Encoder`], [`SecretKey`] and the other
//! keys, [`encrypt`]/[`decrypt`], [`Evaluator`], [`circuits`], [`noise`].

mod ciphertext;
pub mod circuits;
mod encoder;
mod encrypt;
mod error;
mod evaluator;
mod keys;
pub mod noise;
mod params;

pub use ciphertext::{Ciphertext, Plaintext, SeededCiphertext};
pub use encoder::{Complex, Encoder, PeriodicEncoder, PeriodicPlaintext};
pub use encrypt::{decrypt, encrypt, encrypt_seeded, encrypt_zero};
pub use error::CkksError;
pub use evaluator::{Evaluator, ExtendedCiphertext, Hoisted};
pub use keys::{
    EvaluationKeys, GaloisKey, PublicKey, RelinearisationKey, SecretKey, SwitchingKey,
    add_gadget_multiple, error as sample_error, expand_gadget,
};
pub use params::{Parameters, ParametersLiteral, Preset, max_log_qp};
