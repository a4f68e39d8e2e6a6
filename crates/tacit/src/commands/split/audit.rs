//! `tacit split audit`: what an encoder's features tell about private labels.

use std::path::PathBuf;

use tacit_data::tasks::Sets;
use tacit_report::{Gate, Quantity, Report, Run, Section, Unit, Verdict};
use tacit_split::Manifest;
use tacit_split::client::Deployment;

use super::bundle::{self, HeadUsed};
use super::data::DataArgs;
use super::encoding::Encoding;
use super::judge::{Bench, Judged, Spending};
use super::page::Costs;
use super::{figures, model, page, rebuild};
use crate::args::MeasureArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// Arguments of `tacit split audit`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Attackers of many families learn the private labels from features as clients send them, whitened and averaged ones too,
choose their settings on other rows, and are judged on rows that neither they nor the model have seen. The
largest share counts, between the floor (what the public answer tells anyway) and the ceiling (what the input itself
tells). With --fail-above the exit code is 3 when the leak of any label is larger.

A client can run this on rows of its own before it trusts an encoder: it needs encoder, manifest and input.json; without a
head, one is trained on its rows.

Examples:
  tacit split audit --encoder hardened/encoder.safetensors --data characters --private font --fail-above 0.15
  tacit split audit --encoder hardened --model model/model.safetensors --attackers full --reconstruct
  tacit split audit --encoder hardened --data csv=own.csv --public outcome --private sex,region")]
pub struct Audit {
    /// The encoder, or its folder.
    #[arg(long, value_name = "PATH")]
    pub encoder: PathBuf,

    /// The rows.
    #[command(flatten)]
    pub data: DataArgs,

    /// The network before it was hardened, to be attacked beside it.
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,

    /// How much attackers may spend.
    #[arg(long, value_enum, default_value = "standard")]
    pub attackers: Spending,

    /// Reconstruct inputs from features too (pictures).
    #[arg(long)]
    pub reconstruct: bool,

    /// Exit with 3 when the normalised leak of any private label is larger.
    #[arg(long, value_name = "LEAK", allow_negative_numbers = true)]
    pub fail_above: Option<f64>,

    /// Of the attackers.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub seed: u64,

    /// The record and its folder.
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// Attacks the encoder.
pub fn run(args: &Audit, console: &mut Console) -> Result<Outcome, Error> {
    let encoding = Encoding::beside(&bundle::folder(&args.encoder).join("encoder"))?;
    let task = args.data.load_for(&encoding)?;
    let sets = args.data.sets(&task)?;
    let (manifest, deployment, head) = bundle::deployment(&args.encoder, &sets.attacker)?;
    if manifest.classes != task.public.classes {
        return Err(
            Error::bad_input("the encoder was made for another public label")
                .because(format!(
                    "its classes are {}, those of {} are {}",
                    manifest.classes.join(", "),
                    task.public.name,
                    task.public.classes.join(", ")
                ))
                .remedy("give --data and --public as in the training"),
        );
    }
    let network = args.model.as_deref().map(model::load).transpose()?;
    let folder = console.run_folder("split-audit", &args.measure)?;
    let progress = console.progress();
    let mut bench = Bench::new(&sets, args.attackers, args.seed, &progress)?;
    if args.reconstruct {
        bench = bench.reconstructing(args.attackers, args.seed)?;
    }
    let before = match &network {
        None => None,
        Some(network) => {
            let parts = bundle::undefended(network, manifest.cut, &sets.model)?;
            let parts = bundle::deploy(&parts)?;
            Some(bench.judge("undefended", &parts, &progress)?)
        }
    };
    let before = before.as_ref();
    let after = bench.judge("hardened", &deployment, &progress)?;
    console.table(&page::scales(before, &after))?;

    let failed = || "the record cannot be made";
    let mut run = Run::new("split audit", env!("CARGO_PKG_VERSION"), args.seed).failed(failed)?;
    run.param("data", &task.name).failed(failed)?;
    run.param("public", &task.public.name).failed(failed)?;
    run.param("method", manifest.method.name()).failed(failed)?;
    run.param("attackers", format!("{:?}", args.attackers).to_lowercase())
        .failed(failed)?;
    figures::hardened(&mut run, &after)?;
    if let Some(before) = before {
        figures::undefended(&mut run, before)?;
    }
    rebuild::record(&mut run, before, &after)?;
    let costs = costs(&manifest, &deployment, &sets)?;
    figures::put(&mut run, "client.macs", costs.macs as f64)?;
    figures::put(&mut run, "client.parameters", costs.parameters as f64)?;
    figures::put(&mut run, "client.bytes_per_row", costs.sent as f64)?;
    figures::put(&mut run, "client.encode_ms", 1e3 * costs.encode)?;
    let verdicts = verdicts(args.fail_above, &after, &run)?;
    if args.fail_above.is_some() {
        warn_of_withheld(&after, console);
    }
    let mut report = Report::new("What the features of an encoder tell")
        .summary(format!(
            "The public label is {}; the encoder was made by {} on {}.",
            task.public.name,
            manifest.method.name(),
            manifest.training_data
        ))
        .section(page::overview(before, &after))
        .section(page::attackers(&after));
    if let HeadUsed::Trained = head {
        report = report.summary(
            "The head was not at hand: one was trained on the auditor's rows, to know what the public answer tells.",
        );
    }
    report = key_figures(report, before, &after);
    if let Some(section) = rebuild::section(before, &after) {
        report = report.section(section);
    }
    report = report
        .section(page::projection(&bench, before, &after))
        .section(Section::new("Cost").table(page::costs(&costs)))
        .section(page::groups(&after, &task.public, &task.private));
    Ok(Outcome::measured(run, page::limits(report), folder).judged(verdicts))
}

/// What the encoder costs its clients, as its file has it: normaliser and clip are layers of it.
fn costs(manifest: &Manifest, parts: &Deployment, sets: &Sets) -> Result<Costs, Error> {
    let encoder = &manifest.encoder_architecture;
    let rows = model::rows(&sets.test)?;
    let latency = parts.client.latency(&rows);
    Ok(Costs {
        tuning: manifest.cost.seconds,
        macs: encoder.macs(),
        parameters: encoder.parameters(),
        sent: manifest.veil.bytes(parts.client.shape().size()),
        raw: 4 * sets.test.size(),
        encode: latency
            .failed(|| "the encoder cannot be timed")?
            .as_secs_f64(),
    })
}

/// The figures people look at first.
pub fn key_figures(mut report: Report, before: Option<&Judged>, after: &Judged) -> Report {
    report = report.key_figure_with_note(
        "public accuracy",
        page::fraction(after.public_accuracy),
        before.map_or_else(String::new, |before| {
            format!("undefended: {:.1} %", 100.0 * before.public_accuracy)
        }),
    );
    for leak in &after.leaks {
        let note = format!(
            "best attacker {:.1} %, floor {:.1} %, ceiling {:.1} %",
            100.0 * leak.attack_max,
            100.0 * leak.floor_hard,
            100.0 * leak.ceiling
        );
        report = match leak.leak_normalised {
            Some(value) => report.key_figure_with_note(
                format!("leak of {}", leak.private),
                Quantity::new(value, Unit::Plain),
                note,
            ),
            None => report.key_figure_with_note(
                format!("best attacker on {}", leak.private),
                page::fraction(leak.attack_max),
                note,
            ),
        };
    }
    rebuild::key_figure(report, after)
}

/// A gate that has nothing to judge is met; people should know.
fn warn_of_withheld(after: &Judged, console: &mut Console) {
    for leak in &after.leaks {
        if let Some(reason) = &leak.unscored {
            console.warn(&format!(
                "--fail-above says nothing about {}: {reason}",
                leak.private
            ));
        }
    }
}

/// One gate for each label that has a leak.
fn verdicts(fail_above: Option<f64>, after: &Judged, run: &Run) -> Result<Vec<Verdict>, Error> {
    let Some(bound) = fail_above else {
        return Ok(Vec::new());
    };
    if !bound.is_finite() {
        return Err(Error::bad_input("--fail-above must be a number"));
    }
    after
        .leaks
        .iter()
        .filter(|leak| leak.leak_normalised.is_some())
        .map(|leak| {
            let label = figures::part(&leak.private);
            let gate = format!("private.{label}.leak_normalised<={bound}");
            let gate: Gate = gate.parse().failed(|| "the gate cannot be made")?;
            Ok(gate.judge(run))
        })
        .collect()
}
