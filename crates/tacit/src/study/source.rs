//! Where the rows of a study come from.

use std::path::Path;

use tacit_data::{
    Cohort, CohortSpec, LabelEncoding, MissingPolicy, Reference, ReleasePolicy, Table, datasets,
    synthetic,
};
use tacit_learn::model::{Family, GlmConfig};
use tacit_node::rows::Standardisation;

use super::Setup;
use crate::Error;
use crate::error::Context;

/// Rows of all sites before they are split.
pub enum Source {
    /// One table, to be dealt to the sites, with public ranges of its columns.
    Table {
        /// The rows.
        table: Table,
        /// Public (low, high) per column.
        ranges: Vec<(f64, f64)>,
    },
    /// A generator that every site draws its own rows from.
    Synthetic {
        /// Rows of all sites together.
        rows: usize,
        /// Columns.
        features: usize,
    },
}

/// Public ranges of the measurements of the diabetes data, from ordinary practice.
const PIMA_RANGES: [(f64, f64); 8] = [
    (0.0, 20.0),
    (40.0, 240.0),
    (20.0, 140.0),
    (5.0, 100.0),
    (10.0, 900.0),
    (15.0, 75.0),
    (0.0, 2.5),
    (18.0, 90.0),
];

/// A public range of a column of the credit data, from its description and ordinary practice; amounts are New Taiwan
/// dollars.
fn credit_range(name: &str) -> (f64, f64) {
    let group = name.trim_end_matches(|c: char| c.is_ascii_digit());
    match group {
        "LIMIT_BAL" => (0.0, 1_000_000.0),
        "SEX" => (0.0, 2.0),
        "AGE" => (18.0, 90.0),
        "PAY_" => (-2.0, 9.0),
        "BILL_AMT" => (-100_000.0, 1_000_000.0),
        "PAY_AMT" => (0.0, 200_000.0),
        _ => (0.0, 1.0),
    }
}

impl Source {
    /// Breast Cancer Wisconsin: every column is a grade from 1 to 10.
    pub fn breast_cancer() -> Result<Self, Error> {
        let table = datasets::breast_cancer()
            .failed(|| "the shipped data set is damaged")?
            .table;
        let ranges = vec![(1.0, 10.0); table.columns()];
        Ok(Source::Table { table, ranges })
    }

    /// Pima Indians Diabetes.
    pub fn pima() -> Result<Self, Error> {
        let table = datasets::pima()
            .failed(|| "the shipped data set is damaged")?
            .table;
        Ok(Source::Table {
            table,
            ranges: PIMA_RANGES.to_vec(),
        })
    }

    /// Default of Credit Card Clients, from a file; see [`datasets::credit_default_spec`].
    pub fn credit_default(path: &Path) -> Result<Self, Error> {
        let table = Cohort::load(&datasets::credit_default_spec(path), Path::new("."))
            .bad_input(|| format!("no credit data can be taken from {}", path.display()))?
            .table;
        let ranges = table.names().iter().map(|name| credit_range(name));
        let ranges = ranges.collect();
        Ok(Source::Table { table, ranges })
    }

    /// A CSV or Parquet file. Ranges are the columns' extremes rounded outwards to powers of two: the
    /// author of a plan would state them as public knowledge.
    pub fn file(path: &Path, label: &str, encoding: LabelEncoding) -> Result<Self, Error> {
        let spec = CohortSpec {
            missing: MissingPolicy::DropRow,
            ..CohortSpec::new(path.display().to_string(), label, encoding)
        };
        let cohort = Cohort::load(&spec, Path::new("."))
            .bad_input(|| format!("no cohort can be taken from {}", path.display()))?;
        let table = cohort.table;
        let ranges = (0..table.columns())
            .map(|j| {
                let largest = table.iter_rows().map(|r| r[j].abs()).fold(0.0, f64::max);
                let bound = if largest > 0.0 {
                    largest.log2().ceil().exp2()
                } else {
                    1.0
                };
                (-bound, bound)
            })
            .collect();
        Ok(Source::Table { table, ranges })
    }

    /// Splits into sites and test rows.
    pub fn split(&self, sites: usize, kind: &str, hold: Hold, seed: u64) -> Result<Split, Error> {
        let names = names(kind, sites);
        let split = || "the rows cannot be split among the sites";
        let (tables, test, reference) = match self {
            Source::Table { table, ranges } => {
                let (train, test) = match hold {
                    Hold::Share(share) => table.train_test(share, seed),
                    Hold::Fold { k, of, seed } => table.fold(k, of, seed),
                }
                .bad_input(split)?;
                let tables = train.split_sites_evenly(sites, seed).bad_input(split)?;
                let reference = Reference::from_ranges(ranges).bad_input(split)?;
                (tables, test, reference)
            }
            Source::Synthetic { rows, features } => {
                let generator = synthetic::Logistic::new(*features, seed).bad_input(split)?;
                let each = rows / sites;
                let tables = (0..sites)
                    .map(|i| generator.party(i, each))
                    .collect::<Result<Vec<_>, _>>()
                    .bad_input(split)?;
                let test = generator
                    .held_out((rows / 10).clamp(1_000, 50_000))
                    .bad_input(split)?;
                let reference =
                    Reference::new(vec![0.0; *features], vec![4.0; *features]).bad_input(split)?;
                (tables, test, reference)
            }
        };
        let total: usize = tables.iter().map(Table::rows).sum();
        let policy = ReleasePolicy {
            unit_rows: total as f64,
            ..ReleasePolicy::default()
        };
        Ok(Split {
            names,
            sites: tables,
            test,
            shared: Standardisation::Statistics {
                reference,
                policy,
                sites,
            },
        })
    }

    /// The comparison of a generalised linear model.
    pub fn setup(&self, sites: usize, seed: u64, options: &Options) -> Result<Setup, Error> {
        let split = self.split(sites, options.kind, Hold::Share(options.test_share), seed)?;
        let total: usize = split.sites.iter().map(Table::rows).sum();
        let mut config = GlmConfig::new(options.family, split.test.columns());
        config.seed = seed;
        let each = total / sites;
        // Small sites use all their rows every time; large ones a window of them.
        config.batch = each.next_power_of_two().clamp(16, 512);
        if let Some(batch) = options.batch {
            config.batch = batch;
        }
        if let Some(iterations) = options.iterations {
            config.iterations = iterations;
        }
        config
            .validate()
            .bad_input(|| "the training cannot be configured like this")?;
        Ok(Setup {
            names: split.names,
            sites: split.sites,
            test: split.test,
            shared: split.shared,
            config,
            lambda_s: options.lambda_s,
            release_model: options.release_model,
        })
    }
}

/// Which rows of a table are held out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Hold {
    /// This share, drawn anew with every seed.
    Share(f64),
    /// Fold `k` of the `of` that a seed gives.
    Fold {
        /// Which one, from 0.
        k: usize,
        /// How many there are.
        of: usize,
        /// Deals rows to folds.
        seed: u64,
    },
}

/// Rows dealt to sites, and those that no site trains on.
pub struct Split {
    /// Names of the sites.
    pub names: Vec<String>,
    /// Each site's rows.
    pub sites: Vec<Table>,
    /// Held-out rows.
    pub test: Table,
    /// Standardisation.
    pub shared: Standardisation,
}

/// What else a study needs to know.
pub struct Options {
    /// What a site is called.
    pub kind: &'static str,
    /// Family of the model.
    pub family: Family,
    /// Share of rows held out.
    pub test_share: f64,
    /// Samples per party and iteration.
    pub batch: Option<usize>,
    /// Gradient steps.
    pub iterations: Option<usize>,
    /// Statistical security.
    pub lambda_s: u32,
    /// Whether the plan releases the model.
    pub release_model: bool,
}

/// Names of sites.
pub(super) fn names(kind: &str, sites: usize) -> Vec<String> {
    (0..sites)
        .map(|i| format!("{kind}-{}", letter(i)))
        .collect()
}

/// a, b … z, then numbers.
fn letter(i: usize) -> String {
    match u8::try_from(i) {
        Ok(i) if i < 26 => char::from(b'a' + i).to_string(),
        _ => (i + 1).to_string(),
    }
}
