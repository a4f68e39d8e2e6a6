//! Flooding: how wide it must be, and what it leaves of the message.

use super::magnitude::Magnitude;
use super::{Noise, ProvenNoise, Tracked};

/// Flooding noise is uniform on [−2^w, 2^w); this is w.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SmudgingBits(u32);

impl SmudgingBits {
    /// w = λ_s + log2(bound) + log2(coefficients × releases), rounded up: the statistical distance
    /// between flooded results whose noise differs by less than `bound` is below 2^−λ_s over
    /// all coefficients of all releases.
    pub fn covering(log2_bound: f64, lambda_s: u32, coefficients: usize, releases: u64) -> Self {
        let union = (coefficients as f64).log2();
        Self::covering_sum(log2_bound.max(0.0) + union, lambda_s, releases)
    }

    /// The same from a bound on the *sum* of the magnitudes of all coefficients.
    ///
    /// Shifting one uniform value on [−2^w, 2^w) by e has distance |e|/2^(w+1), so the sum is what has to be
    /// covered; a bit remains for the rounding of the message to integers.
    fn covering_sum(log2_sum: f64, lambda_s: u32, releases: u64) -> Self {
        let releases = (releases.max(1) as f64).log2();
        Self((lambda_s as f64 + log2_sum.max(0.0) + releases).ceil() as u32)
    }

    /// A given width.
    pub const fn new(bits: u32) -> Self {
        Self(bits)
    }

    /// w.
    pub const fn bits(self) -> u32 {
        self.0
    }
}

/// The margin of a release: a decryption towards everyone, or an answer to a querier.
///
/// Approximate decryption leaks its noise, and the noise depends on the secret (Li and Micciancio,
/// EUROCRYPT 2021). The flooding is sized against a *proven* bound, for every single party alone, because all
/// others may collude. Multiplying a ciphertext by a constant raises its noise with its scale and gains nothing: what
/// is to be released must have been computed at a scale that leaves that much room.
///
/// ```
/// use tacit_ckks::noise::{Message, NoiseModel, ProvenNoise, ReleaseMargin, Tracked};
/// use tacit_ckks::{Parameters, Preset};
/// use tacit_ring::RingKind;
///
/// let params = Parameters::new(&Preset::N14.literal(RingKind::ConjugateInvariant))?;
/// let model = NoiseModel::collective(&params, 3).of_encoded_messages();
/// let margin = |log_scale: f64, level| {
///     let message = Message::bounded(1.0);
///     let x = Tracked::<ProvenNoise>::encrypt(&model, message, level, log_scale.exp2());
///     ReleaseMargin::new(&x, 64, 1000)
/// };
/// // The noise must be small *against the scale*: 64 bits and more below the precision wanted.
/// assert!(margin(125.0, 3).fits() && margin(125.0, 3).precision_bits() > 12.0);
/// assert!(!margin(40.0, 3).fits());
/// # Ok::<(), tacit_ckks::CkksError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReleaseMargin {
    smudging: SmudgingBits,
    precision_bits: f64,
    headroom_bits: f64,
    lambda_s: u32,
    releases: u64,
}

impl ReleaseMargin {
    /// For one of `releases` releases of the plan, hidden with statistical distance 2^−λ_s over
    /// all of them (to which the failure 2^-λ of the bound itself adds).
    pub fn new(ciphertext: &Tracked<ProvenNoise>, lambda_s: u32, releases: u64) -> Self {
        let model = ciphertext.model();
        let sum = ciphertext.noise().log2_sum(model);
        let smudging = SmudgingBits::covering_sum(sum, lambda_s, releases);
        let released = ciphertext.switch_to_public(smudging);
        let largest = Magnitude::from_log2(released.log2_message())
            + Magnitude::from_log2(released.noise().log2_bound());
        let modulus = model.params().log2_q(ciphertext.level());
        let flood = super::HeuristicNoise::flooding(model, smudging, model.parties());
        Self {
            smudging,
            precision_bits: ciphertext.scale().log2() - flood.log2_slot_deviation(model),
            headroom_bits: modulus - 1.0 - largest.log2(),
            lambda_s,
            releases,
        }
    }

    /// The width every party floods with.
    pub fn smudging(&self) -> SmudgingBits {
        self.smudging
    }

    /// What the flooding of all parties leaves: −log2 of the standard deviation of the slots' error.
    pub fn precision_bits(&self) -> f64 {
        self.precision_bits
    }

    /// Bits between message and flooding together and half of the modulus; negative when they
    /// wrap around.
    pub fn headroom_bits(&self) -> f64 {
        self.headroom_bits
    }

    /// Whether the release decrypts, and to something: there is room in the modulus, and some precision is
    /// left.
    pub fn fits(&self) -> bool {
        self.headroom_bits >= 0.0 && self.precision_bits > 0.0
    }

    /// The λ_s asked for.
    pub fn lambda_s(&self) -> u32 {
        self.lambda_s
    }

    /// The number of releases it is shared by.
    pub fn releases(&self) -> u64 {
        self.releases
    }
}
