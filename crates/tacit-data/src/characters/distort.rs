//! Elastic distortion: white noise on the pixels, smoothed by a Gaussian, moves the outline's points.

use super::SIDE;
use super::glyph::Edge;
use crate::stream::Stream;

type Grid = [[f32; SIDE]; SIDE];

/// A Gaussian along one axis of the image, nothing beyond its edges: symmetric, one row per pixel.
pub(super) struct Blur(Grid);

impl Blur {
    pub(super) fn new(sigma: f64) -> Blur {
        // Sampled and summed over the integers, so that the weights sum to one for any σ.
        let weight = |d: f64| libm::exp(-0.5 * d * d / (sigma * sigma));
        let reach = (8.0 * sigma).ceil() as i32;
        let total: f64 = (-reach..=reach).map(|d| weight(f64::from(d))).sum();
        let mut grid = [[0.0; SIDE]; SIDE];
        for (i, row) in grid.iter_mut().enumerate() {
            for (j, value) in row.iter_mut().enumerate() {
                *value = (weight(i as f64 - j as f64) / total) as f32;
            }
        }
        Blur(grid)
    }

    /// B·X, then transposed: twice, this smooths along both axes.
    fn turn(&self, grid: &Grid) -> Grid {
        let mut out = [[0.0; SIDE]; SIDE];
        for (i, weights) in self.0.iter().enumerate() {
            let mut sum = [0.0; SIDE];
            for (&w, row) in weights.iter().zip(grid) {
                for (s, &x) in sum.iter_mut().zip(row) {
                    *s += w * x;
                }
            }
            for (column, s) in out.iter_mut().zip(sum) {
                column[i] = s;
            }
        }
        out
    }
}

/// How far each pixel's centre moves, along each axis.
pub(super) struct Field([Grid; 2]);

impl Field {
    pub(super) fn draw(stream: &mut Stream, blur: &Blur, alpha: f64) -> Field {
        Field([0; 2].map(|_| {
            let mut noise = [[0.0; SIDE]; SIDE];
            for value in noise.as_flattened_mut() {
                *value = ((2.0 * stream.uniform() - 1.0) * alpha) as f32;
            }
            blur.turn(&blur.turn(&noise))
        }))
    }

    /// The outline with every end of an edge moved.
    pub(super) fn moved(&self, edges: &[Edge]) -> Vec<Edge> {
        let moved = |[x, y]: [f32; 2]| [x + self.at(0, x, y), y + self.at(1, x, y)];
        edges.iter().map(|edge| edge.map(moved)).collect()
    }

    /// Between the centres of pixels, bilinear; beyond the outermost, as there.
    fn at(&self, axis: usize, x: f32, y: f32) -> f32 {
        let split = |v: f32| {
            let v = (v - 0.5).clamp(0.0, (SIDE - 1) as f32);
            let cell = (v as usize).min(SIDE - 2);
            (cell, v - cell as f32)
        };
        let ((i, v), (j, u)) = (split(y), split(x));
        let grid = &self.0[axis];
        let along = |row: &[f32; SIDE]| row[j] * (1.0 - u) + row[j + 1] * u;
        along(&grid[i]) * (1.0 - v) + along(&grid[i + 1]) * v
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_move_as_far_as_the_formula_says() {
        let (alpha, sigma) = (34.0, 4.0);
        let blur = Blur::new(sigma);
        let (mut sum, n) = (0.0, 4000);
        for i in 0..n {
            let field = Field::draw(&mut Stream::new(&[7; 32], i), &blur, alpha);
            sum += f64::from(field.0[0][SIDE / 2][SIDE / 2]).powi(2);
        }
        let expected = alpha / (2.0 * sigma * (3.0 * std::f64::consts::PI).sqrt());
        let measured = (sum / n as f64).sqrt();
        assert!(
            (measured / expected - 1.0).abs() < 0.05,
            "{measured} {expected}"
        );
    }

    #[test]
    fn equal_points_stay_equal_so_polygons_stay_closed() {
        let field = Field::draw(&mut Stream::new(&[1; 32], 0), &Blur::new(4.0), 34.0);
        let edges = [[[3.3, 4.4], [20.0, 9.0]], [[20.0, 9.0], [3.3, 4.4]]];
        let moved = field.moved(&edges);
        assert_eq!(moved[0][1], moved[1][0]);
        assert_eq!(moved[0][0], moved[1][1]);
    }
}
