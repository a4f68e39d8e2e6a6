//! Which products to form: decided on coefficients alone, before anything is encrypted.

use super::PolynomialCost;
use std::collections::{BTreeMap, BTreeSet};

/// c + Σ c_k·b_k + Σ q·b_g.
#[derive(Debug, Clone, Default)]
pub(super) struct Sum {
    pub constant: f64,
    pub terms: BTreeMap<usize, f64>,
    pub products: Vec<(usize, Sum)>,
}

/// The basis functions to compute, and the polynomial in terms of them.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub chebyshev: bool,
    /// Indices above 1, closed under [`halves`].
    pub powers: Vec<usize>,
    pub sum: Sum,
    levels: usize,
}

/// Levels that basis function k costs.
pub(super) fn depth(k: usize) -> usize {
    k.next_power_of_two().trailing_zeros() as usize
}

/// b_k is made from b_a and b_b, a the largest power of two below k (a = b = k/2 for powers of two).
pub(super) fn halves(k: usize) -> (usize, usize) {
    let a = k.next_power_of_two() / 2;
    (a, k - a)
}

impl Plan {
    /// Tries how many basis functions to have at hand, and takes the cheapest.
    pub fn cheapest(coefficients: &[f64], chebyshev: bool) -> Self {
        let degree = coefficients.len().saturating_sub(1);
        let levels = depth(degree + 1);
        let tries = (1..=(1usize << levels) / 2).take(32);
        tries
            .chain([1])
            .map(|at_hand| Self::with(coefficients, chebyshev, levels, at_hand))
            .min_by_key(|plan| {
                let cost = plan.cost();
                // A relinearisation takes about ten times as long as a product by itself.
                10 * cost.relinearisations + cost.products
            })
            .expect("there is at least one try")
    }

    fn with(coefficients: &[f64], chebyshev: bool, levels: usize, at_hand: usize) -> Self {
        let sum = split(coefficients, chebyshev, levels.saturating_sub(1), at_hand);
        let mut used = BTreeSet::new();
        sum.collect(&mut used);
        let mut pending: Vec<usize> = used.iter().copied().collect();
        while let Some(k) = pending.pop() {
            if k < 2 {
                continue;
            }
            let (a, b) = halves(k);
            let difference = if chebyshev { a - b } else { 0 };
            for k in [a, b, difference] {
                if used.insert(k) {
                    pending.push(k);
                }
            }
        }
        let powers = used.into_iter().filter(|&k| k > 1).collect();
        Self {
            chebyshev,
            powers,
            sum,
            levels,
        }
    }

    pub fn cost(&self) -> PolynomialCost {
        let (products, relinearisations) = self.sum.count();
        PolynomialCost {
            levels: self.levels,
            products: products + self.powers.len(),
            relinearisations: relinearisations + self.powers.len(),
        }
    }
}

impl Sum {
    fn collect(&self, used: &mut BTreeSet<usize>) {
        used.extend(self.terms.keys());
        for (g, q) in &self.products {
            used.insert(*g);
            q.collect(used);
        }
    }

    /// Products and relinearisations.
    fn count(&self) -> (usize, usize) {
        let own = (self.products.len(), usize::from(!self.products.is_empty()));
        self.products.iter().fold(own, |acc, (_, q)| {
            let inner = q.count();
            (acc.0 + inner.0, acc.1 + inner.1)
        })
    }
}

/// Splits a polynomial of degree below 2^(available+1), all of whose terms may use basis functions of
/// depth ≤ `available`; of those only the first `at_hand` and the powers of two are used.
fn split(coefficients: &[f64], chebyshev: bool, available: usize, at_hand: usize) -> Sum {
    let mut rest = coefficients.to_vec();
    let mut sum = Sum::default();
    loop {
        while rest.last() == Some(&0.0) {
            rest.pop();
        }
        let usable = |k: usize| (k <= at_hand || k.is_power_of_two()) && depth(k) <= available;
        let blocked = (1..rest.len()).any(|k| rest[k] != 0.0 && !usable(k));
        if !blocked {
            break;
        }
        let degree = rest.len() - 1;
        let g = (degree + 1).next_power_of_two() / 2;
        debug_assert!(depth(g) <= available);
        let mut quotient = vec![0.0; degree - g + 1];
        quotient[0] = rest[g];
        for j in 1..=degree - g {
            if chebyshev {
                // T_{g+j} = 2·T_g·T_j − T_{g−j}
                quotient[j] = 2.0 * rest[g + j];
                rest[g - j] -= rest[g + j];
            } else {
                quotient[j] = rest[g + j];
            }
        }
        rest.truncate(g);
        if quotient[1..].iter().all(|&c| c == 0.0) {
            sum.terms.insert(g, quotient[0]);
        } else {
            let below = available.saturating_sub(1);
            sum.products
                .push((g, split(&quotient, chebyshev, below, at_hand)));
        }
    }
    sum.constant += rest.first().copied().unwrap_or(0.0);
    for (k, &c) in rest.iter().enumerate().skip(1) {
        if c != 0.0 {
            sum.terms.insert(k, c);
        }
    }
    sum
}
