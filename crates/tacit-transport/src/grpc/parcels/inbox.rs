//! What this party receives: of each neighbour one parcel at a time, within a budget of memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tacit_session::{Frame, PartyIndex, Payload, Roster, SignedHeader};

use super::super::wire::{Chunk, Kind, Offer, ParcelId, Want};
use super::window::Window;
use super::{Bounds, Outcome, complaint, have, refuse, send};

/// Ticks of silence after which a parcel makes room for others that wait.
pub(super) const STUCK: u32 = 20;

/// Ticks of silence after which a parcel is asked for again, at first and at most.
const PATIENCE: u32 = 3;
const MOST_PATIENCE: u32 = 48;

/// Parcels from all neighbours.
pub(super) struct Inbox {
    roster: Arc<Roster>,
    bounds: Bounds,
    /// Since this party began.
    now: Duration,
    neighbours: BTreeMap<PartyIndex, Incoming>,
}

/// What is known about one neighbour's parcels.
struct Incoming {
    stage: Stage,
    /// Delivered and acknowledged last: offered again, it is acknowledged again.
    last: Option<ParcelId>,
    /// Its parcel stood still while others waited: they go first.
    stuck: bool,
    window: Window,
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
    /// When it was let in.
    since: Duration,
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

impl Inbox {
    pub(super) fn new(
        roster: Arc<Roster>,
        neighbours: impl IntoIterator<Item = PartyIndex>,
        bounds: Bounds,
    ) -> Self {
        let all: Vec<_> = neighbours.into_iter().collect();
        let incoming = || Incoming {
            stage: Stage::Nothing,
            last: None,
            stuck: false,
            window: Window::of(all.len()),
        };
        Self {
            roster,
            bounds,
            now: Duration::ZERO,
            neighbours: all.iter().map(|n| (*n, incoming())).collect(),
        }
    }

    /// It is so long since this party began.
    pub(super) fn at(&mut self, now: Duration) {
        self.now = now;
    }

    /// The neighbour is attached (again): what it may have missed is asked for again.
    pub(super) fn present(&mut self, peer: PartyIndex, out: &mut Vec<Outcome>) {
        if let Some(incoming) = self.neighbours.get_mut(&peer)
            && let Stage::Receiving(partial) = &mut incoming.stage
        {
            partial.ask_again(peer, &incoming.window, out);
        }
    }

    /// Time goes by: what did not move since the last tick is asked for again.
    pub(super) fn tick(&mut self, out: &mut Vec<Outcome>) {
        for (peer, incoming) in &mut self.neighbours {
            if let Stage::Receiving(partial) = &mut incoming.stage {
                partial.silent = partial.silent.saturating_add(1);
                if partial.silent >= partial.ask_at {
                    partial.ask_at = partial.silent + partial.silent.min(MOST_PATIENCE);
                    partial.ask_again(*peer, &incoming.window, out);
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
        if !self.neighbours.values().any(waits) {
            return;
        }
        for (peer, incoming) in &mut self.neighbours {
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

    pub(super) fn offered(&mut self, from: PartyIndex, offer: &Offer, out: &mut Vec<Outcome>) {
        let id = ParcelId {
            life: offer.life,
            number: offer.number,
        };
        let Some(incoming) = self.neighbours.get_mut(&from) else {
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
                    partial.ask_again(from, &incoming.window, out);
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
        if let Some(incoming) = self.neighbours.get_mut(&from) {
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
        let mut reserved: u64 = self.neighbours.values().map(|i| i.stage.reserved()).sum();
        let all = [false, true].map(|stuck| {
            let those = self
                .neighbours
                .iter()
                .filter(move |(_, i)| i.stuck == stuck);
            those.map(|(peer, _)| *peer).collect::<Vec<_>>()
        });
        for peer in all.concat() {
            let Some(incoming) = self.neighbours.get_mut(&peer) else {
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
                since: self.now,
                silent: 0,
                ask_at: PATIENCE,
            };
            if len > 0 {
                partial.ask(peer, &incoming.window, out);
                incoming.stage = Stage::Receiving(partial);
            } else {
                incoming.finish(peer, partial, out);
            }
        }
    }

    pub(super) fn chunk(&mut self, from: PartyIndex, chunk: &Chunk, out: &mut Vec<Outcome>) {
        let Some(incoming) = self.neighbours.get_mut(&from) else {
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
        if chunk.at == 0 {
            let after = self.now.saturating_sub(partial.since);
            incoming.window.answered(after);
        }
        partial.bytes.extend_from_slice(&chunk.bytes);
        (partial.silent, partial.ask_at) = (0, PATIENCE);
        incoming.stuck = false;
        let got = partial.bytes.len() as u64;
        if got < len {
            if partial.asked_to < len && partial.asked_to - got <= incoming.window.bytes() / 2 {
                partial.ask(from, &incoming.window, out);
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
        if let Some(incoming) = self.neighbours.get_mut(&from)
            && let Stage::Taken(id, _) = incoming.stage
        {
            incoming.stage = Stage::Nothing;
            incoming.last = Some(id);
            out.push(send(from, have(id)));
            self.let_in(out);
        }
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
    fn ask_again(&mut self, from: PartyIndex, window: &Window, out: &mut Vec<Outcome>) {
        self.asked_to = self.bytes.len() as u64;
        self.ask(from, window, out);
    }

    /// Asks for the next window.
    fn ask(&mut self, from: PartyIndex, window: &Window, out: &mut Vec<Outcome>) {
        let len = self.head.header().payload_len;
        let to = len.min(self.bytes.len() as u64 + window.bytes());
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
