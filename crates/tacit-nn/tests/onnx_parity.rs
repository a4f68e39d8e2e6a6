//! Claims about ONNX models: other runtimes compute what this crate computes.
//!
//! The comparison needs `python3` with `onnx`, `onnxruntime` and `numpy`, and says so where they
//! are missing (`cargo test -p tacit-nn --test onnx_parity -- --nocapture`). The known bytes need
//! nothing.

use std::path::Path;
use std::process::Command;
use tacit_nn::layered::{Architecture, Block, Layered};
use tacit_nn::store::onnx::{Part, layered};
use tacit_nn::store::{load_parameters, parameters};
use tacit_nn::{Draws, Matrix, Network, predict, training_device};

fn draws(seed: u64) -> Draws {
    Draws::new(seed, "onnx")
}

fn normal(rows: usize, columns: usize, seed: u64) -> Matrix {
    let mut d = draws(seed);
    let values = (0..rows * columns).map(|_| d.normal()).collect();
    Matrix::new(rows, columns, values).unwrap()
}

/// A network whose running statistics have followed a few batches, and whose scales and shifts are
/// not the first ones.
fn lived(architecture: &Architecture) -> Layered {
    let network = Layered::new(architecture, &mut draws(1)).unwrap();
    let mut d = draws(2);
    let mut tensors = parameters(&network);
    for (name, tensor) in &mut tensors {
        if name.ends_with("scale") || name.ends_with("shift") {
            tensor
                .values
                .iter_mut()
                .for_each(|v| *v += d.symmetric(0.3));
        }
    }
    let network = load_parameters(network, tensors, "test").unwrap();
    for seed in 3..6 {
        let rows = normal(4, network.inputs(), seed);
        network.forward_training(rows.tensor(0, 4, &training_device()), &mut d);
    }
    network
}

fn write(folder: &Path, name: &str, network: &Layered, part: Part, rows: &Matrix) -> Matrix {
    let outputs = predict::logits(network, rows).unwrap();
    let raw = |m: &Matrix| -> Vec<u8> { m.values().iter().flat_map(|v| v.to_le_bytes()).collect() };
    let file = |ending: &str, bytes: Vec<u8>| {
        std::fs::write(folder.join(format!("{name}.{ending}")), bytes).unwrap();
    };
    file("onnx", layered(network, name, part));
    file("inputs", raw(rows));
    file("outputs", raw(&outputs));
    outputs
}

#[test]
fn onnxruntime_computes_the_same_outputs() {
    let needs = ["-c", "import numpy, onnx, onnxruntime"];
    if !Command::new("python3")
        .args(needs)
        .status()
        .is_ok_and(|s| s.success())
    {
        eprintln!("not compared: there is no python3 with numpy, onnx and onnxruntime");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let whole = |name: &str, architecture: Architecture, rows: usize| {
        let network = lived(&architecture);
        let rows = normal(rows, network.inputs(), 7);
        write(folder.path(), name, &network, Part::Whole, &rows);
        (network, rows)
    };
    whole("mlp", Architecture::mlp(&[20, 32, 16, 5]).unwrap(), 200);
    whole(
        "convnet",
        Architecture::convnet([3, 13, 10].into(), 7).unwrap(),
        100,
    );
    whole(
        "resnet18",
        Architecture::resnet18([1, 12, 12].into(), 4).unwrap(),
        20,
    );
    // The stem of ResNet-18 for large pictures.
    let stem = Block::Convolution {
        channels: 4,
        kernel: 7,
        stride: 2,
        norm: true,
        relu: true,
    };
    let pooled = Architecture {
        input: [3, 17, 14].into(),
        blocks: vec![stem, Block::StemPool],
    };
    whole("large stem", pooled, 20);
    let rows = normal(10, 16, 8);
    let name = "round numbers";
    write(folder.path(), name, &round_numbers(), Part::Whole, &rows);
    let picture = [1, 15, 15].into();
    let (network, rows) = whole(
        "resnet8",
        Architecture::resnet_cifar(8, picture, 6).unwrap(),
        100,
    );
    for after in [1, 3, 5] {
        let (encoder, head) = network.split_at(after).unwrap();
        let (first, second) = (format!("encoder-{after}"), format!("head-{after}"));
        let features = write(folder.path(), &first, &encoder, Part::Encoder, &rows);
        write(folder.path(), &second, &head, Part::Head, &features);
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/onnx/compare.py");
    let said = Command::new("python3")
        .arg("-B")
        .arg(script)
        .arg(folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&said.stdout);
    println!("{text}");
    assert!(
        said.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&said.stderr)
    );
    assert_eq!(text.lines().count(), 12);
}

/// A small network of round numbers, of the same bits everywhere.
fn round_numbers() -> Layered {
    let architecture = Architecture {
        input: [1, 4, 4].into(),
        blocks: vec![
            Block::Residual {
                channels: 2,
                stride: 2,
            },
            Block::MaxPool { side: 2 },
            Block::Dense {
                outputs: 2,
                relu: false,
            },
        ],
    };
    let network = Layered::new(&architecture, &mut draws(1)).unwrap();
    let mut tensors = parameters(&network);
    for tensor in tensors.values_mut() {
        for (i, v) in tensor.values.iter_mut().enumerate() {
            *v = (i + 1) as f32 / 8.0;
        }
    }
    load_parameters(network, tensors, "test").unwrap()
}

#[test]
fn onnx_bytes_are_those_that_the_reference_runtime_accepted() {
    let found = layered(&round_numbers(), "round numbers", Part::Whole);
    let known = include_bytes!("known/residual.onnx");
    if found != known {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("residual.onnx");
        std::fs::write(&path, &found).unwrap();
        panic!("other bytes than known/residual.onnx: {}", path.display());
    }
}
