//! Choosing the encryption parameters of a training: the smallest ring, the highest precision that fits.
//!
//! Per iteration the weights travel down from the top level to the *refresh level*, whose modulus must
//! hold the refresh masks ([`MaskBits`]); the primes above it carry one rescale each, at the size of the
//! scale. With λ_s the statistical security, |x'| < 2^w the bound on weights and Δ = 2^σ:
//!
//! ```text
//! log2 Q_refresh ≥ λ_s + (σ + w) + log2(coefficients · refreshes) + log2(parties) + 2
//! log2 Q_top     = log2 Q_refresh + levels · σ
//! log2 Q_top + log2 P ≤ the security table's row
//! ```

use tacit_ckks::{Parameters, ParametersLiteral};
use tacit_mhe::MaskBits;
use tacit_ring::RingKind;
use tacit_session::plan::{self, Plan};

use super::EncryptedError;
use crate::model::GlmConfig;
use crate::packing::{Cost, GradientForm};

/// Bits of the special modulus' primes.
const SPECIAL_BITS: u32 = 50;

/// log2 of the largest weight (and noise in unused slots) that refreshing allows for.
pub const WEIGHT_BITS: u32 = 5;

/// Lowest precision worth training with.
const MIN_SCALE_BITS: u32 = 30;

/// Highest: more precision than the polynomial activation can use.
const MAX_SCALE_BITS: u32 = 46;

/// The tighter row of the published 128-bit tables for the degrees used here, and the number of special primes.
const CANDIDATES: [(u32, u32, usize); 2] = [(14, 430, 2), (15, 868, 4)];

/// Bits of a query's scale beside the flooding: some twenty for the noise of an answer, the others for its precision.
const ANSWER_BITS: u32 = 60;

/// A validated parameter set with the levels that training under it passes through.
#[derive(Debug, Clone)]
pub struct EncryptionPlan {
    /// The parameters.
    pub params: Parameters,
    /// Level at which weights are refreshed.
    pub refresh_level: usize,
    /// Width of the refresh masks.
    pub mask: MaskBits,
    /// Statistical security of masks and flooding.
    pub lambda_s: u32,
    /// Number of parties.
    pub parties: usize,
    /// t, where the plan can be gone on with by so many of the parties.
    pub threshold: Option<u32>,
}

/// By how much a plan with a threshold may repeat refreshes: whenever a session goes on without somebody, the
/// interrupted one is made again, and masks hide all of them.
pub(super) const REFRESHES_OF_THRESHOLD: usize = 2;

impl EncryptionPlan {
    /// The cheapest set for a training among `parties` parties.
    pub fn choose(
        config: &GlmConfig,
        parties: usize,
        lambda_s: u32,
    ) -> Result<Self, EncryptedError> {
        Self::choose_among(
            &CANDIDATES,
            config,
            parties,
            lambda_s,
            None,
            Parameters::new,
        )
    }

    /// The set of a plan: chosen, or as the plan spells it out.
    ///
    /// # Errors
    /// If there is none, or the sub-shares of a plan with a threshold exceed the plan's payloads.
    pub fn agreed(plan: &Plan, config: &GlmConfig) -> Result<Self, EncryptedError> {
        let agreed = Self::agreed_set(plan, config)?;
        let (needed, limit) = (agreed.threshold_bytes(), plan.limits.max_payload_bytes);
        if needed > limit {
            let problem = format!(
                "{limit} bytes, but the sub-shares of {} parties take {needed}; raise it, or leave `threshold` out",
                agreed.parties
            );
            let what = "limits.max_payload_bytes";
            return Err(EncryptedError::Message { what, problem });
        }
        Ok(agreed)
    }

    fn agreed_set(plan: &Plan, config: &GlmConfig) -> Result<Self, EncryptedError> {
        let (parties, lambda) = (plan.parties.len(), plan.security.statistical_bits);
        let threshold = plan.threshold.map(|threshold| u32::from(threshold.t));
        match &plan.parameters {
            plan::Parameters::Choose => {
                let make = Parameters::new;
                Self::choose_among(&CANDIDATES, config, parties, lambda, threshold, make)
            }
            plan::Parameters::Explicit(given) => {
                let literal = ParametersLiteral {
                    kind: match given.ring {
                        plan::RingKind::Standard => RingKind::Standard,
                        plan::RingKind::ConjugateInvariant => RingKind::ConjugateInvariant,
                    },
                    log_n: given.log_n,
                    q_bits: given.q_bits.clone(),
                    p_bits: given.p_bits.clone(),
                    log_scale: given.scale_bits,
                };
                Self::given(config, parties, lambda, threshold, &literal)
            }
        }
    }

    /// A small plan **without any security**, for fast tests: the same levels and sizes over a ring
    /// as small as the configuration's slots. Only exists under the feature `insecure-toy-parameters`.
    #[cfg(feature = "insecure-toy-parameters")]
    pub fn insecure_toy(config: &GlmConfig, parties: usize) -> Result<Self, EncryptedError> {
        Self::toy(config, parties, None)
    }

    /// The same for a plan that `threshold` of the parties can go on with. Only exists under the feature
    /// `insecure-toy-parameters`.
    #[cfg(feature = "insecure-toy-parameters")]
    pub fn insecure_toy_threshold(
        config: &GlmConfig,
        parties: usize,
        threshold: u32,
    ) -> Result<Self, EncryptedError> {
        Self::toy(config, parties, Some(threshold))
    }

    #[cfg(feature = "insecure-toy-parameters")]
    fn toy(
        config: &GlmConfig,
        parties: usize,
        threshold: Option<u32>,
    ) -> Result<Self, EncryptedError> {
        let log_n = config.slots.trailing_zeros();
        let (candidates, make) = ([(log_n, 430, 2)], Parameters::insecure_toy);
        Self::choose_among(&candidates, config, parties, 64, threshold, make)
    }

    fn choose_among(
        candidates: &[(u32, u32, usize)],
        config: &GlmConfig,
        parties: usize,
        lambda_s: u32,
        threshold: Option<u32>,
        make: impl Fn(&ParametersLiteral) -> Result<Parameters, tacit_ckks::CkksError>,
    ) -> Result<Self, EncryptedError> {
        let levels = levels(config)?;
        for &(log_n, limit, special) in candidates {
            let slots = RingKind::ConjugateInvariant.slots(log_n);
            if slots != config.slots {
                continue;
            }
            let mask = |scale: u32| {
                let message = f64::from(scale + WEIGHT_BITS);
                MaskBits::hiding(message, lambda_s, slots, refreshes(config, threshold))
            };
            let budget = limit - special as u32 * SPECIAL_BITS;
            let fits = |scale: u32| {
                let base = mask(scale).modulus_bits(parties).ceil() as u32 + 1;
                (base + levels as u32 * scale <= budget).then_some((scale, base))
            };
            let Some((scale, base)) = (MIN_SCALE_BITS..=MAX_SCALE_BITS).rev().find_map(fits) else {
                continue;
            };
            let count = base.div_ceil(SPECIAL_BITS - 1);
            let mut q_bits: Vec<u32> = (0..count)
                .map(|k| base / count + u32::from(k < base % count))
                .collect();
            q_bits.extend(std::iter::repeat_n(scale, levels));
            let literal = ParametersLiteral {
                kind: RingKind::ConjugateInvariant,
                log_n,
                q_bits,
                p_bits: vec![SPECIAL_BITS; special],
                log_scale: scale,
            };
            let params = make(&literal)?;
            let refresh_level = count as usize - 1;
            return Ok(Self {
                params,
                refresh_level,
                mask: mask(scale),
                lambda_s,
                parties,
                threshold,
            });
        }
        Err(EncryptedError::NoParameters {
            levels,
            slots: config.slots,
            parties,
            lambda_s,
        })
    }

    /// A set that the plan spells out, if it is secure, deep enough and wide enough for the masks.
    pub fn explicit(
        config: &GlmConfig,
        parties: usize,
        lambda_s: u32,
        literal: &ParametersLiteral,
    ) -> Result<Self, EncryptedError> {
        Self::given(config, parties, lambda_s, None, literal)
    }

    fn given(
        config: &GlmConfig,
        parties: usize,
        lambda_s: u32,
        threshold: Option<u32>,
        literal: &ParametersLiteral,
    ) -> Result<Self, EncryptedError> {
        let params = Parameters::new(literal)?;
        let levels = levels(config)?;
        let slots = params.slots();
        if params.max_level() < levels || slots != config.slots {
            let slots = config.slots;
            return Err(EncryptedError::NoParameters {
                levels,
                slots,
                parties,
                lambda_s,
            });
        }
        let refresh_level = params.max_level() - levels;
        let message = f64::from(literal.log_scale + WEIGHT_BITS);
        let mask = MaskBits::hiding(message, lambda_s, slots, refreshes(config, threshold));
        let (have, need) = (params.log2_q(refresh_level), mask.modulus_bits(parties));
        if have < need {
            return Err(tacit_mhe::MheError::MaskTooNarrow {
                level: refresh_level,
                have,
                need,
                message,
                lambda: lambda_s,
            }
            .into());
        }
        Ok(Self {
            params,
            refresh_level,
            mask,
            lambda_s,
            parties,
            threshold,
        })
    }

    /// Bytes of the list of sealed sub-shares that every party receives; 0 without a threshold. It must fit the plan's
    /// `limits.max_payload_bytes`.
    pub fn threshold_bytes(&self) -> u64 {
        let parties = self.parties as u32;
        let list = |_| tacit_mhe::threshold::Exchange::encoded_len(&self.params, parties);
        self.threshold.map_or(0, list)
    }

    /// The level above the refresh level by the levels of one iteration: where refreshing leads.
    pub fn top_level(&self) -> usize {
        self.params.max_level()
    }

    /// Where the last refresh leads, and queries are encrypted: one level below the top where answers keep enough
    /// precision there. Training multiplies ciphertexts below the top only, so that the relinearisation key and
    /// those of the folds of answers need not reach it.
    pub fn answer_level(&self) -> usize {
        let (top, enough) = (self.top_level(), self.lambda_s + ANSWER_BITS);
        match top.checked_sub(1) {
            Some(below) if self.query_scale_bits_at(below) >= enough => below,
            _ => top,
        }
    }

    /// log2 of the scale of the model after its last refresh and of a query, such that their product, with ten bits for
    /// the predictor, fits the modulus without any rescaling: the wider the gap between
    /// message and noise, the more of the answer survives flooding.
    pub fn query_scale_bits(&self) -> u32 {
        self.query_scale_bits_at(self.answer_level())
    }

    /// The scale itself.
    pub(super) fn query_scale(&self) -> f64 {
        f64::from(self.query_scale_bits()).exp2()
    }

    fn query_scale_bits_at(&self, level: usize) -> u32 {
        ((self.params.log2_q(level) - 12.0) / 2.0).floor() as u32
    }
}

/// Most refreshes of a plan, one per iteration.
fn refreshes(config: &GlmConfig, threshold: Option<u32>) -> u64 {
    let times = threshold.map_or(1, |_| REFRESHES_OF_THRESHOLD);
    (times * config.iterations) as u64
}

/// Levels that one iteration takes.
fn levels(config: &GlmConfig) -> Result<usize, EncryptedError> {
    let degree = config.activation()?.folded().degree();
    Ok(Cost::of(&config.layout()?, degree, GradientForm::Fused).levels())
}
