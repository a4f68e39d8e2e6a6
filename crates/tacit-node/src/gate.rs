//! What stands before every release: the plan, this site's policy, and the log.
//!
//! [`Gate`] is an [`Application`] around another one. For a round that releases something it refuses
//! to make a share unless the plan has such a release, has not used it up, and the policy of this site
//! allows it; and it writes the release into the log, on the disk, before the share is made. Rounds that
//! release nothing pass through.

use std::sync::Arc;
use std::time::SystemTime;

use tacit_learn::encrypted::answer_parts;
use tacit_session::plan::{Release, ReleaseKind};
use tacit_session::{Application, Digest, Next, PartyIndex, Plan, Roster, RoundId, SessionContext};

use crate::error::Error;
use crate::learner::releases;
use crate::policy::{Policy, Refusal};
use crate::release_log::{Occasion, ReleaseLog};
use crate::warrant::Warrant;

/// Why a gated session stops.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GateError<E: std::error::Error> {
    /// This site gives no share of a release.
    #[error("no share of round {round} (`{label}`): {refusal}")]
    Refused {
        /// The round.
        round: u32,
        /// Its label.
        label: String,
        /// Why.
        refusal: Refusal,
    },
    /// The log cannot be written.
    #[error(transparent)]
    Log(Box<Error>),
    /// What is computed failed.
    #[error(transparent)]
    Inner(E),
}

/// Rules and log of one site for one plan.
#[derive(Debug)]
pub struct Guard {
    plan: Digest,
    roster: Arc<Roster>,
    releases: Vec<Release>,
    policy: Policy,
    log: ReleaseLog,
}

impl Guard {
    /// The guard of a plan.
    pub fn new(
        plan: &Plan,
        roster: Arc<Roster>,
        policy: Policy,
        log: ReleaseLog,
    ) -> Result<Self, Error> {
        Ok(Self {
            plan: plan.digest()?,
            roster,
            releases: plan.releases.clone(),
            policy,
            log,
        })
    }

    /// The log.
    pub fn log(&self) -> &ReleaseLog {
        &self.log
    }

    /// Whether a querier with this warrant would get one more answer to this target: who it is, or
    /// the rule that keeps it.
    pub fn would_answer(&self, warrant: &[u8], target: &[u8]) -> Result<Warrant, Refusal> {
        let warrant = Warrant::check(warrant, &self.roster, self.plan, target);
        let warrant = warrant.map_err(|problem| Refusal {
            rule: "warrant",
            problem,
        })?;
        self.allowed(ReleaseKind::Prediction, &[warrant.querier().to_owned()])?;
        Ok(warrant)
    }

    /// The plan has such a release to them, with something left, and the policy allows it.
    fn allowed(&self, what: ReleaseKind, to: &[String]) -> Result<(), Refusal> {
        let refuse = |rule, problem: String| Err(Refusal { rule, problem });
        let is_planned = |r: &&Release| r.what == what && to.iter().all(|t| r.to.contains(t));
        let planned: Vec<&Release> = self.releases.iter().filter(is_planned).collect();
        if planned.is_empty() {
            let problem = format!("the plan has no such release to {}", to.join(", "));
            return refuse("release", problem);
        }
        for release in &planned {
            if let Some(refusal) = self.policy.check_release(release) {
                return Err(refusal);
            }
        }
        if let Some(name) = to.iter().find(|_| what == ReleaseKind::Prediction)
            && !self.policy.queriers.contains(name)
        {
            return refuse("queriers", format!("`{name}` may not ask"));
        }
        let left = |r: &&Release| self.log.count(self.plan, what, &r.to) < r.at_most;
        if !planned.iter().any(left) {
            let most: u64 = planned.iter().map(|r| r.at_most).sum();
            return refuse("release", format!("all {most} of this kind are used up"));
        }
        Ok(())
    }

    /// Lets a release pass and logs it, or says which rule keeps it.
    fn admit(&mut self, round: &RoundId, what: ReleaseKind, input: &[u8]) -> Result<(), Stop> {
        let refuse = |rule, problem: String| Err(Stop::Refused(Refusal { rule, problem }));
        let to = match what {
            ReleaseKind::Prediction => {
                let (target, warrant) = match answer_parts(input) {
                    Ok(parts) => parts,
                    Err(problem) => return refuse("warrant", problem.to_string()),
                };
                let warrant = Warrant::check(warrant, &self.roster, self.plan, target);
                match warrant {
                    Ok(warrant) => vec![warrant.querier().to_owned()],
                    Err(problem) => return refuse("warrant", problem),
                }
            }
            _ => {
                let planned = self.releases.iter().filter(|r| r.what == what);
                planned.flat_map(|r| r.to.clone()).collect()
            }
        };
        let occasion = Occasion {
            plan: self.plan,
            session: round.session,
            round: round.number,
            label: round.label.as_str().to_owned(),
            what,
            to,
            input: Digest::of(input),
        };
        if let Some(entry) = self.log.find(&occasion) {
            if entry.input == occasion.input.to_string() {
                return Ok(()); // asked again after a restart: the same share
            }
            let problem = format!("line {} of the log has another input", entry.number + 1);
            return refuse("release", problem);
        }
        if let Some(entry) = self.log.find_input(occasion.input) {
            let problem = format!("line {} of the log is of the same input", entry.number + 1);
            return refuse("release", problem);
        }
        self.allowed(what, &occasion.to).map_err(Stop::Refused)?;
        self.log
            .append(&occasion, SystemTime::now())
            .map_err(|e| Stop::Log(Box::new(e)))
    }
}

enum Stop {
    Refused(Refusal),
    Log(Box<Error>),
}

/// An application behind its guard.
#[derive(Debug)]
pub struct Gate<A> {
    app: A,
    guard: Guard,
}

impl<A> Gate<A> {
    /// The guard.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Puts the guard before the application.
    pub fn new(app: A, guard: Guard) -> Self {
        Self { app, guard }
    }

    /// The application.
    pub fn application(&self) -> &A {
        &self.app
    }

    /// The application, to be changed between sessions.
    pub fn application_mut(&mut self) -> &mut A {
        &mut self.app
    }
}

impl<A: Application> Application for Gate<A> {
    type Error = GateError<A::Error>;

    fn announcement(&self) -> Vec<u8> {
        self.app.announcement()
    }

    fn begin(&mut self, context: &SessionContext) -> Result<(), Self::Error> {
        self.app.begin(context).map_err(GateError::Inner)
    }

    fn next_round(&mut self) -> Result<Next, Self::Error> {
        self.app.next_round().map_err(GateError::Inner)
    }

    fn share(&mut self, round: &RoundId, input: &[u8]) -> Result<Vec<u8>, Self::Error> {
        if let Some(what) = releases(round.label.as_str()) {
            self.guard
                .admit(round, what, input)
                .map_err(|stop| match stop {
                    Stop::Refused(refusal) => GateError::Refused {
                        round: round.number,
                        label: round.label.as_str().to_owned(),
                        refusal,
                    },
                    Stop::Log(error) => GateError::Log(error),
                })?;
        }
        self.app.share(round, input).map_err(GateError::Inner)
    }

    fn aggregate(
        &mut self,
        round: &RoundId,
        input: &[u8],
        into: &mut Vec<u8>,
        from: PartyIndex,
        share: &[u8],
    ) -> Result<(), Self::Error> {
        self.app
            .aggregate(round, input, into, from, share)
            .map_err(GateError::Inner)
    }

    fn finish(&mut self, round: &RoundId, aggregate: Vec<u8>) -> Result<(), Self::Error> {
        self.app.finish(round, aggregate).map_err(GateError::Inner)
    }

    fn complete(&mut self, payload: &[u8]) -> Result<(), Self::Error> {
        self.app.complete(payload).map_err(GateError::Inner)
    }

    fn replay(&mut self, round: &RoundId, input: &[u8]) -> Result<(), Self::Error> {
        self.app.replay(round, input).map_err(GateError::Inner)
    }

    fn rounds_expected(&self) -> Option<u32> {
        self.app.rounds_expected()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use tacit_session::{IdentityKey, Label, Member, Role};

    /// Counts the shares that were made.
    #[derive(Default)]
    struct Counting(u32);

    impl Application for Counting {
        type Error = Infallible;

        fn begin(&mut self, _: &SessionContext) -> Result<(), Infallible> {
            Ok(())
        }

        fn next_round(&mut self) -> Result<Next, Infallible> {
            Ok(Next::Complete(Vec::new()))
        }

        fn share(&mut self, _: &RoundId, _: &[u8]) -> Result<Vec<u8>, Infallible> {
            self.0 += 1;
            Ok(Vec::new())
        }

        fn aggregate(
            &mut self,
            _: &RoundId,
            _: &[u8],
            _: &mut Vec<u8>,
            _: PartyIndex,
            _: &[u8],
        ) -> Result<(), Infallible> {
            Ok(())
        }

        fn finish(&mut self, _: &RoundId, _: Vec<u8>) -> Result<(), Infallible> {
            Ok(())
        }

        fn complete(&mut self, _: &[u8]) -> Result<(), Infallible> {
            Ok(())
        }
    }

    const POLICY: &str = "schema = 1\nmin_rows = 1\nmin_parties = 2\nmodels = []\nmax_answers = 9\n\
                          queriers = ['clinic', 'press']\n";

    fn key(of: u8) -> IdentityKey {
        IdentityKey::from_seed(&zeroize::Zeroizing::new([of; 32]))
    }

    fn members() -> Arc<Roster> {
        let names = [("a", Role::Party), ("b", Role::Party)];
        let askers = [("clinic", Role::Querier), ("press", Role::Querier)];
        let member = |(place, (name, role)): (usize, (&str, Role))| Member {
            name: name.into(),
            role,
            key: key(place as u8).public(),
        };
        let all = names.into_iter().chain(askers).enumerate().map(member);
        Arc::new(Roster::new(all.collect()).unwrap())
    }

    fn plan(what: ReleaseKind, to: &[&str], at_most: u64) -> Plan {
        let mut plan = Plan::draft("p", "logistic", &["a", "b"]);
        plan.releases.push(Release {
            what,
            to: to.iter().map(|t| (*t).to_owned()).collect(),
            at_most,
            precision_bits: 8,
        });
        plan
    }

    fn gate(folder: &std::path::Path, allowed: &str, plan: &Plan) -> Gate<Counting> {
        let policy = Policy::from_toml(&format!("{POLICY}releases = [{allowed}]")).unwrap();
        let log = ReleaseLog::open(&folder.join("releases.jsonl"), "a", key(0)).unwrap();
        let guard = Guard::new(plan, members(), policy, log).unwrap();
        Gate::new(Counting::default(), guard)
    }

    fn round(number: u32, label: &str) -> RoundId {
        RoundId {
            session: Digest::of(b"s"),
            number,
            label: Label::new(label).unwrap(),
        }
    }

    fn rule(gate: &mut Gate<Counting>, round: &RoundId, input: &[u8]) -> &'static str {
        match gate.share(round, input) {
            Err(GateError::Refused { refusal, .. }) => refusal.rule,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn releases_are_logged_once_and_only_as_often_as_planned() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(ReleaseKind::Statistics, &["a", "b"], 2);
        let moments = |number| round(number, "data/release-moments");
        let mut first = gate(folder.path(), "'statistics'", &plan);
        first.share(&round(2, "train/gradient"), b"x").unwrap();
        first.share(&moments(3), b"x").unwrap();
        assert_eq!(first.guard.log().entries().len(), 1);
        // After a crash the same input passes again, without a second line; another one does not.
        let mut again = gate(folder.path(), "'statistics'", &plan);
        again.share(&moments(3), b"x").unwrap();
        assert_eq!(again.guard.log().entries().len(), 1);
        assert_eq!(rule(&mut again, &moments(3), b"y"), "release");
        assert_eq!(
            rule(&mut again, &moments(4), b"x"),
            "release",
            "the same twice"
        );
        again.share(&moments(4), b"y").unwrap();
        assert_eq!(rule(&mut again, &moments(5), b"z"), "release", "used up");
        assert_eq!(again.app.0, 2, "no share is made of what is refused");
    }

    #[test]
    fn what_plan_or_policy_do_not_have_is_refused_by_its_rule() {
        let folder = tempfile::tempdir().unwrap();
        let statistics = plan(ReleaseKind::Statistics, &["a"], 2);
        let mut all = gate(folder.path(), "'statistics', 'model'", &statistics);
        assert_eq!(rule(&mut all, &round(3, "model/release"), b"x"), "release");
        let mut none = gate(folder.path(), "'model'", &statistics);
        let moments = round(3, "data/release-moments");
        assert_eq!(rule(&mut none, &moments, b"x"), "releases");
        assert!(none.guard.log().entries().is_empty());
    }

    /// The public input of a round that answers a query: result, target, warrant.
    fn answer(result: &[u8], target: &[u8], warrant: &[u8]) -> Vec<u8> {
        let mut out = 3u32.to_le_bytes().to_vec();
        for part in [result, target, warrant] {
            out.extend((part.len() as u64).to_le_bytes());
            out.extend_from_slice(part);
        }
        out
    }

    #[test]
    fn an_answer_goes_to_the_querier_that_signed_and_only_as_often_as_planned_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan(ReleaseKind::Prediction, &["clinic"], 1);
        let digest = plan.digest().unwrap();
        let mut gate = gate(folder.path(), "'prediction'", &plan);
        let sign = |name, by, rows: &[u8]| {
            Warrant::sign(name, &key(by), digest, rows, b"its key").to_bytes()
        };
        let answers = |number| round(number, "query/answer");
        let good = sign("clinic", 2, b"rows");
        let stolen = answer(b"r", b"my own key", &good);
        assert_eq!(rule(&mut gate, &answers(2), &stolen), "warrant");
        let forged = answer(b"r", b"its key", &sign("clinic", 3, b"rows"));
        assert_eq!(rule(&mut gate, &answers(2), &forged), "warrant");
        let uninvited = answer(b"r", b"its key", &sign("press", 3, b"rows"));
        assert_eq!(rule(&mut gate, &answers(2), &uninvited), "release");
        assert!(gate.guard.would_answer(&good, b"its key").is_ok());
        gate.share(&answers(2), &answer(b"r", b"its key", &good))
            .unwrap();
        assert_eq!(gate.guard.log().entries()[0].to, ["clinic"]);
        let more = sign("clinic", 2, b"others");
        assert_eq!(
            rule(&mut gate, &answers(3), &answer(b"s", b"its key", &more)),
            "release"
        );
        assert!(gate.guard.would_answer(&more, b"its key").is_err());
    }
}
