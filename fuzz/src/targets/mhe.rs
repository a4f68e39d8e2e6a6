//! Shares, what they are made of, sums of shares without decoding, and Shamir sub-shares.

use super::canonical;
use super::ckks::{PARAMS, ciphertext_at};
use std::sync::LazyLock;
use tacit_mhe::threshold::{Exchange, SubShare, announcement, split};
use tacit_mhe::{
    CollectivePublicKey, ExactMap, MaskBits, PartySecret, Protocol, Refresh, SessionContext,
    ShareInput,
};
use tacit_ring::Seed;

static CONTEXT: LazyLock<SessionContext> =
    LazyLock::new(|| SessionContext::derive(&[1; 32], &[2; 32], &[[3; 32], [4; 32]]));

static PUBLIC_KEY: LazyLock<CollectivePublicKey> =
    LazyLock::new(|| CollectivePublicKey::new(&PARAMS, &CONTEXT.instance(0)));

static REFRESH: LazyLock<Refresh> = LazyLock::new(|| {
    let mask = MaskBits::hiding(30.0, 40, PARAMS.ring().n(), 1);
    let (instance, ct) = (CONTEXT.instance(1), ciphertext_at(2));
    Refresh::new(&PARAMS, &instance, ct, 3, mask, ExactMap::IDENTITY).expect("a valid refresh")
});

fn party(tag: u8) -> PartySecret {
    PartySecret::from_seed(&PARAMS, &Seed::from_bytes([tag; 32]))
}

fn share<P: Protocol>(protocol: &P, data: &[u8]) -> bool {
    protocol
        .decode(data)
        .is_ok_and(|share| canonical(data, &protocol.encode(&share)))
}

fn share_of<P: Protocol>(protocol: &P, tag: u8) -> Vec<u8> {
    protocol.encode(&protocol.share(&party(tag)).expect("a first share"))
}

pub fn public_key_share(data: &[u8]) -> bool {
    share(&*PUBLIC_KEY, data)
}

pub fn public_key_share_seeds() -> Vec<Vec<u8>> {
    vec![share_of(&*PUBLIC_KEY, 1)]
}

pub fn refresh_share(data: &[u8]) -> bool {
    share(&*REFRESH, data)
}

pub fn refresh_share_seeds() -> Vec<Vec<u8>> {
    vec![share_of(&*REFRESH, 1)]
}

pub fn share_input(data: &[u8]) -> bool {
    ShareInput::from_bytes(&PARAMS, data)
        .is_ok_and(|input| canonical(data, &input.to_bytes(&PARAMS)))
}

pub fn share_input_seeds() -> Vec<Vec<u8>> {
    let input = |level| ShareInput::of(&ciphertext_at(level)).expect("two polynomials");
    (0..4).map(|l| input(l).to_bytes(&PARAMS)).collect()
}

/// The input is two shares, cut in the middle.
pub fn aggregate_encoded(data: &[u8]) -> bool {
    let (into, other) = data.split_at(data.len() / 2);
    let mut sum = into.to_vec();
    if REFRESH.aggregate_encoded(&mut sum, other).is_err() {
        assert_eq!(sum, into, "a refused share changed the sum");
        return false;
    }
    let mut decoded = REFRESH.decode(into).expect("what is summed decodes");
    let other = REFRESH.decode(other).expect("what is summed decodes");
    REFRESH.aggregate(&mut decoded, &other).expect("and sums");
    canonical(&sum, &REFRESH.encode(&decoded))
}

pub fn aggregate_encoded_seeds() -> Vec<Vec<u8>> {
    vec![[share_of(&*REFRESH, 1), share_of(&*REFRESH, 2)].concat()]
}

pub fn sub_share(data: &[u8]) -> bool {
    SubShare::from_secret_bytes(&PARAMS, data)
        .is_ok_and(|sub| canonical(data, &sub.to_secret_bytes(&PARAMS)))
}

pub fn sub_share_seeds() -> Vec<Vec<u8>> {
    let subs = split(&PARAMS, &party(1), &[5; 32], 0, 2, 2).expect("2 of 2");
    subs.iter()
        .map(|sub| sub.to_secret_bytes(&PARAMS).to_vec())
        .collect()
}

/// The exchange of parties 0 and 1, as the second sees it, and what it deals.
static EXCHANGE: LazyLock<(Exchange, Vec<u8>)> = LazyLock::new(|| {
    let announced = [1, 2].map(|tag| announcement(&party(tag)));
    let exchange = Exchange::new(&PARAMS, &[5; 32], 1, 2, &announced).expect("2 of 2");
    let dealt = exchange.deal(&party(2)).expect("a list of one");
    (exchange, dealt)
});

/// The input is a list that the second party adds to its own.
pub fn sub_share_list(data: &[u8]) -> bool {
    let (exchange, own) = &*EXCHANGE;
    let mut sum = own.clone();
    if exchange.merge(&mut sum, data).is_err() {
        assert_eq!(&sum, own, "a refused list changed the sum");
        return false;
    }
    // A list of nobody adds nothing; nobody but the first party signs a list of the first party.
    if &sum != own {
        assert!(exchange.receive(&party(2), &sum).is_ok());
        assert!(exchange.merge(&mut sum.clone(), data).is_err(), "twice");
    }
    true
}

pub fn sub_share_list_seeds() -> Vec<Vec<u8>> {
    let announced = [1, 2].map(|tag| announcement(&party(tag)));
    let first = Exchange::new(&PARAMS, &[5; 32], 0, 2, &announced).expect("2 of 2");
    vec![first.deal(&party(1)).expect("a list of one")]
}
