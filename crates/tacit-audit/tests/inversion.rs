//! Claims about reconstruction from features.

use proptest::prelude::*;
use std::sync::LazyLock;
use tacit_audit::features::{Effort, LeakStudy, Private, Subjects};
use tacit_audit::inversion::{
    InversionEffort, InversionReport, InversionStudy, MOST_PSNR, Quality, psnr, ssim,
};
use tacit_audit::{AuditError, FeatureSource};
use tacit_nn::layered::{Architecture, Block, Layered};
use tacit_nn::{Draws, Matrix, Recipe, Samples, fit, predict};

const SIDE: usize = 12;

fn pattern(f: impl Fn(usize, usize) -> usize) -> Vec<f32> {
    let places = (0..16).flat_map(|i| (0..14).map(move |j| (i, j)));
    places.map(|(i, j)| (f(i, j) % 11) as f32 / 10.0).collect()
}

#[test]
fn ssim_and_psnr_are_those_of_the_usual_definition() {
    // By Gaussian filtering in double precision, σ = 1.5, radius 5, population covariance, the rim
    // left out.
    let shape = [1, 16, 14];
    let x = pattern(|i, j| i * 7 + j * 3);
    let y = pattern(|i, j| i * 7 + j * 3 + (i * j) % 3);
    let z: Vec<f32> = x.iter().map(|v| v * 0.5 + 0.25).collect();
    let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-6, "{found}");
    close(ssim(&x, &y, shape, 1.0).unwrap(), 0.717_451_394);
    close(ssim(&x, &z, shape, 1.0).unwrap(), 0.801_340_751);
    close(psnr(&x, &y, 1.0).unwrap(), 12.389_855_154);
    close(psnr(&x, &z, 1.0).unwrap(), 16.008_982_612);
    // Constant pictures, by hand: (2ab + C₁)/(a² + b² + C₁); and an error of a quarter.
    let (a, b) = (vec![0.5; 224], vec![0.75; 224]);
    close(ssim(&a, &b, shape, 1.0).unwrap(), 0.7501 / 0.8126);
    close(psnr(&a, &b, 1.0).unwrap(), 20.0 * 4f64.log10());
    // Two channels: the mean of theirs.
    let both = |p: &[f32], q: &[f32]| [p, q].concat();
    let two = ssim(&both(&x, &x), &both(&y, &z), [2, 16, 14], 1.0).unwrap();
    close(two, (0.717_451_394 + 0.801_340_751) / 2.0);
    assert!(ssim(&x, &y[1..], shape, 1.0).is_err());
    assert!(psnr(&[], &[], 1.0).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn similarity_is_symmetric_at_most_one_and_one_for_equal_pictures(
        x in prop::collection::vec(0.0f32..1.0, 13 * 15),
        y in prop::collection::vec(0.0f32..1.0, 13 * 15),
        range in 0.5f64..300.0,
    ) {
        let shape = [1, 13, 15];
        let both = ssim(&x, &y, shape, range).unwrap();
        prop_assert!((-1.0..=1.0 + 1e-9).contains(&both));
        prop_assert!((both - ssim(&y, &x, shape, range).unwrap()).abs() < 1e-9);
        prop_assert!((ssim(&x, &x, shape, range).unwrap() - 1.0).abs() < 1e-9);
        prop_assert_eq!(psnr(&x, &x, range).unwrap(), MOST_PSNR);
    }

    #[test]
    fn scaling_pictures_and_range_together_changes_nothing(
        x in prop::collection::vec(0.0f32..1.0, 81),
        y in prop::collection::vec(0.0f32..1.0, 81),
    ) {
        let grey = |v: &[f32]| v.iter().map(|v| v * 255.0).collect::<Vec<f32>>();
        let (a, b) = (grey(&x), grey(&y));
        // A side of nine gets a window of nine.
        let unit = ssim(&x, &y, [1, 9, 9], 1.0).unwrap();
        prop_assert!((unit - ssim(&a, &b, [1, 9, 9], 255.0).unwrap()).abs() < 1e-4);
        prop_assert!((psnr(&x, &y, 1.0).unwrap() - psnr(&a, &b, 255.0).unwrap()).abs() < 1e-3);
    }
}

/// Two classes: a bright spot on the left or the right, anywhere there, of any size.
fn spots(rows: usize, seed: u64) -> Samples {
    let mut draws = Draws::new(seed, "spots");
    let (mut values, mut labels) = (vec![], vec![]);
    for _ in 0..rows {
        let class = draws.below(2);
        let x = 2.5 + 3.0 * draws.uniform() + if class == 1 { 4.0 } else { 0.0 };
        let (y, size) = (2.0 + 8.0 * draws.uniform(), 1.0 + draws.uniform());
        for i in 0..SIDE * SIDE {
            let (row, column) = ((i / SIDE) as f32, (i % SIDE) as f32);
            let squares = (row - y).powi(2) + (column - x).powi(2);
            values.push((-squares / (2.0 * size * size)).exp());
        }
        labels.push(class);
    }
    let rows = Matrix::new(rows, SIDE * SIDE, values).unwrap();
    Samples::new(rows, labels, 2).unwrap()
}

static SUBJECTS: LazyLock<Subjects> = LazyLock::new(|| {
    let shape = [1, SIDE, SIDE];
    Subjects::new(shape, spots(500, 2), spots(100, 3), spots(80, 4)).unwrap()
});

/// An encoder and a head that can be copied, or one that sends nothing but the class.
struct Cut {
    encoder: Layered,
    head: Layered,
    silent: bool,
}

impl Cut {
    /// A network with so many features at its cut, trained to tell left from right.
    fn trained(features: usize) -> Self {
        let blocks = [features, 2].map(|outputs| Block::Dense {
            outputs,
            relu: false,
        });
        let architecture = Architecture {
            input: [1, SIDE, SIDE].into(),
            blocks: blocks.to_vec(),
        };
        let network = Layered::new(&architecture, &mut Draws::new(1, "weights")).unwrap();
        let recipe = Recipe {
            epochs: 12,
            batch: 50,
            ..Recipe::default()
        };
        let fitted = fit(network, &spots(500, 1), None, &recipe, |_| {}).unwrap();
        let (encoder, head) = fitted.network.split_at(1).unwrap();
        Cut {
            encoder,
            head,
            silent: false,
        }
    }
}

impl FeatureSource for Cut {
    fn features(&self, rows: &Matrix, _: u64) -> Result<Matrix, AuditError> {
        let features = predict::logits(&self.encoder, rows)?;
        if !self.silent {
            return Ok(features);
        }
        let mut sent = vec![];
        for class in predict::classes(&self.head, &features)? {
            sent.extend([1.0 - class as f32, class as f32]);
        }
        Ok(Matrix::new(rows.rows(), 2, sent)?)
    }

    fn outputs(&self, features: &Matrix) -> Result<Matrix, AuditError> {
        if self.silent {
            return Ok(features.clone());
        }
        Ok(predict::logits(&self.head, features)?)
    }

    fn encoder(&self) -> &Layered {
        &self.encoder
    }

    fn head(&self) -> Option<&Layered> {
        (!self.silent).then_some(&self.head)
    }
}

fn effort() -> Effort {
    Effort {
        shadow_epochs: 4,
        ..Effort::quick()
    }
}

fn invert(source: &Cut, convolutions: bool) -> InversionReport {
    let seen = LeakStudy::new(effort(), 1)
        .observe(source, &SUBJECTS)
        .unwrap();
    let effort = InversionEffort {
        epochs: 15,
        convolutions,
        ..InversionEffort::quick()
    };
    InversionStudy::new(effort, 1)
        .run(source, &SUBJECTS, &seen)
        .unwrap()
}

fn of<'a>(report: &'a InversionReport, name: &str) -> &'a tacit_audit::inversion::InversionAttack {
    report.attacks.iter().find(|a| a.name == name).unwrap()
}

#[test]
fn wide_features_give_the_picture_back_and_the_class_alone_gives_its_mean() {
    let gain = |report: &InversionReport, name: &str| {
        let attack = of(report, name);
        attack.quality.ssim - attack.class_mean.ssim
    };
    let wide = invert(&Cut::trained(60), true);
    assert!(gain(&wide, "inverse-network") > 0.15, "{wide:?}");
    assert!(gain(&wide, "convolutional-network") > 0.15, "{wide:?}");
    assert!(gain(&wide, "white-box") > 0.1, "{wide:?}");
    let silent = Cut {
        silent: true,
        ..Cut::trained(2)
    };
    let silent = invert(&silent, true);
    for name in ["inverse-network", "convolutional-network", "white-box"] {
        assert!(gain(&silent, name).abs() < 0.05, "{name} {silent:?}");
    }
    // Its head is a table of two rows: nothing to train a shadow against.
    assert!(silent.attacks.iter().all(|a| a.name != "query-free"));
    assert!(
        wide.strongest().unwrap().quality.psnr > silent.strongest().unwrap().quality.psnr + 2.0
    );
}

#[test]
fn the_gallery_shows_random_pictures_the_same_for_every_source() {
    let of = |features| invert(&Cut::trained(features), false);
    let (wide, narrow) = (of(30), of(1));
    let rows = |r: &InversionReport| r.gallery.iter().map(|g| g.row).collect::<Vec<_>>();
    assert_eq!(rows(&wide), rows(&narrow));
    assert_eq!(wide.gallery.len(), InversionEffort::quick().gallery);
    assert_ne!(rows(&wide), (0..wide.gallery.len()).collect::<Vec<_>>());
    for shown in &wide.gallery {
        let truth = SUBJECTS.test().features().row(shown.row);
        let error = shown.truth.iter().zip(truth).map(|(a, b)| (a - b).abs());
        assert!(error.fold(0.0, f32::max) < 0.05);
        let names: Vec<&str> = shown.attempts.iter().map(|a| a.0).collect();
        assert_eq!(names, ["inverse-network", "query-free", "white-box"]);
        for (_, picture) in &shown.attempts {
            assert!(picture.iter().all(|v| (0.0..=1.0).contains(v)));
        }
    }
}

#[test]
fn a_study_of_labels_uses_the_head_and_the_shadow_where_it_can() {
    let labels = |samples: &Samples| {
        // The upper or the lower half.
        let upper = |row: &[f32]| row[..SIDE * SIDE / 2].iter().sum::<f32>();
        let lower = |row: &[f32]| row[SIDE * SIDE / 2..].iter().sum::<f32>();
        let rows = samples.features().iter();
        rows.map(|row| usize::from(upper(row) > lower(row)))
            .collect()
    };
    let private = Private {
        name: "upper".to_owned(),
        classes: 2,
        train: labels(SUBJECTS.train()),
        validation: labels(SUBJECTS.validation()),
        test: labels(SUBJECTS.test()),
    };
    let blocks = [24, 12, 2].map(|outputs| Block::Dense {
        outputs,
        relu: outputs > 2,
    });
    let architecture = Architecture {
        input: [1, SIDE, SIDE].into(),
        blocks: blocks.to_vec(),
    };
    let network = Layered::new(&architecture, &mut Draws::new(1, "weights")).unwrap();
    let recipe = Recipe::default();
    let network = fit(network, &spots(500, 1), None, &recipe, |_| {})
        .unwrap()
        .network;
    let (encoder, head) = network.split_at(1).unwrap();
    let source = Cut {
        encoder,
        head,
        silent: false,
    };
    let report = LeakStudy::new(effort(), 1)
        .leak(&source, &SUBJECTS, &private)
        .unwrap();
    assert!(report.attack_max > 0.9, "{report:?}");
    assert!(
        report.strongest_of("head-copy").unwrap().accuracy > 0.7,
        "{report:?}"
    );
    assert!(report.strongest_of("shadow").is_some());
}

#[test]
fn rows_that_are_no_pictures_are_refused() {
    let [a, b, c] = [2, 3, 4].map(|seed| spots(60, seed));
    let table = Subjects::new([1, 1, SIDE * SIDE], a, b, c).unwrap();
    let source = Cut::trained(4);
    let seen = LeakStudy::new(Effort::quick(), 1)
        .observe(&source, &table)
        .unwrap();
    let study = InversionStudy::new(InversionEffort::quick(), 1);
    assert!(matches!(
        study.run(&source, &table, &seen),
        Err(AuditError::NotPictures {
            height: 1,
            width: 144
        })
    ));
    let rows = Matrix::new(1, 4, vec![0.0; 4]).unwrap();
    let none = Matrix::new(0, 4, vec![]).unwrap();
    assert!(Quality::mean(&none, &rows, [1, 2, 2]).is_err());
}
