//! Tables to tensors: what a party does with its own rows before any of them is encrypted.
//!
//! A *cohort* is a selection over a table: file, columns, filter, missing-value policy, meaning of
//! the label. The selection is part of the plan; the rows stay with their owner. This crate never
//! sees another party's data: where parties need something in common (a schema, means, standard
//! deviations) it computes a local contribution and accepts an aggregate.
//!
//! ```text
//! CSV, Parquet, SQL ──► Arrow batches ──► Cohort { Table, Schema, counts }
//!                                            │
//!            split by hash: train/test, simulated sites
//!                                            │
//!      LocalMoments ──► (summed under encryption) ──► Standardiser ──► Table, clipped
//! ```
//!
//! | to | use |
//! |---|---|
//! | select rows of a file | [`CohortSpec`], [`Cohort::load`], [`Filter`] |
//! | check that parties agree | [`Schema::check_against`], [`Schema::digest`] |
//! | split | [`Table::train_test`], [`Table::split_sites`] |
//! | standardise | [`standardise`] |
//! | try things out | [`datasets`], [`synthetic`] |
//! | read images | [`idx`] |
//! | draw characters in two fonts | [`characters`] |
//! | have rows with a public and private labels | [`tasks`] |
//!
//! ```
//! use tacit_data::{Standardiser, datasets};
//!
//! let cohort = datasets::breast_cancer()?;
//! let (train, test) = cohort.table.train_test(0.2, 1)?;
//! let hospitals = train.split_sites(3, 1)?;
//! let standardiser = Standardiser::from_ranges(train.names(), &[(1.0, 10.0); 9])?;
//! let (rows, clipped) = standardiser.apply(&hospitals[0])?;
//! assert_eq!(clipped.total(), 0);
//! # Ok::<(), tacit_data::DataError>(())
//! ```
//!
//! # Limits
//! A table is held in memory as doubles. Errors quote cells and are meant for the owner of the
//! data. Row keys and hashes of rows are private: anyone who can guess a row can test the guess.
//!
//! # Features
//! `sql`: cohorts by query through DataFusion (a much longer build). `zstd`: Parquet files with
//! Zstandard compression (compiles a C library).

mod cells;
pub mod characters;
pub mod cohort;
pub mod datasets;
mod error;
pub mod filter;
pub mod idx;
mod nearest;
pub mod schema;
mod source;
pub mod split;
pub mod standardise;
mod stream;
pub mod synthetic;
mod table;
pub mod tasks;

pub use cohort::{Cohort, CohortCounts, CohortSpec, LabelEncoding, Level, MissingPolicy};
pub use error::{DataError, Place};
pub use filter::Filter;
pub use schema::Schema;
pub use standardise::{ClipReport, LocalMoments, Reference, ReleasePolicy, Standardiser};
pub use table::{RowKey, Table};
