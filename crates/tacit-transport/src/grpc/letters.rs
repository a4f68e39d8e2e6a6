//! Letters: what members of a plan say to each other outside of its sessions, such as queries.
//!
//! They travel like the frames of a session, signed, in parcels, through the hub. A letter is
//! acknowledged when [`Mailbox::taken`] says so: whoever keeps it first loses none by a crash.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use tacit_session::{Digest, DigestWriter, Frame, PartyIndex};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::desk::{Desk, FromParty, Leaves, Mail, fresh_life, runtime};
use super::parcels::{Bounds, Parcels};
use super::site::{Site, SiteEvent, SiteOptions};
use super::uplink::Ways;
use crate::error::Error;

/// Who writes to whom about what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Correspondence {
    /// What it is about: names the room at the hub.
    pub subject: Digest,
    /// Places, among all members of the roster, of those one hears.
    pub with: Vec<PartyIndex>,
    /// Longest letter.
    pub max_payload: u64,
}

/// Letters as they come and go.
pub struct Mailbox {
    inbox: Receiver<Mail>,
    post: UnboundedSender<FromParty>,
}

impl Mailbox {
    /// Posts a letter; it is sent when the receiver is there.
    pub fn send(&self, to: PartyIndex, letter: Frame) {
        let _ = self.post.send(FromParty::Send(to, letter));
    }

    /// The next letter, if one comes in time. No other one comes from the same sender before it is
    /// [`taken`](Self::taken).
    pub fn receive(&self, patience: Duration) -> Result<Option<(PartyIndex, Frame)>, Error> {
        match self.inbox.recv_timeout(patience) {
            Ok((from, letter)) => Ok(Some((from, letter))),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Error::Abandoned {
                waiting: "the mailbox is closed".into(),
            }),
        }
    }

    /// Acknowledges what came from this sender last.
    pub fn taken(&self, from: PartyIndex) {
        let _ = self.post.send(FromParty::Taken(from));
    }
}

/// Closes the desk when the talk is over, also by a panic.
struct Closing(UnboundedSender<FromParty>);

impl Drop for Closing {
    fn drop(&mut self) {
        let _ = self.0.send(FromParty::Done);
    }
}

/// Opens a mailbox at the hub for as long as `talk` runs. What it has sent by then may not have
/// arrived: wait for an answer where that matters.
pub fn correspond<T: Send>(
    site: &Site,
    options: &SiteOptions,
    about: &Correspondence,
    observer: impl FnMut(SiteEvent),
    talk: impl FnOnce(&Mailbox) -> T + Send,
) -> Result<T, Error> {
    let bounds = Bounds {
        max_payload: about.max_payload,
        budget: options.budget,
    };
    let roster = site.roster.session().clone();
    let parcels = Parcels::new(roster, about.with.iter().copied(), bounds, fresh_life()?);
    let room = DigestWriter::new("tacit room of letters v1")
        .bytes(&about.subject.0)
        .finish();
    let (mail, inbox) = channel();
    let (post, outbox) = unbounded_channel();
    let members = site.roster.sites().iter();
    let own = members.clone().find(|s| s.name == site.identity.name());
    let me = own
        .and_then(|s| site.roster.place(s))
        .unwrap_or(PartyIndex::ROOT);
    let leaves = (Leaves::AtItsEnd, Ways::common_hub(me));
    let desk = Desk::new((site, options), room.0, leaves, parcels, mail, observer);
    let runtime = runtime()?;
    thread::scope(|scope| {
        let talked = scope.spawn(move || {
            let _closing = Closing(post.clone());
            talk(&Mailbox { inbox, post })
        });
        let moved = runtime.block_on(desk.run(outbox));
        let result = talked.join().map_err(|_| Error::Panicked {
            party: site.identity.name().to_owned(),
            message: "while it read its letters".into(),
        })?;
        moved.map(|()| result)
    })
}
