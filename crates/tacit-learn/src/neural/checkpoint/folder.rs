//! A folder of checkpoints. Files are written whole or not at all ([`tacit_seal::file`]): a crash leaves the old or the new one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tacit_ckks::Parameters;
use tacit_mhe::PartySecret;
use tacit_ring::{Seed, Xof};
use tacit_seal::{SealError, Unlock};
use zeroize::Zeroizing;

use super::state::{checked, sealed_by_checksum};
use super::{CheckpointError, Keeper, TrainingState};

const STATES_KEPT: usize = 2;

/// A longer file is none of ours: of keys or of a state, and of a sealed secret.
const MOST_BYTES: u64 = 1 << 33;
const MOST_SEALED: u64 = 1 << 12;

/// Where all parties of a process keep what their training can be resumed from.
#[derive(Debug)]
pub struct CheckpointFolder {
    path: PathBuf,
    every: usize,
    unlock: Unlock,
    plan: [u8; 32],
}

/// What was found in a folder.
pub struct Resumption {
    /// Every party's secret, in roster order.
    pub secrets: Vec<PartySecret>,
    /// The sums of all key shares.
    pub keys: Vec<u8>,
    /// The state to go on from.
    pub state: TrainingState,
}

impl std::fmt::Debug for Resumption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Resumption(after {} iterations)", self.state.iteration)
    }
}

impl CheckpointFolder {
    /// A folder for the plan with this digest, created if need be; states are kept every `every` iterations.
    pub fn new(
        path: impl Into<PathBuf>,
        plan: [u8; 32],
        every: usize,
        unlock: Unlock,
    ) -> Result<Self, CheckpointError> {
        let path = path.into();
        std::fs::create_dir_all(&path)
            .map_err(|e| error(&path, e, "choose a folder that can be written to"))?;
        Ok(Self {
            path,
            every: every.max(1),
            unlock,
            plan,
        })
    }

    /// Fresh secrets of `parties` parties, sealed into the folder; what was there before is removed.
    pub fn begin(
        &self,
        params: &Parameters,
        parties: usize,
    ) -> Result<Vec<PartySecret>, CheckpointError> {
        for (_, file) in self.states()? {
            self.remove(&file)?;
        }
        self.remove(&self.path.join("keys"))?;
        (0..parties)
            .map(|party| {
                let file = self.secret_file(party);
                let failed = |e: String| error(&file, e, "see to the operating system's entropy");
                let mut seed = Zeroizing::new([0; 32]);
                let entropy = Xof::from_os().map_err(|e| failed(e.to_string()));
                entropy?.fill(seed.as_mut());
                let sealed = self.unlock.seal(seed.as_ref(), &self.owner(party));
                write(&file, &sealed.map_err(|e| failed(e.to_string()))?)?;
                Ok(PartySecret::from_seed(params, &Seed::from_bytes(*seed)))
            })
            .collect()
    }

    /// What a training of this plan, interrupted, goes on from; nothing when it has not come to its first state.
    pub fn resume(
        &self,
        params: &Parameters,
        parties: usize,
        moments: usize,
    ) -> Result<Option<Resumption>, CheckpointError> {
        let releasing = self.path.join("releasing");
        if releasing.exists() {
            let problem =
                "the release of this model had begun, and a lost decryption is not repeated";
            return Err(error(&releasing, problem, "train anew in an empty folder"));
        }
        let Some((_, newest)) = self.states()?.pop() else {
            return Ok(None);
        };
        let bytes = read(&newest, MOST_BYTES)?;
        let state = TrainingState::from_bytes(params, self.plan, moments, &bytes);
        let remedy = "give the plan and rows that it was written for, or remove it to go on from the one before";
        let state = state.map_err(|e| error(&newest, e, remedy))?;
        let keys_file = self.path.join("keys");
        let keys = read(&keys_file, MOST_BYTES)?;
        let keys = checked(&keys).map_err(|e| error(&keys_file, e, "train anew"))?;
        let secrets = (0..parties).map(|party| self.secret(params, party));
        Ok(Some(Resumption {
            secrets: secrets.collect::<Result<_, _>>()?,
            keys: keys.to_vec(),
            state,
        }))
    }

    /// Removes everything: the training is done.
    pub fn finish(&self, parties: usize) -> Result<(), CheckpointError> {
        for (_, file) in self.states()? {
            self.remove(&file)?;
        }
        for party in 0..parties {
            self.remove(&self.secret_file(party))?;
        }
        self.remove(&self.path.join("keys"))?;
        self.remove(&self.path.join("releasing"))
    }

    fn secret(&self, params: &Parameters, party: usize) -> Result<PartySecret, CheckpointError> {
        let file = self.secret_file(party);
        let remedy = "give the passphrase or key file that the training was begun with";
        let opened = self
            .unlock
            .open(&read(&file, MOST_SEALED)?, &self.owner(party));
        let opened = opened.map_err(|e| error(&file, e, remedy))?;
        if opened.len() != 32 {
            return Err(error(&file, "not a party's secret", "train anew"));
        }
        let mut seed = Zeroizing::new([0; 32]);
        seed.copy_from_slice(&opened);
        Ok(PartySecret::from_seed(params, &Seed::from_bytes(*seed)))
    }

    fn secret_file(&self, party: usize) -> PathBuf {
        self.path.join(format!("site-{party:02}.sealed"))
    }

    /// A sealed secret opens for its plan and its party alone.
    fn owner(&self, party: usize) -> Vec<u8> {
        [&self.plan[..], &(party as u64).to_le_bytes()].concat()
    }

    /// The states there are, by iteration.
    fn states(&self) -> Result<Vec<(usize, PathBuf)>, CheckpointError> {
        let failed = |e| error(&self.path, e, "see that the folder can be read");
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path
                .file_name()
                .and_then(|n| n.to_str())
                .unwrap_or_default();
            let number = name.strip_prefix("state-").and_then(|n| n.parse().ok());
            found.extend(number.map(|n| (n, path.clone())));
        }
        found.sort();
        Ok(found)
    }

    fn remove(&self, file: &Path) -> Result<(), CheckpointError> {
        match std::fs::remove_file(file) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(error(file, e, "see that the folder can be written to"))
            }
            _ => Ok(()),
        }
    }
}

impl Keeper for Arc<CheckpointFolder> {
    fn due(&self, iteration: usize) -> bool {
        iteration.is_multiple_of(self.every)
    }

    fn keep_keys(&mut self, keys: &[u8]) -> Result<(), CheckpointError> {
        write(&self.path.join("keys"), &sealed_by_checksum(keys))
    }

    fn keep_state(&mut self, iteration: usize, state: &[u8]) -> Result<(), CheckpointError> {
        write(&self.path.join(format!("state-{iteration:06}")), state)?;
        let states = self.states()?;
        let old = states.len().saturating_sub(STATES_KEPT);
        states[..old]
            .iter()
            .try_for_each(|(_, file)| self.remove(file))
    }

    fn releasing(&mut self) -> Result<(), CheckpointError> {
        write(&self.path.join("releasing"), b"")
    }
}

fn read(file: &Path, limit: u64) -> Result<Vec<u8>, CheckpointError> {
    let read = tacit_seal::file::read(file, limit);
    read.map_err(|e| error(file, reason(e), "train anew, or restore the file"))
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), CheckpointError> {
    let remedy = "see that the disk has room and can be written to";
    tacit_seal::file::replace(file, bytes).map_err(|e| error(file, reason(e), remedy))
}

/// What is wrong, without the file's name, which is said anyway.
fn reason(error: SealError) -> String {
    match error {
        SealError::Io { reason, .. } => reason,
        other => other.to_string(),
    }
}

fn error(file: &Path, problem: impl ToString, remedy: &str) -> CheckpointError {
    CheckpointError {
        file: file.into(),
        problem: problem.to_string(),
        remedy: remedy.into(),
    }
}
