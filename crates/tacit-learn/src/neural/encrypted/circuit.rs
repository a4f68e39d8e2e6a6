//! The hidden layers, for all parties at once: what whoever holds the evaluation keys computes between two
//! refreshes. Nothing here depends on anybody's plaintext.

use tacit_ckks::{Ciphertext, Evaluator};

use super::super::StepMomentum;
use super::super::packed::{Columns, Engine, Side, apply, outer, sum_columns};
use super::plan::MlpPlan;
use super::pointwise::Pointwise;
use crate::encrypted::EncryptedError;

/// One ciphertext of weights, as it is kept between steps.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// w.
    pub now: &'a Ciphertext,
    /// w⁻, before the last step.
    pub before: &'a Ciphertext,
    /// Where the gradient was taken.
    pub point: &'a Ciphertext,
}

/// (factor − decay)·weights, without the decay for biases.
#[derive(Clone, Copy)]
pub(super) struct Term<'a> {
    pub factor: f64,
    pub decay: f64,
    pub weights: &'a Ciphertext,
}

type Result<T> = std::result::Result<T, EncryptedError>;

/// The arithmetic of an iteration outside the parties.
#[derive(Debug)]
pub struct HiddenCircuit<'a> {
    pub(super) plan: &'a MlpPlan,
    pub(super) engine: &'a Engine,
}

impl<'a> HiddenCircuit<'a> {
    /// For one plan, on an engine with the hidden layers' keys.
    pub fn new(plan: &'a MlpPlan, engine: &'a Engine) -> Self {
        Self { plan, engine }
    }

    pub(super) fn evaluator(&self) -> &Evaluator {
        self.engine.evaluator()
    }

    /// Divides by the last prime and declares the scale that exact arithmetic gives.
    pub fn rescaled(&self, mut ct: Ciphertext, scale: f64) -> Result<Ciphertext> {
        self.evaluator().rescale_assign(&mut ct)?;
        debug_assert!((ct.scale() / scale - 1.0).abs() < 1e-9);
        ct.set_scale(scale);
        Ok(ct)
    }

    /// act(U) of layer `layer`, at R+1.
    pub fn activate(&self, layer: usize, predictors: &Columns) -> Result<Columns> {
        let (engine, scale) = (self.engine, self.plan.scale());
        let activated = predictors.map(|u| match &self.plan.activation {
            Pointwise::Quadratic { b, c, .. } => {
                let mut factor = u.clone();
                factor.set_scale(u.scale() / c.abs());
                self.evaluator()
                    .add_constant_assign(&mut factor, b * c.signum())?;
                let mut out = engine.product(u, &factor)?;
                if *c < 0.0 {
                    self.evaluator().neg_assign(&mut out);
                }
                out.set_scale(scale);
                Ok(out)
            }
            Pointwise::Polynomial { value, .. } => Ok(engine.polynomial(value, u, scale)?),
        })?;
        let a = self.plan.activation.constant();
        if a == 0.0 {
            return Ok(activated);
        }
        // A constant only where there are neurons and samples.
        let (layout, width) = (&self.plan.layout, self.plan.config.layers[layer]);
        let side = activated.side();
        let groups = activated.into_groups().into_iter().enumerate();
        let shifted = groups.map(|(group, mut ct)| {
            let present = layout.presence(side, width, group);
            let constant: Vec<f64> = present.iter().map(|p| a * p).collect();
            let level = ct.level();
            let constant = self.engine.encoder().encode(&constant, level, ct.scale())?;
            self.evaluator().add_plain_assign(&mut ct, &constant)?;
            Ok(ct)
        });
        Columns::new(layout, side, shifted.collect::<Result<_>>()?)
    }

    /// The predictors of the layer above, to be refreshed.
    pub fn transform(&self, weights: &Ciphertext, batch: &Columns) -> Result<Columns> {
        apply(self.engine, &self.plan.layout, weights, batch)
    }

    /// Adds a layer's bias to its predictors.
    pub fn shift(&self, predictors: &Columns, bias: &Ciphertext) -> Result<Columns> {
        predictors.map(|u| {
            let mut out = bias.clone();
            self.evaluator().drop_to_level(&mut out, u.level())?;
            out.set_scale(u.scale());
            self.evaluator().add_assign(&mut out, u)?;
            Ok(out)
        })
    }

    /// p(U) of the outputs' refreshed predictors, to be compared with the labels; U if p is the identity.
    pub fn head(&self, predictors: &Columns) -> Result<Columns> {
        let Some(Pointwise::Polynomial {
            constant, value, ..
        }) = &self.plan.head
        else {
            return Ok(predictors.clone());
        };
        let scale = self.plan.product_scale();
        predictors.map(|u| {
            let mut out = self.engine.polynomial(value, u, scale)?;
            // Where there is no sample, the errors' weight is 0.
            (self.evaluator()).add_constant_assign(&mut out, *constant)?;
            Ok(out)
        })
    }

    /// p(U) − Y: the errors of the outputs.
    pub fn compare(&self, means: &Columns, labels: &[Ciphertext]) -> Result<Columns> {
        let labels = Columns::new(&self.plan.layout, means.side(), labels.to_vec())?;
        means.zip(&labels, |u, y| {
            let mut y = y.clone();
            y.set_scale(u.scale());
            Ok(self.evaluator().sub(u, &y)?)
        })
    }

    /// The errors of the layer below, to be refreshed: (W·E) ⊙ act'(U).
    pub fn back(
        &self,
        weights: &Ciphertext,
        errors: &Columns,
        predictors: &Columns,
    ) -> Result<Columns> {
        self.transform(weights, errors)?.zip(predictors, |d, u| {
            let slope = self.slope(u, d.level())?;
            Ok(self.engine.product(d, &slope)?)
        })
    }

    /// act'(U) at `level`.
    fn slope(&self, u: &Ciphertext, level: usize) -> Result<Ciphertext> {
        let evaluator = self.evaluator();
        let mut u = u.clone();
        match &self.plan.activation {
            Pointwise::Quadratic { b, c, .. } => {
                evaluator.drop_to_level(&mut u, level)?;
                u.set_scale(self.plan.slope_scale());
                if *c < 0.0 {
                    evaluator.neg_assign(&mut u);
                }
                evaluator.add_constant_assign(&mut u, *b)?;
                Ok(u)
            }
            Pointwise::Polynomial { slope, .. } => {
                evaluator.drop_to_level(&mut u, level + slope.cost().levels)?;
                Ok(self.engine.polynomial(slope, &u, self.plan.slope_scale())?)
            }
        }
    }

    /// A hidden layer's gradient, columns not yet added up.
    pub fn gradient(&self, activations: &Columns, errors: &Columns) -> Result<Ciphertext> {
        outer(self.engine, &self.plan.layout, activations, errors)
    }

    /// A hidden bias' gradient, columns not yet added up.
    pub fn gradient_bias(&self, errors: &Columns) -> Result<Ciphertext> {
        sum_columns(self.engine, &self.plan.layout, errors, self.plan.level(0))
    }

    /// Where the gradient is taken, at `scale`: the weights, or w + μ(w − w⁻) of Nesterov's method.
    pub fn point(&self, now: &Ciphertext, before: &Ciphertext, scale: f64) -> Result<Ciphertext> {
        let StepMomentum::Nesterov { mu } = self.plan.config.momentum else {
            return Ok(now.clone());
        };
        let terms = [(1.0 + mu, now), (-mu, before)];
        let evaluator = self.evaluator();
        Ok(evaluator.linear_combination(&terms, 0.0, now.level(), scale)?)
    }

    /// w + μ(w − w⁻) − ηλ·point + g for a hidden layer, in the gradient's layout: before its fold.
    pub fn step_hidden(
        &self,
        t: usize,
        weights: &Stored<'_>,
        gradient: &Ciphertext,
    ) -> Result<Ciphertext> {
        let copies = self.plan.layout.repeats();
        let scale = self.plan.product_scale();
        self.moved(self.kept(t, weights, true), copies, gradient, scale)
    }

    /// The same for a hidden bias, which does not decay.
    pub fn step_bias(
        &self,
        t: usize,
        bias: &Stored<'_>,
        gradient: &Ciphertext,
    ) -> Result<Ciphertext> {
        let copies = self.plan.layout.bias_copies();
        let scale = self.plan.scale();
        self.moved(self.kept(t, bias, false), copies, gradient, scale)
    }

    /// What is kept, in `copies` that the fold adds up, plus the gradient.
    fn moved(
        &self,
        kept: Vec<Term<'_>>,
        copies: usize,
        gradient: &Ciphertext,
        scale: f64,
    ) -> Result<Ciphertext> {
        let (plan, evaluator) = (self.plan, self.evaluator());
        let part = |term: Term<'_>| (term.factor - term.decay) / copies as f64;
        let terms: Vec<_> = kept
            .iter()
            .map(|&term| (part(term), term.weights))
            .collect();
        let moved = evaluator.linear_combination(&terms, 0.0, plan.level(1), scale * plan.q(1))?;
        let moved = self.rescaled(moved, scale)?;
        let mut gradient = gradient.clone();
        gradient.set_scale(scale);
        Ok(evaluator.add(&moved, &gradient)?)
    }

    /// The same for ciphertext `j` of the first layer, whose bias does not decay.
    pub fn step_first(
        &self,
        t: usize,
        j: usize,
        weights: &Stored<'_>,
        gradient: &Ciphertext,
    ) -> Result<Ciphertext> {
        let plan = self.plan;
        let layout = &plan.layout;
        let bias = plan.config.inputs();
        // Repeated columns are left out: the fold repeats them.
        let mask = |keep: f64, decay: f64| {
            layout.fill(|_, column| match layout.coordinate(j, column) {
                Some(q) if column < layout.used() => match q == bias {
                    true => keep,
                    false => keep - decay,
                },
                _ => 0.0,
            })
        };
        let kept = self.kept(t, weights, true);
        let masks = (kept.iter())
            .map(|term| {
                let slots = mask(term.factor, term.decay);
                (self.engine.encoder()).encode(&slots, plan.level(1), plan.q(1))
            })
            .collect::<std::result::Result<Vec<_>, _>>()?;
        let terms: Vec<_> = kept.iter().map(|term| term.weights).zip(&masks).collect();
        let moved = self.rescaled(self.engine.weighted(&terms)?, plan.scale())?;
        Ok(self.evaluator().add(&moved, gradient)?)
    }

    /// What a step keeps of the weights.
    pub(super) fn kept<'w>(&self, t: usize, weights: &Stored<'w>, decays: bool) -> Vec<Term<'w>> {
        let config = &self.plan.config;
        let decay = match decays {
            true => config.rate.at(t, config.iterations) * config.weight_decay,
            false => 0.0,
        };
        let kept = |factor, decay, weights| Term {
            factor,
            decay,
            weights,
        };
        match config.momentum {
            StepMomentum::HeavyBall { mu } if mu != 0.0 => vec![
                kept(1.0 + mu, decay, weights.now),
                kept(-mu, 0.0, weights.before),
            ],
            _ => vec![kept(1.0, decay, weights.point)],
        }
    }

    /// The side of layer `layer`'s predictors.
    pub fn side(layer: usize) -> Side {
        Side::of_layer(layer)
    }
}
