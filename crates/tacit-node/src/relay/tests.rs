//! Certificates that are refused: what the hub's operator reads, and what the site's.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tacit_identity::{Identity, Revocation, SignedRoster};
use tacit_seal::Unlock;
use tacit_transport::grpc::{RefusalClass, reach};

use super::*;

const DAY: Duration = Duration::from_secs(86_400);
const YEAR: Duration = Duration::from_secs(365 * 86_400);

/// A certificate that begins so many days from now and is valid for so many.
fn identity(name: &str, role: SiteRole, begins: i64, days: u32) -> Identity {
    let away = DAY * u32::try_from(begins.unsigned_abs()).unwrap();
    let now = SystemTime::now();
    let from = if begins < 0 { now - away } else { now + away };
    Identity::generate(name, role, from, DAY * days).unwrap()
}

fn fine(name: &str, role: SiteRole) -> Identity {
    identity(name, role, 0, 365)
}

/// A hub of its own roster, and what it logs.
struct Running {
    operations: Operations,
    address: String,
    log: Receiver<String>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    fn new(folder: &Path, issuer: &Identity, hub: &Identity, roster: &SignedRoster) -> Self {
        std::fs::write(folder.join("key"), [9; 32]).unwrap();
        std::fs::write(folder.join("roster"), roster.to_toml()).unwrap();
        let unlock = Unlock::key_file(folder.join("key")).unwrap();
        hub.replace(folder.join("hub"), &unlock).unwrap();
        let key = issuer.session_key().public();
        let text = format!(
            "identity = 'hub'\nroster = 'roster'\nissuer = '{key}'\nstate = '.'\n\
             unlock = {{ key_file = 'key' }}\nrelay = {{ listen = '127.0.0.1:0' }}\n"
        );
        let config = NodeConfig::from_toml(&text, folder, []).unwrap();
        let operations = Operations::default();
        let (tell, address) = channel();
        let (said, log) = channel();
        let seen = operations.clone();
        let thread = std::thread::spawn(move || {
            let said = std::sync::Mutex::new(said);
            let log = move |event: HubEvent| {
                let _ = said.lock().unwrap().send(event.to_string());
            };
            relay(&config, &seen, log, |address| tell.send(address).unwrap()).unwrap();
        });
        Self {
            address: address.recv().unwrap().to_string(),
            operations,
            log,
            thread: Some(thread),
        }
    }

    fn hears(&self, words: &str) {
        let mut heard = Vec::new();
        while !heard.iter().any(|line: &String| line.contains(words)) {
            let line = self.log.recv_timeout(Duration::from_secs(60));
            heard.push(line.unwrap_or_else(|_| panic!("no {words:?} among {heard:?}")));
        }
    }

    fn counted(&self) -> Vec<RefusalClass> {
        let census = self.operations.snapshot().census.unwrap();
        census.refused.into_keys().collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.operations.stop().ask();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One case: who is in the hub's roster, who dials and what it knows, and the words of both logs.
struct Case {
    what: &'static str,
    member: Identity,
    dials: Option<Identity>,
    revoked: Option<&'static str>,
    at_the_hub: &'static str,
    at_the_site: &'static str,
    class: RefusalClass,
}

#[test]
fn every_certificate_that_a_hub_refuses_is_told_on_both_sides() {
    let party = SiteRole::Party;
    let case = |what, member, at_the_hub, at_the_site, class| Case {
        what,
        member,
        dials: None,
        revoked: None,
        at_the_hub,
        at_the_site,
        class,
    };
    let cases = [
        Case {
            dials: Some(fine("bob", party)),
            ..case(
                "unknown",
                fine("bob", party),
                "is not in roster 3; compare the rosters of both sides",
                "its roster does not have this site's certificate",
                RefusalClass::Unknown,
            )
        },
        Case {
            revoked: Some("laptop stolen"),
            ..case(
                "revoked",
                fine("bob", party),
                "the certificate of `bob` is revoked: laptop stolen",
                "its roster has this site's certificate as revoked",
                RefusalClass::Revoked,
            )
        },
        case(
            "expired",
            identity("bob", party, -30, 20),
            "the certificate of `bob` expired at",
            "by its clock this site's certificate has expired",
            RefusalClass::Expired,
        ),
        case(
            "not yet valid",
            identity("bob", party, 2, 20),
            "the certificate of `bob` is valid from",
            "has expired or is not valid yet; compare the clocks",
            RefusalClass::NotYetValid,
        ),
        case(
            "wrong role",
            fine("bob", SiteRole::Hub),
            "`bob` is a hub in the roster and may not act as a",
            "its roster has this site in another role",
            RefusalClass::WrongRole,
        ),
    ];
    for case in cases {
        let ada = fine("ada", party);
        let (eve, hub) = (fine("eve", party), fine("hub", SiteRole::Hub));
        let requests = [&ada, &eve, &case.member, &hub].map(Identity::request);
        let now = SystemTime::now();
        let issuer = ada.session_key();
        let whole = SignedRoster::issue(&issuer, 3, &requests, vec![], now, YEAR).unwrap();
        let roster = match case.revoked {
            None => whole.clone(),
            Some(reason) => {
                let line = Revocation {
                    name: "bob".into(),
                    certificate: case.member.certificate().fingerprint(),
                    reason: reason.into(),
                };
                let rest = [&ada, &eve, &hub].map(Identity::request);
                SignedRoster::issue(&issuer, 3, &rest, vec![line], now, YEAR).unwrap()
            }
        };
        let folder = tempfile::tempdir().unwrap();
        let running = Running::new(folder.path(), &ada, &hub, &roster);
        let dials = case.dials.as_ref().unwrap_or(&case.member);
        let patience = Duration::from_secs(30);
        let said = reach(dials, Arc::new(whole), "hub", &running.address, patience);
        let said = said.unwrap_err().to_string();
        assert!(said.contains(case.at_the_site), "{}: {said}", case.what);
        running.hears(case.at_the_hub);
        assert_eq!(running.counted(), [case.class], "{}", case.what);
        // The others are not disturbed.
        let roster = Arc::new(roster);
        reach(&eve, roster, "hub", &running.address, patience).unwrap();
    }
}

#[test]
fn every_certificate_of_a_hub_that_a_site_refuses_is_told_on_both_sides() {
    let ada = fine("ada", SiteRole::Party);
    let issuer = ada.session_key();
    let now = SystemTime::now();
    for (what, at_the_site, at_the_hub) in [
        (
            "unknown",
            "is not in roster 4",
            "does not have this site's certificate",
        ),
        ("revoked", "`hub` is revoked: decommissioned", "as revoked"),
        (
            "another",
            "`relay` was dialled and `hub` answers",
            "it dialled another site",
        ),
        ("roster expired", "roster 4 expired at", "or has expired"),
    ] {
        let (eve, hub) = (fine("eve", SiteRole::Party), fine("hub", SiteRole::Hub));
        let relay = fine("relay", SiteRole::Hub);
        let all = [&ada, &eve, &hub, &relay].map(Identity::request);
        let good = SignedRoster::issue(&issuer, 3, &all, vec![], now, YEAR).unwrap();
        let rest = [&ada, &eve, &relay].map(Identity::request);
        let line = Revocation {
            name: "hub".into(),
            certificate: hub.certificate().fingerprint(),
            reason: "decommissioned".into(),
        };
        let (members, revoked, dialled, from) = match what {
            "unknown" => (&rest[..], vec![], "hub", now),
            "revoked" => (&rest[..], vec![line], "hub", now),
            "another" => (&all[..], vec![], "relay", now),
            _ => (&all[..], vec![], "hub", now - YEAR - DAY),
        };
        let here = SignedRoster::issue(&issuer, 4, members, revoked, from, YEAR).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let running = Running::new(folder.path(), &ada, &hub, &good);
        let patience = Duration::from_secs(30);
        let said = reach(&eve, Arc::new(here), dialled, &running.address, patience);
        let said = said.unwrap_err().to_string();
        assert!(said.contains(at_the_site), "{what}: {said}");
        running.hears(at_the_hub);
        assert_eq!(running.counted(), [RefusalClass::ByPeer], "{what}");
    }
}
