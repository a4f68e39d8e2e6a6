//! From an outline to grey pixels: centred by mass, then covered exactly.

use ab_glyph_rasterizer::{Rasterizer, point};

use super::SIDE;
use super::glyph::Edge;

/// Draws the closed polygons with their centre of mass at the middle plus `shift`.
pub(super) fn rasterise(edges: &[Edge], shift: [f32; 2], image: &mut [u8]) {
    let centre = centre(edges);
    let middle = SIDE as f32 / 2.0;
    // What would leave the image is pressed against its edge: it stays closed and out of the way.
    let place = |p: [f32; 2]| {
        let at =
            |axis: usize| (p[axis] - centre[axis] + middle + shift[axis]).clamp(0.0, SIDE as f32);
        point(at(0), at(1))
    };
    let mut rasterizer = Rasterizer::new(SIDE, SIDE);
    for &[a, b] in edges {
        rasterizer.draw_line(place(a), place(b));
    }
    rasterizer.for_each_pixel(|i, coverage| {
        image[i] = (coverage.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
    });
}

/// Centroid of the area inside, holes taken away, by Green's theorem.
fn centre(edges: &[Edge]) -> [f32; 2] {
    let (mut area, mut x, mut y) = (0.0, 0.0, 0.0);
    for [a, b] in edges.iter().map(|edge| edge.map(|p| p.map(f64::from))) {
        let cross = a[0] * b[1] - b[0] * a[1];
        area += cross;
        x += (a[0] + b[0]) * cross;
        y += (a[1] + b[1]) * cross;
    }
    [(x / (3.0 * area)) as f32, (y / (3.0 * area)) as f32]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rectangle([left, top, right, bottom]: [f32; 4]) -> Vec<Edge> {
        let corners = [[left, top], [right, top], [right, bottom], [left, bottom]];
        (0..4).map(|i| [corners[i], corners[(i + 1) % 4]]).collect()
    }

    #[test]
    fn a_square_is_centred_and_half_covered_pixels_are_half_grey() {
        let mut image = [0; SIDE * SIDE];
        rasterise(&rectangle([0.0, 0.0, 4.0, 4.0]), [0.5, 0.0], &mut image);
        let row = &image[14 * SIDE..15 * SIDE];
        assert_eq!(&row[11..18], [0, 128, 255, 255, 255, 128, 0]);
        assert_eq!(image.iter().filter(|&&p| p > 0).count(), 4 * 5);
    }

    #[test]
    fn holes_count_against_the_mass() {
        let mut edges = rectangle([0.0, 0.0, 4.0, 4.0]);
        let hole = rectangle([2.0, 0.0, 4.0, 4.0]);
        edges.extend(hole.iter().map(|&[a, b]| [b, a]));
        assert_eq!(centre(&edges), [1.0, 2.0]);
    }

    #[test]
    fn what_leaves_the_image_does_no_harm() {
        let mut image = [0; SIDE * SIDE];
        rasterise(&rectangle([0.0, 0.0, 90.0, 2.0]), [3.0, 13.5], &mut image);
        assert!(image[27 * SIDE..].iter().all(|&p| p == 255));
        assert!(image[..26 * SIDE].iter().all(|&p| p == 0));
    }
}
