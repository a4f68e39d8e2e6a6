//! Where a training that is interrupted is resumed from.

use std::path::PathBuf;

use tacit_learn::neural::checkpoint::CheckpointFolder;
use tacit_learn::neural::encrypted::MlpPlan;
use tacit_ring::Xof;
use tacit_seal::{Unlock, file};
use zeroize::Zeroizing;

use crate::Error;
use crate::error::Context;

/// The variable whose passphrase seals the parties' secrets.
const PASSPHRASE: &str = "TACIT_CHECKPOINT_PASSPHRASE";

/// A folder for the parties of this process.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The folder; made if need be.
    pub folder: PathBuf,
    /// Iterations between two states.
    pub every: usize,
}

impl Checkpoint {
    /// Opens the folder for a plan. Whatever in it belongs to another one is refused.
    pub fn open(&self, plan: &MlpPlan) -> Result<CheckpointFolder, Error> {
        let cannot = || format!("{} cannot be used", self.folder.display());
        std::fs::create_dir_all(&self.folder).bad_input(cannot)?;
        let unlock = match std::env::var_os(PASSPHRASE) {
            Some(passphrase) => Unlock::passphrase(passphrase.into_encoded_bytes()),
            None => {
                let key = self.folder.join("key");
                if !key.exists() {
                    let mut bytes = Zeroizing::new([0; 32]);
                    Xof::from_os().failed(cannot)?.fill(bytes.as_mut());
                    file::create(&key, bytes.as_ref()).bad_input(cannot)?;
                }
                Unlock::key_file(&key)
            }
        };
        let unlock = unlock.bad_input(cannot)?;
        CheckpointFolder::new(&self.folder, plan.digest(), self.every, unlock).bad_input(cannot)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use tacit_learn::encrypted::LocalRows;
    use tacit_learn::model::Samples;
    use tacit_learn::neural::encrypted::local;
    use tacit_learn::neural::{MlpConfig, train_mlp};
    use tacit_transport::memory::Options;

    use super::*;

    fn copy(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }

    #[test]
    fn a_training_goes_on_from_what_a_killed_process_leaves() {
        let temporary = tempfile::tempdir().unwrap();
        let [whole, left] = ["whole", "left"].map(|name| temporary.path().join(name));
        let config = MlpConfig {
            slots: 256,
            batch: 4,
            iterations: 3,
            ..MlpConfig::new(&[4, 8, 2])
        };
        let rows = |party: usize| {
            let value = |k: usize| ((k + 40 * party) as f64 * 0.7).sin();
            let features = (0..4 * 10).map(value).collect();
            Samples::new(4, features, (0..10).map(|k| (k % 2) as f64).collect()).unwrap()
        };
        let parties: Vec<_> = (0..2).map(rows).collect();
        let plan = Arc::new(MlpPlan::insecure_toy(config.clone(), vec![10; 2]).unwrap());
        let names = ["a", "b"].map(str::to_owned);
        let train = |folder: &Path, watch: &mut (dyn FnMut(&str) + Send)| {
            let checkpoint = Checkpoint {
                folder: folder.into(),
                every: 1,
            };
            let boxed = |rows: &Samples| Box::new(rows.clone()) as Box<dyn LocalRows>;
            let rows = parties.iter().map(boxed).collect();
            let (folder, options) = (checkpoint.open(&plan).unwrap(), Options::default());
            local::train_or_resume(&plan, &names, rows, folder, &options, |round| {
                if round.finished {
                    watch(round.label.as_str());
                }
            })
            .unwrap()
        };
        let mut steps = 0;
        train(&whole, &mut |label| {
            steps += usize::from(label == "train/refresh-weights");
            // In the middle of the third iteration.
            if steps == 2 && label == "train/gradient" {
                copy(&whole, &left);
            }
        });
        let resumed = train(&left, &mut |_| {});
        let again = resumed.rounds.iter();
        let again = again.filter(|r| r.label.as_str() == "train/refresh-weights");
        assert_eq!(again.count(), 1);
        let twin = train_mlp(&config, &parties, |_, _| {}).unwrap();
        assert!(resumed.weights.max_abs_diff(&twin) < 1e-5);
        // Nothing but the key stays.
        assert_eq!(std::fs::read_dir(&left).unwrap().count(), 1);
    }
}
