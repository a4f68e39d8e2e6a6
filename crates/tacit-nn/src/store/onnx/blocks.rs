//! Blocks as operators.

use super::Part;
use super::message::Graph;
use crate::layered::{Kernel, Layer, Layered, Pooling, Shape};
use crate::matrix::floats;
use crate::network::Network;
use burn::module::Param;

/// A network as an ONNX model.
pub fn layered(network: &Layered, name: &str, part: Part) -> Vec<u8> {
    let [input, output] = part.ends();
    let mut chain = Chain {
        graph: Graph::default(),
        current: input.to_owned(),
        row: true,
        count: 0,
    };
    let mut shape = network.architecture().input;
    for (i, (layer, next)) in network.layers().iter().zip(network.shapes()).enumerate() {
        chain.block(&format!("blocks.{i}"), layer, shape);
        shape = *next;
    }
    chain.flatten();
    let mut graph = chain.graph;
    graph.name_last(output);
    graph.model(name, (input, network.inputs()), (output, network.outputs()))
}

/// Operators one after the other; every new one takes what the last gave.
struct Chain {
    graph: Graph,
    /// The value that the next operator takes.
    current: String,
    /// Whether it is a row, not a map.
    row: bool,
    count: usize,
}

impl Chain {
    fn block(&mut self, path: &str, layer: &Layer, input: Shape) {
        match layer {
            Layer::Dense(dense) => {
                self.flatten();
                let [inputs, outputs] = dense.linear.weight.dims();
                let (weight, bias) = (format!("{path}.weight"), format!("{path}.bias"));
                let weights = floats(dense.linear.weight.val());
                let biases = match &dense.linear.bias {
                    Some(bias) => floats(bias.val()),
                    None => vec![0.0; outputs],
                };
                self.graph.floats(&weight, &[inputs, outputs], &weights);
                self.graph.floats(&bias, &[outputs], &biases);
                self.apply("Gemm", &[&weight, &bias], &[]);
                self.relu_if(dense.relu);
            }
            Layer::Convolution(convolution) => {
                self.lay_out(path, input);
                self.convolve(path, &convolution.kernel);
                self.relu_if(convolution.relu);
            }
            Layer::Pool(pool) => {
                self.lay_out(path, input);
                match pool.pooling {
                    Pooling::Max { side } => self.apply(
                        "MaxPool",
                        &[],
                        &[("kernel_shape", &[side; 2]), ("strides", &[side; 2])],
                    ),
                    Pooling::Stem => self.apply(
                        "MaxPool",
                        &[],
                        &[
                            ("kernel_shape", &[3; 2]),
                            ("strides", &[2; 2]),
                            ("pads", &[1; 4]),
                        ],
                    ),
                    Pooling::Average => {
                        self.apply("GlobalAveragePool", &[], &[]);
                        self.flatten();
                    }
                }
            }
            Layer::Residual(residual) => {
                self.lay_out(path, input);
                let start = self.current.clone();
                self.convolve(&format!("{path}.first"), &residual.first);
                self.relu_if(true);
                self.convolve(&format!("{path}.second"), &residual.second);
                let edge = match &residual.shortcut {
                    Some(shortcut) => {
                        let through = std::mem::replace(&mut self.current, start);
                        self.convolve(&format!("{path}.shortcut"), shortcut);
                        std::mem::replace(&mut self.current, through)
                    }
                    None => start,
                };
                self.apply("Add", &[&edge], &[]);
                self.relu_if(true);
            }
        }
    }

    /// An operator on the current value and weights.
    fn apply(&mut self, operation: &str, others: &[&str], attributes: &[(&str, &[usize])]) {
        let output = format!("value.{}", self.count);
        self.count += 1;
        let inputs: Vec<&str> = std::iter::once(self.current.as_str())
            .chain(others.iter().copied())
            .collect();
        self.graph.node(operation, &inputs, &output, attributes);
        self.current = output;
    }

    fn relu_if(&mut self, relu: bool) {
        if relu {
            self.apply("Relu", &[], &[]);
        }
    }

    fn flatten(&mut self) {
        if !self.row {
            self.apply("Flatten", &[], &[]);
            self.row = true;
        }
    }

    fn lay_out(&mut self, path: &str, shape: Shape) {
        if let (true, Some([channels, height, width])) = (self.row, shape.map()) {
            let name = format!("{path}.shape");
            // 0 keeps the number of rows.
            self.graph.integers(&name, &[0, channels, height, width]);
            self.apply("Reshape", &[&name], &[]);
            self.row = false;
        }
    }

    fn convolve(&mut self, path: &str, kernel: &Kernel) {
        let (weight, bias) = (format!("{path}.weight"), format!("{path}.bias"));
        let shape = kernel.weight.dims();
        let [to, _, side, _] = shape;
        let mut weights = floats(kernel.weight.val());
        let biases = match (&kernel.norm, &kernel.bias) {
            (Some(norm), _) => {
                let (scale, shift) = norm.folded();
                let per_channel = weights.len() / to;
                for (channel, scale) in weights.chunks_exact_mut(per_channel).zip(floats(scale)) {
                    channel.iter_mut().for_each(|w| *w *= scale);
                }
                floats(shift)
            }
            (None, bias) => bias
                .as_ref()
                .map(Param::val)
                .map_or_else(|| vec![0.0; to], floats),
        };
        self.graph.floats(&weight, &shape, &weights);
        self.graph.floats(&bias, &[to], &biases);
        self.apply(
            "Conv",
            &[&weight, &bias],
            &[
                ("kernel_shape", &[side; 2]),
                ("strides", &[kernel.stride; 2]),
                ("pads", &[side / 2; 4]),
            ],
        );
    }
}
