//! A party of a session, run through a hub.
//!
//! The party's state machine has a thread of its own, because its shares take minutes and its
//! journal waits for the disk. The calling thread moves parcels: it dials the hub, and dials again
//! for as long as it takes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use tacit_identity::{Identity, SignedRoster, SiteRole};
use tacit_session::{
    Action, Application, Digest, DigestWriter, Event, Fault, Journal, Party, PartyIndex, Status,
};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::desk::{Desk, FromParty, Leaves, Mail, fresh_life, runtime};
use super::hub::{Hub, HubEvent};
use super::parcels::{Bounds, Complaint, Parcels};
use super::stop::Stop;
use super::traffic::Traffic;
use super::uplink::{Uplink, Ways};
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
    /// Where this party relays for its children in the plan's tree, `address:port`. Then there is no common
    /// hub: `hub` and `address` are the parent's (and unused at the root), whose certificate is a party's.
    pub listen: Option<String>,
}

/// How a party is run.
#[derive(Clone, Debug)]
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
    /// Which session of the plan this is, from 0: each meets in a room of its own.
    pub session: u64,
    /// What this site sends and receives is counted here.
    pub traffic: Arc<Traffic>,
    /// Ends the party in order before its session does.
    pub stop: Stop,
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
            session: 0,
            traffic: Arc::default(),
            stop: Stop::new(),
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
    /// The relay for this party's children has something to say.
    Relay(HubEvent),
    /// Nothing was heard past the plan's deadline.
    Late {
        /// The open round.
        round: u32,
        /// Who is waited for.
        waiting_on: Vec<PartyIndex>,
    },
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
    let bounds = Bounds {
        max_payload: party.max_payload(),
        budget: options.budget,
    };
    let parcels = Parcels::new(
        party.roster().clone(),
        party.neighbours(),
        bounds,
        fresh_life()?,
    );
    let (mail, inbox) = channel();
    let (post, outbox) = unbounded_channel();
    let room = room_of(party.agreement(), options.session);
    let leaves = match party.index() {
        PartyIndex::ROOT => Leaves::AtItsEnd,
        _ => Leaves::WithTheRoot,
    };
    let ways = ways(site, party.index(), &party.neighbours(), &post)?;
    let uplink = ways.relay.clone().map(|hub| Uplink {
        site,
        options,
        hub,
        room,
        ways: ways.clone(),
        post: post.clone(),
    });
    let ends = (leaves, ways);
    let desk = Desk::new((site, options), room, ends, parcels, mail, observer);
    let runtime = runtime()?;
    let tick = options.tick;
    thread::scope(|scope| {
        let served = thread::Builder::new()
            .name("party".into())
            .spawn_scoped(scope, move || serve(party, &inbox, &post, tick))
            .map_err(Error::io("a thread for the party"))?;
        // The desk owns the mail: when it ends, the party's thread does.
        let moved = runtime.block_on(async {
            match (uplink, &site.listen) {
                (Some(uplink), Some(listen)) => uplink.run(listen, desk, outbox).await,
                _ => desk.run(outbox).await,
            }
        });
        let party = served.join().map_err(|_| Error::Panicked {
            party: site.identity.name().to_owned(),
            message: "while it was taken apart".into(),
        })?;
        moved.map(|()| party.into_application())
    })
}

/// How a party reaches its neighbours, by what its site says of hub and relay.
fn ways(
    site: &Site,
    me: PartyIndex,
    neighbours: &[PartyIndex],
    post: &UnboundedSender<FromParty>,
) -> Result<Ways, Error> {
    let roster = site.roster.session();
    let mut dialled = site.roster.sites().iter().filter(|s| s.name == site.hub);
    let dialled = dialled.find(|s| s.role == SiteRole::Party);
    let dialled = dialled.and_then(|s| site.roster.party(s));
    if site.listen.is_none() && dialled.is_none() {
        return Ok(Ways::common_hub(me));
    }
    let refuse = |problem: String| {
        let party = roster.name(me);
        Err(Error::Ways { party, problem })
    };
    // In the heap a parent comes before its children.
    let above = neighbours.iter().copied().find(|n| *n < me);
    let below: Vec<_> = neighbours.iter().copied().filter(|n| *n > me).collect();
    match above {
        Some(parent) if dialled != Some(parent) => {
            let parent = roster.name(parent);
            return refuse(format!(
                "without a common hub it dials its parent in the plan's tree, `{parent}`, and not `{}`",
                site.hub
            ));
        }
        _ => {}
    }
    match (&site.listen, below.is_empty()) {
        (None, false) => {
            let children: Vec<_> = below.iter().map(|c| roster.name(*c)).collect();
            refuse(format!(
                "it listens nowhere, but {} are to dial it; set `listen`",
                children.join(", ")
            ))
        }
        (Some(_), true) => {
            refuse("it has no children in the plan's tree; leave `listen` out".into())
        }
        (listen, _) => {
            let said = post.clone();
            let log = move |event| {
                let _ = said.send(FromParty::Happened(SiteEvent::Relay(event)));
            };
            let hub = || Hub::for_children(&site.identity, below.clone(), site.roster.clone(), log);
            let relay = listen.as_ref().map(|_| hub()).transpose()?;
            Ok(Ways {
                me,
                above,
                below,
                common_hub: false,
                relay,
            })
        }
    }
}

/// Where the sessions of a plan meet.
fn room_of(agreement: Digest, session: u64) -> [u8; 32] {
    match session {
        0 => agreement.0,
        _ => {
            let room = DigestWriter::new("tacit room of a session v1").bytes(&agreement.0);
            room.u64(session).finish().0
        }
    }
}

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
