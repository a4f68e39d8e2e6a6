//! Linear maps of the slot vector, by diagonals.
//!
//! A matrix A acts on the slot vector x as Σ_r d_r ⊙ rot(x, r), where d_r holds the entries
//! A\[i\]\[i + r\] (Halevi and Shoup, CRYPTO 2014). With r = g + b, *baby steps* b and *giant steps* g,
//!
//! A·x = Σ_g rot( Σ_b rot(d_{g+b}, −g) ⊙ rot(x, b), g ),
//!
//! the baby rotations are made once from shared digits (hoisted), and there is one further key
//! switch per giant step. Everything between is done before the division by the special primes P
//! (double hoisting: Bossuat, Mouchet, Troncoso-Pastoriza and Hubaux, EUROCRYPT 2021): per giant step only the
//! second polynomial is divided, and the whole result is divided once, by P and the last prime together.
//!
//! Only diagonals that are there cost anything; with few of them there are no giant steps at all.
//!
//! ```
//! use tacit_ckks::circuits::linear::LinearMap;
//!
//! // (x_0, x_1, x_2, …) → (x_0 + 2·x_1, x_1 + 2·x_2, …)
//! let map = LinearMap::new([(0, vec![1.0; 8]), (1, vec![2.0; 8])]);
//! assert_eq!(map.apply(&[1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 3.0])[..2], [5.0, 2.0]);
//! ```
//!
//! The steps of one input can serve many maps ([`Evaluator::baby_steps`]), and several maps, of
//! different inputs, can be summed with their giant steps shared ([`Evaluator::apply_sum`]).
//!
//! Plaintexts over all primes ([`Hoisting::Double`]) take (level + 1 + special primes)·8·N bytes each.
//! [`Hoisting::Single`] divides the baby rotations first and keeps plaintexts over the ciphertext primes
//! only: smaller, faster to encode, and better when many products share few baby steps.

mod encoded;
mod steps;

pub use encoded::EncodedLinearMap;
pub use steps::{Hoisting, StepPlan};

use crate::evaluator::{ExtendedAccumulator, Poly};
use crate::{Ciphertext, CkksError, Evaluator, ExtendedCiphertext};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// A linear map: diagonal r multiplies the vector rotated by r.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LinearMap {
    /// By rotation, modulo the number of slots; missing entries at the end of a diagonal are zero.
    pub diagonals: BTreeMap<i64, Vec<f64>>,
}

impl LinearMap {
    /// From diagonals.
    pub fn new(diagonals: impl IntoIterator<Item = (i64, Vec<f64>)>) -> Self {
        Self {
            diagonals: diagonals.into_iter().collect(),
        }
    }

    /// The transposed map on `slots` slots: diagonal −r is diagonal r rotated by −r.
    pub fn transpose(&self, slots: usize) -> Self {
        let mut diagonals: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for (&r, d) in &self.diagonals {
            let into = diagonals
                .entry((-r).rem_euclid(slots as i64))
                .or_insert_with(|| vec![0.0; slots]);
            for (i, value) in d.iter().enumerate() {
                into[(i as i64 + r).rem_euclid(slots as i64) as usize] += value;
            }
        }
        Self { diagonals }
    }

    /// The map on `f64`.
    pub fn apply(&self, x: &[f64]) -> Vec<f64> {
        let slots = x.len() as i64;
        let mut out = vec![0.0; x.len()];
        for (&r, d) in &self.diagonals {
            for (i, (out, d)) in out.iter_mut().zip(d).enumerate() {
                *out += d * x[(i as i64 + r).rem_euclid(slots) as usize];
            }
        }
        out
    }
}

/// The baby rotations of one ciphertext.
#[derive(Debug, Clone)]
pub struct BabySteps {
    level: usize,
    scale: f64,
    hoisting: Hoisting,
    /// Over the ciphertext primes, and the special ones if [`Hoisting::Double`].
    rotations: BTreeMap<i64, [Poly; 2]>,
}

impl Evaluator {
    /// A·x, rescaled: one level lower, scale(x)·scale(map)/q.
    pub fn apply(&self, map: &EncodedLinearMap, x: &Ciphertext) -> Result<Ciphertext, CkksError> {
        let steps = self.baby_steps(x, map.level(), map.plan())?;
        self.apply_sum(&[(map, &steps)])
    }

    /// The baby rotations of `x` at `level` that maps with this plan need.
    pub fn baby_steps(
        &self,
        x: &Ciphertext,
        level: usize,
        plan: &StepPlan,
    ) -> Result<BabySteps, CkksError> {
        let mut x = x.clone();
        self.drop_to_level(&mut x, level)?;
        let babies: Vec<i64> = plan.babies().collect();
        // Digits serve rotations only.
        let hoisted = match babies[..] {
            [] | [0] => None,
            _ => Some(self.hoist(&x)?),
        };
        let rotate = |b: i64| match (&hoisted, plan.hoisting()) {
            (Some(hoisted), Hoisting::Double) => Ok(self.rotate_extended(&x, hoisted, b)?.c),
            (None, Hoisting::Double) => Ok(self.extend(&x)?.c),
            (Some(hoisted), Hoisting::Single) => {
                pair(self.rotate_hoisted(&x, hoisted, b)?.into_polys())
            }
            (None, Hoisting::Single) => pair(x.polys().to_vec()),
        };
        let rotations = babies
            .par_iter()
            .map(|&b| Ok((b, rotate(b)?)))
            .collect::<Result<_, CkksError>>()?;
        Ok(BabySteps {
            level,
            scale: x.scale(),
            hoisting: plan.hoisting(),
            rotations,
        })
    }

    /// Σ A_i·x_i, rescaled, with giant steps shared between all maps.
    ///
    /// All maps need one level and one kind of hoisting, and products of equal scale.
    pub fn apply_sum(
        &self,
        terms: &[(&EncodedLinearMap, &BabySteps)],
    ) -> Result<Ciphertext, CkksError> {
        let sum = self.apply_extended(terms)?;
        match sum {
            Applied::Extended(sum) => self.reduce_rescale(&sum),
            Applied::Plain(mut sum) => {
                self.rescale_assign(&mut sum)?;
                Ok(sum)
            }
        }
    }

    fn apply_extended(
        &self,
        terms: &[(&EncodedLinearMap, &BabySteps)],
    ) -> Result<Applied, CkksError> {
        const OPERATION: &str = "apply linear map";
        let Some((first, steps)) = terms.first() else {
            return Err(CkksError::Unsupported(
                "a sum of linear maps needs at least one",
            ));
        };
        let (level, hoisting) = (first.level(), first.plan().hoisting());
        let scale = first.scale() * steps.scale;
        let mut groups: BTreeMap<i64, Vec<(&Poly, &[Poly; 2])>> = BTreeMap::new();
        for (map, steps) in terms {
            if map.level() != level || steps.level != level {
                return Err(CkksError::Level {
                    operation: OPERATION,
                    needed: level,
                    found: map.level().min(steps.level),
                });
            }
            if map.plan().hoisting() != hoisting || steps.hoisting != hoisting {
                let why = "linear maps in one sum need the same hoisting";
                return Err(CkksError::Unsupported(why));
            }
            crate::evaluator::same_scale(OPERATION, scale, map.scale() * steps.scale)?;
            for (&giant, products) in map.groups() {
                for (baby, plaintext) in products {
                    let Some(rotation) = steps.rotations.get(baby) else {
                        let why = "these baby steps were made for another plan than the map's";
                        return Err(CkksError::Unsupported(why));
                    };
                    groups
                        .entry(giant)
                        .or_default()
                        .push((plaintext.poly(), rotation));
                }
            }
        }
        self.check_scale(OPERATION, scale, level)?;
        let mut groups: Vec<_> = groups.into_iter().collect();
        let still = groups.iter().position(|(giant, _)| *giant == 0);
        let still = still.map(|index| self.weighted_sum(&groups.swap_remove(index).1));
        if let (Some(still), true, Hoisting::Single) = (&still, groups.is_empty(), hoisting) {
            return Ok(Applied::Plain(Ciphertext::from_parts(
                still.to_vec(),
                scale,
            )));
        }
        let mut acc = ExtendedAccumulator::new(self, level);
        match (still, hoisting) {
            (None, _) => {}
            (Some(still), Hoisting::Double) => acc.add(still),
            (Some(still), Hoisting::Single) => {
                let still = Ciphertext::from_parts(still.to_vec(), scale);
                acc.add(self.extend(&still)?.c);
            }
        }
        let turned = groups
            .par_iter()
            .map(|(giant, products)| self.rotate_unreduced(self.weighted_sum(products), *giant))
            .try_fold_with(acc.empty(), |mut acc: ExtendedAccumulator<'_>, turned| {
                acc.add(turned?);
                Ok::<_, CkksError>(acc)
            })
            .try_reduce_with(|mut a, b| {
                a.merge(b);
                Ok(a)
            });
        if let Some(turned) = turned {
            acc.merge(turned?);
        }
        Ok(Applied::Extended(acc.finish(scale)))
    }

    /// Σ m·(c_0, c_1), at most 64 products per reduction.
    fn weighted_sum(&self, products: &[(&Poly, &[Poly; 2])]) -> [Poly; 2] {
        let ring = self.params().ring();
        let basis = products[0].1[0].basis();
        let [mut out0, mut out1]: [Poly; 2] = [ring.unspecified(basis), ring.unspecified(basis)];
        let [mut more0, mut more1] = [vec![], vec![]];
        for (j, m) in ring.moduli(basis).enumerate() {
            for (round, chunk) in products.chunks(tacit_ring::kernel::MAX_TERMS).enumerate() {
                let weights: Vec<&[u64]> = chunk
                    .iter()
                    .map(|(p, _)| encoded::row(p, basis, j))
                    .collect();
                let c0: Vec<&[u64]> = chunk.iter().map(|(_, c)| c[0].row(j)).collect();
                let c1: Vec<&[u64]> = chunk.iter().map(|(_, c)| c[1].row(j)).collect();
                let kernels = ring.kernels();
                if round == 0 {
                    let out = [out0.row_mut(j), out1.row_mut(j)];
                    (kernels.mac_digits)(out, &weights, &c0, &c1, m);
                } else {
                    more0.resize(ring.n(), 0);
                    more1.resize(ring.n(), 0);
                    (kernels.mac_digits)([&mut more0, &mut more1], &weights, &c0, &c1, m);
                    (kernels.add_assign)(out0.row_mut(j), &more0, m);
                    (kernels.add_assign)(out1.row_mut(j), &more1, m);
                }
            }
        }
        [out0, out1]
    }
}

enum Applied {
    Extended(ExtendedCiphertext),
    Plain(Ciphertext),
}

fn pair(polys: Vec<Poly>) -> Result<[Poly; 2], CkksError> {
    <[Poly; 2]>::try_from(polys).map_err(|polys| CkksError::Degree {
        operation: "apply linear map",
        needed: 2,
        found: polys.len(),
    })
}

#[cfg(test)]
mod tests;
