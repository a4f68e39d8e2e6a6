//! Networks that can be cut in two.
//!
//! A [`Layered`] network is a chain of [`Block`]s. Its [`Architecture`] is plain data: it can be
//! written down, checked, priced and stored beside the weights. Between any two blocks the chain
//! can be cut; the first part (the encoder) then runs where the data is, the second (the head)
//! where the service is, and what crosses the cut is a row of numbers. A residual edge lies inside
//! its block, so no cut can separate a sum from one of its terms.
//!
//! ```
//! use tacit_nn::layered::{Architecture, Layered};
//! use tacit_nn::{Draws, Matrix, predict};
//!
//! let architecture = Architecture::resnet_cifar(8, [1, 12, 12].into(), 10)?;
//! let network = Layered::new(&architecture, &mut Draws::new(1, "weights"))?;
//!
//! // Every cut with its price; here the second residual block gives 32 maps of 6 × 6.
//! let cut = architecture.cut("3-residual")?;
//! assert_eq!(cut.shape, [32, 6, 6].into());
//! assert_eq!(cut.bytes, 4 * 32 * 6 * 6);
//!
//! let (encoder, head) = network.split_at(cut.after)?;
//! let rows = Matrix::new(2, 144, vec![0.5; 288])?;
//! let features = predict::logits(&encoder, &rows)?;
//! assert_eq!(predict::logits(&head, &features)?, predict::logits(&network, &rows)?);
//! # Ok::<(), tacit_nn::NnError>(())
//! ```
//!
//! # Start
//! Every weight is drawn from [`Draws`], block after block. Convolutions that are normalised start
//! normal with variance 2/fan-in, everything else uniform in ±1/√fan-in.
//!
//! # Two ways forward
//! [`Network::forward`] normalises with the running statistics and changes nothing, on whatever
//! device. [`Network::forward_training`] normalises with those of the batch and lets the running
//! ones follow, on whatever device. Keep batches of the latter at two rows or more.

mod architecture;
mod block;
mod families;
mod layer;
mod norm;
mod shape;

pub use architecture::{Architecture, Cut};
pub use block::Block;
pub use shape::Shape;

pub(crate) use layer::{Kernel, Layer, Pooling};

use crate::error::NnError;
use crate::network::Network;
use crate::{Draws, training_device};
use burn::module::Module;
use burn::tensor::Tensor;
use norm::Statistics;

/// A chain of blocks with weights.
#[derive(Module, Debug)]
pub struct Layered {
    blocks: Vec<Layer>,
    #[module(skip)]
    architecture: Architecture,
    /// Behind each block; at least one.
    #[module(skip)]
    shapes: Vec<Shape>,
}

impl Layered {
    /// A network of this architecture with weights drawn from `draws`.
    pub fn new(architecture: &Architecture, draws: &mut Draws) -> Result<Self, NnError> {
        let shapes = architecture.shapes()?;
        let device = training_device();
        let mut input = architecture.input;
        let mut blocks = Vec::with_capacity(shapes.len());
        for (&block, &shape) in architecture.blocks.iter().zip(&shapes) {
            blocks.push(Layer::new(block, input, draws, &device));
            input = shape;
        }
        Ok(Layered {
            blocks,
            architecture: architecture.clone(),
            shapes,
        })
    }

    /// What it is made of.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// What comes out of the last block.
    pub fn output(&self) -> Shape {
        let input = self.architecture.input;
        self.shapes.last().copied().unwrap_or(input)
    }

    /// The first `after` blocks and the others, with their weights and running statistics. One
    /// after the other they compute what the whole computes, to the last bit.
    pub fn split_at(&self, after: usize) -> Result<(Layered, Layered), NnError> {
        let (encoder, head) = self.architecture.split_at(after)?;
        let part = |architecture, range: std::ops::Range<usize>| Layered {
            blocks: self.blocks[range.clone()].to_vec(),
            architecture,
            shapes: self.shapes[range].to_vec(),
        };
        let whole = self.blocks.len();
        Ok((part(encoder, 0..after), part(head, after..whole)))
    }

    /// The blocks of `encoder`, then those of `head`.
    pub fn join(encoder: Layered, head: Layered) -> Result<Layered, NnError> {
        let architecture = Architecture::join(&encoder.architecture, &head.architecture)?;
        let mut blocks = encoder.blocks;
        blocks.extend(head.blocks);
        Ok(Layered {
            blocks,
            shapes: architecture.shapes()?,
            architecture,
        })
    }

    /// The shape behind each block.
    pub fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    pub(crate) fn layers(&self) -> &[Layer] {
        &self.blocks
    }

    fn pass(&self, rows: Tensor<2>, statistics: Statistics) -> Tensor<2> {
        self.blocks
            .iter()
            .fold(rows, |rows, block| block.forward(rows, statistics))
    }
}

impl Network for Layered {
    fn inputs(&self) -> usize {
        self.architecture.input.size()
    }

    fn outputs(&self) -> usize {
        self.output().size()
    }

    fn forward(&self, rows: Tensor<2>) -> Tensor<2> {
        self.pass(rows, Statistics::Running)
    }

    fn forward_training(&self, rows: Tensor<2>, _draws: &mut Draws) -> Tensor<2> {
        self.pass(rows, Statistics::Batch)
    }
}
