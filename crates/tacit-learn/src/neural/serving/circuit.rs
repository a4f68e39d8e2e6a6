//! What whoever holds the evaluation keys computes between two refreshes. Nothing here is in the clear.

use rayon::prelude::*;
use tacit_ckks::Ciphertext;

use super::super::packed::{Engine, LayerCounts, PreparedLayer, Side};
use super::plan::ServingPlan;
use crate::Error;
use crate::encrypted::EncryptedError;

type Result<T> = std::result::Result<T, EncryptedError>;

/// An encrypted model, turned in all ways that queries need.
#[derive(Debug)]
pub struct ServingModel {
    layers: Vec<PreparedLayer>,
}

impl ServingModel {
    /// From the first layer's pieces and one ciphertext for every further layer.
    pub fn new(plan: &ServingPlan, engine: &Engine, layers: &[Vec<Ciphertext>]) -> Result<Self> {
        let (expected, found) = (plan.config.depth(), layers.len());
        if expected != found {
            return Err(shape("layers of the model", expected, found));
        }
        let columns = *plan.layout.columns();
        let layer = |(index, pieces): (usize, &Vec<Ciphertext>)| {
            let expected = if index == 0 { plan.layout.pieces() } else { 1 };
            if pieces.len() != expected {
                return Err(shape("ciphertexts of a layer", expected, pieces.len()));
            }
            PreparedLayer::new(engine, columns, Side::of_layer(index), pieces)
        };
        let layers = layers
            .iter()
            .enumerate()
            .map(layer)
            .collect::<Result<_>>()?;
        Ok(Self { layers })
    }

    /// From batches that enter layer `layer` to its predictors: ready for their refresh, or for the querier.
    pub fn apply(
        &self,
        plan: &ServingPlan,
        engine: &Engine,
        layer: usize,
        batches: &[Vec<Ciphertext>],
    ) -> Result<Vec<Ciphertext>> {
        let found = self.layers.len();
        let prepared = (self.layers.get(layer.wrapping_sub(1)))
            .ok_or_else(|| shape("layers of the model at least", layer, found))?;
        let mut out = prepared.apply(engine, batches)?;
        if layer < plan.config.depth() {
            let rescale = |ct: &mut Ciphertext| {
                engine.evaluator().rescale_assign(ct)?;
                engine.evaluator().rescale_assign(ct)
            };
            out.par_iter_mut().try_for_each(rescale)?;
        }
        Ok(out)
    }

    /// a + U·(c·U + b) of refreshed predictors of hidden layer `layer`, the constant only where there are neurons.
    pub fn activate(
        plan: &ServingPlan,
        engine: &Engine,
        layer: usize,
        predictors: &[Ciphertext],
    ) -> Result<Vec<Ciphertext>> {
        let (a, b, c) = plan.quadratic;
        let evaluator = engine.evaluator();
        let activate = |u: &Ciphertext| {
            let mut factor = u.clone();
            factor.set_scale(u.scale() / c);
            evaluator.add_constant_assign(&mut factor, b)?;
            let mut out = engine.product(u, &factor)?;
            evaluator.rescale_assign(&mut out)?;
            if a != 0.0 {
                let width = plan.config.layers[layer];
                let present = plan
                    .layout
                    .columns()
                    .presence(Side::of_layer(layer), width, 0);
                let constant: Vec<f64> = present.iter().map(|p| a * p).collect();
                let encoder = engine.encoder();
                let constant = encoder.encode(&constant, out.level(), out.scale())?;
                evaluator.add_plain_assign(&mut out, &constant)?;
            }
            Ok(out)
        };
        predictors.par_iter().map(activate).collect()
    }
}

/// What a query costs, before it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServingCost {
    /// Once a model: rotations of its weights.
    pub prepare: LayerCounts,
    /// A query of as many samples as a ciphertext holds.
    pub query: LayerCounts,
    /// Ciphertexts of a query that are refreshed.
    pub refreshes: usize,
    /// Rounds of a query, or of several that are answered together.
    pub rounds: usize,
}

impl ServingCost {
    /// Of a plan.
    pub fn of(plan: &ServingPlan) -> Self {
        let (columns, depth) = (plan.layout.columns(), plan.config.depth());
        let mut prepare = LayerCounts::default();
        let mut query = LayerCounts {
            products: depth - 1,
            relinearisations: depth - 1,
            ..LayerCounts::default()
        };
        for layer in 0..depth {
            let pieces = if layer == 0 { plan.layout.pieces() } else { 1 };
            prepare = prepare.plus(columns.prepare_counts(Side::of_layer(layer), pieces));
            query = query.plus(columns.prepared_counts(pieces));
        }
        Self {
            prepare,
            query,
            refreshes: plan.refreshes(),
            rounds: plan.refreshes() + 1,
        }
    }
}

pub(super) fn shape(what: &'static str, expected: usize, found: usize) -> EncryptedError {
    Error::Shape {
        what,
        expected,
        found,
    }
    .into()
}
