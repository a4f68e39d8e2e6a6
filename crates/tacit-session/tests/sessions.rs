//! Whole sessions under random schedules, losses, damage and crashes.

use std::time::Duration;

use tacit_session::plan::TopologyPlan;
use tacit_session::simulation::{Crash, CrashPoint, Outcome, Simulation, Tally, Weather};
use tacit_session::{Journal, PartyIndex, Record};

const SHAPES: [TopologyPlan; 3] = [
    TopologyPlan::Star,
    TopologyPlan::Tree { arity: 2 },
    TopologyPlan::Tree { arity: 3 },
];

fn values(parties: u16) -> Vec<u64> {
    (0..u64::from(parties)).map(|i| 1000 + 17 * i * i).collect()
}

fn run(simulation: &Simulation, rounds: u32) -> Outcome<Tally> {
    let values = values(simulation.plan.parties.len() as u16);
    let outcome = simulation
        .run(|party| Tally::new(values[party.as_usize()], rounds))
        .unwrap_or_else(|failure| panic!("{failure}"));
    let expected = Tally::expected(&values, rounds);
    for app in &outcome.applications {
        assert_eq!(app.totals(), expected, "seed {}", simulation.seed);
    }
    outcome
}

#[test]
fn fair_weather_brings_the_right_totals_and_no_faults() {
    for parties in [2, 3, 5, 10] {
        for shape in SHAPES {
            let outcome = run(&Simulation::with_topology(1, parties, shape), 4);
            assert!(outcome.faults.is_empty(), "{:?}", outcome.faults);
            assert!(outcome.undecodable.is_empty());
        }
    }
}

#[test]
fn loss_repetition_reordering_and_damage_never_change_the_totals() {
    let weather = Weather {
        crash: 0,
        ..Weather::storm()
    };
    let (mut damaged, mut forged) = (0, 0);
    for seed in 0..20 {
        for parties in [2, 3, 5, 10] {
            let shape = SHAPES[seed as usize % SHAPES.len()];
            let simulation = Simulation {
                weather,
                ..Simulation::with_topology(seed, parties, shape)
            };
            let outcome = run(&simulation, 3);
            damaged += outcome.undecodable.len();
            forged += outcome
                .faults
                .iter()
                .filter(|f| f.culprit.is_none())
                .count();
        }
    }
    assert!(
        damaged > 40 && forged > 4,
        "the weather was too fair: {damaged} {forged}"
    );
}

#[test]
fn crashes_in_a_storm_never_change_the_totals() {
    let mut crashes = 0;
    for seed in 1000..1020 {
        for parties in [2, 3, 5, 10] {
            let shape = SHAPES[seed as usize % SHAPES.len()];
            let weather = Weather {
                restore_backup: 0,
                ..Weather::storm()
            };
            let simulation = Simulation {
                weather,
                ..Simulation::with_topology(seed, parties, shape)
            };
            crashes += run(&simulation, 3).crashes;
        }
    }
    assert!(crashes > 40, "the weather was too fair: {crashes}");
}

#[test]
fn a_restored_backup_never_lets_a_second_version_of_a_share_out() {
    // The simulation fails on a second version of any frame; here journals go back in time.
    let mut crashes = 0;
    for seed in 2000..2020 {
        for parties in [2, 3, 5, 10] {
            let shape = SHAPES[seed as usize % SHAPES.len()];
            let weather = Weather {
                crash: 30,
                restore_backup: 800,
                ..Weather::storm()
            };
            let simulation = Simulation {
                weather,
                ..Simulation::with_topology(seed, parties, shape)
            };
            crashes += run(&simulation, 4).crashes;
        }
    }
    assert!(crashes > 80, "the weather was too fair: {crashes}");
}

#[test]
fn a_crash_at_every_journal_write_resumes_with_the_same_bytes() {
    for shape in SHAPES {
        for parties in [2, 3, 5] {
            let calm = Simulation::with_topology(3, parties, shape);
            let undisturbed = run(&calm, 3);
            for party in (0..parties).map(PartyIndex) {
                let journal = &undisturbed.journals[party.as_usize()];
                for append in 0..journal.len() {
                    for point in [CrashPoint::Before, CrashPoint::After] {
                        let crash = Some(Crash {
                            party,
                            append,
                            point,
                        });
                        let disturbed = run(
                            &Simulation {
                                crash,
                                ..calm.clone()
                            },
                            3,
                        );
                        assert_eq!(disturbed.crashes, 1);
                        // Lost before it was durable, the nonce may be another: nothing had left.
                        if append > 0 || point == CrashPoint::After {
                            assert_same_records(&undisturbed, &disturbed);
                        }
                    }
                }
            }
        }
    }
}

fn assert_same_records(one: &Outcome<Tally>, other: &Outcome<Tally>) {
    for (one, other) in one.journals.iter().zip(&other.journals) {
        assert_eq!(one.len(), other.len());
        for i in 0..one.len() {
            assert_eq!(record(one, i), record(other, i), "record {i}");
        }
    }
}

fn record(journal: &tacit_session::MemoryJournal, index: usize) -> Option<Record> {
    let Ok(record) = journal.record(index);
    record
}

#[test]
fn a_session_is_a_function_of_its_seed() {
    let storm = |seed| Simulation {
        weather: Weather::storm(),
        ..Simulation::new(seed, 5)
    };
    let (one, again, other) = (run(&storm(5), 3), run(&storm(5), 3), run(&storm(6), 3));
    assert_eq!((one.frames, one.took), (again.frames, again.took));
    assert_same_records(&one, &again);
    assert_ne!(one.took, other.took);
}

#[test]
fn two_sessions_of_one_plan_have_different_random_strings() {
    let contexts = |seed| {
        let outcome = run(&Simulation::new(seed, 3), 1);
        outcome
            .applications
            .into_iter()
            .map(|a| format!("{a:?}"))
            .collect::<Vec<_>>()
    };
    assert_ne!(contexts(8), contexts(9));
}

#[test]
fn an_unreachable_party_stalls_the_session_and_nothing_else() {
    let weather = Weather {
        drop: 1000,
        ..Weather::fair()
    };
    let patience = Duration::from_secs(10_000);
    let simulation = Simulation {
        weather,
        patience,
        ..Simulation::new(1, 3)
    };
    let failure = simulation.run(|_| Tally::new(1, 1)).unwrap_err();
    assert!(failure.to_string().contains("waiting_on"), "{failure}");
}
