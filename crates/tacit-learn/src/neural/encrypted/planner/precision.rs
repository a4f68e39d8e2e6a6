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
use super::super::plan::{LEVELS, VALUE_BITS};
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

    /// A hidden layer's transform.
    fn transform(&self, weights: &Noisy, batch: &Noisy, rms: f64) -> Result<Noisy> {
        let split = self.plan.layout.hidden_split();
        let level = weights.level().min(batch.level());
        let weights = weights.drop_to_level(level)?.rotate().rotate();
        let term = batch.drop_to_level(level)?.rotate().mul(&weights)?;
        let inner = sum(&term, split.baby, rms)?.relinearise()?.rotate();
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

    fn iteration(&self) -> Result<f64> {
        let (plan, layout) = (self.plan, &self.plan.layout);
        let (delta, u) = (plan.scale(), plan.predictor_scale(1));
        let above = plan.predictors_above(1) + 1;
        let depth = plan.config.depth();
        let first = self.exact(WEIGHT, 1, delta);
        let hidden = self.exact(WEIGHT, 2, delta);
        let rows = self.exact(INPUT, 1, plan.q(1));
        let split = layout.first_split();
        let j = layout.first_ciphertexts();

        let term = first.rotate().mul_plain(&rows)?;
        let inner = sum(&term, j * split.baby, PREDICTOR)?.rotate();
        let own = sum(&inner, split.giant, PREDICTOR)?
            .rescale()?
            .rerandomise(None);
        let folded = self.refreshed(&own, above, layout.blocks(), u)?;
        let mut predictors = vec![sum(&folded, layout.blocks(), PREDICTOR)?];
        let mut activations = Vec::new();
        let mut last = folded;
        for l in 1..depth {
            let activation = self.activated(&predictors[l - 1])?;
            last = self.transform(&hidden, &activation, PREDICTOR)?;
            activations.push(activation);
            if l + 1 < depth {
                predictors.push(self.refreshed(&last, above, 1, u)?);
            }
        }
        let labels = Tracked::encrypt(&self.model, sized(1.0), plan.level(0), last.scale());
        let compared = last.add(&labels)?;
        // The step over the batch is in the errors' weights.
        let samples = (layout.parties() * layout.batch()) as f64;
        let error = ERROR * plan.config.rate.at(0, plan.config.iterations) / samples;
        let compared = compared.with_message(sized(ERROR));
        let mut errors = self.weighed(&compared, LEVELS, 1, error / ERROR, delta)?;

        let mut worst = f64::INFINITY;
        for l in (2..=depth).rev() {
            let activation = activations[l - 2].rotate().rotate();
            let other = errors.drop_to_level(plan.level(1))?.rotate();
            let split = layout.hidden_split();
            let terms = layout.groups() * split.giant;
            let outer = sum(&activation.mul(&other)?, terms, error)?;
            let outer = sum(&outer.relinearise()?.rotate(), split.baby, error)?.rescale()?;
            let kept = self.exact(WEIGHT, 0, outer.scale());
            let moved = kept.add(&outer)?.with_message(sized(WEIGHT));
            let columns = 2 * layout.repeats();
            let stored = self.refreshed(&moved, LEVELS, columns, delta)?;
            worst = worst.min(stored.precision_bits());

            let below = self.transform(&hidden, &errors, error)?;
            let slope = self.slope(&predictors[l - 2], below.level())?;
            let below = below.mul_rescale(&slope)?;
            debug_assert!((below.scale() / errors_scale(plan) - 1.0).abs() < 1e-6);
            errors = self
                .refreshed(&below.with_message(sized(error)), LEVELS, 1, delta)?
                .with_message(sized(error));
        }

        let mask = self.exact(1.0, 2, plan.q(2));
        let own = errors.mul_plain(&mask)?.rescale()?.with_scale(delta);
        let own = sum(&own.rotate(), layout.blocks(), error)?;
        let inner = sum(&own.rotate().mul_plain(&rows)?, split.giant, error)?.rotate();
        let gradient = sum(&inner, split.baby, error)?.rescale()?.rerandomise(None);
        let gradient = sum(&gradient.with_scale(delta), layout.parties(), error)?;
        let moved = self.exact(WEIGHT, 0, delta).add(&gradient)?;
        let stored = self.refreshed(&moved.with_message(sized(WEIGHT)), LEVELS - 1, 2, delta)?;
        Ok(worst.min(stored.precision_bits()))
    }
}
