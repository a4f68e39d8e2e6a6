//! All parties of a session in one process.
//!
//! Each party keeps its secrets to itself, as a value nobody else holds, and speaks to the others
//! in encoded, signed frames only; heads are copied and payloads are passed by reference, so that
//! a broadcast of 10 MB to 160 parties stays 10 MB.
//!
//! A small pool of threads serves all parties ([`Options::threads`]): 160 runnable threads on two
//! cores would only thrash the caches. A thread takes a party that has mail, before one that has a
//! share to compute: sums swallow shares as they come, and few shares exist at a time. Inboxes are
//! bounded; a party whose frames do not fit into the receiver's inbox computes nothing new until
//! they do, and goes on reading its own mail, so that nothing can lock up.
//!
//! ```
//! use tacit_session::simulation::Tally;
//! use tacit_session::plan::{Plan, Release, ReleaseKind};
//! use tacit_session::{NoJournal, Party};
//! use tacit_transport::memory::{Options, run_local, seats};
//!
//! let mut plan = Plan::draft("sums", "tally", &["ada", "bob", "eve"]);
//! plan.releases.push(Release {
//!     what: ReleaseKind::Statistics,
//!     to: vec!["ada".into()],
//!     at_most: 1,
//!     precision_bits: 16,
//! });
//!
//! let mut parties = Vec::new();
//! for (seat, value) in seats(&plan)?.into_iter().zip([5, 6, 7]) {
//!     parties.push(Party::new(seat, Tally::new(value, 1), NoJournal)?);
//! }
//! let finished = run_local(parties, &Options::default(), |progress| {
//!     println!("{} {}/{:?}", progress.label, progress.index, progress.of);
//! })?;
//!
//! assert!(finished.applications.iter().all(|app| app.totals() == [5 + 6 + 7]));
//! assert!(finished.traffic.of(1).sent_in("tally").bytes > 0);
//! # Ok::<(), tacit_transport::Error>(())
//! ```

mod desk;
mod progress;
mod traffic;

use std::fmt;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tacit_session::{
    Action, Application, Approval, Event, Frame, IdentityKey, Journal, Member, Nonce, Party, Plan,
    Role, Roster, Seat,
};

use crate::error::Error;
use desk::{Desks, Job, Letter};
pub use progress::Progress;
use progress::RoundClock;
pub use traffic::{Flow, PartyTraffic, Traffic};

/// How a local session is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Threads that serve all parties.
    pub threads: NonZero<usize>,
    /// Most frames waiting for one party.
    pub inbox: NonZero<usize>,
}

impl Default for Options {
    /// A thread per core, eight frames per inbox.
    fn default() -> Self {
        let threads = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        Self {
            threads,
            inbox: NonZero::new(8).unwrap_or(NonZero::<usize>::MIN),
        }
    }
}

/// A session that ran to its end.
pub struct Finished<A> {
    /// The applications, in the order of the roster.
    pub applications: Vec<A>,
    /// Who sent and received how much in which kind of round.
    pub traffic: Traffic,
    /// Every finished round, in order.
    pub rounds: Vec<Progress>,
    /// Wall time of the whole session.
    pub took: Duration,
}

impl<A> fmt::Debug for Finished<A> {
    /// Without the applications, which hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finished")
            .field("traffic", &self.traffic)
            .field("rounds", &self.rounds)
            .field("took", &self.took)
            .finish_non_exhaustive()
    }
}

/// Seats for all parties of `plan` with keys, approvals and nonces made on the spot: for
/// demonstrations and tests, where everyone is the same person.
pub fn seats(plan: &Plan) -> Result<Vec<Seat>, Error> {
    let keys = plan.parties.iter().map(|_| IdentityKey::generate());
    let keys: Vec<_> = keys.collect::<Result<_, _>>()?;
    let mut members = Vec::new();
    for (party, key) in plan.parties.iter().zip(&keys) {
        members.push(Member {
            name: party.name.clone(),
            role: Role::Party,
            key: key.public(),
        });
    }
    for querier in &plan.queriers {
        let key = IdentityKey::generate()?.public();
        members.push(Member {
            name: querier.name.clone(),
            role: Role::Querier,
            key,
        });
    }
    let (roster, digest) = (Arc::new(Roster::new(members)?), plan.digest()?);
    let seat = |key: IdentityKey| {
        let approval = Approval::sign(&key, digest, roster.digest());
        Ok(Seat::new(
            roster.clone(),
            plan,
            key,
            approval,
            Nonce::fresh()?,
        )?)
    };
    keys.into_iter().map(seat).collect()
}

/// Runs a session to its end. `parties` are all parties of the roster, in its order. `observer`
/// sees every round begin, advance and finish; keep it short, the parties wait for it.
///
/// Nothing is lost in memory, so the first fault of any kind ends the session and is returned; all
/// threads are joined by then.
pub fn run_local<A, J>(
    parties: Vec<Party<A, J>>,
    options: &Options,
    observer: impl FnMut(&Progress) + Send,
) -> Result<Finished<A>, Error>
where
    A: Application + Send,
    J: Journal + Send,
{
    check_parties(&parties)?;
    let began = Instant::now();
    let threads = options.threads.get().min(parties.len());
    let floor = Floor {
        state: Mutex::new(State {
            traffic: Traffic::new(parties.len()),
            desks: Desks::new(parties, options.inbox.get()),
            clock: RoundClock::new(observer),
            failure: None,
        }),
        changed: Condvar::new(),
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| floor.serve());
        }
        floor.serve();
    });
    let state = floor
        .state
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    match state.failure {
        Some(failure) => Err(failure),
        None => Ok(Finished {
            applications: state.desks.into_applications(),
            traffic: state.traffic,
            rounds: state.clock.into_rounds(),
            took: began.elapsed(),
        }),
    }
}

fn check_parties<A: Application, J: Journal>(parties: &[Party<A, J>]) -> Result<(), Error> {
    let expected = parties
        .first()
        .map_or(1, |p| usize::from(p.roster().parties()));
    for place in 0..expected.max(parties.len()) {
        let fits = parties.get(place).is_some_and(|p| {
            p.index().as_usize() == place && p.roster().digest() == parties[0].roster().digest()
        });
        if !fits {
            return Err(Error::WrongParties { place });
        }
    }
    Ok(())
}

/// Where the threads meet.
struct Floor<A, J, O> {
    state: Mutex<State<A, J, O>>,
    changed: Condvar,
}

struct State<A, J, O> {
    desks: Desks<A, J>,
    traffic: Traffic,
    clock: RoundClock<O>,
    failure: Option<Error>,
}

impl<A, J, O> Floor<A, J, O>
where
    A: Application + Send,
    J: Journal + Send,
    O: FnMut(&Progress) + Send,
{
    /// What each thread does: take a party with something to do, do it, hand out what it says.
    fn serve(&self) {
        while let Some((mut party, job)) = self.next_job() {
            let done = attend(&mut party, job);
            let _wake = WakeAll(&self.changed);
            let mut state = self.lock();
            if let Err(failure) = state.settle(party, done) {
                state.failure.get_or_insert(failure);
            }
        }
    }

    /// `None` when the session is over, for good or ill.
    fn next_job(&self) -> Option<(Party<A, J>, Job)> {
        let mut state = self.lock();
        loop {
            let panicked = self.state.is_poisoned();
            if panicked || state.failure.is_some() || state.desks.all_done() {
                return None;
            }
            if let Some(job) = state.desks.next_job() {
                return Some(job);
            }
            if state.desks.all_idle() {
                state.failure = Some(Error::Stalled {
                    waiting: state.desks.waiting(),
                });
                self.changed.notify_all();
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Poisoned when an observer panicked; then all threads leave and the panic goes on.
    fn lock(&self) -> MutexGuard<'_, State<A, J, O>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the waiting threads when it goes, after the lock taken later and even in a panic.
struct WakeAll<'a>(&'a Condvar);

impl Drop for WakeAll<'_> {
    fn drop(&mut self) {
        self.0.notify_all();
    }
}

/// What came of a job.
struct Attended {
    worked: bool,
    received: Option<Letter>,
    actions: Vec<Action>,
}

fn attend<A: Application, J: Journal>(
    party: &mut Party<A, J>,
    job: Job,
) -> Result<Attended, Error> {
    let attempt = catch_unwind(AssertUnwindSafe(|| {
        let (worked, received) = match job {
            Job::Start => {
                party.handle(Event::Start)?;
                (false, None)
            }
            Job::Receive(letter) => {
                party.handle(Event::Frame(open(party, &letter)?))?;
                (false, Some(letter))
            }
            Job::Work => {
                party.work()?;
                (true, None)
            }
        };
        let actions = std::iter::from_fn(|| party.poll_action()).collect();
        Ok(Attended {
            worked,
            received,
            actions,
        })
    }));
    attempt.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        let party = party.roster().name(party.index());
        Err(Error::Panicked {
            party,
            message: text.unwrap_or_else(|| "no message".into()),
        })
    })
}

/// Decodes as from any wire; the payload is taken by reference.
fn open<A: Application, J: Journal>(party: &Party<A, J>, letter: &Letter) -> Result<Frame, Error> {
    let frame = Frame::from_parts(&letter.head, letter.payload.clone(), party.max_payload());
    frame.map_err(|source| {
        let name = |index| party.roster().name(index);
        Error::Decode {
            from: name(letter.from),
            to: name(party.index()),
            source,
        }
    })
}

impl<A: Application, J: Journal, O: FnMut(&Progress)> State<A, J, O> {
    /// Puts a party back to its desk and carries out what it said.
    fn settle(&mut self, party: Party<A, J>, done: Result<Attended, Error>) -> Result<(), Error> {
        let (me, status) = (party.index(), party.status());
        self.desks.put_back(party);
        let done = done?;
        if let Some(letter) = &done.received {
            self.traffic
                .received(me.as_usize(), &letter.label, letter.len());
        }
        for action in done.actions {
            match action {
                Action::Send { to, frame } => {
                    self.traffic
                        .sent(me.as_usize(), &frame.header().label, frame.wire_len());
                    self.clock.sent(frame.header().round, frame.wire_len());
                    self.desks.post(me, to, &frame);
                }
                Action::Report(fault) if !fault.is_noise() => return Err(Box::new(fault).into()),
                _ => {}
            }
        }
        self.desks.deliver();
        if done.worked {
            self.clock.worked(self.desks.len());
        }
        if me.as_usize() == 0 {
            self.clock.root_is_at(&status, self.desks.len());
        }
        Ok(())
    }
}
