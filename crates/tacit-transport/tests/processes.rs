//! A hub and three parties, or seven as a tree without a hub, as processes of their own, which are killed and
//! come back.
//!
//! The test starts this very program again, once for every process; [`one_process`] is what those
//! run.

use std::collections::HashMap;
use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, SystemTime};

use tacit_identity::{Identity, SignedRoster, SiteRole};
use tacit_journal::FileJournal;
use tacit_seal::Unlock;
use tacit_session::plan::{Plan, Release, ReleaseKind, TopologyPlan};
use tacit_session::simulation::Tally;
use tacit_session::{Approval, Nonce, Party, PublicKey, Seat};
use tacit_transport::grpc::{Hub, HubLimits, Site, SiteEvent, SiteOptions, run};

const NAMES: [&str; 3] = ["ada", "bob", "eve"];
/// Those of a tree: the first three have two children each.
const SEVEN: [&str; 7] = ["ada", "bob", "eve", "dan", "fay", "gus", "ivy"];
const ROUNDS: u32 = 40;
const YEAR: Duration = Duration::from_secs(365 * 86_400);
/// Lines with this prefix are for the test.
const SAYS: &str = "says: ";

fn unlock() -> Unlock {
    Unlock::key([5; 32]).unwrap()
}

fn plan(names: &[&str]) -> Plan {
    let mut plan = Plan::draft("sums", "tally", names);
    if names.len() > NAMES.len() {
        plan.topology = TopologyPlan::Tree { arity: 2 };
    }
    plan.timing.retry_seconds = 1;
    plan.releases.push(Release {
        what: ReleaseKind::Statistics,
        to: vec!["ada".into()],
        at_most: 1,
        precision_bits: 16,
    });
    plan
}

fn value(name: &str) -> u64 {
    100 + u64::from(name.as_bytes()[0])
}

/// Makes everyone's sealed identity and the roster, as files.
fn set_up(folder: &Path, names: &[&str]) {
    let mut requests = Vec::new();
    let sites = names.iter().map(|n| (*n, SiteRole::Party));
    let mut issuer = None;
    for (name, role) in sites.chain([("hub", SiteRole::Hub)]) {
        let identity = Identity::generate(name, role, SystemTime::now(), YEAR).unwrap();
        identity.create(folder.join(name), &unlock()).unwrap();
        requests.push(identity.request());
        issuer.get_or_insert(identity.session_key());
    }
    let issuer = issuer.unwrap();
    let now = SystemTime::now();
    let roster = SignedRoster::issue(&issuer, 1, &requests, vec![], now, YEAR).unwrap();
    std::fs::write(folder.join("roster.toml"), roster.to_toml()).unwrap();
    std::fs::write(folder.join("issuer"), issuer.public().to_string()).unwrap();
}

fn roster(folder: &Path) -> Arc<SignedRoster> {
    let issuer = std::fs::read_to_string(folder.join("issuer")).unwrap();
    let issuer = PublicKey::from_hex(&issuer).unwrap();
    let text = std::fs::read_to_string(folder.join("roster.toml")).unwrap();
    Arc::new(SignedRoster::open(&text, &issuer).unwrap())
}

/// Does nothing, unless this program was started as one of the processes.
#[test]
fn one_process() {
    let Ok(name) = env::var("TACIT_TEST_SITE") else {
        return;
    };
    let folder = PathBuf::from(env::var("TACIT_TEST_FOLDER").unwrap());
    let address = env::var("TACIT_TEST_ADDRESS").unwrap();
    let identity = Identity::open(folder.join(&name), &unlock()).unwrap();
    match name.as_str() {
        "hub" => hub(identity, &folder, &address),
        _ => party(identity, &folder, address),
    }
}

fn hub(identity: Identity, folder: &Path, address: &str) {
    let log = |event| println!("{event}");
    let hub = Hub::new(identity, roster(folder), HubLimits::default(), log).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        println!("\n{SAYS}{}", listener.local_addr().unwrap());
        hub.serve(listener, std::future::pending()).await.unwrap();
    });
}

fn party(identity: Identity, folder: &Path, address: String) {
    // In a tree there are the addresses of all that relay.
    let relays: Vec<_> = address.split(',').collect();
    let names: &[&str] = if relays.len() > 1 { &SEVEN } else { &NAMES };
    let (hub, address, listen) = match names.iter().position(|n| *n == identity.name()) {
        Some(place) if relays.len() > 1 => {
            let parent = place.saturating_sub(1) / 2;
            let listen = relays.get(place).map(|a| (*a).to_owned());
            (names[parent], relays[parent].to_owned(), listen)
        }
        _ => ("hub", address, None),
    };
    let (plan, roster) = (plan(names), roster(folder));
    let (digest, key) = (plan.digest().unwrap(), identity.session_key());
    let members = roster.session();
    let approval = Approval::sign(&key, digest, members.digest());
    let journal = FileJournal::open(
        folder.join(format!("{}.log", identity.name())),
        folder.join(format!("{}.mark", identity.name())),
        digest,
        members.digest(),
        &key.public(),
        plan.limits.max_payload_bytes,
    );
    let seat = Seat::new(
        members.clone(),
        &plan,
        key,
        approval,
        Nonce::fresh().unwrap(),
    );
    let app = Tally::new(value(identity.name()), ROUNDS);
    let party = Party::new(seat.unwrap(), app, journal.unwrap()).unwrap();
    let site = Site {
        identity,
        roster,
        hub: hub.into(),
        address,
        listen,
    };
    let options = SiteOptions {
        tick: Duration::from_millis(100),
        redial: Duration::from_millis(10),
        linger: Duration::from_secs(20),
        deadline: Some(Duration::from_secs(300)),
        ..SiteOptions::default()
    };
    let app = run(party, &site, &options, |event| match event {
        SiteEvent::Progress(status) => {
            println!("\n{SAYS}round {}", status.round.unwrap_or_default());
        }
        other => println!("{other:?}"),
    });
    println!("\n{SAYS}totals {:?}", app.unwrap().totals());
}

/// A process and what it says.
struct Process {
    child: Child,
    said: Receiver<String>,
    totals: Option<String>,
}

impl Process {
    fn start(name: &str, folder: &Path, address: &str) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["one_process", "--exact", "--nocapture", "--test-threads=1"])
            .env("TACIT_TEST_SITE", name)
            .env("TACIT_TEST_FOLDER", folder)
            .env("TACIT_TEST_ADDRESS", address)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = child.stdout.take().unwrap();
        let (say, said) = channel();
        thread::spawn(move || listen(out, &say));
        Self {
            child,
            said,
            totals: None,
        }
    }

    /// Waits for the address of a hub.
    fn address(&self) -> String {
        self.said.recv().unwrap()
    }

    /// Waits until a party is in this round or past it, or at its end.
    fn comes_to(&mut self, round: u32) {
        while self.totals.is_none() {
            let line = self.said.recv().unwrap();
            if let Some(number) = line.strip_prefix("round ") {
                if number.parse::<u32>().unwrap() >= round {
                    return;
                }
            } else {
                self.totals = Some(line);
            }
        }
    }

    /// Waits for the end of a party.
    fn totals(&mut self) -> String {
        self.comes_to(u32::MAX);
        self.totals.take().unwrap()
    }

    /// `kill -9`.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(out: impl std::io::Read, say: &Sender<String>) {
    for line in BufReader::new(out).lines().map_while(Result::ok) {
        if let Some(said) = line.strip_prefix(SAYS) {
            let _ = say.send(said.to_owned());
        }
    }
}

#[test]
fn parties_and_hub_are_killed_and_come_back_and_the_totals_are_right() {
    let folder = tempfile::tempdir().unwrap();
    set_up(folder.path(), &NAMES);
    let start = |name: &str, address: &str| Process::start(name, folder.path(), address);
    let mut hub = start("hub", "127.0.0.1:0");
    let address = hub.address();
    let mut parties: HashMap<&str, Process> =
        NAMES.into_iter().map(|n| (n, start(n, &address))).collect();
    let root = NAMES[0];
    // Whoever is named dies when the root has come to that round. The root is among them.
    for (round, victim) in [(5, "bob"), (10, "hub"), (15, root), (20, "eve"), (25, root)] {
        parties.get_mut(root).unwrap().comes_to(round);
        if victim == "hub" {
            hub.kill();
            hub = start("hub", &address);
            assert_eq!(hub.address(), address);
        } else {
            parties.get_mut(victim).unwrap().kill();
            parties.insert(victim, start(victim, &address));
        }
    }
    let values: Vec<u64> = NAMES.iter().map(|n| value(n)).collect();
    let expected = format!("totals {:?}", Tally::expected(&values, ROUNDS));
    for (name, party) in &mut parties {
        assert_eq!(party.totals(), expected, "{name}");
    }
}

#[test]
fn a_tree_without_a_hub_goes_on_when_those_who_relay_are_killed_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    set_up(folder.path(), &SEVEN);
    let vacant = || {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let relays = [vacant(), vacant(), vacant()].join(",");
    let start = |name: &str| Process::start(name, folder.path(), &relays);
    let mut parties: HashMap<&str, Process> = SEVEN.into_iter().map(|n| (n, start(n))).collect();
    let root = SEVEN[0];
    for (round, victim) in [(5, "bob"), (12, root), (19, "eve"), (26, "fay")] {
        parties.get_mut(root).unwrap().comes_to(round);
        parties.get_mut(victim).unwrap().kill();
        parties.insert(victim, start(victim));
    }
    let values: Vec<u64> = SEVEN.iter().map(|n| value(n)).collect();
    let expected = format!("totals {:?}", Tally::expected(&values, ROUNDS));
    for (name, party) in &mut parties {
        assert_eq!(party.totals(), expected, "{name}");
    }
}
