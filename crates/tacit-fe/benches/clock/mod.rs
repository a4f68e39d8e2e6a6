//! The clock of both benches.

use std::time::{Duration, Instant};

use cpu_time::ThreadTime;

/// Median milliseconds of processor time, or of wall time.
pub fn median(seconds: f64, wall: bool, mut f: impl FnMut()) -> f64 {
    f();
    let (mut times, mut spent) = (vec![], Duration::ZERO);
    while (spent.as_secs_f64() < seconds && times.len() < 5_000) || times.len() < 7 {
        let (start, wall_start) = (ThreadTime::now(), Instant::now());
        f();
        let time = if wall {
            wall_start.elapsed()
        } else {
            start.elapsed()
        };
        spent += wall_start.elapsed();
        times.push(time);
    }
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e3
}
