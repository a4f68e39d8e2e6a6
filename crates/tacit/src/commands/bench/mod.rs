//! `tacit bench`: whole jobs, measured.

pub mod glm;
pub mod mlp;
pub mod mlp_scaling;
pub mod network;
pub mod predict;
mod rows;
mod seeds;
mod size;
