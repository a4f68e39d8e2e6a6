//! Times and sizes of every multiparty share, one party, one thread, medians of CPU time.
//!
//! `cargo bench -p tacit-mhe --bench shares -- [--json PATH|-] [--seconds S]`
//!
//! Beside each figure stands the one published for Lattigo v6.2 on comparable hardware (single thread), and
//! the ratio. A share includes everything but the expansion of the common random string, which that library
//! counts apart too; the expansion is a row of its own.

use std::time::Duration;

use cpu_time::ThreadTime;
use serde_json::{Map, Value, json};
use tacit_ckks::{Encoder, Parameters, Preset, PublicKey, SecretKey, encrypt, expand_gadget};
use tacit_mhe::*;
use tacit_ring::{RingKind, Seed};

/// Lattigo's microseconds at N = 2^13, 2^14, 2^15, where known.
const LATTIGO: [(&str, [Option<f64>; 3]); 7] = [
    ("cpk", [Some(787.0), Some(3014.0), Some(12803.0)]),
    ("rlk1", [Some(6941.0), Some(26866.0), Some(163819.0)]),
    ("rlk2", [Some(3374.0), Some(13103.0), Some(86761.0)]),
    ("galois", [Some(3300.0), Some(12672.0), Some(78246.0)]),
    ("keyswitch", [Some(715.0), Some(2647.0), Some(12322.0)]),
    ("refresh_share", [None, Some(28944.0), Some(89797.0)]),
    ("refresh_finish", [None, Some(25691.0), Some(71760.0)]),
];

fn median(seconds: f64, mut f: impl FnMut()) -> f64 {
    f();
    let (mut times, mut spent) = (vec![], Duration::ZERO);
    while (spent.as_secs_f64() < seconds && times.len() < 5_000) || times.len() < 7 {
        let start = ThreadTime::now();
        f();
        let time = start.elapsed();
        spent += time;
        times.push(time);
    }
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e6
}

struct Bench {
    figures: Map<String, Value>,
    quiet: bool,
    seconds: f64,
}

impl Bench {
    fn row(&mut self, preset: usize, name: &str, micros: f64) {
        let group = format!("n{}", 13 + preset);
        self.figures.insert(
            format!("{group}.{name}_us"),
            json!((micros * 10.0).round() / 10.0),
        );
        if self.quiet {
            return;
        }
        let published = LATTIGO
            .iter()
            .find(|(n, _)| *n == name)
            .and_then(|(_, v)| v[preset]);
        match published {
            Some(p) => {
                println!(
                    "{group} {name:22} {micros:10.0} µs   Lattigo {p:8.0}   ratio {:.3}",
                    micros / p
                );
            }
            None => println!("{group} {name:22} {micros:10.0} µs"),
        }
    }

    fn bytes(&mut self, preset: usize, name: &str, bytes: usize) {
        let group = format!("n{}", 13 + preset);
        self.figures
            .insert(format!("{group}.{name}_bytes"), json!(bytes));
        if !self.quiet {
            println!("{group} {name:22} {bytes:10} bytes");
        }
    }

    /// Share, aggregation (decoded and encoded) and size of one protocol.
    fn protocol<P: Protocol>(&mut self, preset: usize, name: &str, p: &P, secret: &PartySecret) {
        let seconds = self.seconds;
        let time = median(seconds, || {
            drop(std::hint::black_box(p.share(secret).unwrap()))
        });
        self.row(preset, name, time);
        let share = p.share(secret).unwrap();
        let mut sum = share.clone();
        let time = median(seconds / 4.0, || p.aggregate(&mut sum, &share).unwrap());
        self.row(preset, &format!("{name}_aggregate"), time);
        let bytes = p.encode(&share);
        let mut encoded = bytes.clone();
        let time = median(seconds / 4.0, || {
            p.aggregate_encoded(&mut encoded, &bytes).unwrap()
        });
        self.row(preset, &format!("{name}_aggregate_encoded"), time);
        self.bytes(preset, name, bytes.len());
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |flag: &str| {
        arguments
            .iter()
            .position(|a| a == flag)
            .and_then(|i| arguments.get(i + 1))
            .cloned()
    };
    let target = value("--json");
    let seconds = value("--seconds")
        .and_then(|s| s.parse().ok())
        .unwrap_or(0.5);
    let quiet = target.as_deref() == Some("-");
    let mut bench = Bench {
        figures: Map::new(),
        quiet,
        seconds,
    };
    for (index, preset) in [Preset::N13, Preset::N14, Preset::N15]
        .into_iter()
        .enumerate()
    {
        run(&mut bench, index, preset);
    }
    let record = json!({
        "schema": "tacit.run/1",
        "command": "bench shares",
        "version": env!("CARGO_PKG_VERSION"),
        "seed": 1,
        "params": { "ring": "standard", "presets": ["N13", "N14", "N15"] },
        "figures": bench.figures,
    });
    match target.as_deref() {
        Some("-") => println!("{record}"),
        Some(path) => std::fs::write(path, record.to_string()).expect("the record can be written"),
        None => {}
    }
}

fn run(bench: &mut Bench, index: usize, preset: Preset) {
    let params = Parameters::new(&preset.literal(RingKind::Standard)).unwrap();
    let ring = params.ring();
    let secret = PartySecret::from_seed(&params, &Seed::from_bytes([1; 32]));
    let context = SessionContext::derive(&[1; 32], &[2; 32], &[[3; 32], [4; 32]]);
    let instance = context.instance(0);

    let time = median(bench.seconds, || {
        drop(std::hint::black_box(expand_gadget(
            &params,
            params.max_level(),
            &Seed::from_bytes([7; 32]),
        )));
    });
    bench.row(index, "crs_gadget", time);
    let cpk = CollectivePublicKey::new(&params, &instance);
    bench.protocol(index, "cpk", &cpk, &secret);
    let one = RelinearisationRoundOne::new(&params, &instance);
    bench.protocol(index, "rlk1", &one, &secret);
    let sum = one.finish(&one.share(&secret).unwrap()).unwrap();
    let two = RelinearisationRoundTwo::new(&one, sum);
    bench.protocol(index, "rlk2", &two, &secret);
    let galois = CollectiveGaloisKey::new(&params, &instance, ring.rotation(1));
    bench.protocol(index, "galois", &galois, &secret);

    // A ciphertext at the top level, switched to a querier and refreshed.
    let mut xof = Seed::from_bytes([9; 32]).expand();
    let querier = SecretKey::sample(&params, &mut xof);
    let pk = PublicKey::generate(&params, &querier, &mut xof);
    let level = params.max_level();
    let message = Encoder::new(&params)
        .encode(&[1.0], level, params.scale())
        .unwrap();
    let ct = encrypt(&params, &pk, &message, &mut xof);
    let width = SmudgingBits::new(if index == 0 { 90 } else { 120 });
    let release = Release::new(&params, &instance, &ct, width).unwrap();
    bench.protocol(index, "keyswitch", &release, &secret);
    let other = PartySecret::from_seed(&params, &Seed::from_bytes([2; 32]));
    let public = KeySwitchToPublic::new(&params, &instance, &ct, &pk, width).unwrap();
    bench.protocol(index, "keyswitch_public", &public, &other);

    // Refresh needs room for its masks; N = 2^13 has none at lambda_s = 64.
    let mask = MaskBits::hiding(45.0, 64, ring.n(), 1000);
    let lowest = (0..=level).find(|&l| params.log2_q(l) >= mask.modulus_bits(2));
    if let (Some(lowest), true) = (lowest, index > 0) {
        let message = Encoder::new(&params)
            .encode(&[1.0], lowest, params.scale())
            .unwrap();
        let ct = encrypt(&params, &pk, &message, &mut xof);
        let refresh =
            Refresh::new(&params, &instance, ct, level, mask, ExactMap::IDENTITY).unwrap();
        bench.protocol(index, "refresh_share", &refresh, &secret);
        let share = refresh.share(&secret).unwrap();
        let time = median(bench.seconds, || {
            drop(std::hint::black_box(refresh.finish(&share).unwrap()));
        });
        bench.row(index, "refresh_finish", time);
    }
}
