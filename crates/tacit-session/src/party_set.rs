//! Which party, and which set of parties.

use std::fmt;

use crate::codec::{Reader, Writer};
use crate::error::DecodeError;

/// A party's place in the roster; party 0 is the root of the aggregation tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PartyIndex(pub u16);

impl PartyIndex {
    /// The root of the aggregation tree.
    pub const ROOT: Self = Self(0);

    /// The index as one for slices.
    pub fn as_usize(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for PartyIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "party {}", self.0)
    }
}

/// A subset of the `n` parties of a roster, one bit each.
///
/// On the wire: `n` as 16 bits, then ⌈n/8⌉ bytes, least significant bit first; bits past `n` must
/// be zero.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PartySet {
    len: u16,
    bits: Box<[u8]>,
}

impl PartySet {
    /// No party of `len`.
    pub fn empty(len: u16) -> Self {
        Self {
            len,
            bits: vec![0; usize::from(len).div_ceil(8)].into(),
        }
    }

    /// All parties of `len`.
    pub fn full(len: u16) -> Self {
        let mut set = Self::empty(len);
        (0..len).for_each(|i| set.insert(PartyIndex(i)));
        set
    }

    /// Adds a party; an index past the roster is ignored.
    pub fn insert(&mut self, party: PartyIndex) {
        if party.0 < self.len {
            self.bits[party.as_usize() / 8] |= 1 << (party.0 % 8);
        }
    }

    /// Whether the party belongs.
    pub fn contains(&self, party: PartyIndex) -> bool {
        party.0 < self.len && self.bits[party.as_usize() / 8] >> (party.0 % 8) & 1 == 1
    }

    /// The members in roster order.
    pub fn iter(&self) -> impl Iterator<Item = PartyIndex> {
        (0..self.len).map(PartyIndex).filter(|&p| self.contains(p))
    }

    /// How many parties belong.
    pub fn count(&self) -> usize {
        self.bits.iter().map(|b| b.count_ones() as usize).sum()
    }

    /// Bytes the bits take on the wire.
    pub(crate) fn encoded_bits(&self) -> usize {
        self.bits.len()
    }

    pub(crate) fn encode(&self, out: &mut Writer) {
        out.u16(self.len).raw(&self.bits);
    }

    pub(crate) fn decode(what: &'static str, from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let len = from.u16()?;
        let bits: Box<[u8]> = from.take(usize::from(len).div_ceil(8))?.into();
        if len % 8 != 0 && bits.last().is_some_and(|last| last >> (len % 8) != 0) {
            return Err(DecodeError::Malformed {
                what,
                problem: "set holds bits past its length",
            });
        }
        Ok(Self { len, bits })
    }
}

impl fmt::Debug for PartySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|p| p.0)).finish()
    }
}
