//! Sites of `examples/hospitals` as processes, and what they say.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

pub const SITES: [&str; 5] = [
    "hospital-a",
    "hospital-b",
    "hospital-c",
    "hospital-d",
    "hospital-e",
];
pub const HUB: &str = "hub";
/// Nothing here takes so long.
const PATIENCE: Duration = Duration::from_secs(300);

/// A line that a process printed.
pub struct Line {
    pub site: &'static str,
    pub text: String,
}

pub fn tacit() -> PathBuf {
    assert_cmd::cargo::cargo_bin("tacit")
}

/// The folder of the examples.
pub fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/hospitals")
}

/// Prepares all sites in a folder, with a plan and a policy.
pub fn prepare(folder: &Path, plan: &Path, policy: &Path) {
    fs::create_dir_all(folder).unwrap();
    let prepared = Command::new("bash")
        .arg(examples().join("prepare.sh"))
        .arg(folder)
        .env("TACIT", tacit())
        .env("PLAN", plan)
        .env("POLICY", policy)
        .output()
        .unwrap();
    assert!(prepared.status.success(), "{prepared:?}");
}

/// The folder of the plan in a site's state.
pub fn kept(folder: &Path, site: &str) -> PathBuf {
    let state = fs::read_dir(folder.join(site).join("state")).unwrap();
    let mut folders = state.map(|e| e.unwrap().path()).filter(|p| p.is_dir());
    folders.next().unwrap()
}

/// One story at a time: they measure, and wait for deadlines.
pub fn alone() -> MutexGuard<'static, ()> {
    static STAGE: Mutex<()> = Mutex::new(());
    STAGE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Processes of one folder, and what they say.
pub struct Table {
    folder: PathBuf,
    pub address: String,
    processes: HashMap<&'static str, Child>,
    said: Sender<Line>,
    pub lines: Receiver<Line>,
}

impl Table {
    /// A hub for this folder, and its address.
    pub fn open(folder: &Path) -> Self {
        let (said, lines) = channel();
        let mut table = Self {
            folder: folder.to_owned(),
            address: "127.0.0.1:0".into(),
            processes: HashMap::new(),
            said,
            lines,
        };
        table.start(HUB);
        let listening =
            table.hear(|line| line.site == HUB && line.text.starts_with("listening on "));
        table.address = listening.text.replace("listening on ", "");
        table
    }

    /// Starts a site that ends after the training, or the hub.
    pub fn start(&mut self, site: &'static str) {
        self.run(site, &["--train-only"]);
    }

    /// Starts a site that answers queries after the training.
    pub fn serve(&mut self, site: &'static str) {
        self.run(site, &[]);
    }

    fn run(&mut self, site: &'static str, arguments: &[&str]) {
        let mut command = Command::new(tacit());
        command.args(["node", "run", "--config"]);
        command.arg(self.folder.join(site).join("node.toml"));
        match site {
            HUB => command.env("TACIT_NODE_RELAY__LISTEN", &self.address),
            _ => command
                .args(arguments)
                .env("TACIT_NODE_PARTY__ADDRESS", &self.address)
                // Whoever fails together with the hub at the very end has nobody to hear it from.
                .env("TACIT_NODE_PARTY__LINGER_SECONDS", "5"),
        };
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out: [Box<dyn std::io::Read + Send>; 2] = [
            Box::new(child.stdout.take().unwrap()),
            Box::new(child.stderr.take().unwrap()),
        ];
        for stream in out {
            let said = self.said.clone();
            thread::spawn(move || {
                for text in BufReader::new(stream).lines().map_while(Result::ok) {
                    if said.send(Line { site, text }).is_err() {
                        return;
                    }
                }
            });
        }
        self.processes.insert(site, child);
    }

    /// The next line of this kind.
    pub fn hear(&self, mut wanted: impl FnMut(&Line) -> bool) -> Line {
        let mut before = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if wanted(&line) => return line,
                Ok(line) => before.push(format!("{}: {}", line.site, line.text)),
                Err(problem) => panic!("{problem}\n{}", before.join("\n")),
            }
        }
    }

    pub fn kill(&mut self, site: &'static str) {
        let mut child = self.processes.remove(site).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Waits for the end of a site.
    pub fn wait(&mut self, site: &'static str) -> ExitStatus {
        let mut child = self.processes.remove(site).unwrap();
        child.wait().unwrap()
    }

    /// Waits for the good end of these hospitals, and ends the hub.
    pub fn finish(mut self, sites: &[&'static str]) {
        for site in sites {
            let ended = self.wait(site);
            let said: Vec<_> = self.lines.try_iter().map(|l| l.text).collect();
            assert!(ended.success(), "{site}: {ended}\n{}", said.join("\n"));
        }
        self.kill(HUB);
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        for child in self.processes.values_mut() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}
