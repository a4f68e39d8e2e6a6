//! The first layer, dense or a convolution.

use super::super::super::super::StepMomentum;
use super::super::super::super::packed::{ConvolutionLayout, Side, Split};
use super::super::operation::{Bill, Kind};
use super::{MB, RoundBill, Sizes, at_all};

impl Sizes<'_> {
    pub(super) fn forward(&self) -> RoundBill {
        let mut each = Bill::new();
        let weights = self.plan.weights_above(1);
        each.add(Kind::Reading, 0, self.first * self.ct(weights) * MB);
        // Where predictors come from the parties.
        let at = match &self.plan.convolution {
            None => self.dense_forward(&mut each),
            Some(layout) => Self::tiled_forward(&mut each, layout),
        };
        let predictors = self.plan.first_predictors() as f64;
        each.add(Kind::Rerandomisation, at, predictors)
            .add(Kind::Encoding, 0, 1.0)
            .add(Kind::Encryption, 0, 1.0);
        let share = predictors * self.ct(at.into()) + self.ct(0);
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
        let mut root = Bill::new();
        match &self.plan.convolution {
            None => self.ask(&mut serial, self.parties * self.ct(0)),
            Some(layout) => {
                serial.add(Kind::Addition, at, added * predictors);
                self.pooled(&mut root, layout);
                self.ask(&mut serial, self.groups * self.ct(0));
            }
        }
        RoundBill {
            label: "train/forward",
            each,
            fold,
            root,
            serial,
            input_bytes: self.first * self.ct(weights),
            share_bytes: share,
            gathers: true,
        }
    }

    fn dense_forward(&self, each: &mut Bill) -> u8 {
        let Split { baby, giant } = self.plan.layout.first_split();
        let (j, products) = (self.first, self.first * self.batch);
        each.add(Kind::PeriodicEncoding, 1, products)
            .add(Kind::Decomposition, 1, j * at_all(baby - 1))
            .add(Kind::Hoisted, 1, j * (baby - 1) as f64)
            .add(Kind::PeriodicProduct, 1, products)
            .add(Kind::Rotation, 1, (giant - 1) as f64)
            .add(Kind::Addition, 1, (giant - 1) as f64)
            .add(Kind::Rescaling, 1, 1.0);
        0
    }

    fn tiled_forward(each: &mut Bill, layout: &ConvolutionLayout) -> u8 {
        let Split { baby, giant } = layout.split();
        let (tiles, offsets) = (layout.tiles() as f64, layout.offsets() as f64);
        let taps = layout.taps() as f64;
        let turned = tiles * offsets * (giant - 1) as f64;
        each.add(Kind::PeriodicEncoding, 3, offsets * taps)
            .add(Kind::Decomposition, 3, tiles * at_all(baby - 1))
            .add(Kind::Hoisted, 3, tiles * (baby - 1) as f64)
            .add(Kind::PeriodicProduct, 3, tiles * offsets * taps)
            .add(Kind::Rotation, 3, turned)
            .add(Kind::Addition, 3, turned)
            .add(Kind::Rescaling, 3, tiles * offsets);
        2
    }

    /// A convolution's activations, pooled, and the predictors of the layer above from all tiles.
    fn pooled(&self, root: &mut Bill, layout: &ConvolutionLayout) {
        let (tiles, offsets) = (layout.tiles() as f64, layout.offsets() as f64);
        root.add(Kind::Product, 2, tiles * offsets * self.groups)
            .add(Kind::Relinearisation, 2, tiles * self.groups)
            .add(Kind::Rescaling, 2, tiles * self.groups);
        if self.plan.activation.constant() != 0.0 {
            root.add(Kind::Encoding, 1, tiles * self.groups);
        }
        let giant = self.plan.layout.hidden_split().giant as f64;
        let counts = (self.plan.layout).apply_sum_counts(Side::of_layer(1), layout.tiles());
        Self::layers(root, 1, counts, tiles * (1.0 + giant + self.groups));
        root.add(Kind::Rescaling, 1, self.groups);
    }

    /// The first layer's gradient; after the last batch, the step.
    pub(super) fn gradient(&self, last: bool) -> RoundBill {
        let mut each = Bill::new();
        let received = match &self.plan.convolution {
            None => self.dense_gradient(&mut each),
            Some(layout) => self.tiled_gradient(&mut each, layout),
        };
        each.add(Kind::Reading, 0, received * MB)
            .add(Kind::Rescaling, 1, self.first)
            .add(Kind::Rerandomisation, 0, self.first);
        let share = self.first * self.ct(0);
        each.add(Kind::Writing, 0, share * MB)
            .add(Kind::Copying, 0, share * MB)
            .add(Kind::Hashing, 0, share * MB);
        let mut fold = Bill::new();
        fold.add(Kind::Folding, 0, share * MB);
        let mut serial = Bill::new();
        serial
            .add(Kind::Reading, 0, share * MB)
            .add(Kind::Addition, 0, self.weights);
        if last {
            self.step(&mut serial);
            self.ask(&mut serial, self.weights * self.ct(0));
        } else {
            let weights = self.plan.weights_above(1);
            self.ask(&mut serial, self.first * self.ct(weights));
        }
        RoundBill {
            label: "train/gradient",
            each,
            fold,
            serial,
            input_bytes: self.groups * received,
            share_bytes: share,
            ..RoundBill::default()
        }
    }

    /// Bytes of the errors of one group.
    fn dense_gradient(&self, each: &mut Bill) -> f64 {
        let Split { baby, giant } = self.plan.layout.first_split();
        let (j, products) = (self.first, self.first * self.batch);
        each.add(Kind::Encoding, 2, 1.0)
            .add(Kind::PlainProduct, 2, 1.0)
            .add(Kind::Rescaling, 2, 1.0)
            .add(Kind::Decomposition, 1, 1.0 + at_all(giant - 1))
            .add(Kind::Hoisted, 1, self.blocks - 1.0 + (giant - 1) as f64)
            .add(Kind::Addition, 1, self.blocks - 1.0)
            .add(Kind::PeriodicProduct, 1, products)
            .add(Kind::Rotation, 1, j * (baby - 1) as f64)
            .add(Kind::Addition, 1, j * (baby - 1) as f64);
        self.ct(2)
    }

    fn tiled_gradient(&self, each: &mut Bill, layout: &ConvolutionLayout) -> f64 {
        let Split { baby, giant } = layout.split();
        let (tiles, offsets) = (layout.tiles() as f64, layout.offsets() as f64);
        let (errors, turned) = (tiles * offsets, tiles * (baby - 1) as f64);
        each.add(Kind::Decomposition, 1, errors * at_all(giant - 1))
            .add(Kind::Hoisted, 1, errors * (giant - 1) as f64)
            .add(Kind::PeriodicProduct, 1, errors * layout.taps() as f64)
            .add(Kind::Rotation, 1, turned)
            .add(Kind::Addition, 1, turned);
        errors * self.ct(1)
    }

    /// All weights after a step, before their refresh.
    fn step(&self, serial: &mut Bill) {
        // Nesterov's point is formed with integers, which costs little.
        let previous = match self.plan.config.momentum {
            StepMomentum::HeavyBall { mu } if mu != 0.0 => 1.0,
            _ => 0.0,
        };
        serial
            .add(Kind::Encoding, 1, (1.0 + previous) * self.first)
            .add(Kind::PlainProduct, 1, (1.0 + previous) * self.weights)
            .add(Kind::Rescaling, 1, self.weights);
        if let Some(layout) = &self.plan.convolution {
            let folded = self.first * layout.fold_counts().rotations as f64;
            serial
                .add(Kind::Rotation, 0, folded)
                .add(Kind::Addition, 0, folded);
        }
    }
}
