//! Rules a plan must keep, each with its remedy.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{ExplicitParameters, Parameters, Plan, ReleaseKind, RingKind, TopologyPlan};
use crate::error::Error;
use crate::roster::{MAX_PARTIES, Role, Roster, is_name};

/// Smallest `min_rows` when statistics are released: a mean over fewer rows tells too much of each.
const MIN_ROWS_FOR_STATISTICS: u64 = 10;

impl Plan {
    /// Checks every rule; the first that is broken is the error.
    pub fn validate(&self) -> Result<(), Error> {
        check(self.schema == 1, "schema", || {
            (format!("{} is unknown", self.schema), "write `schema = 1`")
        })?;
        check(is_name(&self.name), "name", || {
            (format!("{:?} is not a name", self.name), NAME)
        })?;
        check(is_name(&self.model.family), "model.family", || {
            (format!("{:?} is not a name", self.model.family), NAME)
        })?;
        self.check_members()?;
        self.check_protection()?;
        self.check_releases()?;
        if let Parameters::Explicit(explicit) = &self.parameters {
            explicit.check()?;
        }
        self.check_running()
    }

    /// Whether plan and roster speak of the same parties, in the same order, and of the same
    /// queriers.
    pub fn check_roster(&self, roster: &Roster) -> Result<(), Error> {
        let planned = self.parties.iter().map(|p| (Role::Party, &p.name));
        let mut planned = planned.chain(self.queriers.iter().map(|q| (Role::Querier, &q.name)));
        let mut listed = roster.members().iter().map(|m| (m.role, &m.name));
        loop {
            let (plan, roster) = (planned.next(), listed.next());
            let Some((_, name)) = plan.or(roster) else {
                return Ok(());
            };
            check(plan == roster, "party", || {
                let problem = format!("`{name}` does not stand at the same place in the roster");
                (
                    problem,
                    "list the members of the roster in its order, with their roles",
                )
            })?;
        }
    }

    fn check_members(&self) -> Result<(), Error> {
        let parties = self.parties.len();
        check((2..=MAX_PARTIES).contains(&parties), "party", || {
            (format!("{parties} parties"), "list between 2 and 1024")
        })?;
        let mut seen = HashSet::new();
        for party in &self.parties {
            let field = format!("party `{}`", party.name);
            check(is_name(&party.name), &field, || ("not a name".into(), NAME))?;
            check(seen.insert(&party.name), &field, || (TWICE.into(), ONCE))?;
        }
        for querier in &self.queriers {
            let field = format!("querier `{}`", querier.name);
            check(is_name(&querier.name), &field, || {
                ("not a name".into(), NAME)
            })?;
            check(seen.insert(&querier.name), &field, || (TWICE.into(), ONCE))?;
        }
        Ok(())
    }

    fn check_protection(&self) -> Result<(), Error> {
        let security = &self.security;
        check(
            security.computational_bits == 128,
            "security.computational_bits",
            || {
                (
                    format!("{} is not offered", security.computational_bits),
                    "write 128 or leave it out",
                )
            },
        )?;
        let bits = security.statistical_bits;
        check(
            (40..=128).contains(&bits),
            "security.statistical_bits",
            || (format!("{bits} bits"), "use 40 to 128; 64 is the default"),
        )?;
        if let Some(threshold) = self.threshold {
            let fits = threshold.t >= 2 && usize::from(threshold.t) <= self.parties.len();
            check(fits, "threshold.t", || {
                let problem = format!("{} of {} parties", threshold.t, self.parties.len());
                (
                    problem,
                    "use 2 to the number of parties; leave it out for all of them",
                )
            })?;
        }
        check(self.min_rows >= 1, "min_rows", || {
            (
                "a site without rows".into(),
                "state how many rows a site must have to take part",
            )
        })
    }

    fn check_releases(&self) -> Result<(), Error> {
        check(!self.releases.is_empty(), "release", || {
            let problem = "nothing is released, so nobody could use the model".into();
            (
                problem,
                "say what is released to whom, such as `prediction`",
            )
        })?;
        let parties = self.parties.iter().map(|p| &p.name);
        let names: HashSet<_> = parties
            .chain(self.queriers.iter().map(|q| &q.name))
            .collect();
        for (place, release) in self.releases.iter().enumerate() {
            let field = |name: &str| format!("release {}.{name}", place + 1);
            check(!release.to.is_empty(), &field("to"), || {
                ("released to nobody".into(), "name parties or queriers")
            })?;
            for name in &release.to {
                check(names.contains(name), &field("to"), || {
                    (
                        format!("`{name}` is no party or querier of this plan"),
                        "add or correct it",
                    )
                })?;
            }
            check(
                (1..=1 << 32).contains(&release.at_most),
                &field("at_most"),
                || {
                    let problem = format!("{} releases", release.at_most);
                    (problem, "use 1 to 2^32: smudging noise is sized by it")
                },
            )?;
            check(
                (1..=52).contains(&release.precision_bits),
                &field("precision_bits"),
                || (format!("{} bits", release.precision_bits), "use 1 to 52"),
            )?;
            let coarse =
                release.what != ReleaseKind::Statistics || self.min_rows >= MIN_ROWS_FOR_STATISTICS;
            check(coarse, "min_rows", || {
                let problem = format!("{} rows per site with statistics released", self.min_rows);
                (
                    problem,
                    "require at least 10, or standardise by public ranges",
                )
            })?;
        }
        Ok(())
    }

    fn check_running(&self) -> Result<(), Error> {
        if let TopologyPlan::Tree { arity } = self.topology {
            check((2..=256).contains(&arity), "topology.arity", || {
                (
                    format!("{arity} children per node"),
                    "use 2 to 256, or `shape = \"star\"`",
                )
            })?;
        }
        let payload = self.limits.max_payload_bytes;
        check(
            (1 << 16..=1 << 32).contains(&payload),
            "limits.max_payload_bytes",
            || {
                (
                    format!("{payload} bytes"),
                    "use 65536 (64 KiB) to 4294967296 (4 GiB)",
                )
            },
        )?;
        let timing = self.timing;
        check(
            (1..=3600).contains(&timing.retry_seconds),
            "timing.retry_seconds",
            || (format!("{} s", timing.retry_seconds), "use 1 to 3600"),
        )?;
        let deadlines = timing.retry_seconds..=365 * 24 * 3600;
        check(
            deadlines.contains(&timing.deadline_seconds),
            "timing.deadline_seconds",
            || {
                let problem = format!("{} s", timing.deadline_seconds);
                (problem, "use at least `retry_seconds` and at most a year")
            },
        )
    }
}

impl ExplicitParameters {
    fn check(&self) -> Result<(), Error> {
        check((10..=16).contains(&self.log_n), "parameters.log_n", || {
            (format!("{}", self.log_n), "use 10 to 16")
        })?;
        for (field, bits) in [
            ("parameters.q_bits", &self.q_bits),
            ("parameters.p_bits", &self.p_bits),
        ] {
            check((1..=64).contains(&bits.len()), field, || {
                (
                    format!("{} primes", bits.len()),
                    "list 1 to 64 primes by their bits",
                )
            })?;
            check(bits.iter().all(|b| (20..=50).contains(b)), field, || {
                ("a prime out of range".into(), "use primes of 20 to 50 bits")
            })?;
        }
        check(
            (10..=50).contains(&self.scale_bits),
            "parameters.scale_bits",
            || (format!("{} bits", self.scale_bits), "use 10 to 50"),
        )
    }
}

const NAME: &str = "use 1 to 63 of a-z, 0-9 and `-`, beginning with a letter or digit";
const TWICE: &str = "named twice";
const ONCE: &str = "give every member its own name";

fn check<'a>(
    holds: bool,
    field: &str,
    otherwise: impl FnOnce() -> (String, &'a str),
) -> Result<(), Error> {
    if holds {
        return Ok(());
    }
    let (problem, remedy) = otherwise();
    Err(Error::Plan {
        field: field.to_owned(),
        problem,
        remedy: remedy.to_owned(),
    })
}

/// The `[parameters]` section as written.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ParametersFile {
    #[serde(default, skip_serializing_if = "is_false")]
    choose: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ring: Option<RingKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log_n: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    q_bits: Option<Vec<u32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p_bits: Option<Vec<u32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scale_bits: Option<u32>,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl TryFrom<ParametersFile> for Parameters {
    type Error = &'static str;

    fn try_from(file: ParametersFile) -> Result<Self, Self::Error> {
        let ParametersFile {
            choose,
            ring,
            log_n,
            q_bits,
            p_bits,
            scale_bits,
        } = file;
        match (choose, ring, log_n, q_bits, p_bits, scale_bits) {
            (true, None, None, None, None, None) => Ok(Self::Choose),
            (false, Some(ring), Some(log_n), Some(q_bits), Some(p_bits), Some(scale_bits)) => {
                Ok(Self::Explicit(ExplicitParameters {
                    ring,
                    log_n,
                    q_bits,
                    p_bits,
                    scale_bits,
                }))
            }
            _ => Err(
                "`parameters` holds either `choose = true` alone, or all of `ring`, \
                      `log_n`, `q_bits`, `p_bits` and `scale_bits`",
            ),
        }
    }
}

impl From<Parameters> for ParametersFile {
    fn from(parameters: Parameters) -> Self {
        let none = Self {
            choose: false,
            ring: None,
            log_n: None,
            q_bits: None,
            p_bits: None,
            scale_bits: None,
        };
        match parameters {
            Parameters::Choose => Self {
                choose: true,
                ..none
            },
            Parameters::Explicit(explicit) => Self {
                ring: Some(explicit.ring),
                log_n: Some(explicit.log_n),
                q_bits: Some(explicit.q_bits),
                p_bits: Some(explicit.p_bits),
                scale_bits: Some(explicit.scale_bits),
                ..none
            },
        }
    }
}
