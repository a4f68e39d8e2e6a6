//! How much r measurements give away, for many r.

use rayon::prelude::*;

use super::{Images, Method, Prior, Probes, Reconstructor};
use crate::error::AuditError;

/// Who chooses the measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Design {
    /// Random directions.
    Random,
    /// The directions in which images of a class differ most.
    Principal,
}

/// How close reconstructions come, on average.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// Σ|x̂ − x| / Σ|x|.
    pub relative_error: f64,
    /// 10 log10(255² / mean squared error), in dB.
    pub psnr: f64,
    /// How often the nearest training image has the right public label.
    pub public_rate: f64,
    /// And the right private label.
    pub private_rate: f64,
}

/// One line of the study.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// r.
    pub rank: usize,
    /// How they were chosen.
    pub design: Design,
    /// How they were used.
    pub method: Method,
    /// What came out.
    pub quality: Quality,
}

/// The study: lines between a floor and a ceiling.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// The mean of the class instead of a reconstruction: what the public label gives.
    pub floor: Quality,
    /// The image itself.
    pub ceiling: Quality,
    /// One for each rank, design and method.
    pub lines: Vec<Line>,
}

impl Study {
    /// Attacks every image of `test` with `ranks` measurements, knowledge from `train`.
    /// `progress` hears (done, total).
    pub fn run(
        train: &Images,
        test: &Images,
        attacks: &[(usize, Design, Method)],
        seed: u64,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Self, AuditError> {
        if train.pixels() != test.pixels() {
            return Err(AuditError::Shape {
                what: "pixels of a test image",
                found: test.pixels(),
                expected: train.pixels(),
            });
        }
        let priors: Vec<Prior> = (0..=u8::MAX)
            .map(|class| Prior::of_class(train, class))
            .collect();
        let prior = |i: usize| &priors[usize::from(test.public(i))];
        let floor = quality(train, test, |i| Ok(prior(i).mean().to_vec()))?;
        let exact = |i: usize| Ok(test.image(i).iter().map(|&v| f64::from(v)).collect());
        let ceiling = quality(train, test, exact)?;
        let mut lines = vec![];
        for (done, &(rank, design, method)) in attacks.iter().enumerate() {
            progress(done as u64, attacks.len() as u64);
            let probes = match design {
                Design::Random => Probes::random(rank, train.pixels(), seed),
                Design::Principal => Probes::principal(rank, train, seed),
            };
            let reconstructors: Vec<Option<Reconstructor>> = (0..=u8::MAX)
                .map(|class| {
                    let needed = (0..test.len()).any(|i| test.public(i) == class);
                    let prior = &priors[usize::from(class)];
                    needed.then(|| Reconstructor::new(&probes, prior, method))
                })
                .collect();
            let quality = quality(train, test, |i| {
                let measured = probes.measure(test.image(i))?;
                match &reconstructors[usize::from(test.public(i))] {
                    Some(reconstructor) => reconstructor.reconstruct(&measured),
                    None => Ok(prior(i).mean().to_vec()),
                }
            })?;
            lines.push(Line {
                rank,
                design,
                method,
                quality,
            });
        }
        progress(attacks.len() as u64, attacks.len() as u64);
        Ok(Self {
            floor,
            ceiling,
            lines,
        })
    }

    /// The line that comes closest at this rank, by squared error.
    pub fn best(&self, rank: usize) -> Option<&Line> {
        let lines = self.lines.iter().filter(|line| line.rank == rank);
        lines.max_by(|a, b| a.quality.psnr.total_cmp(&b.quality.psnr))
    }
}

fn quality(
    train: &Images,
    test: &Images,
    reconstruct: impl Fn(usize) -> Result<Vec<f64>, AuditError> + Sync,
) -> Result<Quality, AuditError> {
    let one = |i: usize| {
        let (found, truth) = (reconstruct(i)?, test.image(i));
        let pairs = || found.iter().zip(truth).map(|(f, &t)| (*f, f64::from(t)));
        let ink: f64 = pairs().map(|(_, t)| t).sum();
        let absolute: f64 = pairs().map(|(f, t)| (f - t).abs()).sum();
        let squared: f64 = pairs().map(|(f, t)| (f - t).powi(2)).sum();
        let nearest = nearest(train, &found);
        Ok((
            absolute / ink.max(1.0),
            squared / found.len() as f64,
            train.public(nearest) == test.public(i),
            train.private(nearest) == test.private(i),
        ))
    };
    let each: Vec<(f64, f64, bool, bool)> = (0..test.len())
        .into_par_iter()
        .map(one)
        .collect::<Result<_, AuditError>>()?;
    let n = each.len() as f64;
    let mean_squared = each.iter().map(|e| e.1).sum::<f64>() / n;
    Ok(Quality {
        relative_error: each.iter().map(|e| e.0).sum::<f64>() / n,
        psnr: 10.0 * (255.0f64.powi(2) / mean_squared.max(1e-9)).log10(),
        public_rate: each.iter().filter(|e| e.2).count() as f64 / n,
        private_rate: each.iter().filter(|e| e.3).count() as f64 / n,
    })
}

/// The training image with the least squared distance.
fn nearest(train: &Images, image: &[f64]) -> usize {
    let image: Vec<f32> = image.iter().map(|&v| v as f32).collect();
    let distance = |i: usize| {
        let pairs = image.iter().zip(train.image(i));
        pairs.map(|(a, &b)| (a - f32::from(b)).powi(2)).sum::<f32>()
    };
    let best = (0..train.len()).map(|i| (distance(i), i));
    best.min_by(|a, b| a.0.total_cmp(&b.0))
        .map_or(0, |(_, i)| i)
}
