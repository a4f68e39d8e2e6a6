//! The scheme in the standard model as its users see it: decryption gives f(x), and bad input is refused
//! by name.

use std::sync::Arc;

use proptest::prelude::*;
use tacit_fe::evaluator::{Calibration, Evaluator};
use tacit_fe::group::{G1, G1Affine, G2, G2Affine, Gt, Scalar};
use tacit_fe::scheme::standard::*;
use tacit_fe::{
    DlogTable, FeError, IntegerModel, PointFault, QuadraticFe, StandardModel, TableSize, Timing,
};
use tacit_ring::{DecodeError, Seed};

fn master(inputs: usize, input_max: u16) -> MasterSecret {
    MasterSecret::from_seed(inputs, input_max, &Seed::from_bytes([7; 32])).unwrap()
}

fn model(sizes: (usize, usize, usize), p: Vec<i16>, d: Vec<i16>, input_max: u16) -> IntegerModel {
    IntegerModel::new(sizes, p, d, input_max).unwrap()
}

/// Encrypts in every way, evaluates on one, two and three threads, and compares with the clear.
fn check(master: &MasterSecret, model: &IntegerModel, x: &[u16]) {
    let key = master.keygen(model).unwrap();
    let g = Gt::generator();
    let outputs = model.evaluate(x).unwrap();
    let expected: Vec<Gt> = outputs.into_iter().map(|f| g.pow_signed(f)).collect();
    let plans = [1, 2, 3].map(|threads| EvaluationPlan::new(&key, model, threads).unwrap());
    for timing in [Timing::ConstantTime, Timing::Tables] {
        for encryptor in [
            Encryptor::public(master.public_key(), timing),
            Encryptor::authority(master, timing),
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
    let p = vec![1, -2, 0, 3, -15, 4];
    model((3, 2, 2), p, vec![1, -1, 2, 31], 255)
}

fn small_ciphertext(master: &MasterSecret) -> Ciphertext {
    let encryptor = Encryptor::authority(master, Timing::Tables);
    encryptor.encrypt(&[1, 200, 17]).unwrap()
}

fn any_model() -> impl Strategy<Value = (IntegerModel, Vec<u16>)> {
    (1..12usize, 1..6usize, 1..4usize, 1..=i16::MAX).prop_flat_map(|(n, d, k, size)| {
        let coefficient = prop_oneof![Just(0), -size..=size];
        (
            prop::collection::vec(coefficient, n * d),
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
        let master = master(model.inputs(), 255);
        match master.keygen(&model) {
            Ok(_) => check(&master, &model, &x),
            // f is zero as a form, so for this x too.
            Err(FeError::ZeroOutput { output }) => {
                prop_assert_eq!(model.evaluate(&x).unwrap()[output], 0);
            }
            Err(error) => prop_assert!(false, "{}", error),
        }
    }
}

#[test]
fn extreme_inputs_and_coefficients_decrypt() {
    let (low, high) = (i16::MIN, i16::MAX);
    let p = vec![low, high, 1, -1, 0, low, high, 2, 0, 16, -16, 17];
    let model = model((4, 3, 2), p, vec![1, -1, 31, 0, -32, 5], 2);
    let master = master(4, 2);
    for x in [[0; 4], [2; 4], [0, 2, 0, 1]] {
        check(&master, &model, &x);
    }
    let wide = self::model((1, 1, 1), vec![1], vec![1], u16::MAX);
    check(&self::master(1, u16::MAX), &wide, &[u16::MAX]);
}

#[test]
fn columns_with_gaps_repetitions_and_nothing_decrypt() {
    // Columns: a lone coefficient, two equal ones, opposite ones, zeros, a gap at the top.
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
    let master = master(6, 255);
    check(&master, &model, &[1, 0, 255, 3, 3, 90]);
    check(&master, &model, &[0; 6]);
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
    check(&master(n, 255), &model, &x);
}

/// Only what the trait says.
fn outputs<S: QuadraticFe>(scheme: S, model: &IntegerModel, x: &[u16]) -> Vec<Vec<i64>> {
    let (public, master) = scheme.setup(model.inputs(), model.input_max()).unwrap();
    let key = scheme.keygen(&master, model).unwrap();
    let ciphertexts = [
        scheme.encrypt(&public, x).unwrap(),
        scheme.encrypt_as_authority(&master, x).unwrap(),
    ];
    let table = Arc::new(DlogTable::build(
        TableSize::for_magnitude(1 << 20, 1000),
        &|_, _| {},
    ));
    let calibration = Calibration::proven(model).unwrap();
    let evaluator = Evaluator::with_scheme(scheme, &key, model, table, calibration, 2).unwrap();
    assert_eq!(evaluator.model(), model.hash());
    let all = evaluator.evaluate_batch(&ciphertexts, &|_, _| {});
    let mut all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
    all.push(evaluator.evaluate(&ciphertexts[0]).unwrap());
    all
}

#[test]
fn both_schemes_give_the_same_integers_through_the_evaluator() {
    let (model, x) = (small_model(), [1, 200, 17]);
    let expected = vec![model.evaluate(&x).unwrap(); 3];
    assert_eq!(outputs(StandardModel::default(), &model, &x), expected);
    let tables = StandardModel::default().with_timing(Timing::Tables);
    assert_eq!(outputs(tables, &model, &x), expected);
    let generic = tacit_fe::GenericGroup::default();
    assert_eq!(outputs(generic, &model, &x), expected);
}

#[test]
fn known_answers_of_key_generation() {
    let master = master(3, 255);
    let hash = master.public_key().hash().to_string();
    let key = master.keygen(&small_model()).unwrap();
    let digest = blake3::hash(&key.to_bytes()).to_hex().to_string();
    assert_eq!(
        (&hash[..16], &digest[..16]),
        (PUBLIC_KEY_HASH, FUNCTIONAL_KEY_DIGEST)
    );
}

const PUBLIC_KEY_HASH: &str = "3a8115d50d09fe33";
const FUNCTIONAL_KEY_DIGEST: &str = "859ae1b77263aed3";

/// Points of an encoding after `skip` bytes.
fn points_g1(bytes: &[u8], skip: usize, count: usize) -> Vec<G1Affine> {
    let (chunks, _) = bytes[skip..].as_chunks::<48>();
    let points = chunks[..count].iter().map(G1Affine::from_compressed);
    points.map(Result::unwrap).collect()
}

fn points_g2(bytes: &[u8], skip: usize, count: usize) -> Vec<G2Affine> {
    let (chunks, _) = bytes[skip..].as_chunks::<96>();
    let points = chunks[..count].iter().map(G2Affine::from_compressed);
    points.map(Result::unwrap).collect()
}

/// Whether e(y_0 − z_0, A_1) = e(y_1 − z_1, A_0): true for the right z if y − z is a multiple of A.
fn confirms(y: &[G1Affine], z: [u64; 2], a: [G2Affine; 2]) -> bool {
    let g = G1::generator();
    let [first, second] = [0, 1].map(|i| {
        let guess = (-g.mul(&Scalar::from(z[i]))).to_affine();
        G1::from(y[i]).add_affine(&guess).to_affine()
    });
    Gt::pairing(&first, &a[1]) == Gt::pairing(&second, &a[0])
}

/// Why A1 has two rows: with one, a functional key would let anybody test guesses of the input.
#[test]
fn guesses_of_the_input_cannot_be_tested_with_the_points_of_a_key() {
    let master = master(2, 255);
    // Keys of this model show [A1]_2 and [A2]_2 column by column.
    let identity = model((2, 2, 1), vec![1, 0, 0, 1], vec![1, 1], 255);
    let key = master.keygen(&identity).unwrap().to_bytes();
    let alpha = points_g2(&key, 74, 6);
    let encryptor = Encryptor::public(master.public_key(), Timing::ConstantTime);
    let ciphertext = encryptor.encrypt(&[3, 4]).unwrap().to_bytes();
    let y1 = points_g1(&ciphertext, 38 + 2 * 48, 2);
    for row in 0..3 {
        assert!(!confirms(&y1, [3, 4], [alpha[row], alpha[3 + row]]));
    }
    // One row s·A, with A known in G2.
    let (a, s) = ([5u64, 7].map(Scalar::from), Scalar::from(11u64));
    let in_g2 = a.map(|a| G2::generator().mul(&a).to_affine());
    let y = [0, 1].map(|i| {
        let exponent = s * a[i] + Scalar::from([3u64, 4][i]);
        G1::generator().mul(&exponent).to_affine()
    });
    assert!(confirms(&y, [3, 4], in_g2));
    assert!(!confirms(&y, [3, 5], in_g2));
}

#[test]
fn inputs_and_keys_of_wrong_shape_or_range_are_refused() {
    let master = master(3, 255);
    let encryptor = Encryptor::public(master.public_key(), Timing::ConstantTime);
    let shape = encryptor.encrypt(&[1, 2]).unwrap_err();
    assert!(matches!(shape, FeError::InputShape { found: 2, .. }));
    let range = encryptor.encrypt(&[1, 256, 2]).unwrap_err();
    assert!(matches!(range, FeError::InputRange { index: 1, .. }));
    for (inputs, input_max) in [(0, 255), (65_537, 255), (3, 0)] {
        let refused = MasterSecret::generate(inputs, input_max);
        assert!(matches!(refused, Err(FeError::KeyShape { .. })));
    }
    let longer = self::master(4, 255).keygen(&small_model());
    assert!(matches!(longer, Err(FeError::ModelDoesNotFitKey { .. })));
    let larger = self::master(3, 256).keygen(&small_model());
    assert!(matches!(larger, Err(FeError::ModelDoesNotFitKey { .. })));
    let zero = model((3, 1, 2), vec![1, 2, 3], vec![1, 0], 255);
    let refused = master.keygen(&zero);
    assert!(matches!(refused, Err(FeError::ZeroOutput { output: 1 })));
}

#[test]
fn a_key_for_another_model_authority_or_scheme_is_refused() {
    let (model, master) = (small_model(), master(3, 255));
    let key = master.keygen(&model).unwrap();
    let p = vec![1, -2, 0, 3, -15, 5];
    let other = self::model((3, 2, 2), p, vec![1, -1, 2, 31], 255);
    let refused = EvaluationPlan::new(&key, &other, 1);
    assert!(matches!(refused, Err(FeError::KeyForOtherModel { .. })));
    // The name of the right model over another number of points.
    let mut forged = key.to_bytes();
    forged[66..70].copy_from_slice(&1u32.to_le_bytes());
    forged.truncate(forged.len() - 3 * 96);
    let forged = FunctionalKey::from_bytes(&forged).unwrap();
    let refused = EvaluationPlan::new(&forged, &model, 1);
    assert!(matches!(
        refused,
        Err(FeError::Decode(DecodeError::Field {
            found: 1,
            expected: 2,
            ..
        }))
    ));

    let stranger = MasterSecret::from_seed(3, 255, &Seed::from_bytes([8; 32])).unwrap();
    let plan = EvaluationPlan::new(&key, &model, 1).unwrap();
    let refused = plan.evaluate(&small_ciphertext(&stranger));
    assert!(matches!(
        refused,
        Err(FeError::CiphertextForOtherKey { .. })
    ));

    let bytes = small_ciphertext(&master).to_bytes();
    let refused = tacit_fe::Ciphertext::from_bytes(&bytes);
    assert!(matches!(
        refused,
        Err(FeError::Decode(DecodeError::Version { found: 0xf9, .. }))
    ));
    // The same seed makes unrelated keys in the two schemes.
    let seed = Seed::from_bytes([7; 32]);
    let generic = tacit_fe::MasterSecret::from_seed(3, 255, &seed).unwrap();
    assert_ne!(generic.public_key().hash(), master.public_key().hash());
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
    assert_eq!(restored.keygen(&small_model()).unwrap(), key);
    let ct = small_ciphertext(&master);
    assert_eq!(Ciphertext::from_bytes(&ct.to_bytes()).unwrap(), ct);
    let raw = ct.to_raw_bytes();
    assert_eq!(Ciphertext::from_bytes(&raw).unwrap(), ct);
    assert_eq!(Ciphertext::from_trusted_bytes(&raw).unwrap(), ct);
}

/// Every decoder, on one of its encodings: bytes, decoder, where counts stand.
type Decoder = (Vec<u8>, fn(&[u8]) -> Result<(), FeError>, &'static [usize]);

fn decoders() -> Vec<Decoder> {
    let master = master(3, 255);
    let ct = small_ciphertext(&master);
    let key = master.keygen(&small_model()).unwrap();
    let public = master.public_key().to_bytes();
    let secret = master.to_secret_bytes().to_vec();
    vec![
        (public, |b| PublicKey::from_bytes(b).map(drop), &[2]),
        (
            secret,
            |b| MasterSecret::from_secret_bytes(b).map(drop),
            &[2],
        ),
        (
            key.to_bytes(),
            |b| FunctionalKey::from_bytes(b).map(drop),
            &[66, 70],
        ),
        (
            ct.to_bytes(),
            |b| Ciphertext::from_bytes(b).map(drop),
            &[34],
        ),
        (
            ct.to_raw_bytes(),
            |b| Ciphertext::from_bytes(b).map(drop),
            &[34],
        ),
        (
            ct.to_raw_bytes(),
            |b| Ciphertext::from_trusted_bytes(b).map(drop),
            &[34],
        ),
    ]
}

#[test]
fn truncated_longer_and_foreign_bytes_are_refused() {
    for (bytes, decode, _) in decoders() {
        decode(&bytes).unwrap();
        for end in 0..bytes.len() {
            let error = decode(&bytes[..end]).unwrap_err();
            let truncated = matches!(error, FeError::Decode(DecodeError::Truncated { .. }));
            assert!(truncated, "{error}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        let error = decode(&longer).unwrap_err();
        let trailing = matches!(error, FeError::Decode(DecodeError::TrailingBytes { .. }));
        assert!(trailing, "{error}");
        for position in [0, 1] {
            let mut other = bytes.clone();
            other[position] ^= 0x40;
            let error = decode(&other).unwrap_err();
            let version = matches!(error, FeError::Decode(DecodeError::Version { .. }));
            assert!(version, "{error}");
        }
    }
}

#[test]
fn absurd_counts_are_refused_before_anything_is_allocated() {
    for (bytes, decode, places) in decoders() {
        for &at in places {
            for count in [0u32, u32::MAX, 1 << 30] {
                let mut bytes = bytes.clone();
                bytes[at..at + 4].copy_from_slice(&count.to_le_bytes());
                let error = decode(&bytes).unwrap_err();
                let field = matches!(error, FeError::Decode(DecodeError::Field { .. }));
                assert!(field, "{error}");
            }
        }
    }
}

#[test]
fn bad_points_are_refused_with_their_place() {
    let ct = small_ciphertext(&master(3, 255));
    let (compressed, raw) = (ct.to_bytes(), ct.to_raw_bytes());
    let fault = |bytes: &[u8]| match Ciphertext::from_bytes(bytes) {
        Err(FeError::Point { what, index, fault }) => (what, index, fault),
        other => panic!("{other:?}"),
    };
    // A point outside the subgroup: some small x whose point has another order.
    let outside = (1..50u8)
        .map(|x| {
            let mut bytes = [0; 48];
            (bytes[0], bytes[47]) = (0x80, x);
            bytes
        })
        .find(|b| G1Affine::from_compressed(b) == Err(PointFault::NotInSubgroup))
        .unwrap();
    let (g1, g2) = (38 + 2 * 48, 38 + 48 * 14);
    let with = |at: usize, point: &[u8]| {
        let mut bytes = compressed.clone();
        bytes[at..at + point.len()].copy_from_slice(point);
        bytes
    };
    let expected = ("ciphertext, G1", 7, PointFault::NotInSubgroup);
    assert_eq!(fault(&with(g1 + 7 * 48, &outside)), expected);
    let identity = G2Affine::identity().to_compressed();
    let expected = ("ciphertext, G2", 2, PointFault::Identity);
    assert_eq!(fault(&with(g2 + 2 * 96, &identity)), expected);
    let identity = G1Affine::identity().to_compressed();
    let expected = ("ciphertext, mask", 1, PointFault::Identity);
    assert_eq!(fault(&with(38 + 48, &identity)), expected);
    let mut bytes = raw.clone();
    bytes[38 + 96 * 14 + 191] ^= 1;
    assert_eq!(fault(&bytes), ("ciphertext, G2", 0, PointFault::NotOnCurve));
    assert!(Ciphertext::from_trusted_bytes(&bytes).is_err());
    let mut bytes = raw;
    bytes[38] |= 0x20;
    assert_eq!(fault(&bytes), ("ciphertext, mask", 0, PointFault::Encoding));

    let mut secret = master(3, 255).to_secret_bytes().to_vec();
    secret[8 + 32 * 27..].fill(0xff);
    let refused = MasterSecret::from_secret_bytes(&secret);
    assert!(matches!(refused, Err(FeError::Scalar { index: 27 })));

    let key = master(3, 255).keygen(&small_model()).unwrap();
    let mut bytes = key.to_bytes();
    bytes[74 + 96..74 + 2 * 96].copy_from_slice(&G2Affine::identity().to_compressed());
    assert!(matches!(
        FunctionalKey::from_bytes(&bytes),
        Err(FeError::Point {
            what: "functional key, hidden values",
            index: 1,
            fault: PointFault::Identity
        })
    ));
}

#[test]
fn secrets_do_not_print() {
    let master = master(3, 255);
    let encryptor = Encryptor::authority(&master, Timing::Tables);
    let text = format!("{master:?} {encryptor:?}");
    assert!(text.contains("redacted") && text.len() < 1500, "{text}");
}

#[test]
fn encryptors_plans_and_ciphertexts_are_for_any_number_of_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<(Encryptor<'_>, EvaluationPlan, Ciphertext, MasterSecret)>();
    shared::<(tacit_fe::Encryptor<'_>, tacit_fe::EvaluationPlan)>();
    shared::<(tacit_fe::Ciphertext, tacit_fe::MasterSecret)>();
    shared::<(Evaluator, Evaluator<StandardModel>)>();
}
