//! Trained and hardened parts as others run them: onnxruntime computes what this crate computes, on
//! a whole test set.
//!
//! Needs `python3` with `numpy` and `onnxruntime`, and says so where they are missing
//! (`cargo test -p tacit-split --test onnx_parity -- --nocapture`).

use std::process::Command;
use tacit_data::characters::{Alphabet, Spec};
use tacit_data::tasks::{self, Sets, Shares, TaskData};
use tacit_nn::layered::{Architecture, Layered};
use tacit_nn::predict::{accuracy, argmax};
use tacit_nn::train::Recipe as FitRecipe;
use tacit_nn::{Draws, Matrix, Samples, fit};
use tacit_split::export::{Export, Note};
use tacit_split::harden::{Method, Outcome, Recipe, harden};
use tacit_split::noise::ClientSecret;

const SIDE: usize = 12;

fn characters() -> Sets {
    let spec = Spec {
        train: 1200,
        test: 0,
        ..Spec::new(Alphabet::Digits, 1)
    };
    let task = tasks::characters(&spec, SIDE, "character", &["font"]).unwrap();
    task.sets(&Shares::default(), 1).unwrap()
}

fn samples(task: &TaskData) -> Samples {
    let rows = Matrix::new(task.len(), task.size(), task.rows.clone()).unwrap();
    let values = task.public.values.iter().copied();
    Samples::new(rows, values, task.public.classes.len()).unwrap()
}

#[test]
fn onnxruntime_answers_a_test_set_as_the_hardened_parts_do() {
    let needs = ["-c", "import numpy, onnxruntime"];
    let there = Command::new("python3").args(needs).status();
    if !there.is_ok_and(|status| status.success()) {
        eprintln!("not compared: there is no python3 with numpy and onnxruntime");
        return;
    }
    let sets = characters();
    let (train, test) = (samples(&sets.model), samples(&sets.test));
    let networks = [
        (Architecture::mlp(&[SIDE * SIDE, 48, 24, 10]).unwrap(), 2),
        // Cut at a map: its normaliser is one of channels.
        (
            Architecture::convnet([1, SIDE, SIDE].into(), 10).unwrap(),
            4,
        ),
    ];
    for (architecture, cut) in networks {
        let network = Layered::new(&architecture, &mut Draws::new(1, "weights")).unwrap();
        let learning = FitRecipe {
            epochs: 12,
            batch: 32,
            ..FitRecipe::default()
        };
        let network = fit(network, &train, None, &learning, |_| {})
            .unwrap()
            .network;
        let recipe = Recipe {
            epochs: 3,
            batch: 32,
            lambda: 1.0,
            ..Recipe::of(Method::Center)
        };
        let hardened = harden(&network, cut, &train, &test, None, &recipe, |_| {}).unwrap();
        assert_eq!(hardened.outcome, Outcome::Finished);
        let note = Note {
            cut,
            classes: sets.test.public.classes.clone(),
            training_data: "drawn digits".into(),
        };
        let export = Export::of(&hardened, &note).unwrap();
        let folder = tempfile::tempdir().unwrap();
        export.save(folder.path()).unwrap();

        // The parts have learnt something, so that equal classes are no accident.
        let secret = || ClientSecret::from_bytes([5; 32]);
        let sent = export.client(secret()).unwrap().encode(test.features());
        let answers = export.head().unwrap().answer(&sent.unwrap()).unwrap();
        let public = accuracy(&argmax(&answers), test.labels()).unwrap();
        assert!(public > 0.5, "public accuracy {public}");

        let reference = folder.path().join("reference.safetensors");
        let bytes = export.reference(test.features(), secret()).unwrap();
        std::fs::write(&reference, bytes).unwrap();
        let said = Command::new("python3")
            .arg("-B")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/compare.py"))
            .arg(folder.path().join("encoder.onnx"))
            .arg(folder.path().join("head.onnx"))
            .arg(&reference)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&said.stdout);
        println!("cut {cut}:\n{text}");
        let wrong = String::from_utf8_lossy(&said.stderr);
        assert!(said.status.success(), "{text}{wrong}");
        let rows = format!("{} rows", sets.test.len());
        assert_eq!(text.matches(&rows).count(), 3, "{text}");
    }
}
