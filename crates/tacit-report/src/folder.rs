//! The run folder: `run.json`, `report.html` and whatever else a command leaves behind.
//!
//! Without a folder of the caller's choice a run goes to `runs/<command>-<UTC time>`, and a
//! second run in the same second gets a suffix rather than the first one's files. Files appear
//! whole or not at all: they are written beside their place, synced, and renamed into it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::{Error, Report, Run};

/// How many runs of one command may start within one second before the folder gives up.
const SAME_SECOND: u32 = 1000;

/// A folder for one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Creates (or reuses) exactly this folder. A previous `run.json` and `report.html` in it are
    /// replaced when the new ones are written.
    pub fn at(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = path.into();
        fs::create_dir_all(&path).map_err(Error::io("create the folder", &path))?;
        Ok(RunFolder { path })
    }

    /// Creates a new folder `<parent>/<command>-<YYYYMMDD-HHMMSS>`; `now` comes from outside.
    pub fn new_under(parent: &Path, command: &str, now: SystemTime) -> Result<Self, Error> {
        fs::create_dir_all(parent).map_err(Error::io("create the folder", parent))?;
        let utc = chrono::DateTime::<chrono::Utc>::from(now);
        let stem = format!(
            "{}-{}",
            command.replace(' ', "-"),
            utc.format("%Y%m%d-%H%M%S")
        );
        let mut path = parent.join(&stem);
        for attempt in 2..=SAME_SECOND {
            match fs::create_dir(&path) {
                Ok(()) => return Ok(RunFolder { path }),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    path = parent.join(format!("{stem}-{attempt}"));
                }
                Err(source) => {
                    return Err(Error::Io {
                        doing: "create the folder",
                        path,
                        source,
                    });
                }
            }
        }
        let source = io::Error::from(io::ErrorKind::AlreadyExists);
        Err(Error::Io {
            doing: "create the folder",
            path,
            source,
        })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where `run.json` goes.
    pub fn run_json(&self) -> PathBuf {
        self.path.join("run.json")
    }

    /// Where `report.html` goes.
    pub fn report_html(&self) -> PathBuf {
        self.path.join("report.html")
    }

    /// Writes both files. The report is rendered first, so a report that cannot be rendered
    /// leaves no half-written folder.
    pub fn write(&self, run: &Run, report: &Report) -> Result<(), Error> {
        let page = report.render(run)?;
        write_whole(&self.run_json(), run.to_json().as_bytes())?;
        write_whole(&self.report_html(), page.as_bytes())
    }
}

/// Writes a file whole or not at all: beside its place, synced, then renamed. A path that exists
/// and is no regular file (a pipe, `/dev/null`) is written to directly and never replaced.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return fs::write(path, bytes).map_err(Error::io("write", path));
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written
        .and_then(|()| fs::rename(&beside, path))
        .map_err(Error::io("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_folder_is_named_by_command_and_time_and_never_shared() {
        let parent = tempfile::tempdir().unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_762_000_000);
        let first = RunFolder::new_under(parent.path(), "bench glm", now).unwrap();
        let second = RunFolder::new_under(parent.path(), "bench glm", now).unwrap();
        let name = |f: &RunFolder| f.path().file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(name(&first), "bench-glm-20251101-122640");
        assert_eq!(name(&second), "bench-glm-20251101-122640-2");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named_in_the_error() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("taken");
        fs::write(&file, b"").unwrap();
        let error = RunFolder::at(file.join("below")).unwrap_err();
        assert!(error.to_string().contains("taken"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_written_to_and_not_replaced() {
        let null = Path::new("/dev/null");
        write_whole(null, b"gone").unwrap();
        assert!(!fs::metadata(null).unwrap().is_file());
    }

    #[test]
    fn a_written_run_is_read_back_and_leaves_no_partial_files() {
        let parent = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(parent.path().join("a/b")).unwrap();
        let mut run = Run::new("demo", "0.1.0", 1).unwrap();
        run.figure("wall_s", 2.0).unwrap();
        folder.write(&run, &Report::new("A run")).unwrap();
        assert_eq!(Run::read(&folder.run_json()).unwrap(), run);
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["report.html", "run.json"]);
    }
}
