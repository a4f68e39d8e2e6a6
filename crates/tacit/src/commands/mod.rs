//! The commands, one module each: its arguments and its `run`.

pub mod bench;
pub mod demo;
pub mod fe;
pub mod plan_check;
pub mod run_show;
pub mod site;
pub mod split;
