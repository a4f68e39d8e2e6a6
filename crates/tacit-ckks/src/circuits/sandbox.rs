//! A key owner for the tests of circuits.

use crate::{
    Ciphertext, Encoder, EvaluationKeys, Evaluator, Parameters, ParametersLiteral, PublicKey,
    SecretKey, decrypt, encrypt,
};
use tacit_ring::{RingKind, Seed, Xof};

pub(crate) const KINDS: [RingKind; 2] = [RingKind::Standard, RingKind::ConjugateInvariant];

/// Everything to try a circuit with, on a ring that is too small to be secure.
pub(crate) struct Sandbox {
    pub params: Parameters,
    pub encoder: Encoder,
    pub evaluator: Evaluator,
    sk: SecretKey,
    pk: PublicKey,
    xof: Xof,
}

impl Sandbox {
    pub fn new(kind: RingKind, rotations: &[i64]) -> Self {
        let mut q_bits = vec![50];
        q_bits.extend([40; 7]);
        let params = Parameters::insecure_toy(&ParametersLiteral {
            kind,
            log_n: 8,
            q_bits,
            p_bits: vec![50, 50],
            log_scale: 40,
        })
        .unwrap();
        let mut xof = Seed::from_bytes([11; 32]).expand();
        let sk = SecretKey::sample(&params, &mut xof);
        Self {
            pk: PublicKey::generate(&params, &sk, &mut xof),
            evaluator: Evaluator::new(
                &params,
                EvaluationKeys::generate(&params, &sk, rotations, &mut xof),
            ),
            encoder: Encoder::new(&params),
            sk,
            params,
            xof,
        }
    }

    pub fn encrypt(&mut self, values: &[f64], scale: f64) -> Ciphertext {
        let m = self
            .encoder
            .encode(values, self.params.max_level(), scale)
            .unwrap();
        encrypt(&self.params, &self.pk, &m, &mut self.xof)
    }

    pub fn decrypt(&self, ct: &Ciphertext) -> Vec<f64> {
        self.encoder.decode(&decrypt(&self.params, &self.sk, ct))
    }
}
