//! Linear maps with their diagonals encoded.

use super::{Hoisting, LinearMap, StepPlan};
use crate::evaluator::Poly;
use crate::{CkksError, Encoder, Plaintext};
use rayon::prelude::*;
use std::collections::BTreeMap;
use tacit_ring::Basis;

/// A linear map ready to be applied: diagonals rotated back by their giant steps, and encoded.
///
/// Holds data in the clear: it stays with whoever owns the map.
#[derive(Clone)]
pub struct EncodedLinearMap {
    level: usize,
    scale: f64,
    plan: StepPlan,
    /// By giant step; pairs of baby step and plaintext.
    groups: BTreeMap<i64, Vec<(i64, Plaintext)>>,
}

impl std::fmt::Debug for EncodedLinearMap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let diagonals: usize = self.groups.values().map(Vec::len).sum();
        let (level, plan) = (self.level, &self.plan);
        write!(
            f,
            "EncodedLinearMap({diagonals} diagonals, level {level}, {plan:?})"
        )
    }
}

impl EncodedLinearMap {
    /// Encodes a map for ciphertexts at `level` (or above), with the cheapest steps.
    ///
    /// `scale` is that of the plaintexts: `params.q_at(level)` keeps the scale of the ciphertext,
    /// `q_at(level)·target/source` takes it from source to target.
    pub fn new(
        encoder: &Encoder,
        map: &LinearMap,
        level: usize,
        scale: f64,
        hoisting: Hoisting,
    ) -> Result<Self, CkksError> {
        let diagonals = map.diagonals.keys().copied();
        let plan = StepPlan::new(encoder.params(), level, diagonals, hoisting);
        Self::with_plan(encoder, map, level, scale, plan)
    }

    /// As [`Self::new`], with given steps: for maps that share their baby steps.
    pub fn with_plan(
        encoder: &Encoder,
        map: &LinearMap,
        level: usize,
        scale: f64,
        plan: StepPlan,
    ) -> Result<Self, CkksError> {
        let params = encoder.params();
        if level == 0 || level > params.max_level() {
            return Err(CkksError::Level {
                operation: "encode linear map",
                needed: 1,
                found: level,
            });
        }
        let slots = params.slots();
        let basis = Basis {
            q: level + 1,
            p: match plan.hoisting() {
                Hoisting::Single => 0,
                Hoisting::Double => params.key_basis().p,
            },
        };
        let encoded = map
            .diagonals
            .par_iter()
            .map(|(&r, diagonal)| {
                if diagonal.len() > slots {
                    let found = diagonal.len();
                    return Err(CkksError::Slots { found, slots });
                }
                let (giant, baby) = plan.split(r);
                let plaintext = if giant == 0 {
                    encoder.encode_over(diagonal, basis, scale)?
                } else {
                    // rot(d, −g): what is in slot i goes to slot i + g.
                    let mut rotated = vec![0.0; slots];
                    let fits = diagonal.len().min(slots - giant as usize);
                    let start = giant as usize;
                    rotated[start..start + fits].copy_from_slice(&diagonal[..fits]);
                    rotated[..diagonal.len() - fits].copy_from_slice(&diagonal[fits..]);
                    encoder.encode_over(&rotated, basis, scale)?
                };
                Ok((giant, (baby, plaintext)))
            })
            .collect::<Result<Vec<_>, CkksError>>()?;
        let mut groups: BTreeMap<i64, Vec<(i64, Plaintext)>> = BTreeMap::new();
        for (giant, product) in encoded {
            groups.entry(giant).or_default().push(product);
        }
        Ok(Self {
            level,
            scale,
            plan,
            groups,
        })
    }

    /// The level at which it is applied.
    pub fn level(&self) -> usize {
        self.level
    }

    /// The scale of its plaintexts.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Its steps.
    pub fn plan(&self) -> &StepPlan {
        &self.plan
    }

    /// The rotations for which Galois keys are needed.
    pub fn rotations(&self) -> Vec<i64> {
        self.plan.rotations()
    }

    /// Memory of all plaintexts, in bytes.
    pub fn bytes(&self) -> usize {
        let plaintexts = self.groups.values().flatten();
        plaintexts.map(|(_, p)| 8 * p.poly().words().len()).sum()
    }

    pub(super) fn groups(&self) -> &BTreeMap<i64, Vec<(i64, Plaintext)>> {
        &self.groups
    }
}

/// The row of a plaintext for row `index` of a product's basis.
pub(super) fn row(plaintext: &Poly, basis: Basis, index: usize) -> &[u64] {
    plaintext.row(if index < basis.q {
        index
    } else {
        index - basis.q + plaintext.basis().q
    })
}
