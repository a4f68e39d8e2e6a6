//! `tacit bench mlp-scaling`: how the cost of a network's encrypted training grows with parties, features, width and rows.
//!
//! Every point is a whole training of a few iterations on generated rows, compared with its twin; a power law is fitted
//! to each column: y ≈ a·x^k, by least squares on the logarithms.

use tacit_learn::neural::encrypted::planner::Calibration;
use tacit_report::{Axis, Cell, Column, Lines, Quantity, Report, Run, Section, Table, Unit};

use crate::args::MeasureArgs;
use crate::error::Context;
use crate::study::Source;
use crate::study::network::{Held, Rows, Settings, Setup, Study};
use crate::{Console, Error, Outcome};

/// What grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Over {
    /// Parties, each with the same number of rows.
    Parties,
    /// Inputs of the network.
    Features,
    /// Width of the two hidden layers.
    Width,
    /// Rows of all parties, visited once.
    Rows,
}

impl Over {
    const ALL: [Over; 4] = [Over::Parties, Over::Features, Over::Width, Over::Rows];

    fn name(self) -> &'static str {
        match self {
            Over::Parties => "parties",
            Over::Features => "features",
            Over::Width => "width",
            Over::Rows => "rows",
        }
    }

    fn values(self) -> &'static [usize] {
        match self {
            Over::Parties => &[2, 5, 10, 20, 50],
            Over::Features => &[8, 32, 128, 512, 1024],
            Over::Width => &[16, 32, 64, 128],
            Over::Rows => &[640, 1280, 2560, 5120],
        }
    }
}

/// Arguments of `tacit bench mlp-scaling`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tacit bench mlp-scaling
  tacit bench mlp-scaling --over parties --values 2,10,50 --iterations 5 --json -")]
pub struct BenchMlpScaling {
    /// What grows; everything in turn without it.
    #[arg(long, value_enum)]
    pub over: Option<Over>,

    /// The points, in place of the usual ones.
    #[arg(long, value_name = "N,…", value_delimiter = ',', requires = "over")]
    pub values: Vec<usize>,

    /// Number of parties, unless they grow.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(2..=1000))]
    pub parties: u16,

    /// Number of inputs, unless they grow.
    #[arg(long, default_value_t = 32)]
    pub features: usize,

    /// Width of the two hidden layers, unless it grows.
    #[arg(long, default_value_t = 64)]
    pub width: usize,

    /// Samples per party and iteration, a power of two.
    #[arg(long, default_value_t = 16)]
    pub batch: usize,

    /// Gradient steps of a point, unless rows grow.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub iterations: u16,

    /// Seed.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// The record and its folder.
    #[command(flatten)]
    pub measure: MeasureArgs,
}

/// What is reported of a point: name, heading, unit.
const COLUMNS: [(&str, &str, Unit); 7] = [
    ("keygen_cpu_s", "keys, processor", Unit::Seconds),
    ("train_s", "training, wall", Unit::Seconds),
    ("train_cpu_s", "training, processor", Unit::Seconds),
    ("iteration_s", "iteration, wall", Unit::Seconds),
    ("iteration_cpu_s", "iteration, processor", Unit::Seconds),
    ("bytes_per_party_keys", "bytes a party, keys", Unit::Bytes),
    (
        "bytes_per_party_per_iteration",
        "bytes a party and iteration",
        Unit::Bytes,
    ),
];

impl BenchMlpScaling {
    /// A whole training with `value` in place of what grows.
    fn point(
        &self,
        over: Over,
        value: usize,
        prices: &mut Calibration,
        console: &Console,
    ) -> Result<Study, Error> {
        let at = |which: Over, usual: usize| if over == which { value } else { usual };
        let parties = at(Over::Parties, self.parties.into());
        let (features, width) = (
            at(Over::Features, self.features),
            at(Over::Width, self.width),
        );
        let step = (parties * self.batch).max(1);
        let iterations = match over {
            Over::Rows => value.div_ceil(step),
            _ => self.iterations.into(),
        };
        // Standardisation releases nothing about a handful of rows.
        let rows = (step * iterations).max(64 * parties);
        let rows = Rows::Table(Source::Synthetic { rows, features }, 2);
        let (names, cohorts) = rows.deal(parties, Held::Test, self.seed)?;
        let settings = Settings {
            batch: self.batch,
            iterations,
            ..Settings::TABLE
        };
        let setup = Setup {
            names,
            cohorts,
            config: settings.config(&[features, width, width, 2], self.seed)?,
            lambda_s: 64,
            local_epochs: 1,
            twin_only: false,
            checkpoint: None,
        };
        setup.run(prices, console)
    }
}

/// k of y ≈ a·x^k, and the share of the logarithms' variance that it explains.
fn power(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let logs: Vec<(f64, f64)> = (points.iter())
        .filter(|(x, y)| *x > 0.0 && *y > 0.0)
        .map(|(x, y)| (x.ln(), y.ln()))
        .collect();
    let n = logs.len() as f64;
    let mean = |f: fn(&(f64, f64)) -> f64| logs.iter().map(f).sum::<f64>() / n;
    let (mx, my) = (mean(|p| p.0), mean(|p| p.1));
    let sum =
        |f: &dyn Fn(f64, f64) -> f64| -> f64 { logs.iter().map(|(x, y)| f(x - mx, y - my)).sum() };
    let (xx, xy, yy) = (sum(&|x, _| x * x), sum(&|x, y| x * y), sum(&|_, y| y * y));
    (logs.len() >= 2 && xx > 0.0).then(|| {
        let explained = if yy > 0.0 { xy * xy / (xx * yy) } else { 1.0 };
        (xy / xx, explained)
    })
}

/// Runs the benchmark.
pub fn run(args: &BenchMlpScaling, console: &mut Console) -> Result<Outcome, Error> {
    let folder = console.run_folder("bench-mlp-scaling", &args.measure)?;
    let failed = || "the record cannot be made";
    let command = "bench mlp-scaling";
    let mut run = Run::new(command, env!("CARGO_PKG_VERSION"), args.seed).failed(failed)?;
    for (name, value) in [
        ("parties", usize::from(args.parties)),
        ("features", args.features),
        ("width", args.width),
        ("batch", args.batch),
        ("iterations", args.iterations.into()),
    ] {
        run.param(name, value).failed(failed)?;
    }
    let all = args
        .over
        .as_ref()
        .map_or(&Over::ALL[..], std::slice::from_ref);
    let mut report = Report::new("How encrypted training of a network grows").summary(format!(
        "Two hidden layers, {} samples a party and iteration; {} parties, {} features, width {} where they do not grow. \
         The work of all parties was done on this machine.",
        args.batch, args.parties, args.features, args.width
    ));
    let mut prices = Calibration::default();
    for &over in all {
        let values = match &args.values[..] {
            [] => over.values(),
            given => given,
        };
        let mut found: Vec<(usize, Vec<f64>)> = Vec::new();
        for &value in values {
            console.say(&format!("{} {value}", over.name()))?;
            let figures = args.point(over, value, &mut prices, console)?.figures();
            let figure = |wanted: &str| {
                let named = figures.iter().find(|(name, _)| *name == wanted);
                named.map_or(f64::NAN, |(_, value)| *value)
            };
            let name = format!("{}.{value}.twin.max_abs_diff", over.name());
            run.figure(&name, figure("twin.max_abs_diff"))
                .failed(failed)?;
            for (name, _, _) in COLUMNS {
                let name_here = format!("{}.{value}.{name}", over.name());
                run.figure(&name_here, figure(name)).failed(failed)?;
            }
            found.push((value, COLUMNS.iter().map(|c| figure(c.0)).collect()));
        }
        let (table, section) = section(over, &found, &mut run)?;
        console.table(&table)?;
        report = report.section(section);
    }
    Ok(Outcome::measured(run, report, folder))
}

/// Table and plots of what grows with `over`.
fn section(
    over: Over,
    found: &[(usize, Vec<f64>)],
    run: &mut Run,
) -> Result<(Table, Section), Error> {
    let headings = COLUMNS.iter().map(|c| Column::number(c.1));
    let columns = [Column::text(over.name())].into_iter().chain(headings);
    let mut table = Table::new(format!("Growth with {}", over.name()), columns);
    for (value, figures) in found {
        let cells = figures.iter().zip(COLUMNS);
        let cells = cells.map(|(&v, column)| Cell::from(Quantity::new(v, column.2)));
        table = table.row([Cell::text(value.to_string())].into_iter().chain(cells));
    }
    let curve = |at: usize| -> Vec<(f64, f64)> {
        let points = found.iter().map(|(x, figures)| (*x as f64, figures[at]));
        points.collect()
    };
    let mut exponents = vec![Cell::text("fitted exponent")];
    for (at, (name, ..)) in COLUMNS.iter().enumerate() {
        exponents.push(match power(&curve(at)) {
            Some((k, explained)) => {
                let name = format!("{}.exponent.{name}", over.name());
                run.figure(&name, k)
                    .failed(|| "the record cannot be made")?;
                run.figure(&format!("{name}_r2"), explained)
                    .failed(|| "the record cannot be made")?;
                Cell::from(Quantity::new(k, Unit::Plain))
            }
            None => Cell::Missing,
        });
    }
    table = table.total(exponents);
    // What grows with rows is the whole training, otherwise an iteration.
    let times: [usize; 2] = if over == Over::Rows { [1, 2] } else { [3, 4] };
    let plot = |title: &str, unit, columns: &[usize]| {
        let x = Axis::count(over.name()).log();
        let mut plot = Lines::new(
            format!("{title}, {}", over.name()),
            x,
            Axis::new(title, unit).log(),
        );
        for &at in columns {
            plot = plot.series(COLUMNS[at].1, curve(at));
        }
        plot
    };
    let section = Section::new(format!("Growth with {}", over.name()))
        .table(table.clone())
        .plot(plot("Time", Unit::Seconds, &times))
        .plot(plot("Bytes", Unit::Bytes, &[5, 6]));
    Ok((table, section))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_power_law_is_found_again() {
        let points: Vec<_> = [2.0f64, 5.0, 10.0, 50.0]
            .map(|x| (x, 3.0 * x.powf(0.7)))
            .to_vec();
        let (k, explained) = power(&points).unwrap();
        assert!((k - 0.7).abs() < 1e-12 && (explained - 1.0).abs() < 1e-12);
        assert!(power(&points[..1]).is_none());
        assert!(power(&[(1.0, 2.0), (1.0, 3.0)]).is_none());
    }
}
