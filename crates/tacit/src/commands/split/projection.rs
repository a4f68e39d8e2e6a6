//! Features in the plane: the two directions in which they vary most, by power iteration on XᵀX.

use tacit_nn::Matrix;

/// Steps of the iteration: the picture is for the eye.
const STEPS: usize = 60;

/// The first two principal components of each row.
pub fn plane(rows: &Matrix) -> Vec<[f64; 2]> {
    let (n, d) = (rows.rows().max(1) as f64, rows.columns());
    let mut mean = vec![0.0; d];
    for row in rows.iter() {
        mean.iter_mut()
            .zip(row)
            .for_each(|(m, &v)| *m += f64::from(v) / n);
    }
    let centred: Vec<Vec<f64>> = rows
        .iter()
        .map(|row| {
            row.iter()
                .zip(&mean)
                .map(|(&v, m)| f64::from(v) - m)
                .collect()
        })
        .collect();
    let first = direction(&centred, d, &[]);
    let second = direction(&centred, d, std::slice::from_ref(&first));
    centred
        .iter()
        .map(|row| [dot(row, &first), dot(row, &second)])
        .collect()
}

/// The unit vector orthogonal to `known` along which the rows vary most.
fn direction(rows: &[Vec<f64>], d: usize, known: &[Vec<f64>]) -> Vec<f64> {
    // No start along an axis: ReLU features often do not vary along one.
    let mut at: Vec<f64> = (0..d).map(|i| 1.0 + 0.3 * ((i % 7) as f64 - 3.0)).collect();
    for _ in 0..STEPS {
        for other in known {
            let along = dot(&at, other);
            at.iter_mut().zip(other).for_each(|(a, o)| *a -= along * o);
        }
        let norm = dot(&at, &at).sqrt();
        if norm < 1e-12 {
            return vec![0.0; d];
        }
        at.iter_mut().for_each(|a| *a /= norm);
        let mut next = vec![0.0; d];
        for row in rows {
            let along = dot(row, &at);
            next.iter_mut().zip(row).for_each(|(n, v)| *n += along * v);
        }
        at = next;
    }
    let norm = dot(&at, &at).sqrt();
    let scale = if norm > 1e-12 { 1.0 / norm } else { 0.0 };
    at.into_iter().map(|a| a * scale).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axes_of_a_stretched_cloud_are_found_in_order() {
        // Deviations 3 along (1, 1), 1 along (1, −1), nothing along the third axis.
        let mut values = Vec::new();
        for i in 0..64 {
            let (a, b) = (3.0 * (f64::from(i) * 0.7).sin(), (f64::from(i) * 1.9).cos());
            values.extend([(a + b) as f32, (a - b) as f32, 5.0]);
        }
        let points = plane(&Matrix::new(64, 3, values).unwrap());
        let spread = |axis: usize| points.iter().map(|p| p[axis] * p[axis]).sum::<f64>() / 64.0;
        assert!(
            (spread(0) / spread(1) - 9.0).abs() < 1.5,
            "{} {}",
            spread(0),
            spread(1)
        );
        let mixed: f64 = points.iter().map(|p| p[0] * p[1]).sum::<f64>() / 64.0;
        assert!(mixed.abs() < 1e-6);
    }

    #[test]
    fn constant_features_fall_on_one_point() {
        let points = plane(&Matrix::new(3, 2, vec![1.0; 6]).unwrap());
        assert_eq!(points, [[0.0; 2]; 3]);
    }
}
