//! Multiparty CKKS: one key held by many
