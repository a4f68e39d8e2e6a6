//! Who may ask: clients with a certificate of one authority, or with a bearer token.
//!
//! With certificates, nobody without one gets past the TLS handshake; serials on the list of the
//! revoked, and certificates that expire while a connection is open, are refused by name at each
//! request. With tokens, the server keeps BLAKE3 hashes only; a token has 256 random bits, so a
//! plain hash is no weaker than the token. The list is compared as a whole in constant time.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use http::HeaderValue;
use rustls::pki_types::CertificateDer;
use serde::Deserialize;
use subtle::{ConditionallySelectable, ConstantTimeEq};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use x509_parser::parse_x509_certificate;
use zeroize::Zeroizing;

use super::tls::read_file;
use crate::error::Error;
use crate::refusal::{Code, Refusal};

/// Whom a server answers.
#[derive(Debug)]
pub enum Clients {
    /// Those with a certificate that one of these authorities signed.
    Certificates {
        /// The authorities' certificates.
        authorities: Vec<CertificateDer<'static>>,
        /// Certificates that no longer count.
        revoked: Vec<Serial>,
    },
    /// Those with a token of this list.
    Tokens(TokenList),
}

impl Clients {
    /// Whose request this is.
    pub(crate) fn admit(
        &self,
        peer: Option<&Peer>,
        authorization: Option<&HeaderValue>,
        now: SystemTime,
    ) -> Result<Arc<str>, Refusal> {
        match self {
            Self::Certificates { revoked, .. } => {
                // A connection that began under tokens has shown none.
                let peer = peer.ok_or_else(|| {
                    let text = "certificates are wanted now; connect again with one";
                    Refusal::new(Code::CertificateMissing, text)
                })?;
                if revoked.contains(&peer.serial) {
                    let text = format!("certificate {} is revoked; ask for a new one", peer.serial);
                    return Err(Refusal::new(Code::CertificateRevoked, text));
                }
                if OffsetDateTime::from(now) > peer.not_after {
                    let text = "the certificate has expired; connect again with a renewed one";
                    return Err(Refusal::new(Code::CertificateExpired, text));
                }
                Ok(peer.name.clone())
            }
            Self::Tokens(list) => list.admit(authorization, now),
        }
    }
}

/// Serial number of a certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Serial(Vec<u8>);

impl Serial {
    fn new(bytes: &[u8]) -> Self {
        let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
        Self(bytes[zeros..].to_vec())
    }

    /// The serial of a certificate.
    pub fn of(certificate: &CertificateDer<'_>) -> Result<Self, Error> {
        Ok(Peer::read(certificate)?.serial)
    }

    /// Reads hexadecimal digits, with or without colons: as `openssl x509 -serial` prints them.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let digits = text.trim().replace(':', "");
        let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
        match bytes {
            Some(bytes) if !bytes.is_empty() && bytes.len() <= 32 => Ok(Self::new(&bytes)),
            _ => Err(Error::Setting {
                field: "revoked",
                problem: format!("`{text}` is not a serial in hexadecimal digits"),
            }),
        }
    }

    /// Reads a list, one serial a line; what follows a `#` is a remark.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, Error> {
        let lines = text
            .lines()
            .map(|line| line.split('#').next().unwrap_or(""));
        let serials = lines.filter(|line| !line.trim().is_empty());
        serials.map(Self::parse).collect()
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a client's certificate says.
pub(crate) struct Peer {
    name: Arc<str>,
    serial: Serial,
    not_after: OffsetDateTime,
}

impl Peer {
    pub(crate) fn read(certificate: &CertificateDer<'_>) -> Result<Self, Error> {
        let bad = |problem: &str| Error::Certificate {
            which: "a client's certificate".into(),
            problem: problem.into(),
        };
        let (_, parsed) =
            parse_x509_certificate(certificate).map_err(|_| bad("not an X.509 certificate"))?;
        let serial = Serial::new(parsed.raw_serial());
        let name = parsed.subject().iter_common_name().next();
        let name = name.and_then(|name| name.as_str().ok()).map(str::to_owned);
        Ok(Self {
            name: name.unwrap_or_else(|| serial.to_string()).into(),
            not_after: parsed.validity().not_after.to_datetime(),
            serial,
        })
    }
}

/// A bearer token: a client's secret.
pub struct Token(Zeroizing<String>);

impl Token {
    /// A new one, of 256 random bits.
    pub fn generate() -> Result<Self, Error> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(&mut bytes[..]).map_err(Error::system)?;
        let text = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self(Zeroizing::new(text)))
    }

    /// Reads a token: 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Error::Setting {
                field: "token",
                problem: "not 64 hexadecimal digits".into(),
            });
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The token itself, for the client's file and nowhere else.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The server's line for this token, in TOML.
    pub fn entry(&self, client: &str, expires: SystemTime) -> Result<String, Error> {
        let seconds = expires.duration_since(SystemTime::UNIX_EPOCH).ok();
        let seconds = seconds.and_then(|time| i64::try_from(time.as_secs()).ok());
        let time = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
        let expires = time.and_then(|time| time.format(&Rfc3339).ok());
        let expires = expires.ok_or_else(|| Error::Setting {
            field: "expires",
            problem: "not between the years 1970 and 9999".into(),
        })?;
        let hash = blake3::hash(self.0.as_bytes()).to_hex();
        let client = toml::Value::from(client);
        Ok(format!(
            "[[token]]\nclient = {client}\nblake3 = \"{hash}\"\nexpires = \"{expires}\"\n"
        ))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The tokens a server knows, as hashes.
#[derive(Debug)]
pub struct TokenList(Vec<Known>);

#[derive(Debug)]
struct Known {
    client: Arc<str>,
    hash: [u8; 32],
    expires: OffsetDateTime,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    token: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    client: String,
    blake3: String,
    expires: String,
}

impl TokenList {
    /// Reads a list: a `[[token]]` for each, as [`Token::entry`] writes it.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let bad = |problem| Error::Setting {
            field: "tokens",
            problem,
        };
        let file: File = toml::from_str(text).map_err(|e| bad(e.to_string()))?;
        let known = |line: Line| {
            let client = &line.client;
            let hash = blake3::Hash::from_hex(&line.blake3).map_err(|_| {
                bad(format!(
                    "the hash of `{client}` is not 64 hexadecimal digits"
                ))
            })?;
            let expires = OffsetDateTime::parse(&line.expires, &Rfc3339).map_err(|_| {
                let when = &line.expires;
                bad(format!(
                    "`{client}` expires at `{when}`, which is not an RFC 3339 time"
                ))
            })?;
            Ok(Known {
                client: line.client.into(),
                hash: *hash.as_bytes(),
                expires,
            })
        };
        let tokens = file
            .token
            .into_iter()
            .map(known)
            .collect::<Result<_, _>>()?;
        Ok(Self(tokens))
    }

    /// Reads a list from a file.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let text = String::from_utf8(read_file(path)?).map_err(|_| Error::File {
            path: path.into(),
            problem: "not UTF-8".into(),
        })?;
        Self::from_toml(&text)
    }

    fn admit(
        &self,
        authorization: Option<&HeaderValue>,
        now: SystemTime,
    ) -> Result<Arc<str>, Refusal> {
        let missing = || {
            let text = "no `authorization: Bearer` with a token of 64 hexadecimal digits";
            Refusal::new(Code::TokenMissing, text)
        };
        let token = authorization.map(HeaderValue::as_bytes);
        let token = token.and_then(|value| value.strip_prefix(b"Bearer "));
        let token = token
            .filter(|token| token.len() == 64)
            .ok_or_else(missing)?;
        let hash = blake3::hash(token);
        // All entries are compared, and which of them fits is chosen without a branch.
        let mut found = u32::MAX;
        for (index, known) in (0..).zip(&self.0) {
            found.conditional_assign(&index, known.hash.ct_eq(hash.as_bytes()));
        }
        let known = self.0.get(found as usize).ok_or_else(|| {
            let text = "this token is not on the list; ask the provider for one";
            Refusal::new(Code::TokenUnknown, text)
        })?;
        if OffsetDateTime::from(now) >= known.expires {
            let when = known.expires.format(&Rfc3339).unwrap_or_default();
            let text = format!("the token expired at {when}; ask the provider for a new one");
            return Err(Refusal::new(Code::TokenExpired, text));
        }
        Ok(known.client.clone())
    }
}
