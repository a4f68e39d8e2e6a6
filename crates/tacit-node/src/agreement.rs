//! A plan as the session of a generalised linear model: what all parties compute from it alike.
//!
//! The `[data]` section says what is public about the rows:
//!
//! ```toml
//! [data]
//! rows = 768                        # of all parties together
//! standardise = "ranges"            # or "statistics": means and deviations are released then
//! ranges = [[0, 20], [40, 240]]     # of each feature
//! ```

use std::sync::Arc;

use serde::Deserialize;
use tacit_data::{Reference, ReleasePolicy};
use tacit_learn::encrypted::{EncryptionPlan, SessionPlan};
use tacit_learn::model::GlmConfig;
use tacit_session::plan::ReleaseKind;
use tacit_session::{Digest, Plan};

use crate::error::Error;
use crate::rows::Standardisation;

/// What is public about everybody's rows.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSection {
    /// Rows of all parties together.
    pub rows: u64,
    /// How features are standardised.
    pub standardise: By,
    /// Lowest and highest value of each feature.
    pub ranges: Vec<[f64; 2]>,
}

/// Ways to standardise.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// By public ranges: nothing is released.
    Ranges,
    /// By means and deviations over all parties, which are released to them.
    Statistics,
}

/// A plan and what follows from it.
#[derive(Clone, Debug)]
pub struct Agreement {
    /// The plan.
    pub plan: Plan,
    /// What is signed.
    pub digest: Digest,
    /// The session.
    pub session: Arc<SessionPlan>,
    /// Standardisation.
    pub standardisation: Standardisation,
}

impl Agreement {
    /// Reads a plan that can be run between sites.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        Self::new(Plan::from_toml(text)?)
    }

    /// As [`Agreement::from_toml`].
    pub fn new(plan: Plan) -> Result<Self, Error> {
        let refuse = |field, problem: String, remedy| {
            Err(Error::Plan {
                field,
                problem,
                remedy,
            })
        };
        if plan.threshold.is_some() {
            let problem = "sessions between sites need all parties".into();
            return refuse("threshold", problem, "leave the section out");
        }
        let config = GlmConfig::from_plan(&plan)?;
        let encryption = EncryptionPlan::agreed(&plan, &config)?;
        let data: DataSection = plan.data_as()?;
        if data.ranges.len() != config.features {
            let problem = format!(
                "{} ranges for {} features",
                data.ranges.len(),
                config.features
            );
            return refuse("data.ranges", problem, "give one range per feature");
        }
        let ranges: Vec<_> = data
            .ranges
            .iter()
            .map(|[low, high]| (*low, *high))
            .collect();
        let reference = Reference::from_ranges(&ranges).map_err(|e| Error::Plan {
            field: "data.ranges",
            problem: e.to_string(),
            remedy: "give the lowest value before the highest",
        })?;
        let least = plan.min_rows.saturating_mul(plan.parties.len() as u64);
        let Some(total_rows) = usize::try_from(data.rows)
            .ok()
            .filter(|_| data.rows >= least)
        else {
            let problem = format!("{} rows, but min_rows asks for {least}", data.rows);
            return refuse("data.rows", problem, "count the rows of all parties again");
        };
        let standardisation = match data.standardise {
            By::Ranges => Standardisation::Ranges(ranges),
            By::Statistics => Standardisation::Statistics {
                reference,
                policy: ReleasePolicy {
                    unit_rows: total_rows as f64,
                    ..ReleasePolicy::default()
                },
                sites: plan.parties.len(),
            },
        };
        let moments = standardisation.moments();
        let curvature = config.curvature.known(config.features).is_none();
        let needed = u64::from(moments > 0) + u64::from(curvature);
        let planned = |kind| -> u64 {
            let of_kind = plan.releases.iter().filter(|r| r.what == kind);
            of_kind.map(|r| r.at_most).sum()
        };
        let allowed = planned(ReleaseKind::Statistics);
        if allowed < needed {
            let problem = format!("{allowed} statistics, but the training releases {needed}");
            let remedy = "allow them, set model.curvature, or standardise by ranges";
            return refuse("release", problem, remedy);
        }
        let session = SessionPlan {
            config,
            encryption,
            total_rows,
            moments,
            release_model: planned(ReleaseKind::Model) > 0,
            max_answers: usize::try_from(planned(ReleaseKind::Prediction)).unwrap_or(usize::MAX),
        };
        Ok(Self {
            digest: plan.digest()?,
            session: Arc::new(session),
            standardisation,
            plan,
        })
    }
}
