//! The suite is worth what it notices: with each of these mistakes it must fail.

use crate::story::{References, Schedule, Story, run};
use crate::training::Flaw;

/// A schedule notices the mistake, for the reason given, and passes without it.
fn noticed(flaw: Flaw, story: Story, reason: &str) {
    let mut references = References::default();
    let stormy = |seed| Schedule {
        story,
        ..Schedule::of(seed)
    };
    let mut otherwise = String::new();
    for seed in 0..400 {
        let flawed = Schedule {
            flaw: Some(flaw),
            ..stormy(seed)
        };
        let Err(problem) = run(flawed, &mut References::default()) else {
            continue;
        };
        if !problem.contains(reason) {
            otherwise = problem;
            continue;
        }
        println!("{flaw:?}: seed {seed}: {problem}");
        run(stormy(seed), &mut references).unwrap_or_else(|e| panic!("without the flaw: {e}"));
        return;
    }
    panic!("{flaw:?} was not noticed as expected, but: {otherwise}");
}

#[test]
fn a_journal_that_is_written_after_the_frame_has_left_is_noticed() {
    noticed(
        Flaw::JournalAfterSend,
        Story::Training,
        "it is not in the journal",
    );
}

#[test]
fn noise_that_is_not_bound_to_the_inputs_is_noticed() {
    noticed(Flaw::NoiseOfTheProcess, Story::Training, "two different");
}

#[test]
fn a_restored_backup_of_the_ledger_and_its_mark_is_noticed() {
    noticed(
        Flaw::BackupRestored,
        Story::AskedAgain,
        "two different shares on one c_1",
    );
}

#[test]
fn a_ledger_that_is_not_kept_per_c1_across_sessions_is_noticed() {
    noticed(
        Flaw::LedgerPerSession,
        Story::AskedAgain,
        "two different shares on one c_1",
    );
}

#[test]
fn a_product_that_is_not_rerandomised_is_noticed() {
    noticed(
        Flaw::ProductsAsTheyAre,
        Story::Training,
        "gives the party's datum away",
    );
}

#[test]
fn a_checkpoint_that_is_not_rerandomised_before_its_release_is_noticed() {
    noticed(Flaw::CheckpointAsItWas, Story::ReleasedAgain, "already");
}

#[test]
fn a_checkpoint_that_is_not_rerandomised_after_a_pause_is_noticed() {
    noticed(Flaw::CheckpointAsItWas, Story::GoneThenResumed, "already");
}

#[test]
fn parties_that_answer_outside_the_plan_are_noticed() {
    noticed(
        Flaw::AnswersAnything,
        Story::AskedTooMuch,
        "a release outside the plan",
    );
}

#[test]
fn a_checkpoint_that_is_not_rerandomised_under_a_new_active_set_is_noticed() {
    noticed(Flaw::CheckpointAsItWas, Story::GoneAndOthersGoOn, "already");
}

#[test]
fn protocols_named_by_the_session_before_are_noticed() {
    noticed(
        Flaw::SessionIdReused,
        Story::GoneAndOthersGoOn,
        "a protocol of another session",
    );
}

#[test]
fn a_release_that_is_begun_again_under_a_new_active_set_is_noticed() {
    noticed(
        Flaw::ReleasesTwice,
        Story::GoneAndOthersGoOn,
        "a release outside the plan",
    );
}
