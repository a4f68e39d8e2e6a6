//! Three hospitals and a hub as processes, from nothing, with a short training.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{done, write};

pub const PARTIES: [&str; 3] = ["hospital-a", "hospital-b", "hospital-c"];

/// Everyone's files in one folder.
pub struct Sites {
    pub folder: tempfile::TempDir,
    pub issuer: String,
}

/// Every second row for two, and so on: what a hospital has.
fn rows(place: usize) -> String {
    let all = include_str!("../../../../data/pima-diabetes.csv");
    let mut lines = all.lines();
    let mut text = lines.next().unwrap().to_owned() + "\n";
    let own = lines.take(600).enumerate().filter(|(i, _)| i % 3 == place);
    own.for_each(|(_, line)| text += &format!("{line}\n"));
    text
}

/// The plan of the example for three, with so many iterations.
fn plan(iterations: usize) -> String {
    let example = include_str!("../../../../examples/hospitals/plan.toml");
    let mut plan = String::new();
    let mut kept = true;
    for part in example.split("\n\n") {
        for away in ["hospital-d\"\ncohort", "hospital-e\"\ncohort"] {
            kept &= !part.contains(away);
        }
        if std::mem::replace(&mut kept, true) {
            plan += &format!("{part}\n\n");
        }
    }
    plan.replace(", \"hospital-d\", \"hospital-e\"", "")
        .replace("iterations = 16", &format!("iterations = {iterations}"))
        .replace("rows = 700", "rows = 600")
}

impl Sites {
    /// Identities, roster, plan, approvals.
    pub fn new(iterations: usize) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path();
        for (place, site) in PARTIES.iter().chain(&["clinic", "hub"]).enumerate() {
            std::fs::create_dir(folder.join(site)).unwrap();
            let key: Vec<u8> = (0..32).map(|i| (i * 7 + place * 31 + 5) as u8).collect();
            write(folder, &format!("{site}/node.key"), key);
            let role = match *site {
                "clinic" => "querier",
                "hub" => "hub",
                _ => "party",
            };
            let key = format!("{site}/node.key");
            let keys = ["--out", site, "--key-file", &key];
            let new = ["-q", "identity", "new", "--name", site, "--role", role];
            done(folder, &[&new[..], &keys].concat());
        }
        let all = ["hospital-a", "hospital-b", "hospital-c", "clinic", "hub"];
        let requests = all.map(|site| format!("{site}/request.toml"));
        let mut issue = "roster issue --identity hospital-a/identity.sealed --key-file \
                         hospital-a/node.key --serial 1 --out roster.toml"
            .split(' ')
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>();
        issue.extend(requests.iter().map(String::as_str));
        let issued = String::from_utf8(done(folder, &issue).stdout).unwrap();
        let issuer = issued
            .lines()
            .find_map(|l| l.strip_prefix("issuer's key: "));
        let issuer = issuer.unwrap().to_owned();
        let policy = include_str!("../../../../examples/hospitals/policy.toml");
        for (place, site) in PARTIES.iter().enumerate() {
            write(folder, &format!("{site}/plan.toml"), plan(iterations));
            write(folder, &format!("{site}/policy.toml"), policy);
            write(folder, &format!("{site}/patients.csv"), rows(place));
            let at = |name: &str| format!("{site}/{name}");
            let sign = [
                "plan".to_owned(),
                "sign".into(),
                at("plan.toml"),
                "--roster".into(),
                "roster.toml".into(),
                "--issuer".into(),
                issuer.clone(),
                "--identity".into(),
                at("identity.sealed"),
                "--key-file".into(),
                at("node.key"),
                "--policy".into(),
                at("policy.toml"),
                "--out".into(),
                at("approval.toml"),
            ];
            done(folder, &sign.iter().map(String::as_str).collect::<Vec<_>>());
        }
        Self {
            folder: temporary,
            issuer,
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a site's configuration.
    pub fn configure(&self, site: &str, section: &str) -> PathBuf {
        let text = format!(
            "identity = \"identity.sealed\"\nroster = \"../roster.toml\"\nissuer = \"{}\"\n\
             state = \"state\"\nunlock = {{ key_file = \"node.key\" }}\n\n{section}",
            self.issuer
        );
        write(self.path(), &format!("{site}/node.toml"), text)
    }

    /// The section of a party.
    pub fn party(address: &str) -> String {
        format!(
            "[party]\nplan = \"plan.toml\"\napproval = \"approval.toml\"\npolicy = \"policy.toml\"\n\
             data = \".\"\nhub = \"hub\"\naddress = \"{address}\"\n\n\
             [operations]\nlisten = \"127.0.0.1:0\"\n"
        )
    }

    /// Starts the hub and waits until it listens: the hub, its address and that of its operations.
    pub fn hub(&self) -> (Node, String, String) {
        let section =
            "[relay]\nlisten = \"127.0.0.1:0\"\n\n[operations]\nlisten = \"127.0.0.1:0\"\n";
        self.configure("hub", section);
        let hub = self.start("hub", &[]);
        let operations = hub.says("operations on ");
        let address = hub.says("listening on ");
        (hub, address, operations)
    }

    /// Starts a site's node.
    pub fn start(&self, site: &str, more: &[&str]) -> Node {
        let config = format!("{site}/node.toml");
        let args = ["node", "run", "--config", &config];
        let mut child = Command::new(assert_cmd::cargo::cargo_bin("tacit"))
            .args([&args[..], more].concat())
            .current_dir(self.path())
            .env("NO_COLOR", "1")
            .env("TACIT_LOG", "debug")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (tell, lines) = channel();
        let all = Arc::new(Mutex::new(Vec::new()));
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let streams: [Box<dyn Read + Send>; 2] = [Box::new(out), Box::new(err)];
        let readers = streams.map(|stream| {
            let (tell, all) = (tell.clone(), all.clone());
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    all.lock().unwrap().push(line.clone());
                    let _ = tell.send(line);
                }
            })
        });
        Node {
            site: site.to_owned(),
            child,
            lines,
            all,
            readers: readers.into(),
        }
    }
}

/// A running node.
pub struct Node {
    site: String,
    child: Child,
    lines: Receiver<String>,
    all: Arc<Mutex<Vec<String>>>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

impl Node {
    /// Waits for a line with this in it: what follows it.
    pub fn says(&self, what: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(300));
            let line =
                line.unwrap_or_else(|_| panic!("{}: no {what:?}: {}", self.site, self.log()));
            if let Some((_, rest)) = line.split_once(what) {
                return rest.to_owned();
            }
        }
    }

    /// Everything it has said.
    pub fn log(&self) -> String {
        self.all.lock().unwrap().join("\n")
    }

    /// Sends a signal, by name.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end: exit code, and everything it has said.
    pub fn ends(mut self) -> (i32, String) {
        let status = self.child.wait().unwrap();
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        (status.code().unwrap_or(-1), self.log())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The body of what an address answers.
pub fn get(address: &str, path: &str) -> (String, String) {
    use std::io::Write;
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.lines().next().unwrap();
    (status.to_owned(), body.to_owned())
}

/// A sample of an exposition.
pub fn sample(text: &str, name: &str) -> f64 {
    let line = text
        .lines()
        .find_map(|l| l.strip_prefix(&format!("{name} ")));
    line.unwrap_or_else(|| panic!("no {name} in {text}"))
        .parse()
        .unwrap()
}
