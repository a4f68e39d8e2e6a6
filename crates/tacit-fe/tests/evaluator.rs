//! From images to ciphertexts to outputs, and everything that can be wrong on the way.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use tacit_fe::evaluator::{Calibration, Evaluator};
use tacit_fe::{
    Ciphertext, DlogError, DlogTable, Encryptor, FeError, IntegerModel, MasterSecret, TableSize,
    Timing,
};
use tacit_ring::Seed;

static TABLE: LazyLock<Arc<DlogTable>> =
    LazyLock::new(|| Arc::new(DlogTable::build(TableSize::mib(1).unwrap(), &|_, _| {})));

fn master(inputs: usize, seed: u8) -> MasterSecret {
    MasterSecret::from_seed(inputs, 255, &Seed::from_bytes([seed; 32])).unwrap()
}

fn encrypt(master: &MasterSecret, x: &[u16]) -> Ciphertext {
    Encryptor::public(master.public_key(), Timing::ConstantTime)
        .encrypt(x)
        .unwrap()
}

fn evaluator(master: &MasterSecret, model: &IntegerModel, threads: usize) -> Evaluator {
    let key = master.keygen(model).unwrap();
    let calibration = Calibration::proven(model).unwrap();
    Evaluator::new(&key, model, TABLE.clone(), calibration, threads).unwrap()
}

fn example() -> IntegerModel {
    let p = vec![1, -2, 3, 0, 5, -1];
    IntegerModel::new((3, 2, 2), p, vec![2, -1, 1, 3], 255).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn decryption_gives_the_cleartext_outputs(
        (n, d, k) in (1usize..5, 1usize..4, 1usize..4),
        coefficients in prop::collection::vec(-15i16..=15, 32),
        x in prop::collection::vec(prop::sample::select(vec![0u16, 1, 17, 254, 255]), 5),
    ) {
        let p = coefficients[..n * d].to_vec();
        // No output may be the zero form, for which there is no key.
        let c: Vec<i16> = coefficients[16..16 + d * k].iter().map(|c| c.abs() + 1).collect();
        let model = IntegerModel::new((n, d, k), p, c, 255).unwrap();
        prop_assume!(model.projection().iter().any(|&p| p != 0));
        let master = master(n, 1);
        let outputs = evaluator(&master, &model, 1).evaluate(&encrypt(&master, &x[..n])).unwrap();
        prop_assert_eq!(outputs, model.evaluate(&x[..n]).unwrap());
    }
}

#[test]
fn batches_keep_order_report_progress_and_use_threads() {
    let (master, model) = (master(3, 2), example());
    let inputs: Vec<[u16; 3]> = (0..12).map(|i| [i, 255 - i, 3 * i]).collect();
    let ciphertexts: Vec<_> = inputs.iter().map(|x| encrypt(&master, x)).collect();
    for threads in [1, 2] {
        let evaluator = evaluator(&master, &model, threads);
        let calls = AtomicU64::new(0);
        let results = evaluator.evaluate_batch(&ciphertexts, &|done, total| {
            assert!(done >= 1 && done <= total && total == 12);
            calls.fetch_add(1, Ordering::Relaxed);
        });
        for ((x, result), ciphertext) in inputs.iter().zip(results).zip(&ciphertexts) {
            let expected = model.evaluate(x).unwrap();
            assert_eq!(result.unwrap(), expected);
            assert_eq!(evaluator.evaluate(ciphertext).unwrap(), expected);
        }
        assert_eq!(calls.into_inner(), 12);
    }
}

#[test]
fn one_bad_ciphertext_does_not_spoil_a_batch() {
    let (master, other, model) = (master(3, 3), self::master(3, 4), example());
    let batch = [encrypt(&master, &[1, 2, 3]), encrypt(&other, &[1, 2, 3])];
    let results = evaluator(&master, &model, 2).evaluate_batch(&batch, &|_, _| {});
    assert!(results[0].is_ok());
    assert!(matches!(
        results[1],
        Err(FeError::CiphertextForOtherKey { .. })
    ));
}

#[test]
fn a_key_for_another_model_is_named() {
    let (master, model) = (master(3, 5), example());
    let other = IntegerModel::new((3, 1, 1), vec![1, 1, 1], vec![1], 255).unwrap();
    let key = master.keygen(&other).unwrap();
    let calibration = Calibration::proven(&model).unwrap();
    let error = Evaluator::new(&key, &model, TABLE.clone(), calibration, 1).unwrap_err();
    assert!(matches!(error, FeError::KeyForOtherModel { .. }));
}

#[test]
fn a_ciphertext_of_other_length_is_named() {
    let (long, short) = (master(4, 6), master(3, 6));
    let ciphertext = encrypt(&long, &[1, 2, 3, 4]);
    assert!(
        evaluator(&short, &example(), 1)
            .evaluate(&ciphertext)
            .is_err()
    );
}

#[test]
fn a_model_beyond_the_limit_has_no_evaluator() {
    let model = IntegerModel::new((2, 1, 1), vec![32767, 32767], vec![32767], 255).unwrap();
    let error = Calibration::proven(&model).unwrap_err();
    assert!(matches!(error, FeError::Model(_)) && error.to_string().contains("2^48"));
}

#[test]
fn an_output_beyond_the_calibrated_range_is_an_error_and_not_a_value() {
    let (master, model) = (master(3, 7), example());
    let key = master.keygen(&model).unwrap();
    let small: [&[u16]; 2] = [&[1, 1, 1], &[2, 0, 1]];
    let calibration = Calibration::from_inputs(&model, small, 2).unwrap();
    let largest = small
        .iter()
        .flat_map(|x| model.evaluate(x).unwrap())
        .map(i64::unsigned_abs)
        .max();
    assert_eq!(calibration.expected(), largest.unwrap());
    assert_eq!(calibration.limit(), 2 * largest.unwrap());
    let evaluator = Evaluator::new(&key, &model, TABLE.clone(), calibration, 1).unwrap();
    assert!(evaluator.evaluate(&encrypt(&master, &[1, 1, 1])).is_ok());
    match evaluator
        .evaluate(&encrypt(&master, &[255, 255, 255]))
        .unwrap_err()
    {
        FeError::Output {
            source: DlogError::OutputBeyondRange { limit, steps },
            ..
        } => {
            assert_eq!(limit, calibration.limit());
            assert_eq!(steps, evaluator.max_steps());
        }
        other => panic!("{other}"),
    }
}

#[test]
fn calibration_never_searches_beyond_the_proof() {
    let model = example();
    let corner: [&[u16]; 1] = [&[255, 255, 255]];
    let calibration = Calibration::from_inputs(&model, corner, u32::MAX).unwrap();
    assert_eq!(
        calibration.limit(),
        Calibration::proven(&model).unwrap().limit()
    );
}

#[test]
fn inputs_out_of_range_behind_a_ciphertext_are_noticed() {
    // The same secrets with a larger range stand for an encryptor that ignores the limit: its
    // ciphertext is relabelled through bytes, since the types would not let it pass.
    let model = IntegerModel::new((2, 1, 1), vec![1, -1], vec![1], 255).unwrap();
    let seed = Seed::from_bytes([8; 32]);
    let honest = MasterSecret::from_seed(2, 255, &seed).unwrap();
    let careless = MasterSecret::from_seed(2, 60_000, &seed).unwrap();
    let mut bytes = encrypt(&careless, &[60_000, 0]).to_bytes();
    let hash = honest.public_key().hash();
    let label = careless.public_key().hash();
    let at = bytes
        .windows(32)
        .position(|w| w == label.as_bytes())
        .unwrap();
    bytes[at..at + 32].copy_from_slice(hash.as_bytes());
    let forged = Ciphertext::from_bytes(&bytes).unwrap();
    assert!(matches!(
        evaluator(&honest, &model, 1).evaluate(&forged),
        Err(FeError::Output { output: 0, .. })
    ));

    // Within the search, but of the wrong sign for this model: refused by its proven range.
    let negative = IntegerModel::new((2, 2, 1), vec![10, 0, 0, 1], vec![-1, 1], 255).unwrap();
    let mut bytes = encrypt(&careless, &[0, 2000]).to_bytes();
    bytes[at..at + 32].copy_from_slice(hash.as_bytes());
    let forged = Ciphertext::from_bytes(&bytes).unwrap();
    assert!(matches!(
        evaluator(&honest, &negative, 1).evaluate(&forged),
        Err(FeError::ImpossibleOutput { output: 0, .. })
    ));
}

#[test]
fn a_table_grows_with_the_outputs_that_are_to_be_found() -> Result<(), Box<dyn std::error::Error>> {
    let model = IntegerModel::new((1, 1, 1), vec![1 << 10], vec![1 << 10], 255)?;
    let calibration = Calibration::proven(&model)?;
    let sizes = [1, 100, 10_000].map(|outputs| calibration.table_size_for(outputs).get());
    assert!(sizes.is_sorted() && sizes[0] < sizes[2], "{sizes:?}");
    // 2^46 at 50 outputs: √(50·2^46) entries of about 4 bytes.
    assert!(calibration.table_size_for(50).get() <= 512);
    Ok(())
}
