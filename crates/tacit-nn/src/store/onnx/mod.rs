//! Networks for other people's runtimes.
//!
//! ONNX is a Protocol Buffers schema; writing the operators of this crate's blocks needs a handful
//! of its messages and no reader, so they are written here directly. Opset 18. Input and output
//! are `f32` rows, `[N, columns]`, N free: a picture is its row here too, channel after channel,
//! so that encoder and head meet at a matrix whatever the cut.
//!
//! Normalisations are folded into the convolutions before them,
//!
//! ```text
//! γ (w∗x − M)/√(V+ε) + β = (a·w)∗x + (β − a·M),    a = γ/√(V+ε)
//! ```
//!
//! so no running statistics leave with a model.
//!
//! ```
//! use tacit_nn::layered::{Architecture, Layered};
//! use tacit_nn::{Draws, store::onnx};
//!
//! let architecture = Architecture::resnet_cifar(8, [1, 28, 28].into(), 10)?;
//! let network = Layered::new(&architecture, &mut Draws::new(1, "weights"))?;
//! let (encoder, head) = network.split_at(2)?;
//! let folder = std::env::temp_dir();
//! std::fs::write(
//!     folder.join("encoder.onnx"),
//!     onnx::layered(&encoder, "encoder", onnx::Part::Encoder),
//! )?;
//! std::fs::write(
//!     folder.join("head.onnx"),
//!     onnx::layered(&head, "head", onnx::Part::Head),
//! )?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod blocks;
mod message;

pub use blocks::layered;

use crate::matrix::floats;
use crate::network::{Mlp, Network};
use message::Graph;

/// What a model is of the whole, which names its input and output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// From `rows` to `logits`.
    Whole,
    /// From `rows` to `features`.
    Encoder,
    /// From `features` to `logits`.
    Head,
}

impl Part {
    /// The names of input and output.
    pub fn ends(&self) -> [&'static str; 2] {
        match self {
            Part::Whole => ["rows", "logits"],
            Part::Encoder => ["rows", "features"],
            Part::Head => ["features", "logits"],
        }
    }
}

/// A dense network as an ONNX model, from `rows` to `logits`. Dropout is for training and left out.
pub fn model(network: &Mlp, name: &str) -> Vec<u8> {
    let mut graph = Graph::default();
    let mut current = "rows".to_owned();
    let last = network.layers.len().saturating_sub(1);
    for (i, layer) in network.layers.iter().enumerate() {
        let (weight, bias) = (format!("layers.{i}.weight"), format!("layers.{i}.bias"));
        let [inputs, outputs] = layer.weight.dims();
        graph.floats(&weight, &[inputs, outputs], &floats(layer.weight.val()));
        let mut operands = vec![current.as_str(), weight.as_str()];
        if let Some(b) = &layer.bias {
            graph.floats(&bias, &[outputs], &floats(b.val()));
            operands.push(&bias);
        }
        let dense = if i == last {
            "logits".to_owned()
        } else {
            format!("dense.{i}")
        };
        graph.node("Gemm", &operands, &dense, &[]);
        current = dense;
        if i != last {
            let hidden = format!("hidden.{i}");
            graph.node("Relu", &[&current], &hidden, &[]);
            current = hidden;
        }
    }
    graph.model(
        name,
        ("rows", network.inputs()),
        ("logits", network.outputs()),
    )
}
