//! A party, from its files to the end of its session.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tacit_data::{Cohort, CohortSpec, Table};
use tacit_identity::{Identity, SignedRoster, SiteRole};
use tacit_journal::{FileJournal, LedgerFile, Ledgered, Vault};
use tacit_mhe::{PartySecret, SharedLedger};
use tacit_ring::{Seed, Xof};
use tacit_session::{Approval, Digest, DigestWriter, Journal, Nonce, Party, Plan, PublicKey, Seat};
use tacit_transport::grpc::{Site, SiteEvent, SiteOptions, run};
use zeroize::Zeroizing;

use crate::agreement::Agreement;
use crate::approval::ApprovalFile;
use crate::config::{NodeConfig, PartyConfig, make_private, read_text};
use crate::error::Error;
use crate::gate::{Gate, Guard};
use crate::learner::Learner;
use crate::model_file;
use crate::operations::{Operations, Renewing};
use crate::policy::Policy;
use crate::release_log::ReleaseLog;
use crate::status::{NodeStatus, seconds};

/// The log of releases in the state folder.
pub const RELEASES: &str = "releases.jsonl";
const SERIAL: &str = "roster-serial";
pub(crate) const SHARE_SEED: &str = "share-seed";

/// A party whose files were all found good.
#[derive(Debug)]
pub struct Node {
    config: NodeConfig,
    party: PartyConfig,
    identity: Identity,
    roster: Arc<SignedRoster>,
    agreement: Agreement,
    approval: Approval,
    policy: Policy,
    table: Table,
    operations: Operations,
}

impl Node {
    /// Reads and checks everything a party starts from. A plan that this site has not signed, or that
    /// breaks its policy, does not open.
    pub fn open(config: &NodeConfig) -> Result<Self, Error> {
        let party = config.party.clone().ok_or_else(|| {
            let problem = "there is no [party] section; a hub is run from [relay]";
            Error::config("node", problem)
        })?;
        let roster = config.signed_roster()?;
        let identity = config.open_identity()?;
        let now = SystemTime::now();
        roster.admit(identity.certificate().der(), now, SiteRole::Party)?;
        make_private(&config.state)?;
        let agreement = Agreement::from_toml(&read_text(&party.plan)?)?;
        let approval = ApprovalFile::from_toml(&read_text(&party.approval)?)?;
        let approval = approval.check(
            &identity.session_key().public(),
            agreement.digest,
            roster.session().digest(),
        )?;
        let policy = Policy::from_toml(&read_text(&party.policy)?)?;
        let table = rows(&agreement.plan, identity.name(), &party.data)?;
        let (found, needed) = (table.rows() as u64, agreement.plan.min_rows);
        let mut refused = policy.check(&agreement.plan, Some(found));
        if found < needed {
            refused.push(crate::Refusal {
                rule: "min_rows",
                problem: format!("{found} rows here, the plan asks for {needed}"),
            });
        }
        if let Err(problem) = agreement.check_rows(identity.name(), table.rows()) {
            refused.push(crate::Refusal {
                rule: "data.parts",
                problem,
            });
        }
        if table.columns() != agreement.task.features() {
            refused.push(crate::Refusal {
                rule: "features",
                problem: format!(
                    "{} columns here, the plan has {}",
                    table.columns(),
                    agreement.task.features()
                ),
            });
        }
        if !refused.is_empty() {
            return Err(Error::Refused(refused));
        }
        Ok(Self {
            config: config.clone(),
            party,
            identity,
            roster,
            agreement,
            approval,
            policy,
            table,
            operations: Operations::default(),
        })
    }

    /// Lets an operator watch and stop this node.
    pub fn operated(mut self, operations: &Operations) -> Self {
        self.operations = operations.clone();
        let (certificate, now) = (self.identity.certificate(), SystemTime::now());
        operations.introduce(SiteRole::Party, certificate, &self.roster, now);
        self
    }

    /// This site's name.
    pub fn name(&self) -> &str {
        self.identity.name()
    }

    /// What was agreed.
    pub fn agreement(&self) -> &Agreement {
        &self.agreement
    }

    /// How many rows this site brings.
    pub fn rows(&self) -> usize {
        self.table.rows()
    }

    /// Trains: begins the session of the plan, or goes on where the journal ends. `unlock` opens the
    /// share key; `observer` hears every event beside the status that is written for it.
    pub fn train(
        self,
        unlock: tacit_seal::Unlock,
        mut observer: impl FnMut(&SiteEvent, &NodeStatus),
    ) -> Result<Trained, Error> {
        remember_serial(&self.config.state, &self.roster)?;
        let folder = session_folder(&self.config.state, &self.agreement)?;
        let marks = match &self.party.marks {
            Some(elsewhere) => session_folder(elsewhere, &self.agreement)?,
            None => folder.clone(),
        };
        let members = self.roster.session().clone();
        let key = self.identity.session_key();
        let owner = share_owner(self.agreement.digest, members.digest(), &key.public());
        let seed = share_seed(&Vault::new(&folder, unlock, owner))?;
        let secret = PartySecret::from_seed(self.agreement.task.params(), &seed);
        let log = ReleaseLog::open(&self.config.state.join(RELEASES), self.identity.name(), key)?;
        let desk = Desk {
            status: NodeStatus {
                site: self.identity.name().to_owned(),
                plan: self.agreement.plan.name.clone(),
                phase: "connecting".into(),
                started: seconds(SystemTime::now()),
                ..NodeStatus::default()
            },
            site: Site {
                identity: self.identity,
                roster: self.roster,
                hub: self.party.hub,
                address: self.party.address,
            },
            linger: Duration::from_secs(self.party.linger_seconds),
            config: self.config,
            folder,
            marks,
            agreement: self.agreement,
            approval: self.approval,
            owner,
            ledger: secret.shared_ledger(),
            releases: log.lines(),
            _renewing: self.operations.renewing()?,
            operations: self.operations,
        };
        let agreement = &desk.agreement;
        let guard = Guard::new(&agreement.plan, members, self.policy, log)?;
        let names = self.table.names().to_vec();
        let rows = crate::rows::SiteRows::new(self.table, agreement.standardisation.clone());
        let learner = Learner::new(&agreement.task, secret, Box::new(rows))?;
        let mut trained = Trained {
            desk,
            gate: Gate::new(learner, guard),
        };
        trained = trained.session(0, "training", &mut observer)?;
        trained.keep_model(&names)?;
        Ok(trained)
    }
}

/// What a node holds between its sessions, beside what is computed.
pub(crate) struct Desk {
    pub(crate) status: NodeStatus,
    pub(crate) site: Site,
    config: NodeConfig,
    pub(crate) folder: PathBuf,
    /// Where the marks are that notice older copies of journals and ledger.
    marks: PathBuf,
    pub(crate) agreement: Agreement,
    pub(crate) linger: Duration,
    approval: Approval,
    owner: Digest,
    ledger: SharedLedger,
    /// Lines in the log of releases.
    releases: Arc<AtomicU64>,
    pub(crate) operations: Operations,
    _renewing: Renewing,
}

/// A party after its training.
pub struct Trained {
    pub(crate) desk: Desk,
    pub(crate) gate: Gate<Learner>,
}

impl Trained {
    /// The party: at the root it holds the encrypted model.
    pub fn application(&self) -> &Learner {
        self.gate.application()
    }

    /// The guard, with the log of releases.
    pub fn guard(&self) -> &Guard {
        self.gate.guard()
    }

    /// Where the model is, if the plan releases it.
    pub fn model_file(&self) -> Option<PathBuf> {
        let path = self.desk.folder.join(model_file::FILE);
        self.application().released().map(|_| path)
    }

    /// Puts a released model into the folder of the plan.
    fn keep_model(&self, names: &[String]) -> Result<(), Error> {
        let (learner, agreement) = (self.application(), &self.desk.agreement);
        let (Some(released), Some(path)) = (learner.released(), self.model_file()) else {
            return Ok(());
        };
        let by = agreement
            .standardisation
            .standardiser(names, learner.totals());
        let by = by.map_err(|e| Error::config(model_file::FILE, e))?;
        let bytes = model_file::to_bytes(released, agreement, &by)?;
        Ok(tacit_seal::file::replace(path, &bytes)?)
    }

    /// Runs session number `session` of the plan to its end, or goes on with it. A session whose end
    /// everyone has heard is only replayed.
    pub(crate) fn session(
        mut self,
        session: u64,
        phase: &str,
        observer: &mut dyn FnMut(&SiteEvent, &NodeStatus),
    ) -> Result<Self, Error> {
        let desk = &mut self.desk;
        let seat = desk.seat()?;
        let party = Party::new(seat, self.gate, desk.journal(session)?)?;
        let over = desk.folder.join(format!("{}.over", file(session)));
        if over.exists() && party.status().done {
            self.gate = party.into_application();
            return Ok(self);
        }
        let options = SiteOptions {
            linger: desk.linger,
            session,
            ..desk.options()
        };
        desk.status
            .begin(session, phase, seconds(SystemTime::now()));
        desk.operations.keep(&desk.status, &desk.config.state)?;
        let finished = {
            let Desk {
                site,
                status,
                config,
                operations,
                releases,
                ..
            } = &mut *desk;
            let name = |p| site.roster.session().name(p);
            run(party, site, &options, |event| {
                status.note(&event, seconds(SystemTime::now()), &name);
                status.releases = releases.load(Ordering::Relaxed);
                // A service to people: a disk without room for it stops the journal anyway.
                let _ = operations.keep(status, &config.state);
                observer(&event, status);
            })
        };
        match &finished {
            Ok(_) => desk.tell("done", None)?,
            Err(tacit_transport::Error::Stopped { .. }) => desk.operations.stopped()?,
            Err(error) => desk.tell("stopped", Some(error.to_string()))?,
        }
        self.gate = finished?;
        tacit_seal::file::replace(&over, b"")?;
        Ok(self)
    }
}

/// The name of a session's files.
pub(crate) fn file(session: u64) -> String {
    match session {
        0 => "training".into(),
        _ => format!("answer-{session:06}"),
    }
}

impl Desk {
    fn seat(&self) -> Result<Seat, Error> {
        Ok(Seat::new(
            self.site.roster.session().clone(),
            &self.agreement.plan,
            self.site.identity.session_key(),
            self.approval.clone(),
            Nonce::fresh()?,
        )?)
    }

    /// The journal of a session, behind the ledger of the share key.
    fn journal(
        &self,
        session: u64,
    ) -> Result<impl Journal<Error = tacit_journal::Error> + Send + use<>, Error> {
        let place = |name: &str| {
            let log = self.folder.join(format!("{name}.log"));
            (log, self.marks.join(format!("{name}.mark")))
        };
        let (log, mark) = place("ledger");
        let ledger = LedgerFile::open(log, mark, self.owner)?;
        let (log, mark) = place(&file(session));
        let journal = FileJournal::open(
            log,
            mark,
            self.agreement.digest,
            self.site.roster.session().digest(),
            &self.site.identity.session_key().public(),
            self.agreement.plan.limits.max_payload_bytes,
        )?;
        Ok(Ledgered::new(journal, ledger, self.ledger.clone()))
    }

    /// The same site once more, for a second connection.
    pub(crate) fn again(&self) -> Result<Site, Error> {
        Ok(Site {
            identity: self.config.open_identity()?,
            roster: self.site.roster.clone(),
            hub: self.site.hub.clone(),
            address: self.site.address.clone(),
        })
    }

    /// How this site is run: counted, and ended when the operator asks.
    pub(crate) fn options(&self) -> SiteOptions {
        SiteOptions {
            traffic: self.operations.traffic().clone(),
            stop: self.operations.stop().clone(),
            ..SiteOptions::default()
        }
    }

    /// Writes a status outside of a session.
    pub(crate) fn tell(&mut self, phase: &str, problem: Option<String>) -> Result<(), Error> {
        self.status.phase = phase.to_owned();
        self.status.attached = false;
        self.status.open = false;
        self.status.releases = self.releases.load(Ordering::Relaxed);
        if problem.is_some() {
            self.status.last_problem = problem;
        }
        self.status.changed = seconds(SystemTime::now());
        self.operations.keep(&self.status, &self.config.state)
    }
}

/// This party's rows, as the plan selects them.
pub fn rows(plan: &Plan, site: &str, data: &Path) -> Result<Table, Error> {
    let party = plan.parties.iter().find(|p| p.name == site);
    let party = party.ok_or_else(|| Error::Plan {
        field: "party",
        problem: format!("`{site}` is not among the parties"),
        remedy: "use the plan of this site's roster",
    })?;
    let spec: CohortSpec = party.cohort.settings_as(site)?;
    let cohort = Cohort::load(&spec, data).map_err(|source| Error::Data {
        site: site.to_owned(),
        source: Box::new(source),
    })?;
    Ok(cohort.table)
}

/// The folder of a plan's session: by name and digest, so that a changed plan has another one.
pub(crate) fn folder_of(state: &Path, agreement: &Agreement) -> PathBuf {
    let digest: Digest = agreement.digest;
    let short = &digest.to_string()[..16];
    state.join(format!("{}-{short}", agreement.plan.name))
}

/// Whose share key a vault holds.
pub(crate) fn share_owner(plan: Digest, members: Digest, key: &PublicKey) -> Digest {
    DigestWriter::new("tacit share key of a plan v1")
        .bytes(&plan.0)
        .bytes(&members.0)
        .bytes(key.as_bytes())
        .finish()
}

fn session_folder(state: &Path, agreement: &Agreement) -> Result<PathBuf, Error> {
    let folder = folder_of(state, agreement);
    make_private(&folder)?;
    Ok(folder)
}

/// The seed of all secrets under a plan: made once, sealed, and on the disk before it is used.
fn share_seed(vault: &Vault) -> Result<Seed, Error> {
    if vault.open(SHARE_SEED)?.is_none() {
        let mut fresh = Zeroizing::new([0; 32]);
        Xof::from_os()?.fill(&mut fresh[..]);
        vault.keep(SHARE_SEED, &fresh[..])?;
    }
    let kept = vault.open(SHARE_SEED)?.unwrap_or_default();
    let bytes: [u8; 32] = kept[..].try_into().map_err(|_| {
        let problem = "the sealed share key has another length";
        Error::config("state", problem)
    })?;
    let bytes = Zeroizing::new(bytes);
    Ok(Seed::from_bytes(*bytes))
}

/// Serial number of the newest roster this node has run with; 0 before the first.
pub(crate) fn seen_serial(state: &Path) -> Result<u64, Error> {
    let path = state.join(SERIAL);
    match fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map_err(|_| {
            let problem =
                "not a number; remove the file if the roster here is known to be the newest";
            Error::config(path.display().to_string(), problem)
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(Error::io(&path)(error)),
    }
}

/// Refuses a roster older than one this node has run with.
fn remember_serial(state: &Path, roster: &SignedRoster) -> Result<(), Error> {
    let path = state.join(SERIAL);
    let seen = seen_serial(state)?;
    roster.check_not_older_than(seen)?;
    if roster.serial() > seen {
        tacit_seal::file::replace(&path, roster.serial().to_string().as_bytes())?;
    }
    Ok(())
}
