//! Rows for networks: tables as for generalised linear models, and images.

use tacit_data::Table;
use tacit_data::idx::ImageSet;
use tacit_learn::encrypted::{CentredRows, LocalRows};
use tacit_learn::model::Samples;
use tacit_node::rows::{SiteRows, Standardisation, samples};

use super::super::{Hold, Source};
use crate::Error;
use crate::error::Context;

/// Where rows come from.
pub enum Rows {
    /// A table, to be divided into training and test rows, and its number of classes.
    Table(Source, usize),
    /// Images of ten digits, training and test set as published.
    Digits(Box<(ImageSet, ImageSet)>),
}

/// Which rows the models are measured on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Held {
    /// The test rows.
    Test,
    /// Fold `k` of `of`, dealt by the seed.
    Fold(usize, usize, u64),
    /// A part of the training rows, which nobody trains on then; the test rows stay unseen. For choosing settings.
    Validation,
}

/// Share of a table's rows that are held out.
const TEST_SHARE: f64 = 0.2;
/// Share of the published training images that are held out for validation.
const DIGITS_SHARE: f64 = 1.0 / 6.0;
/// Draws other rows for validation than for the test.
const VALIDATION: u64 = 0x7661_6c69_6461_7465;

/// Rows as their owners have them, before standardisation.
pub enum Cohorts {
    /// Tables with public ranges of their columns: centred, and scaled by the standard deviation.
    Tables(Vec<Table>, Table, Standardisation),
    /// Features of a common unit: centred only.
    Centred(Vec<CentredRows>, Samples),
}

impl Rows {
    /// Inputs and outputs of a network for these rows.
    pub fn shape(&self) -> (usize, usize) {
        match self {
            Rows::Table(Source::Table { table, .. }, classes) => (table.columns(), *classes),
            Rows::Table(Source::Synthetic { features, .. }, classes) => (*features, *classes),
            Rows::Digits(sets) => (sets.0.height() * sets.0.width(), 10),
        }
    }

    /// All widths of a network, from hidden ones or all of them.
    pub fn widths(&self, layers: &[usize]) -> Vec<usize> {
        let (inputs, outputs) = self.shape();
        match layers {
            all @ [first, .., last] if (*first, *last) == (inputs, outputs) => all.to_vec(),
            hidden => [&[inputs], hidden, &[outputs]].concat(),
        }
    }

    /// Deals rows out to sites: names, and rows.
    pub fn deal(
        &self,
        sites: usize,
        held: Held,
        seed: u64,
    ) -> Result<(Vec<String>, Cohorts), Error> {
        let split = || "the rows cannot be split among the sites";
        match self {
            Rows::Table(source, _) => {
                let share = Hold::Share(TEST_SHARE);
                let found = match held {
                    Held::Test => source.split(sites, "site", share, seed)?,
                    Held::Fold(k, of, deal) => {
                        let hold = Hold::Fold { k, of, seed: deal };
                        source.split(sites, "site", hold, seed)?
                    }
                    Held::Validation => {
                        let whole = source.split(sites, "site", share, seed)?;
                        let train = Table::concat(&whole.sites).bad_input(split)?;
                        let ranges = match source {
                            Source::Table { ranges, .. } => ranges.clone(),
                            Source::Synthetic { features, .. } => vec![(-4.0, 4.0); *features],
                        };
                        let table = Source::Table {
                            table: train,
                            ranges,
                        };
                        table.split(sites, "site", share, seed ^ VALIDATION)?
                    }
                };
                let cohorts = Cohorts::Tables(found.sites, found.test, found.shared);
                Ok((found.names, cohorts))
            }
            Rows::Digits(sets) => {
                let table = |set: &ImageSet| set.to_table(None).bad_input(split);
                let (train, test) = match held {
                    Held::Fold(..) => {
                        let problem = "published training and test images are no folds";
                        return Err(Error::bad_input(problem).remedy("leave out --folds"));
                    }
                    Held::Test => (table(&sets.0)?, table(&sets.1)?),
                    Held::Validation => table(&sets.0)?
                        .train_test(DIGITS_SHARE, seed ^ VALIDATION)
                        .bad_input(split)?,
                };
                let dealt = train.split_sites_evenly(sites, seed).bad_input(split)?;
                let rows = dealt.iter().map(plain).collect::<Result<Vec<_>, _>>()?;
                let rows = rows.into_iter().map(CentredRows).collect();
                let names = super::super::source::names("site", sites);
                Ok((names, Cohorts::Centred(rows, plain(&test)?)))
            }
        }
    }
}

/// A table's rows as they are.
fn plain(table: &Table) -> Result<Samples, Error> {
    let (features, labels) = (table.features().to_vec(), table.labels().to_vec());
    Samples::new(table.columns(), features, labels).bad_input(|| "rows that are no numbers")
}

impl Cohorts {
    /// Number of sums that standardisation adds up over all parties.
    pub fn moments(&self) -> usize {
        match self {
            Cohorts::Tables(_, _, shared) => shared.moments(),
            Cohorts::Centred(_, test) => CentredRows::moments_of(test.columns()),
        }
    }

    /// Each party's own rows.
    pub fn rows(&self) -> Vec<Box<dyn LocalRows>> {
        match self {
            Cohorts::Tables(sites, _, shared) => (sites.iter())
                .map(|t| Box::new(SiteRows::new(t.clone(), shared.clone())) as Box<dyn LocalRows>)
                .collect(),
            Cohorts::Centred(sites, _) => (sites.iter())
                .map(|rows| Box::new(rows.clone()) as Box<dyn LocalRows>)
                .collect(),
        }
    }

    /// Number of each party's rows.
    pub fn sizes(&self) -> Vec<usize> {
        match self {
            Cohorts::Tables(sites, ..) => sites.iter().map(Table::rows).collect(),
            Cohorts::Centred(sites, _) => sites.iter().map(|rows| rows.0.len()).collect(),
        }
    }

    /// What the sums come to, added in the clear: for the twin, before anything is encrypted.
    pub fn totals(&self) -> Result<Vec<f64>, Error> {
        let mut totals = vec![0.0; self.moments()];
        for own in self.rows() {
            let moments = own.moments().map_err(Error::bad_input)?;
            totals.iter_mut().zip(moments).for_each(|(t, m)| *t += m);
        }
        Ok(totals)
    }

    /// Everybody's rows and the held-out ones, standardised by the totals.
    pub fn standardised(&self, totals: &[f64]) -> Result<(Vec<Samples>, Samples), Error> {
        match self {
            Cohorts::Tables(sites, test, shared) => {
                let standardiser = (shared.standardiser(test.names(), totals))
                    .map_err(|e| Error::bad_input("rows cannot be standardised").because(e))?;
                let all = |table| samples(table, &standardiser).failed(|| "rows are not numbers");
                let parties = sites.iter().map(all).collect::<Result<_, _>>()?;
                Ok((parties, all(test)?))
            }
            Cohorts::Centred(sites, test) => {
                let centred = |rows: &Samples| {
                    CentredRows::centred(rows, totals).failed(|| "rows cannot be centred")
                };
                let parties = sites.iter().map(|rows| centred(&rows.0));
                Ok((parties.collect::<Result<_, _>>()?, centred(test)?))
            }
        }
    }
}
