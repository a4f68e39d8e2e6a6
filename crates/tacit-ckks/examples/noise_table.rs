//! Heuristic, proven and measured noise of every operation at N = 2^14, for both rings.
//!
//! ```text
//! cargo run --release -p tacit-ckks --example noise_table -- [parties] [trials]
//! ```
//!
//! Bits of the coefficients of the error: the estimated and the measured standard deviation, the proven
//! bound (λ = 128) and the largest coefficient seen, then the two bounds on the sum of all coefficients.
//! Without `parties` (or 0) one owner holds the key.

#[path = "../tests/laboratory/mod.rs"]
mod laboratory;

#[path = "../tests/laboratory/experiments.rs"]
mod experiments;

use experiments::{Experiments, Measurement};
use tacit_ckks::noise::{HeuristicNoise, Message, ProvenNoise, ReleaseMargin, Tracked};
use tacit_ckks::{CkksError, Parameters, Preset};
use tacit_ring::RingKind;

fn main() -> Result<(), CkksError> {
    let mut arguments = std::env::args().skip(1).map(|x| x.parse::<u32>());
    let mut next = |default| arguments.next().and_then(Result::ok).unwrap_or(default);
    let owners = Some(next(0)).filter(|&parties| parties > 0);
    let trials = next(3).max(1) as usize;
    for kind in [RingKind::ConjugateInvariant, RingKind::Standard] {
        let params = Parameters::new(&Preset::N14.literal(kind))?;
        table(&params, owners, trials);
        margins(&params, owners.unwrap_or(1));
    }
    Ok(())
}

fn table(params: &Parameters, owners: Option<u32>, trials: usize) {
    let mut lab = Experiments::new(params, owners, 1);
    let runs: Vec<Vec<Measurement>> = (0..trials).map(|_| lab.run()).collect();
    println!(
        "\n{:?}, keys of {owners:?} parties, {trials} trials",
        params.ring()
    );
    println!(
        "{:32} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "log2", "heuristic", "measured", "proven", "largest", "proven Σ", "Σ"
    );
    for (index, first) in runs[0].iter().enumerate() {
        let all = || runs.iter().map(|run| &run[index]);
        let squares: f64 = all().map(Measurement::mean_square).sum();
        println!(
            "{:32} {:9.2} {:9.2} {:9.2} {:9.2} {:9.2} {:9.2}",
            first.name,
            first.heuristic.log2_deviation(),
            (squares / trials as f64).log2() / 2.0,
            first.proven.log2_bound(),
            all()
                .map(Measurement::log2_largest)
                .fold(f64::MIN, f64::max),
            first.proven.log2_sum(&lab.model),
            all().map(Measurement::log2_sum).fold(f64::MIN, f64::max),
        );
    }
}

/// What a release of a fresh ciphertext costs: 1000 releases, λ_s = 64.
fn margins(params: &Parameters, parties: u32) {
    let model = tacit_ckks::noise::NoiseModel::collective(params, parties).of_encoded_messages();
    let message = Message::bounded(1.0);
    for (level, log_scale) in [(0, 40), (3, 120)] {
        let scale = 2f64.powi(log_scale);
        let proven = Tracked::<ProvenNoise>::encrypt(&model, message, level, scale);
        let margin = ReleaseMargin::new(&proven, 64, 1000);
        let released = Tracked::<HeuristicNoise>::encrypt(&model, message, level, scale)
            .release(margin.smudging());
        println!(
            "release at level {level}, scale 2^{log_scale}: w = {}, {:.1} bits of precision left, {:.1} bits of room: {}; decryption fails with {}",
            margin.smudging().bits(),
            margin.precision_bits(),
            margin.headroom_bits(),
            if margin.fits() {
                "fits"
            } else {
                "does not fit"
            },
            match released.log2_decryption_failure() {
                p if p < -1000.0 => "less than 2^-1000".into(),
                p => format!("2^{p:.0}"),
            },
        );
    }
}
