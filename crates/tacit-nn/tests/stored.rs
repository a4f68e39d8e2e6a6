//! Claims about files: round trips, strictness, known answers.

use proptest::prelude::*;
use tacit_nn::store::{self, Metadata, Parameter, Tensors, onnx};
use tacit_nn::{Draws, Mlp, NnError, QuadraticNetwork};

fn network() -> Mlp {
    Mlp::new(&[3, 4, 2], 0.0, &mut Draws::new(1, "stored")).unwrap()
}

fn tampered(change: impl FnOnce(&mut Tensors)) -> Result<Mlp, NnError> {
    let mut tensors = store::parameters(&network());
    change(&mut tensors);
    store::load_parameters(network(), tensors, "test")
}

#[test]
fn a_file_gives_back_the_network_and_its_note() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("head.safetensors");
    let note = Metadata::from([("a".into(), "1".into()), ("b".into(), "ü".into())]);
    store::save(&network(), &note, &path).unwrap();
    let other = Mlp::new(&[3, 4, 2], 0.0, &mut Draws::new(2, "stored")).unwrap();
    let (loaded, found) = store::load(other, &path).unwrap();
    assert_eq!(found, note);
    assert_eq!(store::parameters(&loaded), store::parameters(&network()));
    let names: Vec<_> = store::parameters(&loaded).into_keys().collect();
    assert_eq!(
        names,
        [
            "layers.0.bias",
            "layers.0.weight",
            "layers.1.bias",
            "layers.1.weight"
        ]
    );
}

#[test]
fn missing_unknown_and_misshapen_tensors_are_named() {
    let missing = tampered(|t| drop(t.remove("layers.1.bias")));
    assert!(
        matches!(missing, Err(NnError::MissingTensor { tensor, .. }) if tensor == "layers.1.bias")
    );
    let unknown = tampered(|t| {
        let one = Parameter {
            shape: vec![1],
            values: vec![0.0],
        };
        t.insert("extra".into(), one);
    });
    assert!(matches!(unknown, Err(NnError::UnknownTensor { tensor, .. }) if tensor == "extra"));
    let misshapen = tampered(|t| t.get_mut("layers.0.weight").unwrap().shape = vec![4, 3]);
    assert!(
        matches!(misshapen, Err(NnError::TensorShape { tensor, .. }) if tensor == "layers.0.weight")
    );
}

#[test]
fn values_that_are_no_numbers_are_found_in_the_bytes() {
    let mut bytes = store::to_bytes(&network(), &Metadata::new()).unwrap();
    let at = bytes.len() - 4;
    bytes[at..].copy_from_slice(&f32::NAN.to_le_bytes());
    let result = store::from_bytes(network(), &bytes, "test");
    assert!(matches!(result, Err(NnError::TensorValue { index: 7, .. })));
}

#[test]
fn a_network_of_another_kind_is_refused() {
    let bytes = store::to_bytes(&network(), &Metadata::new()).unwrap();
    let other = QuadraticNetwork::new(3, 4, 2, &mut Draws::new(1, "stored")).unwrap();
    assert!(store::from_bytes(other, &bytes, "test").is_err());
}

#[test]
fn onnx_bytes_are_those_that_the_reference_runtime_accepted() {
    let mut tensors = store::parameters(&network());
    for tensor in tensors.values_mut() {
        for (i, v) in tensor.values.iter_mut().enumerate() {
            *v = i as f32 / 8.0 - 0.5;
        }
    }
    let network = store::load_parameters(network(), tensors, "test").unwrap();
    let known = include_bytes!("known/mlp-3-4-2.onnx");
    assert!(onnx::model(&network, "known answer") == known);
}

proptest! {
    #[test]
    fn truncated_and_flipped_files_never_panic(cut in 0usize..400, at in 0usize..400, bit in 0u8..8) {
        let mut bytes = store::to_bytes(&network(), &Metadata::new()).unwrap();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        let _ = store::from_bytes(network(), &bytes, "test");
        bytes.truncate(cut.min(bytes.len() - 1));
        prop_assert!(store::from_bytes(network(), &bytes, "test").is_err());
    }
}
