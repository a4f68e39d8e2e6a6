//! Computations made of many ciphertext operations.
//!
//! - [`polynomial`]: polynomials in one ciphertext, at optimal depth;
//! - [`linear`]: maps of the slot vector given by their diagonals;
//! - [`fold`]: sums over slots at equal distances, and their replication.
//!
//! Each lists what it costs and which rotations it needs before any key exists, and each has a
//! counterpart on `f64` that computes the same function.

pub mod fold;
pub mod linear;
pub mod polynomial;

#[cfg(test)]
mod sandbox;
