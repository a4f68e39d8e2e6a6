//! Plots: data in, an accessible SVG out, and the same data as a table.
//!
//! Four shapes cover what the commands show: [`Lines`] (several series, bands, reference lines),
//! [`Bars`] (single, stacked, grouped, with floors, ceilings and spreads) and [`Scatter`] (with
//! the Pareto frontier).
//!
//! # Why these are drawn here
//! The page has to follow the reader's light or dark setting, print, carry a text alternative for
//! every plot and every mark, and fetch nothing. Of the libraries that were looked at, `charming`
//! draws with JavaScript in the browser or with an embedded V8; `plotters` writes literal
//! colours into every element, knows neither `<title>` nor stacked bars, and has not had a
//! release for two years; `kuva` is kept well and comes close, but brings 95 000 lines for sixty
//! kinds of plot and adds 50 s to a clean build. What is needed is a scale, ticks and a few
//! shapes; every colour is a CSS class, so themes and print are a style sheet.
//!
//! # Limits
//! Text is placed by an estimate of its width, not by font metrics: labels get a little more room
//! than they need. Values must be finite (positive on a logarithmic axis); a plot that cannot be
//! drawn is an error that names the value, never a gap.

mod axis;
mod bars;
mod frame;
mod lines;
mod scatter;
mod scene;

pub use axis::{Axis, Scale};
pub use bars::{Bar, Bars, Stacking};
pub use lines::{Guide, Lines, Point, Series};
pub use scatter::{Better, Group, Mark, Scatter};

pub(crate) use scene::{Drawing, LegendEntry, Scene};

use crate::{Error, Table};

/// Any plot.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Plot {
    /// Lines over a common axis.
    Lines(Lines),
    /// Horizontal bars.
    Bars(Bars),
    /// Points in the plane.
    Scatter(Scatter),
}

impl Plot {
    /// The plot's title.
    pub fn title(&self) -> &str {
        match self {
            Plot::Lines(plot) => &plot.title,
            Plot::Bars(plot) => &plot.title,
            Plot::Scatter(plot) => &plot.title,
        }
    }

    /// A sentence below the plot.
    pub fn caption(&self) -> Option<&str> {
        match self {
            Plot::Lines(plot) => plot.caption.as_deref(),
            Plot::Bars(plot) => plot.caption.as_deref(),
            Plot::Scatter(plot) => plot.caption.as_deref(),
        }
    }

    /// The plot's data as a table, for readers who cannot see the plot or want the numbers.
    pub fn table(&self) -> Table {
        match self {
            Plot::Lines(plot) => plot.table(),
            Plot::Bars(plot) => plot.table(),
            Plot::Scatter(plot) => plot.table(),
        }
    }

    pub(crate) fn draw(&self) -> Result<Drawing, Error> {
        match self {
            Plot::Lines(plot) => plot.draw(),
            Plot::Bars(plot) => plot.draw(),
            Plot::Scatter(plot) => plot.draw(),
        }
    }
}

impl From<Lines> for Plot {
    fn from(plot: Lines) -> Self {
        Plot::Lines(plot)
    }
}

impl From<Bars> for Plot {
    fn from(plot: Bars) -> Self {
        Plot::Bars(plot)
    }
}

impl From<Scatter> for Plot {
    fn from(plot: Scatter) -> Self {
        Plot::Scatter(plot)
    }
}

/// An error about this plot.
fn refuse(plot: &str, what: impl Into<String>) -> Error {
    Error::Plot {
        plot: plot.to_owned(),
        what: what.into(),
    }
}
