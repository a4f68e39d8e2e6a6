//! A bound on the pooled second moments that releases one number.

use rayon::prelude::*;

use crate::Error;
use crate::model::Samples;

/// `Σ (n_i/n)·λ_max(M_i)` with `M_i = X_iᵀX_i/n_i` (intercept included): each party computes its
/// term alone, the sum bounds `λ_max` of the pooled `M = Σ (n_i/n) M_i` because the largest
/// eigenvalue is convex. Tight when parties are alike.
///
/// To be computed encrypted and released by plan, beside the collective standardisation: every
/// party contributes `n_i/n` times its [`largest_second_moment`]. The sum is raised by 1 % (the
/// power iteration approaches from below) and [`coarsened`], so that little is told.
///
/// ```
/// let parties =
///     tacit_learn::synthetic::Ar1Logistic::new(16, 0.5, 0.1, 5)?.draw(4_000)?.deal(4)?;
/// let bound = tacit_learn::twin::second_moment_bound(&parties)?;
/// assert!(bound > 2.5 && bound < 4.0); // (1+ρ)/(1−ρ) = 3 in the limit; the trace is 17
/// # Ok::<(), tacit_learn::Error>(())
/// ```
pub fn second_moment_bound(parties: &[Samples]) -> Result<f64, Error> {
    let total: usize = parties.iter().map(Samples::len).sum();
    if total == 0 {
        return Err(Error::Empty {
            what: "the list of rows",
        });
    }
    let weighted: f64 = parties
        .par_iter()
        .map(|rows| rows.len() as f64 / total as f64 * largest_second_moment(rows))
        .sum();
    Ok(coarsened(1.01 * weighted))
}

/// Up to the next sixteenth: what is released of the bound.
pub fn coarsened(bound: f64) -> f64 {
    (bound * 16.0).ceil() / 16.0
}

/// `λ_max(XᵀX/n)` of one party's rows with intercept, by power iteration; 0 without rows.
pub fn largest_second_moment(rows: &Samples) -> f64 {
    let n = rows.columns() + 1;
    if rows.is_empty() {
        return 0.0;
    }
    let mut moments = vec![0.0; n * n];
    let mut extended = vec![1.0; n];
    for i in 0..rows.len() {
        extended[..n - 1].copy_from_slice(rows.row(i));
        for (a, &x) in extended.iter().enumerate() {
            for (b, &y) in extended.iter().enumerate().take(a + 1) {
                moments[a * n + b] += x * y;
            }
        }
    }
    for a in 0..n {
        for b in 0..=a {
            moments[a * n + b] /= rows.len() as f64;
            moments[b * n + a] = moments[a * n + b];
        }
    }
    // An uneven start has a component along every eigenvector met in practice.
    let mut vector: Vec<f64> = (0..n)
        .map(|i| 1.0 + 0.37 * (i as f64 * 1.7).sin())
        .collect();
    let mut value = 0.0;
    for _ in 0..500 {
        let next: Vec<f64> = moments
            .chunks_exact(n)
            .map(|row| row.iter().zip(&vector).map(|(a, b)| a * b).sum())
            .collect();
        let norm = next.iter().map(|x: &f64| x * x).sum::<f64>().sqrt();
        if norm == 0.0 {
            return 0.0;
        }
        let done = (norm - value).abs() <= 1e-6 * norm;
        value = norm;
        vector = next.into_iter().map(|x| x / norm).collect();
        if done {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bound_of_one_party_is_its_largest_eigenvalue() {
        // Two opposite rows: M = [[4, 0], [0, 1]] over (feature, intercept).
        let rows = Samples::new(1, vec![2.0, -2.0], vec![0.0, 1.0]).unwrap();
        let bound = second_moment_bound(&[rows]).unwrap();
        assert_eq!(bound, 4.0625); // 4.04, coarsened
    }

    #[test]
    fn parties_bound_the_pool() {
        let table = crate::synthetic::Ar1Logistic::new(5, 0.6, 0.1, 2)
            .unwrap()
            .draw(200)
            .unwrap();
        let apart = second_moment_bound(&table.deal(8).unwrap()).unwrap();
        let pooled = second_moment_bound(&[table]).unwrap();
        assert!(apart >= pooled * 0.999);
    }
}
