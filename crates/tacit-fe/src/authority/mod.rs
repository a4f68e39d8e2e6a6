//! The authority: owner of the master secret, and the one who says no.
//!
//! Any functional key opens *every* ciphertext under its master key, and keys add up: from keys for f
//! and g follows one for every αf + βg. What was given away is therefore the space spanned by all
//! forms ever issued under a master key, whoever holds them, and the [`Policy`] limits its dimension,
//! the **rank budget**:
//!
//! ```text
//!   rank_r { Σ_j D_jk p_j p_jᵀ : every output k of every model issued } ≤ R
//! ```
//!
//! computed modulo the group order, with error below 2^−80 for every issue (module `rank`). The same model again,
//! or any combination of what is out already, costs nothing. r outputs are r equations about n inputs:
//! a handful gives no image, but from 40 well-chosen ones, or a few hundred random ones, an image of 784
//! pixels is recovered by linear programming (`tacit-audit`, `reconstruction`), since (c + p·x)² with a large
//! constant c is a *linear* measurement in disguise. So the budget does not ask what a model is meant for.
//!
//! ```
//! use tacit_fe::authority::{Authority, Policy, Request, Unlock};
//! use tacit_fe::IntegerModel;
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path();
//!
//! let unlock = Unlock::key([42; 32])?; // or Unlock::passphrase, Unlock::key_file
//! let policy = Policy { rank_budget: 1, ..Policy::new(2) };
//! let request = Request { who: "ward 3", time: 1_790_000_000 };
//! let mut authority = Authority::create(folder, policy, &unlock, request)?;
//!
//! let first = IntegerModel::new((2, 1, 1), vec![3, -1], vec![2], 255)?;
//! let issued = authority.issue(&first, request)?;
//! assert_eq!((issued.rank, issued.budget), (1, 1));
//!
//! let scaled = IntegerModel::new((2, 1, 1), vec![-6, 2], vec![5], 255)?;
//! assert!(authority.issue(&scaled, request).is_ok());
//! let other = IntegerModel::new((2, 1, 1), vec![1, 1], vec![1], 255)?;
//! assert!(authority.issue(&other, request).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is kept, and when
//! See the module `folder` in the source for the files. A key is returned after the model, the line of the log
//! and the anchor are on the disk (fsync), so a crash can lose a key but not the record of one.
//!
//! # Rotation
//! [`Authority::rotate`] makes a new master key and starts with an empty budget. The old public key is
//! marked retired and its secret is erased: **ciphertexts made under it stay open to every key issued
//! for it**, for ever; what ends is the issuing. Encryptors need the new public key, servers new
//! functional keys. The budget counts per master key, so inputs that are encrypted again under the new
//! one give their holder's adversary a second helping; rotate for new data.
//!
//! # Limits
//! The budget assumes that this folder is the only copy: whoever restores yesterday's backup can issue
//! a second budget (keep [`log::Entry::hash`] elsewhere to notice). Rank counts linear relations only; it
//! does not know what a single output means. And the public key lets anybody encrypt inputs outside
//! `input_max`; they give outputs that the search refuses or that mean nothing.

mod error;
mod folder;
pub mod log;
mod policy;
mod rank;

use std::path::Path;

use tacit_ring::Xof;
use zeroize::Zeroizing;

use crate::error::FeError;
use crate::model::IntegerModel;
use crate::scheme::{Encryptor, FunctionalKey, MasterSecret, PublicKey, Timing};
pub use error::AuthorityError;
use folder::Folder;
use log::{Entry, Event};
pub use policy::Policy;
use rank::rank;
pub use tacit_seal::Unlock;

const OWNER: &[u8] = b"tacit fe authority";
const ANCHOR_CONTEXT: &str = "tacit fe 2026-11 anchor of an audit log";

/// Who asks, and when. Time comes from the caller: seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// A name for the log, 1 to 256 bytes.
    pub who: &'a str,
    /// Seconds since 1970.
    pub time: u64,
}

/// A key and what it cost.
#[derive(Debug)]
pub struct Issued {
    /// The key.
    pub key: FunctionalKey,
    /// Independent outputs issued under this master key, this one included.
    pub rank: usize,
    /// The most there may be.
    pub budget: usize,
    /// What the operator should know.
    pub warnings: Vec<Warning>,
}

/// Not refused, but worth a thought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// The outputs nearly determine the hidden values.
    #[error(
        "{rank} independent outputs of a model with {hidden} hidden values are issued: at {hidden} their \
         holder knows every hidden value up to its sign"
    )]
    ApproachesHidden {
        /// Independent outputs issued.
        rank: usize,
        /// d of the model with the fewest hidden values.
        hidden: usize,
    },
    /// No independent output can be issued any more.
    #[error(
        "the budget of {budget} independent outputs is used up; the next new one needs a new master key"
    )]
    BudgetUsedUp {
        /// The budget.
        budget: usize,
    },
}

/// An open authority. Only one process can have it open.
pub struct Authority {
    folder: Folder,
    policy: Policy,
    secret: MasterSecret,
    /// Seals master secrets and the anchor; itself sealed by the operator's [`Unlock`].
    own_key: Zeroizing<[u8; 32]>,
    log: Vec<Entry>,
    /// Models that raised the rank under the current master key: they span everything issued.
    basis: Vec<IntegerModel>,
    rank: usize,
    /// Fewest hidden values of a model issued under the current master key.
    hidden: Option<usize>,
}

impl Authority {
    /// A new authority with a fresh master key, in an empty folder.
    pub fn create(
        folder: impl AsRef<Path>,
        policy: Policy,
        unlock: &Unlock,
        request: Request,
    ) -> Result<Self, FeError> {
        policy.check()?;
        check_request(request)?;
        let folder = Folder::create(folder.as_ref())?;
        let mut own_key = Zeroizing::new([0; 32]);
        Xof::from_os()?.fill(own_key.as_mut());
        folder.write("authority.sealed", &unlock.seal(own_key.as_ref(), OWNER)?)?;
        let secret = new_master(&folder, &policy, &own_key)?;
        let mut authority = Self {
            folder,
            policy,
            secret,
            own_key,
            log: vec![],
            basis: vec![],
            rank: 0,
            hidden: None,
        };
        let public_key = authority.public_key().hash().to_string();
        authority.record(request, Event::Created { public_key, policy })?;
        Ok(authority)
    }

    /// Opens an authority: verifies the log, unseals the master secret and recomputes the rank.
    pub fn open(folder: impl AsRef<Path>, unlock: &Unlock) -> Result<Self, FeError> {
        let folder = Folder::open(folder.as_ref())?;
        let own_key = unseal_own_key(&folder, unlock)?;
        let log = folder.read_log(&anchor_key(&own_key))?;
        let history = History::replay(&log, &folder)?;

        let name = format!("keys/{}.sealed", history.public_key);
        let path = folder.path(&name);
        let sealed_error = |reason: String| AuthorityError::Sealed {
            path: path.clone(),
            reason,
        };
        let bytes = Unlock::key(own_key.to_vec())?
            .open(&folder.read_key(&name)?, history.public_key.as_bytes())
            .map_err(|error| sealed_error(error.to_string()))?;
        let secret = MasterSecret::from_secret_bytes(&bytes)?;
        if secret.public_key().hash().to_string() != history.public_key {
            return Err(sealed_error("of another public key".into()).into());
        }

        let mut basis = vec![];
        for hash in &history.basis {
            let path = folder.path(&format!("models/{hash}.json"));
            let model = IntegerModel::load(&path)?;
            if model.hash().to_string() != *hash || model.inputs() != history.policy.inputs {
                let reason = "not the model for which a key was issued".into();
                return Err(AuthorityError::Io { path, reason }.into());
            }
            basis.push(model);
        }
        let spanning: Vec<&IntegerModel> = basis.iter().collect();
        if rank(&spanning, usize::MAX)? != history.rank {
            let reason = format!("the models issued do not have rank {}", history.rank);
            return Err(history.broken(&folder, log.len(), reason).into());
        }
        Ok(Self {
            folder,
            policy: history.policy,
            secret,
            own_key,
            log,
            basis,
            rank: history.rank,
            hidden: history.hidden,
        })
    }

    /// The rules.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The current public key.
    pub fn public_key(&self) -> &PublicKey {
        self.secret.public_key()
    }

    /// Independent outputs issued under the current master key.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// Everything that happened.
    pub fn log(&self) -> &[Entry] {
        &self.log
    }

    /// Encrypts with the master secret: faster than with the public key, for the authority's own data.
    pub fn encryptor(&self, timing: Timing) -> Encryptor<'_> {
        Encryptor::authority(&self.secret, timing)
    }

    /// The rank after a key for this model, without issuing one. Fails as [`Authority::issue`] would.
    pub fn preview(&self, model: &IntegerModel) -> Result<usize, FeError> {
        self.policy.check_model(model)?;
        let mut models: Vec<&IntegerModel> = self.basis.iter().collect();
        models.push(model);
        let most = self.policy.rank_budget + model.outputs();
        let rank_after = rank(&models, most)?;
        if rank_after > self.policy.rank_budget {
            return Err(AuthorityError::BudgetExceeded {
                public_key: self.public_key().hash().short(),
                rank_before: self.rank,
                rank_after,
                budget: self.policy.rank_budget,
            }
            .into());
        }
        Ok(rank_after)
    }

    /// Issues the key of a model, or refuses; either is logged before this returns.
    pub fn issue(&mut self, model: &IntegerModel, request: Request) -> Result<Issued, FeError> {
        check_request(request)?;
        let public_key = self.public_key().hash().to_string();
        let hash = model.hash().to_string();
        let decided = self
            .preview(model)
            .and_then(|rank_after| Ok((rank_after, self.secret.keygen(model)?)));
        let (rank_after, key) = match decided {
            Ok(decided) => decided,
            Err(error) => {
                let event = Event::Refused {
                    public_key,
                    model: hash,
                    reason: error.to_string(),
                };
                self.record(request, event)?;
                return Err(error);
            }
        };
        self.folder
            .write(&format!("models/{hash}.json"), &model.to_json())?;
        let event = Event::Issued {
            public_key,
            model: hash,
            hidden: model.hidden(),
            forms: model.outputs(),
            rank_before: self.rank,
            rank_after,
        };
        self.record(request, event)?;
        if rank_after > self.rank {
            self.basis.push(model.clone());
        }
        self.rank = rank_after;
        let hidden = self
            .hidden
            .map_or(model.hidden(), |h| h.min(model.hidden()));
        self.hidden = Some(hidden);
        Ok(Issued {
            key,
            rank: rank_after,
            budget: self.policy.rank_budget,
            warnings: self.warnings(),
        })
    }

    /// What the operator should know now.
    pub fn warnings(&self) -> Vec<Warning> {
        let (rank, budget) = (self.rank, self.policy.rank_budget);
        let near = self.hidden.filter(|hidden| 2 * rank >= *hidden && rank > 1);
        let near = near.map(|hidden| Warning::ApproachesHidden { rank, hidden });
        let used_up = (rank >= budget).then_some(Warning::BudgetUsedUp { budget });
        near.into_iter().chain(used_up).collect()
    }

    /// A new master key with an empty budget; the old one is retired and its secret erased.
    pub fn rotate(&mut self, request: Request) -> Result<&PublicKey, FeError> {
        check_request(request)?;
        let retired = self.public_key().hash().to_string();
        let secret = new_master(&self.folder, &self.policy, &self.own_key)?;
        let public_key = secret.public_key().hash().to_string();
        let event = Event::Rotated {
            retired: retired.clone(),
            public_key,
        };
        self.record(request, event)?;
        self.secret = secret;
        self.basis.clear();
        (self.rank, self.hidden) = (0, None);
        self.folder.remove(&format!("keys/{retired}.sealed"))?;
        Ok(self.public_key())
    }

    /// Seals under another passphrase or key file.
    pub fn change_unlock(&self, unlock: &Unlock) -> Result<(), FeError> {
        let sealed = unlock.seal(self.own_key.as_ref(), OWNER)?;
        Ok(self.folder.write("authority.sealed", &sealed)?)
    }

    /// Writes a line of the log and the anchor.
    fn record(&mut self, request: Request, event: Event) -> Result<(), AuthorityError> {
        let entry = Entry::after(&self.log, request.time, request.who, event);
        self.folder.append(&entry)?;
        self.log.push(entry);
        self.folder
            .write_anchor(&anchor_key(&self.own_key), &self.log)
    }
}

/// What the log says about the current master key.
struct History {
    policy: Policy,
    public_key: String,
    basis: Vec<String>,
    rank: usize,
    hidden: Option<usize>,
}

impl History {
    fn replay(log: &[Entry], folder: &Folder) -> Result<Self, AuthorityError> {
        let broken = |line: usize, reason: &str| AuthorityError::BrokenLog {
            path: folder.path("audit.log"),
            line,
            reason: reason.into(),
        };
        let Some(Event::Created { public_key, policy }) = log.first().map(Entry::event) else {
            return Err(broken(
                1,
                "it does not begin with the creation of an authority",
            ));
        };
        policy.check()?;
        let mut history = Self {
            policy: *policy,
            public_key: public_key.clone(),
            basis: vec![],
            rank: 0,
            hidden: None,
        };
        for (index, entry) in log.iter().enumerate().skip(1) {
            match entry.event() {
                Event::Created { .. } => return Err(broken(index + 1, "a second creation")),
                Event::Rotated {
                    retired,
                    public_key,
                } => {
                    if *retired != history.public_key {
                        return Err(broken(index + 1, "another master key than the current one"));
                    }
                    history.public_key.clone_from(public_key);
                    history.basis.clear();
                    (history.rank, history.hidden) = (0, None);
                }
                Event::Issued {
                    public_key,
                    model,
                    hidden,
                    rank_before,
                    rank_after,
                    ..
                } => {
                    if *public_key != history.public_key || *rank_before != history.rank {
                        return Err(broken(index + 1, "it does not fit the lines before it"));
                    }
                    if rank_after > rank_before {
                        history.basis.push(model.clone());
                    }
                    history.rank = *rank_after;
                    let fewest = history.hidden.map_or(*hidden, |h| h.min(*hidden));
                    history.hidden = Some(fewest);
                }
                Event::Refused { .. } => {}
            }
        }
        Ok(history)
    }

    fn broken(&self, folder: &Folder, line: usize, reason: String) -> AuthorityError {
        AuthorityError::BrokenLog {
            path: folder.path("audit.log"),
            line,
            reason,
        }
    }
}

/// A fresh master key, on the disk.
fn new_master(
    folder: &Folder,
    policy: &Policy,
    own_key: &Zeroizing<[u8; 32]>,
) -> Result<MasterSecret, FeError> {
    let secret = MasterSecret::generate(policy.inputs, policy.input_max)?;
    let public = secret.public_key();
    let hash = public.hash().to_string();
    let sealed = Unlock::key(own_key.to_vec())?.seal(&secret.to_secret_bytes(), hash.as_bytes())?;
    folder.write(&format!("keys/{hash}.public"), &public.to_bytes())?;
    folder.write(&format!("keys/{hash}.sealed"), &sealed)?;
    Ok(secret)
}

fn unseal_own_key(folder: &Folder, unlock: &Unlock) -> Result<Zeroizing<[u8; 32]>, AuthorityError> {
    let sealed = |reason: String| AuthorityError::Sealed {
        path: folder.path("authority.sealed"),
        reason,
    };
    let bytes = unlock
        .open(&folder.read_key("authority.sealed")?, OWNER)
        .map_err(|error| sealed(error.to_string()))?;
    let mut key = Zeroizing::new([0; 32]);
    if bytes.len() != key.len() {
        return Err(sealed(format!("{} bytes, 32 are expected", bytes.len())));
    }
    key.copy_from_slice(&bytes);
    Ok(key)
}

fn anchor_key(own_key: &Zeroizing<[u8; 32]>) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(blake3::derive_key(ANCHOR_CONTEXT, own_key.as_ref()))
}

fn check_request(request: Request) -> Result<(), AuthorityError> {
    if (1..=256).contains(&request.who.len()) {
        return Ok(());
    }
    Err(AuthorityError::Field {
        field: "who",
        reason: format!("{} bytes; use 1 to 256", request.who.len()),
    })
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("public_key", &self.public_key().hash())
            .field("policy", &self.policy)
            .field("rank", &self.rank)
            .finish_non_exhaustive()
    }
}
