//! What can go wrong while networks are built, trained, stored or asked.

use std::path::PathBuf;

/// The errors of this crate. Each names the row, tensor, parameter or file at fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NnError {
    /// Sizes that do not fit each other.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// What was being measured.
        what: &'static str,
        /// What would fit.
        expected: usize,
        /// What was there.
        found: usize,
    },
    /// A value that is NaN or infinite where data comes in.
    #[error("row {row}, column {column} holds {value}; every feature must be a finite number")]
    Feature {
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// NaN or an infinity.
        value: f32,
    },
    /// A label outside the classes.
    #[error("row {row} has label {label}, but there are {classes} classes, from 0")]
    Label {
        /// Row, from 0.
        row: usize,
        /// The label.
        label: usize,
        /// How many classes there are.
        classes: usize,
    },
    /// A setting outside its range.
    #[error("`{name}` is {value}; it must be {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What it is.
        value: f64,
        /// What it may be.
        expected: &'static str,
    },
    /// Nothing to work on.
    #[error("{what} holds no rows")]
    Empty {
        /// What was empty.
        what: &'static str,
    },
    /// Blocks that do not fit each other.
    #[error("block {block} of the architecture (0: the input): {reason}")]
    Architecture {
        /// The block, from 1; 0 for the input or the whole.
        block: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A cut that is not between two blocks.
    #[error(
        "there is no cut `{asked}`; a network is cut between blocks, never inside one, so that no \
         residual edge is split. The cuts: {cuts}"
    )]
    Cut {
        /// What was asked for.
        asked: String,
        /// The names of those there are.
        cuts: String,
    },
    /// Training that left the numbers.
    #[error(
        "the loss became {loss} in epoch {epoch}, step {step}; lower the learning rate (it was \
         {rate}) or clip the gradient"
    )]
    Diverged {
        /// Epoch, from 0.
        epoch: usize,
        /// Step within the epoch, from 0.
        step: usize,
        /// The loss.
        loss: f32,
        /// The learning rate of that step.
        rate: f64,
    },
    /// A file that is not the format it should be.
    #[error("{origin} is not a safetensors file that can be read: {reason}")]
    Format {
        /// The file, or what the bytes are.
        origin: String,
        /// What the reader found.
        reason: String,
    },
    /// A file of a format that runs code when it is read.
    #[error(
        "{origin} is a pickle, or an archive that holds one, as PyTorch's .pt and .pth are: reading \
         it can run any code, so it is refused; write the weights as safetensors"
    )]
    Pickle {
        /// The file, or what the bytes are.
        origin: String,
    },
    /// A file written for something else.
    #[error("{origin} says {field} = `{found}`, expected `{expected}`")]
    Metadata {
        /// The file, or what the bytes are.
        origin: String,
        /// The entry of the metadata.
        field: String,
        /// What it says, or `(missing)`.
        found: String,
        /// What it should say.
        expected: String,
    },
    /// A tensor the network needs and the file lacks.
    #[error("{origin} has no tensor `{tensor}`; it was written for another network")]
    MissingTensor {
        /// The file, or what the bytes are.
        origin: String,
        /// The tensor.
        tensor: String,
    },
    /// A tensor the file has and the network does not know.
    #[error("{origin} holds a tensor `{tensor}` that this network does not have")]
    UnknownTensor {
        /// The file, or what the bytes are.
        origin: String,
        /// The tensor.
        tensor: String,
    },
    /// A tensor of another shape or number format.
    #[error("tensor `{tensor}` in {origin} is {found}, expected {expected}")]
    TensorShape {
        /// The file, or what the bytes are.
        origin: String,
        /// The tensor.
        tensor: String,
        /// Format and shape in the file.
        found: String,
        /// Format and shape of the network.
        expected: String,
    },
    /// A tensor that holds NaN, an infinity, or a variance below zero.
    #[error("tensor `{tensor}` in {origin} holds {value} at position {index}")]
    TensorValue {
        /// The file, or what the bytes are.
        origin: String,
        /// The tensor.
        tensor: String,
        /// Position in row-major order.
        index: usize,
        /// What is there.
        value: f32,
    },
    /// The operating system refused a file.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}
