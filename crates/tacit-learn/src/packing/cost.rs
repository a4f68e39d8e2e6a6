//! Operation counts and levels of one iteration, as functions of the layout and the activation's
//! degree. The tests hold them against what the slot simulator really does.

use super::{Bsgs, Layout};
use crate::activation::{fold_levels, fold_products};

/// How the gradient is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GradientForm {
    /// `E = act(U) − y` first, then `XᵀE`: fewest operations for `q > 2`, one level more.
    Separate,
    /// The data multiply one factor of the activation's last product: one level less.
    Fused,
}

/// Homomorphic operations of one actor in one iteration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Operations {
    /// Rotations, hoisted ones included.
    pub rotations: usize,
    /// Rotations that share their decomposition with others (part of `rotations`).
    pub hoisted: usize,
    /// Plaintext × ciphertext products; each needs one encoding of fresh data.
    pub plain_products: usize,
    /// Ciphertext × ciphertext products.
    pub products: usize,
    /// Relinearisations.
    pub relinearisations: usize,
    /// Levels consumed.
    pub levels: usize,
}

/// Cost of one iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Each party: forward, activation, gradient.
    pub party: Operations,
    /// The root: fold, mask, spread, update.
    pub root: Operations,
    /// Ciphertexts refreshed by all parties together.
    pub refreshes: usize,
}

impl Cost {
    /// Counts one iteration under `layout` with a folded activation of degree `degree`.
    ///
    /// ```
    /// use tacit_learn::packing::{Cost, GradientForm, Layout};
    /// let layout = Layout::new(16_384, 10, 64, 1)?;
    /// let fused = Cost::of(&layout, 3, GradientForm::Fused);
    /// let separate = Cost::of(&layout, 3, GradientForm::Separate);
    /// assert_eq!(fused.levels() + 1, separate.levels());
    /// assert_eq!(fused.party.rotations, separate.party.rotations); // q = 1: fusing is free
    /// # Ok::<(), tacit_learn::Error>(())
    /// ```
    pub fn of(layout: &Layout, degree: usize, form: GradientForm) -> Self {
        let (q, Bsgs { baby, giant }) = (layout.diagonals(), layout.bsgs());
        let copy_folds = layout.copies().trailing_zeros() as usize;
        let group_folds = (layout.group() / layout.lanes()).trailing_zeros() as usize;
        let activation = fold_products(degree);
        // A degree-1 activation has no product to fuse with.
        let fused = form == GradientForm::Fused && degree > 1;

        let gradient_babies = if fused { 2 * (baby - 1) } else { baby - 1 };
        let party = Operations {
            rotations: (baby - 1) + (giant - 1) + copy_folds + gradient_babies + (giant - 1),
            hoisted: (baby - 1) + gradient_babies,
            plain_products: 2 * q,
            products: if fused {
                activation - 1 + q
            } else {
                activation
            },
            relinearisations: if fused {
                activation - 1 + giant
            } else {
                activation
            },
            levels: if fused {
                1 + fold_levels(degree).max(2)
            } else {
                2 + fold_levels(degree)
            },
        };
        let root = Operations {
            rotations: 2 * group_folds,
            plain_products: 1,
            levels: 1,
            ..Operations::default()
        };
        Cost {
            party,
            root,
            refreshes: 1,
        }
    }

    /// Levels between two refreshes.
    pub fn levels(&self) -> usize {
        self.party.levels + self.root.levels
    }

    /// Key switches of one iteration with `parties` parties: the unit most of the time goes to.
    pub fn key_switches(&self, parties: usize) -> usize {
        parties * (self.party.rotations + self.party.relinearisations)
            + self.root.rotations
            + self.root.relinearisations
    }
}
