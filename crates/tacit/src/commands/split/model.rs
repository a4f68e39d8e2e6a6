//! Networks in files, and the rows they take.

use std::path::Path;

use tacit_data::tasks::{Labels, TaskData};
use tacit_nn::layered::{Architecture, Layered, Shape};
use tacit_nn::{Draws, Matrix, Samples, predict, store};

use crate::Error;
use crate::error::Context;

/// Which network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Family {
    /// Dense layers.
    Mlp,
    /// Two convolutions and two dense layers.
    Convnet,
    /// A residual network for small pictures, 8 layers.
    Resnet8,
    /// The same, 14 layers.
    Resnet14,
    /// The same, 20 layers.
    Resnet20,
    /// ResNet-18.
    Resnet18,
    /// ResNet-34.
    Resnet34,
}

/// Which network is made.
#[derive(Debug, Clone, clap::Args)]
pub struct NetworkArgs {
    /// Which network.
    #[arg(long, value_enum, default_value = "convnet")]
    pub model: Family,

    /// Widths of an mlp's hidden layers, separated by commas.
    #[arg(long, value_name = "WIDTH,…", value_delimiter = ',')]
    pub hidden: Vec<usize>,
}

impl NetworkArgs {
    /// Untrained, for a task.
    pub fn network(&self, task: &TaskData, seed: u64) -> Result<Layered, Error> {
        self.model.network(task, &self.hidden, seed)
    }

    /// Its blocks for a task.
    pub fn architecture(&self, task: &TaskData) -> Result<Architecture, Error> {
        self.model.architecture(task, &self.hidden)
    }
}

impl Family {
    /// An untrained network for a task.
    pub fn network(self, task: &TaskData, hidden: &[usize], seed: u64) -> Result<Layered, Error> {
        let architecture = self.architecture(task, hidden)?;
        Layered::new(&architecture, &mut Draws::new(seed, "split model"))
            .bad_input(|| "the network cannot be made")
    }

    fn architecture(self, task: &TaskData, hidden: &[usize]) -> Result<Architecture, Error> {
        let classes = task.public.classes.len();
        let shape = Shape::from(task.shape);
        let residual = |depth| Architecture::resnet_cifar(depth, shape, classes);
        match self {
            Family::Mlp => {
                let usual: &[usize] = if task.is_picture() {
                    &[256, 64, 32]
                } else {
                    &[64, 32, 16]
                };
                let hidden = if hidden.is_empty() { usual } else { hidden };
                Architecture::mlp(&[&[task.size()], hidden, &[classes]].concat())
            }
            Family::Convnet => Architecture::convnet(shape, classes),
            Family::Resnet8 => residual(8),
            Family::Resnet14 => residual(14),
            Family::Resnet20 => residual(20),
            Family::Resnet18 => Architecture::resnet18(shape, classes),
            Family::Resnet34 => Architecture::resnet34(shape, classes),
        }
        .bad_input(|| "the network does not fit the data")
    }
}

/// A network from a safetensors file with its architecture in it.
pub fn load(path: &Path) -> Result<Layered, Error> {
    let remedy = "give a .safetensors file that `tacit split train` or `tacit_nn` wrote; files of Python's \
                  pickle (.pt, .pkl) can run code when they are read and are never read here";
    store::load_layered(path)
        .map(|(network, _)| network)
        .bad_input(|| "the network cannot be read")
        .map_err(|e| e.remedy(remedy))
}

/// The rows of a task.
pub fn rows(task: &TaskData) -> Result<Matrix, Error> {
    Matrix::new(task.len(), task.size(), task.rows.clone()).bad_input(|| "the rows cannot be used")
}

/// The rows of a task with one of its labels.
pub fn samples(task: &TaskData, label: &Labels) -> Result<Samples, Error> {
    Samples::new(rows(task)?, label.values.clone(), label.classes.len())
        .bad_input(|| "the rows cannot be used")
}

/// How often a network says the public class.
pub fn accuracy(network: &Layered, task: &TaskData) -> Result<f64, Error> {
    let said = predict::classes(network, &rows(task)?)
        .bad_input(|| "the network does not take these rows")?;
    predict::accuracy(&said, &task.public.values).failed(|| "the accuracy cannot be measured")
}
