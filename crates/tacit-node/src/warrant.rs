//! Who asks: a querier's signature over its query, seen by every party before it helps to answer.
//!
//! Without it a party could pass somebody's query off as its own, or have an answer switched to its own
//! key. The signature covers the plan, the encrypted rows and the key that the answer goes to.

use serde::{Deserialize, Serialize};
use tacit_session::{Attestation, Digest, DigestWriter, IdentityKey, Role, Roster};

/// A querier's signature with what was signed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Warrant {
    querier: String,
    rows: String,
    signature: String,
}

/// Longest warrant.
const MAX_BYTES: usize = 1024;

fn statement(plan: Digest, querier: &str, rows: &str, target: &[u8]) -> Digest {
    DigestWriter::new("tacit warrant of a query v1")
        .bytes(&plan.0)
        .bytes(querier.as_bytes())
        .bytes(rows.as_bytes())
        .bytes(target)
        .finish()
}

impl Warrant {
    /// Signs a query under a plan.
    pub fn sign(
        querier: &str,
        key: &IdentityKey,
        plan: Digest,
        rows: &[u8],
        target: &[u8],
    ) -> Self {
        let rows = Digest::of(rows).to_string();
        let signature = key.attest(statement(plan, querier, &rows, target));
        Self {
            querier: querier.to_owned(),
            signature: signature.to_string(),
            rows,
        }
    }

    /// As bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Strings only: serialising them has no failing case.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads a warrant and checks that a querier of the roster signed it, for this plan and target.
    pub fn check(
        bytes: &[u8],
        roster: &Roster,
        plan: Digest,
        target: &[u8],
    ) -> Result<Self, String> {
        if bytes.len() > MAX_BYTES {
            return Err(format!("a warrant of {} bytes", bytes.len()));
        }
        let warrant: Self =
            serde_json::from_slice(bytes).map_err(|e| format!("no warrant: {e}"))?;
        let name = &warrant.querier;
        let member = roster.members().iter().find(|m| m.name == *name);
        let Some(member) = member.filter(|m| m.role == Role::Querier) else {
            return Err(format!("`{name}` is no querier of the roster"));
        };
        let statement = statement(plan, name, &warrant.rows, target);
        let signed = Attestation::from_hex(&warrant.signature)
            .is_some_and(|signature| member.key.attested(statement, &signature));
        match signed {
            true => Ok(warrant),
            false => Err(format!("`{name}` did not sign this query")),
        }
    }

    /// Who asks.
    pub fn querier(&self) -> &str {
        &self.querier
    }

    /// Whether it speaks of these encrypted rows.
    pub fn is_of(&self, rows: &[u8]) -> bool {
        self.rows == Digest::of(rows).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacit_session::Member;

    #[test]
    fn a_warrant_holds_for_one_plan_one_target_and_a_querier_only() {
        let keys = [(); 4].map(|()| IdentityKey::generate().unwrap());
        let member = |name: &str, role, key: &IdentityKey| Member {
            name: name.into(),
            role,
            key: key.public(),
        };
        let members = vec![
            member("a", Role::Party, &keys[0]),
            member("b", Role::Party, &keys[1]),
            member("clinic", Role::Querier, &keys[2]),
        ];
        let roster = Roster::new(members).unwrap();
        let (plan, other) = (Digest::of(b"plan"), Digest::of(b"other"));
        let check =
            |bytes: &[u8], plan, target: &[u8]| Warrant::check(bytes, &roster, plan, target);
        let good = Warrant::sign("clinic", &keys[2], plan, b"rows", b"target").to_bytes();
        let warrant = check(&good, plan, b"target").unwrap();
        assert_eq!(warrant.querier(), "clinic");
        assert!(warrant.is_of(b"rows") && !warrant.is_of(b"others"));
        assert!(check(&good, other, b"target").is_err());
        assert!(check(&good, plan, b"my own key").is_err());
        assert!(check(b"", plan, b"target").is_err());
        let forged = Warrant::sign("clinic", &keys[3], plan, b"rows", b"target").to_bytes();
        assert!(check(&forged, plan, b"target").is_err());
        let party = Warrant::sign("a", &keys[0], plan, b"rows", b"target").to_bytes();
        assert!(
            check(&party, plan, b"target")
                .unwrap_err()
                .contains("no querier")
        );
    }
}
