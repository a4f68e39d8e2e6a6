//! Organisations learn together, infer together, and tell each other nothing else
fn main() {}
