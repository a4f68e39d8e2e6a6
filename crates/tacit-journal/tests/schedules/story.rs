//! One seeded schedule: what the sessions under one key are to do, what happens to network, machines
//! and disks meanwhile, and what must come out.

mod crew;
mod goes_on;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::time::Duration;

use tacit_ckks::Parameters;
use tacit_journal::simulation::{Disks, Power, Site};
use tacit_session::plan::TopologyPlan;
use tacit_session::simulation::{Absence, Dice, Failure, Machines, Outcome, Simulation, Weather};
use tacit_session::{Digest, Journal, MemoryJournal, PartyIndex, Record};

use crew::{Crew, Replaced};
use goes_on::Left;

use crate::training::{Checkpoint, Flaw, Training, params};
use crate::watch::Watch;

/// Seed of all keys and nonces: schedules differ in what happens, not in who takes part.
const CAST: u64 = 2026;

/// What a schedule is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Story {
    /// One training in a storm.
    Training,
    /// A party is away for a while.
    AwayAndBack,
    /// A party stays away; the others wait, and later all go on from the checkpoint in a new session.
    GoneThenResumed,
    /// A party stays away, and the others go on without it from the checkpoint; perhaps without another, later.
    GoneAndOthersGoOn,
    /// After training the root asks for the same ciphertext again, in a new session.
    AskedAgain,
    /// After training the root asks for the model again, re-randomised as it must be.
    ReleasedAgain,
    /// The root goes on after the plan's last round, towards a second model.
    AskedTooMuch,
}

impl Story {
    /// Whether its plan has a threshold.
    pub fn goes_on(self) -> bool {
        self == Self::GoneAndOthersGoOn
    }
}

/// How a schedule may end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Every session ended with the model of the undisturbed one, bit for bit.
    Right,
    /// The session waited and said for whom, and the next one ended with the right model.
    PausedThenRight,
    /// One party stayed away, and the others ended with the model of their undisturbed session, bit for bit, which says
    /// what the arithmetic over those who took part says.
    OthersWentOn,
    /// The same, with a second one that stayed away.
    OthersWentOnTwice,
    /// One party stayed away before there was a checkpoint or after the release had begun: it is waited for.
    AllAreNeeded,
    /// What the root had no right to was refused, with the reason.
    Refused,
}

/// What happened.
#[derive(Clone, Copy, Default, Debug)]
pub struct Tally {
    pub crashes: u64,
    pub frames: u64,
    pub noticed: u64,
    pub unnoticed: u64,
    pub faults: u64,
}

impl Tally {
    pub fn add(&mut self, other: Self) {
        self.crashes += other.crashes;
        self.frames += other.frames;
        self.noticed += other.noticed;
        self.unnoticed += other.unnoticed;
        self.faults += other.faults;
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    pub seed: u64,
    pub story: Story,
    pub parties: u16,
    pub shape: TopologyPlan,
    pub iterations: usize,
    pub weather: Weather,
    /// Chances out of 1000 that the power goes during an operation of a disk.
    pub power: u32,
    /// Chances out of 1000 that a backup is put back after a crash.
    pub restore: u32,
    pub flaw: Option<Flaw>,
    /// One power cut at a chosen operation of one party, in the first session.
    pub cut: Option<(PartyIndex, usize)>,
}

impl Schedule {
    /// The schedule of a seed: everything about it follows from the number.
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0x7ac1_7000);
        let story = match dice.below(15) {
            0..=5 => Story::Training,
            6 => Story::AwayAndBack,
            7 | 8 => Story::GoneThenResumed,
            9 => Story::AskedAgain,
            10 => Story::ReleasedAgain,
            12.. => Story::GoneAndOthersGoOn,
            _ => Story::AskedTooMuch,
        };
        let shape = match dice.below(2) {
            0 => TopologyPlan::Star,
            _ => TopologyPlan::Tree { arity: 2 },
        };
        Self {
            seed,
            story,
            parties: 2 + u16::from(story.goes_on()) + dice.below(3) as u16,
            shape,
            iterations: 1 + 2 * usize::from(story.goes_on()) + dice.below(2),
            weather: Weather {
                drop: 60,
                repeat: 80,
                corrupt: 40,
                delay: Duration::from_secs(2),
                ..Weather::fair()
            },
            power: 4,
            restore: 300,
            flaw: None,
            cut: None,
        }
    }

    /// A calm one to disturb at will.
    pub fn calm(story: Story, parties: u16, shape: TopologyPlan) -> Self {
        Self {
            story,
            parties,
            shape,
            iterations: 1,
            weather: Weather::fair(),
            power: 0,
            restore: 0,
            ..Self::of(0)
        }
    }
}

/// Models of undisturbed sessions, by who took part with which nonces and what was to be done.
#[derive(Default)]
pub struct References(HashMap<Reference, Vec<u8>>);

type Reference = (u16, Option<u16>, bool, Vec<u64>, Checkpoint);

type Ended = Result<Outcome<Training>, Failure>;

/// A party other than the root must have stopped, for this reason.
fn refused(ended: Ended, reason: &str) -> Result<Verdict, String> {
    match ended {
        Err(Failure::Stopped { party, source, .. })
            if party != PartyIndex::ROOT && source.to_string().contains(reason) =>
        {
            Ok(Verdict::Refused)
        }
        Err(failure) => Err(failure.to_string()),
        Ok(_) => Err("nobody refused".into()),
    }
}

pub struct Stage {
    params: Parameters,
    schedule: Schedule,
    watch: Watch,
    disks: Vec<Disks>,
    keeper: Rc<RefCell<Checkpoint>>,
    sessions: u64,
    /// Sessions that were not complete, where others went on.
    left: Vec<Left>,
    /// Of the last session, by party.
    journals: Vec<MemoryJournal>,
    /// By party: what a restored backup replaced, where its mark shows it.
    newest: Vec<Option<Replaced>>,
    /// Whose journal was put back together with its mark, which nobody notices.
    set_back: BTreeSet<PartyIndex>,
    pub tally: Tally,
}

/// Runs a schedule and judges it; an error says which condition failed.
pub fn run(schedule: Schedule, references: &mut References) -> Result<(Verdict, Tally), String> {
    let mut stage = Stage::new(schedule);
    let verdict = stage.perform(references);
    verdict
        .map(|verdict| (verdict, stage.tally))
        .map_err(|problem| format!("{schedule:?}: {problem}"))
}

impl Stage {
    pub fn new(schedule: Schedule) -> Self {
        let params = params();
        let allowed = match schedule.story {
            Story::Training
            | Story::AwayAndBack
            | Story::AskedTooMuch
            | Story::GoneAndOthersGoOn => 1,
            _ => 2,
        };
        Self {
            watch: Watch::new(&params, allowed),
            params,
            schedule,
            disks: Vec::new(),
            keeper: Rc::default(),
            sessions: 0,
            left: Vec::new(),
            journals: Vec::new(),
            newest: (0..schedule.parties).map(|_| None).collect(),
            set_back: BTreeSet::new(),
            tally: Tally::default(),
        }
    }

    fn perform(&mut self, references: &mut References) -> Result<Verdict, String> {
        let story = self.schedule.story;
        if story.goes_on() {
            return self.others_go_on(references);
        }
        let first = Checkpoint::fresh(self.schedule.iterations);
        let simulation = self.simulation();
        let ended = match self.session(&simulation, &first) {
            ended if story == Story::AskedTooMuch => return refused(ended, "where the script has"),
            Err(Failure::Paused { waiting_on, .. }) if story == Story::GoneThenResumed => {
                let gone = simulation.absences[0].party;
                if !waiting_on.contains(&gone) {
                    return Err(format!("{gone} is gone, and {waiting_on:?} are waited for"));
                }
                let kept = self.keeper.borrow().clone();
                let next = match kept.state.is_empty() {
                    true => first,
                    false => kept,
                };
                self.finish(&next, references)?;
                return Ok(Verdict::PausedThenRight);
            }
            ended => ended.map_err(|failure| failure.to_string())?,
        };
        self.right(&simulation, &first, &ended, references)?;
        match story {
            Story::Training | Story::AwayAndBack | Story::GoneThenResumed => Ok(Verdict::Right),
            Story::ReleasedAgain => {
                self.finish(&ended.applications[0].released(), references)?;
                Ok(Verdict::Right)
            }
            Story::AskedAgain => self.ask_again(&ended.applications[0].released()),
            Story::AskedTooMuch | Story::GoneAndOthersGoOn => {
                Err("it should have been refused".into())
            }
        }
    }

    /// A further session that must end with the right model.
    fn finish(&mut self, from: &Checkpoint, references: &mut References) -> Result<(), String> {
        let simulation = self.simulation();
        let ended = self.session(&simulation, from);
        let ended = ended.map_err(|failure| format!("next session: {failure}"))?;
        self.right(&simulation, from, &ended, references)
    }

    /// A root that is not what it should be: its own ledger forgets, and it asks for what it has.
    fn ask_again(&mut self, from: &Checkpoint) -> Result<Verdict, String> {
        let simulation = self.simulation();
        let key = key_of(PartyIndex::ROOT);
        self.disks[0] = Disks::new(&simulation, PartyIndex::ROOT, key, self.power(0));
        refused(self.session(&simulation, from), "already")
    }

    fn simulation(&self) -> Simulation {
        let Schedule { seed, weather, .. } = self.schedule;
        let shape = self.schedule.shape;
        let mut simulation = Simulation {
            cast: CAST,
            lives: vec![1000 * self.sessions; self.schedule.parties.into()],
            weather,
            patience: Duration::from_secs(20_000),
            ..Simulation::with_topology(seed + (self.sessions << 32), self.schedule.parties, shape)
        };
        simulation.plan.timing.deadline_seconds = 300;
        self.with_threshold(&mut simulation);
        if self.sessions == 0 {
            let mut dice = Dice::new(seed ^ 0xab5e);
            let party = match self.schedule.story.goes_on() {
                // Without the root nobody goes on.
                true => 1 + dice.below(usize::from(self.schedule.parties) - 1),
                false => dice.below(self.schedule.parties.into()),
            };
            let party = PartyIndex(party as u16);
            // Late enough that there is something to go on from, as a rule.
            let earliest = if self.schedule.story.goes_on() {
                50_000
            } else {
                0
            };
            let from = Duration::from_millis(earliest + dice.below(80_000) as u64);
            let until = match self.schedule.story {
                Story::AwayAndBack => {
                    Some(from + Duration::from_secs(50 + dice.below(1000) as u64))
                }
                _ => None,
            };
            if matches!(
                self.schedule.story,
                Story::AwayAndBack | Story::GoneThenResumed | Story::GoneAndOthersGoOn
            ) {
                simulation.absences.push(Absence { party, from, until });
            }
        }
        simulation
    }

    fn power(&self, party: u16) -> Power {
        match self.schedule.cut {
            Some((who, operations)) if who.0 == party && self.sessions == 0 => {
                Power::cut_after(operations)
            }
            _ => {
                let seed = self.schedule.seed ^ u64::from(party) << 48 ^ self.sessions << 56;
                Power::failing(self.schedule.power, seed)
            }
        }
    }

    fn session(&mut self, simulation: &Simulation, from: &Checkpoint) -> Ended {
        let parties = self.schedule.parties;
        self.disks = (0..parties)
            .map(|i| {
                let (party, power) = (PartyIndex(i), self.power(i));
                match self.disks.get(usize::from(i)) {
                    Some(disks) if self.schedule.flaw != Some(Flaw::LedgerPerSession) => {
                        disks.next_session(simulation, party, power)
                    }
                    _ => Disks::new(simulation, party, key_of(party), power),
                }
            })
            .collect();
        if self.schedule.flaw == Some(Flaw::BackupRestored) && self.sessions > 0 {
            // The operator restores a machine from before the last session, mark and all.
            for (i, disks) in self.disks.iter_mut().enumerate() {
                let party = PartyIndex(i as u16);
                let power = disks.power.clone();
                let old = Disks::new(simulation, party, key_of(party), power);
                disks.ledger.overwrite(old.ledger.durable());
                disks.ledger_mark.overwrite(old.ledger_mark.durable());
            }
        }
        self.sessions += 1;
        let crew = Crew {
            stage: self,
            from: from.clone(),
            backups: vec![None; parties.into()],
            processes: 0,
        };
        let disks = crew.stage.disks.clone();
        let mut site = Site {
            simulation,
            actors: crew,
            disks,
            keys: (0..parties).map(PartyIndex).map(key_of).collect(),
        };
        let ended = simulation.run_on(&mut site);
        // What was noticed to be older is put right before anything else begins.
        for (disks, newest) in site.disks.iter().zip(&mut site.actors.stage.newest) {
            let (disk, bytes) = match newest.take() {
                Some(Replaced::Journal(bytes)) => (&disks.journal, bytes),
                Some(Replaced::Ledger(bytes)) => (&disks.ledger, bytes),
                None => continue,
            };
            if bytes.len() > disk.durable().len() {
                disk.overwrite(bytes);
            }
        }
        let journals = site.journals();
        self.journals = journals;
        if let Ok(outcome) = &ended {
            self.tally.crashes += outcome.crashes;
            self.tally.frames += outcome.frames;
            self.tally.faults += outcome.faults.len() as u64;
        }
        ended
    }

    /// Every party must hold the model of the undisturbed session with the same nonces.
    fn right(
        &self,
        simulation: &Simulation,
        from: &Checkpoint,
        ended: &Outcome<Training>,
        references: &mut References,
    ) -> Result<(), String> {
        let mut lives = simulation.lives.clone();
        let life = life(simulation);
        for party in simulation.participants() {
            let i = party.as_usize();
            lives[i] = life((i, &ended.journals[i]));
        }
        let is_star = simulation.plan.topology == TopologyPlan::Star;
        let parties = (self.schedule.parties, self.threshold());
        let key = (parties.0, parties.1, is_star, lives, from.clone());
        let undisturbed = |lives: &Vec<u64>| {
            let calm = Simulation {
                lives: lives.clone(),
                weather: Weather::fair(),
                absences: Vec::new(),
                ..simulation.clone()
            };
            let outcome = calm.run(|me| self.actor(me, from, None));
            outcome.unwrap().applications[0].model().to_vec()
        };
        let model = (!self.left.is_empty()).then(|| undisturbed(&key.3));
        let expected = match model.as_ref().or(references.0.get(&key)) {
            Some(model) => model,
            None => {
                let model = undisturbed(&key.3);
                references.0.entry(key).or_insert(model)
            }
        };
        let mut models = ended.applications.iter().map(Training::model);
        match models.all(|model| model == expected && !model.is_empty()) {
            true => Ok(()),
            false => Err("another model than the undisturbed session's".into()),
        }
    }
}

/// Which life's nonce a journal begins with.
fn life(simulation: &Simulation) -> impl Fn((usize, &tacit_session::MemoryJournal)) -> u64 + '_ {
    |(i, journal)| {
        let Ok(Some(Record::Nonce(nonce))) = journal.record(0) else {
            panic!("a journal of a complete session begins with a nonce");
        };
        let party = PartyIndex(i as u16);
        let mut lives = 0..10_000;
        let life = lives.find(|&life| simulation.nonce(party, life) == nonce);
        simulation.lives[i] + life.expect("a nonce of one of its lives")
    }
}

fn key_of(party: PartyIndex) -> Digest {
    Digest::of(&party.0.to_le_bytes())
}
