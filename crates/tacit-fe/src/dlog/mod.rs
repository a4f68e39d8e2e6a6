//! Discrete logarithms in GT: from gT^v back to v.
//!
//! Baby steps and giant steps (Shanks 1971) with three savings.
//!
//! - **±**: a fingerprint that y and 1/y share makes a table of gT^0 … gT^T answer for −T … T, so a
//!   giant step is W = 2T + 1 wide.
//! - **Both directions at once**: y·gT^{mW} and y·gT^{−mW} differ in a sign inside one coordinate, and
//!   that coordinate is all a fingerprint needs. A step of two look-ups costs 12 products of
//!   integers instead of 108 (module `coordinate`).
//! - **Outward from zero**: m = 0, ±1, ±2 …; the cost follows |v|, not the range that is allowed.
//!
//! Every hit is verified by computing gT^v and comparing it with y, all 576 bytes. So the answer is
//! right or there is none, whatever the table holds: a value beyond the limit ends in
//! [`DlogError::OutputBeyondRange`] after [`DlogTable::max_steps`] steps.
//!
//! The table is a function of its size alone and public. It is computed once by all threads (about
//! a second for 16 MiB) and cached on disk with a checksum.
//!
//! ```
//! use tacit_fe::dlog::{DlogTable, TableSize};
//! use tacit_fe::group::Gt;
//!
//! let table = DlogTable::build(TableSize::mib(1)?, &|_done, _total| {});
//! let y = Gt::generator().pow_signed(-123_456_789);
//! assert_eq!(table.solve(&y, 1 << 30)?, -123_456_789);
//! assert!(table.solve(&y, 1 << 20).is_err());
//! # Ok::<(), tacit_fe::DlogError>(())
//! ```

mod coordinate;
mod error;
mod file;
mod powers;
mod size;
mod table;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use crate::group::Gt;
use coordinate::{Fingerprint, Left, Right, fingerprints};
use powers::Powers;
use table::{GIANTS, Table};

pub use error::DlogError;
pub use size::TableSize;

/// Hears (done, total) while a table is built or a batch is solved, from any thread.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// A table, ready to search.
pub struct DlogTable {
    table: Table,
    powers: Powers,
    /// gT^{mW}, m = 1…256.
    giants: Vec<Right>,
    /// gT^{(2·256+1)W}: from one block of giant steps to the next.
    block: Gt,
}

impl DlogTable {
    /// Largest limit of a search: no model's outputs can be larger.
    pub const MOST: u64 = 1 << crate::model::OUTPUT_LIMIT_BITS;

    /// Computes a table in memory.
    pub fn build(size: TableSize, progress: Progress) -> Self {
        let powers = Powers::new();
        let table = Table::build(size.layout(), &powers, progress);
        Self::around(table, powers)
    }

    /// The table in a file; computed and written if there is no file. A file that is damaged or of
    /// another size is an error: see [`DlogTable::rebuild`].
    pub fn open_or_build(
        path: impl AsRef<Path>,
        size: TableSize,
        progress: Progress,
    ) -> Result<Self, DlogError> {
        let path = path.as_ref();
        match Table::load(path)? {
            None => Self::rebuild(path, size, progress),
            Some(table) if table.layout == size.layout() => Ok(Self::around(table, Powers::new())),
            Some(table) => Err(DlogError::CorruptTable {
                path: path.into(),
                reason: format!(
                    "it holds {} powers, a table of {} MiB has {}",
                    table.layout.top(),
                    size.get(),
                    size.layout().top()
                ),
            }),
        }
    }

    /// The table in a file, of whatever size.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, DlogError> {
        let path = path.as_ref();
        let table = Table::load(path)?.ok_or_else(|| DlogError::Io {
            path: path.into(),
            reason: "no such file".into(),
        })?;
        Ok(Self::around(table, Powers::new()))
    }

    /// Computes a table and writes it, whatever the file held.
    pub fn rebuild(
        path: impl AsRef<Path>,
        size: TableSize,
        progress: Progress,
    ) -> Result<Self, DlogError> {
        let built = Self::build(size, progress);
        built.table.save(path.as_ref())?;
        Ok(built)
    }

    /// From the bytes of a table file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DlogError> {
        let table = Table::decode(bytes).map_err(|reason| DlogError::CorruptTable {
            path: "(in memory)".into(),
            reason,
        })?;
        Ok(Self::around(table, Powers::new()))
    }

    fn around(table: Table, powers: Powers) -> Self {
        let width = table.layout.width();
        let giants = table::prepared_powers(&powers, width);
        let block = powers.power(width).pow(2 * GIANTS as u64 + 1);
        Self {
            table,
            powers,
            giants,
            block,
        }
    }

    /// T: the number of baby steps.
    pub fn baby_steps(&self) -> u32 {
        self.table.layout.top()
    }

    /// The most steps a search up to ±limit can take, whether it succeeds or not. A step takes well
    /// below a microsecond.
    pub fn max_steps(&self, limit: u64) -> u64 {
        self.table.layout.steps(limit)
    }

    /// v with gT^v = y and |v| ≤ limit.
    pub fn solve(&self, y: &Gt, limit: u64) -> Result<i64, DlogError> {
        check_limit(limit)?;
        let beyond = DlogError::OutputBeyondRange {
            limit,
            steps: self.max_steps(limit),
        };
        match self.search(y, limit) {
            Some(v) if v.unsigned_abs() <= limit => Ok(v),
            _ => Err(beyond),
        }
    }

    /// Many at once, by the threads of the current rayon pool; results in order.
    pub fn solve_batch(
        &self,
        targets: &[Gt],
        limit: u64,
        progress: Progress,
    ) -> Vec<Result<i64, DlogError>> {
        let (done, total) = (AtomicU64::new(0), targets.len() as u64);
        let one = |y: &Gt| {
            let result = self.solve(y, limit);
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
            result
        };
        targets.par_iter().map(one).collect()
    }

    /// Outward from zero, a block of 256 giant steps to either side at a time.
    fn search(&self, y: &Gt, limit: u64) -> Option<i64> {
        let layout = self.table.layout;
        let span = (2 * GIANTS as i64 + 1) * layout.width();
        let first = limit.saturating_sub(layout.top().into());
        let giants = first.div_ceil(layout.width() as u64).min(GIANTS as u64) as usize;
        let block = Block {
            search: self,
            target: y,
        };
        if let Some(v) = block.ascending(giants) {
            return Some(v);
        }
        let (mut below, mut above) = (*y, *y);
        for b in 1..=layout.blocks(limit) as i64 {
            // gT^{v − b·span} is small when v is near b·span.
            above = above * self.block.inverse();
            below = below * self.block;
            for (power, centre) in [(&above, b * span), (&below, -b * span)] {
                if let Some(v) = block.descending(power, centre) {
                    return Some(v);
                }
            }
        }
        None
    }
}

/// One search of one target.
struct Block<'a> {
    search: &'a DlogTable,
    target: &'a Gt,
}

/// Fingerprints computed before any is looked up, so that the misses of the cache overlap.
const RUN: usize = 32;

impl Block<'_> {
    /// Values around zero, nearest first.
    fn ascending(&self, giants: usize) -> Option<i64> {
        let at_centre = Fingerprint::of(self.target);
        self.check(at_centre, 0).or_else(|| {
            let left = Left::new(self.target);
            let runs = self.search.giants[..giants].chunks(RUN);
            runs.enumerate()
                .find_map(|(run, giants)| self.run(&left, giants, run * RUN, 0))
        })
    }

    /// Values around a centre, of which gT^{v − centre} is given; from the edges inward.
    fn descending(&self, power: &Gt, centre: i64) -> Option<i64> {
        let left = Left::new(power);
        let runs = self.search.giants.chunks(RUN).enumerate().rev();
        runs.into_iter()
            .find_map(|(run, giants)| self.run(&left, giants, run * RUN, centre))
            .or_else(|| self.check(Fingerprint::of(power), centre))
    }

    /// Giant steps m = start + 1, … to either side of a centre.
    fn run(&self, left: &Left, giants: &[Right], start: usize, centre: i64) -> Option<i64> {
        let mut found = [(Fingerprint(0), Fingerprint(0)); RUN];
        for (found, giant) in found.iter_mut().zip(giants) {
            *found = fingerprints(left, giant);
        }
        let width = self.search.table.layout.width();
        found[..giants.len()]
            .iter()
            .enumerate()
            .find_map(|(at, &(up, down))| {
                let distance = (start + at + 1) as i64 * width;
                // y·gT^{mW} is a baby step when v is near −mW.
                self.check(up, centre - distance)
                    .or_else(|| self.check(down, centre + distance))
            })
    }

    /// The value near `near` that a fingerprint of gT^{v − near} stands for, if it is the answer.
    #[inline]
    fn check(&self, fingerprint: Fingerprint, near: i64) -> Option<i64> {
        let candidates = self.search.table.candidates(fingerprint);
        candidates
            .filter_map(|i| self.verify(fingerprint, i, near))
            .next()
    }

    #[cold]
    fn verify(&self, fingerprint: Fingerprint, i: u32, near: i64) -> Option<i64> {
        let powers = &self.search.powers;
        // The stored bits agree by chance now and then; 64 bits do not.
        if Fingerprint::of(&powers.power(i.into())) != fingerprint {
            return None;
        }
        let signs = [near + i64::from(i), near - i64::from(i)];
        signs.into_iter().find(|&v| powers.power(v) == *self.target)
    }
}

fn check_limit(limit: u64) -> Result<(), DlogError> {
    if limit <= DlogTable::MOST {
        return Ok(());
    }
    Err(DlogError::LimitTooLarge {
        found: limit,
        limit: DlogTable::MOST,
    })
}

impl std::fmt::Debug for DlogTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DlogTable({} baby steps)", self.baby_steps())
    }
}
