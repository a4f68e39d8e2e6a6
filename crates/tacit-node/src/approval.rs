//! The file in which a site keeps its signature under a plan and a roster.

use serde::{Deserialize, Serialize};
use tacit_session::{Approval, Digest, IdentityKey, Plan, PublicKey, Roster};

use crate::error::Error;

/// A signature with what was signed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalFile {
    schema: u32,
    party: String,
    plan: String,
    roster: String,
    approval: String,
}

impl ApprovalFile {
    /// Signs a plan among the members of this roster. The key is that of one of its parties.
    pub fn sign(key: &IdentityKey, plan: &Plan, roster: &Roster) -> Result<Self, Error> {
        plan.validate()?;
        plan.check_roster(roster)?;
        let public = key.public();
        let me = roster
            .index_of(&public)
            .ok_or(tacit_session::Error::NotInRoster {
                key: Box::new(public),
            })?;
        let (plan, members) = (plan.digest()?, roster.digest());
        Ok(Self {
            schema: 1,
            party: roster.name(me),
            plan: plan.to_string(),
            roster: members.to_string(),
            approval: Approval::sign(key, plan, members).to_string(),
        })
    }

    /// Reads an approval.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let file: Self = toml::from_str(text).map_err(|e| Error::config("approval", e))?;
        if file.schema != 1 {
            let problem = format!("schema {}, this program reads 1", file.schema);
            return Err(Error::config("approval", problem));
        }
        Ok(file)
    }

    /// Writes it.
    pub fn to_toml(&self) -> String {
        // Strings and an integer: serialising them has no failing case.
        toml::to_string(self).unwrap_or_default()
    }

    /// Digest of the plan that was signed.
    pub fn plan(&self) -> &str {
        &self.plan
    }

    /// The signature, if it is that of `key` under exactly this plan and roster.
    pub fn check(&self, key: &PublicKey, plan: Digest, roster: Digest) -> Result<Approval, Error> {
        if self.plan != plan.to_string() {
            return Err(Error::NotApproved {
                approved: self.plan.clone(),
                found: plan.to_string(),
            });
        }
        if self.roster != roster.to_string() {
            let problem = "it is for a roster with other members or keys; sign the plan again";
            return Err(Error::config("approval", problem));
        }
        Approval::from_hex(&self.approval)
            .filter(|approval| approval.verifies(key, plan, roster))
            .ok_or_else(|| Error::config("approval", "the signature is not this site's"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacit_session::plan::{Release, ReleaseKind};
    use tacit_session::{Member, Role};

    fn plan() -> Plan {
        let mut plan = Plan::draft("p", "logistic", &["a", "b"]);
        plan.releases.push(Release {
            what: ReleaseKind::Statistics,
            to: vec!["a".into(), "b".into()],
            at_most: 1,
            precision_bits: 8,
        });
        plan
    }

    #[test]
    fn an_approval_holds_for_one_plan_one_roster_and_one_key() {
        let keys = [(); 2].map(|()| IdentityKey::generate().unwrap());
        let member = |(name, key): (&str, &IdentityKey)| Member {
            name: name.into(),
            role: Role::Party,
            key: key.public(),
        };
        let members: Vec<_> = ["a", "b"].into_iter().zip(&keys).map(member).collect();
        let roster = Roster::new(members).unwrap();
        let signed = ApprovalFile::sign(&keys[0], &plan(), &roster).unwrap();
        let read = ApprovalFile::from_toml(&signed.to_toml()).unwrap();
        assert_eq!(read, signed);
        let (digest, members) = (plan().digest().unwrap(), roster.digest());
        let me = keys[0].public();
        read.check(&me, digest, members).unwrap();

        let mut other = plan();
        other.min_rows += 1;
        let refused = read.check(&me, other.digest().unwrap(), members);
        assert!(matches!(refused, Err(Error::NotApproved { .. })));
        assert!(read.check(&me, digest, Digest::of(b"others")).is_err());
        assert!(read.check(&keys[1].public(), digest, members).is_err());
        let stranger = IdentityKey::generate().unwrap();
        assert!(ApprovalFile::sign(&stranger, &plan(), &roster).is_err());
    }
}
