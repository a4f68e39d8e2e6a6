//! Real trainings (on small rings) over real journals and ledgers, whose disks lose power: the released
//! model is the undisturbed one's, bit for bit. The many schedules are run with a training in
//! miniature, in `tacit-journal`.

use std::sync::Arc;
use std::time::Duration;

use tacit_journal::simulation::{Actors, DiskJournal, Disks, Power, Site};
use tacit_learn::encrypted::{EncryptionPlan, GlmParty, SessionPlan};
use tacit_learn::model::{Family, GlmConfig, Samples, Weights};
use tacit_learn::synthetic;
use tacit_mhe::{PartySecret, SharedLedger};
use tacit_ring::Seed;
use tacit_session::plan::Threshold;
use tacit_session::simulation::{Absence, Failure, Machines, Outcome, Simulation, Weather};
use tacit_session::{
    Continuation, Digest, Frame, Journal, MemoryJournal, Party, PartyIndex, Record,
};

struct Trainers {
    plan: Arc<SessionPlan>,
    rows: Vec<Samples>,
    /// Sessions that were left unfinished, and the journals of all parties then.
    left: Vec<(Simulation, Vec<MemoryJournal>)>,
}

impl Trainers {
    fn trainer(&self, me: PartyIndex) -> (GlmParty, SharedLedger) {
        let seed = Seed::from_bytes([me.0 as u8 + 1; 32]);
        let secret = PartySecret::from_seed(&self.plan.encryption.params, &seed);
        let ledger = secret.shared_ledger();
        let rows = Box::new(self.rows[me.as_usize()].clone());
        let mut party = GlmParty::new(self.plan.clone(), secret, rows).unwrap();
        for (session, journals) in &self.left {
            let (seat, journal) = (session.seat(me, 0).unwrap(), journals[me.as_usize()].copy());
            party = Party::new(seat, party, journal).unwrap().into_application();
            party.leave_unfinished();
        }
        (party, ledger)
    }
}

impl Actors for &Trainers {
    type Application = GlmParty;
    type Journal = DiskJournal;

    fn party(&mut self, party: PartyIndex) -> (GlmParty, SharedLedger) {
        self.trainer(party)
    }

    fn journal(&mut self, _: PartyIndex, journal: DiskJournal) -> DiskJournal {
        journal
    }

    fn leaves(&mut self, _: PartyIndex, _: &Frame, _: &Disks) -> Result<(), String> {
        Ok(())
    }
}

fn trainers(parties: usize, threshold: Option<u32>) -> Trainers {
    let config = GlmConfig {
        slots: 256,
        batch: 16,
        iterations: threshold.map_or(2, |_| 4),
        ..GlmConfig::new(Family::Logistic, 3)
    };
    let mut table = synthetic::Ar1Logistic::new(3, 0.5, 0.1, 4).unwrap();
    let rows = table.draw(80).unwrap().deal(parties).unwrap();
    let encryption = match threshold {
        Some(t) => EncryptionPlan::insecure_toy_threshold(&config, parties, t),
        None => EncryptionPlan::insecure_toy(&config, parties),
    };
    let plan = SessionPlan {
        encryption: encryption.unwrap(),
        total_rows: rows.iter().map(Samples::len).sum(),
        moments: 0,
        release_model: true,
        max_answers: 1,
        config,
    };
    Trainers {
        plan: Arc::new(plan),
        rows,
        left: Vec::new(),
    }
}

/// In a storm, with power cuts at so many operations out of 1000; `before` are the disks of the session before, and become
/// those of this one.
fn disturbed(
    trainers: &Trainers,
    simulation: &Simulation,
    per_mille: u32,
    before: &mut Vec<Disks>,
) -> (Result<Outcome<GlmParty>, Failure>, Vec<MemoryJournal>) {
    let parties = (0..trainers.rows.len() as u16).map(PartyIndex);
    let keys: Vec<Digest> = parties.clone().map(|p| Digest::of(&[p.0 as u8])).collect();
    let disks = parties.zip(&keys).map(|(party, key)| {
        let power = Power::failing(per_mille, simulation.seed * 100 + u64::from(party.0));
        match before.get(party.as_usize()) {
            Some(disks) => disks.next_session(simulation, party, power),
            None => Disks::new(simulation, party, *key, power),
        }
    });
    let disks: Vec<Disks> = disks.collect();
    before.clone_from(&disks);
    let mut site = Site {
        simulation,
        actors: trainers,
        disks,
        keys,
    };
    let ended = simulation.run_on(&mut site);
    (ended, site.journals())
}

/// The lives of the parties whose nonces a session was opened with: one that was lost before it was on the disk was
/// another one, and nothing had left.
fn lives(simulation: &Simulation, journals: &[MemoryJournal]) -> Vec<u64> {
    let mut lives = simulation.lives.clone();
    for party in simulation.participants() {
        let Ok(Some(Record::Nonce(nonce))) = journals[party.as_usize()].record(0) else {
            panic!("a journal begins with a nonce");
        };
        let life = (0..100).find(|&life| simulation.nonce(party, life) == nonce);
        lives[party.as_usize()] += life.unwrap();
    }
    lives
}

fn stormy(seed: u64, parties: usize) -> Simulation {
    Simulation {
        cast: 7,
        lives: vec![0; parties],
        weather: Weather {
            crash: 0,
            delay: Duration::from_secs(1),
            ..Weather::storm()
        },
        ..Simulation::new(seed, parties as u16)
    }
}

fn bits(outcome: &Outcome<GlmParty>) -> Vec<u64> {
    let model: &Weights = outcome.applications[0].released_model().unwrap();
    model.values().iter().map(|w| w.to_bits()).collect()
}

#[test]
fn a_training_whose_disks_lose_power_releases_the_undisturbed_model_bit_for_bit() {
    let mut crashes = 0;
    for seed in 0..4 {
        let parties = 2 + seed as usize % 2;
        let trainers = trainers(parties, None);
        let simulation = stormy(seed, parties);
        let (outcome, journals) = disturbed(&trainers, &simulation, 4, &mut Vec::new());
        let outcome = outcome.unwrap();
        crashes += outcome.crashes;
        let calm = Simulation {
            lives: lives(&simulation, &journals),
            weather: Weather::fair(),
            ..simulation.clone()
        };
        let undisturbed = calm.run(|me| trainers.trainer(me).0).unwrap();
        assert_eq!(bits(&outcome), bits(&undisturbed), "seed {seed}");
    }
    assert!(crashes > 4, "the disks were too kind: {crashes}");
}

#[test]
fn a_training_that_loses_a_party_goes_on_from_its_disks_with_the_undisturbed_model_bit_for_bit() {
    let (mut crashes, mut went_on, mut waited) = (0, 0, 0);
    for seed in 0..12 {
        let parties = 3 + seed as usize % 2;
        let t = if seed % 4 == 3 { 3 } else { 2 };
        let mut trainers = trainers(parties, Some(t.into()));
        let mut simulation = stormy(seed, parties);
        simulation.plan.threshold = Some(Threshold { t });
        simulation.plan.timing.deadline_seconds = 300;
        let gone = PartyIndex(1 + (seed as u16) % (parties as u16 - 1));
        simulation.absences.push(Absence {
            party: gone,
            from: Duration::from_secs(125 + 12 * seed),
            until: None,
        });
        let mut disks = Vec::new();
        let (ended, journals) = disturbed(&trainers, &simulation, 2, &mut disks);
        match ended {
            Err(Failure::Paused { waiting_on, .. }) => assert!(waiting_on.contains(&gone)),
            Err(failure) => panic!("{failure}"),
            Ok(_) => continue, // it was over by then
        }
        let participants = simulation.participants();
        trainers.left.push((simulation, journals));
        let root = trainers.trainer(PartyIndex::ROOT).0;
        if let Err(refused) = root.can_go_on(true) {
            println!("seed {seed}: {refused}");
            waited += 1;
            continue;
        }
        let mut next = stormy(seed + 100, parties);
        next.lives = vec![1000; parties];
        next.plan.threshold = Some(Threshold { t });
        next.plan.timing.deadline_seconds = 300;
        let among = participants.into_iter().filter(|p| *p != gone).collect();
        let origin = root.origin().unwrap();
        next.continuation = Some(Continuation::among(1, among, t, origin));
        let (outcome, journals) = disturbed(&trainers, &next, 4, &mut disks);
        let outcome = outcome.unwrap();
        crashes += outcome.crashes;
        went_on += 1;
        let calm = Simulation {
            lives: lives(&next, &journals),
            weather: Weather::fair(),
            ..next.clone()
        };
        let undisturbed = calm.run(|me| trainers.trainer(me).0).unwrap();
        assert_eq!(bits(&outcome), bits(&undisturbed), "seed {seed}");
    }
    println!("{went_on} went on, {waited} waited, {crashes} crashes");
    assert!(went_on >= 3 && waited >= 1 && crashes > 4);
}
