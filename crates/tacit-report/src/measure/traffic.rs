//! Bytes on the wire, per party and phase.
//!
//! ```
//! use tacit_report::measure::Traffic;
//! let mut traffic = Traffic::new(["hospital-a", "hospital-b"]);
//! traffic.sent(0, "collective public key", 262_144)?;
//! traffic.received(1, "collective public key", 262_144)?;
//! assert_eq!(traffic.of_party(0)?.sent, 262_144);
//! assert_eq!(traffic.most_sent_and_received(), 262_144);
//! # Ok::<(), tacit_report::Error>(())
//! ```

use crate::{Bars, Cell, Column, Error, Quantity, Table, Unit};

/// Bytes in both directions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrafficOf {
    /// Bytes that left.
    pub sent: u64,
    /// Bytes that arrived.
    pub received: u64,
}

impl TrafficOf {
    /// Both directions together.
    pub fn both(self) -> u64 {
        self.sent.saturating_add(self.received)
    }

    fn plus(self, other: Self) -> Self {
        TrafficOf {
            sent: self.sent.saturating_add(other.sent),
            received: self.received.saturating_add(other.received),
        }
    }
}

/// A ledger of bytes: parties × phases. Phases appear in the order in which they are first booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traffic {
    parties: Vec<String>,
    phases: Vec<(String, Vec<TrafficOf>)>,
}

impl Traffic {
    /// An empty ledger for these parties, in roster order.
    pub fn new<S: Into<String>>(parties: impl IntoIterator<Item = S>) -> Self {
        Traffic {
            parties: parties.into_iter().map(Into::into).collect(),
            phases: Vec::new(),
        }
    }

    /// Books bytes that a party sent.
    pub fn sent(&mut self, party: usize, phase: &str, bytes: u64) -> Result<(), Error> {
        self.book(
            party,
            phase,
            TrafficOf {
                sent: bytes,
                received: 0,
            },
        )
    }

    /// Books bytes that a party received.
    pub fn received(&mut self, party: usize, phase: &str, bytes: u64) -> Result<(), Error> {
        self.book(
            party,
            phase,
            TrafficOf {
                sent: 0,
                received: bytes,
            },
        )
    }

    fn book(&mut self, party: usize, phase: &str, bytes: TrafficOf) -> Result<(), Error> {
        let parties = self.parties.len();
        if party >= parties {
            return Err(Error::UnknownParty { party, parties });
        }
        let at = self
            .phases
            .iter()
            .position(|(name, _)| name == phase)
            .unwrap_or_else(|| {
                self.phases
                    .push((phase.to_owned(), vec![TrafficOf::default(); parties]));
                self.phases.len() - 1
            });
        let cell = &mut self.phases[at].1[party];
        *cell = cell.plus(bytes);
        Ok(())
    }

    /// The parties' names.
    pub fn parties(&self) -> &[String] {
        &self.parties
    }

    /// The phases' names.
    pub fn phases(&self) -> impl Iterator<Item = &str> {
        self.phases.iter().map(|(name, _)| name.as_str())
    }

    /// One party over all phases.
    pub fn of_party(&self, party: usize) -> Result<TrafficOf, Error> {
        let parties = self.parties.len();
        if party >= parties {
            return Err(Error::UnknownParty { party, parties });
        }
        Ok(self.party_sum(party))
    }

    /// One phase over all parties; zero for a phase that was never booked.
    pub fn of_phase(&self, phase: &str) -> TrafficOf {
        self.phases
            .iter()
            .filter(|(name, _)| name == phase)
            .flat_map(|(_, parties)| parties)
            .fold(TrafficOf::default(), |sum, of| sum.plus(*of))
    }

    /// Sent plus received of the busiest party: the `bytes_per_party` to plan a link by.
    pub fn most_sent_and_received(&self) -> u64 {
        (0..self.parties.len())
            .map(|party| self.party_sum(party).both())
            .max()
            .unwrap_or(0)
    }

    /// Bytes sent, averaged over parties: the figure that papers usually call bytes per party.
    pub fn mean_sent(&self) -> f64 {
        let sent: f64 = (0..self.parties.len())
            .map(|p| self.party_sum(p).sent as f64)
            .sum();
        sent / self.parties.len().max(1) as f64
    }

    /// A row per party: sent, received, and the sum.
    pub fn table(&self, caption: &str) -> Table {
        let bytes = |n: u64| Cell::from(Quantity::new(n as f64, Unit::Bytes));
        let columns = [
            Column::text("party"),
            Column::number("sent"),
            Column::number("received"),
            Column::number("both"),
        ];
        let mut all = TrafficOf::default();
        let mut table = Table::new(caption, columns);
        for (party, name) in self.parties.iter().enumerate() {
            let of = self.party_sum(party);
            all = all.plus(of);
            table = table.row([
                Cell::text(name),
                bytes(of.sent),
                bytes(of.received),
                bytes(of.both()),
            ]);
        }
        table.total([
            Cell::text("all"),
            bytes(all.sent),
            bytes(all.received),
            bytes(all.both()),
        ])
    }

    /// One stacked bar per party, a segment per phase, of bytes sent and received.
    pub fn bars(&self, title: &str) -> Bars {
        let segments = self.phases.iter().map(|(name, _)| name.as_str());
        let bars = Bars::stacked(title, "sent and received", Unit::Bytes, segments);
        self.parties
            .iter()
            .enumerate()
            .fold(bars, |bars, (party, name)| {
                bars.stack(
                    name,
                    self.phases.iter().map(|(_, of)| of[party].both() as f64),
                )
            })
    }

    fn party_sum(&self, party: usize) -> TrafficOf {
        self.phases
            .iter()
            .filter_map(|(_, parties)| parties.get(party))
            .fold(TrafficOf::default(), |sum, of| sum.plus(*of))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger() -> Traffic {
        let mut traffic = Traffic::new(["a", "b"]);
        traffic.sent(0, "keys", 10).unwrap();
        traffic.received(1, "keys", 10).unwrap();
        traffic.sent(1, "training", 5).unwrap();
        traffic.received(0, "training", 5).unwrap();
        traffic.sent(0, "keys", 1).unwrap();
        traffic
    }

    #[test]
    fn sums_agree_by_party_and_by_phase() {
        let traffic = ledger();
        assert_eq!(
            traffic.of_party(0).unwrap(),
            TrafficOf {
                sent: 11,
                received: 5
            }
        );
        assert_eq!(
            traffic.of_party(1).unwrap(),
            TrafficOf {
                sent: 5,
                received: 10
            }
        );
        assert_eq!(
            traffic.of_phase("keys"),
            TrafficOf {
                sent: 11,
                received: 10
            }
        );
        assert_eq!(traffic.of_phase("nothing"), TrafficOf::default());
        assert_eq!(traffic.most_sent_and_received(), 16);
        assert_eq!(traffic.mean_sent(), 8.0);
    }

    #[test]
    fn a_party_outside_the_roster_is_an_error_that_says_so() {
        let error = ledger().sent(2, "keys", 1).unwrap_err();
        assert!(matches!(
            error,
            Error::UnknownParty {
                party: 2,
                parties: 2
            }
        ));
        assert!(ledger().of_party(9).is_err());
    }

    #[test]
    fn counts_saturate_instead_of_wrapping() {
        let mut traffic = ledger();
        traffic.sent(0, "keys", u64::MAX).unwrap();
        assert_eq!(traffic.of_party(0).unwrap().sent, u64::MAX);
        assert_eq!(traffic.most_sent_and_received(), u64::MAX);
    }
}
