//! `tacit log audit`: what journals prove.

use std::path::PathBuf;

use tacit_journal::JournalReader;
use tacit_report::{Cell, Column, Quantity, Table, Unit, write_whole};
use tacit_session::Plan;
use tacit_session::evidence::contradictions;

use super::super::RosterArgs;
use crate::args::RecordArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// Arguments of `tacit log audit`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Journals of one or several sites, of one plan. They are read and not changed; the nodes may run. A party that signed two
different things about one round is named, and --evidence keeps the two signed statements: whoever has the roster
can check them. A journal holds no secret, but a training's holds everything that was sent: shares and the encrypted model.

Examples:
  tacit log audit state/*/training.log --plan plan.toml --roster roster.toml --issuer 7d4e…
  tacit log audit */training.log --plan plan.toml --roster roster.toml --issuer 7d4e… \\
      --require 'journals.contradictions<=0' --require 'journals.second_shares<=0'")]
pub struct LogAudit {
    /// Journals: `training.log` and `answer-….log` in the folder of the plan.
    #[arg(value_name = "JOURNAL", required = true)]
    pub journals: Vec<PathBuf>,

    /// The plan.
    #[arg(long, value_name = "FILE")]
    pub plan: PathBuf,

    /// The roster with the keys of the sites.
    #[command(flatten)]
    pub roster: RosterArgs,

    /// Keep proofs in FOLDER, one file each: NAME-ROUND.evidence.
    #[arg(long, value_name = "FOLDER")]
    pub evidence: Option<PathBuf>,

    /// The record.
    #[command(flatten)]
    pub record: RecordArgs,
}

pub(super) fn run(args: &LogAudit, console: &mut Console) -> Result<Outcome, Error> {
    let roster = args.roster.open()?;
    let members = roster.session();
    let plan = Plan::from_toml(&super::super::read(&args.plan)?)
        .bad_input(|| format!("{} is no plan", args.plan.display()))?;
    let digest = plan.digest().bad_input(|| "the plan has no digest")?;
    let columns = [
        Column::text("journal"),
        Column::text("site"),
        Column::number("rounds"),
        Column::number("shares"),
        Column::number("bytes of shares"),
        Column::text("complete"),
        Column::text("head"),
    ];
    let mut table = Table::new("Journals", columns);
    let (mut heads, mut shares, mut second) = (Vec::new(), 0, 0);
    for path in &args.journals {
        let unreadable = || format!("{} cannot be believed", path.display());
        let journal = JournalReader::open(path, digest, members, plan.limits.max_payload_bytes)
            .bad_input(unreadable)?;
        let account = journal.account().bad_input(unreadable)?;
        let site = members.name(journal.party());
        for round in &account.second_shares {
            console.warn(&format!("`{site}` made a share of round {round} again"));
        }
        second += account.second_shares.len();
        shares += account.shares;
        let name = path.file_stem().map(|name| name.to_string_lossy());
        table = table.row([
            Cell::text(name.unwrap_or_default()),
            Cell::text(site),
            Cell::from(Quantity::count(account.rounds.into())),
            Cell::from(Quantity::count(account.shares)),
            Cell::from(Quantity::new(account.share_bytes as f64, Unit::Bytes)),
            Cell::text(if account.is_complete { "yes" } else { "no" }),
            Cell::text(&journal.head().to_string()[..16]),
        ]);
        heads.extend(account.heads);
    }
    console.table(&table)?;
    let signed = heads.len();
    let found = contradictions(members, heads);
    for contradiction in &found {
        console.warn(&contradiction.to_string());
        if let Some(folder) = &args.evidence {
            let round = contradiction.heads()[0].header().round;
            let path = folder.join(format!("{}-{round}.evidence", contradiction.name()));
            write_whole(&path, &contradiction.encode())
                .failed(|| format!("{} cannot be written", path.display()))?;
        }
    }
    let figures = [
        ("journals", args.journals.len() as f64),
        ("journals.shares", shares as f64),
        ("journals.signed", signed as f64),
        ("journals.second_shares", second as f64),
        ("journals.contradictions", found.len() as f64),
    ];
    Ok(Outcome::recorded(super::super::record(
        "log audit",
        &figures,
    )?))
}
