//! What journals of several parties prove together.

use tacit_session::evidence::{Contradiction, contradictions};
use tacit_session::simulation::{Outcome, Simulation, Tally};
use tacit_session::{FrameKind, MemoryJournal, Party, PartyIndex, SignedHeader};

const ROUNDS: u32 = 2;

/// A session in which party 1 has this value.
fn run(table: &Simulation, value: u64) -> Outcome<Tally> {
    let value_of = |party: PartyIndex| match party.0 {
        1 => value,
        i => 10 + u64::from(i),
    };
    table
        .run(|party| Tally::new(value_of(party), ROUNDS))
        .unwrap()
}

fn heads(outcome: &Outcome<Tally>) -> Vec<SignedHeader> {
    outcome
        .journals
        .iter()
        .flat_map(|journal| journal.heads())
        .collect()
}

#[test]
fn journals_of_an_honest_session_contradict_nothing_however_often_they_are_read() {
    let table = Simulation::new(4, 5);
    let mut all = heads(&run(&table, 5));
    all.extend(all.clone());
    assert!(all.len() > 40);
    assert!(contradictions(&table.roster().unwrap(), all).is_empty());
}

#[test]
fn a_party_that_signed_two_shares_of_one_round_is_named_from_two_journals() {
    // The same nonces, and so the same session; party 1 says one thing to one and another to the other.
    let table = Simulation::new(4, 3);
    let roster = table.roster().unwrap();
    let (one, other) = (run(&table, 5), run(&table, 6));
    let roots = [&one, &other].map(|outcome| outcome.journals[0].heads());
    let found = contradictions(&roster, roots.concat());
    let in_round_two: Vec<_> = found
        .iter()
        .filter(|c| c.heads()[0].header().round == 2)
        .collect();
    let [proof] = in_round_two.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!((proof.culprit(), proof.name()), (PartyIndex(1), "party-1"));
    assert_eq!(
        proof.to_string(),
        "`party-1` signed two different share frames for round 2"
    );
    // What follows from it, the root signed twice, too: its inputs of the next round.
    let asked_twice = |c: &&Contradiction| c.heads()[0].header().kind == FrameKind::Input;
    assert!(
        found
            .iter()
            .filter(asked_twice)
            .all(|c| c.culprit() == PartyIndex::ROOT)
    );
    assert!(found.iter().any(|c| asked_twice(&c)));
}

#[test]
fn evidence_convinces_whoever_has_the_roster_and_nothing_else_passes_for_it() {
    let table = Simulation::new(4, 3);
    let roster = table.roster().unwrap();
    let all = [heads(&run(&table, 5)), heads(&run(&table, 6))].concat();
    let proof = contradictions(&roster, all.clone()).remove(0);
    let bytes = proof.encode();
    assert_eq!(Contradiction::decode(&roster, &bytes).unwrap(), proof);
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        assert!(
            Contradiction::decode(&roster, &flipped).is_err(),
            "byte {at}"
        );
        assert!(Contradiction::decode(&roster, &bytes[..at]).is_err());
    }
    assert!(Contradiction::decode(&roster, &[&bytes[..], &[0]].concat()).is_err());
    let other = Simulation::new(5, 3).roster().unwrap();
    assert!(Contradiction::decode(&other, &bytes).is_err(), "other keys");
    // A head does not contradict itself, nor one about something else.
    let [one, two] = proof.heads();
    assert!(Contradiction::between(&roster, one, one).is_none());
    let elsewhere = all
        .iter()
        .find(|head| head.header().round != one.header().round);
    assert!(Contradiction::between(&roster, two, elsewhere.unwrap()).is_none());
}

#[test]
fn sessions_of_one_plan_open_under_ids_of_their_own_and_contradict_nothing() {
    let table = Simulation::new(4, 3);
    let opened = |number| {
        let seat = table.seat(PartyIndex::ROOT, 0).unwrap().numbered(number);
        let party = Party::new(seat, Tally::new(1, ROUNDS), MemoryJournal::new()).unwrap();
        party.agreement()
    };
    assert_eq!(opened(0), opened(0));
    assert_ne!(opened(0), opened(1));
    assert_ne!(opened(1), opened(2));
}
