//! `policy.toml`: what this site allows, whatever a plan says.
//!
//! ```
//! use tacit_node::Policy;
//! use tacit_session::Plan;
//!
//! let policy = Policy::from_toml(r#"
//!     schema = 1
//!     min_rows = 100                  # this site takes part with at least so many
//!     min_parties = 3
//!     models = ["linear", "logistic"]
//!     releases = ["statistics", "prediction"]
//!     queriers = ["clinic"]
//!     max_answers = 1000              # over the life of a plan
//! "#)?;
//! let plan = Plan::draft("p", "forest", &["a", "b", "c"]);
//! let refused = policy.check(&plan, Some(40));
//! let rules: Vec<_> = refused.iter().map(|r| r.rule).collect();
//! assert_eq!(rules, ["models", "min_rows"]);
//! # Ok::<(), tacit_node::Error>(())
//! ```
//!
//! A policy is checked when a plan is signed, when a node starts, and again, for what is released,
//! before every release.

use std::fmt;

use serde::Deserialize;
use tacit_session::Plan;
use tacit_session::plan::{Release, ReleaseKind};

use crate::error::Error;

/// What a site allows. What is not listed is not allowed.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Version of this format: 1.
    pub schema: u32,
    /// Least rows this site takes part with.
    pub min_rows: u64,
    /// Least parties of a plan.
    pub min_parties: usize,
    /// Families of models.
    pub models: Vec<String>,
    /// Kinds of releases.
    pub releases: Vec<ReleaseKind>,
    /// Who may ask.
    #[serde(default)]
    pub queriers: Vec<String>,
    /// Most predictions over the life of a plan.
    #[serde(default)]
    pub max_answers: u64,
    /// Least statistical security.
    #[serde(default = "statistical_bits")]
    pub min_statistical_bits: u32,
}

fn statistical_bits() -> u32 {
    64
}

/// A rule that a plan or a release breaks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The rule's name in the policy.
    pub rule: &'static str,
    /// What breaks it.
    pub problem: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule `{}`: {}", self.rule, self.problem)
    }
}

fn name(kind: ReleaseKind) -> String {
    format!("{kind:?}").to_lowercase()
}

impl Policy {
    /// Reads a policy.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let wrong = |e: toml::de::Error| Error::config("policy", e);
        let policy: Self = toml::from_str(text).map_err(wrong)?;
        if policy.schema != 1 {
            let problem = format!("schema {}, this program reads 1", policy.schema);
            return Err(Error::config("policy", problem));
        }
        Ok(policy)
    }

    /// Every rule the plan breaks; `rows` is how many this site would bring, if it is known.
    pub fn check(&self, plan: &Plan, rows: Option<u64>) -> Vec<Refusal> {
        let mut refused = Vec::new();
        let mut must = |holds: bool, rule, problem: String| {
            if !holds {
                refused.push(Refusal { rule, problem });
            }
        };
        let parties = plan.parties.len();
        must(
            parties >= self.min_parties,
            "min_parties",
            format!("{parties} parties, at least {}", self.min_parties),
        );
        let family = &plan.model.family;
        must(
            self.models.contains(family),
            "models",
            format!("`{family}` is not among {}", self.models.join(", ")),
        );
        let bits = plan.security.statistical_bits;
        must(
            bits >= self.min_statistical_bits,
            "min_statistical_bits",
            format!("{bits} bits, at least {}", self.min_statistical_bits),
        );
        if let Some(rows) = rows {
            must(
                rows >= self.min_rows,
                "min_rows",
                format!("{rows} rows here, at least {}", self.min_rows),
            );
        }
        for querier in &plan.queriers {
            must(
                self.queriers.contains(&querier.name),
                "queriers",
                format!("`{}` may not ask", querier.name),
            );
        }
        for release in &plan.releases {
            refused.extend(self.check_release(release));
        }
        refused
    }

    /// The rule that a release breaks, if one does.
    pub fn check_release(&self, release: &Release) -> Option<Refusal> {
        let refuse = |rule, problem| Some(Refusal { rule, problem });
        if !self.releases.contains(&release.what) {
            let problem = format!("{} may not be released", name(release.what));
            return refuse("releases", problem);
        }
        if release.what == ReleaseKind::Prediction && release.at_most > self.max_answers {
            let problem = format!(
                "{} answers in the plan, at most {}",
                release.at_most, self.max_answers
            );
            return refuse("max_answers", problem);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacit_session::plan::QuerierPlan;

    fn policy() -> Policy {
        let text = "schema = 1\nmin_rows = 10\nmin_parties = 2\nmodels = ['logistic']\n\
                    releases = ['prediction']\nqueriers = ['clinic']\nmax_answers = 5";
        Policy::from_toml(text).unwrap()
    }

    fn plan() -> Plan {
        let mut plan = Plan::draft("p", "logistic", &["a", "b"]);
        plan.queriers.push(QuerierPlan {
            name: "clinic".into(),
        });
        plan.releases.push(Release {
            what: ReleaseKind::Prediction,
            to: vec!["clinic".into()],
            at_most: 5,
            precision_bits: 8,
        });
        plan
    }

    fn rules(change: impl Fn(&mut Plan), rows: u64) -> Vec<&'static str> {
        let mut plan = plan();
        change(&mut plan);
        let refused = policy().check(&plan, Some(rows));
        refused.iter().map(|r| r.rule).collect()
    }

    #[test]
    fn every_rule_is_named_when_it_is_broken() {
        assert!(rules(|_| {}, 10).is_empty());
        assert_eq!(rules(|_| {}, 9), ["min_rows"]);
        assert_eq!(rules(|p| drop(p.parties.pop()), 10), ["min_parties"]);
        assert_eq!(rules(|p| p.model.family = "mlp".into(), 10), ["models"]);
        let low = |p: &mut Plan| p.security.statistical_bits = 40;
        assert_eq!(rules(low, 10), ["min_statistical_bits"]);
        let other = |p: &mut Plan| p.queriers[0].name = "press".into();
        assert_eq!(rules(other, 10), ["queriers"]);
        assert_eq!(rules(|p| p.releases[0].at_most = 6, 10), ["max_answers"]);
        let model = |p: &mut Plan| p.releases[0].what = ReleaseKind::Model;
        assert_eq!(rules(model, 10), ["releases"]);
    }

    #[test]
    fn unknown_rules_and_schemas_are_refused() {
        let base = "min_rows = 1\nmin_parties = 2\nmodels = []\nreleases = []\n";
        assert!(Policy::from_toml(&format!("schema = 2\n{base}")).is_err());
        assert!(Policy::from_toml(&format!("schema = 1\nmin_row = 3\n{base}")).is_err());
    }
}
