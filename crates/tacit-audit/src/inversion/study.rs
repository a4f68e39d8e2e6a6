//! Reconstruction of pictures from what one source sends.

use super::decoder::{Decoder, Pairs, dense};
use super::painter::Painter;
use super::white_box::{Calibration, Target, WEIGHTS, invert};
use super::{InversionAttack, InversionReport, Quality, Reconstruction};
use crate::error::AuditError;
use crate::features::{FeatureSource, Observed, Subjects};
use tacit_nn::{Draws, Matrix, Network, Samples, predict};

/// How much the attackers spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InversionEffort {
    /// Epochs of a decoder, at most.
    pub epochs: usize,
    /// Whether a decoder paints with convolutions too, which costs several times a dense one.
    pub convolutions: bool,
    /// Test pictures that are reconstructed and judged.
    pub pictures: usize,
    /// How many of them by optimisation through the encoder, which costs the most.
    pub white_box: usize,
    /// Steps of that optimisation; 0 leaves it out.
    pub steps: usize,
    /// How many are kept for a gallery.
    pub gallery: usize,
}

impl InversionEffort {
    /// For figures that are published.
    pub fn full() -> Self {
        InversionEffort {
            epochs: 60,
            convolutions: true,
            pictures: 500,
            white_box: 64,
            steps: 500,
            gallery: 12,
        }
    }

    /// For studies of many seeds and sources.
    pub fn standard() -> Self {
        InversionEffort {
            epochs: 20,
            convolutions: true,
            pictures: 200,
            white_box: 16,
            steps: 200,
            gallery: 8,
        }
    }

    /// For a first look or a test; a failure says less.
    pub fn quick() -> Self {
        InversionEffort {
            epochs: 6,
            convolutions: false,
            pictures: 48,
            white_box: 8,
            steps: 60,
            gallery: 4,
        }
    }
}

/// Measures how much of a picture comes back.
#[derive(Debug, Clone, Copy)]
pub struct InversionStudy {
    effort: InversionEffort,
    seed: u64,
}

/// Validation pictures on which the weights of the priors are chosen.
const TRIED: usize = 8;

impl InversionStudy {
    /// A study is a function of the effort, the seed and the data. The pictures for the gallery are
    /// random by the seed, so that two sources show the same ones.
    pub fn new(effort: InversionEffort, seed: u64) -> Self {
        InversionStudy { effort, seed }
    }

    /// Every attack on `source`, of which `seen` holds what was sent
    /// ([`LeakStudy::observe`](crate::features::LeakStudy::observe)).
    pub fn run(
        &self,
        source: &dyn FeatureSource,
        subjects: &Subjects,
        seen: &Observed,
    ) -> Result<InversionReport, AuditError> {
        let shape = subjects.shape();
        if !subjects.are_pictures() {
            let [_, height, width] = shape;
            return Err(AuditError::NotPictures { height, width });
        }
        let known = Known::new(subjects, seen)?;
        let mut picks = Draws::new(self.seed, "pictures").permutation(subjects.test().rows());
        picks.truncate(self.effort.pictures.max(1));
        let truth = known.pictures[2].select(&picks)?;
        let mean = known.class_mean[2].select(&picks)?;
        let measure = |found: &Matrix, truth: &Matrix| Quality::mean(found, truth, shape);
        let class_mean = measure(&mean, &truth)?;

        let mut attacks = vec![];
        let mut shown = vec![];
        for (view, name, paints) in [
            ("whitened", "inverse-network", false),
            ("whitened", "convolutional-network", true),
            ("shadow", "query-free", false),
        ] {
            let view = seen.views.iter().find(|v| v.name == view);
            let Some(view) = view.filter(|_| !paints || self.effort.convolutions) else {
                continue;
            };
            let pair = |at: usize| Pairs {
                features: &view.sets[at],
                class_mean: &known.class_mean[at],
            };
            let seed = Draws::new(self.seed, name).bits();
            let mut draws = Draws::new(seed, "decoder");
            let learning = (
                (pair(0), &known.pictures[0]),
                (pair(1), &known.pictures[1]),
                self.effort.epochs,
                seed,
            );
            let asked = Pairs {
                features: &view.sets[2].select(&picks)?,
                class_mean: &mean,
            };
            let inputs = asked.features.columns();
            let (found, settings) = if paints {
                decode(Painter::new(inputs, shape, &mut draws), learning, asked)?
            } else {
                decode(dense(inputs, mean.columns(), &mut draws)?, learning, asked)?
            };
            attacks.push(InversionAttack {
                name,
                quality: measure(&found, &truth)?,
                class_mean,
                pictures: picks.len(),
                settings,
            });
            shown.push((name, found));
        }

        let few: Vec<usize> = (0..picks.len().min(self.effort.white_box)).collect();
        if self.effort.steps > 0 && !few.is_empty() {
            let (truth, mean) = (truth.select(&few)?, mean.select(&few)?);
            let rows: Vec<usize> = few.iter().map(|&i| picks[i]).collect();
            let sent = seen.sent()[2].select(&rows)?;
            let (found, settings) =
                self.white_box(source, subjects, seen, &known, (&sent, &mean))?;
            attacks.push(InversionAttack {
                name: "white-box",
                quality: measure(&found, &truth)?,
                class_mean: measure(&mean, &truth)?,
                pictures: few.len(),
                settings,
            });
            shown.push(("white-box", found));
        }

        let kept = picks.len().min(self.effort.gallery);
        let gallery = (0..kept).map(|i| Reconstruction {
            row: picks[i],
            truth: truth.row(i).to_vec(),
            class_mean: mean.row(i).to_vec(),
            attempts: shown
                .iter()
                .filter(|(_, found)| i < found.rows())
                .map(|(name, found)| (*name, found.row(i).to_vec()))
                .collect(),
        });
        Ok(InversionReport {
            shape,
            class_mean,
            attacks,
            gallery: gallery.collect(),
        })
    }

    fn white_box(
        &self,
        source: &dyn FeatureSource,
        subjects: &Subjects,
        seen: &Observed,
        known: &Known,
        (sent, mean): (&Matrix, &Matrix),
    ) -> Result<(Matrix, String), AuditError> {
        let encoder = source.encoder();
        let bare = predict::logits(encoder, subjects.train().features())?;
        let calibration = Calibration::fit(&bare, &seen.sent()[0])?;
        let target = |sent, class_mean| Target {
            sent,
            class_mean,
            shape: subjects.shape(),
            shift: known.low,
            scale: known.range,
        };
        let tried: Vec<usize> = (0..TRIED.min(known.pictures[1].rows())).collect();
        let truth = known.pictures[1].select(&tried)?;
        let tried_sent = seen.sent()[1].select(&tried)?;
        let tried_mean = known.class_mean[1].select(&tried)?;
        let mut best = (f64::NEG_INFINITY, WEIGHTS[0]);
        for weights in WEIGHTS {
            let target = target(&tried_sent, &tried_mean);
            let found = invert(encoder, &calibration, target, weights, self.effort.steps)?;
            let ssim = Quality::mean(&found, &truth, subjects.shape())?.ssim;
            if ssim > best.0 {
                best = (ssim, weights);
            }
        }
        let weights = best.1;
        let found = invert(
            encoder,
            &calibration,
            target(sent, mean),
            weights,
            self.effort.steps,
        )?;
        let settings = format!(
            "τ {}, κ {}, {} steps",
            weights.variation, weights.mean, self.effort.steps
        );
        Ok((found, settings))
    }
}

/// Pictures, each of its own features.
type Paired<'a> = (Pairs<'a>, &'a Matrix);

/// Trains a network on rows to learn from and to choose on, with epochs and seed, and asks it.
fn decode<N: Network>(
    network: N,
    (train, validation, epochs, seed): (Paired<'_>, Paired<'_>, usize, u64),
    asked: Pairs<'_>,
) -> Result<(Matrix, String), AuditError> {
    let decoder = Decoder::fit(network, train, validation, epochs, seed)?;
    Ok((decoder.decode(asked)?, decoder.settings))
}

/// What the attacker knows of pictures: values taken to 0 … 1, and the mean of the predicted class
/// of every row.
struct Known {
    low: f32,
    range: f32,
    pictures: [Matrix; 3],
    class_mean: [Matrix; 3],
}

impl Known {
    fn new(subjects: &Subjects, seen: &Observed) -> Result<Self, AuditError> {
        let values = subjects.train().features().values().iter().copied();
        let low = values.clone().fold(f32::INFINITY, f32::min);
        let high = values.fold(f32::NEG_INFINITY, f32::max);
        let range = (high - low).max(f32::MIN_POSITIVE);
        let sets = [subjects.train(), subjects.validation(), subjects.test()];
        let to_unit = |samples: &Samples| {
            let rows = samples.features();
            let values = rows
                .values()
                .iter()
                .map(|v| ((v - low) / range).clamp(0.0, 1.0));
            Matrix::new(rows.rows(), rows.columns(), values.collect())
        };
        let pictures = [to_unit(sets[0])?, to_unit(sets[1])?, to_unit(sets[2])?];
        let means = class_means(
            &pictures[0],
            &seen.predicted()[0],
            subjects.public_classes(),
        );
        let of = |predicted: &[usize]| {
            let values = predicted.iter().flat_map(|&c| means[c].iter().copied());
            Matrix::new(predicted.len(), pictures[0].columns(), values.collect())
        };
        let [a, b, c] = seen.predicted();
        let class_mean = [of(a)?, of(b)?, of(c)?];
        Ok(Known {
            low,
            range,
            pictures,
            class_mean,
        })
    }
}

/// The mean picture of each class; of a class without pictures, that of all.
fn class_means(pictures: &Matrix, predicted: &[usize], classes: usize) -> Vec<Vec<f32>> {
    let mean = |class: Option<usize>| {
        let mut sum = vec![0.0f64; pictures.columns()];
        let mut count = 0usize;
        for (row, &own) in pictures.iter().zip(predicted) {
            if class.is_none_or(|c| c == own) {
                count += 1;
                sum.iter_mut()
                    .zip(row)
                    .for_each(|(s, v)| *s += f64::from(*v));
            }
        }
        let scaled = |s: f64| (s / count as f64) as f32;
        (count > 0).then(|| sum.into_iter().map(scaled).collect::<Vec<f32>>())
    };
    let of_all = mean(None).unwrap_or_else(|| vec![0.0; pictures.columns()]);
    let of_class = |class| mean(Some(class)).unwrap_or_else(|| of_all.clone());
    (0..classes).map(of_class).collect()
}
