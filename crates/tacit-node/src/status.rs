//! Where a node stands, as a file: `status.json` in its state folder, replaced whole at every step.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tacit_session::{Misbehaviour, PartyIndex};
use tacit_transport::grpc::{HubEvent, SiteEvent};

use crate::error::Error;

/// Name of the file in the state folder.
pub const FILE: &str = "status.json";
/// Rounds of a session beside the application's: two that open it and one that ends it.
const OTHER_ROUNDS: u32 = 3;

/// Where a node stands.
#[derive(Clone, Default, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeStatus {
    /// This site.
    pub site: String,
    /// Name of the plan.
    pub plan: String,
    /// What it does: `connecting`, `training`, `serving`, `done` (between sessions), `stopped`.
    pub phase: String,
    /// Number of the session under the plan: 0 trains, each other one answers a query.
    pub session: u64,
    /// Whether a session is under way, so that no progress is a reason to worry.
    pub open: bool,
    /// Number of the open round.
    pub round: u32,
    /// Its label.
    pub label: String,
    /// Rounds in all, where they are known.
    pub rounds: Option<u32>,
    /// Whose frames are missing for the next step.
    pub waiting_on: Vec<String>,
    /// Who has been silent past the plan's deadline.
    pub late: Vec<String>,
    /// Whether the hub is reached.
    pub attached: bool,
    /// Connections that broke.
    pub broken: u64,
    /// Frames of others that were refused.
    pub faults: u64,
    /// The same, by kind.
    pub faults_by_kind: BTreeMap<String, u64>,
    /// Bytes sent by this process, TLS and repetitions included.
    pub bytes_sent: u64,
    /// Bytes received by this process, TLS and repetitions included.
    pub bytes_received: u64,
    /// Frames sent by this process, repetitions included.
    pub frames_sent: u64,
    /// Frames received by this process.
    pub frames_received: u64,
    /// Lines in the log of releases.
    pub releases: u64,
    /// The newest thing worth a look.
    pub last_problem: Option<String>,
    /// Seconds since 1970 at the start of this process.
    pub started: u64,
    /// Seconds since 1970 at the last change.
    pub changed: u64,
    /// Seconds since 1970 at the last progress of the session.
    pub progressed: u64,
    /// Seconds since 1970 when the node last wrote this; it does so every few seconds.
    pub seen: u64,
    /// The first round this process saw of this session, and when: what the time left is told from.
    pub measured_from: Option<(u32, u64)>,
}

impl NodeStatus {
    /// Reads the status of the node with this state folder.
    pub fn read(state: &Path) -> Result<Self, Error> {
        let path = state.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(Error::io(&path))?;
        serde_json::from_str(&text).map_err(|e| Error::config(path.display().to_string(), e))
    }

    /// Replaces the file.
    pub fn write(&self, state: &Path) -> Result<(), Error> {
        let (path, fresh) = (state.join(FILE), state.join("status.json.new"));
        // Numbers, strings and lists: serialising them has no failing case.
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        std::fs::write(&fresh, text).map_err(Error::io(&fresh))?;
        std::fs::rename(&fresh, &path).map_err(Error::io(&path))
    }

    /// Seconds that the rest takes if the rounds that are left take as long as those this process
    /// has seen.
    pub fn seconds_left(&self) -> Option<u64> {
        let left = self.rounds?.checked_sub(self.round)?;
        let (first, since) = self.measured_from?;
        let done = self.round.checked_sub(first).filter(|n| *n > 0)?;
        let spent = self.progressed.checked_sub(since)?;
        Some(spent * u64::from(left) / u64::from(done))
    }

    /// Begins a session.
    pub(crate) fn begin(&mut self, session: u64, phase: &str, now: u64) {
        self.phase = phase.to_owned();
        self.session = session;
        self.open = session == 0;
        self.round = 0;
        self.label.clear();
        self.rounds = None;
        self.waiting_on.clear();
        self.late.clear();
        self.measured_from = None;
        self.progressed = now;
        self.changed = now;
    }

    /// Takes an event of a session in.
    pub(crate) fn note(
        &mut self,
        event: &SiteEvent,
        now: u64,
        name: &dyn Fn(PartyIndex) -> String,
    ) {
        self.changed = now;
        let all = |them: &[PartyIndex]| them.iter().map(|p| name(*p)).collect();
        match event {
            SiteEvent::Attached => self.attached = true,
            SiteEvent::Detached { reason } => {
                self.broken += u64::from(self.attached);
                self.attached = false;
                self.last_problem = Some(format!("the hub is not reached: {reason}"));
            }
            SiteEvent::Progress(progress) => {
                // The training is everyone's from the beginning; an answer from when it is asked for.
                self.open = !progress.done && (self.session == 0 || progress.round.is_some());
                self.round = progress.round.unwrap_or_default();
                let label = progress.label.as_ref().map(ToString::to_string);
                self.label = label.unwrap_or_default();
                // Opening and end are rounds too, and answers come as they are asked for.
                let expected = progress.rounds_expected.map(|n| n + OTHER_ROUNDS);
                let is_open = progress.round.is_some();
                self.rounds = expected.filter(|n| is_open && *n >= self.round);
                self.waiting_on = all(&progress.waiting_on);
                self.late.clear();
                self.progressed = now;
                if let (None, Some(round)) = (self.measured_from, progress.round) {
                    self.measured_from = Some((round, now));
                }
            }
            SiteEvent::Fault(fault) if !fault.is_noise() => {
                self.fault(kind(&fault.what));
                self.last_problem = Some(fault.to_string());
            }
            SiteEvent::Complaint(complaint) => {
                self.fault("parcel");
                let (who, problem) = (name(complaint.peer), &complaint.problem);
                self.last_problem = Some(format!("{who}: {problem}"));
            }
            SiteEvent::Relay(said @ HubEvent::Refused { .. }) => {
                self.last_problem = Some(said.to_string());
            }
            SiteEvent::Late { waiting_on, .. } => self.late = all(waiting_on),
            _ => {}
        }
    }

    fn fault(&mut self, kind: &str) {
        self.faults += 1;
        *self.faults_by_kind.entry(kind.to_owned()).or_default() += 1;
    }
}

fn kind(what: &Misbehaviour) -> &'static str {
    match what {
        Misbehaviour::UnknownSender => "unknown-sender",
        Misbehaviour::BadSignature => "bad-signature",
        Misbehaviour::WrongSession => "wrong-session",
        Misbehaviour::Oversize { .. } => "oversize",
        Misbehaviour::OutOfTurn { .. } => "out-of-turn",
        Misbehaviour::InputChanged => "input-changed",
        Misbehaviour::Equivocation => "equivocation",
        Misbehaviour::WrongInput => "wrong-input",
        Misbehaviour::WrongContributors { .. } => "wrong-contributors",
        Misbehaviour::RejectedShare { .. } => "rejected-share",
        Misbehaviour::RejectedOpening { .. } => "rejected-opening",
        _ => "other",
    }
}

/// Seconds since 1970.
pub fn seconds(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacit_session::{Label, Status};

    fn progress(round: Option<u32>, done: bool) -> SiteEvent {
        SiteEvent::Progress(Status {
            round,
            label: round.map(|_| Label::new("train/gradient").unwrap()),
            waiting_on: vec![PartyIndex(1)],
            done,
            rounds_expected: Some(17),
        })
    }

    fn name(party: PartyIndex) -> String {
        format!("site-{}", party.0)
    }

    #[test]
    fn the_time_left_is_told_from_what_this_process_has_seen() {
        let mut status = NodeStatus::default();
        status.begin(0, "training", 1000);
        assert!(status.open);
        // Ten rounds were replayed from the journal at once; each since took four seconds.
        status.note(&progress(Some(10), false), 1001, &name);
        assert_eq!(status.seconds_left(), None);
        status.note(&progress(Some(15), false), 1021, &name);
        assert_eq!((status.rounds, status.seconds_left()), (Some(20), Some(20)));
        assert_eq!(status.waiting_on, ["site-1"]);
    }

    #[test]
    fn an_answer_is_open_from_when_it_is_asked_for_and_who_is_late_until_something_moves() {
        let mut status = NodeStatus::default();
        status.begin(3, "serving", 1000);
        status.note(&progress(None, false), 1001, &name);
        assert!(!status.open);
        status.note(&progress(Some(2), false), 2000, &name);
        assert!(status.open);
        let waiting_on = vec![PartyIndex(1), PartyIndex(2)];
        status.note(
            &SiteEvent::Late {
                round: 2,
                waiting_on,
            },
            2600,
            &name,
        );
        assert_eq!(status.late, ["site-1", "site-2"]);
        assert_eq!(status.progressed, 2000);
        status.note(&progress(Some(3), true), 2700, &name);
        assert!(status.late.is_empty() && !status.open);
    }

    #[test]
    fn a_status_of_an_older_node_is_read() {
        let old: NodeStatus = serde_json::from_str(r#"{"site": "a", "round": 3}"#).unwrap();
        assert_eq!((old.site.as_str(), old.round, old.seen), ("a", 3, 0));
    }
}
