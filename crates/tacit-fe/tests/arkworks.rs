//! Agreement with arkworks, an independent implementation of the curve: group operations, encodings, and
//! decryption written from the definition, one pairing for each pair of inputs.

use ark_bls12_381::{Bls12_381, Fq12, Fr, G1Affine as ArkG1, G2Affine as ArkG2};
use ark_ec::pairing::Pairing;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInteger, PrimeField, Zero};
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize};
use tacit_fe::group::{G1, G1Affine, G2, G2Affine, Gt, Scalar, miller_loop};
use tacit_fe::*;
use tacit_ring::Seed;

fn ark_g1(point: &G1Affine) -> ArkG1 {
    ArkG1::deserialize_compressed(point.to_compressed().as_slice()).unwrap()
}

fn ark_g2(point: &G2Affine) -> ArkG2 {
    ArkG2::deserialize_compressed(point.to_compressed().as_slice()).unwrap()
}

fn ark_scalar(scalar: &Scalar) -> Fr {
    Fr::from_le_bytes_mod_order(&scalar.to_bytes())
}

fn scalars(count: usize) -> Vec<Scalar> {
    let mut xof = Seed::from_bytes([3; 32]).expand();
    (0..count).map(|_| Scalar::random(&mut xof)).collect()
}

/// The twelve coordinates in the order of [`Gt::to_bytes`], big-endian.
fn coordinates(value: &Fq12) -> Vec<u8> {
    let mut out = vec![];
    // blst writes c_{i,j} with the three coefficients of each half interleaved.
    for i in 0..3 {
        for half in [&value.c0, &value.c1] {
            let c = [&half.c0, &half.c1, &half.c2][i];
            for x in [&c.c0, &c.c1] {
                out.extend(x.into_bigint().to_bytes_be());
            }
        }
    }
    out
}

#[test]
fn scalars_points_and_encodings_agree() {
    let scalars = scalars(6);
    let (g1, g2) = (ArkG1::generator(), ArkG2::generator());
    assert_eq!(ark_g1(&G1Affine::generator()), g1);
    assert_eq!(ark_g2(&G2Affine::generator()), g2);
    for pair in scalars.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let (x, y) = (ark_scalar(&a), ark_scalar(&b));
        assert_eq!(ark_scalar(&(a * b - a)), x * y - x);
        let (p, q) = (G1::generator().mul(&a), G1::generator().mul(&b));
        let sum = (p + q.double()).to_affine();
        assert_eq!(ark_g1(&sum), (g1 * (x + y + y)).into_affine());
        let (p, q) = (G2::generator().mul(&a), G2::generator().mul(&b));
        let sum = (p + -q).to_affine();
        assert_eq!(ark_g2(&sum), (g2 * (x - y)).into_affine());
        let mut bytes = vec![];
        ark_g2(&sum).serialize_uncompressed(&mut bytes).unwrap();
        assert_eq!(bytes, sum.to_raw());
    }
}

#[test]
fn pairings_agree_coordinate_by_coordinate() {
    let scalars = scalars(4);
    let point = |i: usize| {
        let p = G1::generator().mul(&scalars[i]).to_affine();
        (p, G2::generator().mul(&scalars[i + 2]).to_affine())
    };
    let pairs = [point(0), point(1)];
    let ours = miller_loop(&pairs).final_exponentiation();
    let theirs = Bls12_381::multi_pairing(
        pairs.iter().map(|(p, _)| ark_g1(p)),
        pairs.iter().map(|(_, q)| ark_g2(q)),
    );
    assert_eq!(ours.to_bytes().as_slice(), coordinates(&theirs.0));
}

/// c0, a and b of an encoded ciphertext, read by arkworks (which checks subgroups too).
fn read(ciphertext: &Ciphertext) -> (ArkG1, Vec<ArkG1>, Vec<ArkG2>) {
    let bytes = ciphertext.to_bytes();
    let (g1, g2) = bytes[38..].split_at(48 * (1 + 2 * ciphertext.inputs()));
    let mut points = g1
        .chunks(48)
        .map(|b| ArkG1::deserialize_compressed(b).unwrap());
    let mask = points.next().unwrap();
    let b = g2
        .chunks(96)
        .map(|b| ArkG2::deserialize_compressed(b).unwrap());
    (mask, points.collect(), b.collect())
}

#[test]
fn a_ciphertext_decrypts_to_the_same_element_by_the_definition() {
    let p = vec![1, -2, 0, 3, -15, 4, 7, 31];
    let model = IntegerModel::new((4, 2, 2), p, vec![1, -1, 2, 31], 255).unwrap();
    let master = MasterSecret::from_seed(4, 255, &Seed::from_bytes([7; 32])).unwrap();
    let key = master.keygen(&model).unwrap();
    let x = [1, 200, 0, 255];
    let plan = EvaluationPlan::new(&key, &model, 1).unwrap();
    let elements = key.to_bytes()[70..]
        .chunks(96)
        .map(|b| ArkG2::deserialize_compressed(b).unwrap())
        .collect::<Vec<_>>();
    for encryptor in [
        Encryptor::authority(&master, Timing::ConstantTime),
        Encryptor::public(master.public_key(), Timing::ConstantTime),
    ] {
        let ciphertext = encryptor.encrypt(&x).unwrap();
        let ours = plan.evaluate(&ciphertext).unwrap();
        let (mask, a, b) = read(&ciphertext);
        for k in 0..2 {
            // e(c0, k_f) · Π_ij e(a_i, b_j)^{f_ij}, f_ij = Σ_l D_lk P_il P_jl.
            let mut product = Bls12_381::pairing(mask, elements[k]);
            for i in 0..4 {
                for j in 0..4 {
                    let f: i64 = (0..2)
                        .map(|l| {
                            let d = i64::from(model.combination()[2 * l + k]);
                            let p = model.projection();
                            d * i64::from(p[2 * i + l]) * i64::from(p[2 * j + l])
                        })
                        .sum();
                    let pair = Bls12_381::multi_pairing([a[i], a[4 + i]], [b[j], b[4 + j]]);
                    product += pair * Fr::from(f);
                }
            }
            assert_eq!(ours[k].to_bytes().as_slice(), coordinates(&product.0));
            let f = Fr::from(model.evaluate(&x).unwrap()[k]);
            let expected = Bls12_381::pairing(ArkG1::generator(), ArkG2::generator()) * f;
            assert_eq!(product, expected);
            assert!(!expected.is_zero());
        }
    }
    assert_eq!(
        Gt::generator().to_bytes().as_slice(),
        coordinates(&Bls12_381::pairing(ArkG1::generator(), ArkG2::generator()).0)
    );
}

/// F_ij of output k: Σ_l D_lk P_il P_jl.
fn form(model: &IntegerModel, k: usize, i: usize, j: usize) -> Fr {
    let (p, d) = (model.projection(), model.combination());
    let (hidden, outputs) = (model.hidden(), model.outputs());
    let term = |l: usize| {
        let d = i64::from(d[outputs * l + k]);
        d * i64::from(p[hidden * i + l]) * i64::from(p[hidden * j + l])
    };
    Fr::from((0..hidden).map(term).sum::<i64>())
}

/// f = y1 F y2 − ⟨y3, v_F⟩ + ⟨y0, k_F⟩ with v_F = ((A1 ⊗ I)·vec F ‖ (A2 ⊗ I)·vec F), pairing by pairing. Keys
/// of the model whose P is the identity show the columns of A1 and A2.
#[test]
fn a_ciphertext_of_the_standard_model_decrypts_to_the_same_element_by_the_definition() {
    use tacit_fe::scheme::standard::*;
    const N: usize = 3;
    let p = vec![1, -2, 0, 3, -15, 4];
    let model = IntegerModel::new((N, 2, 2), p, vec![1, -1, 2, 31], 255).unwrap();
    let identity = vec![1, 0, 0, 0, 1, 0, 0, 0, 1];
    let identity = IntegerModel::new((N, N, 1), identity, vec![1; N], 255).unwrap();
    let master = MasterSecret::from_seed(N, 255, &Seed::from_bytes([7; 32])).unwrap();
    let in_g2 = |bytes: &[u8]| -> Vec<ArkG2> {
        let points = bytes.chunks(96);
        points
            .map(|b| ArkG2::deserialize_compressed(b).unwrap())
            .collect()
    };
    let key = master.keygen(&model).unwrap();
    let elements = in_g2(&key.to_bytes()[74 + 96 * 6..]);
    let columns = in_g2(&master.keygen(&identity).unwrap().to_bytes()[74..74 + 96 * 3 * N]);
    let plan = EvaluationPlan::new(&key, &model, 1).unwrap();
    let x = [1, 200, 255];
    for encryptor in [
        Encryptor::authority(&master, Timing::ConstantTime),
        Encryptor::public(master.public_key(), Timing::ConstantTime),
    ] {
        let ciphertext = encryptor.encrypt(&x).unwrap();
        let bytes = ciphertext.to_bytes();
        let (g1, g2) = bytes[38..].split_at(48 * (2 + 4 * N));
        let g1: Vec<ArkG1> = g1
            .chunks(48)
            .map(|b| ArkG1::deserialize_compressed(b).unwrap())
            .collect();
        let (y0, y1, y3) = (&g1[..2], &g1[2..2 + N], &g1[2 + N..]);
        let y2 = in_g2(g2);
        let ours = plan.evaluate(&ciphertext).unwrap();
        for k in 0..2 {
            let mut product = Bls12_381::multi_pairing(y0, &elements[2 * k..2 * k + 2]);
            for i in 0..N {
                for j in 0..N {
                    let f = form(&model, k, i, j);
                    product += Bls12_381::pairing(y1[i], y2[j]) * f;
                    for block in 0..3 {
                        let pair = Bls12_381::pairing(y3[block * N + i], columns[3 * j + block]);
                        product -= pair * f;
                    }
                }
            }
            assert_eq!(ours[k].to_bytes().as_slice(), coordinates(&product.0));
            let f = Fr::from(model.evaluate(&x).unwrap()[k]);
            let expected = Bls12_381::pairing(ArkG1::generator(), ArkG2::generator()) * f;
            assert_eq!(product, expected);
        }
    }
}
