//! TLS 1.3, HTTP/2 inside it, and nothing older.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig, version::TLS13};
use zeroize::Zeroizing;

use super::admission::Clients;
use crate::error::Error;

/// Longest certificate, key, token or limits file that is read.
const MAX_FILE_BYTES: u64 = 1 << 20;
const HTTP_2: &[u8] = b"h2";

/// A certificate, what leads from it to its authority, and its private key.
pub struct Credentials {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Credentials {
    /// A chain that begins with the own certificate, and the key that belongs to it.
    pub fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Self {
        Self { chain, key }
    }

    /// Reads two PEM files.
    pub fn read(certificate: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, Error> {
        let key = key.as_ref();
        let pem = Zeroizing::new(read_file(key)?);
        Ok(Self {
            chain: read_certificates(certificate)?,
            key: PrivateKeyDer::from_pem_slice(&pem).map_err(|e| Error::File {
                path: key.into(),
                problem: format!("no private key in PEM: {e}"),
            })?,
        })
    }

    /// Both as PEM: the chain, and the key, which is erased when it is dropped.
    pub fn to_pem(&self) -> (String, Zeroizing<String>) {
        let key = match &self.key {
            PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
            PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
            _ => "PRIVATE KEY",
        };
        let key = pem::Pem::new(key, self.key.secret_der());
        let text = Zeroizing::new(pem::encode(&key));
        // The parsed copy is erased too.
        drop(Zeroizing::new(key.into_contents()));
        (certificates_to_pem(&self.chain), text)
    }

    /// The certificate itself.
    pub fn certificate(&self) -> Option<&CertificateDer<'static>> {
        self.chain.first()
    }
}

impl Clone for Credentials {
    fn clone(&self) -> Self {
        Self {
            chain: self.chain.clone(),
            key: self.key.clone_key(),
        }
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({} certificates, key …)", self.chain.len())
    }
}

/// Reads the certificates of a PEM file: a chain, or authorities.
pub fn read_certificates(path: impl AsRef<Path>) -> Result<Vec<CertificateDer<'static>>, Error> {
    let path = path.as_ref();
    let bad = |problem| Error::File {
        path: path.into(),
        problem,
    };
    let pem = read_file(path)?;
    let certificates = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|e| bad(format!("not PEM: {e}")))?;
    if certificates.is_empty() {
        return Err(bad("no certificate in PEM".into()));
    }
    Ok(certificates)
}

/// Certificates as PEM, one after the other.
pub fn certificates_to_pem(certificates: &[CertificateDer<'_>]) -> String {
    let each = certificates.iter();
    each.map(|certificate| pem::encode(&pem::Pem::new("CERTIFICATE", certificate.as_ref())))
        .collect()
}

pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    let bad = |problem| Error::File {
        path: path.into(),
        problem,
    };
    let length = std::fs::metadata(path)
        .map_err(|e| bad(e.to_string()))?
        .len();
    if length > MAX_FILE_BYTES {
        return Err(bad(format!(
            "{length} bytes; at most {MAX_FILE_BYTES} are read"
        )));
    }
    std::fs::read(path).map_err(|e| bad(e.to_string()))
}

fn roots(authorities: &[CertificateDer<'static>]) -> Result<Arc<RootCertStore>, Error> {
    let bad = |problem| Error::Certificate {
        which: "an authority".into(),
        problem,
    };
    let mut store = RootCertStore::empty();
    for authority in authorities {
        store
            .add(authority.clone())
            .map_err(|e| bad(e.to_string()))?;
    }
    if store.is_empty() {
        return Err(bad("none is given, so nobody could be trusted".into()));
    }
    Ok(Arc::new(store))
}

/// The server's side: clients must show a certificate, or none is looked at.
pub(crate) fn server(
    credentials: &Credentials,
    clients: &Clients,
) -> Result<Arc<ServerConfig>, Error> {
    let bad = |which: &str, e: &dyn std::fmt::Display| Error::Certificate {
        which: which.into(),
        problem: e.to_string(),
    };
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])
        .map_err(|e| bad("TLS", &e))?;
    let builder = match clients {
        Clients::Certificates { authorities, .. } => {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(roots(authorities)?, provider)
                    .build()
                    .map_err(|e| bad("the clients' authority", &e))?;
            builder.with_client_cert_verifier(verifier)
        }
        Clients::Tokens(_) => builder.with_no_client_auth(),
    };
    let Credentials { chain, key } = credentials.clone();
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|e| bad("the server's certificate and key", &e))?;
    config.alpn_protocols = vec![HTTP_2.to_vec()];
    Ok(Arc::new(config))
}

/// The client's side: the server's certificate must be of the given authority and of its name.
pub(crate) fn client(
    authorities: &[CertificateDer<'static>],
    credentials: Option<&Credentials>,
) -> Result<Arc<ClientConfig>, Error> {
    let bad = |which: &str, e: rustls::Error| Error::Certificate {
        which: which.into(),
        problem: e.to_string(),
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13])
        .map_err(|e| bad("TLS", e))?
        .with_root_certificates(roots(authorities)?);
    let mut config = match credentials.cloned() {
        Some(Credentials { chain, key }) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|e| bad("the client's certificate and key", e))?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![HTTP_2.to_vec()];
    Ok(Arc::new(config))
}
