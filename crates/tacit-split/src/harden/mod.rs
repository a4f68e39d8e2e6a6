//! Fine-tuning a deployed network so that features at a cut carry the public task and little else.
//!
//! [`harden`] cuts a network, trains both parts (or the encoder alone, with [`Recipe::keep_head`])
//! on
//!
//! ```text
//! CE(head(s · veil((x − m)/s) + m), y) + λ · penalty        x = encoder(input)
//! ```
//!
//! from the weights it was deployed with, and gives back a [`Hardened`] with what became of it
//! ([`Outcome`]), every epoch and the cost. [`Method`] says which penalty, or which rival method under
//! the same conditions: same steps, same veil, same rows.
//!
//! ```
//! use tacit_nn::layered::{Architecture, Layered};
//! use tacit_nn::{Draws, Matrix, Samples};
//! use tacit_split::harden::{Method, Recipe, harden};
//!
//! // Public: the sign of the first number. The second is nobody's business.
//! let mut draws = Draws::new(7, "example");
//! let rows: Vec<[f32; 2]> = (0..400).map(|_| [draws.normal(), draws.normal()]).collect();
//! let labels = rows.iter().map(|r| usize::from(r[0] > 0.0)).collect::<Vec<_>>();
//! let samples = Samples::new(Matrix::from_rows(&rows)?, labels, 2)?;
//! let network = Layered::new(&Architecture::mlp(&[2, 16, 8, 2])?, &mut Draws::new(1, "weights"))?;
//!
//! let recipe = Recipe { epochs: 4, ..Recipe::of(Method::Center) };
//! let hardened = harden(&network, 2, &samples, &samples, None, &recipe, |_| {})?;
//! assert_eq!(hardened.normaliser.features(), 8);
//! assert_eq!(hardened.cost.samples, 4 * 400);
//! # Ok::<(), tacit_split::SplitError>(())
//! ```
//!
//! # Limits
//! A method that does not know the private label cannot tell what matters about it: what depends on
//! the public class stays, and so does whatever the classes' own means say. No features that keep a
//! task can hide *every* attribute (Stadler, Kulynych, Gastpar, Papernot, Troncoso, "The fundamental
//! limits of least-privilege learning", ICML 2024); what is left must be measured ([`crate::evaluate`]).

pub(crate) mod graft;
mod narrow;
mod outcome;
mod recipe;
mod rivals;
mod training;

pub use outcome::{Collapse, Cost, EpochRecord, Outcome};
pub use recipe::{Method, Recipe};
pub use rivals::distance_correlation;

use crate::client::Deployment;
use crate::error::SplitError;
use crate::noise::{ClientSecret, Noise, Normaliser, Veil};
use tacit_nn::Samples;
use tacit_nn::layered::Layered;
use tacit_nn::train::check_samples;

/// Where hardening stands, told after every step, and after each epoch's last step a second time
/// with its record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// From 0.
    pub epoch: usize,
    /// At most.
    pub epochs: usize,
    /// Steps done in this epoch.
    pub step: usize,
    /// Steps of an epoch.
    pub steps: usize,
    /// Loss of this step's batch, or the epoch's mean.
    pub loss: f32,
    /// After an epoch's last step.
    pub record: Option<EpochRecord>,
}

/// A network in two parts, on the way.
#[derive(Debug, Clone)]
struct Parts {
    encoder: Layered,
    head: Layered,
    /// Features that share a mean.
    span: usize,
    train_encoder: bool,
    train_head: bool,
}

/// A hardened network in two parts, and all that is needed to use and judge it.
#[derive(Debug, Clone)]
pub struct Hardened {
    /// Input to raw features x.
    pub encoder: Layered,
    /// Raw features to answers.
    pub head: Layered,
    /// x to u, the normalised features.
    pub normaliser: Normaliser,
    /// What covers u.
    pub veil: Veil,
    /// How it was made.
    pub recipe: Recipe,
    /// What became of it.
    pub outcome: Outcome,
    /// What it cost.
    pub cost: Cost,
    /// Every epoch.
    pub epochs: Vec<EpochRecord>,
}

impl Hardened {
    /// Whether private labels were used.
    pub fn used_private_labels(&self) -> bool {
        self.recipe.method.uses_private_labels()
    }

    /// Both parts as they are served, the client's under a secret.
    pub fn deploy(&self, secret: ClientSecret) -> Result<Deployment, SplitError> {
        Deployment::of(self, secret)
    }
}

/// Cuts `network` after its first `after` blocks and hardens it. `train` and `validation` carry
/// public labels; `private`, the same rows as `train` with private ones, is looked at only by methods
/// that say so ([`Method::uses_private_labels`]).
pub fn harden(
    network: &Layered,
    after: usize,
    train: &Samples,
    validation: &Samples,
    private: Option<&Samples>,
    recipe: &Recipe,
    progress: impl FnMut(Progress),
) -> Result<Hardened, SplitError> {
    recipe.check()?;
    let method = recipe.method;
    check_sets(network, train, validation)?;
    if let Some(private) = private
        && private.rows() != train.rows()
    {
        return Err(SplitError::Shape {
            what: "private labels, one per training row",
            expected: train.rows(),
            found: private.rows(),
        });
    }
    let known = private.filter(|_| method.uses_private_labels());
    if method.uses_private_labels() && known.is_none() {
        let method = method.name();
        return Err(SplitError::PrivateLabels { method });
    }
    let (encoder, head) = network.split_at(after)?;
    let span = encoder.output().map().map_or(1, |[_, h, w]| h * w);
    let mut parts = Parts {
        encoder,
        head,
        span,
        train_encoder: true,
        train_head: !recipe.keep_head,
    };
    let mut recipe = recipe.clone();
    if method == Method::Undefended {
        // Wide enough to clip nothing.
        recipe.veil = Veil {
            range: 100.0,
            noise: Noise::None,
            bits: None,
            ..recipe.veil
        };
        let normaliser = parts.normaliser(train, usize::MAX)?;
        return Ok(Hardened {
            encoder: parts.encoder,
            head: parts.head,
            normaliser,
            veil: recipe.veil,
            recipe,
            outcome: Outcome::Untouched,
            cost: Cost::default(),
            epochs: Vec::new(),
        });
    }
    if let Some(size) = recipe.bottleneck {
        parts = narrow::bottleneck(parts, train, size, recipe.seed)?;
    }
    if let (Method::NullSpace, Some(private)) = (method, known) {
        parts = narrow::null_space(parts, train, private, &recipe)?;
    }
    let trained = training::train(parts, train, validation, known, &recipe, progress)?;
    let normaliser = trained.parts.normaliser(train, usize::MAX)?;
    Ok(Hardened {
        encoder: trained.parts.encoder,
        head: trained.parts.head,
        normaliser,
        veil: recipe.veil,
        recipe,
        outcome: trained.outcome,
        cost: trained.cost,
        epochs: trained.epochs,
    })
}

fn check_sets(network: &Layered, train: &Samples, validation: &Samples) -> Result<(), SplitError> {
    for (set, samples) in [("training", train), ("validation", validation)] {
        check_samples(network, samples)?;
        let mut seen = vec![false; samples.classes()];
        samples.labels().iter().for_each(|&l| seen[l] = true);
        if let Some(class) = seen.iter().position(|s| !s) {
            return Err(SplitError::ClassAbsent {
                label: "public".to_owned(),
                class,
                set,
            });
        }
    }
    Ok(())
}
