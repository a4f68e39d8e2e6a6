//! What keys cost on the way: bytes by kind of round, counted in a whole training.

use std::collections::BTreeSet;
use std::sync::Arc;

use tacit_ckks::{Ciphertext, Parameters};
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
        batch: 16,
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

fn row(params: &Parameters) -> u64 {
    encoded_poly_len(params.ring(), params.key_basis()) as u64
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
        config,
        encryption,
        leaf,
    } = trained();
    let params = &encryption.params;
    let digits = params.digits() as u64;
    let switching = SHARE_HEAD + digits * row(params);
    let one = SHARE_HEAD + 2 * digits * row(params);
    let received = |label| leaf.received_in(label).bytes;
    assert_about(received("keys/relinearisation-2"), one, 1, "round one");

    let layout = config.layout().unwrap();
    let (bsgs, group) = (layout.bsgs(), layout.group());
    let turned: BTreeSet<usize> = (1..bsgs.baby)
        .map(|t| group * t)
        .chain((1..bsgs.giant).map(|t| group * bsgs.baby * t))
        .chain(layout.copy_folds())
        .collect();
    assert!(bsgs.giant > 1 && layout.copies() > 1);
    let public = SHARE_HEAD + row(params);
    // Round two of relinearisation, the Galois keys of parties, and the points of all iterations but the first.
    let point = Ciphertext::encoded_len(params, encryption.top_level()) as u64;
    let handed_out = (1 + turned.len() as u64) * switching;
    let points = (config.iterations as u64 - 1) * point;
    assert_about(
        received("train/gradient"),
        public + handed_out + points,
        config.iterations as u64,
        "evaluation keys and points",
    );
}
