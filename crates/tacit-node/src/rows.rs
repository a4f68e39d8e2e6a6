//! A site's rows, standardised with public ranges, or with statistics that no site sees alone.

use tacit_data::{LocalMoments, Reference, ReleasePolicy, Standardiser, Table};
use tacit_learn::encrypted::LocalRows;
use tacit_learn::model::Samples;

/// What all sites agreed on about standardisation. Public.
#[derive(Debug, Clone)]
pub enum Standardisation {
    /// A public range per feature becomes [−1, 1].
    Ranges(Vec<(f64, f64)>),
    /// Means and deviations over all sites, from sums that are released.
    Statistics {
        /// Public centre and scale per feature.
        reference: Reference,
        /// What may be released.
        policy: ReleasePolicy,
        /// Number of sites.
        sites: usize,
    },
}

impl Standardisation {
    /// Number of sums that are added up: rows, and two per feature; none with public ranges.
    pub fn moments(&self) -> usize {
        match self {
            Self::Ranges(_) => 0,
            Self::Statistics { reference, .. } => 1 + 2 * reference.columns(),
        }
    }

    /// The standardisation that the released totals give.
    pub fn standardiser(&self, names: &[String], totals: &[f64]) -> Result<Standardiser, String> {
        match self {
            Self::Ranges(ranges) => Standardiser::from_ranges(names, ranges),
            Self::Statistics {
                reference,
                policy,
                sites,
            } => Standardiser::from_aggregate(names, reference, policy, *sites, totals),
        }
        .map_err(|e| e.to_string())
    }
}

/// A site's own table with the public point of view from which its moments are taken.
pub struct SiteRows {
    table: Table,
    by: Standardisation,
}

impl SiteRows {
    /// A site's own table.
    pub fn new(table: Table, by: Standardisation) -> Self {
        Self { table, by }
    }
}

impl LocalRows for SiteRows {
    fn moments(&self) -> Result<Vec<f64>, String> {
        match &self.by {
            Standardisation::Ranges(_) => Ok(Vec::new()),
            Standardisation::Statistics {
                reference, policy, ..
            } => LocalMoments::of(&self.table, reference)
                .and_then(|moments| moments.to_vector(policy))
                .map_err(|e| e.to_string()),
        }
    }

    fn samples(&self, totals: &[f64]) -> Result<Samples, String> {
        let standardiser = self.by.standardiser(self.table.names(), totals)?;
        samples(&self.table, &standardiser)
    }
}

/// A standardised table as rows to train on.
pub fn samples(table: &Table, standardiser: &Standardiser) -> Result<Samples, String> {
    let (table, _clipped) = standardiser.apply(table).map_err(|e| e.to_string())?;
    Samples::new(
        table.columns(),
        table.features().to_vec(),
        table.labels().to_vec(),
    )
    .map_err(|e| e.to_string())
}
