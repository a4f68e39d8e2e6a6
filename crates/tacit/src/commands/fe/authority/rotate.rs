//! `tacit fe authority rotate`.

use std::path::PathBuf;

use tacit_fe::Authority;
use tacit_report::write_whole;

use super::super::unlock::UnlockArgs;
use super::{Asker, record};
use crate::args::RecordArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// Arguments of `tacit fe authority rotate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Ciphertexts made under the old master key stay open to every key issued for it. Encryptors need the new
public key, servers new functional keys. Use it for new data: inputs that are encrypted again give a second
budget's worth of outputs away.

Examples:
  tacit fe authority rotate authority --who 'key officer'
  tacit fe authority rotate authority --public-key public-2.key --key-file /run/keys/authority")]
pub struct Rotate {
    /// The authority's folder.
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,

    /// Write the new public key to FILE too.
    #[arg(long, value_name = "FILE")]
    pub public_key: Option<PathBuf>,

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

/// Makes the new master key.
pub fn run(args: &Rotate, console: &mut Console) -> Result<Outcome, Error> {
    let unlock = args.unlock.unlock()?;
    let mut authority = Authority::open(&args.folder, &unlock).bad_input(|| {
        format!(
            "the authority in {} cannot be opened",
            args.folder.display()
        )
    })?;
    let retired = authority.public_key().hash();
    let issued = authority.rank();
    let request = args.asker.request(console);
    let key = authority
        .rotate(request)
        .bad_input(|| "the master key cannot be rotated")?;
    console.say(&format!(
        "master key {} replaces {}, under which {issued} independent outputs were issued",
        key.hash().short(),
        retired.short()
    ))?;
    let kept = args.folder.join(format!("keys/{}.public", key.hash()));
    console.say(&format!("public key: {}", kept.display()))?;
    if let Some(path) = &args.public_key {
        write_whole(path, &key.to_bytes()).failed(|| "the public key could not be written")?;
        console.say(&format!("public key: {}", path.display()))?;
    }
    let budget = authority.policy().rank_budget as f64;
    let figures = [
        ("rank_before", issued as f64),
        ("rank", 0.0),
        ("budget", budget),
    ];
    Ok(Outcome::recorded(record("fe authority rotate", &figures)?))
}
