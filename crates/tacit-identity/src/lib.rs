//! Who an organisation is: its keys, its certificate, and the roster that names it.
//!
//! ```text
//!   site                              issuer of the roster                every site
//!   Identity::generate ─ request.toml ─► compare fingerprints by voice
//!     (keys stay, sealed)                SignedRoster::issue ─ roster.toml ─► SignedRoster::open
//!                                                                             admit(certificate)
//! ```
//!
//! ```
//! use std::time::{Duration, SystemTime};
//! use tacit_identity::{Identity, SignedRoster, SiteRole};
//!
//! let (now, year) = (SystemTime::now(), Duration::from_secs(365 * 86_400));
//! let a = Identity::generate("hospital-a", SiteRole::Party, now, year)?;
//! let b = Identity::generate("hospital-b", SiteRole::Party, now, year)?;
//! let hub = Identity::generate("hub", SiteRole::Hub, now, year)?;
//!
//! // Requests travel; people compare `request.fingerprint()`. Hospital A issues the roster.
//! let requests = [a.request(), b.request(), hub.request()];
//! let issued = SignedRoster::issue(&a.session_key(), 1, &requests, vec![], now, year)?;
//!
//! // Everyone reads it under the issuer's key and asks it about the certificates that TLS shows.
//! let roster = SignedRoster::open(&issued.to_toml(), &a.session_key().public())?;
//! let site = roster.admit(b.certificate().der(), now, SiteRole::Party)?;
//! assert_eq!(site.name, "hospital-b");
//! assert_eq!(roster.session().parties(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! *Limits.* A roster is as true as the comparison of fingerprints was. Revocation takes effect at
//! a site when the new roster reaches it; give rosters a short life where that matters. Fingerprints
//! are BLAKE3, which `openssl` does not compute.
#![forbid(unsafe_code)]

mod certificate;
mod error;
mod identity;
mod request;
mod role;
mod roster;

pub use certificate::Certificate;
pub use error::{Error, Refusal};
pub use identity::Identity;
pub use request::{CertificateRequest, Fingerprint};
pub use role::SiteRole;
pub use roster::{Revocation, SignedRoster, Site};

/// Longest identity, request or roster that is read.
pub const MAX_FILE_BYTES: u64 = 1 << 20;
