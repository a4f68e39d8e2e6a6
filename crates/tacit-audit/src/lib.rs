//! What models, features and outputs leak, measured by attackers with honest floors.

#![forbid(unsafe_code)]

pub mod reconstruction;
