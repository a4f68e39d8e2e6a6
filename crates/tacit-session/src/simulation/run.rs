//! One simulated session, incident by incident.

use std::collections::{BTreeSet, HashMap};

use super::machines::Machines;
use super::network::{Incident, Network};
use super::{Failure, Outcome, Simulation};
use crate::digest::Digest;
use crate::error::{DecodeError, Error, Fault};
use crate::frame::{Frame, FrameKind, ShareClaim};
use crate::machine::{Action, Event, Party};
use crate::party_set::PartyIndex;

type Version = (PartyIndex, FrameKind, Digest, u32);

pub(super) struct Run<'a, M: Machines> {
    simulation: &'a Simulation,
    machines: &'a mut M,
    parties: Vec<Standing<M>>,
    network: Network,
    /// What was said, to catch who says something else later.
    said: HashMap<Version, (Digest, Option<ShareClaim>)>,
    faults: Vec<Fault>,
    undecodable: Vec<DecodeError>,
    late: BTreeSet<PartyIndex>,
}

struct Standing<M: Machines> {
    takes_part: bool,
    /// `None` while the party is down.
    up: Option<Party<M::Application, M::Journal>>,
    lives: u64,
    /// Switched off; nothing starts it but its return.
    is_away: bool,
    /// Switched off for good.
    is_gone: bool,
}

impl<'a, M: Machines> Run<'a, M> {
    pub(super) fn new(simulation: &'a Simulation, machines: &'a mut M) -> Self {
        let parties = simulation.plan.parties.len() as u16;
        let mut network = Network::new(simulation.seed, simulation.weather);
        let participants = simulation.participants();
        for &party in &participants {
            network.tick(party);
            network.restart(party);
        }
        for absence in &simulation.absences {
            network.at(absence.from, Incident::Leave(absence.party));
            if let Some(until) = absence.until {
                network.at(until, Incident::Return(absence.party));
            }
        }
        let standing = |i| Standing {
            takes_part: participants.contains(&PartyIndex(i)),
            up: None,
            lives: 0,
            is_away: false,
            is_gone: false,
        };
        Self {
            simulation,
            machines,
            parties: (0..parties).map(standing).collect(),
            network,
            said: HashMap::new(),
            faults: Vec::new(),
            undecodable: Vec::new(),
            late: BTreeSet::new(),
        }
    }

    pub(super) fn complete(mut self) -> Result<Outcome<M::Application>, Failure> {
        while !self.is_over() {
            self.end_pause()?;
            let incident = self.network.next();
            if self.network.now() > self.simulation.patience {
                return Err(self.stalled());
            }
            match incident {
                Incident::Restart(party) => self.restart(party)?,
                Incident::Tick(party) => {
                    self.step(party, Some(Event::Tick(self.network.now())))?;
                    self.network.tick(party);
                }
                Incident::Arrival(party, bytes) => self.arrive(party, &bytes)?,
                Incident::Leave(party) => self.leave(party),
                Incident::Return(party) => {
                    let standing = &mut self.parties[party.as_usize()];
                    standing.is_away = false;
                    standing.is_gone = false;
                    self.network.restart(party);
                }
            }
        }
        let lives: u64 = self.parties.iter().map(|p| p.lives).sum();
        let crashes = lives - self.parties.iter().filter(|p| p.takes_part).count() as u64;
        let up = self.parties.into_iter().filter_map(|p| p.up);
        Ok(Outcome {
            crashes,
            applications: up.map(Party::into_application).collect(),
            journals: self.machines.journals(),
            faults: self.faults,
            undecodable: self.undecodable,
            frames: self.network.frames(),
            took: self.network.now(),
        })
    }

    fn is_over(&self) -> bool {
        let is_done = |s: &Standing<M>| s.up.as_ref().is_some_and(|p| p.status().done);
        self.parties.iter().filter(|p| p.takes_part).all(is_done)
    }

    /// A session that waits for one who is gone has ended, once it says so. When all others are
    /// done, nobody waits: then whoever was gone comes back and hears the last word.
    fn end_pause(&mut self) -> Result<(), Failure> {
        let gone = self.parties.iter().position(|p| p.takes_part && p.is_gone);
        let Some(gone) = gone else {
            return Ok(());
        };
        let gone = PartyIndex(gone as u16);
        if self.late.contains(&gone) {
            return Err(Failure::Paused {
                seed: self.simulation.seed,
                after: self.network.now(),
                waiting_on: self.late.iter().copied().collect(),
            });
        }
        let is_done =
            |p: &Standing<M>| p.is_gone || p.up.as_ref().is_some_and(|party| party.status().done);
        if self.parties.iter().filter(|p| p.takes_part).all(is_done) {
            self.parties[gone.as_usize()].is_gone = false;
            let now = self.network.now();
            self.network.at(now, Incident::Return(gone));
        }
        Ok(())
    }

    fn stalled(&self) -> Failure {
        let standing = self.parties.iter().map(|p| match &p.up {
            Some(party) => format!("{:?} {:?}; ", party.index(), party.status()),
            None => "down; ".to_owned(),
        });
        let (seed, after) = (self.simulation.seed, self.network.now());
        Failure::Stalled {
            seed,
            after,
            standing: standing.collect(),
        }
    }

    fn arrive(&mut self, party: PartyIndex, bytes: &[u8]) -> Result<(), Failure> {
        match Frame::decode(bytes, self.simulation.plan.limits.max_payload_bytes) {
            Ok(frame) => self.step(party, Some(Event::Frame(frame))),
            Err(error) => {
                self.undecodable.push(error);
                Ok(())
            }
        }
    }

    fn leave(&mut self, party: PartyIndex) {
        let absences = self.simulation.absences.iter();
        let now = self.network.now();
        let comes_back = absences
            .filter(|a| a.party == party)
            .any(|a| a.until.is_some_and(|until| until >= now));
        let standing = &mut self.parties[party.as_usize()];
        standing.is_away = true;
        standing.is_gone = !comes_back;
        // Whoever named it before did so for another reason.
        self.late.remove(&party);
        if standing.up.take().is_some() {
            self.machines.take_crash(party);
            self.machines.fall(party, self.network.dice());
        }
    }

    fn restart(&mut self, party: PartyIndex) -> Result<(), Failure> {
        let i = party.as_usize();
        let standing = &mut self.parties[i];
        if !standing.takes_part || standing.is_away || standing.up.is_some() {
            return Ok(());
        }
        let life = standing.lives;
        standing.lives += 1;
        let seed = self.simulation.seed;
        let stopped = |source| Failure::Stopped {
            seed,
            party,
            source,
        };
        let seat = self.simulation.seat(party, life).map_err(stopped)?;
        let (application, journal) = match self.machines.boot(party) {
            Ok(booted) => booted,
            Err(_) if self.machines.take_crash(party) => {
                self.fall(party);
                return Ok(());
            }
            Err(source) => {
                return Err(Failure::Boot {
                    seed,
                    party,
                    source,
                });
            }
        };
        match Party::new(seat, application, journal) {
            Ok(mut up) => {
                let started = up.handle(Event::Start);
                self.parties[i].up = Some(up);
                match started {
                    Ok(()) => self.step(party, None),
                    Err(error) => self.crashed(party, error),
                }
            }
            Err(error) => self.crashed(party, error),
        }
    }

    /// Hands a party an event, lets it work and carries out what it says.
    fn step(&mut self, party: PartyIndex, event: Option<Event>) -> Result<(), Failure> {
        let Some(up) = &mut self.parties[party.as_usize()].up else {
            return Ok(());
        };
        let handled = event.map_or(Ok(()), |event| up.handle(event));
        let mut result = handled;
        while result.is_ok() && up.has_work() {
            result = up.work();
        }
        match result {
            Ok(()) => self.carry_out(party),
            Err(error) => self.crashed(party, error),
        }
    }

    fn carry_out(&mut self, party: PartyIndex) -> Result<(), Failure> {
        let Some(up) = &mut self.parties[party.as_usize()].up else {
            return Ok(());
        };
        let seed = self.simulation.seed;
        while let Some(action) = up.poll_action() {
            match action {
                Action::Send { to, frame } => {
                    let header = frame.header();
                    let (kind, round) = (header.kind, header.round);
                    let version = (header.sender, kind, header.session, round);
                    let said = (header.payload_digest, header.claim.clone());
                    if *self.said.entry(version).or_insert_with(|| said.clone()) != said {
                        return Err(Failure::TwoVersions {
                            seed,
                            party,
                            kind,
                            round,
                        });
                    }
                    let watched = self.machines.leaves(party, &frame);
                    watched.map_err(|law| Failure::Broken {
                        seed,
                        party,
                        kind,
                        round,
                        law,
                    })?;
                    self.network.send(to, frame.encode());
                }
                Action::Report(fault) => self.faults.push(fault),
                Action::Late { waiting_on, .. } => self.late.extend(waiting_on),
                Action::Done => {}
            }
        }
        Ok(())
    }

    /// A crash takes the party down; half of the time its last words still go out.
    fn crashed(&mut self, party: PartyIndex, error: Error) -> Result<(), Failure> {
        if !self.machines.take_crash(party) {
            return Err(Failure::Stopped {
                seed: self.simulation.seed,
                party,
                source: error,
            });
        }
        if self.network.dice().chance(500) {
            self.carry_out(party)?;
        }
        self.fall(party);
        Ok(())
    }

    fn fall(&mut self, party: PartyIndex) {
        self.parties[party.as_usize()].up = None;
        self.machines.fall(party, self.network.dice());
        self.network.restart(party);
    }
}
