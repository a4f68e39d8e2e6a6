//! The model section of a plan: the family beside the settings, as people write it.
//!
//! ```toml
//! [model]
//! family = "multinomial"
//! classes = 3
//! features = 4
//! iterations = 12
//! ```

use tacit_session::Plan;
use toml::Value;

use super::{Family, GlmConfig};
use crate::Error;

impl GlmConfig {
    /// Reads the model section of a plan.
    pub fn from_plan(plan: &Plan) -> Result<Self, Error> {
        let invalid = |problem: String| {
            Error::config(
                "model",
                problem,
                "correct the plan and have it approved again",
            )
        };
        let mut settings = plan.model.settings.clone();
        let family = match plan.model.family.as_str() {
            name @ ("linear" | "logistic" | "poisson") => Value::String(name.into()),
            "multinomial" => {
                let classes = settings
                    .remove("classes")
                    .ok_or_else(|| invalid("`classes` is missing".into()))?;
                let mut inner = toml::Table::new();
                inner.insert("classes".into(), classes);
                let mut outer = toml::Table::new();
                outer.insert("multinomial".into(), Value::Table(inner));
                Value::Table(outer)
            }
            other => {
                return Err(invalid(format!(
                    "family `{other}` is not one of linear, logistic, poisson, multinomial"
                )));
            }
        };
        settings.insert("family".into(), family);
        let config: GlmConfig = settings
            .try_into()
            .map_err(|e: toml::de::Error| invalid(e.message().to_owned()))?;
        config.validate()?;
        Ok(config)
    }

    /// Writes the model section of a plan, every default spelled out, so that the digest everyone signs pins
    /// it.
    pub fn write_to_plan(&self, plan: &mut Plan) -> Result<(), Error> {
        let mut settings = toml::Table::try_from(self).map_err(|e| {
            Error::config("model", e.to_string(), "use settings that TOML can hold")
        })?;
        settings.remove("family");
        if let Family::Multinomial { classes } = self.family {
            settings.insert("classes".into(), Value::Integer(classes as i64));
        }
        plan.model.family = self.family.name().to_owned();
        plan.model.settings = settings;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_survives_its_plan() {
        for family in [
            Family::Linear,
            Family::Logistic,
            Family::Poisson,
            Family::Multinomial { classes: 3 },
        ] {
            let config = GlmConfig::new(family, 4);
            let mut plan = Plan::draft("p", "x", &["a", "b"]);
            config.write_to_plan(&mut plan).unwrap();
            assert_eq!(GlmConfig::from_plan(&plan).unwrap(), config);
            let text = plan.to_toml().unwrap();
            let again: Plan = toml::from_str(&text).unwrap();
            assert_eq!(GlmConfig::from_plan(&again).unwrap(), config);
        }
    }

    #[test]
    fn unknown_families_and_settings_are_refused_by_name() {
        let mut plan = Plan::draft("p", "forest", &["a", "b"]);
        assert!(
            GlmConfig::from_plan(&plan)
                .unwrap_err()
                .to_string()
                .contains("forest")
        );
        GlmConfig::new(Family::Logistic, 4)
            .write_to_plan(&mut plan)
            .unwrap();
        plan.model
            .settings
            .insert("learning_rat".into(), Value::Float(0.1));
        assert!(
            GlmConfig::from_plan(&plan)
                .unwrap_err()
                .to_string()
                .contains("learning_rat")
        );
    }
}
