//! A party's signature under a plan: without all of them nothing starts.
//!
//! What is signed is `H(plan digest, roster digest)`: the same plan with other people is another
//! plan. Approvals travel with the nonces of the opening and every party checks every one.

use std::fmt;

use crate::codec::{Reader, Writer};
use crate::digest::{Digest, from_hex, to_hex};
use crate::error::Error;
use crate::identity::{IdentityKey, PublicKey, SIGNATURE_LEN};

/// A signature under a plan and a roster.
#[derive(Clone, PartialEq, Eq)]
pub struct Approval([u8; SIGNATURE_LEN]);

impl Approval {
    /// Approves: the one act by which a party agrees to everything the plan says.
    pub fn sign(key: &IdentityKey, plan: Digest, roster: Digest) -> Self {
        Self(key.sign(&message(plan, roster)))
    }

    /// Whether the holder of `key` approved this plan with this roster.
    pub fn verifies(&self, key: &PublicKey, plan: Digest, roster: Digest) -> bool {
        key.verifies(&message(plan, roster), &self.0)
    }

    /// Reads the 128 hexadecimal digits of [`Approval::to_string`](ToString::to_string).
    pub fn from_hex(text: &str) -> Option<Self> {
        from_hex(text).map(Self)
    }

    pub(crate) fn encode(&self, out: &mut Writer) {
        out.raw(&self.0);
    }

    pub(crate) fn decode(from: &mut Reader<'_>) -> Result<Self, crate::DecodeError> {
        from.array().map(Self)
    }

    pub(crate) fn check(
        &self,
        name: &str,
        key: &PublicKey,
        plan: Digest,
        roster: Digest,
    ) -> Result<(), Error> {
        if self.verifies(key, plan, roster) {
            Ok(())
        } else {
            Err(Error::NotApproved {
                party: name.to_owned(),
                plan,
            })
        }
    }
}

fn message(plan: Digest, roster: Digest) -> Vec<u8> {
    [b"tacit approval v1\0".as_slice(), &plan.0, &roster.0].concat()
}

impl fmt::Display for Approval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for Approval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Approval({}…)", to_hex(&self.0[..6]))
    }
}
