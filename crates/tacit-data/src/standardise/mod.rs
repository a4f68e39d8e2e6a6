//! Standardisation without looking at everyone's data.
//!
//! Two ways to bring features to a common scale, both public functions that every party and every
//! querier applies alike:
//!
//! 1. **Public ranges** ([`Standardiser::from_ranges`]): the plan states a range per feature. Nothing
//!    about the data is released. The default.
//! 2. **Collective moments**: party p computes, about a public [`Reference`] (c, h) and with
//!    u = (x − c)/h, the vector v_p = (n_p, Σu, Σu²) ∈ R^{1+2d} ([`LocalMoments`]); the sum
//!    v = Σ_p v_p is computed under encryption, elsewhere; and from v alone
//!    mean = c + h·Σu/n and sd = h·√(Σu²/n − (Σu/n)²) ([`Standardiser::from_aggregate`]).
//!
//! What the second way gives away: means and standard deviations of the pooled data to
//! [`ReleasePolicy::precision_bits`] bits relative to the standard deviation, and the total row
//! count as far as the release shows it. Each party refuses to contribute fewer than
//! [`ReleasePolicy::min_rows_per_site`] rows. Two further limits cannot be kept here and are the
//! plan's and the session's: release once per cohort, because the difference of two releases over
//! cohorts that differ in one row is that row; and release no more precisely than the rounding,
//! because whoever sees the unrounded sums is not bound by it. Coarse rounding is not differential
//! privacy.
//!
//! ```
//! use tacit_data::{LocalMoments, Reference, ReleasePolicy, Standardiser, datasets};
//!
//! let table = datasets::pima()?.table;
//! let sites = table.split_sites(3, 1)?;
//! let policy = ReleasePolicy::default();
//! let reference = Reference::from_ranges(&[
//!     (0.0, 20.0), (40.0, 200.0), (20.0, 130.0), (0.0, 100.0),
//!     (0.0, 900.0), (15.0, 70.0), (0.0, 2.5), (18.0, 90.0),
//! ])?;
//!
//! // Each party on its own; then the sum, under encryption.
//! let mut sums = vec![0.0; 1 + 2 * table.columns()];
//! for site in &sites {
//!     let local = LocalMoments::of(site, &reference)?;
//!     for (sum, v) in sums.iter_mut().zip(local.to_vector(&policy)?) {
//!         *sum += v;
//!     }
//! }
//!
//! let standardiser = Standardiser::from_aggregate(table.names(), &reference, &policy, 3, &sums)?;
//! let (standardised, clipped) = standardiser.apply(&sites[0])?;
//! assert!(standardised.features().iter().all(|v| v.abs() <= 4.0));
//! assert!(clipped.share() < 0.02);
//! # Ok::<(), tacit_data::DataError>(())
//! ```

mod moments;
mod reference;
mod standardiser;

pub use self::moments::{LocalMoments, ReleasePolicy};
pub use self::reference::Reference;
pub use self::standardiser::{ClipReport, Standardiser};
