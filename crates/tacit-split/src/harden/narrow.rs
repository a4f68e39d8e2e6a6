//! Fewer directions at the cut: bottlenecks, and null-space projection.

use super::Parts;
use super::graft::{directions, linear};
use super::recipe::Recipe;
use crate::error::{SplitError, setting};
use crate::noise::Normaliser;
use tacit_nn::layered::{Layered, Shape};
use tacit_nn::train::Recipe as FitRecipe;
use tacit_nn::{Draws, Matrix, Mlp, Samples, fit, predict};

/// The widest cut that null-space projection is tried on.
const WIDEST: usize = 1024;
/// Rows it learns from, at most.
const ROWS: usize = 5_000;

/// Keeps the first `size` directions of a basis that begins with those in which the means of the
/// public classes differ: x ↦ Qᵀ(x − m)/s before the cut and its adjoint after it, both trained on.
pub(super) fn bottleneck(
    parts: Parts,
    train: &Samples,
    size: usize,
    seed: u64,
) -> Result<Parts, SplitError> {
    let raw = predict::logits(&parts.encoder, train.features())?;
    let normaliser = Normaliser::fit(&raw, parts.span)?;
    let width = normaliser.means.len();
    setting(
        "bottleneck",
        size as f64,
        size < width,
        "below the number of features (channels of a map) at the cut",
    )?;
    let u = normaliser.normalise(&raw)?;
    let mut means = vec![vec![0.0f64; width]; train.classes()];
    let mut counts = vec![0usize; train.classes()];
    for (row, &label) in u.iter().zip(train.labels()) {
        counts[label] += 1;
        for (mean, run) in means[label].iter_mut().zip(row.chunks(parts.span)) {
            *mean += run.iter().map(|v| f64::from(*v)).sum::<f64>() / parts.span as f64;
        }
    }
    for (mean, n) in means.iter_mut().zip(counts) {
        mean.iter_mut().for_each(|v| *v /= n.max(1) as f64);
    }
    let mut draws = Draws::new(seed, "directions of the bottleneck");
    let kept = directions(&means, width, size, &mut draws);
    graft(parts, &normaliser, &kept)
}

/// Removes directions, round after round, from which a linear classifier predicts the private label
/// (Ravfogel, Elazar, Gonen, Twiton, Goldberg, "Null it out", ACL 2020). The rounds are the
/// recipe's λ; the encoder stays, and the head is tuned afterwards.
pub(super) fn null_space(
    mut parts: Parts,
    train: &Samples,
    private: &Samples,
    recipe: &Recipe,
) -> Result<Parts, SplitError> {
    let width = parts.encoder.output().size();
    setting(
        "features at the cut",
        width as f64,
        width <= WIDEST && parts.encoder.output().map().is_none(),
        "at most 1024 and no map, for null-space projection",
    )?;
    let raw = predict::logits(&parts.encoder, train.features())?;
    let normaliser = Normaliser::fit(&raw, 1)?;
    let u = normaliser.normalise(&raw)?;
    let rows: Vec<usize> = (0..u.rows().min(ROWS)).collect();
    let labels = private.select(&rows)?;
    let mut left = u.select(&rows)?;
    let mut removed: Vec<Vec<f64>> = Vec::new();
    let mut draws = Draws::new(recipe.seed, "null space");
    for round in 0..recipe.lambda.round() as usize {
        let samples = Samples::new(
            left.clone(),
            labels.labels().iter().copied(),
            labels.classes(),
        )?;
        let probe = Mlp::new(&[width, labels.classes()], 0.0, &mut draws)?;
        let learning = FitRecipe {
            epochs: 8,
            rate: 1e-2,
            seed: recipe.seed.wrapping_add(round as u64),
            ..FitRecipe::default()
        };
        let probe = fit(probe, &samples, None, &learning, |_| {})?.network;
        let weights = tacit_nn::matrix::floats(probe.layers[0].weight.val());
        let classes = labels.classes();
        // Softmax sees differences between classes only.
        let wanted: Vec<Vec<f64>> = (1..classes)
            .map(|k| {
                let line = weights.chunks_exact(classes);
                line.map(|w| f64::from(w[k] - w[0])).collect()
            })
            .collect();
        let before = removed.len();
        for vector in wanted {
            if let Some(unit) = super::graft::beyond(vector, &removed) {
                removed.push(unit);
            }
        }
        if removed.len() + 1 >= width {
            removed.truncate(before);
            break;
        }
        left = without(&left, &removed[before..])?;
    }
    if removed.is_empty() {
        return Ok(parts);
    }
    let basis = directions(&removed, width, width, &mut draws);
    parts = graft(parts, &normaliser, &basis[removed.len()..])?;
    parts.train_encoder = false;
    Ok(parts)
}

fn without(rows: &Matrix, units: &[Vec<f64>]) -> Result<Matrix, SplitError> {
    let mut values = Vec::with_capacity(rows.values().len());
    for row in rows.iter() {
        let mut row: Vec<f64> = row.iter().map(|v| f64::from(*v)).collect();
        for unit in units {
            let dot: f64 = row.iter().zip(unit).map(|(a, b)| a * b).sum();
            row.iter_mut().zip(unit).for_each(|(a, b)| *a -= dot * b);
        }
        values.extend(row.into_iter().map(|v| v as f32));
    }
    Ok(Matrix::new(rows.rows(), rows.columns(), values)?)
}

/// Puts Qᵀ(x − m)/s behind the encoder and s·Qv + m before the head.
fn graft(parts: Parts, normaliser: &Normaliser, kept: &[Vec<f64>]) -> Result<Parts, SplitError> {
    let (width, size) = (normaliser.means.len(), kept.len());
    let shape = parts.encoder.output();
    let (mut down, mut up) = (vec![0.0f32; width * size], vec![0.0f32; size * width]);
    let mut bias = vec![0.0f64; size];
    for (j, direction) in kept.iter().enumerate() {
        for (i, q) in direction.iter().enumerate() {
            let s = f64::from(normaliser.deviations[i]);
            down[i * size + j] = (q / s) as f32;
            up[j * width + i] = (q * s) as f32;
            bias[j] -= q / s * f64::from(normaliser.means[i]);
        }
    }
    let bias: Vec<f32> = bias.into_iter().map(|b| b as f32).collect();
    let down = linear(shape, &Matrix::new(width, size, down)?, &bias, false)?;
    let narrow = match shape.map() {
        None => Shape::Flat(size),
        Some([_, height, width]) => [size, height, width].into(),
    };
    let up = linear(
        narrow,
        &Matrix::new(size, width, up)?,
        &normaliser.means,
        false,
    )?;
    Ok(Parts {
        encoder: Layered::join(parts.encoder, down)?,
        head: Layered::join(up, parts.head)?,
        ..parts
    })
}
