//! A convolution's predictors and weights, for all parties at once.
//!
//! ```text
//! filters                 R+3, Δ     X·W                         → R+2, u_p        u_p² = c·Δ·q_{R+2}/p²
//! predictors              R+2, u_p   Σ_o U_o·(c·U_o + b)         → R+1, Δ          the mean
//! weights above, errors   R+3, Δ     W·E                         → R+2
//!                                    W·E ⊙ (2c·U_o + b)/p²       → R+1, to the parties
//! ```
//!
//! Nothing is refreshed on the way up to the layer above, nor on the way down from it: that takes one level more
//! than dense layers, and as many refreshes less as there are tiles and offsets.

use rayon::prelude::*;
use tacit_ckks::Ciphertext;

use super::super::packed::{Columns, ConvolutionLayout, apply_sum};
use super::circuit::{HiddenCircuit, Stored};
use crate::encrypted::EncryptedError;

type Result<T> = std::result::Result<T, EncryptedError>;

impl HiddenCircuit<'_> {
    /// Means of act(U) over the offsets of each tile, from predictors by tile, then offset; one level down.
    pub fn pool(&self, layout: &ConvolutionLayout, predictors: &[Columns]) -> Result<Vec<Columns>> {
        let (a, b, c) = self.plan.quadratic();
        let group = |tile: usize, offsets: &[Columns], group: usize| -> Result<Ciphertext> {
            let factors = (offsets.iter())
                .map(|u| {
                    let mut factor = u.groups()[group].clone();
                    factor.set_scale(factor.scale() / c);
                    self.evaluator().add_constant_assign(&mut factor, b)?;
                    Ok(factor)
                })
                .collect::<Result<Vec<_>>>()?;
            let terms: Vec<_> = (offsets.iter().zip(&factors))
                .map(|(u, factor)| (&u.groups()[group], factor))
                .collect();
            let mut sum = self.engine.relinearise(&self.engine.tensors(&terms)?)?;
            self.evaluator().rescale_assign(&mut sum)?;
            sum.set_scale(self.plan.scale());
            if a != 0.0 {
                let present = layout.presence(tile, group);
                let constant: Vec<f64> = present.iter().map(|p| a * p).collect();
                let (level, scale) = (sum.level(), sum.scale());
                let constant = self.engine.encoder().encode(&constant, level, scale)?;
                self.evaluator().add_plain_assign(&mut sum, &constant)?;
            }
            Ok(sum)
        };
        let tiles = predictors.chunks(layout.offsets()).enumerate();
        tiles
            .map(|(tile, offsets)| {
                let groups = (0..layout.columns().groups())
                    .into_par_iter()
                    .map(|g| group(tile, offsets, g))
                    .collect::<Result<_>>()?;
                Columns::new(layout.columns(), offsets[0].side(), groups)
            })
            .collect()
    }

    /// The predictors of the layer above, to be refreshed: of all parts of this one together.
    pub fn transform_all(&self, weights: &[Ciphertext], parts: &[Columns]) -> Result<Columns> {
        let parts: Vec<_> = weights.iter().zip(parts).collect();
        match parts[..] {
            [(weights, batch)] => self.transform(weights, batch),
            _ => apply_sum(self.engine, &self.plan.layout, &parts),
        }
    }

    /// The errors at every position, by tile, then offset, from those of the layer above.
    pub fn back_to_positions(
        &self,
        layout: &ConvolutionLayout,
        weights: &[Ciphertext],
        errors: &Columns,
        predictors: &[Columns],
    ) -> Result<Vec<Columns>> {
        let (_, b, c) = self.plan.quadratic();
        let scale = self.plan.position_errors_scale(layout.offsets());
        let mut out = Vec::with_capacity(predictors.len());
        for (weights, offsets) in weights.iter().zip(predictors.chunks(layout.offsets())) {
            let pooled = self.transform(weights, errors)?;
            for predictors in offsets {
                out.push(pooled.zip(predictors, |e, u| {
                    let mut slope = u.clone();
                    slope.set_scale(u.scale() / (2.0 * c));
                    self.evaluator().add_constant_assign(&mut slope, b)?;
                    let mut error = self.engine.product(e, &slope)?;
                    error.set_scale(scale);
                    Ok(error)
                })?);
            }
        }
        Ok(out)
    }

    /// w + μ(w − w⁻) − ηλ·point + g for the filters of a tile, right where the fold of the gradient is.
    pub fn step_filters(
        &self,
        t: usize,
        layout: &ConvolutionLayout,
        weights: &Stored<'_>,
        gradient: &Ciphertext,
    ) -> Result<Ciphertext> {
        let (plan, columns) = (self.plan, layout.columns());
        let bias = layout.shape().taps();
        let scale = plan.first_gradient_scale();
        let kept = self.kept(t, weights, true);
        let masks = (kept.iter())
            .map(|term| {
                let slots = columns.fill(|_, column| match column % layout.taps() == bias {
                    true => term.factor,
                    false => term.factor - term.decay,
                });
                let scale = scale * plan.q(1) / term.weights.scale();
                (self.engine.encoder()).encode(&slots, plan.level(1), scale)
            })
            .collect::<std::result::Result<Vec<_>, _>>()?;
        let terms: Vec<_> = kept.iter().map(|term| term.weights).zip(&masks).collect();
        let moved = self.rescaled(self.engine.weighted(&terms)?, scale)?;
        let folded = layout.fold(self.engine, gradient)?;
        Ok(self.evaluator().add(&moved, &folded)?)
    }

    /// Filters as they come from their refresh, repeated where the parties need them.
    pub fn repeat_filters(
        &self,
        layout: &ConvolutionLayout,
        filters: &[Ciphertext],
    ) -> Result<Vec<Ciphertext>> {
        let repeat = |ct| Ok(layout.repeat(self.engine, ct)?);
        filters.iter().map(repeat).collect()
    }
}
