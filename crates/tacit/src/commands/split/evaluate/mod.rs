//! `tacit split evaluate`: methods against each other at matched utility, over seeds.

mod page;
mod sweep;

use std::path::{Path, PathBuf};

use tacit_data::tasks::TaskData;
use tacit_report::{Report, Run};
use tacit_split::evaluate::{self, Candidate, Estimate, Line, Records, StudyPlan, Training, table};

use super::data::{DataArgs, DataName};
use super::judge::Spending;
use super::model::NetworkArgs;
use super::{figures, page as limits};
use crate::args::MeasureArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};

/// Runs that strengths are chosen on begin here, far from those that are reported.
const TUNING: u64 = 101;

/// Arguments of `tacit split evaluate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
For every seed the rows are dealt anew into four sets, a network is trained, each candidate hardens it, and attackers that
were never tuned on the test rows look for the private labels. A candidate with several strengths is run at the strongest
that costs --public-loss at most, chosen on seeds of its own and on validation rows: with --tuning, by what
leaks about that label, which is then not reported.

A candidate is a method and, after a colon, settings: lambda, snr, laplace, dropout, rate, epochs, batch, alpha, tolerance,
warm-up, bottleneck, bits, keep-head=yes, fresh=yes, knows=LABEL (for methods that learn from private labels). One
setting may have several values, from the weakest to the strongest, separated by slashes.

Finished runs are kept in --records, one file for each data set and plan: a study that was stopped goes on, and may grow by
candidates and seeds.

Examples:
  tacit split evaluate --data mnist=FOLDER --public parity --private at-least-five --model convnet --cut 5-dense
      --records records --candidate undefended --candidate center:lambda=4/16/64 --candidate noise-only:snr=1/0.25
  tacit split evaluate --data adult=adult.csv.gz --model mlp --cut 2 --seeds 5 --attackers full --records records
  tacit split evaluate --model mlp --cut 2 --candidate undefended --candidate center --correlations 0,0.25,0.5,0.75,1")]
pub struct Evaluate {
    /// The rows.
    #[command(flatten)]
    pub data: DataArgs,

    /// The network.
    #[command(flatten)]
    pub network: NetworkArgs,

    /// Times every row is used in its training.
    #[arg(long, value_name = "EPOCHS", default_value_t = 10)]
    pub epochs: usize,

    /// Where it is cut, by number or name.
    #[arg(long, value_name = "CUT")]
    pub cut: String,

    /// What is compared; may be repeated. Left out: every method at three strengths.
    #[arg(long, value_name = "METHOD:SETTINGS")]
    pub candidate: Vec<Candidate>,

    /// A private label that strengths are chosen on; it is not reported.
    #[arg(long, value_name = "LABEL")]
    pub tuning: Option<String>,

    /// How much public accuracy a chosen strength may cost.
    #[arg(long, value_name = "SHARE", default_value_t = 0.01)]
    pub public_loss: f64,

    /// Runs of each candidate.
    #[arg(long, value_name = "RUNS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub seeds: u64,

    /// Runs that a strength is chosen on.
    #[arg(long, value_name = "RUNS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub tuning_seeds: u64,

    /// How much attackers may spend.
    #[arg(long, value_enum, default_value = "standard")]
    pub attackers: Spending,

    /// Characters: the study again for each of these, how far the character decides the font.
    #[arg(
        long,
        value_name = "V,…",
        value_delimiter = ',',
        conflicts_with = "correlation"
    )]
    pub correlations: Vec<f64>,

    /// The folder of finished runs; left out, in the folder of this run.
    #[arg(long, value_name = "FOLDER")]
    pub records: Option<PathBuf>,

    /// The record and its folder.
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// One study, finished.
struct Study {
    /// The dial between character and font, where it was turned.
    correlation: Option<f64>,
    plan: StudyPlan,
    records: Records,
    lines: Vec<Line>,
}

impl Study {
    /// The lines of one private label.
    fn of<'a>(&'a self, private: &'a str) -> impl Iterator<Item = &'a Line> {
        self.lines.iter().filter(move |l| l.private == private)
    }
}

/// Runs what is missing and tells all.
pub fn run(args: &Evaluate, console: &mut Console) -> Result<Outcome, Error> {
    if !args.correlations.is_empty() && args.data.data != DataName::Characters {
        return Err(
            Error::bad_input("only of characters the correlation is known")
                .remedy("leave --correlations out, or give --data characters"),
        );
    }
    let folder = console.run_folder("split-evaluate", &args.measure)?;
    let kept = args.records.clone();
    let kept = kept.unwrap_or_else(|| folder.path().join("records"));
    std::fs::create_dir_all(&kept).bad_input(|| format!("{} cannot be used", kept.display()))?;
    let turns: Vec<Option<f64>> = match args.correlations.as_slice() {
        [] => vec![None],
        some => some.iter().copied().map(Some).collect(),
    };
    let mut studies = Vec::with_capacity(turns.len());
    for correlation in turns {
        let study = args.study(correlation, &kept, console)?;
        if let Some(v) = correlation {
            console.say(&format!("correlation {v}"))?;
        }
        for private in &study.plan.reported {
            console.table(&page::lines(&study, private))?;
        }
        studies.push(study);
    }
    let Some(first) = studies.first() else {
        return Err(Error::failed("there is no study"));
    };

    let failed = || "the record cannot be made";
    let mut run = Run::new("split evaluate", env!("CARGO_PKG_VERSION"), 0).failed(failed)?;
    run.param("model", format!("{:?}", args.network.model).to_lowercase())
        .failed(failed)?;
    run.param("cut", first.plan.cut).failed(failed)?;
    run.param("seeds", args.seeds).failed(failed)?;
    run.param("attackers", first.plan.effort).failed(failed)?;
    let names: Vec<&String> = first.plan.candidates.iter().map(|c| &c.name).collect();
    run.param("candidates", names).failed(failed)?;
    for study in &studies {
        record(&mut run, study)?;
    }
    let report = match studies.as_slice() {
        [study] if study.correlation.is_none() => page::tell(args, study),
        _ => sweep::tell(args, &studies),
    };
    Ok(Outcome::measured(run, told(report, first), folder))
}

fn told(report: Report, first: &Study) -> Report {
    let report = limits::limits(report);
    match &first.plan.tuning {
        Some(label) => report.limit(format!("Strengths were chosen by what leaked about {label}, on the same people: a correlation with the labels that are reported carries over.")),
        None => report.limit("Strengths were chosen by public accuracy alone, without a look at any private label: others may leak less at the same accuracy."),
    }
}

impl Evaluate {
    fn study(
        &self,
        correlation: Option<f64>,
        kept: &Path,
        console: &Console,
    ) -> Result<Study, Error> {
        let refused = || "the study cannot be run";
        let task = self.task(correlation)?;
        let plan = self.plan(&task)?;
        plan.check(&task).bad_input(refused)?;
        let name = plan.fingerprint(&task).failed(refused)?;
        let path = kept.join(format!("{}-{name}.jsonl", figures::part(&task.name)));
        let digest = plan.digest().failed(refused)?;
        let mut records = Records::open(&path, &digest).bad_input(refused)?;
        let progress = console.progress();
        let mut phase = None;
        evaluate::run(&plan, &task, &mut records, |stage| {
            let phase = phase.get_or_insert_with(|| progress.phase("study", stage.all as u64));
            if stage.done > 0 {
                phase.inc();
            }
        })
        .bad_input(refused)?;
        if let Some(phase) = phase {
            phase.inc();
            phase.finish();
        }
        let lines = table(&plan, &records);
        Ok(Study {
            correlation,
            plan,
            records,
            lines,
        })
    }

    /// The rows with all labels that are looked at.
    fn task(&self, correlation: Option<f64>) -> Result<TaskData, Error> {
        let mut data = self.data.clone();
        data.private = self.reported();
        data.private.extend(self.tuning.clone());
        data.correlation = correlation.unwrap_or(data.correlation);
        data.load()
    }

    /// The private labels that are reported: those asked for but the one of the tuning.
    fn reported(&self) -> Vec<String> {
        let mut labels = self.data.private();
        labels.retain(|label| self.tuning.as_ref() != Some(label));
        labels
    }

    fn plan(&self, task: &TaskData) -> Result<StudyPlan, Error> {
        let architecture = self.network.architecture(task)?;
        let cut = architecture.cut(&self.cut);
        let cut = cut.bad_input(|| "the network cannot be cut there")?;
        let reported = self.reported();
        let candidates = match self.candidate.is_empty() {
            true => usual(reported.first(), cut.shape.map().is_some())?,
            false => self.candidate.clone(),
        };
        let shares = tacit_data::tasks::Shares::default();
        Ok(StudyPlan {
            architecture,
            cut: cut.after,
            training: Training {
                epochs: self.epochs,
                batch: 128,
                rate: 2e-3,
            },
            candidates,
            tuning: self.tuning.clone(),
            reported,
            public_loss: self.public_loss,
            tuning_seeds: (TUNING..TUNING + self.tuning_seeds).collect(),
            seeds: (1..=self.seeds).collect(),
            shares: [
                shares.model,
                shares.attacker,
                shares.validation,
                shares.test,
            ],
            validation: 0.2,
            effort: self.attackers.level(),
        })
    }
}

/// Every method at three strengths. Those that learn from private labels learn from `known`.
fn usual(known: Option<&String>, map: bool) -> Result<Vec<Candidate>, Error> {
    let mut texts: Vec<String> = [
        "undefended",
        "noise-only:snr=1/0.25/0.0625",
        "dropout:dropout=0.5/0.8/0.9",
        "center:lambda=4/16/64",
        "contrastive:lambda=4/16/64",
        "cosine:lambda=1/4/16",
        "mahalanobis:lambda=4/16/64",
        "distance-correlation:lambda=1/4/16",
    ]
    .map(str::to_owned)
    .to_vec();
    if let Some(known) = known {
        texts.push(format!("adversarial:knows={known},lambda=1/4/16"));
        if !map {
            texts.push(format!("null-space:knows={known},lambda=4/16"));
        }
    }
    let parsed = texts.iter().map(|text| text.parse());
    parsed
        .collect::<Result<_, _>>()
        .failed(|| "the usual candidates cannot be used")
}

/// `<candidate>.<label>.…`, of a sweep below `correlation-<v>`.
fn record(run: &mut Run, study: &Study) -> Result<(), Error> {
    let under = match study.correlation {
        None => String::new(),
        Some(v) => format!("{}.", figures::part(&format!("correlation-{v}"))),
    };
    for line in &study.lines {
        let name = format!(
            "{under}{}.{}",
            figures::part(&line.candidate),
            figures::part(&line.private)
        );
        let mut put = |figure: &str, estimate: &Estimate| {
            figures::put(run, &format!("{name}.{figure}"), estimate.mean)?;
            match estimate.half_width {
                Some(half) => figures::put(run, &format!("{name}.{figure}_ci95"), half),
                None => Ok(()),
            }
        };
        put("public_before", &line.public_before)?;
        put("public_after", &line.public_after)?;
        put("public_loss", &line.public_loss)?;
        put("base_rate", &line.base_rate)?;
        put("floor", &line.floor_hard)?;
        put("floor_outputs", &line.floor_full)?;
        put("ceiling", &line.ceiling)?;
        put("attack_max", &line.attack_max)?;
        put("harden_s", &line.seconds)?;
        if let Some(leak) = &line.leak_normalised {
            put("leak_normalised", leak)?;
        }
        figures::put(run, &format!("{name}.strength"), line.strength as f64)?;
        figures::put(run, &format!("{name}.collapsed"), line.collapsed as f64)?;
    }
    Ok(())
}
