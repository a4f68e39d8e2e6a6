//! The first layer, dense or a convolution: what a plan, a party and the root ask of it.

use tacit_ckks::{Ciphertext, PeriodicEncoder};
use tacit_mhe::Private;

use super::super::Matrix;
use super::super::packed::{EncodedBatch, EncodedPatches, Engine, LayerCounts, Side, spread};
use super::plan::MlpPlan;
use super::stop::total_rotations;
use crate::encrypted::EncryptedError;
use crate::model::Samples;

type Result<T> = std::result::Result<T, EncryptedError>;

/// A party's batch, encoded for both passes.
#[derive(Debug)]
pub(super) enum FirstBatch {
    Dense(EncodedBatch),
    Convolution(EncodedPatches),
}

impl FirstBatch {
    /// Encodes rows of the party with number `me`.
    pub fn new(
        plan: &MlpPlan,
        encoder: &PeriodicEncoder,
        samples: &Samples,
        rows: &[usize],
        me: usize,
    ) -> Result<Self> {
        let (level, scale) = (plan.level(plan.weights_above(1)), plan.first_data_scale());
        Ok(match plan.convolution {
            None => Self::Dense(EncodedBatch::new(
                encoder,
                plan.layout,
                samples,
                rows,
                level,
                scale,
            )?),
            Some(layout) => {
                let (_, block) = plan.layout.place(me);
                let at = (level, scale);
                let patches = EncodedPatches::new(encoder, layout, samples, rows, block, at)?;
                Self::Convolution(patches)
            }
        })
    }

    /// The predictors in the party's own columns: [`MlpPlan::first_predictors`] ciphertexts.
    pub fn forward(&self, engine: &Engine, weights: &[Ciphertext]) -> Result<Vec<Private>> {
        match self {
            Self::Dense(batch) => Ok(vec![batch.forward(engine, weights)?]),
            Self::Convolution(patches) => {
                let tiles = patches.forward(engine, weights)?;
                Ok(tiles.into_iter().flatten().collect())
            }
        }
    }

    /// The gradient that errors in the party's own columns make, a ciphertext for each of the weights.
    pub fn gradient(
        &self,
        plan: &MlpPlan,
        engine: &Engine,
        errors: &[Ciphertext],
        me: usize,
    ) -> Result<Vec<Private>> {
        match (self, &plan.convolution) {
            (Self::Convolution(patches), Some(layout)) => {
                let tiles: Vec<Vec<Ciphertext>> = (errors.chunks(layout.offsets()))
                    .map(<[_]>::to_vec)
                    .collect();
                patches.gradient(engine, &tiles)
            }
            (Self::Dense(batch), _) => {
                let (_, block) = plan.layout.place(me);
                let own = spread(engine, &plan.layout, &errors[0], block)?;
                batch.gradient(engine, &own)
            }
            (Self::Convolution(_), None) => Ok(Vec::new()),
        }
    }
}

impl MlpPlan {
    /// Ciphertexts that hold the first layer's weights.
    pub fn first_weights(&self) -> usize {
        match &self.convolution {
            None => self.layout.first_ciphertexts(),
            Some(layout) => layout.tiles(),
        }
    }

    /// Ciphertexts of a party's predictors: a convolution has one for each tile and offset.
    pub fn first_predictors(&self) -> usize {
        match &self.convolution {
            None => 1,
            Some(layout) => layout.tiles() * layout.offsets(),
        }
    }

    /// Ciphertexts that hold the weights of layer `layer` (from 2): above a convolution, one for each tile.
    pub fn hidden_weights(&self, layer: usize) -> usize {
        match &self.convolution {
            Some(layout) if layer == 2 => layout.tiles(),
            _ => 1,
        }
    }

    /// Where the weights of layer `layer` (from 2) begin among those of all hidden layers.
    pub(super) fn hidden_from(&self, layer: usize) -> usize {
        (2..layer).map(|l| self.hidden_weights(l)).sum()
    }

    /// Ciphertexts that hold weights other than biases of hidden layers, which come after them.
    pub(super) fn first_bias(&self) -> usize {
        self.first_weights() + self.hidden_from(self.config.depth() + 1)
    }

    /// Ciphertexts that hold all weights: of the first layer, of each layer above, one for each bias above.
    pub fn weight_ciphertexts(&self) -> usize {
        let biases = (2..=self.config.depth()).filter(|&l| self.config.has_bias(l));
        self.first_bias() + biases.count()
    }

    /// The layer whose weights are in ciphertext `k` (none for a bias), and the level of its refresh.
    pub(super) fn weights_of(&self, k: usize) -> (Option<usize>, usize) {
        let at = |layer: usize| self.level(self.weights_above(layer) + 1);
        let layer = match k.checked_sub(self.first_weights()) {
            None => Some(1),
            Some(k) => (2..=self.config.depth()).rfind(|&l| self.hidden_from(l) <= k),
        };
        match layer {
            Some(layer) if k < self.first_bias() => (Some(layer), at(layer)),
            _ => (None, self.level(2)),
        }
    }

    /// The level above R at which the weights of a layer are kept.
    pub(super) fn weights_above(&self, layer: usize) -> usize {
        match (&self.convolution, layer) {
            (Some(_), 1 | 2) => 3,
            (None, 1) => 1,
            _ => 2,
        }
    }

    /// The level above R at which the errors of a layer are worked with.
    pub(super) fn errors_above(&self, layer: usize) -> usize {
        match (&self.convolution, layer) {
            (Some(_), 2) => 3,
            _ => 2,
        }
    }

    /// Scale of a party's plaintexts: predictors come out at [`Self::first_predictor_scale`].
    pub(super) fn first_data_scale(&self) -> f64 {
        let above = self.weights_above(1);
        self.first_predictor_scale() * self.q(above) / self.scale()
    }

    /// Scale of the first layer's predictors as they come from the parties. Those of a convolution are such that the sum of a
    /// region's activations is the mean at Δ.
    pub(super) fn first_predictor_scale(&self) -> f64 {
        match &self.convolution {
            None => self.scale(),
            Some(layout) => self.predictor_scale(1) / (layout.offsets() as f64).sqrt(),
        }
    }

    /// Scale of a convolution's errors, already divided by the number of offsets.
    pub(super) fn position_errors_scale(&self, offsets: usize) -> f64 {
        let (_, _, c) = self.quadratic();
        let pooled = self.scale() * self.scale() / self.q(3);
        pooled * self.first_predictor_scale() / (2.0 * c) / self.q(2) * offsets as f64
    }

    /// Scale of the first layer's gradient.
    pub(super) fn first_gradient_scale(&self) -> f64 {
        match &self.convolution {
            None => self.scale(),
            Some(layout) => {
                let errors = self.position_errors_scale(layout.offsets());
                errors * self.first_data_scale() / self.q(1)
            }
        }
    }

    /// a, b, c of a convolution's activation a + b·u + c·u²: no other is accepted.
    pub(super) fn quadratic(&self) -> (f64, f64, f64) {
        let quadratic = self.config.activation.as_quadratic();
        quadratic.unwrap_or((0.0, 1.0, 1.0))
    }

    /// Slots after which the first layer's plaintexts repeat.
    pub(super) fn period(&self) -> usize {
        match &self.convolution {
            None => self.layout.columns(),
            Some(layout) => layout.period(),
        }
    }

    /// Rotations that a party needs.
    pub fn party_rotations(&self) -> Vec<i64> {
        match &self.convolution {
            None => self.layout.party_rotations(),
            Some(layout) => layout.party_rotations(),
        }
    }

    /// Rotations of everybody.
    pub fn rotations(&self) -> Vec<i64> {
        let mut out = self.party_rotations();
        out.extend(self.layout.hidden_rotations());
        if self.config.hidden_bias {
            out.extend(self.layout.bias_rotations(Side::Skewed));
            out.extend(self.layout.bias_rotations(Side::Plain));
        }
        if let Some(layout) = &self.convolution {
            out.extend(layout.fold_rotations());
        }
        if self.config.stop.is_some() {
            out.extend(total_rotations(&self.layout));
        }
        out.sort_unstable();
        out.dedup();
        out
    }

    /// Operations of a party in an iteration.
    pub fn party_counts(&self) -> LayerCounts {
        match &self.convolution {
            None => (self.layout.forward_counts()).plus(self.layout.gradient_counts()),
            Some(layout) => layout.forward_counts().plus(layout.gradient_counts()),
        }
    }

    /// Slots of ciphertext `k` of the first layer's weights.
    pub(super) fn pack_first(&self, weights: &Matrix, k: usize) -> Vec<f64> {
        match &self.convolution {
            None => self.layout.pack_first(weights, k),
            Some(layout) => layout.pack_filters(weights, k),
        }
    }

    /// The inverse.
    pub(super) fn unpack_first(&self, slots: &[Vec<f64>]) -> Result<Matrix> {
        Ok(match &self.convolution {
            None => self.layout.unpack_first(slots, self.config.layers[1])?,
            Some(layout) => layout.unpack_filters(slots)?,
        })
    }

    /// Slots of ciphertext `k` of the weights of layer `layer` (from 2), its bias apart.
    pub(super) fn pack_hidden(&self, weights: &Matrix, layer: usize, k: usize) -> Vec<f64> {
        let tile = match &self.convolution {
            Some(layout) if layer == 2 => layout.tile_of(weights, k),
            _ => {
                let (rows, columns) = (self.config.fan_in(layer), weights.columns());
                Matrix::from_fn(rows, columns, |q, p| weights.get(q, p))
            }
        };
        self.layout.pack_hidden(&tile, layer)
    }

    /// The inverse, from all ciphertexts of the layer.
    pub(super) fn unpack_hidden(&self, slots: &[Vec<f64>], layer: usize) -> Result<Matrix> {
        let (rows, columns) = (self.config.fan_in(layer), self.config.layers[layer]);
        match &self.convolution {
            Some(tiles) if layer == 2 => {
                let shape = (self.layout.height(), columns);
                let parts = (slots.iter())
                    .map(|slots| self.layout.unpack_hidden(slots, layer, shape))
                    .collect::<std::result::Result<Vec<_>, _>>()?;
                Ok(tiles.join_tiles(&parts, columns))
            }
            _ => Ok(self
                .layout
                .unpack_hidden(&slots[0], layer, (rows, columns))?),
        }
    }
}
