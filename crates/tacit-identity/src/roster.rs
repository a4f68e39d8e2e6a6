//! The roster as it is issued: who takes part, with which certificate, said by whom.
//!
//! ```text
//! schema, serial, issued, expires, issuer
//! [[member]]   name, role, key, certificate (BLAKE3)
//! [[revoked]]  name, certificate (BLAKE3), reason
//! signature    of the issuer, over all of that
//! ```
//!
//! Plans and approvals speak of the [`Roster`] inside: names, roles and signing keys of parties and
//! queriers. A certificate that is renewed or revoked changes the signed roster and leaves the plans
//! approved.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tacit_session::{
    Attestation, Digest, DigestWriter, IdentityKey, Member, PartyIndex, PublicKey, Role, Roster,
};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::certificate::{Certificate, stamp};
use crate::error::{Error, Refusal};
use crate::identity::is_name;
use crate::request::{CertificateRequest, Fingerprint};
use crate::{MAX_FILE_BYTES, SiteRole};

/// One line of the roster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Site {
    /// Name.
    pub name: String,
    /// What it does.
    pub role: SiteRole,
    /// What it signs with.
    pub key: PublicKey,
    /// [`Certificate::fingerprint`] of what it shows in TLS.
    pub certificate: Digest,
}

/// A certificate that is not to be trusted any more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revocation {
    /// Whose it was.
    pub name: String,
    /// Its fingerprint.
    pub certificate: Digest,
    /// Why, in words for the log of the one who is refused.
    pub reason: String,
}

/// A roster with the signature of its issuer, checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedRoster {
    serial: u64,
    issued: OffsetDateTime,
    expires: OffsetDateTime,
    issuer: PublicKey,
    sites: Vec<Site>,
    revoked: Vec<Revocation>,
    session: Arc<Roster>,
    signature: Attestation,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    serial: u64,
    issued: String,
    expires: String,
    issuer: String,
    signature: String,
    #[serde(rename = "member")]
    members: Vec<MemberLine>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    revoked: Vec<RevokedLine>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberLine {
    name: String,
    role: SiteRole,
    key: String,
    certificate: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RevokedLine {
    name: String,
    certificate: String,
    reason: String,
}

impl SignedRoster {
    /// Signs a roster of the sites whose requests people have compared. Parties keep the order in
    /// which they are given (the first is the root), queriers and hubs follow. `serial` is larger
    /// than that of every roster this key has issued.
    pub fn issue(
        issuer: &IdentityKey,
        serial: u64,
        requests: &[CertificateRequest],
        revoked: Vec<Revocation>,
        now: SystemTime,
        valid: Duration,
    ) -> Result<Self, Error> {
        let mut sites: Vec<Site> = requests
            .iter()
            .map(|request| Site {
                name: request.name().to_owned(),
                role: request.role(),
                key: *request.key(),
                certificate: request.certificate().fingerprint(),
            })
            .collect();
        sites.sort_by_key(|site| site.role);
        Self::sign(issuer, serial, sites, revoked, now, valid)
    }

    fn sign(
        issuer: &IdentityKey,
        serial: u64,
        sites: Vec<Site>,
        revoked: Vec<Revocation>,
        now: SystemTime,
        valid: Duration,
    ) -> Result<Self, Error> {
        // Whole seconds are what the file holds.
        let issued = OffsetDateTime::from(now).truncate_to_second();
        let expires = time::Duration::try_from(valid)
            .ok()
            .and_then(|valid| issued.checked_add(valid))
            .filter(|end| end.year() <= 9999)
            .ok_or_else(|| refused("its validity is past the calendar", "give it some years"))?
            .truncate_to_second();
        let digest = digest(serial, issued, expires, &issuer.public(), &sites, &revoked);
        Self::checked(
            serial,
            (issued, expires),
            issuer.public(),
            sites,
            revoked,
            issuer.attest(digest),
        )
    }

    /// Signs this roster again, with its parties in their places: a member in `renewed` has the
    /// certificate of its request from now on, one in `revoked` (name and reason) loses the one it has
    /// here, and its place if it has no new one. What was revoked stays revoked.
    pub fn reissue(
        &self,
        issuer: &IdentityKey,
        serial: u64,
        renewed: &[CertificateRequest],
        revoked: &[(String, String)],
        (now, valid): (SystemTime, Duration),
    ) -> Result<Self, Error> {
        if serial <= self.serial {
            let problem = format!("serial {serial} is not above {}", self.serial);
            return Err(refused(&problem, "give the next number"));
        }
        let mut sites = self.sites.clone();
        let mut lines = self.revoked.clone();
        let unknown = |name: &str| {
            let problem = format!("`{name}` is not a member");
            refused(&problem, "compare the names with `tacit roster show`")
        };
        for (name, reason) in revoked {
            let site = sites.iter().find(|site| site.name == *name);
            let site = site.ok_or_else(|| unknown(name))?;
            lines.push(Revocation {
                name: name.clone(),
                certificate: site.certificate,
                reason: reason.clone(),
            });
        }
        for request in renewed {
            let site = sites.iter_mut().find(|site| site.name == request.name());
            let site = site.ok_or_else(|| unknown(request.name()))?;
            if site.key != *request.key() || site.role != request.role() {
                let problem = format!("`{}` comes with another key or role", site.name);
                let remedy = "it is another identity; issue a roster of all requests, and have plans \
                              approved again";
                return Err(refused(&problem, remedy));
            }
            site.certificate = request.certificate().fingerprint();
        }
        sites.retain(|site| {
            lines
                .iter()
                .all(|line| line.certificate != site.certificate)
        });
        Self::sign(issuer, serial, sites, lines, now, valid)
    }

    /// Reads a signed roster and checks it against the key of the issuer, which this site has from
    /// the issuer itself.
    pub fn open(text: &str, issuer: &PublicKey) -> Result<Self, Error> {
        if text.len() as u64 > MAX_FILE_BYTES {
            let problem = format!("longer than {MAX_FILE_BYTES} bytes");
            return Err(refused(&problem, "ask the issuer for it again"));
        }
        let again = "ask the issuer for it again";
        let file: File = toml::from_str(text).map_err(|e| refused(&e.to_string(), again))?;
        if file.schema != 1 {
            let problem = format!("schema {}, this program reads 1", file.schema);
            return Err(refused(&problem, "upgrade the older side"));
        }
        if PublicKey::from_hex(&file.issuer).as_ref() != Some(issuer) {
            let problem = format!("issued by {}, expected {issuer}", file.issuer);
            return Err(refused(
                &problem,
                "compare the issuer's key with the issuer",
            ));
        }
        let field = |name: &str, what: &str| refused(&format!("`{name}`: {what}"), again);
        let time = |text: &str| {
            OffsetDateTime::parse(text, &Rfc3339).map_err(|_| field(text, "not a time"))
        };
        let hash = |name: &str, text: &str| {
            Digest::from_hex(text).ok_or_else(|| field(name, "not a certificate's fingerprint"))
        };
        let mut sites = Vec::new();
        for line in file.members {
            sites.push(Site {
                key: PublicKey::from_hex(&line.key)
                    .ok_or_else(|| field(&line.name, "`key` is no Ed25519 public key"))?,
                certificate: hash(&line.name, &line.certificate)?,
                role: line.role,
                name: line.name,
            });
        }
        let mut revoked = Vec::new();
        for line in file.revoked {
            revoked.push(Revocation {
                certificate: hash(&line.name, &line.certificate)?,
                name: line.name,
                reason: line.reason,
            });
        }
        let signature = Attestation::from_hex(&file.signature)
            .ok_or_else(|| field("signature", "not 128 hexadecimal digits"))?;
        let times = (time(&file.issued)?, time(&file.expires)?);
        Self::checked(file.serial, times, *issuer, sites, revoked, signature)
    }

    fn checked(
        serial: u64,
        (issued, expires): (OffsetDateTime, OffsetDateTime),
        issuer: PublicKey,
        sites: Vec<Site>,
        revoked: Vec<Revocation>,
        signature: Attestation,
    ) -> Result<Self, Error> {
        let digest = digest(serial, issued, expires, &issuer, &sites, &revoked);
        if !issuer.attested(digest, &signature) {
            let remedy = "it was changed after it was signed; ask the issuer for it again";
            return Err(refused("the signature does not match", remedy));
        }
        let (mut names, mut seen) = (HashSet::new(), HashSet::new());
        for site in &sites {
            let problem = |what: &str| format!("`{}`: {what}", site.name);
            if !is_name(&site.name) {
                return Err(refused(&problem("not a name"), "ask for another request"));
            }
            let fresh = names.insert(site.name.as_str())
                && seen.insert(site.certificate.0)
                && seen.insert(*site.key.as_bytes());
            if !fresh {
                let remedy = "every site has its own, once";
                let problem = problem("its name, key or certificate is also another's");
                return Err(refused(&problem, remedy));
            }
            if revoked.iter().any(|r| r.certificate == site.certificate) {
                let remedy = "ask the site for a request with a new certificate";
                return Err(refused(&problem("its certificate is revoked"), remedy));
            }
        }
        if !sites.is_sorted_by_key(|site| site.role) {
            return Err(refused(
                "members out of order",
                "parties first, then queriers, then hubs",
            ));
        }
        let member = |site: &Site| {
            let role = match site.role {
                SiteRole::Party => Role::Party,
                SiteRole::Querier => Role::Querier,
                SiteRole::Hub => return None,
            };
            let (name, key) = (site.name.clone(), site.key);
            Some(Member { name, role, key })
        };
        let session = Arc::new(Roster::new(sites.iter().filter_map(member).collect())?);
        Ok(Self {
            serial,
            issued,
            expires,
            issuer,
            sites,
            revoked,
            session,
            signature,
        })
    }

    /// Writes the file that goes to every site.
    pub fn to_toml(&self) -> String {
        let file = File {
            schema: 1,
            serial: self.serial,
            issued: stamp(self.issued),
            expires: stamp(self.expires),
            issuer: self.issuer.to_string(),
            signature: self.signature.to_string(),
            members: self
                .sites
                .iter()
                .map(|site| MemberLine {
                    name: site.name.clone(),
                    role: site.role,
                    key: site.key.to_string(),
                    certificate: site.certificate.to_string(),
                })
                .collect(),
            revoked: self
                .revoked
                .iter()
                .map(|line| RevokedLine {
                    name: line.name.clone(),
                    certificate: line.certificate.to_string(),
                    reason: line.reason.clone(),
                })
                .collect(),
        };
        // Strings and integers only: serialising them has no failing case.
        toml::to_string(&file).unwrap_or_default()
    }

    /// Refuses a roster that is older than one already seen here: an old roster would bring revoked
    /// certificates back.
    pub fn check_not_older_than(&self, seen: u64) -> Result<(), Error> {
        if self.serial >= seen {
            return Ok(());
        }
        let problem = format!("serial {}, but {seen} was already seen here", self.serial);
        Err(refused(&problem, "use the newest roster of its issuer"))
    }

    /// Decides about a certificate that a peer has shown (and, by the TLS handshake, owns): it is
    /// that of a member in this role, neither revoked nor out of its time.
    pub fn admit(&self, der: &[u8], now: SystemTime, role: SiteRole) -> Result<&Site, Refusal> {
        let now = OffsetDateTime::from(now);
        let fingerprint = Digest::of(der);
        if let Some(line) = self.revoked.iter().find(|r| r.certificate == fingerprint) {
            return Err(Refusal::Revoked {
                name: line.name.clone(),
                reason: line.reason.clone(),
            });
        }
        let known = self.sites.iter().find(|s| s.certificate == fingerprint);
        let (Some(site), Ok(certificate)) = (known, Certificate::from_der(der)) else {
            return Err(Refusal::Unknown {
                fingerprint: fingerprint.to_string(),
                serial: self.serial,
            });
        };
        let name = site.name.clone();
        if now > self.expires {
            return Err(Refusal::RosterExpired {
                serial: self.serial,
                at: stamp(self.expires),
            });
        }
        if now > certificate.not_after() {
            let at = stamp(certificate.not_after());
            return Err(Refusal::Expired { name, at });
        }
        if now < certificate.not_before() {
            let from = stamp(certificate.not_before());
            return Err(Refusal::NotYetValid { name, from });
        }
        if site.role != role {
            return Err(Refusal::WrongRole {
                name,
                found: site.role,
                expected: role,
            });
        }
        Ok(site)
    }

    /// The part that plans and approvals speak of.
    pub fn session(&self) -> &Arc<Roster> {
        &self.session
    }

    /// Place of a party in the session.
    pub fn party(&self, site: &Site) -> Option<PartyIndex> {
        self.session.index_of(&site.key)
    }

    /// Place of a party or querier among the members of the session.
    pub fn place(&self, site: &Site) -> Option<PartyIndex> {
        self.session.place_of(&site.key)
    }

    /// Everyone: parties, queriers, hubs.
    pub fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// Grows with every roster of an issuer.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// Until when it is to be used.
    pub fn ends(&self) -> SystemTime {
        self.expires.into()
    }

    /// Certificates that are not to be trusted any more.
    pub fn revoked(&self) -> &[Revocation] {
        &self.revoked
    }

    /// What two people read to each other to see that they hold the same roster.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(digest(
            self.serial,
            self.issued,
            self.expires,
            &self.issuer,
            &self.sites,
            &self.revoked,
        ))
    }
}

fn refused(problem: &str, remedy: &'static str) -> Error {
    Error::Roster {
        problem: problem.to_owned(),
        remedy,
    }
}

fn digest(
    serial: u64,
    issued: OffsetDateTime,
    expires: OffsetDateTime,
    issuer: &PublicKey,
    sites: &[Site],
    revoked: &[Revocation],
) -> Digest {
    let mut hash = DigestWriter::new("tacit signed roster v1")
        .u64(serial)
        .bytes(stamp(issued).as_bytes())
        .bytes(stamp(expires).as_bytes())
        .bytes(issuer.as_bytes())
        .u64(sites.len() as u64);
    for site in sites {
        hash = hash
            .bytes(site.name.as_bytes())
            .u64(site.role.code())
            .bytes(site.key.as_bytes())
            .bytes(&site.certificate.0);
    }
    hash = hash.u64(revoked.len() as u64);
    for line in revoked {
        hash = hash
            .bytes(line.name.as_bytes())
            .bytes(&line.certificate.0)
            .bytes(line.reason.as_bytes());
    }
    hash.finish()
}
