//! One site that is ready, and then everything that can be wrong with it, one at a time.

use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;

use tacit_identity::{Revocation, SignedRoster};
use tacit_seal::Unlock;

use super::*;
use crate::Node;
use crate::operations::Operations;

const PLAN: &str = include_str!("../../../../examples/hospitals/plan.toml");
const POLICY: &str = include_str!("../../../../examples/hospitals/policy.toml");
const DATA: &str = include_str!("../../../../data/pima-diabetes.csv");
const YEAR: Duration = Duration::from_secs(365 * DAY);
const SITES: [(&str, SiteRole); 7] = [
    ("hospital-a", SiteRole::Party),
    ("hospital-b", SiteRole::Party),
    ("hospital-c", SiteRole::Party),
    ("hospital-d", SiteRole::Party),
    ("hospital-e", SiteRole::Party),
    ("clinic", SiteRole::Querier),
    ("hub", SiteRole::Hub),
];

/// `hospital-a` with everything a node needs, and a hub that runs.
struct Ready {
    folder: tempfile::TempDir,
    identities: Vec<Identity>,
    config: NodeConfig,
    hub: Option<(Operations, JoinHandle<()>)>,
    now: SystemTime,
}

impl Ready {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let identities: Vec<_> = SITES
            .iter()
            .map(|(name, role)| Identity::generate(name, *role, now, YEAR).unwrap())
            .collect();
        let mut ready = Self {
            config: NodeConfig::from_toml(&text("hospital-a", &identities[0]), folder.path(), [])
                .unwrap(),
            folder,
            identities,
            hub: None,
            now,
        };
        for name in ["hospital-a", "hub"] {
            ready.write(&format!("{name}.key"), &[5; 32]);
        }
        ready.issue(1, vec![]);
        let unlock = Unlock::key_file(ready.path("hub.key")).unwrap();
        ready.identities[6]
            .create(ready.path("hub.sealed"), &unlock)
            .unwrap();
        ready.identities[0]
            .create(ready.path("hospital-a.sealed"), &unlock)
            .unwrap();
        ready.write("plan.toml", PLAN.as_bytes());
        ready.write("policy.toml", POLICY.as_bytes());
        let rows: Vec<_> = DATA.lines().take(200).collect();
        ready.write("patients.csv", (rows.join("\n") + "\n").as_bytes());
        ready.approve();
        ready.serve();
        std::fs::create_dir(ready.path("state")).unwrap();
        #[cfg(unix)]
        for (name, mode) in [("hospital-a.key", 0o600), ("state", 0o700)] {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(ready.path(name), mode).unwrap();
        }
        ready
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    fn issue(&self, serial: u64, revoked: Vec<Revocation>) {
        let requests: Vec<_> = self
            .identities
            .iter()
            .map(Identity::request)
            .filter(|r| revoked.iter().all(|line| line.name != r.name()))
            .collect();
        let key = self.identities[0].session_key();
        let issued = SignedRoster::issue(&key, serial, &requests, revoked, self.now, YEAR);
        self.write("roster.toml", issued.unwrap().to_toml().as_bytes());
    }

    fn approve(&self) {
        let roster = self.config.signed_roster().unwrap();
        let agreement = Agreement::from_toml(PLAN).unwrap();
        let key = self.identities[0].session_key();
        let signed = ApprovalFile::sign(&key, &agreement.plan, roster.session()).unwrap();
        self.write("approval.toml", signed.to_toml().as_bytes());
    }

    fn serve(&mut self) {
        let text = text("hub", &self.identities[0]);
        let config = NodeConfig::from_toml(&text, self.folder.path(), []).unwrap();
        let operations = Operations::default();
        let (ready, address) = channel();
        let stop = operations.clone();
        let thread = std::thread::spawn(move || {
            let ready = |address| ready.send(address).unwrap();
            crate::relay::relay(&config, &operations, |_| {}, ready).unwrap();
        });
        let address = address.recv().unwrap().to_string();
        self.config.party.as_mut().unwrap().address = address;
        self.hub = Some((stop, thread));
    }

    fn checks(&self) -> Vec<Check> {
        preflight(&self.config, self.now)
    }

    fn party(&mut self) -> &mut PartyConfig {
        self.config.party.as_mut().unwrap()
    }

    /// The test of this name has this verdict, and says this.
    fn says(&self, what: &str, verdict: Verdict, words: &str) {
        let checks = self.checks();
        let found = checks.iter().find(|c| c.what == what);
        let found = found.unwrap_or_else(|| panic!("no {what}: {checks:?}"));
        assert_eq!(found.verdict, verdict, "{found:?}");
        assert!(found.found.contains(words), "{found:?}");
        assert_eq!(
            found.remedy.is_some(),
            verdict != Verdict::Good,
            "{found:?}"
        );
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        if let Some((operations, thread)) = self.hub.take() {
            operations.stop().ask();
            let _ = thread.join();
        }
    }
}

fn text(name: &str, issuer: &Identity) -> String {
    let section = match name {
        "hub" => "[relay]\nlisten = '127.0.0.1:0'\n",
        _ => {
            "[party]\nplan = 'plan.toml'\napproval = 'approval.toml'\npolicy = 'policy.toml'\n\
             data = '.'\nhub = 'hub'\naddress = ''\n"
        }
    };
    format!(
        "identity = '{name}.sealed'\nroster = 'roster.toml'\nissuer = '{}'\nstate = 'state'\n\
         unlock = {{ key_file = '{name}.key' }}\n{section}",
        issuer.session_key().public()
    )
}

#[test]
fn a_site_that_is_ready_has_nothing_to_do() {
    let mut ready = Ready::new();
    ready.party().marks = Some(ready.path("marks"));
    let checks = ready.checks();
    let bad = |c: &&Check| c.verdict != Verdict::Good && c.what != "core dumps" && c.what != "rows";
    let bad: Vec<_> = checks.iter().filter(bad).collect();
    assert!(bad.is_empty(), "{bad:?}");
    let names: Vec<_> = checks.iter().map(|c| c.what).collect();
    for name in [
        "roster",
        "identity",
        "share key",
        "certificate",
        "disk",
        "space",
        "marks",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    for name in [
        "space for marks",
        "plan",
        "approval",
        "policy",
        "rows",
        "hub",
        "clock",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    // Rows are real: some are outside of ordinary ranges, which is told.
    let rows = checks.iter().find(|c| c.what == "rows").unwrap();
    assert!(rows.found.starts_with("199 rows of 8 columns"), "{rows:?}");
}

#[test]
fn rosters_that_are_foreign_old_or_ending_are_told() {
    let mut ready = Ready::new();
    let now = ready.now;
    ready.now = now + Duration::from_secs(340 * DAY);
    ready.says("roster", Verdict::Warning, "days left");
    ready.now = now + Duration::from_secs(366 * DAY);
    ready.says("roster", Verdict::Bad, "expired");
    ready.now = now;
    ready.write("state/roster-serial", b"9");
    ready.says("roster", Verdict::Bad, "9 was already seen");
    ready.write("state/roster-serial", b"1");
    ready.config.issuer = ready.identities[1].session_key().public().to_string();
    ready.says("roster", Verdict::Bad, "issued by");
}

#[test]
fn certificates_that_end_soon_are_revoked_unknown_or_early_are_told() {
    let mut ready = Ready::new();
    let now = ready.now;
    for (days, verdict, words) in [
        (-1i64, Verdict::Bad, "is valid from"),
        (300, Verdict::Good, "in the roster as a party"),
        (340, Verdict::Warning, "24 days"),
        (360, Verdict::Bad, "4 days"),
    ] {
        let away = Duration::from_secs(days.unsigned_abs() * DAY);
        ready.now = if days < 0 { now - away } else { now + away };
        ready.says("certificate", verdict, words);
    }
    ready.now = now;
    let line = Revocation {
        name: "hospital-a".into(),
        certificate: ready.identities[0].certificate().fingerprint(),
        reason: "laptop stolen".into(),
    };
    ready.issue(2, vec![line]);
    ready.says("certificate", Verdict::Bad, "laptop stolen");
    ready.issue(3, vec![]);
    ready.identities[0] = Identity::generate("hospital-a", SiteRole::Party, now, YEAR).unwrap();
    let unlock = Unlock::key_file(ready.path("hospital-a.key")).unwrap();
    ready.identities[0]
        .replace(ready.path("hospital-a.sealed"), &unlock)
        .unwrap();
    ready.says("certificate", Verdict::Bad, "is not in roster 3");
}

#[test]
fn a_certificate_that_may_end_before_the_plan_is_told() {
    let mut ready = Ready::new();
    // 16 iterations of two rounds and 12 others, each of up to three days.
    let slow = PLAN.replace("deadline_seconds = 600", "deadline_seconds = 259200");
    ready.write("plan.toml", slow.as_bytes());
    ready.now += Duration::from_secs(300 * DAY);
    ready.says("certificate", Verdict::Warning, "3168 h");
}

#[test]
fn secrets_that_do_not_open_are_told() {
    let ready = Ready::new();
    let agreement = Agreement::from_toml(PLAN).unwrap();
    let folder = node::folder_of(&ready.config.state, &agreement);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("share-seed.sealed"), [3; 200]).unwrap();
    ready.says("share key", Verdict::Bad, "");
    ready.write("hospital-a.key", &[6; 32]);
    ready.says("identity", Verdict::Bad, "");
    ready.write("hospital-a.key", &[6; 3]);
    ready.says("identity", Verdict::Bad, "");
}

#[cfg(unix)]
#[test]
fn files_open_to_others_and_folders_that_cannot_be_written_are_told() {
    use std::os::unix::fs::PermissionsExt;
    let mut ready = Ready::new();
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(ready.path("hospital-a.key"), open).unwrap();
    ready.says(
        "private files",
        Verdict::Warning,
        "hospital-a.key has mode 644",
    );
    ready.write("taken", b"");
    ready.party().marks = Some(ready.path("taken"));
    ready.says("marks", Verdict::Bad, "taken");
    ready.config.state = ready.path("taken");
    ready.says("disk", Verdict::Bad, "taken");
}

#[test]
fn plans_approvals_and_policies_that_do_not_fit_are_told() {
    let ready = Ready::new();
    let strict = POLICY.replace("min_rows = 100", "min_rows = 1000");
    ready.write("policy.toml", strict.as_bytes());
    ready.says("policy", Verdict::Bad, "min_rows");
    let other = PLAN.replace("iterations = 16", "iterations = 17");
    ready.write("plan.toml", other.as_bytes());
    ready.says("approval", Verdict::Bad, "the approval is for plan");
    ready.write("plan.toml", b"schema = 1\n");
    ready.says("plan", Verdict::Bad, "");
}

#[test]
fn every_column_with_a_problem_is_named() {
    let ready = Ready::new();
    let mut rows: Vec<_> = DATA.lines().take(200).map(str::to_owned).collect();
    // Text among numbers in two columns, and a column that is missing.
    rows[0] = rows[0].replace("insulin", "insuline");
    for (row, column) in [(7, 1), (9, 5)] {
        let mut cells: Vec<_> = rows[row].split(',').collect();
        cells[column] = "high";
        rows[row] = cells.join(",");
    }
    ready.write("patients.csv", (rows.join("\n") + "\n").as_bytes());
    ready.says("rows", Verdict::Bad, "\"high\" is not a number");
    let checks = ready.checks();
    let found = &checks.iter().find(|c| c.what == "rows").unwrap().found;
    let header: Vec<_> = DATA.lines().next().unwrap().split(',').collect();
    for column in [header[1], header[5], "insulin"] {
        assert!(found.contains(&format!("column {column:?}")), "{found}");
    }
    // Columns, but one too many.
    let wide = DATA.lines().take(200).enumerate();
    let wide: Vec<_> = wide
        .map(|(i, line)| {
            format!(
                "{line},{}",
                if i == 0 {
                    "extra".into()
                } else {
                    i.to_string()
                }
            )
        })
        .collect();
    ready.write("patients.csv", (wide.join("\n") + "\n").as_bytes());
    ready.says("rows", Verdict::Bad, "9 columns here");
    let few: Vec<_> = DATA.lines().take(60).collect();
    ready.write("patients.csv", (few.join("\n") + "\n").as_bytes());
    ready.says("rows", Verdict::Bad, "the plan asks for 100");
    std::fs::remove_file(ready.path("patients.csv")).unwrap();
    ready.says("rows", Verdict::Bad, "patients.csv");
}

#[test]
fn a_hub_that_is_not_there_or_is_another_is_told() {
    let mut ready = Ready::new();
    ready.party().hub = "hospital-b".into();
    ready.says("hub", Verdict::Bad, "`hospital-b` was dialled");
    ready.party().hub = "hub".into();
    let vacant = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    ready.party().address = vacant.local_addr().unwrap().to_string();
    drop(vacant);
    ready.says("hub", Verdict::Bad, "127.0.0.1");
}

#[test]
fn clocks_that_differ_are_told_and_refused_when_certificates_would_suffer() {
    let mut ready = Ready::new();
    let now = SystemTime::now;
    for (ahead, verdict) in [
        (0, Verdict::Good),
        (60, Verdict::Warning),
        (2400, Verdict::Bad),
    ] {
        ready.now = now() + Duration::from_secs(ahead);
        ready.says("clock", verdict, "s from the hub's");
        ready.now = now() - Duration::from_secs(ahead);
        ready.says("clock", verdict, "s from the hub's");
    }
    let silent = Reached {
        took: Duration::ZERO,
        date: None,
    };
    assert_eq!(clock(&silent, now()).verdict, Verdict::Warning);
}

#[test]
fn a_hub_tests_its_own_files_and_its_port() {
    let mut ready = Ready::new();
    let text = text("hub", &ready.identities[0]);
    ready.config = NodeConfig::from_toml(&text, ready.folder.path(), []).unwrap();
    ready.says("certificate", Verdict::Good, "as a hub");
    ready.says("port", Verdict::Good, "is free");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let relay = ready.config.relay.as_mut().unwrap();
    relay.listen = taken.local_addr().unwrap().to_string();
    ready.says("port", Verdict::Bad, "relay.listen");
    // A party's files make no hub.
    ready.config.identity = ready.path("hospital-a.sealed");
    ready.says("certificate", Verdict::Bad, "is a party in the roster");
}

#[test]
fn a_plan_with_a_threshold_is_told_to_use_a_hub() {
    let mut ready = Ready::new();
    let threshold = PLAN.replacen("[timing]", "[threshold]\nt = 3\n\n[timing]", 1);
    ready.write("plan.toml", threshold.as_bytes());
    let opened = |ready: &Ready| Node::open(&ready.config).unwrap_err().to_string();
    // As far as the signature, which is of another plan.
    assert!(opened(&ready).contains("the approval is for plan"));
    ready.party().listen = Some("127.0.0.1:0".into());
    assert!(opened(&ready).contains("party.hub"));
    ready.says("ways", Verdict::Bad, "a hub that all sites dial");
    ready.party().listen = None;
    ready.party().hub = "hospital-b".into();
    assert!(opened(&ready).contains("party.hub"));
}
