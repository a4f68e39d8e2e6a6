//! Horizontal bars: time per phase, bytes per party and phase, attackers between floor and ceiling.
//!
//! ```
//! use tacit_report::{Bars, Plot, Unit};
//! let plot = Bars::stacked("Bytes", "sent", Unit::Bytes, ["keys", "training"])
//!     .stack("hospital-a", [40e6, 3e6])
//!     .stack("hospital-b", [20e6, 3e6]);
//! assert_eq!(Plot::from(plot).table().columns.len(), 4);
//! ```

use super::axis::Ruler;
use super::scene::{WIDTH, look, shorten, text_width};
use super::{Axis, Drawing, LegendEntry, Scene, refuse};
use crate::{Cell, Column, Error, Quantity, Table, Unit};

const BAR: f64 = 20.0;
const THIN_BAR: f64 = 14.0;
const GAP: f64 = 10.0;
const WIDEST_LABEL: f64 = 230.0;

/// How the values of one bar stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stacking {
    /// One after the other: parts of a whole.
    Stacked,
    /// One below the other: alternatives to compare.
    Grouped,
}

/// One row of the plot.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// Its label.
    pub label: String,
    /// A value per segment.
    pub values: Vec<f64>,
    /// Standard deviation of the value, for bars of one segment.
    pub spread: Option<f64>,
    /// What would be reached anyway.
    pub floor: Option<f64>,
    /// What could be reached at most.
    pub ceiling: Option<f64>,
}

/// A plot of bars, drawn from zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Bars {
    /// The title.
    pub title: String,
    /// A sentence below the plot.
    pub caption: Option<String>,
    /// The common axis of all values.
    pub value: Axis,
    /// Names of the segments; one name for simple bars.
    pub segments: Vec<String>,
    /// How segments are drawn.
    pub stacking: Stacking,
    /// The rows, from top to bottom.
    pub bars: Vec<Bar>,
    /// What floors and ceilings are called in the legend.
    pub bounds: (String, String),
}

impl Bars {
    /// Simple bars: one value each.
    pub fn new(title: impl Into<String>, value: impl Into<String>, unit: Unit) -> Self {
        let value = value.into();
        let segment = value.clone();
        Bars::with(title.into(), value, unit, vec![segment], Stacking::Grouped)
    }

    /// Bars made of parts.
    pub fn stacked<S: Into<String>>(
        title: impl Into<String>,
        value: impl Into<String>,
        unit: Unit,
        segments: impl IntoIterator<Item = S>,
    ) -> Self {
        let segments = segments.into_iter().map(Into::into).collect();
        Bars::with(
            title.into(),
            value.into(),
            unit,
            segments,
            Stacking::Stacked,
        )
    }

    /// Groups of bars side by side.
    pub fn grouped<S: Into<String>>(
        title: impl Into<String>,
        value: impl Into<String>,
        unit: Unit,
        segments: impl IntoIterator<Item = S>,
    ) -> Self {
        let segments = segments.into_iter().map(Into::into).collect();
        Bars::with(
            title.into(),
            value.into(),
            unit,
            segments,
            Stacking::Grouped,
        )
    }

    fn with(
        title: String,
        value: String,
        unit: Unit,
        segments: Vec<String>,
        stacking: Stacking,
    ) -> Self {
        Bars {
            title,
            caption: None,
            value: Axis::new(value, unit).from_zero(),
            segments,
            stacking,
            bars: Vec::new(),
            bounds: ("floor".into(), "ceiling".into()),
        }
    }

    /// Adds a sentence below the plot.
    pub fn caption(mut self, text: impl Into<String>) -> Self {
        self.caption = Some(text.into());
        self
    }

    /// Adds a bar of one value.
    pub fn bar(self, label: impl Into<String>, value: f64) -> Self {
        self.stack(label, [value])
    }

    /// Adds a bar with a value per segment.
    pub fn stack(
        mut self,
        label: impl Into<String>,
        values: impl IntoIterator<Item = f64>,
    ) -> Self {
        self.bars.push(Bar {
            label: label.into(),
            values: values.into_iter().collect(),
            spread: None,
            floor: None,
            ceiling: None,
        });
        self
    }

    /// Adds a bar given in full: with spread, floor or ceiling.
    pub fn push(mut self, bar: Bar) -> Self {
        self.bars.push(bar);
        self
    }

    /// Names the floors and ceilings in the legend, for example "guess from the public output".
    pub fn bounds(mut self, floor: impl Into<String>, ceiling: impl Into<String>) -> Self {
        self.bounds = (floor.into(), ceiling.into());
        self
    }

    fn has_floor(&self) -> bool {
        self.bars.iter().any(|bar| bar.floor.is_some())
    }

    fn has_ceiling(&self) -> bool {
        self.bars.iter().any(|bar| bar.ceiling.is_some())
    }

    fn quantity(&self, value: f64) -> Quantity {
        Quantity::new(value, self.value.unit)
    }

    pub(super) fn table(&self) -> Table {
        let sum = self.stacking == Stacking::Stacked && self.segments.len() > 1;
        let mut columns = vec![Column::text("")];
        columns.extend(self.segments.iter().map(Column::number));
        columns.extend(sum.then(|| Column::number("sum")));
        columns.extend(self.has_floor().then(|| Column::number(&self.bounds.0)));
        columns.extend(self.has_ceiling().then(|| Column::number(&self.bounds.1)));
        let optional = |value: Option<f64>| Cell::from(value.map(|v| self.quantity(v)));
        self.bars
            .iter()
            .fold(Table::new(&self.title, columns), |table, bar| {
                let mut cells = vec![Cell::text(&bar.label)];
                cells.extend(bar.values.iter().map(|value| {
                    let quantity = self.quantity(*value);
                    Cell::from(Quantity {
                        spread: bar.spread,
                        ..quantity
                    })
                }));
                cells.extend(sum.then(|| self.quantity(bar.values.iter().sum()).into()));
                cells.extend(self.has_floor().then(|| optional(bar.floor)));
                cells.extend(self.has_ceiling().then(|| optional(bar.ceiling)));
                table.row(cells)
            })
    }

    fn check(&self) -> Result<(), Error> {
        for bar in &self.bars {
            if bar.values.len() != self.segments.len() {
                let what = format!(
                    "bar \"{}\" has {} values for {} segments",
                    bar.label,
                    bar.values.len(),
                    self.segments.len()
                );
                return Err(refuse(&self.title, what));
            }
            if self.stacking == Stacking::Stacked && bar.values.iter().any(|value| *value < 0.0) {
                let what = format!("bar \"{}\" stacks a negative value", bar.label);
                return Err(refuse(&self.title, what));
            }
        }
        Ok(())
    }

    /// The furthest ends of a bar, for the axis.
    fn reach(&self, bar: &Bar) -> Vec<f64> {
        let mut reach = match self.stacking {
            Stacking::Stacked => vec![bar.values.iter().sum()],
            Stacking::Grouped => bar.values.clone(),
        };
        let spread = bar.spread.unwrap_or(0.0);
        reach.extend(bar.values.iter().map(|value| value + spread));
        reach.extend(bar.floor);
        reach.extend(bar.ceiling);
        reach
    }

    pub(super) fn draw(&self) -> Result<Drawing, Error> {
        self.check()?;
        let reach = self.bars.iter().flat_map(|bar| self.reach(bar));
        let ruler = Ruler::fit(&self.title, &self.value, reach, 6)?;

        let widest = |texts: &mut dyn Iterator<Item = f64>| texts.fold(0.0, f64::max);
        let labels = widest(&mut self.bars.iter().map(|bar| text_width(&bar.label)));
        let ends = widest(
            &mut self
                .bars
                .iter()
                .map(|bar| text_width(&self.end_label(bar, 0))),
        );
        let left = labels.min(WIDEST_LABEL) + 12.0;
        let right = WIDTH - ends.max(text_width("00.0 %")) - 10.0;

        let thick = match self.stacking {
            Stacking::Stacked => BAR,
            Stacking::Grouped if self.segments.len() > 1 => THIN_BAR * self.segments.len() as f64,
            Stacking::Grouped => BAR,
        };
        let top = 6.0;
        let bottom = top + self.bars.len() as f64 * (thick + GAP);
        let mut scene = Scene::new(&self.title, self.description(), bottom + 46.0);
        for (value, label) in ruler.ticks() {
            let at = ruler.at(*value, left, right);
            scene.line("grid", at, top, at, bottom + 5.0);
            scene.text("tick middle", at, bottom + 20.0, label);
        }
        let heading = self.value.heading(ruler.step);
        scene.text("axis middle", (left + right) / 2.0, bottom + 40.0, heading);

        let zero = ruler.at(0.0, left, right);
        for (row, bar) in self.bars.iter().enumerate() {
            let y = top + GAP / 2.0 + row as f64 * (thick + GAP);
            let label = shorten(&bar.label, left - 12.0);
            scene.text("label end", left - 8.0, y + thick / 2.0 + 4.0, label);
            scene.note(&bar.label);
            match self.stacking {
                Stacking::Stacked => self.draw_stack(&mut scene, &ruler, bar, y, left, right),
                Stacking::Grouped => self.draw_group(&mut scene, &ruler, bar, y, left, right),
            }
            for (class, name, value) in [
                ("floor", &self.bounds.0, bar.floor),
                ("ceiling", &self.bounds.1, bar.ceiling),
            ] {
                if let Some(value) = value {
                    let at = ruler.at(value, left, right);
                    scene.line("halo", at, y - 4.0, at, y + thick + 4.0);
                    scene.line(class, at, y - 4.0, at, y + thick + 4.0);
                    scene.note(format!("{}, {name}: {}", bar.label, self.quantity(value)));
                }
            }
        }
        scene.line("base", zero, top, zero, bottom);
        Ok(Drawing {
            scene,
            legend: self.legend(),
        })
    }

    fn draw_stack(&self, scene: &mut Scene, ruler: &Ruler, bar: &Bar, y: f64, l: f64, r: f64) {
        let mut sum = 0.0;
        for (at, value) in bar.values.iter().enumerate() {
            let from = ruler.at(sum, l, r);
            sum += value;
            let to = ruler.at(sum, l, r);
            if to - from > 0.0 {
                scene.rect(&format!("bar {}", look(at)), from, y, to - from, BAR);
                scene.note(self.note(bar, at));
            }
        }
        scene.text(
            "value",
            ruler.at(sum, l, r) + 6.0,
            y + BAR / 2.0 + 4.0,
            self.end_label(bar, 0),
        );
    }

    fn draw_group(&self, scene: &mut Scene, ruler: &Ruler, bar: &Bar, y: f64, l: f64, r: f64) {
        let alone = self.segments.len() == 1;
        let (thick, drawn) = if alone {
            (BAR, BAR)
        } else {
            (THIN_BAR, THIN_BAR - 2.0)
        };
        let zero = ruler.at(0.0, l, r);
        for (at, value) in bar.values.iter().enumerate() {
            let y = y + at as f64 * thick;
            let middle = y + drawn / 2.0;
            let end = ruler.at(*value, l, r);
            let class = format!("bar {}", look(at));
            scene.rect(&class, zero.min(end), y, (end - zero).abs(), drawn);
            scene.note(self.note(bar, at));
            let mut furthest = zero.max(end);
            if let Some(spread) = bar.spread {
                let (low, high) = (
                    ruler.at(value - spread, l, r),
                    ruler.at(value + spread, l, r),
                );
                for class in ["whisker halo", "whisker"] {
                    scene.line(class, low, middle, high, middle);
                    scene.line(class, low, middle - 4.0, low, middle + 4.0);
                    scene.line(class, high, middle - 4.0, high, middle + 4.0);
                }
                furthest = furthest.max(high);
            }
            if alone {
                // Keep the number clear of the lines drawn across the row.
                for bound in bar.floor.iter().chain(&bar.ceiling) {
                    let line = ruler.at(*bound, l, r);
                    let text = text_width(&self.end_label(bar, at));
                    if line > furthest - 4.0 && line < furthest + text + 8.0 {
                        furthest = line;
                    }
                }
            }
            scene.text(
                "value",
                furthest + 6.0,
                middle + 4.0,
                self.end_label(bar, at),
            );
        }
    }

    fn end_label(&self, bar: &Bar, segment: usize) -> String {
        let value = match self.stacking {
            Stacking::Stacked => bar.values.iter().sum(),
            Stacking::Grouped => bar.values.get(segment).copied().unwrap_or_default(),
        };
        Quantity {
            spread: bar.spread,
            ..self.quantity(value)
        }
        .to_string()
    }

    fn note(&self, bar: &Bar, segment: usize) -> String {
        let value = Quantity {
            spread: bar.spread,
            ..self.quantity(bar.values[segment])
        };
        match self.segments.len() {
            1 => format!("{}: {value}", bar.label),
            _ => format!("{}, {}: {value}", bar.label, self.segments[segment]),
        }
    }

    fn legend(&self) -> Vec<LegendEntry> {
        let mut legend = Vec::new();
        if self.segments.len() > 1 {
            legend.extend(
                self.segments
                    .iter()
                    .enumerate()
                    .map(|(at, name)| LegendEntry {
                        name: name.clone(),
                        class: format!("bar {}", look(at)),
                        line: false,
                    }),
            );
        }
        let bound = |name: &str, class: &str| LegendEntry {
            name: name.to_owned(),
            class: class.to_owned(),
            line: true,
        };
        legend.extend(self.has_floor().then(|| bound(&self.bounds.0, "floor")));
        legend.extend(self.has_ceiling().then(|| bound(&self.bounds.1, "ceiling")));
        legend
    }

    fn description(&self) -> String {
        let mut text = format!("Bars of {}.", self.value.label);
        for bar in &self.bars {
            let values: Vec<String> = (0..bar.values.len())
                .map(|at| match self.segments.len() {
                    1 => self.quantity(bar.values[at]).to_string(),
                    _ => format!("{} {}", self.segments[at], self.quantity(bar.values[at])),
                })
                .collect();
            text.push_str(&format!(" {}: {}.", bar.label, values.join(", ")));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_that_does_not_fit_its_segments_is_named() {
        let plot = Bars::stacked("t", "bytes", Unit::Bytes, ["keys", "training"]).bar("a", 1.0);
        let error = plot.draw().err().unwrap().to_string();
        assert!(
            error.contains("\"a\" has 1 values for 2 segments"),
            "{error}"
        );
    }

    #[test]
    fn a_negative_part_of_a_whole_is_refused() {
        let plot = Bars::stacked("t", "bytes", Unit::Bytes, ["keys"]).bar("a", -1.0);
        assert!(plot.draw().is_err());
        assert!(
            Bars::new("t", "change", Unit::Plain)
                .bar("a", -1.0)
                .draw()
                .is_ok()
        );
    }

    #[test]
    fn bars_stay_inside_the_image() {
        let plot = Bars::new("t", "time", Unit::Seconds)
            .bar(
                "a label that is much longer than the room there is for it, really",
                3.0,
            )
            .push(Bar {
                label: "b".into(),
                values: vec![100.0],
                spread: Some(60.0),
                floor: Some(20.0),
                ceiling: Some(170.0),
            });
        let svg = plot.draw().unwrap().scene.to_svg().unwrap();
        for x in svg.split(" x=\"").skip(1) {
            let x: f64 = x.split('"').next().unwrap().parse().unwrap();
            assert!((0.0..=WIDTH).contains(&x));
        }
    }
}
