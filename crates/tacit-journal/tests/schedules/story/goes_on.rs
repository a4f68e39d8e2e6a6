//! A party stays away, and the others go on without it.

use tacit_session::plan::Threshold;
use tacit_session::simulation::{Absence, Dice, Failure, Simulation};
use tacit_session::{Continuation, MemoryJournal, Party, PartyIndex};

use super::{References, Stage, Verdict};
use crate::training::{Checkpoint, Flaw, Step, Training, datum, value_of};

/// A session that was left: as what it was run, and what its parties' disks say of it.
pub(super) type Left = (Simulation, Vec<MemoryJournal>);

impl Stage {
    /// t, where the story has one.
    pub(super) fn threshold(&self) -> Option<u16> {
        let seed = self.schedule.seed ^ 0x7407;
        let most = usize::from(self.schedule.parties) - 1;
        let t = || 2 + Dice::new(seed).below(most.saturating_sub(1)) as u16;
        self.schedule.story.goes_on().then(t)
    }

    pub(super) fn with_threshold(&self, simulation: &mut Simulation) {
        simulation.plan.threshold = self.threshold().map(|t| Threshold { t });
    }

    /// A party as it comes out of the sessions that were left, from its own journals alone.
    pub(super) fn actor(&self, me: PartyIndex, from: &Checkpoint, flaw: Option<Flaw>) -> Training {
        let mut training = Training::new(&self.params, me, from.clone()).flawed(flaw, 0);
        if let Some(t) = self.threshold() {
            training = training.with_threshold(t.into(), &self.watch.contexts);
        }
        for (simulation, journals) in &self.left {
            if simulation.participants().contains(&me) {
                let seat = simulation.seat(me, 0).unwrap();
                let journal = journals[me.as_usize()].copy();
                let party = Party::new(seat, training, journal);
                training = party.expect("a journal is replayed").into_application();
                training.leave();
            }
        }
        training
    }

    pub(super) fn others_go_on(&mut self, references: &mut References) -> Result<Verdict, String> {
        let first = Checkpoint::fresh_with_threshold(self.schedule.iterations);
        let mut simulation = self.simulation();
        let everyone = simulation.participants();
        let gradients = |script: &[Step]| script.iter().filter(|s| **s == Step::Gradient).count();
        let sum =
            |of: &[PartyIndex], f: fn(PartyIndex) -> f64| of.iter().map(|p| f(*p)).sum::<f64>();
        let mut expected = sum(&everyone, |p| 0.1 * f64::from(p.0 + 1));
        let mut left_to_do = gradients(&first.script);
        let mut verdict = Verdict::Right;
        let t = self.threshold().unwrap_or(2);
        for attempt in 1.. {
            let among = simulation.participants();
            let weight = sum(&among, datum);
            let waiting_on = match self.session(&simulation, &first) {
                Ok(ended) => {
                    self.right(&simulation, &first, &ended, references)?;
                    expected *= weight.powi(left_to_do as i32);
                    let found = value_of(&self.params, ended.applications[0].model());
                    return match (found - expected).abs() < 1e-3 {
                        true => Ok(verdict),
                        false => Err(format!("the model says {found} instead of {expected}")),
                    };
                }
                Err(Failure::Paused { waiting_on, .. }) => waiting_on,
                // Back at a time before it had its sub-shares, a party says so and takes no part.
                Err(Failure::Stopped { party, source, .. })
                    if self.set_back.contains(&party)
                        && source.to_string().contains("has its sub-shares") =>
                {
                    return Ok(Verdict::Refused);
                }
                // A root that is back at a time before the release does not know of it; the others do.
                Err(Failure::Stopped { source, .. })
                    if self.set_back.contains(&PartyIndex::ROOT)
                        && source
                            .to_string()
                            .contains("a share of the release had left") =>
                {
                    return Ok(Verdict::Refused);
                }
                Err(failure) => return Err(format!("attempt {}: {failure}", attempt - 1)),
            };
            let gone = simulation.absences[0].party;
            if !waiting_on.contains(&gone) {
                return Err(format!("{gone} is gone, and {waiting_on:?} are waited for"));
            }
            self.left
                .push((simulation, std::mem::take(&mut self.journals)));
            let root = self.actor(PartyIndex::ROOT, &first, self.schedule.flaw);
            if let Err(refusal) = root.can_go_on() {
                return match refusal.to_string().contains("all parties are needed") {
                    true => Ok(Verdict::AllAreNeeded),
                    false => Err(refusal.to_string()),
                };
            }
            let done = left_to_do - gradients(&root.kept().script);
            expected *= weight.powi(done as i32);
            left_to_do -= done;
            verdict = match verdict {
                Verdict::Right => Verdict::OthersWentOn,
                _ => Verdict::OthersWentOnTwice,
            };
            let participants: Vec<_> = among.into_iter().filter(|p| *p != gone).collect();
            simulation = self.simulation();
            if participants.len() < usize::from(t) {
                return Ok(Verdict::AllAreNeeded);
            }
            self.go_among(&mut simulation, attempt, participants, t, root.origin());
        }
        unreachable!("attempts run out of parties")
    }

    /// Who takes part, any t of them with the key; where one more could be done without, it may leave, too.
    fn go_among(
        &self,
        simulation: &mut Simulation,
        attempt: u32,
        participants: Vec<PartyIndex>,
        t: u16,
        origin: Option<tacit_session::Digest>,
    ) {
        let mut dice = Dice::new(self.schedule.seed ^ u64::from(attempt) << 40);
        let mut holders = participants.clone();
        while holders.len() > usize::from(t) {
            holders.remove(dice.below(holders.len()));
        }
        if participants.len() > usize::from(t) && dice.chance(700) {
            let party = participants[1 + dice.below(participants.len() - 1)];
            let from = std::time::Duration::from_millis(20_000 + dice.below(60_000) as u64);
            let until = None;
            simulation.absences.push(Absence { party, from, until });
        }
        simulation.continuation = Some(Continuation {
            attempt,
            participants,
            holders,
            origin: origin.expect("the first session was open"),
        });
    }
}
