//! A dense network for other people's runtimes.
//!
//! ONNX is a Protocol Buffers schema; writing a chain of `Gemm` and `Relu` needs seven of its
//! messages and no reader, so they are written here directly. Opset 18; the input `rows` is
//! `[N, inputs]` and the output `logits` is `[N, outputs]`, both `f32`, N free.
//!
//! ```
//! use tacit_nn::{Draws, Mlp, store::onnx};
//!
//! let head = Mlp::new(&[4, 32, 10], 0.0, &mut Draws::new(1, "head"))?;
//! let bytes = onnx::model(&head, "public head");
//! std::fs::write(std::env::temp_dir().join("head.onnx"), bytes)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::matrix::floats;
use crate::network::{Mlp, Network};

const OPSET: u64 = 18;
/// The version of the file format that came with opset 18.
const IR_VERSION: u64 = 8;
const FLOAT: u64 = 1;

/// The network as an ONNX model. Dropout is for training and left out.
pub fn model(network: &Mlp, name: &str) -> Vec<u8> {
    let mut opset = Message::default();
    opset.bytes(1, b"").number(2, OPSET);
    let mut model = Message::default();
    model
        .number(1, IR_VERSION)
        .bytes(2, b"tacit")
        .message(7, &graph(network, name))
        .message(8, &opset);
    model.0
}

fn graph(network: &Mlp, name: &str) -> Message {
    let mut nodes = Vec::new();
    let mut initializers = Vec::new();
    let mut current = "rows".to_owned();
    let last = network.layers.len().saturating_sub(1);
    for (i, layer) in network.layers.iter().enumerate() {
        let (weight, bias) = (format!("layers.{i}.weight"), format!("layers.{i}.bias"));
        let [inputs, outputs] = layer.weight.dims();
        let weights = floats(layer.weight.val());
        initializers.push(tensor(&weight, &[inputs, outputs], &weights));
        let mut operands = vec![current, weight];
        if let Some(b) = &layer.bias {
            initializers.push(tensor(&bias, &[outputs], &floats(b.val())));
            operands.push(bias);
        }
        let dense = if i == last {
            "logits".to_owned()
        } else {
            format!("dense.{i}")
        };
        nodes.push(node("Gemm", &operands, &dense));
        current = dense;
        if i != last {
            let hidden = format!("hidden.{i}");
            nodes.push(node("Relu", &[current], &hidden));
            current = hidden;
        }
    }
    let mut graph = Message::default();
    for node in &nodes {
        graph.message(1, node);
    }
    graph.bytes(2, name.as_bytes());
    for initializer in &initializers {
        graph.message(5, initializer);
    }
    graph
        .message(11, &value_info("rows", network.inputs()))
        .message(12, &value_info("logits", network.outputs()));
    graph
}

fn node(operation: &str, inputs: &[String], output: &str) -> Message {
    let mut node = Message::default();
    for input in inputs {
        node.bytes(1, input.as_bytes());
    }
    node.bytes(2, output.as_bytes())
        .bytes(3, format!("{operation}.{output}").as_bytes())
        .bytes(4, operation.as_bytes());
    node
}

fn tensor(name: &str, shape: &[usize], values: &[f32]) -> Message {
    let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let mut tensor = Message::default();
    for &size in shape {
        tensor.number(1, size as u64);
    }
    tensor
        .number(2, FLOAT)
        .bytes(8, name.as_bytes())
        .bytes(9, &raw);
    tensor
}

fn value_info(name: &str, columns: usize) -> Message {
    let (mut rows, mut width, mut shape) = Default::default();
    Message::bytes(&mut rows, 2, b"N");
    Message::number(&mut width, 1, columns as u64);
    Message::message(&mut shape, 1, &rows).message(1, &width);
    let (mut of_tensor, mut kind, mut info) = Default::default();
    Message::number(&mut of_tensor, 1, FLOAT).message(2, &shape);
    Message::message(&mut kind, 1, &of_tensor);
    Message::bytes(&mut info, 1, name.as_bytes()).message(2, &kind);
    info
}

/// A Protocol Buffers message under construction.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn number(&mut self, field: u64, value: u64) -> &mut Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    fn bytes(&mut self, field: u64, value: &[u8]) -> &mut Self {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    fn message(&mut self, field: u64, value: &Message) -> &mut Self {
        self.bytes(field, &value.0)
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}
