//! `tacit fe authority init`.

use std::path::PathBuf;

use tacit_fe::{Authority, Policy};
use tacit_report::write_whole;

use super::super::{files, unlock::UnlockArgs};
use super::{Asker, record};
use crate::args::RecordArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// Arguments of `tacit fe authority init`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The master secret is sealed under the passphrase. Any functional key opens every ciphertext under the master
key, so what is limited is the number of independent outputs ever issued, the rank budget.

Examples:
  tacit fe authority init authority --inputs 785 --passphrase-file passphrase.txt --public-key public.key
  TACIT_AUTHORITY_PASSPHRASE=… tacit fe authority init authority --model int-model.json --rank-budget 4
  tacit fe authority init authority --inputs 785 --key-file /run/keys/authority")]
pub struct Init {
    /// The authority's folder, new or empty.
    #[arg(value_name = "FOLDER")]
    pub folder: PathBuf,

    /// Length of the vectors that will be encrypted, the constant included.
    #[arg(
        long,
        value_name = "N",
        required_unless_present = "model",
        conflicts_with = "model"
    )]
    pub inputs: Option<usize>,

    /// Largest input.
    #[arg(
        long,
        value_name = "VALUE",
        default_value_t = 255,
        conflicts_with = "model"
    )]
    pub input_max: u16,

    /// Take the number of inputs and their range from this integer model.
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,

    /// Most linearly independent outputs ever issued under one master key.
    #[arg(long, value_name = "R", default_value_t = Policy::DEFAULT_RANK_BUDGET)]
    pub rank_budget: usize,

    /// Outputs of a model must be proven to stay within ±2^BITS.
    #[arg(long, value_name = "BITS", default_value_t = 48)]
    pub output_bits: u32,

    /// Write the public key to FILE too.
    #[arg(long, value_name = "FILE")]
    pub public_key: Option<PathBuf>,

    /// Who asks.
    #[command(flatten)]
    pub asker: Asker,

    /// What will open the authority.
    #[command(flatten)]
    pub unlock: UnlockArgs,

    /// The record.
    #[command(flatten)]
    pub record: RecordArgs,
}

/// Makes the authority.
pub fn run(args: &Init, console: &mut Console) -> Result<Outcome, Error> {
    let (inputs, input_max) = match &args.model {
        Some(path) => {
            let model = files::model(path)?;
            (model.inputs(), model.input_max())
        }
        None => (args.inputs.unwrap_or(0), args.input_max),
    };
    let policy = Policy {
        input_max,
        rank_budget: args.rank_budget,
        output_bits: args.output_bits,
        ..Policy::new(inputs)
    };
    let unlock = args.unlock.unlock()?;
    let request = args.asker.request(console);
    let phase = console.progress().phase("master key", 0);
    let authority = Authority::create(&args.folder, policy, &unlock, request)
        .bad_input(|| format!("no authority can be made in {}", args.folder.display()))?;
    phase.finish();
    let hash = authority.public_key().hash();
    let kept = args.folder.join(format!("keys/{hash}.public"));
    console.say(&format!(
        "master key {} for {inputs} inputs of 0 to {input_max}, at most {} independent outputs",
        hash.short(),
        policy.rank_budget
    ))?;
    console.say(&format!("public key: {}", kept.display()))?;
    if let Some(path) = &args.public_key {
        write_whole(path, &authority.public_key().to_bytes())
            .failed(|| "the public key could not be written")?;
        console.say(&format!("public key: {}", path.display()))?;
    }
    let figures = [
        ("inputs", inputs as f64),
        ("input_max", input_max.into()),
        ("rank", 0.0),
        ("budget", policy.rank_budget as f64),
    ];
    Ok(Outcome::recorded(record("fe authority init", &figures)?))
}
