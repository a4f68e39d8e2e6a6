//! How large a table: memory against time.
//!
//! A table of T powers makes a step cover 2(2T + 1) values, so a value of magnitude v costs about
//! v / (2T + 1) steps of some 0.4 µs each. Up to 2^33 one MiB is enough for 20 ms; ten times the
//! memory is a tenth of the time.

use super::DlogError;
use super::coordinate::Right;
use super::powers::Powers;
use super::table::{GIANTS, Layout};

/// Memory of a table in MiB, everything included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableSize(u32);

impl TableSize {
    /// Smallest table.
    pub const LEAST_MIB: u32 = 1;
    /// Largest.
    pub const MOST_MIB: u32 = 1024;

    /// A size in MiB.
    pub fn mib(mib: u32) -> Result<Self, DlogError> {
        if (Self::LEAST_MIB..=Self::MOST_MIB).contains(&mib) {
            return Ok(Self(mib));
        }
        Err(DlogError::TableSize {
            found: mib,
            least: Self::LEAST_MIB,
            most: Self::MOST_MIB,
        })
    }

    /// Calibration: the smallest power of two at which an output of the expected magnitude costs at
    /// most so many steps; the largest table if none is enough.
    pub fn for_magnitude(expected: u64, steps: u64) -> Self {
        let mut size = Self(Self::LEAST_MIB);
        while size.0 < Self::MOST_MIB && size.layout().steps(expected) > steps {
            size = Self(size.0 * 2);
        }
        size
    }

    /// MiB.
    pub fn get(self) -> u32 {
        self.0
    }

    /// Powers that fit, after what every table needs beside them.
    pub(super) fn layout(self) -> Layout {
        let fixed = Powers::BYTES + GIANTS as u64 * size_of::<Right>() as u64;
        Layout::fitting((u64::from(self.0) << 20) - fixed)
    }
}
