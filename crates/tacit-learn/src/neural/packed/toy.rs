//! One key on a small ring **without security**, to test packed operations with.

use std::cell::RefCell;

use tacit_ckks::{
    Ciphertext, Encoder, EvaluationKeys, Evaluator, Parameters, ParametersLiteral, PublicKey,
    SecretKey, decrypt, encrypt,
};
use tacit_ring::{RingKind, Seed, Xof};

use super::Engine;

/// The highest level.
pub const TOP: usize = 3;
/// What computed and expected numbers may differ by.
pub const LOW: f64 = 1e-5;

/// A number for a number, without a pattern.
pub fn wave(seed: usize) -> f64 {
    ((seed * 7_919 % 1_013) as f64 * 0.37).sin()
}

/// Somebody who holds the key, and an engine with what it takes to turn by some steps.
pub struct Toy {
    pub engine: Engine,
    secret: SecretKey,
    public: PublicKey,
    xof: RefCell<Xof>,
}

impl Toy {
    /// With keys for `steps`.
    pub fn new(log_n: u32, mut steps: Vec<i64>) -> Self {
        let params = Parameters::insecure_toy(&ParametersLiteral {
            kind: RingKind::ConjugateInvariant,
            log_n,
            q_bits: vec![50, 40, 40, 40],
            p_bits: vec![50, 50],
            log_scale: 40,
        })
        .unwrap();
        let mut xof = Seed::from_bytes([9; 32]).expand();
        let secret = SecretKey::sample(&params, &mut xof);
        let public = PublicKey::generate(&params, &secret, &mut xof);
        steps.sort_unstable();
        steps.dedup();
        let keys = EvaluationKeys::generate(&params, &secret, &steps, &mut xof);
        let engine = Engine::new(Evaluator::new(&params, keys), Encoder::new(&params));
        let xof = xof.into();
        Self {
            engine,
            secret,
            public,
            xof,
        }
    }

    /// Slots, encrypted at the highest level.
    pub fn encrypt(&self, slots: &[f64]) -> Ciphertext {
        let (params, encoder) = (self.engine.params(), self.engine.encoder());
        let plain = encoder.encode(slots, TOP, params.scale()).unwrap();
        encrypt(params, &self.public, &plain, &mut self.xof.borrow_mut())
    }

    /// The slots of a ciphertext.
    pub fn decrypt(&self, ct: &Ciphertext) -> Vec<f64> {
        let params = self.engine.params();
        let plain = decrypt(params, &self.secret, ct);
        self.engine.encoder().decode(&plain)
    }
}

/// Every number is the expected one.
pub fn close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < LOW, "{found} is not {expected}");
    }
}

/// What only a test may do with a ciphertext that depends on data.
pub fn reveal(private: tacit_mhe::Private) -> Ciphertext {
    let mut out = None;
    let _ = private.map(|ct| {
        out = Some(ct.clone());
        ct
    });
    out.unwrap()
}
