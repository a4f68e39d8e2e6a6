//! Plans of networks.
//!
//! `choose = true` takes the fewest primes that training needs ([`MlpPlan::new`]), so that all sites choose alike: prices
//! measured at one site have no part in it.

use std::sync::Arc;

use tacit_learn::neural::MlpConfig;
use tacit_learn::neural::encrypted::{MlpPlan, ModulusShape};
use tacit_session::Plan;
use tacit_session::plan::{Parameters, ReleaseKind};

use super::{DataSection, Task, check_receivers, check_statistics, planned, refuse};
use crate::error::Error;
use crate::rows::Standardisation;

pub(super) fn task(plan: &Plan, data: &DataSection) -> Result<(Task, Standardisation), Error> {
    if plan.threshold.is_some() {
        let problem = "networks are trained by all parties".into();
        return refuse("threshold", problem, "leave the section out");
    }
    let config = MlpConfig::from_plan(plan)?;
    let total = data.total_rows(plan)?;
    let parts: Option<Vec<usize>> = (data.parts.iter())
        .map(|rows| {
            usize::try_from(*rows)
                .ok()
                .filter(|_| *rows >= plan.min_rows)
        })
        .collect();
    let parts = match parts {
        Some(parts) if parts.len() == plan.parties.len() => parts,
        Some(parts) => {
            let problem = format!("{} for {} parties", parts.len(), plan.parties.len());
            return refuse("data.parts", problem, "give the rows of each party");
        }
        None => {
            let problem = format!("a party has fewer than min_rows = {}", plan.min_rows);
            return refuse("data.parts", problem, "count the rows of each party again");
        }
    };
    if parts.iter().sum::<usize>() != total {
        let problem = format!("they do not add up to data.rows = {total}");
        return refuse("data.parts", problem, "count the rows of each party again");
    }
    let standardisation = data.standardisation(plan, config.layers[0])?;
    let lambda_s = plan.security.statistical_bits;
    let made = match &plan.parameters {
        Parameters::Choose => MlpPlan::new(config, parts, lambda_s)?,
        Parameters::Explicit(given) => {
            let shape = ModulusShape {
                special: given.p_bits.len(),
                scale_bits: given.scale_bits,
            };
            let config = MlpConfig {
                slots: 1 << given.log_n,
                ..config
            };
            let made = MlpPlan::of_shape(config, parts, lambda_s, shape)?;
            let literal = made.encryption.params.literal();
            if literal.q_bits != given.q_bits || literal.p_bits != given.p_bits {
                let problem = format!(
                    "q_bits = {:?} and p_bits = {:?}, but the masks of this plan need {:?} and {:?}",
                    given.q_bits, given.p_bits, literal.q_bits, literal.p_bits
                );
                return refuse("parameters", problem, "write those, or `choose = true`");
            }
            made
        }
    };
    let made = made.with_moments(standardisation.moments())?;
    let errors = made.errors_before(made.config.iterations);
    let needed = errors as u64 + u64::from(made.moments > 0);
    check_statistics(
        plan,
        needed,
        "train without `stop`, and standardise by ranges",
    )?;
    check_receivers(plan)?;
    if planned(plan, ReleaseKind::Model) == 0 {
        let problem = "a network that is trained between sites is released to them".into();
        return refuse(
            "release",
            problem,
            "add a release of the model to all parties",
        );
    }
    if planned(plan, ReleaseKind::Prediction) > 0 {
        let problem = "networks answer no queries between sites".into();
        return refuse("release.what", problem, "leave the predictions out");
    }
    Ok((Task::Network(Arc::new(made)), standardisation))
}

#[cfg(test)]
mod tests {
    use super::super::Agreement;

    const PLAN: &str = include_str!("../../../../examples/hospitals/network.toml");

    #[test]
    fn the_network_of_the_hospitals_is_a_session() {
        let agreement = Agreement::from_toml(PLAN).unwrap();
        assert_eq!(agreement.task.features(), 8);
        assert!(agreement.glm().is_err());
        assert!(agreement.check_rows("hospital-b", 140).is_ok());
        assert!(agreement.check_rows("hospital-b", 139).is_err());
    }

    #[test]
    fn what_cannot_be_run_as_it_is_written_is_refused_by_its_field() {
        let said = |from: &str, to: &str| {
            assert!(PLAN.contains(from), "{from}");
            let changed = PLAN.replacen(from, to, 1);
            Agreement::from_toml(&changed).unwrap_err().to_string()
        };
        assert!(said("[140, 140,", "[140,").contains("data.parts"));
        assert!(said("[140, 140,", "[139, 140,").contains("data.parts"));
        assert!(said("[140, 140,", "[9, 271,").contains("data.parts"));
        assert!(said("at_most = 1\n", "at_most = 2\n").contains("release.at_most"));
        assert!(said("what = \"model\"", "what = \"prediction\"").contains("release"));
        assert!(said("[parameters]", "[threshold]\nt = 3\n\n[parameters]").contains("threshold"));
        assert!(said("layers = [8,", "layers = [7,").contains("data.ranges"));
    }
}
