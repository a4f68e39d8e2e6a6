//! What time is spent on, and how often.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Kinds of work with a price of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The digits of a polynomial over all primes, shared by hoisted rotations.
    Decomposition,
    /// A rotation after its decomposition.
    Hoisted,
    /// A rotation with a decomposition of its own.
    Rotation,
    /// A ciphertext × ciphertext product in a sum.
    Product,
    /// From three polynomials to two.
    Relinearisation,
    /// A product by itself, relinearised and rescaled.
    Pointwise,
    /// Division by the last prime.
    Rescaling,
    /// Sum of two ciphertexts.
    Addition,
    /// A product with a periodic plaintext in a sum.
    PeriodicProduct,
    /// A product with another plaintext in a sum.
    PlainProduct,
    /// Encoding of one period.
    PeriodicEncoding,
    /// Encoding of all slots.
    Encoding,
    /// Encryption under the collective public key.
    Encryption,
    /// A fresh encryption of zero, bound to a ciphertext and added.
    Rerandomisation,
    /// The public part of a refresh: identity and common random polynomial.
    RefreshOpening,
    /// A party's share of a refresh whose map is a factor.
    RefreshShare,
    /// The same, for each diagonal of a map.
    RefreshShareTerm,
    /// A refresh from the sum of shares.
    RefreshFinish,
    /// The same, for each diagonal of a map.
    RefreshFinishTerm,
    /// A party's share of a release.
    ReleaseShare,
    /// A release from the sum of shares, decoded.
    ReleaseFinish,
    /// A megabyte of polynomials decoded and checked.
    Reading,
    /// A megabyte of polynomials encoded.
    Writing,
    /// A megabyte of a share checked and added to an encoded sum.
    Folding,
    /// A megabyte hashed, for signatures and identities.
    Hashing,
    /// A megabyte copied into new memory.
    Copying,
    /// Share of the collective public key, encoded, as are those of other keys.
    PublicKeyShare,
    /// Share of the first round of the relinearisation key.
    RelinearisationOneShare,
    /// Share of its second round.
    RelinearisationTwoShare,
    /// Share of a Galois key.
    GaloisShare,
    /// A Galois key from the sum of shares, decoded.
    GaloisFinish,
}

const NAMES: [(Kind, &str); 31] = [
    (Kind::Decomposition, "decomposition"),
    (Kind::Hoisted, "hoisted"),
    (Kind::Rotation, "rotation"),
    (Kind::Product, "product"),
    (Kind::Relinearisation, "relinearisation"),
    (Kind::Pointwise, "pointwise"),
    (Kind::Rescaling, "rescaling"),
    (Kind::Addition, "addition"),
    (Kind::PeriodicProduct, "periodic-product"),
    (Kind::PlainProduct, "plain-product"),
    (Kind::PeriodicEncoding, "periodic-encoding"),
    (Kind::Encoding, "encoding"),
    (Kind::Encryption, "encryption"),
    (Kind::Rerandomisation, "rerandomisation"),
    (Kind::RefreshOpening, "refresh-opening"),
    (Kind::RefreshShare, "refresh-share"),
    (Kind::RefreshShareTerm, "refresh-share-term"),
    (Kind::RefreshFinish, "refresh-finish"),
    (Kind::RefreshFinishTerm, "refresh-finish-term"),
    (Kind::ReleaseShare, "release-share"),
    (Kind::ReleaseFinish, "release-finish"),
    (Kind::Reading, "reading-mb"),
    (Kind::Writing, "writing-mb"),
    (Kind::Folding, "folding-mb"),
    (Kind::Hashing, "hashing-mb"),
    (Kind::Copying, "copying-mb"),
    (Kind::PublicKeyShare, "public-key-share"),
    (Kind::RelinearisationOneShare, "relinearisation-1-share"),
    (Kind::RelinearisationTwoShare, "relinearisation-2-share"),
    (Kind::GaloisShare, "galois-share"),
    (Kind::GaloisFinish, "galois-finish"),
];

impl Kind {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        let found = NAMES.iter().find(|(kind, _)| *kind == self);
        found.map_or("", |(_, name)| name)
    }
}

/// A kind of work at a level: so many above that of refreshes, `at`; written `rotation+1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operation {
    /// What.
    pub kind: Kind,
    /// Levels above the refresh level, of the input; for refreshes, of the output.
    pub at: u8,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.kind.name(), self.at)
    }
}

impl FromStr for Operation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.rsplit_once('+').and_then(|(name, at)| {
            let (kind, _) = NAMES.iter().find(|(_, known)| *known == name)?;
            let at = at.parse().ok()?;
            Some(Self { kind: *kind, at })
        });
        parsed.ok_or_else(|| format!("`{text}` is no operation of this version"))
    }
}

impl Serialize for Operation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// How often each operation is done.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bill(BTreeMap<Operation, f64>);

impl Bill {
    /// Nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// `count` more of an operation.
    pub fn add(&mut self, kind: Kind, at: u8, count: f64) -> &mut Self {
        if count > 0.0 {
            *self.0.entry(Operation { kind, at }).or_default() += count;
        }
        self
    }

    /// Everything on another bill, `times` over.
    pub fn add_bill(&mut self, other: &Bill, times: f64) -> &mut Self {
        for (operation, count) in &other.0 {
            self.add(operation.kind, operation.at, count * times);
        }
        self
    }

    /// How often a kind of work is done, at all levels.
    pub fn count(&self, kind: Kind) -> f64 {
        let those = self
            .0
            .iter()
            .filter(|(operation, _)| operation.kind == kind);
        those.map(|(_, count)| count).sum()
    }

    /// All operations with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Operation, f64)> + '_ {
        self.0.iter().map(|(operation, count)| (*operation, *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_that_leads_back() {
        for (kind, _) in NAMES {
            let operation = Operation { kind, at: 2 };
            assert_eq!(operation.to_string().parse(), Ok(operation));
        }
        assert!("rotation".parse::<Operation>().is_err());
        assert!(
            "telepathy+1"
                .parse::<Operation>()
                .unwrap_err()
                .contains("telepathy")
        );
    }
}
