//! Strict binary encoding: lengths are known before anything is allocated, every field is checked,
//! and no byte may be left over.
//!
//! A polynomial is its rows; a row of a b-bit prime is N little-endian integers of ⌈b/8⌉ bytes.

use crate::Ring;
use crate::error::DecodeError;
use crate::poly::{Basis, Form, RnsPoly};

/// Reads fields from a slice and keeps count.
#[derive(Debug)]
pub struct Reader<'a> {
    what: &'static str,
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// `what` names the object in errors.
    pub fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { what, bytes }
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        match self.bytes.split_at_checked(count) {
            Some((head, tail)) => {
                self.bytes = tail;
                Ok(head)
            }
            None => Err(DecodeError::Truncated {
                what: self.what,
                needed: count,
                left: self.bytes.len(),
            }),
        }
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    /// The next byte.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(self.array::<1>()?[0])
    }

    /// The next little-endian 32-bit integer.
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    /// The next little-endian 64-bit integer.
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    /// A byte that must have one value.
    pub fn tag(&mut self, expected: u8) -> Result<(), DecodeError> {
        match self.u8()? {
            found if found == expected => Ok(()),
            found => Err(DecodeError::Version {
                what: self.what,
                found,
                expected,
            }),
        }
    }

    /// A 32-bit integer that must have one value: a parameter that both sides know.
    pub fn expect(&mut self, what: &'static str, expected: u64) -> Result<(), DecodeError> {
        match self.u64()? {
            found if found == expected => Ok(()),
            found => Err(DecodeError::Field {
                what,
                found,
                expected,
            }),
        }
    }

    /// The rows of a polynomial whose basis is known.
    pub fn poly<F: Form>(&mut self, ring: &Ring, basis: Basis) -> Result<RnsPoly<F>, DecodeError> {
        let needed = encoded_poly_len(ring, basis);
        if self.bytes.len() < needed {
            let left = self.bytes.len();
            return Err(DecodeError::Truncated {
                what: self.what,
                needed,
                left,
            });
        }
        let mut out = ring.unspecified(basis);
        for (limb, (row, m)) in out.rows_mut().zip(ring.moduli(basis)).enumerate() {
            let width = residue_bytes(m.bits());
            let bytes = self.take(width * row.len())?;
            let reduced = by_width!(width, unpack_row(row, bytes, m.value()));
            if !reduced {
                let index = row.iter().position(|&x| x >= m.value()).unwrap_or(0);
                return Err(DecodeError::Residue {
                    what: self.what,
                    limb,
                    index,
                    found: row[index],
                    prime: m.value(),
                });
            }
        }
        Ok(out)
    }

    /// Nothing may be left.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.bytes.len() {
            0 => Ok(()),
            extra => Err(DecodeError::TrailingBytes {
                what: self.what,
                extra,
            }),
        }
    }
}

/// Calls a function with the width of a residue as its constant parameter.
macro_rules! by_width {
    ($width:expr, $function:ident($($argument:expr),*)) => {
        match $width {
            1 => $function::<1>($($argument),*),
            2 => $function::<2>($($argument),*),
            3 => $function::<3>($($argument),*),
            4 => $function::<4>($($argument),*),
            5 => $function::<5>($($argument),*),
            6 => $function::<6>($($argument),*),
            _ => $function::<7>($($argument),*),
        }
    };
}
use by_width;

const fn residue_bytes(bits: u32) -> usize {
    bits.div_ceil(8) as usize
}

/// Size of the rows of a polynomial on the wire.
pub fn encoded_poly_len(ring: &Ring, basis: Basis) -> usize {
    ring.moduli(basis)
        .map(|m| residue_bytes(m.bits()) * ring.n())
        .sum()
}

/// Appends the rows of a polynomial.
pub fn write_poly<F: Form>(out: &mut Vec<u8>, ring: &Ring, poly: &RnsPoly<F>) {
    out.reserve(encoded_poly_len(ring, poly.basis()));
    for (row, m) in poly.rows().zip(ring.moduli(poly.basis())) {
        by_width!(residue_bytes(m.bits()), pack_row(out, row))
    }
}

/// Appends the low `W` bytes of each residue.
fn pack_row<const W: usize>(out: &mut Vec<u8>, row: &[u64]) {
    // A buffer at a time: whole words are written, each over the
    // superfluous bytes of the one before.
    for residues in row.chunks(64) {
        let mut buffer = [0u8; 64 * 8];
        for (i, x) in residues.iter().enumerate() {
            buffer[W * i..W * i + 8].copy_from_slice(&x.to_le_bytes());
        }
        out.extend_from_slice(&buffer[..W * residues.len()]);
    }
}

/// Reads residues of `W` bytes; whether all are below `q`.
fn unpack_row<const W: usize>(row: &mut [u64], bytes: &[u8], q: u64) -> bool {
    let mut above = 0;
    for (residues, bytes) in row.chunks_mut(64).zip(bytes.chunks(64 * W)) {
        let mut buffer = [0u8; 64 * 8];
        buffer[..bytes.len()].copy_from_slice(bytes);
        for (i, x) in residues.iter_mut().enumerate() {
            let mut word = [0; 8];
            word.copy_from_slice(&buffer[W * i..W * i + 8]);
            *x = u64::from_le_bytes(word) & (u64::MAX >> (64 - 8 * W));
            // The sign of q − 1 − x tells whether x is too large.
            above |= (q - 1).wrapping_sub(*x);
        }
    }
    above >> 63 == 0
}

/// into += other on encoded rows, in place, without decoding: how sums travel up a tree. Both must have
/// passed [`check_encoded`].
///
/// # Panics
/// If a length is not [`encoded_poly_len`].
pub fn add_encoded(ring: &Ring, basis: Basis, into: &mut [u8], other: &[u8]) {
    let needed = encoded_poly_len(ring, basis);
    assert!(into.len() == needed && other.len() == needed);
    let mut start = 0;
    for m in ring.moduli(basis) {
        let end = start + residue_bytes(m.bits()) * ring.n();
        let (into, other) = (&mut into[start..end], &other[start..end]);
        by_width!(residue_bytes(m.bits()), add_row(into, other, m.value()));
        start = end;
    }
}

/// The residue of `W` bytes at `start`, of a buffer that goes on for a word.
fn residue_at<const W: usize>(buffer: &[u8], start: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&buffer[start..start + 8]);
    u64::from_le_bytes(word) & (u64::MAX >> (64 - 8 * W))
}

fn add_row<const W: usize>(into: &mut [u8], other: &[u8], q: u64) {
    // As in packing: whole words in buffers, 64 residues at a time.
    let (mut left, mut right, mut sums) = ([0; 64 * 8], [0; 64 * 8], [0; 64 * 8]);
    for (into, other) in into.chunks_mut(64 * W).zip(other.chunks(64 * W)) {
        left[..into.len()].copy_from_slice(into);
        right[..other.len()].copy_from_slice(other);
        for i in 0..into.len() / W {
            let sum = residue_at::<W>(&left, W * i) + residue_at::<W>(&right, W * i);
            let sum = crate::modulus::conditional_subtract(sum, q);
            sums[W * i..W * i + 8].copy_from_slice(&sum.to_le_bytes());
        }
        into.copy_from_slice(&sums[..into.len()]);
    }
}

/// Whether encoded rows have the right length and every residue is below its prime.
pub fn check_encoded(
    what: &'static str,
    ring: &Ring,
    basis: Basis,
    bytes: &[u8],
) -> Result<(), DecodeError> {
    let needed = encoded_poly_len(ring, basis);
    if bytes.len() < needed {
        return Err(DecodeError::Truncated {
            what,
            needed,
            left: bytes.len(),
        });
    }
    if bytes.len() > needed {
        return Err(DecodeError::TrailingBytes {
            what,
            extra: bytes.len() - needed,
        });
    }
    let mut start = 0;
    for (limb, m) in ring.moduli(basis).enumerate() {
        let width = residue_bytes(m.bits());
        let end = start + width * ring.n();
        let row = &bytes[start..end];
        let largest = by_width!(width, largest_residue(row));
        if largest >= m.value() {
            let index = row
                .chunks_exact(width)
                .position(|b| {
                    let mut word = [0; 8];
                    word[..width].copy_from_slice(b);
                    u64::from_le_bytes(word) >= m.value()
                })
                .unwrap_or(0);
            let prime = m.value();
            return Err(DecodeError::Residue {
                what,
                limb,
                index,
                found: largest,
                prime,
            });
        }
        start = end;
    }
    Ok(())
}

fn largest_residue<const W: usize>(row: &[u8]) -> u64 {
    let mut largest = 0;
    let mut buffer = [0; 64 * 8];
    for bytes in row.chunks(64 * W) {
        buffer[..bytes.len()].copy_from_slice(bytes);
        for i in 0..bytes.len() / W {
            largest = residue_at::<W>(&buffer, W * i).max(largest);
        }
    }
    largest
}
