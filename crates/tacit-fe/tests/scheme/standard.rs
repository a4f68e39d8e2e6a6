//! The scheme in the standard model.

use std::sync::Arc;

use tacit_fe::evaluator::{Calibration, Evaluator};
use tacit_fe::group::{G1, G1Affine, G2, G2Affine, Gt, Scalar};
use tacit_fe::scheme::standard::*;
use tacit_fe::{
    DlogTable, FeError, GenericGroup, IntegerModel, QuadraticFe, StandardModel, TableSize, Timing,
};
use tacit_ring::{DecodeError, Seed};

use super::{Facts, model, small_model};

const FACTS: Facts = Facts {
    public_key_hash: "3a8115d50d09fe33",
    functional_key_digest: "859ae1b77263aed3",
    mask: 2,
    g1: 12,
    points: (7, 2, 1),
    scalar: 27,
    counts: &[66, 70],
    counted: 3,
    key_points: (74, "functional key, hidden values"),
};

claims!(standard);

fn master(inputs: usize, input_max: u16) -> MasterSecret {
    MasterSecret::from_seed(inputs, input_max, &Seed::from_bytes([7; 32])).unwrap()
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
    assert_eq!(outputs(GenericGroup::default(), &model, &x), expected);
}

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
fn a_ciphertext_or_a_seed_of_the_other_scheme_is_another() {
    let master = master(3, 255);
    let encryptor = Encryptor::authority(&master, Timing::Tables);
    let bytes = encryptor.encrypt(&[1, 200, 17]).unwrap().to_bytes();
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
