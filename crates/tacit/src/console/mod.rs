//! Where a command speaks: results on standard output, progress and warnings on standard error.
//!
//! When `--json -` claims standard output, results move to standard error, so that what a machine
//! reads is one JSON object and nothing else. `--quiet` silences results and progress, never
//! warnings and errors. A reader that closes the pipe early (`tacit … | head`) ends the output,
//! not the work.

mod progress;
mod table;

use std::io::{self, Write};
use std::time::SystemTime;

use tacit_report::{RunFolder, Table, Verdict};

use crate::Error;
use crate::args::MeasureArgs;
use crate::error::Context;

pub use progress::{Phase, Progress};

/// Where runs go when no folder is given.
const RUNS: &str = "runs";

/// Output of a command.
pub struct Console {
    out: Stream,
    err: Stream,
    quiet: bool,
    record_on_stdout: bool,
    progress: Progress,
    clock: fn() -> SystemTime,
}

struct Stream {
    to: Box<dyn Write + Send>,
    look: Look,
}

/// What a stream's reader can show.
#[derive(Debug, Clone, Copy, Default)]
struct Look {
    colour: bool,
    /// Columns, when it is a terminal.
    width: Option<u16>,
}

impl Look {
    fn of(terminal: &console::Term, colour: bool) -> Self {
        let width = terminal.is_term().then(|| terminal.size().1);
        Look { colour, width }
    }
}

/// Text from elsewhere (names, columns, messages) without control characters, which could move
/// the cursor or repaint the screen. Line breaks stay.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() && c != '\n' {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

impl Console {
    /// The console of this process.
    pub fn for_process(quiet: bool, record_on_stdout: bool) -> Self {
        let (stdout, stderr) = (console::Term::stdout(), console::Term::stderr());
        let bars = stderr.features().is_attended();
        let progress = match (quiet, bars) {
            (true, _) => Progress::hidden(),
            (false, true) => Progress::bars(),
            (false, false) => Progress::lines(Box::new(io::stderr())),
        };
        Console {
            out: Stream {
                to: Box::new(io::stdout()),
                look: Look::of(&stdout, console::colors_enabled()),
            },
            err: Stream {
                to: Box::new(io::stderr()),
                look: Look::of(&stderr, console::colors_enabled_stderr()),
            },
            quiet,
            record_on_stdout,
            progress,
            clock: SystemTime::now,
        }
    }

    /// The progress facade; clone it into worker threads.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// The time, for reports and folder names.
    pub fn now(&self) -> SystemTime {
        (self.clock)()
    }

    /// The folder of this run, created now, so that a folder that cannot be made is found before
    /// the work and not after it.
    pub fn run_folder(&self, command: &str, args: &MeasureArgs) -> Result<RunFolder, Error> {
        match &args.out {
            Some(path) => RunFolder::at(path).bad_input(|| "the folder of --out cannot be used"),
            None => RunFolder::new_under(RUNS.as_ref(), command, self.now())
                .failed(|| "no folder for this run could be made")
                .map_err(|error| error.remedy("give a folder that can be written with --out")),
        }
    }

    /// Prints a line of results.
    pub fn say(&mut self, line: &str) -> Result<(), Error> {
        self.results(|_| format!("{}\n", printable(line)))
    }

    /// Prints a table of results.
    pub fn table(&mut self, table: &Table) -> Result<(), Error> {
        table.check().failed(|| "the table could not be shown")?;
        self.results(|look| table::render(table, look))
    }

    /// Prints whether a gate is met.
    pub fn verdict(&mut self, verdict: &Verdict) -> Result<(), Error> {
        let found = match verdict.found {
            Some(value) => format!("found {value}"),
            None => "not in this run".to_owned(),
        };
        self.results(|look| {
            let word = if verdict.met {
                console::style("met").green()
            } else {
                console::style("not met").red().bold()
            };
            format!(
                "gate {}: {}, {found}\n",
                word.force_styling(look.colour),
                verdict.gate
            )
        })
    }

    /// Prints a warning, even when quiet.
    pub fn warn(&mut self, what: &str) {
        let word = console::style("warning")
            .yellow()
            .bold()
            .force_styling(self.err.look.colour);
        self.complain(&format!("{word}: {}\n", printable(what)));
    }

    /// Prints an error with its causes and remedy, even when quiet.
    pub(crate) fn error(&mut self, error: &Error) {
        let word = console::style("error")
            .red()
            .bold()
            .force_styling(self.err.look.colour);
        self.complain(&format!("{word}: {}\n", printable(&error.to_string())));
    }

    /// Prints the JSON record on standard output.
    pub(crate) fn write_record(&mut self, json: &str) -> Result<(), Error> {
        let out = &mut self.out;
        self.progress.suspend(|| out.write(json))
    }

    fn results(&mut self, text: impl FnOnce(Look) -> String) -> Result<(), Error> {
        if self.quiet {
            return Ok(());
        }
        let stream = if self.record_on_stdout {
            &mut self.err
        } else {
            &mut self.out
        };
        let text = text(stream.look);
        self.progress.suspend(|| stream.write(&text))
    }

    fn complain(&mut self, text: &str) {
        let err = &mut self.err;
        // When standard error is gone there is nobody left to tell.
        let _ = self.progress.suspend(|| err.write(text));
    }
}

impl Stream {
    fn write(&mut self, text: &str) -> Result<(), Error> {
        match self
            .to
            .write_all(text.as_bytes())
            .and_then(|()| self.to.flush())
        {
            Err(gone) if gone.kind() == io::ErrorKind::BrokenPipe => {
                self.to = Box::new(io::sink());
                Ok(())
            }
            other => other.failed(|| "the results could not be printed"),
        }
    }
}

#[cfg(test)]
pub(crate) mod captured {
    //! A console whose two streams can be read back.

    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    pub(crate) struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Buffer {
        pub(crate) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    pub(crate) struct Screen {
        out: Buffer,
        err: Buffer,
    }

    impl Screen {
        pub(crate) fn out(&self) -> String {
            self.out.text()
        }

        pub(crate) fn err(&self) -> String {
            self.err.text()
        }
    }

    impl Console {
        pub(crate) fn captured(quiet: bool, record_on_stdout: bool) -> (Console, Screen) {
            let screen = Screen {
                out: Buffer::default(),
                err: Buffer::default(),
            };
            let stream = |to: &Buffer| Stream {
                to: Box::new(to.clone()),
                look: Look::default(),
            };
            let console = Console {
                out: stream(&screen.out),
                err: stream(&screen.err),
                quiet,
                record_on_stdout,
                progress: Progress::hidden(),
                clock: || SystemTime::UNIX_EPOCH,
            };
            (console, screen)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tacit_report::{Cell, Column};

    #[test]
    fn quiet_silences_results_but_not_warnings() {
        let (mut console, screen) = Console::captured(true, false);
        console.say("42").unwrap();
        console
            .table(&Table::new("t", [Column::text("a")]).row([Cell::text("x")]))
            .unwrap();
        console.warn("little noise margin");
        assert_eq!(screen.out(), "");
        assert_eq!(screen.err(), "warning: little noise margin\n");
    }

    #[test]
    fn a_closed_pipe_ends_the_output_and_not_the_work() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (mut console, _) = Console::captured(false, false);
        console.out.to = Box::new(Gone);
        console.say("first").unwrap();
        console.say("second").unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_bad_input_when_it_was_asked_for() {
        let parent = tempfile::tempdir().unwrap();
        let taken = parent.path().join("taken");
        std::fs::write(&taken, b"").unwrap();
        let (console, _) = Console::captured(false, false);
        let args = MeasureArgs {
            out: Some(taken),
            ..MeasureArgs::default()
        };
        let error = console.run_folder("demo", &args).unwrap_err();
        assert_eq!(error.status(), crate::Status::BadInput);
        assert!(error.to_string().contains("taken"), "{error}");
    }
}
