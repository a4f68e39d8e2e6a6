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
        for release in &plan.releases {
            let gets = |name: &String| release.to.contains(name);
            match release.what {
                // The root hands them to everyone with the next round.
                ReleaseKind::Statistics if !plan.parties.iter().all(|p| gets(&p.name)) => {
                    let problem = "statistics go to every party".into();
                    return refuse("release.to", problem, "list all parties");
                }
                ReleaseKind::Statistics => {}
                ReleaseKind::Prediction if plan.parties.iter().any(|p| gets(&p.name)) => {
                    let problem = "a party cannot ask".into();
                    return refuse("release.to", problem, "list queriers only");
                }
                ReleaseKind::Prediction => {}
                other => {
                    let problem = format!("{other:?} is not released between sites");
                    return refuse("release.what", problem, "leave the release out");
                }
            }
        }
        let session = SessionPlan {
            config,
            encryption,
            total_rows,
            moments,
            release_model: false,
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

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = include_str!("../../../examples/hospitals/plan.toml");

    #[test]
    fn the_plan_of_the_hospitals_is_a_session() {
        let agreement = Agreement::from_toml(PLAN).unwrap();
        let session = &agreement.session;
        assert_eq!((session.total_rows, session.moments), (700, 0));
        assert_eq!((session.max_answers, session.release_model), (20, false));
        let by = PLAN.replace("\"ranges\"", "\"statistics\"");
        let by = by.replacen("at_most = 1\n", "at_most = 2\n", 1);
        assert_eq!(Agreement::from_toml(&by).unwrap().session.moments, 17);
    }

    #[test]
    fn what_cannot_be_run_as_it_is_written_is_refused_by_its_field() {
        let said = |from: &str, to: &str| {
            assert!(PLAN.contains(from), "{from}");
            let changed = PLAN.replacen(from, to, 1);
            Agreement::from_toml(&changed).unwrap_err().to_string()
        };
        assert!(said("[18, 90]]", "[18, 90], [0, 1]]").contains("data.ranges"));
        assert!(said("[18, 90]]", "[90, 18]]").contains("data.ranges"));
        assert!(said("rows = 700", "rows = 300").contains("data.rows"));
        assert!(said("rows = 700", "row = 700").contains("data"));
        assert!(said("\"ranges\"", "\"statistics\"").contains("training releases 2"));
        let one = "to = [\"hospital-a\", ";
        assert!(said(one, "to = [").contains("statistics go to every party"));
        assert!(said("what = \"prediction\"", "what = \"model\"").contains("release.what"));
        let party = said("to = [\"clinic\"]", "to = [\"clinic\", \"hospital-b\"]");
        assert!(party.contains("release.to"), "{party}");
        let threshold = said("[parameters]", "[threshold]\nt = 3\n\n[parameters]");
        assert!(threshold.contains("threshold"), "{threshold}");
    }
}
