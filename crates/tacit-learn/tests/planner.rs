//! Claims about the planner, at prices that nothing was measured for; and that bills are those of real trainings.

use std::sync::Arc;

use tacit_learn::encrypted::LocalRows;
use tacit_learn::model::Samples;
use tacit_learn::neural::encrypted::planner::*;
use tacit_learn::neural::encrypted::{IterationCost, MlpPlan, ModulusShape, local};
use tacit_learn::neural::{
    Convolution, Curve, EarlyStop, MlpConfig, PolynomialActivation, StepMomentum,
};
use tacit_transport::memory::Options;

fn digits() -> MlpConfig {
    MlpConfig::new(&[784, 64, 64, 10])
}

/// Of LeNet's size.
const LENET: Convolution = Convolution {
    side: 28,
    kernel: 5,
    stride: 3,
    pool: 2,
    channels: 16,
};

fn tiled() -> MlpConfig {
    MlpConfig::convolutional(LENET, &[64, 10])
}

fn task(config: MlpConfig) -> Task {
    Task {
        rows: vec![6_000; 10],
        lambda_s: 64,
        setting: Setting::Together { cores: 2 },
        tolerance: 0.02,
        config,
    }
}

fn reckoned(plan: &MlpPlan) -> Result<UnitCosts, tacit_learn::encrypted::EncryptedError> {
    Ok(UnitCosts::reckoned(Workload::of(plan)))
}

fn small(config: &MlpConfig) -> Space {
    Space {
        slots: vec![1 << 14],
        ..Space::around(config)
    }
}

fn choice(space: &Space, goal: Goal<'_>) -> Choice {
    choose(&task(digits()), space, goal, &mut reckoned).unwrap()
}

#[test]
fn the_chosen_plan_is_secure_precise_and_the_cheapest() {
    let choice = choice(&small(&digits()), Goal::Samples);
    let params = &choice.plan.encryption.params;
    assert!(params.ring().log2_modulus(params.ring().full_basis()) <= 430.0);
    let needed = precision_needed(&choice.plan.config, 0.02);
    assert!(precision_of(&choice.plan).unwrap() >= needed);
    for other in &choice.compared[1..] {
        assert!(other.wall_seconds() >= choice.cost.wall_seconds());
        assert!(!other.sentence.is_empty());
    }
    let text = choice.to_text(3);
    assert!(
        text.contains("the cheapest") && text.contains("times as costly"),
        "{text}"
    );
    let json: serde_json::Value = serde_json::from_str(&choice.to_json().unwrap()).unwrap();
    assert_eq!(
        json["compared"].as_array().unwrap().len(),
        choice.compared.len()
    );
}

#[test]
fn what_loses_is_told_why() {
    // A modulus of the larger ring's size, and a scale of half the bits.
    let config = digits();
    let space = Space {
        special: 2..=6,
        batch: vec![64],
        ..small(&config)
    };
    let insecure = choice(&space, Goal::Samples);
    let verdicts = |choice: &Choice, f: fn(&Verdict) -> bool| {
        choice.compared.iter().filter(|c| f(&c.verdict)).count()
    };
    assert!(verdicts(&insecure, |v| matches!(v, Verdict::Insecure { .. })) > 0);
    let space = Space {
        scale_bits: 32..=34,
        special: 2..=2,
        batch: vec![64],
        ..small(&config)
    };
    let refused = choose(&task(config), &space, Goal::Samples, &mut reckoned).unwrap_err();
    assert!(refused.to_string().contains("Imprecise"), "{refused}");
}

#[test]
fn a_larger_scale_is_more_precise_and_more_parties_less() {
    let at = |scale_bits, parties| {
        let shape = ModulusShape {
            special: 2,
            scale_bits,
        };
        let plan = MlpPlan::of_shape(digits(), vec![6_000; parties], 64, shape).unwrap();
        precision_of(&plan).unwrap()
    };
    assert!((at(41, 10) - at(36, 10) - 5.0).abs() < 0.5);
    assert!(at(36, 10) > at(36, 30));
}

#[test]
fn the_twin_says_how_many_iterations_a_batch_takes() {
    // A twin that is good once it has seen so many samples, and never with a batch of eight.
    let mut run = |config: &MlpConfig| {
        let seen = config.batch * config.iterations;
        Ok(if seen >= 7_000 && config.batch > 8 {
            0.96
        } else {
            0.9
        })
    };
    let goal = Goal::Twin {
        wanted: 0.95,
        run: &mut run,
    };
    let choice = choice(&small(&digits()), goal);
    for compared in &choice.compared {
        let inaccurate = matches!(compared.verdict, Verdict::Inaccurate { .. });
        assert_eq!(inaccurate, compared.batch == 8, "{compared:?}");
        if !inaccurate {
            assert!(compared.batch * compared.iterations >= 7_000);
            assert!(compared.batch * compared.iterations <= 7_000 + 2_500);
        }
    }
}

#[test]
fn a_choice_is_the_same_from_saved_prices() {
    let mut calibration = Calibration::default();
    let space = Space {
        batch: vec![64],
        special: 2..=3,
        ..small(&digits())
    };
    let first = choose(&task(digits()), &space, Goal::Samples, &mut |plan| {
        calibration.units_for(plan, reckoned).cloned()
    })
    .unwrap();
    let saved = Calibration::from_json(&calibration.to_json().unwrap()).unwrap();
    assert_eq!(saved, calibration);
    let again = choose(&task(digits()), &space, Goal::Samples, &mut |plan| {
        Ok(saved.find(Workload::of(plan)).unwrap().clone())
    })
    .unwrap();
    assert_eq!(again.to_json().unwrap(), first.to_json().unwrap());
    for bad in [
        "{}",
        r#"{"units":[],"more":1}"#,
        r#"{"units":[{"workload":{"log_n":14,"refresh_level":2,"levels":3,"special":2,"period":256},"threads":1,"seconds":{"dance+1":1.0}}]}"#,
        r#"{"units":[{"workload":{"log_n":14,"refresh_level":2,"levels":3,"special":2,"period":256},"threads":1,"seconds":{"rotation+1":-1.0}}]}"#,
    ] {
        assert!(Calibration::from_json(bad).is_err(), "{bad}");
    }
}

#[test]
fn machines_apart_pay_for_the_way_and_share_the_work() {
    let plan = MlpPlan::new(digits(), vec![6_000; 10], 64).unwrap();
    let units = reckoned(&plan).unwrap();
    let wall = |setting| {
        let cost = PlanCost::of(&plan, &units, setting).unwrap();
        (cost.iteration_wall_seconds(), cost.memory_bytes)
    };
    let apart = |latency, bandwidth| {
        wall(Setting::Apart {
            cores: 2,
            latency,
            bandwidth,
        })
    };
    let (one_machine, together) = wall(Setting::Together { cores: 2 });
    let (fast, alone) = apart(0.0, 1e12);
    assert!(fast < one_machine && alone < together);
    let rounds = IterationCost::of(&plan).rounds as f64;
    let (slow, _) = apart(0.1, 1e12);
    assert!((slow - fast - 0.2 * rounds).abs() < 1e-9);
    assert!(apart(0.0, 1e8).0 > fast);
}

#[test]
fn convolutions_are_planned_too() {
    let space = Space {
        batch: vec![64],
        special: 1..=3,
        ..small(&tiled())
    };
    let choice = choose(&task(tiled()), &space, Goal::Samples, &mut reckoned).unwrap();
    assert!(choice.plan.convolution.is_some());
    // Twice the dense network's products, and a level more.
    let dense = MlpPlan::new(digits(), vec![6_000; 10], 64).unwrap();
    let together = Setting::Together { cores: 2 };
    let dense = PlanCost::of(&dense, &reckoned(&dense).unwrap(), together).unwrap();
    let ratio = choice.cost.iteration_processor_seconds() / dense.iteration_processor_seconds();
    assert!((1.3..4.0).contains(&ratio), "{ratio}");
    // A level more is left than between the dense network's refreshes, and more is done with it.
    let plan = |config| MlpPlan::new(config, vec![6_000; 10], 64).unwrap();
    let [tiled, dense] = [tiled(), digits()].map(|config| precision_of(&plan(config)).unwrap());
    assert!((tiled - dense).abs() < 6.0, "{tiled} {dense}");
}

#[test]
fn an_early_stop_is_paid_for() {
    let stop = EarlyStop {
        every: 5,
        patience: 3,
        improvement: 0.0,
    };
    let stopping = MlpConfig {
        stop: Some(stop),
        ..digits()
    };
    let cost = |config| {
        let plan = MlpPlan::new(config, vec![6_000; 10], 64).unwrap();
        let together = Setting::Together { cores: 2 };
        PlanCost::of(&plan, &reckoned(&plan).unwrap(), together).unwrap()
    };
    let (without, with) = (cost(digits()), cost(stopping));
    let error = with.errors.as_ref().unwrap();
    assert_eq!((with.releases, error.rounds), (59, 3));
    // The errors, and keys for them if there are too few; the same iterations.
    let more = with.processor_seconds() - without.processor_seconds();
    let keys = with.keys.processor_seconds - without.keys.processor_seconds;
    let errors = 59.0 * error.processor_seconds;
    assert!(
        keys >= 0.0 && (more - keys - errors).abs() < 0.01 * more,
        "{more} {keys} {errors}"
    );
}

/// Bills count what [`IterationCost`] counts, which other tests compare with what is run.
#[test]
fn bills_hold_the_counted_operations() {
    let configs = [
        digits(),
        MlpConfig {
            momentum: StepMomentum::None,
            hidden_bias: true,
            local_batches: 3,
            ..MlpConfig::new(&[30, 32, 16, 16, 4])
        },
        MlpConfig {
            activation: PolynomialActivation::fit(Curve::Silu, 4, 4.0).unwrap(),
            ..digits()
        },
        tiled(),
        MlpConfig {
            hidden_bias: true,
            local_batches: 2,
            ..MlpConfig::convolutional(LENET, &[32, 16, 4])
        },
    ];
    for config in configs {
        let config = MlpConfig {
            batch: config.batch.min(32),
            ..config
        };
        let plan = MlpPlan::insecure_toy(config, vec![500; 7]).unwrap();
        let rounds = iteration_bills(&plan);
        let counted = IterationCost::of(&plan);
        let total = counted.total(7);
        let n = 7.0;
        let sum = |kind| -> f64 {
            let one = |r: &RoundBill| {
                n * r.each.count(kind)
                    + (n - 1.0) * r.fold.count(kind)
                    + r.root.count(kind)
                    + r.serial.count(kind)
            };
            rounds.iter().map(one).sum()
        };
        assert_eq!(rounds.len(), counted.rounds);
        assert_eq!(sum(Kind::Hoisted), total.hoisted as f64);
        assert_eq!(sum(Kind::Rotation), total.rotations as f64);
        let pointwise = sum(Kind::Pointwise);
        assert_eq!(sum(Kind::Product) + pointwise, total.products as f64);
        assert_eq!(
            sum(Kind::Relinearisation) + pointwise,
            total.relinearisations as f64
        );
        assert_eq!(sum(Kind::RefreshShare), n * counted.refreshes as f64);
    }
}

#[test]
fn bytes_are_those_of_a_training() {
    let dense = MlpConfig {
        slots: 256,
        batch: 8,
        iterations: 2,
        ..MlpConfig::new(&[12, 8, 5, 3])
    };
    let small = Convolution {
        side: 7,
        kernel: 3,
        stride: 1,
        pool: 2,
        channels: 5,
    };
    let tiled = MlpConfig {
        slots: 512,
        batch: 8,
        iterations: 2,
        stop: Some(EarlyStop {
            every: 1,
            patience: 2,
            improvement: 0.0,
        }),
        ..MlpConfig::convolutional(small, &[16, 3])
    };
    for config in [dense, tiled] {
        bytes_are_as_billed(config, 5);
    }
}

fn bytes_are_as_billed(config: MlpConfig, parties: usize) {
    let inputs = config.inputs();
    let rows = |_| {
        let rows = Samples::new(inputs, vec![0.1; inputs * 10], vec![1.0; 10]).unwrap();
        Box::new(rows) as Box<dyn LocalRows>
    };
    let plan = Arc::new(MlpPlan::insecure_toy(config, vec![10; parties]).unwrap());
    let names: Vec<String> = (0..parties).map(|i| format!("site-{i}")).collect();
    let rows = (0..parties).map(rows).collect();
    let trained = local::train(&plan, &names, rows, &Options::default(), |_| {}).unwrap();
    let units = reckoned(&plan).unwrap();
    let cost = PlanCost::of(&plan, &units, Setting::Together { cores: 1 }).unwrap();
    let traffic = trained.traffic.of(1);
    let sent = |prefix: &str| {
        let flows = traffic.sent.iter();
        let those = flows.filter(|(label, _)| label.as_str().starts_with(prefix));
        those.map(|(_, flow)| flow.bytes as f64).sum::<f64>()
    };
    let mut billed: Vec<_> = (cost.iteration.iter())
        .map(|round| (round.label, round, 2.0))
        .collect();
    billed.extend([("keys/", &cost.keys, 1.0), ("model/", &cost.model, 1.0)]);
    billed.extend((cost.errors.iter()).map(|round| ("stop/", round, cost.releases as f64)));
    for (prefix, round, times) in billed {
        let sent = sent(prefix) / times;
        // Heads and signatures are a few hundred bytes a frame.
        let spare = 1_000.0 * round.rounds as f64;
        assert!(
            (sent - round.sent).abs() < spare,
            "{round:?}, {sent} bytes sent"
        );
    }
}

#[test]
fn a_machine_can_be_measured() {
    let dense = MlpConfig {
        slots: 256,
        batch: 8,
        ..MlpConfig::new(&[12, 8, 5, 3])
    };
    let small = Convolution {
        side: 7,
        kernel: 3,
        stride: 1,
        pool: 2,
        channels: 5,
    };
    let tiled = MlpConfig {
        slots: 512,
        batch: 8,
        ..MlpConfig::convolutional(small, &[16, 3])
    };
    for config in [dense, tiled] {
        let plan = MlpPlan::insecure_toy(config, vec![10; 4]).unwrap();
        let units = measure(&plan).unwrap();
        for setting in [1, 2].map(|cores| Setting::Together { cores }) {
            let cost = PlanCost::of(&plan, &units, setting).unwrap();
            assert!(cost.iteration_processor_seconds() > 0.0);
        }
    }
}
