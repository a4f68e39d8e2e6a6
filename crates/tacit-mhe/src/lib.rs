//! Multiparty CKKS: one key held by many.
//!
//! N parties hold additive shares s_i of a secret s = Σ s_i that exists nowhere (Mouchet,
//! Troncoso-Pastoriza, Bossuat and Hubaux, PoPETs 2021). Each protocol is a file and a type with
//! the same verbs ([`Protocol`]): `share` from a party's [`PartySecret`] and the public input,
//! `aggregate` along any tree, `finish` from the sum.
//!
//! | protocol | gives |
//! |---|---|
//! | [`CollectivePublicKey`] | the key everyone encrypts under |
//! | [`RelinearisationRoundOne`], [`RelinearisationRoundTwo`] | products |
//! | [`CollectiveGaloisKey`] | rotations |
//! | [`Refresh`] | new levels for a ciphertext, optionally through an exact linear map |
//! | [`KeySwitchToPublic`] | an answer that only a querier can read |
//! | [`KeySwitchToSecret`] | a ciphertext under another key of the same parties |
//! | [`Release`] | a plaintext, where the plan allows it |
//! | [`threshold`] | t-of-N: Shamir shares of the shares, sealed to their recipients; parties that stand by |
//!
//! Passive security with up to N − 1 colluding parties (t − 1 in threshold mode). Nothing here talks to a
//! network; all randomness of a share is a function of the party's share key and of *all* public
//! inputs of the instance, so a share is never made twice with different noise.

mod context;
mod error;
mod galois;
mod key_switch;
mod ledger;
mod public_key;
mod refresh;
mod relinearisation;
mod rerandomise;
mod secret;
mod share;
mod share_input;
pub mod threshold;
mod zero_share;

pub use context::{Instance, InstanceId, SessionContext};
pub use error::MheError;
pub use galois::CollectiveGaloisKey;
pub use key_switch::{KeySwitchToPublic, KeySwitchToSecret, Release};
pub use ledger::{Ledger, LedgerEntry, SharedLedger};
pub use public_key::CollectivePublicKey;
pub use refresh::{ExactMap, MaskBits, Refresh, SharedMap, wide_error_bits};
pub use relinearisation::{RelinearisationRoundOne, RelinearisationRoundTwo, RoundOneSum};
pub use rerandomise::Private;
pub use secret::PartySecret;
pub use share::{Protocol, Share, aggregate_all};
pub use share_input::ShareInput;
pub use tacit_ckks::noise::SmudgingBits;
