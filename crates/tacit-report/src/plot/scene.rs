//! The few shapes a plot is made of, as SVG. Text is escaped by the template; colours, dashes and
//! weights are classes of the page's style sheet.

use askama::Template;

use crate::Error;

/// Width of every plot in user units; the page scales it.
pub(super) const WIDTH: f64 = 720.0;
/// Size of tick labels.
const TEXT: f64 = 12.0;
/// How many series have a look of their own before they repeat.
const LOOKS: usize = 8;

/// A plot ready for the page.
pub(crate) struct Drawing {
    pub scene: Scene,
    pub legend: Vec<LegendEntry>,
}

/// What a colour, dash or mark stands for.
pub(crate) struct LegendEntry {
    pub name: String,
    /// Class of the sample.
    pub class: String,
    /// Whether the sample is a line rather than a filled box.
    pub line: bool,
}

/// An SVG image with its text alternative.
#[derive(Template)]
#[template(path = "scene.svg")]
pub(crate) struct Scene {
    /// Unique within the page.
    pub id: String,
    pub title: String,
    pub description: String,
    pub width: f64,
    pub height: f64,
    shapes: Vec<Shape>,
}

struct Shape {
    kind: Kind,
    class: String,
    note: Option<String>,
}

enum Kind {
    Line([f64; 4]),
    Rect([f64; 4]),
    Circle([f64; 3]),
    Path(String),
    Text { x: f64, y: f64, text: String },
}

impl Scene {
    pub fn new(title: &str, description: String, height: f64) -> Self {
        Scene {
            id: String::new(),
            title: title.to_owned(),
            description,
            width: WIDTH,
            height,
            shapes: Vec::new(),
        }
    }

    pub fn line(&mut self, class: &str, x1: f64, y1: f64, x2: f64, y2: f64) {
        self.push(Kind::Line([x1, y1, x2, y2].map(pixel)), class);
    }

    pub fn rect(&mut self, class: &str, x: f64, y: f64, width: f64, height: f64) {
        self.push(Kind::Rect([x, y, width, height].map(pixel)), class);
    }

    pub fn circle(&mut self, class: &str, x: f64, y: f64, r: f64) {
        self.push(Kind::Circle([x, y, r].map(pixel)), class);
    }

    pub fn text(&mut self, class: &str, x: f64, y: f64, text: impl Into<String>) {
        self.push(
            Kind::Text {
                x: pixel(x),
                y: pixel(y),
                text: text.into(),
            },
            class,
        );
    }

    /// A line through points, closed when `closed`.
    pub fn path(&mut self, class: &str, points: &[(f64, f64)], closed: bool) {
        let mut data = String::with_capacity(12 * points.len());
        for (at, (x, y)) in points.iter().enumerate() {
            data.push_str(if at == 0 { "M" } else { "L" });
            data.push_str(&format!("{} {}", pixel(*x), pixel(*y)));
        }
        if closed {
            data.push('Z');
        }
        self.push(Kind::Path(data), class);
    }

    /// Gives the last shape a text of its own, shown on hover.
    pub fn note(&mut self, note: impl Into<String>) {
        if let Some(shape) = self.shapes.last_mut() {
            shape.note = Some(note.into());
        }
    }

    fn push(&mut self, kind: Kind, class: &str) {
        self.shapes.push(Shape {
            kind,
            class: class.to_owned(),
            note: None,
        });
    }

    /// The image as text.
    pub fn to_svg(&self) -> Result<String, Error> {
        self.render().map_err(|source| Error::Page { source })
    }
}

/// A hundredth of a user unit is finer than any screen, and keeps files small and equal.
fn pixel(value: f64) -> f64 {
    let rounded = (value * 100.0).round() / 100.0;
    if rounded == 0.0 { 0.0 } else { rounded }
}

/// The class of the n-th series.
pub(super) fn look(series: usize) -> String {
    format!("s{}", series % LOOKS)
}

/// An estimate of a text's width that errs on the wide side.
pub(super) fn text_width(text: &str) -> f64 {
    text.chars()
        .map(|c| {
            if c.is_ascii() {
                0.58 * TEXT
            } else {
                0.8 * TEXT
            }
        })
        .sum()
}

/// Cuts a label to a width; the whole of it stays in the table and the note.
pub(super) fn shorten(text: &str, width: f64) -> String {
    if text_width(text) <= width + 0.5 {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        if text_width(&short) + 2.0 * TEXT > width {
            break;
        }
        short.push(c);
    }
    format!("{}…", short.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_labels_stays_text() {
        let mut scene = Scene::new("<b>&\"'", "</desc><script>".into(), 10.0);
        scene.text("tick", 0.0, 0.0, "<script>alert(1)</script>");
        scene.note("</title><script>");
        let svg = scene.to_svg().unwrap();
        assert!(!svg.contains("<script") && !svg.contains("<b>"), "{svg}");
    }

    #[test]
    fn long_labels_are_cut_to_their_room() {
        let label = shorten(&"x".repeat(500), 200.0);
        assert!(label.ends_with('…') && text_width(&label) <= 220.0);
        assert_eq!(shorten("short", 200.0), "short");
    }
}
