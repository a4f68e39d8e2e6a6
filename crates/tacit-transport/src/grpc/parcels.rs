//! Frames as parcels: offered, asked for piece by piece, acknowledged. Without input or output.
//!
//! ```text
//!   sender                                     receiver
//!     Offer(head) ──────────────────────────────►  checks the signature, then reserves memory
//!     ◄───────────────────────────────── Want(from, to)
//!     Chunk, Chunk, … ──────────────────────────►
//!     ◄───────────────────────── Want(…)              until the payload is whole
//!     ◄────────────────────────── Have               once the party has taken it in
//! ```
//!
//! The receiver asks and the sender only answers: a window of bytes per neighbour is under way, no
//! more, and a new connection goes on where the old one broke, because the receiver says from where.
//! A payload is named by the digest in its signed head, so that even a sender that restarted and
//! offers the same frame anew continues it.
//!
//! A frame for several neighbours is one parcel with one number. While they ask for the same bytes, each piece is
//! sent once, and the hub makes the copies.
//!
//! One parcel at a time travels from each neighbour to each other one. Anything may be lost or come
//! twice: what was lost with a connection is offered and asked for again when the neighbour is present
//! again, and what is stuck for another reason after some ticks.

mod inbox;
mod outbox;
mod window;

use std::sync::Arc;
use std::time::Duration;

use tacit_session::{Frame, PartyIndex, Roster};

use super::wire::{Envelope, Have, Kind, ParcelId, Refuse};
use inbox::Inbox;
use outbox::Outbox;

/// Bounds of what is received.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Bounds {
    /// Longest payload.
    pub(super) max_payload: u64,
    /// Bytes reserved for payloads under way, all neighbours together; one is always let in.
    pub(super) budget: u64,
}

/// What comes of a message.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Send this.
    Send(Envelope),
    /// Give this to the party, then call [`Parcels::taken`].
    Deliver(PartyIndex, Frame),
    /// Log this.
    Report(Complaint),
}

/// Something a neighbour (or the hub in its name) did wrong; it changes nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Complaint {
    /// In whose name it came.
    pub peer: PartyIndex,
    /// What was wrong.
    pub problem: String,
}

/// All parcels of one party.
pub(super) struct Parcels {
    outbox: Outbox,
    inbox: Inbox,
}

impl Parcels {
    /// `life` differs between processes; `neighbours` are those this party speaks with.
    pub(super) fn new(
        roster: Arc<Roster>,
        neighbours: impl IntoIterator<Item = PartyIndex>,
        bounds: Bounds,
        life: u64,
    ) -> Self {
        Self {
            outbox: Outbox::new(life),
            inbox: Inbox::new(roster, neighbours, bounds),
        }
    }

    /// Whether everything that was posted has arrived.
    #[cfg(test)]
    pub(super) fn is_quiet(&self) -> bool {
        self.outbox.is_quiet()
    }

    /// It is so long since this party began: said before anything else that happens then.
    pub(super) fn at(&mut self, now: Duration) {
        self.inbox.at(now);
    }

    /// Posts a frame.
    pub(super) fn post(&mut self, to: PartyIndex, frame: Frame, out: &mut Vec<Outcome>) {
        self.outbox.post(to, frame, out);
    }

    /// There is another connection: what was asked for on the old one is asked for again.
    pub(super) fn reconnected(&mut self) {
        self.outbox.reconnected();
    }

    /// Whether there are chunks to send.
    pub(super) fn has_chunks(&self) -> bool {
        self.outbox.has_chunks()
    }

    /// The next chunk to send: of the next neighbour that asked for some, and for all that ask for the same.
    pub(super) fn next_chunk(&mut self) -> Option<Envelope> {
        self.outbox.next_chunk()
    }

    /// Time goes by: what did not move since the last tick is offered and asked for again.
    pub(super) fn tick(&mut self, out: &mut Vec<Outcome>) {
        self.outbox.tick(out);
        self.inbox.tick(out);
    }

    /// The party has taken in what was delivered from this neighbour: it is acknowledged.
    pub(super) fn taken(&mut self, from: PartyIndex, out: &mut Vec<Outcome>) {
        self.inbox.taken(from, out);
    }

    /// Takes in what came in the name of `from`.
    pub(super) fn receive(&mut self, from: PartyIndex, kind: Kind, out: &mut Vec<Outcome>) {
        match kind {
            Kind::Offer(offer) => self.inbox.offered(from, &offer, out),
            Kind::Chunk(chunk) => self.inbox.chunk(from, &chunk, out),
            Kind::Want(want) => self.outbox.wanted(from, want, out),
            Kind::Have(Have { life, number }) => {
                self.outbox.arrived(from, ParcelId { life, number }, out);
            }
            Kind::Refuse(Refuse {
                life,
                number,
                reason,
            }) => {
                let id = ParcelId { life, number };
                if self.outbox.arrived(from, id, out) {
                    let reason: String = reason.chars().take(200).collect();
                    let problem = format!("it refuses parcel {id}: {reason:?}");
                    out.push(complaint(from, problem));
                }
            }
            // It is attached (again): what it may have missed is said again.
            Kind::Present(_) => {
                self.outbox.present(from, out);
                self.inbox.present(from, out);
            }
            Kind::Hello(_) | Kind::Finished(_) => {}
        }
    }
}

fn have(ParcelId { life, number }: ParcelId) -> Kind {
    Kind::Have(Have { life, number })
}

fn send(peer: PartyIndex, kind: Kind) -> Outcome {
    Outcome::Send(Envelope {
        peer: peer.0.into(),
        kind: Some(kind),
    })
}

fn complaint(peer: PartyIndex, problem: String) -> Outcome {
    Outcome::Report(Complaint { peer, problem })
}

fn refuse(from: PartyIndex, id: ParcelId, problem: String, out: &mut Vec<Outcome>) {
    let ParcelId { life, number } = id;
    let reason = problem.clone();
    out.push(complaint(from, format!("parcel {id}: {problem}")));
    out.push(send(
        from,
        Kind::Refuse(Refuse {
            life,
            number,
            reason,
        }),
    ));
}

#[cfg(test)]
mod tests;
