//! What each round of a training makes everybody do.

use tacit_ckks::Ciphertext;
use tacit_ring::Basis;
use tacit_ring::codec::encoded_poly_len;

use super::super::super::packed::{LayerCounts, Side};
use super::super::MlpPlan;
use super::operation::{Bill, Kind};
use crate::encrypted::shares;

mod first;
mod keys;
mod stop;

pub use keys::{key_memory, keys};
pub use stop::{error, model};

const MB: f64 = 1e-6;

/// One round: who does what, and what is sent.
#[derive(Debug, Clone, Default)]
pub struct RoundBill {
    /// Label of its kind.
    pub label: &'static str,
    /// Every party's share.
    pub each: Bill,
    /// Adding one share to the others.
    pub fold: Bill,
    /// What the root makes of the sum, on all its cores.
    pub root: Bill,
    /// What the root does one after the other: decoding, and encoding of the next round's input.
    pub serial: Bill,
    /// Bytes of the input, which every party but the root receives.
    pub input_bytes: f64,
    /// Bytes of a party's share.
    pub share_bytes: f64,
    /// Whether shares are kept apart, and so grow on their way.
    pub gathers: bool,
}

/// The sizes of a plan that bills are made of.
struct Sizes<'a> {
    plan: &'a MlpPlan,
    parties: f64,
    groups: f64,
    blocks: f64,
    /// Ciphertexts of the first layer's weights.
    first: f64,
    /// Ciphertexts of all weights.
    weights: f64,
    batch: f64,
}

/// One iteration, round by round, in order.
pub fn iteration(plan: &MlpPlan) -> Vec<RoundBill> {
    let sizes = Sizes::of(plan);
    let depth = plan.config.depth();
    let refreshed = depth - 1 + usize::from(plan.head.is_some());
    let batches = plan.config.local_batches;
    // A convolution is left and reached again without a refresh.
    let lowest = if plan.convolution.is_some() { 2 } else { 1 };
    let mut rounds = Vec::new();
    for batch in 0..batches {
        rounds.push(sizes.forward());
        rounds.extend((lowest..=refreshed).map(|l| sizes.predictors(l)));
        rounds.extend((lowest..=depth).rev().map(|l| sizes.errors(l)));
        rounds.push(sizes.gradient(batch + 1 == batches));
    }
    rounds.push(sizes.weights());
    rounds
}

impl<'a> Sizes<'a> {
    fn of(plan: &'a MlpPlan) -> Self {
        let layout = &plan.layout;
        Self {
            plan,
            parties: layout.parties() as f64,
            groups: layout.groups() as f64,
            blocks: layout.blocks() as f64,
            first: plan.first_weights() as f64,
            weights: plan.weight_ciphertexts() as f64,
            batch: layout.batch() as f64,
        }
    }

    /// Bytes of a ciphertext.
    fn ct(&self, at: usize) -> f64 {
        Ciphertext::encoded_len(&self.plan.encryption.params, self.plan.level(at)) as f64
    }

    fn poly(&self, at: usize) -> f64 {
        let ring = self.plan.encryption.params.ring();
        encoded_poly_len(ring, Basis::q(self.plan.level(at) + 1)) as f64
    }

    /// Bytes of a share of a refresh to the level `at`.
    fn refresh_bytes(&self, at: usize) -> f64 {
        SHARE_HEAD + self.poly(0) + self.poly(at)
    }

    /// The root encodes the next round's input.
    fn ask(&self, serial: &mut Bill, bytes: f64) {
        serial
            .add(Kind::Writing, 0, bytes * MB)
            .add(Kind::Copying, 0, bytes * MB)
            .add(Kind::Hashing, 0, bytes * MB);
    }

    /// Refreshes as [`Self::refresh`], and their rescaling.
    fn refreshed(&self, round: &mut RoundBill, count: f64, at: usize, terms: f64) {
        self.refresh(round, count, at, terms);
        round.root.add(Kind::Rescaling, at as u8, count);
    }

    /// Refreshes of `count` ciphertexts to the level `at`, through a map of `terms` diagonals (none: a factor).
    fn refresh(&self, round: &mut RoundBill, count: f64, at: usize, terms: f64) {
        let level = at as u8;
        let share = self.refresh_bytes(at);
        (round.each)
            .add(Kind::Reading, 0, count * self.ct(0) * MB)
            .add(Kind::RefreshOpening, level, count)
            .add(Kind::RefreshShare, level, count)
            .add(Kind::RefreshShareTerm, level, count * terms)
            .add(Kind::Writing, 0, count * share * MB)
            .add(Kind::Hashing, 0, count * share * MB);
        round.fold.add(Kind::Folding, 0, count * share * MB);
        (round.root)
            .add(Kind::Reading, 0, count * share * MB)
            .add(Kind::RefreshFinish, level, count)
            .add(Kind::RefreshFinishTerm, level, count * terms);
        round.input_bytes += count * self.ct(0);
        round.share_bytes += count * share;
    }

    /// Operations of the packed layers at a level.
    fn layers(bill: &mut Bill, at: u8, counts: LayerCounts, decompositions: f64) {
        bill.add(Kind::Decomposition, at, decompositions)
            .add(Kind::Hoisted, at, counts.hoisted as f64)
            .add(Kind::Rotation, at, counts.rotations as f64)
            .add(Kind::Product, at, counts.products as f64)
            .add(Kind::Relinearisation, at, counts.relinearisations as f64)
            .add(Kind::Addition, at, counts.rotations as f64);
    }

    /// A hidden layer's transform of a batch of the given side, at the level `at`.
    fn transform(&self, bill: &mut Bill, at: u8, side: Side) {
        let giant = self.plan.layout.hidden_split().giant as f64;
        let counts = self.plan.layout.apply_counts(side);
        Self::layers(bill, at, counts, 1.0 + giant + self.groups);
        bill.add(Kind::Rescaling, at, self.groups);
    }

    fn predictors(&self, l: usize) -> RoundBill {
        let mut round = RoundBill {
            label: "train/refresh-predictors",
            ..RoundBill::default()
        };
        let at = self.plan.predictors_above(l);
        if l == 1 {
            self.refreshed(&mut round, self.parties, at + 1, self.blocks);
            let added = (self.parties - self.groups).max(0.0);
            round.root.add(Kind::Addition, 2, added);
        } else {
            self.refreshed(&mut round, self.groups, at + 1, 0.0);
        }
        let depth = self.plan.config.depth();
        match &self.plan.head {
            Some(head) if l == depth => {
                self.evaluated(&mut round.root, at, head.value_counts());
            }
            _ => {
                let activation = &self.plan.activation;
                self.evaluated(&mut round.root, at, activation.value_counts());
                if activation.constant() != 0.0 {
                    round.root.add(Kind::Encoding, 1, self.groups);
                }
                self.transform(&mut round.root, 1, Side::of_layer(l));
            }
        }
        self.ask(&mut round.serial, self.groups * self.ct(0));
        round
    }

    /// Polynomials of all groups' ciphertexts, at the level they start from.
    fn evaluated(&self, bill: &mut Bill, at: usize, counts: LayerCounts) {
        let (products, by_themselves) = (counts.products, counts.relinearisations);
        let in_sums = products.saturating_sub(by_themselves) as f64;
        bill.add(
            Kind::Pointwise,
            at as u8,
            self.groups * by_themselves as f64,
        )
        .add(Kind::Product, at as u8, self.groups * in_sums);
    }

    /// A map whose weights change with the step: every party encodes it, and names it by its digest.
    fn weighing(&self, round: &mut RoundBill, at: usize) {
        let words = 8.0 * (self.plan.level(at) + 1) as f64 * self.plan.config.slots as f64;
        (round.each).add(Kind::Encoding, at as u8, self.groups).add(
            Kind::Hashing,
            0,
            self.groups * words * MB,
        );
    }

    fn errors(&self, l: usize) -> RoundBill {
        let mut round = RoundBill {
            label: "train/refresh-errors",
            ..RoundBill::default()
        };
        let (plan, layout) = (self.plan, &self.plan.layout);
        let used = plan.errors_above(l);
        if l == plan.config.depth() {
            self.refreshed(&mut round, self.groups, used + 1, 1.0);
            self.weighing(&mut round, used + 1);
        } else {
            self.refreshed(&mut round, self.groups, used + 1, 0.0);
        }
        if l == 1 {
            self.ask(&mut round.serial, self.groups * self.ct(2));
            return round;
        }
        let giant = layout.hidden_split().giant;
        let parts = plan.hidden_weights(l);
        let counts = layout.outer_counts().times(parts);
        let decompositions = (parts * (2 + giant)) as f64 * self.groups;
        Self::layers(&mut round.root, 1, counts, decompositions);
        round.root.add(Kind::Rescaling, 1, parts as f64);
        for _ in 0..parts {
            self.transform(&mut round.root, used as u8, Side::of_layer(l));
        }
        if plan.config.hidden_bias {
            let rotations = layout.bias_counts().rotations as f64;
            (round.root)
                .add(Kind::Rotation, 1, rotations)
                .add(Kind::Addition, 1, rotations);
        }
        match &plan.convolution {
            Some(tiled) if l == 2 => {
                let positions = (tiled.tiles() * tiled.offsets()) as f64 * self.groups;
                round.root.add(Kind::Pointwise, 2, positions);
                self.ask(&mut round.serial, positions * self.ct(1));
            }
            _ => {
                let slope = plan.activation.slope_counts();
                self.evaluated(&mut round.root, plan.predictors_above(l - 1), slope);
                round.root.add(Kind::Pointwise, 1, self.groups);
                self.ask(&mut round.serial, self.groups * self.ct(0));
            }
        }
        round
    }

    fn weights(&self) -> RoundBill {
        let (plan, layout) = (self.plan, &self.plan.layout);
        let mut round = RoundBill {
            label: "train/refresh-weights",
            ..RoundBill::default()
        };
        let above = plan.weights_above(1);
        let terms = match &plan.convolution {
            None => layout.fold_first().len(),
            Some(tiled) => tiled.alone(0).len(),
        };
        self.refreshed(&mut round, self.first, above + 1, terms as f64);
        let terms = (2 * layout.repeats() - 1) as f64;
        for l in 2..=plan.config.depth() {
            let count = plan.hidden_weights(l) as f64;
            self.refreshed(&mut round, count, plan.weights_above(l) + 1, terms);
        }
        let biases = plan.weight_ciphertexts() - plan.first_bias();
        self.refreshed(&mut round, biases as f64, 2, terms);
        if let Some(tiled) = &plan.convolution {
            let repeated = self.first * tiled.fold_counts().rotations as f64;
            (round.serial)
                .add(Kind::Rotation, above as u8, repeated)
                .add(Kind::Addition, above as u8, repeated);
        }
        self.ask(&mut round.serial, self.first * self.ct(above));
        round
    }
}

/// One decomposition, if anything is rotated.
fn at_all(rotations: usize) -> f64 {
    f64::from(u8::from(rotations > 0))
}

/// Version, tag and identity of a share.
const SHARE_HEAD: f64 = shares::HEAD as f64;
