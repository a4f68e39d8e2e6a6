//! `tacit bench`: whole jobs, measured.

pub mod glm;
pub mod predict;
