//! The program as a process. Shared by test binaries, none of which uses all of it.
#![allow(dead_code)]

pub mod sites;

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use tacit_report::Run;

/// Runs the program in a folder.
pub fn tacit(folder: &Path, args: &[&str]) -> Output {
    Command::cargo_bin("tacit")
        .expect("the binary is built")
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .args(args)
        .output()
        .expect("the program runs")
}

/// The record in a run's folder.
pub fn read_run(folder: &Path, name: &str) -> Run {
    Run::read(&folder.join(name).join("run.json")).unwrap()
}

/// The exit code.
pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// What it said on standard error.
pub fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs it and expects success.
pub fn done(folder: &Path, args: &[&str]) -> Output {
    let output = tacit(folder, args);
    assert_eq!(code(&output), 0, "{args:?}: {}", told(&output));
    output
}

/// The record it printed.
pub fn record(output: &Output) -> Run {
    Run::from_json(&String::from_utf8_lossy(&output.stdout)).unwrap()
}

/// Puts a file into the folder.
pub fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Refused as bad input, naming all of these.
pub fn refused(folder: &Path, args: &[&str], names: &[&str]) {
    let output = tacit(folder, args);
    let text = told(&output);
    assert_eq!(code(&output), 2, "{args:?}: {text}");
    assert!(output.stdout.is_empty(), "{args:?}");
    for name in names {
        assert!(text.contains(name), "{args:?} does not name {name}: {text}");
    }
}
