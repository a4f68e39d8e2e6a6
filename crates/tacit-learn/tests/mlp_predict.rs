//! Predictions of networks with model and query encrypted, under a key that three parties hold together, against
//! the network in the clear: on a small ring without security.

use tacit_ckks::{
    Ciphertext, Encoder, EvaluationKeys, Evaluator, Parameters, ParametersLiteral, PublicKey,
    SecretKey, decrypt, encrypt,
};
use tacit_learn::model::Samples;
use tacit_learn::neural::packed::{Engine, PredictionLayout};
use tacit_learn::neural::{Curve, MlpConfig, MlpWeights, PolynomialActivation};
use tacit_mhe::{
    CollectiveGaloisKey, CollectivePublicKey, KeySwitchToPublic, PartySecret, Protocol,
    RelinearisationRoundOne, RelinearisationRoundTwo, SessionContext, SmudgingBits,
};
use tacit_ring::{RingKind, Seed, Xof};

const LEVELS: usize = 6;

fn xof(tag: u8) -> Xof {
    Seed::from_bytes([tag; 32]).expand()
}

struct Cohort {
    params: Parameters,
    context: SessionContext,
    secrets: Vec<PartySecret>,
    pk: PublicKey,
}

fn run<P: Protocol>(protocol: &P, secrets: &[PartySecret]) -> P::Output {
    let shares: Vec<_> = (secrets.iter().map(|s| protocol.share(s).unwrap())).collect();
    protocol.finish(&protocol.sum(&shares).unwrap()).unwrap()
}

impl Cohort {
    fn new(slots: usize) -> Self {
        let mut q_bits = vec![50];
        q_bits.extend([40; LEVELS]);
        let params = Parameters::insecure_toy(&ParametersLiteral {
            kind: RingKind::ConjugateInvariant,
            log_n: slots.trailing_zeros(),
            q_bits,
            p_bits: vec![50, 50],
            log_scale: 40,
        })
        .unwrap();
        let context = SessionContext::derive(&[1; 32], &[2; 32], &[[3; 32], [4; 32], [5; 32]]);
        let secret = |k: u8| PartySecret::from_seed(&params, &Seed::from_bytes([k; 32]));
        let secrets: Vec<_> = (10..13).map(secret).collect();
        let protocol = CollectivePublicKey::new(&params, &context.instance(0));
        let pk = run(&protocol, &secrets);
        Self {
            params,
            context,
            secrets,
            pk,
        }
    }

    fn keys(&self, steps: &[i64]) -> EvaluationKeys {
        let instance = self.context.instance(1);
        let one = RelinearisationRoundOne::new(&self.params, &instance);
        let two = RelinearisationRoundTwo::new(&one, run(&one, &self.secrets));
        let mut keys = EvaluationKeys {
            relinearisation: Some(run(&two, &self.secrets)),
            ..Default::default()
        };
        for (round, &step) in (2..).zip(steps) {
            let element = self.params.ring().rotation(step);
            let instance = self.context.instance(round);
            let protocol = CollectiveGaloisKey::new(&self.params, &instance, element);
            keys.insert(run(&protocol, &self.secrets));
        }
        keys
    }

    fn encrypt(&self, encoder: &Encoder, slots: &[f64], tag: u8) -> Ciphertext {
        let plain = encoder.encode(slots, LEVELS, self.params.scale()).unwrap();
        encrypt(&self.params, &self.pk, &plain, &mut xof(tag))
    }
}

fn samples(features: usize, rows: usize) -> Samples {
    let value = |k: usize| ((k * 7_919 % 1_013) as f64 * 0.37).sin() / 2.0;
    let values = (0..rows * features).map(value).collect();
    Samples::new(features, values, vec![0.0; rows]).unwrap()
}

/// Predicts for as many rows as fit and for a few, and compares with the network in the clear.
fn check(config: MlpConfig) {
    let layout = PredictionLayout::new(&config).unwrap();
    let cohort = Cohort::new(config.slots);
    let encoder = Encoder::new(&cohort.params);
    let keys = cohort.keys(&layout.columns().hidden_rotations());
    let engine = Engine::new(Evaluator::new(&cohort.params, keys), encoder.clone());
    let weights = MlpWeights::initial(&config);
    let mut tag = 20;
    let mut encrypted = |slots: &Vec<f64>| {
        tag += 1;
        cohort.encrypt(&encoder, slots, tag)
    };
    let model: Vec<Vec<Ciphertext>> = (layout.pack_model(&weights).iter())
        .map(|layer| layer.iter().map(&mut encrypted).collect())
        .collect();
    let querier = SecretKey::sample(&cohort.params, &mut xof(7));
    let querier_pk = PublicKey::generate(&cohort.params, &querier, &mut xof(8));
    let table = samples(config.inputs(), layout.samples() + 2);
    for (round, count) in [(500, layout.samples()), (501, 3)] {
        let rows: Vec<usize> = (0..count).map(|k| (k * 5 + 1) % table.len()).collect();
        let query: Vec<Ciphertext> = (layout.pack_query(&table, &rows).unwrap().iter())
            .map(&mut encrypted)
            .collect();
        let outputs = layout.predict(&engine, &model, &query).unwrap();
        assert_eq!(outputs.level(), LEVELS - (2 * config.depth() - 1));
        let instance = cohort.context.instance(round);
        let flooding = SmudgingBits::new(12);
        let switch =
            KeySwitchToPublic::new(&cohort.params, &instance, &outputs, &querier_pk, flooding);
        let answer = run(&switch.unwrap(), &cohort.secrets);
        let slots = encoder.decode(&decrypt(&cohort.params, &querier, &answer));
        let found = layout.unpack(&slots, count).unwrap();
        for (k, &row) in rows.iter().enumerate() {
            let expected = weights.outputs(&config, table.row(row));
            for (found, expected) in found.row(k).iter().zip(&expected) {
                assert!(
                    (found - expected).abs() < 1e-4,
                    "row {k}: {found} instead of {expected}"
                );
            }
        }
    }
    // What does not fit is refused.
    let all: Vec<usize> = (0..table.len()).collect();
    assert!(layout.pack_query(&table, &all).is_err());
    assert!(layout.pack_query(&table, &[table.len()]).is_err());
    assert!(layout.predict(&engine, &model[1..], &[]).is_err());
    assert!(layout.predict(&engine, &model, &[]).is_err());
}

#[test]
fn an_encrypted_model_answers_encrypted_queries_as_it_does_in_the_clear() {
    // Three pieces of inputs, the last with the constant alone and room to spare.
    check(MlpConfig {
        slots: 256,
        batch: 8,
        ..MlpConfig::new(&[16, 8, 5, 3])
    });
}

#[test]
fn activations_with_a_constant_and_one_hidden_layer_agree_too() {
    check(MlpConfig {
        slots: 256,
        batch: 4,
        activation: PolynomialActivation::fit(Curve::Silu, 2, 4.0).unwrap(),
        ..MlpConfig::new(&[11, 8, 2])
    });
}
