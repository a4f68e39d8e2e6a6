//! The two-font data set: balanced, deterministic, readable elsewhere.

use tacit_data::DataError;
use tacit_data::characters::{self, Alphabet, Characters, FONTS, Spec, generate};

fn small(alphabet: Alphabet, seed: u64) -> Spec {
    Spec {
        train: 1040,
        test: 104,
        ..Spec::new(alphabet, seed)
    }
}

fn digest(set: &Characters) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&set.images);
    hasher.update(&set.class);
    hasher.update(&set.font);
    hasher.finalize().to_hex()[..16].to_owned()
}

#[test]
fn classes_and_fonts_are_balanced_and_independent() {
    for alphabet in [Alphabet::Digits, Alphabet::Lower, Alphabet::Upper] {
        let (train, test) = generate(&small(alphabet, 3)).unwrap();
        for set in [&train, &test] {
            let cells = set.classes * FONTS.len();
            let mut counts = vec![0usize; cells];
            for (&class, &font) in set.class.iter().zip(&set.font) {
                counts[usize::from(class) * 2 + usize::from(font)] += 1;
            }
            let even = set.len() / cells;
            assert!(
                counts.iter().all(|&n| n == even || n == even + 1),
                "{counts:?}"
            );
        }
    }
}

#[test]
fn the_set_depends_on_the_seed_and_not_on_the_number_of_threads() {
    let spec = small(Alphabet::Digits, 5);
    let one = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    let three = rayon::ThreadPoolBuilder::new()
        .num_threads(3)
        .build()
        .unwrap();
    let a = one.install(|| generate(&spec)).unwrap();
    assert_eq!(a, three.install(|| generate(&spec)).unwrap());
    assert_ne!(a, generate(&small(Alphabet::Digits, 6)).unwrap());
    assert_ne!(a.0.image(0), a.1.image(0), "test images are others");
}

#[test]
fn a_longer_set_begins_with_the_shorter_one() {
    let long = generate(&small(Alphabet::Lower, 1)).unwrap().0;
    let spec = Spec {
        train: 77,
        ..small(Alphabet::Lower, 1)
    };
    let short = generate(&spec).unwrap().0;
    assert_eq!(short.images, long.images[..77 * 784]);
    assert_eq!(short.class, long.class[..77]);
    assert_eq!(short.font, long.font[..77]);
}

#[test]
fn the_generator_is_frozen() {
    let digests: Vec<String> = [Alphabet::Digits, Alphabet::Lower, Alphabet::Upper]
        .map(|alphabet| digest(&generate(&small(alphabet, 1)).unwrap().0))
        .into();
    assert_eq!(digests, FROZEN);
}

const FROZEN: [&str; 3] = ["cb3b07b4037ba1c4", "9af872fb5465606f", "e12f6baabc2eb46a"];

#[test]
fn images_hold_ink_are_centred_and_differ() {
    let (train, _) = generate(&small(Alphabet::Digits, 2)).unwrap();
    let mut seen = std::collections::HashSet::new();
    for i in 0..train.len() {
        let image = train.image(i);
        let (mut mass, mut x, mut y) = (0.0, 0.0, 0.0);
        for (p, &ink) in image.iter().enumerate() {
            let ink = f64::from(ink);
            mass += ink;
            x += ink * ((p % 28) as f64 + 0.5);
            y += ink * ((p / 28) as f64 + 0.5);
        }
        assert!(mass > 20.0 * 255.0, "image {i} is nearly empty");
        assert!(
            (x / mass - 14.0).abs() < 1.5 && (y / mass - 14.0).abs() < 1.5,
            "{i}"
        );
        assert!(
            image.iter().any(|&p| p > 0 && p < 255),
            "{i}: no smooth edge"
        );
        assert!(seen.insert(image), "{i} is there twice");
    }
}

#[test]
fn rotations_and_sizes_are_bounded_by_their_parameters() {
    let still = Spec {
        rotation_degrees: 0.0,
        size_jitter: 0.0,
        shift: 0.0,
        elastic_alpha: 0.0,
        ..small(Alphabet::Digits, 9)
    };
    let (train, _) = generate(&still).unwrap();
    for row in train.sheet(20) {
        assert_eq!(row.len(), 20);
        assert!(row.iter().all(|&i| train.image(i) == train.image(row[0])));
    }
    let by_pair: std::collections::HashSet<&[u8]> =
        (0..train.len()).map(|i| train.image(i)).collect();
    assert_eq!(by_pair.len(), 20, "ten digits in two fonts");
}

#[test]
fn files_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let (train, test) = generate(&small(Alphabet::Upper, 4)).unwrap();
    characters::write(folder.path(), &train, &test).unwrap();
    assert_eq!(characters::read(folder.path(), 26).unwrap(), (train, test));
    let error = characters::read(folder.path(), 10).unwrap_err().to_string();
    assert!(
        error.contains("labels-idx1") && error.contains("below 10"),
        "{error}"
    );
    std::fs::remove_file(folder.path().join("t10k-fonts-idx1-ubyte")).unwrap();
    let error = characters::read(folder.path(), 26).unwrap_err().to_string();
    assert!(error.contains("t10k-fonts-idx1-ubyte"), "{error}");
}

#[test]
fn senseless_specifications_are_refused_by_field() {
    let base = small(Alphabet::Digits, 1);
    let bad: [(&str, Spec); 5] = [
        (
            "train",
            Spec {
                train: 1 << 30,
                ..base.clone()
            },
        ),
        (
            "rotation_degrees",
            Spec {
                rotation_degrees: f64::NAN,
                ..base.clone()
            },
        ),
        (
            "size_jitter",
            Spec {
                size_jitter: -0.1,
                ..base.clone()
            },
        ),
        (
            "elastic_sigma",
            Spec {
                elastic_sigma: 0.0,
                ..base.clone()
            },
        ),
        (
            "elastic_alpha",
            Spec {
                elastic_alpha: f64::INFINITY,
                ..base
            },
        ),
    ];
    for (field, spec) in bad {
        match generate(&spec) {
            Err(DataError::Parameter { what, .. }) => assert_eq!(what, field),
            other => panic!("{field}: {other:?}"),
        }
    }
}
