//! The encryption of a network's training: parameters, levels and scales.
//!
//! Three levels above the refresh level R carry everything between two refreshes when the activation is quadratic; Δ
//! is the scale, q_l the prime of level l, and u the scale of predictors, chosen so that the activation's product
//! lands on Δ:
//!
//! ```text
//! first layer's weights       R+1, Δ      X·W                       → R,   Δ
//! predictors                  R+2, u      act: U·(c·U + b)          → R+1, Δ        u² = c·Δ·q_{R+2}
//! hidden weights              R+2, Δ      act·W, act ⊗ errors       → R,   Δ²/q_{R+1}
//! errors                      R+2, Δ      errors·Wᵀ ⊙ (2c·U + b)    → R
//! hidden biases               R+1, Δ²/q_{R+1}: that of the products they are added to
//! ```
//!
//! Nesterov's method stores weights at Δ/D, where D·μ is an integer. Its point w + μ(w − w⁻), on which everything
//! but the step works, is then the sum of integer multiples (D + Dμ)·w − Dμ·w⁻: at Δ, and at no level's cost.
//!
//! An activation of k levels has its predictors at R+1+k and Δ, its slope at Δ: a cubic makes it four levels between
//! two refreshes, degrees up to seven make it five. With cross entropy the predictors of the outputs are refreshed,
//! too, to R and the levels of p above; p(u) then comes at R, Δ²/q_{R+1}, where the labels are.
//!
//! A refresh leads to one level more and through a map whose plaintexts bring the scale to its place
//! exactly; multiplying by c is declaring another scale, which costs nothing.

use tacit_ckks::noise::{Message, NoiseModel, ProvenNoise, ReleaseMargin, Tracked};
use tacit_ckks::{CkksError, Parameters, ParametersLiteral};
use tacit_mhe::MaskBits;
use tacit_ring::{RingKind, Transcript};

use super::super::packed::{ColumnLayout, ConvolutionLayout};
use super::super::{Head, MlpConfig, StepMomentum};
use super::draft::{Draft, Modulus, ModulusShape};
use super::pointwise::Pointwise;
use super::script::MlpStep;
use crate::Error;
use crate::encrypted::{EncryptedError, RELEASED_BITS, statistics};

/// log2 of the largest number, noise included, that refreshing allows for.
pub const VALUE_BITS: u32 = 6;

/// Levels between two refreshes of weights and errors.
pub(super) const LEVELS: usize = 3;

/// The largest denominator of Nesterov's μ: stored weights lose its bits.
const MAX_SHRINK: u32 = 1000;

/// Real slots, as many as the degree.
pub(super) const KIND: RingKind = RingKind::ConjugateInvariant;

pub(super) const SPECIAL_BITS: u32 = 50;
const MIN_SCALE_BITS: u32 = 32;
const MAX_SCALE_BITS: u32 = 42;

/// The tighter row of the published 128-bit tables for the degrees used here, and the number of special primes.
const CANDIDATES: [(u32, u32, usize); 2] = [(14, 430, 2), (15, 868, 2)];

/// A validated parameter set with its levels.
#[derive(Debug, Clone)]
pub struct MlpEncryption {
    /// The parameters.
    pub params: Parameters,
    /// R: where ciphertexts are refreshed.
    pub refresh_level: usize,
    /// Width of the refresh masks.
    pub mask: MaskBits,
    /// Statistical security of masks and flooding.
    pub lambda_s: u32,
}

/// What all parties agreed on. Public.
#[derive(Debug, Clone)]
pub struct MlpPlan {
    /// The training.
    pub config: MlpConfig,
    /// The packing.
    pub layout: ColumnLayout,
    /// That of the first layer, if it is a convolution.
    pub convolution: Option<ConvolutionLayout>,
    /// The encryption.
    pub encryption: MlpEncryption,
    /// Rows of each party, in roster order.
    pub rows: Vec<usize>,
    /// Number of released moments; 0 when rows come ready.
    pub moments: usize,
    /// After how many iterations the next party becomes the root, if it changes at all.
    pub rotation: Option<usize>,
    /// The activation.
    pub(super) activation: Pointwise,
    /// The head's p, unless it is the identity.
    pub(super) head: Option<Pointwise>,
    /// Levels between two refreshes.
    pub(super) levels: usize,
    /// By how much weights are stored below Δ: 1, or the denominator of Nesterov's μ.
    pub(super) shrink: u32,
}

impl MlpPlan {
    /// Chooses parameters for parties of the given sizes, at the 128-bit level.
    pub fn new(config: MlpConfig, rows: Vec<usize>, lambda_s: u32) -> Result<Self, EncryptedError> {
        Self::with(&CANDIDATES, config, rows, lambda_s, Parameters::new)
    }

    /// A plan **without any security** over a ring as small as the configuration's slots, for fast tests.
    /// Only exists under the feature `insecure-toy-parameters`.
    #[cfg(feature = "insecure-toy-parameters")]
    pub fn insecure_toy(config: MlpConfig, rows: Vec<usize>) -> Result<Self, EncryptedError> {
        let log_n = config.slots.trailing_zeros();
        let candidates = [(log_n, 430, 2)];
        Self::with(&candidates, config, rows, 64, Parameters::insecure_toy)
    }

    /// A plan with a modulus of the given shape, for a planner that compares several. The ring follows from the
    /// configuration's slots, the base primes from the masks; what is not at the 128-bit level is an error.
    pub fn of_shape(
        config: MlpConfig,
        rows: Vec<usize>,
        lambda_s: u32,
        shape: ModulusShape,
    ) -> Result<Self, EncryptedError> {
        Draft::new(config, rows, lambda_s)?.shaped(shape, Parameters::new)
    }

    /// What a modulus of this shape would be, before its primes are looked for.
    pub fn modulus(
        config: &MlpConfig,
        rows: &[usize],
        lambda_s: u32,
        shape: ModulusShape,
    ) -> Result<Modulus, EncryptedError> {
        Ok(Draft::new(config.clone(), rows.to_vec(), lambda_s)?.modulus(shape))
    }

    fn with(
        candidates: &[(u32, u32, usize)],
        config: MlpConfig,
        rows: Vec<usize>,
        lambda_s: u32,
        make: impl Fn(&ParametersLiteral) -> Result<Parameters, CkksError>,
    ) -> Result<Self, EncryptedError> {
        let draft = Draft::new(config, rows, lambda_s)?;
        for &(log_n, limit, special) in candidates {
            if KIND.slots(log_n) != draft.config.slots {
                continue;
            }
            let budget = limit - special as u32 * SPECIAL_BITS;
            let levels = draft.levels as u32;
            let fits = |&scale: &u32| draft.base(scale).bits + levels * scale <= budget;
            // The fewest primes, as all costs grow with them; then the highest precision.
            let scales = (MIN_SCALE_BITS..=MAX_SCALE_BITS).rev().filter(fits);
            if let Some(scale_bits) = scales.min_by_key(|&scale| draft.base(scale).primes) {
                let shape = ModulusShape {
                    special,
                    scale_bits,
                };
                return draft.shaped(shape, make);
            }
        }
        Err(EncryptedError::NoParameters {
            levels: draft.levels,
            slots: draft.config.slots,
            parties: draft.rows.len(),
            lambda_s,
        })
    }

    /// The same plan with rows standardised by `moments` sums over all parties, which are released to all of them.
    pub fn with_moments(self, moments: usize) -> Result<Self, EncryptedError> {
        let slots = self.config.slots;
        if moments > slots {
            let problem =
                format!("{moments} sums do not fit into the {slots} slots of a ciphertext");
            let remedy = "prepare rows by public ranges".to_owned();
            return Err(Error::config("features", problem, remedy).into());
        }
        Ok(Self { moments, ..self })
    }

    /// The same plan with the hidden layers' work going round: after every `every` iterations the next party becomes the root.
    pub fn rotating(self, every: usize) -> Result<Self, EncryptedError> {
        if every == 0 {
            let problem = "a root that works for no iteration".to_owned();
            return Err(Error::config("rotation", problem, "use at least 1".to_owned()).into());
        }
        if self.config.stop.is_some() {
            let problem = "an early stop is decided within one session";
            return Err(Error::config("stop", problem, "let one root do the work").into());
        }
        let rotation = Some(every);
        Ok(Self { rotation, ..self })
    }

    /// How many iterations are done at the end of the session that starts after `done`.
    pub fn leg_after(&self, done: usize) -> usize {
        let all = self.config.iterations;
        self.rotation.map_or(all, |every| all.min(done + every))
    }

    /// Identifies the plan: the same settings, parties' rows and parameters give the same digest everywhere.
    pub fn digest(&self) -> [u8; 32] {
        let mut transcript = Transcript::new("learn network plan");
        // Settings are numbers and names: they can always be written.
        let settings = toml::to_string(&self.config).unwrap_or_default();
        transcript
            .append(settings.as_bytes())
            .append(self.encryption.params.digest())
            .append_u64(u64::from(self.encryption.lambda_s))
            .append_u64(self.moments as u64)
            .append_u64(self.rotation.unwrap_or(0) as u64)
            .append_u64(self.rows.len() as u64);
        for &rows in &self.rows {
            transcript.append_u64(rows as u64);
        }
        transcript.digest()
    }

    /// Ciphertexts refreshed in an iteration.
    pub fn refreshes(
        config: &MlpConfig,
        layout: &ColumnLayout,
        convolution: Option<&ConvolutionLayout>,
    ) -> usize {
        let (hidden, groups) = (config.depth() - 1, layout.groups());
        let outputs = usize::from(config.head != Head::SquaredError);
        let biases = if config.hidden_bias { hidden } else { 0 };
        match convolution {
            None => {
                let weights = layout.first_ciphertexts() + hidden + biases;
                let in_batch = layout.parties() + (2 * hidden + outputs) * groups;
                config.local_batches * in_batch + weights
            }
            // Neither predictors nor errors of the first layer; filters, and weights above them, by tiles.
            Some(tiled) => {
                let weights = 2 * tiled.tiles() + hidden - 1 + biases;
                config.local_batches * (2 * hidden - 1 + outputs) * groups + weights
            }
        }
    }

    /// Δ.
    pub(super) fn scale(&self) -> f64 {
        self.encryption.params.scale()
    }

    /// The scale of stored weights: Δ, or for Nesterov's method what gives the point Δ.
    pub(in crate::neural) fn weight_scale(&self) -> f64 {
        self.scale() / f64::from(self.shrink)
    }

    /// The prime of the level `above` R.
    pub(super) fn q(&self, above: usize) -> f64 {
        self.encryption.params.q_at(self.level(above))
    }

    /// The level `above` R.
    pub(super) fn level(&self, above: usize) -> usize {
        self.encryption.refresh_level + above
    }

    /// The level above R where the predictors of layer `layer` are used.
    pub(super) fn predictors_above(&self, layer: usize) -> usize {
        match &self.head {
            Some(head) if layer == self.config.depth() => head.levels(),
            _ => 1 + self.activation.levels(),
        }
    }

    /// The highest level.
    pub(in crate::neural) fn top(&self) -> usize {
        self.level(self.levels)
    }

    /// u: the scale of the predictors of layer `layer`.
    pub(super) fn predictor_scale(&self, layer: usize) -> f64 {
        match self.activation {
            Pointwise::Quadratic { c, .. } if layer < self.config.depth() => {
                (c.abs() * self.scale() * self.q(2)).sqrt()
            }
            _ => self.scale(),
        }
    }

    /// Scale of an activation's slopes.
    pub(super) fn slope_scale(&self) -> f64 {
        match self.activation {
            Pointwise::Quadratic { c, .. } => self.predictor_scale(1) / (2.0 * c.abs()),
            Pointwise::Polynomial { .. } => self.scale(),
        }
    }

    /// Scale of a hidden layer's predictors before their refresh, of its gradient and of the labels.
    pub(super) fn product_scale(&self) -> f64 {
        self.scale() * self.scale() / self.q(1)
    }

    /// The scale of stored biases: added to predictors where Nesterov's point has their scale.
    pub(super) fn bias_scale(&self) -> f64 {
        self.product_scale() / f64::from(self.shrink)
    }

    /// Rows of a party in a batch.
    pub(super) fn filled(&self, party: usize) -> usize {
        self.rows[party].min(self.config.batch)
    }

    /// The weight of every row's error in batches number m: minus the step over the expected size, so that sums over
    /// parties are unbiased.
    pub(super) fn row_weight(&self, m: usize, party: usize) -> f64 {
        let config = &self.config;
        let t = m / config.local_batches;
        let rate = config.rate.at(t, config.iterations) / config.local_batches as f64;
        -rate * self.share_of_row(party)
    }

    /// The part of all rows that a row in a party's batch stands for.
    pub(super) fn share_of_row(&self, party: usize) -> f64 {
        let total: usize = self.rows.iter().sum();
        self.rows[party] as f64 / (self.filled(party) * total) as f64
    }

    /// By how much the errors of a step's refreshes are wider, at the scale of what is refreshed: of those before a release, see
    /// [`tacit_mhe::Refresh`].
    pub fn wide_error_bits(&self, step: MlpStep) -> u32 {
        let scale = match step {
            MlpStep::Raise => self.weight_scale(),
            MlpStep::RaiseError(_) => self.error_scale(),
            _ => return 0,
        };
        let params = &self.encryption.params;
        tacit_mhe::wide_error_bits(params, scale, self.rows.len(), RELEASED_BITS)
    }

    /// log2 of the factor by which the model's scale is raised before its release.
    pub(super) fn raise_bits(&self) -> u32 {
        self.room_bits() - self.weight_scale().log2().floor() as u32
    }

    /// log2 of the scale of what is released.
    pub(super) fn room_bits(&self) -> u32 {
        let room = self.encryption.params.log2_q(self.top()).floor() as u32;
        (room - 30).min(190)
    }

    /// The release of the moments.
    pub fn moments_margin(&self) -> Result<ReleaseMargin, EncryptedError> {
        let MlpEncryption {
            params, lambda_s, ..
        } = &self.encryption;
        let top = self.level(LEVELS);
        Ok(statistics::margin(params, self.rows.len(), top, *lambda_s)?)
    }

    /// The release of the model: one ciphertext per group of weights, once.
    pub fn release_margin(&self) -> ReleaseMargin {
        let model = NoiseModel::collective(&self.encryption.params, self.rows.len() as u32);
        let scale = self.weight_scale() * f64::from(self.raise_bits()).exp2();
        let message = Message::bounded(f64::from(VALUE_BITS).exp2());
        let top = self.top();
        let raised: Tracked<ProvenNoise> =
            Tracked::encoded(&model.of_encoded_messages(), message, top, scale).refresh(top);
        let count = self.weight_ciphertexts() as u64;
        ReleaseMargin::new(&raised, self.encryption.lambda_s, count)
    }
}

/// The least D for which D·μ is an integer: Nesterov's point D(1+μ)·w − Dμ·w⁻ then takes integers, and no level.
pub(super) fn shrink(momentum: StepMomentum) -> Result<u32, EncryptedError> {
    let StepMomentum::Nesterov { mu } = momentum else {
        return Ok(1);
    };
    let whole = |d: &u32| {
        let times = mu * f64::from(*d);
        (times - times.round()).abs() < 1e-9
    };
    let found = (1..=MAX_SHRINK).find(whole);
    let refuse = || {
        let problem = format!("{mu} is no fraction with a denominator up to {MAX_SHRINK}");
        Error::config("momentum", problem, "give μ with at most three decimals")
    };
    Ok(found.ok_or_else(refuse)?)
}

/// What encrypted training cannot do.
pub(super) fn supported(config: &MlpConfig) -> Result<(), EncryptedError> {
    config.validate()?;
    if config.depth() < 2 {
        let remedy = "use a generalised linear model, which is cheaper";
        return Err(Error::config("layers", "there is no hidden layer", remedy).into());
    }
    if config.convolution.is_some() && config.activation.as_quadratic().is_none() {
        let problem = "a convolution's activation is not of degree two with a positive curvature";
        let remedy = "give a + b·u + c·u² with c > 0, or dense layers";
        return Err(Error::config("activation", problem, remedy).into());
    }
    Ok(())
}
