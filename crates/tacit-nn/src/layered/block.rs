//! The parts an architecture is made of, and what they cost.

use super::Shape;
use serde::{Deserialize, Serialize};

/// One part of a network. A cut may lie before or after it, never inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Block {
    /// `x ↦ xW + b`; a map is read as its row.
    Dense {
        /// Columns out.
        outputs: usize,
        /// Whether negative values become 0.
        relu: bool,
    },
    /// A square kernel over a map, padded by half its width with zeros.
    Convolution {
        /// Channels out.
        channels: usize,
        /// Width and height of the kernel; odd.
        kernel: usize,
        /// Step of the kernel: both sides are divided by it, rounded up.
        stride: usize,
        /// Whether each channel is normalised; then there is no bias.
        norm: bool,
        /// Whether negative values become 0.
        relu: bool,
    },
    /// The largest value of each square; a rim that fills no square is left out.
    MaxPool {
        /// Side of the squares, and the step between them.
        side: usize,
    },
    /// The largest value of each 3 × 3 neighbourhood at every second place, padded by one: the pool
    /// behind the stem of a residual network for large pictures.
    StemPool,
    /// The mean of each channel: a map becomes a vector.
    GlobalAveragePool,
    /// The basic block of He et al. (2016): two normalised 3 × 3 convolutions beside a residual
    /// edge, `x ↦ relu(N(C₂ relu(N(C₁ x))) + S(x))`. S is the identity, or a normalised 1 × 1
    /// convolution where channels or sides change.
    Residual {
        /// Channels out.
        channels: usize,
        /// Step of C₁ and S.
        stride: usize,
    },
}

/// The widest kernel.
const MAX_KERNEL: usize = 31;
/// The longest step.
const MAX_STRIDE: usize = 8;
/// The most columns of a sample anywhere.
pub(super) const MAX_SIZE: usize = 1 << 24;

/// What a convolution is made of: the block's own, or one of a residual block's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Convolving {
    pub channels: [usize; 2],
    pub kernel: usize,
    pub stride: usize,
    pub norm: bool,
}

impl Convolving {
    /// Sides of the map that comes out.
    pub(super) fn sides(&self, [height, width]: [usize; 2]) -> [usize; 2] {
        [height.div_ceil(self.stride), width.div_ceil(self.stride)]
    }

    fn weights(&self) -> u64 {
        let [from, to] = self.channels;
        product(&[from, to, self.kernel, self.kernel])
    }

    fn parameters(&self) -> u64 {
        // A normalisation has a scale and a shift per channel, and takes the place of the bias.
        let per_channel = if self.norm { 2 } else { 1 };
        self.weights()
            .saturating_add(product(&[per_channel, self.channels[1]]))
    }

    fn macs(&self, sides: [usize; 2]) -> u64 {
        let [height, width] = self.sides(sides);
        self.weights().saturating_mul(product(&[height, width]))
    }
}

/// The convolutions of a residual block: C₁, C₂, and S where it is no identity.
pub(super) fn residual(
    from: usize,
    to: usize,
    stride: usize,
) -> ([Convolving; 2], Option<Convolving>) {
    let convolving = |from, kernel, stride| Convolving {
        channels: [from, to],
        kernel,
        stride,
        norm: true,
    };
    let shortcut = (from != to || stride != 1).then(|| convolving(from, 1, stride));
    (
        [convolving(from, 3, stride), convolving(to, 3, 1)],
        shortcut,
    )
}

impl Block {
    /// What kind of block it is, in one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Block::Dense { .. } => "dense",
            Block::Convolution { .. } => "convolution",
            Block::MaxPool { .. } | Block::StemPool => "pool",
            Block::GlobalAveragePool => "average",
            Block::Residual { .. } => "residual",
        }
    }

    /// The shape that comes out, or why this block does not fit behind that shape.
    pub(super) fn output(&self, input: Shape) -> Result<Shape, String> {
        let map = || {
            input.map().ok_or_else(|| {
                format!(
                    "a {} needs a map, but its input is {input} numbers",
                    self.kind()
                )
            })
        };
        let within = |name: &str, value: usize, limit: usize| match value {
            0 => Err(format!("`{name}` is 0")),
            _ if value > limit => Err(format!("`{name}` is {value}, the largest is {limit}")),
            _ => Ok(()),
        };
        let output = match *self {
            Block::Dense { outputs, .. } => Shape::Flat(outputs),
            Block::Convolution {
                channels,
                kernel,
                stride,
                ..
            } => {
                let [_, height, width] = map()?;
                within("kernel", kernel, MAX_KERNEL)?;
                within("stride", stride, MAX_STRIDE)?;
                if kernel.is_multiple_of(2) {
                    return Err(format!("`kernel` is {kernel}, it must be odd"));
                }
                [channels, height.div_ceil(stride), width.div_ceil(stride)].into()
            }
            Block::MaxPool { side } => {
                let [channels, height, width] = map()?;
                within("side", side, height.min(width))?;
                [channels, height / side, width / side].into()
            }
            Block::StemPool => {
                let [channels, height, width] = map()?;
                [channels, height.div_ceil(2), width.div_ceil(2)].into()
            }
            Block::GlobalAveragePool => Shape::Flat(map()?[0]),
            Block::Residual { channels, stride } => {
                let [_, height, width] = map()?;
                within("stride", stride, MAX_STRIDE)?;
                [channels, height.div_ceil(stride), width.div_ceil(stride)].into()
            }
        };
        match output.size() {
            0 => Err("nothing comes out".to_owned()),
            size if size > MAX_SIZE => {
                Err(format!("{size} numbers come out, the most are {MAX_SIZE}"))
            }
            _ => Ok(output),
        }
    }

    /// How many numbers are trained in it: weights, biases, and scale and shift of normalisations.
    /// Running statistics are not counted.
    pub fn parameters(&self, input: Shape) -> u64 {
        match (*self, input.map()) {
            (Block::Dense { outputs, .. }, _) => {
                product(&[input.size(), outputs]).saturating_add(outputs as u64)
            }
            _ => self
                .convolving(input)
                .fold(0, |sum, (c, _)| sum.saturating_add(c.parameters())),
        }
    }

    /// Running statistics of its normalisations: a mean and a variance per channel.
    pub(super) fn statistics(&self, input: Shape) -> u64 {
        self.convolving(input)
            .filter(|(c, _)| c.norm)
            .fold(0, |sum, (c, _)| {
                sum.saturating_add(product(&[2, c.channels[1]]))
            })
    }

    /// Multiply-adds of its dense layers and convolutions for one sample. Normalisations can be
    /// folded into the convolutions before them; pools, biases and sums are not counted.
    pub fn macs(&self, input: Shape) -> u64 {
        match *self {
            Block::Dense { outputs, .. } => product(&[input.size(), outputs]),
            _ => self
                .convolving(input)
                .fold(0, |sum, (c, sides)| sum.saturating_add(c.macs(sides))),
        }
    }

    /// Its convolutions with the sides of the map that each takes.
    fn convolving(&self, input: Shape) -> impl Iterator<Item = (Convolving, [usize; 2])> {
        let list = match (*self, input.map()) {
            (
                Block::Convolution {
                    channels,
                    kernel,
                    stride,
                    norm,
                    ..
                },
                Some([from, height, width]),
            ) => {
                let convolving = Convolving {
                    channels: [from, channels],
                    kernel,
                    stride,
                    norm,
                };
                vec![(convolving, [height, width])]
            }
            (Block::Residual { channels, stride }, Some([from, height, width])) => {
                let ([first, second], shortcut) = residual(from, channels, stride);
                let sides = [height, width];
                let mut list = vec![(first, sides), (second, first.sides(sides))];
                list.extend(shortcut.map(|s| (s, sides)));
                list
            }
            _ => Vec::new(),
        };
        list.into_iter()
    }
}

fn product(factors: &[usize]) -> u64 {
    factors
        .iter()
        .fold(1u64, |p, &f| p.saturating_mul(f as u64))
}
