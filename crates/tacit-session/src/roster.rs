//! Who takes part: names, roles and keys, in one order that everyone signs.
//!
//! Data parties come first; the place of a party among them is its [`PartyIndex`], and the first
//! is the root of the aggregation tree. Queriers follow: they ask and hold keys of their own, and
//! contribute no share.
//!
//! ```
//! use tacit_session::{IdentityKey, Member, Role, Roster};
//!
//! let member = |name: &str, role| -> Result<Member, tacit_session::Error> {
//!     Ok(Member { name: name.into(), role, key: IdentityKey::generate()?.public() })
//! };
//! let roster = Roster::new(vec![
//!     member("hospital-a", Role::Party)?,
//!     member("hospital-b", Role::Party)?,
//!     member("clinic", Role::Querier)?,
//! ])?;
//! assert_eq!(roster.parties(), 2);
//! assert_eq!(Roster::from_toml(&roster.to_toml())?, roster);
//! # Ok::<(), tacit_session::Error>(())
//! ```

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, DigestWriter};
use crate::error::Error;
use crate::identity::PublicKey;
use crate::party_set::PartyIndex;

/// Most data parties in a roster.
pub const MAX_PARTIES: usize = 1024;

/// What a member does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Provides data and holds a share of the collective secret key.
    Party,
    /// Asks for predictions.
    Querier,
}

/// One line of the roster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Name, 1 to 63 of `a-z 0-9 -`, beginning with a letter or digit.
    pub name: String,
    /// What it does.
    pub role: Role,
    /// What it signs with.
    pub key: PublicKey,
}

/// Everyone who takes part, checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Roster {
    members: Vec<Member>,
    parties: u16,
    digest: Digest,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RosterFile {
    schema: u32,
    #[serde(rename = "member")]
    members: Vec<MemberLine>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberLine {
    name: String,
    role: Role,
    key: String,
}

impl Roster {
    /// Checks and keeps the members: 2 to [`MAX_PARTIES`] data parties, before all queriers, with
    /// names and keys that occur once.
    pub fn new(members: Vec<Member>) -> Result<Self, Error> {
        let refuse = |member: &str, problem: &str, remedy| {
            let (member, problem) = (member.to_owned(), problem.to_owned());
            Err(Error::Roster {
                member,
                problem,
                remedy,
            })
        };
        let parties = members.iter().filter(|m| m.role == Role::Party).count();
        if !(2..=MAX_PARTIES).contains(&parties) {
            let problem = format!("{parties} data parties");
            return refuse("*", &problem, "list between 2 and 1024 with role `party`");
        }
        if members.len() > 2 * MAX_PARTIES {
            return refuse("*", "too many members", "list at most 2048");
        }
        let (mut names, mut keys) = (HashSet::new(), HashSet::new());
        for (place, member) in members.iter().enumerate() {
            if !is_name(&member.name) {
                let remedy = "use 1 to 63 of a-z, 0-9 and `-`, beginning with a letter or digit";
                return refuse(&member.name, "not a name", remedy);
            }
            if !names.insert(&member.name) {
                return refuse(
                    &member.name,
                    "listed twice",
                    "give every member its own name",
                );
            }
            if !keys.insert(member.key.as_bytes()) {
                let remedy = "every member makes its own key; a shared key is two culprits in one";
                return refuse(&member.name, "its key is also another member's", remedy);
            }
            if (member.role == Role::Party) != (place < parties) {
                return refuse(
                    &member.name,
                    "a querier before a party",
                    "list queriers last",
                );
            }
        }
        let mut hash = DigestWriter::new("tacit roster v1").u64(members.len() as u64);
        for member in &members {
            let role = match member.role {
                Role::Party => 1,
                Role::Querier => 2,
            };
            hash = hash
                .bytes(member.name.as_bytes())
                .u64(role)
                .bytes(member.key.as_bytes());
        }
        Ok(Self {
            members,
            parties: parties as u16,
            digest: hash.finish(),
        })
    }

    /// Reads `roster.toml`.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let file: RosterFile = toml::from_str(text).map_err(|e| Error::RosterSyntax {
            problem: e.to_string(),
        })?;
        if file.schema != 1 {
            let problem = format!("schema {}, this program reads 1", file.schema);
            return Err(Error::RosterSyntax { problem });
        }
        let read = |line: MemberLine| match PublicKey::from_hex(&line.key) {
            Some(key) => Ok(Member {
                name: line.name,
                role: line.role,
                key,
            }),
            None => Err(Error::Roster {
                member: line.name,
                problem: "`key` is no Ed25519 public key".into(),
                remedy: "copy the 64 lower-case hexadecimal digits the member's node prints",
            }),
        };
        Self::new(
            file.members
                .into_iter()
                .map(read)
                .collect::<Result<_, _>>()?,
        )
    }

    /// Writes `roster.toml`.
    pub fn to_toml(&self) -> String {
        let line = |m: &Member| MemberLine {
            name: m.name.clone(),
            role: m.role,
            key: m.key.to_string(),
        };
        let file = RosterFile {
            schema: 1,
            members: self.members.iter().map(line).collect(),
        };
        // Strings and integers only: serialising them has no failing case.
        toml::to_string(&file).unwrap_or_default()
    }

    /// Everyone, parties first.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Number of data parties.
    pub fn parties(&self) -> u16 {
        self.parties
    }

    /// A data party by index.
    pub fn party(&self, index: PartyIndex) -> Option<&Member> {
        self.members[..self.parties.into()].get(index.as_usize())
    }

    /// A member by its place; queriers come after the parties.
    pub fn member(&self, place: PartyIndex) -> Option<&Member> {
        self.members.get(place.as_usize())
    }

    /// Place of the member with this key.
    pub fn place_of(&self, key: &PublicKey) -> Option<PartyIndex> {
        let place = self.members.iter().position(|m| m.key == *key);
        place.map(|i| PartyIndex(i as u16))
    }

    /// Index of the data party with this key.
    pub fn index_of(&self, key: &PublicKey) -> Option<PartyIndex> {
        let parties = &self.members[..self.parties.into()];
        parties
            .iter()
            .position(|m| m.key == *key)
            .map(|i| PartyIndex(i as u16))
    }

    /// Name of a data party, or `party 7` for an index past the roster.
    pub fn name(&self, index: PartyIndex) -> String {
        self.party(index)
            .map_or_else(|| index.to_string(), |m| m.name.clone())
    }

    /// What everyone signs.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// 1 to 63 of `a-z 0-9 -`, not beginning with `-`.
pub(crate) fn is_name(name: &str) -> bool {
    let plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=63).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with('-')
}
