//! Row kernels and samplers, one thread, medians of CPU time.
//!
//! `cargo bench -p tacit-ring --bench ntt -- [--json PATH] [--only TEXT] [--seconds S]`
//!
//! Every instruction set of this processor is measured (or the one that `TACIT_SIMD` names). The
//! unit T is the forward transform of `tfhe-ntt` at N = 2^14 on a 50-bit prime, measured in
//! the same run between the groups, so that figures of different machines can be compared.
//! Above 40 µs the machine is too busy for the figures to count.

use cpu_time::ThreadTime;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;
use tacit_ring::kernel::{Kernels, Multiplier};
use tacit_ring::{Basis, Ring, RingKind, Seed, codec, ntt_primes, sample};

/// Median CPU time of one call, in microseconds.
fn median(seconds: f64, mut f: impl FnMut()) -> f64 {
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
    times[times.len() / 2].as_secs_f64() * 1e6
}

/// Forward transform of the independent library.
fn oracle(seconds: f64) -> f64 {
    let prime = ntt_primes(&[50], 2 << 14).expect("a 50-bit prime exists")[0];
    let plan = tfhe_ntt::prime64::Plan::try_new(1 << 14, prime).expect("the prime suits");
    let mut row: Vec<u64> = (0..1 << 14).map(|i: u64| (i * i) % prime).collect();
    median(seconds, || plan.fwd(&mut row))
}

struct Run {
    seconds: f64,
    only: String,
    quiet: bool,
    group: String,
    unit: f64,
    worst_unit: f64,
    json: String,
}

impl Run {
    fn start_group(&mut self, name: String) {
        self.group = name;
        self.unit = oracle(self.seconds);
        self.worst_unit = self.worst_unit.max(self.unit);
        if !self.quiet {
            println!("\n{}: T = {:.1} µs", self.group, self.unit);
        }
    }

    fn measure(&mut self, name: &str, f: impl FnMut()) {
        let key = format!("{}.{name}", self.group);
        if !key.contains(&self.only) {
            return;
        }
        let micros = median(self.seconds, f);
        let _ = write!(
            self.json,
            ",\n  \"{key}_us\": {micros:.3},\n  \"{key}_t\": {:.4}",
            micros / self.unit
        );
        if !self.quiet {
            println!("  {name:22} {micros:10.2} µs {:8.3} T", micros / self.unit);
        }
    }
}

fn transforms(run: &mut Run, kernels: &'static Kernels) {
    for (kind, short) in [
        (RingKind::Standard, "n"),
        (RingKind::ConjugateInvariant, "ci"),
    ] {
        for log_n in [13, 14, 15] {
            run.start_group(format!("{}.{short}{log_n}", kernels.simd.name()));
            let primes = ntt_primes(&[50, 40], kind.root_order(log_n)).expect("primes exist");
            let ring = Ring::with_kernels(kind, log_n, &primes, &[], kernels).expect("valid ring");
            let mut xof = Seed::from_bytes([1; 32]).expand();
            let poly = sample::uniform(&ring, Basis::q(2), &mut xof);
            for (index, bits) in [(0, 50), (1, 40)] {
                let mut row = poly.restrict(Basis::q(index + 1));
                let row = row.row_mut(index);
                let table = ring.q_table(index);
                run.measure(&format!("forward_{bits}"), || table.forward(kernels, row));
                run.measure(&format!("inverse_{bits}"), || table.inverse(kernels, row));
            }
        }
    }
}

fn rows(run: &mut Run, kernels: &'static Kernels) {
    run.start_group(format!("{}.rows", kernels.simd.name()));
    let kind = RingKind::Standard;
    let primes = ntt_primes(&[50, 40, 50, 40], kind.root_order(14)).expect("primes exist");
    let ring = Ring::with_kernels(kind, 14, &primes, &[], kernels).expect("valid ring");
    let m = *ring.q(0);
    let mut xof = Seed::from_bytes([1; 32]).expand();
    let x: Vec<_> = (0..12)
        .map(|_| sample::uniform(&ring, Basis::q(2), &mut xof))
        .collect();
    let r = |i: usize| x[i].row(0);
    let [mut a, mut b, mut c] = [0, 1, 2].map(|i| r(i).to_vec());
    let w = Multiplier::new(r(3)[0], &m);
    run.measure("add_assign", || (kernels.add_assign)(&mut a, r(1), &m));
    run.measure("mul", || (kernels.mul)(&mut a, r(1), r(2), &m));
    run.measure("mul_add_assign", || {
        (kernels.mul_add_assign)(&mut a, r(1), r(2), &m)
    });
    run.measure("mul_scalar_assign", || {
        (kernels.mul_scalar_assign)(&mut a, w, &m)
    });
    run.measure("sub_mul_scalar", || {
        (kernels.sub_mul_scalar)(&mut a, r(1), w, &m)
    });
    run.measure("tensor", || {
        (kernels.tensor)([&mut a, &mut b, &mut c], [r(3), r(4)], [r(5), r(6)], &m)
    });
    let digits = [r(0), r(1), r(2), r(3)];
    let keys = [[r(4), r(5), r(6), r(7)], [r(8), r(9), r(10), r(11)]];
    run.measure("mac_4_digits", || {
        (kernels.mac_digits)([&mut a, &mut b], &digits, &keys[0], &keys[1], &m)
    });
    let mut v = vec![0; ring.n()];
    run.measure("round_quotient_2", || {
        (kernels.round_quotient)(&mut v, &[r(0), r(1)], &primes[..2])
    });
    run.measure("base_convert_2", || {
        (kernels.base_convert)(&mut a, &[r(0), r(1)], &[r(2)[0], r(2)[1]], &v, r(2)[2], &m)
    });
    run.measure("reduce_centred", || {
        (kernels.reduce_centred)(&mut a, x[0].row(1), primes[1], &m)
    });
    let signed: Vec<i64> = r(0).iter().map(|&x| x as i64 - (1 << 49)).collect();
    run.measure("reduce_signed", || {
        (kernels.reduce_signed)(&mut a, &signed, &m)
    });
    let permutation = ring.permutation(ring.rotation(1));
    run.measure("permute", || (kernels.permute)(&mut a, r(0), &permutation));
    run.measure("fold", || (kernels.fold)(&mut a, w, &m));
    let table: Vec<u64> = (1..=30).map(|k| k << 58).collect();
    let mut counts = vec![0; ring.n()];
    run.measure("invert_table_30", || {
        (kernels.invert_table)(&mut counts, r(0), &table)
    });
    run.measure("reduce_wide_3", || {
        (kernels.reduce_wide)(&mut a, &[r(1), r(2), r(3)], &m)
    });
    run.measure("unfold", || (kernels.unfold)(&mut a, w, w, &m));
}

fn samplers(run: &mut Run, kernels: &'static Kernels) {
    run.start_group(format!("{}.samplers", kernels.simd.name()));
    let kind = RingKind::Standard;
    let primes =
        ntt_primes(&[50, 40, 40, 40, 40, 40, 40, 40], kind.root_order(14)).expect("primes exist");
    let ring = Ring::with_kernels(kind, 14, &primes, &[], kernels).expect("valid ring");
    let n = ring.n();
    let mut xof = Seed::from_bytes([1; 32]).expand();
    let mut words = vec![0; n];
    run.measure("xof_words", || xof.fill_words(&mut words));
    run.measure("gaussian", || {
        drop(black_box(sample::gaussian(n, &mut xof)))
    });
    run.measure("ternary", || drop(black_box(sample::ternary(n, &mut xof))));
    run.measure("uniform_row", || {
        drop(black_box(sample::uniform(&ring, Basis::q(1), &mut xof)));
    });
    run.measure("wide_140", || {
        drop(black_box(sample::wide_uniform(n, 140, &mut xof)))
    });
    let wide = sample::wide_uniform(n, 140, &mut xof);
    run.measure("lift_wide_8", || {
        drop(black_box(ring.lift_wide(&wide, Basis::q(8))))
    });
    let small = sample::gaussian(n, &mut xof);
    run.measure("lift_signed_8", || {
        drop(black_box(ring.lift_signed(small.as_slice(), Basis::q(8))));
    });
    let poly = sample::uniform(&ring, Basis::q(8), &mut xof);
    let mut bytes = vec![];
    run.measure("write_poly_8", || {
        bytes.clear();
        codec::write_poly(&mut bytes, &ring, &poly);
    });
    run.measure("read_poly_8", || {
        let poly = codec::Reader::new("poly", &bytes).poly::<tacit_ring::Ntt>(&ring, Basis::q(8));
        drop(black_box(poly));
    });
    let other = poly.clone();
    run.measure("ring_mul_8", || drop(black_box(ring.mul(&poly, &other))));
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut json_path, mut only, mut seconds) = (None, String::new(), 0.2);
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
            "--seconds" => {
                seconds = value().parse().unwrap_or_else(|_| {
                    eprintln!("--seconds needs a number");
                    std::process::exit(2)
                })
            }
            "--bench" => {} // passed by cargo
            other => {
                eprintln!("unknown argument {other}; use --json PATH, --only TEXT, --seconds S");
                std::process::exit(2)
            }
        }
    }
    let sets = match (std::env::var_os("TACIT_SIMD"), Kernels::detect()) {
        (_, Err(error)) => {
            eprintln!("{error}");
            std::process::exit(2)
        }
        (Some(_), Ok(kernels)) => vec![kernels],
        (None, Ok(_)) => {
            let mut sets = Kernels::available();
            sets.reverse(); // the fastest, which is then in force, first
            sets
        }
    };
    let mut run = Run {
        seconds,
        only,
        quiet: json_path.as_deref() == Some("-"),
        group: String::new(),
        unit: 0.0,
        worst_unit: 0.0,
        json: String::new(),
    };
    for &kernels in &sets {
        transforms(&mut run, kernels);
        rows(&mut run, kernels);
    }
    // Samplers have no kernels of their own: they use those in force.
    samplers(&mut run, sets[0]);
    let json = format!(
        "{{\n  \"worst_unit_us\": {:.3}{}\n}}\n",
        run.worst_unit, run.json
    );
    let written = match json_path.as_deref() {
        None => Ok(()),
        Some("-") => {
            print!("{json}");
            Ok(())
        }
        Some(path) => std::fs::write(path, json).map_err(|error| format!("{path}: {error}")),
    };
    if let Err(error) = written {
        eprintln!("{error}");
        std::process::exit(1)
    }
    if run.worst_unit > 40.0 {
        eprintln!(
            "T reached {:.1} µs: the machine was too busy for this run to count",
            run.worst_unit
        );
    }
}
