//! What each round of a training makes everybody do.

use tacit_ckks::Ciphertext;
use tacit_ring::Basis;
use tacit_ring::codec::encoded_poly_len;

use super::super::super::StepMomentum;
use super::super::super::packed::{LayerCounts, Side, Split};
use super::super::MlpPlan;
use super::super::plan::LEVELS;
use super::operation::{Bill, Kind};

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
    first: f64,
    hidden: f64,
    /// Ciphertexts of weights.
    weights: f64,
    batch: f64,
}

/// One iteration, round by round, in order.
pub fn iteration(plan: &MlpPlan) -> Vec<RoundBill> {
    let sizes = Sizes::of(plan);
    let depth = plan.config.depth();
    let refreshed = depth - 1 + usize::from(plan.head.is_some());
    let batches = plan.config.local_batches;
    let mut rounds = Vec::new();
    for batch in 0..batches {
        rounds.push(sizes.forward());
        rounds.extend((1..=refreshed).map(|l| sizes.predictors(l)));
        rounds.extend((1..=depth).rev().map(|l| sizes.errors(l)));
        rounds.push(sizes.gradient(batch + 1 == batches));
    }
    rounds.push(sizes.weights());
    rounds
}

/// The generation of all keys and their first use, as rounds.
pub fn keys(plan: &MlpPlan) -> Vec<RoundBill> {
    Sizes::of(plan).keys()
}

/// Bytes of one evaluation key in memory.
pub fn key_memory(plan: &MlpPlan) -> f64 {
    let params = &plan.encryption.params;
    let ring = params.ring();
    let basis = params.key_basis();
    let rows = basis.q + basis.p;
    (2 * params.digits() * rows * ring.n() * 8) as f64
}

impl<'a> Sizes<'a> {
    fn of(plan: &'a MlpPlan) -> Self {
        let layout = &plan.layout;
        Self {
            plan,
            parties: layout.parties() as f64,
            groups: layout.groups() as f64,
            blocks: layout.blocks() as f64,
            first: layout.first_ciphertexts() as f64,
            hidden: (plan.config.depth() - 1) as f64,
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

    fn forward(&self) -> RoundBill {
        let Split { baby, giant } = self.plan.layout.first_split();
        let (j, products) = (self.first, self.first * self.batch);
        let mut each = Bill::new();
        each.add(Kind::Reading, 0, j * self.ct(1) * MB)
            .add(Kind::PeriodicEncoding, 1, products)
            .add(Kind::Decomposition, 1, j * at_all(baby - 1))
            .add(Kind::Hoisted, 1, j * (baby - 1) as f64)
            .add(Kind::PeriodicProduct, 1, products)
            .add(Kind::Rotation, 1, (giant - 1) as f64)
            .add(Kind::Addition, 1, (giant - 1) as f64)
            .add(Kind::Rescaling, 1, 1.0)
            .add(Kind::Rerandomisation, 0, 1.0)
            .add(Kind::Encoding, 0, 1.0)
            .add(Kind::Encryption, 0, 1.0);
        let share = 2.0 * self.ct(0);
        each.add(Kind::Writing, 0, share * MB)
            .add(Kind::Copying, 0, 2.0 * share * MB)
            .add(Kind::Hashing, 0, share * MB);
        // What has come so far is copied with every contribution.
        let mut fold = Bill::new();
        fold.add(Kind::Copying, 0, 0.5 * (self.parties + 1.0) * share * MB);
        let mut serial = Bill::new();
        serial.add(Kind::Reading, 0, self.parties * share * MB);
        let added = (self.parties - self.groups).max(0.0);
        serial.add(Kind::Addition, 0, added);
        self.ask(&mut serial, self.parties * self.ct(0));
        RoundBill {
            label: "train/forward",
            each,
            fold,
            serial,
            input_bytes: self.first * self.ct(1),
            share_bytes: share,
            gathers: true,
            ..RoundBill::default()
        }
    }

    /// The root encodes the next round's input.
    fn ask(&self, serial: &mut Bill, bytes: f64) {
        serial
            .add(Kind::Writing, 0, bytes * MB)
            .add(Kind::Copying, 0, bytes * MB)
            .add(Kind::Hashing, 0, bytes * MB);
    }

    /// Refreshes of `count` ciphertexts to the level `at`, through a map of `terms` diagonals (none: a factor).
    fn refreshed(&self, round: &mut RoundBill, count: f64, at: usize, terms: f64) {
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
            .add(Kind::RefreshFinishTerm, level, count * terms)
            .add(Kind::Rescaling, level, count);
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

    fn errors(&self, l: usize) -> RoundBill {
        let mut round = RoundBill {
            label: "train/refresh-errors",
            ..RoundBill::default()
        };
        if l == self.plan.config.depth() {
            // Weights of rows change with the step: their map is encoded and named by its digest.
            self.refreshed(&mut round, self.groups, LEVELS, 1.0);
            let words = 8.0 * (self.plan.level(LEVELS) + 1) as f64 * self.plan.config.slots as f64;
            (round.each)
                .add(Kind::Encoding, LEVELS as u8, self.groups)
                .add(Kind::Hashing, 0, self.groups * words * MB);
        } else {
            self.refreshed(&mut round, self.groups, LEVELS, 0.0);
        }
        if l == 1 {
            self.ask(&mut round.serial, self.groups * self.ct(2));
            return round;
        }
        let Split { giant, .. } = self.plan.layout.hidden_split();
        let counts = self.plan.layout.outer_counts();
        Self::layers(&mut round.root, 1, counts, self.groups * (2 + giant) as f64);
        round.root.add(Kind::Rescaling, 1, 1.0);
        self.transform(&mut round.root, 2, Side::of_layer(l));
        let slope = self.plan.activation.slope_counts();
        self.evaluated(&mut round.root, self.plan.predictors_above(l - 1), slope);
        round.root.add(Kind::Pointwise, 1, self.groups);
        if self.plan.config.hidden_bias {
            let rotations = self.plan.layout.bias_counts().rotations as f64;
            (round.root)
                .add(Kind::Rotation, 1, rotations)
                .add(Kind::Addition, 1, rotations);
        }
        self.ask(&mut round.serial, self.groups * self.ct(0));
        round
    }

    /// The first layer's gradient; after the last batch, the step.
    fn gradient(&self, last: bool) -> RoundBill {
        let Split { baby, giant } = self.plan.layout.first_split();
        let (j, products) = (self.first, self.first * self.batch);
        let mut each = Bill::new();
        each.add(Kind::Reading, 0, self.ct(2) * MB)
            .add(Kind::Encoding, 2, 1.0)
            .add(Kind::PlainProduct, 2, 1.0)
            .add(Kind::Rescaling, 2, 1.0)
            .add(Kind::Decomposition, 1, 1.0 + at_all(giant - 1))
            .add(Kind::Hoisted, 1, self.blocks - 1.0 + (giant - 1) as f64)
            .add(Kind::Addition, 1, self.blocks - 1.0)
            .add(Kind::PeriodicProduct, 1, products)
            .add(Kind::Rotation, 1, j * (baby - 1) as f64)
            .add(Kind::Addition, 1, j * (baby - 1) as f64)
            .add(Kind::Rescaling, 1, j)
            .add(Kind::Rerandomisation, 0, j);
        let share = j * self.ct(0);
        each.add(Kind::Writing, 0, share * MB)
            .add(Kind::Copying, 0, share * MB)
            .add(Kind::Hashing, 0, share * MB);
        let mut fold = Bill::new();
        fold.add(Kind::Folding, 0, share * MB);
        // Nesterov's point is formed with integers, which costs little.
        let previous = match self.plan.config.momentum {
            StepMomentum::HeavyBall { mu } if mu != 0.0 => 1.0,
            _ => 0.0,
        };
        let mut serial = Bill::new();
        serial
            .add(Kind::Reading, 0, share * MB)
            .add(Kind::Addition, 0, self.weights);
        if last {
            serial
                .add(Kind::Encoding, 1, (1.0 + previous) * j)
                .add(Kind::PlainProduct, 1, (1.0 + previous) * self.weights)
                .add(Kind::Rescaling, 1, self.weights);
            self.ask(&mut serial, self.weights * self.ct(0));
        } else {
            self.ask(&mut serial, j * self.ct(1));
        }
        RoundBill {
            label: "train/gradient",
            each,
            fold,
            serial,
            input_bytes: self.groups * self.ct(2),
            share_bytes: share,
            ..RoundBill::default()
        }
    }

    fn weights(&self) -> RoundBill {
        let layout = &self.plan.layout;
        let mut round = RoundBill {
            label: "train/refresh-weights",
            ..RoundBill::default()
        };
        let terms = layout.fold_first().len() as f64;
        self.refreshed(&mut round, self.first, LEVELS - 1, terms);
        let terms = (2 * layout.repeats() - 1) as f64;
        self.refreshed(&mut round, self.hidden, LEVELS, terms);
        let biases = self.weights - self.first - self.hidden;
        self.refreshed(&mut round, biases, LEVELS - 1, terms);
        self.ask(&mut round.serial, self.first * self.ct(1));
        round
    }

    fn keys(&self) -> Vec<RoundBill> {
        let params = &self.plan.encryption.params;
        let ring = params.ring();
        let row = encoded_poly_len(ring, params.key_basis()) as f64;
        let digits = params.digits() as f64;
        let switching = SHARE_HEAD + digits * row;
        let round = |label, kind, bytes: f64| {
            let mut round = RoundBill {
                label,
                share_bytes: bytes,
                ..RoundBill::default()
            };
            (round.each)
                .add(kind, 0, 1.0)
                .add(Kind::Writing, 0, bytes * MB)
                .add(Kind::Hashing, 0, bytes * MB);
            round.fold.add(Kind::Folding, 0, bytes * MB);
            round
        };
        let one = SHARE_HEAD + 2.0 * digits * row;
        let mut rounds = vec![
            round("keys/public", Kind::PublicKeyShare, SHARE_HEAD + row),
            round("keys/relinearisation-1", Kind::RelinearisationOneShare, one),
            round(
                "keys/relinearisation-2",
                Kind::RelinearisationTwoShare,
                switching,
            ),
        ];
        rounds[2].input_bytes = one;
        rounds[2].each.add(Kind::Reading, 0, one * MB);
        let count = self.plan.rotations().len();
        rounds.extend((0..count).map(|_| round("keys/galois", Kind::GaloisShare, switching)));
        // They arrive with the first iteration: the root decodes all, parties those of the first layer.
        let own = self.plan.layout.party_rotations().len() as f64;
        let mut first = RoundBill {
            label: "keys/decoding",
            input_bytes: own * switching,
            ..RoundBill::default()
        };
        first.each.add(Kind::Hashing, 0, own * switching * MB);
        first.root.add(Kind::GaloisFinish, 0, count as f64 + 2.0);
        first.serial.add(Kind::GaloisFinish, 0, own);
        rounds.push(first);
        rounds
    }
}

/// One decomposition, if anything is rotated.
fn at_all(rotations: usize) -> f64 {
    f64::from(u8::from(rotations > 0))
}

/// Version, tag and identity of a share.
const SHARE_HEAD: f64 = 34.0;
