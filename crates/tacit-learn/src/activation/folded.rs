//! Polynomials with their coefficients folded away, so that no level is spent on them.

use super::Polynomial;

/// `act(u) = x·h(x) + offset` with `x = scale·u + shift`.
///
/// `scale` belongs into the plaintext data of the forward pass, `shift` and `offset` are
/// additions of constants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Folded {
    /// `κ`.
    pub scale: f64,
    /// `δ`.
    pub shift: f64,
    /// `h`.
    pub shape: Shape,
    /// `γ`.
    pub offset: f64,
}

/// The inner factor `h`; monic, so that it costs additions and products of ciphertexts only.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// Degree 1: `h = 1`.
    Identity,
    /// Degree 2: `h = ±x`.
    Square {
        /// +1 or −1: which way the parabola opens.
        sign: f64,
    },
    /// Degree 3: `h = x² + β`.
    Cubic {
        /// `β`.
        beta: f64,
    },
    /// Degree 5, odd about the centre: `h = z(z + α) + β`, `z = x²`.
    Quintic {
        /// `α`.
        alpha: f64,
        /// `β`.
        beta: f64,
    },
}

impl Folded {
    /// Folds a polynomial; a vanishing leading coefficient lowers the degree. `None` for what has
    /// no folded form.
    pub fn of(polynomial: &Polynomial) -> Option<Self> {
        let powers = polynomial.monomials();
        let weigh = |k: usize| powers[k].abs() * polynomial.half_width().powi(k as i32);
        let largest = (0..powers.len()).map(weigh).fold(0.0, f64::max);
        let degree = (1..powers.len())
            .rev()
            .find(|&k| weigh(k) > 1e-9 * largest)?;
        let c = |k: usize| powers.get(k).copied().unwrap_or(0.0);
        Some(match degree {
            1 => Folded {
                scale: c(1),
                shift: 0.0,
                shape: Shape::Identity,
                offset: c(0),
            },
            2 => {
                // a(u + b/2a)² + c − b²/4a
                let (scale, sign) = (c(2).abs().sqrt(), c(2).signum());
                let shift = scale * c(1) / (2.0 * c(2));
                let offset = c(0) - sign * shift * shift;
                Folded {
                    scale,
                    shift,
                    shape: Shape::Square { sign },
                    offset,
                }
            }
            3 => {
                // With v = κu: v³ + a v² + b v + c(0); x = v + a/3 removes the square.
                let scale = c(3).cbrt();
                let (a, b) = (c(2) / (scale * scale), c(1) / scale);
                let shift = a / 3.0;
                let beta = b - a * shift;
                let offset = c(0) - shift * (shift * shift + beta);
                Folded {
                    scale,
                    shift,
                    shape: Shape::Cubic { beta },
                    offset,
                }
            }
            5 if weigh(2).max(weigh(4)) < 1e-9 * largest => {
                let scale = c(5).abs().powf(0.2).copysign(c(5));
                let shape = Shape::Quintic {
                    alpha: c(3) / scale.powi(3),
                    beta: c(1) / scale,
                };
                Folded {
                    scale,
                    shift: 0.0,
                    shape,
                    offset: c(0),
                }
            }
            _ => return None,
        })
    }

    /// Value at `u`, by the circuit's operations.
    pub fn eval(&self, u: f64) -> f64 {
        let x = self.scale * u + self.shift;
        let inner = match self.shape {
            Shape::Identity => 1.0,
            Shape::Square { sign } => sign * x,
            Shape::Cubic { beta } => x * x + beta,
            Shape::Quintic { alpha, beta } => {
                let z = x * x;
                z * (z + alpha) + beta
            }
        };
        x * inner + self.offset
    }

    /// Degree in `u`.
    pub fn degree(&self) -> usize {
        match self.shape {
            Shape::Identity => 1,
            Shape::Square { .. } => 2,
            Shape::Cubic { .. } => 3,
            Shape::Quintic { .. } => 5,
        }
    }

    /// Levels consumed.
    pub fn levels(&self) -> usize {
        fold_levels(self.degree())
    }
}

/// Levels a folded activation of this degree consumes.
pub fn fold_levels(degree: usize) -> usize {
    degree.max(1).next_power_of_two().trailing_zeros() as usize
}

/// Ciphertext products a folded activation of this degree needs.
pub fn fold_products(degree: usize) -> usize {
    match degree {
        0 | 1 => 0,
        2 => 1,
        3 | 4 => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn folding_changes_no_value(
            coefficients in prop::collection::vec(0.05f64..2.0, 2..5),
            flip in any::<bool>(),
            position in -1.0f64..1.0,
        ) {
            let mut coefficients = coefficients;
            if flip {
                coefficients.last_mut().into_iter().for_each(|c| *c = -*c);
            }
            let polynomial = Polynomial::new(4.0, coefficients);
            let folded = Folded::of(&polynomial).unwrap();
            let u = 4.0 * position;
            prop_assert_eq!(folded.degree(), polynomial.degree());
            prop_assert!((folded.eval(u) - polynomial.eval(u)).abs() < 1e-9);
        }

        #[test]
        fn odd_quintics_fold(a in 0.1f64..1.0, b in -1.0f64..-0.1, c in 0.1f64..1.0, u in -4.0f64..4.0) {
            let polynomial = Polynomial::new(4.0, vec![0.5, a, 0.0, b, 0.0, c]);
            let folded = Folded::of(&polynomial).unwrap();
            prop_assert_eq!(folded.levels(), 3);
            prop_assert!((folded.eval(u) - polynomial.eval(u)).abs() < 1e-9);
        }
    }

    #[test]
    fn a_vanishing_leading_coefficient_lowers_the_degree() {
        assert_eq!(
            Folded::of(&Polynomial::new(2.0, vec![0.1, 1.0, 0.0, 0.0]))
                .unwrap()
                .degree(),
            1
        );
        assert_eq!(
            Folded::of(&Polynomial::new(2.0, vec![0.1, 1.0, 1.0, 1.0, 1.0, 1.0])),
            None
        );
    }
}
