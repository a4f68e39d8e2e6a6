//! Parties at their desks, with mail in and out.

use std::collections::VecDeque;

use tacit_session::{Application, Frame, Journal, Label, Party, PartyIndex, Payload};

/// An encoded frame under way.
pub(super) struct Letter {
    pub(super) from: PartyIndex,
    pub(super) label: Label,
    pub(super) head: Box<[u8]>,
    pub(super) payload: Payload,
}

impl Letter {
    pub(super) fn len(&self) -> usize {
        self.head.len() + self.payload.len()
    }
}

/// Something a party has to do.
pub(super) enum Job {
    Start,
    Receive(Letter),
    Work,
}

pub(super) struct Desks<A, J> {
    desks: Vec<Desk<A, J>>,
    inbox: usize,
    /// Parties taken by a thread.
    away: usize,
    done: usize,
}

struct Desk<A, J> {
    /// `None` while a thread attends to it.
    party: Option<Party<A, J>>,
    started: bool,
    has_work: bool,
    is_done: bool,
    inbox: VecDeque<Letter>,
    outbox: VecDeque<(PartyIndex, Letter)>,
}

impl<A: Application, J: Journal> Desks<A, J> {
    pub(super) fn new(parties: Vec<Party<A, J>>, inbox: usize) -> Self {
        let desk = |party: Party<A, J>| Desk {
            is_done: party.status().done,
            party: Some(party),
            started: false,
            has_work: false,
            inbox: VecDeque::new(),
            outbox: VecDeque::new(),
        };
        let desks: Vec<_> = parties.into_iter().map(desk).collect();
        let done = desks.iter().filter(|d| d.is_done).count();
        Self {
            desks,
            inbox,
            away: 0,
            done,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.desks.len()
    }

    pub(super) fn all_done(&self) -> bool {
        self.done == self.desks.len() && self.away == 0
    }

    pub(super) fn all_idle(&self) -> bool {
        self.away == 0
    }

    /// Takes the most urgent job: mail first, since it frees memory and lets others go on; then
    /// shares, of parties near the root first, since more wait for them.
    pub(super) fn next_job(&mut self) -> Option<(Party<A, J>, Job)> {
        let here = |d: &Desk<A, J>| d.party.is_some();
        let place = (self.desks.iter().position(|d| here(d) && !d.started))
            .or_else(|| {
                self.desks
                    .iter()
                    .position(|d| here(d) && !d.inbox.is_empty())
            })
            .or_else(|| {
                self.desks
                    .iter()
                    .position(|d| here(d) && d.has_work && d.outbox.is_empty())
            })?;
        let desk = &mut self.desks[place];
        let party = desk.party.take()?;
        let job = if !desk.started {
            desk.started = true;
            Job::Start
        } else {
            desk.inbox.pop_front().map_or(Job::Work, Job::Receive)
        };
        self.away += 1;
        self.deliver();
        Some((party, job))
    }

    pub(super) fn put_back(&mut self, party: Party<A, J>) {
        let desk = &mut self.desks[party.index().as_usize()];
        desk.has_work = party.has_work();
        let is_done = party.status().done;
        self.done += usize::from(is_done && !desk.is_done);
        desk.is_done = is_done;
        desk.party = Some(party);
        self.away -= 1;
    }

    pub(super) fn post(&mut self, from: PartyIndex, to: PartyIndex, frame: &Frame) {
        let label = frame.header().label.clone();
        let letter = Letter {
            from,
            label,
            head: frame.head().into(),
            payload: frame.payload().clone(),
        };
        self.desks[from.as_usize()].outbox.push_back((to, letter));
    }

    /// Moves letters into inboxes while there is room.
    pub(super) fn deliver(&mut self) {
        for from in 0..self.desks.len() {
            while let Some((to, _)) = self.desks[from].outbox.front() {
                let to = to.as_usize();
                if self.desks[to].inbox.len() >= self.inbox {
                    break;
                }
                if let Some((_, letter)) = self.desks[from].outbox.pop_front() {
                    self.desks[to].inbox.push_back(letter);
                }
            }
        }
    }

    /// Who waits for whom.
    pub(super) fn waiting(&self) -> String {
        let parties = self.desks.iter().filter_map(|d| d.party.as_ref());
        let waiting = parties.filter(|p| !p.status().done).map(|party| {
            let name = |index| party.roster().name(index);
            let others: Vec<_> = party.status().waiting_on.into_iter().map(name).collect();
            format!("`{}` waits for {}", name(party.index()), others.join(", "))
        });
        waiting.take(8).collect::<Vec<_>>().join("; ")
    }

    pub(super) fn into_applications(self) -> Vec<A> {
        let parties = self.desks.into_iter().filter_map(|d| d.party);
        parties.map(Party::into_application).collect()
    }
}
