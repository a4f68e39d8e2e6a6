//! The sessions of a plan, one after the other, on one desk: training, then answers.
//!
//! A session that is gone on with without somebody has several attempts, each with a journal of its own. Only the last
//! runs; of the training, those before it are replayed and left, because they hold keys and the newest model.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use tacit_data::Table;
use tacit_journal::{FileJournal, LedgerFile, Ledgered};
use tacit_learn::encrypted::Query;
use tacit_mhe::{PartySecret, SharedLedger};
use tacit_ring::Seed;
use tacit_session::{
    Approval, Continuation, Digest, Journal, Nonce, Party, PartyIndex, Seat, Status,
};
use tacit_transport::grpc::{Site, SiteEvent, SiteOptions, run};

use crate::absence::{GoOn, Records, Verdict, Watch, Who};
use crate::agreement::Agreement;
use crate::config::NodeConfig;
use crate::error::Error;
use crate::gate::{Gate, Guard};
use crate::learner::Learner;
use crate::model_file;
use crate::node::RELEASES;
use crate::operations::{Operations, Renewing};
use crate::policy::Policy;
use crate::release_log::ReleaseLog;
use crate::rows::SiteRows;
use crate::status::{NodeStatus, seconds};

/// Who hears what happens.
pub(crate) type Observer<'a> = dyn FnMut(&SiteEvent, &NodeStatus) + 'a;

/// What a node holds between its sessions, beside what is computed.
pub(crate) struct Desk {
    pub(crate) status: NodeStatus,
    pub(crate) site: Site,
    pub(crate) config: NodeConfig,
    pub(crate) folder: PathBuf,
    /// Where the marks are that notice older copies of journals and ledger.
    pub(crate) marks: PathBuf,
    pub(crate) agreement: Agreement,
    pub(crate) linger: Duration,
    pub(crate) approval: Approval,
    /// Whose ledger it is.
    pub(crate) owner: Digest,
    pub(crate) seed: Seed,
    pub(crate) policy: Policy,
    pub(crate) table: Table,
    /// Who went on without whom.
    pub(crate) records: Records,
    /// Lines in the log of releases.
    pub(crate) releases: Arc<AtomicU64>,
    pub(crate) operations: Operations,
    pub(crate) _renewing: Renewing,
}

/// A session to be run.
pub(crate) struct Job<'a> {
    /// 0 is the training; answers follow.
    pub session: u64,
    /// What the status calls it.
    pub phase: &'static str,
    /// At the root: what is asked.
    pub query: Option<&'a [u8]>,
}

/// A party with its place in the plan's sessions.
pub struct Trained {
    pub(crate) desk: Desk,
    pub(crate) gate: Gate<Learner>,
    ledger: SharedLedger,
}

/// How an attempt at a session ended.
enum Ended {
    Complete(Box<Trained>),
    Left {
        desk: Box<Desk>,
        verdict: Verdict,
        round: u32,
    },
}

/// The name of a session's files that belong to no attempt.
pub(crate) fn file(session: u64) -> String {
    match session {
        0 => "training".into(),
        _ => format!("answer-{session:06}"),
    }
}

/// The name of the files of one attempt at a session.
fn attempt_file(session: u64, with: Option<&Continuation>) -> String {
    match with {
        None => file(session),
        Some(with) => format!("{}-attempt-{}", file(session), with.attempt),
    }
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
    pub(crate) fn keep_model(&self) -> Result<(), Error> {
        let (learner, desk) = (self.application(), &self.desk);
        let (Some(released), Some(path)) = (learner.released(), self.model_file()) else {
            return Ok(());
        };
        let (names, agreement) = (desk.table.names(), &desk.agreement);
        let by = agreement
            .standardisation
            .standardiser(names, learner.totals());
        let by = by.map_err(|e| Error::config(model_file::FILE, e))?;
        let bytes = model_file::to_bytes(released, agreement, &by)?;
        Ok(tacit_seal::file::replace(path, &bytes)?)
    }

    /// Runs a session of the plan to its end, or goes on with it. A session whose end everyone has heard is only
    /// replayed. Returns the number of the session that ended: another one, if the root has gone on with that.
    pub(crate) fn session(
        mut self,
        job: &Job,
        observer: &mut Observer,
    ) -> Result<(Self, u64), Error> {
        let (mut session, mut patient) = (job.session, None);
        loop {
            let (desk, verdict, round) = match self.attempt(session, job, patient, observer)? {
                Ended::Complete(trained) => return Ok((*trained, session)),
                Ended::Left {
                    desk,
                    verdict,
                    round,
                } => (*desk, verdict, round),
            };
            (self, session, patient) = desk.gone_on(session, verdict, round)?;
        }
    }

    /// Replays the attempts at the training: those that were left and, with `all`, the last one, too.
    pub(crate) fn replayed(mut self, all: bool) -> Result<Self, Error> {
        let mut attempts = self.desk.records.attempts(0);
        if !all {
            attempts.pop();
        }
        for with in attempts {
            let name = attempt_file(0, with.as_ref());
            if !self.desk.folder.join(format!("{name}.log")).exists() {
                continue; // this party was away
            }
            let journal = self.desk.journal(&name, &self.ledger)?;
            let seat = self.desk.seat(0, with)?;
            self.gate = Party::new(seat, self.gate, journal)?.into_application();
            self.gate.application_mut().leave_unfinished();
        }
        Ok(self)
    }

    /// The last attempt at a session.
    fn attempt(
        mut self,
        session: u64,
        job: &Job,
        patient: Option<u32>,
        observer: &mut Observer,
    ) -> Result<Ended, Error> {
        if let (1.., Some(query)) = (session, job.query) {
            let encryption = &self.desk.agreement.glm()?.encryption;
            let query = Query::from_bytes(encryption, query)?;
            self.gate.application_mut().submit(query);
        }
        let Self {
            mut desk,
            gate,
            ledger,
        } = self;
        let with = desk.records.attempts(session).pop().flatten();
        let name = attempt_file(session, with.as_ref());
        let party = Party::new(
            desk.seat(session, with)?,
            gate,
            desk.journal(&name, &ledger)?,
        )?;
        let over = desk.folder.join(format!("{name}.over"));
        if over.exists() && party.status().done {
            let gate = party.into_application();
            return Ok(Ended::Complete(Box::new(Self { desk, gate, ledger })));
        }
        let now = || seconds(SystemTime::now());
        desk.status.begin(session, job.phase, now());
        desk.operations.keep(&desk.status, &desk.config.state)?;
        let watch = Watch::new(patient);
        let who = desk.who(party.participants().to_vec())?;
        let mut options = SiteOptions {
            linger: desk.linger,
            session,
            ..desk.options()
        };
        if who.is_some() {
            // The watch passes the operator's wish on.
            options.stop = watch.stop.clone();
        }
        let mut round = 0;
        let finished = thread::scope(|scope| {
            let watching = who.as_ref().map(|who| scope.spawn(|| watch.attend(who)));
            let Desk {
                site,
                status,
                config,
                operations,
                releases,
                ..
            } = &mut desk;
            let name = |p| site.roster.session().name(p);
            let finished = run(party, site, &options, |event| {
                match &event {
                    SiteEvent::Progress(Status {
                        round: Some(at), ..
                    }) => {
                        round = *at;
                        watch.progress(*at);
                    }
                    SiteEvent::Late { waiting_on, .. } => watch.late(waiting_on),
                    _ => {}
                }
                status.note(&event, now(), &name);
                status.releases = releases.load(Ordering::Relaxed);
                // A service to people: a disk without room for it stops the journal anyway.
                let _ = operations.keep(status, &config.state);
                observer(&event, status);
            });
            watch.end();
            // A watch that failed has decided nothing; the session says what it came to.
            let _ = watching.map(|watching| watching.join());
            finished
        });
        if let (Err(tacit_transport::Error::Stopped { .. }), Some(verdict)) =
            (&finished, watch.verdict())
        {
            return Ok(Ended::Left {
                desk: Box::new(desk),
                verdict,
                round,
            });
        }
        match &finished {
            Ok(_) => desk.tell("done", None)?,
            Err(tacit_transport::Error::Stopped { .. }) => desk.operations.stopped()?,
            Err(error) => desk.tell("stopped", Some(error.to_string()))?,
        }
        let gate = finished?;
        tacit_seal::file::replace(&over, b"")?;
        Ok(Ended::Complete(Box::new(Self { desk, gate, ledger })))
    }
}

impl Desk {
    /// A party as it was at the beginning.
    pub(crate) fn fresh(mut self) -> Result<Trained, Error> {
        let (agreement, key) = (&self.agreement, self.site.identity.session_key());
        let secret = PartySecret::from_seed(agreement.task.params(), &self.seed);
        let ledger = secret.shared_ledger();
        let log = self.config.state.join(RELEASES);
        let log = ReleaseLog::open(&log, self.site.identity.name(), key)?;
        self.releases = log.lines();
        let members = self.site.roster.session().clone();
        let guard = Guard::new(&agreement.plan, members, self.policy.clone(), log)?;
        let rows = SiteRows::new(self.table.clone(), agreement.standardisation.clone());
        let learner = Learner::new(&agreement.task, secret, Box::new(rows))?;
        Ok(Trained {
            gate: Gate::new(learner, guard),
            ledger,
            desk: self,
        })
    }

    /// After a session was left: a party that is ready for the next attempt, at which session, and up to which round it
    /// waits whatever happens.
    fn gone_on(
        self,
        session: u64,
        verdict: Verdict,
        round: u32,
    ) -> Result<(Trained, u64, Option<u32>), Error> {
        let mut again = self.fresh()?.replayed(true)?;
        let record = match verdict {
            Verdict::GoOn(record) => record,
            Verdict::Absent { present } => match again.application().can_go_on(true) {
                Ok(origin) => {
                    let records = &again.desk.records;
                    let t = again.desk.agreement.plan.threshold.map_or(0, |t| t.t);
                    let with = Continuation::among(records.attempt() + 1, present, t, origin);
                    GoOn { session, with }
                }
                Err(all_needed) => {
                    again.desk.tell("waiting", Some(all_needed.to_string()))?;
                    // What was left is taken up again.
                    let waiting = again.desk.fresh()?.replayed(session > 0)?;
                    return Ok((waiting, session, Some(round)));
                }
            },
        };
        let session = record.session;
        again.desk.join(record)?;
        Ok((again, session, None))
    }

    /// Keeps who goes on, if this site is among them.
    fn join(&mut self, record: GoOn) -> Result<(), Error> {
        let roster = self.site.roster.session().clone();
        let names = |of: &mut dyn Iterator<Item = PartyIndex>| {
            of.map(|p| roster.name(p)).collect::<Vec<_>>().join(", ")
        };
        let is_away = |p: &PartyIndex| !record.with.participants.contains(p);
        let away = names(&mut (0..roster.parties()).map(PartyIndex).filter(is_away));
        let me = roster.index_of(&self.site.identity.session_key().public());
        if me.is_none_or(|me| is_away(&me)) {
            let problem = Error::GoneOn {
                with: names(&mut record.with.participants.iter().copied()),
                attempt: record.with.attempt,
            };
            self.tell("stopped", Some(problem.to_string()))?;
            return Err(problem);
        }
        // Whether it fits plan and roster, before it is kept.
        self.seat(record.session, Some(record.with.clone()))?;
        let told = format!("attempt {}: goes on without {away}", record.with.attempt);
        self.records.keep(&self.folder, record)?;
        self.tell("going on", Some(told))
    }

    /// The first session from `session` on whose end this site has not heard.
    pub(crate) fn next_session(&self, session: u64) -> u64 {
        let least = self.records.last().map_or(0, |record| record.session);
        let is_over = |session: &u64| {
            let with = self.records.attempts(*session).pop().flatten();
            let name = attempt_file(*session, with.as_ref());
            self.folder.join(format!("{name}.over")).exists()
        };
        let mut from = session.max(least)..;
        from.find(|session| !is_over(session)).unwrap_or(session)
    }

    fn seat(&self, session: u64, with: Option<Continuation>) -> Result<Seat, Error> {
        let seat = Seat::new(
            self.site.roster.session().clone(),
            &self.agreement.plan,
            self.site.identity.session_key(),
            self.approval.clone(),
            Nonce::fresh()?,
        )?;
        let seat = seat.numbered(session);
        Ok(match with {
            None => seat,
            Some(with) => seat.among(with)?,
        })
    }

    /// The journal of an attempt, behind the ledger of the share key.
    fn journal(
        &self,
        name: &str,
        live: &SharedLedger,
    ) -> Result<impl Journal<Error = tacit_journal::Error> + Send + use<>, Error> {
        let place = |name: &str| {
            let log = self.folder.join(format!("{name}.log"));
            (log, self.marks.join(format!("{name}.mark")))
        };
        let (log, mark) = place("ledger");
        let ledger = LedgerFile::open(log, mark, self.owner)?;
        let (log, mark) = place(name);
        let journal = FileJournal::open(
            log,
            mark,
            self.agreement.digest,
            self.site.roster.session().digest(),
            &self.site.identity.session_key().public(),
            self.agreement.plan.limits.max_payload_bytes,
        )?;
        Ok(Ledgered::new(journal, ledger, live.clone()))
    }

    /// Who watches for silence, where the plan has a threshold.
    fn who(&self, participants: Vec<PartyIndex>) -> Result<Option<Who>, Error> {
        let plan = &self.agreement.plan;
        let Some(threshold) = plan.threshold else {
            return Ok(None);
        };
        Ok(Some(Who {
            site: self.again()?,
            plan: self.agreement.digest,
            topology: plan.topology.into(),
            threshold: threshold.t.into(),
            grace: Duration::from_secs(plan.timing.retry_seconds),
            participants,
            known: self.records.last().cloned(),
            operator: self.operations.stop().clone(),
        }))
    }

    /// Root, between sessions: tells whoever comes back that the others have gone on, while it waits for something else.
    pub(crate) fn while_listening<T>(&self, wait: impl FnOnce() -> T) -> Result<T, Error> {
        let Some(record) = self.records.last() else {
            return Ok(wait());
        };
        let Some(who) = self.who(record.with.participants.clone())? else {
            return Ok(wait());
        };
        let watch = Watch::new(None);
        Ok(thread::scope(|scope| {
            scope.spawn(|| watch.attend(&who));
            let waited = wait();
            watch.end();
            waited
        }))
    }

    /// The same site once more, for a second connection.
    pub(crate) fn again(&self) -> Result<Site, Error> {
        Ok(Site {
            identity: self.config.open_identity()?,
            roster: self.site.roster.clone(),
            hub: self.site.hub.clone(),
            address: self.site.address.clone(),
            // A second connection relays for nobody.
            listen: None,
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
