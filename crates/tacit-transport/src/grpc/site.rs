//! A party of a session, run through a hub.
//!
//! The party's state machine has a thread of its own, because its shares take minutes and its
//! journal waits for the disk. The calling thread moves parcels: it dials the hub, and dials again
//! for as long as it takes.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use tacit_identity::{Identity, SignedRoster, SiteRole};
use tacit_session::{Action, Application, Event, Fault, Frame, Journal, Party, PartyIndex, Status};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::link::{Link, attach};
use super::parcels::{Bounds, Complaint, Outcome, Parcels};
use super::wire::{Envelope, Finished, Kind};
use crate::error::Error;

/// Where a party sits and whom it dials.
#[derive(Debug)]
pub struct Site {
    /// Who this is.
    pub identity: Identity,
    /// Whom to trust.
    pub roster: Arc<SignedRoster>,
    /// The hub's name in the roster.
    pub hub: String,
    /// Where it listens: `host:port`.
    pub address: String,
}

/// How a party is run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SiteOptions {
    /// How often stuck parcels are offered again and the party looks at its clock.
    pub tick: Duration,
    /// First pause before dialling again; it doubles up to a hundredfold.
    pub redial: Duration,
    /// For one attempt to reach the hub.
    pub dial: Duration,
    /// Bytes of payloads under way to this party at a time; one is always let in.
    pub budget: u64,
    /// After its own end a party stays so long for the others, if it does not hear of theirs.
    pub linger: Duration,
    /// The party stops after so long, complete or not.
    pub deadline: Option<Duration>,
}

impl Default for SiteOptions {
    fn default() -> Self {
        Self {
            tick: Duration::from_secs(1),
            redial: Duration::from_millis(200),
            dial: Duration::from_secs(20),
            budget: 1 << 30,
            linger: Duration::from_secs(600),
            deadline: None,
        }
    }
}

/// What happens meanwhile.
#[derive(Debug)]
#[non_exhaustive]
pub enum SiteEvent {
    /// The hub is reached.
    Attached,
    /// The hub is not, or no longer, reached; it is dialled again.
    Detached {
        /// Why.
        reason: String,
    },
    /// The session moved.
    Progress(Status),
    /// A party sent a frame it should not have sent.
    Fault(Fault),
    /// Someone sent what is no parcel.
    Complaint(Complaint),
    /// Nothing was heard past the plan's deadline.
    Late {
        /// The open round.
        round: u32,
        /// Who is waited for.
        waiting_on: Vec<PartyIndex>,
    },
}

/// Messages that may wait for the connection; what is more is said again when it is asked for.
const WAITING: usize = 2048;

enum FromParty {
    Send(PartyIndex, Frame),
    Taken(PartyIndex),
    Happened(SiteEvent),
    Done,
    Failed(Error),
}

/// Runs a party to the end of its session and gives its application back. Whatever is lost on the
/// way (connections, the hub, other parties) is waited for; an error is this party's own.
pub fn run<A, J>(
    party: Party<A, J>,
    site: &Site,
    options: &SiteOptions,
    observer: impl FnMut(SiteEvent),
) -> Result<A, Error>
where
    A: Application + Send,
    J: Journal + Send,
{
    let now = std::time::SystemTime::now();
    let own = site.identity.certificate().der();
    let entry = site.roster.admit(own, now, SiteRole::Party)?;
    let same_roster = party.roster().digest() == site.roster.session().digest();
    if !same_roster || site.roster.party(entry) != Some(party.index()) {
        return Err(Error::WrongParties {
            place: party.index().as_usize(),
        });
    }
    let mut life = [0; 8];
    getrandom::fill(&mut life).map_err(|e| tacit_session::Error::Entropy {
        problem: e.to_string(),
    })?;
    let bounds = Bounds {
        max_payload: party.max_payload(),
        budget: options.budget,
    };
    let (mail, inbox) = channel();
    let (post, outbox) = unbounded_channel();
    let desk = Desk {
        site,
        options,
        observer,
        me: party.index(),
        room: party.agreement().0,
        parcels: Parcels::new(
            party.roster().clone(),
            party.neighbours(),
            bounds,
            u64::from_le_bytes(life),
        ),
        mail,
        out: VecDeque::new(),
        began: Instant::now(),
        done: None,
        root_finished: false,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::io("the runtime of the transport"))?;
    let tick = options.tick;
    thread::scope(|scope| {
        let served = scope.spawn(move || serve(party, &inbox, &post, tick));
        // The desk owns the mail: when it ends, the party's thread does.
        let moved = runtime.block_on(desk.run(outbox));
        let party = served.join().map_err(|_| Error::Panicked {
            party: site.identity.name().to_owned(),
            message: "while it was taken apart".into(),
        })?;
        moved.map(|()| party.into_application())
    })
}

type Mail = (PartyIndex, Frame);

/// The party's thread: mail first, then its own share, and a look at the clock now and then.
fn serve<A: Application, J: Journal>(
    mut party: Party<A, J>,
    inbox: &Receiver<Mail>,
    post: &UnboundedSender<FromParty>,
    tick: Duration,
) -> Party<A, J> {
    let attempt = catch_unwind(AssertUnwindSafe(|| attend(&mut party, inbox, post, tick)));
    let failed: Error = match attempt {
        Ok(Ok(())) => return party,
        Ok(Err(error)) => error.into(),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            Error::Panicked {
                party: party.roster().name(party.index()),
                message: text.unwrap_or_else(|| "no message".into()),
            }
        }
    };
    let _ = post.send(FromParty::Failed(failed));
    party
}

fn attend<A: Application, J: Journal>(
    party: &mut Party<A, J>,
    inbox: &Receiver<Mail>,
    post: &UnboundedSender<FromParty>,
    tick: Duration,
) -> Result<(), tacit_session::Error> {
    let began = Instant::now();
    let mut ticked = began;
    let mut shown = None;
    party.handle(Event::Start)?;
    let mut mail: Option<Mail> = None;
    loop {
        let from = mail
            .take()
            .map(|(from, frame)| (from, party.handle(Event::Frame(frame))));
        if let Some((from, handled)) = from {
            // What a journal no longer has cannot be sent again; everything else stops the party.
            match handled {
                Err(tacit_session::Error::NotJournaled { .. }) | Ok(()) => {}
                Err(error) => return Err(error),
            }
            tell(party, post);
            let _ = post.send(FromParty::Taken(from));
        }
        if ticked.elapsed() >= tick {
            ticked = Instant::now();
            party.handle(Event::Tick(began.elapsed()))?;
        }
        tell(party, post);
        let status = party.status();
        if shown.as_ref() != Some(&status) {
            let _ = post.send(FromParty::Happened(SiteEvent::Progress(status.clone())));
            shown = Some(status);
        }
        mail = if party.has_work() {
            match inbox.try_recv() {
                Ok(mail) => Some(mail),
                Err(TryRecvError::Empty) => {
                    party.work()?;
                    None
                }
                Err(TryRecvError::Disconnected) => return Ok(()),
            }
        } else {
            match inbox.recv_timeout(tick.saturating_sub(ticked.elapsed())) {
                Ok(mail) => Some(mail),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        };
    }
}

/// Hands on what the party wants done, in order.
fn tell<A: Application, J: Journal>(party: &mut Party<A, J>, post: &UnboundedSender<FromParty>) {
    while let Some(action) = party.poll_action() {
        let said = match action {
            Action::Send { to, frame } => FromParty::Send(to, frame),
            Action::Report(fault) => FromParty::Happened(SiteEvent::Fault(fault)),
            Action::Late { round, waiting_on } => {
                FromParty::Happened(SiteEvent::Late { round, waiting_on })
            }
            Action::Done => FromParty::Done,
            _ => continue,
        };
        let _ = post.send(said);
    }
}

/// Where parcels are packed and opened.
struct Desk<'a, O> {
    site: &'a Site,
    options: &'a SiteOptions,
    observer: O,
    me: PartyIndex,
    room: [u8; 32],
    parcels: Parcels,
    mail: Sender<Mail>,
    out: VecDeque<Envelope>,
    began: Instant,
    done: Option<Instant>,
    root_finished: bool,
}

/// Why a connection is over.
enum End {
    Broken(String),
    Left,
}

impl<O: FnMut(SiteEvent)> Desk<'_, O> {
    async fn run(mut self, mut outbox: UnboundedReceiver<FromParty>) -> Result<(), Error> {
        let mut pause = self.options.redial;
        loop {
            // A new connection begins with what is said below; what was on its way to the old one
            // is offered again.
            self.out.clear();
            let reason = match self.dial(&mut outbox).await? {
                Ok(link) => {
                    pause = self.options.redial;
                    (self.observer)(SiteEvent::Attached);
                    if self.done.is_some() {
                        self.say_finished();
                    }
                    match self.work(link, &mut outbox).await? {
                        End::Left => return Ok(()),
                        End::Broken(reason) => reason,
                    }
                }
                Err(reason) => reason,
            };
            (self.observer)(SiteEvent::Detached { reason });
            if self.has_waited_enough()? {
                return Ok(());
            }
            let wait = sleep(pause);
            pause = (pause * 2).min(self.options.redial * 100);
            self.meanwhile(wait, &mut outbox).await?;
        }
    }

    async fn dial(
        &mut self,
        outbox: &mut UnboundedReceiver<FromParty>,
    ) -> Result<Result<Link, String>, Error> {
        let site = self.site;
        let to = (site.hub.as_str(), site.address.as_str());
        let patience = self.options.dial;
        let dialled = attach(&site.identity, site.roster.clone(), to, self.room, patience);
        self.meanwhile(dialled, outbox).await
    }

    /// Listens to the party while there is no connection.
    async fn meanwhile<T>(
        &mut self,
        what: impl Future<Output = T>,
        outbox: &mut UnboundedReceiver<FromParty>,
    ) -> Result<T, Error> {
        tokio::pin!(what);
        loop {
            tokio::select! {
                result = &mut what => return Ok(result),
                Some(said) = outbox.recv() => {
                    self.hear(said)?;
                    self.out.clear();
                }
            }
        }
    }

    async fn work(
        &mut self,
        mut link: Link,
        outbox: &mut UnboundedReceiver<FromParty>,
    ) -> Result<End, Error> {
        let mut tick = interval(self.options.tick);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut overdue = false;
        loop {
            if overdue || self.may_leave() && self.out.is_empty() {
                return Ok(leave(link).await);
            }
            tokio::select! {
                message = link.down.message() => match message {
                    Ok(Some(envelope)) => self.receive(envelope),
                    Ok(None) => return Ok(End::Broken("the hub ended the connection".into())),
                    Err(status) => return Ok(End::Broken(status.message().to_owned())),
                },
                Some(said) = outbox.recv() => self.hear(said)?,
                room = link.up.reserve(), if !self.out.is_empty() => match room {
                    Ok(room) => {
                        if let Some(envelope) = self.out.pop_front() {
                            room.send(envelope);
                        }
                    }
                    Err(_) => return Ok(End::Broken("the connection broke".into())),
                },
                _ = tick.tick() => {
                    overdue = self.has_waited_enough()?;
                    let mut outcomes = Vec::new();
                    self.parcels.tick(&mut outcomes);
                    self.carry_out(outcomes);
                }
            }
        }
    }

    fn hear(&mut self, said: FromParty) -> Result<(), Error> {
        let mut outcomes = Vec::new();
        match said {
            FromParty::Send(to, frame) => self.parcels.post(to, frame, &mut outcomes),
            FromParty::Taken(from) => self.parcels.taken(from, &mut outcomes),
            FromParty::Happened(event) => (self.observer)(event),
            FromParty::Failed(error) => return Err(error),
            FromParty::Done => {
                self.done = Some(Instant::now());
                self.say_finished();
            }
        }
        self.carry_out(outcomes);
        Ok(())
    }

    fn receive(&mut self, envelope: Envelope) {
        let Ok(from) = u16::try_from(envelope.peer).map(PartyIndex) else {
            return;
        };
        let Some(kind) = envelope.kind else {
            return;
        };
        match kind {
            Kind::Finished(_) if from == PartyIndex::ROOT => self.root_finished = true,
            // Back again, or in its next session: it is not finished until it says so.
            Kind::Present(_) if from == PartyIndex::ROOT => self.root_finished = false,
            _ => {}
        }
        let mut outcomes = Vec::new();
        self.parcels.receive(from, kind, &mut outcomes);
        self.carry_out(outcomes);
    }

    fn carry_out(&mut self, outcomes: Vec<Outcome>) {
        for outcome in outcomes {
            match outcome {
                // A neighbour that asks faster than the connection sends asks again at its tick.
                Outcome::Send(envelope) if self.out.len() < WAITING => {
                    self.out.push_back(envelope);
                }
                Outcome::Send(_) => {}
                // When the party is gone, its failure is on its way here.
                Outcome::Deliver(from, frame) => drop(self.mail.send((from, frame))),
                Outcome::Report(complaint) => (self.observer)(SiteEvent::Complaint(complaint)),
            }
        }
    }

    fn say_finished(&mut self) {
        let kind = Some(Kind::Finished(Finished {}));
        self.out.push_back(Envelope { peer: 0, kind });
    }

    /// The root ends last, when everyone has confirmed the end, so its end is everyone's: what is
    /// still posted then repeats what has arrived, and may have nobody left to acknowledge it.
    fn may_leave(&self) -> bool {
        let all_done = self.root_finished || self.me == PartyIndex::ROOT;
        self.done.is_some() && all_done
    }

    fn has_waited_enough(&self) -> Result<bool, Error> {
        if let Some(done) = self.done {
            return Ok(done.elapsed() >= self.options.linger);
        }
        match self.options.deadline {
            Some(deadline) if self.began.elapsed() >= deadline => Err(Error::Abandoned {
                waiting: format!("`{}` is not complete", self.site.identity.name()),
            }),
            _ => Ok(false),
        }
    }
}

/// Leaves in order: everything sent is read by the hub before the connection is closed.
async fn leave(mut link: Link) -> End {
    let (up, _) = tokio::sync::mpsc::channel(1);
    drop(std::mem::replace(&mut link.up, up));
    let drained = async { while let Ok(Some(_)) = link.down.message().await {} };
    let _ = timeout(Duration::from_secs(5), drained).await;
    End::Left
}
