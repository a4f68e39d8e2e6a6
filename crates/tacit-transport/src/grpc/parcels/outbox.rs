//! What this party sends: a queue for each neighbour, whose first parcel is on its way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::{Bound, Range};

use prost::bytes::Bytes;
use tacit_session::{Frame, PartyIndex, Payload, SignedHeader};

use super::super::wire::{CHUNK, Chunk, Envelope, Kind, Offer, ParcelId, Want};
use super::{Outcome, complaint, send, window};

/// Parcels to all neighbours.
pub(super) struct Outbox {
    life: u64,
    next_number: u64,
    queues: BTreeMap<PartyIndex, Queue>,
    /// Whose turn it was last to be sent a chunk.
    turn: PartyIndex,
    latest: Option<Latest>,
}

/// What was posted last, and to whom: posted to others too, it is the same parcel.
struct Latest {
    id: ParcelId,
    head: SignedHeader,
    to: BTreeSet<PartyIndex>,
}

#[derive(Default)]
struct Queue {
    parcels: VecDeque<(ParcelId, Frame)>,
    /// Bytes of the first one that are asked for and not sent.
    wanted: Range<u64>,
    /// Whether something was heard about or sent of the first one since the last tick.
    moved: bool,
    /// Served by itself, because it fell behind others with the same parcel, or its bytes were lost.
    apart: bool,
}

impl Queue {
    fn first(&self) -> Option<ParcelId> {
        self.parcels.front().map(|(id, _)| *id)
    }

    /// Which bytes of which parcel are next; nothing, where it is served by itself.
    fn beside(&self) -> Option<(ParcelId, u64)> {
        let first = self.first().filter(|_| !self.apart);
        first.map(|id| (id, self.wanted.start))
    }

    /// Its bytes are asked for again, if at all.
    fn lost(&mut self) {
        self.wanted = 0..0;
        self.apart = true;
    }
}

impl Outbox {
    pub(super) fn new(life: u64) -> Self {
        Self {
            life,
            next_number: 0,
            queues: BTreeMap::new(),
            turn: PartyIndex::ROOT,
            latest: None,
        }
    }

    #[cfg(test)]
    pub(super) fn is_quiet(&self) -> bool {
        self.queues.values().all(|q| q.parcels.is_empty())
    }

    pub(super) fn post(&mut self, to: PartyIndex, frame: Frame, out: &mut Vec<Outcome>) {
        let queue = self.queues.entry(to).or_default();
        // The session asks again for what is late; the same frame need not wait twice.
        if queue.parcels.iter().skip(1).any(|(_, f)| *f == frame) {
            return;
        }
        let head = frame.signed();
        let same = self.latest.as_mut().filter(|latest| latest.head == *head);
        // Posted to the same neighbour again, it is another parcel: the first one may be taken already.
        let id = match same.and_then(|latest| latest.to.insert(to).then_some(latest.id)) {
            Some(id) => id,
            None => {
                let (life, number) = (self.life, self.next_number);
                let id = ParcelId { life, number };
                self.next_number += 1;
                self.latest = Some(Latest {
                    id,
                    head: head.clone(),
                    to: BTreeSet::from([to]),
                });
                id
            }
        };
        queue.parcels.push_back((id, frame));
        if queue.parcels.len() == 1 {
            (queue.moved, queue.apart) = (true, false);
            self.offer(to, out);
        }
    }

    /// The neighbour is attached (again).
    pub(super) fn present(&mut self, peer: PartyIndex, out: &mut Vec<Outcome>) {
        if let Some(queue) = self.queues.get_mut(&peer) {
            queue.lost();
        }
        self.offer(peer, out);
    }

    pub(super) fn reconnected(&mut self) {
        self.queues.values_mut().for_each(Queue::lost);
    }

    /// Offers again what did not move since the last tick. Who has not asked since then while others wait for it
    /// is served by itself.
    pub(super) fn tick(&mut self, out: &mut Vec<Outcome>) {
        let mut still = Vec::new();
        for (peer, queue) in &mut self.queues {
            if !std::mem::take(&mut queue.moved) {
                queue.apart |= queue.wanted.is_empty();
                still.push(*peer);
            }
        }
        still.into_iter().for_each(|peer| self.offer(peer, out));
    }

    fn offer(&self, to: PartyIndex, out: &mut Vec<Outcome>) {
        let first = self.queues.get(&to).and_then(|q| q.parcels.front());
        if let Some((id, frame)) = first {
            let head = frame.head().to_vec();
            let ParcelId { life, number } = *id;
            let offer = Offer { life, number, head };
            out.push(send(to, Kind::Offer(offer)));
        }
    }

    pub(super) fn has_chunks(&self) -> bool {
        self.next().is_some()
    }

    /// Who is to be sent a chunk: the next in turn that wants one, unless somebody abreast of it has not asked yet.
    fn next(&self) -> Option<PartyIndex> {
        let has_yet_to_ask = self.queues.values().filter(|q| q.wanted.is_empty());
        let held: BTreeSet<_> = has_yet_to_ask.filter_map(Queue::beside).collect();
        let is_held = |queue: &Queue| queue.beside().is_some_and(|place| held.contains(&place));
        let ready = |(peer, queue): (&PartyIndex, &Queue)| {
            (!queue.wanted.is_empty() && !is_held(queue)).then_some(*peer)
        };
        let after = (Bound::Excluded(self.turn), Bound::Unbounded);
        let next = self.queues.range(after).find_map(ready);
        next.or_else(|| self.queues.iter().find_map(ready))
    }

    /// Who else wants the bytes that this neighbour wants next.
    fn abreast(&self, peer: PartyIndex) -> Vec<PartyIndex> {
        let beside = |peer: &PartyIndex| self.queues.get(peer).and_then(Queue::beside);
        let Some(place) = beside(&peer) else {
            return Vec::new();
        };
        let others = self.queues.keys().filter(|other| **other != peer);
        let same = others.filter(|other| beside(other) == Some(place));
        same.copied().collect()
    }

    /// The next chunk to send: of the next neighbour that asked for some, and for all that ask for the same bytes.
    pub(super) fn next_chunk(&mut self) -> Option<Envelope> {
        let peer = self.next()?;
        let also = self.abreast(peer);
        let all = || also.iter().copied().chain([peer]);
        let queue = self.queues.get(&peer)?;
        let (id, frame) = queue.parcels.front()?;
        let at = queue.wanted.start;
        let asked = all().filter_map(|p| self.queues.get(&p));
        let end = asked.map(|q| q.wanted.end).min()?.min(at + CHUNK as u64);
        let shared = Bytes::from_owner(Shared(frame.payload().clone()));
        let chunk = Chunk {
            life: id.life,
            number: id.number,
            at,
            bytes: shared.slice(at as usize..end as usize),
            also: also.iter().map(|p| p.0.into()).collect(),
        };
        for peer in all() {
            if let Some(queue) = self.queues.get_mut(&peer) {
                queue.wanted.start = end;
                queue.moved = true;
            }
        }
        self.turn = peer;
        Some(Envelope {
            peer: peer.0.into(),
            kind: Some(Kind::Chunk(chunk)),
        })
    }

    pub(super) fn wanted(&mut self, from: PartyIndex, want: Want, out: &mut Vec<Outcome>) {
        let Some(queue) = self.queues.get_mut(&from) else {
            return;
        };
        let Some((id, frame)) = queue.parcels.front() else {
            return;
        };
        let Want { life, number, .. } = want;
        if (ParcelId { life, number }) != *id {
            return;
        }
        queue.moved = true;
        let to = want.to.min(frame.payload().len() as u64);
        if want.from > to || to - want.from > window::MOST {
            let problem = format!("it asks for bytes {} to {}", want.from, want.to);
            out.push(complaint(from, problem));
            return;
        }
        // The next piece, or all of it again.
        let wanted = &mut queue.wanted;
        let goes_on = !wanted.is_empty() && wanted.end == want.from;
        let start = if goes_on { wanted.start } else { want.from };
        *wanted = start..to;
    }

    /// The first parcel for this neighbour is done with; whether it was this one.
    pub(super) fn arrived(
        &mut self,
        from: PartyIndex,
        id: ParcelId,
        out: &mut Vec<Outcome>,
    ) -> bool {
        let Some(queue) = self.queues.get_mut(&from) else {
            return false;
        };
        let is_first = queue.first() == Some(id);
        if is_first {
            queue.parcels.pop_front();
            queue.wanted = 0..0;
            (queue.moved, queue.apart) = (true, false);
            self.offer(from, out);
        }
        is_first
    }
}

/// A payload whose pieces are handed on without a copy.
struct Shared(Payload);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
