//! `tacit bench network`: one encrypted training in memory, over mutual TLS on loopback, and over links of a
//! given delay and rate, in several topologies.

mod journals;
pub mod shape;
mod sockets;
mod training;

use tacit_report::{Cell, Column, Quantity, Report, Run, Section, Table, Unit};
use tacit_session::plan::TopologyPlan;
use tacit_transport::grpc::shaped::Shape;

use super::glm::Job;
use crate::args::MeasureArgs;
use crate::error::Context;
use crate::{Console, Error, Outcome};
use journals::Journals;
use shape::{Rate, Span, Tree};
use training::{Ran, Training};

/// Arguments of `tacit bench network`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Runs one training of a generalised linear model three ways, keys included: frames passed in memory; gRPC over mutual TLS
on loopback, through a hub; the same with a link of its own between every site and the hub. Runs in memory and on loopback
alternate, and the overhead is the median of the ratios of pairs, less one. All parties and the hub are threads of this process and
share its processors. A link delays each direction by half its round trip and passes bytes at its rate; it has no loss.
Parties reach each other through the hub, so that their round trip is two links'.

Examples:
  tacit bench network
  tacit bench network --sizes 3,10 --topologies star,direct-star,direct-2 --runs 7 --json -
  tacit bench network --sizes 5 --round-trip 40ms --rate 1gbit --require 'star.5.overhead<=0.15'
  tacit bench network --sizes 3 --no-links --journals /var/tmp")]
pub struct BenchNetwork {
    /// `breast-cancer`, `pima`, or a CSV or Parquet file.
    #[arg(long, value_name = "FILE", default_value = "pima")]
    pub data: std::path::PathBuf,

    /// Label column of FILE.
    #[arg(long, value_name = "COL")]
    pub label: Option<String>,

    /// The label that counts as 1.
    #[arg(long, value_name = "VALUE")]
    pub positive: Option<String>,

    /// Numbers of parties.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [3, 5, 10],
        value_parser = clap::value_parser!(u16).range(2..=200))]
    pub sizes: Vec<u16>,

    /// Topologies: `star`, `tree-2` for a tree of two children each; `direct-star`, `direct-2` for those whose sites dial
    /// their parents rather than a hub.
    #[arg(long, value_name = "T,…", value_delimiter = ',', default_values_t = [Tree::STAR, Tree::BINARY])]
    pub topologies: Vec<Tree>,

    /// Gradient steps.
    #[arg(long, default_value_t = 4)]
    pub iterations: usize,

    /// Pairs of runs in memory and on loopback.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=101))]
    pub runs: u16,

    /// Round trip of a site's link to the hub.
    #[arg(long, value_name = "TIME", default_value = "20ms")]
    pub round_trip: Span,

    /// Rate of a site's link, in each direction.
    #[arg(long, value_name = "RATE", default_value = "100mbit")]
    pub rate: Rate,

    /// Every party keeps a journal and a ledger on disk, as nodes do, in a new folder under DIR; in memory too.
    #[arg(long, value_name = "DIR")]
    pub journals: Option<std::path::PathBuf>,

    /// Measure no links.
    #[arg(long)]
    pub no_links: bool,

    /// Seed.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// The record and its folder.
    #[command(flatten)]
    pub measure: MeasureArgs,
}

impl BenchNetwork {
    fn training(&self, parties: u16, topology: TopologyPlan) -> Result<Training, Error> {
        let job = Job {
            data: Some(self.data.clone()),
            label: self.label.clone(),
            positive: self.positive.clone(),
            synthetic: None,
            parties,
            family: super::glm::FamilyArg::Logistic,
            iterations: Some(self.iterations),
            lambda_s: 64,
            seed: self.seed,
        };
        let options = job.options(true, None);
        let setup = job.source()?.setup(parties.into(), self.seed, &options)?;
        Training::new(setup, topology, Journals::under(self.journals.clone()))
    }

    fn links(&self) -> Shape {
        Shape {
            delay: self.round_trip.0 / 2,
            bytes_per_second: Some(self.rate.0 / 8),
        }
    }

    /// Everything about one size and topology: figures by name.
    fn point(&self, size: u16, tree: Tree, console: &Console) -> Result<Vec<f64>, Error> {
        let training = self.training(size, tree.plan)?;
        // Not counted: the first run of a process finds everything cold.
        let first = training.in_memory(console)?;
        let (mut memory, mut loopback) = (Vec::new(), Vec::new());
        let mut diff = 0f64;
        let mut keep = |list: &mut Vec<Ran>, ran: Ran| -> Result<(), Error> {
            let apart = ran.model.max_abs_diff(&first.ran.model);
            diff = diff.max(apart.failed(|| "the models have different shapes")?);
            list.push(ran);
            Ok(())
        };
        for pair in 0..self.runs {
            // Whoever comes second finds other caches: each does in turn.
            for second in [false, true] {
                if (pair % 2 == 0) == second {
                    let ran = training.over_sockets(None, tree.direct, console)?.ran;
                    keep(&mut loopback, ran)?;
                } else {
                    keep(&mut memory, training.in_memory(console)?.ran)?;
                }
            }
        }
        let pairs = || memory.iter().zip(&loopback);
        let ratio = |of: fn(&Ran) -> f64| median(pairs().map(|(m, l)| of(l) / of(m) - 1.0));
        let mid = |list: &[Ran], of: fn(&Ran) -> f64| median(list.iter().map(of));
        let mut found = vec![
            first.rounds as f64,
            first.sent_per_party,
            mid(&memory, Ran::seconds),
            mid(&loopback, Ran::seconds),
            ratio(Ran::seconds),
            mid(&memory, Ran::processor),
            mid(&loopback, Ran::processor),
            ratio(Ran::processor),
        ];
        if !self.no_links {
            let over = training.over_sockets(Some(self.links()), tree.direct, console)?;
            let sent: u64 = over.links.iter().map(|l| l.up).sum();
            let busiest = over.links.iter().map(|l| l.up.max(l.down)).max();
            found.extend([
                over.ran.wall.as_secs_f64(),
                sent as f64 / f64::from(size),
                busiest.unwrap_or_default() as f64,
                over.links.iter().map(|l| l.up + l.down).sum::<u64>() as f64,
            ]);
            keep(&mut loopback, over.ran)?;
        }
        found.push(diff);
        Ok(found)
    }

    /// Name, heading and unit of every figure of a point.
    fn columns(&self) -> Vec<(&'static str, &'static str, Unit)> {
        let mut columns = vec![
            ("rounds", "rounds", Unit::Plain),
            ("frame_bytes_per_party", "frames sent a party", Unit::Bytes),
            ("memory_s", "in memory", Unit::Seconds),
            ("loopback_s", "TLS, loopback", Unit::Seconds),
            ("overhead", "overhead", Unit::Fraction),
            ("memory_cpu_s", "in memory, processor", Unit::Seconds),
            ("loopback_cpu_s", "loopback, processor", Unit::Seconds),
            ("cpu_overhead", "overhead, processor", Unit::Fraction),
        ];
        if !self.no_links {
            columns.extend([
                ("links_s", "TLS, links", Unit::Seconds),
                ("wire_bytes_per_party", "sent a party, links", Unit::Bytes),
                ("busiest_bytes", "busiest direction", Unit::Bytes),
                ("hub_bytes", "over all links", Unit::Bytes),
            ]);
        }
        columns.push(("model.max_abs_diff", "models differ by", Unit::Plain));
        columns
    }
}

impl Ran {
    fn seconds(&self) -> f64 {
        self.wall.as_secs_f64()
    }

    fn processor(&self) -> f64 {
        self.cpu.as_secs_f64()
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = values.collect();
    all.sort_by(f64::total_cmp);
    match all.len() {
        0 => f64::NAN,
        n if n % 2 == 0 => (all[n / 2 - 1] + all[n / 2]) / 2.0,
        n => all[n / 2],
    }
}

/// Runs the benchmark.
pub fn run(args: &BenchNetwork, console: &mut Console) -> Result<Outcome, Error> {
    let folder = console.run_folder("bench-network", &args.measure)?;
    let failed = || "the record cannot be made";
    let command = "bench network";
    let mut run = Run::new(command, env!("CARGO_PKG_VERSION"), args.seed).failed(failed)?;
    run.param("data", args.data.display().to_string())
        .failed(failed)?;
    run.param("iterations", args.iterations).failed(failed)?;
    run.param("runs", args.runs).failed(failed)?;
    run.param("journals", args.journals.is_some())
        .failed(failed)?;
    if !args.no_links {
        run.param("round_trip", args.round_trip.to_string())
            .failed(failed)?;
        run.param("rate", args.rate.to_string()).failed(failed)?;
    }
    let columns = args.columns();
    let headings = columns.iter().map(|c| Column::number(c.1));
    let headings = [Column::text("parties"), Column::text("topology")]
        .into_iter()
        .chain(headings);
    let mut table = Table::new("One training by transport", headings);
    for &size in &args.sizes {
        for &tree in &args.topologies {
            console.say(&format!("{size} parties, {tree}"))?;
            let found = args.point(size, tree, console)?;
            for ((name, ..), value) in columns.iter().zip(&found) {
                let name = format!("{tree}.{size}.{name}");
                run.figure(&name, *value).failed(failed)?;
            }
            let cells = columns.iter().zip(&found);
            let cells = cells.map(|(c, &value)| Cell::from(Quantity::new(value, c.2)));
            let place = [Cell::text(size.to_string()), Cell::text(tree.to_string())];
            table = table.row(place.into_iter().chain(cells));
        }
    }
    console.table(&table)?;
    let kept = if args.journals.is_some() {
        "Every party kept a journal and a ledger on disk, also in memory."
    } else {
        "Nobody kept a journal."
    };
    let summary = format!(
        "A training of {} iterations on {}, keys included, {} pairs of runs. All parties and the hub shared this machine's processors. {kept}",
        args.iterations,
        args.data.display(),
        args.runs
    );
    let mut report = Report::new("What the network costs a training")
        .summary(summary)
        .section(Section::new("By transport").table(table))
        .limit("Parties in one process share the decoded evaluation keys; in processes of their own they would compute more, and the network's part be smaller.");
    if !args.no_links {
        report = report.limit(format!(
            "Links are simulated: {} round trip between a site and the hub, {} in each direction, no loss, no slow start; one run each.",
            args.round_trip, args.rate
        ));
    }
    Ok(Outcome::measured(run, report, folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_of_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), 2.5);
        assert!(median([].into_iter()).is_nan());
    }
}
