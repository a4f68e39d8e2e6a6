//! The collective keys of a session: the rounds in which they come to be, how they reach the parties, and
//! what a party encrypts under them.
//!
//! ```text
//! keys/public → keys/relinearisation-1 → keys/relinearisation-2 → keys/galois, one round per rotation
//! ```
//!
//! Every party knows the public key, which reaches over the special primes so that queriers can encrypt keys of their
//! own; the root keeps the sums of all shares and hands on those of the evaluation keys that parties need.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;
use tacit_ckks::{
    Ciphertext, Encoder, EvaluationKeys, GaloisKey, Parameters, PublicKey, RelinearisationKey,
    encrypt,
};
use tacit_mhe::{
    CollectiveGaloisKey, CollectivePublicKey, MheError, PartySecret, Protocol,
    RelinearisationRoundOne, RelinearisationRoundTwo, SessionContext,
};
use tacit_ring::{GaloisElement, Seed, Transcript};
use tacit_session::RoundId;

use super::shares::finish;
use super::{EncryptedError, intern, sections};

mod rounds;

pub(crate) use rounds::KeyRound;
pub use rounds::KeyStep;

type Result<T> = std::result::Result<T, EncryptedError>;

/// First round of a session's application: the two before open the session.
pub(crate) const FIRST_ROUND: u32 = tacit_session::ROUND_FIRST;

/// What a party knows of a session's keys.
pub(crate) struct CollectiveKeys {
    params: Parameters,
    encoder: Encoder,
    /// The automorphism of each Galois key, and the level it reaches up to.
    galois: Vec<(GaloisElement, usize)>,
    session: Option<SessionContext>,
    /// The session that the keys come from, if it is not this one.
    origin: Option<SessionContext>,
    /// Who acts with the key in this session, if not all parties do.
    holders: Option<Vec<u32>>,
    /// The level that the relinearisation key reaches up to.
    products: usize,
    /// Whether every party multiplies ciphertexts, and so needs that key.
    multiplies: bool,
    /// The second round of that key, until the key is made: the root hands out only the sum that concludes it.
    second: Option<Arc<RelinearisationRoundTwo>>,
    /// Root: whether sums stay after the keys were made of them, to be handed out once more.
    keeps_sums: bool,
    public_key: Option<PublicKey>,
    sums: Sums,
}

/// Root only: the sums of everybody's shares.
#[derive(Default)]
struct Sums {
    public_key: Vec<u8>,
    one: Vec<u8>,
    two: Vec<u8>,
    galois: Vec<Vec<u8>>,
}

impl CollectiveKeys {
    /// Keys for rotations, each with the highest level at which it is made: one key for each rotation, by ascending steps.
    pub fn new(params: &Parameters, rotations: impl IntoIterator<Item = (i64, usize)>) -> Self {
        let mut levels: BTreeMap<i64, usize> = BTreeMap::new();
        for (steps, level) in rotations {
            let known = levels.entry(steps).or_insert(level);
            *known = level.max(*known);
        }
        let galois = levels
            .into_iter()
            .map(|(steps, level)| (params.ring().rotation(steps), level));
        Self {
            params: params.clone(),
            encoder: Encoder::new(params),
            galois: galois.collect(),
            session: None,
            origin: None,
            holders: None,
            products: params.max_level(),
            multiplies: false,
            second: None,
            keeps_sums: false,
            public_key: None,
            sums: Sums::default(),
        }
    }

    /// Keys for rotations at all levels.
    pub fn at_all_levels(params: &Parameters, rotations: Vec<i64>) -> Self {
        let top = params.max_level();
        Self::new(params, rotations.into_iter().map(|steps| (steps, top)))
    }

    /// Every party multiplies ciphertexts, of this level and below: what [`Self::hand_out`] holds includes the
    /// relinearisation key, which reaches no higher.
    pub fn multiplying(mut self, level: usize) -> Self {
        self.multiplies = true;
        self.products = level;
        self
    }

    /// Root: the sums of the evaluation keys stay, for sessions that go on without somebody.
    pub fn keeping_sums(mut self) -> Self {
        self.keeps_sums = true;
        self
    }

    /// The session has begun. The keys stay those of the first one.
    pub fn begin(&mut self, context: &tacit_session::SessionContext) {
        let before = self.session.replace(protocols_of(context));
        if self.origin.is_none() {
            self.origin = before;
        }
        let places = |c: &tacit_session::Continuation| {
            let holders = c.holders.iter();
            holders.map(|party| u32::from(party.0)).collect()
        };
        self.holders = context.continuation.as_ref().map(places);
    }

    /// The session as its protocols name it.
    pub fn session(&self) -> Result<&SessionContext> {
        let begun = self.session.as_ref();
        begun.ok_or_else(|| missing("session", "a round before the session began"))
    }

    /// The protocol instance of a round.
    pub fn instance(&self, round: u32) -> Result<tacit_mhe::Instance> {
        let (session, round) = (self.session()?, u64::from(round));
        Ok(match &self.holders {
            Some(holders) => session.instance_among(round, holders)?,
            None => session.instance(round),
        })
    }

    /// The session that the keys come from.
    pub fn origin(&self) -> Result<&SessionContext> {
        match &self.origin {
            Some(origin) => Ok(origin),
            None => self.session(),
        }
    }

    /// The protocol instance that a round of key generation was.
    fn key_instance(&self, step: KeyStep) -> Result<tacit_mhe::Instance> {
        let origin = self.origin()?;
        Ok(origin.instance(u64::from(FIRST_ROUND + step.position())))
    }

    /// Root: all sums, and the session they come from; for [`Self::restore`].
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let origin = self.origin()?;
        let parties = origin.parties.to_le_bytes();
        let sums = &self.sums;
        let mut parts: Vec<&[u8]> = vec![&origin.session, &origin.crs, &parties];
        parts.extend([&sums.public_key[..], &sums.one, &sums.two]);
        parts.extend(sums.galois.iter().map(Vec::as_slice));
        Ok(sections::join(&parts))
    }

    /// The keys of an earlier session of the same parties. A party that is not the root needs only to know which session
    /// that was: `keep_sums` is false, and the root hands out the rest.
    pub fn restore(&mut self, bytes: &[u8], keep_sums: bool) -> Result<()> {
        let what = "keys of an earlier session";
        let parts = sections::split(what, bytes, 6 + self.galois.len())?;
        let fixed = |k: usize| -> Result<[u8; 32]> {
            let part: &[u8] = parts[k];
            part.try_into()
                .map_err(|_| missing(what, "a digest has 32 bytes"))
        };
        let parties: [u8; 4] = (parts[2].try_into())
            .map_err(|_| missing(what, "the number of parties has four bytes"))?;
        self.origin = Some(SessionContext {
            session: fixed(0)?,
            crs: fixed(1)?,
            parties: u32::from_le_bytes(parties),
        });
        if keep_sums {
            let own = |part: &[u8]| part.to_vec();
            self.sums = Sums {
                public_key: own(parts[3]),
                one: own(parts[4]),
                two: own(parts[5]),
                galois: parts[6..].iter().map(|part| own(part)).collect(),
            };
        }
        Ok(())
    }

    /// Number of Galois keys.
    pub fn galois_keys(&self) -> usize {
        self.galois.len()
    }

    /// The encoder of these parameters.
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// Which of the Galois keys turn by one of `rotations`.
    pub fn turning(&self, rotations: &[i64]) -> Vec<usize> {
        let ring = self.params.ring();
        let wanted: Vec<_> = rotations.iter().map(|&s| ring.rotation(s)).collect();
        let all = 0..self.galois.len();
        all.filter(|&k| wanted.contains(&self.galois[k].0))
            .collect()
    }

    /// The protocol of a round, from its public input; of the relinearisation key it stays here, too.
    pub fn enter(&mut self, step: KeyStep, input: &[u8]) -> Result<KeyRound> {
        let instance = self.key_instance(step)?;
        Ok(match step {
            KeyStep::Public => {
                KeyRound::Public(CollectivePublicKey::extended(&self.params, &instance))
            }
            KeyStep::RelinearisationOne => KeyRound::One(self.round_one()?),
            KeyStep::RelinearisationTwo => {
                let two = self.round_two(input)?;
                if self.multiplies {
                    self.second = Some(two.clone());
                }
                KeyRound::Two(two)
            }
            KeyStep::Galois(k) => {
                let (element, level) = self.galois[k];
                let params = &self.params;
                KeyRound::Galois(CollectiveGaloisKey::at_level(
                    params, &instance, element, level,
                ))
            }
        })
    }

    /// Both rounds of the relinearisation key speak of the instance of round one.
    fn round_one(&self) -> Result<RelinearisationRoundOne> {
        let instance = self.key_instance(KeyStep::RelinearisationOne)?;
        let (params, level) = (&self.params, self.products);
        Ok(RelinearisationRoundOne::at_level(params, &instance, level))
    }

    /// Round two, from the sum of round one; one copy for all parties of a process.
    fn round_two(&self, sum: &[u8]) -> Result<Arc<RelinearisationRoundTwo>> {
        let one = self.round_one()?;
        let two = RelinearisationRoundTwo::new(&one, finish(&one, sum)?);
        intern::round_two(two)
    }

    /// Root: the public input of a round.
    pub fn input(&self, step: KeyStep) -> Vec<u8> {
        match step {
            KeyStep::RelinearisationTwo => self.sums.one.clone(),
            _ => Vec::new(),
        }
    }

    /// Root: the sum of all shares of a round.
    pub fn conclude(&mut self, step: KeyStep, sum: Vec<u8>) {
        match step {
            KeyStep::Public => self.sums.public_key = sum,
            KeyStep::RelinearisationOne => self.sums.one = sum,
            KeyStep::RelinearisationTwo => self.sums.two = sum,
            KeyStep::Galois(_) => self.sums.galois.push(sum),
        }
    }

    /// Root: what [`Self::learn_public_key`] takes, once.
    pub fn public_key_sum(&self) -> &[u8] {
        &self.sums.public_key
    }

    /// The public key, from the sum of its shares; the first one stays, and nothing need come with later rounds.
    pub fn learn_public_key(&mut self, sum: &[u8]) -> Result<()> {
        if self.public_key.is_none() {
            let instance = self.key_instance(KeyStep::Public)?;
            let protocol = CollectivePublicKey::extended(&self.params, &instance);
            self.public_key = Some(finish(&protocol, sum)?);
        }
        Ok(())
    }

    /// The public key, if it exists yet.
    pub fn known_public_key(&self) -> Option<&PublicKey> {
        self.public_key.as_ref()
    }

    /// The public key.
    pub fn public_key(&self) -> Result<&PublicKey> {
        let key = self.public_key.as_ref();
        key.ok_or_else(|| missing("collective public key", "not received yet"))
    }

    /// Root: the evaluation keys that parties need, for [`Self::learn`]. Of the relinearisation key that is the sum of round
    /// two: the sum of round one was that round's input.
    pub fn hand_out(&self, which: &[usize]) -> Result<Vec<u8>> {
        let two = self.multiplies.then_some(&self.sums.two[..]);
        let mut parts: Vec<&[u8]> = two.into_iter().collect();
        for &k in which {
            let sum = self.sums.galois.get(k);
            parts.push(sum.ok_or_else(|| missing("evaluation keys", "not generated yet"))?);
        }
        Ok(sections::join(&parts))
    }

    /// Root: all evaluation keys. Their sums are given up, unless they are kept; whoever becomes root in the same process finds the keys here.
    pub fn assemble(&mut self) -> Result<Arc<EvaluationKeys>> {
        let all: Vec<usize> = (0..self.galois.len()).collect();
        let sums = std::mem::take(&mut self.sums);
        let galois: Vec<&[u8]> = sums.galois.iter().map(Vec::as_slice).collect();
        let mut transcript = Transcript::new("learn all evaluation keys");
        transcript.append(&self.origin()?.session);
        transcript.append(&sums.one).append(&sums.two);
        galois.iter().for_each(|sum| {
            transcript.append(sum);
        });
        let keys = intern::keys(transcript.digest(), || {
            let two = self.round_two(&sums.one)?;
            self.decode(Some((&two, &sums.two)), &all, &galois)
        });
        match self.keeps_sums {
            true => self.sums = sums,
            false => self.sums.public_key = sums.public_key,
        }
        self.second = None;
        keys
    }

    /// The evaluation keys that the root handed out; one copy for all parties of a process.
    pub fn learn(&mut self, bytes: &[u8], which: &[usize]) -> Result<Arc<EvaluationKeys>> {
        let head = usize::from(self.multiplies);
        let parts = sections::split("evaluation keys", bytes, head + which.len())?;
        let two = match (self.multiplies, &self.second) {
            (false, _) => None,
            (true, Some(two)) => Some((&**two, parts[0])),
            (true, None) => {
                let problem = "round one of the relinearisation key was not summed here";
                return Err(missing("evaluation keys", problem));
            }
        };
        let mut transcript = Transcript::new("learn evaluation keys");
        transcript.append(&self.session()?.session).append(bytes);
        if let Some((two, _)) = two {
            transcript.append(two.id().as_bytes());
        }
        let keys = intern::keys(transcript.digest(), || {
            self.decode(two, which, &parts[head..])
        })?;
        self.second = None;
        Ok(keys)
    }

    /// Keys from the sums of shares; relinearisation from that of round two.
    fn decode(
        &self,
        relinearisation: Option<(&RelinearisationRoundTwo, &[u8])>,
        which: &[usize],
        galois: &[&[u8]],
    ) -> Result<EvaluationKeys> {
        let mut keys = EvaluationKeys::default();
        if let Some((two, sum)) = relinearisation {
            let key: RelinearisationKey = finish(two, sum)?;
            keys.relinearisation = Some(key);
        }
        if galois.len() != which.len() {
            let problem = format!("{} Galois keys instead of {}", galois.len(), which.len());
            return Err(missing("evaluation keys", &problem));
        }
        let galois = (which.par_iter().zip(galois))
            .map(|(&k, sum)| self.galois_key(k, sum))
            .collect::<Result<Vec<_>>>()?;
        for key in galois {
            keys.insert(key);
        }
        Ok(keys)
    }

    fn galois_key(&self, k: usize, sum: &[u8]) -> Result<GaloisKey> {
        let instance = self.key_instance(KeyStep::Galois(k))?;
        let (element, level) = self.galois[k];
        let protocol = CollectiveGaloisKey::at_level(&self.params, &instance, element, level);
        finish(&protocol, sum)
    }

    /// A fresh encryption of own values, with randomness bound to the round and the values.
    pub fn encrypt_own(
        &self,
        secret: &PartySecret,
        round: &RoundId,
        slots: &[f64],
        level: usize,
        scale: f64,
    ) -> Result<Ciphertext> {
        let mut transcript = Transcript::new("learn own encryption");
        transcript
            .append(&round.session.0)
            .append_u64(u64::from(round.number));
        self.encrypt_bound(secret, transcript, slots, level, scale)
    }

    /// As [`Self::encrypt_own`], bound to a given transcript.
    pub fn encrypt_bound(
        &self,
        secret: &PartySecret,
        mut transcript: Transcript,
        slots: &[f64],
        level: usize,
        scale: f64,
    ) -> Result<Ciphertext> {
        let message = self.encoder.encode(slots, level, scale)?;
        transcript.append_words(message.poly().words());
        let seed: Seed = secret.stream_seed("learn own encryption", &transcript.digest());
        let key = self.public_key()?;
        Ok(encrypt(&self.params, key, &message, &mut seed.expand()))
    }
}

/// A session as the protocols of its rounds name it.
pub(crate) fn protocols_of(context: &tacit_session::SessionContext) -> SessionContext {
    SessionContext {
        session: context.session.0,
        crs: context.crs_seed,
        parties: u32::from(context.parties),
    }
}

/// Refuses a roster of another size than the parameters are for.
pub(crate) fn check_parties(
    context: &tacit_session::SessionContext,
    expected: usize,
) -> Result<()> {
    match usize::from(context.parties) {
        parties if parties == expected => Ok(()),
        parties => Err(MheError::ActiveSet(format!(
            "the roster has {parties} parties, the parameters are for {expected}"
        ))
        .into()),
    }
}

/// Something a payload or an earlier round should have brought.
pub(crate) fn missing(what: &'static str, problem: &str) -> EncryptedError {
    EncryptedError::Message {
        what,
        problem: problem.into(),
    }
}
