//! Points in the plane, with the Pareto frontier: privacy against accuracy, time against noise.
//!
//! ```
//! use tacit_report::{Axis, Better, Plot, Scatter, Unit};
//! let plot = Scatter::new(
//!     "What protection costs",
//!     Axis::new("attack accuracy", Unit::Fraction),
//!     Axis::new("public accuracy", Unit::Fraction),
//! )
//! .group("hardened", [("λ = 0.1", 0.395, 0.965), ("λ = 1", 0.222, 0.981)])
//! .frontier(Better::Lower, Better::Higher);
//! assert_eq!(Plot::from(plot).table().rows.len(), 2);
//! ```

use super::axis::Ruler;
use super::frame::Frame;
use super::scene::{WIDTH, look, text_width};
use super::{Axis, Drawing, LegendEntry, Scene};
use crate::{Cell, Column, Error, Quantity, Table};

const HEIGHT: f64 = 360.0;

/// Which direction of an axis is the good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Small values.
    Lower,
    /// Large values.
    Higher,
}

/// One labelled point.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Its label; may be empty.
    pub label: String,
    /// Position on the horizontal axis.
    pub x: f64,
    /// Position on the vertical axis.
    pub y: f64,
}

/// Points that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Their name in the legend.
    pub name: String,
    /// The points.
    pub marks: Vec<Mark>,
}

/// A plot of points.
#[derive(Debug, Clone, PartialEq)]
pub struct Scatter {
    /// The title.
    pub title: String,
    /// A sentence below the plot.
    pub caption: Option<String>,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The points.
    pub groups: Vec<Group>,
    /// The good directions, when the frontier is to be drawn.
    pub frontier: Option<(Better, Better)>,
    /// Whether points are many and count by where they crowd: small circles, one line per group in the table.
    pub cloud: bool,
}

impl Scatter {
    /// A plot without points.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis) -> Self {
        Scatter {
            title: title.into(),
            caption: None,
            x,
            y,
            groups: Vec::new(),
            frontier: None,
            cloud: false,
        }
    }

    /// Adds a sentence below the plot.
    pub fn caption(mut self, text: impl Into<String>) -> Self {
        self.caption = Some(text.into());
        self
    }

    /// Adds points of (label, x, y).
    pub fn group<S: Into<String>>(
        mut self,
        name: impl Into<String>,
        marks: impl IntoIterator<Item = (S, f64, f64)>,
    ) -> Self {
        let marks = marks.into_iter().map(|(label, x, y)| Mark {
            label: label.into(),
            x,
            y,
        });
        self.groups.push(Group {
            name: name.into(),
            marks: marks.collect(),
        });
        self
    }

    /// Draws the frontier: the points that no other point beats in both directions.
    pub fn frontier(mut self, x: Better, y: Better) -> Self {
        self.frontier = Some((x, y));
        self
    }

    /// Many points that count by where they crowd: small circles, and a table of the groups' middles in place
    /// of one of all points.
    pub fn cloud(mut self) -> Self {
        self.cloud = true;
        self
    }

    fn marks(&self) -> impl Iterator<Item = &Mark> {
        self.groups.iter().flat_map(|group| &group.marks)
    }

    /// The points that no other point beats, from left to right.
    fn best(&self, (x, y): (Better, Better)) -> Vec<&Mark> {
        let cost = |value: f64, better| {
            if better == Better::Lower {
                value
            } else {
                -value
            }
        };
        let mut marks: Vec<&Mark> = self.marks().collect();
        marks.sort_by(|a, b| {
            let by_x = cost(a.x, x).total_cmp(&cost(b.x, x));
            by_x.then(cost(a.y, y).total_cmp(&cost(b.y, y)))
        });
        let mut lowest = f64::INFINITY;
        marks.retain(|mark| {
            let beats = cost(mark.y, y) < lowest;
            lowest = lowest.min(cost(mark.y, y));
            beats
        });
        marks.sort_by(|a, b| a.x.total_cmp(&b.x));
        marks
    }

    /// Each group's size and mean.
    fn middles(&self) -> Table {
        let columns = [
            Column::text("group"),
            Column::number("points"),
            Column::number(format!("{}, mean", self.x.label)),
            Column::number(format!("{}, mean", self.y.label)),
        ];
        let groups = self.groups.iter();
        groups.fold(Table::new(&self.title, columns), |table, group| {
            let n = group.marks.len().max(1) as f64;
            let mean = |of: fn(&Mark) -> f64| group.marks.iter().map(of).sum::<f64>() / n;
            table.row([
                Cell::text(&group.name),
                Quantity::count(group.marks.len() as u64).into(),
                Quantity::new(mean(|m| m.x), self.x.unit).into(),
                Quantity::new(mean(|m| m.y), self.y.unit).into(),
            ])
        })
    }

    pub(super) fn table(&self) -> Table {
        if self.cloud {
            return self.middles();
        }
        let best = self.frontier.map(|directions| self.best(directions));
        let mut columns = vec![
            Column::text("point"),
            Column::text("group"),
            Column::number(&self.x.label),
            Column::number(&self.y.label),
        ];
        columns.extend(best.is_some().then(|| Column::text("on the frontier")));
        let rows = self
            .groups
            .iter()
            .flat_map(|g| g.marks.iter().map(move |m| (g, m)));
        rows.fold(Table::new(&self.title, columns), |table, (group, mark)| {
            let mut cells = vec![
                Cell::text(&mark.label),
                Cell::text(&group.name),
                Quantity::new(mark.x, self.x.unit).into(),
                Quantity::new(mark.y, self.y.unit).into(),
            ];
            cells.extend(best.as_ref().map(|best| {
                Cell::text(if best.iter().any(|b| std::ptr::eq(*b, mark)) {
                    "yes"
                } else {
                    "no"
                })
            }));
            table.row(cells)
        })
    }

    pub(super) fn draw(&self) -> Result<Drawing, Error> {
        let x = Ruler::fit(&self.title, &self.x, self.marks().map(|m| m.x), 7)?;
        let y = Ruler::fit(&self.title, &self.y, self.marks().map(|m| m.y), 5)?;
        let frame = Frame::new(x, y, HEIGHT);
        let mut scene = Scene::new(&self.title, self.description(), HEIGHT);
        frame.draw(&mut scene, &self.x, &self.y, frame.top);

        let place = |mark: &Mark| frame.place(mark.x, mark.y);
        let mut taken: Vec<[f64; 4]> = Vec::new();
        if let Some(directions) = self.frontier {
            let line = steps(self.best(directions).into_iter().map(place), directions.0);
            scene.path("guide g0 open", &line, false);
            scene.note("frontier: no other point is better in both directions");
            taken.extend(line.windows(2).map(|ends| {
                let [(ax, ay), (bx, by)] = [ends[0], ends[1]];
                [
                    ax.min(bx) - 2.0,
                    ay.min(by) - 2.0,
                    ax.max(bx) + 2.0,
                    ay.max(by) + 2.0,
                ]
            }));
        }
        for (at, group) in self.groups.iter().enumerate() {
            for mark in &group.marks {
                let (px, py) = place(mark);
                let radius = if self.cloud { 2.5 } else { 5.0 };
                scene.circle(&format!("mark {}", look(at)), px, py, radius);
                scene.note(self.note(group, mark));
                taken.push([px - 6.0, py - 6.0, px + 6.0, py + 6.0]);
            }
        }
        for mark in self.marks().filter(|mark| !mark.label.is_empty()) {
            let inside = [frame.left, frame.top - 12.0, WIDTH, frame.bottom];
            let found = free_place(&mut taken, inside, place(mark), text_width(&mark.label));
            if let Some((from, base)) = found {
                scene.text("label", from, base, &mark.label);
            }
        }
        Ok(Drawing {
            scene,
            legend: self.legend(),
        })
    }

    fn legend(&self) -> Vec<LegendEntry> {
        let mut legend: Vec<LegendEntry> = Vec::new();
        if self.groups.len() > 1 {
            legend.extend(
                self.groups
                    .iter()
                    .enumerate()
                    .map(|(at, group)| LegendEntry {
                        name: group.name.clone(),
                        class: format!("mark {}", look(at)),
                        line: false,
                    }),
            );
        }
        legend.extend(self.frontier.map(|_| LegendEntry {
            name: "frontier: no other point is better in both directions".into(),
            class: "guide g0".into(),
            line: true,
        }));
        legend
    }

    fn note(&self, group: &Group, mark: &Mark) -> String {
        let (x, y) = (
            Quantity::new(mark.x, self.x.unit),
            Quantity::new(mark.y, self.y.unit),
        );
        let name = if mark.label.is_empty() {
            &group.name
        } else {
            &mark.label
        };
        format!("{name}: {} {x}, {} {y}", self.x.label, self.y.label)
    }

    fn description(&self) -> String {
        let count = self.marks().count();
        let mut text = format!("{count} points of {} by {}.", self.y.label, self.x.label);
        if let Some(directions) = self.frontier {
            let best: Vec<&str> = self
                .best(directions)
                .into_iter()
                .map(|mark| mark.label.as_str())
                .collect();
            text.push_str(&format!(" On the frontier: {}.", best.join(", ")));
        }
        text
    }
}

/// The frontier as a staircase: between two of its points, nothing better than either was seen.
fn steps(points: impl Iterator<Item = (f64, f64)>, x: Better) -> Vec<(f64, f64)> {
    let mut line: Vec<(f64, f64)> = Vec::new();
    for (px, py) in points {
        if let Some(&(before_x, before_y)) = line.last() {
            line.push(match x {
                Better::Lower => (px, before_y),
                Better::Higher => (before_x, py),
            });
        }
        line.push((px, py));
    }
    line
}

/// A place for a label inside the plot that nothing else covers: right, left, above or below its
/// point. A label without one is left out; the table and the point's note still carry it.
fn free_place(
    taken: &mut Vec<[f64; 4]>,
    inside: [f64; 4],
    (x, y): (f64, f64),
    width: f64,
) -> Option<(f64, f64)> {
    let (right, left, middle) = (x + 9.0, x - 9.0 - width, x - width / 2.0);
    let places = [
        (right, y + 4.0),
        (left, y + 4.0),
        (middle, y - 10.0),
        (right, y - 8.0),
        (left, y - 8.0),
        (middle, y + 18.0),
        (right, y + 16.0),
        (left, y + 16.0),
    ];
    let cover = |(from, base): (f64, f64)| [from, base - 11.0, from + width, base + 2.0];
    let free = places.into_iter().find(|place| {
        let [l, t, r, b] = cover(*place);
        l >= inside[0]
            && t >= inside[1]
            && r <= inside[2]
            && b <= inside[3]
            && taken
                .iter()
                .all(|o| r <= o[0] || l >= o[2] || b <= o[1] || t >= o[3])
    })?;
    taken.push(cover(free));
    Some(free)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Unit;
    use proptest::prelude::*;

    fn plot(points: &[(f64, f64)]) -> Scatter {
        let marks = points
            .iter()
            .enumerate()
            .map(|(i, (x, y))| (i.to_string(), *x, *y));
        Scatter::new(
            "t",
            Axis::new("x", Unit::Plain),
            Axis::new("y", Unit::Plain),
        )
        .group("g", marks)
        .frontier(Better::Lower, Better::Higher)
    }

    proptest! {
        #[test]
        fn the_frontier_is_exactly_the_points_that_none_beats(
            points in prop::collection::vec((0u8..12, 0u8..12), 1..20),
        ) {
            let points: Vec<_> = points.iter().map(|(x, y)| (*x as f64, *y as f64)).collect();
            let plot = plot(&points);
            let mut found: Vec<_> =
                plot.best((Better::Lower, Better::Higher)).iter().map(|m| (m.x, m.y)).collect();
            let mut expected: Vec<_> = points
                .iter()
                .copied()
                .filter(|p| {
                    let beats = |q: &(f64, f64)| q.0 <= p.0 && q.1 >= p.1 && q != p;
                    !points.iter().any(beats)
                })
                .collect();
            found.sort_by(|a, b| a.partial_cmp(b).unwrap());
            expected.sort_by(|a, b| a.partial_cmp(b).unwrap());
            expected.dedup();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn a_clouds_table_has_one_line_per_group() {
        let points: Vec<_> = (0..50).map(|i| (f64::from(i), 2.0)).collect();
        let table = plot(&points).cloud().table();
        assert_eq!(table.rows.len(), 1);
        assert!(plot(&points).cloud().draw().is_ok());
    }

    #[test]
    fn crowded_labels_never_cover_each_other() {
        let mut taken = Vec::new();
        let inside = [0.0, 0.0, 300.0, 300.0];
        for _ in 0..20 {
            free_place(&mut taken, inside, (100.0, 100.0), 40.0);
        }
        for (at, a) in taken.iter().enumerate() {
            for b in &taken[at + 1..] {
                assert!(a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1]);
            }
        }
    }
}
