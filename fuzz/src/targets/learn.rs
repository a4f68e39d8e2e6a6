//! Queries, and the states that trainings go on from.

use super::canonical;
use super::ckks::{PARAMS, ciphertext_at};
use std::sync::LazyLock;
use tacit_ckks::PublicKey;
use tacit_learn::encrypted::{EncryptionPlan, Querier, Query};
use tacit_learn::model::{Family, GlmConfig};
use tacit_learn::neural::checkpoint::TrainingState;
use tacit_ring::Seed;

static CONFIG: LazyLock<GlmConfig> = LazyLock::new(|| GlmConfig {
    slots: 64,
    batch: 8,
    ..GlmConfig::new(Family::Logistic, 3)
});

static PLAN: LazyLock<EncryptionPlan> =
    LazyLock::new(|| EncryptionPlan::insecure_toy(&CONFIG, 2).expect("a plan"));

pub fn query(data: &[u8]) -> bool {
    Query::from_bytes(&PLAN, data).is_ok_and(|q| canonical(data, &q.to_bytes(&PLAN.params)))
}

pub fn query_seeds() -> Vec<Vec<u8>> {
    let secret =
        tacit_ckks::SecretKey::sample(&PLAN.params, &mut Seed::from_bytes([1; 32]).expand());
    let key = PublicKey::generate(
        &PLAN.params,
        &secret,
        &mut Seed::from_bytes([2; 32]).expand(),
    );
    let querier = Querier::new(&CONFIG, &PLAN).expect("a querier");
    let rows: [&[f64]; 1] = [&[0.5, -1.0, 2.0]];
    let query = querier.ask(&key, rows.into_iter()).expect("a query");
    vec![query.to_bytes(&PLAN.params)]
}

const MOMENTS: usize = 2;
const HEAD: &[u8] = b"tacit.training\x01";

/// The input is what the checksum is of: a fuzzer does not find those.
pub fn state(data: &[u8]) -> bool {
    let bytes = [HEAD, blake3::hash(data).as_bytes(), data].concat();
    TrainingState::from_bytes(&PARAMS, [7; 32], MOMENTS, &bytes)
        .is_ok_and(|state| canonical(&bytes, &state.to_bytes(&PARAMS)))
}

pub fn state_seeds() -> Vec<Vec<u8>> {
    let state = TrainingState {
        plan: [7; 32],
        iteration: 300,
        totals: vec![3.0, -0.5],
        lists: vec![
            vec![ciphertext_at(1), ciphertext_at(2)],
            vec![],
            vec![ciphertext_at(0)],
        ],
    };
    let empty = TrainingState {
        plan: [7; 32],
        totals: vec![0.0; MOMENTS],
        ..TrainingState::default()
    };
    let body = |state: TrainingState| state.to_bytes(&PARAMS)[HEAD.len() + 32..].to_vec();
    vec![body(state), body(empty)]
}
