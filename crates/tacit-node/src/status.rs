//! Where a node stands, as a file: `status.json` in its state folder, replaced whole at every step.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Name of the file in the state folder.
pub const FILE: &str = "status.json";

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
    /// Number of the open round.
    pub round: u32,
    /// Its label.
    pub label: String,
    /// Rounds in all, where they are known (at the root).
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
    /// The newest thing worth a look.
    pub last_problem: Option<String>,
    /// Seconds since 1970 at the start of this process.
    pub started: u64,
    /// Seconds since 1970 at the last change.
    pub changed: u64,
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

    /// Seconds that the rest takes if the rounds that are left take as long as those done; known at
    /// the root.
    pub fn seconds_left(&self) -> Option<u64> {
        let rounds = self.rounds?.checked_sub(self.round)?;
        let spent = self.changed.checked_sub(self.started)?;
        Some(spent * u64::from(rounds) / u64::from(self.round.max(1)))
    }
}

/// Seconds since 1970.
pub fn seconds(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}
