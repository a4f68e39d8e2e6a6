//! Clip, noise and grid.

use super::neighbourhoods::Neighbourhoods;
use super::samples::Stream;
use super::secret::{ClientSecret, cells, fresh, of_cells};
use crate::error::{SplitError, setting};
use serde::{Deserialize, Serialize};
use tacit_nn::burn::tensor::{Tensor, TensorData};
use tacit_nn::matrix::floats;
use tacit_nn::{Draws, Matrix};

/// What is added to normalised, clipped features.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Noise {
    /// Nothing.
    None,
    /// Gaussian of variance 1/snr.
    Gaussian {
        /// Power of the signal over power of the noise.
        snr: f32,
    },
    /// Laplace of variance 1/snr.
    Laplace {
        /// Power of the signal over power of the noise.
        snr: f32,
    },
    /// Not added: each feature becomes 0, its mean, with this probability.
    Dropout {
        /// The probability.
        share: f32,
    },
}

impl Noise {
    /// σ, or 0 where nothing is added.
    pub fn deviation(&self) -> f32 {
        match *self {
            Noise::Gaussian { snr } | Noise::Laplace { snr } => 1.0 / snr.sqrt(),
            Noise::None | Noise::Dropout { .. } => 0.0,
        }
    }

    fn disturb(&self, value: f32, stream: &mut Stream) -> f32 {
        match *self {
            Noise::None => value,
            Noise::Gaussian { .. } => value + self.deviation() * stream.normal() as f32,
            Noise::Laplace { .. } => value + self.deviation() * stream.laplace() as f32,
            Noise::Dropout { share } => {
                if stream.uniform() < f64::from(share) {
                    0.0
                } else {
                    value
                }
            }
        }
    }
}

/// Where noise comes from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Binding {
    /// From the client's secret and the neighbourhood of the input: repeats are equal, and so are
    /// most inputs that differ by much less than `width`.
    Neighbourhood {
        /// Random directions in which inputs are compared.
        directions: u16,
        /// Width of a cell along each, in units of the input's own projection on a unit vector.
        width: f32,
    },
    /// From the client's secret and the input on a grid of this step: repeats are equal, inputs in
    /// different cells have independent noise.
    Input {
        /// Width of a cell of the grid, in units of the input.
        step: f32,
    },
    /// From the operating system at every query: repeats differ, and average away.
    Fresh,
}

/// What happens to normalised features before they leave.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Veil {
    /// r: everything sent lies in ±r.
    pub range: f32,
    /// The noise.
    pub noise: Noise,
    /// Where it comes from.
    pub binding: Binding,
    /// Bits per feature of a uniform grid on ±r; without, 32-bit numbers are sent as they are.
    pub bits: Option<u8>,
}

impl Default for Veil {
    /// No noise yet, ±4 deviations, bound to neighbourhoods.
    fn default() -> Self {
        Veil {
            range: 4.0,
            noise: Noise::None,
            binding: Binding::Neighbourhood {
                directions: 32,
                width: 0.25,
            },
            bits: None,
        }
    }
}

impl Veil {
    /// Checks every setting.
    pub fn check(&self) -> Result<(), SplitError> {
        let within = |v: f32, low: f32, high: f32| v.is_finite() && v >= low && v <= high;
        setting(
            "range",
            f64::from(self.range),
            within(self.range, 0.1, 100.0),
            "between 0.1 and 100 deviations",
        )?;
        match self.noise {
            Noise::None => {}
            Noise::Gaussian { snr } | Noise::Laplace { snr } => setting(
                "snr",
                f64::from(snr),
                within(snr, 1e-4, 1e6),
                "between 0.0001 and 1000000, a ratio of powers",
            )?,
            Noise::Dropout { share } => setting(
                "dropout share",
                f64::from(share),
                within(share, 0.0, 0.99),
                "between 0 and 0.99",
            )?,
        }
        match self.binding {
            Binding::Input { step } => setting(
                "step",
                f64::from(step),
                within(step, 1e-9, 1e9),
                "between 1e-9 and 1e9, in units of the input",
            )?,
            Binding::Neighbourhood { directions, width } => {
                let few = (8..=256).contains(&directions);
                setting(
                    "directions",
                    f64::from(directions),
                    few,
                    "between 8 and 256",
                )?;
                setting(
                    "width",
                    f64::from(width),
                    within(width, 1e-6, 1e9),
                    "between 1e-6 and 1e9, in units of the input",
                )?;
            }
            Binding::Fresh => {}
        }
        if let Some(bits) = self.bits {
            setting(
                "bits",
                f64::from(bits),
                (1..=16).contains(&bits),
                "between 1 and 16",
            )?;
        }
        Ok(())
    }

    /// Bytes of a row of so many features, packed.
    pub fn bytes(&self, features: usize) -> usize {
        (features * self.bits.map_or(32, usize::from)).div_ceil(8)
    }

    /// The nearest value of the grid; values arrive in ±r.
    fn on_grid(&self, value: f32) -> f32 {
        match self.bits {
            None => value,
            Some(bits) => {
                let steps = ((1u32 << bits) - 1) as f32;
                let cell = ((value / self.range + 1.0) * 0.5 * steps).round();
                (cell / steps * 2.0 - 1.0) * self.range
            }
        }
    }

    fn one(&self, value: f32, stream: &mut Stream) -> f32 {
        let value = value.clamp(-self.range, self.range);
        let value = self.noise.disturb(value, stream);
        self.on_grid(value.clamp(-self.range, self.range))
    }

    /// Covers normalised features; `inputs` are the rows they were made from. `query` counts the
    /// askings of fresh noise, which this function makes from the secret too, so that an audit can
    /// be repeated; a client calls [`Veil::cover_now`].
    pub fn cover(
        &self,
        features: &Matrix,
        inputs: &Matrix,
        secret: &ClientSecret,
        version: &[u8; 32],
        query: u64,
    ) -> Result<Matrix, SplitError> {
        let key = secret.key(version);
        match self.binding {
            Binding::Neighbourhood { directions, width } => {
                let near = Neighbourhoods::new(&key, inputs.columns(), directions, width);
                self.cover_from(features, inputs, |input| Ok(near.stream(&key, input)))
            }
            Binding::Input { step } => self.cover_from(features, inputs, |input| {
                Ok(of_cells(&key, cells(input, step), None))
            }),
            Binding::Fresh => self.cover_from(features, inputs, |input| {
                Ok(of_cells(&key, cells(input, 1e-6), Some(query)))
            }),
        }
    }

    /// Covers features for sending: as [`Veil::cover`], but fresh noise comes from the operating
    /// system.
    pub fn cover_now(
        &self,
        features: &Matrix,
        inputs: &Matrix,
        secret: &ClientSecret,
        version: &[u8; 32],
    ) -> Result<Matrix, SplitError> {
        match self.binding {
            Binding::Neighbourhood { .. } | Binding::Input { .. } => {
                self.cover(features, inputs, secret, version, 0)
            }
            Binding::Fresh => self.cover_from(features, inputs, |_| fresh()),
        }
    }

    fn cover_from(
        &self,
        features: &Matrix,
        inputs: &Matrix,
        stream_of: impl Fn(&[f32]) -> Result<Stream, SplitError>,
    ) -> Result<Matrix, SplitError> {
        if features.rows() != inputs.rows() {
            return Err(SplitError::Shape {
                what: "rows of the inputs, one per row of features",
                expected: features.rows(),
                found: inputs.rows(),
            });
        }
        let mut values = Vec::with_capacity(features.values().len());
        for (row, input) in features.iter().zip(inputs.iter()) {
            let mut stream = stream_of(input)?;
            values.extend(row.iter().map(|v| self.one(*v, &mut stream)));
        }
        Ok(Matrix::new(features.rows(), features.columns(), values)?)
    }

    /// The same in training, on tensors: gradients pass where nothing was clipped, and pass the grid
    /// as if it were not there.
    pub fn cover_training(&self, u: Tensor<2>, draws: &mut Draws) -> Tensor<2> {
        let clipped = u.clamp(-self.range, self.range);
        if self.noise == Noise::None && self.bits.is_none() {
            return clipped;
        }
        let device = clipped.device();
        let shape = clipped.dims();
        let mut seed = [0u8; 32];
        for chunk in seed.chunks_exact_mut(8) {
            chunk.copy_from_slice(&draws.bits().to_le_bytes());
        }
        let mut stream = Stream::seeded(&seed);
        let disturbed: Vec<f32> = floats(clipped.clone().detach())
            .into_iter()
            .map(|v| self.noise.disturb(v, &mut stream))
            .collect();
        // Dropped features pass no gradient; all others pass it whole.
        let passed = match self.noise {
            Noise::Dropout { .. } => {
                let kept: Vec<f32> = disturbed.iter().map(|v| f32::from(*v != 0.0)).collect();
                clipped * Tensor::<2>::from_data(TensorData::new(kept, shape), &device)
            }
            _ => clipped,
        };
        let sent: Vec<f32> = disturbed
            .into_iter()
            .map(|v| self.on_grid(v.clamp(-self.range, self.range)))
            .collect();
        let sent = Tensor::<2>::from_data(TensorData::new(sent, shape), &device);
        passed.clone() + (sent - passed.detach())
    }

    /// Checks what a client sent: finite and in ±r.
    pub fn check_sent(&self, features: &Matrix) -> Result<(), SplitError> {
        // The grid's ends are rounded once.
        let limit = self.range * (1.0 + 1e-6);
        match features.values().iter().position(|v| v.abs() > limit) {
            None => Ok(()),
            Some(at) => Err(SplitError::Range {
                row: at / features.columns(),
                column: at % features.columns(),
                value: features.values()[at],
                range: self.range,
            }),
        }
    }
}
