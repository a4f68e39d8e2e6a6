//! Everything that can be tested before a session: each test with its result, none stops the others.
//!
//! | test | bad when | a warning when |
//! |---|---|---|
//! | `roster` | not the issuer's, expired, older than one seen here | it ends within 30 days |
//! | `identity` | it cannot be opened | |
//! | `share key` | there is one of this plan and it cannot be opened | |
//! | `certificate` | refused by the roster, or it ends within 7 days | it ends within 30 days, or before the longest the plan may take |
//! | `private files` | | others than the owner may read them |
//! | `core dumps` | | they are on |
//! | `disk`, `marks` | a file cannot be written, synced and read back | marks lie on the disk of the state |
//! | `space`, `space for marks` | less is free than the session is going to write | less than twice that |
//! | `plan`, `approval`, `policy` | the plan cannot be run, is not signed, breaks a rule | |
//! | `rows` | a column, a label or the number of rows is not as the plan wants it | values outside of the public ranges |
//! | `hub` | its port, or the hub there, does not take this site | |
//! | `clock` | it differs from the hub's by more than half an hour | by more than 5 s |
//!
//! Only the hub is there to be reached before a session: each site compares its clock with the hub's.

mod data;
mod forecast;
mod machine;

use std::path::Path;
use std::time::{Duration, SystemTime};

use tacit_identity::{Identity, SignedRoster, SiteRole};
use tacit_journal::Vault;
use tacit_session::Digest;
use tacit_transport::grpc::{Reached, reach};
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

use crate::agreement::Agreement;
use crate::approval::ApprovalFile;
use crate::config::{NodeConfig, PartyConfig, make_private, read_text};
use crate::error::Error;
use crate::node;
use crate::policy::Policy;

/// A test and what came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Check {
    /// What was tested.
    pub what: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found, or what is wrong.
    pub found: String,
    /// What to do, where something is to be done that `found` does not say.
    pub remedy: Option<String>,
}

/// How a test came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Nothing to do.
    Good,
    /// A session can run; look at it before.
    Warning,
    /// A session cannot run, or not to its end.
    Bad,
}

/// A certificate that ends sooner is a problem.
const LEAST_VALIDITY: Duration = Duration::from_secs(7 * DAY);
/// One that ends sooner should be renewed.
const GOOD_VALIDITY: Duration = Duration::from_secs(30 * DAY);
const DAY: u64 = 86_400;
/// A difference of clocks that people should know of.
const CLOCK_WARNING: Duration = Duration::from_secs(5);
/// New certificates are valid an hour into the past; clocks may be off to both sides.
const CLOCK_LIMIT: Duration = Duration::from_secs(1800);

impl Check {
    fn new(what: &'static str, verdict: Verdict, found: impl Into<String>) -> Self {
        Self {
            what,
            verdict,
            found: found.into(),
            remedy: None,
        }
    }

    fn good(what: &'static str, found: impl Into<String>) -> Self {
        Self::new(what, Verdict::Good, found)
    }

    fn warning(what: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(what, Verdict::Warning, found).remedy(remedy)
    }

    fn bad(what: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(what, Verdict::Bad, found).remedy(remedy)
    }

    fn remedy(self, remedy: impl Into<String>) -> Self {
        let remedy = Some(remedy.into());
        Self { remedy, ..self }
    }
}

/// Tests a party's or a hub's files, its machine, and the way to the hub. `now` is this machine's time.
pub fn preflight(config: &NodeConfig, now: SystemTime) -> Vec<Check> {
    let mut all = Preflight {
        config,
        now,
        checks: Vec::new(),
    };
    all.run();
    all.checks
}

struct Preflight<'a> {
    config: &'a NodeConfig,
    now: SystemTime,
    checks: Vec<Check>,
}

impl Preflight<'_> {
    /// Adds a test that an error makes bad; what it found.
    fn test<T>(
        &mut self,
        what: &'static str,
        remedy: &str,
        tested: Result<T, Error>,
        found: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        let check = match &tested {
            Ok(value) => Check::good(what, found(value)),
            Err(error) => Check::bad(what, error.to_string(), remedy),
        };
        self.checks.push(check);
        tested.ok()
    }

    fn run(&mut self) {
        let config = self.config;
        let role = match (&config.party, &config.relay) {
            (Some(_), _) => SiteRole::Party,
            (None, Some(_)) => SiteRole::Hub,
            (None, None) => SiteRole::Querier,
        };
        let roster = self.roster();
        let identity = self.test(
            "identity",
            "give the passphrase or key file that sealed it, under [unlock]",
            config.open_identity(),
            |i| format!("`{}`, a {}", i.name(), i.role()),
        );
        let agreement = config.party.as_ref().and_then(|party| self.plan(party));
        if let (Some(identity), Some(roster)) = (&identity, &roster) {
            self.certificate(identity, roster, role, agreement.as_ref());
        }
        self.checks.extend(machine::private_files(config));
        self.checks.push(machine::core_dumps());
        self.disk("disk", &config.state);
        if let Some(party) = &config.party {
            if let (Some(agreement), Some(identity)) = (&agreement, &identity) {
                self.party(party, agreement, identity, roster.as_deref());
            }
            if let (Some(identity), Some(roster)) = (&identity, &roster) {
                let reached = self.hub(identity, roster, &party.hub, &party.address);
                if let (Some(reached), Some(agreement)) = (reached, &agreement) {
                    let advice = crate::advice::topology(&agreement.plan, reached.took);
                    self.checks.push(Check::good("topology", advice));
                }
            }
        }
        if let (Some(querier), Some(identity), Some(roster)) = (&config.querier, &identity, &roster)
        {
            self.hub(identity, roster, &querier.hub, &querier.address);
        }
        if let Some(relay) = &config.relay {
            let listened = std::net::TcpListener::bind(&relay.listen)
                .map_err(Error::io(format!("relay.listen = {:?}", relay.listen)));
            let remedy =
                "stop what listens there (a hub that runs already?), or choose another port";
            self.test("port", remedy, listened, |_| {
                format!("{} is free", relay.listen)
            });
        }
    }

    fn roster(&mut self) -> Option<std::sync::Arc<SignedRoster>> {
        const REMEDY: &str =
            "fetch the present roster from its issuer, and compare its fingerprint";
        let seen = node::seen_serial(&self.config.state);
        let opened = self.config.signed_roster().and_then(|roster| {
            roster.check_not_older_than(seen?)?;
            Ok(roster)
        });
        let roster = match opened {
            Ok(roster) => roster,
            Err(error) => {
                let check = Check::bad("roster", error.to_string(), REMEDY);
                self.checks.push(check);
                return None;
            }
        };
        let found = format!(
            "serial {}, {} members, {} revoked, until {}, fingerprint {}",
            roster.serial(),
            roster.sites().len(),
            roster.revoked().len(),
            stamp(roster.ends()),
            roster.fingerprint()
        );
        self.checks.push(match left(roster.ends(), self.now) {
            None => Check::bad("roster", format!("{found}: it has expired"), REMEDY),
            Some(left) if left < GOOD_VALIDITY => {
                let found = format!("{found}: {} days left", left.as_secs() / DAY);
                Check::warning("roster", found, "have it issued again before it ends")
            }
            Some(_) => Check::good("roster", found),
        });
        Some(roster)
    }

    fn certificate(
        &mut self,
        identity: &Identity,
        roster: &SignedRoster,
        role: SiteRole,
        agreement: Option<&Agreement>,
    ) {
        const RENEW: &str =
            "renew it with `tacit identity renew`, and have the roster issued again";
        let certificate = identity.certificate();
        let (der, ends) = (certificate.der(), certificate.ends());
        if let Err(refusal) = roster.admit(der, self.now, role) {
            let remedy = match refusal {
                tacit_identity::Refusal::NotYetValid { .. } => "set this machine's clock",
                _ => RENEW,
            };
            let check = Check::bad("certificate", refusal.to_string(), remedy);
            return self.checks.push(check);
        }
        let left = left(ends, self.now).unwrap_or_default();
        let days = left.as_secs() / DAY;
        let found = format!(
            "in the roster as a {role}, until {}: {days} days",
            stamp(ends)
        );
        let longest = agreement.map(forecast::longest).unwrap_or_default();
        self.checks.push(if left < LEAST_VALIDITY {
            Check::bad("certificate", found, RENEW)
        } else if left < longest {
            let hours = longest.as_secs().div_ceil(3600);
            let found = format!(
                "{found}; the plan may take {hours} h if every round takes as long as its deadline allows"
            );
            Check::warning("certificate", found, RENEW)
        } else if left < GOOD_VALIDITY {
            Check::warning("certificate", found, RENEW)
        } else {
            Check::good("certificate", found)
        });
    }

    fn plan(&mut self, party: &PartyConfig) -> Option<Agreement> {
        let read = read_text(&party.plan).and_then(|text| Agreement::from_toml(&text));
        let remedy = "fetch the plan again from whoever proposed it, or have it changed";
        self.test("plan", remedy, read, |agreement| {
            let plan = &agreement.plan;
            let digest = agreement.digest.to_string();
            format!(
                "`{}` among {} parties, digest {}…",
                plan.name,
                plan.parties.len(),
                &digest[..12]
            )
        })
    }

    fn party(
        &mut self,
        party: &PartyConfig,
        agreement: &Agreement,
        identity: &Identity,
        roster: Option<&SignedRoster>,
    ) {
        if let Some(roster) = roster {
            let members = roster.session().digest();
            let key = identity.session_key().public();
            let approved = read_text(&party.approval)
                .and_then(|text| ApprovalFile::from_toml(&text))
                .and_then(|file| file.check(&key, agreement.digest, members));
            let remedy = "read the plan with `tacit plan check` and sign it with `tacit plan sign`";
            self.test("approval", remedy, approved, |_| {
                "this site signed this plan with these members".into()
            });
            if let Err(problem) = node::check_ways(party, roster, &agreement.plan) {
                let remedy = "dial a hub of the roster, or have the plan changed";
                self.checks
                    .push(Check::bad("ways", problem.to_string(), remedy));
            }
            let owner = node::share_owner(agreement.digest, members, &key);
            self.share_key(agreement, owner);
        }
        let table = data::rows(&agreement.plan, identity.name(), &party.data);
        let rows = table.as_ref().ok().map(|table| table.rows() as u64);
        let policy = read_text(&party.policy).and_then(|text| Policy::from_toml(&text));
        let judged = policy.and_then(|policy| {
            let refused = policy.check(&agreement.plan, rows);
            match refused.is_empty() {
                true => Ok(()),
                false => Err(Error::Refused(refused)),
            }
        });
        let remedy = "have the plan changed, or the policy by whoever answers for it";
        self.test("policy", remedy, judged, |()| "allows the plan".into());
        self.checks.push(match table {
            Ok(table) => data::judge(&table, agreement, identity.name()),
            Err(problems) => Check::bad(
                "rows",
                problems.join("\n"),
                "correct the table or its `[party] data` folder; the plan's cohort says what is read",
            ),
        });
        let need = forecast::journals(agreement);
        self.checks
            .push(machine::space("space", &self.config.state, need));
        if let Some(marks) = &party.marks {
            self.disk("marks", marks);
            let need = Some(forecast::marks(agreement));
            self.checks
                .push(machine::space("space for marks", marks, need));
        }
    }

    /// Whether the share key of this plan opens, if there is one.
    fn share_key(&mut self, agreement: &Agreement, owner: Digest) {
        let folder = node::folder_of(&self.config.state, agreement);
        let opened = self.config.unlock.read().and_then(|unlock| {
            let vault = Vault::new(&folder, unlock, owner);
            Ok(vault.open(node::SHARE_SEED)?.is_some())
        });
        let remedy =
            "give the passphrase or key file that sealed it; without it the session cannot go on";
        self.test("share key", remedy, opened, |there| match there {
            true => "there already, and opens".into(),
            false => "is made when the session starts".into(),
        });
    }

    fn disk(&mut self, what: &'static str, folder: &Path) {
        let remedy = "let the node's user write to this folder, or repair the disk";
        self.test(what, remedy, writable(folder), |()| {
            format!(
                "{}: a file was written, synced and read back",
                folder.display()
            )
        });
    }

    fn hub(
        &mut self,
        identity: &Identity,
        roster: &std::sync::Arc<SignedRoster>,
        hub: &str,
        address: &str,
    ) -> Option<Reached> {
        let patience = Duration::from_secs(10);
        let reached = reach(identity, roster.clone(), hub, address, patience);
        let remedy = "let the firewall pass outgoing connections to this port, and ask the hub's \
                      operator what its log says";
        let reached = self.test("hub", remedy, reached.map_err(Error::from), |found| {
            format!(
                "{address} reached and agreed in {} ms",
                found.took.as_millis()
            )
        });
        if let Some(reached) = &reached {
            self.checks.push(clock(reached, self.now));
        }
        reached
    }
}

/// This machine's clock beside the hub's, which gives whole seconds.
fn clock(reached: &Reached, now: SystemTime) -> Check {
    let remedy = "set the clock by the network (chrony, systemd-timesyncd), here or at the hub";
    let date = reached.date.as_deref().unwrap_or_default();
    let Ok(theirs) = OffsetDateTime::parse(date, &Rfc2822) else {
        return Check::warning("clock", "the hub does not give its time", remedy);
    };
    let slack = reached.took + Duration::from_secs(1);
    let difference = (OffsetDateTime::from(now) - theirs).unsigned_abs();
    let certain = difference.saturating_sub(slack);
    let found = format!(
        "{:.0} s from the hub's, to within {:.1} s",
        difference.as_secs_f64(),
        slack.as_secs_f64()
    );
    if certain > CLOCK_LIMIT {
        let found = format!("{found}; certificates are judged by it");
        return Check::bad("clock", found, remedy);
    }
    match certain > CLOCK_WARNING {
        true => Check::warning("clock", found, remedy),
        false => Check::good("clock", found),
    }
}

/// What is left until then; nothing when it is over.
fn left(ends: SystemTime, now: SystemTime) -> Option<Duration> {
    ends.duration_since(now).ok()
}

fn stamp(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    at.format(&Rfc3339).unwrap_or_else(|_| at.to_string())
}

fn writable(folder: &Path) -> Result<(), Error> {
    let path = folder.join("preflight");
    let bytes = b"tacit";
    make_private(folder)?;
    tacit_seal::file::replace(&path, bytes)?;
    let read = std::fs::read(&path).map_err(Error::io(&path))?;
    std::fs::remove_file(&path).map_err(Error::io(&path))?;
    if read != bytes {
        let problem = "what was written does not read back";
        return Err(Error::config(path.display().to_string(), problem));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
