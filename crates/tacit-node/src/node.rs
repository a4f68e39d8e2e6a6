//! A party, from its files to the end of its session.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tacit_data::{Cohort, CohortSpec, Table};
use tacit_identity::{Identity, SignedRoster, SiteRole};
use tacit_journal::Vault;
use tacit_ring::{Seed, Xof};
use tacit_session::{Approval, Digest, DigestWriter, Plan, PublicKey};
use tacit_transport::grpc::{Site, SiteEvent};
use zeroize::Zeroizing;

use crate::absence::Records;
use crate::agreement::Agreement;
use crate::approval::ApprovalFile;
use crate::config::{NodeConfig, PartyConfig, make_private, read_text};
use crate::error::Error;
use crate::operations::Operations;
use crate::policy::Policy;
use crate::sessions::{Desk, Job, Trained};
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
        check_ways(&party, &roster, &agreement.plan)?;
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
                listen: self.party.listen,
            },
            linger: Duration::from_secs(self.party.linger_seconds),
            config: self.config,
            records: Records::read(&folder)?,
            folder,
            marks,
            agreement: self.agreement,
            approval: self.approval,
            owner,
            seed,
            policy: self.policy,
            table: self.table,
            releases: Arc::default(),
            _renewing: self.operations.renewing()?,
            operations: self.operations,
        };
        let training = Job {
            session: 0,
            phase: "training",
            query: None,
        };
        let begun = desk.fresh()?.replayed(false)?;
        let (trained, _) = begun.session(&training, &mut observer)?;
        trained.keep_model()?;
        Ok(trained)
    }
}

/// Whether this site reaches the others as the plan needs it: who stays away is told and heard at a hub.
pub(crate) fn check_ways(
    party: &PartyConfig,
    roster: &SignedRoster,
    plan: &Plan,
) -> Result<(), Error> {
    let mut dialled = roster.sites().iter().filter(|s| s.name == party.hub);
    let is_direct = party.listen.is_some() || dialled.any(|s| s.role == SiteRole::Party);
    match is_direct && plan.threshold.is_some() {
        true => {
            let problem =
                "a plan with a threshold needs a hub that all sites dial, and no `listen`";
            Err(Error::config("party.hub", problem))
        }
        false => Ok(()),
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
