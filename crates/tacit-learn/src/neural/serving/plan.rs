//! Levels, scales, masks and flooding of predictions, on the parameters and keys of the training.
//!
//! With T the top level and Δ the scale of the trained weights, about the size of the primes q_T, q_{T−1}, q_{T−2}:
//!
//! ```text
//! query, activations   T, 2^t    ·W_l at 2^w, divided by q_T and q_{T−1}   → T−2, 2^t    refresh → T
//! predictors           T, 2^t    act, divided by q_T and q_{T−1}           → T−2, 2^t    refresh → T
//! last activations     T, 2^a    ·W_L at 2^b, not divided                  → T, 2^(a+b)  flooded, to the querier
//! ```
//!
//! t and w are as high as the masks allow at level T−2 (about 80 bits, twice the training's), because a refresh carries the
//! noise of what it refreshes over into the message, where no later flooding counts it as noise; a and b share the
//! modulus of level T, so that the last product can be flooded by λ_s bits.

use tacit_ckks::CkksError;
use tacit_ckks::noise::{
    HeuristicNoise, Message, NoiseModel, ProvenNoise, ReleaseMargin, SmudgingBits, Tracked,
};
use tacit_mhe::MaskBits;

use super::super::MlpConfig;
use super::super::encrypted::{MlpEncryption, MlpPlan, VALUE_BITS};
use super::super::packed::{ColumnLayout, PredictionLayout};
use crate::Error;
use crate::encrypted::EncryptedError;

/// log2 of the largest input of a query.
pub const INPUT_BITS: u32 = VALUE_BITS;

/// log2 of the largest activation and of the largest weight of the last layer that the flooding allows for.
const ACTIVATION_BITS: u32 = 5;
const WEIGHT_BITS: u32 = 2;

/// Fewest bits that flooding must leave of an answer.
const MIN_PRECISION_BITS: f64 = 8.0;

/// Steps of the transposition of the first layer's blocks: two bits each.
const SWAP_BITS: u32 = 2;

/// What all parties agreed on for answering queries. Public.
#[derive(Debug, Clone)]
pub struct ServingPlan {
    /// The network.
    pub config: MlpConfig,
    /// The packing of queries.
    pub layout: PredictionLayout,
    /// The training's encryption, with masks for serving.
    pub encryption: MlpEncryption,
    /// Number of parties.
    pub parties: usize,
    /// Most answers: ciphertexts that queriers are given, over all sessions.
    pub max_answers: usize,
    /// Packing of the trained first layer.
    pub(super) trained: ColumnLayout,
    pub(super) quadratic: (f64, f64, f64),
    /// Δ, or a fraction of it.
    pub(super) weight_scale: f64,
    /// t.
    carry_bits: u32,
    /// log2 of the largest scale of the last layer's factors.
    answer_bits: u32,
    smudging: SmudgingBits,
}

impl ServingPlan {
    /// For a trained network, and at most `max_answers` answers.
    pub fn new(training: &MlpPlan, max_answers: usize) -> Result<Self, EncryptedError> {
        let config = training.config.clone();
        let Some(quadratic) = config.activation.as_quadratic() else {
            return Err(Error::config(
                "activation",
                "encrypted prediction needs a + b·u + c·u² with c > 0",
                "fit degree 2 to a curve that is not odd",
            )
            .into());
        };
        if training.top() != training.encryption.refresh_level + 3 {
            return Err(Error::config(
                "head",
                "predictions need the levels of a training with a quadratic activation and squared errors",
                "set `head = \"squared-error\"`",
            )
            .into());
        }
        if max_answers == 0 {
            return Err(Error::config(
                "max_answers",
                "0 answers need no serving",
                "allow at least one, or do not serve",
            )
            .into());
        }
        let layout = PredictionLayout::new(&config)?;
        let mut plan = Self {
            layout,
            encryption: training.encryption.clone(),
            parties: training.rows.len(),
            max_answers,
            trained: training.layout,
            weight_scale: training.weight_scale(),
            quadratic,
            carry_bits: 0,
            answer_bits: 0,
            smudging: SmudgingBits::new(0),
            config,
        };
        plan.choose_carry()?;
        plan.choose_answer()?;
        Ok(plan)
    }

    fn refused(&self) -> EncryptedError {
        EncryptedError::NoParameters {
            levels: 3,
            slots: self.config.slots,
            parties: self.parties,
            lambda_s: self.encryption.lambda_s,
        }
    }

    /// The highest scale that can be refreshed at T−2 and that an activation leads back to.
    fn choose_carry(&mut self) -> Result<(), EncryptedError> {
        let params = &self.encryption.params;
        let (have, slots) = (params.log2_q(self.level(2)), self.config.slots);
        let refreshes = self.max_answers * self.refreshes() + self.conversions();
        let lambda_s = self.encryption.lambda_s;
        // Half a bit: primes are not quite the scale.
        let mask = |bits: u32| {
            let message = f64::from(bits + VALUE_BITS) + 0.5;
            MaskBits::hiding(message, lambda_s, slots, refreshes as u64)
        };
        let divisor = self.divisor().log2() + self.quadratic.2.log2();
        let fits =
            |bits: u32| mask(bits).modulus_bits(self.parties) <= have && f64::from(bits) <= divisor;
        let lowest = self.weight_scale.log2() as u32;
        let bits = (lowest..=2 * lowest).rev().find(|&bits| fits(bits));
        self.carry_bits = bits.ok_or_else(|| self.refused())?;
        self.encryption.mask = mask(self.carry_bits);
        Ok(())
    }

    /// The highest scales of the last factors that leave room for the flooding.
    fn choose_answer(&mut self) -> Result<(), EncryptedError> {
        let most = self.encryption.params.log2_q(self.level(0)) as u32 / 2;
        for bits in (self.carry_bits..most).rev() {
            self.answer_bits = bits;
            match self.answer_margin() {
                Ok(margin) if margin.headroom_bits() >= 1.0 => {
                    self.smudging = margin.smudging();
                    return match margin.precision_bits() >= MIN_PRECISION_BITS {
                        true => Ok(()),
                        false => Err(self.refused()),
                    };
                }
                Ok(_) | Err(CkksError::ScaleOverflow { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(self.refused())
    }

    /// The level `below` T.
    pub(super) fn level(&self, below: usize) -> usize {
        self.encryption.params.max_level() - below
    }

    pub(super) fn q(&self, below: usize) -> f64 {
        self.encryption.params.q_at(self.level(below))
    }

    /// What products are divided by before a refresh.
    fn divisor(&self) -> f64 {
        self.q(0) * self.q(1)
    }

    /// Level of queries.
    pub fn query_level(&self) -> usize {
        self.level(0)
    }

    /// Scale of queries.
    pub fn query_scale(&self) -> f64 {
        f64::from(self.carry_bits).exp2()
    }

    /// Rounds of refreshes of a query: one for predictors, one for activations of every hidden layer.
    pub fn refreshes(&self) -> usize {
        2 * (self.config.depth() - 1)
    }

    /// Refreshes that bring a trained model into the packing of predictions.
    pub(super) fn conversions(&self) -> usize {
        let first = self.trained.first_ciphertexts() * self.swaps().len() + self.layout.pieces();
        first + self.config.depth() - 1
    }

    /// The bits that each step of the transposition of blocks swaps.
    pub(super) fn swaps(&self) -> Vec<usize> {
        let bits = self.layout.columns().height().trailing_zeros();
        (0..bits)
            .step_by(SWAP_BITS as usize)
            .map(|from| (from..bits.min(from + SWAP_BITS)).fold(0, |mask, b| mask | 1 << b))
            .collect()
    }

    /// Scales of predictors and activations of the hidden layers, as they come to their refreshes; and the power
    /// of two that each refresh raises them by.
    pub(super) fn stages(&self) -> Vec<Stage> {
        let (_, _, c) = self.quadratic;
        let mut out = Vec::new();
        let weights = self.hidden_weights().raised();
        let mut scale = self.query_scale();
        for layer in 1..self.config.depth() {
            let last = layer + 1 == self.config.depth();
            let predictors = Stage::new(scale * weights / self.divisor(), self.carry_bits);
            let u = predictors.raised();
            let most = if last {
                self.answer_bits
            } else {
                self.carry_bits
            };
            let activations = Stage::new(u * (u / c) / self.divisor(), most);
            scale = activations.raised();
            out.extend([predictors, activations]);
        }
        out
    }

    /// The power of two that the weights of all layers but the last are raised by: to what products are divided by.
    pub(super) fn hidden_weights(&self) -> Stage {
        Stage::new(self.weight_scale, self.divisor().log2() as u32)
    }

    /// The power of two that the last layer's weights are raised by. The noise of either factor is multiplied by the
    /// other one: with the smaller values, weights take the larger scale.
    pub(super) fn last_weights(&self) -> Stage {
        let most = self.answer_bits + ACTIVATION_BITS - WEIGHT_BITS;
        Stage::new(self.weight_scale, most)
    }

    /// Width of the flooding of every answer.
    pub(super) fn smudging(&self) -> SmudgingBits {
        self.smudging
    }

    /// Flooding of the answers, against the proven noise of the last layer.
    pub fn answer_margin(&self) -> Result<ReleaseMargin, CkksError> {
        let model = self.noise_model().of_encoded_messages();
        let output = self.answer_noise::<ProvenNoise>(&model)?;
        let (answers, lambda_s) = (self.max_answers as u64, self.encryption.lambda_s);
        Ok(ReleaseMargin::new(&output, lambda_s, answers))
    }

    fn noise_model(&self) -> NoiseModel {
        NoiseModel::collective(&self.encryption.params, self.parties as u32)
    }

    /// The last layer on exact activations.
    fn answer_noise<N: tacit_ckks::noise::Noise>(
        &self,
        model: &NoiseModel,
    ) -> Result<Tracked<N>, CkksError> {
        let top = self.level(0);
        let fresh = |bits: u32, scale: f64| {
            let message = Message::bounded(f64::from(bits).exp2());
            Tracked::<N>::encoded(model, message, top, scale).refresh(top)
        };
        let activations = self.stages().last().map_or(1.0, Stage::raised);
        self.layer(
            &fresh(ACTIVATION_BITS, activations),
            &fresh(WEIGHT_BITS, self.last_weights().raised()),
            1,
        )
    }

    /// A layer's sum of products, before it is divided.
    fn layer<N: tacit_ckks::noise::Noise>(
        &self,
        batch: &Tracked<N>,
        weights: &Tracked<N>,
        pieces: usize,
    ) -> Result<Tracked<N>, CkksError> {
        let columns = self.layout.columns();
        let split = columns.hidden_split();
        let product = batch.rotate().mul(&weights.rotate().rotate())?;
        let message = Message {
            bound: f64::from(VALUE_BITS).exp2(),
            rms: 1.0,
        };
        let sum = |term: &Tracked<N>, count: usize| {
            let more = (1..count).try_fold(term.clone(), |sum, _| sum.add(term))?;
            Ok::<_, CkksError>(more.with_message(message))
        };
        let inner = sum(&product, pieces * split.baby)?.relinearise()?.rotate();
        sum(&inner, split.giant)
    }

    /// By how many bits the flooding of an answer exceeds the noise that refreshes have carried into the message,
    /// typically: the noise of the query and of everything computed before the last refresh.
    pub fn carried_margin_bits(&self) -> Result<f64, CkksError> {
        let message = |rms: f64| Message {
            bound: f64::from(VALUE_BITS).exp2(),
            rms,
        };
        let top = self.level(0);
        // The model as it is; its rotations are not.
        let weights = |stage: Stage| {
            let model = self.noise_model().of_encoded_messages();
            Tracked::<HeuristicNoise>::encoded(&model, message(0.25), top, stage.raised())
        };
        let mut batch = Tracked::encrypt(
            &self.noise_model().of_encoded_messages(),
            message(1.0),
            top,
            self.query_scale(),
        );
        let stages = self.stages();
        for (k, pair) in stages.chunks_exact(2).enumerate() {
            let pieces = if k == 0 { self.layout.pieces() } else { 1 };
            let product = self.layer(&batch, &weights(self.hidden_weights()), pieces)?;
            let above = product.rescale()?.rescale()?;
            let u = raised(&above.refresh(top), pair[0].bits)?;
            let squared = u.mul(&u)?.relinearise_rescale()?.rescale()?;
            let out = squared.with_message(message(1.0)).refresh(top);
            batch = raised(&out, pair[1].bits)?;
        }
        let output = self.layer(&batch, &weights(self.last_weights()), 1)?;
        Ok(output.precision_bits() - self.answer_margin()?.precision_bits())
    }
}

fn raised(x: &Tracked<HeuristicNoise>, bits: u32) -> Result<Tracked<HeuristicNoise>, CkksError> {
    x.mul_constant(1.0, f64::from(bits).exp2())
}

/// What comes to a refresh.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stage {
    /// Scale before.
    pub scale: f64,
    /// log2 of what it is multiplied by.
    pub bits: u32,
}

impl Stage {
    /// Raised to at most 2^`most`.
    fn new(scale: f64, most: u32) -> Self {
        let bits = (f64::from(most) - scale.log2()).floor().max(0.0) as u32;
        Self { scale, bits }
    }

    pub fn raised(&self) -> f64 {
        self.scale * f64::from(self.bits).exp2()
    }
}
