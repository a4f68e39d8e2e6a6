//! t-of-N: any t parties can act for all (Mouchet, Bertrand and Hubaux, ePrint 2022/780).
//!
//! Each party i splits its additive share s_i by Shamir's scheme over R_QP, evaluating a
//! polynomial f_i of degree t − 1 with f_i(0) = s_i at the points 1 … N; party j keeps
//! S_j = Σ_i f_i(j + 1). For an active set A of t parties, Σ_{j∈A} ℓ_j·S_j = s with the Lagrange weights ℓ_j, so
//! ℓ_j·S_j is party j's additive share in every protocol, under pairwise zero-shares.
//!
//! t − 1 colluders learn nothing; unlike N-of-N, t colluders learn the key. The plan says which.
//!
//! A party outside of the active set can still take part, with nothing of the key
//! ([`ThresholdSecret::stand_by`]): its shares bring masks and flooding and leave every sum what it is. How sub-shares
//! reach their recipients is the business of [`Exchange`].

mod exchange;

pub use exchange::{ANNOUNCEMENT_LEN, Exchange, announcement};

use crate::ledger::SharedLedger;
use crate::zero_share::ZeroShare;
use crate::{MheError, PartySecret};
use std::collections::BTreeMap;
use tacit_ckks::{Parameters, SecretKey};
use tacit_ring::codec::{Reader, encoded_poly_len, write_poly};
use tacit_ring::{Ntt, RnsPoly, SecretPoly, Seed, sample};

/// What party i sends to party j, over a confidential channel: f_i(j + 1), and the seed of their zero-shares.
///
/// Erased on drop; encoding it is explicit, for the encrypted channel and the sealed journal only.
pub struct SubShare {
    from: u32,
    to: u32,
    value: SecretPoly<Ntt>,
    /// Only from the lower index to the higher: the pair's common seed.
    seed: Option<Seed>,
}

impl std::fmt::Debug for SubShare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SubShare({} to {}, redacted)", self.from, self.to)
    }
}

impl SubShare {
    /// The party that made it.
    pub fn from(&self) -> u32 {
        self.from
    }

    /// The party it is for.
    pub fn to(&self) -> u32 {
        self.to
    }

    /// Bytes for an encrypted channel. The caller must seal them.
    pub fn to_secret_bytes(&self, params: &Parameters) -> zeroize::Zeroizing<Vec<u8>> {
        let basis = params.key_basis();
        let mut out = Vec::with_capacity(42 + encoded_poly_len(params.ring(), basis));
        out.push(1);
        out.extend(self.from.to_le_bytes());
        out.extend(self.to.to_le_bytes());
        out.push(self.seed.is_some() as u8);
        if let Some(seed) = &self.seed {
            out.extend(seed.to_public_bytes());
        }
        write_poly(&mut out, params.ring(), &self.value);
        zeroize::Zeroizing::new(out)
    }

    /// Strict inverse of [`Self::to_secret_bytes`].
    pub fn from_secret_bytes(params: &Parameters, bytes: &[u8]) -> Result<Self, MheError> {
        let mut reader = Reader::new("Shamir sub-share", bytes);
        reader.tag(1)?;
        let (from, to) = (reader.u32()?, reader.u32()?);
        let seed = match reader.u8()? {
            0 => None,
            1 => Some(Seed::from_bytes(reader.array()?)),
            found => {
                let what = "Shamir sub-share seed flag";
                return Err(tacit_ring::DecodeError::Field {
                    what,
                    found: found as u64,
                    expected: 1,
                }
                .into());
            }
        };
        let value = SecretPoly::new(reader.poly(params.ring(), params.key_basis())?);
        reader.finish()?;
        Ok(Self {
            from,
            to,
            value,
            seed,
        })
    }
}

/// Splits the secret of party `party` among `parties`, of which any `threshold` can act.
///
/// Deterministic in the party's share key and the session, so that a restored party sends the same sub-shares.
pub fn split(
    params: &Parameters,
    secret: &PartySecret,
    session: &[u8; 32],
    party: u32,
    threshold: u32,
    parties: u32,
) -> Result<Vec<SubShare>, MheError> {
    if threshold == 0 || threshold > parties {
        return Err(MheError::Threshold { threshold, parties });
    }
    if party >= parties {
        return Err(MheError::UnknownParty { party, parties });
    }
    let ring = params.ring();
    let basis = params.key_basis();
    let base = secret.child_share_key("mhe shamir");
    let mut xof = base
        .child("mhe shamir coefficients", [session.as_slice()])
        .expand();
    let coefficients: Vec<SecretPoly<Ntt>> = (1..threshold)
        .map(|_| SecretPoly::new(sample::uniform(ring, basis, &mut xof)))
        .collect();
    Ok((0..parties)
        .map(|to| {
            // Horner at the point to + 1.
            let point = to as u64 + 1;
            let mut value = SecretPoly::new(ring.zero(basis));
            for coefficient in coefficients.iter().rev() {
                ring.add_assign(&mut value, coefficient);
                ring.mul_scalar_assign(&mut value, |_| point);
            }
            ring.add_assign(&mut value, secret.key().poly());
            let seed = (party < to)
                .then(|| base.child("mhe pair seed", [session.as_slice(), &to.to_le_bytes()]));
            SubShare {
                from: party,
                to,
                value,
                seed,
            }
        })
        .collect())
}

/// A party's place in the threshold scheme: its Shamir share of the collective key.
pub struct ThresholdSecret {
    party: u32,
    threshold: u32,
    parties: u32,
    share: SecretPoly<Ntt>,
    seeds: BTreeMap<u32, Seed>,
    share_key: Seed,
    ledger: SharedLedger,
}

impl std::fmt::Debug for ThresholdSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "ThresholdSecret({} of {}, redacted)",
            self.threshold, self.parties
        )
    }
}

impl ThresholdSecret {
    /// Combines the sub-shares received from every party (its own included). `own` are all that this
    /// party sent, for the pair seeds it chose.
    pub fn combine(
        params: &Parameters,
        secret: &PartySecret,
        party: u32,
        threshold: u32,
        received: &[SubShare],
        own: &[SubShare],
    ) -> Result<Self, MheError> {
        let parties = own.len() as u32;
        let ring = params.ring();
        let mut from: Vec<u32> = received.iter().map(SubShare::from).collect();
        from.sort_unstable();
        if !from.iter().copied().eq(0..parties) {
            return Err(MheError::ActiveSet(format!(
                "sub-shares from parties {from:?}, one from each of 0..{parties} is needed"
            )));
        }
        let mut share = SecretPoly::new(ring.zero(params.key_basis()));
        let mut seeds = BTreeMap::new();
        let copy = |seed: &Seed| Seed::from_bytes(seed.to_public_bytes());
        for sub in received {
            if sub.to != party {
                return Err(MheError::ActiveSet(format!(
                    "the sub-share of party {} is for party {}, not {party}",
                    sub.from, sub.to
                )));
            }
            ring.add_assign(&mut share, &sub.value);
            if let Some(seed) = &sub.seed {
                seeds.insert(sub.from, copy(seed));
            }
        }
        for sub in own {
            if let Some(seed) = &sub.seed {
                seeds.insert(sub.to, copy(seed));
            }
        }
        let share_key = secret.child_share_key("mhe threshold");
        let ledger = secret.shared_ledger();
        Ok(Self {
            party,
            threshold,
            parties,
            share,
            seeds,
            share_key,
            ledger,
        })
    }

    /// t.
    pub fn threshold(&self) -> u32 {
        self.threshold
    }

    fn check(&self, active: &[u32]) -> Result<(), MheError> {
        if active.len() != self.threshold as usize || !active.windows(2).all(|w| w[0] < w[1]) {
            return Err(MheError::ActiveSet(format!(
                "{} parties are given, exactly {} are needed, ascending",
                active.len(),
                self.threshold
            )));
        }
        match active.iter().find(|&&p| p >= self.parties) {
            Some(&party) => Err(MheError::UnknownParty {
                party,
                parties: self.parties,
            }),
            None => Ok(()),
        }
    }

    /// What a party that is not among the active ones takes to their protocols: no part of the key, and
    /// randomness of its own. Its shares count in no result; its ledger is the same.
    pub fn stand_by(&self, params: &Parameters, active: &[u32]) -> Result<PartySecret, MheError> {
        self.check(active)?;
        if active.contains(&self.party) {
            return Err(MheError::ActiveSet(format!(
                "party {} is in it and cannot stand by",
                self.party
            )));
        }
        let nothing = SecretPoly::new(params.ring().zero(params.key_basis()));
        let names: Vec<u8> = active.iter().flat_map(|p| p.to_le_bytes()).collect();
        Ok(PartySecret::without_key(
            SecretKey::from_poly(nothing),
            self.share_key.child("mhe beside active set", [&names[..]]),
            self.ledger.clone(),
        ))
    }

    /// This party's additive share for an active set of exactly t parties: what the protocols take.
    pub fn activate(&self, params: &Parameters, active: &[u32]) -> Result<PartySecret, MheError> {
        self.check(active)?;
        if !active.contains(&self.party) {
            return Err(MheError::ActiveSet(format!(
                "party {} is not in it",
                self.party
            )));
        }
        let ring = params.ring();
        let me = self.party as u64 + 1;
        let mut key: RnsPoly<Ntt> = ring.zero(params.key_basis());
        ring.add_assign(&mut key, &self.share);
        ring.mul_scalar_assign(&mut key, |m| {
            // ℓ = Π x_k / (x_k − x_me) over the other active parties.
            active
                .iter()
                .map(|&p| p as u64 + 1)
                .filter(|&x| x != me)
                .fold(1, |acc, x| m.mul(acc, m.mul(x, m.inv(m.sub(x, me)))))
        });
        let seeds = self
            .seeds
            .iter()
            .map(|(&p, seed)| (p, Seed::from_bytes(seed.to_public_bytes())))
            .collect();
        let zero = ZeroShare::new(self.party, seeds);
        let active: Vec<u8> = active.iter().flat_map(|p| p.to_le_bytes()).collect();
        let share_key = self.share_key.child("mhe active set", [active.as_slice()]);
        let key = SecretKey::from_poly(SecretPoly::new(key));
        Ok(PartySecret::with_zero_share(
            key,
            share_key,
            zero,
            self.ledger.clone(),
        ))
    }
}
