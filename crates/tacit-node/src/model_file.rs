//! A released model as a file: safetensors, `f64`, which Python reads with `safetensors.numpy.load_file`.
//!
//! | model | tensors |
//! |---|---|
//! | generalised linear | `weight` \[outputs, features\], `bias` \[outputs\] |
//! | network | `layers.k.weight` \[outputs, inputs\] and, where there is one, `layers.k.bias` \[outputs\], k from 0 |
//!
//! The metadata entry `tacit` is JSON: plan, digest, family, the plan's model section, and centre and scale of each
//! feature: a model takes (x − centre)/scale, clipped to ±clip. A first layer that is a convolution has its taps as inputs.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, TensorView, serialize};
use serde_json::json;
use tacit_data::Standardiser;
use tacit_learn::model::Weights;
use tacit_learn::neural::MlpWeights;

use crate::agreement::{Agreement, Task};
use crate::error::Error;

/// Name of the file in the folder of the plan.
pub const FILE: &str = "model.safetensors";

/// A model in the clear.
#[derive(Clone, Copy, Debug)]
pub enum Released<'a> {
    /// A generalised linear model.
    Glm(&'a Weights),
    /// A network.
    Network(&'a MlpWeights),
}

struct Tensor {
    name: String,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Tensor {
    fn new(name: String, shape: Vec<usize>, values: impl IntoIterator<Item = f64>) -> Self {
        let bytes = values.into_iter().flat_map(f64::to_le_bytes).collect();
        Self { name, shape, bytes }
    }
}

/// The file of a released model. The same model gives the same bytes.
pub fn to_bytes(
    released: Released<'_>,
    agreement: &Agreement,
    standardiser: &Standardiser,
) -> Result<Vec<u8>, Error> {
    let wrong = |e: &dyn std::fmt::Display| Error::config(FILE, e);
    let tensors = match released {
        Released::Glm(weights) => of_glm(weights),
        Released::Network(weights) => of_network(weights, agreement),
    };
    let mut views = Vec::with_capacity(tensors.len());
    for tensor in &tensors {
        let view = TensorView::new(Dtype::F64, tensor.shape.clone(), &tensor.bytes);
        views.push((tensor.name.as_str(), view.map_err(|e| wrong(&e))?));
    }
    let model = &agreement.plan.model;
    let note = json!({
        "schema": 1,
        "plan": agreement.plan.name,
        "digest": agreement.digest.to_string(),
        "family": model.family,
        "settings": model.settings,
        "standardiser": standardiser,
    });
    let metadata = HashMap::from([("tacit".to_owned(), note.to_string())]);
    serialize(views, Some(metadata)).map_err(|e| wrong(&e))
}

fn of_glm(weights: &Weights) -> Vec<Tensor> {
    let (outputs, columns) = (weights.outputs(), weights.columns());
    let all = || (0..outputs).map(|output| weights.output(output));
    vec![
        Tensor::new("bias".into(), vec![outputs], all().map(|w| w[columns])),
        Tensor::new(
            "weight".into(),
            vec![outputs, columns],
            all().flat_map(|w| w[..columns].iter().copied()),
        ),
    ]
}

fn of_network(weights: &MlpWeights, agreement: &Agreement) -> Vec<Tensor> {
    let mut tensors = Vec::new();
    for (k, layer) in weights.layers().iter().enumerate() {
        let has_bias = match &agreement.task {
            Task::Network(plan) => plan.config.has_bias(k + 1),
            Task::Glm(_) => false,
        };
        let (inputs, outputs) = (layer.rows() - usize::from(has_bias), layer.columns());
        if has_bias {
            let name = format!("layers.{k}.bias");
            let bias = (0..outputs).map(|p| layer.get(inputs, p));
            tensors.push(Tensor::new(name, vec![outputs], bias));
        }
        let weight = (0..outputs).flat_map(|p| (0..inputs).map(move |q| layer.get(q, p)));
        let name = format!("layers.{k}.weight");
        tensors.push(Tensor::new(name, vec![outputs, inputs], weight));
    }
    tensors
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::SafeTensors;

    #[test]
    fn a_released_model_reads_back_with_how_its_rows_are_standardised() {
        let plan = include_str!("../../../examples/hospitals/plan.toml");
        let agreement = Agreement::from_toml(plan).unwrap();
        let values: Vec<f64> = (0..9).map(f64::from).collect();
        let weights = Weights::from_values(8, values).unwrap();
        let names: Vec<String> = (0..8).map(|c| format!("c{c}")).collect();
        let by = agreement.standardisation.standardiser(&names, &[]).unwrap();
        let bytes = to_bytes(Released::Glm(&weights), &agreement, &by).unwrap();
        assert_eq!(
            bytes,
            to_bytes(Released::Glm(&weights), &agreement, &by).unwrap()
        );
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let weight = file.tensor("weight").unwrap();
        assert_eq!((weight.dtype(), weight.shape()), (Dtype::F64, &[1, 8][..]));
        assert_eq!(file.tensor("bias").unwrap().data(), 8f64.to_le_bytes());
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let note = &header.metadata().as_ref().unwrap()["tacit"];
        let note: serde_json::Value = serde_json::from_str(note).unwrap();
        assert_eq!(note["family"], "logistic");
        assert_eq!(note["standardiser"]["centre"][1], 140.0);
    }
}
