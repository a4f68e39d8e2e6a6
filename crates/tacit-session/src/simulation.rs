//! Whole sessions under bad weather, in one thread and in simulated time.
//!
//! For tests of whatever implements [`Application`]: N parties exchange *encoded* frames through a
//! network that drops, repeats, delays (and so reorders) and corrupts them, on a clock that jumps,
//! with parties that crash while they journal and come back. Everything follows from the seed, so
//! a failure is a number.
//!
//! Besides running to the end, the simulation watches the law that matters most: whatever happens,
//! no party ever lets two different shares (or, at the root, inputs) for one round out
//! ([`Failure::TwoVersions`]).
//!
//! ```
//! use tacit_session::simulation::{Simulation, Weather};
//! # use tacit_session::{Application, Next, PartyIndex, RoundId, SessionContext};
//! # struct Sum(u8, bool);
//! # impl Application for Sum {
//! #     type Error = std::convert::Infallible;
//! #     fn begin(&mut self, _: &SessionContext) -> Result<(), Self::Error> { Ok(()) }
//! #     fn next_round(&mut self) -> Result<Next, Self::Error> {
//! #         Ok(match std::mem::replace(&mut self.1, true) {
//! #             false => Next::round("sum", vec![]),
//! #             true => Next::Complete(vec![self.0]),
//! #         })
//! #     }
//! #     fn share(&mut self, _: &RoundId, _: &[u8]) -> Result<Vec<u8>, Self::Error> {
//! #         Ok(vec![self.0])
//! #     }
//! #     fn aggregate(&mut self, _: &RoundId, _: &[u8], into: &mut Vec<u8>, _: PartyIndex,
//! #         share: &[u8]) -> Result<(), Self::Error> { into[0] += share[0]; Ok(()) }
//! #     fn finish(&mut self, _: &RoundId, sum: Vec<u8>) -> Result<(), Self::Error> {
//! #         self.0 = sum[0]; Ok(())
//! #     }
//! #     fn complete(&mut self, p: &[u8]) -> Result<(), Self::Error> { self.0 = p[0]; Ok(()) }
//! # }
//! let simulation = Simulation { weather: Weather::storm(), ..Simulation::new(7, 3) };
//! let outcome = simulation.run(|party| Sum(party.0 as u8 + 1, false))?;
//! assert!(outcome.applications.iter().all(|app| app.0 == 1 + 2 + 3));
//! # Ok::<(), tacit_session::simulation::Failure>(())
//! ```

mod crash;
mod network;
mod tally;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::application::Application;
use crate::approval::Approval;
use crate::digest::{Digest, DigestWriter};
use crate::error::{DecodeError, Error, Fault};
use crate::frame::{Frame, FrameKind, ShareClaim};
use crate::identity::IdentityKey;
use crate::journal::MemoryJournal;
use crate::machine::{Action, Event, Party, Seat};
use crate::opening::Nonce;
use crate::party_set::PartyIndex;
use crate::plan::{Plan, Release, ReleaseKind, TopologyPlan};
use crate::roster::{Member, Role, Roster};

pub use crash::{Crash, CrashPoint, CrashingJournal};
use network::{Incident, Network};
pub use tally::{Tally, TallyError};

/// What the network and the machines do to a session, in chances out of 1000.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Weather {
    /// A frame is lost.
    pub drop: u32,
    /// A frame arrives twice.
    pub repeat: u32,
    /// A frame arrives with a flipped bit, cut short or with bytes added.
    pub corrupt: u32,
    /// A party crashes when it journals.
    pub crash: u32,
    /// After a crash, the journal is a backup of an earlier moment.
    pub restore_backup: u32,
    /// Frames take up to this long, so that they overtake each other.
    pub delay: Duration,
}

impl Weather {
    /// Nothing is lost; frames still overtake each other.
    pub fn fair() -> Self {
        let delay = Duration::from_millis(50);
        Self {
            drop: 0,
            repeat: 0,
            corrupt: 0,
            crash: 0,
            restore_backup: 0,
            delay,
        }
    }

    /// Everything happens often.
    pub fn storm() -> Self {
        let delay = Duration::from_secs(3);
        Self {
            drop: 150,
            repeat: 150,
            corrupt: 80,
            crash: 20,
            restore_backup: 300,
            delay,
        }
    }
}

/// A session to simulate.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// From which everything random follows.
    pub seed: u64,
    /// What the parties approve; its parties take part.
    pub plan: Plan,
    /// The weather.
    pub weather: Weather,
    /// One crash at a chosen point, besides those of the weather.
    pub crash: Option<Crash>,
    /// Simulated time after which a session that is not complete has failed.
    pub patience: Duration,
}

/// A session that ran to its end.
pub struct Outcome<A> {
    /// The applications, in the order of the roster.
    pub applications: Vec<A>,
    /// The journals, likewise.
    pub journals: Vec<MemoryJournal>,
    /// Faults that parties reported.
    pub faults: Vec<Fault>,
    /// Frames that did not decode.
    pub undecodable: Vec<DecodeError>,
    /// Frames handed to the network.
    pub frames: u64,
    /// Crashes and restarts.
    pub crashes: u64,
    /// Simulated time it took.
    pub took: Duration,
}

impl<A> fmt::Debug for Outcome<A> {
    /// Without the applications, which hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outcome")
            .field("faults", &self.faults)
            .field("frames", &self.frames)
            .field("crashes", &self.crashes)
            .field("took", &self.took)
            .finish_non_exhaustive()
    }
}

/// A session that did not run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// A party stopped with an error that no crash explains.
    #[error("seed {seed}: {source}")]
    Stopped {
        /// The simulation's seed.
        seed: u64,
        /// The error.
        source: Error,
    },
    /// The session did not complete in time.
    #[error("seed {seed}: after {after:?} the session is not complete: {standing}")]
    Stalled {
        /// The simulation's seed.
        seed: u64,
        /// Simulated time.
        after: Duration,
        /// Where every party stood.
        standing: String,
    },
    /// A party let two different frames for one round out.
    #[error("seed {seed}: {party} sent two different {kind} frames for round {round}")]
    TwoVersions {
        /// The simulation's seed.
        seed: u64,
        /// Who.
        party: PartyIndex,
        /// Which kind.
        kind: FrameKind,
        /// Which round.
        round: u32,
    },
}

impl Simulation {
    /// `parties` parties in a star, in fair weather.
    pub fn new(seed: u64, parties: u16) -> Self {
        Self::with_topology(seed, parties, TopologyPlan::Star)
    }

    /// The same in another shape.
    pub fn with_topology(seed: u64, parties: u16, topology: TopologyPlan) -> Self {
        let names: Vec<_> = (0..parties).map(|i| format!("party-{i}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let mut plan = Plan::draft("simulation", "simulated", &names);
        plan.topology = topology;
        plan.timing.retry_seconds = 5;
        plan.releases.push(Release {
            what: ReleaseKind::Prediction,
            to: plan.parties.iter().map(|p| p.name.clone()).collect(),
            at_most: 1,
            precision_bits: 16,
        });
        let patience = Duration::from_secs(1_000_000);
        Self {
            seed,
            plan,
            weather: Weather::fair(),
            crash: None,
            patience,
        }
    }

    /// The keys of a simulated session's parties; never for anything real.
    pub fn key(&self, party: PartyIndex) -> IdentityKey {
        let seed = self.derive("key", party, 0);
        IdentityKey::from_seed(&Zeroizing::new(seed.0))
    }

    /// The roster of the plan's parties and queriers with those keys.
    pub fn roster(&self) -> Result<Arc<Roster>, Error> {
        let parties = self.plan.parties.iter().map(|p| (&p.name, Role::Party));
        let queriers = self.plan.queriers.iter().map(|q| (&q.name, Role::Querier));
        let member = |((name, role), i): ((&String, Role), u16)| {
            let key = self.key(PartyIndex(i)).public();
            Member {
                name: name.clone(),
                role,
                key,
            }
        };
        Ok(Arc::new(Roster::new(
            parties.chain(queriers).zip(0..).map(member).collect(),
        )?))
    }

    /// A party's seat; `life` counts its restarts, each with a fresh nonce in its pocket.
    pub fn seat(&self, party: PartyIndex, life: u64) -> Result<Seat, Error> {
        let (roster, key) = (self.roster()?, self.key(party));
        let approval = Approval::sign(&key, self.plan.digest()?, roster.digest());
        let nonce = Nonce(self.derive("nonce", party, life).0);
        Seat::new(roster, &self.plan, key, approval, nonce)
    }

    /// Runs the session to its end. `application` makes a party's application as it is at the
    /// beginning; it is called again when the party restarts.
    pub fn run<A: Application>(
        &self,
        application: impl Fn(PartyIndex) -> A,
    ) -> Result<Outcome<A>, Failure> {
        Run::new(self, application).complete()
    }

    fn derive(&self, domain: &str, party: PartyIndex, life: u64) -> Digest {
        let hash = DigestWriter::new("tacit simulation").bytes(domain.as_bytes());
        hash.u64(self.seed).u64(party.0.into()).u64(life).finish()
    }
}

type Version = (PartyIndex, FrameKind, Digest, u32);

struct Run<'a, A, F> {
    simulation: &'a Simulation,
    application: F,
    /// `None` while a party is down.
    parties: Vec<Option<Party<A, CrashingJournal>>>,
    journals: Vec<CrashingJournal>,
    lives: Vec<u64>,
    network: Network,
    /// What was said, to catch who says something else later.
    said: HashMap<Version, (Digest, Option<ShareClaim>)>,
    faults: Vec<Fault>,
    undecodable: Vec<DecodeError>,
}

impl<'a, A: Application, F: Fn(PartyIndex) -> A> Run<'a, A, F> {
    fn new(simulation: &'a Simulation, application: F) -> Self {
        let parties = simulation.plan.parties.len() as u16;
        let journal = |i| CrashingJournal::new(simulation, PartyIndex(i));
        let mut network = Network::new(simulation.seed, simulation.weather);
        (0..parties).for_each(|i| network.restart(PartyIndex(i)));
        Self {
            simulation,
            application,
            parties: (0..parties).map(|_| None).collect(),
            journals: (0..parties).map(journal).collect(),
            lives: vec![0; parties.into()],
            network,
            said: HashMap::new(),
            faults: Vec::new(),
            undecodable: Vec::new(),
        }
    }

    fn complete(mut self) -> Result<Outcome<A>, Failure> {
        while !self.is_over() {
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
                Incident::Arrival(party, bytes) => {
                    match Frame::decode(&bytes, self.simulation.plan.limits.max_payload_bytes) {
                        Ok(frame) => self.step(party, Some(Event::Frame(frame)))?,
                        Err(error) => self.undecodable.push(error),
                    }
                }
            }
        }
        let lives: u64 = self.lives.iter().sum();
        Ok(Outcome {
            crashes: lives - self.lives.len() as u64,
            applications: self
                .parties
                .into_iter()
                .flatten()
                .map(Party::into_application)
                .collect(),
            journals: self.journals.iter().map(CrashingJournal::kept).collect(),
            faults: self.faults,
            undecodable: self.undecodable,
            frames: self.network.frames(),
            took: self.network.now(),
        })
    }

    fn is_over(&self) -> bool {
        self.parties
            .iter()
            .all(|p| p.as_ref().is_some_and(|p| p.status().done))
    }

    fn stalled(&self) -> Failure {
        let standing = self.parties.iter().map(|p| match p {
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

    fn restart(&mut self, party: PartyIndex) -> Result<(), Failure> {
        let i = party.as_usize();
        let life = self.lives[i];
        self.lives[i] += 1;
        let seed = self.simulation.seed;
        let stopped = |source| Failure::Stopped { seed, source };
        let seat = self.simulation.seat(party, life).map_err(stopped)?;
        if life == 0 {
            self.network.tick(party);
        }
        match Party::new(seat, (self.application)(party), self.journals[i].clone()) {
            Ok(mut up) => {
                let started = up.handle(Event::Start);
                self.parties[i] = Some(up);
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
        let i = party.as_usize();
        let Some(up) = &mut self.parties[i] else {
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
        let Some(up) = &mut self.parties[party.as_usize()] else {
            return Ok(());
        };
        while let Some(action) = up.poll_action() {
            match action {
                Action::Send { to, frame } => {
                    let header = frame.header();
                    let (kind, round) = (header.kind, header.round);
                    let version = (header.sender, kind, header.session, round);
                    let said = (header.payload_digest, header.claim.clone());
                    if *self.said.entry(version).or_insert_with(|| said.clone()) != said {
                        let seed = self.simulation.seed;
                        return Err(Failure::TwoVersions {
                            seed,
                            party,
                            kind,
                            round,
                        });
                    }
                    self.network.send(to, frame.encode());
                }
                Action::Report(fault) => self.faults.push(fault),
                Action::Late { .. } | Action::Done => {}
            }
        }
        Ok(())
    }

    /// A crash takes the party down; half of the time its last words still go out.
    fn crashed(&mut self, party: PartyIndex, error: Error) -> Result<(), Failure> {
        let i = party.as_usize();
        if !self.journals[i].take_crash() {
            return Err(Failure::Stopped {
                seed: self.simulation.seed,
                source: error,
            });
        }
        if self.network.chance(500) {
            self.carry_out(party)?;
        }
        self.parties[i] = None;
        if self.network.chance(self.simulation.weather.restore_backup) {
            let draw = self.network.draw();
            self.journals[i].restore_backup(draw);
        }
        self.network.restart(party);
        Ok(())
    }
}
