//! X.509 certificates for mutual TLS: made by the site itself, named by the roster.
//!
//! No authority signs them. The roster lists the very certificate a member uses, by fingerprint, and
//! the roster is what people compare and sign; an authority in between could only add a way to be
//! deceived.

use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ED25519,
};
use tacit_session::Digest;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use x509_parser::parse_x509_certificate;
use zeroize::Zeroizing;

use crate::error::Error;

/// Clocks that are wrong by less than this are forgiven at a certificate's beginning.
const CLOCK_SLACK: Duration = Duration::from_secs(3600);

/// Longest certificate that is read.
pub(crate) const MAX_BYTES: usize = 4096;

/// A site's TLS certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certificate {
    der: Vec<u8>,
    name: String,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
}

impl Certificate {
    /// Makes a key pair and a certificate for `name`. The key comes as PKCS #8.
    pub(crate) fn generate(
        name: &str,
        now: SystemTime,
        valid: Duration,
    ) -> Result<(Self, Zeroizing<Vec<u8>>), Error> {
        let problem = |problem: String| Error::Certificate {
            name: name.to_owned(),
            problem,
        };
        let failed = |error: rcgen::Error| problem(error.to_string());
        let key = KeyPair::generate_for(&PKCS_ED25519).map_err(failed)?;
        let mut params = CertificateParams::new(vec![name.to_owned()]).map_err(failed)?;
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, name.to_owned());
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let past = |_| problem("its validity is past the end of the calendar".into());
        params.not_before = OffsetDateTime::from(now.checked_sub(CLOCK_SLACK).unwrap_or(now));
        let seconds = time::Duration::try_from(valid).map_err(past)?;
        params.not_after = OffsetDateTime::from(now)
            .checked_add(seconds)
            .filter(|end| end.year() <= 9999)
            .ok_or_else(|| problem("its validity is past the end of the calendar".into()))?;
        let certificate = params.self_signed(&key).map_err(failed)?;
        let read = Self::from_der(certificate.der()).map_err(|e| problem(e.into()))?;
        Ok((read, Zeroizing::new(key.serialize_der())))
    }

    /// Reads a certificate that fills `der` and carries exactly one common name.
    pub fn from_der(der: &[u8]) -> Result<Self, &'static str> {
        if der.len() > MAX_BYTES {
            return Err("longer than 4096 bytes");
        }
        let (rest, parsed) = parse_x509_certificate(der).map_err(|_| "not an X.509 certificate")?;
        if !rest.is_empty() {
            return Err("bytes after the end");
        }
        let mut names = parsed.subject().iter_common_name();
        let name = match (names.next(), names.next()) {
            (Some(name), None) => name.as_str().map_err(|_| "its common name is not text")?,
            _ => return Err("it has not exactly one common name"),
        };
        let validity = parsed.validity();
        Ok(Self {
            name: name.to_owned(),
            not_before: validity.not_before.to_datetime(),
            not_after: validity.not_after.to_datetime(),
            der: der.to_vec(),
        })
    }

    /// The certificate as it stands on the wire.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Common name: the member's name in the roster.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// BLAKE3 of the certificate: how the roster names it.
    pub fn fingerprint(&self) -> Digest {
        Digest::of(&self.der)
    }

    /// From when it is valid.
    pub fn begins(&self) -> SystemTime {
        self.not_before.into()
    }

    /// Until when it is valid.
    pub fn ends(&self) -> SystemTime {
        self.not_after.into()
    }

    pub(crate) fn not_before(&self) -> OffsetDateTime {
        self.not_before
    }

    pub(crate) fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }
}

/// As people and rosters write times.
pub(crate) fn stamp(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_else(|_| at.to_string())
}
