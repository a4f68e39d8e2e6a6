//! The state machine of one party: broadcast, gather, finish, repeat.
//!
//! [`Party`] does no input or output, reads no clock and starts no thread. The outside hands it
//! [`Event`]s and carries out its [`Action`]s, in order. The journal is the one thing it writes
//! itself, synchronously, because nothing may be handed out before it is durable:
//!
//! ```text
//!               input from the parent (root: Application::next_round)
//!                 │ journal it, pass it to the children
//!                 ▼
//!   own share  ── work() ──►  sum  ◄── shares of the children, any order
//!                 │ all there: journal the sum
//!                 ▼
//!               share to the parent (root: Application::finish, next round)
//! ```
//!
//! Rounds 0 and 1 open the session (see [`crate::opening`]); a last round, `session/complete`,
//! hands everyone the final payload and gathers that they have it.
//!
//! What is lost is asked for again: a parent that misses a share and a child that misses an input
//! send a small request when [`Event::Tick`] says that it has been silent for long. The answer is
//! always the journaled bytes. Frames that are late, repeated, replayed, forged or out of turn
//! change nothing; those worth a log line come out as [`Action::Report`].
//!
//! *Limits.* A party that refuses to answer stalls the session (it is named in
//! [`Action::Late`]); a wrong share that is well-formed is summed, for the machine cannot look
//! into it; in a tree, a parent knows which child signed a bad sum, not which grandchild caused it
//! (the child journals the signed heads of the shares it was made from, not the shares).

mod receive;
mod resume;
mod retry;
mod round;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::application::{Application, SessionContext};
use crate::approval::Approval;
use crate::continuation::Continuation;
use crate::digest::Digest;
use crate::error::{BoxedError, Error, Fault};
use crate::frame::{Frame, Label, SignedHeader};
use crate::identity::IdentityKey;
use crate::journal::{Journal, Record};
use crate::opening::{Nonce, Opened, Opening};
use crate::party_set::{PartyIndex, PartySet};
use crate::payload::Payload;
use crate::plan::{Plan, Timing};
use crate::roster::Roster;
use crate::topology::Topology;

use retry::Patience;
use round::{Own, Round};

/// Round in which everyone answers the root's nonce.
pub const ROUND_OPEN: u32 = 0;
/// Round in which everyone receives the list and derives the session.
pub const ROUND_START: u32 = 1;
/// First round of the application.
pub const ROUND_FIRST: u32 = 2;

const LABEL_OPEN: &str = "session/open";
const LABEL_START: &str = "session/start";
const LABEL_COMPLETE: &str = "session/complete";
const LABEL_REQUEST: &str = "session/request";

/// What happened outside.
#[derive(Debug)]
pub enum Event {
    /// Begin, or continue after a restart.
    Start,
    /// A frame arrived, from whoever delivered it.
    Frame(Frame),
    /// The time since some fixed moment; never goes back.
    Tick(Duration),
}

/// What the outside shall do.
#[derive(Debug)]
#[non_exhaustive]
pub enum Action {
    /// Deliver this frame; everything it depends on is journaled.
    Send {
        /// To whom.
        to: PartyIndex,
        /// What.
        frame: Frame,
    },
    /// Log this; the session goes on.
    Report(Fault),
    /// Nothing was heard past the plan's deadline; the session waits on.
    Late {
        /// The open round.
        round: u32,
        /// Who is waited for.
        waiting_on: Vec<PartyIndex>,
    },
    /// The session is complete here. Keep answering until everyone is: a parent may have lost the
    /// last share.
    Done,
}

/// A party's place at the table: everything it brings but its computation and its journal.
#[derive(Debug)]
pub struct Seat {
    roster: Arc<Roster>,
    /// Who takes part, ascending.
    participants: Vec<PartyIndex>,
    continuation: Option<Continuation>,
    /// Which session of the plan it is.
    number: u64,
    threshold: Option<u16>,
    me: PartyIndex,
    key: IdentityKey,
    approval: Approval,
    nonce: Nonce,
    plan: Digest,
    topology: Topology,
    max_payload: u64,
    timing: Timing,
}

impl Seat {
    /// Takes the seat of the party that holds `key`. The plan must be valid, speak of exactly this
    /// roster, and be approved by this party.
    pub fn new(
        roster: Arc<Roster>,
        plan: &Plan,
        key: IdentityKey,
        approval: Approval,
        nonce: Nonce,
    ) -> Result<Self, Error> {
        plan.validate()?;
        plan.check_roster(&roster)?;
        let public = key.public();
        let me = roster.index_of(&public).ok_or(Error::NotInRoster {
            key: Box::new(public),
        })?;
        let digest = plan.digest()?;
        approval.check(&roster.name(me), &public, digest, roster.digest())?;
        Ok(Self {
            me,
            key,
            approval,
            nonce,
            plan: digest,
            topology: plan.topology.into(),
            max_payload: plan.limits.max_payload_bytes,
            timing: plan.timing,
            participants: (0..roster.parties()).map(PartyIndex).collect(),
            continuation: None,
            number: 0,
            threshold: plan.threshold.map(|threshold| threshold.t),
            roster,
        })
    }

    /// The same party's seat in a session that goes on among some of the parties.
    ///
    /// # Errors
    /// If the plan has no threshold, the continuation does not fit it or the roster, or this party takes no part.
    pub fn among(self, continuation: Continuation) -> Result<Self, Error> {
        continuation.check(&self.roster, self.threshold)?;
        if !continuation.participants.contains(&self.me) {
            return Err(Error::NotAParticipant {
                party: self.name(),
                continuation: Box::new(continuation),
            });
        }
        Ok(Self {
            participants: continuation.participants.clone(),
            continuation: Some(continuation),
            ..self
        })
    }

    /// The same party's seat in session number `number` of the plan, from 0. Sessions of one plan open under ids of their
    /// own, so that what is said in the opening of one is about no other.
    pub fn numbered(self, number: u64) -> Self {
        Self { number, ..self }
    }

    fn name(&self) -> String {
        self.roster.name(self.me)
    }

    fn is_root(&self) -> bool {
        self.me == PartyIndex::ROOT
    }

    fn parent(&self) -> Option<PartyIndex> {
        self.parent_of(self.me)
    }

    /// Where a participant sends its share; `None` for the root and for who takes no part. The tree is over
    /// the participants, in their order.
    fn parent_of(&self, party: PartyIndex) -> Option<PartyIndex> {
        let place = self.place_of(party)?;
        let above = self.topology.parent(place, self.size())?;
        self.participants.get(above.as_usize()).copied()
    }

    fn children(&self) -> Vec<PartyIndex> {
        let Some(place) = self.place_of(self.me) else {
            return Vec::new();
        };
        let below = self.topology.children(place, self.size());
        below.map(|p| self.participants[p.as_usize()]).collect()
    }

    /// A participant and everyone below it.
    fn subtree(&self, party: PartyIndex) -> PartySet {
        let mut set = PartySet::empty(self.roster.parties());
        if let Some(place) = self.place_of(party) {
            let below = self.topology.subtree(place, self.size());
            below
                .iter()
                .for_each(|p| set.insert(self.participants[p.as_usize()]));
        }
        set
    }

    fn place_of(&self, party: PartyIndex) -> Option<PartyIndex> {
        let place = self.participants.binary_search(&party).ok()?;
        Some(PartyIndex(place as u16))
    }

    fn size(&self) -> u16 {
        self.participants.len() as u16
    }

    fn opening(&self) -> Opening<'_> {
        Opening {
            roster: &self.roster,
            plan: self.plan,
            participants: &self.participants,
            continuation: self.continuation.as_ref(),
            number: self.number,
        }
    }
}

/// Where a party stands, for progress displays.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// Number of the open round; `None` before the first.
    pub round: Option<u32>,
    /// Its label.
    pub label: Option<Label>,
    /// Whose frames are missing for the next step.
    pub waiting_on: Vec<PartyIndex>,
    /// Whether the session is complete here.
    pub done: bool,
    /// Root only: rounds of the application in all, if it knows.
    pub rounds_expected: Option<u32>,
}

/// One party of a session. It owns the application, with all its secrets, and gives no access to
/// it until it is taken apart.
pub struct Party<A, J> {
    seat: Seat,
    app: A,
    journal: J,
    /// Records in the journal; the next one's number.
    records: usize,
    /// Id in frames of the opening rounds.
    opening_id: Digest,
    opened: Option<Opened>,
    /// Root: the sum of round 0, until round 1 sends it.
    opening_list: Option<Payload>,
    round: Option<Round>,
    /// By round: the input's signed header and its record, the records of the share and of the heads
    /// of the children's.
    past: Vec<Past>,
    actions: VecDeque<Action>,
    patience: Patience,
    done: bool,
    stopped: bool,
}

struct Past {
    input: SignedHeader,
    input_record: usize,
    share_record: Option<usize>,
    heads_record: Option<usize>,
}

impl<A, J> std::fmt::Debug for Party<A, J> {
    /// Place and progress only: the application holds secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let round = self.round.as_ref().map(|r| r.id.number);
        f.debug_struct("Party")
            .field("me", &self.seat.me)
            .field("round", &round)
            .field("done", &self.done)
            .finish_non_exhaustive()
    }
}

impl<A: Application, J: Journal> Party<A, J> {
    /// Begins a session, or resumes the one the journal holds: its inputs are replayed to `app`,
    /// which must be as it was at the beginning.
    pub fn new(seat: Seat, app: A, journal: J) -> Result<Self, Error> {
        let opening_id = seat.opening().id();
        let patience = Patience::new(seat.timing);
        let mut party = Self {
            seat,
            app,
            journal,
            records: 0,
            opening_id,
            opened: None,
            opening_list: None,
            round: None,
            past: Vec::new(),
            actions: VecDeque::new(),
            patience,
            done: false,
            stopped: false,
        };
        party.resume()?;
        Ok(party)
    }

    /// Takes in an event. On an error other than [`Error::NotJournaled`] the party is stopped:
    /// mend the cause and make it anew from its journal.
    pub fn handle(&mut self, event: Event) -> Result<(), Error> {
        self.unless_stopped(|party| match event {
            Event::Start => party.start(),
            Event::Frame(frame) => party.receive(&frame),
            Event::Tick(now) => party.tick(now),
        })
    }

    /// Whether this party's own share is due. It is kept apart from [`handle`](Self::handle)
    /// because it is the expensive step: carry out the actions first (children are waiting for
    /// the input), then call [`work`](Self::work) where there is a processor free.
    pub fn has_work(&self) -> bool {
        !self.stopped
            && self
                .round
                .as_ref()
                .is_some_and(|r| matches!(r.own, Own::Due))
    }

    /// Computes the share that is due; does nothing if none is.
    pub fn work(&mut self) -> Result<(), Error> {
        self.unless_stopped(|party| {
            party.compute_own_share()?;
            party.close_if_whole()
        })
    }

    /// The next thing to do, oldest first.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Which party this is.
    pub fn index(&self) -> PartyIndex {
        self.seat.me
    }

    /// Names plan and roster, and who goes on without whom: the same at every participant, known before the
    /// session is open. Frames of the opening carry it.
    pub fn agreement(&self) -> Digest {
        self.opening_id
    }

    /// The session's id, once it is open here.
    pub fn session(&self) -> Option<Digest> {
        self.opened.as_ref().map(|opened| opened.session)
    }

    /// Who takes part, ascending.
    pub fn participants(&self) -> &[PartyIndex] {
        &self.seat.participants
    }

    /// Whom this party exchanges frames with: its parent and its children.
    pub fn neighbours(&self) -> Vec<PartyIndex> {
        let mut all = self.seat.children();
        all.extend(self.seat.parent());
        all
    }

    /// Everyone in the plan.
    pub fn roster(&self) -> &Arc<Roster> {
        &self.seat.roster
    }

    /// The plan's `limits.max_payload_bytes`, for decoding frames.
    pub fn max_payload(&self) -> u64 {
        self.seat.max_payload
    }

    /// Where the party stands.
    pub fn status(&self) -> Status {
        Status {
            round: self.round.as_ref().map(|r| r.id.number),
            label: self.round.as_ref().map(|r| r.id.label.clone()),
            waiting_on: self.waiting_on(),
            done: self.done,
            rounds_expected: self.app.rounds_expected(),
        }
    }

    /// Ends the session here and gives the application back to its owner.
    pub fn into_application(self) -> A {
        self.app
    }

    fn unless_stopped(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.stopped {
            return Err(Error::Stopped {
                party: self.seat.name(),
            });
        }
        let result = step(self);
        self.stopped = matches!(&result, Err(e) if !matches!(e, Error::NotJournaled { .. }));
        result
    }

    fn start(&mut self) -> Result<(), Error> {
        if self.round.is_some() {
            self.ask_again()
        } else if self.seat.is_root() {
            self.record_nonce()?;
            let open = self.seat.nonce.0.to_vec();
            self.ask(ROUND_OPEN, LABEL_OPEN, open)
        } else {
            Ok(())
        }
    }

    /// The nonce is durable before anything that depends on it leaves.
    fn record_nonce(&mut self) -> Result<(), Error> {
        if self.records == 0 {
            self.append(&Record::Nonce(self.seat.nonce))?;
        }
        Ok(())
    }

    /// Journals; returns the record's number.
    fn append(&mut self, record: &Record) -> Result<usize, Error> {
        self.journal
            .append(record)
            .map_err(|e| self.journal_error(e))?;
        self.records += 1;
        Ok(self.records - 1)
    }

    fn journal_error(&self, source: J::Error) -> Error {
        Error::Journal {
            party: self.seat.name(),
            source: Box::new(source),
        }
    }

    fn application_error(&self, step: &'static str, source: impl Into<BoxedError>) -> Error {
        let (round, label) = match &self.round {
            Some(round) => (round.id.number, round.id.label.to_string()),
            None => (0, String::new()),
        };
        Error::Application {
            party: self.seat.name(),
            step,
            round,
            label,
            source: source.into(),
        }
    }

    fn context(&self, opened: &Opened) -> SessionContext {
        SessionContext {
            session: opened.session,
            crs_seed: opened.crs_seed,
            participants: self.seat.participants.clone(),
            continuation: self.seat.continuation.clone(),
            announcements: opened.announcements.clone(),
            plan: self.seat.plan,
            roster: self.seat.roster.digest(),
            me: self.seat.me,
            parties: self.seat.roster.parties(),
        }
    }

    /// What frames of this round carry as their session.
    fn session_of(&self, round: u32) -> Option<Digest> {
        match round {
            ROUND_OPEN | ROUND_START => Some(self.opening_id),
            _ => self.session(),
        }
    }

    fn send(&mut self, to: PartyIndex, frame: Frame) {
        self.actions.push_back(Action::Send { to, frame });
    }
}

#[cfg(test)]
mod tests;
