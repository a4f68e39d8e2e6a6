//! What a site does.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a site does; in the order of the roster.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SiteRole {
    /// Provides data and holds a share of the collective secret key.
    Party,
    /// Asks for predictions.
    Querier,
    /// Relays frames; holds no data and no share of a key.
    Hub,
}

impl SiteRole {
    pub(crate) fn code(self) -> u64 {
        match self {
            Self::Party => 1,
            Self::Querier => 2,
            Self::Hub => 3,
        }
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        [Self::Party, Self::Querier, Self::Hub]
            .into_iter()
            .find(|role| role.code() == u64::from(code))
    }
}

impl fmt::Display for SiteRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Party => "party",
            Self::Querier => "querier",
            Self::Hub => "hub",
        })
    }
}
