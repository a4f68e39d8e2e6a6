//! The commands, one module each: its arguments and its `run`.

pub mod run_show;
