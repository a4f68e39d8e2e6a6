//! The story of `examples/hospitals`, as processes.

use std::path::Path;

use assert_cmd::Command;

#[test]
fn five_hospitals_train_and_a_clinic_asks_from_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/hospitals/run.sh");
    let told = Command::new("bash")
        .arg(script)
        .arg(folder.path())
        .env("TACIT", assert_cmd::cargo::cargo_bin("tacit"))
        .env("PATIENCE", "300")
        .assert()
        .success();
    let told = String::from_utf8_lossy(&told.get_output().stdout).into_owned();
    assert!(told.contains("68 rows answered"), "{told}");
    let answers = std::fs::read_to_string(folder.path().join("clinic/answers.csv")).unwrap();
    assert_eq!(answers.lines().count(), 1 + 68);
    // The curvature at all sites, and the answer.
    for site in ["hospital-a", "hospital-e"] {
        let log = folder.path().join(site).join("state/releases.jsonl");
        let log = std::fs::read_to_string(log).unwrap();
        let what: Vec<bool> = log.lines().map(|l| l.contains("query/answer")).collect();
        assert_eq!(what, [false, true], "{log}");
    }
}
