//! The simulated network and clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::Weather;
use crate::party_set::PartyIndex;

/// What happens next.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Incident {
    Restart(PartyIndex),
    Tick(PartyIndex),
    Arrival(PartyIndex, Vec<u8>),
    Leave(PartyIndex),
    Return(PartyIndex),
}

/// Incidents in the order of time, then of creation.
pub(super) struct Network {
    queue: BinaryHeap<Reverse<(Duration, u64, Incident)>>,
    now: Duration,
    created: u64,
    frames: u64,
    weather: Weather,
    dice: Dice,
}

impl Network {
    pub(super) fn new(seed: u64, weather: Weather) -> Self {
        let dice = Dice::new(seed);
        Self {
            queue: BinaryHeap::new(),
            now: Duration::ZERO,
            created: 0,
            frames: 0,
            weather,
            dice,
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.now
    }

    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    pub(super) fn dice(&mut self) -> &mut Dice {
        &mut self.dice
    }

    /// The next incident; every party ticks for ever, so there is one.
    pub(super) fn next(&mut self) -> Incident {
        match self.queue.pop() {
            Some(Reverse((time, _, incident))) => {
                self.now = time;
                incident
            }
            None => {
                self.now = Duration::MAX;
                Incident::Tick(PartyIndex::ROOT)
            }
        }
    }

    pub(super) fn tick(&mut self, party: PartyIndex) {
        let after = self.dice.up_to(Duration::from_secs(2));
        self.schedule(after, Incident::Tick(party));
    }

    pub(super) fn restart(&mut self, party: PartyIndex) {
        let after = self.dice.up_to(Duration::from_secs(20));
        self.schedule(after, Incident::Restart(party));
    }

    pub(super) fn send(&mut self, to: PartyIndex, bytes: Vec<u8>) {
        self.frames += 1;
        let copies = match () {
            () if self.dice.chance(self.weather.drop) => 0,
            () if self.dice.chance(self.weather.repeat) => 2,
            () => 1,
        };
        for _ in 0..copies {
            let mut bytes = bytes.clone();
            if self.dice.chance(self.weather.corrupt) {
                self.damage(&mut bytes);
            }
            let after = self.dice.up_to(self.weather.delay);
            self.schedule(after, Incident::Arrival(to, bytes));
        }
    }

    fn damage(&mut self, bytes: &mut Vec<u8>) {
        match self.dice.draw() % 4 {
            0 => bytes.truncate(self.dice.below(bytes.len())),
            1 => bytes.push(self.dice.draw() as u8),
            _ => {
                let at = self.dice.below(bytes.len());
                bytes[at] ^= 1 << (self.dice.draw() % 8);
            }
        }
    }

    fn schedule(&mut self, after: Duration, incident: Incident) {
        self.at(self.now + after, incident);
    }

    pub(super) fn at(&mut self, time: Duration, incident: Incident) {
        self.queue.push(Reverse((time, self.created, incident)));
        self.created += 1;
    }
}

/// SplitMix64: small, seedable, and good enough to shuffle tests.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Draws that follow from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Whether something happens that happens so often out of 1000.
    pub fn chance(&mut self, per_mille: u32) -> bool {
        self.draw() % 1000 < u64::from(per_mille)
    }

    /// A number below `bound`, or 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.draw() % bound.max(1) as u64) as usize
    }

    fn up_to(&mut self, most: Duration) -> Duration {
        Duration::from_micros(self.draw() % (most.as_micros() as u64 + 1))
    }
}
