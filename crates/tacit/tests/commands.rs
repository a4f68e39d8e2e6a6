//! The commands as a user runs them.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tacit_learn::neural::MlpConfig;
use tacit_report::Run;
use tacit_session::Plan;
use tacit_session::plan::{Release, ReleaseKind};

fn tacit() -> Command {
    Command::cargo_bin("tacit").expect("the binary is built")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn example() -> PathBuf {
    root().join("examples/readmission/plan.toml")
}

#[test]
fn the_demo_trains_queries_and_reports() {
    let out = tempfile::tempdir().unwrap();
    let run = tacit()
        .args(["demo", "--json", "-", "--out"])
        .arg(out.path())
        .args([
            "--require",
            "encrypted.accuracy>=0.9",
            "--require",
            "query.ok>=1",
        ])
        .assert()
        .success();
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    let record = Run::from_json(&text).unwrap();
    assert_eq!(record, Run::read(&out.path().join("run.json")).unwrap());
    for name in [
        "encrypted.accuracy",
        "pooled.accuracy",
        "local.accuracy_mean",
        "encrypted.auc",
        "twin.max_abs_diff",
        "wall_s",
        "bytes_per_party",
        "query.ok",
    ] {
        assert!(record.figures().get(name).is_some(), "{name} is missing");
    }
    assert!(record.figures().get("twin.max_abs_diff").unwrap() < 1e-3);
    let page = std::fs::read_to_string(out.path().join("report.html")).unwrap();
    assert!(page.contains("one model nobody can see") && page.contains("<svg"));
    assert!(!page.contains("<script"));
}

#[test]
fn a_benchmark_holds_its_contracted_figures() {
    let out = tempfile::tempdir().unwrap();
    tacit()
        .args([
            "bench",
            "glm",
            "--synthetic",
            "600x4",
            "--parties",
            "2",
            "--seeds",
            "2",
        ])
        .args(["--iterations", "3", "--quiet", "--out"])
        .arg(out.path())
        .assert()
        .success();
    let record = Run::read(&out.path().join("run.json")).unwrap();
    for name in [
        "encrypted.accuracy",
        "pooled.accuracy",
        "wall_s",
        "keygen_s",
        "train_s",
    ] {
        for suffix in ["_mean", "_sd"] {
            assert!(
                record.figures().get(&format!("{name}{suffix}")).is_some(),
                "{name}{suffix}"
            );
        }
    }
    assert!(record.figures().get("twin.max_abs_diff").unwrap() < 1e-3);
}

/// A figure that must be there.
fn figure(record: &Run, name: &str) -> f64 {
    let found = record.figures().get(name);
    found.unwrap_or_else(|| panic!("{name} is missing"))
}

#[test]
fn a_network_is_trained_beside_its_twin_and_its_operations_are_those_predicted() {
    let out = tempfile::tempdir().unwrap();
    tacit()
        .args(["bench", "mlp", "--synthetic", "600x4", "--parties", "2"])
        .args(["--layers", "8", "--batch", "8", "--iterations", "2"])
        .args(["--quiet", "--out"])
        .arg(out.path())
        .assert()
        .success();
    let record = Run::read(&out.path().join("run.json")).unwrap();
    let figure = |name: &str| figure(&record, name);
    for name in [
        "encrypted.accuracy",
        "twin.accuracy",
        "pooled.accuracy",
        "fedavg.accuracy",
        "local.accuracy_mean",
        "majority.accuracy",
        "wall_s",
        "peak_rss_mib",
        "bytes_per_party_per_round",
        "ops.refreshes_per_iteration",
        "predicted.wall_s",
        "predicted.cpu_s",
    ] {
        assert!(figure(name) > 0.0, "{name}");
    }
    assert_eq!(figure("resumed_after"), 0.0);
    assert!(figure("twin.max_abs_diff") < 1e-3);
    assert!(figure("twin.same_predictions") > 0.99);
    for name in ["rotations", "mul", "mul_plain", "relinearisations"] {
        let [predicted, counted] =
            ["ops.", "ops.counted."].map(|of| figure(&format!("{of}{name}_per_iteration")));
        assert_eq!(predicted, counted, "{name}");
    }
    let page = std::fs::read_to_string(out.path().join("report.html")).unwrap();
    assert!(page.contains("Accuracy per iteration") && page.contains("FedAvg"));
}

#[test]
fn a_network_predicts_under_encryption_what_its_twin_predicts() {
    let out = tempfile::tempdir().unwrap();
    tacit()
        .args(["bench", "predict", "--synthetic", "600x4", "--parties", "2"])
        .args(["--layers", "8", "--batch", "50", "--iterations", "5"])
        .args(["--quiet", "--out"])
        .arg(out.path())
        .assert()
        .success();
    let record = Run::read(&out.path().join("run.json")).unwrap();
    let figure = |name: &str| figure(&record, name);
    for name in ["amortised_ms", "single_ms", "upload_bytes_per_row"] {
        assert!(figure(name) > 0.0, "{name}");
    }
    assert_eq!((figure("batch"), figure("query.ok")), (50.0, 1.0));
    assert!(figure("twin.same_predictions") > 0.95);

    let run = tacit()
        .args(["bench", "predict", "--synthetic", "600x4", "--batch", "50"])
        .arg("--out")
        .arg(out.path())
        .assert()
        .code(2);
    let told = String::from_utf8(run.get_output().stderr.clone()).unwrap();
    assert!(told.contains("--layers"), "{told}");
}

#[test]
fn data_that_does_not_ship_is_asked_for_by_path() {
    let run = tacit()
        .args(["bench", "mlp", "--data", "mnist", "--out"])
        .arg(tempfile::tempdir().unwrap().path())
        .assert()
        .code(2);
    let told = String::from_utf8(run.get_output().stderr.clone()).unwrap();
    assert!(told.contains("--data mnist=PATH"), "{told}");
}

#[test]
fn the_example_plan_is_explained() {
    let run = tacit()
        .args(["plan", "check", "--no-timing", "--json", "-"])
        .arg(example())
        .assert()
        .success();
    let text = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    let record = Run::from_json(&text).unwrap();
    assert!(
        record
            .figures()
            .get("release.prediction.precision_bits")
            .unwrap()
            > 8.0
    );
    assert!(record.figures().get("refresh.margin_bits").unwrap() > 0.0);
    let accuracy = record.figures().get("predicted.accuracy").unwrap();
    assert!(accuracy > record.figures().get("predicted.majority_accuracy").unwrap());
    let told = String::from_utf8(run.get_output().stderr.clone()).unwrap();
    assert!(
        told.contains("128-bit") && told.contains("can be recovered"),
        "{told}"
    );
}

#[test]
fn a_network_s_plan_is_compared_with_its_runners_up() {
    let folder = tempfile::tempdir().unwrap();
    let mut plan = Plan::draft("digits", "mlp", &["a", "b", "c"]);
    plan.releases.push(Release {
        what: ReleaseKind::Model,
        to: vec!["a".into()],
        at_most: 1,
        precision_bits: 20,
    });
    let config = MlpConfig {
        iterations: 30,
        ..MlpConfig::new(&[784, 64, 64, 10])
    };
    config.write_to_plan(&mut plan).unwrap();
    let check = |plan: &Plan| {
        let path = folder.path().join("plan.toml");
        std::fs::write(&path, plan.to_toml().unwrap()).unwrap();
        tacit()
            .args(["plan", "check", "--no-timing", "--json", "-"])
            .arg(&path)
            .assert()
    };
    let run = check(&plan).success();
    let told = String::from_utf8(run.get_output().stderr.clone()).unwrap();
    assert!(
        told.contains("the cheapest")
            && told.contains("times as costly")
            && told.contains("not secure"),
        "{told}"
    );
    let record =
        Run::from_json(&String::from_utf8(run.get_output().stdout.clone()).unwrap()).unwrap();
    let figure = |name| record.figures().get(name).unwrap();
    assert!(figure("precision.margin_bits") > 0.0);
    assert!(figure("security.log_qp") <= figure("security.limit"));
    assert!(figure("predicted.wall_s") > 0.0);

    plan.model
        .settings
        .insert("layers".into(), vec![784, 10].into());
    let refused = check(&plan).code(2);
    let told = String::from_utf8(refused.get_output().stderr.clone()).unwrap();
    assert!(told.contains("layers"), "{told}");
}

/// Edits the example and expects exit code 2 with a message that names the culprit.
fn refused(edit: impl Fn(&str) -> String, culprit: &str) {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(example()).unwrap();
    let data = root().join("data").canonicalize().unwrap();
    let text = text.replace("../../data", &data.display().to_string());
    let edited = edit(&text);
    assert_ne!(edited, text, "the edit changes nothing");
    let path = folder.path().join("plan.toml");
    std::fs::write(&path, edited).unwrap();
    let run = tacit()
        .args(["plan", "check", "--no-timing"])
        .arg(&path)
        .assert()
        .code(2);
    let told = String::from_utf8(run.get_output().stderr.clone()).unwrap();
    assert!(told.contains(culprit), "{told}");
}

#[test]
fn plans_that_cannot_work_are_refused_by_name() {
    let replace = |a: &'static str, b: &'static str| move |text: &str| text.replace(a, b);
    refused(replace("schema = 1", "schema = 9"), "schema");
    refused(
        replace("family = \"logistic\"", "family = \"forest\""),
        "forest",
    );
    refused(replace("features = 8", "features = 7"), "features");
    refused(replace("batch = 256", "batch = 100"), "use 128");
    refused(
        replace("label = \"diabetes\"", "label = \"diabetis\""),
        "diabetes",
    );
    refused(
        replace(
            "pima-diabetes.csv",
            "pima-diabetes.csv.missing\", unknown = \"",
        ),
        "unknown",
    );
    // Masks that would not be statistically hiding, and insecure parameters.
    refused(
        replace(
            "choose = true",
            "ring = \"conjugate-invariant\"\nlog_n = 14\nq_bits = [40, 39, 39, 39, 39, 39, 39]\np_bits = [50, 50]\nscale_bits = 39",
        ),
        "hide",
    );
    refused(
        replace(
            "choose = true",
            "ring = \"conjugate-invariant\"\nlog_n = 14\nq_bits = [50, 50, 50, 39, 39, 39, 39, 39]\np_bits = [50, 50]\nscale_bits = 39",
        ),
        "128-bit",
    );
    // A precision that the flooding does not leave.
    refused(
        replace("precision_bits = 8", "precision_bits = 48"),
        "48 bits",
    );
}

#[test]
fn a_training_over_sockets_leads_to_the_model_of_memory_in_every_topology() {
    let out = tempfile::tempdir().unwrap();
    tacit()
        .args(["bench", "network", "--sizes", "4", "--iterations", "1"])
        .args(["--runs", "1", "--round-trip", "2ms", "--rate", "10gbit"])
        .args(["--topologies", "star,tree-2,direct-2"])
        .args(["--quiet", "--out"])
        .arg(out.path())
        .assert()
        .success();
    let record = Run::read(&out.path().join("run.json")).unwrap();
    for topology in ["star", "tree-2", "direct-2"] {
        let of = |name: &str| figure(&record, &format!("{topology}.4.{name}"));
        assert!(of("model.max_abs_diff") < 1e-3);
        // What travels is the frames and little else; through a hub, which makes the copies, less.
        let (frames, wire) = (of("frame_bytes_per_party"), of("wire_bytes_per_party"));
        let least = if topology == "direct-2" { 1.0 } else { 0.5 };
        let most = if topology == "direct-2" { 1.05 } else { 1.0 };
        assert!(
            wire > least * frames && wire < most * frames,
            "{topology}: {frames} {wire}"
        );
        assert!(of("hub_bytes") > 4.0 * wire);
    }
}
