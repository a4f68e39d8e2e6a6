//! How a network is hardened: the arguments `harden`, `search` and `demo` share.

use tacit_report::Run;
use tacit_split::Recipe;
use tacit_split::harden::Method;
use tacit_split::noise::{Binding, Noise, Veil};

use crate::Error;
use crate::error::Context;

/// The recipe.
#[derive(Debug, Clone, clap::Args)]
pub struct RecipeArgs {
    /// center, contrastive, cosine or mahalanobis; or a rival under the same conditions: noise-only, dropout,
    /// distance-correlation, adversarial*, null-space*, undefended (* learns from the first private label).
    #[arg(long, value_name = "METHOD", default_value = "mahalanobis")]
    pub loss: String,

    /// Weight of the loss beside cross-entropy; left out, the method's usual one.
    #[arg(long, value_name = "λ", allow_negative_numbers = true)]
    pub lambda: Option<f32>,

    /// Noise on normalised features by its signal-to-noise ratio, of powers; 0 for none.
    #[arg(long, value_name = "SNR", allow_negative_numbers = true)]
    pub noise_snr: Option<f32>,

    /// The shape of the noise.
    #[arg(long, value_enum, default_value = "gaussian")]
    pub noise: NoiseShape,

    /// Draw noise anew for every query, rather than once for every input: repeats average it away.
    #[arg(long)]
    pub fresh_noise: bool,

    /// Send features on a grid of this many bits.
    #[arg(long, value_name = "BITS")]
    pub bits: Option<u8>,

    /// Leave this many numbers (channels of a map) at the cut, by a layer added there.
    #[arg(long, value_name = "NUMBERS")]
    pub bottleneck: Option<usize>,

    /// Leave the deployed head untouched: only the encoder is tuned.
    #[arg(long)]
    pub keep_head: bool,

    /// Times every row is used, at most.
    #[arg(long, value_name = "EPOCHS")]
    pub harden_epochs: Option<usize>,

    /// Learning rate of the fine-tuning.
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    pub rate: Option<f64>,
}

/// A recipe as parameters of a run.
pub fn record(run: &mut Run, recipe: &Recipe) -> Result<(), Error> {
    let failed = || "the record cannot be made";
    run.param("method", recipe.method.name()).failed(failed)?;
    run.param("lambda", recipe.lambda).failed(failed)?;
    run.param("range", recipe.veil.range).failed(failed)?;
    run.param("noise", recipe.veil.noise).failed(failed)?;
    run.param(
        "noise_bound_to",
        match recipe.veil.binding {
            Binding::Neighbourhood { .. } => "neighbourhood",
            Binding::Input { .. } => "input",
            _ => "query",
        },
    )
    .failed(failed)?;
    run.param("keep_head", recipe.keep_head).failed(failed)?;
    run.param("harden_epochs", recipe.epochs).failed(failed)?;
    run.param("rate", recipe.rate).failed(failed)?;
    if let Some(bits) = recipe.veil.bits {
        run.param("bits", bits).failed(failed)?;
    }
    if let Some(numbers) = recipe.bottleneck {
        run.param("bottleneck", numbers).failed(failed)?;
    }
    Ok(())
}

/// The shape of noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum NoiseShape {
    /// Gaussian.
    Gaussian,
    /// Laplace.
    Laplace,
}

impl RecipeArgs {
    /// The recipe, checked.
    pub fn recipe(&self, seed: u64) -> Result<Recipe, Error> {
        let refused = || "the recipe cannot be used";
        let method: Method = self.loss.parse().bad_input(refused)?;
        let base = Recipe::of(method);
        let noise = match (self.noise_snr, self.noise) {
            (Some(0.0), _) => Noise::None,
            (Some(snr), NoiseShape::Gaussian) => Noise::Gaussian { snr },
            (Some(snr), NoiseShape::Laplace) => Noise::Laplace { snr },
            (None, NoiseShape::Laplace) => match base.veil.noise {
                Noise::Gaussian { snr } => Noise::Laplace { snr },
                other => other,
            },
            (None, NoiseShape::Gaussian) => base.veil.noise,
        };
        let binding = match self.fresh_noise {
            true => Binding::Fresh,
            false => base.veil.binding,
        };
        let recipe = Recipe {
            lambda: self.lambda.unwrap_or(base.lambda),
            veil: Veil {
                noise,
                binding,
                bits: self.bits,
                ..base.veil
            },
            bottleneck: self.bottleneck,
            keep_head: self.keep_head,
            epochs: self.harden_epochs.unwrap_or(base.epochs),
            rate: self.rate.unwrap_or(base.rate),
            seed,
            ..base
        };
        recipe.check().bad_input(refused)?;
        Ok(recipe)
    }
}
