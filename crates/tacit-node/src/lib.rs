//! What a site runs: a party's node, or a hub.
//!
//! ```text
//!   node.toml ──► Node::open ── plan, approval, policy, rows: all checked, or it does not start
//!                    │
//!                    ▼
//!   Node::train ── Party ( Gate ( Learner ) ) ── journal, ledger ── grpc ── hub
//!                             │
//!                             └── releases.jsonl: signed and chained, before a share of a release exists
//! ```
//!
//! | module | holds |
//! |---|---|
//! | [`config`] | `node.toml` and its overrides from the environment |
//! | [`policy`] | `policy.toml`: what this site allows, with the rule named that refuses |
//! | [`approval`] | the file in which a site keeps its signature under a plan |
//! | [`agreement`] | a plan as a session |
//! | [`learner`] | what is computed: a generalised linear model, or a network |
//! | [`model_file`] | a released model as a file |
//! | [`rows`] | a site's rows and their standardisation |
//! | [`gate`] | what stands before every release: plan, policy, log |
//! | [`release_log`] | the log of releases, and its verification by anyone |
//! | [`node`] | a party from its files to its sessions |
//! | `sessions`, `serve` | the sessions of a plan: training, then answers |
//! | `absence` | going on without a party that stays away |
//! | [`relay`] | a hub from its files until it is stopped |
//! | [`operations`] | what an operator sees and asks for: metrics, health, the end in order |
//! | [`status`] | where a node stands, as a file |
//! | [`preflight`] | everything that can be tested before a session |
//!
//! # What survives a crash
//!
//! A party's share key is made once and sealed in the state folder before anything is sent. Every input
//! and every share is in the journal, and every ciphertext polynomial that got a share is in the ledger,
//! before the share leaves. A node that is killed and started again replays the journal, sends again
//! what was lost, byte for byte, and goes on with the step after the last record.
//!
//! # Limits
//!
//! Queries are answered by generalised linear models; a network is released to the parties.
//! A site that stays away pauses the session, and the others say whom they wait for; where the plan has a threshold, they
//! go on. One
//! session at a time per node.
#![forbid(unsafe_code)]

mod absence;
pub mod advice;
pub mod agreement;
pub mod approval;
pub mod ask;
pub mod config;
mod error;
pub mod gate;
pub mod learner;
mod letters;
pub mod model_file;
pub mod node;
pub mod operations;
pub mod policy;
pub mod preflight;
pub mod relay;
pub mod release_log;
pub mod rows;
mod serve;
mod sessions;
pub mod status;
pub mod warrant;

pub use agreement::{Agreement, Task};
pub use approval::ApprovalFile;
pub use config::NodeConfig;
pub use error::Error;
pub use node::Node;
pub use operations::Operations;
pub use policy::{Policy, Refusal};
pub use release_log::{Entry, ReleaseLog};
pub use sessions::Trained;
pub use status::NodeStatus;
