//! What a site sends to whoever issues the roster.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use tacit_session::{Attestation, Digest, DigestWriter, IdentityKey, PublicKey};

use crate::certificate::Certificate;
use crate::error::Error;
use crate::{MAX_FILE_BYTES, SiteRole};

/// Name, role, signing key and certificate of a site, signed with that key: it says that these four
/// belong together. That the site is who it says it is, people find out by comparing
/// [fingerprints](Fingerprint) over another channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertificateRequest {
    name: String,
    role: SiteRole,
    key: PublicKey,
    certificate: Certificate,
    signature: Attestation,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestFile {
    schema: u32,
    name: String,
    role: SiteRole,
    key: String,
    certificate: String,
    signature: String,
}

impl CertificateRequest {
    pub(crate) fn new(
        name: &str,
        role: SiteRole,
        key: &IdentityKey,
        certificate: &Certificate,
    ) -> Self {
        let public = key.public();
        let digest = digest(name, role, &public, certificate);
        Self {
            name: name.to_owned(),
            role,
            key: public,
            certificate: certificate.clone(),
            signature: key.attest(digest),
        }
    }

    /// Reads a request and checks that its key signed it and that the certificate has its name.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let unreadable = |problem: String| Error::Request {
            name: None,
            problem,
        };
        if text.len() as u64 > MAX_FILE_BYTES {
            return Err(unreadable(format!("longer than {MAX_FILE_BYTES} bytes")));
        }
        let file: RequestFile = toml::from_str(text).map_err(|e| unreadable(e.to_string()))?;
        if file.schema != 1 {
            let problem = format!("schema {}, this program reads 1", file.schema);
            return Err(unreadable(problem));
        }
        let refuse = |problem: &str| Error::Request {
            name: Some(file.name.clone()),
            problem: problem.to_owned(),
        };
        let key = PublicKey::from_hex(&file.key)
            .ok_or_else(|| refuse("`key` is no Ed25519 public key"))?;
        let der = STANDARD
            .decode(&file.certificate)
            .map_err(|_| refuse("`certificate` is not base64"))?;
        let certificate = Certificate::from_der(&der).map_err(refuse)?;
        let signature = Attestation::from_hex(&file.signature)
            .ok_or_else(|| refuse("`signature` is not 128 hexadecimal digits"))?;
        if certificate.name() != file.name {
            return Err(refuse("its certificate carries another name"));
        }
        if !key.attested(
            digest(&file.name, file.role, &key, &certificate),
            &signature,
        ) {
            return Err(refuse("its own key did not sign it"));
        }
        Ok(Self {
            name: file.name,
            role: file.role,
            key,
            certificate,
            signature,
        })
    }

    /// Writes the request; nothing in it is secret.
    pub fn to_toml(&self) -> String {
        let file = RequestFile {
            schema: 1,
            name: self.name.clone(),
            role: self.role,
            key: self.key.to_string(),
            certificate: STANDARD.encode(self.certificate.der()),
            signature: self.signature.to_string(),
        };
        // Strings and integers only: serialising them has no failing case.
        toml::to_string(&file).unwrap_or_default()
    }

    /// Name the site wants to have.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it wants to do.
    pub fn role(&self) -> SiteRole {
        self.role
    }

    /// What it signs with.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// What it shows in TLS.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// What two people read to each other.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(digest(&self.name, self.role, &self.key, &self.certificate))
    }
}

fn digest(name: &str, role: SiteRole, key: &PublicKey, certificate: &Certificate) -> Digest {
    DigestWriter::new("tacit certificate request v1")
        .bytes(name.as_bytes())
        .u64(role.code())
        .bytes(key.as_bytes())
        .bytes(certificate.der())
        .finish()
}

/// 128 bits of a digest in eight groups, to be compared by voice or on paper.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fingerprint(pub(crate) Digest);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, group) in self.0.0[..16].chunks_exact(2).enumerate() {
            let dash = if place == 0 { "" } else { "-" };
            write!(f, "{dash}{:02x}{:02x}", group[0], group[1])?;
        }
        Ok(())
    }
}
