//! Did the predictors stay where the polynomial was fitted?

/// Watches linear predictors against the interval `[-B, B]`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RangeCheck {
    seen: u64,
    outside: u64,
    max_abs: f64,
}

impl RangeCheck {
    /// Notes one predictor.
    pub fn observe(&mut self, u: f64, bound: f64) {
        self.seen += 1;
        self.outside += u64::from(u.abs() > bound || u.is_nan());
        self.max_abs = if u.is_nan() {
            f64::INFINITY
        } else {
            self.max_abs.max(u.abs())
        };
    }

    /// Both checks in one.
    pub fn merge(self, other: Self) -> Self {
        RangeCheck {
            seen: self.seen + other.seen,
            outside: self.outside + other.outside,
            max_abs: self.max_abs.max(other.max_abs),
        }
    }

    /// Share of predictors outside the interval.
    pub fn share_outside(&self) -> f64 {
        if self.seen == 0 {
            0.0
        } else {
            self.outside as f64 / self.seen as f64
        }
    }

    /// Largest `|u|`.
    pub fn max_abs(&self) -> f64 {
        self.max_abs
    }
}

/// Range checks of a whole training, one per iteration.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeReport {
    bound: f64,
    iterations: Vec<RangeCheck>,
}

impl RangeReport {
    /// An empty report for the interval `[-bound, bound]`.
    pub fn new(bound: f64) -> Self {
        RangeReport {
            bound,
            iterations: Vec::new(),
        }
    }

    /// Adds one iteration.
    pub fn push(&mut self, check: RangeCheck) {
        self.iterations.push(check);
    }

    /// Half width of the interval.
    pub fn bound(&self) -> f64 {
        self.bound
    }

    /// Checks per iteration.
    pub fn iterations(&self) -> &[RangeCheck] {
        &self.iterations
    }

    /// Largest `|u|` of all iterations; message bounds and refresh masks are sized by it.
    pub fn max_abs(&self) -> f64 {
        self.iterations.iter().fold(0.0, |m, c| m.max(c.max_abs))
    }

    /// Share of (sample, iteration) pairs outside the interval.
    pub fn share_outside(&self) -> f64 {
        self.iterations
            .iter()
            .copied()
            .fold(RangeCheck::default(), RangeCheck::merge)
            .share_outside()
    }

    /// A sentence for the operator if anything was outside, with the remedy.
    pub fn warning(&self) -> Option<String> {
        let share = self.share_outside();
        (share > 0.0).then(|| {
            format!(
                "{:.3} % of the linear predictors left [-{b}, {b}] (largest {:.2}); widen \
                 `activation.bound` or raise `l2`",
                100.0 * share,
                self.max_abs(),
                b = self.bound,
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_and_maximum_are_reported_with_a_remedy() {
        let mut check = RangeCheck::default();
        [0.5, -3.0, 5.0, 1.0]
            .into_iter()
            .for_each(|u| check.observe(u, 4.0));
        let mut report = RangeReport::new(4.0);
        report.push(RangeCheck::default());
        report.push(check);
        assert_eq!(report.share_outside(), 0.25);
        assert_eq!(report.max_abs(), 5.0);
        assert!(report.warning().unwrap().contains("25.000 %"));
        assert_eq!(RangeReport::new(1.0).warning(), None);
    }

    #[test]
    fn nan_counts_as_outside() {
        let mut check = RangeCheck::default();
        check.observe(f64::NAN, 1.0);
        assert_eq!(
            (check.share_outside(), check.max_abs()),
            (1.0, f64::INFINITY)
        );
    }
}
