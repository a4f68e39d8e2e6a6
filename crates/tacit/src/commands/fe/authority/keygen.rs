//! `tacit fe authority keygen`.

use std::path::PathBuf;

use tacit_fe::Authority;
use tacit_report::write_whole;

use super::super::{files, unlock::UnlockArgs};
use super::{Asker, record};
use crate::args::RecordArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// Arguments of `tacit fe authority keygen`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The key reveals the model's outputs of every vector encrypted under the master key, and every combination of
them with the outputs of other keys. The model's outputs must be proven to stay within the policy's bound.

Examples:
  tacit fe authority keygen authority --model int-model.json --key ward3.key --who 'ward 3'
  tacit fe authority keygen authority --model int-model.json --preview")]
pub struct Keygen {
    /// The authority's folder.
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,

    /// The integer model (safetensors or JSON).
    #[arg(long, value_name = "FILE")]
    pub model: PathBuf,

    /// Write the functional key to FILE.
    #[arg(long, value_name = "FILE", required_unless_present = "preview")]
    pub key: Option<PathBuf>,

    /// Only say what it would cost; nothing is issued or logged.
    #[arg(long, conflicts_with = "key")]
    pub preview: bool,

    /// Who asks.
    #[command(flatten)]
    pub asker: Asker,

    /// What opens the authority.
    #[command(flatten)]
    pub unlock: UnlockArgs,

    /// The record.
    #[command(flatten)]
    pub record: RecordArgs,
}

/// Issues the key.
pub fn run(args: &Keygen, console: &mut Console) -> Result<Outcome, Error> {
    let model = files::model(&args.model)?;
    let unlock = args.unlock.unlock()?;
    let mut authority = Authority::open(&args.folder, &unlock).bad_input(|| {
        format!(
            "the authority in {} cannot be opened",
            args.folder.display()
        )
    })?;
    let refused = || format!("no key for the model in {}", args.model.display());
    let before = authority.rank();
    let budget = authority.policy().rank_budget;
    let rank = match &args.key {
        None => authority.preview(&model).bad_input(refused)?,
        Some(path) => {
            let request = args.asker.request(console);
            let issued = authority.issue(&model, request).bad_input(refused)?;
            for warning in &issued.warnings {
                console.warn(&warning.to_string());
            }
            write_whole(path, &issued.key.to_bytes()).failed(|| {
                "the key could not be written; it is logged as issued, and issuing it again costs nothing"
            })?;
            console.say(&format!("functional key: {}", path.display()))?;
            issued.rank
        }
    };
    console.say(&format!(
        "{} outputs, {} of them new; {rank} of {budget} independent outputs {}",
        model.outputs(),
        rank - before,
        if args.preview {
            "would be issued"
        } else {
            "are issued"
        },
    ))?;
    let figures = [
        ("rank_before", before as f64),
        ("rank", rank as f64),
        ("budget", budget as f64),
    ];
    Ok(Outcome::recorded(record("fe authority keygen", &figures)?))
}
