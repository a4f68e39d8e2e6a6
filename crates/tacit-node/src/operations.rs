//! What an operator sees of a running node, and asks of it.
//!
//! ```text
//!   session ── events ──► Operations ──► status.json       every change, and every few seconds
//!                             │      ──► GET /metrics      Prometheus, when `[operations]` is there
//!                             │      ──► GET /healthz, /readyz
//!   SIGTERM, SIGINT ──► Stop ─┘
//! ```
//!
//! Nothing here is secret: names, counts, times, and the words of the last problem.

pub mod health;
pub mod http;
pub mod metrics;
pub mod signals;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use tacit_identity::{Certificate, SignedRoster, SiteRole};
use tacit_transport::grpc::{Census, Hub, Stop, Traffic};

use crate::config::OperationsConfig;
use crate::error::Error;
use crate::status::{NodeStatus, seconds};

/// How often `status.json` is renewed when nothing happens.
const RENEWED: Duration = Duration::from_secs(2);

/// What the running parts of a node share with whoever watches them. Clones are the same node's.
#[derive(Clone, Default, Debug)]
pub struct Operations(Arc<Shared>);

#[derive(Default)]
struct Shared {
    stop: Stop,
    traffic: Arc<Traffic>,
    board: Mutex<Board>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Board {
    snapshot: Snapshot,
    /// Where the status goes.
    state: Option<PathBuf>,
    hub: Option<Arc<Hub>>,
}

/// A node at one moment.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Snapshot {
    /// What it does; nobody yet, before its files are read.
    pub role: Option<SiteRole>,
    /// Where a party stands.
    pub status: NodeStatus,
    /// What a hub counts.
    pub census: Option<Census>,
    /// Serial number of the roster it runs with.
    pub roster_serial: u64,
    /// Seconds since 1970 at the end of its certificate.
    pub certificate_ends: u64,
    /// Seconds since 1970 at the end of the roster.
    pub roster_ends: u64,
}

impl Operations {
    /// What ends the node in order.
    pub fn stop(&self) -> &Stop {
        &self.0.stop
    }

    /// What counts its bytes.
    pub fn traffic(&self) -> &Arc<Traffic> {
        &self.0.traffic
    }

    /// The node, now.
    pub fn snapshot(&self) -> Snapshot {
        let board = self.board();
        let mut snapshot = board.snapshot.clone();
        self.count(&mut snapshot.status);
        snapshot.census = board.hub.as_ref().map(|hub| hub.census());
        snapshot
    }

    /// Says who this is.
    pub(crate) fn introduce(
        &self,
        role: SiteRole,
        certificate: &Certificate,
        roster: &SignedRoster,
        now: SystemTime,
    ) {
        let mut board = self.board();
        let snapshot = &mut board.snapshot;
        snapshot.role = Some(role);
        snapshot.roster_serial = roster.serial();
        snapshot.certificate_ends = seconds(certificate.ends());
        snapshot.roster_ends = seconds(roster.ends());
        snapshot.status.started = seconds(now);
    }

    pub(crate) fn watch_hub(&self, hub: Arc<Hub>) {
        self.board().hub = Some(hub);
    }

    /// Keeps the status, in memory and in the state folder.
    pub(crate) fn keep(&self, status: &NodeStatus, state: &Path) -> Result<(), Error> {
        let mut board = self.board();
        board.snapshot.status = status.clone();
        board.state = Some(state.to_owned());
        self.write(&mut board)
    }

    /// Keeps that the operator has ended the node.
    pub(crate) fn stopped(&self) -> Result<(), Error> {
        let mut board = self.board();
        let status = &mut board.snapshot.status;
        status.phase = "stopped".into();
        status.last_problem = Some("by the operator".into());
        status.attached = false;
        status.open = false;
        status.changed = seconds(SystemTime::now());
        self.write(&mut board)
    }

    /// Renews the status on the disk until what is returned is dropped.
    pub(crate) fn renewing(&self) -> Result<Renewing, Error> {
        let (end, ended) = channel::<()>();
        let operations = self.clone();
        let renew = move || {
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(RENEWED) {
                // A service to people: a disk without room for it stops the journal anyway.
                let _ = operations.write(&mut operations.board());
            }
        };
        thread::Builder::new()
            .name("status".into())
            .spawn(renew)
            .map_err(Error::io("the thread that keeps status.json"))?;
        Ok(Renewing(end))
    }

    /// Serves metrics and health if the configuration asks for it, until what is returned is dropped.
    pub fn serve(&self, config: Option<&OperationsConfig>) -> Result<Option<http::Server>, Error> {
        let serve = |config| http::Server::start(config, self.clone());
        config.map(serve).transpose()
    }

    fn write(&self, board: &mut Board) -> Result<(), Error> {
        let Some(state) = &board.state else {
            return Ok(());
        };
        let status = &mut board.snapshot.status;
        self.count(status);
        status.seen = seconds(SystemTime::now());
        status.write(state)
    }

    fn count(&self, status: &mut NodeStatus) {
        let traffic = &self.0.traffic;
        status.bytes_sent = traffic.sent();
        status.bytes_received = traffic.received();
        status.frames_sent = traffic.frames_sent();
        status.frames_received = traffic.frames_received();
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        // Every change is made in one step; a panic elsewhere leaves the board whole.
        self.0.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Renews the status for as long as it lives.
#[derive(Debug)]
pub(crate) struct Renewing(#[expect(dead_code, reason = "dropped at the end")] Sender<()>);
