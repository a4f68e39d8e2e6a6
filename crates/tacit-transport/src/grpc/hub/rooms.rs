//! Who is where: a room for each session, a seat for each party that is there.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};

use tacit_session::PartyIndex;
use tokio::sync::{mpsc, oneshot};
use tonic::Status;

use super::Hub;
use crate::grpc::wire::{Envelope, Finished, Kind, Present};

#[derive(Default)]
pub(super) struct Room {
    pub(super) present: HashMap<PartyIndex, Seat>,
    finished: HashSet<PartyIndex>,
}

pub(super) struct Seat {
    post: mpsc::Sender<Result<Envelope, Status>>,
    /// Tells one connection of a party from its next.
    number: u64,
    /// Dropped with the seat: the stream ends.
    _alive: oneshot::Sender<()>,
}

impl Hub {
    pub(super) fn rooms(&self) -> MutexGuard<'_, HashMap<[u8; 32], Room>> {
        // Every change is made in one step; a panic elsewhere leaves the rooms whole.
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seats somebody of this process.
    pub(in crate::grpc) fn sit(&self, room: [u8; 32], party: PartyIndex) -> Result<Chair, Status> {
        let (post, down) = mpsc::channel(self.limits.waiting);
        let (seat, number, gone) = seat(post)?;
        self.attach(room, party, seat)?;
        Ok(Chair {
            down,
            number,
            _gone: gone,
        })
    }

    /// Tells one party of a room that another one is there (again).
    pub(in crate::grpc) fn tell_present(&self, room: [u8; 32], who: PartyIndex, to: PartyIndex) {
        if let Some(seat) = self.rooms().get(&room).and_then(|r| r.present.get(&to)) {
            tell(seat, who, Kind::Present(Present {}));
        }
    }

    /// Ends every seat when what waits for it is read.
    pub(in crate::grpc) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.rooms().clear();
    }

    pub(in crate::grpc) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Seats a party and tells everyone.
    pub(super) fn attach(
        &self,
        room: [u8; 32],
        party: PartyIndex,
        seat: Seat,
    ) -> Result<(), Status> {
        let mut rooms = self.rooms();
        if !rooms.contains_key(&room) && rooms.len() >= self.limits.rooms {
            let empty = rooms.iter().find(|(_, r)| r.present.is_empty());
            let Some(empty) = empty.map(|(id, _)| *id) else {
                return Err(Status::resource_exhausted(
                    "the hub has no room for a session",
                ));
            };
            rooms.remove(&empty);
        }
        let room = rooms.entry(room).or_default();
        let present = || Kind::Present(Present {});
        for (other, there) in &room.present {
            if *other != party {
                tell(&seat, *other, present());
                tell(there, party, present());
            }
        }
        for finished in &room.finished {
            tell(&seat, *finished, Kind::Finished(Finished {}));
        }
        if let Some(before) = room.present.insert(party, seat) {
            let again = Status::aborted("this party attached again from another connection");
            let _ = before.post.try_send(Err(again));
        }
        Ok(())
    }

    pub(in crate::grpc) fn detach(&self, room: [u8; 32], party: PartyIndex, number: u64) {
        let mut rooms = self.rooms();
        if let Some(there) = rooms.get_mut(&room) {
            let is_this = |seat: &Seat| seat.number == number;
            if there.present.get(&party).is_some_and(is_this) {
                there.present.remove(&party);
            }
            if there.present.is_empty() && there.finished.is_empty() {
                rooms.remove(&room);
            }
        }
    }

    /// Passes a message on, and a chunk to everyone it is for; to how many. The sender is whom the certificate
    /// names.
    pub(in crate::grpc) fn relay(
        &self,
        room: [u8; 32],
        from: PartyIndex,
        envelope: Envelope,
    ) -> Result<u64, Status> {
        let Some(mut kind) = envelope.kind else {
            return Err(Status::invalid_argument("a message without contents"));
        };
        let mut rooms = self.rooms();
        let Some(room) = rooms.get_mut(&room) else {
            return Ok(0);
        };
        match &mut kind {
            Kind::Hello(_) | Kind::Present(_) => {
                return Err(Status::invalid_argument("a message out of turn"));
            }
            Kind::Finished(_) => {
                room.finished.insert(from);
                for (other, seat) in &room.present {
                    if *other != from {
                        tell(seat, from, Kind::Finished(Finished {}));
                    }
                }
            }
            Kind::Chunk(chunk) => {
                let also = std::mem::take(&mut chunk.also);
                // Each once: who is to make copies is not made to make any number of them.
                let ascends = also.is_sorted_by(|one, next| one < next);
                if !ascends || also.contains(&envelope.peer) {
                    return Err(Status::invalid_argument("a chunk twice for one party"));
                }
                for to in &also {
                    room.pass_on(from, *to, kind.clone())?;
                }
                room.pass_on(from, envelope.peer, kind)?;
                return Ok(1 + also.len() as u64);
            }
            _ => room.pass_on(from, envelope.peer, kind)?,
        }
        Ok(1)
    }
}

impl Room {
    /// Who is not there misses it and is offered it again.
    fn pass_on(&mut self, from: PartyIndex, to: u32, kind: Kind) -> Result<(), Status> {
        let to = u16::try_from(to).map(PartyIndex);
        let to = to.map_err(|_| Status::invalid_argument("no such party"))?;
        let overrun = self
            .present
            .get(&to)
            .is_some_and(|seat| !tell(seat, from, kind));
        if overrun {
            // Its stream ends when the messages that wait are read, or with its connection.
            self.present.remove(&to);
        }
        Ok(())
    }
}

/// A seat of this process.
pub(in crate::grpc) struct Chair {
    pub(in crate::grpc) down: mpsc::Receiver<Result<Envelope, Status>>,
    pub(in crate::grpc) number: u64,
    _gone: oneshot::Receiver<()>,
}

/// A seat, its number, and what hears that it is taken away.
pub(super) fn seat(
    post: mpsc::Sender<Result<Envelope, Status>>,
) -> Result<(Seat, u64, oneshot::Receiver<()>), Status> {
    let mut number = [0; 8];
    getrandom::fill(&mut number).map_err(|_| Status::unavailable("no entropy"))?;
    let number = u64::from_le_bytes(number);
    let (_alive, gone) = oneshot::channel();
    let seat = Seat {
        post,
        number,
        _alive,
    };
    Ok((seat, number, gone))
}

/// Whether there was room for the message.
fn tell(seat: &Seat, from: PartyIndex, kind: Kind) -> bool {
    let peer = from.0.into();
    let kind = Some(kind);
    let sent = seat.post.try_send(Ok(Envelope { peer, kind }));
    !matches!(sent, Err(mpsc::error::TrySendError::Full(_)))
}
