//! Which rotations there are, at which levels, and what their keys cost on the way.
//!
//! A Galois key need not reach above the highest level at which its rotation is made, and is the smaller for it. With L
//! the top level and R the level of refreshing, the [`Circuit`](super::Circuit) rotates
//!
//! ```text
//! by baby steps        the point at L; the predictor and its powers from L−1 down       parties
//! by giant steps       inner sums of X·w, rescaled, at L−1; those of Xᵀ·e below         parties
//! by folds of copies   X·w at L−1                                                       parties
//! by folds of groups   the summed gradient at R+1; masked and rescaled, at R            root
//! by folds of answers  model times query, at the level of answers, never rescaled       root
//! ```
//!
//! Answers are at L−1 where that is precise enough ([`EncryptionPlan::answer_level`]), and products of ciphertexts at L−1 and
//! below, so that the relinearisation key reaches as high as answers do.

use std::collections::BTreeMap;

use tacit_ckks::Parameters;
use tacit_ring::codec::encoded_poly_len;

use super::{EncryptionPlan, shares};
use crate::packing::Layout;

/// A rotation of trainings and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// To the left by so many slots.
    pub steps: usize,
    /// The highest level at which it is made.
    pub level: usize,
    /// Whether every party makes it, not the root alone.
    pub by_parties: bool,
}

/// Rotations that sum over all coordinates.
pub fn prediction_folds(layout: &Layout) -> impl Iterator<Item = usize> {
    let group = layout.group();
    (0..layout.coordinates().trailing_zeros()).map(move |k| group << k)
}

impl EncryptionPlan {
    /// All rotations of trainings and answers under a layout, each once, by ascending steps: one Galois key each.
    pub fn rotations(&self, layout: &Layout) -> Vec<Rotation> {
        let mut all: BTreeMap<usize, Rotation> = BTreeMap::new();
        let mut add = |steps: &mut dyn Iterator<Item = usize>, level, by_parties| {
            for steps in steps {
                let fresh = Rotation {
                    steps,
                    level,
                    by_parties,
                };
                let known = all.entry(steps).or_insert(fresh);
                known.level = known.level.max(level);
                known.by_parties |= by_parties;
            }
        };
        let top = self.top_level();
        add(&mut layout.baby_steps(), top, true);
        add(&mut layout.giant_steps(), top - 1, true);
        add(&mut layout.copy_folds(), top - 1, true);
        add(&mut layout.group_folds(), self.refresh_level + 1, false);
        add(&mut prediction_folds(layout), self.answer_level(), false);
        all.into_values().collect()
    }

    /// Bytes of the keys under a layout.
    pub fn key_bytes(&self, layout: &Layout) -> KeyBytes {
        let (params, rotations) = (&self.params, self.rotations(layout));
        let high = self.answer_level();
        let digits = params.digits_at(high);
        let galois = |rotation: &Rotation| galois_share(params, rotation.level);
        let of_parties = rotations.iter().filter(|rotation| rotation.by_parties);
        KeyBytes {
            public: share(params, params.max_level(), 1),
            relinearisation: [2 * digits, digits].map(|n| share(params, high, n)),
            galois: rotations.iter().map(galois).sum(),
            handed_out: of_parties.map(galois).sum(),
        }
    }
}

/// Bytes of shares of keys, and of their sums, which are as long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyBytes {
    /// Of the collective public key.
    pub public: usize,
    /// Of both rounds of the relinearisation key.
    pub relinearisation: [usize; 2],
    /// Of all Galois keys.
    pub galois: usize,
    /// Of the Galois keys that all parties need.
    pub handed_out: usize,
}

impl KeyBytes {
    /// What a party sends.
    pub fn shares(&self) -> usize {
        self.public + self.relinearisation.iter().sum::<usize>() + self.galois
    }

    /// What it receives: the sums of the evaluation keys that it needs, and that of the public key.
    pub fn inputs(&self) -> usize {
        self.public + self.relinearisation.iter().sum::<usize>() + self.handed_out
    }
}

/// A share of so many polynomials over the primes of a level and the special ones.
fn share(params: &Parameters, level: usize, polys: usize) -> usize {
    shares::HEAD + polys * encoded_poly_len(params.ring(), params.key_basis_at(level))
}

fn galois_share(params: &Parameters, level: usize) -> usize {
    share(params, level, params.digits_at(level))
}
