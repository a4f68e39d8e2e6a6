//! Figures of the same study under several seeds.

use std::collections::BTreeMap;

use tacit_learn::metrics::Summary;
use tacit_report::{Cell, Column, Quantity, Run, Table, Unit};

use crate::Error;
use crate::error::Context;

/// Every figure's values, one a seed.
#[derive(Debug, Default)]
pub struct Seeds {
    values: BTreeMap<&'static str, Vec<f64>>,
    count: usize,
}

impl Seeds {
    /// The figures of one seed.
    pub fn add(&mut self, figures: Vec<(&'static str, f64)>) {
        self.count += 1;
        for (name, value) in figures {
            self.values.entry(name).or_default().push(value);
        }
    }

    /// Mean and spread of every figure: into the record, and as a table.
    pub fn record(&self, run: &mut Run) -> Result<Table, Error> {
        let failed = || "the record cannot be made";
        let columns = [
            Column::text("figure"),
            Column::number("mean"),
            Column::number("sd"),
        ];
        let mut table = Table::new(format!("{} seed(s)", self.count), columns);
        for (name, values) in &self.values {
            run.figure_over_seeds(name, values).failed(failed)?;
            if let Some(summary) = Summary::of(values.iter().copied()) {
                // The contracted plain names hold the mean.
                run.figure(name, summary.mean).failed(failed)?;
                table = table.row([
                    Cell::text(*name),
                    Cell::from(Quantity::new(summary.mean, Unit::Plain)),
                    Cell::from(Quantity::new(summary.sd, Unit::Plain)),
                ]);
            }
        }
        Ok(table)
    }
}
