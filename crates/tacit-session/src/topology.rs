//! Along which edges frames travel.
//!
//! Parties sit in a `k`-ary heap: `parent(i) = ⌊(i − 1)/k⌋`, root 0, children of `i` are
//! `ki + 1 … ki + k`. Inputs travel down the edges, sums of shares up. A star is the tree with
//! `k = n − 1`. Aggregation is a sum, so the shape changes cost (a parent holds and forwards one
//! share for its whole subtree; latency is logarithmic) and never the result.

mod forecast;

use crate::party_set::{PartyIndex, PartySet};

pub use forecast::{Forecast, Load, Network, forecast};

/// Shape of the aggregation tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Topology {
    /// Everyone talks to the root.
    Star,
    /// A `k`-ary tree.
    Tree {
        /// Children per inner node, at least 1.
        arity: u16,
    },
}

impl Topology {
    fn arity(self, parties: u16) -> u32 {
        match self {
            Self::Star => u32::from(parties).saturating_sub(1).max(1),
            Self::Tree { arity } => u32::from(arity.max(1)),
        }
    }

    /// Where `party` sends its share; `None` for the root.
    pub fn parent(self, party: PartyIndex, parties: u16) -> Option<PartyIndex> {
        let above = u32::from(party.0).checked_sub(1)? / self.arity(parties);
        u16::try_from(above).ok().map(PartyIndex)
    }

    /// Whose shares `party` sums.
    pub fn children(self, party: PartyIndex, parties: u16) -> impl Iterator<Item = PartyIndex> {
        let arity = u64::from(self.arity(parties));
        let first = u64::from(party.0) * arity + 1;
        let past = (first + arity).min(u64::from(parties));
        (first..past).filter_map(|i| u16::try_from(i).ok().map(PartyIndex))
    }

    /// `party` and everyone below it: whom its share stands for.
    pub fn subtree(self, party: PartyIndex, parties: u16) -> PartySet {
        let mut set = PartySet::empty(parties);
        let mut open = vec![party];
        while let Some(next) = open.pop() {
            set.insert(next);
            open.extend(self.children(next, parties));
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_party_is_the_child_of_its_parent_and_the_root_covers_all() {
        for parties in 2..40 {
            let trees = (1..5).map(|arity| Topology::Tree { arity });
            for topology in trees.chain([Topology::Star]) {
                assert_eq!(topology.parent(PartyIndex::ROOT, parties), None);
                for i in (1..parties).map(PartyIndex) {
                    let parent = topology.parent(i, parties).unwrap();
                    assert!(topology.children(parent, parties).any(|c| c == i));
                }
                let all = topology.subtree(PartyIndex::ROOT, parties);
                assert_eq!(all, PartySet::full(parties));
            }
        }
    }

    #[test]
    fn a_star_has_one_level() {
        let children: Vec<_> = Topology::Star
            .children(PartyIndex::ROOT, 5)
            .map(|p| p.0)
            .collect();
        assert_eq!(children, [1, 2, 3, 4]);
        assert_eq!(Topology::Star.children(PartyIndex(1), 5).count(), 0);
    }
}
