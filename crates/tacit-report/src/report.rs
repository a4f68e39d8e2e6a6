//! What a report says, before it is a page.
//!
//! A report is written for someone who has to decide whether to sign: first what happened in
//! sentences, then the figures that matter, then the evidence, then what it does *not* show, then
//! how to repeat it.

use std::time::SystemTime;

use crate::{Error, Gallery, Plot, Quantity, Run, Table, Verdict, page};

/// A report. Build it, then [`render`](Report::render) it or hand it to
/// [`RunFolder::write`](crate::RunFolder::write).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// The title.
    pub title: String,
    /// What happened, in sentences.
    pub summary: Vec<String>,
    /// The gates the run had to meet.
    pub verdicts: Vec<Verdict>,
    /// The few figures to look at first.
    pub key_figures: Vec<KeyFigure>,
    /// The evidence.
    pub sections: Vec<Section>,
    /// What the figures do not show, in plain words.
    pub limits: Vec<String>,
    /// When and where.
    pub provenance: Provenance,
}

/// A figure to look at first.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyFigure {
    /// What it is.
    pub label: String,
    /// The number.
    pub value: Quantity,
    /// What to compare it with.
    pub note: Option<String>,
}

/// A part of the evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// Its heading.
    pub heading: String,
    /// Its content.
    pub blocks: Vec<Block>,
}

/// A piece of a section.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Block {
    /// A paragraph.
    Text(String),
    /// A paragraph that must not be overlooked.
    Warning(String),
    /// A table.
    Table(Table),
    /// A plot, followed by its data as a table.
    Plot(Plot),
    /// Images.
    Gallery(Gallery),
}

/// When and where a run happened. Everything in it comes from outside, so that a page without it
/// is a function of the run alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    /// When the run finished.
    pub created: Option<SystemTime>,
    /// Further facts: machine, data source, parameter set.
    pub facts: Vec<(String, String)>,
}

impl Report {
    /// An empty report.
    pub fn new(title: impl Into<String>) -> Self {
        Report {
            title: title.into(),
            ..Report::default()
        }
    }

    /// Adds a sentence to the summary.
    pub fn summary(mut self, sentence: impl Into<String>) -> Self {
        self.summary.push(sentence.into());
        self
    }

    /// Adds a figure to look at first.
    pub fn key_figure(mut self, label: impl Into<String>, value: Quantity) -> Self {
        self.key_figures.push(KeyFigure {
            label: label.into(),
            value,
            note: None,
        });
        self
    }

    /// Adds a figure to look at first, with what to compare it with.
    pub fn key_figure_with_note(
        mut self,
        label: impl Into<String>,
        value: Quantity,
        note: impl Into<String>,
    ) -> Self {
        let note = Some(note.into());
        self.key_figures.push(KeyFigure {
            label: label.into(),
            value,
            note,
        });
        self
    }

    /// Adds a section.
    pub fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// Adds a limit of the evidence, in plain words.
    pub fn limit(mut self, sentence: impl Into<String>) -> Self {
        self.limits.push(sentence.into());
        self
    }

    /// Adds verdicts on quality gates.
    pub fn verdicts(mut self, verdicts: impl IntoIterator<Item = Verdict>) -> Self {
        self.verdicts.extend(verdicts);
        self
    }

    /// Sets when and where.
    pub fn provenance(mut self, provenance: Provenance) -> Self {
        self.provenance = provenance;
        self
    }

    /// The self-contained page: no scripts, no network, nothing outside the file.
    pub fn render(&self, run: &Run) -> Result<String, Error> {
        page::render(self, run)
    }
}

impl Section {
    /// A section without content.
    pub fn new(heading: impl Into<String>) -> Self {
        Section {
            heading: heading.into(),
            blocks: Vec::new(),
        }
    }

    /// Adds a paragraph.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.blocks.push(Block::Text(text.into()));
        self
    }

    /// Adds a paragraph that must not be overlooked.
    pub fn warning(mut self, text: impl Into<String>) -> Self {
        self.blocks.push(Block::Warning(text.into()));
        self
    }

    /// Adds a table.
    pub fn table(mut self, table: Table) -> Self {
        self.blocks.push(Block::Table(table));
        self
    }

    /// Adds a plot.
    pub fn plot(mut self, plot: impl Into<Plot>) -> Self {
        self.blocks.push(Block::Plot(plot.into()));
        self
    }

    /// Adds images.
    pub fn gallery(mut self, gallery: Gallery) -> Self {
        self.blocks.push(Block::Gallery(gallery));
        self
    }
}

impl Provenance {
    /// A run that finished at this time.
    pub fn at(created: SystemTime) -> Self {
        Provenance {
            created: Some(created),
            facts: Vec::new(),
        }
    }

    /// Adds a fact.
    pub fn fact(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.facts.push((name.into(), value.into()));
        self
    }

    /// Adds facts.
    pub fn facts(mut self, facts: impl IntoIterator<Item = (String, String)>) -> Self {
        self.facts.extend(facts);
        self
    }
}
