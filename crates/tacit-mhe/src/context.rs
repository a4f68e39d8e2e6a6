//! What a protocol instance is: the injective digest of all its public inputs.

use crate::{MheError, ShareInput};
use tacit_ckks::{Ciphertext, Parameters};
use tacit_ring::{Seed, Transcript};

/// What all protocols of one session have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionContext {
    /// Identifies the session: a digest of plan, roster and every party's nonce.
    pub session: [u8; 32],
    /// Seed of the common random string, a digest of the same under another domain.
    pub crs: [u8; 32],
    /// Number of parties in the roster; indices run from 0.
    pub parties: u32,
}

impl SessionContext {
    /// Derives the context from the plan's digest, the roster's digest and one nonce of *every* party,
    /// so that no party chooses the common random string.
    pub fn derive(plan: &[u8; 32], roster: &[u8; 32], nonces: &[[u8; 32]]) -> Self {
        let transcript = |domain| {
            let mut t = Transcript::new(domain);
            t.append(plan)
                .append(roster)
                .append_u64(nonces.len() as u64);
            for nonce in nonces {
                t.append(nonce);
            }
            t.digest()
        };
        Self {
            session: transcript("mhe session"),
            crs: transcript("mhe common random string"),
            parties: nonces.len() as u32,
        }
    }

    /// Names one protocol instance: which protocol, which round, all parties active.
    pub fn instance(&self, round: u64) -> Instance {
        let active = (0..self.parties).collect();
        Instance {
            context: self.clone(),
            round,
            active,
        }
    }

    /// As [`Self::instance`], with only some parties active (threshold mode).
    ///
    /// The set must be strictly ascending and within the roster. Bounds on noise and masks stay those of the whole
    /// roster, since parties beside the set may [stand by](crate::threshold::ThresholdSecret::stand_by).
    pub fn instance_among(&self, round: u64, active: &[u32]) -> Result<Instance, MheError> {
        if active.is_empty() || !active.windows(2).all(|w| w[0] < w[1]) {
            return Err(MheError::ActiveSet(
                "must be non-empty and strictly ascending".into(),
            ));
        }
        if let Some(&party) = active.iter().find(|&&p| p >= self.parties) {
            return Err(MheError::UnknownParty {
                party,
                parties: self.parties,
            });
        }
        Ok(Instance {
            context: self.clone(),
            round,
            active: active.to_vec(),
        })
    }
}

/// A protocol instance before its inputs are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    context: SessionContext,
    round: u64,
    active: Vec<u32>,
}

impl Instance {
    /// The parties that take part, ascending.
    pub fn active(&self) -> &[u32] {
        &self.active
    }

    /// All parties of the roster: how many shares may be in a sum, for parties beside the active set may add theirs.
    pub(crate) fn parties(&self) -> usize {
        self.context.parties as usize
    }

    /// Binds protocol name, parameters and all further public inputs.
    pub(crate) fn bind(&self, protocol: &str, params: &Parameters) -> Binding {
        let mut transcript = Transcript::new("mhe instance");
        transcript.append(&self.context.session);
        transcript.append(protocol.as_bytes());
        transcript.append_u64(self.round);
        transcript.append_u64(self.context.parties as u64);
        let active: Vec<u8> = self.active.iter().flat_map(|p| p.to_le_bytes()).collect();
        transcript.append(&active);
        transcript.append(&self.context.crs);
        transcript.append(params.digest());
        Binding(transcript)
    }

    /// The seed of this instance's polynomials of the common random string.
    pub(crate) fn crs_seed(&self, id: &InstanceId) -> Seed {
        Seed::derive("mhe crs polynomial", [self.context.crs.as_slice(), &id.0])
    }
}

/// Collects the public inputs of an instance.
pub(crate) struct Binding(Transcript);

impl Binding {
    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.append(bytes);
        self
    }

    pub(crate) fn number(mut self, value: u64) -> Self {
        self.0.append_u64(value);
        self
    }

    pub(crate) fn poly(mut self, poly: &tacit_ring::RnsPoly<tacit_ring::Ntt>) -> Self {
        self.0
            .append_u64(poly.basis().q as u64)
            .append_u64(poly.basis().p as u64);
        self.0.append_words(poly.words());
        self
    }

    /// A ciphertext with its c_0 by digest.
    pub(crate) fn share_input(self, input: &ShareInput) -> Self {
        self.number(input.scale.to_bits())
            .bytes(&input.c0_digest)
            .poly(&input.c1)
    }

    pub(crate) fn ciphertext(mut self, ct: &Ciphertext) -> Self {
        self.0.append_u64(ct.scale().to_bits());
        for poly in ct.polys() {
            self = self.poly(poly);
        }
        self
    }

    pub(crate) fn id(self) -> InstanceId {
        InstanceId(self.0.digest())
    }
}

/// The digest of *all* public inputs of a protocol instance: session, protocol, round, ordered
/// participants, active set, common random string, parameters, aggregated inputs, ciphertext, target key.
///
/// All randomness of a share is a function of the party's share key and this digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId(pub(crate) [u8; 32]);

impl InstanceId {
    /// The digest.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Display for InstanceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0[..8].iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}
