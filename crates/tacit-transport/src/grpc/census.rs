//! What a hub counts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// Why a connection was refused, as a class to be counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum RefusalClass {
    /// A certificate that is not in the roster.
    Unknown,
    /// A revoked certificate.
    Revoked,
    /// An expired certificate.
    Expired,
    /// A certificate that is not valid yet.
    NotYetValid,
    /// A member in another role.
    WrongRole,
    /// The roster here has expired.
    RosterExpired,
    /// The other side refused this one.
    ByPeer,
    /// No TLS, or a handshake that broke.
    Handshake,
    /// No handshake or greeting in time.
    Silent,
    /// Too many connections or rooms.
    Limit,
    /// A call or greeting that is not the protocol.
    Protocol,
    /// The system did not hand over the connection.
    System,
}

impl RefusalClass {
    /// Every class.
    pub const ALL: [Self; 12] = [
        Self::Unknown,
        Self::Revoked,
        Self::Expired,
        Self::NotYetValid,
        Self::WrongRole,
        Self::RosterExpired,
        Self::ByPeer,
        Self::Handshake,
        Self::Silent,
        Self::Limit,
        Self::Protocol,
        Self::System,
    ];
}

impl fmt::Display for RefusalClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown-certificate",
            Self::Revoked => "revoked-certificate",
            Self::Expired => "expired-certificate",
            Self::NotYetValid => "certificate-not-yet-valid",
            Self::WrongRole => "wrong-role",
            Self::RosterExpired => "roster-expired",
            Self::ByPeer => "by-peer",
            Self::Handshake => "handshake",
            Self::Silent => "silent",
            Self::Limit => "limit",
            Self::Protocol => "protocol",
            Self::System => "system",
        })
    }
}

/// A hub's figures at one moment.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Census {
    /// Names of those who are attached, each with the number of rooms it is in.
    pub attached: BTreeMap<String, u64>,
    /// Rooms that somebody is in or has finished in.
    pub rooms: u64,
    /// Connections now, accepted and not yet ended.
    pub connections: u64,
    /// Refused since the start.
    pub refused: BTreeMap<RefusalClass, u64>,
    /// Bytes of messages passed on since the start, as they came in.
    pub relayed_bytes: u64,
    /// Messages passed on since the start.
    pub relayed_messages: u64,
}

/// The counters behind a census.
#[derive(Default)]
pub(super) struct Counters {
    connections: AtomicU64,
    refused: Mutex<BTreeMap<RefusalClass, u64>>,
    bytes: AtomicU64,
    messages: AtomicU64,
}

impl Counters {
    pub(super) fn refused(&self, class: RefusalClass) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused.entry(class).or_default() += 1;
    }

    pub(super) fn relayed(&self, len: u64) {
        self.bytes.fetch_add(len, Relaxed);
        self.messages.fetch_add(1, Relaxed);
    }

    pub(super) fn open(&self) -> Open<'_> {
        self.connections.fetch_add(1, Relaxed);
        Open(self)
    }

    /// The census without its rooms.
    pub(super) fn read(&self) -> Census {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        Census {
            connections: self.connections.load(Relaxed),
            refused: refused.clone(),
            relayed_bytes: self.bytes.load(Relaxed),
            relayed_messages: self.messages.load(Relaxed),
            ..Census::default()
        }
    }
}

/// A connection, counted until it is dropped.
pub(super) struct Open<'a>(&'a Counters);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Relaxed);
    }
}
