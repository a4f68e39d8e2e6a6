//! Between a split network and the service that answers for it.

use tacit_nn::Matrix;
use tacit_serve::{Encoding, FeatureRule, HeadError, Model, ModelVersion};
use tacit_split::client::Head;
use tacit_split::export::Manifest;

use crate::Error;
use crate::error::Context;

/// A split network's head as the service takes it.
struct Served(Head);

impl tacit_serve::Head for Served {
    fn answer(&self, features: &[f32], rows: usize) -> Result<Vec<f32>, HeadError> {
        let failed = |e: &dyn std::fmt::Display| HeadError {
            problem: e.to_string(),
        };
        let features =
            Matrix::new(rows, self.columns(), features.to_vec()).map_err(|e| failed(&e))?;
        let answers = self.0.answer(&features).map_err(|e| failed(&e))?;
        Ok(answers.values().to_vec())
    }

    fn columns(&self) -> usize {
        self.0.columns()
    }

    fn outputs(&self) -> usize {
        self.0.outputs()
    }
}

/// What the service is given.
pub fn model(manifest: &Manifest, head: Head) -> Result<Model, Error> {
    let rule = rule(manifest)?;
    Model::new(Served(head), version(manifest)?, rule).bad_input(|| "the head cannot be served")
}

/// The version clients pin.
pub fn version(manifest: &Manifest) -> Result<ModelVersion, Error> {
    let version = manifest
        .version()
        .failed(|| "the manifest has no version")?;
    Ok(ModelVersion(version))
}

/// How features travel: one byte each where the grid has 8 bits at most.
pub fn rule(manifest: &Manifest) -> Result<FeatureRule, Error> {
    let encoding = match manifest.veil.bits {
        Some(bits @ 1..=8) => Encoding::Quantised { levels: 1 << bits },
        _ => Encoding::Float,
    };
    let shape = manifest.encoder_architecture.output();
    let columns = shape.bad_input(|| "the encoder cannot be used")?.size();
    FeatureRule::new(columns, manifest.veil.range, encoding)
        .bad_input(|| "the features cannot be sent")
}
