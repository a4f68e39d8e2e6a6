//! What is lost is asked for again, and the answer is what was said before.

use super::*;
use crate::journal::NoJournal;

#[test]
fn repeated_frames_change_nothing_and_cause_nothing() {
    let mut table = Table::new(5, TopologyPlan::Tree { arity: 2 });
    while let Some((to, frame)) = table.wire.front().cloned() {
        table.deliver_next();
        let (sent, round) = (table.sent.len(), table.parties[to.as_usize()].status());
        table.deliver(to.0, &frame);
        table.deliver(to.0, &frame);
        assert_eq!(table.sent.len(), sent, "{frame:?}");
        assert_eq!(table.parties[to.as_usize()].status(), round);
    }
    assert!(
        table.faults.iter().all(Fault::is_noise),
        "{:?}",
        table.faults
    );
    table.finish();
}

#[test]
fn a_share_asked_for_again_is_the_same_frame() {
    let mut table = Table::star();
    table.run();
    for round in 0..=5 {
        let ask = table.forge(FrameKind::Request, (round, 0, LABEL_REQUEST), None, &[]);
        let of_round = |(to, frame): &&(PartyIndex, Frame)| {
            let header = frame.header();
            let is_share = header.kind == FrameKind::Share;
            to.0 == 0 && is_share && header.sender.0 == 1 && header.round == round
        };
        table.deliver(1, &ask);
        let shares: Vec<_> = table
            .sent
            .iter()
            .filter(of_round)
            .map(|(_, f)| f.clone())
            .collect();
        assert_eq!(shares.len(), 2, "round {round}");
        assert_eq!(shares[0].encode(), shares[1].encode());
    }
    assert!(table.faults.is_empty());
}

#[test]
fn an_input_asked_for_again_is_the_same_frame_and_still_the_roots() {
    let mut table = Table::new(5, TopologyPlan::Tree { arity: 2 });
    table.run();
    for round in 0..=5 {
        let ask = table.forge(FrameKind::Request, (round, 3, LABEL_REQUEST), None, &[]);
        table.deliver(1, &ask);
        let (to, again) = table.sent.last().unwrap();
        assert_eq!(to.0, 3);
        let first = table
            .sent
            .iter()
            .find(|(to, f)| to.0 == 3 && f.header().round == round);
        assert_eq!(first.unwrap().1, *again);
        assert_eq!(again.header().sender, PartyIndex::ROOT);
    }
}

#[test]
fn every_single_lost_frame_is_recovered_by_ticks_alone() {
    for topology in [TopologyPlan::Star, TopologyPlan::Tree { arity: 2 }] {
        let mut whole = Table::new(5, topology);
        whole.run();
        for lost in 0..whole.sent.len() {
            let mut table = Table::new(5, topology);
            let mut delivered = 0;
            let mut now = Duration::ZERO;
            for _ in 0..4 {
                while !table.wire.is_empty() {
                    if delivered == lost {
                        table.wire.pop_front();
                    } else {
                        table.deliver_next();
                    }
                    delivered += 1;
                }
                for _ in 0..2 {
                    now += Duration::from_secs(6);
                    (0..5).for_each(|i| table.give(i, Event::Tick(now)));
                }
            }
            table.finish();
        }
    }
}

#[test]
fn requests_become_rarer_in_a_long_silence() {
    let mut table = Table::star();
    table.run_to(0, 2);
    table.wire.clear();
    let before = table.sent.len();
    for second in 0..1000 {
        table.give(0, Event::Tick(Duration::from_secs(second)));
    }
    // Pauses of 5, 10, 20, 40, 40, … seconds, two children.
    let requests = table.sent.len() - before;
    assert!((40..=60).contains(&requests), "{requests}");
}

#[test]
fn without_a_journal_a_second_asking_is_an_error_and_no_second_share() {
    let simulation = Simulation::new(1, 2);
    let party = |i: u16| {
        let seat = simulation.seat(PartyIndex(i), 0).unwrap();
        Party::new(seat, Tally::new(1, 1), NoJournal).unwrap()
    };
    let (mut root, mut leaf) = (party(0), party(1));
    root.handle(Event::Start).unwrap();
    let Some(Action::Send { frame, .. }) = root.poll_action() else {
        panic!("no input")
    };
    leaf.handle(Event::Frame(frame)).unwrap();
    leaf.work().unwrap();
    let Some(Action::Send { .. }) = leaf.poll_action() else {
        panic!("no share")
    };

    root.request(PartyIndex(1), ROUND_OPEN);
    let Some(Action::Send { frame: ask, .. }) = root.poll_action() else {
        panic!("no request")
    };
    let again = leaf.handle(Event::Frame(ask));
    assert!(
        matches!(
            again,
            Err(Error::NotJournaled {
                round: ROUND_OPEN,
                ..
            })
        ),
        "{again:?}"
    );
    assert!(leaf.poll_action().is_none());
    leaf.handle(Event::Tick(Duration::ZERO)).unwrap();
}
