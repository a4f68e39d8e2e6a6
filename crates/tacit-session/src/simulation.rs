//! Whole sessions under bad weather, in one thread and in simulated time.
//!
//! For tests of whatever implements [`Application`]: N parties exchange *encoded* frames through a
//! network that drops, repeats, delays (and so reorders) and corrupts them, on a clock that jumps,
//! with parties that crash while they journal and come back. Everything follows from the seed, so
//! a failure is a number.
//!
//! Besides running to the end, the simulation watches two laws whenever a frame leaves: no party ever
//! lets two different shares (or, at the root, inputs) for one round out
//! ([`Failure::TwoVersions`]), and none lets a frame out that is not journaled. Whoever brings
//! [`Machines`] of its own (disks, applications with secrets) watches further ones
//! ([`Failure::Broken`]).
//!
//! A party may be [away](Absence), for some time or for good. A session that waits for one who does
//! not come back ends as a [`Failure::Paused`] that says for whom.
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
mod machines;
mod network;
mod run;
mod tally;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::application::Application;
use crate::approval::Approval;
use crate::continuation::Continuation;
use crate::digest::{Digest, DigestWriter};
use crate::error::{BoxedError, DecodeError, Error, Fault};
use crate::frame::FrameKind;
use crate::identity::IdentityKey;
use crate::journal::MemoryJournal;
use crate::machine::Seat;
use crate::opening::Nonce;
use crate::party_set::PartyIndex;
use crate::plan::{Plan, Release, ReleaseKind, TopologyPlan};
use crate::roster::{Member, Role, Roster};

pub use crash::{Crash, CrashPoint, CrashingJournal};
pub use machines::{InMemory, Machines};
pub use network::Dice;
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

/// A party is switched off, as in a long power failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Absence {
    /// Who.
    pub party: PartyIndex,
    /// Simulated time at which it goes.
    pub from: Duration,
    /// When it comes back; `None` for never.
    pub until: Option<Duration>,
}

/// A session to simulate.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// From which everything random about network and machines follows.
    pub seed: u64,
    /// From which keys and nonces follow; at first the same as `seed`.
    pub cast: u64,
    /// Lives of each party before the session (missing ones are 0): they decide its nonce.
    pub lives: Vec<u64>,
    /// What the parties approve; its parties take part.
    pub plan: Plan,
    /// Goes on among some of them; the others are not there.
    pub continuation: Option<Continuation>,
    /// The weather.
    pub weather: Weather,
    /// One crash at a chosen point, besides those of the weather.
    pub crash: Option<Crash>,
    /// Who is away when.
    pub absences: Vec<Absence>,
    /// Simulated time after which a session that is not complete has failed.
    pub patience: Duration,
}

/// A session that ran to its end.
pub struct Outcome<A> {
    /// The applications of those who took part, in the order of the roster.
    pub applications: Vec<A>,
    /// The journals, likewise, where the machines can show them.
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
        /// Who.
        party: PartyIndex,
        /// The error.
        source: Error,
    },
    /// A party's machine does not start.
    #[error("seed {seed}: {party} does not start: {source}")]
    Boot {
        /// The simulation's seed.
        seed: u64,
        /// Who.
        party: PartyIndex,
        /// Why.
        source: BoxedError,
    },
    /// The session waits for a party that does not come back, and says so.
    #[error("seed {seed}: after {after:?} the session waits for {waiting_on:?}")]
    Paused {
        /// The simulation's seed.
        seed: u64,
        /// Simulated time.
        after: Duration,
        /// Whom parties named as late when it was clear.
        waiting_on: Vec<PartyIndex>,
    },
    /// What the machines watch did not hold when a frame was to leave.
    #[error("seed {seed}: {party}, {kind} frame of round {round}: {law}")]
    Broken {
        /// The simulation's seed.
        seed: u64,
        /// Who sent it.
        party: PartyIndex,
        /// Which kind.
        kind: FrameKind,
        /// Which round.
        round: u32,
        /// What does not hold.
        law: String,
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
            cast: seed,
            lives: Vec::new(),
            plan,
            continuation: None,
            weather: Weather::fair(),
            crash: None,
            absences: Vec::new(),
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
        let nonce = self.nonce(party, life);
        let seat = Seat::new(roster, &self.plan, key, approval, nonce)?;
        match &self.continuation {
            Some(continuation) => seat.among(continuation.clone()),
            None => Ok(seat),
        }
    }

    /// Who takes part, ascending.
    pub fn participants(&self) -> Vec<PartyIndex> {
        match &self.continuation {
            Some(continuation) => continuation.participants.clone(),
            None => (0..self.plan.parties.len() as u16)
                .map(PartyIndex)
                .collect(),
        }
    }

    /// The nonce in a party's pocket in one of its lives.
    pub fn nonce(&self, party: PartyIndex, life: u64) -> Nonce {
        let before = self.lives.get(party.as_usize()).copied().unwrap_or(0);
        Nonce(self.derive("nonce", party, before + life).0)
    }

    /// Runs the session to its end. `application` makes a party's application as it is at the
    /// beginning; it is called again when the party restarts.
    pub fn run<A: Application>(
        &self,
        application: impl Fn(PartyIndex) -> A,
    ) -> Result<Outcome<A>, Failure> {
        self.run_on(&mut InMemory::new(self, application))
    }

    /// The same on machines of one's own; `crash` and the crashes of the weather are theirs to have.
    pub fn run_on<M: Machines>(
        &self,
        machines: &mut M,
    ) -> Result<Outcome<M::Application>, Failure> {
        run::Run::new(self, machines).complete()
    }

    fn derive(&self, domain: &str, party: PartyIndex, life: u64) -> Digest {
        let hash = DigestWriter::new("tacit simulation").bytes(domain.as_bytes());
        hash.u64(self.cast).u64(party.0.into()).u64(life).finish()
    }
}
