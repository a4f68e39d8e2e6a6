//! One line of a table, as a value and as text.

use crate::error::SplitError;
use crate::harden::{Method, Recipe};
use crate::noise::{Binding, Noise};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// A method at several strengths, one of which is chosen.
///
/// As text it is a [`Method`] and, after a colon, settings that differ from the method's own
/// ([`Recipe::of`]), with commas between them. One setting may have several values, from the weakest
/// to the strongest, with slashes between them:
///
/// ```
/// use tacit_split::evaluate::Candidate;
///
/// let candidate: Candidate = "center:lambda=4/16/64,snr=2".parse()?;
/// assert_eq!(candidate.recipes.len(), 3);
/// assert_eq!(candidate.recipes[1].lambda, 16.0);
/// let adversarial: Candidate = "adversarial:knows=sex,lambda=4".parse()?;
/// assert_eq!(adversarial.private.as_deref(), Some("sex"));
/// assert!("center:lamda=4".parse::<Candidate>().is_err());
/// # Ok::<(), tacit_split::SplitError>(())
/// ```
///
/// | setting | is |
/// |---|---|
/// | `lambda` | λ |
/// | `snr`, `laplace` | Gaussian or Laplace noise by its signal-to-noise ratio, 0 for none |
/// | `dropout` | share of the features that is dropped |
/// | `rate`, `epochs`, `batch`, `alpha`, `tolerance` | of the fine-tuning |
/// | `warm-up` | share of the steps over which λ grows |
/// | `bottleneck` | numbers (channels of a map) left at the cut |
/// | `bits` | of the grid |
/// | `keep-head` | `yes` to leave the head as it is |
/// | `fresh` | `yes` to draw noise anew for every query |
/// | `knows` | the private label it learns from |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// Its name in the table.
    pub name: String,
    /// From the weakest to the strongest.
    pub recipes: Vec<Recipe>,
    /// The private label it learns from, for methods that do.
    pub private: Option<String>,
}

impl Candidate {
    /// Whether there is a strength to choose.
    pub(super) fn tuned(&self) -> bool {
        self.recipes.len() > 1
    }
}

impl FromStr for Candidate {
    type Err = SplitError;

    fn from_str(text: &str) -> Result<Self, SplitError> {
        let refuse = |reason: String| SplitError::Format {
            origin: format!("candidate `{text}`"),
            reason,
        };
        let (method, settings) = text.split_once(':').unwrap_or((text, ""));
        let mut candidate = Candidate {
            name: text.to_owned(),
            recipes: vec![Recipe::of(method.parse::<Method>()?)],
            private: None,
        };
        for setting in settings.split(',').filter(|s| !s.is_empty()) {
            let Some((key, values)) = setting.split_once('=') else {
                return Err(refuse(format!("`{setting}` has no `=`")));
            };
            if key == "knows" {
                candidate.private = Some(values.to_owned());
                continue;
            }
            let values: Vec<&str> = values.split('/').collect();
            if values.len() > 1 && candidate.recipes.len() > 1 {
                return Err(refuse(format!(
                    "`{key}` is the second setting with several values; one may have them"
                )));
            }
            let mut recipes = Vec::with_capacity(values.len() * candidate.recipes.len());
            for value in values {
                for recipe in &candidate.recipes {
                    let changed = set(recipe, key, value);
                    recipes.push(changed.map_err(refuse)?);
                }
            }
            candidate.recipes = recipes;
        }
        for recipe in &candidate.recipes {
            recipe.check()?;
        }
        Ok(candidate)
    }
}

/// A recipe with one setting changed, or why it cannot be.
fn set(recipe: &Recipe, key: &str, value: &str) -> Result<Recipe, String> {
    fn read<T: FromStr>(key: &str, value: &str) -> Result<T, String> {
        let read = value.parse();
        read.map_err(|_| format!("`{value}` is no value of `{key}`"))
    }
    let mut recipe = recipe.clone();
    let noise = |snr: f32, noise: Noise| match snr == 0.0 {
        true => Noise::None,
        false => noise,
    };
    match key {
        "lambda" => recipe.lambda = read(key, value)?,
        "snr" => {
            let snr = read(key, value)?;
            recipe.veil.noise = noise(snr, Noise::Gaussian { snr });
        }
        "laplace" => {
            let snr = read(key, value)?;
            recipe.veil.noise = noise(snr, Noise::Laplace { snr });
        }
        "dropout" => {
            let share = read(key, value)?;
            recipe.veil.noise = Noise::Dropout { share };
        }
        "rate" => recipe.rate = read(key, value)?,
        "epochs" => recipe.epochs = read(key, value)?,
        "batch" => recipe.batch = read(key, value)?,
        "alpha" => recipe.alpha = read(key, value)?,
        "tolerance" => recipe.tolerance = read(key, value)?,
        "warm-up" => recipe.warm_up.share = read(key, value)?,
        "bottleneck" => recipe.bottleneck = Some(read(key, value)?),
        "bits" => recipe.veil.bits = Some(read(key, value)?),
        "keep-head" => recipe.keep_head = yes(key, value)?,
        "fresh" => {
            if yes(key, value)? {
                recipe.veil.binding = Binding::Fresh;
            }
        }
        other => return Err(format!("there is no setting `{other}`")),
    }
    Ok(recipe)
}

fn yes(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(format!("`{key}` is yes or no, not `{value}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        text.parse::<Candidate>().expect_err("accepted").to_string()
    }

    #[test]
    fn a_method_alone_has_its_own_settings() {
        let candidate: Candidate = "mahalanobis".parse().expect("a method");
        assert_eq!(candidate.recipes, [Recipe::of(Method::Mahalanobis)]);
    }

    #[test]
    fn one_setting_may_have_several_values() {
        let candidate: Candidate = "noise-only:snr=1/0.25/0,bits=4".parse().expect("settings");
        let noise: Vec<Noise> = candidate.recipes.iter().map(|r| r.veil.noise).collect();
        let gaussian = |snr| Noise::Gaussian { snr };
        assert_eq!(noise, [gaussian(1.0), gaussian(0.25), Noise::None]);
        assert!(candidate.recipes.iter().all(|r| r.veil.bits == Some(4)));
        assert!(refusal("center:lambda=1/2,snr=1/2").contains("second setting"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(refusal("centre").contains("there is no such method"));
        assert!(refusal("center:lambda").contains("no `=`"));
        assert!(refusal("center:lambda=big").contains("`big` is no value of `lambda`"));
        assert!(refusal("center:keep-head=1").contains("yes or no"));
        assert!(refusal("center:lambda=-1").contains("lambda"));
    }
}
