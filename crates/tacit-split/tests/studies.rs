//! Studies: matched utility, resumption, and what is withheld.

use tacit_audit::features::{Private, Subjects};
use tacit_data::tasks::{Labels, TaskData};
use tacit_nn::layered::{Architecture, Layered};
use tacit_nn::{Draws, Matrix, Samples};
use tacit_split::SplitError;
use tacit_split::evaluate::{
    Candidate, Effort, Estimate, Records, StudyPlan, Training, run, table,
};
use tacit_split::harden::{Method, Recipe};
use tacit_split::search::{Ground, search};

/// Numbers that lean on a public and two private labels, all independent.
fn task(rows: usize) -> TaskData {
    let mut draws = Draws::new(4, "task");
    let mut values = Vec::new();
    let mut labels = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..rows {
        let drawn = [draws.below(2), draws.below(2), draws.below(2)];
        for at in 0..9 {
            values.push(3.0 * drawn[at / 3] as f32 - 1.5 + draws.normal());
        }
        labels.iter_mut().zip(drawn).for_each(|(l, d)| l.push(d));
    }
    let [a, b, c] = labels;
    let named =
        |name: &str, values| Labels::new(name, vec!["no".into(), "yes".into()], values).unwrap();
    let private = vec![named("hidden", b), named("other", c)];
    TaskData::new("numbers", [1, 1, 9], values, named("asked", a), private).unwrap()
}

fn plan() -> StudyPlan {
    let quick = |recipe: Recipe| Recipe {
        epochs: 15,
        batch: 32,
        rate: 1e-2,
        ..recipe
    };
    let mut candidates: Vec<Candidate> = ["undefended", "center:lambda=1/8"]
        .map(|text| text.parse().unwrap())
        .into();
    for candidate in &mut candidates {
        candidate.recipes = candidate.recipes.drain(..).map(quick).collect();
    }
    StudyPlan {
        architecture: Architecture::mlp(&[9, 16, 8, 2]).unwrap(),
        cut: 1,
        training: Training {
            epochs: 4,
            batch: 64,
            rate: 2e-3,
        },
        candidates,
        tuning: Some("other".into()),
        reported: vec!["hidden".into()],
        public_loss: 0.05,
        tuning_seeds: vec![3],
        seeds: vec![1, 2],
        shares: [0.4, 0.3, 0.1, 0.2],
        validation: 0.2,
        effort: Effort::Quick,
    }
}

#[test]
fn a_killed_study_goes_on_and_ends_the_same() {
    let (task, plan) = (task(1500), plan());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("study.jsonl");
    let digest = plan.digest().unwrap();
    let mut records = Records::open(&path, &digest).unwrap();
    run(&plan, &task, &mut records, |_| {}).unwrap();
    // Two strengths tried, then two candidates for two seeds.
    assert_eq!(records.all().len(), 6);
    let lines = table(&plan, &records);
    let of = |name: &str| lines.iter().find(|l| l.candidate == name).unwrap();
    let (before, after) = (of("undefended"), of("center:lambda=1/8"));
    assert!(before.attack_max.mean > 0.8, "{}", before.attack_max);
    assert!(
        after.attack_max.mean < before.attack_max.mean - 0.1,
        "{}",
        after.attack_max
    );
    assert!(after.public_loss.mean < 0.06, "{}", after.public_loss);
    assert!(after.ceiling.mean > after.floor_hard.mean + 0.3);

    // Killed after three runs, in the middle of a line.
    let text = std::fs::read_to_string(&path).unwrap();
    let three: usize = text.split_inclusive('\n').take(3).map(str::len).sum();
    std::fs::write(&path, &text[..three + 40]).unwrap();
    let mut resumed = Records::open(&path, &digest).unwrap();
    assert_eq!(resumed.all().len(), 3);
    run(&plan, &task, &mut resumed, |_| {}).unwrap();
    let without_time = |records: &Records| -> Vec<_> {
        let mut all = records.all().to_vec();
        all.iter_mut().for_each(|r| r.cost.seconds = 0.0);
        all
    };
    assert!(without_time(&resumed) == without_time(&records));

    // More seeds go on from the same records; a name that meant something else does not.
    let mut more = plan.clone();
    more.seeds.truncate(1);
    assert_eq!(more.digest().unwrap(), digest);
    more.candidates[1].recipes[0].lambda = 2.0;
    let found = run(&more, &task, &mut resumed, |_| {});
    assert!(matches!(found, Err(SplitError::Format { .. })), "{found:?}");
    let other = StudyPlan { cut: 2, ..plan };
    let found = Records::open(&path, &other.digest().unwrap());
    assert!(
        matches!(found, Err(SplitError::Study { line: 1, .. })),
        "{found:?}"
    );
}

#[test]
fn plans_that_would_flatter_or_fail_are_refused() {
    let task = task(200);
    let refused = |change: &dyn Fn(&mut StudyPlan)| {
        let mut plan = plan();
        change(&mut plan);
        plan.check(&task).unwrap_err()
    };
    let found = refused(&|p| p.tuning = Some("hidden".into()));
    assert!(
        matches!(found, SplitError::Setting { name: "tuning", .. }),
        "{found}"
    );
    let found = refused(&|p| p.reported = vec!["height".into()]);
    assert!(matches!(found, SplitError::UnknownLabel { .. }), "{found}");
    let found = refused(&|p| p.tuning_seeds.clear());
    assert!(matches!(found, SplitError::Setting { .. }), "{found}");
    let found = refused(&|p| p.cut = 3);
    assert!(matches!(found, SplitError::Cut { .. }), "{found}");
    let found = refused(&|p| p.architecture = Architecture::mlp(&[8, 4, 2]).unwrap());
    assert!(matches!(found, SplitError::Shape { .. }), "{found}");
    let found = refused(&|p| p.candidates.push("adversarial:lambda=1".parse().unwrap()));
    assert!(matches!(found, SplitError::PrivateLabels { .. }), "{found}");
}

#[test]
fn intervals_are_students() {
    let five = Estimate::of([1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
    assert_eq!(five.mean, 3.0);
    // 2.776 · √2.5 / √5
    assert!((five.half_width.unwrap() - 1.9629).abs() < 1e-3);
    assert_eq!(Estimate::of([2.0]).unwrap().half_width, None);
    assert!(Estimate::of([]).is_none());
}

#[test]
fn every_legal_cut_is_priced_and_the_front_is_marked() {
    let task = task(1200);
    let part = |from: usize, to: usize, of: &Labels| {
        let rows = Matrix::new(to - from, 9, task.rows[from * 9..to * 9].to_vec()).unwrap();
        Samples::new(rows, of.values[from..to].iter().copied(), 2).unwrap()
    };
    let public = |from, to| part(from, to, &task.public);
    let subjects = Subjects::new(
        task.shape,
        public(400, 800),
        public(800, 900),
        public(900, 1200),
    );
    let subjects = subjects.unwrap();
    let hidden = &task.private[0].values;
    let private = Private {
        name: "hidden".into(),
        classes: 2,
        train: hidden[400..800].to_vec(),
        validation: hidden[800..900].to_vec(),
        test: hidden[900..].to_vec(),
    };
    let (train, validation) = (public(0, 300), public(300, 400));
    let ground = Ground {
        train: &train,
        validation: &validation,
        known: None,
        subjects: &subjects,
        private: &[private],
    };
    let architecture = Architecture::mlp(&[9, 16, 8, 2]).unwrap();
    let network = Layered::new(&architecture, &mut Draws::new(1, "weights")).unwrap();
    let recipe = Recipe {
        epochs: 3,
        batch: 32,
        ..Recipe::of(Method::Center)
    };
    let points = search(&network, &[], ground, &recipe, Effort::Quick, |_| {}).unwrap();
    assert_eq!(
        points.iter().map(|p| p.cut.after).collect::<Vec<_>>(),
        [1, 2]
    );
    assert!(points[0].cut.client_macs < points[1].cut.client_macs);
    assert!(points.iter().any(|p| p.on_front));
    assert!(
        points
            .iter()
            .all(|p| p.encode_ms > 0.0 && p.public_accuracy > 0.5)
    );
    assert_eq!(points[1].bytes_sent, 32);
    let found = search(&network, &[3], ground, &recipe, Effort::Quick, |_| {});
    assert!(matches!(found, Err(SplitError::Cut { after: 3, .. })));
}
