//! A head that needs no deep-learning library: dense layers with rectifiers between them.
//!
//! For small classifiers, the load test and the tests of this crate. Each row is computed on its
//! own, in the same order whatever its neighbours, so an answer has the same bits alone and in a
//! batch.

use crate::error::Error;
use crate::model::{Head, HeadError};

/// Dense layers: x ↦ W x + b, with max(0, ·) between one layer and the next.
#[derive(Clone, Debug)]
pub struct DenseHead {
    layers: Vec<Dense>,
}

/// One layer: `weights` are `inputs × outputs`, row by row; `bias` has `outputs`.
#[derive(Clone, Debug)]
pub struct Dense {
    /// What each input adds to each output.
    pub weights: Vec<f32>,
    /// What each output begins with.
    pub bias: Vec<f32>,
}

impl Dense {
    fn inputs(&self) -> usize {
        self.weights.len() / self.bias.len()
    }
}

impl DenseHead {
    /// Layers from the cut to the outputs.
    pub fn new(layers: Vec<Dense>) -> Result<Self, Error> {
        let bad = |problem| {
            Err(Error::Setting {
                field: "layers",
                problem,
            })
        };
        if layers.is_empty() {
            return bad("there is none".into());
        }
        let mut before = None;
        for (index, layer) in layers.iter().enumerate() {
            let (weights, outputs) = (layer.weights.len(), layer.bias.len());
            if weights == 0 || outputs == 0 || weights % outputs != 0 {
                return bad(format!(
                    "layer {index}: {weights} weights for {outputs} outputs"
                ));
            }
            if before.is_some_and(|before| before != layer.inputs()) {
                let inputs = layer.inputs();
                return bad(format!(
                    "layer {index} takes {inputs}, which the one before has not"
                ));
            }
            if !layer
                .weights
                .iter()
                .chain(&layer.bias)
                .all(|x| x.is_finite())
            {
                return bad(format!("layer {index} has a weight that is not finite"));
            }
            before = Some(outputs);
        }
        Ok(Self { layers })
    }
}

impl Head for DenseHead {
    fn answer(&self, features: &[f32], rows: usize) -> Result<Vec<f32>, HeadError> {
        let (columns, outputs) = (self.columns(), self.outputs());
        if features.len() != rows * columns {
            return Err(HeadError {
                problem: format!("{} features are not {rows} rows", features.len()),
            });
        }
        let mut logits = Vec::with_capacity(rows * outputs);
        for row in features.chunks_exact(columns) {
            let mut values = row.to_vec();
            for (index, layer) in self.layers.iter().enumerate() {
                if index > 0 {
                    values.iter_mut().for_each(|x| *x = x.max(0.0));
                }
                let mut sums = layer.bias.clone();
                for (value, weights) in values.iter().zip(layer.weights.chunks(sums.len())) {
                    for (sum, weight) in sums.iter_mut().zip(weights) {
                        *sum += value * weight;
                    }
                }
                values = sums;
            }
            logits.extend(values);
        }
        Ok(logits)
    }

    fn columns(&self) -> usize {
        self.layers.first().map_or(0, Dense::inputs)
    }

    fn outputs(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.bias.len())
    }
}
