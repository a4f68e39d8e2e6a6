//! A copy of the head, tuned to the private label.
//!
//! Whoever holds the head holds the layers that the features were made for. The attack starts from
//! them, puts a fresh last layer in the place of the old one, and tunes all of it on features as
//! they are sent.

use crate::attacker::{Attacker, Budget, FittedAttacker};
use crate::attackers::networks::{Training, train_on};
use crate::error::AuditError;
use tacit_nn::layered::{Architecture, Block, Layered};
use tacit_nn::{Draws, Samples};

const BATCH: usize = 64;

/// Starts from this head; its features must arrive as sent, not standardised.
pub(crate) struct HeadCopy {
    head: Layered,
}

impl HeadCopy {
    /// `None` for a head of a single layer, of which nothing would be left.
    pub(crate) fn of(head: &Layered) -> Option<Self> {
        let head = head.clone();
        (head.architecture().blocks.len() > 1).then_some(HeadCopy { head })
    }
}

impl Attacker for HeadCopy {
    fn name(&self) -> &'static str {
        "tuned-head"
    }

    fn fit(
        &self,
        train: &Samples,
        validation: &Samples,
        seed: u64,
        budget: &Budget,
    ) -> Result<Box<dyn FittedAttacker>, AuditError> {
        let (trunk, _) = self
            .head
            .split_at(self.head.architecture().blocks.len() - 1)?;
        let last = Architecture {
            input: trunk.output(),
            blocks: vec![Block::Dense {
                outputs: train.classes(),
                relu: false,
            }],
        };
        let last = Layered::new(&last, &mut Draws::new(seed, "last layer"))?;
        let training = Training {
            attacker: self.name(),
            // Of a quarter of the rows that the dense network takes.
            steps: 2 * budget.steps,
            batch: BATCH,
            rate: 3e-3,
        };
        train_on(
            training,
            Layered::join(trunk, last)?,
            train,
            validation,
            seed,
        )
    }
}
