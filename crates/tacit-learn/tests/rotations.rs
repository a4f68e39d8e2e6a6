//! Galois keys reach as high as the circuits rotate, relinearisation keys as high as they multiply, and no higher.

use std::collections::BTreeSet;

use tacit_ckks::{
    Ciphertext, CkksError, Encoder, EvaluationKeys, Evaluator, GaloisKey, Parameters, PublicKey,
    RelinearisationKey, SecretKey, SwitchingKey, encrypt,
};
use tacit_learn::encrypted::{Circuit, EncryptedError, EncryptionPlan, Rotation, prediction_folds};
use tacit_learn::model::{Family, GlmConfig, Samples};
use tacit_learn::packing::{Batch, Diagonals, Layout};
use tacit_learn::synthetic;
use tacit_mhe::PartySecret;
use tacit_ring::{SecretPoly, Seed, Xof};

/// Who owns all keys, and what it computes with them.
struct Owner {
    config: GlmConfig,
    encryption: EncryptionPlan,
    layout: Layout,
    rows: Samples,
    sk: SecretKey,
    pk: PublicKey,
    keys: EvaluationKeys,
    xof: Xof,
}

impl Owner {
    fn new(family: Family, features: usize, batch: usize) -> Self {
        let config = GlmConfig {
            slots: 256,
            batch,
            iterations: 3,
            ..GlmConfig::new(family, features)
        };
        let encryption = EncryptionPlan::insecure_toy(&config, 3).unwrap();
        let layout = config.layout().unwrap();
        let mut table = synthetic::Ar1Logistic::new(features, 0.5, 0.1, 4).unwrap();
        let params = &encryption.params;
        let mut xof = Seed::from_bytes([9; 32]).expand();
        let sk = SecretKey::sample(params, &mut xof);
        let pk = PublicKey::generate(params, &sk, &mut xof);
        let mut keys = EvaluationKeys {
            relinearisation: Some(relinearisation(
                params,
                &sk,
                encryption.answer_level(),
                &mut xof,
            )),
            ..Default::default()
        };
        for rotation in encryption.rotations(&layout) {
            keys.insert(galois(params, &sk, rotation, &mut xof));
        }
        Self {
            rows: table.draw(batch).unwrap(),
            config,
            encryption,
            layout,
            sk,
            pk,
            keys,
            xof,
        }
    }

    fn params(&self) -> &Parameters {
        &self.encryption.params
    }

    fn encrypt(&mut self, level: usize, scale: f64) -> Ciphertext {
        let values = vec![0.125; self.layout.slots()];
        let encoder = Encoder::new(self.params());
        let m = encoder.encode(&values, level, scale).unwrap();
        encrypt(&self.encryption.params, &self.pk, &m, &mut self.xof)
    }

    /// A gradient, its fold, and an answer.
    fn run(&mut self, keys: EvaluationKeys) -> Result<(), EncryptedError> {
        let params = self.params().clone();
        let circuit = Circuit::new(
            Evaluator::new(&params, keys),
            Encoder::new(&params),
            self.layout,
            self.config.family,
            *self.config.activation().unwrap().folded(),
        );
        let (top, answers) = (self.encryption.top_level(), self.encryption.answer_level());
        let point = self.encrypt(top, params.scale());
        let raised = f64::from(self.encryption.query_scale_bits()).exp2();
        let (model, query) = (self.encrypt(answers, raised), self.encrypt(answers, raised));
        let batch = Batch::new(&self.rows, 0..self.rows.len(), 1.0).unwrap();
        let diagonals = Diagonals::new(self.layout, batch).unwrap();
        let gradient = circuit.gradient(&point, &diagonals)?;
        let secret = PartySecret::from_seed(&params, &Seed::from_bytes([1; 32]));
        let gradient = gradient.rerandomise(&params, &self.pk, &secret, b"gradient", None)?;
        let level = self.encryption.refresh_level;
        assert_eq!(gradient.level(), level + 1);
        assert_eq!(circuit.fold(gradient, 0.5)?.level(), level);
        circuit.predict(&model, &query).map(drop)
    }
}

fn galois(params: &Parameters, sk: &SecretKey, rotation: Rotation, xof: &mut Xof) -> GaloisKey {
    let element = params.ring().rotation(rotation.steps as i64);
    GaloisKey::at_level(params, sk, element, rotation.level, xof)
}

fn relinearisation(
    params: &Parameters,
    sk: &SecretKey,
    level: usize,
    xof: &mut Xof,
) -> RelinearisationKey {
    let square = SecretPoly::new(params.ring().mul(sk.poly(), sk.poly()));
    RelinearisationKey(SwitchingKey::generate(
        params,
        level,
        &square,
        sk.poly(),
        xof,
    ))
}

/// Layouts with babies, giants, copies and groups, and without; every kind of gradient.
fn cases() -> impl Iterator<Item = Owner> {
    let cases = [
        (Family::Logistic, 5, 32),
        (Family::Logistic, 60, 16),
        (Family::Logistic, 100, 64),
        (Family::Linear, 60, 16),
        (Family::Linear, 3, 8),
        (Family::Poisson, 31, 16),
        (Family::Logistic, 20, 256),
        (Family::Multinomial { classes: 3 }, 20, 16),
    ];
    (cases.into_iter()).map(|(family, features, batch)| Owner::new(family, features, batch))
}

#[test]
fn every_key_reaches_as_high_as_it_is_used_and_no_higher() {
    let mut kinds = BTreeSet::new();
    for mut owner in cases() {
        let keys = owner.keys.clone();
        let layout = owner.layout;
        owner.run(keys.clone()).unwrap();
        let (bsgs, copies) = (layout.bsgs(), layout.copies() > 1);
        kinds.insert((bsgs.baby > 1, bsgs.giant > 1, copies));
        for rotation in owner.encryption.rotations(&layout) {
            let lower = Rotation {
                level: rotation.level - 1,
                ..rotation
            };
            let key = galois(&owner.encryption.params, &owner.sk, lower, &mut owner.xof);
            let mut keys = keys.clone();
            keys.insert(key);
            let error = owner.run(keys).unwrap_err();
            let EncryptedError::Ckks(CkksError::GaloisKeyLevel {
                steps, key, found, ..
            }) = error
            else {
                panic!("{rotation:?}: {error}");
            };
            let expected = (rotation.steps as i64, rotation.level - 1, rotation.level);
            assert_eq!((steps, key, found), expected, "{:?}", owner.config);
        }
    }
    // Babies with giants and without, giants with copies and without, copies alone.
    assert_eq!(kinds.len(), 4, "{kinds:?}");
}

#[test]
fn the_relinearisation_key_reaches_as_high_as_answers_and_no_higher() {
    let mut below_the_top = BTreeSet::new();
    for mut owner in cases() {
        let level = owner.encryption.answer_level();
        below_the_top.insert(owner.encryption.top_level() - level);
        let lower = relinearisation(
            &owner.encryption.params,
            &owner.sk,
            level - 1,
            &mut owner.xof,
        );
        let keys = EvaluationKeys {
            relinearisation: Some(lower),
            ..owner.keys.clone()
        };
        let error = owner.run(keys).unwrap_err();
        let EncryptedError::Ckks(CkksError::KeyLevel { key, found, .. }) = error else {
            panic!("{error}");
        };
        assert_eq!((key, found), (level - 1, level), "{:?}", owner.config);
    }
    // Linear models have fewer levels, so that their answers need the highest one.
    assert_eq!(below_the_top, BTreeSet::from([0, 1]));
}

#[test]
fn rotations_are_those_of_the_layout_and_of_answers_and_folds_of_groups_stay_low() {
    for owner in cases() {
        let (layout, encryption) = (owner.layout, &owner.encryption);
        let rotations = encryption.rotations(&layout);
        let steps: Vec<usize> = rotations.iter().map(|r| r.steps).collect();
        let mut all: BTreeSet<usize> = layout.rotations().into_iter().collect();
        all.extend(prediction_folds(&layout));
        assert!(steps.iter().copied().eq(all), "{steps:?}");
        for rotation in rotations {
            let of_groups = layout.group_folds().any(|s| s == rotation.steps);
            assert_eq!(rotation.level == encryption.refresh_level + 1, of_groups);
            assert!(!(of_groups && rotation.by_parties));
        }
    }
}
