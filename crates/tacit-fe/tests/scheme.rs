//! The scheme as its users see it: decryption gives f(x), and bad input is refused by name.

use proptest::prelude::*;
use tacit_fe::group::{G1Affine, G2Affine, Gt};
use tacit_fe::*;
use tacit_ring::{DecodeError, Seed};

fn master(inputs: usize, input_max: u16) -> MasterSecret {
    MasterSecret::from_seed(inputs, input_max, &Seed::from_bytes([7; 32])).unwrap()
}

fn model(sizes: (usize, usize, usize), p: Vec<i16>, d: Vec<i16>, input_max: u16) -> IntegerModel {
    IntegerModel::new(sizes, p, d, input_max).unwrap()
}

/// f(x) in the exponent, computed in the clear.
fn expected(model: &IntegerModel, x: &[u16]) -> Vec<Gt> {
    let g = Gt::generator();
    let outputs = model.evaluate(x).unwrap();
    outputs.into_iter().map(|f| g.pow_signed(f)).collect()
}

/// Encrypts in every way, evaluates on one and on two threads, and compares with the clear.
fn check(model: &IntegerModel, x: &[u16]) {
    let master = master(model.inputs(), model.input_max());
    let key = master.keygen(model).unwrap();
    let expected = expected(model, x);
    let public = master.public_key();
    let plans = [1, 2].map(|threads| EvaluationPlan::new(&key, model, threads).unwrap());
    for timing in [Timing::ConstantTime, Timing::Tables] {
        for encryptor in [
            Encryptor::public(public, timing),
            Encryptor::authority(&master, timing),
        ] {
            let ciphertext = encryptor.encrypt(x).unwrap();
            for plan in &plans {
                assert_eq!(
                    plan.evaluate(&ciphertext).unwrap(),
                    expected,
                    "{encryptor:?}"
                );
            }
        }
    }
}

fn small_model() -> IntegerModel {
    model(
        (3, 2, 2),
        vec![1, -2, 0, 3, -15, 4],
        vec![1, -1, 2, 31],
        255,
    )
}

fn small_ciphertext(master: &MasterSecret) -> Ciphertext {
    Encryptor::authority(master, Timing::Tables)
        .encrypt(&[1, 200, 17])
        .unwrap()
}

fn any_model() -> impl Strategy<Value = (IntegerModel, Vec<u16>)> {
    (1..12usize, 1..6usize, 1..4usize, 1..=i16::MAX).prop_flat_map(|(n, d, k, size)| {
        let coefficient = prop_oneof![Just(0), -size..=size];
        (
            prop::collection::vec(coefficient.clone(), n * d),
            prop::collection::vec(prop_oneof![Just(1), -31..=31i16], d * k),
            prop::collection::vec(prop_oneof![Just(0), Just(255), 0..=255u16], n),
        )
            .prop_map(move |(p, d_matrix, x)| (model((n, d, k), p, d_matrix, 255), x))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn decryption_gives_f_of_x((model, x) in any_model()) {
        let zero = (0..model.outputs()).find(|&k| {
            (0..model.hidden()).all(|j| {
                model.projection_column(j).all(|p| p == 0)
                    || model.combination_column(k).nth(j) == Some(0)
            })
        });
        match zero {
            // An output may also vanish because its terms cancel.
            Some(output) => {
                let refused = master(model.inputs(), 255).keygen(&model);
                let first = matches!(refused, Err(FeError::ZeroOutput { output: k }) if k <= output);
                prop_assert!(first);
            }
            None if matches!(
                master(model.inputs(), 255).keygen(&model),
                Err(FeError::ZeroOutput { .. })
            ) => {}
            None => check(&model, &x),
        }
    }
}

#[test]
fn extreme_inputs_and_coefficients_decrypt() {
    let sizes = (4, 3, 2);
    let p = vec![
        i16::MIN,
        i16::MAX,
        1,
        -1,
        0,
        i16::MIN,
        i16::MAX,
        2,
        0,
        16,
        -16,
        17,
    ];
    let model = model(sizes, p, vec![1, -1, 31, 0, -32, 5], 2);
    for x in [[0; 4], [2; 4], [0, 2, 0, 1]] {
        check(&model, &x);
    }
    let wide = self::model((1, 1, 1), vec![1], vec![1], u16::MAX);
    check(&wide, &[u16::MAX]);
}

#[test]
fn columns_with_gaps_repetitions_and_nothing_decrypt() {
    // Columns: a lone large coefficient, two equal ones, opposite ones, zeros, a gap at the top.
    let columns: [[i16; 6]; 6] = [
        [0, 0, 31, 0, 0, 0],
        [7, 7, 7, 7, 7, 7],
        [5, -5, 5, -5, 5, -5],
        [0; 6],
        [15, 15, 1, 1, -1, 0],
        [1, 2, 3, 4, 8, 16],
    ];
    let p = (0..6)
        .flat_map(|i| columns.map(|column| column[i]))
        .collect();
    let model = model((6, 6, 2), p, vec![1; 12], 255);
    check(&model, &[1, 0, 255, 3, 3, 90]);
    check(&model, &[0; 6]);
}

#[test]
fn a_network_of_the_published_shape_decrypts() {
    let (n, d, k) = (785, 40, 10);
    let mut xof = Seed::from_bytes([1; 32]).expand();
    let mut draw = |size: u64| (xof.next_u64() % (2 * size + 1)) as i16 - size as i16;
    let p = (0..n * d)
        .map(|_| draw(15) * i16::from(draw(1) > 0))
        .collect();
    let combination = (0..d * k).map(|_| draw(31)).collect();
    let model = model((n, d, k), p, combination, 255);
    let x: Vec<u16> = (0..n as u16).map(|i| (i * 37) % 256).collect();
    check(&model, &x);
}

#[test]
fn known_answers_of_key_generation() {
    let master = master(3, 255);
    let hash = master.public_key().hash().to_string();
    let key = master.keygen(&small_model()).unwrap();
    let digest = blake3::hash(&key.to_bytes()).to_hex().to_string();
    assert_eq!(
        (hash.as_str(), &digest[..16]),
        (PUBLIC_KEY_HASH, FUNCTIONAL_KEY_DIGEST)
    );
}

const PUBLIC_KEY_HASH: &str = "c28ae0fb3514059c2d179ab5a8ecfaa5e1934b7f9ad52c9d6562a28e30b0ffd0";
const FUNCTIONAL_KEY_DIGEST: &str = "ff7aff38dbe0bdbb";

#[test]
fn inputs_of_wrong_shape_or_range_are_refused() {
    let master = master(3, 255);
    let encryptor = Encryptor::public(master.public_key(), Timing::ConstantTime);
    let shape = encryptor.encrypt(&[1, 2]).unwrap_err();
    assert!(matches!(
        shape,
        FeError::InputShape {
            found: 2,
            expected: 3
        }
    ));
    let range = encryptor.encrypt(&[1, 256, 2]).unwrap_err();
    assert!(matches!(
        range,
        FeError::InputRange {
            index: 1,
            found: 256,
            ..
        }
    ));
    for (inputs, input_max) in [(0, 255), (65_537, 255), (3, 0)] {
        let refused = MasterSecret::generate(inputs, input_max);
        assert!(matches!(refused, Err(FeError::KeyShape { .. })));
    }
}

#[test]
fn models_that_do_not_fit_the_master_key_are_refused() {
    let longer = master(4, 255).keygen(&small_model());
    assert!(matches!(
        longer,
        Err(FeError::ModelDoesNotFitKey { key_inputs: 4, .. })
    ));
    // The model's bounds were proven for smaller inputs than the key encrypts.
    let larger = master(3, 256).keygen(&small_model());
    assert!(matches!(
        larger,
        Err(FeError::ModelDoesNotFitKey {
            key_input_max: 256,
            ..
        })
    ));
    let zero = model((3, 1, 2), vec![1, 2, 3], vec![1, 0], 255);
    let refused = master(3, 255).keygen(&zero);
    assert!(matches!(refused, Err(FeError::ZeroOutput { output: 1 })));
}

#[test]
fn a_key_for_another_model_or_authority_is_refused() {
    let (model, master) = (small_model(), master(3, 255));
    let key = master.keygen(&model).unwrap();
    let other = self::model(
        (3, 2, 2),
        vec![1, -2, 0, 3, -15, 5],
        vec![1, -1, 2, 31],
        255,
    );
    let refused = EvaluationPlan::new(&key, &other, 1);
    assert!(matches!(refused, Err(FeError::KeyForOtherModel { .. })));
    let stranger = MasterSecret::from_seed(3, 255, &Seed::from_bytes([8; 32])).unwrap();
    let plan = EvaluationPlan::new(&key, &model, 1).unwrap();
    let refused = plan.evaluate(&small_ciphertext(&stranger));
    assert!(matches!(
        refused,
        Err(FeError::CiphertextForOtherKey { .. })
    ));
}

#[test]
fn encodings_round_trip() {
    let master = master(3, 255);
    let public = master.public_key();
    assert_eq!(&PublicKey::from_bytes(&public.to_bytes()).unwrap(), public);
    let restored = MasterSecret::from_secret_bytes(&master.to_secret_bytes()).unwrap();
    assert_eq!(restored.public_key(), public);
    let key = master.keygen(&small_model()).unwrap();
    assert_eq!(FunctionalKey::from_bytes(&key.to_bytes()).unwrap(), key);
    let ct = small_ciphertext(&master);
    assert_eq!(Ciphertext::from_bytes(&ct.to_bytes()).unwrap(), ct);
    assert_eq!(Ciphertext::from_bytes(&ct.to_raw_bytes()).unwrap(), ct);
    assert_eq!(
        Ciphertext::from_trusted_bytes(&ct.to_raw_bytes()).unwrap(),
        ct
    );
}

/// Every decoder, on one of its encodings: bytes, decoder.
type Decoder = (Vec<u8>, fn(&[u8]) -> Result<(), FeError>);

fn decoders() -> Vec<Decoder> {
    let master = master(3, 255);
    let ct = small_ciphertext(&master);
    let key = master.keygen(&small_model()).unwrap();
    vec![
        (master.public_key().to_bytes(), |b| {
            PublicKey::from_bytes(b).map(drop)
        }),
        (master.to_secret_bytes().to_vec(), |b| {
            MasterSecret::from_secret_bytes(b).map(drop)
        }),
        (key.to_bytes(), |b| FunctionalKey::from_bytes(b).map(drop)),
        (ct.to_bytes(), |b| Ciphertext::from_bytes(b).map(drop)),
        (ct.to_raw_bytes(), |b| Ciphertext::from_bytes(b).map(drop)),
        (ct.to_raw_bytes(), |b| {
            Ciphertext::from_trusted_bytes(b).map(drop)
        }),
    ]
}

#[test]
fn truncated_longer_and_foreign_bytes_are_refused() {
    for (bytes, decode) in decoders() {
        decode(&bytes).unwrap();
        for end in 0..bytes.len() {
            let error = decode(&bytes[..end]).unwrap_err();
            assert!(
                matches!(error, FeError::Decode(DecodeError::Truncated { .. })),
                "{error}"
            );
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        let error = decode(&longer).unwrap_err();
        assert!(
            matches!(error, FeError::Decode(DecodeError::TrailingBytes { .. })),
            "{error}"
        );
        for position in [0, 1] {
            let mut other = bytes.clone();
            other[position] ^= 0x40;
            let error = decode(&other).unwrap_err();
            assert!(
                matches!(error, FeError::Decode(DecodeError::Version { .. })),
                "{error}"
            );
        }
    }
}

#[test]
fn absurd_counts_are_refused_before_anything_is_allocated() {
    // Where the count stands in each encoding.
    for ((mut bytes, decode), at) in decoders().into_iter().zip([2, 2, 66, 34, 34, 34]) {
        for count in [0u32, u32::MAX, 1 << 30] {
            bytes[at..at + 4].copy_from_slice(&count.to_le_bytes());
            let error = decode(&bytes).unwrap_err();
            assert!(
                matches!(error, FeError::Decode(DecodeError::Field { .. })),
                "{error}"
            );
        }
        bytes[at..at + 4].copy_from_slice(&60_000u32.to_le_bytes());
        let error = decode(&bytes).unwrap_err();
        let expected = matches!(
            error,
            FeError::Decode(DecodeError::Truncated { .. } | DecodeError::Field { .. })
        );
        assert!(expected, "{error}");
    }
}

#[test]
fn bad_points_are_refused_with_their_place() {
    let master = master(3, 255);
    let ct = small_ciphertext(&master);
    let (compressed, raw) = (ct.to_bytes(), ct.to_raw_bytes());
    let fault = |bytes: &[u8]| match Ciphertext::from_bytes(bytes) {
        Err(FeError::Point { what, index, fault }) => (what, index, fault),
        other => panic!("{other:?}"),
    };
    // A point outside the subgroup: some small x whose point has another order.
    let outside: Vec<[u8; 48]> = (1..50u8)
        .map(|x| {
            let mut bytes = [0; 48];
            (bytes[0], bytes[47]) = (0x80, x);
            bytes
        })
        .filter(|b| G1Affine::from_compressed(b) == Err(PointFault::NotInSubgroup))
        .collect();
    let (g1, g2) = (38 + 48, 38 + 48 * 7);
    let mut bytes = compressed.clone();
    bytes[g1 + 2 * 48..g1 + 3 * 48].copy_from_slice(&outside[0]);
    assert_eq!(
        fault(&bytes),
        ("ciphertext, G1", 2, PointFault::NotInSubgroup)
    );
    let mut bytes = compressed.clone();
    bytes[g2 + 96..g2 + 192].copy_from_slice(&G2Affine::identity().to_compressed());
    assert_eq!(fault(&bytes), ("ciphertext, G2", 1, PointFault::Identity));
    let mut bytes = compressed.clone();
    bytes[38..38 + 48].copy_from_slice(&G1Affine::identity().to_compressed());
    assert_eq!(fault(&bytes), ("ciphertext, mask", 0, PointFault::Identity));
    let mut bytes = raw.clone();
    bytes[38 + 96 * 7 + 191] ^= 1;
    assert_eq!(fault(&bytes), ("ciphertext, G2", 0, PointFault::NotOnCurve));
    assert!(Ciphertext::from_trusted_bytes(&bytes).is_err());
    let mut bytes = raw;
    bytes[38] |= 0x20;
    assert_eq!(fault(&bytes), ("ciphertext, mask", 0, PointFault::Encoding));

    let mut secret = master.to_secret_bytes().to_vec();
    secret[8 + 32..8 + 64].fill(0xff);
    let refused = MasterSecret::from_secret_bytes(&secret);
    assert!(matches!(refused, Err(FeError::Scalar { index: 1 })));
}

#[test]
fn secrets_do_not_print() {
    let master = master(3, 255);
    let text = format!(
        "{master:?} {:?}",
        Encryptor::authority(&master, Timing::Tables)
    );
    assert!(text.contains("redacted") && text.len() < 1500, "{text}");
}
