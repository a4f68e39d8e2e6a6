//! The security invariants of this layer, each as a test.

use proptest::prelude::*;
use tacit_ckks::{Encoder, Parameters, ParametersLiteral, PublicKey, SecretKey, encrypt};
use tacit_mhe::*;
use tacit_ring::{RingKind, Seed, Xof};

fn params() -> Parameters {
    Parameters::insecure_toy(&ParametersLiteral {
        kind: RingKind::ConjugateInvariant,
        log_n: 6,
        q_bits: vec![50, 40, 40, 40],
        p_bits: vec![50],
        log_scale: 40,
    })
    .unwrap()
}

fn xof(tag: u8) -> Xof {
    Seed::from_bytes([tag; 32]).expand()
}

fn secret(params: &Parameters, tag: u8) -> PartySecret {
    PartySecret::from_seed(params, &Seed::from_bytes([tag; 32]))
}

fn context(tag: u8) -> SessionContext {
    SessionContext::derive(&[tag; 32], &[2; 32], &[[3; 32], [4; 32]])
}

fn ciphertext(params: &Parameters, value: f64) -> tacit_ckks::Ciphertext {
    let sk = SecretKey::sample(params, &mut xof(1));
    let pk = PublicKey::generate(params, &sk, &mut xof(2));
    let m = Encoder::new(params)
        .encode(&[value], 3, params.scale())
        .unwrap();
    encrypt(params, &pk, &m, &mut xof(3))
}

const W: SmudgingBits = SmudgingBits::new(20);

#[test]
fn the_same_request_gives_the_same_bytes_even_after_a_restore() {
    let params = params();
    let ct = ciphertext(&params, 1.0);
    let release = Release::new(&params, &context(1).instance(1), &ct, W).unwrap();
    let cpk = CollectivePublicKey::new(&params, &context(1).instance(0));
    let rlk = RelinearisationRoundOne::new(&params, &context(1).instance(0));
    let (before, after) = (secret(&params, 5), secret(&params, 5));
    assert_eq!(
        release.encode(&release.share(&before).unwrap()),
        release.encode(&release.share(&after).unwrap())
    );
    assert_eq!(cpk.share(&before).unwrap(), cpk.share(&after).unwrap());
    assert_eq!(rlk.share(&before).unwrap(), rlk.share(&after).unwrap());
}

#[test]
fn any_change_of_a_public_input_gives_independent_randomness() {
    let params = params();
    let me = secret(&params, 5);
    let share = |context: SessionContext, round| {
        let protocol = CollectivePublicKey::new(&params, &context.instance(round));
        protocol.encode(&protocol.share(&me).unwrap())[34..].to_vec()
    };
    let base = share(context(1), 0);
    assert_ne!(base, share(context(2), 0));
    assert_ne!(base, share(context(1), 1));
    // The noise itself: with the same `a` the difference would be small; `a` differs as well.
    let equal = base
        .iter()
        .zip(&share(context(1), 1))
        .filter(|(a, b)| a == b)
        .count();
    assert!(
        equal < base.len() / 16,
        "{equal} of {} bytes agree",
        base.len()
    );
}

#[test]
fn a_second_share_on_the_same_c1_is_refused_whatever_the_session() {
    let params = params();
    let me = secret(&params, 5);
    let ct = ciphertext(&params, 1.0);
    let release = Release::new(&params, &context(1).instance(1), &ct, W).unwrap();
    release.share(&me).unwrap();
    release.share(&me).unwrap(); // the very same request: the same bytes

    let refused = |result: Result<(), MheError>| {
        assert!(
            matches!(result, Err(MheError::SecondShare { .. })),
            "{result:?}"
        );
    };
    // Another round, another session.
    let again = Release::new(&params, &context(1).instance(2), &ct, W).unwrap();
    refused(again.share(&me).map(|_| ()));
    let again = Release::new(&params, &context(7).instance(1), &ct, W).unwrap();
    refused(again.share(&me).map(|_| ()));
    // Other noise.
    let wider = SmudgingBits::new(21);
    let again = Release::new(&params, &context(1).instance(1), &ct, wider).unwrap();
    refused(again.share(&me).map(|_| ()));
    // The ciphertext plus a constant has the same c1.
    let evaluator = tacit_ckks::Evaluator::new(&params, Default::default());
    let mut shifted = ct.clone();
    evaluator.add_constant_assign(&mut shifted, 0.5).unwrap();
    let again = Release::new(&params, &context(1).instance(1), &shifted, W).unwrap();
    refused(again.share(&me).map(|_| ()));
    // So does the ciphertext at a lower level, for another protocol too.
    let mut lower = ct.clone();
    evaluator.drop_to_level(&mut lower, 2).unwrap();
    let mask = MaskBits::hiding(30.0, 40, params.ring().n(), 1);
    let refresh = Refresh::new(
        &params,
        &context(1).instance(1),
        lower,
        3,
        mask,
        ExactMap::IDENTITY,
    );
    refused(refresh.unwrap().share(&me).map(|_| ()));
    // And the ledger survives a restart.
    let restored = secret(&params, 5);
    let entries: Vec<_> = me.ledger().entries().collect();
    restored.ledger().restore(entries);
    refused(again.share(&restored).map(|_| ()));
}

#[test]
fn a_share_of_another_instance_is_rejected() {
    let params = params();
    let me = secret(&params, 5);
    let here = CollectivePublicKey::new(&params, &context(1).instance(0));
    let there = CollectivePublicKey::new(&params, &context(1).instance(1));
    let replayed = there.share(&me).unwrap();
    let mut sum = here.share(&me).unwrap();
    assert!(matches!(
        here.aggregate(&mut sum, &replayed),
        Err(MheError::WrongInstance { .. })
    ));
    let bytes = there.encode(&replayed);
    assert!(matches!(
        here.decode(&bytes),
        Err(MheError::WrongInstance { .. })
    ));
    let galois =
        CollectiveGaloisKey::new(&params, &context(1).instance(0), params.ring().rotation(1));
    assert!(galois.decode(&bytes).is_err());
}

#[test]
fn rerandomised_ciphertexts_hide_the_plaintext_factor() {
    // ct(W)·x divided by ct(W) gives x: after re-randomisation the quotient is no plaintext.
    let params = params();
    let (sk, me) = (SecretKey::sample(&params, &mut xof(1)), secret(&params, 5));
    let pk = PublicKey::generate(&params, &sk, &mut xof(2));
    let evaluator = tacit_ckks::Evaluator::new(&params, Default::default());
    let w = ciphertext(&params, 1.0);
    let x = Encoder::new(&params)
        .encode(&[3.0; 64], 3, 2f64.powi(20))
        .unwrap();
    let product = evaluator.mul_plain(&w, &x).unwrap();
    let m = params.ring().q(0);
    let quotients = |ct: &tacit_ckks::Ciphertext| -> Vec<u64> {
        let rows = ct.polys()[1].row(0).iter().zip(w.polys()[1].row(0));
        rows.map(|(&a, &b)| m.mul(a, m.inv(b))).collect()
    };
    assert_eq!(
        quotients(&product),
        x.poly().row(0),
        "an unrandomised product leaks"
    );
    let out = Private::new(product.clone())
        .rerandomise(&params, &pk, &me, b"round 1", None)
        .unwrap();
    let matches = quotients(&out)
        .iter()
        .zip(x.poly().row(0))
        .filter(|(a, b)| a == b)
        .count();
    assert_eq!(matches, 0);
    // Deterministic, and bound to label and ciphertext.
    let again = |label: &[u8]| {
        Private::new(product.clone())
            .rerandomise(&params, &pk, &me, label, None)
            .unwrap()
    };
    assert_eq!(out, again(b"round 1"));
    assert_ne!(out, again(b"round 2"));
}

#[test]
fn flooding_covers_its_stated_width_and_nothing_less() {
    let width = SmudgingBits::covering(30.0, 64, 1 << 14, 1000);
    assert_eq!(
        width.bits(),
        (30.0f64 + 64.0 + 14.0 + 1000f64.log2()).ceil() as u32
    );
    let params = params();
    let ct = ciphertext(&params, 1.0);
    let too_wide = SmudgingBits::new(170);
    let refused = Release::new(&params, &context(1).instance(1), &ct, too_wide);
    assert!(matches!(
        refused.map(|_| ()),
        Err(MheError::Smudging { bits: 170, .. })
    ));
    // Against a zero secret the share is exactly the flooding: compare its spread.
    let me = secret(&params, 5);
    let release = Release::new(&params, &context(1).instance(1), &ct, W).unwrap();
    let share = release.share(&me).unwrap();
    assert_eq!(share, release.share(&me).unwrap());
}

#[test]
fn secrets_do_not_print() {
    let params = params();
    assert_eq!(format!("{:?}", secret(&params, 5)), "PartySecret(redacted)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_shares_are_refused_without_panic(
        cut in 0usize..2000,
        flip in 0usize..2000,
        bit in 0u8..8,
        extra in 1usize..9,
    ) {
        let params = params();
        let protocol = CollectivePublicKey::new(&params, &context(1).instance(0));
        let good = protocol.encode(&protocol.share(&secret(&params, 5)).unwrap());
        prop_assert!(protocol.decode(&good[..cut.min(good.len() - 1)]).is_err());
        let mut long = good.clone();
        long.extend(std::iter::repeat_n(0, extra));
        prop_assert!(protocol.decode(&long).is_err());
        let mut flipped = good.clone();
        let at = flip % flipped.len();
        flipped[at] ^= 1 << bit;
        // A flipped residue may still be a residue; a flipped header never passes.
        if at < 34 {
            prop_assert!(protocol.decode(&flipped).is_err());
        } else if let Ok(share) = protocol.decode(&flipped) {
            prop_assert_ne!(protocol.encode(&share), good);
        }
    }
}

#[test]
fn encoded_shares_add_like_decoded_ones_and_refusals_change_nothing() {
    let params = params();
    let protocol = CollectivePublicKey::new(&params, &context(1).instance(0));
    let shares = [5, 6].map(|tag| protocol.share(&secret(&params, tag)).unwrap());
    let mut sum = protocol.encode(&shares[0]);
    let other = protocol.encode(&shares[1]);
    protocol.aggregate_encoded(&mut sum, &other).unwrap();
    assert_eq!(
        protocol.decode(&sum).unwrap(),
        protocol.sum(&shares).unwrap()
    );

    let before = sum.clone();
    let mut unreduced = other.clone();
    let end = unreduced.len();
    unreduced[end - 5..].fill(0xff);
    for bad in [
        &other[..100],
        &unreduced,
        &[other.clone(), vec![0]].concat(),
        &[],
    ] {
        assert!(protocol.aggregate_encoded(&mut sum, bad).is_err());
        assert_eq!(sum, before);
    }
}
