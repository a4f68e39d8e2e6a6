//! How far the work is: bars with the time left on a terminal, plain lines elsewhere.
//!
//! ```
//! use tacit::Progress;
//! let progress = Progress::hidden();
//! let phase = progress.phase("collective public key", 10);
//! std::thread::scope(|threads| {
//!     for _ in 0..10 {
//!         let phase = phase.clone();
//!         threads.spawn(move || phase.inc());
//!     }
//! });
//! assert_eq!(phase.done(), 10);
//! phase.finish();
//! ```
//!
//! A phase that is dropped before it is finished says where it stopped, so a log shows how far
//! failed work came. Plain lines appear at most every few seconds and always at the end.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tacit_report::{Quantity, Unit};

/// Time between two plain lines of one phase.
const BETWEEN_LINES: Duration = Duration::from_secs(5);
/// How often a bar without news is redrawn.
const TICK: Duration = Duration::from_millis(120);

const BAR: &str = "{prefix:28} {bar:20.cyan/238} {pos:>6}/{len} {elapsed:>5}  {eta} left";
const SPINNER: &str = "{prefix:28} {spinner} {elapsed:>5}";

/// Shows the progress of phases. Cheap to clone, usable from any thread.
#[derive(Clone)]
pub struct Progress(Arc<Show>);

enum Show {
    Hidden,
    Bars(MultiProgress),
    Lines(Lines),
}

struct Lines {
    to: Mutex<Box<dyn Write + Send>>,
    /// Time since some fixed moment.
    clock: Box<dyn Fn() -> Duration + Send + Sync>,
}

/// One phase of the work. Clones count towards the same phase.
#[derive(Clone)]
pub struct Phase(Arc<Inner>);

struct Inner {
    show: Arc<Show>,
    name: String,
    /// Zero when it is not known.
    total: u64,
    done: AtomicU64,
    ended: AtomicBool,
    bar: Option<ProgressBar>,
    started: Duration,
    last_line: Mutex<Duration>,
}

impl Progress {
    /// Shows nothing.
    pub fn hidden() -> Self {
        Progress(Arc::new(Show::Hidden))
    }

    /// Bars on standard error.
    pub(super) fn bars() -> Self {
        Progress(Arc::new(Show::Bars(MultiProgress::new())))
    }

    /// Plain lines.
    pub(super) fn lines(to: Box<dyn Write + Send>) -> Self {
        let start = Instant::now();
        Progress::lines_with_clock(to, Box::new(move || start.elapsed()))
    }

    fn lines_with_clock(
        to: Box<dyn Write + Send>,
        clock: Box<dyn Fn() -> Duration + Send + Sync>,
    ) -> Self {
        Progress(Arc::new(Show::Lines(Lines {
            to: Mutex::new(to),
            clock,
        })))
    }

    /// Starts a phase of `total` steps.
    pub fn phase(&self, name: impl Into<String>, total: u64) -> Phase {
        let name = super::printable(&name.into());
        let bar = match &*self.0 {
            Show::Bars(bars) => {
                let bar = match total {
                    0 => ProgressBar::new_spinner(),
                    total => ProgressBar::new(total),
                };
                let bar = bars.add(bar.with_prefix(name.clone()));
                bar.set_style(style(if total == 0 { SPINNER } else { BAR }));
                bar.enable_steady_tick(TICK);
                Some(bar)
            }
            _ => None,
        };
        let started = self.0.now();
        match total {
            0 => self.0.line(format_args!("{name}: started")),
            total => self.0.line(format_args!("{name}: started, {total} steps")),
        }
        Phase(Arc::new(Inner {
            show: self.0.clone(),
            name,
            total,
            done: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            bar,
            started,
            last_line: Mutex::new(started),
        }))
    }

    /// Starts a phase whose length is not known.
    pub fn open_ended(&self, name: impl Into<String>) -> Phase {
        self.phase(name, 0)
    }

    /// Runs `print` with the bars out of the way.
    pub(super) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        match &*self.0 {
            Show::Bars(bars) => bars.suspend(print),
            _ => print(),
        }
    }
}

impl Show {
    fn now(&self) -> Duration {
        match self {
            Show::Lines(lines) => (lines.clock)(),
            _ => Duration::ZERO,
        }
    }

    fn line(&self, text: std::fmt::Arguments) {
        if let Show::Lines(lines) = self {
            // Progress that nobody can read any more must not stop the work.
            let _ = writeln!(lock(&lines.to), "{text}");
        }
    }
}

impl Phase {
    /// One step is done.
    pub fn inc(&self) {
        self.inc_by(1);
    }

    /// Several steps are done.
    pub fn inc_by(&self, steps: u64) {
        let inner = &*self.0;
        let done = inner
            .done
            .fetch_add(steps, Ordering::Relaxed)
            .saturating_add(steps);
        if let Some(bar) = &inner.bar {
            bar.inc(steps);
        }
        inner.line_now_and_then(done);
    }

    /// Steps done so far.
    pub fn done(&self) -> u64 {
        self.0.done.load(Ordering::Relaxed)
    }

    /// The phase is complete. Further calls do nothing.
    pub fn finish(&self) {
        self.0.end("done in");
    }
}

impl Inner {
    fn line_now_and_then(&self, done: u64) {
        if !matches!(*self.show, Show::Lines(_)) || done >= self.total && self.total > 0 {
            return;
        }
        let now = self.show.now();
        let mut last = lock(&self.last_line);
        if now.saturating_sub(*last) < BETWEEN_LINES {
            return;
        }
        *last = now;
        let spent = now.saturating_sub(self.started).as_secs_f64();
        if self.total == 0 {
            self.show.line(format_args!(
                "{}: {done} so far, {}",
                self.name,
                seconds(spent)
            ));
            return;
        }
        let left = spent / done.max(1) as f64 * (self.total - done) as f64;
        self.show.line(format_args!(
            "{}: {done} of {}, {}, about {} left",
            self.name,
            self.total,
            seconds(spent),
            seconds(left)
        ));
    }

    fn end(&self, how: &str) {
        if self.ended.swap(true, Ordering::Relaxed) {
            return;
        }
        if let (Show::Bars(bars), Some(bar)) = (&*self.show, &self.bar) {
            // The bar makes way for a line that stays above those still running.
            let spent = seconds(bar.elapsed().as_secs_f64());
            bar.finish_and_clear();
            bars.remove(bar);
            let _ = bars.println(format!("{:28} {how} {spent}", self.name));
        }
        let spent = seconds(self.show.now().saturating_sub(self.started).as_secs_f64());
        self.show.line(format_args!("{}: {how} {spent}", self.name));
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let done = self.done.load(Ordering::Relaxed);
        match self.total {
            0 => self.end("stopped after"),
            total => self.end(&format!("stopped at {done} of {total} after")),
        }
    }
}

fn seconds(value: f64) -> Quantity {
    Quantity::new(value, Unit::Seconds)
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━━─")
}

/// A thread that panicked while printing must not silence the others.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::captured::Buffer;

    fn lines() -> (Progress, Buffer, Arc<AtomicU64>) {
        let (text, millis) = (Buffer::default(), Arc::new(AtomicU64::new(0)));
        let clock = millis.clone();
        let progress = Progress::lines_with_clock(
            Box::new(text.clone()),
            Box::new(move || Duration::from_millis(clock.load(Ordering::Relaxed))),
        );
        (progress, text, millis)
    }

    #[test]
    fn plain_lines_tell_start_progress_time_left_and_end() {
        let (progress, text, millis) = lines();
        let phase = progress.phase("collective public key", 10);
        for _ in 0..10 {
            millis.fetch_add(2000, Ordering::Relaxed);
            phase.inc();
        }
        phase.finish();
        drop(phase);
        assert_eq!(
            text.text(),
            "collective public key: started, 10 steps\n\
             collective public key: 3 of 10, 6.00 s, about 14.0 s left\n\
             collective public key: 6 of 10, 12.0 s, about 8.00 s left\n\
             collective public key: 9 of 10, 18.0 s, about 2.00 s left\n\
             collective public key: done in 20.0 s\n"
        );
    }

    #[test]
    fn a_phase_that_is_not_finished_says_where_it_stopped() {
        let (progress, text, _) = lines();
        let phase = progress.phase("training", 5);
        phase.clone().inc_by(2);
        drop(phase);
        assert!(
            text.text()
                .ends_with("training: stopped at 2 of 5 after 0 s\n")
        );
    }

    #[test]
    fn threads_count_towards_one_phase() {
        let (progress, text, _) = lines();
        let phase = progress.phase("shares", 400);
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| (0..100).for_each(|_| phase.inc()));
            }
        });
        phase.finish();
        phase.finish();
        assert_eq!(phase.done(), 400);
        assert_eq!(text.text().matches("done in").count(), 1);
    }

    #[test]
    fn an_open_ended_phase_tells_no_time_left() {
        let (progress, text, millis) = lines();
        let phase = progress.open_ended("search");
        millis.store(6000, Ordering::Relaxed);
        phase.inc();
        phase.finish();
        assert!(text.text().contains("search: 1 so far, 6.00 s\n"));
    }

    #[test]
    fn the_bar_templates_are_valid() {
        for template in [BAR, SPINNER] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
