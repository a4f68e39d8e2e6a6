//! Parties with a key that only a test may assemble.

use tacit_ckks::{Ciphertext, Encoder, Parameters, ParametersLiteral, PublicKey, encrypt};
use tacit_mhe::*;
use tacit_ring::{RingKind, Seed, Xof};

/// Insecure parameters with a prime of 50 bits and `levels` of 40, two of them a digit.
pub fn toy(kind: RingKind, log_n: u32, levels: usize) -> Parameters {
    let mut q_bits = vec![50];
    q_bits.resize(levels + 1, 40);
    Parameters::insecure_toy(&ParametersLiteral {
        kind,
        log_n,
        q_bits,
        p_bits: vec![50, 50],
        log_scale: 40,
    })
    .unwrap()
}

pub fn xof(tag: u8) -> Xof {
    Seed::from_bytes([tag; 32]).expand()
}

pub struct Cohort {
    pub params: Parameters,
    pub context: SessionContext,
    pub secrets: Vec<PartySecret>,
    pub pk: PublicKey,
}

impl Cohort {
    pub fn new(params: Parameters, n: usize) -> Self {
        let nonces: Vec<[u8; 32]> = (0..n).map(|i| [i as u8; 32]).collect();
        let context = SessionContext::derive(&[1; 32], &[2; 32], &nonces);
        let secrets: Vec<_> = (0..n)
            .map(|i| PartySecret::from_seed(&params, &Seed::from_bytes([100 + i as u8; 32])))
            .collect();
        let pk = run(
            &CollectivePublicKey::new(&params, &context.instance(0)),
            &secrets,
        );
        Self {
            params,
            context,
            secrets,
            pk,
        }
    }

    pub fn encrypt(&self, values: &[f64], level: usize, tag: u8) -> Ciphertext {
        let encoder = Encoder::new(&self.params);
        let m = encoder.encode(values, level, self.params.scale()).unwrap();
        encrypt(&self.params, &self.pk, &m, &mut xof(tag))
    }
}

/// Runs a protocol through its wire encoding.
pub fn run<P: Protocol>(protocol: &P, secrets: &[PartySecret]) -> P::Output {
    let shares: Vec<Share<P>> = secrets
        .iter()
        .map(|s| {
            let bytes = protocol.encode(&protocol.share(s).unwrap());
            assert_eq!(bytes.len(), protocol.encoded_len());
            protocol.decode(&bytes).unwrap()
        })
        .collect();
    protocol.finish(&protocol.sum(&shares).unwrap()).unwrap()
}
