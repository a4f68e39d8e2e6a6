//! Training, protection, attack, experiment and demonstration as a user runs them, on sizes of
//! seconds: what is tested is that the parts fit, not how well so little data can be protected.

mod process;

use std::path::Path;

use process::{done, read_run, record, refused};

const SMALL: [&str; 4] = ["--train", "600", "--test", "200"];
const SHORT: [&str; 8] = [
    "--warm-up",
    "1",
    "--epochs",
    "1",
    "--grid-epochs",
    "1",
    "--hidden",
    "8",
];

fn with<'a>(parts: &[&[&'a str]]) -> Vec<&'a str> {
    parts.concat()
}

fn train(folder: &Path, out: &str) -> tacit_report::Run {
    let args = ["fe", "train", "--outputs", "3", "--out", out, "--json", "-"];
    record(&done(folder, &with(&[&args, &SMALL, &SHORT])))
}

#[test]
fn a_trained_model_goes_to_the_authority_and_its_ciphertexts_to_the_head() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let run = train(at, "trained");
    assert!(run.figures().get("main.accuracy").unwrap() > 0.2);
    assert!(run.figures().get("output_bits_proven").unwrap() < 48.0);
    let onnx = std::fs::read(at.join("trained/head.onnx")).unwrap();
    assert!(!onnx.is_empty());

    done(
        at,
        &[
            "fe", "data", "--train", "60", "--test", "10", "--out", "drawn",
        ],
    );
    std::fs::write(at.join("authority.key"), [7; 32]).unwrap();
    let unlock = ["--key-file", "authority.key"];
    let init = [
        "fe",
        "authority",
        "init",
        "authority",
        "--model",
        "trained/model.safetensors",
    ];
    done(at, &with(&[&init, &unlock]));
    let keygen = [
        "fe",
        "authority",
        "keygen",
        "authority",
        "--model",
        "trained/model.safetensors",
    ];
    done(
        at,
        &with(&[&keygen, &["--key", "server.key", "--who", "test"], &unlock]),
    );
    let evaluate = [
        "fe",
        "evaluate",
        "--key",
        "server.key",
        "--model",
        "trained/int-model.json",
        "--input",
        "drawn",
        "--head",
        "trained/head.safetensors",
        "--count",
        "3",
        "--authority",
        "authority",
        "--table-mib",
        "1",
        "--out",
        "evaluated",
        "--json",
        "-",
    ];
    let run = record(&done(at, &with(&[&evaluate, &unlock])));
    assert_eq!(run.figures().get("outputs_match"), Some(1.0));
}

#[test]
fn training_twice_gives_the_same_integers() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), "a");
    train(folder.path(), "b");
    let read = |run: &str, name: &str| std::fs::read(folder.path().join(run).join(name)).unwrap();
    for name in [
        "int-model.json",
        "model.safetensors",
        "head.safetensors",
        "head.onnx",
    ] {
        assert_eq!(read("a", name), read("b", name), "{name}");
    }
}

#[test]
fn an_attack_reports_its_maximum_beside_floor_and_ceiling() {
    let folder = tempfile::tempdir().unwrap();
    train(folder.path(), "trained");
    let args = [
        "fe",
        "attack",
        "--model",
        "trained/int-model.json",
        "--effort",
        "quick",
        "--ceiling",
        "--attacker-rows",
        "150",
        "--out",
        "attack",
        "--json",
        "-",
    ];
    let run = record(&done(
        folder.path(),
        &with(&[&args, &["--train", "600", "--test", "100"]]),
    ));
    let figure = |name: &str| run.figures().get(name).unwrap();
    let best = figure("private.attack_max");
    assert!(best >= figure("private.majority") && best >= figure("private.logistic"));
    assert!(figure("private.base_rate") == 0.5 && figure("private.floor") < 0.65);
    assert!(figure("private.ceiling") > 0.7);
    let page = std::fs::read_to_string(folder.path().join("attack/report.html")).unwrap();
    assert!(page.contains("gradient-boosting"));
}

#[test]
fn an_experiment_goes_on_where_it_stopped_and_refuses_other_settings() {
    let folder = tempfile::tempdir().unwrap();
    let args = |outputs| {
        let own = [
            "fe",
            "experiment",
            "--outputs",
            outputs,
            "--seeds",
            "1",
            "--effort",
            "quick",
            "--attacker-rows",
            "300",
            "--out",
            "study",
            "--json",
            "-",
        ];
        with(&[&own, &SMALL, &SHORT])
    };
    let first = record(&done(folder.path(), &args("2")));
    let stored = folder.path().join("study/cells/k2-seed1.json");
    let before = std::fs::read(&stored).unwrap();
    let second = record(&done(folder.path(), &args("1-2")));
    assert_eq!(std::fs::read(&stored).unwrap(), before);
    let of = |run: &tacit_report::Run, name: &str| run.figures().get(name).unwrap();
    let name = "k2.font.best_attacker_after_mean";
    assert_eq!(of(&first, name), of(&second, name));
    assert!(of(&second, "k1.main.accuracy_before_mean") > 0.1);
    refused(
        folder.path(),
        &with(&[&args("2"), &["--matching", "2"]]),
        &["k2-seed1.json", "another recipe"],
    );
}

#[test]
fn the_demonstration_leaves_a_page_for_whoever_signs() {
    let folder = tempfile::tempdir().unwrap();
    let args = [
        "fe",
        "demo",
        "--outputs",
        "2",
        "--images",
        "2",
        "--effort",
        "quick",
        "--out",
        "demo",
        "--train",
        "600",
        "--test",
        "200",
        "--threads",
        "2",
    ];
    done(folder.path(), &with(&[&args, &SHORT]));
    let run = read_run(folder.path(), "demo");
    assert_eq!(run.figures().get("outputs_match"), Some(1.0));
    assert_eq!(run.figures().get("second_key_refused"), Some(1.0));
    let page = std::fs::read_to_string(folder.path().join("demo/report.html")).unwrap();
    for part in [
        "data:image/png",
        "Accuracy against leak",
        "gradient-boosting",
        "Times",
    ] {
        assert!(page.contains(part), "{part}");
    }
    for file in ["samples.png", "int-model.json", "head.onnx"] {
        assert!(folder.path().join("demo").join(file).exists(), "{file}");
    }
}

#[test]
fn data_and_recipes_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    refused(at, &["fe", "train", "--data", "nowhere"], &["nowhere"]);
    refused(
        at,
        &["fe", "train", "--private", "weight"],
        &["weight", "font"],
    );
    refused(
        at,
        &["fe", "train", "--hidden", "0"],
        &["hidden", "1 to 1024"],
    );
    refused(
        at,
        &with(&[&["fe", "experiment", "--private", "none"], &SMALL]),
        &["no private label"],
    );
    let none = ["fe", "experiment", "--effort", "none"];
    refused(at, &none, &["--effort"]);
}
