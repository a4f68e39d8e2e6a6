//! Between a party, or whoever writes letters, and the hub: parcels are packed and opened here, over
//! as many connections as it takes.

use std::collections::{BTreeSet, VecDeque};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use tacit_session::{Frame, PartyIndex};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::link::{Link, attach_counting};
use super::parcels::{Outcome, Parcels};
use super::site::{Site, SiteEvent, SiteOptions};
use super::uplink::Ways;
use super::wire::{Envelope, Finished, Kind};
use crate::error::Error;

/// Messages that may wait for the connection, chunks apart; what is more is said again when it is asked for.
const WAITING: usize = 2048;

/// What came, and from whom.
pub(super) type Mail = (PartyIndex, Frame);

/// What the desk's other side says.
pub(super) enum FromParty {
    Send(PartyIndex, Frame),
    Taken(PartyIndex),
    Happened(SiteEvent),
    Done,
    Failed(Error),
}

/// Tells the parcels of this process from those of others.
pub(super) fn fresh_life() -> Result<u64, Error> {
    let mut life = [0; 8];
    getrandom::fill(&mut life).map_err(|e| tacit_session::Error::Entropy {
        problem: e.to_string(),
    })?;
    Ok(u64::from_le_bytes(life))
}

/// What a desk runs on.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::io("the runtime of the transport"))
}

/// Where parcels are packed and opened.
pub(super) struct Desk<'a, O> {
    site: &'a Site,
    options: &'a SiteOptions,
    observer: O,
    leaves: Leaves,
    ways: Ways,
    room: [u8; 32],
    parcels: Parcels,
    mail: Sender<Mail>,
    out: VecDeque<Envelope>,
    began: Instant,
    done: Option<Instant>,
    /// Whether it was said that the session is over for all.
    all_over: bool,
    /// Who of those below has heard it.
    below: BTreeSet<PartyIndex>,
}

/// When a desk may be left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Leaves {
    /// As soon as this side is done.
    AtItsEnd,
    /// When this side is done, and everyone is by the word of the root, or of the parent where there is no
    /// common hub; and when those below have heard it.
    WithTheRoot,
}

/// Why a connection is over.
enum End {
    Broken(String),
    Left,
}

impl<'a, O: FnMut(SiteEvent)> Desk<'a, O> {
    pub(super) fn new(
        (site, options): (&'a Site, &'a SiteOptions),
        room: [u8; 32],
        (leaves, ways): (Leaves, Ways),
        parcels: Parcels,
        mail: Sender<Mail>,
        observer: O,
    ) -> Self {
        Self {
            site,
            options,
            observer,
            leaves,
            ways,
            room,
            parcels,
            mail,
            out: VecDeque::new(),
            began: Instant::now(),
            done: None,
            all_over: false,
            below: BTreeSet::new(),
        }
    }

    pub(super) async fn run(
        mut self,
        mut outbox: UnboundedReceiver<FromParty>,
    ) -> Result<(), Error> {
        let mut pause = self.options.redial;
        loop {
            // A new connection begins with what is said below; what was on its way to the old one
            // is offered again.
            self.out.clear();
            self.parcels.reconnected();
            let reason = match self.dial(&mut outbox).await? {
                Ok(link) => {
                    pause = self.options.redial;
                    // Where there is an uplink, that is what is reached or not.
                    if self.ways.relay.is_none() || self.ways.above.is_none() {
                        (self.observer)(SiteEvent::Attached);
                    }
                    self.say_finished();
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
        if let Some(hub) = &self.ways.relay {
            return Ok(Link::local(hub, self.room, self.ways.me));
        }
        let site = self.site;
        let to = (site.hub.as_str(), site.address.as_str());
        let traffic = self.options.traffic.clone();
        let (room, patience) = (self.room, self.options.dial);
        let roster = site.roster.clone();
        let dialled = attach_counting(&site.identity, roster, to, room, patience, traffic);
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
                () = self.options.stop.asked() => return Err(self.stopped()),
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
            if self.options.stop.is_asked() {
                leave(link).await;
                return Err(self.stopped());
            }
            let idle = self.out.is_empty() && !self.parcels.has_chunks();
            if overdue || self.may_leave() && idle {
                leave(link).await;
                return Ok(End::Left);
            }
            tokio::select! {
                () = self.options.stop.asked() => {}
                message = link.down.message() => match message {
                    Ok(Some(envelope)) => self.receive(envelope),
                    Ok(None) => return Ok(End::Broken("the hub ended the connection".into())),
                    Err(status) => return Ok(End::Broken(status.message().to_owned())),
                },
                Some(said) = outbox.recv() => self.hear(said)?,
                room = link.up.reserve(), if !idle => match room {
                    Ok(room) => {
                        let next = self.out.pop_front();
                        if let Some(envelope) = next.or_else(|| self.parcels.next_chunk()) {
                            room.send(envelope);
                        }
                    }
                    Err(_) => return Ok(End::Broken("the connection broke".into())),
                },
                _ = tick.tick() => {
                    overdue = self.has_waited_enough()?;
                    let mut outcomes = Vec::new();
                    self.parcels.at(self.began.elapsed());
                    self.parcels.tick(&mut outcomes);
                    self.carry_out(outcomes);
                }
            }
        }
    }

    fn hear(&mut self, said: FromParty) -> Result<(), Error> {
        self.parcels.at(self.began.elapsed());
        let mut outcomes = Vec::new();
        match said {
            FromParty::Send(to, frame) => {
                self.options.traffic.posted();
                self.parcels.post(to, frame, &mut outcomes);
            }
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
        let is_above = self.ways.above == Some(from);
        match kind {
            Kind::Finished(_) if is_above => {
                self.all_over = true;
                if !self.ways.common_hub {
                    self.say_finished();
                }
            }
            // Back again, or in its next session: it is not finished until it says so.
            Kind::Present(_) if is_above => self.all_over = false,
            Kind::Finished(_) => drop(self.below.insert(from)),
            Kind::Present(_) => drop(self.below.remove(&from)),
            _ => {}
        }
        let mut outcomes = Vec::new();
        self.parcels.at(self.began.elapsed());
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
                Outcome::Deliver(from, frame) => {
                    self.options.traffic.delivered();
                    drop(self.mail.send((from, frame)));
                }
                Outcome::Report(complaint) => (self.observer)(SiteEvent::Complaint(complaint)),
            }
        }
    }

    /// Says that this side is done, if it is. Through a common hub everyone hears the root say it; else each
    /// party hears it from its parent, who says it when it is over for all.
    fn say_finished(&mut self) {
        let over = self.ways.common_hub || self.is_over_for_all();
        if self.done.is_none() || !over {
            return;
        }
        let kind = Some(Kind::Finished(Finished {}));
        self.out.push_back(Envelope { peer: 0, kind });
    }

    /// The root ends last, when everyone has confirmed the end, so its end is everyone's: what is
    /// still posted then repeats what has arrived, and may have nobody left to acknowledge it.
    fn may_leave(&self) -> bool {
        let over = self.leaves == Leaves::AtItsEnd || self.is_over_for_all();
        let heard = self.ways.below.iter().all(|b| self.below.contains(b));
        self.done.is_some() && over && heard
    }

    fn is_over_for_all(&self) -> bool {
        self.all_over || self.ways.above.is_none()
    }

    fn stopped(&self) -> Error {
        Error::Stopped {
            party: self.site.identity.name().to_owned(),
        }
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
pub(super) async fn leave(mut link: Link) {
    let (up, _) = tokio::sync::mpsc::channel(1);
    drop(std::mem::replace(&mut link.up, up));
    let drained = async { while let Ok(Some(_)) = link.down.message().await {} };
    let _ = timeout(Duration::from_secs(5), drained).await;
}
