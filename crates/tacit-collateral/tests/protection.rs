//! Training, protection, attack and the stored study, on a small made-up task.

use tacit_audit::{AttackSuite, Budget, attackers};
use tacit_collateral::{CollateralError, CollateralRecipe, Part, Task, judge, pair, train};
use tacit_nn::{Draws, Matrix};

const PIXELS: usize = 16;

/// Three public patterns and two private ones on the same pixels, in noise.
fn part(name: &'static str, rows: usize, seed: u64) -> Result<Part, CollateralError> {
    let mut patterns = Draws::new(99, "patterns");
    let mut pattern = || [0; PIXELS].map(|_: i32| patterns.uniform());
    let public = [pattern(), pattern(), pattern()];
    let private = [pattern(), pattern()];
    let mut draws = Draws::new(seed, name);
    let (mut pixels, mut of_public, mut of_private) = (vec![], vec![], vec![]);
    for row in 0..rows {
        let (c, g) = (row % 3, row / 3 % 2);
        for (a, b) in public[c].iter().zip(&private[g]) {
            let byte = 255.0 * (0.5 * a + 0.3 * b + 0.08 * draws.normal());
            pixels.push(byte.clamp(0.0, 255.0).round() / 255.0);
        }
        of_public.push(c);
        of_private.push(g);
    }
    Part::new(
        name,
        Matrix::new(rows, PIXELS, pixels)?,
        of_public,
        of_private,
    )
}

fn task() -> Result<Task, CollateralError> {
    Task::new(
        part("training rows", 1800, 1)?,
        part("attackers' rows", 1200, 2)?,
        part("test rows", 1200, 3)?,
        3,
        2,
    )
}

fn recipe() -> CollateralRecipe {
    CollateralRecipe {
        hidden: 8,
        outputs: 3,
        head: 16,
        warm_up: 10,
        epochs: 60,
        grid_epochs: 30,
        batch: 120,
        rate: 5e-3,
        ..CollateralRecipe::default()
    }
}

fn suite() -> AttackSuite {
    AttackSuite::new(attackers::all(), Budget::quick())
}

#[test]
fn protection_keeps_the_public_label_and_takes_the_private_one() -> Result<(), CollateralError> {
    let task = task()?;
    let before = judge(&task, &recipe().undefended(), &suite(), |_| {})?.figures;
    let after = judge(&task, &recipe(), &suite(), |_| {})?.figures;
    let (leak, kept) = (before.best().1, after.best().1);
    assert!(
        before.main > 0.95 && after.main > 0.95,
        "{before:?} {after:?}"
    );
    assert!(leak > 0.68 && kept < leak - 0.1, "{before:?} {after:?}");
    assert!((after.main - after.main_floating).abs() < 0.03, "{after:?}");
    assert!((after.base_rate - 0.5).abs() < 1e-9);
    // Several rows together give away more than one.
    assert!(before.several[&100] > before.several[&1] + 0.1);
    Ok(())
}

#[test]
fn the_same_seed_gives_the_same_integers() -> Result<(), CollateralError> {
    let task = task()?;
    let short = CollateralRecipe {
        warm_up: 1,
        epochs: 2,
        grid_epochs: 1,
        ..recipe()
    };
    let first = train(&task, &short, |_| {})?;
    let again = train(&task, &short, |_| {})?;
    let other = train(&task, &CollateralRecipe { seed: 2, ..short }, |_| {})?;
    assert_eq!(first.model.hash(), again.model.hash());
    assert_ne!(first.model.hash(), other.model.hash());
    assert_eq!(first.history, again.history);
    Ok(())
}

#[test]
fn a_study_goes_on_from_what_is_stored_and_refuses_what_does_not_fit()
-> Result<(), Box<dyn std::error::Error>> {
    let task = task()?;
    let folder = tempfile::tempdir()?;
    let short = CollateralRecipe {
        warm_up: 1,
        epochs: 1,
        grid_epochs: 1,
        ..recipe()
    };
    let few = AttackSuite::new(
        attackers::all().into_iter().take(2).collect(),
        Budget::quick(),
    );
    let mut told = 0;
    let first = pair(&task, &short, &few, "test", folder.path(), |_| told += 1)?;
    assert!(told > 0);
    let mut told_again = 0;
    let again = pair(&task, &short, &few, "test", folder.path(), |_| {
        told_again += 1
    })?;
    assert_eq!((&first, told_again), (&again, 0));
    let elsewhere = pair(&task, &short, &few, "other rows", folder.path(), |_| {});
    assert!(matches!(elsewhere, Err(CollateralError::Stored { .. })));
    let other = CollateralRecipe { epochs: 2, ..short };
    let error = pair(&task, &other, &few, "test", folder.path(), |_| {});
    assert!(matches!(error, Err(CollateralError::Stored { .. })));
    Ok(())
}

#[test]
fn settings_outside_their_range_are_named() -> Result<(), CollateralError> {
    let task = task()?;
    let zero = CollateralRecipe {
        hidden: 0,
        ..recipe()
    };
    let error = train(&task, &zero, |_| {}).err().map(|e| e.to_string());
    assert_eq!(error.as_deref(), Some("hidden is 0, expected 1 to 1024"));
    let negative = CollateralRecipe {
        rate: -1.0,
        ..recipe()
    };
    assert!(matches!(
        train(&task, &negative, |_| {}),
        Err(CollateralError::Setting { name: "rate", .. })
    ));
    Ok(())
}
