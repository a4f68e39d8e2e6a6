//! Dealing rows out by hash.
//!
//! Where a row goes depends on nothing but its [`RowKey`], the number of parts and the seed:
//! u = H(purpose ‖ seed ‖ key) read as a fraction in [0, 1), and the row goes to the test set if
//! u < share, to site ⌊n·u⌋ out of n. So the outcome survives reordering, appending and filtering of
//! rows, equal rows (and all rows of one person, when there is a key column) stay together, and
//! splits for different purposes are independent. Sizes are random around their expectation;
//! [`Table::split_sites_evenly`] gives equal ones at the price of the first two properties holding
//! only almost.

use crate::error::DataError;
use crate::table::{RowKey, Table};

impl Table {
    /// Splits into training and test rows; `test_share` of the keys go to the test set.
    ///
    /// ```
    /// let table = tacit_data::datasets::breast_cancer()?.table;
    /// let (train, test) = table.train_test(0.2, 7)?;
    /// assert_eq!(train.rows() + test.rows(), 683);
    /// assert!((100..180).contains(&test.rows()));
    /// # Ok::<(), tacit_data::DataError>(())
    /// ```
    pub fn train_test(&self, test_share: f64, seed: u64) -> Result<(Table, Table), DataError> {
        if !(test_share > 0.0 && test_share < 1.0) {
            let expected = "a share strictly between 0 and 1";
            return Err(DataError::Parameter {
                what: "test_share",
                value: test_share,
                expected,
            });
        }
        // Exact: the product is below 2^64 and a double's mantissa is shorter than that.
        let threshold = (test_share * 18_446_744_073_709_551_616.0) as u64;
        let hash = Deal::new("tacit-data 1 train-test split", seed);
        let (test, train): (Vec<usize>, Vec<usize>) =
            (0..self.rows()).partition(|&i| hash.draw(&self.keys()[i]) < threshold);
        for (rows, side) in [(&train, "training set"), (&test, "test set")] {
            if rows.is_empty() {
                return Err(too_few(
                    side.to_owned(),
                    self.rows(),
                    "take another share or more rows",
                ));
            }
        }
        Ok((self.select(&train), self.select(&test)))
    }

    /// Training and test rows of fold `k` (from 0) of `of`, for cross-validation: each key is in the test set of one
    /// fold.
    ///
    /// ```
    /// let table = tacit_data::datasets::breast_cancer()?.table;
    /// let tests = (0..5).map(|k| Ok(table.fold(k, 5, 7)?.1.rows()));
    /// let tests = tests.collect::<Result<Vec<_>, tacit_data::DataError>>()?;
    /// assert_eq!(tests.iter().sum::<usize>(), 683);
    /// # Ok::<(), tacit_data::DataError>(())
    /// ```
    pub fn fold(&self, k: usize, of: usize, seed: u64) -> Result<(Table, Table), DataError> {
        if of < 2 || k >= of {
            return Err(DataError::Parameter {
                what: "fold",
                value: k as f64,
                expected: "a number below that of the folds, which are at least two",
            });
        }
        let hash = Deal::new("tacit-data 1 cross-validation", seed);
        let fold = |key: &RowKey| ((u128::from(hash.draw(key)) * of as u128) >> 64) as usize;
        let (test, train): (Vec<usize>, Vec<usize>) =
            (0..self.rows()).partition(|&i| fold(&self.keys()[i]) == k);
        for (rows, side) in [(&train, "training set"), (&test, "test set")] {
            if rows.is_empty() {
                return Err(too_few(side.to_owned(), self.rows(), "take fewer folds"));
            }
        }
        Ok((self.select(&train), self.select(&test)))
    }

    /// Simulates `n` sites: each key belongs to one of them.
    pub fn split_sites(&self, n: usize, seed: u64) -> Result<Vec<Table>, DataError> {
        self.check_sites(n)?;
        let hash = Deal::new("tacit-data 1 site split", seed);
        let mut sites = vec![Vec::new(); n];
        for (i, key) in self.keys().iter().enumerate() {
            let site = (u128::from(hash.draw(key)) * n as u128) >> 64;
            sites[site as usize].push(i);
        }
        if let Some(empty) = sites.iter().position(Vec::is_empty) {
            let remedy = "use fewer sites, another seed, or `split_sites_evenly`";
            return Err(too_few(format!("site {empty}"), self.rows(), remedy));
        }
        Ok(sites.iter().map(|rows| self.select(rows)).collect())
    }

    /// Simulates `n` sites whose row counts differ by at most one: rows in the order of their
    /// hash, cut into equal pieces. Rows with equal keys are neighbours in that order, so at most
    /// n−1 keys are cut in two.
    pub fn split_sites_evenly(&self, n: usize, seed: u64) -> Result<Vec<Table>, DataError> {
        self.check_sites(n)?;
        let hash = Deal::new("tacit-data 1 even site split", seed);
        let mut order: Vec<(u64, usize)> = self
            .keys()
            .iter()
            .enumerate()
            .map(|(i, key)| (hash.draw(key), i))
            .collect();
        order.sort_unstable();
        let rows = self.rows();
        Ok((0..n)
            .map(|site| {
                let piece = &order[rows * site / n..rows * (site + 1) / n];
                self.select(&piece.iter().map(|&(_, i)| i).collect::<Vec<_>>())
            })
            .collect())
    }

    fn check_sites(&self, n: usize) -> Result<(), DataError> {
        if n == 0 {
            let expected = "at least one site";
            return Err(DataError::Parameter {
                what: "number of sites",
                value: 0.0,
                expected,
            });
        }
        if self.rows() < n {
            return Err(DataError::TooFewRows {
                source_name: "table".into(),
                rows: self.rows() as u64,
                needed: n as u64,
                after: format!(" for {n} sites"),
                remedy: "use fewer sites",
            });
        }
        Ok(())
    }
}

fn too_few(part: String, of: usize, remedy: &'static str) -> DataError {
    DataError::TooFewRows {
        source_name: part,
        rows: 0,
        needed: 1,
        after: format!(" of {of}"),
        remedy,
    }
}

/// A keyed hash from row keys to uniform 64-bit numbers.
struct Deal([u8; 32]);

impl Deal {
    fn new(purpose: &str, seed: u64) -> Deal {
        Deal(blake3::derive_key(purpose, &seed.to_le_bytes()))
    }

    fn draw(&self, key: &RowKey) -> u64 {
        let hash = blake3::keyed_hash(&self.0, key.as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&hash.as_bytes()[..8]);
        u64::from_le_bytes(first)
    }
}
