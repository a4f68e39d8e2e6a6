//! Solving Hx = b for a symmetric positive definite H.

/// Replaces `b` by H⁻¹b; H is `n × n`, row after row, and is overwritten. A pivot that rounding has
/// made too small is raised, which shortens the step in that direction.
pub(super) fn solve(h: &mut [f64], b: &mut [f64]) {
    let n = b.len();
    let largest = (0..n).map(|i| h[i * n + i]).fold(0.0, f64::max);
    let floor = (largest * 1e-10).max(1e-300);
    for j in 0..n {
        let (above, rest) = h.split_at_mut((j + 1) * n);
        let row_j = &mut above[j * n..];
        let pivot = row_j[j] - row_j[..j].iter().map(|v| v * v).sum::<f64>();
        let pivot = pivot.max(floor).sqrt();
        row_j[j] = pivot;
        for row_i in rest.chunks_exact_mut(n) {
            let dot: f64 = row_i[..j].iter().zip(&row_j[..j]).map(|(a, b)| a * b).sum();
            row_i[j] = (row_i[j] - dot) / pivot;
        }
    }
    for i in 0..n {
        let dot: f64 = (0..i).map(|k| h[i * n + k] * b[k]).sum();
        b[i] = (b[i] - dot) / h[i * n + i];
    }
    for i in (0..n).rev() {
        let dot: f64 = (i + 1..n).map(|k| h[k * n + i] * b[k]).sum();
        b[i] = (b[i] - dot) / h[i * n + i];
    }
}

#[cfg(test)]
mod tests {
    use super::solve;

    #[test]
    fn solution_satisfies_the_equations() {
        let h = [4.0, 2.0, 0.5, 2.0, 5.0, 1.0, 0.5, 1.0, 3.0];
        let mut x = vec![1.0, -2.0, 0.25];
        solve(&mut h.to_vec(), &mut x);
        for (i, expected) in [1.0, -2.0, 0.25].into_iter().enumerate() {
            let row: f64 = (0..3).map(|k| h[i * 3 + k] * x[k]).sum();
            assert!((row - expected).abs() < 1e-12);
        }
    }
}
