//! Moves opaque frames between parties
