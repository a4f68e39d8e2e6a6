//! The model section of a plan that describes a network: `family = "mlp"` and every setting.
//!
//! ```toml
//! [model]
//! family = "mlp"
//! layers = [784, 64, 64, 10]
//! batch = 64
//! iterations = 300
//! ```

use tacit_session::Plan;

use super::MlpConfig;
use crate::Error;

impl MlpConfig {
    /// The family of networks of dense layers, as plans spell it.
    pub const FAMILY: &'static str = "mlp";

    /// Reads the model section of a plan. Settings left out have the value of [`MlpConfig::new`].
    pub fn from_plan(plan: &Plan) -> Result<Self, Error> {
        let invalid = |problem: String| {
            let remedy = "correct the plan and have it approved again";
            Error::config("model", problem, remedy)
        };
        if plan.model.family != Self::FAMILY {
            let family = &plan.model.family;
            return Err(invalid(format!("family `{family}` is not `mlp`")));
        }
        let given = plan.model.settings.clone();
        let layers = given
            .get("layers")
            .ok_or_else(|| invalid("`layers` is missing".into()))?;
        let layers: Vec<usize> = (layers.clone().try_into())
            .map_err(|e: toml::de::Error| invalid(format!("`layers`: {}", e.message())))?;
        let defaults = toml::Table::try_from(Self::new(&layers));
        let mut settings = defaults.map_err(|e| invalid(e.to_string()))?;
        settings.extend(given);
        let config: Self = settings
            .try_into()
            .map_err(|e: toml::de::Error| invalid(e.message().to_owned()))?;
        config.validate()?;
        Ok(config)
    }

    /// Writes the model section of a plan, every default spelled out, so that the digest everyone signs pins
    /// it.
    pub fn write_to_plan(&self, plan: &mut Plan) -> Result<(), Error> {
        plan.model.settings = toml::Table::try_from(self).map_err(|e| {
            Error::config("model", e.to_string(), "use settings that TOML can hold")
        })?;
        plan.model.family = Self::FAMILY.to_owned();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Curve, Head, PolynomialActivation, Rate, StepMomentum};
    use super::*;

    #[test]
    fn a_network_survives_its_plan() {
        let sigmoid = PolynomialActivation::fit(Curve::Sigmoid, 3, 4.0).unwrap();
        let config = MlpConfig {
            head: Head::CrossEntropy(sigmoid),
            target: 1.0,
            momentum: StepMomentum::None,
            rate: Rate::Constant { rate: 0.1 },
            ..MlpConfig::new(&[12, 8, 3])
        };
        let mut plan = Plan::draft("p", "x", &["a", "b"]);
        config.write_to_plan(&mut plan).unwrap();
        let again: Plan = toml::from_str(&plan.to_toml().unwrap()).unwrap();
        assert_eq!(MlpConfig::from_plan(&again).unwrap(), config);
    }

    #[test]
    fn what_is_left_out_has_its_default_and_what_is_unknown_is_refused() {
        let mut plan = Plan::draft("p", "mlp", &["a", "b"]);
        let refused = |plan: &Plan| MlpConfig::from_plan(plan).unwrap_err().to_string();
        assert!(refused(&plan).contains("layers"));
        let layers = toml::Value::from(vec![12, 8, 3]);
        plan.model.settings.insert("layers".into(), layers);
        let read = MlpConfig::from_plan(&plan).unwrap();
        assert_eq!(read, MlpConfig::new(&[12, 8, 3]));
        plan.model.settings.insert("layer".into(), 3.into());
        assert!(refused(&plan).contains("layer"));
        plan.model.family = "logistic".into();
        assert!(refused(&plan).contains("logistic"));
    }
}
