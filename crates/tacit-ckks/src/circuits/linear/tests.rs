use super::*;
use crate::circuits::sandbox::{KINDS, Sandbox};
use tacit_ring::RingKind;

fn vector(n: usize, seed: usize) -> Vec<f64> {
    (0..n)
        .map(|i| ((i * 7 + seed * 13 + 1) as f64 * 0.37).sin())
        .collect()
}

fn map(slots: usize, diagonals: &[i64]) -> LinearMap {
    let diagonals = diagonals
        .iter()
        .map(|&r| (r, vector(slots, (r + 1000) as usize)));
    LinearMap::new(diagonals)
}

fn close(found: &[f64], expected: &[f64], tolerance: f64) {
    for (slot, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() < tolerance, "slot {slot}: {f} instead of {e}");
    }
}

#[test]
fn maps_act_as_their_diagonals_say() {
    let sets: [Vec<i64>; 5] = [
        (0..32).collect(),
        vec![0],
        vec![-3, 0, 5],
        (0..9).map(|r| 8 * r).collect(),
        (-20..20).filter(|r| r % 3 != 0).collect(),
    ];
    for kind in KINDS {
        for set in &sets {
            for hoisting in [Hoisting::Single, Hoisting::Double] {
                for level in [7, 2] {
                    let slots = Sandbox::new(kind, &[]).params.slots();
                    let map = map(slots, set);
                    let plan = StepPlan::new(
                        &Sandbox::new(kind, &[]).params,
                        level,
                        set.clone(),
                        hoisting,
                    );
                    let mut sandbox = Sandbox::new(kind, &plan.rotations());
                    let q = sandbox.params.q_at(level);
                    let encoded =
                        EncodedLinearMap::new(&sandbox.encoder, &map, level, q, hoisting).unwrap();
                    assert_eq!(encoded.rotations(), plan.rotations());
                    let x = vector(slots, 0);
                    let ct = sandbox.encrypt(&x, sandbox.params.scale());
                    let out = sandbox.evaluator.apply(&encoded, &ct).unwrap();
                    assert_eq!(out.level(), level - 1);
                    assert!((out.scale() / sandbox.params.scale() - 1.0).abs() < 1e-12);
                    close(&sandbox.decrypt(&out), &map.apply(&x), 1e-6);
                }
            }
        }
    }
}

#[test]
fn many_diagonals_use_giant_steps_and_few_do_not() {
    let sandbox = Sandbox::new(RingKind::ConjugateInvariant, &[]);
    let dense = StepPlan::new(&sandbox.params, 5, 0..256, Hoisting::Double);
    assert!(dense.rotations().len() < 60 && dense.giants().count() > 1);
    let few = StepPlan::new(&sandbox.params, 5, [0, 8, 16, 24], Hoisting::Double);
    assert_eq!(few.giants().collect::<Vec<_>>(), [0]);
    assert_eq!(few.rotations(), [8, 16, 24]);
}

#[test]
fn transposition_is_the_adjoint() {
    let map = map(16, &[0, 3, -2]);
    let (x, y) = (vector(16, 1), vector(16, 2));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let left = dot(&map.apply(&x), &y);
    let right = dot(&x, &map.transpose(16).apply(&y));
    assert!((left - right).abs() < 1e-12);
}

#[test]
fn sums_of_maps_share_baby_and_giant_steps() {
    for hoisting in [Hoisting::Single, Hoisting::Double] {
        let level = 4;
        let params = Sandbox::new(RingKind::ConjugateInvariant, &[]).params;
        let plan = StepPlan::new(&params, level, 0..40, hoisting);
        let mut sandbox = Sandbox::new(RingKind::ConjugateInvariant, &plan.rotations());
        let slots = params.slots();
        let maps = [
            map(slots, &(0..40).collect::<Vec<_>>()),
            map(slots, &[1, 17, 39]),
        ];
        let encoded = maps.clone().map(|map| {
            let q = params.q_at(level);
            EncodedLinearMap::with_plan(&sandbox.encoder, &map, level, q, plan.clone()).unwrap()
        });
        let x = [vector(slots, 3), vector(slots, 4)];
        let steps = x.clone().map(|x| {
            let ct = sandbox.encrypt(&x, params.scale());
            sandbox.evaluator.baby_steps(&ct, level, &plan).unwrap()
        });
        let out = sandbox
            .evaluator
            .apply_sum(&[(&encoded[0], &steps[0]), (&encoded[1], &steps[1])])
            .unwrap();
        let [a, b] = [maps[0].apply(&x[0]), maps[1].apply(&x[1])];
        let expected: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
        close(&sandbox.decrypt(&out), &expected, 1e-6);
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let plan = |params: &crate::Parameters| StepPlan::new(params, 3, 0..64, Hoisting::Double);
    let params = Sandbox::new(RingKind::Standard, &[]).params;
    let mut sandbox = Sandbox::new(RingKind::Standard, &plan(&params).rotations());
    let map = map(params.slots(), &(0..64).collect::<Vec<_>>());
    let encoded =
        EncodedLinearMap::new(&sandbox.encoder, &map, 3, params.q_at(3), Hoisting::Double).unwrap();
    let ct = sandbox.encrypt(&vector(params.slots(), 0), params.scale());
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| sandbox.evaluator.apply(&encoded, &ct).unwrap())
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn misuse_is_refused() {
    let mut sandbox = Sandbox::new(RingKind::ConjugateInvariant, &[]);
    let (slots, q) = (sandbox.params.slots(), sandbox.params.q_at(2));
    let encoder = sandbox.encoder.clone();
    let encode =
        |map: &LinearMap, level| EncodedLinearMap::new(&encoder, map, level, q, Hoisting::Double);
    let long = LinearMap::new([(0, vec![1.0; slots + 1])]);
    assert!(matches!(encode(&long, 2), Err(CkksError::Slots { .. })));
    assert!(matches!(
        encode(&map(slots, &[0]), 0),
        Err(CkksError::Level { .. })
    ));
    let ct = sandbox.encrypt(&[1.0], sandbox.params.scale());
    let without_key = sandbox
        .evaluator
        .apply(&encode(&map(slots, &[0, 1]), 2).unwrap(), &ct);
    assert!(matches!(
        without_key,
        Err(CkksError::MissingGaloisKey { steps: 1, .. })
    ));
    let empty = sandbox
        .evaluator
        .apply(&encode(&LinearMap::default(), 2).unwrap(), &ct)
        .unwrap();
    close(&sandbox.decrypt(&empty), &[0.0; 4], 1e-6);
    assert!(sandbox.evaluator.apply_sum(&[]).is_err());
}
