//! The targets. A decoder joins by two functions in a file here, `NAME` and
//! `NAME_seeds`, and a line in `targets!`; those of the feature `networks` are built on request.
//!
//! Every target states the same property of a decoder: on any bytes it returns, without a panic
//! and without an allocation larger than its input warrants; and what it accepts encodes again to
//! exactly the bytes it was given, so that there is one encoding of everything.

mod authority;
mod ckks;
mod functional;
mod identity;
mod journal;
mod learn;
mod mhe;
#[cfg(feature = "networks")]
mod networks;
mod ring;
mod serve;
mod session;

use std::path::Path;

use functional::{generic as fe, standard as fe_standard};

/// A decoder under test.
pub struct Target {
    pub name: &'static str,
    /// Decodes, checks the property, and says whether the bytes were accepted.
    pub run: fn(&[u8]) -> bool,
    /// Valid encodings, from which the fuzzer starts.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

macro_rules! targets {
    ($all:ident: $($room:ident: $($decoder:ident / $seeds:ident),+;)+) => {
        const $all: &[Target] = &[$($(Target {
            name: concat!(stringify!($room), "_", stringify!($decoder)),
            run: $room::$decoder,
            seeds: $room::$seeds,
        },)+)+];
    };
}

targets! {
    ALWAYS:
    authority:
        model / model_seeds,
        model_tensors / model_tensors_seeds,
        table / table_seeds,
        log / log_seeds,
        folder / folder_seeds;
    ckks:
        ciphertext / ciphertext_seeds,
        half / half_seeds,
        seeded / seeded_seeds,
        public_key / public_key_seeds,
        switching_key / switching_key_seeds,
        add_encoded / add_encoded_seeds;
    fe:
        public_key / public_key_seeds,
        master_secret / master_secret_seeds,
        functional_key / functional_key_seeds,
        ciphertext / ciphertext_seeds,
        trusted_ciphertext / trusted_ciphertext_seeds;
    fe_standard:
        public_key / public_key_seeds,
        master_secret / master_secret_seeds,
        functional_key / functional_key_seeds,
        ciphertext / ciphertext_seeds,
        trusted_ciphertext / trusted_ciphertext_seeds;
    identity:
        roster / roster_seeds,
        request / request_seeds;
    journal:
        file / file_seeds,
        damage / damage_seeds;
    learn:
        query / query_seeds,
        state / state_seeds;
    mhe:
        public_key_share / public_key_share_seeds,
        refresh_share / refresh_share_seeds,
        share_input / share_input_seeds,
        aggregate_encoded / aggregate_encoded_seeds,
        sub_share / sub_share_seeds,
        sub_share_list / sub_share_list_seeds;
    ring:
        standard / standard_seeds,
        real / real_seeds;
    serve:
        request / request_seeds,
        reply / reply_seeds;
    session:
        frame / frame_seeds,
        record / record_seeds,
        continuation / continuation_seeds,
        evidence / evidence_seeds,
        plan / plan_seeds,
        roster / roster_seeds;
}

// The tensor library behind networks takes minutes to build with coverage, longer than all others.
#[cfg(feature = "networks")]
targets! {
    ON_REQUEST:
    networks:
        layered / layered_seeds,
        manifest / manifest_seeds;
}
#[cfg(not(feature = "networks"))]
const ON_REQUEST: &[Target] = &[];

/// All that are built.
pub fn all() -> impl Iterator<Item = &'static Target> {
    ALWAYS.iter().chain(ON_REQUEST)
}

/// What an accepted input must satisfy.
fn canonical(input: &[u8], encoded_again: &[u8]) -> bool {
    assert_eq!(
        input, encoded_again,
        "accepted bytes are not the encoding of what they decode to"
    );
    true
}

/// Writes the seeds of every target, each of which its decoder must accept, and prints the names.
pub fn write_seeds(dir: &Path) -> std::io::Result<()> {
    for target in all() {
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
        println!("{}", target.name);
    }
    Ok(())
}
