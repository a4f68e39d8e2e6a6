//! Ciphertexts and keys, and sums of ciphertexts without decoding.

use super::canonical;
use std::sync::LazyLock;
use tacit_ckks::{
    Ciphertext, Parameters, ParametersLiteral, Plaintext, PublicKey, RelinearisationKey, SecretKey,
    SeededCiphertext, SwitchingKey, encrypt_seeded, encrypt_zero,
};
use tacit_ring::{Basis, RingKind, Seed, Xof};

pub static PARAMS: LazyLock<Parameters> = LazyLock::new(|| {
    let literal = ParametersLiteral {
        kind: RingKind::ConjugateInvariant,
        log_n: 4,
        q_bits: vec![50, 40, 40, 40],
        p_bits: vec![50, 50],
        log_scale: 40,
    };
    Parameters::insecure_toy(&literal).expect("valid parameters")
});

pub fn xof(tag: u8) -> Xof {
    Seed::from_bytes([tag; 32]).expand()
}

pub fn public_key_of(tag: u8) -> PublicKey {
    let sk = SecretKey::sample(&PARAMS, &mut xof(tag));
    PublicKey::generate(&PARAMS, &sk, &mut xof(tag + 1))
}

pub fn ciphertext_at(level: usize) -> Ciphertext {
    encrypt_zero(
        &PARAMS,
        &public_key_of(1),
        level,
        PARAMS.scale(),
        &mut xof(3),
    )
}

pub fn ciphertext(data: &[u8]) -> bool {
    Ciphertext::from_bytes(&PARAMS, data).is_ok_and(|ct| canonical(data, &ct.to_bytes(&PARAMS)))
}

pub fn ciphertext_seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<_> = (0..4).map(|l| ciphertext_at(l).to_bytes(&PARAMS)).collect();
    let [c0, c1]: [_; 2] = ciphertext_at(1).into_polys().try_into().expect("two");
    let three = Ciphertext::from_parts(vec![c0.clone(), c1, c0], PARAMS.scale());
    seeds.push(three.to_bytes(&PARAMS));
    seeds
}

/// The other half is known: it is 0, at level 1.
pub fn half(data: &[u8]) -> bool {
    let known = PARAMS.ring().zero(Basis::q(2));
    Ciphertext::from_c0_bytes(&PARAMS, data, known)
        .is_ok_and(|ct| canonical(data, &ct.c0_to_bytes(&PARAMS)))
}

pub fn half_seeds() -> Vec<Vec<u8>> {
    vec![ciphertext_at(1).c0_to_bytes(&PARAMS)]
}

pub fn seeded(data: &[u8]) -> bool {
    SeededCiphertext::from_bytes(&PARAMS, data).is_ok_and(|ct| {
        ct.expand(&PARAMS);
        canonical(data, &ct.to_bytes(&PARAMS))
    })
}

pub fn seeded_seeds() -> Vec<Vec<u8>> {
    let sk = SecretKey::sample(&PARAMS, &mut xof(1));
    let zero = Plaintext::from_parts(PARAMS.ring().zero(Basis::q(3)), PARAMS.scale());
    vec![encrypt_seeded(&PARAMS, &sk, &zero, [7; 32], &mut xof(2)).to_bytes(&PARAMS)]
}

pub fn public_key(data: &[u8]) -> bool {
    PublicKey::from_bytes(&PARAMS, data).is_ok_and(|key| canonical(data, &key.to_bytes(&PARAMS)))
}

pub fn public_key_seeds() -> Vec<Vec<u8>> {
    vec![public_key_of(1).to_bytes(&PARAMS)]
}

pub fn switching_key(data: &[u8]) -> bool {
    SwitchingKey::from_bytes(&PARAMS, data).is_ok_and(|key| canonical(data, &key.to_bytes(&PARAMS)))
}

pub fn switching_key_seeds() -> Vec<Vec<u8>> {
    let sk = SecretKey::sample(&PARAMS, &mut xof(1));
    vec![
        RelinearisationKey::generate(&PARAMS, &sk, &mut xof(2))
            .0
            .to_bytes(&PARAMS),
    ]
}

/// The input is two encodings, cut in the middle.
pub fn add_encoded(data: &[u8]) -> bool {
    let (into, other) = data.split_at(data.len() / 2);
    let mut sum = into.to_vec();
    match Ciphertext::add_encoded(&PARAMS, &mut sum, other) {
        Ok(()) => {
            // What is summed without decoding is what decodes, and the sum decodes too.
            assert!(ciphertext(into) && ciphertext(other) && ciphertext(&sum));
            true
        }
        Err(_) => {
            assert_eq!(sum, into, "a refused sum changed its left side");
            false
        }
    }
}

pub fn add_encoded_seeds() -> Vec<Vec<u8>> {
    ciphertext_seeds()
        .iter()
        .map(|ct| [&ct[..], ct].concat())
        .collect()
}
