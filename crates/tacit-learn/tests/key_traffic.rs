//! What keys cost on the way: bytes by kind of round, counted in a whole training.

use std::collections::BTreeSet;
use std::sync::Arc;

use tacit_ckks::Ciphertext;
use tacit_learn::encrypted::{EncryptionPlan, LocalRows, SessionPlan, local};
use tacit_learn::model::{Family, GlmConfig};
use tacit_learn::synthetic;
use tacit_ring::codec::encoded_poly_len;
use tacit_transport::memory::{Options, PartyTraffic};

/// Version, tag and instance before the rows of a share.
const SHARE_HEAD: u64 = 34;

struct Counted {
    config: GlmConfig,
    encryption: EncryptionPlan,
    leaf: PartyTraffic,
}

/// A training of three parties.
fn trained() -> Counted {
    let config = GlmConfig {
        slots: 256,
        batch: 64,
        iterations: 3,
        ..GlmConfig::new(Family::Logistic, 60)
    };
    let encryption = EncryptionPlan::insecure_toy(&config, 3).unwrap();
    let mut table = synthetic::Ar1Logistic::new(60, 0.5, 0.1, 4).unwrap();
    let parties = table.draw(120).unwrap().deal(3).unwrap();
    let plan = Arc::new(SessionPlan {
        config: config.clone(),
        encryption: encryption.clone(),
        total_rows: 120,
        moments: 0,
        release_model: true,
        max_answers: 1,
    });
    let rows = (parties.into_iter())
        .map(|p| Box::new(p) as Box<dyn LocalRows>)
        .collect();
    let names = ["a", "b", "c"].map(String::from);
    let trained = local::train(&plan, &names, rows, &Options::default(), |_| {}).unwrap();
    let leaf = trained.traffic.of(1);
    Counted {
        config,
        encryption,
        leaf,
    }
}

/// Heads, signatures and the lengths of sections are a few hundred bytes a frame.
fn assert_about(found: u64, expected: u64, rounds: u64, what: &str) {
    assert!(
        found.abs_diff(expected) < 1_000 * rounds,
        "{what}: {found} bytes, not {expected}"
    );
}

#[test]
fn a_party_receives_the_sum_of_relinearisation_round_one_once() {
    let Counted {
        encryption, leaf, ..
    } = trained();
    let params = &encryption.params;
    let level = encryption.answer_level();
    assert_eq!(level, encryption.top_level() - 1);
    let row = encoded_poly_len(params.ring(), params.key_basis_at(level)) as u64;
    let one = SHARE_HEAD + 2 * params.digits_at(level) as u64 * row;
    let received = |label| leaf.received_in(label).bytes;
    assert_about(received("keys/relinearisation-2"), one, 1, "round one");
}

#[test]
fn keys_are_as_long_on_the_way_as_the_plan_says() {
    let Counted {
        config,
        encryption,
        leaf,
    } = trained();
    let layout = config.layout().unwrap();
    // Keys of every kind: of parties at the top and one below, of the root low.
    let kinds: BTreeSet<(bool, usize)> = (encryption.rotations(&layout).iter())
        .map(|r| (r.by_parties, encryption.top_level() - r.level))
        .collect();
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    let bytes = encryption.key_bytes(&layout);
    let sent = leaf.sent.iter();
    let sent = sent.filter(|(label, _)| label.as_str().starts_with("keys/"));
    let (sent, frames) = sent.fold((0, 0), |(bytes, frames), (_, flow)| {
        (bytes + flow.bytes, frames + flow.frames)
    });
    assert_about(sent, bytes.shares() as u64, frames, "shares");

    let params = &encryption.params;
    let iterations = config.iterations as u64;
    // Of the points every party knows c_1.
    let points =
        (iterations - 1) * Ciphertext::encoded_c0_len(params, encryption.top_level()) as u64;
    let received = |label| leaf.received_in(label).bytes;
    let gradients = received("train/gradient");
    // The public key comes with the curvature and not again.
    let inputs = received("keys/relinearisation-2") + received("data/curvature") + gradients;
    let keys = bytes.inputs() as u64;
    assert_about(inputs - points, keys, iterations + 2, "sums of keys");
    let without = gradients - points - bytes.handed_out as u64;
    assert_about(
        without,
        bytes.relinearisation[1] as u64,
        iterations,
        "the key's second round",
    );
}
