//! What is put over features before they leave the client.
//!
//! ```text
//! x ── normalise ──► u ── clip ±r ──► + noise ──► clip ±r ──► k bits ──► sent
//! ```
//!
//! - [`Normaliser`]: mean 0 and deviation 1 per feature, per channel on a map.
//! - [`Veil`]: the clip r, the noise by its signal-to-noise ratio, the grid.
//! - [`ClientSecret`] and [`Binding`]: where the noise comes from.
//!
//! A signal-to-noise ratio is one of *powers*: normalised features have power 1, so σ = 1/√snr, and
//! 1 means as much noise as signal. Laplace noise has the same power.
//!
//! **Why noise is bound to the input.** Fresh noise averages away: whoever is sent the same input n
//! times sees it with σ/√n. So noise is a function of the input:
//!
//! ```text
//! key   = BLAKE3-derive-key(context, secret ‖ version)          one per client and encoder
//! seed  = BLAKE3-keyed(key, cells of the input)                 one per neighbourhood, or per input
//! noise = samples from ChaCha20(seed)
//! ```
//!
//! A repeat sends the same numbers and tells nothing new. The version is in the key because two
//! encoders that share their noise would reveal the difference of their features.
//!
//! What the cells are is a choice ([`Binding`]). By default they are those of a secret
//! locality-sensitive hash, ⌊aᵢ·x/w + bᵢ⌋ for a few random directions aᵢ, so that *near-duplicates*
//! (the same picture with other sensor noise) mostly have the same noise as well. With k directions a
//! change that moves projections by δ on average draws anew with probability about kδ/w. Measured on
//! 10 000 digits of MNIST with the default of 32 directions and w = 0.25: a copy with every pixel off by
//! up to a grey level has the same noise in 84 of 100 cases, the mean over 32 such copies keeps
//! 83 % of the noise's power, and no two of the digits share a cell. At w = 0.5 it is 91 of 100, 91 %,
//! and 1.5 % of the digits share their cell with another.
//!
//! ```
//! use tacit_nn::Matrix;
//! use tacit_split::noise::{ClientSecret, Noise, Veil};
//!
//! let veil = Veil { noise: Noise::Gaussian { snr: 1.0 }, ..Veil::default() };
//! let secret = ClientSecret::generate()?;
//! let (input, features) = (Matrix::new(1, 2, vec![0.1, 0.9])?, Matrix::new(1, 3, vec![0.0; 3])?);
//! let version = [7; 32];
//! let sent = veil.cover(&features, &input, &secret, &version, 0)?;
//! assert_eq!(sent, veil.cover(&features, &input, &secret, &version, 1)?); // a repeat
//! assert_ne!(sent, features);
//! # Ok::<(), tacit_split::SplitError>(())
//! ```
//!
//! # What it does not cover
//! - **Larger changes.** A person who sends ten photographs of one scene, or one photograph cropped in
//!   ten ways, gives ten draws. Limit how often related inputs are sent.
//! - **Equal cells.** Inputs that share noise are seen to share it: the server learns *that* an input
//!   was repeated, and the exact difference of the features of two inputs in one neighbourhood. A
//!   width near the spread of all inputs would put strangers into one; w should stay far below the
//!   spread times the directions.
//! - It is not differential privacy: the samples are made in floating point, and the clip bounds a
//!   feature, not a person's influence.

mod neighbourhoods;
mod normaliser;
mod samples;
mod secret;
mod veil;

pub use normaliser::{Normaliser, RunningMoments};
pub use secret::ClientSecret;
pub use veil::{Binding, Noise, Veil};
