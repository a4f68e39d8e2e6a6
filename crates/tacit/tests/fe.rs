//! Functional encryption as a user runs it, on sizes of seconds.

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use tacit_report::Run;

/// Two hidden values over four pixels and a constant.
const MODEL: &str = r#"{"inputs":5,"hidden":2,"outputs":2,
    "p":[[1,-2],[3,0],[0,1],[-1,2],[2,2]],"d":[[1,-1],[2,1]],"input_max":255}"#;

fn tacit(folder: &Path, args: &[&str]) -> Output {
    Command::cargo_bin("tacit")
        .expect("the binary is built")
        .current_dir(folder)
        .env("NO_COLOR", "1")
        .args(args)
        .output()
        .expect("the program runs")
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn done(folder: &Path, args: &[&str]) -> Output {
    let output = tacit(folder, args);
    assert_eq!(code(&output), 0, "{args:?}: {}", told(&output));
    output
}

fn record(output: &Output) -> Run {
    Run::from_json(&String::from_utf8_lossy(&output.stdout)).unwrap()
}

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Refused as bad input, naming all of these.
fn refused(folder: &Path, args: &[&str], names: &[&str]) {
    let output = tacit(folder, args);
    let text = told(&output);
    assert_eq!(code(&output), 2, "{args:?}: {text}");
    assert!(output.stdout.is_empty(), "{args:?}");
    for name in names {
        assert!(text.contains(name), "{args:?} does not name {name}: {text}");
    }
}

#[test]
fn the_data_set_is_written_with_samples_and_is_the_same_every_time() {
    let folder = tempfile::tempdir().unwrap();
    let data = |out: &str| {
        let size = ["--train", "60", "--test", "20", "--seed", "3"];
        let args = ["fe", "data", "--out", out, "--json", "-"];
        record(&done(folder.path(), &[&args[..], &size].concat()))
    };
    let run = data("a");
    assert_eq!(run.figures().get("font.base_rate"), Some(0.5));
    data("b");
    let read = |out: &str, name: &str| std::fs::read(folder.path().join(out).join(name)).unwrap();
    for name in [
        "train-images-idx3-ubyte",
        "t10k-fonts-idx1-ubyte",
        "samples.png",
    ] {
        assert_eq!(read("a", name), read("b", name), "{name}");
    }
    assert_eq!(read("a", "train-images-idx3-ubyte").len(), 16 + 60 * 784);
    let page = String::from_utf8(read("a", "report.html")).unwrap();
    assert!(page.contains("data:image/png;base64,") && page.contains("Dancing Script"));
}

#[test]
fn the_benchmark_holds_its_contracted_figures_and_the_outputs_match() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "model.json", MODEL);
    let args = [
        "fe",
        "bench",
        "--model",
        "model.json",
        "--threads",
        "2",
        "--repeats",
        "2",
        "--table-mib",
        "1",
        "--batch",
        "3",
        "--out",
        "run",
        "--json",
        "-",
    ];
    let run = record(&done(folder.path(), &args));
    for name in [
        "encrypt_authority_ms",
        "encrypt_public_ms",
        "keygen_ms",
        "evaluate_ms",
        "dlog_ms",
        "ingest_checked_ms",
        "g1_add_us",
        "miller2_us",
        "final_exp_us",
        "batch.evaluate_per_s",
    ] {
        assert!(run.figures().get(name).unwrap() > 0.0, "{name}");
    }
    assert_eq!(run.figures().get("outputs_match"), Some(1.0));
}

#[test]
fn models_that_cannot_be_used_are_named_with_the_field() {
    let folder = tempfile::tempdir().unwrap();
    let bench = ["fe", "bench", "--model", "model.json"];
    refused(folder.path(), &bench, &["model.json"]);
    write(folder.path(), "model.json", MODEL.replace("[3,0]", "[3]"));
    refused(folder.path(), &bench, &["model.json", "p[1]"]);
    let huge = MODEL
        .replace("[2,2]", "[30000,30000]")
        .replace("[1,-1]", "[30000,1]");
    write(folder.path(), "model.json", huge);
    refused(folder.path(), &bench, &["output 0", "2^48"]);
    refused(
        folder.path(),
        &["fe", "bench", "--table-mib", "0"],
        &["0 MiB"],
    );
    assert!(
        !folder.path().join("runs").exists(),
        "refused before a folder was made"
    );
}
