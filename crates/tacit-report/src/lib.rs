//! One report format for everything that trains or measures.
//!
//! A command that has done its work holds two things: the [`Run`] record, which machines read
//! (`run.json`, schema `tacit.run/1`), and the [`Report`], which people read (`report.html`, one
//! self-contained page). A [`RunFolder`] keeps both.
//!
//! ```
//! use tacit_report::{Axis, Lines, Quantity, Report, Run, RunFolder, Section, Unit};
//!
//! let mut run = Run::new("demo", "0.1.0", 7)?;
//! run.param("parties", 3)?;
//! run.figure("encrypted.accuracy", 0.9736)?;
//!
//! let report = Report::new("Three hospitals, one model")
//!     .summary("Three parties trained a model that none of them can see.")
//!     .key_figure("accuracy, encrypted", Quantity::new(0.9736, Unit::Fraction))
//!     .section(Section::new("Training").plot(
//!         Lines::new(
//!             "Accuracy per round",
//!             Axis::count("round"),
//!             Axis::new("test accuracy", Unit::Fraction),
//!         )
//!         .series("plaintext twin", [(0.0, 0.61), (1.0, 0.93), (2.0, 0.97)]),
//!     ))
//!     .limit("One split of one data set: the spread over seeds is not shown.");
//!
//! # let parent = std::env::temp_dir().join("tacit-report-doc");
//! let folder = RunFolder::at(parent.join("runs/demo"))?;
//! folder.write(&run, &report)?;
//! # std::fs::remove_dir_all(parent).ok();
//! # Ok::<(), tacit_report::Error>(())
//! ```
//!
//! [`measure`] has what goes into most reports: peak memory, time per phase, bytes per party.
//!
//! # What is promised
//! - The same run gives the same bytes. Time stamps and machine facts come from outside, through
//!   [`Provenance`].
//! - A record that exists is well-formed: names obey a grammar and numbers are finite.
//! - A page fetches nothing and runs nothing, and every value in it is escaped.

#![forbid(unsafe_code)]

pub mod error;
pub mod figures;
pub mod folder;
pub mod gallery;
pub mod gate;
pub mod measure;
mod page;
pub mod plot;
pub mod quantity;
pub mod report;
pub mod run;
pub mod table;

pub use error::Error;
pub use figures::{Figures, check_name, mean_sd};
pub use folder::{RunFolder, write_whole};
pub use gallery::Gallery;
pub use gate::{Gate, Relation, Verdict};
pub use plot::{
    Axis, Bar, Bars, Better, Group, Guide, Lines, Mark, Plot, Point, Scale, Scatter, Series,
    Stacking,
};
pub use quantity::{Quantity, Unit};
pub use report::{Block, KeyFigure, Provenance, Report, Section};
pub use run::{Run, SCHEMA};
pub use table::{Align, Cell, Column, Table};
