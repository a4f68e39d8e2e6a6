//! Which topology the way to the hub speaks for: advice, for the plan decides, which everybody signed.

use std::time::Duration;

use tacit_session::topology::{Load, Network, forecast};
use tacit_session::{Plan, Topology};

/// Bytes a second of a site's link, where nothing is known of it: 100 Mbit/s.
const RATE: f64 = 12.5e6;
/// Bytes of an input and of a share, of the order of what trainings send.
const BYTES: f64 = 1e6;

/// A topology in words.
pub fn named(topology: Topology) -> String {
    match topology {
        Topology::Star => "a star".into(),
        Topology::Tree { arity } => format!("a tree of {arity} children each"),
    }
}

/// What the plan's topology costs a round, and what the cheapest would, by the time that reaching the hub took.
pub fn topology(plan: &Plan, reached: Duration) -> String {
    // To dial, to shake hands and to greet takes a round trip each; two sites are two half ones apart.
    let round_trip = reached.as_secs_f64() / 3.0;
    let network = Network::through_a_hub(round_trip, RATE);
    let load = Load {
        rounds: 1.0,
        inputs: BYTES,
        shares: BYTES,
    };
    let parties = u16::try_from(plan.parties.len()).unwrap_or(u16::MAX);
    let own: Topology = plan.topology.into();
    let costs = own.seconds(parties, &network, &load);
    let said = format!(
        "{:.0} ms round trip to the hub at most; by that, and 100 Mbit/s a site, {} costs {costs:.2} s a round of 1 MB",
        1e3 * round_trip,
        named(own)
    );
    match forecast(parties, &network, &load).first() {
        Some(best) if best.seconds < 0.9 * costs => format!(
            "{said}; {} would cost {:.2} s, for a next plan",
            named(best.topology),
            best.seconds
        ),
        _ => format!("{said}, and no other much less"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_parties_are_advised_a_tree_and_three_are_not() {
        let plan = |parties: usize| {
            let names: Vec<String> = (0..parties).map(|i| format!("site-{i}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            Plan::draft("sums", "linear", &names)
        };
        let near = Duration::from_millis(30);
        assert!(topology(&plan(3), near).ends_with("no other much less"));
        let said = topology(&plan(40), near);
        assert!(
            said.contains("10 ms round trip") && said.contains("a tree of"),
            "{said}"
        );
    }
}
