//! The run record: what was run, with which parameters, and the figures that came out.
//!
//! One JSON object of schema `tacit.run/1`:
//!
//! ```json
//! {
//!   "schema": "tacit.run/1",
//!   "command": "demo",
//!   "version": "0.1.0",
//!   "seed": 7,
//!   "params": { "parties": 3 },
//!   "figures": { "encrypted.accuracy": 0.9736, "wall_s": 21.4 }
//! }
//! ```
//!
//! The record holds no time stamp and nothing about the machine: the same run gives the same
//! bytes. When and where belong to the report page (see [`Provenance`](crate::Provenance)).
//!
//! ```
//! use tacit_report::Run;
//! let mut run = Run::new("demo", "0.1.0", 7)?;
//! run.param("parties", 3)?;
//! run.figure("encrypted.accuracy", 0.9736)?;
//! assert_eq!(Run::from_json(&run.to_json())?, run);
//! # Ok::<(), tacit_report::Error>(())
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::{Error, Figures, check_name};

/// The schema this version writes and reads.
pub const SCHEMA: &str = "tacit.run/1";

/// No real record comes near this size; a larger file is something else.
const LARGEST_RECORD: u64 = 16 << 20;

/// One run of one command. See the [module documentation](self) for its JSON form.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    command: String,
    version: String,
    seed: u64,
    params: BTreeMap<String, Value>,
    figures: Figures,
}

impl Run {
    /// An empty record. The command is the verb as typed, for example `bench glm`.
    pub fn new(
        command: impl Into<String>,
        version: impl Into<String>,
        seed: u64,
    ) -> Result<Self, Error> {
        let command = command.into();
        for word in command.split(' ') {
            check_name(word)?;
        }
        Ok(Run {
            command,
            version: version.into(),
            seed,
            params: BTreeMap::new(),
            figures: Figures::default(),
        })
    }

    /// Records a parameter: anything serde can write as JSON. `None`, NaN and infinities have no
    /// JSON value and are refused; leave such a parameter out.
    pub fn param(&mut self, name: &str, value: impl Serialize) -> Result<(), Error> {
        check_name(name)?;
        let refuse = |why: String| Error::Param {
            name: name.into(),
            why,
        };
        let value = serde_json::to_value(value).map_err(|e| refuse(e.to_string()))?;
        if has_null(&value) {
            return Err(refuse("it is absent or not a finite number".into()));
        }
        if self.params.contains_key(name) {
            return Err(Error::Duplicate { name: name.into() });
        }
        self.params.insert(name.into(), value);
        Ok(())
    }

    /// Records a figure under a dotted name with its unit in it.
    pub fn figure(&mut self, name: &str, value: f64) -> Result<(), Error> {
        self.figures.insert(name, value)
    }

    /// Records `NAME_mean` and `NAME_sd` of repeated measurements (nothing when there are none).
    pub fn figure_over_seeds(&mut self, name: &str, values: &[f64]) -> Result<(), Error> {
        if let Some((mean, sd)) = crate::mean_sd(values) {
            self.figure(&format!("{name}_mean"), mean)?;
            self.figure(&format!("{name}_sd"), sd)?;
        }
        Ok(())
    }

    /// The command, as typed.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// The version of the program that ran.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The seed everything reproducible was derived from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The parameters, by name.
    pub fn params(&self) -> &BTreeMap<String, Value> {
        &self.params
    }

    /// The figures, by name.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// The record as indented JSON, ending with a newline. Names are in order, so equal runs give
    /// equal bytes.
    pub fn to_json(&self) -> String {
        let wire = WireOut {
            schema: SCHEMA,
            command: &self.command,
            version: &self.version,
            seed: self.seed,
            params: &self.params,
            figures: Numbers(&self.figures),
        };
        // Strings, finite numbers and maps with string keys: nothing here can fail to serialise.
        let mut text = serde_json::to_string_pretty(&wire).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads a record strictly: the schema must match, unknown and repeated keys are refused, and
    /// names and numbers obey the same rules as when a run is recorded.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let wire: WireIn = serde_json::from_str(text).map_err(|source| Error::Json { source })?;
        if wire.schema != SCHEMA {
            return Err(Error::Schema {
                found: wire.schema,
                expected: SCHEMA,
            });
        }
        let mut run = Run::new(wire.command, wire.version, wire.seed)?;
        for (name, value) in wire.params.0 {
            run.param(&name, value)?;
        }
        for (name, value) in wire.figures.0 {
            run.figure(&name, value)?;
        }
        Ok(run)
    }

    /// Reads a record from a file, which must be of a plausible size.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::metadata(path)
            .map_err(Error::io("read", path))?
            .len();
        if bytes > LARGEST_RECORD {
            return Err(Error::TooLarge {
                path: path.into(),
                bytes,
                limit: LARGEST_RECORD,
            });
        }
        Run::from_json(&std::fs::read_to_string(path).map_err(Error::io("read", path))?)
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(fields) => fields.values().any(has_null),
        _ => false,
    }
}

#[derive(Serialize)]
struct WireOut<'a> {
    schema: &'static str,
    command: &'a str,
    version: &'a str,
    seed: u64,
    params: &'a BTreeMap<String, Value>,
    figures: Numbers<'a>,
}

/// Whole numbers are written without a fraction (`3`, not `3.0`), the way people write them.
struct Numbers<'a>(&'a Figures);

impl Serialize for Numbers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        serializer.collect_map(self.0.iter().map(|(name, value)| {
            let number = if value.fract() == 0.0 && value.abs() < EXACT {
                Value::from(value as i64)
            } else {
                Value::from(value)
            };
            (name, number)
        }))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireIn {
    schema: String,
    command: String,
    version: String,
    seed: u64,
    params: Entries<Value>,
    figures: Entries<f64>,
}

/// A JSON object with its repetitions kept, so that a repeated name can be refused instead of
/// the last one winning.
struct Entries<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
            type Value = Entries<T>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Object(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn demo() -> Run {
        let mut run = Run::new("demo", "0.1.0", 7).unwrap();
        run.param("parties", 3).unwrap();
        run.figure("wall_s", 21.5).unwrap();
        run.figure("query.ok", 1.0).unwrap();
        run
    }

    #[test]
    fn the_json_form_is_the_contract() {
        let expected = r#"{
  "schema": "tacit.run/1",
  "command": "demo",
  "version": "0.1.0",
  "seed": 7,
  "params": {
    "parties": 3
  },
  "figures": {
    "query.ok": 1,
    "wall_s": 21.5
  }
}
"#;
        assert_eq!(demo().to_json(), expected);
    }

    #[test]
    fn parameters_without_a_json_value_are_refused_by_name() {
        for refused in [
            demo().param("rate", f64::NAN),
            demo().param("rate", None::<u8>),
            demo().param("rate", [1.0, f64::INFINITY]),
        ] {
            assert!(matches!(refused, Err(Error::Param { name, .. }) if name == "rate"));
        }
    }

    #[test]
    fn another_schema_is_refused() {
        let text = demo().to_json().replace("run/1", "run/2");
        let error = Run::from_json(&text).unwrap_err();
        assert!(matches!(error, Error::Schema { found, .. } if found == "tacit.run/2"));
    }

    #[test]
    fn unknown_repeated_and_trailing_content_is_refused() {
        let good = demo().to_json();
        let unknown = good.replacen("\"seed\"", "\"mood\": 1, \"seed\"", 1);
        assert!(matches!(Run::from_json(&unknown), Err(Error::Json { .. })));
        let repeated = good.replacen("\"wall_s\"", "\"wall_s\": 3, \"wall_s\"", 1);
        assert!(matches!(
            Run::from_json(&repeated),
            Err(Error::Duplicate { .. })
        ));
        assert!(matches!(
            Run::from_json(&(good.clone() + "{}")),
            Err(Error::Json { .. })
        ));
        let overflow = good.replacen("21.5", "1e999", 1);
        assert!(Run::from_json(&overflow).is_err());
    }

    #[test]
    fn mean_and_deviation_over_seeds_get_their_suffixes() {
        let mut run = demo();
        run.figure_over_seeds("encrypted.accuracy", &[0.9, 1.0])
            .unwrap();
        assert!((run.figures().get("encrypted.accuracy_mean").unwrap() - 0.95).abs() < 1e-12);
        assert!(run.figures().get("encrypted.accuracy_sd").is_some());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            figures in prop::collection::btree_map(
                "[a-z][a-z0-9_]{0,8}(\\.[a-z0-9_-]{1,8}){0,2}",
                prop::num::f64::NORMAL | prop::num::f64::ZERO, 0..20),
            seed: u64,
        ) {
            let mut run = Run::new("bench glm", "1.2.3", seed).unwrap();
            for (name, value) in &figures {
                run.figure(name, *value).unwrap();
            }
            prop_assert_eq!(Run::from_json(&run.to_json()).unwrap(), run);
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,200}") {
            let _ = Run::from_json(&text);
        }
    }
}
