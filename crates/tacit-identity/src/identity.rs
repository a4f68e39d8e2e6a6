//! A site's own keys.

use std::fmt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use tacit_seal::{Unlock, file};
use tacit_session::IdentityKey;
use zeroize::Zeroizing;

use crate::certificate::Certificate;
use crate::error::Error;
use crate::request::CertificateRequest;
use crate::{MAX_FILE_BYTES, SiteRole};

const OWNER: &[u8] = b"tacit identity v1";
const VERSION: u8 = 1;

/// The keys of a site: one signs what the site says in sessions, the other speaks TLS. They are
/// made on the site, leave it never, and are on its disk only sealed.
///
/// Two keys, because they age differently: a TLS certificate is renewed every year
/// ([`Identity::renewed`]) without touching what the site has signed.
pub struct Identity {
    name: String,
    role: SiteRole,
    seed: Zeroizing<[u8; 32]>,
    tls_key: Zeroizing<Vec<u8>>,
    certificate: Certificate,
}

impl Identity {
    /// Makes both keys. The certificate begins `now` and is valid for so long.
    pub fn generate(
        name: &str,
        role: SiteRole,
        now: SystemTime,
        valid: Duration,
    ) -> Result<Self, Error> {
        if !is_name(name) {
            return Err(Error::Certificate {
                name: name.to_owned(),
                problem: "not a name; use 1 to 63 of a-z, 0-9 and `-`, beginning and ending with \
                          a letter or digit"
                    .into(),
            });
        }
        let (certificate, tls_key) = Certificate::generate(name, now, valid)?;
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut seed[..]).map_err(|e| tacit_session::Error::Entropy {
            problem: e.to_string(),
        })?;
        Ok(Self {
            name: name.to_owned(),
            role,
            seed,
            tls_key,
            certificate,
        })
    }

    /// The same signing key with a new TLS key and certificate.
    pub fn renewed(self, now: SystemTime, valid: Duration) -> Result<Self, Error> {
        let (certificate, tls_key) = Certificate::generate(&self.name, now, valid)?;
        Ok(Self {
            certificate,
            tls_key,
            ..self
        })
    }

    /// Writes a new identity, sealed. An identity that is there already is not overwritten.
    pub fn create(&self, path: impl AsRef<Path>, unlock: &Unlock) -> Result<(), Error> {
        Ok(file::create(path, &unlock.seal(&self.encode(), OWNER)?)?)
    }

    /// Writes the identity over the one that is there: after [`Identity::renewed`].
    pub fn replace(&self, path: impl AsRef<Path>, unlock: &Unlock) -> Result<(), Error> {
        Ok(file::replace(path, &unlock.seal(&self.encode(), OWNER)?)?)
    }

    /// Reads a sealed identity.
    pub fn open(path: impl AsRef<Path>, unlock: &Unlock) -> Result<Self, Error> {
        let sealed = file::read(path, MAX_FILE_BYTES)?;
        Self::decode(&unlock.open(&sealed, OWNER)?)
    }

    /// Name in the roster.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the site does.
    pub fn role(&self) -> SiteRole {
        self.role
    }

    /// What the site signs with in sessions.
    pub fn session_key(&self) -> IdentityKey {
        IdentityKey::from_seed(&self.seed)
    }

    /// What it shows in TLS.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The TLS key as PKCS #8, for the TLS library.
    pub fn tls_key(&self) -> &Zeroizing<Vec<u8>> {
        &self.tls_key
    }

    /// What the site sends to whoever issues the roster.
    pub fn request(&self) -> CertificateRequest {
        CertificateRequest::new(
            &self.name,
            self.role,
            &self.session_key(),
            &self.certificate,
        )
    }

    /// Version, role, seed, then TLS key and certificate, each after its length. The name is the
    /// certificate's.
    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let (key, der) = (&self.tls_key, self.certificate.der());
        // In one piece, so that no half-grown copy stays behind in memory.
        let mut out = Zeroizing::new(Vec::with_capacity(38 + key.len() + der.len()));
        out.extend([VERSION, self.role.code() as u8]);
        out.extend_from_slice(&self.seed[..]);
        for part in [&key[..], der] {
            out.extend((part.len() as u16).to_le_bytes());
            out.extend_from_slice(part);
        }
        out
    }

    fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let damaged = |problem| Error::Identity { problem };
        let mut left = bytes;
        let mut take = |len: usize| -> Result<&[u8], Error> {
            let (taken, rest) = left
                .split_at_checked(len)
                .ok_or(damaged("it ends too early"))?;
            left = rest;
            Ok(taken)
        };
        let head = take(2)?;
        if head[0] != VERSION {
            return Err(damaged("it has another version"));
        }
        let role = SiteRole::from_code(head[1]).ok_or(damaged("unknown role"))?;
        let mut seed = Zeroizing::new([0; 32]);
        seed.copy_from_slice(take(32)?);
        let len = take(2)?;
        let len = usize::from(u16::from_le_bytes([len[0], len[1]]));
        let tls_key = Zeroizing::new(take(len)?.to_vec());
        let len = take(2)?;
        let len = usize::from(u16::from_le_bytes([len[0], len[1]]));
        let certificate = Certificate::from_der(take(len)?).map_err(damaged)?;
        if !left.is_empty() {
            return Err(damaged("bytes after the end"));
        }
        Ok(Self {
            name: certificate.name().to_owned(),
            role,
            seed,
            tls_key,
            certificate,
        })
    }
}

/// Names are those of the session's roster that are host names too.
pub(crate) fn is_name(name: &str) -> bool {
    let plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=63).contains(&name.len())
        && name.bytes().all(plain)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("name", &self.name)
            .field("role", &self.role)
            .field("certificate", &self.certificate.fingerprint())
            .finish_non_exhaustive()
    }
}
