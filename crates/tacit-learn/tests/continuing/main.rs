//! Trainings that lose a party and go on without it, in memory, compared with the twin.

mod cohort;
mod points;

use std::sync::Arc;

use cohort::{Cohort, Parties};
use tacit_learn::encrypted::{
    EncryptedError, EncryptionPlan, GlmParty, LocalRows, Querier, SessionPlan, local,
};
use tacit_learn::model::{Curvature, Family, GlmConfig, Momentum, Samples};
use tacit_learn::twin;
use tacit_mhe::PartySecret;
use tacit_ring::Seed;
use tacit_session::plan::Threshold;
use tacit_session::simulation::Simulation;
use tacit_session::{Application, Continuation, PartyIndex, SessionContext};
use tacit_transport::memory::Options;

/// Rounds before the first gradient: two that open the session, three and one per rotation for keys, two for
/// sub-shares, two for the curvature.
fn first_gradient(cohort: &Cohort) -> u32 {
    let layout = cohort.config.layout().unwrap();
    let rotations = cohort.plan.encryption.rotations(&layout);
    2 + 3 + rotations.len() as u32 + 2 + 2
}

fn places(of: &[u16]) -> Vec<PartyIndex> {
    of.iter().copied().map(PartyIndex).collect()
}

fn leave(parties: &mut Parties) {
    parties
        .iter_mut()
        .flatten()
        .for_each(GlmParty::leave_unfinished);
}

fn accuracy(weights: &tacit_learn::model::Weights, rows: &Samples) -> f64 {
    let metrics = tacit_learn::metrics::evaluate(Family::Logistic, weights, rows).unwrap();
    metrics.accuracy.unwrap()
}

#[test]
fn a_training_goes_on_without_a_party_from_any_round_and_equals_its_twin() {
    // (parties, t, who takes part, who holds the key)
    let casts: [(usize, u16, &[u16], &[u16]); 3] = [
        (3, 2, &[0, 1], &[0, 1]),
        (4, 2, &[0, 1, 3], &[1, 3]),
        (4, 3, &[0, 1, 3], &[0, 1, 3]),
    ];
    for (parties, t, among, holders) in casts {
        let cohort = Cohort::new(parties, t, 5, true);
        let gone = (0..parties as u16).find(|p| !among.contains(p)).unwrap();
        let first = first_gradient(&cohort);
        // It is away in a gradient, in a refresh, and in the last round before the release.
        for round in [first + 2, first + 5, first + 9] {
            let mut all = cohort.all();
            let session = cohort.simulation(1, None);
            let gone = PartyIndex(gone);
            let done = cohort.run(&session, &mut all, Some((gone, round)));
            assert!(!done.unwrap());
            leave(&mut all);
            let root = all[0].as_ref().unwrap();
            let next = Continuation {
                attempt: 1,
                participants: places(among),
                holders: places(holders),
                origin: root.origin().unwrap(),
            };
            all[gone.as_usize()] = None;
            let querier = cohort.ask(&mut all);
            let on = cohort.simulation(2, Some(next.clone()));
            assert!(cohort.run(&on, &mut all, None).unwrap());

            let root = all[0].as_ref().unwrap();
            let from = ((round - first) / 2) as usize;
            let expected = cohort.twin(root.curvature_bound(), gone.as_usize(), from);
            let found = root.released_model().unwrap();
            let difference = found.max_abs_diff(&expected).unwrap();
            assert!(difference < 1e-4, "{among:?} of {parties}: {difference:e}");
            cohort.check_answer(&all, &querier, &expected);
            let whole = cohort.twin(root.curvature_bound(), gone.as_usize(), 99);
            let loss = accuracy(&whole, &cohort.test) - accuracy(found, &cohort.test);
            assert!(loss.abs() < 0.05, "accuracy falls by {loss}");

            // Later, the same answer again.
            let querier = cohort.ask(&mut all);
            let later = cohort.simulation(3, Some(next));
            assert!(cohort.run(&later, &mut all, None).unwrap());
            cohort.check_answer(&all, &querier, &expected);
        }
    }
}

#[test]
fn parties_come_and_go_between_attempts_and_attempts_only_grow() {
    let cohort = Cohort::new(4, 2, 6, false);
    let first = first_gradient(&cohort);
    let mut all = cohort.all();
    let [one, two, three] = [1, 2, 3].map(PartyIndex);
    let done = cohort.run(
        &cohort.simulation(1, None),
        &mut all,
        Some((three, first + 3)),
    );
    assert!(!done.unwrap());
    let origin = all[0].as_ref().unwrap().origin().unwrap();
    let attempt = |n, among: &[u16]| Continuation::among(n, places(among), 2, origin);
    let on = |seed, with: Continuation| cohort.simulation(seed, Some(with));

    // Not before it has left the session.
    let said = |all: &mut Parties, simulation: &Simulation| {
        let context = context_of(simulation, one, cohort.rows.len() as u16);
        let refused = all[1].as_mut().unwrap().begin(&context);
        refused.unwrap_err().to_string()
    };
    let early = said(&mut all, &on(2, attempt(1, &[0, 1, 2])));
    assert!(early.contains("still under way"), "{early}");

    leave(&mut all);
    // Without party 3 for some rounds, then without party 2, then all of them again.
    let mut away = all[3].take();
    let done = cohort.run(&on(2, attempt(1, &[0, 1, 2])), &mut all, Some((two, 6)));
    assert!(!done.unwrap());
    leave(&mut all);
    for earlier in [attempt(1, &[0, 1, 2]), attempt(1, &[0, 1])] {
        let refused = said(&mut all, &on(3, earlier));
        assert!(refused.contains("is not later"), "{refused}");
    }
    let with_all = said(&mut all, &cohort.simulation(3, None));
    assert!(with_all.contains("attempt 1"), "{with_all}");
    let other = Continuation {
        origin: tacit_session::Digest::of(b"another"),
        ..attempt(3, &[0, 1])
    };
    let other = said(&mut all, &on(3, other));
    assert!(other.contains("keys of another session"), "{other}");

    all[3] = away.take();
    let lost = all[2].take();
    let done = cohort.run(&on(3, attempt(2, &[0, 1, 3])), &mut all, Some((three, 4)));
    assert!(!done.unwrap());
    leave(&mut all);
    all[2] = lost;
    all[2].as_mut().unwrap().leave_unfinished();
    let querier = cohort.ask(&mut all);
    assert!(
        cohort
            .run(&on(4, attempt(7, &[0, 1, 2, 3])), &mut all, None)
            .unwrap()
    );
    // Party 3 was away from iteration 1; two iterations later party 2 was; the last was given up and made by all.
    let root = all[0].as_ref().unwrap();
    let config = GlmConfig {
        curvature: Curvature::Bound(root.curvature_bound()),
        ..cohort.config.clone()
    };
    let descent = twin::Descent::new(&config, &cohort.rows).unwrap();
    // Attempt 1 was given up in its second refresh: rounds 2 to 6 are checkpoint, 1, 1, 2, 2.
    let expected = descent.without(3, 1..2).run().unwrap().weights;
    cohort.check_answer(&all, &querier, &expected);
}

#[test]
fn a_party_lost_after_the_training_is_not_needed_for_answers() {
    let cohort = Cohort::new(3, 2, 2, false);
    let mut all = cohort.all();
    let session = cohort.simulation(1, None);
    assert!(cohort.run(&session, &mut all, None).unwrap());
    // It is lost while all of them answer: shares of the others have left.
    let (querier, query) = cohort.query(&all);
    cohort.submit(&mut all, &query);
    let answering = cohort.simulation(2, None);
    let gone = Some((PartyIndex(2), 2));
    assert!(!cohort.run(&answering, &mut all, gone).unwrap());
    leave(&mut all);
    let origin = all[0].as_ref().unwrap().origin().unwrap();
    let next = Continuation::among(1, places(&[0, 1]), 2, origin);
    // The same query once more, and it is another ciphertext that is answered.
    cohort.submit(&mut all, &query);
    let again = cohort.simulation(3, Some(next.clone()));
    assert!(cohort.run(&again, &mut all, None).unwrap());
    let root = all[0].as_ref().unwrap();
    let expected = cohort.twin(root.curvature_bound(), 2, 99);
    cohort.check_answer(&all, &querier, &expected);
    // Whoever starts anew knows the training, and not what was answered since.
    for (seed, anew) in (4..).zip([vec![], vec![0], vec![1], vec![0, 1], vec![1]]) {
        for me in anew {
            all[me] = Some(cohort.restarted(me, 1));
        }
        let querier = cohort.ask(&mut all);
        let later = cohort.simulation(seed, Some(next.clone()));
        assert!(cohort.run(&later, &mut all, None).unwrap(), "seed {seed}");
        cohort.check_answer(&all, &querier, &expected);
    }
}

fn context_of(simulation: &Simulation, me: PartyIndex, parties: u16) -> SessionContext {
    SessionContext {
        session: tacit_session::Digest::of(b"a session"),
        crs_seed: [3; 32],
        plan: simulation.plan.digest().unwrap(),
        roster: simulation.roster().unwrap().digest(),
        me,
        parties,
        participants: simulation.participants(),
        continuation: simulation.continuation.clone(),
        announcements: vec![Vec::new(); simulation.participants().len()].into(),
    }
}

#[test]
fn until_there_is_something_to_go_on_from_all_parties_are_needed_and_it_is_said() {
    let cohort = Cohort::new(3, 2, 2, true);
    let first = first_gradient(&cohort);
    let gone = PartyIndex(2);
    let refusals = [
        (first - 5, "not everybody has its sub-shares"), // the last key
        (first - 4, "not everybody has its sub-shares"),
        (first - 3, "not everybody has its sub-shares"),
        (first - 2, "no iteration is complete"),
        (first + 1, "no iteration is complete"),
        (first + 2, ""),
        (first + 3, ""),
        (first + 4, "the model's release had begun"),
        (first + 5, ""), // the end of the session
    ];
    for (round, problem) in refusals {
        let mut all = cohort.all();
        let session = cohort.simulation(1, None);
        let done = cohort.run(&session, &mut all, Some((gone, round)));
        assert!(!done.unwrap(), "round {round}");
        leave(&mut all);
        let root = all[0].as_ref().unwrap();
        let next = Continuation::among(1, places(&[0, 1]), 2, root.origin().unwrap());
        let on = cohort.simulation(2, Some(next));
        match root.can_go_on(true) {
            Ok(()) => {
                assert_eq!(problem, "", "round {round}");
                assert!(cohort.run(&on, &mut all, None).unwrap());
                let released = |me: usize| all[me].as_ref().unwrap().released_model().cloned();
                assert!(released(0).is_some() && released(0) == released(1));
            }
            Err(refused) => {
                assert!(matches!(refused, EncryptedError::Continuation(_)));
                let refused = refused.to_string();
                assert!(
                    !problem.is_empty() && refused.contains(problem),
                    "round {round}: {refused}"
                );
                let stopped = cohort.run(&on, &mut all, None).unwrap_err();
                assert!(stopped.to_string().contains(problem), "{stopped}");
            }
        }
    }
    // And a plan without threshold has no such sessions.
    let encryption = EncryptionPlan::insecure_toy(&cohort.config, 3).unwrap();
    let plan = SessionPlan {
        encryption,
        ..(*cohort.plan).clone()
    };
    let secret = PartySecret::from_seed(&plan.encryption.params, &Seed::from_bytes([1; 32]));
    let rows = Box::new(cohort.rows[0].clone());
    let party = GlmParty::new(Arc::new(plan), secret, rows).unwrap();
    assert!(party.announcement().is_empty());
    let refused = party.can_go_on(false).unwrap_err().to_string();
    assert!(refused.contains("all parties are needed"), "{refused}");
}

#[test]
fn momentum_goes_on_from_the_weights_before_the_last() {
    for momentum in [Momentum::None, Momentum::HeavyBall { mu: 0.5 }] {
        let mut cohort = Cohort::new(3, 2, 4, true);
        cohort.config.momentum = momentum;
        let mut plan = (*cohort.plan).clone();
        plan.config.momentum = momentum;
        cohort.plan = Arc::new(plan);
        let mut all = cohort.all();
        let round = first_gradient(&cohort) + 4;
        let gone = PartyIndex(1);
        let session = cohort.simulation(1, None);
        assert!(!cohort.run(&session, &mut all, Some((gone, round))).unwrap());
        leave(&mut all);
        let origin = all[0].as_ref().unwrap().origin().unwrap();
        let next = Continuation::among(1, places(&[0, 2]), 2, origin);
        assert!(
            cohort
                .run(&cohort.simulation(2, Some(next)), &mut all, None)
                .unwrap()
        );
        let root = all[0].as_ref().unwrap();
        let expected = cohort.twin(root.curvature_bound(), 1, 2);
        let difference = root.released_model().unwrap().max_abs_diff(&expected);
        assert!(difference.unwrap() < 1e-4);
    }
}

#[test]
fn sub_shares_that_no_payload_of_the_plan_holds_are_refused_before_anything_begins() {
    let config = GlmConfig::new(Family::Logistic, 4);
    let names: Vec<String> = (0..8).map(|i| format!("site-{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut plan = tacit_session::Plan::draft("wide", "logistic", &names);
    config.write_to_plan(&mut plan).unwrap();
    let without = EncryptionPlan::agreed(&plan, &config).unwrap();
    plan.threshold = Some(Threshold { t: 5 });
    let with = EncryptionPlan::agreed(&plan, &config).unwrap();
    assert_eq!((without.threshold, with.threshold), (None, Some(5)));
    // Masks for twice as many refreshes.
    assert_eq!(with.mask.bits(), without.mask.bits() + 1);
    let bytes = with.threshold_bytes();
    assert!((40 << 20..60 << 20).contains(&bytes), "{bytes}");
    plan.limits.max_payload_bytes = bytes - 1;
    let refused = EncryptionPlan::agreed(&plan, &config).unwrap_err();
    let said = refused.to_string();
    assert!(said.contains("limits.max_payload_bytes") && said.contains("8 parties"));
}

#[test]
fn a_training_with_a_threshold_that_loses_nobody_is_as_any_other() {
    let cohort = Cohort::new(3, 2, 3, true);
    let names: Vec<String> = (0..3).map(|i| format!("site-{i}")).collect();
    let rows = cohort.rows.iter().cloned();
    let rows = rows.map(|rows| Box::new(rows) as Box<dyn LocalRows>);
    let options = Options::default();
    let mut trained = local::train(&cohort.plan, &names, rows.collect(), &options, |_| {}).unwrap();
    let expected = cohort.twin(trained.curvature_bound(), 0, 99);
    let found = trained.released_model().unwrap();
    assert!(found.max_abs_diff(&expected).unwrap() < 1e-4);
    let querier = Querier::new(&cohort.config, &cohort.plan.encryption).unwrap();
    let key = trained.collective_key().unwrap().clone();
    let query = querier.ask(&key, [cohort.test.row(0)].into_iter()).unwrap();
    let answers = trained.answer(vec![query], &options, |_| {}).unwrap();
    let found = querier.read(&answers.answers[0], 1).unwrap()[0][0];
    assert!((found - expected.predictor(0, cohort.test.row(0))).abs() < 1e-3);
}
