//! Heads that do what a test needs: wait, fail, panic.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use tacit_serve::{Head, HeadError, Model, ModelVersion};

use crate::place::{COLUMNS, head, rule};

/// Says how many rows it got, then waits until it is let go on. Once nobody can let it go on, it
/// no longer waits.
pub struct Gate {
    seed: u64,
    entered: Sender<usize>,
    opened: Mutex<Receiver<()>>,
}

/// A model whose head is a gate, the rows it reports, and what lets it go on.
pub fn gate(version: ModelVersion) -> (Model, Receiver<usize>, Sender<()>) {
    let (entered, rows) = channel();
    let (open, opened) = channel();
    let head = Gate {
        seed: version.0[0].into(),
        entered,
        opened: Mutex::new(opened),
    };
    (Model::new(head, version, rule()).unwrap(), rows, open)
}

impl Head for Gate {
    fn answer(&self, features: &[f32], rows: usize) -> Result<Vec<f32>, HeadError> {
        let _ = self.entered.send(rows);
        let _ = self.opened.lock().unwrap().recv();
        head(self.seed).answer(features, rows)
    }

    fn columns(&self) -> usize {
        COLUMNS
    }

    fn outputs(&self) -> usize {
        3
    }
}

/// Fails when a row begins with 1, panics when one begins with −1, and returns too little when one
/// begins with 2.
pub struct Fussy;

impl Head for Fussy {
    fn answer(&self, features: &[f32], rows: usize) -> Result<Vec<f32>, HeadError> {
        let begins = |value| features.chunks_exact(COLUMNS).any(|row| row[0] == value);
        if begins(1.0) {
            return Err(HeadError {
                problem: "it does not like this".into(),
            });
        }
        assert!(!begins(-1.0), "this head panics on purpose");
        let mut logits = head(1).answer(features, rows)?;
        if begins(2.0) {
            logits.pop();
        }
        Ok(logits)
    }

    fn columns(&self) -> usize {
        COLUMNS
    }

    fn outputs(&self) -> usize {
        3
    }
}
