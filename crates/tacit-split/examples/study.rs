//! Methods at matched utility on one task.
//!
//! ```text
//! cargo run --release -p tacit-split --example study -- \
//!     mnist=DIR convnet 5 parity at-least-five,digit - 12000 5 standard study.jsonl \
//!     undefended center:lambda=4/16/64 noise-only:snr=1/0.25
//! ```
//!
//! The arguments: data (`mnist=DIR`, `adult=FILE`, `credit-default=FILE`, or `characters` with the
//! correlation of character and font after a `=`), network (`mlp`, `convnet`, `resnet8`), blocks
//! before the cut, public label, reported private labels, tuning label or `-`, rows, seeds (1 to so
//! many; strengths are chosen on others, 101 and 102), effort (`quick`, `standard`, `full`),
//! a file to go on from, and candidates ([`tacit_split::evaluate::Candidate`]).

use std::error::Error;
use std::path::Path;
use tacit_data::characters::{Alphabet, Spec};
use tacit_data::tasks::{self, TaskData};
use tacit_nn::layered::{Architecture, Shape};
use tacit_split::evaluate::{Candidate, Effort, Records, StudyPlan, Training, run, table};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [
        data,
        network,
        cut,
        public,
        reported,
        tuning,
        rows,
        seeds,
        effort,
        file,
        candidates @ ..,
    ] = arguments.as_slice()
    else {
        return Err("see the head of this example for its arguments".into());
    };
    let reported: Vec<&str> = reported.split(',').collect();
    let tuning = (tuning != "-").then_some(tuning.as_str());
    let private: Vec<&str> = reported.iter().copied().chain(tuning).collect();
    let rows: usize = rows.parse()?;
    let task = load(data, public, &private, rows)?;
    let classes = task.public.classes.len();
    let input: Shape = task.shape.into();
    let architecture = match network.as_str() {
        "mlp" => Architecture::mlp(&[input.size(), 256, 64, 32, classes])?,
        "convnet" => Architecture::convnet(input, classes)?,
        "resnet8" => Architecture::resnet_cifar(8, input, classes)?,
        other => return Err(format!("there is no network `{other}`").into()),
    };
    let candidates: Result<Vec<Candidate>, _> = candidates.iter().map(|c| c.parse()).collect();
    let plan = StudyPlan {
        architecture,
        cut: cut.parse()?,
        training: Training {
            epochs: 12,
            batch: 128,
            rate: 2e-3,
        },
        candidates: candidates?,
        tuning: tuning.map(str::to_owned),
        reported: reported.iter().map(|&r| r.to_owned()).collect(),
        public_loss: 0.01,
        tuning_seeds: vec![101, 102],
        seeds: (1..=seeds.parse()?).collect(),
        shares: [0.4, 0.3, 0.1, 0.2],
        validation: 0.2,
        effort: match effort.as_str() {
            "quick" => Effort::Quick,
            "full" => Effort::Full,
            _ => Effort::Standard,
        },
    };
    let mut records = Records::open(Path::new(file), &plan.digest()?)?;
    run(&plan, &task, &mut records, |stage| {
        eprintln!(
            "{}/{}: seed {}, {}, {:?}",
            stage.done, stage.all, stage.seed, stage.candidate, stage.purpose
        );
    })?;
    println!("method | label | public before → after | attack | floor | ceiling | normalised");
    for line in table(&plan, &records) {
        let normalised = match &line.leak_normalised {
            Some(leak) => leak.to_string(),
            None => line.unscored.unwrap_or_else(|| "withheld".to_owned()),
        };
        println!(
            "{} [{}] | {} | {} → {} | {} | {} | {} | {normalised} | {:.0} s",
            line.candidate,
            line.strength,
            line.private,
            line.public_before,
            line.public_after,
            line.attack_max,
            line.floor_hard,
            line.ceiling,
            line.seconds.mean,
        );
    }
    Ok(())
}

fn load(
    data: &str,
    public: &str,
    private: &[&str],
    rows: usize,
) -> Result<TaskData, Box<dyn Error>> {
    let (kind, rest) = data.split_once('=').unwrap_or((data, ""));
    let path = Path::new(rest);
    let task = match kind {
        "mnist" => tasks::mnist(path, public, private)?,
        "adult" => tasks::adult(path, public, private, &[])?,
        "credit-default" => tasks::credit_default(path, public, private, &[])?,
        "characters" => {
            let spec = Spec {
                train: rows,
                test: 0,
                correlation: if rest.is_empty() { 0.0 } else { rest.parse()? },
                ..Spec::new(Alphabet::Digits, 1)
            };
            return Ok(tasks::characters(&spec, 28, public, private)?);
        }
        other => return Err(format!("there is no data set `{other}`").into()),
    };
    Ok(if rows < task.len() {
        task.sample(rows, 1)?
    } else {
        task
    })
}
