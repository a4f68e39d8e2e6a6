//! A deployment as an audit meets it.

use crate::client::Deployment;
use crate::error::SplitError;
use crate::noise::ClientSecret;
use tacit_audit::{AuditError, FeatureSource};
use tacit_nn::layered::Layered;
use tacit_nn::{Matrix, NnError};

impl FeatureSource for Deployment {
    fn features(&self, rows: &Matrix, query: u64) -> Result<Matrix, AuditError> {
        self.client.sent(rows, query).map_err(refused)
    }

    fn simulated(&self, rows: &Matrix, run: u64) -> Result<Matrix, AuditError> {
        // The attacker's own secret, another one for every run.
        let seed = blake3::derive_key("tacit v1 secrets of a simulated client", &run.to_le_bytes());
        let secret = ClientSecret::from_bytes(seed);
        self.client.sent_by(rows, &secret, run).map_err(refused)
    }

    fn mean_features(&self, rows: &Matrix, times: u64) -> Result<Matrix, AuditError> {
        self.client.mean_sent(rows, times).map_err(refused)
    }

    fn outputs(&self, features: &Matrix) -> Result<Matrix, AuditError> {
        self.head.answer(features).map_err(refused)
    }

    fn encoder(&self) -> &Layered {
        self.client.network()
    }

    fn head(&self) -> Option<&Layered> {
        Some(self.head.network())
    }

    fn map(&self) -> Option<[usize; 3]> {
        self.client.shape().map()
    }
}

/// An error of this crate, as an audit can say it.
fn refused(error: SplitError) -> AuditError {
    match error {
        SplitError::Network(error) => AuditError::Data(error),
        SplitError::Audit(error) => *error,
        other => AuditError::Data(NnError::Format {
            origin: "the audited encoder".to_owned(),
            reason: other.to_string(),
        }),
    }
}
