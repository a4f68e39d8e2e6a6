//! `tacit plan sign`: a site's signature under a plan, after its own policy has agreed.

use std::path::PathBuf;

use tacit_identity::Identity;
use tacit_node::{Agreement, ApprovalFile, Policy};

use super::{RosterArgs, UnlockArgs};
use crate::args::RecordArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// Arguments of `tacit plan sign`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Signs the digest of the plan's meaning together with the roster. The node of this site runs this plan with these
members, and nothing else. Read `tacit plan check` before.

Examples:
  tacit plan sign plan.toml --roster roster.toml --issuer 7d4e… --identity identity.sealed \\
      --policy policy.toml --out approval.toml")]
pub struct PlanSign {
    /// The plan.
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,

    /// The roster.
    #[command(flatten)]
    pub roster: RosterArgs,

    /// This site's sealed identity.
    #[arg(long, value_name = "FILE")]
    pub identity: PathBuf,

    /// What opens it.
    #[command(flatten)]
    pub unlock: UnlockArgs,

    /// What this site allows.
    #[arg(long, value_name = "FILE")]
    pub policy: PathBuf,

    /// Where the signature goes.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,

    /// The record.
    #[command(flatten)]
    pub record: RecordArgs,
}

/// Signs.
pub fn run(args: &PlanSign, console: &mut Console) -> Result<Outcome, Error> {
    let name = args.plan.display();
    let agreement = Agreement::from_toml(&super::read(&args.plan)?)
        .bad_input(|| format!("{name} cannot be run between sites"))?;
    let policy = Policy::from_toml(&super::read(&args.policy)?)
        .bad_input(|| format!("{} is no policy", args.policy.display()))?;
    let refused = policy.check(&agreement.plan, None);
    if !refused.is_empty() {
        return Err(
            Error::bad_input("this site's policy refuses the plan; nothing is signed")
                .because(tacit_node::Error::Refused(refused))
                .remedy("have the plan changed, or the policy by whoever answers for it"),
        );
    }
    let roster = args.roster.open()?;
    let identity = Identity::open(&args.identity, &args.unlock.unlock()?)
        .bad_input(|| "the identity cannot be opened")?;
    let approval = ApprovalFile::sign(&identity.session_key(), &agreement.plan, roster.session())
        .bad_input(|| format!("`{}` cannot sign {name}", identity.name()))?;
    super::write(&args.out, &approval.to_toml())?;
    console.say(&format!(
        "`{}` approves plan {}",
        identity.name(),
        approval.plan()
    ))?;
    console.say(&format!("approval: {}", args.out.display()))?;
    let figures = [("parties", agreement.plan.parties.len() as f64)];
    let mut run = super::record("plan sign", &figures)?;
    for (name, text) in [("site", identity.name()), ("plan", approval.plan())] {
        run.param(name, text)
            .failed(|| "the record cannot be made")?;
    }
    Ok(Outcome::recorded(run))
}
