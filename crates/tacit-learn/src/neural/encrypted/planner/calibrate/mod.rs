//! Measuring this machine.
//!
//! Every operation is run by all threads at once, on operands and keys that do not fit the inner caches together, as in a
//! training; its price is the median of a few samples of the *process's* time, so that other work on the
//! machine lengthens it only through the caches it takes. Galois keys, of which a training has dozens, are
//! rehearsed in a session of their own: what their rounds take beyond hashing and adding is their price. About four seconds for degree 2¹⁴.

use std::sync::atomic::{AtomicUsize, Ordering};

use cpu_time::ProcessTime;
use rayon::prelude::*;
use tacit_ckks::{
    Ciphertext, Encoder, EvaluationKeys, Evaluator, Parameters, PeriodicEncoder, PublicKey,
    SecretKey, encrypt,
};
use tacit_mhe::{PartySecret, Private, SessionContext};
use tacit_ring::{Seed, Transcript};

use super::super::super::packed::Engine;
use super::super::MlpPlan;
use super::operation::{Kind, Operation};
use super::units::{UnitCosts, Workload};
use crate::encrypted::EncryptedError;

mod rehearsal;
mod shares;

type Result<T> = std::result::Result<T, EncryptedError>;

/// Keys that are used in turn: as those of a training, they do not fit the caches.
const KEYS: usize = 32;

/// Ciphertexts and payloads that are used in turn.
const TURNS: usize = 16;

/// Sums of products that are formed in turn, each of ciphertexts of its own.
const SUMS: usize = 6;

const SAMPLES: usize = 5;

/// Processor seconds of a sample, at least.
const SAMPLE_SECONDS: f64 = 0.004;

/// Measures one of each operation, for plans with parameters like those of `plan`.
pub fn measure(plan: &MlpPlan) -> Result<UnitCosts> {
    let mut bench = Bench::new(plan)?;
    let layers = plan.weights_above(1).max(plan.weights_above(2));
    for at in 1..=layers {
        bench.arithmetic(at)?;
    }
    for at in layers + 1..=plan.levels {
        bench.higher(at)?;
    }
    bench.lowest()?;
    bench.plaintexts()?;
    bench.refreshes()?;
    bench.releases()?;
    bench.bytes()?;
    bench.keys()?;
    Ok(bench.units)
}

struct Bench<'a> {
    plan: &'a MlpPlan,
    params: &'a Parameters,
    engine: Engine,
    public_key: PublicKey,
    secret: PartySecret,
    context: SessionContext,
    /// Steps with keys.
    steps: Vec<i64>,
    threads: usize,
    units: UnitCosts,
}

impl<'a> Bench<'a> {
    fn new(plan: &'a MlpPlan) -> Result<Self> {
        let params = &plan.encryption.params;
        // Nothing here is anybody's: the seeds may be known.
        let mut xof = Seed::from_bytes([7; 32]).expand();
        let owner = SecretKey::sample(params, &mut xof);
        let public_key = PublicKey::generate(params, &owner, &mut xof);
        let steps: Vec<i64> = (plan.layout.hidden_rotations().into_iter())
            .take(KEYS)
            .collect();
        let keys = EvaluationKeys::generate(params, &owner, &steps, &mut xof);
        let parties = plan.rows.len();
        let threads = rayon::current_num_threads();
        Ok(Self {
            plan,
            params,
            engine: Engine::new(Evaluator::new(params, keys), Encoder::new(params)),
            public_key,
            secret: PartySecret::from_seed(params, &Seed::from_bytes([8; 32])),
            context: SessionContext::derive(&[1; 32], &[2; 32], &vec![[3; 32]; parties]),
            steps,
            threads,
            units: UnitCosts {
                workload: Workload::of(plan),
                threads,
                seconds: Default::default(),
            },
        })
    }

    /// Processor seconds of `work`, run by all threads.
    fn time<T>(&self, work: impl Fn() -> Result<T> + Sync) -> Result<f64> {
        let run = |rounds: usize| -> Result<f64> {
            let count = rounds * self.threads;
            let began = ProcessTime::now();
            (0..count)
                .into_par_iter()
                .with_max_len(1)
                .try_for_each(|_| work().map(|out| drop(std::hint::black_box(out))))?;
            Ok(began.elapsed().as_secs_f64() / count as f64)
        };
        // The first run fills caches, tables and pools.
        run(1)?;
        let once = run(1)?.max(1e-9);
        let rounds = (SAMPLE_SECONDS / (once * self.threads as f64)).ceil();
        let rounds = rounds.clamp(1.0, 10_000.0) as usize;
        let mut samples: Vec<f64> = (0..SAMPLES).map(|_| run(rounds)).collect::<Result<_>>()?;
        samples.sort_by(f64::total_cmp);
        Ok(samples[SAMPLES / 2])
    }

    fn put(&mut self, kind: Kind, at: usize, seconds: f64) {
        let at = at as u8;
        self.units
            .seconds
            .insert(Operation { kind, at }, seconds.max(0.0));
    }

    /// A party that exists for one measurement.
    fn party(&self, name: &[u8]) -> PartySecret {
        PartySecret::from_seed(self.params, &Seed::derive("planner party", [name]))
    }

    /// Ciphertexts of noise at the level `at` above that of refreshes.
    fn ciphertexts(&self, at: usize, count: usize) -> Result<Vec<Ciphertext>> {
        let (level, scale) = (self.plan.level(at), self.params.scale());
        let slots = vec![0.5; self.params.slots()];
        let message = self.engine.encoder().encode(&slots, level, scale)?;
        let draw = |k: usize| {
            let mut xof = Seed::derive("planner operand", [&(k as u64).to_le_bytes()[..]]).expand();
            encrypt(self.params, &self.public_key, &message, &mut xof)
        };
        Ok((0..count).into_par_iter().map(draw).collect())
    }

    fn arithmetic(&mut self, at: usize) -> Result<()> {
        let terms = self.plan.layout.hidden_split().baby.max(2);
        let cts = self.ciphertexts(at, 2 * terms * SUMS)?;
        let (evaluator, engine) = (self.engine.evaluator(), &self.engine);
        let turn = AtomicUsize::new(0);
        let next = || turn.fetch_add(1, Ordering::Relaxed);
        let ct = |k: usize| &cts[k % cts.len()];
        let step = |k: usize| self.steps[k % self.steps.len()];

        let decomposition = self.time(|| Ok(evaluator.hoist(ct(next()))?))?;
        let hoisted = evaluator.hoist(&cts[0])?;
        let rotated =
            self.time(|| Ok(evaluator.rotate_hoisted(&cts[0], &hoisted, step(next()))?))?;
        let rotation = self.time(|| {
            let k = next();
            Ok(evaluator.rotate(ct(k), step(k))?)
        })?;
        let pairs: Vec<Vec<_>> = (cts.chunks(2 * terms))
            .map(|cts| cts[..terms].iter().zip(&cts[terms..]).collect())
            .collect();
        let sum = self.time(|| Ok(engine.tensors(&pairs[next() % SUMS])?))?;
        let three = engine.tensors(&pairs[0])?;
        let relinearisation = self.time(|| Ok(evaluator.relinearise(&three)?))?;
        let pointwise = self.time(|| {
            let k = next();
            Ok(evaluator.mul_rescale(ct(k), ct(k + 1))?)
        })?;
        let addition = self.time(|| {
            let k = next();
            Ok(evaluator.add(ct(k), ct(k + 1))?)
        })?;
        self.put(Kind::Decomposition, at, decomposition);
        self.put(Kind::Hoisted, at, rotated);
        self.put(Kind::Rotation, at, rotation);
        self.put(Kind::Product, at, sum / terms as f64);
        self.put(Kind::Relinearisation, at, relinearisation);
        self.put(Kind::Pointwise, at, pointwise);
        self.put(Kind::Addition, at, addition);
        self.rescaling(at, &cts)
    }

    /// Turns of what is about to be refreshed.
    fn lowest(&mut self) -> Result<()> {
        let cts = self.ciphertexts(0, TURNS)?;
        let turn = AtomicUsize::new(0);
        let evaluator = self.engine.evaluator();
        let rotation = self.time(|| {
            let k = turn.fetch_add(1, Ordering::Relaxed);
            Ok(evaluator.rotate(&cts[k % TURNS], self.steps[k % self.steps.len()])?)
        })?;
        let addition = self.time(|| Ok(evaluator.add(&cts[0], &cts[1])?))?;
        self.put(Kind::Rotation, 0, rotation);
        self.put(Kind::Addition, 0, addition);
        Ok(())
    }

    /// Where only polynomials are evaluated, and what refreshes lead to.
    fn higher(&mut self, at: usize) -> Result<()> {
        let cts = self.ciphertexts(at, 4)?;
        let turn = AtomicUsize::new(0);
        let pointwise = self.time(|| {
            let k = turn.fetch_add(1, Ordering::Relaxed);
            let (a, b) = (&cts[k % 4], &cts[(k + 1) % 4]);
            Ok(self.engine.evaluator().mul_rescale(a, b)?)
        })?;
        let pairs = [(&cts[0], &cts[1]), (&cts[2], &cts[3])];
        let sum = self.time(|| Ok(self.engine.tensors(&pairs)?))?;
        self.put(Kind::Pointwise, at, pointwise);
        self.put(Kind::Product, at, sum / 2.0);
        self.rescaling(at, &cts)
    }

    fn rescaling(&mut self, at: usize, cts: &[Ciphertext]) -> Result<()> {
        let evaluator = self.engine.evaluator();
        let whole = self.time(|| {
            let mut ct = cts[0].clone();
            evaluator.rescale_assign(&mut ct)?;
            Ok(ct)
        })?;
        self.put(Kind::Rescaling, at, whole);
        Ok(())
    }

    /// Encodings, products with plaintexts, encryptions.
    fn plaintexts(&mut self) -> Result<()> {
        let plan = self.plan;
        let layout = plan.layout;
        let periodic = PeriodicEncoder::new(self.params, plan.period())?;
        let above = plan.weights_above(1);
        let (level, scale) = (plan.level(above), plan.q(above));
        let profile: Vec<f64> = (0..plan.period()).map(|k| (k as f64).sin()).collect();
        let encoding = self.time(|| Ok(periodic.encode(&profile, level, scale)?))?;
        self.put(Kind::PeriodicEncoding, above, encoding);

        // Both passes use the plaintexts of the first one.
        let count = match &plan.convolution {
            None => layout.first_ciphertexts() * layout.first_split().baby,
            Some(tiled) => tiled.split().baby,
        };
        let plains: Vec<_> = (0..count.max(2))
            .map(|_| periodic.encode(&profile, level, scale))
            .collect::<std::result::Result<_, _>>()?;
        for at in [1, above] {
            let cts = self.ciphertexts(at, plains.len())?;
            let terms: Vec<_> = cts.iter().zip(&plains).collect();
            let sum = self.time(|| Ok(self.engine.weighted_periodic(&terms)?))?;
            self.put(Kind::PeriodicProduct, at, sum / plains.len() as f64);
        }

        let slots: Vec<f64> = (0..self.params.slots()).map(|k| (k as f64).cos()).collect();
        for at in 0..=plan.levels {
            let (level, encoder) = (plan.level(at), self.engine.encoder());
            let encoding = self.time(|| Ok(encoder.encode(&slots, level, plan.q(at))?))?;
            let plain = encoder.encode(&slots, level, plan.q(at))?;
            let cts = self.ciphertexts(at, 2)?;
            let terms = [(&cts[0], &plain), (&cts[1], &plain)];
            let sum = self.time(|| Ok(self.engine.weighted(&terms)?))?;
            self.put(Kind::Encoding, at, encoding);
            self.put(Kind::PlainProduct, at, sum / 2.0);
        }

        let message = self
            .engine
            .encoder()
            .encode(&slots, plan.level(0), self.params.scale())?;
        let bound = self.time(|| {
            let mut transcript = Transcript::new("planner");
            transcript.append_words(message.poly().words());
            let mut xof = Seed::from_bytes(transcript.digest()).expand();
            Ok(encrypt(self.params, &self.public_key, &message, &mut xof))
        })?;
        self.put(Kind::Encryption, 0, bound);
        for at in [0, 2] {
            let cts = self.ciphertexts(at, 2)?;
            let rerandomisation = self.time(|| {
                let own = Private::new(cts[0].clone());
                let (key, secret) = (&self.public_key, &self.secret);
                Ok(own.rerandomise(self.params, key, secret, b"planner", None)?)
            })?;
            self.put(Kind::Rerandomisation, at, rerandomisation);
        }
        Ok(())
    }
}
