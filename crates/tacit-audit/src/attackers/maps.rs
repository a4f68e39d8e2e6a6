//! A convolutional network on maps and pictures.
//!
//! ```text
//! c × h × w → conv 3, ReLU, pool 2 → 8 × h/2 × w/2 → conv 3, ReLU, pool 2 → 16 × h/4 × w/4 → dense 64 → classes
//! ```
//!
//! Maps with a side below four are not pooled.

use super::networks::{Training, train_on};
use crate::attacker::{Attacker, Budget, FittedAttacker};
use crate::error::AuditError;
use tacit_nn::layered::{Architecture, Block, Layered};
use tacit_nn::{Draws, Samples};

const CHANNELS: [usize; 2] = [8, 16];
const DENSE: usize = 64;
const BATCH: usize = 64;
/// Multiply-adds of the dense network, in whose steps budgets are counted, for one row: what makes a
/// step here dearer.
const DENSE_MACS: f64 = 20_000.0;

/// A convolutional network for rows that are maps of this shape.
#[derive(Debug, Clone, Copy)]
pub struct MapNetwork {
    /// Channels, height, width.
    pub shape: [usize; 3],
}

impl MapNetwork {
    fn architecture(&self, classes: usize) -> Architecture {
        let [_, mut height, mut width] = self.shape;
        let mut blocks = Vec::new();
        for channels in CHANNELS {
            blocks.push(Block::Convolution {
                channels,
                kernel: 3,
                stride: 1,
                norm: false,
                relu: true,
            });
            if height.min(width) >= 4 {
                blocks.push(Block::MaxPool { side: 2 });
                (height, width) = (height / 2, width / 2);
            }
        }
        blocks.push(Block::Dense {
            outputs: DENSE,
            relu: true,
        });
        blocks.push(Block::Dense {
            outputs: classes,
            relu: false,
        });
        Architecture {
            input: self.shape.into(),
            blocks,
        }
    }
}

impl Attacker for MapNetwork {
    fn name(&self) -> &'static str {
        "map-network"
    }

    fn applies(&self, columns: usize) -> bool {
        columns > 0 && columns == self.shape.iter().product::<usize>()
    }

    fn fit(
        &self,
        train: &Samples,
        validation: &Samples,
        seed: u64,
        budget: &Budget,
    ) -> Result<Box<dyn FittedAttacker>, AuditError> {
        let architecture = self.architecture(train.classes());
        let network = Layered::new(&architecture, &mut Draws::new(seed, "weights"))?;
        // Dearer steps are fewer, but not in proportion: too few would not be an attack.
        let dearer = (architecture.macs() as f64 / DENSE_MACS).max(1.0).cbrt();
        let training = Training {
            attacker: self.name(),
            steps: (budget.steps as f64 / dearer) as usize,
            batch: BATCH,
            rate: 2e-3,
        };
        train_on(training, network, train, validation, seed)
    }
}
