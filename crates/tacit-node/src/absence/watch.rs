//! One session's watch: hears of silence, talks to the others, and comes to a verdict.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tacit_session::{Digest, PartyIndex, Roster, Topology};
use tacit_transport::grpc::{Mailbox, Site, SiteOptions, Stop, correspond};

use super::GoOn;
use crate::error::Error;
use crate::letters::{Letters, Topic};

const HERE: &str = "absence/here";
const STAY: &str = "absence/stay";
const GO_ON: &str = "absence/go-on";
/// How often the watch looks up.
const TICK: Duration = Duration::from_millis(200);
/// A record is short.
const MAX_LETTER: u64 = 1 << 16;

/// How a session ended before its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// At the root: only these are here, and they are enough.
    Absent {
        /// Who is here, ascending.
        present: Vec<PartyIndex>,
    },
    /// Elsewhere: the root goes on with these.
    GoOn(GoOn),
}

/// Who watches which session.
pub(crate) struct Who {
    /// For a connection beside that of the session.
    pub site: Site,
    /// The plan.
    pub plan: Digest,
    /// Its topology, over those who take part.
    pub topology: Topology,
    /// So many are enough.
    pub threshold: usize,
    /// How long the root listens for who is here.
    pub grace: Duration,
    /// Who takes part in this session, ascending.
    pub participants: Vec<PartyIndex>,
    /// The newest record here.
    pub known: Option<GoOn>,
    /// The operator's wish.
    pub operator: Stop,
}

#[derive(Default)]
struct State {
    /// Since when, and for whom.
    late: Option<(Instant, Vec<PartyIndex>)>,
    /// Silence in this round is waited out.
    patient_until_after: Option<u32>,
    ended: bool,
    verdict: Option<Verdict>,
}

/// The watch of one session. [`Watch::attend`] runs beside the session, which tells it what happens.
pub(crate) struct Watch {
    state: Mutex<State>,
    changed: Condvar,
    /// Ends the session.
    pub stop: Stop,
}

impl Watch {
    /// Waits out any silence in rounds up to `patient_until_after`, if there is one.
    pub fn new(patient_until_after: Option<u32>) -> Self {
        let state = State {
            patient_until_after,
            ..State::default()
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            stop: Stop::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody was heard past the deadline.
    pub fn late(&self, waiting_on: &[PartyIndex]) {
        let mut state = self.state();
        if state.patient_until_after.is_none() && state.late.is_none() {
            state.late = Some((Instant::now(), waiting_on.to_vec()));
            self.changed.notify_all();
        }
    }

    /// Something moved in this round.
    pub fn progress(&self, round: u32) {
        let mut state = self.state();
        state.late = None;
        if state.patient_until_after.is_some_and(|until| round > until) {
            state.patient_until_after = None;
        }
    }

    /// The session is over, one way or the other.
    pub fn end(&self) {
        self.state().ended = true;
        self.changed.notify_all();
    }

    /// What it came to.
    pub fn verdict(&self) -> Option<Verdict> {
        self.state().verdict.clone()
    }

    fn decide(&self, verdict: Verdict) {
        self.state().verdict = Some(verdict);
        self.stop.ask();
    }

    fn is_over(&self, who: &Who) -> bool {
        if who.operator.is_asked() {
            self.stop.ask();
        }
        let state = self.state();
        state.ended || state.verdict.is_some()
    }

    /// Watches until the session is over.
    pub fn attend(&self, who: &Who) -> Result<(), Error> {
        let roster = who.site.roster.session();
        let me = roster.index_of(&who.site.identity.session_key().public());
        match me {
            Some(PartyIndex::ROOT) => {
                self.talk(who, (0..roster.parties()).map(PartyIndex), |m, l| {
                    self.call_the_roll(who, m, l)
                })
            }
            _ => loop {
                self.wait_for_silence(who);
                if self.is_over(who) {
                    return Ok(());
                }
                self.talk(who, [PartyIndex::ROOT].into_iter(), |m, l| {
                    self.report(who, m, l)
                })?;
            },
        }
    }

    fn wait_for_silence(&self, who: &Who) {
        while !self.is_over(who) {
            let state = self.state();
            if state.late.is_some() || state.ended {
                return;
            }
            let waited = self.changed.wait_timeout(state, TICK);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn talk(
        &self,
        who: &Who,
        with: impl Iterator<Item = PartyIndex>,
        talk: impl FnOnce(&Mailbox, &Letters) -> Result<(), Error> + Send,
    ) -> Result<(), Error> {
        let roster: &Roster = who.site.roster.session();
        let letters = Letters::new(
            Topic::Absence,
            &who.site.identity,
            roster,
            who.plan,
            with.collect(),
            MAX_LETTER,
        )?;
        let options = SiteOptions::default();
        correspond(
            &who.site,
            &options,
            &letters.about,
            |_| {},
            |mailbox| talk(mailbox, &letters),
        )?
    }

    /// The root: answers who calls, and counts them when somebody is late.
    fn call_the_roll(&self, who: &Who, mailbox: &Mailbox, letters: &Letters) -> Result<(), Error> {
        let mut here = BTreeSet::new();
        while !self.is_over(who) {
            if let Some((from, letter)) = mailbox.receive(TICK)? {
                if letters.is_from(from, &letter) && letter.header().label.as_str() == HERE {
                    here.insert(from);
                    let attempt = letter.payload().first_chunk::<4>().copied();
                    let attempt = attempt.map(u32::from_le_bytes);
                    let newer = (who.known.as_ref()).filter(|g| Some(g.with.attempt) > attempt);
                    let (label, payload) = match newer {
                        Some(record) => (GO_ON, record.encode()),
                        None => (STAY, Vec::new()),
                    };
                    let number = letter.header().round;
                    mailbox.send(
                        from,
                        letters.write(&who.site.identity, number, label, payload)?,
                    );
                }
                mailbox.taken(from);
            }
            let late = self.state().late.clone();
            let Some((since, waiting_on)) = late else {
                here.clear();
                continue;
            };
            if since.elapsed() >= who.grace {
                let present = present(&who.participants, who.topology, &waiting_on, &here);
                if present.len() >= who.threshold && present.len() < who.participants.len() {
                    self.decide(Verdict::Absent { present });
                }
            }
        }
        Ok(())
    }

    /// Another party: says that it is here until the session moves, or the root goes on.
    fn report(&self, who: &Who, mailbox: &Mailbox, letters: &Letters) -> Result<(), Error> {
        let attempt = who.known.as_ref().map_or(0, |g| g.with.attempt);
        let mut said: Option<Instant> = None;
        while !self.is_over(who) && self.state().late.is_some() {
            if said.is_none_or(|at| at.elapsed() >= who.grace / 4) {
                said = Some(Instant::now());
                let payload = attempt.to_le_bytes().to_vec();
                mailbox.send(
                    PartyIndex::ROOT,
                    letters.write(&who.site.identity, attempt, HERE, payload)?,
                );
            }
            let Some((from, letter)) = mailbox.receive(TICK)? else {
                continue;
            };
            let is_answer = letters.is_from(from, &letter) && from == PartyIndex::ROOT;
            if is_answer && letter.header().label.as_str() == GO_ON {
                match GoOn::decode(letter.payload()) {
                    Ok(record) if record.with.attempt > attempt => {
                        mailbox.taken(from);
                        self.decide(Verdict::GoOn(record));
                        return Ok(());
                    }
                    // Not newer, or no record: the root will say it again.
                    Ok(_) | Err(_) => {}
                }
            }
            mailbox.taken(from);
        }
        Ok(())
    }
}

/// Who is here: all that are not below somebody who is waited for, and who said so. The tree is over those who take part.
fn present(
    participants: &[PartyIndex],
    topology: Topology,
    waiting_on: &[PartyIndex],
    here: &BTreeSet<PartyIndex>,
) -> Vec<PartyIndex> {
    let size = participants.len() as u16;
    let mut silent = BTreeSet::new();
    for party in waiting_on {
        if let Ok(place) = participants.binary_search(party) {
            let below = topology.subtree(PartyIndex(place as u16), size);
            silent.extend(below.iter().map(|p| participants[p.as_usize()]));
        }
    }
    let is_here = |p: &&PartyIndex| !silent.contains(*p) || here.contains(*p);
    participants.iter().filter(is_here).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_a_tree_those_below_a_silent_party_are_here_if_they_say_so() {
        let all: Vec<_> = (0..7).map(PartyIndex).collect();
        let tree = Topology::Tree { arity: 2 };
        let here = |said: &[u16], waiting: &[u16]| -> Vec<u16> {
            let said = said.iter().map(|p| PartyIndex(*p)).collect();
            let waiting: Vec<_> = waiting.iter().map(|p| PartyIndex(*p)).collect();
            let found = present(&all, tree, &waiting, &said);
            found.into_iter().map(|p| p.0).collect()
        };
        assert_eq!(here(&[], &[1]), [0, 2, 5, 6]);
        assert_eq!(here(&[3, 4], &[1]), [0, 2, 3, 4, 5, 6]);
        assert_eq!(here(&[4], &[]), [0, 1, 2, 3, 4, 5, 6]);
        let star = present(&all, Topology::Star, &[PartyIndex(4)], &BTreeSet::new());
        assert_eq!(star.len(), 6);
    }

    #[test]
    fn a_round_that_cannot_be_left_is_waited_out() {
        let watch = Watch::new(Some(7));
        watch.progress(7);
        watch.late(&[PartyIndex(1)]);
        assert!(watch.state().late.is_none());
        watch.progress(8);
        watch.late(&[PartyIndex(1)]);
        assert!(watch.state().late.is_some());
        watch.progress(9);
        assert!(watch.state().late.is_none());
    }
}
