//! Sessions that go on among some of a plan's parties.

use std::collections::VecDeque;

use proptest::prelude::*;
use tacit_session::plan::{Threshold, TopologyPlan};
use tacit_session::simulation::{Simulation, Tally, Weather};
use tacit_session::{
    Action, Application, Continuation, Digest, Error, Event, Frame, MemoryJournal, Misbehaviour,
    Next, Party, PartyIndex, RoundId, SessionContext,
};

const VALUES: [u64; 6] = [3, 5, 7, 11, 13, 17];

fn places<const N: usize>(of: [u16; N]) -> Vec<PartyIndex> {
    of.map(PartyIndex).to_vec()
}

fn simulation(seed: u64, topology: TopologyPlan, t: u16, among: Vec<PartyIndex>) -> Simulation {
    let mut simulation = Simulation::with_topology(seed, VALUES.len() as u16, topology);
    simulation.plan.threshold = Some(Threshold { t });
    simulation.continuation = Some(Continuation::among(1, among, t, Digest::of(b"first")));
    simulation
}

/// A tally that announces something and keeps what it was told.
struct Announcing {
    tally: Tally,
    says: Vec<u8>,
    told: Option<SessionContext>,
}

impl Application for Announcing {
    type Error = <Tally as Application>::Error;

    fn announcement(&self) -> Vec<u8> {
        self.says.clone()
    }

    fn begin(&mut self, context: &SessionContext) -> Result<(), Self::Error> {
        self.told = Some(context.clone());
        self.tally.begin(context)
    }

    fn next_round(&mut self) -> Result<Next, Self::Error> {
        self.tally.next_round()
    }

    fn share(&mut self, round: &RoundId, input: &[u8]) -> Result<Vec<u8>, Self::Error> {
        self.tally.share(round, input)
    }

    fn aggregate(
        &mut self,
        round: &RoundId,
        input: &[u8],
        into: &mut Vec<u8>,
        from: PartyIndex,
        share: &[u8],
    ) -> Result<(), Self::Error> {
        self.tally.aggregate(round, input, into, from, share)
    }

    fn finish(&mut self, round: &RoundId, sum: Vec<u8>) -> Result<(), Self::Error> {
        self.tally.finish(round, sum)
    }

    fn complete(&mut self, payload: &[u8]) -> Result<(), Self::Error> {
        self.tally.complete(payload)
    }
}

#[test]
fn some_of_the_parties_go_on_through_any_weather_and_know_who_they_are() {
    let sets = [
        places([0, 1, 2, 3, 4, 5]),
        places([0, 2, 5]),
        places([0, 1, 3, 4]),
        places([0, 4]),
    ];
    let shapes = [
        TopologyPlan::Star,
        TopologyPlan::Tree { arity: 2 },
        TopologyPlan::Tree { arity: 3 },
    ];
    for (seed, among) in (0..24).zip(sets.iter().cycle()) {
        let shape = shapes[seed as usize % 3];
        let simulation = Simulation {
            weather: Weather::storm(),
            ..simulation(seed, shape, 2, among.clone())
        };
        let outcome = simulation.run(|party| Announcing {
            tally: Tally::new(VALUES[party.as_usize()], 3),
            says: vec![party.0 as u8; 40 * usize::from(party.0)],
            told: None,
        });
        let outcome = outcome.unwrap_or_else(|failure| panic!("{failure}"));
        let values: Vec<u64> = among.iter().map(|p| VALUES[p.as_usize()]).collect();
        assert_eq!(outcome.applications.len(), among.len());
        for (app, party) in outcome.applications.iter().zip(among) {
            assert_eq!(
                app.tally.totals(),
                Tally::expected(&values, 3),
                "seed {seed}"
            );
            let told = app.told.as_ref().unwrap();
            assert_eq!((told.me, told.parties), (*party, 6));
            assert_eq!(told.participants, *among);
            assert_eq!(told.continuation, simulation.continuation);
            for (announced, by) in told.announcements.iter().zip(among) {
                assert_eq!(*announced, vec![by.0 as u8; 40 * usize::from(by.0)]);
            }
        }
    }
}

type Wire = VecDeque<(PartyIndex, Frame)>;

fn give(party: &mut Party<Tally, MemoryJournal>, event: Event, wire: &mut Wire) -> Vec<String> {
    party.handle(event).unwrap();
    while party.has_work() {
        party.work().unwrap();
    }
    let mut faults = Vec::new();
    while let Some(action) = party.poll_action() {
        match action {
            Action::Send { to, frame } => wire.push_back((to, frame)),
            Action::Report(fault) => {
                assert!(matches!(fault.what, Misbehaviour::WrongSession));
                faults.push(fault.name);
            }
            _ => {}
        }
    }
    faults
}

#[test]
fn whoever_has_another_view_of_who_goes_on_is_in_another_session() {
    let base = Continuation::among(1, places([0, 2, 3]), 2, Digest::of(b"first"));
    let views = [
        Continuation {
            attempt: 2,
            ..base.clone()
        },
        Continuation {
            holders: places([0, 3]),
            ..base.clone()
        },
        Continuation {
            participants: places([0, 1, 2, 3]),
            ..base.clone()
        },
        Continuation {
            origin: Digest::of(b"another"),
            ..base.clone()
        },
    ];
    for other in views {
        let party = |place: u16, view: &Continuation| {
            let mut simulation = simulation(1, TopologyPlan::Star, 2, places([0]));
            simulation.continuation = Some(view.clone());
            let seat = simulation.seat(PartyIndex(place), 0).unwrap();
            let app = Tally::new(VALUES[usize::from(place)], 1);
            Party::new(seat, app, MemoryJournal::new()).unwrap()
        };
        let mut parties = [party(0, &base), party(2, &other), party(3, &base)];
        assert_ne!(parties[0].agreement(), parties[1].agreement());
        let mut wire = Wire::new();
        let mut faults = Vec::new();
        for party in &mut parties {
            faults.extend(give(party, Event::Start, &mut wire));
        }
        while let Some((to, frame)) = wire.pop_front() {
            let party = parties.iter_mut().find(|p| p.index() == to).unwrap();
            faults.extend(give(party, Event::Frame(frame), &mut wire));
        }
        // The root's opening is of another session for who has the other view, and nobody else minds.
        assert_eq!(faults, ["party-0"], "{other}");
        assert_eq!(parties[0].status().waiting_on, [PartyIndex(2)]);
        assert_eq!(parties[0].session(), None);
    }
}

#[test]
fn a_continuation_that_does_not_fit_the_plan_has_no_seat() {
    let good = Continuation::among(1, places([0, 2, 3]), 2, Digest::of(b"first"));
    let said = |t: Option<u16>, me: u16, continuation: Continuation| {
        let mut simulation = Simulation::new(1, 5);
        simulation.plan.threshold = t.map(|t| Threshold { t });
        simulation.continuation = Some(continuation);
        match simulation.seat(PartyIndex(me), 0) {
            Ok(_) => "seated".to_owned(),
            Err(error @ (Error::Continuation { .. } | Error::NotAParticipant { .. })) => {
                error.to_string()
            }
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(said(Some(2), 3, good.clone()), "seated");
    assert_eq!(
        said(Some(2), 1, good.clone()),
        "`party-1` takes no part in attempt 1, parties 0, 2, 3, key held by 0, 2; it can take part in a later attempt"
    );
    let all_needed = said(None, 0, good.clone());
    assert!(all_needed.contains("all parties are needed"));
    let with = |change: fn(&mut Continuation)| {
        let mut continuation = good.clone();
        change(&mut continuation);
        said(Some(2), 0, continuation)
    };
    for (change, problem) in [
        (
            (|c| c.attempt = 0) as fn(&mut Continuation),
            "count attempts from 1",
        ),
        (|c| c.participants.swap(1, 2), "out of order"),
        (|c| c.participants.push(PartyIndex(3)), "out of order"),
        (
            |c| c.participants.push(PartyIndex(5)),
            "party 5 is not in the roster",
        ),
        (
            |c| c.participants.retain(|p| *p != PartyIndex::ROOT),
            "`party-0`, the root, does not take part",
        ),
        (|c| c.participants.clear(), "does not take part"),
        (|c| c.holders.push(PartyIndex(3)), "3 parties hold the key"),
        (|c| c.holders.clear(), "0 parties hold the key"),
        (
            |c| c.holders[1] = PartyIndex(1),
            "`party-1` holds the key and does not take part",
        ),
        (|c| c.holders.swap(0, 1), "out of order"),
    ] {
        let found = with(change);
        assert!(found.contains(problem), "{found}");
    }
}

#[test]
fn a_journal_of_another_attempt_is_refused() {
    let mut first = simulation(1, TopologyPlan::Star, 2, places([0, 2, 3]));
    let outcome = first
        .run(|p| Tally::new(VALUES[p.as_usize()], 1))
        .unwrap_or_else(|failure| panic!("{failure}"));
    first.continuation.as_mut().unwrap().attempt = 2;
    for place in [0u16, 2] {
        let journal = outcome.journals[usize::from(place)].clone();
        let seat = first.seat(PartyIndex(place), 0).unwrap();
        let refused = Party::new(seat, Tally::new(1, 1), journal).unwrap_err();
        assert!(matches!(refused, Error::JournalCorrupt { .. }), "{refused}");
    }
}

proptest! {
    #[test]
    fn only_whole_statements_are_read(
        attempt: u32,
        participants in prop::collection::vec(any::<u16>(), 0..9),
        t in 0u16..9,
        cut in 0usize..60,
        noise in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let participants = participants.into_iter().map(PartyIndex).collect();
        let statement = Continuation::among(attempt, participants, t, Digest::of(b"first"));
        let bytes = statement.encode();
        prop_assert_eq!(Continuation::decode(&bytes).unwrap(), statement);
        prop_assert!(Continuation::decode(&bytes[..cut.min(bytes.len() - 1)]).is_err());
        prop_assert!(Continuation::decode(&[&bytes[..], &[0]].concat()).is_err());
        if let Ok(read) = Continuation::decode(&noise) {
            prop_assert_eq!(read.encode(), noise);
        }
    }
}
