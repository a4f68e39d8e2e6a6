//! What the program promises to people and to scripts.

use std::path::PathBuf;

use assert_cmd::Command;
use tacit_report::Run;

fn tacit(args: &[&str]) -> std::process::Output {
    Command::cargo_bin("tacit")
        .unwrap()
        .env("NO_COLOR", "1")
        .args(args)
        .output()
        .unwrap()
}

fn code(output: &std::process::Output) -> i32 {
    output.status.code().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A run folder with two figures.
fn folder(parent: &tempfile::TempDir, name: &str, accuracy: f64) -> PathBuf {
    let mut run = Run::new("demo", "0.1.0", 7).unwrap();
    run.figure("encrypted.accuracy", accuracy).unwrap();
    run.figure("wall_s", 21.5).unwrap();
    let folder = parent.path().join(name);
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("run.json"), run.to_json()).unwrap();
    folder
}

#[test]
fn help_is_on_standard_output_and_tells_the_exit_codes() {
    let output = tacit(&["--help"]);
    assert_eq!(code(&output), 0);
    let help = text(&output.stdout);
    assert!(
        help.contains("Usage: tacit") && help.contains("3 a quality gate"),
        "{help}"
    );
    assert!(output.stderr.is_empty());
}

#[test]
fn every_command_has_examples_in_its_help() {
    let output = tacit(&["run", "show", "--help"]);
    assert_eq!(code(&output), 0);
    assert!(text(&output.stdout).contains("Examples:\n  tacit run show"));
}

#[test]
fn the_version_is_told() {
    let output = tacit(&["--version"]);
    assert_eq!(
        text(&output.stdout),
        format!("tacit {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn bad_usage_exits_with_2_and_leaves_standard_output_alone() {
    for args in [
        &[][..],
        &["fly"],
        &["run"],
        &["run", "show"],
        &["run", "show", "x", "--bogus"],
        &["run", "show", "x", "--require", "wall_s"],
        &["run", "show", "/nonexistent/run"],
    ] {
        let output = tacit(args);
        assert_eq!(code(&output), 2, "{args:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn an_error_tells_its_causes_and_the_remedy() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("run.json");
    std::fs::write(&file, "{\"schema\": \"tacit.run/9\"}").unwrap();
    let output = tacit(&["run", "show", file.to_str().unwrap()]);
    assert_eq!(code(&output), 2);
    let told = text(&output.stderr);
    assert!(told.starts_with("error: no run can be read from"), "{told}");
    assert!(
        told.contains("\n  because: ") && told.contains("\n  remedy: "),
        "{told}"
    );
}

#[test]
fn json_on_standard_output_is_one_object_and_nothing_else() {
    let parent = tempfile::tempdir().unwrap();
    let run = folder(&parent, "a", 0.97);
    let show = ["run", "show", run.to_str().unwrap(), "--json", "-"];
    let output = tacit(&[&show[..], &["--require", "wall_s<=30"]].concat());
    assert_eq!(code(&output), 0);
    let record = Run::from_json(&text(&output.stdout)).unwrap();
    assert_eq!(record.figures().get("wall_s"), Some(21.5));
    assert!(
        text(&output.stderr).contains("encrypted.accuracy"),
        "the table moved aside"
    );

    let quiet = tacit(&[&show[..], &["--quiet"]].concat());
    assert_eq!(quiet.stdout, output.stdout);
    assert!(quiet.stderr.is_empty());
}

#[test]
fn json_goes_to_a_file_and_the_table_to_standard_output() {
    let parent = tempfile::tempdir().unwrap();
    let run = folder(&parent, "a", 0.97);
    let json = parent.path().join("figures.json");
    let output = tacit(&[
        "run",
        "show",
        run.to_str().unwrap(),
        "--json",
        json.to_str().unwrap(),
    ]);
    assert_eq!(code(&output), 0);
    assert!(text(&output.stdout).contains("21.5"));
    assert_eq!(Run::read(&json).unwrap().seed(), 7);
}

#[test]
fn a_gate_that_is_not_met_exits_with_3() {
    let parent = tempfile::tempdir().unwrap();
    let run = folder(&parent, "a", 0.97);
    let require = |gate| {
        code(&tacit(&[
            "run",
            "show",
            run.to_str().unwrap(),
            "--require",
            gate,
        ]))
    };
    assert_eq!(require("encrypted.accuracy>=0.95"), 0);
    assert_eq!(require("encrypted.accuracy>=0.99"), 3);
    assert_eq!(require("query.ok>=1"), 3);
}

#[test]
fn two_runs_stand_side_by_side() {
    let parent = tempfile::tempdir().unwrap();
    let (new, old) = (folder(&parent, "new", 0.99), folder(&parent, "old", 0.9));
    let output = tacit(&[
        "run",
        "show",
        new.to_str().unwrap(),
        "--against",
        old.to_str().unwrap(),
    ]);
    assert_eq!(code(&output), 0);
    assert!(
        text(&output.stdout).contains("10.0 %"),
        "{}",
        text(&output.stdout)
    );
}
