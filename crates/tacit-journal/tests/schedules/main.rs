//! Seeded schedules over the real state machines, journals, ledgers and (on a ring of sixteen slots)
//! the real protocols: lost, repeated, reordered and damaged frames, power cuts at any operation of a
//! disk, restarts, restored backups, parties that stay away, a root that asks for too much.
//!
//! What must hold, checked whenever a frame leaves ([`watch`]) and at the end ([`story`]):
//!
//! 1. never two different frames of a party for one round, or shares on one c_1 under one key, in
//!    whatever session;
//! 2. nothing leaves that is not on the disk, and no share on a c_1 that is not in the ledger there;
//! 3. never a release outside the plan, nor a product that gives a party's data away;
//! 4. at the end the model of the undisturbed session, bit for bit; or a pause that says for whom; or,
//!    where the root asked for what it must not have, a refusal that says why.
//!
//! `TACIT_SCHEDULES=100000 cargo test --release -p tacit-journal --test schedules -- --nocapture thousand`
//! runs more of them and prints how many and how long.

mod bad_input;
mod mutations;
mod story;
mod training;
mod watch;

use std::collections::BTreeMap;
use std::time::Instant;

use story::{References, Schedule, Story, Tally, Verdict, run};
use tacit_session::PartyIndex;
use tacit_session::plan::TopologyPlan;

fn sweep(name: &str, seeds: impl Iterator<Item = u64>) -> (BTreeMap<String, usize>, Tally) {
    let (began, mut references) = (Instant::now(), References::default());
    let (mut endings, mut sum, mut count) = (BTreeMap::<String, usize>::new(), Tally::default(), 0);
    for seed in seeds {
        let schedule = Schedule::of(seed);
        let (verdict, tally) = run(schedule, &mut references).unwrap_or_else(|e| panic!("{e}"));
        *endings
            .entry(format!("{:?} {verdict:?}", schedule.story))
            .or_default() += 1;
        sum.add(tally);
        count += 1;
    }
    let took = began.elapsed().as_secs_f64();
    println!("{name}: {count} schedules in {took:.1} s: {endings:?}; {sum:?}");
    (endings, sum)
}

/// Half of the seeds: two tests use two processors.
fn a_thousand(half: u64) {
    let count = std::env::var("TACIT_SCHEDULES").map_or(1000, |n| n.parse().unwrap());
    let (endings, sum) = sweep("half", (0..count).filter(|seed| seed % 2 == half));
    for ending in [
        "Training Right",
        "AwayAndBack Right",
        "GoneThenResumed Right",
        "GoneThenResumed PausedThenRight",
        "GoneAndOthersGoOn OthersWentOn",
        "GoneAndOthersGoOn OthersWentOnTwice",
        "GoneAndOthersGoOn AllAreNeeded",
        "AskedAgain Refused",
        "ReleasedAgain Right",
        "AskedTooMuch Refused",
    ] {
        assert!(
            endings.contains_key(ending),
            "no schedule ended so: {ending}"
        );
    }
    let enough = sum.crashes > 100 && sum.noticed > 5 && sum.unnoticed > 5 && sum.faults > 100;
    assert!(enough, "the weather was too fair: {sum:?}");
}

#[test]
fn a_thousand_schedules_keep_every_condition_even_seeds() {
    a_thousand(0);
}

#[test]
fn a_thousand_schedules_keep_every_condition_odd_seeds() {
    a_thousand(1);
}

#[test]
fn a_power_cut_at_every_operation_of_every_disk_ends_with_the_same_model() {
    let mut references = References::default();
    let shape = TopologyPlan::Tree { arity: 2 };
    for party in (0..4).map(PartyIndex) {
        for operation in 0.. {
            let calm = Schedule::calm(Story::Training, 4, shape);
            let schedule = Schedule {
                seed: operation as u64,
                cut: Some((party, operation)),
                ..calm
            };
            let (verdict, tally) = run(schedule, &mut references).unwrap();
            assert_eq!(verdict, Verdict::Right);
            if tally.crashes == 0 {
                assert!(operation > 60, "only {operation} operations");
                break;
            }
        }
    }
}
