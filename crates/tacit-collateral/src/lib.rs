//! Quadratic networks whose outputs keep the public label and lose the private one.

#![forbid(unsafe_code)]
