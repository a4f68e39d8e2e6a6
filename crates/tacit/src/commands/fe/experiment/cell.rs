//! One cell of the experiment: a number of outputs, a seed, before or after protection. Finished
//! cells are files of the run's folder, so that a stopped experiment goes on where it was.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tacit_audit::AttackSuite;
use tacit_collateral::{CollateralRecipe, Task};
use tacit_report::write_whole;

use super::super::learning::{Exam, examine, trained};
use crate::error::Context;
use crate::{Error, Progress};

/// What a cell was computed from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Setting {
    pub data: String,
    pub rows: [usize; 3],
    pub recipe: CollateralRecipe,
    pub effort: String,
}

/// What came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cell {
    setting: Setting,
    /// Accuracy of the public head on integer outputs.
    pub accuracy: f64,
    pub base_rate: f64,
    /// By attacker.
    pub attacks: BTreeMap<String, f64>,
    /// The largest of them.
    pub best: f64,
    /// Images together, accuracy of the best attacker.
    pub together: Vec<(usize, f64)>,
    /// log2 of the proven bound of the outputs.
    pub output_bits: f64,
    pub train_s: f64,
    pub attack_s: f64,
}

impl Cell {
    /// The stored cell if it was computed from the same setting, else a new one, stored.
    pub(super) fn get(
        folder: &Path,
        name: &str,
        setting: Setting,
        task: &Task,
        suite: &AttackSuite,
        progress: &Progress,
    ) -> Result<Cell, Error> {
        let path = folder.join(format!("{name}.json"));
        if let Ok(bytes) = std::fs::read(&path)
            && let Ok(cell) = serde_json::from_slice::<Cell>(&bytes)
            && cell.setting == setting
        {
            return Ok(cell);
        }
        let cell = Cell::compute(name, setting, task, suite, progress)?;
        let bytes = serde_json::to_vec_pretty(&cell).failed(|| "a result cannot be written")?;
        write_whole(&path, &bytes).failed(|| "a result could not be written")?;
        Ok(cell)
    }

    fn compute(
        name: &str,
        setting: Setting,
        task: &Task,
        suite: &AttackSuite,
        progress: &Progress,
    ) -> Result<Cell, Error> {
        let recipe = &setting.recipe;
        let start = std::time::Instant::now();
        let model = trained(task, recipe, &format!("{name} training"), progress)?.model;
        let train_s = start.elapsed().as_secs_f64();
        let start = std::time::Instant::now();
        let attackers = format!("{name} attackers");
        let exam = examine(task, &model, recipe, Some(suite), &attackers, progress)?;
        let Exam {
            accuracy,
            attack: Some(attack),
            several,
            ..
        } = exam
        else {
            return Err(Error::bad_input("there is no private label to attack")
                .remedy("name one with --private"));
        };
        Ok(Cell {
            accuracy,
            base_rate: attack.base_rate,
            attacks: attack
                .attacks
                .iter()
                .map(|a| (a.name.to_owned(), a.accuracy))
                .collect(),
            best: attack.best().accuracy,
            together: several.iter().map(|p| (p.rows, p.soft)).collect(),
            output_bits: (model.bounds().largest_output().max(1) as f64).log2(),
            train_s,
            attack_s: start.elapsed().as_secs_f64(),
            setting,
        })
    }
}
