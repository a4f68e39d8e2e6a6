//! Times of the basic operations, one thread, medians of CPU time.
//!
//! `cargo bench -p tacit-ckks --bench kernels -- [--json PATH] [--only nN|ciN] [--operation NAME] [--seconds S]`
//!
//! The unit T of the table is the forward transform of `tfhe-ntt` at N = 2^14 on a 50-bit prime, so
//! that figures of different machines can be compared. `TACIT_SIMD` chooses the kernels.

use cpu_time::ThreadTime;
use serde_json::{Map, Value, json};
use std::time::Duration;
use tacit_ckks::{
    Encoder, EvaluationKeys, Evaluator, Parameters, Preset, PublicKey, SecretKey, decrypt, encrypt,
};
use tacit_ring::kernel::Kernels;
use tacit_ring::{Basis, RingKind, Seed, sample};

const SEED: u64 = 1;

/// Median and least CPU time of one call, in microseconds.
fn median(seconds: f64, mut f: impl FnMut()) -> [f64; 2] {
    for _ in 0..3 {
        f();
    }
    let mut times = vec![];
    let mut spent = Duration::ZERO;
    while (spent.as_secs_f64() < seconds && times.len() < 20_000) || times.len() < 11 {
        let start = ThreadTime::now();
        f();
        let time = start.elapsed();
        spent += time;
        times.push(time);
    }
    times.sort();
    [times[times.len() / 2], times[0]].map(|time| time.as_secs_f64() * 1e6)
}

/// The transform of an independent library.
struct Oracle {
    plan: tfhe_ntt::prime64::Plan,
    row: Vec<u64>,
}

impl Oracle {
    fn new(log_n: u32) -> Self {
        let n = 1usize << log_n;
        let prime = tacit_ring::ntt_primes(&[50], 2 << log_n).expect("a 50-bit prime exists")[0];
        Self {
            plan: tfhe_ntt::prime64::Plan::try_new(n, prime).expect("the prime suits"),
            row: (0..n as u64).map(|i| (i * i) % prime).collect(),
        }
    }

    fn forward(&mut self) {
        self.plan.fwd(&mut self.row);
    }
}

struct Figures {
    map: Map<String, Value>,
    quiet: bool,
    unit: f64,
}

impl Figures {
    fn record(&mut self, group: &str, name: &str, [micros, least]: [f64; 2]) {
        let rounded = (micros * 1000.0).round() / 1000.0;
        self.map
            .insert(format!("{group}.{name}_us"), json!(rounded));
        if !self.quiet {
            let [t, least] = [micros, least].map(|m| m / self.unit);
            println!("{group:5} {name:16} {micros:12.1} µs {t:9.2} T   least {least:9.2} T");
        }
    }
}

fn group(
    kind: RingKind,
    preset: Preset,
    operation: &str,
    seconds: f64,
    figures: &mut Figures,
) -> Value {
    let literal = preset.literal(kind);
    let params = Parameters::new(&literal).expect("presets are valid");
    let (ring, level) = (params.ring(), params.max_level());
    let group = match kind {
        RingKind::Standard => format!("n{}", literal.log_n),
        RingKind::ConjugateInvariant => format!("ci{}", literal.log_n),
    };
    let mut xof = Seed::from_bytes([SEED as u8; 32]).expand();
    let sk = SecretKey::sample(&params, &mut xof);
    let pk = PublicKey::generate(&params, &sk, &mut xof);
    let evaluator = Evaluator::new(
        &params,
        EvaluationKeys::generate(&params, &sk, &[1], &mut xof),
    );
    let encoder = Encoder::new(&params);
    let values: Vec<f64> = (0..params.slots())
        .map(|i| (i as f64 * 0.1).sin())
        .collect();
    let message = encoder
        .encode(&values, level, params.scale())
        .expect("values fit");
    let [a, b] = [0, 1].map(|_| encrypt(&params, &pk, &message, &mut xof));

    let mut run = |name: &str, f: &mut dyn FnMut()| {
        if !operation.is_empty() && operation != name {
            return;
        }
        let time = median(seconds, f);
        figures.record(&group, name, time);
    };
    let mut row = sample::uniform(ring, Basis::q(1), &mut xof).row(0).to_vec();
    let table = ring.q_table(0);
    run("ntt", &mut || table.forward(ring.kernels(), &mut row));
    run("inverse_ntt", &mut || {
        table.inverse(ring.kernels(), &mut row)
    });
    if kind == RingKind::Standard {
        let mut other = Oracle::new(literal.log_n);
        run("oracle_ntt", &mut || other.forward());
    }
    let black_box = std::hint::black_box::<tacit_ckks::Ciphertext>;
    run("rotate", &mut || {
        black_box(evaluator.rotate(&a, 1).expect("the key is there"));
    });
    run("mul", &mut || {
        black_box(evaluator.mul_rescale(&a, &b).expect("levels suffice"));
    });
    run("mul_plain", &mut || {
        black_box(evaluator.mul_plain(&a, &message).expect("the scale fits"));
    });
    let mut product = a.clone();
    run("mul_plain_assign", &mut || {
        product.set_scale(a.scale());
        evaluator
            .mul_plain_assign(&mut product, &message)
            .expect("the scale fits");
    });
    run("add", &mut || {
        black_box(evaluator.add(&a, &b).expect("scales agree"));
    });
    run("encode", &mut || {
        std::hint::black_box(
            encoder
                .encode(&values, level, params.scale())
                .expect("values fit"),
        );
    });
    let mut low = a.clone();
    evaluator
        .drop_to_level(&mut low, 0)
        .expect("the scale fits");
    let decrypted = decrypt(&params, &sk, &low);
    run("decode", &mut || {
        std::hint::black_box(encoder.decode(&decrypted));
    });
    run("encrypt", &mut || {
        black_box(encrypt(&params, &pk, &message, &mut xof));
    });
    let hoisted = evaluator.hoist(&a).expect("two polynomials");
    run("hoist", &mut || {
        std::hint::black_box(evaluator.hoist(&a).expect("two polynomials"));
    });
    run("hoisted", &mut || {
        std::hint::black_box(
            evaluator
                .rotate_extended(&a, &hoisted, 1)
                .expect("the key is there"),
        );
    });
    json!({
        "log_n": literal.log_n, "q_bits": literal.q_bits, "p_bits": literal.p_bits,
        "digits": params.digits(), "level": level,
    })
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut json_path, mut seconds) = (None, 0.5);
    let (mut only, mut operation) = (String::new(), String::new());
    while let Some(argument) = arguments.next() {
        let mut value = || {
            arguments.next().unwrap_or_else(|| {
                eprintln!("{argument} needs a value");
                std::process::exit(2)
            })
        };
        match argument.as_str() {
            "--json" => json_path = Some(value()),
            "--only" => only = value(),
            "--operation" => operation = value(),
            "--seconds" => {
                seconds = value().parse().unwrap_or_else(|_| {
                    eprintln!("--seconds needs a number");
                    std::process::exit(2)
                })
            }
            "--bench" => {} // passed by cargo
            other => {
                eprintln!(
                    "unknown argument {other}; use --json PATH, --only GROUP, --operation NAME, --seconds S"
                );
                std::process::exit(2)
            }
        }
    }
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build_global()
        .expect("the pool is not in use yet");
    let simd = match Kernels::detect() {
        Ok(kernels) => kernels.simd.name(),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(2)
        }
    };
    let quiet = json_path.as_deref() == Some("-");
    let mut oracle = Oracle::new(14);
    let [unit, _] = median(seconds, || oracle.forward());
    let mut figures = Figures {
        map: Map::new(),
        quiet,
        unit,
    };
    figures.map.insert("unit_us".into(), json!(unit));
    if !quiet {
        println!("kernels: {simd}; T = {unit:.1} µs");
    }
    let mut params = Map::new();
    for kind in [RingKind::Standard, RingKind::ConjugateInvariant] {
        for preset in [Preset::N13, Preset::N14, Preset::N15] {
            let log_n = preset.literal(kind).log_n;
            let name = match kind {
                RingKind::Standard => format!("n{log_n}"),
                RingKind::ConjugateInvariant => format!("ci{log_n}"),
            };
            if only.is_empty() || only == name {
                let used = group(kind, preset, &operation, seconds, &mut figures);
                params.insert(name, used);
            }
        }
    }
    params.insert("simd".into(), json!(simd));
    let run = json!({
        "schema": "tacit.run/1",
        "command": "cargo bench -p tacit-ckks --bench kernels",
        "version": env!("CARGO_PKG_VERSION"),
        "seed": SEED,
        "params": params,
        "figures": figures.map,
    });
    let text = serde_json::to_string_pretty(&run).expect("plain data");
    match json_path.as_deref() {
        None => {}
        Some("-") => println!("{text}"),
        Some(path) => {
            if let Err(error) = std::fs::write(path, text + "\n") {
                eprintln!("cannot write {path}: {error}");
                std::process::exit(1)
            }
        }
    }
}
