//! The plane of a plot with two axes: where values lie, and the grid behind them.

use super::axis::Ruler;
use super::scene::{WIDTH, text_width};
use super::{Axis, Scene};

/// Where a plot's marks are placed.
pub(super) struct Frame {
    x: Ruler,
    y: Ruler,
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
}

impl Frame {
    /// The frame of a plot of this height, with room for the labels of the vertical axis.
    pub fn new(x: Ruler, y: Ruler, height: f64) -> Frame {
        let widest = y
            .ticks()
            .iter()
            .map(|(_, label)| text_width(label))
            .fold(0.0, f64::max);
        Frame {
            x,
            y,
            left: widest + 16.0,
            right: WIDTH - 24.0,
            top: 34.0,
            bottom: height - 48.0,
        }
    }

    /// Draws the axes; the vertical lines of the grid start at `grid_from`.
    pub fn draw(&self, scene: &mut Scene, x: &Axis, y: &Axis, grid_from: f64) {
        let Frame { left, right, .. } = *self;
        scene.text("axis", 0.0, 14.0, y.heading(self.y.step));
        for (value, label) in self.y.ticks() {
            let at = self.height(*value);
            scene.line("grid", left, at, right, at);
            scene.text("tick end", left - 8.0, at + 4.0, label);
        }
        for (value, label) in self.x.ticks() {
            let at = self.x.at(*value, left, right);
            scene.line("grid", at, grid_from, at, self.bottom + 5.0);
            scene.text("tick middle", at, self.bottom + 20.0, label);
        }
        scene.line("base", left, self.bottom, right, self.bottom);
        let heading = x.heading(self.x.step);
        scene.text(
            "axis middle",
            (left + right) / 2.0,
            self.bottom + 42.0,
            heading,
        );
    }

    /// Where a point lies.
    pub fn place(&self, x: f64, y: f64) -> (f64, f64) {
        (self.x.at(x, self.left, self.right), self.height(y))
    }

    /// Where a value of the vertical axis lies.
    pub fn height(&self, y: f64) -> f64 {
        self.y.at(y, self.bottom, self.top)
    }
}
