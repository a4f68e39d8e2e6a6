//! What is served: a head, the version its clients pin, and the features it takes.

use std::fmt;
use std::sync::Arc;

use crate::error::Error;

/// The second part of a split network.
///
/// It is called with features that were checked: `rows × columns` finite numbers within the clip,
/// row by row. Rows of several clients may come in one call, so a row's answer must not depend on
/// its neighbours.
pub trait Head: Send + Sync {
    /// `rows × outputs` logits, row by row.
    fn answer(&self, features: &[f32], rows: usize) -> Result<Vec<f32>, HeadError>;
    /// Features in a row.
    fn columns(&self) -> usize;
    /// Logits in a row.
    fn outputs(&self) -> usize;
}

/// Why a head did not answer. The text goes to the server's log, not to clients: keep values of
/// features out of it.
#[derive(Debug, thiserror::Error)]
#[error("the head failed: {problem}")]
pub struct HeadError {
    /// What went wrong.
    pub problem: String,
}

/// Which encoder and head belong together: the hash of their manifest, opaque to this crate.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ModelVersion(pub [u8; 32]);

impl fmt::Display for ModelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for ModelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModelVersion({self})")
    }
}

/// How features travel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoding {
    /// IEEE 754 single precision.
    Float,
    /// One byte a feature: level q of `levels` stands for clip · (2q / (levels − 1) − 1).
    Quantised {
        /// 2 to 256.
        levels: u16,
    },
}

/// What the features at the cut look like.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FeatureRule {
    columns: usize,
    clip: f32,
    encoding: Encoding,
}

impl FeatureRule {
    /// Rows of `columns` features, each within [−clip, clip].
    pub fn new(columns: usize, clip: f32, encoding: Encoding) -> Result<Self, Error> {
        let bad = |field, problem: String| Err(Error::Setting { field, problem });
        if columns == 0 || u32::try_from(columns).is_err() {
            return bad("columns", format!("{columns} is not in 1 ..= 2^32 − 1"));
        }
        if !(clip.is_finite() && clip > 0.0) {
            return bad("clip", "must be positive and finite".into());
        }
        if let Encoding::Quantised { levels } = encoding
            && !(2..=256).contains(&levels)
        {
            return bad("levels", format!("{levels} is not in 2 ..= 256"));
        }
        Ok(Self {
            columns,
            clip,
            encoding,
        })
    }

    /// Features in a row.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Largest magnitude of a feature.
    pub fn clip(&self) -> f32 {
        self.clip
    }

    /// How features travel.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Bytes of a feature on the wire.
    pub(crate) fn width(&self) -> usize {
        match self.encoding {
            Encoding::Float => 4,
            Encoding::Quantised { .. } => 1,
        }
    }

    /// What each byte stands for; levels beyond the last are not in the table.
    pub(crate) fn level_values(&self, levels: u16) -> Vec<f32> {
        let last = f32::from(levels - 1);
        let value = |q| self.clip * (2.0 * f32::from(q) / last - 1.0);
        (0..levels).map(value).collect()
    }
}

/// What a server serves at a time.
#[derive(Clone)]
pub struct Model {
    pub(crate) head: Arc<dyn Head>,
    pub(crate) version: ModelVersion,
    pub(crate) rule: FeatureRule,
}

impl Model {
    /// A head, the version that clients pin, and the features it takes.
    pub fn new(
        head: impl Head + 'static,
        version: ModelVersion,
        rule: FeatureRule,
    ) -> Result<Self, Error> {
        let bad = |problem| Error::Setting {
            field: "head",
            problem,
        };
        if head.columns() != rule.columns {
            return Err(bad(format!(
                "it takes {} columns and the encoder sends {}; serve the head of the same cut",
                head.columns(),
                rule.columns
            )));
        }
        if head.outputs() == 0 || u32::try_from(head.outputs()).is_err() {
            return Err(bad(format!(
                "{} outputs are not in 1 ..= 2^32 − 1",
                head.outputs()
            )));
        }
        Ok(Self {
            head: Arc::new(head),
            version,
            rule,
        })
    }

    /// The version that clients pin.
    pub fn version(&self) -> ModelVersion {
        self.version
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Model({}, {:?})", self.version, self.rule)
    }
}
