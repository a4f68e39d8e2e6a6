//! How many bytes a receiver asks for at a time.

use std::time::Duration;

use super::super::wire::CHUNK;

/// At most so many are under way from one neighbour: what a link of 1 Gbit/s holds in a round trip of 32 ms, or
/// one of 100 Mbit/s in one of 320 ms. A next piece is asked for when half of it has come, so that half of it
/// must do.
pub(super) const MOST: u64 = 64 * CHUNK as u64;

/// At least so many: half of them fill 1 Gbit/s for 2 ms. More would only wait in buffers, and what waits there
/// has left the processor's cache when it is read.
const LEAST: u64 = 8 * CHUNK as u64;

/// Bytes under way from all neighbours together, as far as that leaves each of them [`LEAST`]: the hub closes
/// the connection of a party for which 2048 messages wait.
const ALL: u64 = 1024 * CHUNK as u64;

/// What a link of 1 Gbit/s carries in a microsecond.
const RATE: u64 = 125;

/// Bytes that are asked for at a time from one neighbour: twice what a link of 1 Gbit/s holds in a round trip.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    most: u64,
    /// Least time of late between asking and the first byte that came of it.
    round_trip: Duration,
}

impl Window {
    /// For one of so many neighbours.
    pub(super) fn of(neighbours: usize) -> Self {
        let most = ALL / (neighbours as u64).max(1);
        Self {
            most: most.clamp(LEAST, MOST),
            round_trip: Duration::ZERO,
        }
    }

    /// Bytes, from [`LEAST`] to [`MOST`].
    pub(super) fn bytes(&self) -> u64 {
        let micros = u64::try_from(self.round_trip.as_micros()).unwrap_or(u64::MAX);
        let held = micros.saturating_mul(2 * RATE);
        held.clamp(LEAST, self.most)
    }

    /// So long after a parcel was first asked for its first byte came. A machine that was busy makes that longer,
    /// nothing makes it shorter than the way; the way may become longer, and then the least grows by a quarter a
    /// parcel.
    pub(super) fn answered(&mut self, after: Duration) {
        self.round_trip = match self.round_trip {
            Duration::ZERO => after,
            least => after.min(least + least / 4),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_holds_what_the_way_does_within_bounds() {
        let mut window = Window::of(4);
        assert_eq!(window.bytes(), LEAST);
        window.answered(Duration::from_millis(10));
        assert_eq!(window.bytes(), 2_500_000);
        window.answered(Duration::from_secs(5));
        assert_eq!(window.bytes(), 3_125_000, "once slow is not far away");
        window.answered(Duration::from_micros(200));
        assert_eq!(window.bytes(), LEAST);
        for _ in 0..60 {
            window.answered(Duration::from_secs(1));
        }
        assert_eq!(window.bytes(), MOST);
        // A hub keeps 2048 messages for a party.
        assert_eq!(Window::of(1000).most, LEAST);
        assert!(Window::of(100).most * 100 <= ALL);
    }
}
