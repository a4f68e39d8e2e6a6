//! Linear combinations with constants, brought to a chosen scale.

use super::{Evaluator, integer_residue};
use crate::{Ciphertext, CkksError};
use tacit_ring::kernel::MAX_TERMS;
use tacit_ring::{Basis, Modulus};

impl Evaluator {
    /// Σ c_k·a_k + c at exactly `scale` and `level`, in one pass.
    ///
    /// Each constant is encoded at scale/scale(a_k), so operands of different scales are brought together;
    /// the quotient is the precision of the constant and should be 2^20 or more unless the constants
    /// times it are integers. Operands of a higher level are used at `level`.
    pub fn linear_combination(
        &self,
        terms: &[(f64, &Ciphertext)],
        constant: f64,
        level: usize,
        scale: f64,
    ) -> Result<Ciphertext, CkksError> {
        const OPERATION: &str = "linear combination";
        self.check_scale(OPERATION, scale, level)?;
        if terms.len() > MAX_TERMS {
            let why = "a linear combination has at most 64 terms; add several";
            return Err(CkksError::Unsupported(why));
        }
        let modulus = self.params.log2_q(level);
        let encode = |value: f64, at: f64| {
            let c = value * at;
            if c.is_finite() && c.abs() < (modulus - 1.0).exp2() {
                return Ok(c);
            }
            Err(CkksError::Value {
                slot: 0,
                value,
                scale: at.log2(),
                modulus,
            })
        };
        let mut constants = Vec::with_capacity(terms.len());
        for &(c, a) in terms {
            if a.level() < level {
                return Err(CkksError::Level {
                    operation: OPERATION,
                    needed: level,
                    found: a.level(),
                });
            }
            constants.push(encode(c, scale / a.scale)?);
        }
        let constant = encode(constant, scale)?;

        let ring = self.params.ring();
        let basis = Basis::q(level + 1);
        let polys = terms.iter().map(|(_, a)| a.c.len()).max().unwrap_or(2);
        let ones = vec![1; ring.n()];
        let zeros = vec![0; ring.n()];
        let c = (0..polys)
            .map(|i| {
                let (addend, v) = match i {
                    0 => (constant, &ones),
                    _ => (0.0, &zeros),
                };
                let mut out = ring.unspecified(basis);
                for (j, (row, m)) in out.rows_mut().zip(ring.moduli(basis)).enumerate() {
                    let present = |a: &&Ciphertext| i < a.c.len();
                    let residues: Vec<u64> = (terms.iter().zip(&constants))
                        .filter(|((_, a), _)| present(a))
                        .map(|(_, &c)| integer_residue(c, m))
                        .collect();
                    let rows: Vec<&[u64]> = (terms.iter().map(|(_, a)| *a))
                        .filter(present)
                        .map(|a| a.c[i].row(j))
                        .collect();
                    let addend = integer_residue(addend, m);
                    combine(row, &rows, &residues, v, addend, m, ring.kernels());
                }
                out
            })
            .collect();
        Ok(Ciphertext { c, scale })
    }
}

/// Base extension's kernel computes just this: Σ y_k·c_k + v·c_v.
fn combine(
    out: &mut [u64],
    rows: &[&[u64]],
    constants: &[u64],
    v: &[u64],
    addend: u64,
    m: &Modulus,
    kernels: &tacit_ring::kernel::Kernels,
) {
    (kernels.base_convert)(out, rows, constants, v, addend, m);
}
