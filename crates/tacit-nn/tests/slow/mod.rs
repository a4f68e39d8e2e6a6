//! Blocks by their definitions, in `f64` and with loops over everything.

use std::collections::BTreeMap;
use tacit_nn::layered::{Architecture, Block, Layered};
use tacit_nn::store::parameters;

/// Parameters and running statistics by path.
pub type Numbers = BTreeMap<String, Vec<f64>>;

pub fn numbers(network: &Layered) -> Numbers {
    parameters(network)
        .into_iter()
        .map(|(name, t)| (name, t.values.into_iter().map(f64::from).collect()))
        .collect()
}

/// A network by its definition.
pub struct Slow<'a> {
    pub architecture: &'a Architecture,
    pub numbers: &'a Numbers,
    /// Whether to normalise by the batch, not by the running statistics.
    pub batch: bool,
}

type Rows = Vec<Vec<f64>>;

impl Slow<'_> {
    pub fn forward(&self, rows: &Rows) -> Rows {
        let mut rows = rows.clone();
        let mut input = self.architecture.input;
        let shapes = self.architecture.shapes().unwrap();
        for (i, (block, shape)) in self.architecture.blocks.iter().zip(shapes).enumerate() {
            let path = format!("blocks.{i}");
            let map = input.map().unwrap_or([input.size(), 1, 1]);
            rows = self.block(*block, &path, rows, map);
            input = shape;
        }
        rows
    }

    fn block(&self, block: Block, path: &str, rows: Rows, map: [usize; 3]) -> Rows {
        match block {
            Block::Dense { outputs, relu } => {
                let weight = &self.numbers[&format!("{path}.linear.weight")];
                let bias = &self.numbers[&format!("{path}.linear.bias")];
                let dense = |row: &Vec<f64>| -> Vec<f64> {
                    (0..outputs)
                        .map(|o| {
                            let sum: f64 = row
                                .iter()
                                .enumerate()
                                .map(|(i, x)| x * weight[i * outputs + o])
                                .sum();
                            sum + bias[o]
                        })
                        .collect()
                };
                let rows = rows.iter().map(dense).collect();
                if relu { positive(rows) } else { rows }
            }
            Block::Convolution {
                channels,
                kernel,
                stride,
                relu,
                ..
            } => {
                let size = [channels, kernel, stride];
                let rows = self.convolve(&format!("{path}.kernel"), &rows, map, size);
                if relu { positive(rows) } else { rows }
            }
            Block::MaxPool { side } => pool(&rows, map, side, side, 0),
            Block::StemPool => pool(&rows, map, 3, 2, 1),
            Block::GlobalAveragePool => {
                let places = map[1] * map[2];
                let mean = |row: &Vec<f64>| {
                    row.chunks(places)
                        .map(|c| c.iter().sum::<f64>() / places as f64)
                        .collect()
                };
                rows.iter().map(mean).collect()
            }
            Block::Residual { channels, stride } => {
                let first = format!("{path}.first");
                let inner = positive(self.convolve(&first, &rows, map, [channels, 3, stride]));
                let sides = [channels, map[1].div_ceil(stride), map[2].div_ceil(stride)];
                let second = format!("{path}.second");
                let mut out = self.convolve(&second, &inner, sides, [channels, 3, 1]);
                let shortcut = format!("{path}.shortcut");
                let edge = if self.numbers.contains_key(&format!("{shortcut}.weight")) {
                    self.convolve(&shortcut, &rows, map, [channels, 1, stride])
                } else {
                    rows
                };
                for (row, edge) in out.iter_mut().zip(&edge) {
                    row.iter_mut().zip(edge).for_each(|(x, e)| *x += e);
                }
                positive(out)
            }
        }
    }

    fn convolve(
        &self,
        path: &str,
        rows: &Rows,
        [from, height, width]: [usize; 3],
        [to, kernel, stride]: [usize; 3],
    ) -> Rows {
        let weight = &self.numbers[&format!("{path}.weight")];
        let half = kernel / 2;
        let at = |row: &[f64], c: usize, y: usize, x: usize| {
            let inside = y >= half && x >= half && y - half < height && x - half < width;
            match inside {
                true => row[(c * height + y - half) * width + x - half],
                false => 0.0,
            }
        };
        let mut out = Vec::new();
        for row in rows {
            let mut values = Vec::new();
            for o in 0..to {
                for y in (0..height).step_by(stride) {
                    for x in (0..width).step_by(stride) {
                        let mut sum = 0.0;
                        for c in 0..from {
                            for i in 0..kernel {
                                for j in 0..kernel {
                                    let w = weight[((o * from + c) * kernel + i) * kernel + j];
                                    sum += w * at(row, c, y + i, x + j);
                                }
                            }
                        }
                        values.push(sum);
                    }
                }
            }
            out.push(values);
        }
        match self.numbers.get(&format!("{path}.bias")) {
            Some(bias) => {
                for row in &mut out {
                    let places = row.len() / to;
                    for (channel, b) in row.chunks_mut(places).zip(bias) {
                        channel.iter_mut().for_each(|x| *x += b);
                    }
                }
            }
            None => self.normalise(&format!("{path}.norm"), &mut out, to),
        }
        out
    }

    fn normalise(&self, path: &str, rows: &mut Rows, channels: usize) {
        let places = rows[0].len() / channels;
        let number = |name: &str, c: usize| self.numbers[&format!("{path}.{name}")][c];
        for c in 0..channels {
            let range = c * places..(c + 1) * places;
            let (mean, variance) = match self.batch {
                true => moments(rows.iter().flat_map(|row| &row[range.clone()])),
                false => (number("mean", c), number("variance", c)),
            };
            let scale = number("scale", c) / (variance + 1e-5).sqrt();
            for row in rows.iter_mut() {
                for x in &mut row[range.clone()] {
                    *x = (*x - mean) * scale + number("shift", c);
                }
            }
        }
    }
}

/// Mean and variance, the latter with the count as its denominator.
pub fn moments<'a>(values: impl Iterator<Item = &'a f64> + Clone) -> (f64, f64) {
    let n = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / n;
    (mean, values.map(|x| (x - mean).powi(2)).sum::<f64>() / n)
}

fn positive(mut rows: Rows) -> Rows {
    for row in &mut rows {
        row.iter_mut().for_each(|x| *x = x.max(0.0));
    }
    rows
}

fn pool(
    rows: &Rows,
    [channels, height, width]: [usize; 3],
    side: usize,
    stride: usize,
    rim: usize,
) -> Rows {
    let starts = |length: usize| (0..=length + 2 * rim - side).step_by(stride);
    let largest = |row: &Vec<f64>, c: usize, top: usize, left: usize| {
        let mut largest = f64::NEG_INFINITY;
        for y in top..top + side {
            for x in left..left + side {
                if y >= rim && x >= rim && y - rim < height && x - rim < width {
                    largest = row[(c * height + y - rim) * width + x - rim].max(largest);
                }
            }
        }
        largest
    };
    rows.iter()
        .map(|row| {
            let mut out = Vec::new();
            for c in 0..channels {
                for top in starts(height) {
                    out.extend(starts(width).map(|left| largest(row, c, top, left)));
                }
            }
            out
        })
        .collect()
}
