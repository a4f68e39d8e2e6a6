//! Time of ten discrete logarithms by size of table and magnitude, one thread, medians of CPU time.
//!
//! `cargo bench -p tacit-fe --bench dlog -- [--json PATH|-] [--seconds S]`
//!
//! `uniform` draws the ten values within ±2^bits, `edge` puts all of them at the far end: the most
//! that values of this magnitude can cost. Beside them the published 24 ms (i7, for 10 outputs) and
//! the time of one multiplication in GT, of which a plain giant step takes one.

mod clock;

use std::hint::black_box;
use std::time::Instant;

use clock::median;
use serde_json::{Map, Value, json};
use tacit_fe::group::Gt;
use tacit_fe::{DlogTable, TableSize};
use tacit_ring::Seed;

const OUTPUTS: usize = 10;

struct Bench {
    figures: Map<String, Value>,
    quiet: bool,
    seconds: f64,
}

impl Bench {
    fn row(&mut self, name: String, value: f64) {
        if !self.quiet {
            println!("{name:32} {value:>12.3}");
        }
        let rounded = (value * 1000.0).round() / 1000.0;
        self.figures.insert(name, json!(rounded));
    }

    fn solve(&mut self, table: &DlogTable, mib: u32, bits: u32) {
        let mut xof = Seed::from_bytes([bits as u8; 32]).expand();
        let mut uniform = || {
            let mut word = [0; 8];
            xof.fill(&mut word);
            i64::from_le_bytes(word) >> (63 - bits)
        };
        // Many draws of ten, so that the median is over values and not over the clock.
        let draws: Vec<Vec<i64>> = (0..64)
            .map(|_| (0..OUTPUTS).map(|_| uniform()).collect())
            .collect();
        let edge: Vec<i64> = (0..OUTPUTS as i64)
            .map(|i| ((1i64 << bits) - 1 - i) * if i % 2 == 0 { 1 } else { -1 })
            .collect();
        for (name, sets) in [("uniform", draws), ("edge", vec![edge])] {
            let power = |&v: &i64| Gt::generator().pow_signed(v);
            let targets: Vec<Vec<Gt>> = sets
                .iter()
                .map(|values| values.iter().map(power).collect())
                .collect();
            let mut turn = 0;
            let time = median(self.seconds, false, || {
                let (values, targets) = (&sets[turn % sets.len()], &targets[turn % sets.len()]);
                for (v, y) in values.iter().zip(targets) {
                    assert_eq!(table.solve(black_box(y), 1 << bits), Ok(*v));
                }
                turn += 1;
            });
            self.row(format!("m{mib}.b{bits}.{name}_ms"), time);
        }
    }
}

fn main() {
    let (mut json_path, mut seconds) = (None, 0.5);
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--json" => json_path = args.next(),
            "--seconds" => seconds = args.next().and_then(|s| s.parse().ok()).unwrap_or(seconds),
            _ => {}
        }
    }
    let mut bench = Bench {
        figures: Map::new(),
        quiet: json_path.as_deref() == Some("-"),
        seconds,
    };
    let g = Gt::generator();
    let mut y = g;
    let multiplication = median(0.1, false, || {
        for _ in 0..100 {
            y = black_box(y * g);
        }
    });
    bench.row("gt_mul_us".into(), multiplication * 10.0);
    for mib in [1, 4, 16, 64] {
        let size = TableSize::mib(mib).expect("a valid size");
        let start = Instant::now();
        let table = DlogTable::build(size, &|_, _| {});
        bench.row(format!("m{mib}.build_s"), start.elapsed().as_secs_f64());
        bench.row(format!("m{mib}.baby_steps"), table.baby_steps().into());
        for bits in [27, 33, 36] {
            bench.solve(&table, mib, bits);
        }
    }
    let report = json!({
        "schema": "tacit.run/1",
        "command": "bench dlog",
        "version": env!("CARGO_PKG_VERSION"),
        "seed": null,
        "params": { "outputs": OUTPUTS, "threads": 1 },
        "figures": bench.figures,
    });
    match json_path.as_deref() {
        Some("-") => println!("{report}"),
        Some(path) => std::fs::write(path, report.to_string()).expect("the figures can be written"),
        None => {}
    }
}
