//! Errors that are released for an early stop, and the model at the end.

use super::super::super::MlpPlan;
use super::super::super::plan::LEVELS;
use super::super::super::stop::total_rotations;
use super::super::operation::Kind;
use super::{MB, RoundBill, Sizes};

/// One error, measured, raised and released.
pub fn error(plan: &MlpPlan) -> Vec<RoundBill> {
    let sizes = Sizes::of(plan);
    let mut measure = sizes.named("stop/measure");
    sizes.refreshed(&mut measure, sizes.groups, LEVELS, 1.0);
    sizes.weighing(&mut measure, LEVELS);
    let rotations = total_rotations(&plan.layout).len() as f64;
    (measure.root).add(Kind::Pointwise, 2, sizes.groups);
    (measure.serial)
        .add(Kind::Encoding, 0, sizes.groups)
        .add(Kind::Encryption, 0, sizes.groups)
        .add(Kind::Addition, 0, sizes.groups + rotations)
        .add(Kind::Rotation, 0, rotations);
    sizes.ask(&mut measure.serial, sizes.ct(0));
    let raise = sizes.raised("stop/raise", 1.0);
    vec![measure, raise, sizes.released("stop/release", 1.0)]
}

/// The model, raised and released.
pub fn model(plan: &MlpPlan) -> Vec<RoundBill> {
    let sizes = Sizes::of(plan);
    vec![
        sizes.raised("model/raise", sizes.weights),
        sizes.released("model/release", sizes.weights),
    ]
}

impl Sizes<'_> {
    fn named(&self, label: &'static str) -> RoundBill {
        RoundBill {
            label,
            ..RoundBill::default()
        }
    }

    fn raised(&self, label: &'static str, count: f64) -> RoundBill {
        let mut round = self.named(label);
        self.refresh(&mut round, count, self.plan.levels, 0.0);
        self.ask(&mut round.serial, count * self.ct(self.plan.levels));
        round
    }

    fn released(&self, label: &'static str, count: f64) -> RoundBill {
        let mut round = self.named(label);
        let (ct, share) = (
            self.ct(self.plan.levels),
            super::SHARE_HEAD + self.poly(self.plan.levels),
        );
        (round.each)
            .add(Kind::Reading, 0, count * ct * MB)
            .add(Kind::ReleaseShare, 0, count)
            .add(Kind::Writing, 0, count * share * MB)
            .add(Kind::Hashing, 0, count * (share + ct) * MB);
        round.fold.add(Kind::Folding, 0, count * share * MB);
        (round.root)
            .add(Kind::Reading, 0, count * share * MB)
            .add(Kind::ReleaseFinish, 0, count);
        round.input_bytes = count * ct;
        round.share_bytes = count * share;
        round
    }
}
