//! Plaintext networks and their training.

#![forbid(unsafe_code)]
