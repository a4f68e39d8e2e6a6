//! Mutual TLS 1.3 in which the roster, not an authority, says who is who.
//!
//! Both sides show the certificate whose fingerprint stands in the roster. The handshake proves
//! that the peer holds its key; [`SignedRoster::admit`] decides about the rest, on both sides, and
//! its reason goes to this side's log and, as a TLS alert, to the other.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, ServerConfig,
    SignatureScheme,
};
use tacit_identity::{Identity, Refusal, SignedRoster, SiteRole};

use super::census::RefusalClass;
use crate::error::Error;

/// Lets in those whom the roster has in one role.
struct Gate {
    roster: Arc<SignedRoster>,
    /// Any of these.
    roles: &'static [SiteRole],
    /// The hub that was dialled; any party will do at a hub.
    name: Option<String>,
    provider: Arc<CryptoProvider>,
    verdict: Verdict,
}

/// Why a gate let nobody in, for this side's log: the error of a handshake has no room for it.
#[derive(Clone, Default, Debug)]
pub(super) struct Verdict(Arc<OnceLock<(RefusalClass, String)>>);

impl Verdict {
    /// The reason of this side, if it was this side that refused; else what the error means.
    pub(super) fn explain(&self, error: &(dyn std::error::Error + 'static)) -> String {
        let own = self.0.get().map(|(_, why)| why.clone());
        own.unwrap_or_else(|| explain(error))
    }

    /// The kind of the reason.
    pub(super) fn class(&self, error: &(dyn std::error::Error + 'static)) -> RefusalClass {
        match self.0.get() {
            Some((class, _)) => *class,
            None if is_alert(error) => RefusalClass::ByPeer,
            None => RefusalClass::Handshake,
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gate({:?}, roster {})", self.roles, self.roster.serial())
    }
}

impl Gate {
    fn check(&self, certificate: &[u8], now: UnixTime) -> Result<(), rustls::Error> {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now.as_secs());
        let admit = |role: &SiteRole| self.roster.admit(certificate, now, *role);
        let mut admitted = admit(&self.roles[0]);
        for role in &self.roles[1..] {
            if matches!(admitted, Err(Refusal::WrongRole { .. })) {
                admitted = admit(role).or(admitted);
            }
        }
        let (class, why, error) = match admitted {
            Err(refusal) => (class(&refusal), refusal.to_string(), alert(&refusal)),
            Ok(site) => match &self.name {
                Some(name) if *name != site.name => (
                    RefusalClass::WrongRole,
                    format!(
                        "`{name}` was dialled and `{}` answers; correct the hub's address or name",
                        site.name
                    ),
                    CertificateError::NotValidForName,
                ),
                _ => return Ok(()),
            },
        };
        let _ = self.verdict.0.set((class, why));
        Err(rustls::Error::InvalidCertificate(error))
    }

    fn signed(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// The error whose alert tells the other side most.
fn alert(refusal: &Refusal) -> CertificateError {
    match refusal {
        Refusal::Unknown { .. } => CertificateError::UnknownIssuer,
        Refusal::Revoked { .. } => CertificateError::Revoked,
        Refusal::Expired { .. } => CertificateError::Expired,
        Refusal::NotYetValid { .. } => CertificateError::NotValidYet,
        _ => CertificateError::ApplicationVerificationFailure,
    }
}

fn class(refusal: &Refusal) -> RefusalClass {
    match refusal {
        Refusal::Revoked { .. } => RefusalClass::Revoked,
        Refusal::Expired { .. } => RefusalClass::Expired,
        Refusal::NotYetValid { .. } => RefusalClass::NotYetValid,
        Refusal::RosterExpired { .. } => RefusalClass::RosterExpired,
        Refusal::WrongRole { .. } => RefusalClass::WrongRole,
        _ => RefusalClass::Unknown,
    }
}

/// TLS 1.2 is not spoken.
fn no_tls12() -> rustls::Error {
    rustls::Error::General("TLS 1.2 is not spoken here; upgrade the other side".into())
}

impl ServerCertVerifier for Gate {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.check(certificate, now)
            .map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signed(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}

impl ClientCertVerifier for Gate {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.check(certificate, now)
            .map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(no_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.signed(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes()
    }
}

fn own(identity: &Identity) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let certificate = CertificateDer::from(identity.certificate().der().to_vec());
    let key = PrivatePkcs8KeyDer::from(identity.tls_key().to_vec());
    (vec![certificate], PrivateKeyDer::Pkcs8(key))
}

fn gate(
    roster: Arc<SignedRoster>,
    roles: &'static [SiteRole],
    name: Option<String>,
) -> (Arc<Gate>, Verdict) {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verdict = Verdict::default();
    let gate = Gate {
        roster,
        roles,
        name,
        provider,
        verdict: verdict.clone(),
    };
    (Arc::new(gate), verdict)
}

/// What a site shows to those that dial it.
pub(super) fn shown(identity: &Identity) -> Result<Arc<CertifiedKey>, Error> {
    let (certificate, key) = own(identity);
    let key = CertifiedKey::from_der(certificate, key, &aws_lc_rs::default_provider());
    Ok(Arc::new(key.map_err(Error::tls)?))
}

/// What a party speaks to the hub of this name, or to the party of this name that relays for it.
pub(super) fn client(
    identity: &Identity,
    roster: Arc<SignedRoster>,
    hub: &str,
) -> Result<(ClientConfig, Verdict), Error> {
    let relays = |s: &&tacit_identity::Site| s.name == hub && s.role == SiteRole::Party;
    let roles: &[SiteRole] = match roster.sites().iter().find(relays) {
        // By its name it is this party in any case; a hub in its place is told apart by its own.
        Some(_) => &[SiteRole::Party, SiteRole::Hub],
        None => &[SiteRole::Hub],
    };
    let (gate, verdict) = gate(roster, roles, Some(hub.to_owned()));
    let (certificate, key) = own(identity);
    let mut config = ClientConfig::builder_with_provider(gate.provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .and_then(|builder| {
            builder
                .dangerous()
                .with_custom_certificate_verifier(gate)
                .with_client_auth_cert(certificate, key)
        })
        .map_err(Error::tls)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok((config, verdict))
}

/// What a hub speaks to parties; made for each connection, so that each has its verdict.
pub(super) fn server(
    shown: Arc<CertifiedKey>,
    roster: Arc<SignedRoster>,
) -> Result<(ServerConfig, Verdict), Error> {
    let (gate, verdict) = gate(roster, &[SiteRole::Party, SiteRole::Querier], None);
    let mut config = ServerConfig::builder_with_provider(gate.provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(Error::tls)?
        .with_client_cert_verifier(gate)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
    config.alpn_protocols = vec![b"h2".to_vec()];
    // Every connection proves its certificate anew: a revoked one cannot resume.
    config.send_tls13_tickets = 0;
    Ok((config, verdict))
}

const ALERT: &str = "received fatal alert: ";

fn is_alert(error: &(dyn std::error::Error + 'static)) -> bool {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.into_iter().any(|e| e.to_string().contains(ALERT))
}

/// What an alert of the other side means, in words for this side's log. HTTP/2 keeps only the text
/// of what broke its connection, so the text is what is looked at.
fn explain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = Some(error);
    while let Some(error) = next {
        text = error.to_string();
        if let Some((_, alert)) = text.split_once(ALERT) {
            let why = match alert {
                "UnknownCA" => "its roster does not have this site's certificate",
                "CertificateRevoked" => "its roster has this site's certificate as revoked",
                "CertificateExpired" => {
                    "by its clock this site's certificate has expired or is not valid yet; compare the clocks"
                }
                "AccessDenied" => "its roster has this site in another role, or has expired",
                "BadCertificate" => "it dialled another site, or the clocks differ",
                "CertificateRequired" => "it wants a certificate, and none was shown",
                other => other,
            };
            return format!("the other side refuses: {why}; compare the rosters' fingerprints");
        }
        next = error.source();
    }
    text
}
