//! Reconstruction of inputs from the outputs of functional keys.
//!
//! A functional key reveals numbers, and numbers add up. Whoever obtains keys for r functions of its own
//! choosing gets r exact measurements of *every* input: an output (p_0 + p·x)² with a large constant
//! p_0 is the linear form p·x in disguise ([`Probes`]). What remains is a problem of linear
//! algebra with a prior ([`Reconstructor`]):
//!
//! ```text
//!   minimise Σ_i |x_i − μ_i|   subject to   A x = y,  0 ≤ x ≤ 255
//! ```
//!
//! as in arXiv 2509.21497, where linear programming recovers the inputs of systems that give
//! out first-layer values; or, with the covariance of the data as prior, the conditional mean of a
//! Gaussian, which is better when measurements are few. At r = n the image is exact whatever the prior.
//!
//! [`Study`] runs both over many r, with random directions and with the best ones for the data, beside the
//! floor (the mean image of the class, which the public label gives away) and the ceiling. It is what the
//! rank budget of `tacit_fe::authority` rests on.
//!
//! ```
//! use tacit_audit::reconstruction::{Images, Method, Prior, Probes, Reconstructor};
//!
//! // Two-by-two images of one class; 2 known pixels on average, 4 measurements: exact.
//! let images = Images::new(4, &[9, 200, 30, 0, 11, 180, 50, 0], &[1, 1], &[0, 1])?;
//! let prior = Prior::of_class(&images, 1);
//! let probes = Probes::random(4, 4, 7);
//! let seen = probes.measure(&[10, 250, 3, 77])?;
//! let found = Reconstructor::new(&probes, &prior, Method::LinearProgram).reconstruct(&seen)?;
//! let rounded: Vec<u8> = found.iter().map(|v| v.round() as u8).collect();
//! assert_eq!(rounded, [10, 250, 3, 77]);
//! # Ok::<(), tacit_audit::AuditError>(())
//! ```
//!
//! # Limits
//! The figures are for the prior used. A better one (a generative model of the data) reconstructs more
//! from fewer measurements; what no prior can do is tell apart two images that agree in all outputs. And
//! identification does not need an image: the attackers of this crate that work on the outputs
//! themselves are the measure of that.

mod images;
mod prior;
mod probes;
mod solve;
mod study;

pub use images::Images;
pub use prior::Prior;
pub use probes::Probes;
pub use solve::{Method, Reconstructor};
pub use study::{Design, Line, Quality, Study};
