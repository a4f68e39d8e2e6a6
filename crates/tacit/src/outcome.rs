//! How a command ends: its record, its report, its exit code.

use std::process::ExitCode;

use tacit_report::measure::machine_facts;
use tacit_report::{Provenance, Report, Run, RunFolder, Verdict, write_whole};

use crate::args::{JsonTarget, RecordArgs};
use crate::error::Context;
use crate::{Console, Error};

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Done: 0.
    Done,
    /// Failed: 1.
    Failed,
    /// Bad usage or bad input: 2.
    BadInput,
    /// Done, but a quality gate is not met: 3.
    GateMissed,
    /// Stopped by the operator before the end: 4.
    Stopped,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        ExitCode::from(match status {
            Status::Done => 0,
            Status::Failed => 1,
            Status::BadInput => 2,
            Status::GateMissed => 3,
            Status::Stopped => 4,
        })
    }
}

/// What a command leaves behind. The shell publishes it: commands neither write records nor judge
/// gates themselves.
#[derive(Debug)]
pub struct Outcome {
    run: Option<Run>,
    report: Option<(Report, RunFolder)>,
    verdicts: Vec<Verdict>,
    stopped: bool,
    failed: Option<String>,
}

impl Outcome {
    /// Done, with nothing to record.
    pub fn done() -> Self {
        Outcome {
            run: None,
            report: None,
            verdicts: Vec::new(),
            stopped: false,
            failed: None,
        }
    }

    /// Done, with figures but no folder.
    pub fn recorded(run: Run) -> Self {
        Outcome {
            run: Some(run),
            ..Outcome::done()
        }
    }

    /// Done, with figures and a report for the run folder.
    pub fn measured(run: Run, report: Report, folder: RunFolder) -> Self {
        Outcome {
            run: Some(run),
            report: Some((report, folder)),
            ..Outcome::done()
        }
    }

    /// The operator ended it before its end.
    pub fn stopped(self) -> Self {
        Outcome {
            stopped: true,
            ..self
        }
    }

    /// There is a record, and it is one of failure: exit code 1.
    pub fn failed(self, what: String) -> Self {
        Outcome {
            failed: Some(what),
            ..self
        }
    }

    /// Adds verdicts of the command's own gates (those of `--require` are added anyway).
    pub fn judged(mut self, verdicts: impl IntoIterator<Item = Verdict>) -> Self {
        self.verdicts.extend(verdicts);
        self
    }

    /// Writes the record and the report, tells the verdicts, and says how it ended.
    pub(crate) fn publish(
        mut self,
        args: &RecordArgs,
        console: &mut Console,
    ) -> Result<Status, Error> {
        if let Some(run) = &self.run {
            self.verdicts
                .extend(args.gates.iter().map(|gate| gate.judge(run)));
        }
        for verdict in &self.verdicts {
            console.verdict(verdict)?;
        }
        if let (Some(run), Some((report, folder))) = (&self.run, self.report) {
            let mut report = report.verdicts(self.verdicts.iter().cloned());
            if report.provenance == Provenance::default() {
                report.provenance = Provenance::at(console.now()).facts(machine_facts());
            }
            folder
                .write(run, &report)
                .failed(|| "the run folder could not be written")?;
            console.say(&format!("report: {}", folder.report_html().display()))?;
        }
        if let (Some(run), Some(target)) = (&self.run, &args.json) {
            match target {
                JsonTarget::Stdout => console.write_record(&run.to_json())?,
                JsonTarget::File(path) => write_whole(path, run.to_json().as_bytes())
                    .failed(|| "the record could not be written")?,
            }
        }
        let all_met = self.verdicts.iter().all(|verdict| verdict.met);
        if let Some(what) = self.failed {
            return Err(Error::failed(what));
        }
        Ok(match (all_met, self.stopped) {
            (false, _) => Status::GateMissed,
            (true, true) => Status::Stopped,
            (true, false) => Status::Done,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::MeasureArgs;

    fn run() -> Run {
        let mut run = Run::new("demo", "0.1.0", 7).unwrap();
        run.figure("encrypted.accuracy", 0.97).unwrap();
        run
    }

    fn args(gate: &str) -> RecordArgs {
        RecordArgs {
            json: None,
            gates: vec![gate.parse().unwrap()],
        }
    }

    #[test]
    fn a_gate_decides_the_exit_code_and_the_folder_is_written_all_the_same() {
        for (gate, status) in [
            ("encrypted.accuracy>=0.95", Status::Done),
            ("encrypted.accuracy>=0.99", Status::GateMissed),
            ("query.ok>=1", Status::GateMissed),
        ] {
            let parent = tempfile::tempdir().unwrap();
            let (mut console, screen) = Console::captured(false, false);
            let measure = MeasureArgs {
                record: args(gate),
                out: Some(parent.path().into()),
            };
            let folder = console.run_folder("demo", &measure).unwrap();
            let outcome = Outcome::measured(run(), Report::new("r"), folder.clone());
            assert_eq!(
                outcome.publish(&measure.record, &mut console).unwrap(),
                status
            );
            assert_eq!(Run::read(&folder.run_json()).unwrap(), run());
            let page = std::fs::read_to_string(folder.report_html()).unwrap();
            assert!(page.contains("not met") == (status == Status::GateMissed));
            assert!(screen.out().contains("report.html"));
        }
    }

    #[test]
    fn a_record_on_standard_output_is_alone_there() {
        let (mut console, screen) = Console::captured(false, true);
        let record = RecordArgs {
            json: Some(JsonTarget::Stdout),
            ..args("wall_s<=3")
        };
        console.say("a table").unwrap();
        Outcome::recorded(run())
            .publish(&record, &mut console)
            .unwrap();
        assert_eq!(screen.out(), run().to_json());
        assert!(screen.err().contains("a table") && screen.err().contains("wall_s ≤ 3"));
    }

    #[test]
    fn a_record_that_cannot_be_written_is_a_failure_that_names_the_file() {
        let (mut console, _) = Console::captured(false, false);
        let target = JsonTarget::File("/nonexistent/folder/run.json".into());
        let record = RecordArgs {
            json: Some(target),
            gates: vec![],
        };
        let error = Outcome::recorded(run())
            .publish(&record, &mut console)
            .unwrap_err();
        assert_eq!(error.status(), Status::Failed);
        assert!(error.to_string().contains("/nonexistent/folder"), "{error}");
    }
}
