//! What bad peers, bad disks and bad bytes do to a session: one line each in the table of
//! `docs/nodes/simulation.md`.

use std::collections::VecDeque;
use std::time::Duration;

use tacit_journal::simulation::{Actors, Disk, DiskJournal, Disks, Power, Site};
use tacit_mhe::SharedLedger;
use tacit_session::simulation::{Failure, Simulation};
use tacit_session::{
    Action, Application, Digest, Event, Fault, Frame, FrameKind, MemoryJournal, Misbehaviour, Next,
    Party, PartyIndex, RoundId, SessionContext,
};

use crate::training::{Checkpoint, Flaw, Refusal, Step, Training, params};

type Spoil = fn(&mut Vec<u8>);

/// A party that signs whatever comes out of spoiling its shares of one kind of round.
struct Bad {
    training: Training,
    spoil: Option<(Step, Spoil)>,
}

impl Application for Bad {
    type Error = Refusal;

    fn begin(&mut self, context: &SessionContext) -> Result<(), Refusal> {
        self.training.begin(context)
    }

    fn next_round(&mut self) -> Result<Next, Refusal> {
        self.training.next_round()
    }

    fn share(&mut self, round: &RoundId, input: &[u8]) -> Result<Vec<u8>, Refusal> {
        let mut share = self.training.share(round, input)?;
        if let Some((step, spoil)) = self.spoil
            && step.label() == round.label.as_str()
        {
            spoil(&mut share);
        }
        Ok(share)
    }

    fn aggregate(
        &mut self,
        round: &RoundId,
        input: &[u8],
        into: &mut Vec<u8>,
        from: PartyIndex,
        share: &[u8],
    ) -> Result<(), Refusal> {
        self.training.aggregate(round, input, into, from, share)
    }

    fn finish(&mut self, round: &RoundId, sum: Vec<u8>) -> Result<(), Refusal> {
        self.training.finish(round, sum)
    }

    fn complete(&mut self, payload: &[u8]) -> Result<(), Refusal> {
        self.training.complete(payload)
    }
}

/// Three parties and a wire that loses nothing.
struct Table {
    simulation: Simulation,
    parties: Vec<Party<Bad, MemoryJournal>>,
    wire: VecDeque<(PartyIndex, Frame)>,
    faults: Vec<Fault>,
    late: Vec<PartyIndex>,
}

impl Table {
    fn new(spoil: Option<(Step, Spoil)>) -> Self {
        let simulation = Simulation::new(1, 3);
        let mut table = Self {
            simulation,
            parties: Vec::new(),
            wire: VecDeque::new(),
            faults: Vec::new(),
            late: Vec::new(),
        };
        for i in 0..3 {
            let spoil = spoil.filter(|_| i == 1);
            table
                .parties
                .push(table.party(i, spoil, None, MemoryJournal::new()));
        }
        (0..3).for_each(|i| table.give(i, Event::Start));
        table
    }

    fn party(
        &self,
        index: u16,
        spoil: Option<(Step, Spoil)>,
        flaw: Option<Flaw>,
        journal: MemoryJournal,
    ) -> Party<Bad, MemoryJournal> {
        let me = PartyIndex(index);
        let training = Training::new(&params(), me, Checkpoint::fresh(1)).flawed(flaw, 7);
        let seat = self.simulation.seat(me, 0).unwrap();
        Party::new(seat, Bad { training, spoil }, journal).unwrap()
    }

    fn give(&mut self, to: usize, event: Event) {
        let party = &mut self.parties[to];
        party.handle(event).unwrap();
        while party.has_work() {
            party.work().unwrap();
        }
        while let Some(action) = party.poll_action() {
            match action {
                Action::Send { to, frame } => self.wire.push_back((to, frame)),
                Action::Report(fault) => self.faults.push(fault),
                Action::Late { waiting_on, .. } if to == 0 => self.late.extend(waiting_on),
                _ => {}
            }
        }
    }

    fn run(&mut self) {
        while let Some((to, frame)) = self.wire.pop_front() {
            self.give(to.as_usize(), Event::Frame(frame));
        }
    }
}

fn unreduced(share: &mut [u8]) {
    let end = share.len();
    share[end - 8..].fill(0xff);
}

#[test]
fn shares_of_wrong_size_or_not_in_the_ring_are_refused_by_name_and_waited_for() {
    let cases: [(&str, Step, Spoil); 8] = [
        ("cut short", Step::Refresh, |s| s.truncate(s.len() / 2)),
        ("empty", Step::Release, Vec::clear),
        ("trailing bytes", Step::Refresh, |s| s.push(0)),
        ("not in the ring", Step::Refresh, |s| unreduced(s)),
        ("not in the ring", Step::Gradient, |s| unreduced(s)),
        ("of an older schema", Step::Release, |s| s[0] = 0),
        ("of another protocol", Step::Release, |s| s[1] ^= 3),
        ("of another instance", Step::PublicKey, |s| s[2] ^= 1),
    ];
    for (what, step, spoil) in cases {
        let mut table = Table::new(Some((step, spoil)));
        table.run();
        let [fault] = table.faults.as_slice() else {
            panic!("{what}: {:?}", table.faults);
        };
        assert!(
            matches!(fault.what, Misbehaviour::RejectedShare { .. }),
            "{what}: {fault}"
        );
        assert_eq!(
            (fault.culprit, fault.name.as_str()),
            (Some(PartyIndex(1)), "party-1")
        );
        let status = table.parties[0].status();
        assert_eq!(
            status.label.unwrap().as_str(),
            step.label(),
            "{what}: the round stays open"
        );
        assert_eq!(status.waiting_on, [PartyIndex(1)]);
        for time in [0, 4000] {
            table.give(0, Event::Tick(Duration::from_secs(time)));
        }
        assert_eq!(
            table.late,
            [PartyIndex(1)],
            "{what}: said to be late by name"
        );
        assert!(!status.done);
    }
}

#[test]
fn a_party_that_forgot_its_journal_and_its_noise_is_proven_to_have_signed_two_shares() {
    let mut table = Table::new(None);
    let is_hers = |frame: &Frame| {
        let header = frame.header();
        let place = (header.kind, header.sender, header.label.as_str());
        place == (FrameKind::Share, PartyIndex(1), "refresh")
    };
    // The same party once more, with a journal and noise of its own; it hears what party 1 hears.
    let mut twin = table.party(1, None, Some(Flaw::NoiseOfTheProcess), MemoryJournal::new());
    let mut second = None;
    while let Some((to, frame)) = table.wire.pop_front() {
        if to == PartyIndex(1) {
            twin.handle(Event::Frame(frame.clone())).unwrap();
            twin.work().unwrap();
            let said = std::iter::from_fn(|| twin.poll_action());
            second = second.or(said.into_iter().fold(None, |found, action| match action {
                Action::Send { frame, .. } if is_hers(&frame) => Some(frame),
                _ => found,
            }));
        }
        let was_hers = is_hers(&frame);
        table.give(to.as_usize(), Event::Frame(frame));
        if was_hers {
            table.give(0, Event::Frame(second.clone().unwrap()));
        }
    }
    // The first counts, and the training ends; what came second proves it later, too.
    assert!(table.parties.iter().all(|p| p.status().done));
    table.give(0, Event::Frame(second.unwrap()));
    let roster = table.simulation.roster().unwrap();
    assert_eq!(table.faults.len(), 2, "{:?}", table.faults);
    for fault in &table.faults {
        assert!(matches!(fault.what, Misbehaviour::Equivocation), "{fault}");
        let proof = fault.proof(&roster).unwrap();
        let said = "`party-1` signed two different share frames for round 5";
        assert_eq!(proof.to_string(), said);
    }
}

#[test]
fn bytes_that_are_no_frame_are_refused_for_what_they_are() {
    let mut table = Table::new(None);
    let (_, frame) = table.wire.pop_front().unwrap();
    let (good, head) = (frame.encode(), frame.head().len());
    // The claimed length stands before digest and signature.
    let claim = head - 64 - 32 - 8;
    let with = |at: usize, bytes: &[u8]| {
        let mut bad = good.clone();
        bad[at..at + bytes.len()].copy_from_slice(bytes);
        bad
    };
    let ten_gib = (10u64 << 30).to_le_bytes();
    for (bad, said) in [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), "magic"),
        (good[..good.len() - 1].to_vec(), "truncated"),
        (good[..20].to_vec(), "truncated"),
        ([&good[..], b"x"].concat(), "after the end"),
        (
            with(4, &[0]),
            "schema version 0, this program speaks 1; upgrade the older side",
        ),
        (
            with(claim, &ten_gib),
            "claims 10737418240 bytes, the limit is",
        ),
        (
            with(head, &[good[head] ^ 1]),
            "does not match the signed digest",
        ),
    ] {
        let refused = Frame::decode(&bad, 1 << 20).unwrap_err().to_string();
        assert!(refused.contains(said), "{refused}");
    }
    assert_eq!(Frame::decode(&good, 1 << 20).unwrap(), frame);
    drop(table);
}

/// Honest parties.
struct Honest;

impl Actors for Honest {
    type Application = Training;
    type Journal = DiskJournal;

    fn party(&mut self, party: PartyIndex) -> (Training, SharedLedger) {
        let training = Training::new(&params(), party, Checkpoint::fresh(1));
        let ledger = training.ledger();
        (training, ledger)
    }

    fn journal(&mut self, _: PartyIndex, journal: DiskJournal) -> DiskJournal {
        journal
    }

    fn leaves(&mut self, _: PartyIndex, _: &Frame, _: &Disks) -> Result<(), String> {
        Ok(())
    }
}

fn site(simulation: &Simulation) -> Site<'_, Honest> {
    let parties = (0..3).map(PartyIndex);
    let keys: Vec<Digest> = parties.clone().map(|p| Digest::of(&[p.0 as u8])).collect();
    let disks = parties.zip(&keys).map(|(party, key)| {
        let steady = Power::failing(0, 0);
        Disks::new(simulation, party, *key, steady)
    });
    Site {
        disks: disks.collect(),
        simulation,
        actors: Honest,
        keys,
    }
}

fn model(simulation: &Simulation) -> Vec<u8> {
    let outcome = simulation.run_on(&mut site(simulation)).unwrap();
    outcome.applications[0].model().to_vec()
}

#[test]
fn a_full_disk_stops_the_party_by_name_and_the_session_goes_on_when_there_is_room() {
    let simulation = Simulation::new(1, 3);
    let expected = model(&simulation);
    let fill: [fn(&Disks, usize); 3] = [
        |disks, room| disks.journal.fill(room),
        |disks, room| disks.ledger.fill(room),
        |disks, room| disks.ledger_mark.fill(room),
    ];
    for (fill, room) in fill.into_iter().zip([5_000, 1_560, 1_540]) {
        let mut site = site(&simulation);
        fill(&site.disks[1], room);
        let stopped = simulation.run_on(&mut site).unwrap_err();
        let said = stopped.to_string();
        assert!(
            matches!(
                stopped,
                Failure::Stopped {
                    party: PartyIndex(1),
                    ..
                }
            ),
            "{said}"
        );
        assert!(
            said.contains("party-1") && said.contains("journal"),
            "{said}"
        );
        fill(&site.disks[1], usize::MAX);
        let outcome = simulation.run_on(&mut site).unwrap();
        assert!(outcome.applications.iter().all(|a| a.model() == expected));
    }
}

type Choice = fn(&Disks) -> &Disk;

#[test]
fn a_damaged_journal_or_ledger_does_not_start_and_is_named_by_file_and_entry() {
    let simulation = Simulation::new(1, 3);
    let damage: [(&str, Choice); 3] = [
        ("journal: damaged at byte", |disks| &disks.journal),
        ("ledger: damaged at byte", |disks| &disks.ledger),
        ("ledger.mark: damaged at byte", |disks| &disks.ledger_mark),
    ];
    for (said, disk) in damage {
        let mut site = site(&simulation);
        simulation.run_on(&mut site).unwrap();
        let disk = disk(&site.disks[2]);
        let mut bytes = disk.durable();
        bytes[1536 + 45] ^= 1; // in the first entry
        disk.overwrite(bytes);
        let failure = simulation.run_on(&mut site).unwrap_err();
        assert!(
            matches!(
                failure,
                Failure::Boot {
                    party: PartyIndex(2),
                    ..
                }
            ),
            "{failure}"
        );
        let text = failure.to_string();
        assert!(text.contains(said) && text.contains("entry 0"), "{text}");
    }
}
