//! `kill -9` of nodes and hub at random moments of a training between processes. Two copies of one beginning are trained
//! to the end, one in calm and one under failures: keys and nonces are the same, so every journal must be, byte for byte.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use tacit_session::simulation::Dice;

const SITES: [&str; 5] = [
    "hospital-a",
    "hospital-b",
    "hospital-c",
    "hospital-d",
    "hospital-e",
];
const HUB: &str = "hub";
/// Nothing here takes so long.
const PATIENCE: Duration = Duration::from_secs(300);

/// A line that a process printed.
struct Line {
    site: &'static str,
    text: String,
}

/// Processes of one folder, and what they say.
struct Table {
    folder: PathBuf,
    address: String,
    processes: HashMap<&'static str, Child>,
    said: Sender<Line>,
    lines: Receiver<Line>,
}

impl Table {
    /// A hub for this folder, and its address.
    fn open(folder: &Path) -> Self {
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

    fn start(&mut self, site: &'static str) {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("tacit"));
        command.args(["node", "run", "--config"]);
        command.arg(self.folder.join(site).join("node.toml"));
        match site {
            HUB => command.env("TACIT_NODE_RELAY__LISTEN", &self.address),
            _ => command
                .arg("--train-only")
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
    fn hear(&self, wanted: impl Fn(&Line) -> bool) -> Line {
        let mut before = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if wanted(&line) => return line,
                Ok(line) => before.push(format!("{}: {}", line.site, line.text)),
                Err(problem) => panic!("{problem}\n{}", before.join("\n")),
            }
        }
    }

    fn kill(&mut self, site: &'static str) {
        let mut child = self.processes.remove(site).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Waits for the end of every hospital.
    fn finish(mut self) {
        for site in SITES {
            let mut child = self.processes.remove(site).unwrap();
            let ended = child.wait().unwrap();
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

fn copy(from: &Path, to: &Path) {
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

/// The folder of the plan in a site's state.
fn kept(folder: &Path, site: &str) -> PathBuf {
    let state = fs::read_dir(folder.join(site).join("state")).unwrap();
    let mut folders = state.map(|e| e.unwrap().path()).filter(|p| p.is_dir());
    folders.next().unwrap()
}

fn median(mut of: Vec<Duration>) -> Duration {
    of.sort();
    of[of.len() / 2]
}

/// Set TACIT_KILLS for more of them, and TACIT_KILLS_SEED for others.
#[test]
fn a_training_under_failures_is_the_training_without_them_byte_for_byte() {
    let number =
        |name: &str, default: u64| std::env::var(name).map_or(default, |n| n.parse().unwrap());
    let kills = number("TACIT_KILLS", 8) as usize;
    let mut dice = Dice::new(number("TACIT_KILLS_SEED", 1));
    let folder = tempfile::tempdir().unwrap();
    let [begun, calm, storm] = ["begun", "calm", "storm"].map(|name| folder.path().join(name));
    fs::create_dir_all(&begun).unwrap();
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/hospitals");
    let prepared = Command::new("bash")
        .arg(scripts.join("prepare.sh"))
        .arg(&begun)
        .env("TACIT", assert_cmd::cargo::cargo_bin("tacit"))
        .output()
        .unwrap();
    assert!(prepared.status.success(), "{prepared:?}");

    // The beginning: everyone has answered the root's nonce and begun with the keys.
    let mut table = Table::open(&begun);
    SITES.iter().for_each(|site| table.start(site));
    for site in SITES {
        table.hear(|line| line.site == site && line.text.contains("keys/"));
    }
    SITES.iter().for_each(|site| table.kill(site));
    drop(table);
    copy(&begun, &calm);
    copy(&begun, &storm);

    let mut table = Table::open(&calm);
    let started = Instant::now();
    SITES.iter().for_each(|site| table.start(site));
    table.finish();
    let undisturbed = started.elapsed();

    let mut table = Table::open(&storm);
    let started = Instant::now();
    SITES.iter().for_each(|site| table.start(site));
    let (mut lost, mut of_hub, mut complete) = (Vec::new(), 0, 0);
    // All of them before the training is over.
    let longest = undisturbed.as_millis() as usize / kills.max(1);
    while lost.len() < kills {
        // A random moment; meanwhile the others go on.
        let moment = Instant::now() + Duration::from_millis(1 + dice.below(longest) as u64);
        while let Some(left) = moment.checked_duration_since(Instant::now()) {
            match table.lines.recv_timeout(left) {
                Ok(line) => complete += usize::from(line.text.starts_with("complete")),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => unreachable!("the table keeps a sender"),
            }
        }
        assert_eq!(
            complete,
            0,
            "the training ended after {} failures",
            lost.len()
        );
        let victim = match dice.below(SITES.len() + 1) {
            0 => HUB,
            n => SITES[n - 1],
        };
        let began = Instant::now();
        table.kill(victim);
        while table.lines.try_recv().is_ok() {}
        table.start(victim);
        match victim {
            HUB => {
                of_hub += 1;
                let mut away = Vec::from(SITES);
                while !away.is_empty() {
                    let back = table.hear(|line| line.text == "the hub is reached");
                    away.retain(|site| *site != back.site);
                }
            }
            _ => drop(table.hear(|line| line.site == victim && line.text == "the hub is reached")),
        }
        lost.push(began.elapsed());
    }
    table.finish();
    let disturbed = started.elapsed();

    for site in SITES {
        let [one, other] = [&calm, &storm].map(|run| {
            let journal = kept(run, site).join("training.log");
            fs::read(journal).unwrap()
        });
        let first = one.iter().zip(&other).position(|(a, b)| a != b);
        assert!(
            one == other,
            "{site}: the journals differ from byte {first:?} on"
        );
    }
    let journals = SITES.map(|site| kept(&storm, site).join("training.log"));
    let issuer = fs::read_to_string(begun.join("issuer")).unwrap();
    let audited = assert_cmd::Command::new(assert_cmd::cargo::cargo_bin("tacit"))
        .args(["log", "audit"])
        .args(&journals)
        .arg("--plan")
        .arg(scripts.join("plan.toml"))
        .arg("--roster")
        .arg(begun.join("roster.toml"))
        .args(["--issuer", issuer.trim()])
        .args(["--require", "journals.second_shares<=0"])
        .args(["--require", "journals.contradictions<=0"])
        .assert()
        .success();
    println!("{}", String::from_utf8_lossy(&audited.get_output().stdout));
    let each = disturbed.saturating_sub(undisturbed) / kills as u32;
    println!(
        "{kills} failures ({of_hub} of the hub): {disturbed:.1?} instead of {undisturbed:.1?}, {each:.2?} each; \
         back after {:.2?} in the middle",
        median(lost)
    );
}
