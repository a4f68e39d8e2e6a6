//! The targets. A decoder joins by a file here and a line in [`ALL`].
//!
//! Every target states the same property of a decoder: on any bytes it returns, without a panic
//! and without an allocation larger than its input warrants; and what it accepts encodes again to
//! exactly the bytes it was given, so that there is one encoding of everything.

mod ring;

use std::path::Path;

/// A decoder under test.
pub struct Target {
    pub name: &'static str,
    /// Decodes, checks the property, and says whether the bytes were accepted.
    pub run: fn(&[u8]) -> bool,
    /// Valid encodings, from which the fuzzer starts.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

pub const ALL: &[Target] = &[
    Target {
        name: "ring_poly_standard",
        run: ring::standard,
        seeds: ring::standard_seeds,
    },
    Target {
        name: "ring_poly_real",
        run: ring::real,
        seeds: ring::real_seeds,
    },
];

/// What an accepted input must satisfy.
fn canonical(input: &[u8], encoded_again: &[u8]) -> bool {
    assert_eq!(
        input, encoded_again,
        "accepted bytes are not the encoding of what they decode to"
    );
    true
}

/// Writes the seeds of every target, each of which its decoder must accept.
pub fn write_seeds(dir: &Path) -> std::io::Result<()> {
    for target in ALL {
        let dir = dir.join(target.name);
        std::fs::create_dir_all(&dir)?;
        for (index, seed) in (target.seeds)().iter().enumerate() {
            assert!(
                (target.run)(seed),
                "{}: seed {index} is refused",
                target.name
            );
            std::fs::write(dir.join(format!("seed-{index}")), seed)?;
        }
    }
    Ok(())
}
