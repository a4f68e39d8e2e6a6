//! Whole encrypted trainings on small rings without security, beside their twins.

use std::sync::Arc;

use tacit_learn::encrypted::LocalRows;
use tacit_learn::model::Samples;
use tacit_learn::neural::encrypted::local::{self, MlpTrained};
use tacit_learn::neural::encrypted::{ErrorCost, IterationCost, MlpPlan};
use tacit_learn::neural::{Descent, MlpConfig};
use tacit_transport::memory::Options;

/// Five deviations of the error that is added before a release.
const RELEASED: f64 = 5.0 / (1 << 20) as f64;

/// Rows as parties bring them.
pub fn boxed<R: LocalRows + Clone + 'static>(parties: &[R]) -> Vec<Box<dyn LocalRows>> {
    let boxed = |rows: &R| Box::new(rows.clone()) as Box<dyn LocalRows>;
    parties.iter().map(boxed).collect()
}

/// Names of as many parties.
pub fn names(parties: usize) -> Vec<String> {
    (0..parties).map(|i| format!("site-{i}")).collect()
}

/// Trains both ways until the twin is done; compares weights and released errors with the twin's, and operations and rounds with
/// the prediction.
pub fn check(config: MlpConfig, parties: &[Samples]) -> (MlpTrained, usize) {
    let mut twin = Descent::new(&config, parties).unwrap();
    while !twin.is_done() {
        twin.step().unwrap();
    }
    let done = twin.iteration();
    let sizes = parties.iter().map(Samples::len).collect();
    let plan = Arc::new(MlpPlan::insecure_toy(config.clone(), sizes).unwrap());
    let (names, options) = (names(parties.len()), Options::default());
    let trained = local::train(&plan, &names, boxed(parties), &options, |_| {}).unwrap();
    let difference = trained.weights.max_abs_diff(twin.weights());
    assert!(
        difference < 1e-5,
        "{config:?}: weights differ by {difference:e}"
    );
    let released = twin.released_errors();
    assert_eq!(trained.errors.len(), released.len());
    for (found, expected) in trained.errors.iter().zip(released) {
        assert!(
            (found - expected).abs() < RELEASED,
            "{found} is not {expected}"
        );
    }

    let (cost, measuring) = (IterationCost::of(&plan), ErrorCost::of(&plan));
    for found in &trained.parties {
        assert_eq!(*found, cost.party.times(done));
    }
    let measured = measuring.root.times(released.len());
    assert_eq!(trained.root, cost.root.times(done).plus(measured));
    let labelled = |prefix: &str| {
        let rounds = trained.rounds.iter();
        let those = rounds.filter(|r| r.label.as_str().starts_with(prefix));
        those.count()
    };
    assert_eq!(labelled("train/"), cost.rounds * done);
    assert_eq!(labelled("stop/"), measuring.rounds * released.len());
    (trained, done)
}
