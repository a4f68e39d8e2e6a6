//! Outlines of the characters as closed polygons, at the size of MNIST's digits.

use ab_glyph::{Font, FontRef, OutlineCurve, Point};

use super::{Alphabet, FONT_FILES, FONTS, SIDE};
use crate::error::DataError;

/// The longer side of a glyph, in pixels, before jitter: as in MNIST.
const BOX: f32 = 20.0;
/// Pieces per curve and longest piece of a line, in pixels: distortion bends the pieces' ends only.
const PIECES: u16 = 5;
const LONGEST: f32 = 1.5;

/// A directed edge of a polygon.
pub(super) type Edge = [[f32; 2]; 2];

/// A character's outline in pixels, y downwards, around its own centre.
pub(super) struct Glyph {
    edges: Vec<Edge>,
}

/// Every character in every font: (class, font) is at `class * 2 + font`.
pub(super) fn all(alphabet: Alphabet) -> Result<Vec<Glyph>, DataError> {
    let mut glyphs = Vec::new();
    for symbol in alphabet.symbols().chars() {
        for (name, file) in FONTS.iter().zip(FONT_FILES) {
            let broken = || DataError::Format {
                source_name: format!("the font {name} in this build"),
                format: "TrueType font",
                reason: format!("it has no outline for {symbol:?}; build from unmodified sources"),
            };
            let font = FontRef::try_from_slice(file).map_err(|_| broken())?;
            let outline = font.outline(font.glyph_id(symbol)).ok_or_else(broken)?;
            glyphs.push(Glyph::new(&outline.curves));
        }
    }
    Ok(glyphs)
}

impl Glyph {
    fn new(curves: &[OutlineCurve]) -> Glyph {
        let points = || curves.iter().flat_map(ends);
        let fold = |pick: fn(Point) -> f32, best: fn(f32, f32) -> f32, from| {
            points().map(pick).fold(from, best)
        };
        let (left, right) = (
            fold(|p| p.x, f32::min, f32::MAX),
            fold(|p| p.x, f32::max, f32::MIN),
        );
        let (low, high) = (
            fold(|p| p.y, f32::min, f32::MAX),
            fold(|p| p.y, f32::max, f32::MIN),
        );
        let scale = BOX / (right - left).max(high - low);
        let place = |p: Point| {
            [
                (p.x - 0.5 * (left + right)) * scale,
                (0.5 * (low + high) - p.y) * scale,
            ]
        };
        let mut edges = Vec::new();
        for curve in curves {
            let pieces = pieces(curve, scale);
            let at = |i: u16| place(point(curve, f32::from(i) / f32::from(pieces)));
            edges.extend((0..pieces).map(|i| [at(i), at(i + 1)]));
        }
        Glyph { edges }
    }

    /// The outline rotated and scaled, around the middle of the image.
    pub(super) fn turned(&self, angle: f64, size: f64) -> Vec<Edge> {
        let (sin, cos) = libm::sincos(angle);
        let (sin, cos) = ((sin * size) as f32, (cos * size) as f32);
        let middle = SIDE as f32 / 2.0;
        let turn = |[x, y]: [f32; 2]| [middle + cos * x - sin * y, middle + sin * x + cos * y];
        self.edges.iter().map(|edge| edge.map(turn)).collect()
    }
}

fn ends(curve: &OutlineCurve) -> [Point; 2] {
    [point(curve, 0.0), point(curve, 1.0)]
}

fn pieces(curve: &OutlineCurve, scale: f32) -> u16 {
    match curve {
        OutlineCurve::Line(a, b) => {
            let (dx, dy) = ((a.x - b.x) * scale, (a.y - b.y) * scale);
            ((dx * dx + dy * dy).sqrt() / LONGEST).ceil().max(1.0) as u16
        }
        _ => PIECES,
    }
}

/// The curve at `t`; exact at 0 and 1, so that polygons close.
fn point(curve: &OutlineCurve, t: f32) -> Point {
    let s = 1.0 - t;
    let mix = |parts: &[(f32, Point)]| {
        parts
            .iter()
            .fold(Point { x: 0.0, y: 0.0 }, |sum, (w, p)| Point {
                x: sum.x + w * p.x,
                y: sum.y + w * p.y,
            })
    };
    match *curve {
        OutlineCurve::Line(a, b) => mix(&[(s, a), (t, b)]),
        OutlineCurve::Quad(a, b, c) => mix(&[(s * s, a), (2.0 * s * t, b), (t * t, c)]),
        OutlineCurve::Cubic(a, b, c, d) => mix(&[
            (s * s * s, a),
            (3.0 * s * s * t, b),
            (3.0 * s * t * t, c),
            (t * t * t, d),
        ]),
    }
}
