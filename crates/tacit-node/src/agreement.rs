//! A plan as a session: what all parties compute from it alike.
//!
//! The `[data]` section says what is public about the rows:
//!
//! ```toml
//! [data]
//! rows = 768                        # of all parties together
//! parts = [256, 256, 256]           # of each party; networks need them
//! standardise = "ranges"            # or "statistics": means and deviations are released then
//! ranges = [[0, 20], [40, 240]]     # of each feature
//! ```

use std::sync::Arc;

use serde::Deserialize;
use tacit_ckks::Parameters as Encryption;
use tacit_data::{Reference, ReleasePolicy};
use tacit_learn::encrypted::{EncryptionPlan, SessionPlan};
use tacit_learn::model::GlmConfig;
use tacit_learn::neural::MlpConfig;
use tacit_learn::neural::encrypted::MlpPlan;
use tacit_session::plan::ReleaseKind;
use tacit_session::{Digest, Plan};

mod network;

use crate::error::Error;
use crate::rows::Standardisation;

/// What is public about everybody's rows.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSection {
    /// Rows of all parties together.
    pub rows: u64,
    /// Rows of each party, in the order of the plan.
    #[serde(default)]
    pub parts: Vec<u64>,
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

/// What is trained, and how it is encrypted.
#[derive(Clone, Debug)]
pub enum Task {
    /// A generalised linear model.
    Glm(Arc<SessionPlan>),
    /// A network, released to the parties when it is trained.
    Network(Arc<MlpPlan>),
}

/// A plan and what follows from it.
#[derive(Clone, Debug)]
pub struct Agreement {
    /// The plan.
    pub plan: Plan,
    /// What is signed.
    pub digest: Digest,
    /// What is trained.
    pub task: Task,
    /// Standardisation.
    pub standardisation: Standardisation,
}

impl Task {
    /// The parameters of the encryption.
    pub fn params(&self) -> &Encryption {
        match self {
            Self::Glm(session) => &session.encryption.params,
            Self::Network(plan) => &plan.encryption.params,
        }
    }

    /// Columns of a row, the label apart.
    pub fn features(&self) -> usize {
        match self {
            Self::Glm(session) => session.config.features,
            Self::Network(plan) => plan.config.layers[0],
        }
    }
}

fn refuse<T>(field: &'static str, problem: String, remedy: &'static str) -> Result<T, Error> {
    Err(Error::Plan {
        field,
        problem,
        remedy,
    })
}

impl Agreement {
    /// Reads a plan that can be run between sites.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        Self::new(Plan::from_toml(text)?)
    }

    /// As [`Agreement::from_toml`].
    pub fn new(plan: Plan) -> Result<Self, Error> {
        let data: DataSection = plan.data_as()?;
        let (task, standardisation) = match plan.model.family.as_str() {
            MlpConfig::FAMILY => network::task(&plan, &data)?,
            _ => glm(&plan, &data)?,
        };
        Ok(Self {
            digest: plan.digest()?,
            task,
            standardisation,
            plan,
        })
    }

    /// The session of a generalised linear model, which alone answers queries.
    pub fn glm(&self) -> Result<&Arc<SessionPlan>, Error> {
        match &self.task {
            Task::Glm(session) => Ok(session),
            Task::Network(_) => refuse(
                "model.family",
                "a network is released and answers no queries between sites".into(),
                "ask whoever has the released model, or train a generalised linear model",
            ),
        }
    }

    /// Whether a site has as many rows as the plan says of it, where it does.
    pub fn check_rows(&self, site: &str, found: usize) -> Result<(), String> {
        let place = self.plan.parties.iter().position(|p| p.name == site);
        match (&self.task, place) {
            (Task::Network(plan), Some(place)) if plan.rows[place] != found => Err(format!(
                "{found} rows here, data.parts has {}",
                plan.rows[place]
            )),
            _ => Ok(()),
        }
    }
}

fn glm(plan: &Plan, data: &DataSection) -> Result<(Task, Standardisation), Error> {
    let config = GlmConfig::from_plan(plan)?;
    let encryption = EncryptionPlan::agreed(plan, &config)?;
    let (list, limit) = (encryption.threshold_bytes(), plan.limits.max_payload_bytes);
    if list > limit {
        return refuse(
            "limits.max_payload_bytes",
            format!("{limit}, but the list of sub-shares has {list} bytes"),
            "raise the limit, or leave the section `threshold` out",
        );
    }
    let total_rows = data.total_rows(plan)?;
    let standardisation = data.standardisation(plan, config.features)?;
    let moments = standardisation.moments();
    let curvature = config.curvature.known(config.features).is_none();
    let needed = u64::from(moments > 0) + u64::from(curvature);
    check_statistics(
        plan,
        needed,
        "set model.curvature, or standardise by ranges",
    )?;
    check_receivers(plan)?;
    let session = SessionPlan {
        config,
        encryption,
        total_rows,
        moments,
        release_model: planned(plan, ReleaseKind::Model) > 0,
        max_answers: usize::try_from(planned(plan, ReleaseKind::Prediction)).unwrap_or(usize::MAX),
    };
    Ok((Task::Glm(Arc::new(session)), standardisation))
}

impl DataSection {
    fn total_rows(&self, plan: &Plan) -> Result<usize, Error> {
        let least = plan.min_rows.saturating_mul(plan.parties.len() as u64);
        match usize::try_from(self.rows) {
            Ok(rows) if self.rows >= least => Ok(rows),
            _ => refuse(
                "data.rows",
                format!("{} rows, but min_rows asks for {least}", self.rows),
                "count the rows of all parties again",
            ),
        }
    }

    fn standardisation(&self, plan: &Plan, features: usize) -> Result<Standardisation, Error> {
        if self.ranges.len() != features {
            let problem = format!("{} ranges for {features} features", self.ranges.len());
            return refuse("data.ranges", problem, "give one range per feature");
        }
        let ranges = self.ranges.iter().map(|[low, high]| (*low, *high));
        let ranges: Vec<_> = ranges.collect();
        let reference = Reference::from_ranges(&ranges).map_err(|e| Error::Plan {
            field: "data.ranges",
            problem: e.to_string(),
            remedy: "give the lowest value before the highest",
        })?;
        Ok(match self.standardise {
            By::Ranges => Standardisation::Ranges(ranges),
            By::Statistics => Standardisation::Statistics {
                reference,
                policy: ReleasePolicy {
                    unit_rows: self.rows as f64,
                    ..ReleasePolicy::default()
                },
                sites: plan.parties.len(),
            },
        })
    }
}

fn planned(plan: &Plan, kind: ReleaseKind) -> u64 {
    let of_kind = plan.releases.iter().filter(|r| r.what == kind);
    of_kind.map(|r| r.at_most).sum()
}

fn check_statistics(plan: &Plan, needed: u64, otherwise: &'static str) -> Result<(), Error> {
    let allowed = planned(plan, ReleaseKind::Statistics);
    if allowed < needed {
        let problem = format!(
            "{allowed} statistics, but the training releases {needed}; allow them, or {otherwise}"
        );
        return refuse(
            "release",
            problem,
            "correct the plan and have it signed again",
        );
    }
    Ok(())
}

/// Who gets what: parties what is released to parties, queriers answers.
fn check_receivers(plan: &Plan) -> Result<(), Error> {
    for release in &plan.releases {
        let gets = |name: &String| release.to.contains(name);
        match release.what {
            // The root hands them to everyone.
            ReleaseKind::Statistics | ReleaseKind::Model
                if !plan.parties.iter().all(|p| gets(&p.name))
                    || release.to.len() != plan.parties.len() =>
            {
                let what = match release.what {
                    ReleaseKind::Model => "the model",
                    _ => "statistics",
                };
                let problem = format!("{what} can go to every party only, and to nobody else");
                return refuse("release.to", problem, "list all parties");
            }
            ReleaseKind::Model if release.at_most != 1 => {
                let problem = format!("{} times; a training releases it once", release.at_most);
                return refuse("release.at_most", problem, "write 1");
            }
            ReleaseKind::Statistics | ReleaseKind::Model => {}
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
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = include_str!("../../../examples/hospitals/plan.toml");

    #[test]
    fn the_plan_of_the_hospitals_is_a_session() {
        let agreement = Agreement::from_toml(PLAN).unwrap();
        let session = agreement.glm().unwrap();
        assert_eq!((session.total_rows, session.moments), (700, 0));
        assert_eq!((session.max_answers, session.release_model), (20, false));
        let by = PLAN.replace("\"ranges\"", "\"statistics\"");
        let by = by.replacen("at_most = 1\n", "at_most = 2\n", 1);
        assert_eq!(
            Agreement::from_toml(&by).unwrap().glm().unwrap().moments,
            17
        );
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
        assert!(said(one, "to = [").contains("every party"));
        assert!(said("what = \"prediction\"", "what = \"metrics\"").contains("release.what"));
        assert!(said("what = \"prediction\"", "what = \"model\"").contains("release.to"));
        let party = said("to = [\"clinic\"]", "to = [\"clinic\", \"hospital-b\"]");
        assert!(party.contains("release.to"), "{party}");
        let limits = "[threshold]\nt = 3\n\n[limits]\nmax_payload_bytes = 4000000\n\n[parameters]";
        assert!(said("[parameters]", limits).contains("sub-shares"));
    }

    #[test]
    fn the_model_of_a_plan_may_be_released_once_to_all_parties() {
        let to =
            "to = [\"hospital-a\", \"hospital-b\", \"hospital-c\", \"hospital-d\", \"hospital-e\"]";
        let release = |at_most| {
            format!(
                "{PLAN}\n[[release]]\nwhat = \"model\"\n{to}\nat_most = {at_most}\nprecision_bits = 12\n"
            )
        };
        let agreement = Agreement::from_toml(&release(1)).unwrap();
        assert!(agreement.glm().unwrap().release_model);
        let twice = Agreement::from_toml(&release(2)).unwrap_err();
        assert!(twice.to_string().contains("release.at_most"), "{twice}");
    }
}
