//! A site's rows, standardised with statistics that no site sees alone.

use tacit_data::{LocalMoments, Reference, ReleasePolicy, Standardiser, Table};
use tacit_learn::encrypted::LocalRows;
use tacit_learn::model::Samples;

/// A table with the public point of view from which its moments are taken.
pub struct Site {
    table: Table,
    shared: Shared,
}

/// What all sites agreed on about standardisation. Public.
#[derive(Debug, Clone)]
pub struct Shared {
    /// Public centre and scale per feature.
    pub reference: Reference,
    /// What may be released.
    pub policy: ReleasePolicy,
    /// Number of sites.
    pub sites: usize,
}

impl Shared {
    /// Number of sums that are added up: rows, and two per feature.
    pub fn moments(&self) -> usize {
        1 + 2 * self.reference.columns()
    }

    /// The standardisation that the released totals give.
    pub fn standardiser(&self, names: &[String], totals: &[f64]) -> Result<Standardiser, String> {
        Standardiser::from_aggregate(names, &self.reference, &self.policy, self.sites, totals)
            .map_err(|e| e.to_string())
    }
}

impl Site {
    /// A site's own table.
    pub fn new(table: Table, shared: Shared) -> Self {
        Self { table, shared }
    }
}

impl LocalRows for Site {
    fn moments(&self) -> Result<Vec<f64>, String> {
        LocalMoments::of(&self.table, &self.shared.reference)
            .and_then(|moments| moments.to_vector(&self.shared.policy))
            .map_err(|e| e.to_string())
    }

    fn samples(&self, totals: &[f64]) -> Result<Samples, String> {
        let standardiser = self.shared.standardiser(self.table.names(), totals)?;
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
