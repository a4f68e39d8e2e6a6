//! What will be computed, on whose rows, released to whom and how often.
//!
//! A plan is plain data, written as `plan.toml`. What a model's hyper-parameters and a cohort's
//! selection mean is not this crate's business: they are tables here, and the crates that own them
//! read them with [`Plan::model_as`] and [`Cohort::settings_as`]. Everything else is checked by
//! [`Plan::validate`], whose errors name the field and the remedy.
//!
//! Parties sign the digest of the *meaning* of a plan ([`Plan::digest`]), not of its text: comments,
//! order of keys and defaults written out do not change it.
//!
//! ```
//! use tacit_session::Plan;
//!
//! let plan = Plan::from_toml(r#"
//!     schema = 1
//!     name = "readmission"
//!     min_rows = 50
//!
//!     [model]
//!     family = "logistic"
//!     iterations = 60
//!
//!     [parameters]
//!     choose = true
//!
//!     [[party]]
//!     name = "hospital-a"
//!     cohort = { path = "admissions.csv", label = "readmitted" }
//!     [[party]]
//!     name = "hospital-b"
//!     cohort = { path = "stays.parquet", label = "back_within_30d" }
//!
//!     [[querier]]
//!     name = "clinic"
//!
//!     [[release]]
//!     what = "prediction"
//!     to = ["clinic"]
//!     at_most = 1000
//!     precision_bits = 16
//! "#)?;
//! assert_eq!(plan.security.statistical_bits, 64);
//! let again = Plan::from_toml(&plan.to_toml()?)?;
//! assert_eq!(again.digest()?, plan.digest()?);
//! # Ok::<(), tacit_session::Error>(())
//! ```

mod canonical;
mod validate;

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::Error;

/// Longest `plan.toml` that is read.
pub const MAX_PLAN_BYTES: usize = 1 << 20;

/// The agreement of a session. Fields are those of `plan.toml`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Version of this format: 1.
    pub schema: u32,
    /// Name of the plan: 1 to 63 of `a-z 0-9 -`.
    pub name: String,
    /// Every party takes part with at least so many rows, or not at all.
    pub min_rows: u64,
    /// What is trained.
    pub model: Model,
    /// Encryption parameters.
    pub parameters: Parameters,
    /// Security levels.
    #[serde(default)]
    pub security: Security,
    /// Along which edges frames travel.
    #[serde(default)]
    pub topology: TopologyPlan,
    /// Absent: all parties are needed and all but one may collude (N-of-N).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Threshold>,
    /// What all parties know of the rows beforehand, in the words of the crate that standardises them.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    pub data: toml::Table,
    /// Sizes.
    #[serde(default)]
    pub limits: Limits,
    /// Time.
    #[serde(default)]
    pub timing: Timing,
    /// Data parties, in the order of the roster; the first is the root.
    #[serde(rename = "party")]
    pub parties: Vec<PartyPlan>,
    /// Who may ask.
    #[serde(rename = "querier", default, skip_serializing_if = "Vec::is_empty")]
    pub queriers: Vec<QuerierPlan>,
    /// Everything that is ever decrypted.
    #[serde(rename = "release")]
    pub releases: Vec<Release>,
}

/// Family of models and its hyper-parameters.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Model {
    /// Family, such as `logistic`.
    pub family: String,
    /// Every other key of the section.
    #[serde(flatten)]
    pub settings: toml::Table,
}

/// Encryption parameters: `choose = true`, or every number.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(
    try_from = "validate::ParametersFile",
    into = "validate::ParametersFile"
)]
pub enum Parameters {
    /// The planner picks the cheapest set that is secure and deep enough.
    Choose,
    /// Given in full.
    Explicit(ExplicitParameters),
}

/// A parameter set spelled out. Whether it is secure is decided where it is constructed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplicitParameters {
    /// Ring.
    pub ring: RingKind,
    /// Base-2 logarithm of the ring degree, 10 to 16.
    pub log_n: u32,
    /// Bits of the ciphertext primes, first to last level.
    pub q_bits: Vec<u32>,
    /// Bits of the special primes.
    pub p_bits: Vec<u32>,
    /// Base-2 logarithm of the scale.
    pub scale_bits: u32,
}

/// Which ring ciphertexts live in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RingKind {
    /// Z\[X\]/(X^N + 1): N/2 complex slots.
    Standard,
    /// Its real subring: N real slots.
    ConjugateInvariant,
}

/// Security levels.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Security {
    /// Cost of breaking a key: 128.
    pub computational_bits: u32,
    /// λ_s: masks and smudging noise hide up to a statistical distance of 2^-λ_s over the whole
    /// plan.
    pub statistical_bits: u32,
}

impl Default for Security {
    fn default() -> Self {
        Self {
            computational_bits: 128,
            statistical_bits: 64,
        }
    }
}

/// Topology as the plan writes it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "shape", deny_unknown_fields)]
pub enum TopologyPlan {
    /// Everyone talks to the first party.
    #[default]
    Star,
    /// A tree.
    Tree {
        /// Children per inner node.
        arity: u16,
    },
}

impl From<TopologyPlan> for crate::Topology {
    fn from(plan: TopologyPlan) -> Self {
        match plan {
            TopologyPlan::Star => Self::Star,
            TopologyPlan::Tree { arity } => Self::Tree { arity },
        }
    }
}

/// Threshold access.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// So many parties suffice, and so many together hold the key: t − 1 colluders learn nothing.
    pub t: u16,
}

/// Sizes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Longest input or share.
    pub max_payload_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_payload_bytes: 256 << 20,
        }
    }
}

/// Time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Timing {
    /// After so much silence a party asks again; the pause then doubles, up to eightfold.
    pub retry_seconds: u64,
    /// After so much silence the parties waited for are reported.
    pub deadline_seconds: u64,
}

impl Timing {
    pub(crate) fn retry(self) -> Duration {
        Duration::from_secs(self.retry_seconds)
    }

    pub(crate) fn deadline(self) -> Duration {
        Duration::from_secs(self.deadline_seconds)
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            retry_seconds: 15,
            deadline_seconds: 3600,
        }
    }
}

/// A data party's part in the plan.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartyPlan {
    /// Name in the roster.
    pub name: String,
    /// Its rows.
    pub cohort: Cohort,
}

/// A selection over a table, in the words of the crate that reads tables.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cohort(pub toml::Table);

impl Cohort {
    /// Reads the selection as the type that owns its meaning.
    pub fn settings_as<T: DeserializeOwned>(&self, party: &str) -> Result<T, Error> {
        read_table(&self.0, || format!("party `{party}`.cohort"))
    }
}

/// Someone who may ask.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuerierPlan {
    /// Name in the roster.
    pub name: String,
}

/// Something that is decrypted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// What.
    pub what: ReleaseKind,
    /// To whom: names of parties and queriers.
    pub to: Vec<String>,
    /// How often in all.
    pub at_most: u64,
    /// To how many bits after the binary point.
    pub precision_bits: u32,
}

/// Kinds of release.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ReleaseKind {
    /// The model's answer to an encrypted query.
    Prediction,
    /// The weights themselves.
    Model,
    /// Aggregates used to standardise columns: means and variances over all sites.
    Statistics,
    /// Figures of quality on held-out rows, summed over all sites.
    Metrics,
}

impl Plan {
    /// A plan with defaults for everything that has one, and empty cohorts; a start for code that
    /// fills in the rest. Not valid yet: it releases nothing.
    pub fn draft(name: &str, family: &str, parties: &[&str]) -> Self {
        let party = |name: &&str| PartyPlan {
            name: (*name).to_owned(),
            cohort: Cohort(toml::Table::new()),
        };
        Self {
            schema: 1,
            name: name.to_owned(),
            min_rows: 10,
            model: Model {
                family: family.to_owned(),
                settings: toml::Table::new(),
            },
            parameters: Parameters::Choose,
            security: Security::default(),
            topology: TopologyPlan::Star,
            threshold: None,
            data: toml::Table::new(),
            limits: Limits::default(),
            timing: Timing::default(),
            parties: parties.iter().map(party).collect(),
            queriers: Vec::new(),
            releases: Vec::new(),
        }
    }

    /// Reads and validates `plan.toml`.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_PLAN_BYTES {
            let problem = format!("{} bytes; a plan has at most {MAX_PLAN_BYTES}", text.len());
            return Err(Error::PlanSyntax { problem });
        }
        let plan: Self = toml::from_str(text).map_err(|e| Error::PlanSyntax {
            problem: e.to_string(),
        })?;
        plan.validate()?;
        Ok(plan)
    }

    /// Writes `plan.toml` with every default spelled out.
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string(self).map_err(|e| Error::PlanSyntax {
            problem: e.to_string(),
        })
    }

    /// Reads the model's settings as the type that owns their meaning.
    pub fn model_as<T: DeserializeOwned>(&self) -> Result<T, Error> {
        read_table(&self.model.settings, || "model".to_owned())
    }

    /// Reads what is known of the rows as the type that owns its meaning.
    pub fn data_as<T: DeserializeOwned>(&self) -> Result<T, Error> {
        read_table(&self.data, || "data".to_owned())
    }

    /// Writes the model's settings from the type that owns their meaning. Reading and writing back
    /// spells out every default, so that the digest everyone signs pins it.
    pub fn set_model<T: Serialize>(&mut self, settings: &T) -> Result<(), Error> {
        self.model.settings = toml::Table::try_from(settings).map_err(|e| Error::Plan {
            field: "model".into(),
            problem: e.to_string(),
            remedy: "use settings that TOML can hold".into(),
        })?;
        Ok(())
    }

    /// What every party signs: a digest of the plan's meaning.
    pub fn digest(&self) -> Result<Digest, Error> {
        canonical::digest(self)
    }
}

fn read_table<T: DeserializeOwned>(
    table: &toml::Table,
    field: impl Fn() -> String,
) -> Result<T, Error> {
    table
        .clone()
        .try_into()
        .map_err(|e: toml::de::Error| Error::Plan {
            field: field(),
            problem: e.message().to_owned(),
            remedy: "correct the setting in the plan and have it approved again".into(),
        })
}
