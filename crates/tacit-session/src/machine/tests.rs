//! Frames that should not have been sent, and what does not happen.

mod frames;
mod order;
mod replies;

use std::collections::VecDeque;

use super::*;
use crate::frame::{FrameKind, ShareClaim};
use crate::journal::MemoryJournal;
use crate::party_set::PartySet;
use crate::plan::TopologyPlan;
use crate::simulation::{Simulation, Tally};

const VALUES: [u64; 5] = [3, 5, 7, 11, 13];
const ROUNDS: u32 = 3;

/// Parties around a table, with a wire that loses nothing.
struct Table {
    simulation: Simulation,
    parties: Vec<Party<Tally, MemoryJournal>>,
    journals: Vec<MemoryJournal>,
    wire: VecDeque<(PartyIndex, Frame)>,
    /// Everything that was ever sent.
    sent: Vec<(PartyIndex, Frame)>,
    faults: Vec<Fault>,
    late: Vec<(PartyIndex, Vec<PartyIndex>)>,
}

impl Table {
    fn new(parties: u16, topology: TopologyPlan) -> Self {
        Self::of_life(parties, topology, 0)
    }

    fn of_life(parties: u16, topology: TopologyPlan, life: u64) -> Self {
        let simulation = Simulation::with_topology(1, parties, topology);
        let journals: Vec<MemoryJournal> = (0..parties).map(|_| MemoryJournal::new()).collect();
        let party = |i: u16| {
            let seat = simulation.seat(PartyIndex(i), life).unwrap();
            let app = Tally::new(VALUES[usize::from(i)], ROUNDS);
            Party::new(seat, app, journals[usize::from(i)].clone()).unwrap()
        };
        let parties = (0..parties).map(party).collect();
        let (wire, sent, faults, late) = Default::default();
        let mut table = Self {
            simulation,
            parties,
            journals,
            wire,
            sent,
            faults,
            late,
        };
        (0..table.parties.len()).for_each(|i| table.give(i, Event::Start));
        table
    }

    /// The party's process ends and begins again from its journal.
    fn restart(&mut self, party: u16) {
        let seat = self.simulation.seat(PartyIndex(party), 1).unwrap();
        let i = usize::from(party);
        let app = Tally::new(VALUES[i], ROUNDS);
        self.parties[i] = Party::new(seat, app, self.journals[i].clone()).unwrap();
        self.give(i, Event::Start);
    }

    fn star() -> Self {
        Self::new(3, TopologyPlan::Star)
    }

    fn give(&mut self, to: usize, event: Event) {
        let party = &mut self.parties[to];
        party.handle(event).unwrap();
        while party.has_work() {
            party.work().unwrap();
        }
        while let Some(action) = party.poll_action() {
            match action {
                Action::Send { to, frame } => {
                    self.sent.push((to, frame.clone()));
                    self.wire.push_back((to, frame));
                }
                Action::Report(fault) => self.faults.push(fault),
                Action::Late { waiting_on, .. } => {
                    self.late.push((party.index(), waiting_on));
                }
                Action::Done => {}
            }
        }
    }

    fn deliver(&mut self, to: u16, frame: &Frame) {
        self.give(usize::from(to), Event::Frame(frame.clone()));
    }

    fn deliver_next(&mut self) -> bool {
        let Some((to, frame)) = self.wire.pop_front() else {
            return false;
        };
        self.give(to.as_usize(), Event::Frame(frame));
        true
    }

    /// Runs until a party is in a round.
    fn run_to(&mut self, party: u16, round: u32) -> &mut Self {
        while self.parties[usize::from(party)].status().round != Some(round) {
            assert!(
                self.deliver_next(),
                "the session ended before round {round}"
            );
        }
        self
    }

    fn run(&mut self) {
        while self.deliver_next() {}
    }

    /// Runs to the end and checks the totals: the session is unharmed.
    fn finish(mut self) {
        self.run();
        let values = &VALUES[..self.parties.len()];
        for party in self.parties {
            assert!(party.status().done, "{:?}", party.status());
            assert_eq!(
                party.into_application().totals(),
                Tally::expected(values, ROUNDS)
            );
        }
    }

    /// The share that a party sent for a round.
    fn share_sent(&self, round: u32, sender: u16) -> Frame {
        let is_it = |frame: &Frame| {
            let header = frame.header();
            let place = (header.kind, header.round, header.sender.0);
            place == (FrameKind::Share, round, sender)
        };
        let mut sent = self.sent.iter().map(|(_, frame)| frame);
        sent.find(|frame| is_it(frame)).unwrap().clone()
    }

    fn session(&self, round: u32) -> Digest {
        self.parties[0].session_of(round).unwrap()
    }

    /// A frame as `sender` could sign it.
    fn forge(
        &self,
        kind: FrameKind,
        (round, sender, label): (u32, u16, &str),
        claim: Option<(Digest, &[u16])>,
        payload: &[u8],
    ) -> Frame {
        let place = (self.session(round), round, PartyIndex(sender));
        let claim = claim.map(|(input, members)| {
            let mut contributors = PartySet::empty(self.parties.len() as u16);
            members
                .iter()
                .for_each(|i| contributors.insert(PartyIndex(*i)));
            ShareClaim {
                input,
                contributors,
            }
        });
        let key = self.simulation.key(PartyIndex(sender));
        Frame::seal(
            &key,
            kind,
            place,
            Label::new(label).unwrap(),
            claim,
            payload.to_vec().into(),
        )
    }

    /// Digest of the input of a round, as its sharers must claim it.
    fn asked(&self, round: u32) -> Digest {
        self.parties[0].past[round as usize]
            .input
            .header()
            .payload_digest
    }

    fn key(&self, party: u16) -> crate::PublicKey {
        self.simulation.key(PartyIndex(party)).public()
    }

    /// The only fault so far.
    fn fault(&mut self) -> Fault {
        assert_eq!(self.faults.len(), 1, "{:?}", self.faults);
        self.faults.remove(0)
    }
}
