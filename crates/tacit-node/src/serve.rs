//! Answering queries after training, one session of the plan per query.
//!
//! ```text
//!   querier ── rows, warrant ──► root: kept on the disk, then acknowledged
//!                                  │ one session of all parties: every gate checks the warrant
//!   querier ◄────── answer ────────┘ kept on the disk
//! ```
//!
//! A query that comes again is answered from the disk: the ciphertext polynomial of its answer has its
//! share in the ledger, and gets no second one. After a crash the root finishes the query it was at.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tacit_learn::encrypted::Query;
use tacit_session::plan::ReleaseKind;
use tacit_session::{Digest, Frame, PartyIndex, Role};
use tacit_transport::grpc::{Mailbox, SiteEvent, correspond};

use crate::error::Error;
use crate::letters::{ANSWER, KEY, Letters, REFUSED, ROWS, Topic};
use crate::sessions::{Job, Trained, file};
use crate::status::NodeStatus;

/// How often the root looks up from its mailbox.
const PATIENCE: Duration = Duration::from_secs(60);

impl Trained {
    /// Whether the plan has predictions, so that there is something to serve.
    pub fn has_queriers(&self) -> bool {
        let releases = &self.desk.agreement.plan.releases;
        releases.iter().any(|r| r.what == ReleaseKind::Prediction)
    }

    /// Takes part in answering queries until something stops this node.
    pub fn serve(
        self,
        observer: &mut (dyn FnMut(&SiteEvent, &NodeStatus) + Send),
    ) -> Result<Infallible, Error> {
        let operations = self.desk.operations.clone();
        let ended = self.answer_queries(observer);
        if ended.as_ref().is_err_and(Error::is_stop) {
            // Between sessions nobody else says it.
            operations.stopped()?;
        }
        ended
    }

    fn answer_queries(
        mut self,
        observer: &mut (dyn FnMut(&SiteEvent, &NodeStatus) + Send),
    ) -> Result<Infallible, Error> {
        let me = self.desk.site.roster.session();
        let me = me.index_of(&self.desk.site.identity.session_key().public());
        if me == Some(PartyIndex::ROOT) {
            return Root::new(self)?.serve(observer);
        }
        let mut next = self.desk.next_session(1);
        loop {
            let job = Job {
                session: next,
                phase: "serving",
                query: None,
            };
            let (trained, ended) = self.session(&job, observer)?;
            next = trained.desk.next_session(ended + 1);
            self = trained;
        }
    }

    fn path(&self, session: u64, kind: &str) -> PathBuf {
        self.desk.folder.join(format!("{}.{kind}", file(session)))
    }
}

/// The root of the parties, which queriers write to.
struct Root {
    trained: Trained,
    letters: Letters,
    /// The session that answers a query, by the digest of the query.
    sessions: HashMap<Digest, u64>,
    key: Vec<u8>,
}

impl Root {
    fn new(trained: Trained) -> Result<Self, Error> {
        let desk = &trained.desk;
        let (plan, roster) = (&desk.agreement.plan, desk.site.roster.session());
        let queriers = (roster.members().iter().zip(0..))
            .filter(|(member, _)| member.role == Role::Querier)
            .map(|(_, place)| PartyIndex(place));
        let letters = Letters::new(
            Topic::Queries,
            &desk.site.identity,
            roster,
            desk.agreement.digest,
            queriers.collect(),
            plan.limits.max_payload_bytes,
        )?;
        let params = desk.agreement.task.params();
        let key = trained.application().collective_key();
        let key = key.ok_or_else(|| Error::config("journal", "it holds no collective key"))?;
        Ok(Self {
            key: key.to_bytes(params),
            letters,
            sessions: HashMap::new(),
            trained,
        })
    }

    fn serve(
        mut self,
        observer: &mut (dyn FnMut(&SiteEvent, &NodeStatus) + Send),
    ) -> Result<Infallible, Error> {
        for session in 1.. {
            let path = self.trained.path(session, "query");
            if !path.exists() {
                break;
            }
            let bytes = fs::read(&path).map_err(Error::io(&path))?;
            self.sessions.insert(Digest::of(&bytes), session);
            if !self.trained.path(session, "answer").exists() {
                self = self.answer(session, &bytes, observer)?;
            }
        }
        // The mailbox has a connection of its own: the same site, as another peer of the hub.
        let site = self.trained.desk.again()?;
        let about = self.letters.about.clone();
        let options = self.trained.desk.options();
        correspond(
            &site,
            &options,
            &about,
            |_| {},
            move |mailbox| loop {
                self = self.attend(mailbox, observer)?;
            },
        )?
    }

    /// Waits for a letter and does what it asks for.
    fn attend(
        mut self,
        mailbox: &Mailbox,
        observer: &mut (dyn FnMut(&SiteEvent, &NodeStatus) + Send),
    ) -> Result<Self, Error> {
        let came = self
            .trained
            .desk
            .while_listening(|| mailbox.receive(PATIENCE))?;
        let Some((from, letter)) = came? else {
            return Ok(self);
        };
        if !self.letters.is_from(from, &letter) {
            mailbox.taken(from);
            return Ok(self);
        }
        let reply = match letter.header().label.as_str() {
            KEY => Some((KEY, self.key.clone())),
            ROWS => match self.accept(from, &letter)? {
                Ok(session) => {
                    mailbox.taken(from);
                    if !self.trained.path(session, "answer").exists() {
                        self = self.answer(session, letter.payload(), observer)?;
                    }
                    let path = self.trained.path(session, "answer");
                    Some((ANSWER, fs::read(&path).map_err(Error::io(&path))?))
                }
                Err(rule) => Some((REFUSED, rule.into_bytes())),
            },
            _ => None,
        };
        mailbox.taken(from);
        if let Some((label, payload)) = reply {
            let identity = &self.trained.desk.site.identity;
            let number = letter.header().round;
            let reply = self.letters.write(identity, number, label, payload)?;
            mailbox.send(from, reply);
        }
        Ok(self)
    }

    /// Keeps a query on the disk, unless a rule is against it: the session that answers it.
    fn accept(&mut self, from: PartyIndex, letter: &Frame) -> Result<Result<u64, String>, Error> {
        let (payload, trained) = (letter.payload(), &self.trained);
        if let Some(session) = self.sessions.get(&payload.digest()) {
            return Ok(Ok(*session));
        }
        let encryption = &trained.desk.agreement.glm()?.encryption;
        let query = match Query::from_bytes(encryption, payload) {
            Ok(query) => query,
            Err(problem) => return Ok(Err(problem.to_string())),
        };
        let (rows, target) = query.subject(&encryption.params);
        let warrant = match trained.guard().would_answer(query.warrant(), &target) {
            Ok(warrant) => warrant,
            Err(refusal) => return Ok(Err(refusal.to_string())),
        };
        let sender = trained.desk.site.roster.session().member(from);
        if sender.is_none_or(|m| m.name != warrant.querier()) || !warrant.is_of(&rows) {
            return Ok(Err("the warrant is another's, or of other rows".into()));
        }
        let session = self.sessions.len() as u64 + 1;
        tacit_seal::file::create(trained.path(session, "query"), payload)?;
        self.sessions.insert(payload.digest(), session);
        Ok(Ok(session))
    }

    /// One session of all parties, and its answer on the disk.
    fn answer(
        mut self,
        session: u64,
        query: &[u8],
        observer: &mut (dyn FnMut(&SiteEvent, &NodeStatus) + Send),
    ) -> Result<Self, Error> {
        let job = Job {
            session,
            phase: "serving",
            query: Some(query),
        };
        (self.trained, _) = self.trained.session(&job, observer)?;
        let answers = self.trained.application().answers();
        let answer = answers
            .last()
            .ok_or_else(|| Error::config("journal", format!("session {session} has no answer")))?;
        tacit_seal::file::replace(self.trained.path(session, "answer"), answer)?;
        Ok(self)
    }
}
