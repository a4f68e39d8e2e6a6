//! Evaluation of a functional key on a ciphertext.
//!
//! ```text
//!   [f_k(x)]_T = e(c0, k_k) · Π_j e(A_j, B_j)^{D_jk}        A_j = Σ_i P_ij a_i,  B_j = Σ_i P_ij b_i
//! ```
//!
//! The 4d sums A and B (two coordinates each); d Miller loops of two pairs, and one with prepared lines for
//! each of the K key elements.

use super::GenericGroup;
use crate::group::{G1Affine, MillerValue, PreparedG2, miller_loop};
use crate::scheme::construction::Evaluation;
use crate::scheme::plan::Sums;

impl Evaluation for GenericGroup {
    /// e(A_j, B_j), of both coordinates.
    fn hidden_value(_: &[PreparedG2], sums: &Sums, j: usize) -> MillerValue {
        miller_loop(&[0, 1].map(|i| (sums.g1[i][j], sums.g2[i][j])))
    }

    /// e(c0, k_k).
    fn unmask(mask: &[G1Affine], elements: &[PreparedG2]) -> MillerValue {
        elements[0].miller_loop(&mask[0])
    }
}
