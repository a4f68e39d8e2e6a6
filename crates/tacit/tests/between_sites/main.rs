//! Sessions between processes: failures, parties that stay away, networks.

mod absence;
mod kills;
mod network;
mod table;
