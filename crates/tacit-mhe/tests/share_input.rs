//! Parties that give shares of a refresh see c_1, and c_0 by its digest: the same instance, the same shares.

mod cohort;

use cohort::{Cohort, toy};
use proptest::prelude::*;
use tacit_ckks::{Ciphertext, CkksError, Encoder, Evaluator, Parameters};
use tacit_mhe::*;
use tacit_ring::{DecodeError, RingError, RingKind};

const LEVEL: usize = 3;
const TOP: usize = 4;

fn cohort() -> Cohort {
    Cohort::new(toy(RingKind::ConjugateInvariant, 5, TOP), 3)
}

fn ciphertext(cohort: &Cohort) -> Ciphertext {
    cohort.encrypt(&[0.5, -0.25], LEVEL, 7)
}

fn mask(params: &Parameters) -> MaskBits {
    MaskBits::hiding(44.0, 64, params.ring().n(), 100)
}

fn whole(cohort: &Cohort, ct: &Ciphertext) -> Refresh {
    let (params, instance) = (&cohort.params, cohort.context.instance(1));
    let map = ExactMap::IDENTITY;
    Refresh::new(params, &instance, ct.clone(), TOP, mask(params), map).unwrap()
}

fn half(cohort: &Cohort, input: ShareInput) -> Refresh {
    let (params, instance) = (&cohort.params, cohort.context.instance(1));
    let map = ExactMap::IDENTITY;
    Refresh::from_input(params, &instance, input, TOP, mask(params), map).unwrap()
}

#[test]
fn shares_are_those_of_the_whole_ciphertext_which_only_finishing_needs() {
    let cohort = cohort();
    let ct = ciphertext(&cohort);
    let bytes = ShareInput::of(&ct).unwrap().to_bytes(&cohort.params);
    let input = ShareInput::from_bytes(&cohort.params, &bytes).unwrap();
    assert_eq!(input.level(), LEVEL);
    let (root, party) = (whole(&cohort, &ct), half(&cohort, input));
    assert_eq!(root.id(), party.id());
    let shares: Vec<_> = (cohort.secrets.iter())
        .map(|secret| party.share(secret).unwrap())
        .collect();
    let again = root.share(&cohort.secrets[0]).unwrap();
    assert_eq!(root.encode(&again), party.encode(&shares[0]));

    let sum = party.encode(&party.sum(&shares).unwrap());
    let refused = party.finish(&party.decode(&sum).unwrap()).unwrap_err();
    assert!(matches!(refused, MheError::OnlyShares { .. }), "{refused}");
    let fresh = root.finish(&root.decode(&sum).unwrap()).unwrap();
    assert_eq!(fresh.level(), TOP);
    // What is known of the result beforehand is all of it but c_0.
    for refresh in [&root, &party] {
        let known = refresh.without_c0();
        assert_eq!(known.polys()[1], fresh.polys()[1]);
        assert_eq!(known.scale(), fresh.scale());
        assert!(known.polys()[0].words().iter().all(|&word| word == 0));
    }
    let width = SmudgingBits::new(20);
    let release = Release::new(&cohort.params, &cohort.context.instance(2), &fresh, width);
    let plain = cohort::run(&release.unwrap(), &cohort.secrets);
    let found = Encoder::new(&cohort.params).decode(&plain);
    assert!((found[0] - 0.5).abs() < 1e-4 && (found[1] + 0.25).abs() < 1e-4);
}

#[test]
fn another_c0_is_another_instance_which_the_ledger_refuses() {
    let cohort = cohort();
    let ct = ciphertext(&cohort);
    let mut other = ct.clone();
    let evaluator = Evaluator::new(&cohort.params, Default::default());
    evaluator.add_constant_assign(&mut other, 0.5).unwrap();
    assert_eq!(ct.polys()[1], other.polys()[1]);
    let [one, two] = [&ct, &other].map(|ct| half(&cohort, ShareInput::of(ct).unwrap()));
    assert_ne!(one.id(), two.id());
    let secret = &cohort.secrets[0];
    one.share(secret).unwrap();
    let refused = two.share(secret).unwrap_err();
    assert!(matches!(refused, MheError::SecondShare { .. }), "{refused}");
}

#[test]
fn products_are_refused() {
    let cohort = cohort();
    let ct = ciphertext(&cohort);
    let evaluator = Evaluator::new(&cohort.params, Default::default());
    let product = evaluator.mul(&ct, &ct).unwrap();
    let refused = ShareInput::of(&product).unwrap_err();
    let degree = matches!(refused, MheError::Ckks(CkksError::Degree { found: 3, .. }));
    assert!(degree, "{refused}");
}

fn decode_error(result: Result<ShareInput, MheError>) -> DecodeError {
    match result {
        Err(MheError::Ckks(CkksError::Ring(RingError::Decode(error)))) => error,
        other => panic!("expected a decoding error, found {other:?}"),
    }
}

#[test]
fn whatever_is_not_canonical_is_refused_by_field() {
    let cohort = cohort();
    let params = &cohort.params;
    let bytes = ShareInput::of(&ciphertext(&cohort))
        .unwrap()
        .to_bytes(params);
    assert_eq!(bytes.len(), ShareInput::encoded_len(params, LEVEL));
    for length in 0..bytes.len() {
        let error = decode_error(ShareInput::from_bytes(params, &bytes[..length]));
        assert!(
            matches!(error, DecodeError::Truncated { .. }),
            "{length}: {error}"
        );
    }
    let long = [&bytes[..], &[0]].concat();
    let error = decode_error(ShareInput::from_bytes(params, &long));
    assert!(
        matches!(error, DecodeError::TrailingBytes { extra: 1, .. }),
        "{error}"
    );

    let changed = |at: usize, new: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at..at + new.len()].copy_from_slice(new);
        decode_error(ShareInput::from_bytes(params, &bytes))
    };
    let field = |at: usize, new: &[u8], expected: &str| {
        let error = changed(at, new);
        let named = matches!(&error, DecodeError::Field { what, .. } if what.contains(expected));
        assert!(named, "{error}");
    };
    assert!(matches!(
        changed(0, &[2]),
        DecodeError::Version { found: 2, .. }
    ));
    field(1, &[!bytes[1]], "digest");
    field(9, &[TOP as u8 + 1], "level");
    for scale in [0.0, -1.0, 0.5, 1e300, f64::NAN, f64::INFINITY] {
        field(10, &scale.to_le_bytes(), "scale");
    }
    let end = bytes.len();
    let unreduced = changed(end - 5, &[0xff; 5]);
    assert!(
        matches!(unreduced, DecodeError::Residue { .. }),
        "{unreduced}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn corrupt_bytes_never_panic_and_never_normalise(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
        truncate in any::<bool>(),
    ) {
        let cohort = cohort();
        let params = &cohort.params;
        let mut bytes = ShareInput::of(&ciphertext(&cohort)).unwrap().to_bytes(params);
        for (position, value) in edits {
            let position = position.index(bytes.len());
            bytes[position] = value;
        }
        if truncate {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(input) = ShareInput::from_bytes(params, &bytes) {
            prop_assert_eq!(input.to_bytes(params), bytes);
        }
    }
}
