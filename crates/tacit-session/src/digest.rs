//! Canonical digests: BLAKE3 in key-derivation mode, one domain per use, every field
//! length-prefixed.
//!
//! `H(domain; x_1, …, x_n) = BLAKE3_derive_key(domain, len(x_1) ‖ x_1 ‖ … ‖ len(x_n) ‖ x_n)` with
//! lengths as 64-bit little-endian integers. No two different field lists hash the same bytes, and
//! no digest made in one domain means anything in another.

use std::fmt;

/// A 256-bit digest. It is public and compares as bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Digest of one string of bytes, without framing: the name of a payload.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Reads the 64 lower-case hexadecimal digits of [`Digest::to_string`](ToString::to_string).
    pub fn from_hex(text: &str) -> Option<Self> {
        from_hex(text).map(Self)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", &to_hex(&self.0)[..12])
    }
}

/// Builds a [`Digest`] field by field.
///
/// ```
/// use tacit_session::DigestWriter;
///
/// let ab_c = DigestWriter::new("example").bytes(b"ab").bytes(b"c").finish();
/// let a_bc = DigestWriter::new("example").bytes(b"a").bytes(b"bc").finish();
/// assert_ne!(ab_c, a_bc);
/// ```
pub struct DigestWriter(blake3::Hasher);

impl DigestWriter {
    /// Starts a digest in `domain`.
    pub fn new(domain: &str) -> Self {
        Self(blake3::Hasher::new_derive_key(domain))
    }

    /// Adds a length-prefixed field.
    pub fn bytes(mut self, field: &[u8]) -> Self {
        self.put(field);
        self
    }

    /// Adds an integer.
    pub fn u64(self, value: u64) -> Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(crate) fn put(&mut self, field: &[u8]) {
        self.0.update(&(field.len() as u64).to_le_bytes());
        self.0.update(field);
    }

    /// The digest.
    pub fn finish(self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|b| [b >> 4, b & 15]);
    digits.map(|d| DIGITS[usize::from(d)] as char).collect()
}

/// Lower-case hexadecimal of exactly `N` bytes.
pub(crate) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    let text = text.as_bytes();
    if text.len() != 2 * N {
        return None;
    }
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_is_lower_case_and_of_exact_length() {
        assert_eq!(from_hex::<2>("0aff"), Some([0x0a, 0xff]));
        assert_eq!(to_hex(&[0x0a, 0xff]), "0aff");
        for bad in ["0AFF", "0af", "0aff0", "0ag0", "é0a"] {
            assert_eq!(from_hex::<2>(bad), None, "{bad}");
        }
    }

    #[test]
    fn domains_separate() {
        let one = DigestWriter::new("one").u64(7).finish();
        let two = DigestWriter::new("two").u64(7).finish();
        assert_ne!(one, two);
    }
}
