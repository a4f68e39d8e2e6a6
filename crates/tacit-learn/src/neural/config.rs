//! The public configuration of a network's training: what a plan fixes and every party signs.

use serde::{Deserialize, Serialize};

use super::{Convolution, EarlyStop, PolynomialActivation};
use crate::Error;
use crate::model::Samples;

/// Everything that determines a training besides the parties' rows. Public.
///
/// ```
/// use tacit_learn::neural::MlpConfig;
///
/// let config = MlpConfig::new(&[784, 64, 64, 10]);
/// config.validate()?;
/// assert_eq!(config.shape(1), (785, 64)); // the first layer has a bias
/// assert!(MlpConfig { batch: 0, ..config }.validate().is_err());
/// # Ok::<(), tacit_learn::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MlpConfig {
    /// Inputs, hidden widths, outputs (classes).
    pub layers: Vec<usize>,
    /// The first layer is a convolution with pooling: the first width is the number of its outputs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub convolution: Option<Convolution>,
    /// Slots of a ciphertext.
    pub slots: usize,
    /// Samples per party and iteration.
    pub batch: usize,
    /// Batches of every party whose gradients are added up before a step, all at the same weights.
    #[serde(default = "single")]
    pub local_batches: usize,
    /// Gradient steps.
    pub iterations: usize,
    /// Whether the layers above the first have biases, too.
    #[serde(default)]
    pub hidden_bias: bool,
    /// Activation of the hidden layers.
    pub activation: PolynomialActivation,
    /// What the outputs are trained for.
    pub head: Head,
    /// The output wanted of a sample's own class; that of the others is 0. With the squared error, larger targets
    /// bring larger activations, whose curvature then does more.
    #[serde(default = "one")]
    pub target: f64,
    /// Step size.
    pub rate: Rate,
    /// Use of earlier steps.
    pub momentum: StepMomentum,
    /// λ of the penalty λ/2·‖W‖² beside the mean loss; biases are free of it.
    pub weight_decay: f64,
    /// When to stop before all iterations are done: never, unless the plan releases the errors that this is decided by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<EarlyStop>,
    /// Spread of the initial weights, in units of 1/√inputs.
    pub gain: f64,
    /// Seed of initial weights and of the parties' shuffles.
    pub seed: u64,
}

/// The loss, by its derivative p(u) − y with y one-hot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Head {
    /// Half the squared error of a linear output: p(u) = u.
    SquaredError,
    /// Cross entropy, one class against the rest, with a polynomial in place of the sigmoid: softmax couples the classes
    /// by a quotient, which no polynomial of low degree gives. The loss is the polynomial's integral minus y·u: what
    /// descent on p(u) − y minimises. It is convex only where p grows: fit p on an interval that holds the outputs.
    CrossEntropy(PolynomialActivation),
}

impl Head {
    /// p(u).
    pub fn mean(&self, u: f64) -> f64 {
        match self {
            Head::SquaredError => u,
            Head::CrossEntropy(p) => p.eval(u),
        }
    }

    /// The loss of one output, up to a constant.
    pub fn loss(&self, u: f64, y: f64) -> f64 {
        let integral = match self {
            Head::SquaredError => 0.5 * u * u,
            Head::CrossEntropy(p) => {
                let terms = p.coefficients().iter().enumerate();
                terms
                    .map(|(k, c)| c * u.powi(k as i32 + 1) / (k + 1) as f64)
                    .sum()
            }
        };
        integral - y * u
    }
}

fn single() -> usize {
    1
}

fn one() -> f64 {
    1.0
}

/// The step size over the iterations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rate {
    /// Always the same.
    Constant {
        /// η.
        rate: f64,
    },
    /// From `from` at the first iteration towards `to` after the last, on a line.
    Linear {
        /// η at the start.
        from: f64,
        /// η at the end.
        to: f64,
    },
    /// `from` over the given part of the iterations, then on a line to `to`.
    Plateau {
        /// η at the start.
        from: f64,
        /// Part of the iterations before the descent, from 0 to below 1.
        hold: f64,
        /// η at the end.
        to: f64,
    },
    /// Half a cosine wave from `from` to `to`.
    Cosine {
        /// η at the start.
        from: f64,
        /// η at the end.
        to: f64,
    },
    /// Multiplied by `factor` every `every` iterations.
    Steps {
        /// η at the start.
        from: f64,
        /// Iterations between changes.
        every: usize,
        /// Factor of a change.
        factor: f64,
    },
}

impl Rate {
    /// η of iteration `t` of `iterations`.
    pub fn at(self, t: usize, iterations: usize) -> f64 {
        let done = t as f64 / iterations.max(1) as f64;
        match self {
            Rate::Constant { rate } => rate,
            Rate::Linear { from, to } => from + (to - from) * done,
            Rate::Plateau { from, hold, to } => {
                let left = ((1.0 - done) / (1.0 - hold.clamp(0.0, 0.999))).min(1.0);
                to + (from - to) * left
            }
            Rate::Cosine { from, to } => {
                to + (from - to) * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
            }
            Rate::Steps {
                from,
                every,
                factor,
            } => from * factor.powi((t / every.max(1)) as i32),
        }
    }

    /// The same schedule with every η multiplied by `factor`.
    pub fn times(self, factor: f64) -> Self {
        let by = |rate: f64| rate * factor;
        match self {
            Rate::Constant { rate } => Rate::Constant { rate: by(rate) },
            Rate::Linear { from, to } => Rate::Linear {
                from: by(from),
                to: by(to),
            },
            Rate::Cosine { from, to } => Rate::Cosine {
                from: by(from),
                to: by(to),
            },
            Rate::Plateau { from, hold, to } => Rate::Plateau {
                from: by(from),
                hold,
                to: by(to),
            },
            Rate::Steps {
                from,
                every,
                factor,
            } => Rate::Steps {
                from: by(from),
                every,
                factor,
            },
        }
    }
}

/// Use of earlier steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StepMomentum {
    /// Plain gradient descent.
    None,
    /// Polyak's heavy ball: w' = w + μ(w − w⁻) − η(∇f(w) + λw).
    HeavyBall {
        /// μ.
        mu: f64,
    },
    /// Nesterov's method: the gradient is taken at w + μ(w − w⁻).
    Nesterov {
        /// μ.
        mu: f64,
    },
}

impl StepMomentum {
    /// μ.
    pub fn mu(self) -> f64 {
        match self {
            StepMomentum::None => 0.0,
            StepMomentum::HeavyBall { mu } | StepMomentum::Nesterov { mu } => mu,
        }
    }
}

impl MlpConfig {
    /// The settings that did well on images of digits; the documentation has the figures.
    pub fn new(layers: &[usize]) -> Self {
        Self {
            layers: layers.to_vec(),
            convolution: None,
            slots: 16_384,
            batch: 64,
            local_batches: 1,
            iterations: 300,
            hidden_bias: false,
            activation: PolynomialActivation::quadratic(0.0, 0.5, 0.2)
                .unwrap_or_else(|_| PolynomialActivation::square()),
            head: Head::SquaredError,
            target: 3.0,
            rate: Rate::Plateau {
                from: 0.3,
                hold: 0.5,
                to: 0.0,
            },
            momentum: StepMomentum::HeavyBall { mu: 0.9 },
            weight_decay: 0.0,
            stop: None,
            gain: 1.4,
            seed: 0,
        }
    }

    /// The same for a convolution before dense layers of the given widths, the outputs last.
    pub fn convolutional(convolution: Convolution, dense: &[usize]) -> Self {
        let mut layers = vec![convolution.side * convolution.side, convolution.features()];
        layers.extend(dense);
        Self {
            convolution: Some(convolution),
            ..Self::new(&layers)
        }
    }

    /// Inputs of the network.
    pub fn inputs(&self) -> usize {
        self.layers[0]
    }

    /// Outputs of the network.
    pub fn outputs(&self) -> usize {
        self.layers[self.layers.len() - 1]
    }

    /// Number of weight matrices.
    pub fn depth(&self) -> usize {
        self.layers.len() - 1
    }

    /// Rows and columns of weight matrix `layer` (from 1): a layer with a bias has one more row for it, the last. That of a
    /// convolution has a row for each tap and a column for each channel.
    pub fn shape(&self, layer: usize) -> (usize, usize) {
        let bias = usize::from(self.has_bias(layer));
        match (layer, &self.convolution) {
            (1, Some(convolution)) => (convolution.taps() + bias, convolution.channels),
            _ => (self.layers[layer - 1] + bias, self.layers[layer]),
        }
    }

    /// Inputs that a neuron of layer `layer` (from 1) sees, a bias apart.
    pub fn fan_in(&self, layer: usize) -> usize {
        self.shape(layer).0 - usize::from(self.has_bias(layer))
    }

    /// Whether layer `layer` (from 1) has a bias.
    pub fn has_bias(&self, layer: usize) -> bool {
        layer == 1 || self.hidden_bias
    }

    /// Checks every field.
    pub fn validate(&self) -> Result<(), Error> {
        let refuse = |field, problem: String, remedy: &str| {
            Err(Error::config(field, problem, remedy.to_owned()))
        };
        if self.layers.len() < 2 || self.layers.contains(&0) {
            let problem = format!("{:?} is not a network", self.layers);
            return refuse(
                "layers",
                problem,
                "give inputs, hidden widths and outputs, none zero",
            );
        }
        if let Some(convolution) = &self.convolution {
            convolution.validate()?;
            let shape = [convolution.side * convolution.side, convolution.features()];
            if self.layers[..2] != shape {
                let problem = format!("{:?} does not begin with {shape:?}", self.layers);
                return refuse(
                    "layers",
                    problem,
                    "give the pixels of an image and the outputs of the convolution first",
                );
            }
        }
        if self.batch == 0 || self.iterations == 0 || self.local_batches == 0 {
            let problem = "a training needs samples, batches and iterations".to_owned();
            return refuse(
                "batch",
                problem,
                "set `batch`, `local_batches` and `iterations` to at least 1",
            );
        }
        let numbers = [
            ("momentum", self.momentum.mu(), 0.0, 0.999),
            ("weight_decay", self.weight_decay, 0.0, 1.0),
            ("target", self.target, 1e-3, 16.0),
            ("gain", self.gain, 1e-6, 100.0),
            ("rate", self.rate.at(0, self.iterations), 1e-9, 100.0),
        ];
        if let Some(stop) = &self.stop
            && (stop.every == 0 || stop.patience == 0 || !(0.0..1.0).contains(&stop.improvement))
        {
            let remedy = "set `every` and `patience` to at least 1, `improvement` below 1";
            return refuse("stop", format!("{stop:?} never lets go on"), remedy);
        }
        if matches!(self.head, Head::CrossEntropy(_)) && self.target != 1.0 {
            let problem = format!("{} is no probability of a sample's own class", self.target);
            return refuse("target", problem, "set `target = 1` for cross entropy");
        }
        for (field, value, low, high) in numbers {
            if !(low..=high).contains(&value) {
                let remedy = format!("choose a value between {low} and {high}");
                return refuse(field, format!("{value} is out of range"), &remedy);
            }
        }
        Ok(())
    }

    /// Checks a party's rows: their features, and labels that are classes.
    pub fn check(&self, rows: &Samples) -> Result<(), Error> {
        if rows.is_empty() {
            return Err(Error::Empty { what: "the cohort" });
        }
        if rows.columns() != self.inputs() {
            return Err(Error::Shape {
                what: "feature columns",
                expected: self.inputs(),
                found: rows.columns(),
            });
        }
        let classes = self.outputs();
        let fits = |&label: &f64| label >= 0.0 && label < classes as f64 && label.fract() == 0.0;
        match rows.labels().iter().position(|label| !fits(label)) {
            None => Ok(()),
            Some(row) => Err(Error::Label {
                row,
                label: rows.labels()[row],
                family: "mlp",
                expected: format!("a class number from 0 to {}", classes - 1),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_start_and_end_where_they_should() {
        let rates = [
            Rate::Linear { from: 0.4, to: 0.1 },
            Rate::Cosine { from: 0.4, to: 0.1 },
        ];
        for rate in rates {
            assert!((rate.at(0, 10) - 0.4).abs() < 1e-12);
            assert!((rate.at(5, 10) - 0.25).abs() < 1e-12);
            assert!((rate.at(10, 10) - 0.1).abs() < 1e-12);
        }
        let plateau = Rate::Plateau {
            from: 0.4,
            hold: 0.5,
            to: 0.1,
        };
        assert_eq!([0, 5].map(|t| plateau.at(t, 10)), [0.4, 0.4]);
        assert!((plateau.at(10, 10) - 0.1).abs() < 1e-12);
        for t in 0..10 {
            let half = plateau.times(0.5).at(t, 10);
            assert!((half - 0.5 * plateau.at(t, 10)).abs() < 1e-12);
        }
        let steps = Rate::Steps {
            from: 1.0,
            every: 4,
            factor: 0.5,
        };
        assert_eq!([3, 4, 8].map(|t| steps.at(t, 10)), [1.0, 0.5, 0.25]);
    }

    #[test]
    fn settings_survive_toml() {
        let config = MlpConfig::new(&[4, 3, 2]);
        let text = toml::to_string(&config).unwrap();
        assert!(text.contains("target = 3.0"));
        assert_eq!(toml::from_str::<MlpConfig>(&text).unwrap(), config);
        let bad = text.replace("activation = [", "activation = [nan, ");
        assert!(toml::from_str::<MlpConfig>(&bad).is_err());
    }

    #[test]
    fn wrong_settings_and_labels_are_named() {
        let config = MlpConfig::new(&[2, 3, 2]);
        let no_layers = MlpConfig {
            layers: vec![3],
            ..config.clone()
        };
        let shape = Convolution {
            side: 5,
            kernel: 2,
            stride: 1,
            pool: 2,
            channels: 3,
        };
        let mut convolutional = MlpConfig::convolutional(shape, &[4, 2]);
        assert_eq!(convolutional.layers, [25, 12, 4, 2]);
        assert_eq!(
            (convolutional.shape(1), convolutional.fan_in(1)),
            ((5, 3), 4)
        );
        convolutional.validate().unwrap();
        convolutional.layers[1] = 13;
        let error = convolutional.validate().unwrap_err().to_string();
        assert!(error.contains("[25, 12]"), "{error}");
        assert!(
            no_layers
                .validate()
                .unwrap_err()
                .to_string()
                .contains("layers")
        );
        let fast = MlpConfig {
            momentum: StepMomentum::HeavyBall { mu: 1.5 },
            ..config.clone()
        };
        assert!(
            fast.validate()
                .unwrap_err()
                .to_string()
                .contains("momentum")
        );
        let cross = MlpConfig {
            head: Head::CrossEntropy(PolynomialActivation::square()),
            target: 3.0,
            ..config.clone()
        };
        let refused = cross.validate().unwrap_err().to_string();
        assert!(refused.contains("target"), "{refused}");
        let rows = Samples::new(2, vec![0.0; 4], vec![1.0, 2.0]).unwrap();
        assert!(
            config
                .check(&rows)
                .unwrap_err()
                .to_string()
                .contains("row 1")
        );
    }
}
