//! Integer models: what they compute, what is proven about them, what is refused.

use proptest::prelude::*;
use tacit_fe::model::{MAX_INPUTS, MAX_MODEL_BYTES, OUTPUT_LIMIT_BITS};
use tacit_fe::{IntegerModel, ModelError, Quantisation};

fn models() -> impl Strategy<Value = IntegerModel> {
    (1usize..6, 1usize..5, 1usize..4, 1u16..=300).prop_flat_map(|(n, d, k, input_max)| {
        let p = prop::collection::vec(-40i16..=40, n * d);
        let combination = prop::collection::vec(-40i16..=40, d * k);
        (p, combination)
            .prop_map(move |(p, c)| IntegerModel::new((n, d, k), p, c, input_max).unwrap())
    })
}

fn models_with_input() -> impl Strategy<Value = (IntegerModel, Vec<u16>)> {
    models().prop_flat_map(|model| {
        let x = prop::collection::vec(0..=model.input_max(), model.inputs());
        (Just(model), x)
    })
}

/// xᵀ M_k x with the symmetric matrix of output k written out.
fn by_quadratic_form(model: &IntegerModel, x: &[u16], k: usize) -> i128 {
    let (n, d) = (model.inputs(), model.hidden());
    let p = |i: usize, j: usize| i128::from(model.projection()[i * d + j]);
    let mut sum = 0;
    for a in 0..n {
        for b in 0..n {
            let entry: i128 = (0..d)
                .map(|j| {
                    i128::from(model.combination()[j * model.outputs() + k]) * p(a, j) * p(b, j)
                })
                .sum();
            sum += entry * i128::from(x[a]) * i128::from(x[b]);
        }
    }
    sum
}

fn json(p: &str, d: &str) -> String {
    format!(r#"{{"inputs":2,"hidden":2,"outputs":1,"p":{p},"d":{d},"input_max":255}}"#)
}

fn refusal(text: &str) -> String {
    IntegerModel::from_json(text.as_bytes())
        .unwrap_err()
        .to_string()
}

proptest! {
    #[test]
    fn outputs_are_the_quadratic_forms((model, x) in models_with_input()) {
        let outputs = model.evaluate(&x).unwrap();
        for (k, &output) in outputs.iter().enumerate() {
            prop_assert_eq!(i128::from(output), by_quadratic_form(&model, &x, k));
        }
    }

    #[test]
    fn every_value_lies_in_its_proven_range((model, x) in models_with_input()) {
        let bounds = model.bounds();
        for (h, range) in model.hidden_values(&x).unwrap().into_iter().zip(bounds.hidden()) {
            prop_assert!(range.contains(h.into()));
        }
        for (f, range) in model.evaluate(&x).unwrap().into_iter().zip(bounds.outputs()) {
            prop_assert!(range.contains(f.into()));
        }
    }

    #[test]
    fn bounds_of_hidden_values_are_attained(model in models()) {
        for (j, range) in model.bounds().hidden().iter().enumerate() {
            let corner = |positive: bool| -> Vec<u16> {
                let pick = |p: i16| if (p > 0) == positive { model.input_max() } else { 0 };
                model.projection_column(j).map(pick).collect()
            };
            prop_assert_eq!(i128::from(model.hidden_values(&corner(true)).unwrap()[j]), range.high());
            prop_assert_eq!(i128::from(model.hidden_values(&corner(false)).unwrap()[j]), range.low());
        }
    }

    #[test]
    fn files_round_trip_and_keep_the_hash(model in models()) {
        let back = IntegerModel::from_json(&model.to_json()).unwrap();
        prop_assert_eq!(back.hash(), model.hash());
        prop_assert_eq!(back, model);
    }

    #[test]
    fn any_change_changes_the_hash(model in models(), at in any::<prop::sample::Index>()) {
        let sizes = (model.inputs(), model.hidden(), model.outputs());
        let mut p = model.projection().to_vec();
        let i = at.index(p.len());
        p[i] += 1;
        let other = IntegerModel::new(sizes, p, model.combination().to_vec(), model.input_max());
        prop_assert_ne!(other.unwrap().hash(), model.hash());
    }

    #[test]
    fn inputs_of_wrong_shape_or_range_are_refused((model, x) in models_with_input()) {
        let mut long = x.clone();
        long.push(0);
        let shape = matches!(model.evaluate(&long), Err(ModelError::InputShape { .. }));
        prop_assert!(shape);
        let mut high = x;
        let last = high.len() - 1;
        high[last] = model.input_max() + 1;
        let refused = matches!(
            model.evaluate(&high),
            Err(ModelError::InputRange { index, .. }) if index == last
        );
        prop_assert!(refused);
    }

    #[test]
    fn decoding_arbitrary_bytes_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = IntegerModel::from_json(&bytes);
    }

    #[test]
    fn quantisation_stays_within_its_proven_error(
        (n, d, k) in (2usize..8, 1usize..5, 1usize..4),
        seed in prop::collection::vec(-1.0f64..1.0, 100),
        x in prop::collection::vec(0u16..=255, 8),
        constant in prop::sample::select(vec![None, Some(255u16), Some(64)]),
        p_bits in 2u32..8,
    ) {
        let (p, rest) = seed.split_at(n * d);
        let combination = &rest[..d * k];
        let options = Quantisation { p_bits, d_bits: 5, input_max: 255, constant };
        let quantised = options.apply((n, d, k), p, combination).unwrap();
        let mut x = x[..n].to_vec();
        let mut u: Vec<f64> = x.iter().map(|&x| f64::from(x) / 255.0).collect();
        if let Some(c) = constant {
            x[0] = c;
            u[0] = 1.0;
        }
        let outputs = quantised.model.evaluate(&x).unwrap();
        for (output, &integer) in outputs.iter().enumerate() {
            let float: f64 = (0..d)
                .map(|j| {
                    let h: f64 = (0..n).map(|i| p[i * d + j] * u[i]).sum();
                    combination[j * k + output] * h * h
                })
                .sum();
            let error = (float - integer as f64 * quantised.output_scales[output]).abs();
            prop_assert!(error <= quantised.worst_error[output] + 1e-12);
        }
    }
}

#[test]
fn a_known_model_has_a_known_hash() {
    let model = IntegerModel::from_json(json("[[1,0],[1,-1]]", "[[1],[2]]").as_bytes()).unwrap();
    assert_eq!(model.evaluate(&[3, 4]).unwrap(), [49 + 32]);
    let spaced = json("[ [1, 0],\n [1, -1] ]", "[[1], [2]]");
    let again = IntegerModel::from_json(spaced.as_bytes()).unwrap();
    assert_eq!(again.hash(), model.hash());
    assert_eq!(model.hash().to_string(), KNOWN_HASH);
}

const KNOWN_HASH: &str = "962ba79aa812153bd1577928f64e8b14782261f03380a0453754719f23018aaf";

#[test]
fn faults_in_a_file_are_named() {
    assert!(refusal(&json("[[1,0]]", "[[1],[2]]")).contains("`p`: has 1 rows, 2 are expected"));
    assert!(refusal(&json("[[1,0],[1]]", "[[1],[2]]")).contains("`p[1]`: has 1 entries"));
    assert!(refusal(&json("[[1,0],[1,40000]]", "[[1],[2]]")).contains("`p[1][1]`: is 40000"));
    assert!(refusal(&json("[[1,0],[1,0]]", "[[1],[2.5]]")).contains("2.5"));
    assert!(refusal(&json("[[1,0],[1,0]]", "[[1],[2,3]]")).contains("`d[1]`"));
    let good = json("[[1,0],[1,0]]", "[[1],[2]]");
    assert!(refusal(&format!("{good}x")).contains("trailing"));
    assert!(refusal(&good.replace("\"d\"", "\"dd\"")).contains("unknown field"));
    assert!(
        refusal(&good.replace("\"inputs\":2", "\"inputs\":2,\"inputs\":2")).contains("duplicate")
    );
    assert!(refusal(&good.replace("255", "70000")).contains("`input_max`: is 70000"));
    assert!(refusal(&good.replace("255", "0")).contains("`input_max`: is 0"));
    assert!(refusal(&good.replace("\"inputs\":2", "\"inputs\":4000000000")).contains("`inputs`"));
    let huge = format!("\"hidden\":1024,\"inputs\":{MAX_INPUTS}");
    assert!(
        refusal(&good.replace("\"inputs\":2,\"hidden\":2", &huge)).contains("`p`: 65536 × 1024")
    );
}

#[test]
fn load_and_save_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.json");
    let missing = IntegerModel::load(&path).unwrap_err();
    assert!(matches!(missing, ModelError::Io { .. }) && missing.to_string().contains("model.json"));

    let model = IntegerModel::new((1, 1, 1), vec![3], vec![-2], 255).unwrap();
    model.save(&path).unwrap();
    assert_eq!(IntegerModel::load(&path).unwrap(), model);

    std::fs::write(&path, json("[[1,0]]", "[[1],[2]]")).unwrap();
    let shape = IntegerModel::load(&path).unwrap_err().to_string();
    assert!(
        shape.contains("model.json") && shape.contains("`p`"),
        "{shape}"
    );

    let file = std::fs::File::create(&path).unwrap();
    file.set_len(MAX_MODEL_BYTES + 1).unwrap();
    assert!(matches!(
        IntegerModel::load(&path),
        Err(ModelError::TooLarge { .. })
    ));
}

#[test]
fn a_model_that_could_exceed_the_limit_is_refused_with_the_remedy() {
    let within = IntegerModel::new((1, 1, 1), vec![256], vec![1], 65535).unwrap();
    assert!(within.check_limit().unwrap().largest_output() <= 1 << OUTPUT_LIMIT_BITS);
    let beyond = IntegerModel::new((1, 1, 2), vec![257], vec![0, -1], 65535).unwrap();
    let error = beyond.check_limit().unwrap_err();
    assert!(matches!(
        error,
        ModelError::BoundExceedsLimit { output: 1, .. }
    ));
    assert!(error.to_string().contains("2^48") && error.to_string().contains("fewer bits"));
}

#[test]
fn the_largest_model_does_not_overflow() {
    let (n, d) = (MAX_INPUTS, 64);
    let model = IntegerModel::new(
        (n, d, 1),
        vec![i16::MIN; n * d],
        vec![i16::MAX; d],
        u16::MAX,
    );
    let model = model.unwrap();
    assert!(matches!(
        model.check_limit(),
        Err(ModelError::BoundExceedsLimit { .. })
    ));
    let error = model.evaluate(&vec![u16::MAX; n]).unwrap_err();
    assert!(matches!(error, ModelError::BoundExceedsLimit { .. }));
}

#[test]
fn matrices_that_cannot_be_quantised_are_named() {
    let options = Quantisation::default();
    let nan = options
        .apply((2, 1, 1), &[0.5, f64::NAN], &[1.0])
        .unwrap_err();
    assert!(nan.to_string().contains("P: [1][0] is NaN"));
    let short = options.apply((2, 1, 1), &[0.5, 0.5], &[]).unwrap_err();
    assert!(short.to_string().contains("D: 0 values"));
    let bits = Quantisation {
        p_bits: 16,
        ..options
    };
    assert!(bits.apply((2, 1, 1), &[0.5, 0.5], &[1.0]).is_err());
    let zero = Quantisation::default()
        .apply((2, 1, 1), &[0.0; 2], &[0.0])
        .unwrap();
    assert_eq!(zero.model.evaluate(&[255, 255]).unwrap(), [0]);
}
