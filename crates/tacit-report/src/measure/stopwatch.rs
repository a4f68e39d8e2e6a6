//! Wall and CPU time, per named phase.
//!
//! ```
//! use tacit_report::measure::Phases;
//! let mut phases = Phases::default();
//! let sum: u64 = phases.time("training", || (0..1000).sum());
//! assert_eq!(sum, 499_500);
//! assert_eq!(phases.iter().next().unwrap().0, "training");
//! ```

use std::time::{Duration, Instant};

use crate::{Bars, Cell, Column, Quantity, Table, Unit};

/// Whose CPU time a stopwatch counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CpuClock {
    /// All threads of the process.
    Process,
    /// The calling thread; start and stop on the same thread.
    Thread,
}

/// Time that passed between two moments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Elapsed {
    /// Wall-clock time, monotonic.
    pub wall: Duration,
    /// CPU time; `None` where the system has no such clock.
    pub cpu: Option<Duration>,
}

/// Measures from `start` to `elapsed`.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch {
    started: Instant,
    clock: CpuClock,
    cpu: Option<Duration>,
}

impl Stopwatch {
    /// Starts now, counting the CPU time of the whole process.
    pub fn start() -> Self {
        Stopwatch::with(CpuClock::Process)
    }

    /// Starts now with the given CPU clock.
    pub fn with(clock: CpuClock) -> Self {
        Stopwatch {
            cpu: clock.now(),
            clock,
            started: Instant::now(),
        }
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Elapsed {
        let wall = self.started.elapsed();
        let cpu = self
            .clock
            .now()
            .zip(self.cpu)
            .map(|(now, then)| now.saturating_sub(then));
        Elapsed { wall, cpu }
    }
}

impl CpuClock {
    #[cfg(unix)]
    fn now(self) -> Option<Duration> {
        use rustix::time::{ClockId, clock_gettime};
        let id = match self {
            CpuClock::Process => ClockId::ProcessCPUTime,
            CpuClock::Thread => ClockId::ThreadCPUTime,
        };
        let time = clock_gettime(id);
        Some(Duration::new(
            time.tv_sec.try_into().ok()?,
            time.tv_nsec.try_into().ok()?,
        ))
    }

    #[cfg(not(unix))]
    fn now(self) -> Option<Duration> {
        None
    }
}

/// Time per phase, in the order in which phases were first seen. A phase recorded again adds up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Phases(Vec<(String, Elapsed)>);

impl Phases {
    /// Runs `work` and books its time on the phase.
    pub fn time<T>(&mut self, phase: &str, work: impl FnOnce() -> T) -> T {
        let watch = Stopwatch::start();
        let result = work();
        self.record(phase, watch.elapsed());
        result
    }

    /// Books time on a phase.
    pub fn record(&mut self, phase: &str, elapsed: Elapsed) {
        let Some((_, sum)) = self.0.iter_mut().find(|(name, _)| name == phase) else {
            self.0.push((phase.to_owned(), elapsed));
            return;
        };
        sum.wall = sum.wall.saturating_add(elapsed.wall);
        sum.cpu = sum.cpu.zip(elapsed.cpu).map(|(a, b)| a.saturating_add(b));
    }

    /// The phases with their time.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Elapsed)> {
        self.0
            .iter()
            .map(|(name, elapsed)| (name.as_str(), *elapsed))
    }

    /// Wall time of one phase.
    pub fn wall(&self, phase: &str) -> Option<Duration> {
        self.iter()
            .find(|(name, _)| *name == phase)
            .map(|(_, elapsed)| elapsed.wall)
    }

    /// Wall time of all phases together.
    pub fn total(&self) -> Duration {
        self.0.iter().map(|(_, elapsed)| elapsed.wall).sum()
    }

    /// Wall time, CPU time and share of the whole, a row per phase and one for the sum.
    pub fn table(&self, caption: &str) -> Table {
        let total = self.total().as_secs_f64();
        let cpu = |elapsed: Option<Duration>| match elapsed {
            Some(time) => seconds(time),
            None => Cell::Missing,
        };
        let mut table = Table::new(
            caption,
            [
                Column::text("phase"),
                Column::number("wall time"),
                Column::number("CPU time"),
                Column::number("share"),
            ],
        );
        for (name, elapsed) in self.iter() {
            let share = if total > 0.0 {
                elapsed.wall.as_secs_f64() / total
            } else {
                0.0
            };
            table = table.row([
                Cell::text(name),
                seconds(elapsed.wall),
                cpu(elapsed.cpu),
                Quantity::new(share, Unit::Fraction).into(),
            ]);
        }
        let all: Option<Duration> = self.0.iter().map(|(_, elapsed)| elapsed.cpu).sum();
        table.total([
            Cell::text("all"),
            seconds(self.total()),
            cpu(all),
            Quantity::new(if total > 0.0 { 1.0 } else { 0.0 }, Unit::Fraction).into(),
        ])
    }

    /// One bar per phase.
    pub fn bars(&self, title: &str) -> Bars {
        let bars = Bars::new(title, "wall time", Unit::Seconds);
        self.iter().fold(bars, |bars, (name, elapsed)| {
            bars.bar(name, elapsed.wall.as_secs_f64())
        })
    }
}

fn seconds(time: Duration) -> Cell {
    Quantity::new(time.as_secs_f64(), Unit::Seconds).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wall(ms: u64) -> Elapsed {
        Elapsed {
            wall: Duration::from_millis(ms),
            cpu: Some(Duration::from_millis(2 * ms)),
        }
    }

    #[test]
    fn phases_keep_their_order_and_add_up() {
        let mut phases = Phases::default();
        phases.record("keys", wall(10));
        phases.record("training", wall(30));
        phases.record("keys", wall(5));
        let names: Vec<_> = phases.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["keys", "training"]);
        assert_eq!(phases.wall("keys"), Some(Duration::from_millis(15)));
        assert_eq!(phases.total(), Duration::from_millis(45));
    }

    #[test]
    fn an_unknown_cpu_time_makes_the_sum_unknown_rather_than_wrong() {
        let mut phases = Phases::default();
        phases.record("keys", wall(10));
        phases.record(
            "keys",
            Elapsed {
                cpu: None,
                ..wall(10)
            },
        );
        assert_eq!(phases.iter().next().unwrap().1.cpu, None);
    }

    #[cfg(unix)]
    #[test]
    fn thread_time_counts_work_and_process_time_counts_all_threads() {
        let thread = Stopwatch::with(CpuClock::Thread);
        let process = Stopwatch::start();
        let spin = || (0..2_000_000u64).fold(0, |a, b| std::hint::black_box(a ^ b));
        let other = std::thread::spawn(move || {
            let watch = Stopwatch::with(CpuClock::Thread);
            spin();
            watch.elapsed().cpu.unwrap()
        });
        spin();
        let elsewhere = other.join().unwrap();
        let own = thread.elapsed().cpu.unwrap();
        assert!(own > Duration::ZERO && elsewhere > Duration::ZERO);
        assert!(process.elapsed().cpu.unwrap() >= elsewhere);
    }
}
