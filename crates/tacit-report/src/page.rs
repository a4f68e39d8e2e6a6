//! The report as one HTML page.
//!
//! The page is an askama template: it is checked when the crate is built and escapes every value
//! it is given. The only values that pass unescaped are drawings, and those come from a template
//! of their own that escapes every label. A content security policy in the page forbids scripts
//! and every fetch, so opening a report never tells anyone that it was opened.

use askama::Template;

use crate::gallery::DrawnRow;
use crate::{Align, Block, Cell, Column, Error, Gallery, Plot, Report, Run, Table};

/// An SVG image made by the drawing template, safe to embed as it is.
struct Svg(String);

impl std::fmt::Display for Svg {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl askama::filters::HtmlSafe for Svg {}

impl askama::FastWritable for Svg {
    fn write_into(
        &self,
        dest: &mut dyn std::fmt::Write,
        _: &dyn askama::Values,
    ) -> askama::Result<()> {
        Ok(dest.write_str(&self.0)?)
    }
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    run: &'a Run,
    parts: Vec<Part<'a>>,
    created: Option<String>,
    params: Vec<(&'a str, String)>,
}

struct Part<'a> {
    heading: &'a str,
    pieces: Vec<Piece<'a>>,
}

enum Piece<'a> {
    Text(&'a str),
    Warning(&'a str),
    Table(&'a Table),
    Figure(Box<Figure<'a>>),
    Images(&'a Gallery, Vec<DrawnRow<'a>>),
}

struct Figure<'a> {
    plot: &'a Plot,
    svg: Svg,
    legend: Vec<crate::plot::LegendEntry>,
    data: Table,
}

pub(crate) fn render(report: &Report, run: &Run) -> Result<String, Error> {
    let mut plots = 0;
    let mut parts = Vec::with_capacity(report.sections.len());
    for section in &report.sections {
        let mut pieces = Vec::with_capacity(section.blocks.len());
        for block in &section.blocks {
            pieces.push(match block {
                Block::Text(text) => Piece::Text(text),
                Block::Warning(text) => Piece::Warning(text),
                Block::Table(table) => {
                    table.check()?;
                    Piece::Table(table)
                }
                Block::Plot(plot) => {
                    plots += 1;
                    Piece::Figure(Box::new(figure(plot, plots)?))
                }
                Block::Gallery(gallery) => Piece::Images(gallery, gallery.drawn()?),
            });
        }
        parts.push(Part {
            heading: &section.heading,
            pieces,
        });
    }
    let created = report.provenance.created.map(|time| {
        chrono::DateTime::<chrono::Utc>::from(time)
            .format("%Y-%m-%d %H:%M:%S UTC")
            .to_string()
    });
    let params = run
        .params()
        .iter()
        .map(|(name, value)| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            (name.as_str(), text)
        })
        .collect();
    Page {
        report,
        run,
        parts,
        created,
        params,
    }
    .render()
    .map_err(|source| Error::Page { source })
}

fn figure(plot: &Plot, number: usize) -> Result<Figure<'_>, Error> {
    let mut drawing = plot.draw()?;
    drawing.scene.id = format!("plot-{number}");
    let svg = Svg(drawing.scene.to_svg()?);
    Ok(Figure {
        plot,
        svg,
        legend: drawing.legend,
        data: plot.table(),
    })
}

impl Column {
    /// The class of this column's cells.
    fn class(&self) -> &'static str {
        match self.align {
            Align::Start => "words",
            Align::End => "number",
        }
    }
}

impl Table {
    /// The cells of a row with the class of their column.
    fn styled<'a>(&'a self, row: &'a [Cell]) -> impl Iterator<Item = (&'static str, &'a Cell)> {
        self.columns.iter().map(Column::class).zip(row)
    }
}
