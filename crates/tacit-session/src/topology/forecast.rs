//! What a shape costs on a given network, without computation.
//!
//! Sites have a link each, of B bytes a second in each direction, and any two of them are `l` seconds apart
//! one way (through a hub: the way there and the way on). In a round of input I and share S bytes, a node
//! with `c` children sends I bytes into its link, for the hub makes the copies (without one, `c·I`), and takes `c·S`
//! from it on the way up; what is under way
//! between two sites at a time is at most a window W of bytes, half of which has come before more is asked
//! for. A frame is offered, asked for and sent, so that its first byte is there after `3l`, and it is passed on
//! when it is whole. With `d` levels below the root, of `c_1 … c_d` children at most:
//!
//! ```text
//!   T = Σ_j [ I·max(1/B, 4l/W) + S·max(c_j/B, 4l/W) + 6l ]
//! ```
//!
//! A star has one level of n − 1 children, a k-ary tree about log_k n of k. Bytes favour few children, distance
//! few levels; the shape changes nothing else, so that the cheapest one is a matter of the network alone.
//!
//! What the formula does not have: sites that differ, a relay that is slower than the links, computation, and
//! loss.

use super::Topology;
use crate::party_set::PartyIndex;

/// What two sites' links are like.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Network {
    /// From one site to another, one way, in seconds.
    pub latency: f64,
    /// Of a site's link, in each direction.
    pub bytes_per_second: f64,
    /// Bytes under way between two sites at a time.
    pub window: f64,
    /// Whether a hub makes the copies of what a site sends to several others.
    pub hub_copies: bool,
}

impl Network {
    /// Sites whose links to a hub have this round trip in seconds and this rate in bytes a second; the window is
    /// the transport's, of 4 MiB.
    pub fn through_a_hub(round_trip: f64, bytes_per_second: f64) -> Self {
        Self {
            // Half of it to the hub, and half of it on.
            latency: round_trip,
            bytes_per_second,
            window: 4.0 * 1_048_576.0,
            hub_copies: true,
        }
    }
}

/// What travels in a round, or in all rounds together.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Load {
    /// Number of rounds.
    pub rounds: f64,
    /// Bytes of inputs.
    pub inputs: f64,
    /// Bytes of one party's shares.
    pub shares: f64,
}

/// A shape and what it costs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Forecast {
    /// The shape.
    pub topology: Topology,
    /// Seconds on the network.
    pub seconds: f64,
}

impl Topology {
    /// Most children of a node on each level, from the root's down.
    fn levels(self, parties: u16) -> Vec<u16> {
        let mut levels = Vec::new();
        let mut level = vec![PartyIndex::ROOT];
        loop {
            let below: Vec<Vec<PartyIndex>> = level
                .iter()
                .map(|party| self.children(*party, parties).collect())
                .collect();
            let most = below.iter().map(Vec::len).max().unwrap_or_default();
            if most == 0 {
                return levels;
            }
            levels.push(u16::try_from(most).unwrap_or(u16::MAX));
            level = below.concat();
        }
    }

    /// Seconds that a load takes on the network in this shape.
    pub fn seconds(self, parties: u16, network: &Network, load: &Load) -> f64 {
        let windows = 4.0 * network.latency / network.window.max(1.0);
        let level = |children: u16| {
            let a_byte =
                |times: u16| (f64::from(times) / network.bytes_per_second.max(1.0)).max(windows);
            let copies = if network.hub_copies { 1 } else { children };
            let way = 6.0 * network.latency * load.rounds;
            a_byte(copies) * load.inputs + a_byte(children) * load.shares + way
        };
        self.levels(parties).into_iter().map(level).sum()
    }
}

/// The star and all trees of different shape, cheapest first; of two that cost the same, the flatter one.
pub fn forecast(parties: u16, network: &Network, load: &Load) -> Vec<Forecast> {
    // A tree whose root has all others as children is the star.
    let trees = (2..parties.saturating_sub(1).min(257)).map(|arity| Topology::Tree { arity });
    let all = [Topology::Star].into_iter().chain(trees.rev());
    let mut all: Vec<Forecast> = all
        .map(|topology| Forecast {
            topology,
            seconds: topology.seconds(parties, network, load),
        })
        .collect();
    all.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(latency: f64, bytes_per_second: f64) -> Network {
        Network {
            latency,
            bytes_per_second,
            window: 4e6,
            hub_copies: true,
        }
    }

    fn load(bytes: f64) -> Load {
        Load {
            rounds: 1.0,
            inputs: bytes,
            shares: bytes,
        }
    }

    #[test]
    fn levels_are_those_of_the_heap() {
        assert_eq!(Topology::Star.levels(10), [9]);
        assert_eq!(Topology::Tree { arity: 2 }.levels(10), [2, 2, 2]);
        assert_eq!(Topology::Tree { arity: 3 }.levels(10), [3, 3]);
        assert_eq!(
            Topology::Tree { arity: 2 }.levels(3),
            Topology::Star.levels(3)
        );
        assert_eq!(Topology::Star.levels(2), [1]);
    }

    #[test]
    fn distance_makes_stars_and_bytes_make_trees() {
        // Far apart and little to say; near each other and much.
        let far = forecast(100, &network(0.2, 1e9), &load(1e3));
        assert_eq!(far[0].topology, Topology::Star);
        let near = forecast(100, &network(1e-4, 1.25e7), &load(1e7));
        assert!(matches!(near[0].topology, Topology::Tree { arity: 2..=4 }));
        assert!(
            near.windows(2)
                .all(|pair| pair[0].seconds <= pair[1].seconds)
        );
        // Of the same cost, the flatter: there is nothing to gain for three.
        assert_eq!(forecast(3, &network(0.0, 1e7), &load(1e7)).len(), 1);
    }

    /// What `tacit bench network --iterations 16` measured over links of 20 ms and 100 Mbit/s: parties, megabytes
    /// of inputs and of shares, rounds, seconds as a star and as a binary tree, seconds in memory.
    #[test]
    fn stars_are_met_to_a_twentieth_and_the_order_where_it_matters() {
        for (parties, inputs, shares, rounds, star, tree, computing) in [
            (5, 63.5, 68.7, 54.0, 37.4, 43.8, 3.7),
            (10, 63.5, 67.4, 53.0, 66.1, 62.1, 6.1),
        ] {
            let network = Network::through_a_hub(0.02, 12.5e6);
            let load = Load {
                rounds,
                inputs: inputs * 1e6,
                shares: shares * 1e6,
            };
            let seconds = |topology: Topology| topology.seconds(parties, &network, &load);
            let found = (
                seconds(Topology::Star),
                seconds(Topology::Tree { arity: 2 }),
            );
            let apart: f64 = star / tree - 1.0;
            assert!(apart.abs() < 0.1 || (found.0 < found.1) == (star < tree));
            assert!(
                (found.0 + computing - star).abs() < 0.05 * star,
                "{found:?}"
            );
            assert!((found.1 + computing - tree).abs() < 0.2 * tree, "{found:?}");
        }
    }

    #[test]
    fn a_star_costs_a_share_for_each_child_and_without_a_hub_a_copy_of_the_input() {
        let mut near = network(0.02, 1e7);
        let seconds = Topology::Star.seconds(11, &near, &load(1e6));
        assert!((seconds - (11.0 * 1e6 / 1e7 + 6.0 * 0.02)).abs() < 1e-9);
        near.hub_copies = false;
        let seconds = Topology::Star.seconds(11, &near, &load(1e6));
        assert!((seconds - (20.0 * 1e6 / 1e7 + 6.0 * 0.02)).abs() < 1e-9);
        // A wide link is used up to a window in two round trips.
        let seconds = Topology::Star.seconds(2, &network(0.5, 1e12), &load(4e6));
        assert!((seconds - (8e6 * 2.0 / 4e6 + 3.0)).abs() < 1e-9);
    }
}
