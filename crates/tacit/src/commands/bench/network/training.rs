//! One training, to be run over and over on different transports.

use std::sync::Arc;
use std::time::Duration;

use tacit_learn::encrypted::{GlmParty, SessionPlan, local};
use tacit_learn::model::Weights;
use tacit_mhe::PartySecret;
use tacit_report::measure::Stopwatch;
use tacit_session::plan::{Plan, TopologyPlan};
use tacit_session::{Party, Seat};
use tacit_transport::memory::{Options, run_local, seats};

use super::journals::{Journals, Kept, Shelf};
use crate::error::Context;
use crate::study::Setup;
use crate::{Console, Error};

/// A training between parties in a topology.
pub(super) struct Training {
    pub(super) agreed: Plan,
    plan: Arc<SessionPlan>,
    setup: Setup,
    journals: Journals,
}

/// What a run in memory found.
pub(super) struct InMemory {
    pub(super) ran: Ran,
    /// Bytes of frames that the mean party sent.
    pub(super) sent_per_party: f64,
    pub(super) rounds: usize,
}

/// What every run finds.
pub(super) struct Ran {
    pub(super) wall: Duration,
    pub(super) cpu: Duration,
    /// The released model, to see that all transports lead to one.
    pub(super) model: Weights,
}

/// A party at its seat.
pub(super) type Seated = Party<GlmParty, Kept>;

impl Training {
    pub(super) fn new(
        setup: Setup,
        topology: TopologyPlan,
        journals: Journals,
    ) -> Result<Self, Error> {
        let (plan, _) = setup.plan()?;
        let mut agreed = local::agreement(&plan, &setup.names).failed(|| "the plan is refused")?;
        agreed.topology = topology;
        Ok(Self {
            agreed,
            plan,
            setup,
            journals,
        })
    }

    /// New parties, each with a new secret and journal, at these seats; and where their journals are.
    pub(super) fn parties(&self, seats: Vec<Seat>) -> Result<(Vec<Seated>, Shelf), Error> {
        let failed = || "a party cannot be made";
        let shelf = self.journals.shelf()?;
        let mut parties = Vec::with_capacity(seats.len());
        for (place, (seat, rows)) in seats.into_iter().zip(self.setup.rows()).enumerate() {
            let secret = PartySecret::generate(&self.plan.encryption.params).failed(failed)?;
            let journal = shelf.journal(place, &self.agreed, &secret)?;
            let glm = GlmParty::new(self.plan.clone(), secret, rows).failed(failed)?;
            parties.push(Party::new(seat, glm, journal).failed(failed)?);
        }
        Ok((parties, shelf))
    }

    /// All parties in this process, frames passed by reference.
    pub(super) fn in_memory(&self, console: &Console) -> Result<InMemory, Error> {
        let seats = seats(&self.agreed).failed(|| "seats cannot be made")?;
        let (parties, _shelf) = self.parties(seats)?;
        let _shown = console.progress().phase("in memory", 0);
        let watch = Stopwatch::start();
        let finished = run_local(parties, &Options::default(), |_| ())
            .failed(|| "the training in memory stopped")?;
        let ran = Ran::of(&watch, &finished.applications[0])?;
        let sent = finished.traffic.parties().iter();
        let sent: u64 = sent.map(|p| p.sent_total().bytes).sum();
        Ok(InMemory {
            ran,
            sent_per_party: sent as f64 / finished.traffic.parties().len() as f64,
            rounds: finished.rounds.len(),
        })
    }
}

impl Ran {
    /// Stops the watch.
    pub(super) fn of(watch: &Stopwatch, root: &GlmParty) -> Result<Self, Error> {
        let elapsed = watch.elapsed();
        let model = root.released_model().cloned();
        Ok(Self {
            wall: elapsed.wall,
            cpu: elapsed.cpu.unwrap_or_default(),
            model: model.ok_or_else(|| Error::failed("the training released no model"))?,
        })
    }
}
