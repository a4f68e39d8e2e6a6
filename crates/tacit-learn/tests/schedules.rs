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
use tacit_session::simulation::{Outcome, Simulation, Weather};
use tacit_session::{Digest, Frame, Journal, PartyIndex, Record};

struct Trainers {
    plan: Arc<SessionPlan>,
    rows: Vec<Samples>,
}

impl Trainers {
    fn trainer(&self, me: PartyIndex) -> (GlmParty, SharedLedger) {
        let seed = Seed::from_bytes([me.0 as u8 + 1; 32]);
        let secret = PartySecret::from_seed(&self.plan.encryption.params, &seed);
        let ledger = secret.shared_ledger();
        let rows = Box::new(self.rows[me.as_usize()].clone());
        let party = GlmParty::new(self.plan.clone(), secret, rows);
        (party.unwrap(), ledger)
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

fn trainers(parties: usize) -> Trainers {
    let config = GlmConfig {
        slots: 256,
        batch: 16,
        iterations: 2,
        ..GlmConfig::new(Family::Logistic, 3)
    };
    let mut table = synthetic::Ar1Logistic::new(3, 0.5, 0.1, 4).unwrap();
    let rows = table.draw(80).unwrap().deal(parties).unwrap();
    let plan = SessionPlan {
        encryption: EncryptionPlan::insecure_toy(&config, parties).unwrap(),
        total_rows: rows.iter().map(Samples::len).sum(),
        moments: 0,
        release_model: true,
        max_answers: 1,
        config,
    };
    Trainers {
        plan: Arc::new(plan),
        rows,
    }
}

/// In a storm, with power cuts at so many operations out of 1000.
fn disturbed(trainers: &Trainers, simulation: &Simulation, per_mille: u32) -> Outcome<GlmParty> {
    let parties = (0..trainers.rows.len() as u16).map(PartyIndex);
    let keys: Vec<Digest> = parties.clone().map(|p| Digest::of(&[p.0 as u8])).collect();
    let disks = parties.zip(&keys).map(|(party, key)| {
        let power = Power::failing(per_mille, simulation.seed * 100 + u64::from(party.0));
        Disks::new(simulation, party, *key, power)
    });
    let disks: Vec<Disks> = disks.collect();
    let mut site = Site {
        simulation,
        actors: trainers,
        disks,
        keys,
    };
    simulation.run_on(&mut site).unwrap()
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
        let trainers = trainers(parties);
        let simulation = Simulation {
            cast: 7,
            lives: vec![0; parties],
            weather: Weather {
                crash: 0,
                delay: Duration::from_secs(1),
                ..Weather::storm()
            },
            ..Simulation::new(seed, parties as u16)
        };
        let outcome = disturbed(&trainers, &simulation, 4);
        crashes += outcome.crashes;
        // A nonce that was lost before it was on the disk was another one: nothing had left.
        let lives = outcome.journals.iter().enumerate().map(|(i, journal)| {
            let Ok(Some(Record::Nonce(nonce))) = journal.record(0) else {
                panic!("a journal begins with a nonce");
            };
            let party = PartyIndex(i as u16);
            let mut lives = 0..100;
            lives
                .find(|&life| simulation.nonce(party, life) == nonce)
                .unwrap()
        });
        let calm = Simulation {
            lives: lives.collect(),
            weather: Weather::fair(),
            ..simulation.clone()
        };
        let undisturbed = calm.run(|me| trainers.trainer(me).0).unwrap();
        assert_eq!(bits(&outcome), bits(&undisturbed), "seed {seed}");
    }
    assert!(crashes > 4, "the disks were too kind: {crashes}");
}
