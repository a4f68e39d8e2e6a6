//! Parties in memory, some of which leave.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

use tacit_learn::encrypted::{EncryptionPlan, GlmParty, LocalRows, Querier, Query, SessionPlan};
use tacit_learn::model::{Curvature, Family, GlmConfig, Samples};
use tacit_learn::{synthetic, twin};
use tacit_mhe::PartySecret;
use tacit_ring::Seed;
use tacit_session::plan::Threshold;
use tacit_session::simulation::Simulation;
use tacit_session::{
    Action, Continuation, Error, Event, Frame, FrameKind, MemoryJournal, Party, PartyIndex,
};

pub struct Cohort {
    pub config: GlmConfig,
    pub plan: Arc<SessionPlan>,
    pub rows: Vec<Samples>,
    pub test: Samples,
    pub threshold: u16,
    /// Every session that was run, with the journals of its parties.
    pub ran: RefCell<Vec<(Simulation, Vec<MemoryJournal>)>>,
}

pub type Parties = Vec<Option<GlmParty>>;

impl Cohort {
    pub fn new(parties: usize, threshold: u16, iterations: usize, release_model: bool) -> Self {
        let config = GlmConfig {
            slots: 256,
            batch: 32,
            iterations,
            l2: 0.01,
            ..GlmConfig::new(Family::Logistic, 4)
        };
        let mut table = synthetic::Ar1Logistic::new(4, 0.5, 0.1, 4).unwrap();
        let rows = table.draw(60 * parties).unwrap().deal(parties).unwrap();
        let t = u32::from(threshold);
        let encryption = EncryptionPlan::insecure_toy_threshold(&config, parties, t).unwrap();
        let plan = SessionPlan {
            config: config.clone(),
            encryption,
            total_rows: rows.iter().map(Samples::len).sum(),
            moments: 0,
            release_model,
            max_answers: 4,
        };
        let test = table.draw(400).unwrap();
        Self {
            config,
            plan: Arc::new(plan),
            rows,
            test,
            threshold,
            ran: RefCell::default(),
        }
    }

    pub fn fresh(&self, me: usize) -> GlmParty {
        let seed = Seed::from_bytes([me as u8 + 1; 32]);
        let secret = PartySecret::from_seed(&self.plan.encryption.params, &seed);
        let rows: Box<dyn LocalRows> = Box::new(self.rows[me].clone());
        GlmParty::new(self.plan.clone(), secret, rows).unwrap()
    }

    /// A process that starts anew with the journals of so many of the first sessions.
    pub fn restarted(&self, me: usize, sessions: usize) -> GlmParty {
        let mut app = self.fresh(me);
        for (simulation, journals) in &self.ran.borrow()[..sessions] {
            let seat = simulation.seat(PartyIndex(me as u16), 0).unwrap();
            let party = Party::new(seat, app, journals[me].copy()).unwrap();
            app = party.into_application();
            app.leave_unfinished();
        }
        app
    }

    pub fn all(&self) -> Parties {
        (0..self.rows.len())
            .map(|me| Some(self.fresh(me)))
            .collect()
    }

    pub fn simulation(&self, seed: u64, continuation: Option<Continuation>) -> Simulation {
        let mut simulation = Simulation::new(seed, self.rows.len() as u16);
        simulation.plan.threshold = Some(Threshold { t: self.threshold });
        simulation.cast = 5;
        simulation.lives = vec![seed; self.rows.len()];
        simulation.continuation = continuation;
        simulation
    }

    /// Runs a session until it is complete, or until `gone` would answer its round `until`.
    pub fn run(
        &self,
        simulation: &Simulation,
        parties: &mut Parties,
        gone: Option<(PartyIndex, u32)>,
    ) -> Result<bool, Error> {
        let participants = simulation.participants();
        let journals: Vec<MemoryJournal> = parties.iter().map(|_| MemoryJournal::new()).collect();
        let ran = (simulation.clone(), journals.clone());
        self.ran.borrow_mut().push(ran);
        let mut seated: Vec<Option<Party<GlmParty, MemoryJournal>>> =
            parties.iter().map(|_| None).collect();
        let mut wire: VecDeque<(PartyIndex, Event)> = VecDeque::new();
        for &party in &participants {
            let app = parties[party.as_usize()].take().unwrap();
            let seat = simulation.seat(party, 0).unwrap();
            seated[party.as_usize()] =
                Some(Party::new(seat, app, journals[party.as_usize()].clone())?);
            wire.push_back((party, Event::Start));
        }
        let is_last = |frame: &Frame| {
            let header = frame.header();
            header.kind == FrameKind::Share && gone == Some((header.sender, header.round))
        };
        while let Some((to, event)) = wire.pop_front() {
            if matches!(&event, Event::Frame(frame) if is_last(frame)) {
                continue; // it is on no disk and went nowhere
            }
            let party = seated[to.as_usize()].as_mut().unwrap();
            party.handle(event)?;
            while party.has_work() {
                party.work()?;
            }
            while let Some(action) = party.poll_action() {
                if let Action::Send { to, frame } = action {
                    wire.push_back((to, Event::Frame(frame)));
                }
            }
        }
        let mut done = true;
        for party in participants {
            let machine = seated[party.as_usize()].take().unwrap();
            done &= machine.status().done;
            parties[party.as_usize()] = Some(machine.into_application());
        }
        Ok(done)
    }

    /// The twin's weights with `gone` away from iteration `from` on.
    pub fn twin(&self, bound: f64, gone: usize, from: usize) -> tacit_learn::model::Weights {
        let config = GlmConfig {
            curvature: Curvature::Bound(bound),
            ..self.config.clone()
        };
        let descent = twin::Descent::new(&config, &self.rows).unwrap();
        descent.without(gone, from..99).run().unwrap().weights
    }

    pub fn query(&self, parties: &Parties) -> (Querier, Vec<u8>) {
        let querier = Querier::new(&self.config, &self.plan.encryption).unwrap();
        let key = parties[0].as_ref().unwrap().collective_key().unwrap();
        let rows = (0..3).map(|i| self.test.row(i));
        let query = querier.ask(key, rows).unwrap();
        let bytes = query.to_bytes(&self.plan.encryption.params);
        (querier, bytes)
    }

    pub fn submit(&self, parties: &mut Parties, query: &[u8]) {
        let query = Query::from_bytes(&self.plan.encryption, query).unwrap();
        parties[0].as_mut().unwrap().submit(query);
    }

    pub fn ask(&self, parties: &mut Parties) -> Querier {
        let (querier, query) = self.query(parties);
        self.submit(parties, &query);
        querier
    }

    pub fn check_answer(
        &self,
        parties: &Parties,
        querier: &Querier,
        weights: &tacit_learn::model::Weights,
    ) {
        let answers = parties[0].as_ref().unwrap().answers();
        let found = querier.read(answers.last().unwrap(), 3).unwrap();
        for (i, found) in found.iter().enumerate() {
            let expected = weights.predictor(0, self.test.row(i));
            assert!((found[0] - expected).abs() < 1e-3, "{found:?}, {expected}");
        }
    }
}
