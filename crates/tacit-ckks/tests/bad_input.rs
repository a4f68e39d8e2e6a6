//! Decoders refuse whatever is not exactly what an encoder wrote, and never panic.

use proptest::prelude::*;
use tacit_ckks::*;
use tacit_ring::{Basis, DecodeError, RingError, RingKind, Seed, Xof};

fn literal(kind: RingKind) -> ParametersLiteral {
    ParametersLiteral {
        kind,
        log_n: 4,
        q_bits: vec![50, 40, 40],
        p_bits: vec![50],
        log_scale: 40,
    }
}

fn params() -> Parameters {
    Parameters::insecure_toy(&literal(RingKind::ConjugateInvariant)).unwrap()
}

/// Same shape, other ring: every length agrees, the digest does not.
fn others() -> Vec<Parameters> {
    let mut wider = literal(RingKind::ConjugateInvariant);
    wider.log_scale = 41;
    [literal(RingKind::Standard), wider]
        .iter()
        .map(|l| Parameters::insecure_toy(l).unwrap())
        .collect()
}

fn xof() -> Xof {
    Seed::from_bytes([1; 32]).expand()
}

type Decoder = fn(&Parameters, &[u8]) -> Result<Vec<u8>, CkksError>;

/// One object of every encoded kind: its name, its bytes, and decode-then-encode.
fn objects(params: &Parameters) -> Vec<(&'static str, Vec<u8>, Decoder)> {
    let mut xof = xof();
    let sk = SecretKey::sample(params, &mut xof);
    let pk = PublicKey::generate(params, &sk, &mut xof);
    let rlk = RelinearisationKey::generate(params, &sk, &mut xof);
    let low = GaloisKey::at_level(params, &sk, params.ring().rotation(1), 1, &mut xof);
    let m = Encoder::new(params)
        .encode(&[0.5, -0.25], 2, params.scale())
        .unwrap();
    let ct = encrypt(params, &pk, &m, &mut xof);
    let evaluator = Evaluator::new(params, EvaluationKeys::default());
    let product = evaluator.mul(&ct, &ct).unwrap();
    let seeded = encrypt_seeded(params, &sk, &m, [2; 32], &mut xof);
    vec![
        ("ciphertext", ct.to_bytes(params), |p, b| {
            Ciphertext::from_bytes(p, b).map(|c| c.to_bytes(p))
        }),
        ("product", product.to_bytes(params), |p, b| {
            Ciphertext::from_bytes(p, b).map(|c| c.to_bytes(p))
        }),
        ("seeded ciphertext", seeded.to_bytes(params), |p, b| {
            SeededCiphertext::from_bytes(p, b).map(|c| c.to_bytes(p))
        }),
        ("public key", pk.to_bytes(params), |p, b| {
            PublicKey::from_bytes(p, b).map(|k| k.to_bytes(p))
        }),
        ("switching key", rlk.0.to_bytes(params), |p, b| {
            SwitchingKey::from_bytes(p, b).map(|k| k.to_bytes(p))
        }),
        (
            "switching key at level 1",
            low.key.to_bytes(params),
            |p, b| SwitchingKey::from_bytes(p, b).map(|k| k.to_bytes(p)),
        ),
        ("ciphertext without c_1", ct.c0_to_bytes(params), |p, b| {
            let known = p.ring().zero(Basis::q(p.max_level() + 1));
            Ciphertext::from_c0_bytes(p, b, known).map(|c| c.c0_to_bytes(p))
        }),
    ]
}

fn decode_error(result: Result<Vec<u8>, CkksError>) -> DecodeError {
    match result {
        Err(CkksError::Ring(RingError::Decode(error))) => error,
        other => panic!("expected a decoding error, found {other:?}"),
    }
}

#[test]
fn what_was_encoded_is_decoded() {
    let params = params();
    for (name, bytes, decode) in objects(&params) {
        assert_eq!(decode(&params, &bytes).unwrap(), bytes, "{name}");
    }
    assert_eq!(
        objects(&params)[0].1.len(),
        Ciphertext::encoded_len(&params, 2)
    );
    assert_eq!(
        objects(&params)[4].1.len(),
        SwitchingKey::encoded_len(&params, params.max_level())
    );
    assert_eq!(
        objects(&params)[6].1.len(),
        Ciphertext::encoded_c0_len(&params, 2)
    );
}

#[test]
fn half_a_ciphertext_is_whole_with_the_other_half_and_refused_with_that_of_another_level() {
    let params = params();
    let ct = Ciphertext::from_bytes(&params, &objects(&params)[0].1).unwrap();
    let half = ct.c0_to_bytes(&params);
    assert!(Ciphertext::is_c0(&half) && !Ciphertext::is_c0(&ct.to_bytes(&params)));
    let whole = Ciphertext::from_c0_bytes(&params, &half, ct.polys()[1].clone());
    assert_eq!(whole.unwrap(), ct);
    let low = params.ring().zero(Basis::q(2));
    assert_eq!(
        Ciphertext::from_c0_bytes(&params, &half, low).unwrap_err(),
        CkksError::Level {
            operation: "c_0 for a known c_1",
            needed: 1,
            found: 2,
        }
    );
}

#[test]
fn every_truncation_is_refused() {
    let params = params();
    for (name, bytes, decode) in objects(&params) {
        for length in 0..bytes.len() {
            let error = decode_error(decode(&params, &bytes[..length]));
            assert!(
                matches!(error, DecodeError::Truncated { .. }),
                "{name} cut to {length}: {error}"
            );
        }
    }
}

#[test]
fn trailing_bytes_are_refused_and_counted() {
    let params = params();
    for (name, bytes, decode) in objects(&params) {
        for extra in [1, 2, bytes.len()] {
            let mut long = bytes.clone();
            long.resize(bytes.len() + extra, 0);
            let error = decode_error(decode(&params, &long));
            let counted =
                matches!(error, DecodeError::TrailingBytes { extra: found, .. } if found == extra);
            assert!(counted, "{name} with {extra} more: {error}");
        }
    }
}

#[test]
fn other_parameters_are_refused_by_their_digest() {
    let params = params();
    for (name, bytes, decode) in objects(&params) {
        for other in others() {
            let error = decode_error(decode(&other, &bytes));
            let named =
                matches!(&error, DecodeError::Field { what, .. } if what.contains("digest"));
            assert!(named, "{name}: {error}");
        }
    }
}

#[test]
fn one_kind_is_not_read_as_another() {
    let params = params();
    let objects = objects(&params);
    for (name, bytes, _) in &objects {
        for (other, _, decode) in &objects {
            let both = |kind: [&str; 2]| [*name, *other].iter().all(|n| kind.contains(n));
            let same = name == other
                || both(["ciphertext", "product"])
                || both(["switching key", "switching key at level 1"]);
            assert_eq!(decode(&params, bytes).is_ok(), same, "{name} as {other}");
        }
    }
}

#[test]
fn unreduced_residues_are_refused_with_their_place() {
    let params = params();
    for (name, mut bytes, decode) in objects(&params) {
        // The last residue is one of the last prime of the last polynomial.
        let end = bytes.len();
        bytes[end - 5..].fill(0xff);
        let error = decode_error(decode(&params, &bytes));
        let placed =
            matches!(error, DecodeError::Residue { index: 15, found, prime, .. } if found >= prime);
        assert!(placed, "{name}: {error}");
    }
    // The smallest unreduced value: the prime itself, as the first residue of the first limb.
    let (_, mut bytes, decode) = objects(&params).swap_remove(0);
    let prime = params.ring().q(0).value();
    bytes[19..26].copy_from_slice(&prime.to_le_bytes()[..7]);
    let error = decode_error(decode(&params, &bytes));
    assert!(matches!(
        error,
        DecodeError::Residue { limb: 0, index: 0, found, .. } if found == prime
    ));
}

#[test]
fn absurd_levels_counts_and_scales_are_refused_by_field() {
    let params = params();
    let objects = objects(&params);
    for (name, bytes, decode) in [&objects[0], &objects[2], &objects[6]] {
        let field = |position: usize, new: &[u8]| {
            let mut bytes = bytes.clone();
            bytes[position..position + new.len()].copy_from_slice(new);
            match decode_error(decode(&params, &bytes)) {
                DecodeError::Field { what, .. } => what,
                other => panic!("{name}: {other}"),
            }
        };
        for count in [0, 1, 4, 255] {
            assert!(field(9, &[count]).contains("count"));
        }
        for level in [3, 7, 255] {
            assert!(field(10, &[level]).contains("level"));
        }
        let scales = [
            0.0,
            -0.0,
            0.5,
            -1e12,
            2f64.powi(131),
            f64::MAX,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::NAN,
            f64::MIN_POSITIVE,
        ];
        for scale in scales {
            assert!(field(11, &scale.to_le_bytes()).contains("scale"), "{scale}");
        }
    }
}

#[test]
fn an_unknown_version_is_refused_by_number() {
    let params = params();
    for (name, bytes, decode) in objects(&params) {
        let (before, after) = (bytes[0] - 1, bytes[0] + 1);
        for version in [0, before, after, 0x80, 0xff] {
            let mut bytes = bytes.clone();
            bytes[0] = version;
            let error = decode_error(decode(&params, &bytes));
            assert!(
                matches!(error, DecodeError::Version { found, .. } if found == version),
                "{name}: {error}"
            );
        }
    }
}

#[test]
fn every_flipped_bit_of_a_header_changes_the_object_or_is_refused() {
    let params = params();
    for (name, bytes, decode) in objects(&params) {
        for bit in 0..8 * 60 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // Nothing is silently normalised: what is accepted encodes to the same bytes.
            if let Ok(again) = decode(&params, &flipped) {
                assert_eq!(again, flipped, "{name}, bit {bit}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn corrupt_bytes_never_panic_and_never_normalise(
        which in 0usize..7,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
        truncate in any::<bool>(),
    ) {
        let params = params();
        let (_, mut bytes, decode) = objects(&params).swap_remove(which);
        for (position, value) in edits {
            let position = position.index(bytes.len());
            bytes[position] = value;
        }
        if truncate {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(again) = decode(&params, &bytes) {
            prop_assert_eq!(again, bytes);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), which in 0usize..7) {
        let params = params();
        let (_, _, decode) = objects(&params).swap_remove(which);
        prop_assert!(decode(&params, &bytes).is_err());
    }

    #[test]
    fn ciphertexts_of_every_level_and_scale_round_trip(
        level in 0usize..3,
        log_scale in 10u32..48,
        values in prop::collection::vec(-1.0f64..1.0, 1..16),
        seed: [u8; 32],
    ) {
        let params = params();
        let mut xof = Seed::from_bytes(seed).expand();
        let sk = SecretKey::sample(&params, &mut xof);
        let scale = 2f64.powi(log_scale as i32) * 1.25;
        let m = Encoder::new(&params).encode(&values, level, scale).unwrap();
        let pk = PublicKey::generate(&params, &sk, &mut xof);
        let ct = encrypt(&params, &pk, &m, &mut xof);
        prop_assert_eq!(&Ciphertext::from_bytes(&params, &ct.to_bytes(&params)).unwrap(), &ct);
        let seeded = encrypt_seeded(&params, &sk, &m, seed, &mut xof);
        let back = SeededCiphertext::from_bytes(&params, &seeded.to_bytes(&params)).unwrap();
        prop_assert_eq!(back.expand(&params), seeded.expand(&params));
        prop_assert_eq!(&PublicKey::from_bytes(&params, &pk.to_bytes(&params)).unwrap(), &pk);
    }
}
