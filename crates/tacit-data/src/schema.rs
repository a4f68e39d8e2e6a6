//! What the parties must agree on before they can train together: which numbers a row consists of,
//! in which order, and what a label means.

use serde::{Deserialize, Serialize};

use crate::cohort::LabelEncoding;
use crate::error::DataError;

/// The meaning of a table's columns. Public: it holds names, never values from rows.
///
/// ```
/// use tacit_data::datasets;
///
/// let here = datasets::breast_cancer()?.schema;
/// let mut there = here.clone();
/// there.features.swap(0, 1);
/// let error = here.check_against("hospital-b", &there).unwrap_err();
/// assert!(error.to_string().contains("hospital-b"));
/// # Ok::<(), tacit_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// Feature names in column order; a level of a categorical column is `column=level`.
    pub features: Vec<String>,
    /// Name of the label column.
    pub label: String,
    /// Meaning of the labels, with every class named.
    pub encoding: LabelEncoding,
}

impl Schema {
    /// Compares what `party` declares with this schema and names the first difference.
    pub fn check_against(&self, party: &str, other: &Schema) -> Result<(), DataError> {
        let mismatch = |difference: String| {
            Err(DataError::SchemaMismatch {
                party: party.to_owned(),
                difference,
            })
        };
        if self.features != other.features {
            return mismatch(first_difference(&self.features, &other.features));
        }
        if self.label != other.label {
            return mismatch(format!(
                "its label is {:?}, agreed is {:?}",
                other.label, self.label
            ));
        }
        if self.encoding != other.encoding {
            return mismatch(format!(
                "its label encoding is {}, agreed is {}",
                other.encoding, self.encoding
            ));
        }
        Ok(())
    }

    /// A digest to put into a signed plan: equal exactly for equal schemas.
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("tacit-data 1 schema");
        let mut part = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        part(&self.features.len().to_string());
        self.features.iter().for_each(|name| part(name));
        part(&self.label);
        self.encoding.fingerprint(&mut part);
        *hasher.finalize().as_bytes()
    }
}

/// In words, how `found` differs from `agreed`.
pub(crate) fn first_difference(agreed: &[String], found: &[String]) -> String {
    if let Some(missing) = agreed.iter().find(|name| !found.contains(name)) {
        return format!("feature {missing:?} is missing");
    }
    if let Some(extra) = found.iter().find(|name| !agreed.contains(name)) {
        return format!("feature {extra:?} is not agreed");
    }
    match agreed.iter().zip(found).position(|(a, b)| a != b) {
        Some(i) => format!(
            "feature {} is {:?}, agreed is {:?}",
            i + 1,
            found[i],
            agreed[i]
        ),
        None => format!("{} features, agreed are {}", found.len(), agreed.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(features: &[&str]) -> Schema {
        Schema {
            features: features.iter().map(|s| (*s).to_owned()).collect(),
            label: "y".into(),
            encoding: LabelEncoding::Real,
        }
    }

    fn difference(a: &Schema, b: &Schema) -> String {
        a.check_against("b", b).unwrap_err().to_string()
    }

    #[test]
    fn each_kind_of_difference_is_named() {
        let agreed = schema(&["age", "dose"]);
        assert!(agreed.check_against("b", &agreed.clone()).is_ok());
        assert!(difference(&agreed, &schema(&["age"])).contains("\"dose\" is missing"));
        assert!(
            difference(&agreed, &schema(&["age", "dose", "x"])).contains("\"x\" is not agreed")
        );
        assert!(difference(&agreed, &schema(&["dose", "age"])).contains("feature 1 is \"dose\""));
        let counts = Schema {
            encoding: LabelEncoding::Count,
            ..agreed.clone()
        };
        assert!(difference(&agreed, &counts).contains("label encoding"));
        let other = Schema {
            label: "z".into(),
            ..agreed.clone()
        };
        assert!(difference(&agreed, &other).contains("its label is \"z\""));
    }

    #[test]
    fn digest_separates_names_that_concatenate_alike() {
        assert_ne!(schema(&["ab", "c"]).digest(), schema(&["a", "bc"]).digest());
        assert_eq!(schema(&["ab", "c"]).digest(), schema(&["ab", "c"]).digest());
    }
}
