//! The schemes as their users see them: decryption gives f(x), and bad input is refused by name. What holds of
//! both is claimed once, in `claims`.

use proptest::prelude::*;
use tacit_fe::IntegerModel;
use tacit_fe::group::Gt;

#[macro_use]
mod claims;
mod generic;
mod standard;

/// What is not the same in both schemes.
struct Facts {
    public_key_hash: &'static str,
    functional_key_digest: &'static str,
    /// Points of G1 in the mask of a ciphertext.
    mask: usize,
    /// Points of G1 in a ciphertext for three inputs, without the mask.
    g1: usize,
    /// Points of a ciphertext for three inputs to spoil: of G1, of G2 and of the mask.
    points: (usize, usize, usize),
    /// A scalar of a master secret for three inputs to spoil.
    scalar: usize,
    /// Where counts stand in a functional key, and how many points belong to one of what is counted first.
    counts: &'static [usize],
    counted: usize,
    /// The first points of a functional key: where they stand, and what they are called.
    key_points: (usize, &'static str),
}

fn model(sizes: (usize, usize, usize), p: Vec<i16>, d: Vec<i16>, input_max: u16) -> IntegerModel {
    IntegerModel::new(sizes, p, d, input_max).unwrap()
}

fn small_model() -> IntegerModel {
    let p = vec![1, -2, 0, 3, -15, 4];
    model((3, 2, 2), p, vec![1, -1, 2, 31], 255)
}

/// f(x) in the exponent, computed in the clear.
fn expected(model: &IntegerModel, x: &[u16]) -> Vec<Gt> {
    let g = Gt::generator();
    let outputs = model.evaluate(x).unwrap();
    outputs.into_iter().map(|f| g.pow_signed(f)).collect()
}

/// An output all of whose terms are zero.
fn zero_output(model: &IntegerModel) -> Option<usize> {
    (0..model.outputs()).find(|&k| {
        (0..model.hidden()).all(|j| {
            model.projection_column(j).all(|p| p == 0)
                || model.combination_column(k).nth(j) == Some(0)
        })
    })
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
