//! Exports: what is written is read back the same, and nothing else is read.

use proptest::prelude::*;
use std::path::Path;
use tacit_nn::layered::{Architecture, Layered};
use tacit_nn::{Draws, Matrix, Samples, predict};
use tacit_split::SplitError;
use tacit_split::export::{Export, MANIFEST, Manifest, Note, load_client, load_head};
use tacit_split::harden::{Hardened, Method, Recipe, harden};
use tacit_split::noise::{ClientSecret, Noise};

fn samples(rows: usize, columns: usize) -> Samples {
    let mut draws = Draws::new(5, "samples");
    let values = (0..rows * columns).map(|_| draws.normal()).collect();
    let rows_of = Matrix::new(rows, columns, values).unwrap();
    let labels: Vec<usize> = rows_of.iter().map(|r| usize::from(r[0] > 0.0)).collect();
    Samples::new(rows_of, labels, 2).unwrap()
}

/// A dense network, and a convolutional one cut at a map.
fn hardened(map: bool) -> (Hardened, Samples, Note) {
    let (architecture, cut) = match map {
        false => (Architecture::mlp(&[6, 10, 8, 2]), 2),
        true => (Architecture::convnet([1, 8, 8].into(), 2), 2),
    };
    let architecture = architecture.unwrap();
    let samples = samples(64, architecture.input.size());
    let network = Layered::new(&architecture, &mut Draws::new(1, "weights")).unwrap();
    let recipe = Recipe {
        epochs: 1,
        ..Recipe::of(Method::Center)
    };
    let hardened = harden(&network, cut, &samples, &samples, None, &recipe, |_| {}).unwrap();
    let note = Note {
        cut,
        classes: vec!["no".into(), "yes".into()],
        training_data: "64 rows".into(),
    };
    (hardened, samples, note)
}

fn secret() -> ClientSecret {
    ClientSecret::from_bytes([2; 32])
}

#[test]
fn the_folded_parts_compute_what_the_hardened_network_computes() {
    for map in [false, true] {
        let (mut hardened, samples, _) = hardened(map);
        hardened.veil.noise = Noise::None;
        hardened.veil.range = 1.5;
        let deployed = hardened.deploy(secret()).unwrap();
        let raw = predict::logits(&hardened.encoder, samples.features()).unwrap();
        let u = hardened.normaliser.normalise(&raw).unwrap();
        let sent = deployed.client.sent(samples.features(), 0).unwrap();
        for (a, b) in sent.values().iter().zip(u.values()) {
            assert!((a - b.clamp(-1.5, 1.5)).abs() < 1e-5, "{a} beside {b}");
        }
        let restored = hardened.normaliser.restore(&sent).unwrap();
        let direct = predict::logits(&hardened.head, &restored).unwrap();
        let answers = deployed.head.answer(&sent).unwrap();
        for (a, b) in answers.values().iter().zip(direct.values()) {
            assert!((a - b).abs() < 1e-4);
        }
    }
}

#[test]
fn what_was_saved_is_loaded_with_the_same_outputs() {
    for map in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let (hardened, samples, note) = hardened(map);
        let export = Export::of(&hardened, &note).unwrap();
        export.save(folder.path()).unwrap();
        let (manifest, client) = load_client(folder.path(), secret()).unwrap();
        let (_, head) = load_head(folder.path()).unwrap();
        assert_eq!(manifest, export.manifest);
        assert_eq!(
            manifest.version().unwrap(),
            export.manifest.version().unwrap()
        );
        let before = hardened.deploy(secret()).unwrap();
        let sent = client.sent(samples.features(), 0).unwrap();
        assert_eq!(sent, before.client.sent(samples.features(), 0).unwrap());
        assert_eq!(
            head.answer(&sent).unwrap(),
            before.head.answer(&sent).unwrap()
        );
    }
}

#[test]
fn damage_and_mixtures_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (hardened, _, note) = hardened(false);
    let export = Export::of(&hardened, &note).unwrap();
    export.save(folder.path()).unwrap();

    // Another head under the same name.
    let path = folder.path().join("head.safetensors");
    let good = std::fs::read(&path).unwrap();
    let mut bytes = good.clone();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert!(matches!(
        load_head(folder.path()),
        Err(SplitError::Hash { .. })
    ));
    assert!(
        load_client(folder.path(), secret()).is_ok(),
        "a client needs no head"
    );
    std::fs::write(&path, good).unwrap();

    let text = String::from_utf8(export.manifest.to_bytes().unwrap()).unwrap();
    let rewritten = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        std::fs::write(folder.path().join(MANIFEST), text.replacen(from, to, 1)).unwrap();
        read(folder.path())
    };
    let found = rewritten("tacit.split/1", "tacit.split/2");
    assert!(
        matches!(
            found,
            SplitError::Mismatch {
                field: "format",
                ..
            }
        ),
        "{found}"
    );
    let found = rewritten("\"yes\"", "\"yes\", \"maybe\"");
    assert!(
        matches!(
            found,
            SplitError::Mismatch {
                field: "number of classes",
                ..
            }
        ),
        "{found}"
    );
    let found = rewritten("\"cut\": 2", "\"cut\": 2, \"speed\": 1");
    assert!(matches!(found, SplitError::Format { .. }), "{found}");
    let found = rewritten("encoder.safetensors", "../encoder.safetensors");
    assert!(
        matches!(found, SplitError::Mismatch { field: "file", .. }),
        "{found}"
    );
    let found = rewritten("\"range\": 4.0", "\"range\": -4.0");
    assert!(
        matches!(found, SplitError::Setting { name: "range", .. }),
        "{found}"
    );
    let found = rewritten("{", "[");
    assert!(matches!(found, SplitError::Format { .. }), "{found}");
    std::fs::remove_file(folder.path().join(MANIFEST)).unwrap();
    assert!(matches!(read(folder.path()), SplitError::Io { .. }));
}

fn read(folder: &Path) -> SplitError {
    match Export::load(folder) {
        Err(error) => error,
        Ok(_) => panic!("it was read"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_manifest_with_a_wrong_byte_is_read_whole_or_refused(at in 0usize..4000, byte: u8) {
        use std::sync::OnceLock;
        static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
        let bytes = BYTES.get_or_init(|| {
            let (hardened, _, note) = hardened(false);
            Export::of(&hardened, &note).unwrap().manifest.to_bytes().unwrap()
        });
        let mut damaged = bytes.clone();
        let at = at % damaged.len();
        damaged[at] = byte;
        if let Ok(manifest) = Manifest::from_bytes(&damaged, "a damaged manifest") {
            let again = manifest.to_bytes().unwrap();
            prop_assert_eq!(Manifest::from_bytes(&again, "again").unwrap(), manifest);
        }
        prop_assert!(Manifest::from_bytes(&bytes[..at.min(bytes.len() - 2)], "a short manifest").is_err());
    }
}
