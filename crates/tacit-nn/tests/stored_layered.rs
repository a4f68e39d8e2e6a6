//! Claims about files of layered networks.

use proptest::prelude::*;
use std::process::Command;
use tacit_nn::layered::{Architecture, Block, Layered};
use tacit_nn::store::{self, Metadata, Tensors};
use tacit_nn::{Draws, Matrix, NnError, predict};

fn network() -> Layered {
    let architecture = Architecture {
        input: [1, 4, 4].into(),
        blocks: vec![
            Block::Convolution {
                channels: 2,
                kernel: 3,
                stride: 1,
                norm: false,
                relu: true,
            },
            Block::Residual {
                channels: 3,
                stride: 2,
            },
            Block::GlobalAveragePool,
            Block::Dense {
                outputs: 2,
                relu: false,
            },
        ],
    };
    Layered::new(&architecture, &mut Draws::new(1, "stored")).unwrap()
}

fn bytes() -> Vec<u8> {
    store::layered_to_bytes(&network(), &Metadata::new()).unwrap()
}

fn read(bytes: &[u8]) -> Result<(Layered, Metadata), NnError> {
    store::layered_from_bytes(bytes, "test")
}

/// The file with its tensors or metadata changed.
fn tampered(
    change: impl FnOnce(&mut Tensors, &mut Metadata),
) -> Result<(Layered, Metadata), NnError> {
    let (mut tensors, mut metadata) = store::from_tensors(&bytes(), "test").unwrap();
    change(&mut tensors, &mut metadata);
    read(&store::to_tensors(&tensors, &metadata).unwrap())
}

#[test]
fn a_file_is_enough_to_build_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let note = Metadata::from([("task".into(), "digits".into())]);
    store::save_layered(&network(), &note, &path).unwrap();
    let (loaded, found) = store::load_layered(&path).unwrap();
    assert_eq!(found, note);
    assert_eq!(loaded.architecture(), network().architecture());
    assert_eq!(store::parameters(&loaded), store::parameters(&network()));
    assert_eq!(
        store::layered_to_bytes(&loaded, &note).unwrap(),
        std::fs::read(&path).unwrap()
    );
    let names: Vec<_> = store::parameters(&loaded).into_keys().collect();
    let residual = |part: &str| {
        [
            "norm.mean",
            "norm.scale",
            "norm.shift",
            "norm.variance",
            "weight",
        ]
        .map(|name| format!("blocks.1.{part}.{name}"))
    };
    let mut expected = vec![
        "blocks.0.kernel.bias".to_owned(),
        "blocks.0.kernel.weight".to_owned(),
    ];
    expected.extend(
        ["first", "second", "shortcut"]
            .iter()
            .flat_map(|p| residual(p)),
    );
    expected.extend(["bias", "weight"].map(|name| format!("blocks.3.linear.{name}")));
    assert_eq!(names, expected);
}

#[test]
fn missing_unknown_and_misshapen_tensors_are_named() {
    let missing = tampered(|t, _| drop(t.remove("blocks.1.first.norm.mean")));
    assert!(
        matches!(missing, Err(NnError::MissingTensor { tensor, .. }) if tensor == "blocks.1.first.norm.mean")
    );
    let unknown = tampered(|t, _| {
        let one = t["blocks.3.linear.bias"].clone();
        t.insert("blocks.3.linear.bias2".into(), one);
    });
    assert!(
        matches!(unknown, Err(NnError::UnknownTensor { tensor, .. }) if tensor == "blocks.3.linear.bias2")
    );
    let misshapen =
        tampered(|t, _| t.get_mut("blocks.3.linear.weight").unwrap().shape = vec![2, 3]);
    assert!(
        matches!(misshapen, Err(NnError::TensorShape { tensor, .. }) if tensor == "blocks.3.linear.weight")
    );
    let negative =
        tampered(|t, _| t.get_mut("blocks.1.second.norm.variance").unwrap().values[2] = -0.5);
    assert!(matches!(
        negative,
        Err(NnError::TensorValue { tensor, index: 2, .. }) if tensor == "blocks.1.second.norm.variance"
    ));
}

#[test]
fn the_text_beside_the_tensors_is_checked() {
    let field = |result: Result<(Layered, Metadata), NnError>| match result {
        Err(NnError::Metadata { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(field(tampered(|_, m| drop(m.remove("format")))), "format");
    assert_eq!(
        field(tampered(|_, m| drop(m.remove("architecture")))),
        "architecture"
    );
    let unknown = tampered(|_, m| {
        let text = m["architecture"].replace("\"stride\":2", "\"stride\":2,\"dilation\":2");
        m.insert("architecture".into(), text);
    });
    assert_eq!(field(unknown), "architecture");
    let does_not_fit = tampered(|_, m| {
        let text = m["architecture"].replace("\"kernel\":3", "\"kernel\":4");
        m.insert("architecture".into(), text);
    });
    assert!(matches!(
        does_not_fit,
        Err(NnError::Architecture { block: 1, .. })
    ));
    // A text of a few letters cannot make the reader allocate.
    let large = tampered(|_, m| {
        let text = m["architecture"].replace("\"outputs\":2", "\"outputs\":16777216");
        m.insert("architecture".into(), text);
    });
    assert!(matches!(large, Err(NnError::Format { .. })));
    let taken = Metadata::from([("format".into(), "mine".into())]);
    assert!(store::layered_to_bytes(&network(), &taken).is_err());
}

#[test]
fn files_that_can_run_code_are_refused_by_name() {
    let refused = |bytes: &[u8]| match read(bytes) {
        Err(error @ NnError::Pickle { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    };
    // PyTorch's archive, and pickles of protocols 2 and 4.
    refused(b"PK\x03\x04\0\0\x08\x08\0\0 rest of an archive");
    refused(b"\x80\x02}q\0X\x05\0\0\0state");
    let said = refused(b"\x80\x04\x95\x0a\0\0\0\0\0\0\0}");
    assert!(said.contains("run any code") && said.contains("safetensors"));
}

#[test]
fn other_formats_doubles_and_repeated_names_are_refused() {
    let reason = |bytes: &[u8]| match read(bytes) {
        Err(NnError::Format { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    let file = |header: &str, data: &[u8]| {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    };
    reason(b"");
    reason(b"not a model");
    let tensor = r#"{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#;
    let twice = file(&format!(r#"{{"a":{tensor},"a":{tensor}}}"#), &[0; 4]);
    assert!(reason(&twice).contains("`a` twice"));
    let double = r#"{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}"#;
    assert!(matches!(
        read(&file(double, &[0; 8])),
        Err(NnError::TensorShape { found, .. }) if found == "F64 [1]"
    ));
    let mut longer = bytes();
    longer.push(0);
    reason(&longer);
}

proptest! {
    #[test]
    fn truncated_and_flipped_files_never_panic(cut in 0usize..4000, at in 0usize..4000, bit in 0u8..8) {
        let mut bytes = bytes();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        let _ = read(&bytes);
        bytes.truncate(cut.min(bytes.len() - 1));
        prop_assert!(read(&bytes).is_err());
    }
}

#[test]
fn python_can_write_the_format() {
    if !Command::new("python3")
        .args(["-c", "import numpy"])
        .status()
        .is_ok_and(|s| s.success())
    {
        eprintln!("not tested: there is no python3 with numpy");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("from-python.safetensors");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/write_model.py");
    let status = Command::new("python3")
        .arg("-B")
        .arg(script)
        .arg(&path)
        .status()
        .unwrap();
    assert!(status.success());
    let (network, note) = store::load_layered(&path).unwrap();
    assert_eq!(note["task"], "the larger half");
    // The script's weights compare the sums of both halves of a row.
    let rows = Matrix::new(2, 4, vec![3.0, 2.0, 1.0, 0.0, 0.0, 1.0, 2.0, 3.5]).unwrap();
    let logits = predict::logits(&network, &rows).unwrap();
    assert_eq!(logits.values(), [4.0, 0.0, 0.0, 4.5]);
}
