//! Each wrong frame is named, blames the right party and harms nothing.

use zeroize::Zeroizing;

use super::*;
use crate::error::Misbehaviour;
use crate::evidence::Contradiction;
use crate::journal::Record;

const TALLY: &str = "tally";

#[test]
fn a_frame_from_outside_the_roster_is_refused() {
    let mut table = Table::star();
    table.run_to(0, 3);
    let stranger = IdentityKey::from_seed(&Zeroizing::new([9; 32]));
    for (sender, expected) in [(7, "not in the roster"), (1, "not the claimed sender's")] {
        let place = (table.session(3), 3, PartyIndex(sender));
        let claim = Some(ShareClaim {
            input: table.asked(3),
            contributors: PartySet::full(3),
        });
        let label = Label::new(TALLY).unwrap();
        let frame = Frame::seal(
            &stranger,
            FrameKind::Share,
            place,
            label,
            claim,
            vec![0; 16].into(),
        );
        table.deliver(0, &frame);
        let fault = table.fault();
        assert_eq!(
            fault.culprit, None,
            "an impostor proves nothing about whom it imitates"
        );
        assert!(fault.to_string().contains(expected), "{fault}");
    }
    table.finish();
}

#[test]
fn frames_replayed_from_an_earlier_session_are_refused_and_it_goes_on() {
    for topology in [TopologyPlan::Star, TopologyPlan::Tree { arity: 2 }] {
        let mut old = Table::new(5, topology);
        old.run();
        let mut table = Table::of_life(5, topology, 1);
        let mut now = Duration::ZERO;
        // Every old frame, again and again, between the steps of the new session.
        for _ in 0..40 {
            for (to, frame) in &old.sent {
                table.deliver(to.0, frame);
            }
            table.run();
            now += Duration::from_secs(60);
            (0..5).for_each(|i| table.give(i, Event::Tick(now)));
        }
        assert!(
            table
                .faults
                .iter()
                .any(|f| matches!(f.what, Misbehaviour::WrongSession))
        );
        table.finish();
    }
}

#[test]
fn late_and_early_frames_are_noise() {
    let mut table = Table::star();
    table.run_to(0, 4);
    let stale = table.share_sent(3, 1);
    table.deliver(0, &stale);
    let fault = table.fault();
    assert!(matches!(
        fault.what,
        Misbehaviour::StaleRound { current: 4 }
    ));
    assert!(fault.is_noise());

    let claim = Some((table.asked(3), [1].as_slice()));
    let early = table.forge(FrameKind::Share, (9, 1, TALLY), claim, &[1; 16]);
    table.deliver(0, &early);
    let fault = table.fault();
    assert!(matches!(fault.what, Misbehaviour::FutureRound { current: 4 }) && fault.is_noise());

    let ahead = table.forge(FrameKind::Input, (9, 0, TALLY), None, &[1; 8]);
    table.deliver(1, &ahead);
    assert!(matches!(
        table.fault().what,
        Misbehaviour::FutureRound { .. }
    ));
    table.finish();
}

#[test]
fn frames_out_of_turn_are_refused() {
    let mut table = Table::new(5, TopologyPlan::Tree { arity: 2 });
    table.run_to(1, 3);
    let claim = |table: &Table, members| Some((table.asked(3), members));
    let from_sibling = {
        let claim = claim(&table, [2].as_slice());
        table.forge(FrameKind::Share, (3, 2, TALLY), claim, &[0; 16])
    };
    let past_the_parent = {
        let claim = claim(&table, [4].as_slice());
        table.forge(FrameKind::Share, (3, 4, TALLY), claim, &[0; 16])
    };
    let usurper = table.forge(FrameKind::Input, (3, 1, TALLY), None, &[0; 8]);
    let premature_end = table.forge(FrameKind::Complete, (1, 0, TALLY), None, &[]);
    let own_echo = table.forge(FrameKind::Input, (3, 0, TALLY), None, &[0; 8]);
    let stranger_asks = table.forge(FrameKind::Request, (3, 4, TALLY), None, &[]);
    for (to, frame, culprit) in [
        (1, from_sibling, 2),
        (0, past_the_parent, 4),
        (3, usurper, 1),
        (3, premature_end, 0),
        (0, own_echo, 0),
        (2, stranger_asks, 4),
    ] {
        table.deliver(to, &frame);
        let fault = table.fault();
        assert!(
            matches!(fault.what, Misbehaviour::OutOfTurn { .. }),
            "{fault}"
        );
        assert_eq!(fault.culprit, Some(PartyIndex(culprit)));
    }
    table.finish();
}

#[test]
fn two_different_shares_for_one_round_are_proven_and_the_first_counts() {
    let mut table = Table::star();
    table.run_to(0, 3);
    let round = |table: &Table| table.parties[0].status().round;
    while !table
        .wire
        .front()
        .is_some_and(|(_, f)| f.header().kind == FrameKind::Share)
    {
        table.deliver_next();
    }
    let honest = table.wire[0].1.clone();
    assert_eq!(honest.header().sender, PartyIndex(1));
    table.deliver_next();
    assert_eq!(round(&table), Some(3));
    let second = {
        let claim = Some((table.asked(3), [1].as_slice()));
        table.forge(FrameKind::Share, (3, 1, TALLY), claim, &[9; 16])
    };
    table.deliver(0, &second);
    let fault = table.fault();
    assert!(matches!(fault.what, Misbehaviour::Equivocation));
    assert_eq!(
        (fault.culprit, fault.name.as_str()),
        (Some(PartyIndex(1)), "party-1")
    );
    assert_eq!(
        fault.evidence,
        [honest.signed().clone(), second.signed().clone()]
    );
    assert!(
        fault
            .evidence
            .iter()
            .all(|head| head.verifies(&table.key(1)))
    );
    // The honest one again is no news.
    table.deliver(0, &honest);
    assert!(table.faults.is_empty());
    table.finish();
}

#[test]
fn another_share_after_the_round_is_proven_from_the_journal_whoever_restarted() {
    for restarts in [false, true] {
        let mut table = Table::star();
        table.run_to(0, 4);
        let honest = table.share_sent(3, 1);
        let claim = Some((table.asked(3), [1].as_slice()));
        let second = table.forge(FrameKind::Share, (3, 1, TALLY), claim, &[9; 16]);
        if restarts {
            table.restart(0);
        }
        table.deliver(0, &second);
        let fault = table.fault();
        assert!(matches!(fault.what, Misbehaviour::Equivocation));
        let roster = table.simulation.roster().unwrap();
        let proof = fault.proof(&roster).unwrap();
        assert_eq!((proof.culprit(), proof.name()), (PartyIndex(1), "party-1"));
        assert_eq!(proof.heads(), &[honest, second].map(|f| f.signed().clone()));
        let shown = Contradiction::decode(&roster, &proof.encode()).unwrap();
        assert_eq!(shown, proof);
        table.finish();
    }
}

#[test]
fn a_share_that_was_summed_before_a_crash_is_not_exchanged_after_it() {
    let mut table = Table::star();
    table.run_to(0, 4);
    let claim = Some((table.asked(3), [1].as_slice()));
    let second = table.forge(FrameKind::Share, (3, 1, TALLY), claim, &[9; 16]);
    // The sum was lost, what was summed was not.
    let journal = &table.journals[0];
    let is_heads = |i: &usize| matches!(journal.record(*i), Ok(Some(Record::Heads(_))));
    let heads = (0..journal.len()).rev().find(is_heads).unwrap();
    journal.truncate(heads + 1);
    table.restart(0);
    assert_eq!(table.parties[0].status().round, Some(3));
    table.deliver(0, &second);
    let fault = table.fault();
    assert!(matches!(fault.what, Misbehaviour::Equivocation), "{fault}");
    assert_eq!(fault.culprit, Some(PartyIndex(1)));
    // The children have heard the next input before, so the root must ask for their shares.
    for minute in 0..10 {
        table.run();
        table.give(0, Event::Tick(Duration::from_secs(60 * minute)));
    }
    table.finish();
}

#[test]
fn a_round_asked_again_with_another_input_gets_no_second_share() {
    let mut table = Table::star();
    table.run_to(1, 4);
    for round in [1, 2, 3, 4] {
        let other = table.forge(FrameKind::Input, (round, 0, TALLY), None, &[42; 8]);
        let before = table.sent.len();
        table.deliver(1, &other);
        let fault = table.fault();
        assert!(matches!(fault.what, Misbehaviour::InputChanged), "{fault}");
        assert_eq!(fault.culprit, Some(PartyIndex::ROOT));
        assert!(
            fault
                .evidence
                .iter()
                .all(|head| head.verifies(&table.key(0)))
        );
        assert_eq!(table.sent.len(), before, "a share was made");
    }
    table.finish();
}

#[test]
fn a_share_must_stand_for_its_subtree_and_answer_the_input() {
    let mut table = Table::new(5, TopologyPlan::Tree { arity: 2 });
    table.run_to(0, 3);
    let input = table.asked(3);
    let lazy = table.forge(
        FrameKind::Share,
        (3, 1, TALLY),
        Some((input, &[1, 3])),
        &[0; 16],
    );
    let greedy = table.forge(
        FrameKind::Share,
        (3, 1, TALLY),
        Some((input, &[0, 1, 3, 4])),
        &[0; 16],
    );
    for frame in [lazy, greedy] {
        table.deliver(0, &frame);
        let fault = table.fault();
        assert!(
            matches!(fault.what, Misbehaviour::WrongContributors { .. }),
            "{fault}"
        );
        assert_eq!(fault.culprit, Some(PartyIndex(1)));
    }
    let other = (Digest::of(b"something else"), [1, 3, 4].as_slice());
    let astray = table.forge(FrameKind::Share, (3, 1, TALLY), Some(other), &[0; 16]);
    let mislabelled = table.forge(
        FrameKind::Share,
        (3, 1, "refresh"),
        Some((input, &[1, 3, 4])),
        &[0; 16],
    );
    for frame in [astray, mislabelled] {
        table.deliver(0, &frame);
        assert!(matches!(table.fault().what, Misbehaviour::WrongInput));
    }
    table.finish();
}

#[test]
fn a_share_the_application_refuses_is_named_and_waited_for() {
    let mut table = Table::star();
    table.run_to(0, 3);
    let claim = Some((table.asked(3), [2].as_slice()));
    let bad = table.forge(FrameKind::Share, (3, 2, TALLY), claim, &[0; 15]);
    table.deliver(0, &bad);
    let fault = table.fault();
    assert!(matches!(fault.what, Misbehaviour::RejectedShare { .. }));
    assert!(
        fault.to_string().contains("15 bytes where 16 are expected"),
        "{fault}"
    );
    // Whatever comes from it now is a second share; the sum never holds a doubtful one.
    table.run();
    assert!(matches!(table.fault().what, Misbehaviour::Equivocation));
    assert_eq!(table.parties[0].status().waiting_on, [PartyIndex(2)]);
    for hours in 0..3 {
        table.give(0, Event::Tick(Duration::from_secs(3600 * hours)));
    }
    assert_eq!(
        table.late,
        [(PartyIndex::ROOT, vec![PartyIndex(2)])],
        "said once"
    );
}

#[test]
fn an_acknowledgement_carries_nothing() {
    let mut table = Table::star();
    table.run_to(0, 1);
    let claim = Some((table.asked(1), [2].as_slice()));
    let stuffed = table.forge(FrameKind::Share, (1, 2, LABEL_START), claim, &[1]);
    table.deliver(0, &stuffed);
    assert!(matches!(
        table.fault().what,
        Misbehaviour::RejectedShare { .. }
    ));
}

#[test]
fn a_payload_over_the_plans_limit_is_refused() {
    let mut table = Table::star();
    table.run_to(1, 2);
    let limit = table.parties[1].max_payload();
    let flood = vec![0; limit as usize + 1];
    let frame = table.forge(FrameKind::Input, (3, 0, TALLY), None, &flood);
    table.deliver(1, &frame);
    assert!(matches!(table.fault().what, Misbehaviour::Oversize { .. }));
    table.finish();
}

#[test]
fn an_opening_list_that_was_tampered_with_is_refused() {
    let mut table = Table::star();
    table.run_to(0, 1);
    let (_, start) = table
        .wire
        .iter()
        .find(|(_, f)| f.header().round == 1)
        .unwrap();
    let list = start.payload().to_vec();
    let entry = 2 + 32 + 64 + 64 + 2;
    let tampered = |at: usize| {
        let mut list = list.clone();
        list[at] ^= 1;
        list
    };
    let cases = [
        (tampered(0), "schema version"),
        (
            tampered(3 + 2 * entry + 2),
            "not signed by it for this opening",
        ), // party 2's nonce
        (tampered(3 + entry + 2), "does not hold this party's nonce"), // party 1's nonce
        (tampered(3 + 2), "not signed by it for this opening"),        // the root's nonce
        (tampered(3 + 2 * entry + 34), "has not approved this plan"),  // party 2's approval
        (
            tampered(3 + 3 * entry - 3),
            "not signed by it for this opening",
        ), // its signature
        (list[..3 + 2 * entry].to_vec(), "truncated"),
        ([&list[..], &[0]].concat(), "after the end"),
    ];
    for (list, expected) in cases {
        let frame = table.forge(FrameKind::Input, (1, 0, LABEL_START), None, &list);
        table.deliver(1, &frame);
        let fault = table.fault();
        assert_eq!(fault.culprit, Some(PartyIndex::ROOT));
        assert!(fault.to_string().contains(expected), "{expected}: {fault}");
    }
    table.finish();
}
