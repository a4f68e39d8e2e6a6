//! Evaluation of a functional key on a ciphertext.
//!
//! ```text
//!   [f_k(z)]_T = e(y0, k_k) · Π_j ( e(Y1_j, Y2_j) · Π_{b=1..3} e(Y3_{b,j}, [−α_{b,j}]_2) )^{D_jk}
//! ```
//!
//! The 5d sums Y; for each hidden value one Miller loop of four pairs, three of them with lines worked out when
//! the plan was made; for each output a loop of two prepared pairs.

use super::{BLOCKS, StandardModel};
use crate::group::{G1Affine, MillerValue, PreparedG2, miller_loop_prepared};
use crate::scheme::construction::Evaluation;
use crate::scheme::plan::Sums;

impl Evaluation for StandardModel {
    /// e(Y1_j, Y2_j) · Π_b e(Y3_{b,j}, \[−α_{b,j}\]_2).
    fn hidden_value(lines: &[PreparedG2], sums: &Sums, j: usize) -> MillerValue {
        let y3 = sums.g1[1..].iter().map(|y3| &y3[j]);
        let mut pairs: Vec<_> = y3.zip(&lines[BLOCKS * j..]).collect();
        let fresh = PreparedG2::new(&sums.g2[0][j]);
        pairs.extend(fresh.as_ref().map(|fresh| (&sums.g1[0][j], fresh)));
        miller_loop_prepared(&pairs)
    }

    /// e(y0, k_k).
    fn unmask(mask: &[G1Affine], elements: &[PreparedG2]) -> MillerValue {
        let pairs: Vec<_> = mask.iter().zip(elements).collect();
        miller_loop_prepared(&pairs)
    }
}
