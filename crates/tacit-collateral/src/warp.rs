//! New training images out of old ones: small rotations, scalings, shears, shifts and bends.
//!
//! A bend is a displacement given at 6 × 6 points of the image and interpolated between them. The
//! warped image is sampled bilinearly, with nothing beyond the edges.

use rayon::prelude::*;
use tacit_nn::Draws;

/// How far images are warped, as standard deviations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Warp {
    /// Rotation, in degrees.
    pub rotation: f32,
    /// Logarithm of the scale of either axis.
    pub scale: f32,
    /// Shear.
    pub shear: f32,
    /// Shift along each axis, in pixels.
    pub shift: f32,
    /// Displacement of the points of the bend, in pixels.
    pub bend: f32,
}

impl Default for Warp {
    fn default() -> Self {
        Warp {
            rotation: 7.0,
            scale: 0.07,
            shear: 0.1,
            shift: 0.7,
            bend: 0.8,
        }
    }
}

const POINTS: usize = 6;

impl Warp {
    /// A share of the default.
    pub fn share(share: f32) -> Warp {
        let Warp {
            rotation,
            scale,
            shear,
            shift,
            bend,
        } = Warp::default();
        Warp {
            rotation: share * rotation,
            scale: share * scale,
            shear: share * shear,
            shift: share * shift,
            bend: share * bend,
        }
    }

    /// Warps every row, a square image of `side × side` pixels, in its own way.
    pub fn apply(&self, rows: &mut [f32], side: usize, draws: &mut Draws) {
        let images: Vec<_> = rows.chunks_exact_mut(side * side).collect();
        let seeds: Vec<u64> = images.iter().map(|_| draws.bits()).collect();
        images.into_par_iter().zip(seeds).for_each(|(image, seed)| {
            let map = Map::draw(self, side, &mut Draws::new(seed, "warp"));
            let old = image.to_vec();
            for (i, pixel) in image.iter_mut().enumerate() {
                let (x, y) = map.source((i % side) as f32, (i / side) as f32);
                *pixel = sample(&old, side, x, y);
            }
        });
    }
}

struct Map {
    matrix: [f32; 4],
    shift: [f32; 2],
    bend: [[f32; POINTS * POINTS]; 2],
    centre: f32,
}

impl Map {
    fn draw(warp: &Warp, side: usize, draws: &mut Draws) -> Map {
        let (sin, cos) = (warp.rotation * draws.normal()).to_radians().sin_cos();
        let [sx, sy] = [0; 2].map(|_| (warp.scale * draws.normal()).exp());
        let shear = warp.shear * draws.normal();
        Map {
            matrix: [cos * sx, -sin * sx + shear, sin * sy, cos * sy],
            shift: [0; 2].map(|_| warp.shift * draws.normal()),
            bend: [0; 2].map(|_| [0; POINTS * POINTS].map(|_| warp.bend * draws.normal())),
            centre: (side as f32 - 1.0) / 2.0,
        }
    }

    /// Where the new pixel at (x, y) comes from.
    fn source(&self, x: f32, y: f32) -> (f32, f32) {
        let (u, v) = (x - self.centre, y - self.centre);
        let grid = (POINTS - 1) as f32 / (2.0 * self.centre);
        let bent = |axis: usize| sample(&self.bend[axis], POINTS, x * grid, y * grid);
        let [a, b, c, d] = self.matrix;
        (
            a * u + b * v + self.centre + self.shift[0] + bent(0),
            c * u + d * v + self.centre + self.shift[1] + bent(1),
        )
    }
}

/// The image at (x, y), bilinear, 0 beyond its edges.
fn sample(image: &[f32], side: usize, x: f32, y: f32) -> f32 {
    let (left, top) = (x.floor(), y.floor());
    let (u, v) = (x - left, y - top);
    let at = |x: f32, y: f32| {
        let inside = x >= 0.0 && y >= 0.0 && x < side as f32 && y < side as f32;
        if inside {
            image[y as usize * side + x as usize]
        } else {
            0.0
        }
    };
    let upper = at(left, top) * (1.0 - u) + at(left + 1.0, top) * u;
    let lower = at(left, top + 1.0) * (1.0 - u) + at(left + 1.0, top + 1.0) * u;
    upper * (1.0 - v) + lower * v
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Vec<f32> {
        (0..28 * 28).map(|i| (i % 28) as f32 / 27.0).collect()
    }

    #[test]
    fn no_warp_leaves_the_image_as_it_is() {
        let still = Warp {
            rotation: 0.0,
            scale: 0.0,
            shear: 0.0,
            shift: 0.0,
            bend: 0.0,
        };
        let mut image = ramp();
        still.apply(&mut image, 28, &mut Draws::new(1, "test"));
        assert!(image.iter().zip(ramp()).all(|(a, b)| (a - b).abs() < 1e-5));
    }

    #[test]
    fn warped_images_differ_from_each_other_and_keep_their_range() {
        let mut images = [ramp(), ramp()].concat();
        Warp::default().apply(&mut images, 28, &mut Draws::new(1, "test"));
        let (a, b) = images.split_at(28 * 28);
        assert_ne!(a, b);
        assert!(images.iter().all(|p| (0.0..=1.0).contains(p)));
        let mut again = [ramp(), ramp()].concat();
        Warp::default().apply(&mut again, 28, &mut Draws::new(1, "test"));
        assert_eq!(images, again);
    }
}
