//! One party's share of an iteration and the root's update, on ciphertexts.
//!
//! The operations are those of [`crate::packing::PartyCircuit`]; what is added is where levels and scales
//! go. Let Δ be the scale, q_l the prime of level l and L the top. Plaintexts are encoded at just the scale
//! that makes every rescaled product land on Δ exactly:
//!
//! ```text
//! u  = Σ w ⊙ P_t        level L   → L−1   P at q_L·Δ/scale(w)
//! h  = x² + β           level L−1 → L−2   scale Δ²/q_{L−1}
//! v  = x ⊙ D_t          level L−1 → L−2   D chosen so that the next line has scale Δ
//! G  = Σ v·h            level L−2 → L−3   one relinearisation per giant step
//! ```

use tacit_ckks::{Ciphertext, Encoder, Evaluator};
use tacit_mhe::Private;

use super::{EncryptedError, prediction_folds};
use crate::activation::{Folded, Shape};
use crate::model::{Family, Step};
use crate::packing::{Bsgs, Diagonals, Layout};

type Result<T> = std::result::Result<T, EncryptedError>;

/// The evaluator and what it works for.
#[derive(Debug, Clone)]
pub struct Circuit {
    evaluator: Evaluator,
    encoder: Encoder,
    layout: Layout,
    family: Family,
    activation: Folded,
}

impl Circuit {
    /// A circuit for one layout, family and activation.
    pub fn new(
        evaluator: Evaluator,
        encoder: Encoder,
        layout: Layout,
        family: Family,
        activation: Folded,
    ) -> Self {
        Self {
            evaluator,
            encoder,
            layout,
            family,
            activation,
        }
    }

    /// The evaluator.
    pub fn evaluator(&self) -> &Evaluator {
        &self.evaluator
    }

    fn scale(&self) -> f64 {
        self.evaluator.params().scale()
    }

    fn q(&self, level: usize) -> f64 {
        self.evaluator.params().q_at(level)
    }

    /// Rescales and declares the scale that exact arithmetic would give, which differs from the
    /// tracked one in the last bits of a floating-point number only.
    fn rescale_to(&self, ct: &mut Ciphertext, scale: f64) -> Result<()> {
        self.evaluator.rescale_assign(ct)?;
        debug_assert!((ct.scale() / scale - 1.0).abs() < 1e-9);
        ct.set_scale(scale);
        Ok(())
    }

    /// The unfolded, row-weighted gradient of a batch, not yet fit to leave its owner.
    pub fn gradient(&self, point: &Ciphertext, diagonals: &Diagonals<'_>) -> Result<Private> {
        let u = self.forward(point, diagonals)?;
        let mut x = u;
        self.evaluator
            .add_constant_assign(&mut x, self.activation.shift)?;
        let ct = match self.activation.shape {
            Shape::Identity => self.separate(x, diagonals)?,
            _ => self.fused(x, diagonals)?,
        };
        Ok(Private::new(ct))
    }

    /// κ·X·w in every copy, one level down.
    fn forward(&self, point: &Ciphertext, diagonals: &Diagonals<'_>) -> Result<Ciphertext> {
        let level = point.level();
        let (scale, q) = (self.scale(), self.q(level));
        let babies = self.babies(point)?;
        let mut plain = Vec::new();
        let mut u = self.giants(|this, t2, baby| {
            let mut inner: Option<Ciphertext> = None;
            for (t1, rotated) in babies.iter().enumerate() {
                diagonals.forward_into(t1 + baby * t2, this.activation.scale, &mut plain);
                let p = this
                    .encoder
                    .encode(&plain, level, q * scale / point.scale())?;
                match &mut inner {
                    None => inner = Some(this.evaluator.mul_plain(rotated, &p)?),
                    Some(sum) => this.evaluator.mul_plain_add_assign(sum, rotated, &p)?,
                }
            }
            let mut inner = inner.ok_or_else(no_diagonals)?;
            this.rescale_to(&mut inner, scale)?;
            Ok(inner)
        })?;
        for by in self.layout.copy_folds() {
            let rotated = self.evaluator.rotate(&u, by as i64)?;
            self.evaluator.add_assign(&mut u, &rotated)?;
        }
        Ok(u)
    }

    /// Xᵀ(u − y) for the identity link: no product of ciphertexts.
    fn separate(&self, x: Ciphertext, diagonals: &Diagonals<'_>) -> Result<Ciphertext> {
        let (level, scale) = (x.level(), self.scale());
        let mut error = x;
        let mut plain = Vec::new();
        diagonals.targets_into(self.family, &mut plain);
        plain
            .iter_mut()
            .for_each(|y| *y = self.activation.offset - *y);
        let targets = self.encoder.encode(&plain, level, scale)?;
        self.evaluator.add_plain_assign(&mut error, &targets)?;
        let babies = self.babies(&error)?;
        self.giants(|this, t2, baby| {
            let mut inner: Option<Ciphertext> = None;
            for (t1, rotated) in babies.iter().enumerate() {
                diagonals.gradient_into(t1 + baby * t2, &mut plain);
                let p = this.encoder.encode(&plain, level, this.q(level))?;
                match &mut inner {
                    None => inner = Some(this.evaluator.mul_plain(rotated, &p)?),
                    Some(sum) => this.evaluator.mul_plain_add_assign(sum, rotated, &p)?,
                }
            }
            let mut inner = inner.ok_or_else(no_diagonals)?;
            this.rescale_to(&mut inner, scale)?;
            Ok(inner)
        })
    }

    /// Xᵀ(x·h(x) + γ − y) with the data multiplied into x before the last product.
    fn fused(&self, x: Ciphertext, diagonals: &Diagonals<'_>) -> Result<Ciphertext> {
        let (level, scale) = (x.level(), self.scale());
        let h = self.inner_factor(&x)?;
        // v = x ⊙ D is one level down and may have to go further, to where h is.
        let product_level = h.level().min(level - 1);
        let v_scale = scale * self.q(product_level) / h.scale();
        let plain_scale = v_scale * self.q(level) / scale;
        let (xs, hs) = (self.babies(&x)?, self.babies(&h)?);
        let mut plain = Vec::new();
        let mut gradient = self.giants(|this, t2, baby| {
            let mut inner: Option<Ciphertext> = None;
            for (t1, (x, h)) in xs.iter().zip(&hs).enumerate() {
                diagonals.gradient_into(t1 + baby * t2, &mut plain);
                let p = this.encoder.encode(&plain, level, plain_scale)?;
                let mut v = this.evaluator.mul_plain(x, &p)?;
                this.rescale_to(&mut v, v_scale)?;
                let product = this.evaluator.mul(&v, h)?;
                match &mut inner {
                    None => inner = Some(product),
                    Some(sum) => this.evaluator.add_assign(sum, &product)?,
                }
            }
            let mut inner = this
                .evaluator
                .relinearise_rescale(&inner.ok_or_else(no_diagonals)?)?;
            inner.set_scale(scale);
            Ok(inner)
        })?;
        let offset = diagonals.offset_gradient(self.family, self.activation.offset);
        let offset = self.encoder.encode(&offset, gradient.level(), scale)?;
        self.evaluator.add_plain_assign(&mut gradient, &offset)?;
        Ok(gradient)
    }

    /// h with act = x·h(x) + γ.
    fn inner_factor(&self, x: &Ciphertext) -> Result<Ciphertext> {
        let evaluator = &self.evaluator;
        let mut h = match self.activation.shape {
            Shape::Identity | Shape::Square { .. } => x.clone(),
            Shape::Cubic { .. } | Shape::Quintic { .. } => evaluator.mul_rescale(x, x)?,
        };
        match self.activation.shape {
            Shape::Identity => {}
            Shape::Square { sign } if sign < 0.0 => evaluator.neg_assign(&mut h),
            Shape::Square { .. } => {}
            Shape::Cubic { beta } => evaluator.add_constant_assign(&mut h, beta)?,
            Shape::Quintic { alpha, beta } => {
                let mut shifted = h.clone();
                evaluator.add_constant_assign(&mut shifted, alpha)?;
                h = evaluator.mul_rescale(&h, &shifted)?;
                evaluator.add_constant_assign(&mut h, beta)?;
            }
        }
        Ok(h)
    }

    /// Rotations of `a` by g·t1, sharing one decomposition.
    fn babies(&self, a: &Ciphertext) -> Result<Vec<Ciphertext>> {
        let steps: Vec<i64> = (self.layout.baby_steps()).map(|s| s as i64).collect();
        let mut babies = vec![a.clone()];
        if !steps.is_empty() {
            babies.extend(self.evaluator.rotate_many(a, &steps)?);
        }
        Ok(babies)
    }

    /// Σ_t2 rot(inner(t2), g·n1·t2).
    fn giants(
        &self,
        mut inner: impl FnMut(&Self, usize, usize) -> Result<Ciphertext>,
    ) -> Result<Ciphertext> {
        let Bsgs { baby, .. } = self.layout.bsgs();
        let mut sum = inner(self, 0, baby)?;
        for (t2, by) in (1..).zip(self.layout.giant_steps()) {
            let term = self.evaluator.rotate(&inner(self, t2, baby)?, by as i64)?;
            self.evaluator.add_assign(&mut sum, &term)?;
        }
        Ok(sum)
    }

    /// Adds the rotations by each of `steps` in turn.
    fn sweep(&self, mut a: Ciphertext, steps: impl Iterator<Item = usize>) -> Result<Ciphertext> {
        for by in steps {
            let rotated = self.evaluator.rotate(&a, by as i64)?;
            self.evaluator.add_assign(&mut a, &rotated)?;
        }
        Ok(a)
    }

    /// The root's fold of the summed gradient: `factor` times it, in the layout of the weights,
    /// one level down.
    pub fn fold(&self, gradient: Ciphertext, factor: f64) -> Result<Ciphertext> {
        let summed = self.sweep(gradient, self.layout.group_folds())?;
        let level = summed.level();
        let mask = self.layout.fold_mask(factor);
        let mask = self.encoder.encode(&mask, level, self.q(level))?;
        let mut masked = self.evaluator.mul_plain(&summed, &mask)?;
        self.rescale_to(&mut masked, self.scale())?;
        self.sweep(masked, self.layout.group_folds())
    }

    /// The point the next gradient is taken at and the base the step starts from, which Nesterov's
    /// method has in common: x + β(x − x⁻), as an integer combination at the top level.
    pub fn extrapolate(
        &self,
        x: &Ciphertext,
        previous: Option<&Ciphertext>,
        step: &Step,
    ) -> Result<Ciphertext> {
        let units = step.momentum_units;
        if units == 0 {
            return Ok(x.clone());
        }
        let unit = f64::from(crate::model::MOMENTUM_UNIT);
        let integer = |ct: &Ciphertext, k: f64| -> Result<Ciphertext> {
            let mut out = ct.clone();
            self.evaluator.mul_constant_assign(&mut out, k, 1.0)?;
            Ok(out)
        };
        let mut base = integer(x, unit + f64::from(units))?;
        // Before the first step the weights were zero.
        if let Some(previous) = previous {
            base = self
                .evaluator
                .sub(&base, &integer(previous, f64::from(units))?)?;
        }
        base.set_scale(x.scale() * unit);
        Ok(base)
    }

    /// x' = base − decay·mask ⊙ point − update, at the level of `update`.
    pub fn step(
        &self,
        base: &Ciphertext,
        point: &Ciphertext,
        nesterov: bool,
        decay: f64,
        update: &Ciphertext,
    ) -> Result<Ciphertext> {
        let level = update.level() + 1;
        let lowered = |ct: &Ciphertext, factors: &[f64]| -> Result<Ciphertext> {
            let mut ct = ct.clone();
            self.evaluator.drop_to_level(&mut ct, level)?;
            let scale = self.q(level) * self.scale() / ct.scale();
            let factors = self.encoder.encode(factors, level, scale)?;
            self.evaluator.mul_plain_assign(&mut ct, &factors)?;
            self.rescale_to(&mut ct, self.scale())?;
            Ok(ct)
        };
        let mask = self.layout.decay_mask();
        let mut next = if nesterov {
            let keep: Vec<f64> = mask.iter().map(|m| 1.0 - decay * m).collect();
            lowered(base, &keep)?
        } else {
            let shrink: Vec<f64> = mask.iter().map(|m| decay * m).collect();
            let ones = vec![1.0; mask.len()];
            self.evaluator
                .sub(&lowered(base, &ones)?, &lowered(point, &shrink)?)?
        };
        let mut negated = update.clone();
        self.evaluator.neg_assign(&mut negated);
        self.evaluator.add_assign(&mut next, &negated)?;
        Ok(next)
    }

    /// X·w for an encrypted query in the layout of the weights: the linear predictors, at the product of both
    /// scales. Every slot of a sample's coordinate group holds its predictor: nothing else is in the
    /// result.
    pub fn predict(&self, model: &Ciphertext, query: &Ciphertext) -> Result<Ciphertext> {
        let product = self.evaluator.mul_relinearise(model, query)?;
        self.sweep(product, prediction_folds(&self.layout))
    }
}

fn no_diagonals() -> EncryptedError {
    crate::Error::Empty {
        what: "the set of diagonals",
    }
    .into()
}
