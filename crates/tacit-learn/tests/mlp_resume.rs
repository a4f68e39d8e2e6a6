//! Trainings that stop and go on: from the folder as it was when the process died.

use std::path::Path;
use std::sync::Arc;

use tacit_learn::encrypted::local::LocalError;
use tacit_learn::encrypted::{CentredRows, LocalRows};
use tacit_learn::model::Samples;
use tacit_learn::neural::checkpoint::CheckpointFolder;
use tacit_learn::neural::encrypted::{MlpPlan, local};
use tacit_learn::neural::{MlpConfig, MlpWeights, Rate, StepMomentum, train_mlp};
use tacit_learn::synthetic;
use tacit_seal::Unlock;
use tacit_transport::memory::Options;

const ITERATIONS: usize = 6;
const LOCAL: usize = 2;

struct Site {
    plan: Arc<MlpPlan>,
    parties: Vec<CentredRows>,
    names: Vec<String>,
}

impl Site {
    fn new(seed: u64) -> Self {
        let mut source = synthetic::Ar1Logistic::new(6, 0.4, 0.1, 4).unwrap();
        let table = source.draw(45).unwrap();
        let parties = table.deal(3).unwrap();
        let config = MlpConfig {
            slots: 256,
            batch: 4,
            local_batches: LOCAL,
            iterations: ITERATIONS,
            momentum: StepMomentum::Nesterov { mu: 0.8 },
            hidden_bias: true,
            rate: Rate::Constant { rate: 0.02 },
            target: 1.0,
            seed,
            ..MlpConfig::new(&[6, 8, 5, 2])
        };
        let sizes = parties.iter().map(Samples::len).collect();
        let plan = MlpPlan::insecure_toy(config, sizes).unwrap();
        Self {
            plan: Arc::new(plan.with_moments(CentredRows::moments_of(6)).unwrap()),
            names: (0..parties.len()).map(|i| format!("site-{i}")).collect(),
            parties: parties.into_iter().map(CentredRows).collect(),
        }
    }

    fn folder(&self, path: &Path, key: u8) -> CheckpointFolder {
        let unlock = Unlock::key([key; 32]).unwrap();
        CheckpointFolder::new(path, self.plan.digest(), 2, unlock).unwrap()
    }

    /// Trains, showing the folder after every round of training; the rounds that were run.
    fn train(
        &self,
        path: &Path,
        mut watch: impl FnMut(usize, &str) + Send,
    ) -> Result<(MlpWeights, Vec<String>), LocalError> {
        let rows = self.parties.iter();
        let rows = rows.map(|rows| Box::new(rows.clone()) as Box<dyn LocalRows>);
        let mut finished = 0;
        let trained = local::train_or_resume(
            &self.plan,
            &self.names,
            rows.collect(),
            self.folder(path, 7),
            &Options::default(),
            |round| {
                if round.finished {
                    finished += 1;
                    watch(finished, round.label.as_str());
                }
            },
        )?;
        let labels = trained.rounds.iter().map(|r| r.label.as_str().to_owned());
        Ok((trained.weights, labels.collect()))
    }

    fn twin(&self) -> MlpWeights {
        let mut totals = vec![0.0; CentredRows::moments_of(6)];
        for party in &self.parties {
            let own = party.moments().unwrap();
            totals.iter_mut().zip(own).for_each(|(t, own)| *t += own);
        }
        let centred = self.parties.iter();
        let centred: Vec<_> = centred
            .map(|rows| CentredRows::centred(&rows.0, &totals).unwrap())
            .collect();
        train_mlp(&self.plan.config, &centred, |_, _| {}).unwrap()
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_training_that_dies_anywhere_goes_on_and_ends_as_if_it_had_not() {
    let (site, folder) = (Site::new(3), tempfile::tempdir().unwrap());
    let (whole, copies) = (folder.path().join("whole"), folder.path().join("copies"));
    // What a process killed after each of these rounds would have left.
    let mut steps = 0;
    let (weights, rounds) = site
        .train(&whole, |_, label| {
            steps += usize::from(label == "train/refresh-weights");
            let name = match label {
                "keys/galois" => "keys".to_owned(),
                "train/gradient" => format!("inside-{steps}"),
                "model/raise" => "raised".to_owned(),
                _ => return,
            };
            copy(&whole, &copies.join(name));
        })
        .unwrap();
    let twin = site.twin();
    assert!(weights.max_abs_diff(&twin) < 1e-5);
    assert_eq!(
        std::fs::read_dir(&whole).unwrap().count(),
        0,
        "nothing is left"
    );
    let trainings = |rounds: &[String]| {
        let forward = rounds.iter().filter(|l| *l == "train/forward");
        forward.count() / LOCAL
    };
    assert_eq!(trainings(&rounds), ITERATIONS);

    // Before its first state a training begins again; later it goes on from the last.
    for (name, left) in [
        ("keys", 6),
        ("inside-1", 6),
        ("inside-2", 4),
        ("inside-5", 2),
    ] {
        let (weights, rounds) = site.train(&copies.join(name), |_, _| {}).unwrap();
        assert_eq!(trainings(&rounds), left, "{name}");
        assert_eq!(
            left == 6,
            rounds.iter().any(|l| l == "keys/public"),
            "{name}"
        );
        let difference = weights.max_abs_diff(&twin);
        assert!(difference < 1e-5, "{name}: {difference:e}");
    }
    let refused = site.train(&copies.join("raised"), |_, _| {}).unwrap_err();
    assert!(refused.to_string().contains("not repeated"), "{refused}");
}

#[test]
fn damaged_and_foreign_checkpoints_are_named() {
    let (site, folder) = (Site::new(3), tempfile::tempdir().unwrap());
    let (whole, copied) = (folder.path().join("whole"), folder.path().join("copied"));
    let mut steps = 0;
    site.train(&whole, |_, label| {
        steps += usize::from(label == "train/refresh-weights");
        if steps == 4 && label == "train/refresh-weights" {
            copy(&whole, &copied);
        }
    })
    .unwrap();

    let params = &site.plan.encryption.params;
    let found = |site: &Site, key| {
        let found = site
            .folder(&copied, key)
            .resume(params, 3, site.plan.moments);
        found
            .map(|found| found.map(|f| f.state.iteration))
            .map_err(|e| e.to_string())
    };
    assert_eq!(found(&site, 7), Ok(Some(4)));
    assert!(found(&site, 8).unwrap_err().contains("site-00.sealed"));
    let other = Site::new(4);
    assert!(found(&other, 7).unwrap_err().contains("of another plan"));

    let newest = copied.join("state-000004");
    let whole = std::fs::read(&newest).unwrap();
    let mut bad = whole.clone();
    bad[whole.len() / 2] ^= 1;
    for bad in [&bad[..], &whole[..whole.len() - 1], &[]] {
        std::fs::write(&newest, bad).unwrap();
        let refused = found(&site, 7).unwrap_err();
        assert!(refused.contains("state-000004"), "{refused}");
    }
    // As the message says.
    std::fs::remove_file(&newest).unwrap();
    assert_eq!(found(&site, 7), Ok(Some(2)));

    std::fs::write(copied.join("keys"), b"tacit.training").unwrap();
    assert!(found(&site, 7).unwrap_err().contains("keys"));
}
