//! Forward and backward passes on `f64`.

use super::{Matrix, MlpConfig, MlpWeights};
use crate::Error;
use crate::model::Samples;

/// A gradient summed over rows, with what was seen on the way.
#[derive(Debug, Clone)]
pub struct BatchGradient {
    /// Σ ω·∇loss.
    pub gradient: MlpWeights,
    /// Σ ω·loss.
    pub loss: f64,
    /// Σ ω·½Σ(p(u) − y)².
    pub squared_error: f64,
    /// The largest pre-activation of a hidden layer.
    pub max_abs_u: f64,
}

impl BatchGradient {
    /// Nothing summed yet.
    pub fn zero(config: &MlpConfig) -> Self {
        Self {
            gradient: MlpWeights::zero(config),
            loss: 0.0,
            squared_error: 0.0,
            max_abs_u: 0.0,
        }
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        self.gradient.add_scaled(1.0, &other.gradient);
        self.loss += other.loss;
        self.squared_error += other.squared_error;
        self.max_abs_u = self.max_abs_u.max(other.max_abs_u);
    }
}

/// u = Wᵀa (+ bias, the row after the last of `a`).
fn forward_layer(weights: &Matrix, a: &[f64]) -> Vec<f64> {
    let mut u = match weights.rows() > a.len() {
        true => weights.row(a.len()).to_vec(),
        false => vec![0.0; weights.columns()],
    };
    for (q, &x) in a.iter().enumerate() {
        if x != 0.0 {
            u.iter_mut()
                .zip(weights.row(q))
                .for_each(|(u, w)| *u += x * w);
        }
    }
    u
}

/// u of the matrix at index `l`: of a convolution, at every position.
fn predictors(config: &MlpConfig, l: usize, weights: &Matrix, a: &[f64]) -> Vec<f64> {
    match &config.convolution {
        Some(convolution) if l == 0 => convolution.forward(weights, a),
        _ => forward_layer(weights, a),
    }
}

/// The layer's outputs: act(u), pooled after a convolution.
fn activated(config: &MlpConfig, l: usize, u: &[f64]) -> Vec<f64> {
    let a: Vec<f64> = u.iter().map(|&u| config.activation.eval(u)).collect();
    match &config.convolution {
        Some(convolution) if l == 0 => convolution.pool(&a),
        _ => a,
    }
}

impl MlpWeights {
    /// The outputs u of the last layer for one row of features.
    pub fn outputs(&self, config: &MlpConfig, features: &[f64]) -> Vec<f64> {
        let mut a = features.to_vec();
        for (l, weights) in self.layers().iter().enumerate() {
            a = predictors(config, l, weights, &a);
            if l + 1 < self.layers().len() {
                a = activated(config, l, &a);
            }
        }
        a
    }

    /// The class with the largest output.
    pub fn predict(&self, config: &MlpConfig, features: &[f64]) -> usize {
        let outputs = self.outputs(config, features);
        let best = outputs.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        best.map_or(0, |(class, _)| class)
    }

    /// The share of rows whose class is predicted.
    pub fn accuracy(&self, config: &MlpConfig, rows: &Samples) -> f64 {
        use rayon::prelude::*;
        let hits = (0..rows.len())
            .into_par_iter()
            .filter(|&row| self.predict(config, rows.row(row)) as f64 == rows.labels()[row]);
        hits.count() as f64 / rows.len().max(1) as f64
    }

    /// The weighted sum of the gradients of `batch`'s rows.
    pub fn gradient(
        &self,
        config: &MlpConfig,
        rows: &Samples,
        batch: impl IntoIterator<Item = usize>,
        weight: f64,
    ) -> Result<BatchGradient, Error> {
        config.check(rows)?;
        let mut sum = BatchGradient::zero(config);
        for row in batch {
            if row >= rows.len() {
                return Err(Error::Shape {
                    what: "row index below the number of rows",
                    expected: rows.len(),
                    found: row,
                });
            }
            self.add_gradient(config, rows.row(row), rows.labels()[row], weight, &mut sum);
        }
        Ok(sum)
    }

    fn add_gradient(
        &self,
        config: &MlpConfig,
        features: &[f64],
        label: f64,
        weight: f64,
        sum: &mut BatchGradient,
    ) {
        let depth = self.layers().len();
        let mut activations = vec![features.to_vec()];
        let mut predictors: Vec<Vec<f64>> = Vec::with_capacity(depth);
        for (l, weights) in self.layers().iter().enumerate() {
            let u = self::predictors(config, l, weights, &activations[l]);
            if l + 1 < depth {
                sum.max_abs_u = u.iter().fold(sum.max_abs_u, |m, u| m.max(u.abs()));
                activations.push(activated(config, l, &u));
            }
            predictors.push(u);
        }
        let target = |class: usize| {
            if class as f64 == label {
                config.target
            } else {
                0.0
            }
        };
        let last = &predictors[depth - 1];
        let losses = last
            .iter()
            .enumerate()
            .map(|(k, &u)| config.head.loss(u, target(k)));
        sum.loss += weight * losses.sum::<f64>();
        let mut error: Vec<f64> = (last.iter().enumerate())
            .map(|(k, &u)| weight * (config.head.mean(u) - target(k)))
            .collect();
        let distance = |(k, &u): (usize, &f64)| (config.head.mean(u) - target(k)).powi(2);
        sum.squared_error += 0.5 * weight * last.iter().enumerate().map(distance).sum::<f64>();
        for l in (0..depth).rev() {
            let gradient = &mut sum.gradient.layers_mut()[l];
            if let (0, Some(convolution)) = (l, &config.convolution) {
                convolution.add_gradient(features, &error, gradient);
                return;
            }
            for (q, &x) in activations[l].iter().enumerate() {
                if x != 0.0 {
                    (gradient.row_mut(q).iter_mut().zip(&error)).for_each(|(g, e)| *g += x * e);
                }
            }
            if config.has_bias(l + 1) {
                let bias = gradient.row_mut(activations[l].len());
                bias.iter_mut().zip(&error).for_each(|(g, e)| *g += e);
            }
            if l == 0 {
                return;
            }
            let weights = &self.layers()[l];
            let back =
                |q: usize| -> f64 { weights.row(q).iter().zip(&error).map(|(w, e)| w * e).sum() };
            let mut below: Vec<f64> = (0..config.fan_in(l + 1)).map(back).collect();
            if let (1, Some(convolution)) = (l, &config.convolution) {
                below = convolution.spread(&below);
            }
            error = (below.iter().zip(&predictors[l - 1]))
                .map(|(e, &u)| e * config.activation.slope(u))
                .collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Convolution, Curve, Head, PolynomialActivation};
    use super::*;

    fn rows(inputs: usize, classes: usize) -> Samples {
        let features = (0..6 * inputs).map(|i| (i as f64 * 1.37).sin()).collect();
        let labels = (0..6).map(|i| (i % classes) as f64).collect();
        Samples::new(inputs, features, labels).unwrap()
    }

    fn check(config: &MlpConfig) {
        let rows = rows(config.inputs(), config.outputs());
        let weights = MlpWeights::initial(config);
        let weight = 0.75;
        let loss = |w: &MlpWeights| w.gradient(config, &rows, [0, 2, 5], weight).unwrap().loss;
        let found = weights.gradient(config, &rows, [0, 2, 5], weight).unwrap();
        for l in 0..weights.layers().len() {
            for k in 0..weights.layers()[l].values().len() {
                let moved = |by: f64| {
                    let mut w = weights.clone();
                    w.layers_mut()[l].values_mut()[k] += by;
                    loss(&w)
                };
                let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                let gradient = found.gradient.layers()[l].values()[k];
                assert!(
                    (difference - gradient).abs() < 1e-7 * (1.0 + gradient.abs()),
                    "{config:?} layer {l} entry {k}: {gradient} is not {difference}"
                );
            }
        }
    }

    #[test]
    fn gradients_equal_finite_differences_at_every_depth() {
        for layers in [&[3, 2][..], &[3, 4, 2], &[3, 4, 5, 2], &[2, 3, 3, 3, 3]] {
            check(&MlpConfig::new(layers));
        }
    }

    #[test]
    fn gradients_of_hidden_biases_equal_finite_differences() {
        for layers in [&[3, 2][..], &[3, 4, 2], &[2, 3, 4, 3, 3]] {
            let config = MlpConfig {
                hidden_bias: true,
                ..MlpConfig::new(layers)
            };
            let weights = MlpWeights::initial(&config);
            assert_eq!(weights.layers().len(), layers.len() - 1);
            for (l, layer) in weights.layers().iter().enumerate() {
                assert_eq!(layer.rows(), layers[l] + 1);
                assert!(layer.row(layers[l]).iter().all(|&bias| bias == 0.0));
            }
            check(&config);
        }
    }

    #[test]
    fn gradients_of_convolutions_equal_finite_differences() {
        for (side, kernel, stride, pool, channels) in [
            (5, 2, 1, 2, 2),
            (7, 3, 2, 1, 3),
            (6, 1, 2, 3, 1),
            (5, 3, 1, 3, 2),
        ] {
            let convolution = Convolution {
                side,
                kernel,
                stride,
                pool,
                channels,
            };
            for dense in [&[2][..], &[4, 2], &[3, 3, 2]] {
                check(&MlpConfig::convolutional(convolution, dense));
            }
        }
    }

    #[test]
    fn gradients_equal_finite_differences_for_every_activation_and_head() {
        let base = MlpConfig::new(&[3, 4, 3, 2]);
        let fit = |curve, degree| PolynomialActivation::fit(curve, degree, 4.0).unwrap();
        for activation in [
            PolynomialActivation::square(),
            PolynomialActivation::quadratic(0.3, 0.5, 0.2).unwrap(),
            fit(Curve::Relu, 4),
            fit(Curve::Silu, 2),
            fit(Curve::Tanh, 3),
            fit(Curve::Sigmoid, 5),
        ] {
            check(&MlpConfig {
                activation,
                ..base.clone()
            });
        }
        let head = Head::CrossEntropy(fit(Curve::Sigmoid, 3));
        check(&MlpConfig {
            head,
            target: 1.0,
            ..base
        });
    }

    #[test]
    fn predictions_are_the_largest_output() {
        let config = MlpConfig::new(&[2, 3]);
        let layer = Matrix::from_fn(3, 3, |q, p| if q == 2 { p as f64 } else { 0.0 });
        let weights = MlpWeights::from_layers(&config, vec![layer]).unwrap();
        assert_eq!(weights.predict(&config, &[5.0, 5.0]), 2);
        assert!(MlpWeights::from_layers(&config, vec![]).is_err());
    }
}
