//! The public head: what the server makes of the outputs it has decrypted.
//!
//! A head takes the integers as they come out of the evaluation, standardises them with constants
//! of its own, and classifies. It is trained afresh on the finished integer model, and it is public.

use std::path::Path;

use tacit_nn::burn::module::Param;
use tacit_nn::burn::tensor::{Tensor, TensorData};
use tacit_nn::store::{self, Metadata, onnx};
use tacit_nn::{Draws, Matrix, Mlp, Network, Recipe, Samples, fit, matrix, plain_device, predict};

use crate::CollateralError;

/// Outputs in this project's files are at most this many.
const LIMIT: usize = 1024;
/// Rows of a step when a head is trained.
const BATCH: usize = 250;
/// Times every row is used at least, and steps that are made at least.
const LEAST_EPOCHS: usize = 20;
const LEAST_STEPS: usize = 1500;
/// Larger files are not heads.
const MAX_BYTES: u64 = 16 << 20;

/// Outputs of the integer model, one row per image.
#[derive(Debug, Clone, PartialEq)]
pub struct Outputs {
    width: usize,
    values: Vec<i64>,
}

impl Outputs {
    /// Joins rows of `width` outputs.
    pub fn new(width: usize, values: Vec<i64>) -> Result<Outputs, CollateralError> {
        if width == 0 || !values.len().is_multiple_of(width) {
            return Err(CollateralError::Length {
                part: "outputs",
                what: "values, of rows of equal width",
                expected: values.len().next_multiple_of(width.max(1)),
                found: values.len(),
            });
        }
        Ok(Outputs { width, values })
    }

    /// Outputs per row, K.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.values.len() / self.width
    }

    /// One row after the other.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[i64]> {
        self.values.chunks_exact(self.width)
    }

    /// The largest magnitude of any output.
    pub fn largest(&self) -> u64 {
        let magnitudes = self.values.iter().map(|v| v.unsigned_abs());
        magnitudes.max().unwrap_or(0)
    }

    /// Mean and standard deviation (at least a millionth of the mean) of every column.
    pub(crate) fn moments(&self) -> (Vec<f64>, Vec<f64>) {
        let n = self.rows().max(1) as f64;
        let of = |f: &dyn Fn(usize, f64) -> f64| -> Vec<f64> {
            let column = |k: usize| self.values[k..].iter().step_by(self.width);
            (0..self.width)
                .map(|k| column(k).map(|&v| f(k, v as f64)).sum::<f64>() / n)
                .collect()
        };
        let means = of(&|_, v| v);
        let variances = of(&|k, v| (v - means[k]).powi(2));
        let deviations = variances.iter().zip(&means);
        let deviations = deviations.map(|(v, m)| v.sqrt().max(1e-6 * m.abs()).max(1.0));
        (means.clone(), deviations.collect())
    }

    /// `(value − shift) / scale` in single precision.
    pub fn standardised(&self, shift: &[f64], scale: &[f64]) -> Result<Matrix, CollateralError> {
        let value = |(i, &v): (usize, &i64)| {
            let k = i % self.width;
            ((v as f64 - shift[k]) / scale[k]) as f32
        };
        let values = self.values.iter().enumerate().map(value).collect();
        Ok(Matrix::new(self.rows(), self.width, values)?)
    }
}

/// A classifier of outputs.
#[derive(Debug, Clone)]
pub struct Head {
    shift: Vec<f64>,
    scale: Vec<f64>,
    network: Mlp,
}

impl Head {
    /// Trains a head with one hidden layer of `hidden` values.
    pub fn train(
        outputs: &Outputs,
        labels: &[usize],
        classes: usize,
        hidden: usize,
        seed: u64,
    ) -> Result<Head, CollateralError> {
        let (shift, scale) = outputs.moments();
        let samples = Samples::new(
            outputs.standardised(&shift, &scale)?,
            labels.iter().copied(),
            classes,
        )?;
        let sizes = [outputs.width(), hidden, classes];
        let network = Mlp::new(&sizes, 0.0, &mut Draws::new(seed, "public head"))?;
        let batches = outputs.rows().div_ceil(BATCH).max(1);
        let recipe = Recipe {
            epochs: LEAST_STEPS.div_ceil(batches).max(LEAST_EPOCHS),
            batch: BATCH,
            rate: 5e-3,
            seed,
            ..Recipe::default()
        };
        let network = fit(network, &samples, None, &recipe, |_| {})?.network;
        Ok(Head {
            shift,
            scale,
            network,
        })
    }

    /// Outputs it takes.
    pub fn inputs(&self) -> usize {
        self.shift.len()
    }

    /// Classes it knows.
    pub fn classes(&self) -> usize {
        self.network.outputs()
    }

    /// The class of every row.
    pub fn classify(&self, outputs: &Outputs) -> Result<Vec<usize>, CollateralError> {
        let rows = outputs.standardised(&self.shift, &self.scale)?;
        Ok(predict::classes(&self.network, &rows)?)
    }

    /// Writes the head as safetensors: the layers, and the constants as metadata.
    pub fn save(&self, path: &Path) -> Result<(), CollateralError> {
        let list = |values: &[f64]| serde_json::to_string(values).unwrap_or_default();
        let metadata = Metadata::from([
            ("kind".to_owned(), KIND.to_owned()),
            ("sizes".to_owned(), format!("{:?}", self.network.sizes())),
            ("shift".to_owned(), list(&self.shift)),
            ("scale".to_owned(), list(&self.scale)),
        ]);
        Ok(store::save(&self.network, &metadata, path)?)
    }

    /// Reads a head.
    pub fn load(path: &Path) -> Result<Head, CollateralError> {
        let file = path.display().to_string();
        let wrong = |reason: String| CollateralError::Head {
            file: file.clone(),
            reason,
        };
        let io = |error: std::io::Error| wrong(error.to_string());
        let length = std::fs::metadata(path).map_err(io)?.len();
        if length > MAX_BYTES {
            return Err(wrong(format!(
                "{length} bytes, a head has at most {MAX_BYTES}"
            )));
        }
        let bytes = std::fs::read(path).map_err(io)?;
        let (tensors, metadata) = store::from_tensors(&bytes, &file)?;
        let text = |key: &str| {
            let value = metadata.get(key).map(String::as_str);
            value.ok_or_else(|| wrong(format!("there is no metadata `{key}`")))
        };
        if text("kind")? != KIND {
            return Err(wrong(format!(
                "kind is `{}`, expected `{KIND}`",
                text("kind")?
            )));
        }
        let sizes: Vec<usize> = serde_json::from_str(text("sizes")?)
            .map_err(|e| wrong(format!("metadata `sizes`: {e}")))?;
        if sizes.len() != 3 || sizes.iter().any(|&s| s == 0 || s > LIMIT) {
            return Err(wrong(format!(
                "sizes {sizes:?}, expected three within 1 to {LIMIT}"
            )));
        }
        let constants = |key: &str| -> Result<Vec<f64>, CollateralError> {
            let values: Vec<f64> = serde_json::from_str(text(key)?)
                .map_err(|e| wrong(format!("metadata `{key}`: {e}")))?;
            let zero = key == "scale" && values.contains(&0.0);
            if values.len() != sizes[0] || values.iter().any(|v| !v.is_finite()) || zero {
                return Err(wrong(format!(
                    "metadata `{key}` is not {} finite numbers",
                    sizes[0]
                )));
            }
            Ok(values)
        };
        let (shift, scale) = (constants("shift")?, constants("scale")?);
        let network = Mlp::new(&sizes, 0.0, &mut Draws::new(0, "to be replaced"))?;
        Ok(Head {
            shift,
            scale,
            network: store::load_parameters(network, tensors, &file)?,
        })
    }

    /// The head as ONNX. It takes the integer outputs as `f32`: the constants are folded into the
    /// first layer, W′ = diag(1/scale) W and b′ = b − shiftᵀ W′.
    pub fn onnx(&self) -> Vec<u8> {
        let mut network = self.network.clone();
        if let Some(first) = network.layers.first_mut() {
            let [rows, columns] = first.weight.dims();
            let weights = matrix::floats(first.weight.val());
            let mut bias: Vec<f64> = match &first.bias {
                Some(bias) => matrix::floats(bias.val())
                    .into_iter()
                    .map(f64::from)
                    .collect(),
                None => vec![0.0; columns],
            };
            let mut folded = Vec::with_capacity(weights.len());
            for (i, &w) in weights.iter().enumerate() {
                let (k, j) = (i / columns, i % columns);
                let w = f64::from(w) / self.scale[k];
                bias[j] -= self.shift[k] * w;
                folded.push(w as f32);
            }
            let device = plain_device();
            let bias: Vec<f32> = bias.into_iter().map(|b| b as f32).collect();
            let folded = TensorData::new(folded, [rows, columns]);
            first.weight = Param::from_tensor(Tensor::from_data(folded, &device));
            let bias = Tensor::from_data(bias.as_slice(), &device);
            first.bias = Some(Param::from_tensor(bias));
        }
        onnx::model(&network, "public head of a quadratic network")
    }
}

const KIND: &str = "tacit.collateral.head/1";

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs() -> Result<(Outputs, Vec<usize>), CollateralError> {
        let mut draws = Draws::new(1, "outputs");
        let labels: Vec<usize> = (0..600).map(|i| i % 3).collect();
        let values = labels.iter().flat_map(|&l| {
            let centre = [1i64 << 33, -(1 << 30)].map(|c| c * l as i64);
            centre.map(|c| c + (draws.normal() * 1e8) as i64)
        });
        Ok((Outputs::new(2, values.collect())?, labels))
    }

    #[test]
    fn a_head_reads_large_integers_and_survives_its_file() -> Result<(), Box<dyn std::error::Error>>
    {
        let (outputs, labels) = outputs()?;
        let head = Head::train(&outputs, &labels, 3, 16, 1)?;
        let classes = head.classify(&outputs)?;
        assert!(predict::accuracy(&classes, &labels)? > 0.99);
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("head.safetensors");
        head.save(&path)?;
        let read = Head::load(&path)?;
        assert_eq!(read.classify(&outputs)?, classes);
        assert!(!read.onnx().is_empty());
        Ok(())
    }

    #[test]
    fn a_file_that_is_no_head_is_refused_by_name() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("other.safetensors");
        let network = Mlp::new(&[2, 4, 3], 0.0, &mut Draws::new(1, "other"))?;
        store::save(&network, &Metadata::new(), &path)?;
        let error = Head::load(&path)
            .err()
            .map(|e| e.to_string())
            .unwrap_or_default();
        assert!(
            error.contains("other.safetensors") && error.contains("kind"),
            "{error}"
        );
        Ok(())
    }
}
