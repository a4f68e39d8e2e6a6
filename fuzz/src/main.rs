//! Coverage-guided fuzzing of the decoders on the stable toolchain: see `run.sh`.
//!
//! One binary holds all targets. `TACIT_FUZZ_SEEDS=DIR` writes the seed corpora, one folder per
//! target, and exits; `TACIT_FUZZ_TARGET=NAME` chooses the target to fuzz.

#![no_main]

mod targets;

use std::sync::OnceLock;
use targets::Target;

static CHOSEN: OnceLock<&'static Target> = OnceLock::new();

fn choose() {
    if let Some(dir) = std::env::var_os("TACIT_FUZZ_SEEDS") {
        targets::write_seeds(dir.as_ref()).expect("the corpus folder can be written");
        std::process::exit(0);
    }
    let name = std::env::var("TACIT_FUZZ_TARGET").expect("TACIT_FUZZ_TARGET names a target");
    let target = targets::all().find(|target| target.name == name);
    let target = target.unwrap_or_else(|| panic!("no target named {name}"));
    CHOSEN.set(target).ok().expect("chosen once");
}

libfuzzer_sys::fuzz_target!(init: choose(), |data: &[u8]| {
    let target = CHOSEN.get().expect("chosen before the first input");
    (target.run)(data);
});
