//! Everything that can be tested before a session: each test with its result, none stops the others.

use std::path::Path;
use std::time::{Duration, SystemTime};

use tacit_identity::SiteRole;
use tacit_transport::grpc::{Reached, reach};

use crate::config::NodeConfig;
use crate::error::Error;
use crate::node::Node;

/// A test and what came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Check {
    /// What was tested.
    pub what: &'static str,
    /// What was found, or what is wrong.
    pub outcome: Result<String, String>,
}

/// A certificate that ends sooner is a problem.
const LEAST_VALIDITY: Duration = Duration::from_secs(7 * 86_400);

fn said<T>(what: &'static str, tested: Result<T, Error>, found: impl Fn(&T) -> String) -> Check {
    let outcome = tested.as_ref().map(found).map_err(ToString::to_string);
    Check { what, outcome }
}

/// Tests a party's or a hub's files, its disk, and the way to the hub.
pub fn preflight(config: &NodeConfig) -> Vec<Check> {
    let mut checks = Vec::new();
    let role = match config.party {
        Some(_) => SiteRole::Party,
        None => SiteRole::Hub,
    };
    let roster = config.signed_roster();
    let count = |r: &std::sync::Arc<tacit_identity::SignedRoster>| {
        let sites = r.sites().len();
        format!(
            "serial {}, {sites} members, fingerprint {}",
            r.serial(),
            r.fingerprint()
        )
    };
    let known = roster.as_ref().ok().cloned();
    checks.push(said("roster", roster, count));
    let identity = config.open_identity();
    let admitted = match (&identity, known) {
        (Ok(identity), Some(roster)) => {
            // Good now, and good for the length of a session.
            let now = SystemTime::now();
            let der = identity.certificate().der();
            let admit = |at| roster.admit(der, at, role).map(drop);
            Some(admit(now).and_then(|()| admit(now + LEAST_VALIDITY)))
        }
        _ => None,
    };
    checks.push(said("identity", identity, |i| {
        format!("`{}`, a {}", i.name(), i.role())
    }));
    if let Some(admitted) = admitted {
        let days = LEAST_VALIDITY.as_secs() / 86_400;
        checks.push(said("certificate", admitted.map_err(Error::from), |()| {
            format!("in the roster as a {role}, valid for at least {days} days")
        }));
    }
    checks.push(said("disk", writable(&config.state), |()| {
        "a file was written, synced and read back".into()
    }));
    if config.party.is_none() {
        return checks;
    }
    let node = Node::open(config);
    let way = node.as_ref().ok().map(|node| {
        let (identity, roster, party) = node.hub();
        reach(
            identity,
            roster.clone(),
            &party.hub,
            &party.address,
            Duration::from_secs(10),
        )
    });
    checks.push(said("plan, approval, policy, rows", node, |node| {
        format!(
            "`{}` with {} rows here",
            node.agreement().plan.name,
            node.rows()
        )
    }));
    if let Some(way) = way {
        checks.push(said("hub", way.map_err(Error::from), |found: &Reached| {
            format!("reached and agreed in {} ms", found.took.as_millis())
        }));
    }
    checks
}

fn writable(state: &Path) -> Result<(), Error> {
    let path = state.join("preflight");
    let bytes = b"tacit";
    std::fs::create_dir_all(state).map_err(Error::io(state))?;
    tacit_seal::file::replace(&path, bytes)?;
    let read = std::fs::read(&path).map_err(Error::io(&path))?;
    std::fs::remove_file(&path).map_err(Error::io(&path))?;
    if read != bytes {
        let problem = "what was written does not read back";
        return Err(Error::config(path.display().to_string(), problem));
    }
    Ok(())
}
