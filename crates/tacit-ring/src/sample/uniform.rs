use crate::{Basis, Ntt, Ring, RnsPoly, Xof};

/// A uniform polynomial, drawn directly in evaluation form, row by row.
///
/// A row of a b-bit prime takes N words, keeps the low b bits of each, and then replaces the
/// candidates that are not below the prime, in ascending position, by the low bits of
/// further words until each is. For public polynomials: the run time depends on the values.
pub fn uniform(ring: &Ring, basis: Basis, xof: &mut Xof) -> RnsPoly<Ntt> {
    let mut out = ring.unspecified(basis);
    for (row, m) in out.rows_mut().zip(ring.moduli(basis)) {
        let mask = (1u64 << m.bits()) - 1;
        xof.fill_words(row);
        for chunk in row.chunks_mut(64) {
            // The sign of q − 1 − x tells whether x must be replaced.
            let mut rejected = 0;
            for x in chunk.iter_mut() {
                *x &= mask;
                rejected |= (m.value() - 1).wrapping_sub(*x);
            }
            if rejected >> 63 == 1 {
                for x in chunk {
                    while *x >= m.value() {
                        *x = xof.next_u64() & mask;
                    }
                }
            }
        }
    }
    out
}
