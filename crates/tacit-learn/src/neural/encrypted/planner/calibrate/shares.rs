//! Measuring shares of protocols, and bytes.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use cpu_time::ProcessTime;
use rayon::prelude::*;
use tacit_ckks::Ciphertext;
use tacit_mhe::{
    CollectiveGaloisKey, CollectivePublicKey, ExactMap, PartySecret, Protocol, Refresh, Release,
    RelinearisationRoundOne, RelinearisationRoundTwo,
};
use tacit_ring::Transcript;

use super::rehearsal::galois_round;
use super::{Bench, Kind, Operation, Result, TURNS};

/// Rounds that are run through, and most parties in them.
const ROUNDS: u64 = 3;
const PARTIES: usize = 8;

impl Bench<'_> {
    pub(super) fn refreshes(&mut self) -> Result<()> {
        let plan = self.plan;
        let cts = self.ciphertexts(0, TURNS / 2)?;
        for at in 2..=plan.levels {
            let level = plan.level(at);
            let factor = ExactMap::Scaled {
                factor: 1 << 40,
                scale: (1u64 << 40) as f64,
            };
            let map = plan.layout.fold_hidden();
            let terms = map.len() as f64;
            let map = map.encode(self.engine.encoder(), level, plan.q(at))?;
            let instance = self.context.instance(at as u64);
            let open = |map: &ExactMap, k: usize| -> Result<Refresh> {
                let (ct, mask) = (cts[k % cts.len()].clone(), plan.encryption.mask);
                let map = map.clone();
                Ok(Refresh::new(self.params, &instance, ct, level, mask, map)?)
            };
            let turn = AtomicUsize::new(0);
            let next = || turn.fetch_add(1, Ordering::Relaxed);
            let opening = self.time(|| open(&factor, next()))?;
            let mut found = Vec::new();
            for (k, map) in [&factor, &map].into_iter().enumerate() {
                // A party never serves two refreshes of one ciphertext.
                let secret = self.party(&[at as u8, k as u8]);
                let refreshes = (0..cts.len())
                    .map(|k| open(map, k))
                    .collect::<Result<Vec<_>>>()?;
                let refresh = |k: usize| &refreshes[k % refreshes.len()];
                let share = self.time(|| Ok(refresh(next()).share(&secret)?))?;
                let sum = refresh(0).share(&secret)?;
                let finish = self.time(|| Ok(refresh(0).finish(&sum)?))?;
                found.push((share, finish));
            }
            self.put(Kind::RefreshOpening, at, opening);
            self.put(Kind::RefreshShare, at, found[0].0);
            self.put(Kind::RefreshFinish, at, found[0].1);
            let term = |with: f64, without: f64| (with - without) / terms;
            self.put(Kind::RefreshShareTerm, at, term(found[1].0, found[0].0));
            self.put(Kind::RefreshFinishTerm, at, term(found[1].1, found[0].1));
        }
        Ok(())
    }

    pub(super) fn releases(&mut self) -> Result<()> {
        let ct = &self.ciphertexts(self.plan.levels, 1)?[0];
        let (params, smudging) = (self.params, self.plan.release_margin().smudging());
        let instance = self.context.instance(8);
        let secret = self.party(b"release");
        let share =
            self.time(|| Ok(Release::new(params, &instance, ct, smudging)?.share(&secret)?))?;
        let release = Release::new(params, &instance, ct, smudging)?;
        let sum = release.share(&secret)?;
        let finish = self.time(|| {
            let plain = release.finish(&sum)?;
            Ok(self.engine.encoder().decode(&plain))
        })?;
        self.put(Kind::ReleaseShare, 0, share);
        self.put(Kind::ReleaseFinish, 0, finish);
        Ok(())
    }

    /// Handling of a megabyte.
    pub(super) fn bytes(&mut self) -> Result<()> {
        let plan = self.plan;
        let turn = AtomicUsize::new(0);
        let next = || turn.fetch_add(1, Ordering::Relaxed) % TURNS;
        let cts = self.ciphertexts(2, TURNS)?;
        let encoded: Vec<Vec<u8>> = cts.iter().map(|ct| ct.to_bytes(self.params)).collect();
        let mb = encoded[0].len() as f64 / 1e6;
        let writing = self.time(|| Ok(cts[next()].to_bytes(self.params)))?;
        let reading = self.time(|| Ok(Ciphertext::from_bytes(self.params, &encoded[next()])?))?;
        // Larger than what allocators keep at hand, as payloads are.
        let large: Vec<Vec<u8>> = vec![vec![1u8; 8 << 20]; TURNS];
        let copying = self.time(|| Ok(large[next()].clone()))?;
        let hashing = self.time(|| {
            let mut transcript = Transcript::new("planner");
            transcript.append(&large[next()]);
            Ok(transcript.digest())
        })?;
        let large_mb = large[0].len() as f64 / 1e6;

        let (level, instance) = (plan.top(), self.context.instance(9));
        let mask = plan.encryption.mask;
        let lowered = self.ciphertexts(0, 1)?;
        let map = ExactMap::IDENTITY;
        let refresh = Refresh::new(self.params, &instance, lowered[0].clone(), level, mask, map)?;
        let shares = (0..TURNS)
            .map(|k| Ok(refresh.encode(&refresh.share(&self.party(&[b'f', k as u8]))?)))
            .collect::<Result<Vec<_>>>()?;
        let share_mb = shares[0].len() as f64 / 1e6;
        let sums: Vec<_> = shares.iter().cloned().map(Mutex::new).collect();
        let folding = self.time(|| {
            let k = next();
            let mut sum = sums[k].lock().unwrap_or_else(PoisonError::into_inner);
            Ok(refresh.aggregate_encoded(&mut sum, &shares[(k + 1) % TURNS])?)
        })?;
        self.put(Kind::Writing, 0, writing / mb);
        self.put(Kind::Reading, 0, reading / mb);
        self.put(Kind::Copying, 0, copying / large_mb);
        self.put(Kind::Hashing, 0, hashing / large_mb);
        self.put(Kind::Folding, 0, folding / share_mb);
        Ok(())
    }

    pub(super) fn keys(&mut self) -> Result<()> {
        let (params, context) = (self.params, &self.context);
        // The common random string is expanded by everyone, so it is part of the share.
        let public = |secret: &PartySecret, round: u64| {
            let protocol = CollectivePublicKey::extended(params, &context.instance(10 + round));
            Ok(protocol.encode(&protocol.share(secret)?))
        };
        let one = |secret: &PartySecret, round: u64| {
            let protocol = RelinearisationRoundOne::new(params, &context.instance(20 + round));
            Ok(protocol.encode(&protocol.share(secret)?))
        };
        let first = RelinearisationRoundOne::new(params, &context.instance(30));
        let first_share = first.share(&self.secret)?;
        let two = |secret: &PartySecret, _: u64| {
            let sum = first.finish(&first_share)?;
            let protocol = RelinearisationRoundTwo::new(&first, sum);
            Ok(protocol.encode(&protocol.share(secret)?))
        };
        let element = params.ring().rotation(1);
        let protocol =
            |round: u64| CollectiveGaloisKey::new(params, &context.instance(40 + round), element);
        let public = self.round_of(public)?;
        let one = self.round_of(one)?;
        let two = self.round_of(two)?;
        let secrets: Vec<PartySecret> = (0..self.plan.rows.len().clamp(2, PARTIES))
            .map(|k| self.party(&[b'g', k as u8]))
            .collect();
        let parties = secrets.len() as f64;
        let round = galois_round(params, secrets, 1 + ROUNDS as usize)?;
        let galois = protocol(0);
        let mb = galois.encoded_len() as f64 / 1e6;
        let handled = mb
            * (self.price(Kind::Hashing) * parties + self.price(Kind::Folding) * (parties - 1.0));
        let galois = (round - handled) / parties;

        let sums = (0..ROUNDS)
            .map(|round| {
                let protocol = protocol(round);
                Ok(protocol.encode(&protocol.share(&self.secret)?))
            })
            .collect::<Result<Vec<_>>>()?;
        // All are kept, as those of a training are.
        let began = ProcessTime::now();
        let keys = (0..ROUNDS)
            .into_par_iter()
            .map(|round| {
                let protocol = protocol(round);
                Ok(protocol.finish(&protocol.decode(&sums[round as usize])?)?)
            })
            .collect::<Result<Vec<_>>>()?;
        let finish = began.elapsed().as_secs_f64() / keys.len() as f64;
        drop(keys);
        self.put(Kind::PublicKeyShare, 0, public);
        self.put(Kind::RelinearisationOneShare, 0, one);
        self.put(Kind::RelinearisationTwoShare, 0, two);
        self.put(Kind::GaloisShare, 0, galois);
        self.put(Kind::GaloisFinish, 0, finish);
        Ok(())
    }

    /// The price of what has been measured already, at the level of refreshes.
    fn price(&self, kind: Kind) -> f64 {
        let operation = Operation { kind, at: 0 };
        self.units.seconds.get(&operation).copied().unwrap_or(0.0)
    }

    /// Processor seconds of a share in a round: those of all parties exist before they are added up, and one, as their
    /// sum, stays.
    fn round_of(&self, share: impl Fn(&PartySecret, u64) -> Result<Vec<u8>> + Sync) -> Result<f64> {
        let parties = self.plan.rows.len().min(PARTIES);
        let secrets: Vec<PartySecret> =
            (0..parties).map(|k| self.party(&[b'k', k as u8])).collect();
        let (mut kept, mut samples) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let began = ProcessTime::now();
            let mut shares = secrets
                .par_iter()
                .with_max_len(1)
                .map(|secret| share(secret, round))
                .collect::<Result<Vec<_>>>()?;
            samples.push(began.elapsed().as_secs_f64() / parties as f64);
            kept.extend(shares.pop());
        }
        samples.sort_by(f64::total_cmp);
        Ok(samples[samples.len() / 2])
    }
}
