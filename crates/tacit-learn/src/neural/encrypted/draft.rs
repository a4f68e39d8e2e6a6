//! Plans before their parameters: what a modulus has to hold.

use serde::{Deserialize, Serialize};
use tacit_ckks::{CkksError, Parameters, ParametersLiteral};
use tacit_mhe::MaskBits;

use super::super::packed::{ColumnLayout, ConvolutionLayout};
use super::super::{Head, MlpConfig};
use super::plan::{
    KIND, LEVELS, MlpEncryption, MlpPlan, SPECIAL_BITS, VALUE_BITS, shrink, supported,
};
use super::pointwise::Pointwise;
use crate::encrypted::EncryptedError;

/// What a modulus is made of, besides the base primes that the refresh masks need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ModulusShape {
    /// Special primes: as many ciphertext primes make a key-switching digit.
    pub special: usize,
    /// log2 of Δ and of the primes above the refresh level.
    pub scale_bits: u32,
}

/// The size of a modulus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modulus {
    /// Ciphertext primes.
    pub primes: usize,
    /// log2, special primes included, to be compared with the table of security.
    pub bits: u32,
}

/// A plan before its parameters.
pub(super) struct Draft {
    pub config: MlpConfig,
    layout: ColumnLayout,
    convolution: Option<ConvolutionLayout>,
    pub rows: Vec<usize>,
    lambda_s: u32,
    activation: Pointwise,
    head: Option<Pointwise>,
    /// Levels between two refreshes.
    pub levels: usize,
    shrink: u32,
}

/// The primes up to the refresh level.
pub(super) struct Base {
    mask: MaskBits,
    pub bits: u32,
    pub primes: u32,
}

impl Draft {
    pub fn new(config: MlpConfig, rows: Vec<usize>, lambda_s: u32) -> Result<Self, EncryptedError> {
        supported(&config)?;
        let activation = Pointwise::of(&config.activation);
        let head = match &config.head {
            Head::SquaredError => None,
            Head::CrossEntropy(p) => Some(Pointwise::polynomial(p)),
        };
        let of_head = head.as_ref().map_or(0, |p| p.levels() + 1);
        let levels = LEVELS.max(activation.levels() + 2).max(of_head);
        let convolution = match config.convolution {
            Some(_) => Some(ConvolutionLayout::new(&config, rows.len())?),
            None => None,
        };
        Ok(Self {
            // A convolution is left and reached again without a refresh.
            levels: levels.max(LEVELS + usize::from(convolution.is_some())),
            shrink: shrink(config.momentum)?,
            layout: ColumnLayout::new(&config, rows.len())?,
            convolution,
            activation,
            head,
            config,
            rows,
            lambda_s,
        })
    }

    /// What refresh masks need at a scale.
    pub fn base(&self, scale: u32) -> Base {
        let each = MlpPlan::refreshes(&self.config, &self.layout, self.convolution.as_ref());
        let config = &self.config;
        let released = config.stop.map_or(0, |stop| config.iterations / stop.every);
        let of_releases = released * (self.layout.groups() + 1);
        let refreshes = each * (config.iterations + 1) + of_releases;
        // Errors come to their refresh at about Δ/(2√c).
        let stretch = match self.activation {
            Pointwise::Quadratic { c, .. } => (0.5 / c.abs().sqrt()).log2().max(0.0),
            Pointwise::Polynomial { .. } => 0.0,
        };
        let message = f64::from(scale + VALUE_BITS) + stretch;
        let slots = self.config.slots;
        let mask = MaskBits::hiding(message, self.lambda_s, slots, refreshes as u64);
        let bits = mask.modulus_bits(self.rows.len()).ceil() as u32 + 1;
        Base {
            mask,
            bits,
            primes: bits.div_ceil(SPECIAL_BITS - 1),
        }
    }

    /// The size of a modulus of this shape.
    pub fn modulus(&self, shape: ModulusShape) -> Modulus {
        let Base { bits, primes, .. } = self.base(shape.scale_bits);
        let ciphertext = bits + self.levels as u32 * shape.scale_bits;
        Modulus {
            primes: primes as usize + self.levels,
            bits: ciphertext + shape.special as u32 * SPECIAL_BITS,
        }
    }

    /// The plan with a modulus of this shape.
    pub fn shaped(
        self,
        shape: ModulusShape,
        make: impl Fn(&ParametersLiteral) -> Result<Parameters, CkksError>,
    ) -> Result<MlpPlan, EncryptedError> {
        let Base { mask, bits, primes } = self.base(shape.scale_bits);
        let mut q_bits: Vec<u32> = (0..primes)
            .map(|k| bits / primes + u32::from(k < bits % primes))
            .collect();
        q_bits.extend(vec![shape.scale_bits; self.levels]);
        let params = make(&ParametersLiteral {
            kind: KIND,
            log_n: self.config.slots.trailing_zeros(),
            q_bits,
            p_bits: vec![SPECIAL_BITS; shape.special],
            log_scale: shape.scale_bits,
        })?;
        let encryption = MlpEncryption {
            params,
            refresh_level: primes as usize - 1,
            mask,
            lambda_s: self.lambda_s,
        };
        Ok(MlpPlan {
            config: self.config,
            layout: self.layout,
            convolution: self.convolution,
            encryption,
            rows: self.rows,
            moments: 0,
            rotation: None,
            activation: self.activation,
            head: self.head,
            levels: self.levels,
            shrink: self.shrink,
        })
    }
}
