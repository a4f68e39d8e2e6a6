//! Times of both quadratic schemes: n = 785 inputs of 8 bits, d = 40, K = 10, coefficients of P of 4 to
//! 5 bits, 49 % of them zero. Medians of processor time; on two threads, of wall time.
//!
//! `cargo bench -p tacit-fe --bench scheme -- [--json PATH|-] [--seconds S]`
//!
//! One addition in G1, one Miller loop of two pairs and one final exponentiation are measured in the same
//! run, as yardsticks of the machine. Beside each figure stands its goal, and what Ryffel et al. (2019)
//! report for their implementation. Figures of the scheme in the standard model end in `_standard`, and
//! `ratio_…` is how many times as much it costs as the one in the generic group model in the same run.

mod clock;

use clock::median;
use serde_json::{Map, Value, json};
use tacit_fe::group::{G1, G1Affine, G2, G2Affine, PreparedG2, Scalar, SumProgram, miller_loop};
use tacit_fe::*;
use tacit_ring::Seed;

const SIZES: (usize, usize, usize) = (785, 40, 10);

struct Bench {
    figures: Map<String, Value>,
    quiet: bool,
    seconds: f64,
}

impl Bench {
    /// A figure with its goal and the published one, in the same unit.
    fn row(&mut self, name: &str, value: f64, goal: Option<f64>, published: Option<f64>) {
        self.figures
            .insert(name.into(), json!((value * 1e3).round() / 1e3));
        if self.quiet {
            return;
        }
        // Goals and published figures are of the scheme in the generic group model.
        let generic = !name.ends_with("_standard");
        let beside = |title: &str, v: Option<f64>| {
            let v = v.filter(|_| generic);
            v.map_or(String::new(), |v| format!("   {title} {v:8.1}"))
        };
        println!(
            "{name:34} {value:10.3}{}{}",
            beside("goal", goal),
            beside("published", published)
        );
    }

    fn time(&mut self, name: &str, goal: Option<f64>, published: Option<f64>, f: impl FnMut()) {
        let value = median(self.seconds, false, f);
        self.row(name, value, goal, published);
    }
}

fn model() -> IntegerModel {
    let (n, d, k) = SIZES;
    let mut xof = Seed::from_bytes([1; 32]).expand();
    let p = (0..n * d).map(|_| {
        let (zero, large, value) = (
            xof.next_u64() % 100 < 49,
            xof.next_u64().is_multiple_of(8),
            xof.next_u64(),
        );
        let size = if large { 31 } else { 15 };
        let magnitude = (value >> 1) % size + 1;
        let signed = magnitude as i16 * if value & 1 == 1 { 1 } else { -1 };
        if zero { 0 } else { signed }
    });
    let p = p.collect();
    let combination = (0..d * k)
        .map(|_| (xof.next_u64() % 63) as i16 - 31)
        .collect();
    IntegerModel::new(SIZES, p, combination, 255).expect("a valid model")
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |flag: &str| {
        let at = arguments.iter().position(|a| a == flag)?;
        arguments.get(at + 1).cloned()
    };
    let target = value("--json");
    let seconds = value("--seconds").and_then(|s| s.parse().ok());
    let mut bench = Bench {
        figures: Map::new(),
        quiet: target.as_deref() == Some("-"),
        seconds: seconds.unwrap_or(1.0),
    };
    // Whatever is parallel and has no pool of its own runs on this thread, whose processor time is measured.
    let _one = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build()
        .expect("a pool of this thread");
    primitives(&mut bench);
    projections(&mut bench);
    generic(&mut bench);
    standard(&mut bench);
    ratios(&mut bench);
    let record = json!({
        "schema": "tacit.run/1",
        "command": "bench fe scheme",
        "version": env!("CARGO_PKG_VERSION"),
        "seed": 1,
        "params": { "inputs": SIZES.0, "hidden": SIZES.1, "outputs": SIZES.2, "input_max": 255 },
        "figures": bench.figures,
    });
    match target.as_deref() {
        Some("-") => println!("{record}"),
        Some(path) => std::fs::write(path, record.to_string()).expect("the record can be written"),
        None => {}
    }
}

fn primitives(bench: &mut Bench) {
    let (p, q) = (G1Affine::generator(), G2Affine::generator());
    let mut sum = G1::generator().double();
    let add = median(0.2, false, || {
        for _ in 0..1000 {
            sum = sum.add_affine(&p);
        }
    });
    bench.row("g1_add_us", add, None, None);
    let pairs = [(p, q), (p, q)];
    let single = median(0.2, false, || {
        std::hint::black_box(miller_loop(&pairs[..1]));
    });
    bench.row("miller1_us", single * 1e3, None, None);
    let prepared = PreparedG2::new(&q).expect("not the identity");
    let single = median(0.2, false, || {
        std::hint::black_box(prepared.miller_loop(&p));
    });
    bench.row("miller_prepared_us", single * 1e3, None, None);
    let value = miller_loop(&pairs);
    let miller = median(0.2, false, || {
        std::hint::black_box(miller_loop(&pairs));
    });
    bench.row("miller2_us", miller * 1e3, None, None);
    let last = median(0.2, false, || {
        std::hint::black_box(value.final_exponentiation());
    });
    bench.row("final_exp_us", last * 1e3, None, None);
}

/// Measures one scheme; the two have the same names for the same things.
macro_rules! scheme {
    ($measure:ident, $module:ident, $suffix:literal) => {
        fn $measure(bench: &mut Bench) {
            use tacit_fe::scheme::$module::{Ciphertext, Encryptor, EvaluationPlan, MasterSecret};
            let model = model();
            let seed = Seed::from_bytes([2; 32]);
            let master = MasterSecret::from_seed(model.inputs(), 255, &seed).unwrap();
            let public = master.public_key();
            let x: Vec<u16> = (0..model.inputs() as u16)
                .map(|i| if i == 0 { 1 } else { i * 37 % 256 })
                .collect();
            let name = |figure: &str| format!("{figure}{}", $suffix);

            bench.time(&name("keygen_ms"), Some(4.0), Some(94.0), || {
                std::hint::black_box(master.keygen(&model).unwrap());
            });
            let key = master.keygen(&model).unwrap();

            for (timing, tables) in [(Timing::ConstantTime, ""), (Timing::Tables, "_tables")] {
                let encryptor = Encryptor::authority(&master, timing);
                let figure = name(&format!("encrypt_authority{tables}_ms"));
                bench.time(&figure, Some(40.0), None, || {
                    std::hint::black_box(encryptor.encrypt(&x).unwrap());
                });
                let encryptor = Encryptor::public(public, timing);
                let figure = name(&format!("encrypt_public{tables}_ms"));
                bench.time(&figure, Some(90.0), Some(12_100.0), || {
                    std::hint::black_box(encryptor.encrypt(&x).unwrap());
                });
                if timing == Timing::ConstantTime {
                    let bytes = encryptor.table_bytes() as f64;
                    bench.row(&name("encryptor_bytes"), bytes, None, None);
                }
            }
            let encryptor = Encryptor::authority(&master, Timing::Tables);
            let ciphertext = encryptor.encrypt(&x).unwrap();

            for (threads, goal, figure) in
                [(1, 70.0, "evaluate_ms"), (2, 38.0, "evaluate_2_threads_ms")]
            {
                let plan = EvaluationPlan::new(&key, &model, threads).unwrap();
                let time = median(bench.seconds, threads > 1, || {
                    std::hint::black_box(plan.evaluate(&ciphertext).unwrap());
                });
                bench.row(&name(figure), time, Some(goal), Some(2_970.0));
            }

            let (compressed, raw) = (ciphertext.to_bytes(), ciphertext.to_raw_bytes());
            for (figure, bytes) in [
                ("public_key_bytes", public.to_bytes().len()),
                ("functional_key_bytes", key.to_bytes().len()),
                ("ciphertext_bytes", compressed.len()),
            ] {
                bench.row(&name(figure), bytes as f64, None, None);
            }
            let two = rayon::ThreadPoolBuilder::new().num_threads(2).build();
            for (pool, on) in [
                (None, ""),
                (Some(two.expect("threads start")), "_2_threads"),
            ] {
                type Decode = fn(&[u8]) -> Result<Ciphertext, FeError>;
                let from_anywhere: Decode = Ciphertext::from_bytes;
                for (figure, bytes, decode) in [
                    ("ingest_checked", &compressed, from_anywhere),
                    ("ingest_raw_checked", &raw, from_anywhere),
                    ("ingest_trusted", &raw, Ciphertext::from_trusted_bytes),
                ] {
                    let run = || {
                        std::hint::black_box(decode(bytes).unwrap());
                    };
                    let time = median(bench.seconds, pool.is_some(), || match &pool {
                        None => run(),
                        Some(pool) => pool.install(run),
                    });
                    bench.row(&name(&format!("{figure}{on}_ms")), time, None, None);
                }
            }
        }
    };
}

scheme!(generic, generic, "");
scheme!(standard, standard, "_standard");

/// How many times as much the scheme in the standard model costs.
fn ratios(bench: &mut Bench) {
    for figure in [
        "keygen_ms",
        "encrypt_authority_ms",
        "encrypt_public_ms",
        "encrypt_authority_tables_ms",
        "encrypt_public_tables_ms",
        "evaluate_ms",
        "evaluate_2_threads_ms",
        "ingest_checked_ms",
        "ciphertext_bytes",
    ] {
        let of = |name: &str| bench.figures[name].as_f64().expect("measured before");
        let ratio = of(&format!("{figure}_standard")) / of(figure);
        bench.row(&format!("ratio_{figure}"), ratio, None, None);
    }
}

fn projections(bench: &mut Bench) {
    let model = model();
    let column = |j| {
        (0..)
            .zip(model.projection_column(j))
            .filter(|c| c.1 != 0)
            .collect()
    };
    let program = SumProgram::new(SIZES.0, (0..SIZES.1).map(column).collect());
    let scalars = (1..=SIZES.0 as u64).map(|i| Scalar::from(i * i * i + 77));
    let (g1, g2): (Vec<G1>, Vec<G2>) = scalars
        .map(|s| (G1::generator().mul(&s), G2::generator().mul(&s)))
        .unzip();
    let (g1, g2) = (G1::batch_to_affine(&g1), G2::batch_to_affine(&g2));
    bench.time("project_g1_ms", None, None, || {
        std::hint::black_box(program.run_g1(&g1));
    });
    bench.time("project_g2_ms", None, None, || {
        std::hint::black_box(program.run_g2(&g2));
    });
}
