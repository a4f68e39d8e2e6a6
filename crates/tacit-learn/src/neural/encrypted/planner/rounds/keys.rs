//! Keys: their shares, and what becomes of the sums.

use tacit_ring::codec::encoded_poly_len;

use super::super::super::MlpPlan;
use super::super::operation::Kind;
use super::{MB, RoundBill, SHARE_HEAD};

/// The generation of all keys and their first use, as rounds.
pub fn keys(plan: &MlpPlan) -> Vec<RoundBill> {
    let params = &plan.encryption.params;
    let row = encoded_poly_len(params.ring(), params.key_basis()) as f64;
    let digits = params.digits() as f64;
    let switching = SHARE_HEAD + digits * row;
    // Their prices include what comes before them, the common random string, and their encoding.
    let round = |label, kind, bytes: f64| {
        let mut round = RoundBill {
            label,
            share_bytes: bytes,
            ..RoundBill::default()
        };
        (round.each)
            .add(kind, 0, 1.0)
            .add(Kind::Hashing, 0, bytes * MB);
        round.fold.add(Kind::Folding, 0, bytes * MB);
        round
    };
    let one = SHARE_HEAD + 2.0 * digits * row;
    let mut rounds = vec![
        round("keys/public", Kind::PublicKeyShare, SHARE_HEAD + row),
        round("keys/relinearisation-1", Kind::RelinearisationOneShare, one),
        round(
            "keys/relinearisation-2",
            Kind::RelinearisationTwoShare,
            switching,
        ),
    ];
    rounds[2].input_bytes = one;
    rounds[2].each.add(Kind::Reading, 0, one * MB);
    let count = plan.rotations().len();
    rounds.extend((0..count).map(|_| round("keys/galois", Kind::GaloisShare, switching)));
    // They arrive with the first iteration: the root decodes all, which it knows by the hash of their sums, and parties
    // those of the first layer, which it hands out.
    let own = plan.party_rotations().len() as f64;
    let (all, handed_out) = (count as f64 + 2.0, own * switching);
    let mut first = RoundBill {
        label: "keys/decoding",
        input_bytes: handed_out,
        ..RoundBill::default()
    };
    first.each.add(Kind::Hashing, 0, handed_out * MB);
    first.root.add(Kind::GaloisFinish, 0, all + own);
    (first.serial)
        .add(Kind::Hashing, 0, (all * switching + handed_out) * MB)
        .add(Kind::Copying, 0, 2.0 * handed_out * MB);
    rounds.push(first);
    rounds
}

/// Bytes of one evaluation key in memory.
pub fn key_memory(plan: &MlpPlan) -> f64 {
    let params = &plan.encryption.params;
    let ring = params.ring();
    let basis = params.key_basis();
    let rows = basis.q + basis.p;
    (2 * params.digits() * rows * ring.n() * 8) as f64
}
