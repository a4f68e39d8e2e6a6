//! A party that relays for its children: without a common hub, each site dials its parent in the tree.
//!
//! ```text
//!   parent's relay ◄── TLS ── uplink ─┐
//!                                     ├─ this party's relay, in its process
//!   this party's desk ── its chair ───┤
//!   children ── TLS ──────────────────┘
//! ```
//!
//! The relay is a [`Hub`] that lets nobody in but this party's children. The uplink dials the parent's relay
//! and sits in the parent's place, so that the desk speaks with one room, as with a common hub. It hands on
//! what the parent sends to this party and what this party sends to the parent, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use tacit_session::PartyIndex;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::{sleep, timeout};

use super::desk::{Desk, FromParty, leave};
use super::hub::Hub;
use super::link::{Link, attach_counting};
use super::site::{Site, SiteEvent, SiteOptions};
use super::wire::{Envelope, Finished, Kind};
use crate::error::Error;

/// For the last words to the parent.
const FAREWELL: Duration = Duration::from_secs(5);

/// Who is next to this party in the tree, and how it reaches them.
#[derive(Clone, Debug)]
pub(super) struct Ways {
    pub(super) me: PartyIndex,
    /// Whose word is that the session is over for all: the root's through a common hub, else the parent's.
    pub(super) above: Option<PartyIndex>,
    /// Who must have heard it from this party; nobody through a common hub.
    pub(super) below: Vec<PartyIndex>,
    /// Whether the party speaks through a common hub.
    pub(super) common_hub: bool,
    /// The relay in this process, for its children.
    pub(super) relay: Option<Arc<Hub>>,
}

impl Ways {
    /// Through a hub that everyone dials.
    pub(super) fn common_hub(me: PartyIndex) -> Self {
        Self {
            me,
            above: (me != PartyIndex::ROOT).then_some(PartyIndex::ROOT),
            below: Vec::new(),
            common_hub: true,
            relay: None,
        }
    }
}

/// The relay of a party, and the way up from it.
pub(super) struct Uplink<'a> {
    pub(super) site: &'a Site,
    pub(super) options: &'a SiteOptions,
    pub(super) hub: Arc<Hub>,
    pub(super) room: [u8; 32],
    pub(super) ways: Ways,
    pub(super) post: UnboundedSender<FromParty>,
}

impl Uplink<'_> {
    /// Runs the desk with the relay beside it, to the desk's end.
    pub(super) async fn run<O: FnMut(SiteEvent)>(
        self,
        listen: &str,
        desk: Desk<'_, O>,
        outbox: UnboundedReceiver<FromParty>,
    ) -> Result<(), Error> {
        let listener = TcpListener::bind(listen).await;
        let what = format!("listening for this party's children on {listen}");
        let listener = listener.map_err(Error::io(&what))?;
        let serve = self.hub.clone().serve(listener, std::future::pending());
        let climb = self.climb();
        tokio::pin!(serve, climb);
        let desk = desk.run(outbox);
        tokio::pin!(desk);
        let mut climbed = false;
        let ended = loop {
            tokio::select! {
                ended = &mut desk => break ended,
                served = &mut serve => break served,
                // The root has nobody above.
                () = &mut climb, if !climbed => climbed = true,
            }
        };
        self.hub.close();
        let farewell = async {
            tokio::select! {
                () = climb => {}
                _ = serve => {}
            }
        };
        if !climbed {
            let _ = timeout(FAREWELL, farewell).await;
        }
        ended
    }

    /// Dials the parent's relay for as long as it takes.
    async fn climb(&self) {
        let Some(above) = self.ways.above else {
            return;
        };
        let mut pause = self.options.redial;
        while !self.hub.is_closed() {
            let (identity, roster) = (&self.site.identity, self.site.roster.clone());
            let to = (self.site.hub.as_str(), self.site.address.as_str());
            let (patience, traffic) = (self.options.dial, self.options.traffic.clone());
            let dialled = attach_counting(identity, roster, to, self.room, patience, traffic);
            let reason = match dialled.await {
                Ok(link) => {
                    pause = self.options.redial;
                    self.say(SiteEvent::Attached);
                    match self.carry(link, above).await {
                        Some(reason) => reason,
                        None => return,
                    }
                }
                Err(reason) => reason,
            };
            self.say(SiteEvent::Detached { reason });
            sleep(pause).await;
            pause = (pause * 2).min(self.options.redial * 100);
        }
    }

    fn say(&self, event: SiteEvent) {
        let _ = self.post.send(FromParty::Happened(event));
    }

    /// Hands on in both directions; why that came to an end, unless the session did.
    async fn carry(&self, mut link: Link, above: PartyIndex) -> Option<String> {
        let me = self.ways.me;
        let (to_me, to_above) = (u32::from(me.0), u32::from(above.0));
        let mut chair = match self.hub.sit(self.room, above) {
            Ok(chair) => chair,
            Err(status) => return Some(status.message().to_owned()),
        };
        let reason = loop {
            tokio::select! {
                message = link.down.message() => match message {
                    Ok(Some(Envelope { peer, kind: Some(kind) })) if peer == to_above => match kind {
                        Kind::Present(_) => self.hub.tell_present(self.room, above, me),
                        mut kind => {
                            // The parent's relay has made the copies.
                            if let Kind::Chunk(chunk) = &mut kind {
                                chunk.also.clear();
                            }
                            let envelope = Envelope { peer: to_me, kind: Some(kind) };
                            let _ = self.hub.relay(self.room, above, envelope);
                        }
                    },
                    // Of other children of the parent.
                    Ok(Some(_)) => {}
                    Ok(None) => break "the parent ended the connection".into(),
                    Err(status) => break status.message().to_owned(),
                },
                said = chair.down.recv() => match said {
                    Some(Ok(Envelope { peer, kind: Some(kind) })) if peer == to_me => {
                        let kind = match kind {
                            Kind::Hello(_) | Kind::Present(_) => continue,
                            Kind::Finished(_) => Kind::Finished(Finished {}),
                            kind => kind,
                        };
                        let envelope = Envelope { peer: to_above, kind: Some(kind) };
                        if link.up.send(envelope).await.is_err() {
                            break "the connection broke".into();
                        }
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None if self.hub.is_closed() => {
                        leave(link).await;
                        return None;
                    }
                    Some(Err(_)) | None => break "more waits for the parent than it reads".into(),
                },
            }
        };
        self.hub.detach(self.room, above, chair.number);
        Some(reason)
    }
}
