//! What was found: outputs, whether they are right, and what it took.

use tacit_collateral::{Head, Outputs};
use tacit_fe::IntegerModel;
use tacit_report::{
    Cell, Column, Quantity, Report, Run, RunFolder, Section, Table, Unit, write_whole,
};

use super::Evaluate;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// Rows of outputs that are shown; all of them are in the file.
const SHOWN: usize = 8;

pub(super) struct Findings {
    /// Seconds.
    pub ingest_s: f64,
    pub encrypt_s: f64,
    pub evaluate_s: f64,
    model: String,
    outputs: usize,
    head: Option<Head>,
    rows: Vec<Row>,
    /// Compared with the clear, and different.
    compared: usize,
    different: usize,
}

struct Row {
    name: String,
    outputs: Vec<i64>,
    label: Option<u8>,
}

impl Row {
    /// The output that is largest.
    fn class(&self) -> usize {
        let largest = self
            .outputs
            .iter()
            .enumerate()
            .max_by_key(|(i, v)| (**v, usize::MAX - i));
        largest.map_or(0, |(i, _)| i)
    }
}

impl Findings {
    pub(super) fn new(model: &IntegerModel, head: Option<Head>) -> Result<Findings, Error> {
        if let Some(head) = head.as_ref().filter(|h| h.inputs() != model.outputs()) {
            return Err(Error::bad_input("the public head does not fit the model")
                .because(format!(
                    "it reads {} outputs, the model has {}",
                    head.inputs(),
                    model.outputs()
                ))
                .remedy("use the head that was trained with the model"));
        }
        Ok(Findings {
            ingest_s: 0.0,
            encrypt_s: 0.0,
            evaluate_s: 0.0,
            model: model.hash().to_string(),
            outputs: model.outputs(),
            head,
            rows: Vec::new(),
            compared: 0,
            different: 0,
        })
    }

    pub(super) fn note(&mut self, name: String, outputs: Vec<i64>, label: Option<u8>) {
        self.rows.push(Row {
            name,
            outputs,
            label,
        });
    }

    /// Notes outputs and whether they are those of the model in the clear.
    pub(super) fn compare(
        &mut self,
        name: String,
        outputs: Vec<i64>,
        clear: &[i64],
        label: Option<u8>,
    ) {
        self.compared += 1;
        self.different += usize::from(outputs != clear);
        self.note(name, outputs, label);
    }

    /// The class of every row: as the head reads it, or where the largest output is.
    fn classes(&self) -> Result<Vec<usize>, Error> {
        let Some(head) = &self.head else {
            return Ok(self.rows.iter().map(Row::class).collect());
        };
        let values = self.rows.iter().flat_map(|row| row.outputs.iter().copied());
        Outputs::new(self.outputs, values.collect())
            .and_then(|outputs| head.classify(&outputs))
            .failed(|| "the head cannot read the outputs")
    }

    /// Share of labelled rows whose class is the label; only where there can be so many classes.
    fn accuracy(&self, classes: &[usize]) -> Option<f64> {
        let most = self.head.as_ref().map_or(self.outputs, Head::classes);
        let labelled: Vec<(usize, usize)> = classes
            .iter()
            .zip(&self.rows)
            .filter_map(|(class, row)| Some((*class, row.label?.into())))
            .collect();
        if labelled.is_empty() || labelled.iter().any(|(_, label)| *label >= most) {
            return None;
        }
        let right = labelled.iter().filter(|(class, label)| class == label);
        Some(right.count() as f64 / labelled.len() as f64)
    }

    fn figures(&self, classes: &[usize]) -> Vec<(&'static str, f64)> {
        let count = self.rows.len() as f64;
        let mut figures = vec![
            ("ciphertexts", count),
            ("outputs", self.outputs as f64),
            ("evaluate_s", self.evaluate_s),
            ("evaluate_per_s", count / self.evaluate_s.max(1e-9)),
        ];
        if self.ingest_s > 0.0 {
            figures.push(("ingest_s", self.ingest_s));
        }
        if self.compared > 0 {
            figures.push(("encrypt_s", self.encrypt_s));
            figures.push(("compared", self.compared as f64));
            figures.push(("different", self.different as f64));
            figures.push(("outputs_match", if self.different == 0 { 1.0 } else { 0.0 }));
        }
        figures.extend(
            self.accuracy(classes)
                .map(|accuracy| ("accuracy", accuracy)),
        );
        figures
    }

    /// Writes the outputs and the record.
    pub(super) fn conclude(
        self,
        args: &Evaluate,
        folder: RunFolder,
        console: &mut Console,
    ) -> Result<Outcome, Error> {
        let csv = folder.path().join("outputs.csv");
        let classes = self.classes()?;
        write_whole(&csv, self.csv(&classes).as_bytes())
            .failed(|| "the outputs could not be written")?;
        let shown = self.shown();
        console.table(&shown)?;
        let columns = [Column::text("figure"), Column::number("value")];
        let figures = self.figures(&classes);
        let table = figures
            .iter()
            .fold(Table::new("Figures", columns), |table, (name, value)| {
                table.row([Cell::text(*name), Quantity::new(*value, Unit::Plain).into()])
            });
        console.table(&table)?;
        console.say(&format!("outputs: {}", csv.display()))?;

        let failed = || "the record cannot be made";
        let mut run = Run::new("fe evaluate", env!("CARGO_PKG_VERSION"), 0).failed(failed)?;
        run.param("model", &self.model).failed(failed)?;
        run.param("threads", args.threads).failed(failed)?;
        run.param("table_mib", args.table_mib).failed(failed)?;
        for (name, value) in &figures {
            run.figure(name, *value).failed(failed)?;
        }
        let mut section = Section::new("Outputs").table(shown).table(table);
        if self.different > 0 {
            section = section.warning(format!(
                "{} of {} images gave other outputs than the model in the clear.",
                self.different, self.compared
            ));
        }
        let report = Report::new("What the server learned")
            .summary(format!(
                "{} ciphertexts were evaluated with a functional key: {} numbers of each became known to its holder, \
                 and nothing else.",
                self.rows.len(),
                self.outputs
            ))
            .section(section)
            .limit("The outputs leak by design: whatever follows from them is known to the holder of the key.")
            .limit("The security of the scheme is proven in the generic group model, at about 126 bits.");
        Ok(Outcome::measured(run, report, folder))
    }

    fn csv(&self, classes: &[usize]) -> String {
        let mut text = String::from("input");
        (0..self.outputs).for_each(|k| text.push_str(&format!(",output_{k}")));
        text.push_str(",class\n");
        for (row, class) in self.rows.iter().zip(classes) {
            text.push_str(&row.name);
            row.outputs
                .iter()
                .for_each(|v| text.push_str(&format!(",{v}")));
            text.push_str(&format!(",{class}\n"));
        }
        text
    }

    fn shown(&self) -> Table {
        let outputs = (0..self.outputs).map(|k| Column::number(format!("output {k}")));
        let columns = std::iter::once(Column::text("input")).chain(outputs);
        let caption = match self.rows.len() {
            n if n > SHOWN => format!("Outputs of the first {SHOWN} of {n}"),
            _ => "Outputs".to_owned(),
        };
        self.rows
            .iter()
            .take(SHOWN)
            .fold(Table::new(caption, columns), |table, row| {
                let outputs = row.outputs.iter().map(|v| Cell::text(v.to_string()));
                table.row(std::iter::once(Cell::text(&row.name)).chain(outputs))
            })
    }
}
