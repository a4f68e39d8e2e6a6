//! What time may tell.

use crate::group::Lookup;

/// Whether the time of an encryption may depend on its secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Timing {
    /// No branch and no address depends on a secret: every table is read in full for every digit. For
    /// the authority's keys, and for encryption on hosts that others share.
    #[default]
    ConstantTime,
    /// Tables are read at secret places. Faster, and an attacker who shares the processor's caches may
    /// learn digits of the exponents, from which x follows (and, with the master secret, that too). For
    /// hosts that nobody else uses.
    Tables,
}

impl Timing {
    pub(super) fn lookup(self) -> Lookup {
        match self {
            Self::ConstantTime => Lookup::Masked,
            Self::Tables => Lookup::Indexed,
        }
    }
}
