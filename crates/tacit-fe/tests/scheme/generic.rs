//! The scheme in the generic group model.

use super::Facts;

const FACTS: Facts = Facts {
    public_key_hash: "c28ae0fb3514059c2d179ab5a8ecfaa5e1934b7f9ad52c9d6562a28e30b0ffd0",
    functional_key_digest: "ff7aff38dbe0bdbb",
    mask: 1,
    g1: 6,
    points: (2, 1, 0),
    scalar: 1,
    counts: &[66],
    counted: 1,
    key_points: (70, "functional key"),
};

claims!(generic);
