//! What a network says about rows, in batches.

use crate::error::NnError;
use crate::matrix::{Matrix, floats};
use crate::network::Network;
use crate::plain_device;

/// Rows that are sent through a network at a time, for rows of up to 1024 columns. Longer ones go in
/// smaller batches: what a network holds of a picture in its inside is many times the picture.
const BATCH: usize = 1024;

fn batch(columns: usize) -> usize {
    (BATCH * 1024 / columns.max(1)).clamp(16, BATCH)
}

/// The outputs of the network, one row per row.
pub fn logits<N: Network>(network: &N, rows: &Matrix) -> Result<Matrix, NnError> {
    if rows.columns() != network.inputs() {
        return Err(NnError::Shape {
            what: "columns of the rows, inputs of the network",
            expected: network.inputs(),
            found: rows.columns(),
        });
    }
    let network = network.valid();
    let device = plain_device();
    let mut values = Vec::with_capacity(rows.rows() * network.outputs());
    let batch = batch(rows.columns());
    for from in (0..rows.rows()).step_by(batch) {
        let to = (from + batch).min(rows.rows());
        values.extend(floats(network.forward(rows.tensor(from, to, &device))));
    }
    Matrix::new(rows.rows(), network.outputs(), values)
}

/// The class with the largest logit, per row; the first of equals.
pub fn classes<N: Network>(network: &N, rows: &Matrix) -> Result<Vec<usize>, NnError> {
    Ok(argmax(&logits(network, rows)?))
}

/// The softmax of the logits, per row.
pub fn probabilities<N: Network>(network: &N, rows: &Matrix) -> Result<Matrix, NnError> {
    let logits = logits(network, rows)?;
    let mut values = Vec::with_capacity(logits.values().len());
    for row in logits.iter() {
        values.extend(softmax(row));
    }
    Matrix::new(logits.rows(), logits.columns(), values)
}

/// e^{z_i} / Σ e^{z_j}, stably.
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut out: Vec<f32> = logits.iter().map(|z| (z - top).exp()).collect();
    let sum: f32 = out.iter().sum();
    out.iter_mut().for_each(|v| *v /= sum);
    out
}

/// The column of the largest entry, per row; the first of equals.
pub fn argmax(rows: &Matrix) -> Vec<usize> {
    rows.iter()
        .map(|row| {
            let mut best = 0;
            for (i, v) in row.iter().enumerate() {
                if *v > row[best] {
                    best = i;
                }
            }
            best
        })
        .collect()
}

/// The share of predictions that equal the labels.
pub fn accuracy(predicted: &[usize], labels: &[usize]) -> Result<f64, NnError> {
    check_pairs(predicted, labels)?;
    let right = predicted.iter().zip(labels).filter(|(p, l)| p == l).count();
    Ok(right as f64 / labels.len() as f64)
}

/// The mean over classes of the share of their rows that are recognised; absent classes are left
/// out.
pub fn balanced_accuracy(predicted: &[usize], labels: &[usize]) -> Result<f64, NnError> {
    check_pairs(predicted, labels)?;
    let classes = labels.iter().max().map_or(0, |m| m + 1);
    let mut right = vec![0usize; classes];
    let mut all = vec![0usize; classes];
    for (p, &l) in predicted.iter().zip(labels) {
        all[l] += 1;
        right[l] += usize::from(*p == l);
    }
    let recalls: Vec<f64> = right
        .iter()
        .zip(&all)
        .filter(|(_, a)| **a > 0)
        .map(|(r, a)| *r as f64 / *a as f64)
        .collect();
    Ok(recalls.iter().sum::<f64>() / recalls.len() as f64)
}

fn check_pairs(predicted: &[usize], labels: &[usize]) -> Result<(), NnError> {
    if labels.is_empty() {
        return Err(NnError::Empty {
            what: "the labels to compare with",
        });
    }
    if predicted.len() != labels.len() {
        return Err(NnError::Shape {
            what: "predictions, one per label",
            expected: labels.len(),
            found: predicted.len(),
        });
    }
    Ok(())
}
