//! Which blocks follow each other, and where they may be cut.

use super::block::MAX_SIZE;
use super::{Block, Shape};
use crate::error::NnError;
use serde::{Deserialize, Serialize};

/// The most blocks of an architecture.
const MAX_BLOCKS: usize = 1024;
/// The most parameters: as `f32` they fill the largest file that is read.
const MAX_PARAMETERS: u64 = crate::store::MAX_BYTES / 4;

/// A chain of blocks behind an input of a known shape.
///
/// Written by hand or read from a file, it may hold blocks that do not fit each other;
/// [`Architecture::check`] finds that, and no [`Layered`](super::Layered) is built without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// One sample.
    pub input: Shape,
    /// The blocks, first to last.
    pub blocks: Vec<Block>,
}

/// A place where a network can be cut in two, and what the first part costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// How many blocks lie before it.
    pub after: usize,
    /// The number and kind of the block before it, as in `3-residual`.
    pub name: String,
    /// What crosses the cut.
    pub shape: Shape,
    /// Multiply-adds of the first part for one sample, see [`Block::macs`].
    pub client_macs: u64,
    /// Numbers trained in the first part, see [`Block::parameters`].
    pub client_parameters: u64,
    /// What crosses the cut as `f32`, in bytes.
    pub bytes: usize,
}

impl Architecture {
    /// The shape behind each block, or the block that does not fit.
    pub fn shapes(&self) -> Result<Vec<Shape>, NnError> {
        let refuse = |block, reason| Err(NnError::Architecture { block, reason });
        let size = self.input.size();
        if size == 0 || size > MAX_SIZE {
            return refuse(
                0,
                format!("its input has {size} numbers, not 1 to {MAX_SIZE}"),
            );
        }
        if self.blocks.is_empty() || self.blocks.len() > MAX_BLOCKS {
            let count = self.blocks.len();
            return refuse(
                0,
                format!("there are {count} blocks, not 1 to {MAX_BLOCKS}"),
            );
        }
        let mut shapes = Vec::with_capacity(self.blocks.len());
        let mut current = self.input;
        let mut numbers = 0u64;
        for (i, block) in self.blocks.iter().enumerate() {
            let next = match block.output(current) {
                Ok(shape) => shape,
                Err(reason) => return refuse(i + 1, reason),
            };
            numbers = numbers
                .saturating_add(block.parameters(current))
                .saturating_add(block.statistics(current));
            if numbers > MAX_PARAMETERS {
                return refuse(
                    i + 1,
                    format!("{numbers} parameters up to here, the most are {MAX_PARAMETERS}"),
                );
            }
            shapes.push(next);
            current = next;
        }
        Ok(shapes)
    }

    /// Whether every block fits behind the one before it.
    pub fn check(&self) -> Result<(), NnError> {
        self.shapes().map(drop)
    }

    /// What comes out of the last block.
    pub fn output(&self) -> Result<Shape, NnError> {
        // `shapes` has one entry per block, and at least one.
        Ok(self.shapes()?.last().copied().unwrap_or(self.input))
    }

    /// Numbers trained in the whole network.
    pub fn parameters(&self) -> u64 {
        self.sum(Block::parameters)
    }

    /// Multiply-adds of the whole network for one sample.
    pub fn macs(&self) -> u64 {
        self.sum(Block::macs)
    }

    /// Parameters and running statistics: what a file of this network holds.
    pub(crate) fn stored_numbers(&self) -> u64 {
        self.sum(|block, input| block.parameters(input) + block.statistics(input))
    }

    fn sum(&self, count: impl Fn(&Block, Shape) -> u64) -> u64 {
        let mut input = self.input;
        let mut sum = 0;
        for (block, next) in self.blocks.iter().zip(self.shapes().unwrap_or_default()) {
            sum += count(block, input);
            input = next;
        }
        sum
    }

    /// Every place where it can be cut: between two blocks, so that a residual edge, which lies
    /// inside its block, is never split. Empty for an architecture that fails its check.
    pub fn cuts(&self) -> Vec<Cut> {
        let mut cuts = Vec::new();
        let mut input = self.input;
        let (mut client_macs, mut client_parameters) = (0, 0);
        for (i, (block, shape)) in self
            .blocks
            .iter()
            .zip(self.shapes().unwrap_or_default())
            .enumerate()
        {
            client_macs += block.macs(input);
            client_parameters += block.parameters(input);
            let after = i + 1;
            if after < self.blocks.len() {
                cuts.push(Cut {
                    after,
                    name: format!("{after}-{}", block.kind()),
                    shape,
                    client_macs,
                    client_parameters,
                    bytes: shape.size() * size_of::<f32>(),
                });
            }
            input = shape;
        }
        cuts
    }

    /// The cut of this number (`3`) or name (`3-residual`).
    pub fn cut(&self, name: &str) -> Result<Cut, NnError> {
        self.check()?;
        let cuts = self.cuts();
        let found = cuts
            .iter()
            .find(|cut| cut.name == name || cut.after.to_string() == name);
        match found {
            Some(cut) => Ok(cut.clone()),
            None => Err(self.no_cut(name)),
        }
    }

    /// Both parts, the first `after` blocks and the others.
    pub fn split_at(&self, after: usize) -> Result<(Architecture, Architecture), NnError> {
        let shapes = self.shapes()?;
        if after == 0 || after >= self.blocks.len() {
            return Err(self.no_cut(&after.to_string()));
        }
        let (first, second) = self.blocks.split_at(after);
        let encoder = Architecture {
            input: self.input,
            blocks: first.to_vec(),
        };
        let head = Architecture {
            input: shapes[after - 1],
            blocks: second.to_vec(),
        };
        Ok((encoder, head))
    }

    /// The blocks of `encoder`, then those of `head`. What comes out of the one must be what goes
    /// into the other; a head that reads rows takes a map of as many numbers too.
    pub fn join(encoder: &Architecture, head: &Architecture) -> Result<Architecture, NnError> {
        let between = encoder.output()?;
        head.check()?;
        let fits = between == head.input || head.input == Shape::Flat(between.size());
        if !fits {
            return Err(NnError::Architecture {
                block: encoder.blocks.len(),
                reason: format!("{between} comes out, but the head takes {}", head.input),
            });
        }
        let joined = Architecture {
            input: encoder.input,
            blocks: [encoder.blocks.as_slice(), &head.blocks].concat(),
        };
        joined.check()?;
        Ok(joined)
    }

    fn no_cut(&self, asked: &str) -> NnError {
        let names: Vec<String> = self.cuts().into_iter().map(|cut| cut.name).collect();
        NnError::Cut {
            asked: asked.to_owned(),
            cuts: match names.is_empty() {
                true => "there are none, for it has a single block".to_owned(),
                false => names.join(", "),
            },
        }
    }
}
