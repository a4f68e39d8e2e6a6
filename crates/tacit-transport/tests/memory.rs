//! Sessions of many parties in one process.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tacit_session::plan::{Plan, TopologyPlan};
use tacit_session::simulation::{Simulation, Tally, TallyError};
use tacit_session::{
    Action, Application, Event, Journal, MemoryJournal, Misbehaviour, Next, NoJournal, Party,
    PartyIndex, RoundId, SessionContext,
};
use tacit_transport::Error;
use tacit_transport::memory::{Options, run_local, seats};

fn plan(parties: u16, topology: TopologyPlan) -> Plan {
    Simulation::with_topology(0, parties, topology).plan
}

fn parties<A: Application>(plan: &Plan, app: impl Fn(u16) -> A) -> Vec<Party<A, NoJournal>> {
    let seats = seats(plan).unwrap().into_iter();
    seats
        .zip(0..)
        .map(|(seat, i)| Party::new(seat, app(i), NoJournal).unwrap())
        .collect()
}

fn options(threads: usize, inbox: usize) -> Options {
    Options {
        threads: NonZero::new(threads).unwrap(),
        inbox: NonZero::new(inbox).unwrap(),
    }
}

#[test]
fn totals_do_not_depend_on_threads_inboxes_or_shape() {
    for n in [2, 3, 10, 41] {
        let values: Vec<_> = (0..u64::from(n)).map(|i| i * i + 5).collect();
        let expected = Tally::expected(&values, 3);
        for shape in [TopologyPlan::Star, TopologyPlan::Tree { arity: 3 }] {
            for (threads, inbox) in [(1, 1), (2, 1), (2, 8), (7, 2)] {
                let parties = parties(&plan(n, shape), |i| Tally::new(values[usize::from(i)], 3));
                let finished = run_local(parties, &options(threads, inbox), |_| ()).unwrap();
                assert_eq!(finished.applications.len(), usize::from(n));
                for app in finished.applications {
                    assert_eq!(app.totals(), expected);
                }
            }
        }
    }
}

#[test]
fn every_byte_sent_is_received_and_counted_under_its_label() {
    let parties = parties(&plan(7, TopologyPlan::Tree { arity: 2 }), |_| {
        Tally::new(1, 5)
    });
    let finished = run_local(parties, &Options::default(), |_| ()).unwrap();
    let labels: Vec<_> = finished
        .traffic
        .labels()
        .iter()
        .map(|l| l.to_string())
        .collect();
    assert_eq!(
        labels,
        ["session/complete", "session/open", "session/start", "tally"]
    );
    for label in &labels {
        let parties = finished.traffic.parties().iter();
        let (sent, received) = parties.fold((0, 0), |(sent, received), party| {
            (
                sent + party.sent_in(label).bytes,
                received + party.received_in(label).bytes,
            )
        });
        assert_eq!(sent, received, "{label}");
        assert!(sent > 0);
    }
    // A leaf sends one share per round; the root one input per child and round.
    assert_eq!(finished.traffic.of(6).sent_in("tally").frames, 5);
    assert_eq!(finished.traffic.of(0).sent_in("tally").frames, 2 * 5);
    let bytes: u64 = finished.rounds.iter().map(|r| r.bytes).sum();
    let sent: u64 = finished
        .traffic
        .parties()
        .iter()
        .map(|p| p.sent_total().bytes)
        .sum();
    assert_eq!(bytes, sent);
}

#[test]
fn the_observer_sees_every_round_begin_and_finish_in_order() {
    let parties = parties(&plan(4, TopologyPlan::Star), |_| Tally::new(1, 2));
    let mut seen = Vec::new();
    let finished = run_local(parties, &Options::default(), |p| seen.push(p.clone())).unwrap();
    let labels = [
        "session/open",
        "session/start",
        "tally",
        "tally",
        "session/complete",
    ];
    for (index, label) in (0..).zip(labels) {
        let round: Vec<_> = seen.iter().filter(|p| p.index == index).collect();
        assert!(
            round
                .iter()
                .all(|p| p.label.as_str() == label && p.parties == 4)
        );
        assert!(!round[0].finished && round.last().unwrap().finished);
        assert_eq!(round.last().unwrap().shares, 4);
        assert!(round.windows(2).all(|w| w[0].shares <= w[1].shares));
        assert_eq!(round[0].of, Some(5));
    }
    assert_eq!(finished.rounds.len(), labels.len());
}

/// Broadcasts a large input, and remembers where each party found it.
struct Broadcast {
    rounds: u32,
    seen: Arc<Mutex<Vec<usize>>>,
    at_work: Arc<AtomicUsize>,
    most_at_work: Arc<AtomicUsize>,
    misbehaves: Option<Trick>,
}

#[derive(Clone, Copy, PartialEq)]
enum Trick {
    BadShare,
    Fails,
    Panics,
    TooLong,
    BadLabel,
}

impl Application for Broadcast {
    type Error = TallyError;

    fn begin(&mut self, _: &SessionContext) -> Result<(), TallyError> {
        Ok(())
    }

    fn next_round(&mut self) -> Result<Next, TallyError> {
        let Some(left) = self.rounds.checked_sub(1) else {
            return Ok(Next::Complete(Vec::new()));
        };
        self.rounds = left;
        let label = if self.misbehaves == Some(Trick::BadLabel) {
            "Ünfug"
        } else {
            "broadcast"
        };
        Ok(Next::round(label, vec![7; 1 << 20]))
    }

    fn share(&mut self, _: &RoundId, input: &[u8]) -> Result<Vec<u8>, TallyError> {
        let now = self.at_work.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_work.fetch_max(now, Ordering::SeqCst);
        self.seen.lock().unwrap().push(input.as_ptr() as usize);
        let share = match self.misbehaves {
            Some(Trick::BadShare) => Ok(vec![1]),
            Some(Trick::Fails) => Err(TallyError::Length {
                found: 1,
                expected: 2,
            }),
            Some(Trick::Panics) => panic!("out of cheese"),
            Some(Trick::TooLong) => Ok(vec![0; 300 << 20]),
            _ => Ok(Vec::new()),
        };
        self.at_work.fetch_sub(1, Ordering::SeqCst);
        share
    }

    fn aggregate(
        &mut self,
        _: &RoundId,
        _: &[u8],
        _: &mut Vec<u8>,
        _: PartyIndex,
        share: &[u8],
    ) -> Result<(), TallyError> {
        match share.len() {
            0 => Ok(()),
            found => Err(TallyError::Length { found, expected: 0 }),
        }
    }

    fn finish(&mut self, _: &RoundId, _: Vec<u8>) -> Result<(), TallyError> {
        Ok(())
    }

    fn complete(&mut self, _: &[u8]) -> Result<(), TallyError> {
        Ok(())
    }
}

fn broadcast(trick: Option<(u16, Trick)>) -> impl Fn(u16) -> Broadcast {
    let (seen, at_work, most_at_work) = Default::default();
    move |i| Broadcast {
        rounds: 1,
        seen: Arc::clone(&seen),
        at_work: Arc::clone(&at_work),
        most_at_work: Arc::clone(&most_at_work),
        misbehaves: trick
            .filter(|(culprit, _)| *culprit == i)
            .map(|(_, trick)| trick),
    }
}

#[test]
fn a_broadcast_to_160_parties_is_one_piece_of_memory_and_never_oversubscribes() {
    let parties = parties(&plan(160, TopologyPlan::Tree { arity: 4 }), broadcast(None));
    let finished = run_local(parties, &options(2, 8), |_| ()).unwrap();
    let root = &finished.applications[0];
    let seen = root.seen.lock().unwrap();
    assert_eq!(seen.len(), 160);
    assert!(seen.iter().all(|place| *place == seen[0]));
    assert!(root.most_at_work.load(Ordering::SeqCst) <= 2);
}

#[test]
fn the_first_fault_ends_the_session_and_names_the_culprit() {
    let run = |trick| {
        let shape = TopologyPlan::Tree { arity: 2 };
        let parties = parties(&plan(7, shape), broadcast(Some(trick)));
        run_local(parties, &options(3, 2), |_| ()).unwrap_err()
    };
    match run((5, Trick::BadShare)) {
        Error::Fault(fault) => {
            assert_eq!(
                (fault.culprit, fault.name.as_str()),
                (Some(PartyIndex(5)), "party-5")
            );
            assert!(matches!(fault.what, Misbehaviour::RejectedShare { .. }));
        }
        other => panic!("{other}"),
    }
    match run((4, Trick::Fails)) {
        Error::Session(tacit_session::Error::Application {
            party, step, label, ..
        }) => {
            assert_eq!(
                (party.as_str(), step, label.as_str()),
                ("party-4", "share", "broadcast")
            );
        }
        other => panic!("{other}"),
    }
    match run((6, Trick::Panics)) {
        Error::Panicked { party, message } => {
            assert_eq!(
                (party.as_str(), message.as_str()),
                ("party-6", "out of cheese")
            );
        }
        other => panic!("{other}"),
    }
    match run((3, Trick::TooLong)) {
        Error::Session(tacit_session::Error::Oversize { party, len, .. }) => {
            assert_eq!((party.as_str(), len), ("party-3", 300 << 20));
        }
        other => panic!("{other}"),
    }
    match run((0, Trick::BadLabel)) {
        Error::Session(tacit_session::Error::Label { label }) => assert_eq!(label, "Ünfug"),
        other => panic!("{other}"),
    }
}

#[test]
fn an_observer_that_panics_takes_the_session_down_with_it() {
    let parties = parties(&plan(5, TopologyPlan::Star), |_| Tally::new(1, 2));
    let run = std::panic::AssertUnwindSafe(|| {
        run_local(parties, &options(3, 2), |p| assert!(p.index < 2, "enough"))
    });
    assert!(std::panic::catch_unwind(run).is_err());
}

#[test]
fn parties_that_cannot_meet_are_reported_and_not_waited_for() {
    let simulation = Simulation::new(4, 3);
    let finished = simulation.run(|_| Tally::new(1, 2)).unwrap();
    let backup = finished.journals[0].clone();
    backup.truncate(backup.len() - 3);
    let party = |i: u16, journal: MemoryJournal| {
        let seat = simulation.seat(PartyIndex(i), 9).unwrap();
        Party::new(seat, Tally::new(1, 2), journal).unwrap()
    };
    // The root is in the middle of a session that the others have never opened.
    let table = vec![
        party(0, backup),
        party(1, MemoryJournal::new()),
        party(2, MemoryJournal::new()),
    ];
    match run_local(table, &Options::default(), |_| ()).unwrap_err() {
        Error::Stalled { waiting } => assert!(waiting.contains("`party-0` waits for party-1")),
        other => panic!("{other}"),
    }
}

#[test]
fn a_session_resumes_from_its_journals() {
    let simulation = Simulation::new(4, 3);
    let complete = simulation.run(|i| Tally::new(i.0.into(), 2)).unwrap();
    let lengths: Vec<_> = complete.journals.iter().map(MemoryJournal::len).collect();
    // All crash before the completion was journaled, before the last share was, or before its round
    // was. The root, which also journals whose shares it summed, was never further than the others.
    for cuts in [[1, 1, 1], [3, 2, 2], [4, 3, 3]] {
        let resumed = complete
            .journals
            .iter()
            .zip(lengths.iter().zip(cuts))
            .zip(0..)
            .map(|((whole, (len, cut)), i)| {
                let mut journal = MemoryJournal::new();
                for index in 0..len - cut {
                    let Ok(Some(record)) = whole.record(index) else {
                        panic!("a record is missing")
                    };
                    let Ok(()) = journal.append(&record);
                }
                let seat = simulation.seat(PartyIndex(i), 1).unwrap();
                Party::new(seat, Tally::new(i.into(), 2), journal).unwrap()
            });
        let finished = run_local(resumed.collect(), &Options::default(), |_| ()).unwrap();
        for app in finished.applications {
            assert_eq!(app.totals(), Tally::expected(&[0, 1, 2], 2));
        }
    }
}

#[test]
fn only_the_whole_roster_in_its_order_is_run() {
    let plan = plan(3, TopologyPlan::Star);
    let table = || parties(&plan, |_| Tally::new(1, 1));
    let place = |parties: Vec<_>| match run_local(parties, &Options::default(), |_| ()) {
        Err(Error::WrongParties { place }) => place,
        other => panic!("{other:?}"),
    };
    let mut short = table();
    short.pop();
    assert_eq!(place(short), 2);
    let mut swapped = table();
    swapped.swap(0, 1);
    assert_eq!(place(swapped), 0);
    let mut mixed = table();
    mixed[1] = table().remove(1);
    assert_eq!(place(mixed), 1);
    assert_eq!(place(Vec::new()), 0);
}

#[test]
fn no_party_sees_another_partys_application() {
    // A party lends nobody its application: taking it apart is the only way, and ends it.
    let mut parties = parties(&plan(2, TopologyPlan::Star), |_| Tally::new(40, 1));
    let mut root = parties.remove(0);
    root.handle(Event::Start).unwrap();
    assert!(matches!(root.poll_action(), Some(Action::Send { .. })));
    assert!(!format!("{root:?}").contains("40"));
}
