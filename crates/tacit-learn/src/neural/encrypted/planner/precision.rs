//! The noise of an iteration, followed through its whole circuit.
//!
//! Starting from exact weights, every operation adds the error that the average-case model expects of it; what is left in the
//! new weights after their refresh is one iteration's error ε. Over T iterations with momentum μ independent errors add up to
//! about ε·√T/(1 − μ) in a weight, and to √inputs·|x| times that in a first-layer predictor, which outputs follow at about
//! the same size; a maximum over outputs is taken as four deviations:
//!
//! ```text
//! 4·ε·√T/(1 − μ)·√inputs·|x| ≤ tolerance        →        precision needed = −log2 ε
//! ```

use tacit_ckks::CkksError;
use tacit_ckks::noise::{HeuristicNoise, Message, NoiseModel, Tracked};

use super::super::super::MlpConfig;
use super::super::MlpPlan;
use super::super::maps::errors_scale;
use super::super::plan::VALUE_BITS;
use super::super::pointwise::Pointwise;

type Noisy = Tracked<HeuristicNoise>;
type Result<T> = std::result::Result<T, CkksError>;

/// Root mean squares of what flows through a network that trains well; inputs are scaled to [−1, 1].
const INPUT: f64 = 0.3;
const PREDICTOR: f64 = 2.0;
const ACTIVATION: f64 = 1.5;
const ERROR: f64 = 0.5;
const WEIGHT: f64 = 0.15;

/// Bits after the binary point that one iteration must leave right in the weights, so that outputs of the final
/// model are off by at most `tolerance`.
pub fn needed(config: &MlpConfig, tolerance: f64) -> f64 {
    let steps = (config.iterations as f64).sqrt() / (1.0 - config.momentum.mu());
    let outputs = 4.0 * steps * (config.inputs() as f64).sqrt() * INPUT;
    (outputs / tolerance).log2()
}

/// Bits after the binary point that one iteration leaves right in the weights.
pub fn of(plan: &MlpPlan) -> Result<f64> {
    Circuit {
        plan,
        model: NoiseModel::collective(&plan.encryption.params, plan.rows.len() as u32),
    }
    .iteration()
}

struct Circuit<'a> {
    plan: &'a MlpPlan,
    model: NoiseModel,
}

fn sized(rms: f64) -> Message {
    Message {
        bound: f64::from(VALUE_BITS).exp2(),
        rms,
    }
}

/// The sum of `count` like `x`, of the given size.
fn sum(x: &Noisy, count: usize, rms: f64) -> Result<Noisy> {
    let mut out = x.clone();
    for _ in 1..count {
        out = out.add(x)?.with_message(sized(rms));
    }
    Ok(out.with_message(sized(rms)))
}

impl Circuit<'_> {
    fn exact(&self, rms: f64, above: usize, scale: f64) -> Noisy {
        Tracked::encoded(&self.model, sized(rms), self.plan.level(above), scale)
    }

    /// A refresh through a map that adds `terms` slots, to `scale` after a rescaling.
    fn refreshed(&self, x: &Noisy, above: usize, terms: usize, scale: f64) -> Result<Noisy> {
        self.weighed(x, above, terms, 1.0, scale)
    }

    /// The same with slots times `weight`.
    fn weighed(
        &self,
        x: &Noisy,
        above: usize,
        terms: usize,
        weight: f64,
        scale: f64,
    ) -> Result<Noisy> {
        let factor = scale * self.plan.q(above) / x.scale();
        let up = x.refresh(self.plan.level(above));
        let map = Tracked::encoded(&self.model, Message::bounded(weight), up.level(), factor);
        let rms = x.message().rms * weight;
        let out = sum(&up.mul_plain(&map)?, terms, rms)?.rescale()?;
        Ok(out.with_message(sized(rms)))
    }

    /// A hidden layer's transform, of one batch or the sum over those of several tiles.
    fn transform(&self, weights: &Noisy, batch: &Noisy, parts: usize, rms: f64) -> Result<Noisy> {
        let split = self.plan.layout.hidden_split();
        let level = weights.level().min(batch.level());
        let weights = weights.drop_to_level(level)?.rotate().rotate();
        let term = batch.drop_to_level(level)?.rotate().mul(&weights)?;
        let inner = sum(&term, parts * split.baby, rms)?.relinearise()?.rotate();
        sum(&inner, split.giant, rms)?.rescale()
    }

    /// act(u), at R+1 and Δ.
    fn activated(&self, x: &Noisy) -> Result<Noisy> {
        let value = match &self.plan.activation {
            Pointwise::Quadratic { b, c, .. } => {
                let factor = x.clone().with_scale(x.scale() / c.abs()).add_constant(*b);
                x.mul_rescale(&factor)?
            }
            // The highest power, by squarings: as noisy as the rest together.
            polynomial => self.power(x, polynomial.levels())?,
        };
        Ok(value
            .with_scale(self.plan.scale())
            .with_message(sized(ACTIVATION)))
    }

    /// act'(u), at `level`.
    fn slope(&self, x: &Noisy, level: usize) -> Result<Noisy> {
        let slope = match &self.plan.activation {
            Pointwise::Quadratic { b, .. } => {
                let x = x.drop_to_level(level)?;
                x.with_scale(self.plan.slope_scale()).add_constant(*b)
            }
            Pointwise::Polynomial { slope, .. } => {
                let levels = slope.cost().levels;
                let x = x.drop_to_level(level + levels)?;
                self.power(&x, levels)?.with_scale(self.plan.slope_scale())
            }
        };
        Ok(slope.with_message(sized(1.0)))
    }

    fn power(&self, x: &Noisy, levels: usize) -> Result<Noisy> {
        let mut out = x.clone();
        for _ in 0..levels {
            out = out.mul_rescale(&out)?.with_message(sized(ACTIVATION));
        }
        Ok(out)
    }

    /// The first layer's predictors, as activations take them.
    fn first_predictors(&self) -> Result<Noisy> {
        let (plan, layout) = (self.plan, &self.plan.layout);
        let at = plan.weights_above(1);
        let weights = self.exact(WEIGHT, at, plan.scale());
        let rows = self.exact(INPUT, at, plan.first_data_scale());
        let term = weights.rotate().mul_plain(&rows)?;
        let (baby, giant) = match &plan.convolution {
            None => {
                let split = layout.first_split();
                (layout.first_ciphertexts() * split.baby, split.giant)
            }
            Some(tiled) => (tiled.split().baby, tiled.split().giant),
        };
        let inner = sum(&term, baby, PREDICTOR)?.rotate();
        let own = sum(&inner, giant, PREDICTOR)?.rescale()?.rerandomise(None);
        let own = own.with_scale(plan.first_predictor_scale());
        match &plan.convolution {
            None => {
                let above = plan.predictors_above(1) + 1;
                let folded =
                    self.refreshed(&own, above, layout.blocks(), plan.predictor_scale(1))?;
                sum(&folded, layout.blocks(), PREDICTOR)
            }
            Some(_) => sum(&own, layout.blocks(), PREDICTOR),
        }
    }

    /// The first layer's activations, at R+1 and Δ: of a convolution, pooled.
    fn first_activations(&self, predictors: &Noisy) -> Result<Noisy> {
        let plan = self.plan;
        let Some(tiled) = &plan.convolution else {
            return self.activated(predictors);
        };
        let (_, b, c) = plan.quadratic();
        let factor = predictors
            .clone()
            .with_scale(predictors.scale() / c)
            .add_constant(b);
        let term = predictors.mul(&factor)?;
        let pooled = sum(&term, tiled.offsets(), ACTIVATION)?.relinearise_rescale()?;
        Ok(pooled
            .with_scale(plan.scale())
            .with_message(sized(ACTIVATION)))
    }

    /// What a layer's errors leave in its weights, right of the binary point, once these are refreshed.
    fn stored(&self, layer: usize, activations: &Noisy, errors: &Noisy) -> Result<f64> {
        let (plan, layout) = (self.plan, &self.plan.layout);
        let error = errors.message().rms;
        let other = errors.drop_to_level(plan.level(1))?.rotate();
        let split = layout.hidden_split();
        let terms = layout.groups() * split.giant;
        let outer = sum(&activations.rotate().rotate().mul(&other)?, terms, error)?;
        let outer = sum(&outer.relinearise()?.rotate(), split.baby, error)?.rescale()?;
        let kept = self.exact(WEIGHT, 0, outer.scale());
        let moved = kept.add(&outer)?.with_message(sized(WEIGHT));
        let columns = 2 * layout.repeats();
        let above = plan.weights_above(layer) + 1;
        let stored = self.refreshed(&moved, above, columns, plan.scale())?;
        Ok(stored.precision_bits())
    }

    /// The same for the first layer, from its errors as they reach the parties.
    fn stored_first(&self, errors: &Noisy) -> Result<f64> {
        let (plan, layout) = (self.plan, &self.plan.layout);
        let error = errors.message().rms;
        let rows = self.exact(INPUT, 1, plan.first_data_scale());
        let (own, terms, turned) = match &plan.convolution {
            None => {
                let mask = self.exact(1.0, 2, plan.q(2));
                let own = errors.mul_plain(&mask)?.rescale()?;
                let own = own.with_scale(plan.scale());
                let split = layout.first_split();
                let own = sum(&own.rotate(), layout.blocks(), error)?;
                (own, split.giant, split.baby)
            }
            Some(tiled) => {
                let split = tiled.split();
                (errors.clone(), tiled.offsets() * split.giant, split.baby)
            }
        };
        let inner = sum(&own.rotate().mul_plain(&rows)?, terms, error)?.rotate();
        let gradient = sum(&inner, turned, error)?.rescale()?.rerandomise(None);
        let scale = plan.first_gradient_scale();
        let gradient = sum(&gradient.with_scale(scale), layout.parties(), error)?;
        let (gradient, copies) = match &plan.convolution {
            None => (gradient, 2),
            Some(tiled) => {
                let columns = layout.columns() / tiled.taps() * tiled.regions();
                (sum(&gradient.rotate(), columns, error)?, 1)
            }
        };
        let moved = self.exact(WEIGHT, 0, scale).add(&gradient)?;
        let above = plan.weights_above(1) + 1;
        let moved = moved.with_message(sized(WEIGHT));
        let stored = self.refreshed(&moved, above, copies, plan.scale())?;
        Ok(stored.precision_bits())
    }

    fn iteration(&self) -> Result<f64> {
        let (plan, layout) = (self.plan, &self.plan.layout);
        let (delta, u) = (plan.scale(), plan.predictor_scale(1));
        let above = plan.predictors_above(1) + 1;
        let depth = plan.config.depth();
        let hidden = |layer: usize| self.exact(WEIGHT, plan.weights_above(layer), delta);

        let mut predictors = vec![self.first_predictors()?];
        let mut activations = vec![self.first_activations(&predictors[0])?];
        let mut last = predictors[0].clone();
        for l in 1..depth {
            let parts = plan.hidden_weights(l + 1);
            last = self.transform(&hidden(l + 1), &activations[l - 1], parts, PREDICTOR)?;
            if l + 1 < depth {
                predictors.push(self.refreshed(&last, above, 1, u)?);
                activations.push(self.activated(&predictors[l])?);
            }
        }
        let labels = Tracked::encrypt(&self.model, sized(1.0), plan.level(0), last.scale());
        let compared = last.add(&labels)?;
        // The step over the batch is in the errors' weights.
        let samples = (layout.parties() * layout.batch()) as f64;
        let error = ERROR * plan.config.rate.at(0, plan.config.iterations) / samples;
        let compared = compared.with_message(sized(ERROR));
        let to = plan.errors_above(depth) + 1;
        let mut errors = self.weighed(&compared, to, 1, error / ERROR, delta)?;

        let mut worst = f64::INFINITY;
        for l in (2..=depth).rev() {
            let precision = self.stored(l, &activations[l - 2], &errors)?;
            worst = worst.min(precision);
            let below = self.transform(&hidden(l), &errors, 1, error)?;
            if let (Some(tiled), 2) = (&plan.convolution, l) {
                let (_, b, c) = plan.quadratic();
                let slope = predictors[0].clone();
                let scale = slope.scale() / (2.0 * c);
                let slope = slope.with_scale(scale).add_constant(b);
                let slope = slope.with_message(sized(1.0));
                let at_positions = below.mul_rescale(&slope)?;
                errors = at_positions
                    .with_scale(plan.position_errors_scale(tiled.offsets()))
                    .with_message(sized(error / tiled.offsets() as f64));
                continue;
            }
            let slope = self.slope(&predictors[l - 2], below.level())?;
            let below = below.mul_rescale(&slope)?;
            debug_assert!((below.scale() / errors_scale(plan) - 1.0).abs() < 1e-6);
            let to = plan.errors_above(l - 1) + 1;
            errors = self
                .refreshed(&below.with_message(sized(error)), to, 1, delta)?
                .with_message(sized(error));
        }
        Ok(worst.min(self.stored_first(&errors)?))
    }
}
