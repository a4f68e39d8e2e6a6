//! What the session and the memory transport cost by themselves: 160 parties, a 10 MB input and
//! 2 MB shares per round, no cryptography in the application.
//!
//! `cargo bench -p tacit-transport --bench local` prints one line per shape.

mod bulk;

use bulk::Bulk;
use tacit_session::plan::TopologyPlan;
use tacit_session::simulation::Simulation;
use tacit_session::{NoJournal, Party};
use tacit_transport::Error;
use tacit_transport::memory::{Options, run_local, seats};

const PARTIES: u16 = 160;
const ROUNDS: usize = 20;
const INPUT: usize = 10 << 20;
const SHARE: usize = 2 << 20;

/// Adds up long vectors of words.
fn bulk() -> Bulk {
    Bulk {
        rounds: ROUNDS,
        input: INPUT,
        share: SHARE,
        add: |into, share| {
            let pairs = into.iter_mut().zip(share);
            pairs.for_each(|(sum, more)| *sum = sum.wrapping_add(*more));
        },
    }
}

fn main() -> Result<(), Error> {
    for (name, shape) in [
        ("star", TopologyPlan::Star),
        ("tree-4", TopologyPlan::Tree { arity: 4 }),
        ("tree-2", TopologyPlan::Tree { arity: 2 }),
    ] {
        let plan = Simulation::with_topology(0, PARTIES, shape).plan;
        let mut parties = Vec::new();
        for seat in seats(&plan)? {
            parties.push(Party::new(seat, bulk(), NoJournal)?);
        }
        let finished = run_local(parties, &Options::default(), |_| ())?;
        let opening: f64 = finished.rounds[..2]
            .iter()
            .map(|r| r.took.as_secs_f64())
            .sum();
        let bulk = finished
            .rounds
            .iter()
            .filter(|r| r.label.as_str() == "bulk");
        let mut per_round: Vec<_> = bulk.map(|r| r.took.as_secs_f64()).collect();
        per_round.sort_by(f64::total_cmp);
        println!(
            "{name}: opening {:.0} ms, median round {:.1} ms, {:.1} MB per party, peak {} MiB",
            1e3 * opening,
            1e3 * per_round[ROUNDS / 2],
            finished.traffic.bytes_per_party() / 1e6,
            peak_rss_mib().unwrap_or(0),
        );
    }
    Ok(())
}

fn peak_rss_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}
