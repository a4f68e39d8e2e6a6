//! Who sent and received how much, by kind of round.

use std::collections::BTreeMap;

use tacit_session::Label;

/// Frames and bytes, heads and signatures included.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Flow {
    /// Frames.
    pub frames: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Flow {
    fn add(&mut self, other: Self) {
        self.frames += other.frames;
        self.bytes += other.bytes;
    }
}

/// A party's traffic by round label.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct PartyTraffic {
    /// What it sent.
    pub sent: BTreeMap<Label, Flow>,
    /// What it received.
    pub received: BTreeMap<Label, Flow>,
}

impl PartyTraffic {
    /// What it sent in rounds with this label.
    pub fn sent_in(&self, label: &str) -> Flow {
        in_label(&self.sent, label)
    }

    /// What it received in rounds with this label.
    pub fn received_in(&self, label: &str) -> Flow {
        in_label(&self.received, label)
    }

    /// Everything it sent.
    pub fn sent_total(&self) -> Flow {
        total(&self.sent)
    }

    /// Everything it received.
    pub fn received_total(&self) -> Flow {
        total(&self.received)
    }
}

fn in_label(flows: &BTreeMap<Label, Flow>, label: &str) -> Flow {
    flows
        .iter()
        .find(|(l, _)| l.as_str() == label)
        .map_or_else(Flow::default, |(_, f)| *f)
}

fn total(flows: &BTreeMap<Label, Flow>) -> Flow {
    let mut sum = Flow::default();
    flows.values().for_each(|flow| sum.add(*flow));
    sum
}

/// The traffic of a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Traffic {
    parties: Vec<PartyTraffic>,
}

impl Traffic {
    pub(super) fn new(parties: usize) -> Self {
        Self {
            parties: vec![PartyTraffic::default(); parties],
        }
    }

    /// Traffic of the party at this place of the roster; nothing for a place past its end.
    pub fn of(&self, place: usize) -> PartyTraffic {
        self.parties.get(place).cloned().unwrap_or_default()
    }

    /// Traffic by party, in the order of the roster.
    pub fn parties(&self) -> &[PartyTraffic] {
        &self.parties
    }

    /// All labels that occur.
    pub fn labels(&self) -> Vec<Label> {
        let flows = self.parties.iter().flat_map(|p| p.sent.keys());
        let labels: std::collections::BTreeSet<_> = flows.cloned().collect();
        labels.into_iter().collect()
    }

    /// The same with the party of each given place, in that order.
    pub fn reordered(&self, places: impl IntoIterator<Item = usize>) -> Traffic {
        Traffic {
            parties: places.into_iter().map(|place| self.of(place)).collect(),
        }
    }

    /// Adds the traffic of another session of the same parties, place by place.
    pub fn add(&mut self, other: &Traffic) {
        let places = self.parties.len().max(other.parties.len());
        self.parties.resize(places, PartyTraffic::default());
        for (own, other) in self.parties.iter_mut().zip(&other.parties) {
            for (flows, more) in [
                (&mut own.sent, &other.sent),
                (&mut own.received, &other.received),
            ] {
                for (label, flow) in more {
                    flows.entry(label.clone()).or_default().add(*flow);
                }
            }
        }
    }

    /// Bytes sent and received by the mean party.
    pub fn bytes_per_party(&self) -> f64 {
        let both = |p: &PartyTraffic| p.sent_total().bytes + p.received_total().bytes;
        let bytes: u64 = self.parties.iter().map(both).sum();
        bytes as f64 / self.parties.len().max(1) as f64
    }

    pub(super) fn sent(&mut self, place: usize, label: &Label, bytes: usize) {
        count(&mut self.parties[place].sent, label, bytes);
    }

    pub(super) fn received(&mut self, place: usize, label: &Label, bytes: usize) {
        count(&mut self.parties[place].received, label, bytes);
    }
}

fn count(flows: &mut BTreeMap<Label, Flow>, label: &Label, bytes: usize) {
    flows.entry(label.clone()).or_default().add(Flow {
        frames: 1,
        bytes: bytes as u64,
    });
}
