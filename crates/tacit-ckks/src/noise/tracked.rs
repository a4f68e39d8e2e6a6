//! A ciphertext without its content: message size, noise, scale and level, followed through a circuit.

use super::estimate::{Noise, Size};
use super::magnitude::Magnitude;
use super::model::{HALF, KeyKind, NoiseModel, ROUNDOFF};
use super::{HeuristicNoise, ProvenNoise, SmudgingBits};
use crate::CkksError;
use crate::evaluator::same_scale;

/// Size of the values in the slots, unscaled.
///
/// *All* slots count, those that hold garbage too.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Message {
    /// No slot exceeds this in magnitude. Proven bounds rest on it.
    pub bound: f64,
    /// Root mean square over the slots. Heuristic estimates use it.
    pub rms: f64,
}

impl Message {
    /// Only a bound is known.
    pub fn bounded(bound: f64) -> Self {
        let bound = bound.abs();
        Self { bound, rms: bound }
    }

    /// Of known values, one per slot, missing ones zero.
    pub fn of(values: &[f64], slots: usize) -> Self {
        let bound = values.iter().fold(0.0f64, |acc, x| acc.max(x.abs()));
        let squares: f64 = values.iter().map(|x| x * x).sum();
        let rms = (squares / slots.max(values.len()).max(1) as f64).sqrt();
        Self { bound, rms }
    }

    fn plus(self, other: Self) -> Self {
        let bound = self.bound + other.bound;
        let rms = self.rms + other.rms;
        Self { bound, rms }
    }

    fn times(self, other: Self) -> Self {
        let bound = self.bound * other.bound;
        let rms = self.rms * other.rms;
        Self { bound, rms }
    }

    fn scaled(self, scale: f64) -> Size {
        let bound = Magnitude::of(self.bound) * scale;
        let rms = Magnitude::of(self.rms) * scale;
        Size { bound, rms }
    }
}

/// What is known of a ciphertext before it exists.
///
/// Each operation of the [`Evaluator`](crate::Evaluator) has its counterpart here, with the same
/// errors for levels and scales that do not match. The error meant is that of the decrypted polynomial against
/// the scaled exact message, encoding included.
///
/// ```
/// use tacit_ckks::noise::{HeuristicNoise, Message, NoiseModel, Tracked};
/// use tacit_ckks::{Parameters, Preset};
/// use tacit_ring::RingKind;
///
/// let params = Parameters::new(&Preset::N14.literal(RingKind::ConjugateInvariant))?;
/// let model = NoiseModel::collective(&params, 10);
/// let x = Tracked::<HeuristicNoise>::encrypt(&model, Message::bounded(1.0), 7, params.scale());
/// let y = x.mul(&x)?.relinearise_rescale()?.rotate();
/// assert!(y.precision_bits() > 18.0 && y.precision_bits() < x.precision_bits());
/// # Ok::<(), tacit_ckks::CkksError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Tracked<N: Noise> {
    model: NoiseModel,
    message: Message,
    noise: N,
    scale: f64,
    level: usize,
    polynomials: usize,
}

impl<N: Noise> Tracked<N> {
    /// Encryption under the public key.
    pub fn encrypt(model: &NoiseModel, message: Message, level: usize, scale: f64) -> Self {
        let fresh = N::public_encryption(model, model.parties(), 1);
        Self::encoded(model, message, level, scale).noisier(fresh)
    }

    /// Secret-key encryption: one Gaussian error.
    pub fn encrypt_seeded(model: &NoiseModel, message: Message, level: usize, scale: f64) -> Self {
        Self::encoded(model, message, level, scale).noisier(N::gaussian(model, 1))
    }

    /// An encoded message with the error of its encoding; a plaintext, or a ciphertext without noise.
    pub fn encoded(model: &NoiseModel, message: Message, level: usize, scale: f64) -> Self {
        let out = Self {
            message,
            ..Self::zero(model, level, scale)
        };
        if model.messages_are_encoded() {
            // Rounding may enlarge the message, by half a unit in each coefficient.
            let rounding = model.unfolded() * HALF / scale;
            let bound = message.bound * (1.0 + 20.0 * ROUNDOFF * model.layers()) + rounding;
            return out.with_message(Message { bound, ..message });
        }
        out.noisier(N::rounding(model).plus(N::transform(model, message.scaled(scale))))
    }

    /// The start of a sum: zero, without noise.
    pub fn zero(model: &NoiseModel, level: usize, scale: f64) -> Self {
        Self {
            model: model.clone(),
            message: Message::bounded(0.0),
            noise: N::none(),
            scale,
            level,
            polynomials: 2,
        }
    }

    /// The model.
    pub fn model(&self) -> &NoiseModel {
        &self.model
    }

    /// Size of the message.
    pub fn message(&self) -> Message {
        self.message
    }

    /// The noise.
    pub fn noise(&self) -> &N {
        &self.noise
    }

    /// The scale.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// The level.
    pub fn level(&self) -> usize {
        self.level
    }

    /// log2 of a bound on the scaled message's coefficients and slots.
    pub fn log2_message(&self) -> f64 {
        self.size().bound.log2()
    }

    /// Replaces the size of the message by one known better, e.g. the range of an activation.
    pub fn with_message(mut self, message: Message) -> Self {
        self.message = message;
        self
    }

    /// Declares another scale: the same polynomials then hold the message times the old scale over the new one.
    pub fn with_scale(mut self, scale: f64) -> Self {
        let factor = Message::bounded(self.scale / scale);
        self.message = self.message.times(factor);
        self.scale = scale;
        self
    }

    fn size(&self) -> Size {
        self.message.scaled(self.scale)
    }

    fn noisier(mut self, noise: N) -> Self {
        self.noise = self.noise.plus(noise);
        self
    }

    /// The scale is a floating-point number, rounded whenever it changes.
    fn rescaled(mut self, scale: f64) -> Self {
        self.scale = scale;
        let size = self.size();
        self.misrepresented(size, 2.0 * ROUNDOFF)
    }

    /// The message is not quite the one meant: it is off by a fraction of something of the given size.
    fn misrepresented(mut self, size: Size, fraction: f64) -> Self {
        if self.model.messages_are_encoded() {
            let fraction = Magnitude::of(fraction) / Magnitude::of(self.scale);
            self.message.bound += (size.bound * fraction).log2().exp2();
            return self;
        }
        let error = N::of_message(&self.model, size, fraction);
        self.noisier(error)
    }

    /// a + b; also a − b, and sums with plaintexts ([`Self::encoded`]).
    pub fn add(&self, other: &Self) -> Result<Self, CkksError> {
        same_scale("add", self.scale, other.scale)?;
        // Equal up to a tolerance: the message of `other` is read at this scale.
        let mismatch = (other.scale / self.scale - 1.0).abs();
        let mut out = self.clone().noisier(other.noise);
        out.message = self.message.plus(other.message);
        let mut out = out.misrepresented(other.message.scaled(self.scale), mismatch);
        out.level = self.level.min(other.level);
        out.polynomials = self.polynomials.max(other.polynomials);
        Ok(out)
    }

    /// a plus the same value in every slot.
    pub fn add_constant(&self, value: f64) -> Self {
        let error = rounding_of(value * self.scale);
        let one = Message::bounded(1.0).scaled(1.0);
        let mut out = self.clone().noisier(N::of_message(&self.model, one, error));
        out.message = self.message.plus(Message::bounded(value));
        out
    }

    /// a times a plaintext; the scales multiply.
    pub fn mul_plain(&self, plain: &Self) -> Result<Self, CkksError> {
        self.product(plain, "multiply by plaintext")
    }

    /// a times a constant encoded at `scale`.
    pub fn mul_constant(&self, value: f64, scale: f64) -> Result<Self, CkksError> {
        self.check_scale("multiply by constant", self.scale * scale, self.level)?;
        let constant = value * scale;
        let error = rounding_of(constant);
        let mut out = self.clone();
        out.noise = self.noise.scaled(Magnitude::of(constant.abs() + error));
        out.message = self.message.times(Message::bounded(value));
        let out = out.rescaled(self.scale * scale);
        Ok(out.misrepresented(self.size(), error))
    }

    /// a·b, three polynomials.
    pub fn mul(&self, other: &Self) -> Result<Self, CkksError> {
        self.linear("multiply")?;
        other.linear("multiply")?;
        let mut out = self.product(other, "multiply")?;
        out.polynomials = 3;
        Ok(out)
    }

    fn product(&self, other: &Self, operation: &'static str) -> Result<Self, CkksError> {
        let (level, scale) = (self.level.min(other.level), self.scale * other.scale);
        self.check_scale(operation, scale, level)?;
        let mut out = self.clone();
        out.noise = (self.noise.times_message(other.size()))
            .plus(other.noise.times_message(self.size()))
            .plus(self.noise.times(&self.model, other.noise));
        out.message = self.message.times(other.message);
        out.level = level;
        Ok(out.rescaled(scale))
    }

    /// From three polynomials to two.
    pub fn relinearise(&self) -> Result<Self, CkksError> {
        Ok(self.relinearised()?.divided(2))
    }

    /// Relinearisation and rescaling with one division.
    pub fn relinearise_rescale(&self) -> Result<Self, CkksError> {
        self.relinearised()?.rescale()
    }

    fn relinearised(&self) -> Result<Self, CkksError> {
        if self.polynomials != 3 {
            return Err(CkksError::Degree {
                operation: "relinearise",
                needed: 3,
                found: self.polynomials,
            });
        }
        let switching = N::key_switching(&self.model, self.level, KeyKind::Relinearisation);
        let mut out = self.clone().noisier(switching);
        out.polynomials = 2;
        Ok(out)
    }

    /// a·b, relinearised and rescaled.
    pub fn mul_rescale(&self, other: &Self) -> Result<Self, CkksError> {
        self.mul(other)?.relinearise_rescale()
    }

    /// Division by the last prime. After [`Self::rotate_extended`] and the like this is the division by the special
    /// primes too.
    pub fn rescale(&self) -> Result<Self, CkksError> {
        if self.level == 0 {
            return Err(CkksError::Level {
                operation: "rescale",
                needed: 1,
                found: 0,
            });
        }
        let q = self.model.params().q_at(self.level);
        let mut out = self.clone();
        out.noise = self.noise.scaled(Magnitude::ONE / Magnitude::of(q));
        out.level -= 1;
        Ok(out.rescaled(self.scale / q).divided(self.polynomials))
    }

    fn divided(self, polynomials: usize) -> Self {
        let rounding = N::division(&self.model, polynomials);
        self.noisier(rounding)
    }

    /// Any rotation, also conjugation and a switch to another key with the same kind of errors.
    pub fn rotate(&self) -> Self {
        self.rotate_extended().reduce()
    }

    /// A rotation without the division by the special primes.
    pub fn rotate_extended(&self) -> Self {
        let switching = N::key_switching(&self.model, self.level, KeyKind::Galois);
        self.clone().noisier(switching)
    }

    /// The division by the special primes.
    pub fn reduce(&self) -> Self {
        self.clone().divided(2)
    }

    /// Forgets primes.
    pub fn drop_to_level(&self, level: usize) -> Result<Self, CkksError> {
        if level > self.level {
            return Err(CkksError::Level {
                operation: "drop level",
                needed: level,
                found: self.level,
            });
        }
        self.check_scale("drop level", self.scale, level)?;
        let mut out = self.clone();
        out.level = level;
        Ok(out)
    }

    /// The refresh protocol: the message *and its noise* are carried over, and every party adds one
    /// error on the way down and one on the way up.
    pub fn refresh(&self, level: usize) -> Self {
        let error = N::gaussian(&self.model, self.model.parties());
        let mut out = self.clone().noisier(error).noisier(error);
        out.level = level;
        out
    }

    /// A fresh encryption of zero is added, and flooding where asked for.
    pub fn rerandomise(&self, flooding: Option<SmudgingBits>) -> Self {
        let zero = N::public_encryption(&self.model, self.model.parties(), 1);
        let out = self.clone().noisier(zero);
        match flooding {
            Some(bits) => out.noisier(N::flooding(&self.model, bits, 1)),
            None => out,
        }
    }

    /// Decryption for everyone, or a switch to a key of the same parties: each floods.
    pub fn release(&self, flooding: SmudgingBits) -> Self {
        let flood = N::flooding(&self.model, flooding, self.model.parties());
        self.clone().noisier(flood)
    }

    /// Switch to the public key of one querier: each party floods and encrypts.
    pub fn switch_to_public(&self, flooding: SmudgingBits) -> Self {
        let fresh = N::public_encryption(&self.model, 1, self.model.parties());
        self.release(flooding).noisier(fresh)
    }

    fn linear(&self, operation: &'static str) -> Result<(), CkksError> {
        match self.polynomials {
            2 => Ok(()),
            found => Err(CkksError::Degree {
                operation,
                needed: 2,
                found,
            }),
        }
    }

    fn check_scale(
        &self,
        operation: &'static str,
        scale: f64,
        level: usize,
    ) -> Result<(), CkksError> {
        let modulus = self.model.params().log2_q(level);
        if scale.log2() + 1.0 < modulus {
            return Ok(());
        }
        Err(CkksError::ScaleOverflow {
            operation,
            scale: scale.log2(),
            modulus,
        })
    }
}

/// |round(x) − x|, with the error that x itself may carry.
fn rounding_of(x: f64) -> f64 {
    (x.round() - x).abs() + x.abs() * ROUNDOFF
}

impl Tracked<HeuristicNoise> {
    /// −log2 of the standard deviation of the slots' error.
    pub fn precision_bits(&self) -> f64 {
        self.scale.log2() - self.noise.log2_slot_deviation(&self.model)
    }

    /// log2 of the probability that decryption fails: that some coefficient of message and noise
    /// leaves (−Q/2, Q/2) and wraps around. Zero when the message alone may.
    ///
    /// The noise counts as Gaussian with the estimated deviation, the message as
    /// its bound; a union is taken over the coefficients.
    pub fn log2_decryption_failure(&self) -> f64 {
        let half = Magnitude::from_log2(self.model.params().log2_q(self.level) - 1.0);
        let room = half.saturating_sub(self.size().bound);
        let t = (room.log2() - self.noise.log2_deviation()).exp2();
        // Mills: P(|Z| > t) < 2·exp(−t²/2)/(t√(2π)).
        let tail = 1.0
            - t * t / 2.0 * std::f64::consts::LOG2_E
            - (t * std::f64::consts::TAU.sqrt()).log2();
        (self.model.n().log2() + tail).min(0.0)
    }
}

impl Tracked<ProvenNoise> {
    /// −log2 of the largest error of any slot.
    pub fn guaranteed_precision_bits(&self) -> f64 {
        self.scale.log2() - self.noise.log2_slot_bound(&self.model)
    }
}
