//! One step of gradient descent.
//!
//! State is kept by the *path* of a parameter (`layers.0.weight`), not by an identity drawn at
//! random, so that a checkpoint can be compared, checked and resumed. The update is
//!
//! ```text
//! momentum:  m ← μ m + g               θ ← θ − η (m + λ θ)
//! Adam:      m ← β₁ m + (1−β₁) g       θ ← θ − η (m̂ / (√v̂ + ε) + λ θ)
//!            v ← β₂ v + (1−β₂) g²      m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ)
//! ```
//!
//! with λ the weight decay, decoupled from the gradient (Loshchilov and Hutter, "Decoupled weight
//! decay regularization", ICLR 2019) and left out for biases.

use crate::error::NnError;
use crate::matrix::floats;
use crate::module_path::ModulePath;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor, TensorData};
use std::collections::BTreeMap;

/// How a gradient becomes a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// Gradient descent with momentum μ; 0 for none.
    Sgd {
        /// μ.
        momentum: f32,
    },
    /// Adam (Kingma and Ba, ICLR 2015).
    Adam {
        /// β₁.
        beta1: f32,
        /// β₂.
        beta2: f32,
        /// ε.
        epsilon: f32,
    },
}

impl Rule {
    /// Adam with β = (0.9, 0.999) and ε = 10⁻⁸.
    pub fn adam() -> Self {
        Rule::Adam {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        }
    }

    /// Gradient descent with momentum 0.9.
    pub fn sgd() -> Self {
        Rule::Sgd { momentum: 0.9 }
    }
}

/// What an optimiser remembers of one parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// m.
    pub first: Vec<f32>,
    /// v; empty for gradient descent.
    pub second: Vec<f32>,
}

/// An update rule with its memory.
#[derive(Debug, Clone)]
pub struct Optimiser {
    rule: Rule,
    weight_decay: f32,
    clip: Option<f32>,
    steps: u64,
    moments: BTreeMap<String, Moments>,
}

impl Optimiser {
    /// An optimiser that has seen nothing.
    pub fn new(rule: Rule) -> Self {
        Optimiser {
            rule,
            weight_decay: 0.0,
            clip: None,
            steps: 0,
            moments: BTreeMap::new(),
        }
    }

    /// Sets λ.
    pub fn with_weight_decay(mut self, decay: f32) -> Self {
        self.weight_decay = decay;
        self
    }

    /// Scales gradients whose norm over all parameters exceeds `norm` down to it.
    pub fn with_clip(mut self, norm: f32) -> Self {
        self.clip = Some(norm);
        self
    }

    /// How many steps were made.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The memory, by path of the parameter.
    pub fn moments(&self) -> &BTreeMap<String, Moments> {
        &self.moments
    }

    /// Puts back a memory that was stored.
    pub(crate) fn restore(&mut self, steps: u64, moments: BTreeMap<String, Moments>) {
        self.steps = steps;
        self.moments = moments;
    }

    /// Whether the rule keeps v.
    pub(crate) fn keeps_second(&self) -> bool {
        matches!(self.rule, Rule::Adam { .. })
    }

    /// Differentiates the loss and moves `network` (nothing else) against the gradient at `rate`.
    pub fn step<M: Module>(
        &mut self,
        network: M,
        loss: &Tensor<1>,
        rate: f64,
    ) -> Result<M, NnError> {
        let value = super::value(loss);
        if !value.is_finite() {
            return Err(NnError::Diverged {
                epoch: 0,
                step: self.steps as usize,
                loss: value,
                rate,
            });
        }
        let mut gradients = loss.backward();
        Ok(self.apply(network, &mut gradients, rate))
    }

    /// Moves `network` against gradients that were made already, and takes its own out of them.
    /// Parameters without a gradient stay.
    pub fn apply<M: Module>(&mut self, network: M, gradients: &mut Gradients, rate: f64) -> M {
        self.steps += 1;
        let scale = match self.clip {
            Some(limit) => {
                let mut norm = Norm {
                    gradients,
                    squares: 0.0,
                };
                network.visit(&mut norm);
                let norm = norm.squares.sqrt() as f32;
                if norm > limit { limit / norm } else { 1.0 }
            }
            None => 1.0,
        };
        network.map(&mut Update {
            optimiser: self,
            gradients,
            rate: rate as f32,
            scale,
            path: ModulePath::default(),
        })
    }

    fn update(&mut self, path: &str, theta: &mut [f32], gradient: &[f32], rate: f32, decay: f32) {
        let n = theta.len();
        let second = if self.keeps_second() { n } else { 0 };
        let moments = self
            .moments
            .entry(path.to_owned())
            .or_insert_with(|| Moments {
                first: vec![0.0; n],
                second: vec![0.0; second],
            });
        match self.rule {
            Rule::Sgd { momentum } => {
                for ((w, g), m) in theta.iter_mut().zip(gradient).zip(&mut moments.first) {
                    *m = momentum * *m + g;
                    *w -= rate * (*m + decay * *w);
                }
            }
            Rule::Adam {
                beta1,
                beta2,
                epsilon,
            } => {
                let t = i32::try_from(self.steps).unwrap_or(i32::MAX);
                let first_scale = 1.0 / (1.0 - beta1.powi(t));
                let second_scale = 1.0 / (1.0 - beta2.powi(t));
                for (((w, g), m), v) in theta
                    .iter_mut()
                    .zip(gradient)
                    .zip(&mut moments.first)
                    .zip(&mut moments.second)
                {
                    *m = beta1 * *m + (1.0 - beta1) * g;
                    *v = beta2 * *v + (1.0 - beta2) * g * g;
                    let step = *m * first_scale / ((*v * second_scale).sqrt() + epsilon);
                    *w -= rate * (step + decay * *w);
                }
            }
        }
    }
}

struct Norm<'a> {
    gradients: &'a Gradients,
    squares: f64,
}

impl ModuleVisitor for Norm<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        if tensor.is_require_grad()
            && let Some(gradient) = tensor.grad(self.gradients)
        {
            self.squares += floats(gradient)
                .iter()
                .map(|g| f64::from(*g) * f64::from(*g))
                .sum::<f64>();
        }
    }
}

struct Update<'a> {
    optimiser: &'a mut Optimiser,
    gradients: &'a mut Gradients,
    rate: f32,
    scale: f32,
    path: ModulePath,
}

impl ModuleMapper for Update<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        if !tensor.is_require_grad() {
            return Param::from_mapped_value(id, tensor, mapper);
        }
        let Some(gradient) = tensor.grad_remove(self.gradients) else {
            return Param::from_mapped_value(id, tensor, mapper);
        };
        let mut gradient = floats(gradient);
        if self.scale != 1.0 {
            gradient.iter_mut().for_each(|g| *g *= self.scale);
        }
        let shape = tensor.dims();
        let plain = tensor.inner();
        let device = plain.device();
        let mut theta = floats(plain);
        // Vectors are biases and scales, which are not shrunk.
        let decay = if D > 1 {
            self.optimiser.weight_decay
        } else {
            0.0
        };
        self.optimiser
            .update(&self.path.text(), &mut theta, &gradient, self.rate, decay);
        let moved = Tensor::<D>::from_data(TensorData::new(theta, shape), &device);
        Param::from_mapped_value(id, Tensor::from_inner(moved).require_grad(), mapper)
    }
}
