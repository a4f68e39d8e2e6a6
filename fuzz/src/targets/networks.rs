//! Networks in files, and the manifests that say which belong together.

use std::sync::LazyLock;

use tacit_nn::layered::{Architecture, Block, Layered};
use tacit_nn::store::{self, Metadata};
use tacit_nn::{Draws, Matrix, Samples};
use tacit_split::export::{Export, Manifest, Note};
use tacit_split::harden::{Method, Recipe, harden};
use tacit_split::noise::Noise;

/// The header of safetensors and the architecture in it are JSON, which may be laid out in many
/// ways: what is accepted is compared after a round trip.
pub fn layered(data: &[u8]) -> bool {
    let Ok((network, note)) = store::layered_from_bytes(data, "fuzz") else {
        return false;
    };
    let bytes = store::layered_to_bytes(&network, &note).expect("a network has an encoding");
    let (again, same) = store::layered_from_bytes(&bytes, "fuzz").expect("its own encoding");
    assert_eq!(network.architecture(), again.architecture());
    assert_eq!(store::parameters(&network), store::parameters(&again));
    assert_eq!(note, same);
    true
}

pub fn layered_seeds() -> Vec<Vec<u8>> {
    let residual = Architecture {
        input: [1, 4, 4].into(),
        blocks: vec![
            Block::Residual {
                channels: 2,
                stride: 2,
            },
            Block::StemPool,
            Block::GlobalAveragePool,
        ],
    };
    let note = Metadata::from([("task".to_owned(), "digits".to_owned())]);
    [dense(&[3, 2, 2]), residual]
        .iter()
        .map(|architecture| {
            let network = untrained(architecture);
            store::layered_to_bytes(&network, &note).expect("a network has an encoding")
        })
        .collect()
}

/// So is a manifest.
pub fn manifest(data: &[u8]) -> bool {
    let Ok(manifest) = Manifest::from_bytes(data, "fuzz") else {
        return false;
    };
    let bytes = manifest.to_bytes().expect("a manifest has an encoding");
    let again = Manifest::from_bytes(&bytes, "fuzz").expect("its own encoding");
    assert_eq!(manifest, again);
    assert_eq!(
        manifest.version().expect("a version"),
        again.version().expect("a version")
    );
    for entry in [&manifest.encoder, &manifest.head] {
        assert!(!entry.file.contains(['/', '\\']), "it leaves its folder");
    }
    true
}

pub fn manifest_seeds() -> Vec<Vec<u8>> {
    static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
        let noises = [Noise::Gaussian { snr: 1.0 }, Noise::Laplace { snr: 2.0 }];
        noises.into_iter().map(exported).collect()
    });
    SEEDS.clone()
}

/// The manifest of a network that was cut and not trained.
fn exported(noise: Noise) -> Vec<u8> {
    let network = untrained(&dense(&[2, 3, 3, 2]));
    let rows = Matrix::new(4, 2, vec![0.0, 1.0, 1.0, 0.0, 0.5, 0.5, 1.0, 1.0]).expect("rows");
    let samples = Samples::new(rows, [0usize, 1, 0, 1], 2).expect("samples");
    let mut recipe = Recipe::of(Method::Undefended);
    recipe.veil.noise = noise;
    recipe.veil.bits = Some(8);
    let hardened =
        harden(&network, 2, &samples, &samples, None, &recipe, |_| {}).expect("a cut network");
    let note = Note {
        cut: 2,
        classes: vec!["no".into(), "yes".into()],
        training_data: "four rows".into(),
    };
    let export = Export::of(&hardened, &note).expect("an export");
    export.manifest.to_bytes().expect("its bytes")
}

fn dense(sizes: &[usize]) -> Architecture {
    Architecture::mlp(sizes).expect("sizes")
}

fn untrained(architecture: &Architecture) -> Layered {
    Layered::new(architecture, &mut Draws::new(1, "fuzz")).expect("a network")
}
