//! An authority in memory, for demonstrations, trials and tests. Its key is forgotten when it is
//! dropped, so that nobody can be added later: a service that lasts has its certificates from a
//! proper authority.

use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;

use super::tls::Credentials;
use crate::error::Error;

/// Clocks that are wrong by less than this are forgiven at a certificate's beginning.
const CLOCK_SLACK: Duration = Duration::from_secs(3600);

const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);

/// Signs certificates of servers and clients.
pub struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    ends: SystemTime,
}

impl Authority {
    /// A new key, a certificate of its own, and certificates that are valid from now for so long.
    pub fn generate(name: &str, valid: Duration) -> Result<Self, Error> {
        let ends = Some(valid).filter(|valid| *valid <= LONGEST);
        let ends = ends.and_then(|valid| SystemTime::now().checked_add(valid));
        let ends = ends.ok_or_else(|| failed(name, "it would be valid for over a century"))?;
        let key = KeyPair::generate().map_err(|e| failed(name, e))?;
        let mut params = params(name, vec![], ends)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).map_err(|e| failed(name, e))?;
        Ok(Self {
            certificate: certificate.der().clone(),
            issuer: Issuer::new(params, key),
            ends,
        })
    }

    /// The authority's own certificate: what the other side is given to trust.
    pub fn certificate(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    /// A certificate for a server that is reached under these names or addresses.
    pub fn server(&self, names: &[&str]) -> Result<Credentials, Error> {
        let name = names.first().copied().unwrap_or("server");
        let names = names.iter().map(|&name| name.to_owned()).collect();
        self.issue(name, names, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A certificate for a client of this name.
    pub fn client(&self, name: &str) -> Result<Credentials, Error> {
        self.issue(name, vec![], ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn issue(
        &self,
        name: &str,
        names: Vec<String>,
        purpose: ExtendedKeyUsagePurpose,
    ) -> Result<Credentials, Error> {
        let key = KeyPair::generate().map_err(|e| failed(name, e))?;
        let mut params = params(name, names, self.ends)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
        let certificate = params.signed_by(&key, &self.issuer);
        let certificate = certificate.map_err(|e| failed(name, e))?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok(Credentials::new(vec![certificate.der().clone()], key))
    }
}

fn params(name: &str, names: Vec<String>, ends: SystemTime) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::new(names).map_err(|e| failed(name, e))?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let now = SystemTime::now();
    params.not_before = OffsetDateTime::from(now.checked_sub(CLOCK_SLACK).unwrap_or(now));
    params.not_after = OffsetDateTime::from(ends);
    Ok(params)
}

fn failed(name: &str, problem: impl std::fmt::Display) -> Error {
    Error::Certificate {
        which: format!("the certificate of `{name}`"),
        problem: problem.to_string(),
    }
}
