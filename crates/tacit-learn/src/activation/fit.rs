//! Weighted least squares in the Chebyshev basis, and the small solvers the fits share.

use super::Polynomial;

/// Minimises `∫ weight(t) (f(B·t) − Σ c_k T_k(t))² dt` over `t ∈ [-1, 1]`, by Gauss–Chebyshev
/// quadrature on 1024 nodes and the normal equations. In this basis they are well conditioned.
pub(super) fn weighted(
    f: impl Fn(f64) -> f64,
    weight: impl Fn(f64) -> f64,
    half_width: f64,
    degree: usize,
) -> Option<Polynomial> {
    const NODES: usize = 1024;
    let n = degree + 1;
    let mut matrix = vec![vec![0.0; n]; n];
    let mut right = vec![0.0; n];
    for i in 0..NODES {
        let angle = std::f64::consts::PI * (i as f64 + 0.5) / NODES as f64;
        let t = angle.cos();
        // The quadrature integrates against 1/√(1−t²); sin(angle) takes that out.
        let w = weight(t) * angle.sin();
        let y = f(half_width * t);
        let basis: Vec<f64> = (0..n).map(|k| (k as f64 * angle).cos()).collect();
        for row in 0..n {
            right[row] += w * basis[row] * y;
            for column in 0..n {
                matrix[row][column] += w * basis[row] * basis[column];
            }
        }
    }
    let mut coefficients = solve(matrix, right)?;
    clean(&mut coefficients);
    Some(Polynomial::new(half_width, coefficients))
}

/// Removes what is rounding noise next to the largest coefficient, so that an odd function gets
/// an odd polynomial.
pub(super) fn clean(coefficients: &mut [f64]) {
    let largest = coefficients.iter().fold(0.0f64, |m, c| m.max(c.abs()));
    for coefficient in coefficients {
        if coefficient.abs() < 1e-12 * largest {
            *coefficient = 0.0;
        }
    }
}

/// Gaussian elimination with partial pivoting; `None` for a singular matrix.
pub(super) fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Option<Vec<f64>> {
    let n = b.len();
    for column in 0..n {
        let pivot =
            (column..n).max_by(|&i, &j| a[i][column].abs().total_cmp(&a[j][column].abs()))?;
        if a[pivot][column].abs() < 1e-300 || !a[pivot][column].is_finite() {
            return None;
        }
        a.swap(column, pivot);
        b.swap(column, pivot);
        let (top, bottom) = a.split_at_mut(column + 1);
        for (row, values) in bottom.iter_mut().enumerate() {
            let factor = values[column] / top[column][column];
            for k in column..n {
                values[k] -= factor * top[column][k];
            }
            b[column + 1 + row] -= factor * b[column];
        }
    }
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|k| a[row][k] * b[k]).sum();
        b[row] = (b[row] - known) / a[row][row];
    }
    b.iter().all(|x| x.is_finite()).then_some(b)
}

/// Maximum of a unimodal function by golden-section search.
pub(super) fn golden_maximum(f: impl Fn(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let ratio = (5f64.sqrt() - 1.0) / 2.0;
    for _ in 0..60 {
        let (a, b) = (high - ratio * (high - low), low + ratio * (high - low));
        if f(a) > f(b) {
            high = b;
        } else {
            low = a;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_are_reproduced() {
        let cubic = |u: f64| 1.0 - 2.0 * u + 0.5 * u * u + 0.25 * u * u * u;
        let fitted = weighted(cubic, |_| 1.0, 3.0, 3).unwrap();
        for u in [-3.0, -1.2, 0.4, 2.9] {
            assert!((fitted.eval(u) - cubic(u)).abs() < 1e-12);
        }
    }

    #[test]
    fn singular_systems_have_no_solution() {
        assert_eq!(
            solve(vec![vec![1.0, 2.0], vec![2.0, 4.0]], vec![1.0, 3.0]),
            None
        );
    }
}
