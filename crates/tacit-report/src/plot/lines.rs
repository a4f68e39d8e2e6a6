//! Lines over a common axis: accuracy per round, time by size, noise margin by level.
//!
//! ```
//! use tacit_report::{Axis, Lines, Plot, Unit};
//! let plot = Lines::new(
//!     "Accuracy per round",
//!     Axis::count("round"),
//!     Axis::new("test accuracy", Unit::Fraction),
//! )
//! .series("plaintext twin", [(0.0, 0.61), (1.0, 0.88), (2.0, 0.95)])
//! .guide("pooled plaintext", 0.967);
//! assert_eq!(Plot::from(plot).table().rows.len(), 4); // three points and the guide
//! ```

use super::axis::Ruler;
use super::frame::Frame;
use super::scene::look;
use super::{Axis, Drawing, LegendEntry, Scene, refuse};
use crate::{Cell, Column, Error, Quantity, Table};

const HEIGHT: f64 = 320.0;
/// Points get a dot of their own while there are few.
const DOTS: usize = 24;
/// The table below a plot holds at most this many rows; longer series are thinned evenly.
const TABLE_ROWS: usize = 60;

/// One point of a line, with an optional band around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Position.
    pub x: f64,
    /// Value.
    pub y: f64,
    /// Lower and upper edge of the band at this point.
    pub band: Option<(f64, f64)>,
}

/// A named line.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Its points, drawn in this order.
    pub points: Vec<Point>,
}

/// A horizontal reference line: an optimum, a limit, a threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct Guide {
    /// Its name in the legend.
    pub name: String,
    /// Where it lies.
    pub y: f64,
}

/// A plot of lines.
#[derive(Debug, Clone, PartialEq)]
pub struct Lines {
    /// The title.
    pub title: String,
    /// A sentence below the plot.
    pub caption: Option<String>,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The lines.
    pub series: Vec<Series>,
    /// Reference lines.
    pub guides: Vec<Guide>,
}

impl Lines {
    /// A plot without lines.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis) -> Self {
        Lines {
            title: title.into(),
            caption: None,
            x,
            y,
            series: Vec::new(),
            guides: Vec::new(),
        }
    }

    /// Adds a sentence below the plot.
    pub fn caption(mut self, text: impl Into<String>) -> Self {
        self.caption = Some(text.into());
        self
    }

    /// Adds a line.
    pub fn series(
        mut self,
        name: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        let points = points
            .into_iter()
            .map(|(x, y)| Point { x, y, band: None })
            .collect();
        self.series.push(Series {
            name: name.into(),
            points,
        });
        self
    }

    /// Adds a line with a band: points of (x, y, lower edge, upper edge).
    pub fn series_with_band(
        mut self,
        name: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64, f64, f64)>,
    ) -> Self {
        let points = points
            .into_iter()
            .map(|(x, y, low, high)| Point {
                x,
                y,
                band: Some((low, high)),
            })
            .collect();
        self.series.push(Series {
            name: name.into(),
            points,
        });
        self
    }

    /// Adds a horizontal reference line.
    pub fn guide(mut self, name: impl Into<String>, y: f64) -> Self {
        self.guides.push(Guide {
            name: name.into(),
            y,
        });
        self
    }

    pub(super) fn table(&self) -> Table {
        let longest = self
            .series
            .iter()
            .map(|s| s.points.len())
            .max()
            .unwrap_or(0);
        let every = longest.div_ceil(TABLE_ROWS).max(1);
        let caption = match every {
            1 => self.title.clone(),
            n => format!("{}, every {n}th point", self.title),
        };
        let columns = [
            Column::text("line"),
            Column::number(&self.x.label),
            Column::number(&self.y.label),
            Column::number("lowest"),
            Column::number("highest"),
        ];
        let y = |value| Cell::from(Quantity::new(value, self.y.unit));
        let mut table = Table::new(caption, columns);
        for series in &self.series {
            let last = series.points.len().saturating_sub(1);
            for (at, point) in series.points.iter().enumerate() {
                if at % every == 0 || at == last {
                    table = table.row([
                        Cell::text(&series.name),
                        Quantity::new(point.x, self.x.unit).into(),
                        y(point.y),
                        point.band.map_or(Cell::Missing, |(low, _)| y(low)),
                        point.band.map_or(Cell::Missing, |(_, high)| y(high)),
                    ]);
                }
            }
        }
        for guide in &self.guides {
            let cells = [
                Cell::text(&guide.name),
                Cell::Missing,
                y(guide.y),
                Cell::Missing,
                Cell::Missing,
            ];
            table = table.row(cells);
        }
        without_empty_band_columns(table)
    }

    pub(super) fn draw(&self) -> Result<Drawing, Error> {
        let points = || self.series.iter().flat_map(|s| &s.points);
        let bands = points()
            .filter_map(|p| p.band)
            .flat_map(|(low, high)| [low, high]);
        let ys = points()
            .map(|p| p.y)
            .chain(bands)
            .chain(self.guides.iter().map(|g| g.y));
        let x = Ruler::fit(&self.title, &self.x, points().map(|p| p.x), 8)?;
        let y = Ruler::fit(&self.title, &self.y, ys, 5)?;
        for series in &self.series {
            if let Some(at) = series
                .points
                .iter()
                .position(|p| p.band.is_some_and(|b| b.0 > b.1))
            {
                let what = format!(
                    "the band of \"{}\" at point {} has its edges swapped",
                    series.name,
                    at + 1
                );
                return Err(refuse(&self.title, what));
            }
        }

        let frame = Frame::new(x, y, HEIGHT);
        let mut scene = Scene::new(&self.title, self.description(), HEIGHT);
        frame.draw(&mut scene, &self.x, &self.y, frame.bottom);
        let Frame { left, right, .. } = frame;

        let place = |px: f64, py: f64| frame.place(px, py);
        for (at, series) in self.series.iter().enumerate() {
            let with_band = || series.points.iter().filter_map(|p| Some((p.x, p.band?)));
            let edge: Vec<_> = with_band()
                .map(|(x, (_, high))| place(x, high))
                .chain(with_band().rev().map(|(x, (low, _))| place(x, low)))
                .collect();
            if !edge.is_empty() {
                scene.path(&format!("band {}", look(at)), &edge, true);
            }
        }
        for (at, guide) in self.guides.iter().enumerate() {
            let height = frame.height(guide.y);
            scene.line(&format!("guide g{}", at % 3), left, height, right, height);
            scene.note(format!(
                "{}: {}",
                guide.name,
                Quantity::new(guide.y, self.y.unit)
            ));
        }
        for (at, series) in self.series.iter().enumerate() {
            let line: Vec<_> = series.points.iter().map(|p| place(p.x, p.y)).collect();
            scene.path(&format!("line {}", look(at)), &line, false);
            scene.note(&series.name);
            if line.len() <= DOTS {
                for (point, (px, py)) in series.points.iter().zip(line) {
                    scene.circle(&format!("dot {}", look(at)), px, py, 3.0);
                    scene.note(self.note(&series.name, point));
                }
            }
        }
        Ok(Drawing {
            scene,
            legend: self.legend(),
        })
    }

    fn legend(&self) -> Vec<LegendEntry> {
        let lines = self
            .series
            .iter()
            .enumerate()
            .map(|(at, series)| LegendEntry {
                name: series.name.clone(),
                class: format!("line {}", look(at)),
                line: true,
            });
        let guides = self
            .guides
            .iter()
            .enumerate()
            .map(|(at, guide)| LegendEntry {
                name: format!("{}: {}", guide.name, Quantity::new(guide.y, self.y.unit)),
                class: format!("guide g{}", at % 3),
                line: true,
            });
        lines.chain(guides).collect()
    }

    fn note(&self, name: &str, point: &Point) -> String {
        let y = |value| Quantity::new(value, self.y.unit);
        let x = Quantity::new(point.x, self.x.unit);
        let mut note = format!("{name}, {} {x}: {}", self.x.label, y(point.y));
        if let Some((low, high)) = point.band {
            note.push_str(&format!(" ({} to {})", y(low), y(high)));
        }
        note
    }

    fn description(&self) -> String {
        let mut text = format!("Lines of {} by {}.", self.y.label, self.x.label);
        for series in &self.series {
            if let (Some(first), Some(last)) = (series.points.first(), series.points.last()) {
                let y = |value| Quantity::new(value, self.y.unit);
                text.push_str(&format!(
                    " {}: from {} to {} over {} points.",
                    series.name,
                    y(first.y),
                    y(last.y),
                    series.points.len()
                ));
            }
        }
        for guide in &self.guides {
            let y = Quantity::new(guide.y, self.y.unit);
            text.push_str(&format!(" Reference line {}: {y}.", guide.name));
        }
        text
    }
}

fn without_empty_band_columns(mut table: Table) -> Table {
    if table
        .rows
        .iter()
        .all(|row| row[3..].iter().all(|cell| *cell == Cell::Missing))
    {
        table.columns.truncate(3);
        table.rows.iter_mut().for_each(|row| row.truncate(3));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Unit;

    fn plot(n: usize) -> Lines {
        Lines::new(
            "t",
            Axis::count("round"),
            Axis::new("accuracy", Unit::Fraction),
        )
        .series(
            "twin",
            (0..n).map(|i| (i as f64, 1.0 - 1.0 / (i + 2) as f64)),
        )
    }

    #[test]
    fn the_table_of_a_long_line_is_thinned_and_says_so() {
        let table = plot(1000).table();
        assert!(table.rows.len() <= TABLE_ROWS + 1);
        assert_eq!(table.caption, "t, every 17th point");
        assert_eq!(table.rows.last().unwrap()[1].to_string(), "999");
        assert_eq!(plot(3).table().rows.len(), 3);
    }

    #[test]
    fn a_swapped_band_names_its_line_and_point() {
        let plot = plot(2).series_with_band("x", [(0.0, 0.5, 0.4, 0.6), (1.0, 0.5, 0.6, 0.4)]);
        let error = plot.draw().err().unwrap().to_string();
        assert!(error.contains("\"x\" at point 2"), "{error}");
    }

    #[test]
    fn a_plot_without_points_is_refused() {
        assert!(plot(0).draw().is_err());
    }
}
