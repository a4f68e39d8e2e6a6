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
//! One parcel at a time travels from each neighbour to each other one. Anything may be lost or come
//! twice: what was lost with a connection is offered and asked for again when the neighbour is present
//! again, and what is stuck for another reason after some ticks.

use std::collections::{BTreeMap, VecDeque};
use std::ops::{Bound, Range};
use std::sync::Arc;

use prost::bytes::Bytes;
use tacit_session::{Frame, PartyIndex, Payload, Roster, SignedHeader};

use super::wire::{CHUNK, Chunk, Envelope, Have, Kind, Offer, ParcelId, Refuse, Want};

/// Bytes under way from one neighbour: what a link of 1 Gbit/s holds in a round trip of 32 ms, or one of
/// 100 Mbit/s in one of 320 ms. A next piece is asked for when half of it has come, so that half of it must do.
const WINDOW: u64 = 64 * CHUNK as u64;

/// Bytes under way from all neighbours together, as far as that leaves each of them 512 KiB: the hub closes
/// the connection of a party for which 2048 messages wait.
const WINDOWS: u64 = 1024 * CHUNK as u64;

/// Ticks of silence after which a parcel makes room for others that wait.
const STUCK: u32 = 20;

/// Ticks of silence after which a parcel is asked for again, at first and at most.
const PATIENCE: u32 = 3;
const MOST_PATIENCE: u32 = 48;

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
    roster: Arc<Roster>,
    bounds: Bounds,
    window: u64,
    life: u64,
    next_number: u64,
    outgoing: BTreeMap<PartyIndex, Outgoing>,
    /// Whose turn it was last to be sent a chunk.
    turn: PartyIndex,
    incoming: BTreeMap<PartyIndex, Incoming>,
}

#[derive(Default)]
struct Outgoing {
    queue: VecDeque<(ParcelId, Frame)>,
    /// Bytes of the first one that are asked for and not sent.
    wanted: Range<u64>,
    /// Whether something was heard about or sent of the first one since the last tick.
    moved: bool,
}

/// What is known about one neighbour's parcels.
#[derive(Default)]
struct Incoming {
    stage: Stage,
    /// Delivered and acknowledged last: offered again, it is acknowledged again.
    last: Option<ParcelId>,
    /// Its parcel stood still while others waited: they go first.
    stuck: bool,
}

#[derive(Default)]
enum Stage {
    #[default]
    Nothing,
    /// Offered, not yet let in: the budget is used up.
    Waiting(ParcelId, SignedHeader),
    Receiving(Partial),
    /// With the party.
    Taken(ParcelId, u64),
}

struct Partial {
    id: ParcelId,
    head: SignedHeader,
    bytes: Vec<u8>,
    asked_to: u64,
    /// Ticks since the last byte.
    silent: u32,
    /// At so many it is asked for again; then at twice as many, for who asks a slow sender twice makes it
    /// slower.
    ask_at: u32,
}

impl Stage {
    fn reserved(&self) -> u64 {
        match self {
            Self::Nothing | Self::Waiting(..) => 0,
            Self::Receiving(partial) => partial.head.header().payload_len,
            Self::Taken(_, len) => *len,
        }
    }
}

impl Parcels {
    /// `life` differs between processes; `neighbours` are those this party speaks with.
    pub(super) fn new(
        roster: Arc<Roster>,
        neighbours: impl IntoIterator<Item = PartyIndex>,
        bounds: Bounds,
        life: u64,
    ) -> Self {
        let incoming = neighbours.into_iter().map(|n| (n, Incoming::default()));
        let incoming: BTreeMap<_, _> = incoming.collect();
        let each = WINDOWS / (incoming.len() as u64).max(1);
        Self {
            roster,
            bounds,
            window: each.clamp(8 * CHUNK as u64, WINDOW),
            life,
            next_number: 0,
            outgoing: BTreeMap::new(),
            turn: PartyIndex::ROOT,
            incoming,
        }
    }

    /// Whether everything that was posted has arrived.
    #[cfg(test)]
    pub(super) fn is_quiet(&self) -> bool {
        self.outgoing.values().all(|o| o.queue.is_empty())
    }

    /// Posts a frame.
    pub(super) fn post(&mut self, to: PartyIndex, frame: Frame, out: &mut Vec<Outcome>) {
        let outgoing = self.outgoing.entry(to).or_default();
        // The session asks again for what is late; the same frame need not wait twice.
        if outgoing.queue.iter().skip(1).any(|(_, f)| *f == frame) {
            return;
        }
        let id = ParcelId {
            life: self.life,
            number: self.next_number,
        };
        self.next_number += 1;
        outgoing.queue.push_back((id, frame));
        if outgoing.queue.len() == 1 {
            outgoing.moved = true;
            self.offer(to, out);
        }
    }

    /// The peer is attached (again): what it may have missed is said again.
    pub(super) fn present(&mut self, peer: PartyIndex, out: &mut Vec<Outcome>) {
        if let Some(outgoing) = self.outgoing.get_mut(&peer) {
            outgoing.wanted = 0..0;
        }
        self.offer(peer, out);
        if let Some(incoming) = self.incoming.get_mut(&peer)
            && let Stage::Receiving(partial) = &mut incoming.stage
        {
            partial.ask_again(peer, self.window, out);
        }
    }

    /// There is another connection: what was asked for on the old one is asked for again.
    pub(super) fn reconnected(&mut self) {
        let all = self.outgoing.values_mut();
        all.for_each(|outgoing| outgoing.wanted = 0..0);
    }

    /// Whether there are chunks to send.
    pub(super) fn has_chunks(&self) -> bool {
        self.outgoing.values().any(|o| !o.wanted.is_empty())
    }

    /// The next chunk to send: of the next neighbour that asked for some.
    pub(super) fn next_chunk(&mut self) -> Option<Envelope> {
        let waits = |(peer, o): (&PartyIndex, &Outgoing)| (!o.wanted.is_empty()).then_some(*peer);
        let after = (Bound::Excluded(self.turn), Bound::Unbounded);
        let peer = self.outgoing.range(after).find_map(waits);
        let peer = peer.or_else(|| self.outgoing.iter().find_map(waits))?;
        let outgoing = self.outgoing.get_mut(&peer)?;
        let (id, frame) = outgoing.queue.front()?;
        let at = outgoing.wanted.start;
        let end = outgoing.wanted.end.min(at + CHUNK as u64);
        let shared = Bytes::from_owner(Shared(frame.payload().clone()));
        let chunk = Chunk {
            life: id.life,
            number: id.number,
            at,
            bytes: shared.slice(at as usize..end as usize),
        };
        outgoing.wanted.start = end;
        outgoing.moved = true;
        self.turn = peer;
        Some(Envelope {
            peer: peer.0.into(),
            kind: Some(Kind::Chunk(chunk)),
        })
    }

    /// Time goes by: what did not move since the last tick is offered and asked for again.
    pub(super) fn tick(&mut self, out: &mut Vec<Outcome>) {
        let stuck = |o: &mut Outgoing| !std::mem::take(&mut o.moved);
        let peers: Vec<_> = self
            .outgoing
            .iter_mut()
            .filter_map(|(peer, o)| stuck(o).then_some(*peer))
            .collect();
        peers.into_iter().for_each(|peer| self.offer(peer, out));
        for (peer, incoming) in &mut self.incoming {
            if let Stage::Receiving(partial) = &mut incoming.stage {
                partial.silent = partial.silent.saturating_add(1);
                if partial.silent >= partial.ask_at {
                    partial.ask_at = partial.silent + partial.silent.min(MOST_PATIENCE);
                    partial.ask_again(*peer, self.window, out);
                }
            }
        }
        self.put_back_stuck(out);
        self.let_in(out);
    }

    /// Who offers a parcel and does not send it holds a part of the budget. It loses that, and what came of
    /// the parcel, to those that wait for room.
    fn put_back_stuck(&mut self, out: &mut Vec<Outcome>) {
        let waits = |i: &Incoming| matches!(i.stage, Stage::Waiting(..)) && !i.stuck;
        if !self.incoming.values().any(waits) {
            return;
        }
        for (peer, incoming) in &mut self.incoming {
            if let Stage::Receiving(partial) = &incoming.stage
                && partial.silent >= STUCK
            {
                let (came, of) = (partial.bytes.len(), partial.head.header().payload_len);
                let problem = format!(
                    "parcel {}: it stands still at byte {came} of {of}, and others wait for room",
                    partial.id
                );
                out.push(complaint(*peer, problem));
                incoming.stage = Stage::Waiting(partial.id, partial.head.clone());
                incoming.stuck = true;
            }
        }
    }

    fn offer(&self, to: PartyIndex, out: &mut Vec<Outcome>) {
        let first = self.outgoing.get(&to).and_then(|o| o.queue.front());
        if let Some((id, frame)) = first {
            let head = frame.head().to_vec();
            let ParcelId { life, number } = *id;
            let offer = Offer { life, number, head };
            out.push(send(to, Kind::Offer(offer)));
        }
    }

    /// Takes in what came in the name of `from`.
    pub(super) fn receive(&mut self, from: PartyIndex, kind: Kind, out: &mut Vec<Outcome>) {
        match kind {
            Kind::Offer(offer) => self.offered(from, &offer, out),
            Kind::Chunk(chunk) => self.chunk(from, &chunk, out),
            Kind::Want(want) => self.wanted(from, want, out),
            Kind::Have(Have { life, number }) => {
                self.arrived(from, ParcelId { life, number }, out);
            }
            Kind::Refuse(Refuse {
                life,
                number,
                reason,
            }) => {
                let id = ParcelId { life, number };
                if self.arrived(from, id, out) {
                    let reason: String = reason.chars().take(200).collect();
                    let problem = format!("it refuses parcel {id}: {reason:?}");
                    out.push(complaint(from, problem));
                }
            }
            Kind::Present(_) => self.present(from, out),
            Kind::Hello(_) | Kind::Finished(_) => {}
        }
    }

    fn offered(&mut self, from: PartyIndex, offer: &Offer, out: &mut Vec<Outcome>) {
        let id = ParcelId {
            life: offer.life,
            number: offer.number,
        };
        let Some(incoming) = self.incoming.get_mut(&from) else {
            refuse(from, id, "you are no neighbour in this plan".into(), out);
            return;
        };
        if incoming.last == Some(id) {
            out.push(send(from, have(id)));
            return;
        }
        match &mut incoming.stage {
            Stage::Taken(..) => return, // acknowledged when the party is done with it
            Stage::Receiving(partial) if partial.head.as_bytes() == offer.head => {
                // Offered anew by a sender that restarted; else its bytes are on their way.
                if partial.id != id {
                    partial.id = id;
                    partial.ask_again(from, self.window, out);
                }
                return;
            }
            _ => {}
        }
        let head = match self.check(&offer.head) {
            Ok(head) => head,
            Err(problem) => {
                refuse(from, id, problem, out);
                return;
            }
        };
        if let Some(incoming) = self.incoming.get_mut(&from) {
            incoming.stage = Stage::Waiting(id, head);
        }
        self.let_in(out);
    }

    /// Nothing is reserved for a head that no party of the roster signed.
    fn check(&self, head: &[u8]) -> Result<SignedHeader, String> {
        let signed = SignedHeader::decode(head, self.bounds.max_payload)
            .map_err(|problem| problem.to_string())?;
        let sender = signed.header().sender;
        match self.roster.member(sender) {
            Some(member) if signed.verifies(&member.key) => Ok(signed),
            Some(member) => Err(format!("the frame is not signed by `{}`", member.name)),
            None => Err(format!(
                "the frame's sender, {sender}, is not in the roster"
            )),
        }
    }

    /// Begins with the parcels that wait, as far as the budget goes.
    fn let_in(&mut self, out: &mut Vec<Outcome>) {
        let mut reserved: u64 = self.incoming.values().map(|i| i.stage.reserved()).sum();
        let all = [false, true].map(|stuck| {
            let those = self.incoming.iter().filter(move |(_, i)| i.stuck == stuck);
            those.map(|(peer, _)| *peer).collect::<Vec<_>>()
        });
        for peer in all.concat() {
            let Some(incoming) = self.incoming.get_mut(&peer) else {
                continue;
            };
            let Stage::Waiting(id, head) = &incoming.stage else {
                continue;
            };
            let len = head.header().payload_len;
            if reserved > 0 && reserved.saturating_add(len) > self.bounds.budget {
                continue;
            }
            reserved += len;
            // In one piece, while the system has it; else it grows with what comes.
            let mut bytes = Vec::new();
            let _ = bytes.try_reserve_exact(usize::try_from(len).unwrap_or_default());
            let mut partial = Partial {
                id: *id,
                head: head.clone(),
                bytes,
                asked_to: 0,
                silent: 0,
                ask_at: PATIENCE,
            };
            if len > 0 {
                partial.ask(peer, self.window, out);
                incoming.stage = Stage::Receiving(partial);
            } else {
                incoming.finish(peer, partial, out);
            }
        }
    }

    fn chunk(&mut self, from: PartyIndex, chunk: &Chunk, out: &mut Vec<Outcome>) {
        let Some(incoming) = self.incoming.get_mut(&from) else {
            return;
        };
        let Stage::Receiving(partial) = &mut incoming.stage else {
            return;
        };
        let id = ParcelId {
            life: chunk.life,
            number: chunk.number,
        };
        // Late, repeated, or after a gap: the tick asks again.
        if partial.id != id || chunk.at != partial.bytes.len() as u64 {
            return;
        }
        let len = partial.head.header().payload_len;
        let room = partial.asked_to.min(len) - chunk.at;
        if chunk.bytes.len() as u64 > room || chunk.bytes.is_empty() {
            let problem = format!("a chunk of {} bytes, {room} asked", chunk.bytes.len());
            out.push(complaint(from, problem));
            return;
        }
        partial.bytes.extend_from_slice(&chunk.bytes);
        (partial.silent, partial.ask_at) = (0, PATIENCE);
        incoming.stuck = false;
        let got = partial.bytes.len() as u64;
        if got < len {
            if partial.asked_to < len && partial.asked_to - got <= self.window / 2 {
                partial.ask(from, self.window, out);
            }
            return;
        }
        if let Stage::Receiving(partial) = std::mem::take(&mut incoming.stage) {
            incoming.finish(from, partial, out);
        }
        self.let_in(out);
    }

    /// The party has taken in what was delivered from this neighbour: it is acknowledged.
    pub(super) fn taken(&mut self, from: PartyIndex, out: &mut Vec<Outcome>) {
        if let Some(incoming) = self.incoming.get_mut(&from)
            && let Stage::Taken(id, _) = incoming.stage
        {
            incoming.stage = Stage::Nothing;
            incoming.last = Some(id);
            out.push(send(from, have(id)));
            self.let_in(out);
        }
    }

    fn wanted(&mut self, from: PartyIndex, want: Want, out: &mut Vec<Outcome>) {
        let Some(outgoing) = self.outgoing.get_mut(&from) else {
            return;
        };
        let Some((id, frame)) = outgoing.queue.front() else {
            return;
        };
        let Want { life, number, .. } = want;
        if (ParcelId { life, number }) != *id {
            return;
        }
        outgoing.moved = true;
        let to = want.to.min(frame.payload().len() as u64);
        if want.from > to || to - want.from > WINDOW {
            let problem = format!("it asks for bytes {} to {}", want.from, want.to);
            out.push(complaint(from, problem));
            return;
        }
        // The next piece, or all of it again.
        let wanted = &mut outgoing.wanted;
        let goes_on = !wanted.is_empty() && wanted.end == want.from;
        let start = if goes_on { wanted.start } else { want.from };
        *wanted = start..to;
    }

    /// The first parcel for this neighbour is done with; whether it was this one.
    fn arrived(&mut self, from: PartyIndex, id: ParcelId, out: &mut Vec<Outcome>) -> bool {
        let Some(outgoing) = self.outgoing.get_mut(&from) else {
            return false;
        };
        let is_first = outgoing
            .queue
            .front()
            .is_some_and(|(first, _)| *first == id);
        if is_first {
            outgoing.queue.pop_front();
            outgoing.wanted = 0..0;
            outgoing.moved = true;
            self.offer(from, out);
        }
        is_first
    }
}

impl Incoming {
    fn finish(&mut self, from: PartyIndex, partial: Partial, out: &mut Vec<Outcome>) {
        let (id, len) = (partial.id, partial.bytes.len() as u64);
        let payload = Payload::from(partial.bytes);
        match Frame::from_parts(partial.head.as_bytes(), payload, len) {
            Ok(frame) => {
                self.stage = Stage::Taken(id, len);
                out.push(Outcome::Deliver(from, frame));
            }
            Err(problem) => {
                self.stage = Stage::Nothing;
                refuse(from, id, problem.to_string(), out);
            }
        }
    }
}

impl Partial {
    /// Asks for what was asked for and did not come.
    fn ask_again(&mut self, from: PartyIndex, window: u64, out: &mut Vec<Outcome>) {
        self.asked_to = self.bytes.len() as u64;
        self.ask(from, window, out);
    }

    /// Asks for the next window.
    fn ask(&mut self, from: PartyIndex, window: u64, out: &mut Vec<Outcome>) {
        let len = self.head.header().payload_len;
        let to = len.min(self.bytes.len() as u64 + window);
        let ParcelId { life, number } = self.id;
        let want = Want {
            life,
            number,
            from: self.asked_to,
            to,
        };
        self.asked_to = to;
        out.push(send(from, Kind::Want(want)));
    }
}

/// A payload whose pieces are handed on without a copy.
struct Shared(Payload);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
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
