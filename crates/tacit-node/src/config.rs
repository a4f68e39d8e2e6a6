//! `node.toml`: where a node finds what it needs. Every setting can be overridden from the
//! environment.
//!
//! ```
//! use tacit_node::NodeConfig;
//!
//! let text = r#"
//!     identity = "identity.sealed"
//!     roster = "roster.toml"
//!     issuer = "7d4e…"                # the issuer's key, from the issuer
//!     state = "state"                 # journal, ledger, secrets, log of releases
//!
//!     [unlock]
//!     key_file = "/run/credentials/node.key"
//!
//!     [party]
//!     plan = "plan.toml"
//!     approval = "approval.toml"
//!     policy = "policy.toml"
//!     data = "/srv/cohorts"           # cohort paths of the plan count from here
//!     hub = "hub"
//!     address = "hub.example.org:7600"
//! "#;
//! let from = [("TACIT_NODE_PARTY__ADDRESS", "10.0.0.7:7600"), ("HOME", "/root")];
//! let from = from.map(|(k, v)| (k.to_owned(), v.to_owned()));
//! let config = NodeConfig::from_toml(text, std::path::Path::new("/etc/tacit"), from)?;
//! assert_eq!(config.party.unwrap().address, "10.0.0.7:7600");
//! assert_eq!(config.identity.to_str(), Some("/etc/tacit/identity.sealed"));
//! # Ok::<(), tacit_node::Error>(())
//! ```
//!
//! A variable `TACIT_NODE_A__B` sets `b` of section `[a]`. Its text is taken as a TOML value if it is
//! one (`30`, `true`, `"text"`), else as a string. Unknown settings are refused, in the file and in
//! the environment.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use tacit_identity::{Identity, SignedRoster};
use tacit_seal::Unlock;
use tacit_session::PublicKey;

use crate::error::Error;

const PREFIX: &str = "TACIT_NODE_";
const PASSPHRASE: &str = "TACIT_PASSPHRASE";
/// Longest file of settings, roster included.
const MAX_BYTES: u64 = 4 << 20;

/// A node's configuration. Exactly one of the sections `party`, `relay` and `querier` is there.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// The sealed identity.
    pub identity: PathBuf,
    /// The signed roster.
    pub roster: PathBuf,
    /// The key that signed the roster, as 64 hexadecimal digits.
    pub issuer: String,
    /// Folder of everything the node keeps.
    pub state: PathBuf,
    /// What opens sealed files.
    #[serde(default)]
    pub unlock: UnlockFrom,
    /// What a party needs.
    pub party: Option<PartyConfig>,
    /// What a hub needs.
    pub relay: Option<RelayConfig>,
    /// What a querier needs.
    pub querier: Option<QuerierConfig>,
    /// Figures and health for the operator, over HTTP.
    pub operations: Option<OperationsConfig>,
}

/// Where figures and health are read.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperationsConfig {
    /// Where to listen, `address:port`; port 0 takes a free one. On this machine alone, unless
    /// `anyone` is said.
    pub listen: String,
    /// An open session that has not moved for longer is not healthy.
    #[serde(default = "stalled_after")]
    pub stalled_after_seconds: u64,
    /// Listen on an address that other machines can reach. Nothing there is secret, and everybody who
    /// reaches it can read it.
    #[serde(default)]
    pub anyone: bool,
}

fn stalled_after() -> u64 {
    1800
}

/// Where the passphrase or key comes from; without either, from the variable `TACIT_PASSPHRASE`.
#[derive(Clone, Default, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnlockFrom {
    /// A file of at least 32 random bytes.
    pub key_file: Option<PathBuf>,
    /// A file with the passphrase.
    pub passphrase_file: Option<PathBuf>,
}

/// What a party needs.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartyConfig {
    /// The plan.
    pub plan: PathBuf,
    /// This site's signature under the plan.
    pub approval: PathBuf,
    /// What this site allows.
    pub policy: PathBuf,
    /// Folder that relative paths of the cohort count from.
    pub data: PathBuf,
    /// The hub's name in the roster.
    pub hub: String,
    /// Where it listens, `host:port`.
    pub address: String,
    /// Where this party relays for its children in the plan's tree, `address:port`. Then `hub` and `address`
    /// are its parent's; at the root, those of the hub that queriers write through.
    pub listen: Option<String>,
    /// Folder of the marks that notice an older copy of journals and ledger: on another disk, and in no
    /// backup. The state folder if there is none.
    pub marks: Option<PathBuf>,
    /// How long this node stays after its own end if it does not hear of the others'.
    #[serde(default = "linger")]
    pub linger_seconds: u64,
}

fn linger() -> u64 {
    600
}

/// What a querier needs.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuerierConfig {
    /// The plan.
    pub plan: PathBuf,
    /// The hub's name in the roster.
    pub hub: String,
    /// Where it listens, `host:port`.
    pub address: String,
}

/// What a hub needs.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayConfig {
    /// Where to listen, `address:port`; port 0 takes a free one.
    pub listen: String,
    /// Connections at a time.
    #[serde(default = "connections")]
    pub connections: usize,
    /// From one party.
    #[serde(default = "rate")]
    pub bytes_per_second: u64,
}

fn connections() -> usize {
    4096
}

fn rate() -> u64 {
    1 << 30
}

impl NodeConfig {
    /// Reads a file, with the overrides of this process's environment. Relative paths count from the
    /// folder of the file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let text = read_text(path)?;
        let named = |problem: Error| match problem {
            Error::Config { what, problem } if what.is_empty() => {
                Error::config(path.display().to_string(), problem)
            }
            other => other,
        };
        Self::from_toml(&text, folder, std::env::vars()).map_err(named)
    }

    /// Reads settings with the given environment.
    pub fn from_toml(
        text: &str,
        folder: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Error> {
        let wrong = |e: toml::de::Error| Error::config("", e);
        let mut table: toml::Table = toml::from_str(text).map_err(wrong)?;
        for (variable, value) in environment {
            if let Some(place) = variable.strip_prefix(PREFIX) {
                put(&mut table, &place.to_lowercase(), &value)
                    .map_err(|problem| Error::config(&variable, problem))?;
            }
        }
        let mut config: Self = table.try_into().map_err(wrong)?;
        let roles = [
            config.party.is_some(),
            config.relay.is_some(),
            config.querier.is_some(),
        ];
        if roles.iter().filter(|is| **is).count() != 1 {
            let problem = "write one of the sections [party], [relay] and [querier]";
            return Err(Error::config("", problem));
        }
        config.paths().into_iter().for_each(|path| {
            *path = folder.join(&*path);
        });
        Ok(config)
    }

    fn paths(&mut self) -> Vec<&mut PathBuf> {
        let mut all = vec![&mut self.identity, &mut self.roster, &mut self.state];
        all.extend(self.unlock.key_file.as_mut());
        all.extend(self.unlock.passphrase_file.as_mut());
        if let Some(party) = &mut self.party {
            all.extend([
                &mut party.plan,
                &mut party.approval,
                &mut party.policy,
                &mut party.data,
            ]);
            all.extend(party.marks.as_mut());
        }
        all.extend(self.querier.as_mut().map(|q| &mut q.plan));
        all
    }

    /// The roster, checked against its issuer.
    pub fn signed_roster(&self) -> Result<Arc<SignedRoster>, Error> {
        let issuer = PublicKey::from_hex(&self.issuer)
            .ok_or_else(|| Error::config("issuer", "not 64 hexadecimal digits of a public key"))?;
        let text = read_text(&self.roster)?;
        Ok(Arc::new(SignedRoster::open(&text, &issuer)?))
    }

    /// The identity, opened.
    pub fn open_identity(&self) -> Result<Identity, Error> {
        Ok(Identity::open(&self.identity, &self.unlock.read()?)?)
    }
}

impl UnlockFrom {
    /// Reads the secret.
    pub fn read(&self) -> Result<Unlock, Error> {
        match (&self.key_file, &self.passphrase_file) {
            (Some(path), None) => Ok(Unlock::key_file(path)?),
            (None, Some(path)) => {
                let mut bytes = std::fs::read(path).map_err(Error::io(path))?;
                while bytes.last().is_some_and(|b| matches!(b, b'\n' | b'\r')) {
                    bytes.pop();
                }
                Ok(Unlock::passphrase(bytes)?)
            }
            (None, None) => match std::env::var_os(PASSPHRASE) {
                Some(value) => Ok(Unlock::passphrase(value.into_encoded_bytes())?),
                None => Err(Error::config(
                    "unlock",
                    format!("neither a file nor the variable {PASSPHRASE} is given"),
                )),
            },
            (Some(_), Some(_)) => Err(Error::config(
                "unlock",
                "both a key file and a passphrase file",
            )),
        }
    }
}

/// Makes a folder, if there is none, that its owner alone may read.
pub(crate) fn make_private(folder: &Path) -> Result<(), Error> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(Error::io(folder))
}

/// Reads a text that people wrote.
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    let len = std::fs::metadata(path).map_err(Error::io(path))?.len();
    if len > MAX_BYTES {
        let problem = format!("{len} bytes; at most {MAX_BYTES} are read");
        return Err(Error::config(path.display().to_string(), problem));
    }
    std::fs::read_to_string(path).map_err(Error::io(path))
}

fn put(table: &mut toml::Table, place: &str, value: &str) -> Result<(), String> {
    let (section, key) = match place.split_once("__") {
        None => (table, place),
        Some((section, key)) => {
            let entry = table
                .entry(section)
                .or_insert_with(|| toml::Value::Table(toml::Table::new()));
            let section = entry.as_table_mut();
            (section.ok_or("sets a part of what is no section")?, key)
        }
    };
    let parsed = toml::from_str::<toml::Table>(&format!("v = {value}"));
    let parsed = parsed.ok().and_then(|mut t| t.remove("v"));
    let value = parsed.unwrap_or_else(|| toml::Value::String(value.to_owned()));
    section.insert(key.to_owned(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "identity = 'i'\nroster = 'r'\nissuer = '00'\nstate = 's'\n";

    fn read(text: &str, variables: &[(&str, &str)]) -> Result<NodeConfig, Error> {
        let own = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
        NodeConfig::from_toml(text, Path::new("/f"), variables.iter().map(own))
    }

    #[test]
    fn the_environment_wins_and_may_make_a_section() {
        let hub = [
            ("TACIT_NODE_RELAY__LISTEN", "127.0.0.1:0"),
            ("TACIT_NODE_RELAY__CONNECTIONS", "7"),
            ("TACIT_NODE_STATE", "/elsewhere"),
            ("TACIT_OTHER", "x"),
        ];
        let config = read(TEXT, &hub).unwrap();
        assert_eq!(config.state, Path::new("/elsewhere"));
        let relay = config.relay.unwrap();
        assert_eq!(
            (relay.listen.as_str(), relay.connections),
            ("127.0.0.1:0", 7)
        );
    }

    #[test]
    fn every_setting_can_be_set_from_the_environment_alone() {
        let text = |name: &str, value: &str| (format!("TACIT_NODE_{name}"), value.to_owned());
        let common = [
            text("IDENTITY", "i"),
            text("ROSTER", "r"),
            text("ISSUER", "00"),
            text("STATE", "s"),
            text("UNLOCK__KEY_FILE", "k"),
            text("OPERATIONS__LISTEN", "127.0.0.1:9464"),
            text("OPERATIONS__STALLED_AFTER_SECONDS", "60"),
            text("OPERATIONS__ANYONE", "true"),
        ];
        let read = |more: Vec<(String, String)>| {
            let all = common.iter().cloned().chain(more);
            NodeConfig::from_toml("", Path::new("/f"), all).unwrap()
        };
        let party = read(vec![
            text("PARTY__PLAN", "p"),
            text("PARTY__APPROVAL", "a"),
            text("PARTY__POLICY", "q"),
            text("PARTY__DATA", "d"),
            text("PARTY__HUB", "hub"),
            text("PARTY__ADDRESS", "h:1"),
            text("PARTY__LISTEN", "0.0.0.0:7601"),
            text("PARTY__MARKS", "m"),
            text("PARTY__LINGER_SECONDS", "7"),
        ]);
        let expected = NodeConfig {
            identity: "/f/i".into(),
            roster: "/f/r".into(),
            issuer: "00".into(),
            state: "/f/s".into(),
            unlock: UnlockFrom {
                key_file: Some("/f/k".into()),
                passphrase_file: None,
            },
            party: Some(PartyConfig {
                plan: "/f/p".into(),
                approval: "/f/a".into(),
                policy: "/f/q".into(),
                data: "/f/d".into(),
                hub: "hub".into(),
                address: "h:1".into(),
                listen: Some("0.0.0.0:7601".into()),
                marks: Some("/f/m".into()),
                linger_seconds: 7,
            }),
            relay: None,
            querier: None,
            operations: Some(OperationsConfig {
                listen: "127.0.0.1:9464".into(),
                stalled_after_seconds: 60,
                anyone: true,
            }),
        };
        assert_eq!(party, expected);
        let relay = read(vec![
            text("RELAY__LISTEN", "x:1"),
            text("RELAY__CONNECTIONS", "9"),
            text("RELAY__BYTES_PER_SECOND", "8"),
        ]);
        let expected = RelayConfig {
            listen: "x:1".into(),
            connections: 9,
            bytes_per_second: 8,
        };
        assert_eq!(relay.relay, Some(expected));
        let querier = read(vec![
            text("QUERIER__PLAN", "p"),
            text("QUERIER__HUB", "hub"),
            text("QUERIER__ADDRESS", "h:1"),
        ]);
        assert_eq!(querier.querier.unwrap().plan, Path::new("/f/p"));
    }

    #[test]
    fn what_is_unknown_missing_or_twofold_is_refused() {
        let listen = ("TACIT_NODE_RELAY__LISTEN", "x:1");
        let said = |variables: &[_]| read(TEXT, variables).unwrap_err().to_string();
        assert!(said(&[]).contains("one of the sections"));
        assert!(said(&[listen, ("TACIT_NODE_RELAY__RATE", "1")]).contains("rate"));
        assert!(said(&[listen, ("TACIT_NODE_STATE__A", "1")]).contains("TACIT_NODE_STATE__A"));
        assert!(read("identity = 3", &[listen]).is_err());
    }
}
