//! The exchange of sub-shares through hands that must not see them.
//!
//! 1. Every party announces two public keys ([`announcement`]): one that sub-shares are sealed to, one that verifies its
//!    signature. Whoever runs the session brings all announcements to all parties, unchanged.
//! 2. Every party [`deals`](Exchange::deal): its N − 1 sub-shares, each sealed to its recipient, under one signature.
//!    Lists are [merged](Exchange::merge) along any tree, in any order, to the same bytes.
//! 3. Every party [receives](Exchange::receive) the list of all, checks all signatures, opens its own sub-shares and adds
//!    them up.
//!
//! Sealing is HPKE (RFC 9180) with X-Wing (ML-KEM-768 and X25519), TurboSHAKE128 and ChaCha20-Poly1305: what is recorded
//! on the way stays closed as long as one of the two holds. All randomness is a function of the share key and of all
//! public inputs, so that a restored party deals the same bytes. Keys and seals are bound to the session.
//!
//! *Limit.* A sub-share that opens and is wrong is noticed when it is used, not here.

use std::convert::Infallible;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::KdfTurboShake128;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use tacit_ckks::Parameters;
use tacit_ring::codec::{Reader, encoded_poly_len};
use tacit_ring::{Transcript, Xof};
use zeroize::Zeroizing;

use super::{SubShare, ThresholdSecret, split};
use crate::{MheError, PartySecret};

type SealKey = <XWing as Kem>::PublicKey;

const VERIFYING_LEN: usize = 32;
const SEALING_LEN: usize = 1216;
const ENCAPSULATED_LEN: usize = 1120;
const TAG_LEN: usize = 16;
const SIGNATURE_LEN: usize = 64;
const VERSION: u8 = 1;
const WHAT: &str = "sealed sub-shares";

/// Length of an [`announcement`] in bytes.
pub const ANNOUNCEMENT_LEN: usize = VERIFYING_LEN + SEALING_LEN;

/// A party's public keys for the exchange; public.
pub fn announcement(secret: &PartySecret) -> Vec<u8> {
    let (_, public) = sealing_key(secret);
    let mut out = signing_key(secret).verifying_key().as_bytes().to_vec();
    out.extend_from_slice(&public.to_bytes());
    out
}

fn signing_key(secret: &PartySecret) -> SigningKey {
    let mut seed = Zeroizing::new([0; 32]);
    let base = secret.child_share_key("mhe sub-share signature");
    base.expand().fill(&mut seed[..]);
    SigningKey::from_bytes(&seed)
}

fn sealing_key(secret: &PartySecret) -> (<XWing as Kem>::PrivateKey, SealKey) {
    let mut seed = Zeroizing::new([0; 32]);
    let base = secret.child_share_key("mhe sub-share opening");
    base.expand().fill(&mut seed[..]);
    XWing::derive_keypair(&seed[..])
}

/// One session's exchange, as one party sees it.
pub struct Exchange {
    params: Parameters,
    session: [u8; 32],
    me: u32,
    threshold: u32,
    keys: Vec<(VerifyingKey, SealKey)>,
    /// Digest of everything public: session, parameters, threshold, all announcements.
    context: [u8; 32],
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parties = self.keys.len();
        write!(f, "Exchange({} of {parties})", self.threshold)
    }
}

/// What one party dealt.
struct Dealt<'a> {
    from: u32,
    signature: [u8; SIGNATURE_LEN],
    sealed: &'a [u8],
}

impl Exchange {
    /// The exchange of `session` in which `announcements` were made, in the order of the parties.
    ///
    /// # Errors
    /// If the threshold is impossible, or an announcement is not two keys; the party is named.
    pub fn new(
        params: &Parameters,
        session: &[u8; 32],
        me: u32,
        threshold: u32,
        announcements: &[Vec<u8>],
    ) -> Result<Self, MheError> {
        let parties = announcements.len() as u32;
        if threshold == 0 || threshold > parties {
            return Err(MheError::Threshold { threshold, parties });
        }
        if me >= parties {
            let party = me;
            return Err(MheError::UnknownParty { party, parties });
        }
        let mut transcript = Transcript::new("mhe sub-share exchange");
        transcript
            .append(session)
            .append(params.digest())
            .append_u64(u64::from(threshold))
            .append_u64(u64::from(parties));
        let mut keys = Vec::with_capacity(announcements.len());
        for (party, bytes) in (0..).zip(announcements) {
            transcript.append(bytes);
            let refused = || {
                wrong(
                    party,
                    "announced no keys for sub-shares; it must run this plan's version",
                )
            };
            let (verifying, sealing) = bytes
                .split_first_chunk::<VERIFYING_LEN>()
                .ok_or_else(refused)?;
            let verifying = VerifyingKey::from_bytes(verifying).map_err(|_| refused())?;
            let sealing = SealKey::from_bytes(sealing).map_err(|_| refused())?;
            if verifying.is_weak() {
                return Err(refused());
            }
            keys.push((verifying, sealing));
        }
        Ok(Self {
            params: params.clone(),
            session: *session,
            me,
            threshold,
            keys,
            context: transcript.digest(),
        })
    }

    /// Size in bytes of the list of all parties: what everyone receives.
    pub fn encoded_len(params: &Parameters, parties: u32) -> u64 {
        let one = (0..parties).map(|from| (ENTRY_HEAD + body_len(params, from, parties)) as u64);
        5 + one.sum::<u64>()
    }

    /// This party's sub-shares, sealed: a list of one.
    pub fn deal(&self, secret: &PartySecret) -> Result<Vec<u8>, MheError> {
        let parties = self.keys.len() as u32;
        let (params, me) = (&self.params, self.me);
        let subs = split(params, secret, &self.session, me, self.threshold, parties)?;
        let base = secret.child_share_key("mhe sub-share sealing");
        let mut sealed = Vec::with_capacity(body_len(params, me, parties));
        for sub in subs.iter().filter(|sub| sub.to() != me) {
            let to = sub.to();
            let (_, key) = &self.keys[to as usize];
            let seed = base.child("mhe sub-share seal", [&self.context[..], &to.to_le_bytes()]);
            let plain = sub.to_secret_bytes(params);
            let (encapsulated, body) =
                hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, KdfTurboShake128, XWing>(
                    &OpModeS::Base,
                    key,
                    &self.context,
                    &plain,
                    &address(me, to),
                    &mut Stream(seed.expand()),
                )
                .map_err(|_| wrong(to, "announced a key that nothing can be sealed to"))?;
            sealed.extend_from_slice(&encapsulated.to_bytes());
            sealed.extend_from_slice(&body);
        }
        let message = self.message(me, &sealed);
        let signature = signing_key(secret).sign(&message).to_bytes();
        Ok(encode(&[Dealt {
            from: me,
            signature,
            sealed: &sealed,
        }]))
    }

    /// Adds a list to a list; on an error `into` is as it was.
    ///
    /// # Errors
    /// If a list is malformed, an entry is not signed by its dealer, or one is in both.
    pub fn merge(&self, into: &mut Vec<u8>, more: &[u8]) -> Result<(), MheError> {
        let mut all = self.decode(into)?;
        let others = self.decode(more)?;
        others.iter().try_for_each(|dealt| self.check(dealt))?;
        for other in others {
            match all.binary_search_by_key(&other.from, |dealt| dealt.from) {
                Ok(_) => return Err(wrong(other.from, "dealt twice")),
                Err(place) => all.insert(place, other),
            }
        }
        *into = encode(&all);
        Ok(())
    }

    /// Opens this party's sub-shares in the list of all parties and adds them up.
    ///
    /// # Errors
    /// If the list is not everyone's, or a sub-share does not open or is another's: its dealer is named.
    pub fn receive(&self, secret: &PartySecret, list: &[u8]) -> Result<ThresholdSecret, MheError> {
        let parties = self.keys.len() as u32;
        let (params, me) = (&self.params, self.me);
        let all = self.decode(list)?;
        if let Some(party) = (0..parties).find(|&p| all.get(p as usize).is_none_or(|d| d.from != p))
        {
            return Err(wrong(
                party,
                "dealt no sub-shares, and those of all parties are needed",
            ));
        }
        all.iter().try_for_each(|dealt| self.check(dealt))?;
        let (opening, _) = sealing_key(secret);
        let own = split(params, secret, &self.session, me, self.threshold, parties)?;
        let mut received = Vec::with_capacity(all.len());
        for dealt in all {
            let from = dealt.from;
            if from == me {
                let again = split(params, secret, &self.session, me, self.threshold, parties)?;
                received.extend(again.into_iter().filter(|sub| sub.to() == me));
                continue;
            }
            let refused = || wrong(from, "dealt a sub-share that its recipient cannot open");
            let before: usize = (0..me)
                .filter(|&to| to != from)
                .map(|to| sealed_len(params, from, to))
                .sum();
            let sealed = &dealt.sealed[before..before + sealed_len(params, from, me)];
            let (encapsulated, body) = sealed.split_at(ENCAPSULATED_LEN);
            let encapsulated = <XWing as Kem>::EncappedKey::from_bytes(encapsulated);
            let plain = hpke::single_shot_open::<ChaCha20Poly1305, KdfTurboShake128, XWing>(
                &OpModeR::Base,
                &opening,
                &encapsulated.map_err(|_| refused())?,
                &self.context,
                body,
                &address(from, me),
            );
            let plain = Zeroizing::new(plain.map_err(|_| refused())?);
            let sub = SubShare::from_secret_bytes(params, &plain).map_err(|_| {
                wrong(
                    from,
                    "dealt a sub-share of another form or of other parameters",
                )
            })?;
            if (sub.from(), sub.to()) != (from, me) || sub.seed.is_some() != (from < me) {
                return Err(wrong(from, "dealt a sub-share that is for somebody else"));
            }
            received.push(sub);
        }
        ThresholdSecret::combine(params, secret, me, self.threshold, &received, &own)
    }

    /// What a party says when it has received: the same of all parties that have the same list.
    pub fn receipt(&self, list: &[u8]) -> [u8; 32] {
        let mut transcript = Transcript::new("mhe sub-shares received");
        transcript.append(&self.context).append(list);
        transcript.digest()
    }

    fn message(&self, from: u32, sealed: &[u8]) -> Vec<u8> {
        let mut transcript = Transcript::new("mhe sub-shares dealt");
        transcript
            .append(&self.context)
            .append_u64(u64::from(from))
            .append(sealed);
        [b"tacit sub-shares v1\0".as_slice(), &transcript.digest()].concat()
    }

    fn check(&self, dealt: &Dealt<'_>) -> Result<(), MheError> {
        let (key, _) = &self.keys[dealt.from as usize];
        let message = self.message(dealt.from, dealt.sealed);
        key.verify_strict(&message, &Signature::from_bytes(&dealt.signature))
            .map_err(|_| wrong(dealt.from, "has not signed the sub-shares that it dealt"))
    }

    /// Entries in the order of the parties, each once and of the right length; signatures are not looked at.
    fn decode<'a>(&self, bytes: &'a [u8]) -> Result<Vec<Dealt<'a>>, MheError> {
        let parties = self.keys.len() as u32;
        let mut reader = Reader::new(WHAT, bytes);
        reader.tag(VERSION)?;
        let count = reader.u32()?;
        if count > parties {
            let party = count;
            return Err(MheError::UnknownParty { party, parties });
        }
        let mut all: Vec<Dealt<'a>> = Vec::with_capacity(count as usize);
        for _ in 0..count {
            let from = reader.u32()?;
            if from >= parties {
                let party = from;
                return Err(MheError::UnknownParty { party, parties });
            }
            if all.last().is_some_and(|before| before.from >= from) {
                return Err(wrong(from, "dealt twice, or is out of order"));
            }
            let signature = reader.array()?;
            let sealed = reader.take(body_len(&self.params, from, parties))?;
            all.push(Dealt {
                from,
                signature,
                sealed,
            });
        }
        reader.finish()?;
        Ok(all)
    }
}

const ENTRY_HEAD: usize = 4 + SIGNATURE_LEN;

fn encode(list: &[Dealt<'_>]) -> Vec<u8> {
    let bytes: usize = list.iter().map(|d| ENTRY_HEAD + d.sealed.len()).sum();
    let mut out = Vec::with_capacity(5 + bytes);
    out.push(VERSION);
    out.extend((list.len() as u32).to_le_bytes());
    for dealt in list {
        out.extend(dealt.from.to_le_bytes());
        out.extend(dealt.signature);
        out.extend_from_slice(dealt.sealed);
    }
    out
}

/// Bytes of one sealed sub-share; the lower index of a pair also sends its seed.
fn sealed_len(params: &Parameters, from: u32, to: u32) -> usize {
    let seed = if from < to { 32 } else { 0 };
    let plain = 10 + seed + encoded_poly_len(params.ring(), params.key_basis());
    ENCAPSULATED_LEN + plain + TAG_LEN
}

/// Bytes of all that a party deals.
fn body_len(params: &Parameters, from: u32, parties: u32) -> usize {
    let others = (0..parties).filter(|&to| to != from);
    others.map(|to| sealed_len(params, from, to)).sum()
}

fn address(from: u32, to: u32) -> [u8; 8] {
    let mut out = [0; 8];
    out[..4].copy_from_slice(&from.to_le_bytes());
    out[4..].copy_from_slice(&to.to_le_bytes());
    out
}

fn wrong(party: u32, problem: &'static str) -> MheError {
    MheError::Exchange { party, problem }
}

/// The randomness of one seal.
struct Stream(Xof);

impl hpke::rand_core::TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.next_u64() as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.next_u64())
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(out);
        Ok(())
    }
}

impl hpke::rand_core::TryCryptoRng for Stream {}

#[cfg(test)]
mod tests {
    use super::*;
    use tacit_ckks::ParametersLiteral;
    use tacit_ring::{RingKind, Seed};

    #[test]
    fn a_dealer_that_signs_what_its_recipient_cannot_open_is_named() {
        let params = Parameters::insecure_toy(&ParametersLiteral {
            kind: RingKind::ConjugateInvariant,
            log_n: 4,
            q_bits: vec![50],
            p_bits: vec![50],
            log_scale: 40,
        })
        .unwrap();
        let secret = |i| PartySecret::from_seed(&params, &Seed::from_bytes([i; 32]));
        let announced: Vec<Vec<u8>> = (0..3).map(|i| announcement(&secret(i))).collect();
        let exchange = |me| Exchange::new(&params, &[7; 32], me, 2, &announced).unwrap();
        let said = |bad: &Exchange, me: u32| {
            let mut list = bad.deal(&secret(1)).unwrap();
            for other in [0, 2] {
                let dealt = exchange(other).deal(&secret(other as u8)).unwrap();
                exchange(0).merge(&mut list, &dealt).unwrap();
            }
            let received = exchange(me).receive(&secret(me as u8), &list);
            received.map(drop).map_err(|e| e.to_string())
        };
        assert_eq!(said(&exchange(1), 0), Ok(()));

        // Sealed to another's key.
        let mut blind = exchange(1);
        blind.keys[0].1 = blind.keys[2].1.clone();
        let refused = said(&blind, 0).unwrap_err();
        assert!(
            refused.contains("party 1 dealt") && refused.contains("cannot open"),
            "{refused}"
        );
        assert_eq!(said(&blind, 2), Ok(()));
    }
}
