//! Sub-shares through hands that must not see them, and what is computed with them afterwards.

use tacit_ckks::{Encoder, Parameters, ParametersLiteral, PublicKey, SecretKey, decrypt, encrypt};
use tacit_mhe::threshold::{
    ANNOUNCEMENT_LEN, Exchange, SubShare, ThresholdSecret, announcement, split,
};
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

struct Table {
    params: Parameters,
    context: SessionContext,
    secrets: Vec<PartySecret>,
    announcements: Vec<Vec<u8>>,
    threshold: u32,
}

impl Table {
    fn new(parties: u8, threshold: u32) -> Self {
        let params = params();
        let nonces: Vec<[u8; 32]> = (0..parties).map(|i| [i; 32]).collect();
        let secret = |i| PartySecret::from_seed(&params, &Seed::from_bytes([50 + i; 32]));
        let secrets: Vec<PartySecret> = (0..parties).map(secret).collect();
        Self {
            context: SessionContext::derive(&[1; 32], &[2; 32], &nonces),
            announcements: secrets.iter().map(announcement).collect(),
            secrets,
            params,
            threshold,
        }
    }

    fn exchange(&self, me: u32) -> Exchange {
        let session = &self.context.session;
        let announced = &self.announcements;
        Exchange::new(&self.params, session, me, self.threshold, announced).unwrap()
    }

    fn deal(&self, me: u32) -> Vec<u8> {
        let secret = &self.secrets[me as usize];
        self.exchange(me).deal(secret).unwrap()
    }

    /// The list of all, as the root has it.
    fn dealt(&self) -> Vec<u8> {
        let parties = self.secrets.len() as u32;
        let mut list = self.deal(0);
        for party in (1..parties).rev() {
            self.exchange(0)
                .merge(&mut list, &self.deal(party))
                .unwrap();
        }
        assert_eq!(
            list.len() as u64,
            Exchange::encoded_len(&self.params, parties)
        );
        list
    }

    fn receive(&self, me: u32, list: &[u8]) -> Result<ThresholdSecret, MheError> {
        self.exchange(me).receive(&self.secrets[me as usize], list)
    }

    fn places(&self) -> Vec<ThresholdSecret> {
        let list = self.dealt();
        let all = 0..self.secrets.len() as u32;
        all.map(|me| self.receive(me, &list).unwrap()).collect()
    }

    fn key(&self) -> PublicKey {
        run(
            &CollectivePublicKey::new(&self.params, &self.context.instance(0)),
            &self.secrets,
        )
    }
}

fn run<P: Protocol>(protocol: &P, secrets: &[PartySecret]) -> P::Output {
    let shares: Vec<Share<P>> = (secrets.iter())
        .map(|s| protocol.share(s).unwrap())
        .collect();
    protocol.finish(&protocol.sum(&shares).unwrap()).unwrap()
}

#[test]
fn lists_are_the_same_in_any_order_and_after_a_restore() {
    let table = Table::new(4, 2);
    let exchange = table.exchange(0);
    let merged = |order: [u32; 4]| {
        let mut lists = order.into_iter().map(|party| table.deal(party));
        let mut sum = lists.next().unwrap();
        lists.for_each(|list| exchange.merge(&mut sum, &list).unwrap());
        sum
    };
    let list = merged([0, 1, 2, 3]);
    assert_eq!(merged([3, 1, 0, 2]), list);
    // As sums of subtrees.
    let (mut left, mut right) = (table.deal(2), table.deal(1));
    exchange.merge(&mut left, &table.deal(0)).unwrap();
    exchange.merge(&mut right, &table.deal(3)).unwrap();
    exchange.merge(&mut left, &right).unwrap();
    assert_eq!(left, list);
    assert_eq!(exchange.receipt(&list), table.exchange(3).receipt(&list));
    // Another session, other seals.
    let mut other = Table::new(4, 2);
    other.context.session = [9; 32];
    assert_ne!(other.deal(1), table.deal(1));
    assert!(exchange.merge(&mut left, &other.deal(1)).is_err());
}

#[test]
fn parties_that_stand_by_bring_masks_and_no_key() {
    for (parties, threshold, holders, beside) in [
        (3, 2, vec![0u32, 2], vec![1u32]),
        (4, 2, vec![1, 3], vec![0]),
        (4, 3, vec![0, 1, 3], vec![]),
        (5, 5, vec![0, 1, 2, 3, 4], vec![]),
    ] {
        let table = Table::new(parties, threshold);
        let (params, pk, places) = (&table.params, table.key(), table.places());
        let active = holders.iter().map(|&p| {
            let place: &ThresholdSecret = &places[p as usize];
            place.activate(params, &holders).unwrap()
        });
        let idle = beside.iter().map(|&p| {
            let place: &ThresholdSecret = &places[p as usize];
            assert!(place.activate(params, &holders).is_err());
            place.stand_by(params, &holders).unwrap()
        });
        let secrets: Vec<PartySecret> = active.chain(idle).collect();
        assert!(
            places[holders[0] as usize]
                .stand_by(params, &holders)
                .is_err()
        );
        let instance = |round| table.context.instance_among(round, &holders).unwrap();
        let encoder = Encoder::new(params);
        let message = encoder
            .encode(
                &[1.25, -0.5],
                3,
                2f64.powi(if threshold > 4 { 50 } else { 45 }),
            )
            .unwrap();
        let close = |found: &[f64]| {
            assert!((found[0] - 1.25).abs() < 1e-3 && (found[1] + 0.5).abs() < 1e-3);
        };
        let fresh = |tag| encrypt(params, &pk, &message, &mut xof(tag));

        let mask = MaskBits::hiding(52.0, 40, params.ring().n(), 10);
        let refresh =
            Refresh::new(params, &instance(7), fresh(1), 3, mask, ExactMap::IDENTITY).unwrap();
        let refreshed = run(&refresh, &secrets);
        let release =
            Release::new(params, &instance(8), &refreshed, SmudgingBits::new(20)).unwrap();
        close(&encoder.decode(&run(&release, &secrets)));

        let asker = SecretKey::sample(params, &mut xof(2));
        let target = PublicKey::generate(params, &asker, &mut xof(3));
        let ct = fresh(4);
        let switch =
            KeySwitchToPublic::new(params, &instance(9), &ct, &target, SmudgingBits::new(20));
        let answer = run(&switch.unwrap(), &secrets);
        close(&encoder.decode(&decrypt(params, &asker, &answer)));

        // Who stands by has the ledger of its key, too.
        if let Some(idle) = secrets.get(holders.len()) {
            let again = Release::new(params, &instance(10), &ct, SmudgingBits::new(20)).unwrap();
            assert!(matches!(
                again.share(idle),
                Err(MheError::SecondShare { .. })
            ));
        }
    }
}

#[test]
fn bounds_are_those_of_all_parties_whoever_is_active() {
    // Masks of 159 bits and the sum of two of them fit 170 bits; those of 4096 parties would not.
    let table = Table::new(2, 2);
    let (params, pk) = (&table.params, table.key());
    let message = Encoder::new(params).encode(&[1.0], 3, 2f64.powi(40));
    let ct = encrypt(params, &pk, &message.unwrap(), &mut xof(1));
    let mask = MaskBits::hiding(72.0, 80, params.ring().n(), 2);
    let many = SessionContext {
        parties: 4096,
        ..table.context.clone()
    };
    for (context, fits) in [(&table.context, true), (&many, false)] {
        let instance = context.instance_among(1, &[0, 1]).unwrap();
        let refresh = Refresh::new(params, &instance, ct.clone(), 3, mask, ExactMap::IDENTITY);
        assert_eq!(refresh.is_ok(), fits);
        let width = SmudgingBits::new(166);
        assert_eq!(
            Release::new(params, &instance, &ct, width).is_ok(),
            fits,
            "{fits}"
        );
    }
}

#[test]
fn a_share_under_an_active_set_is_covered_by_the_seed_of_the_pair() {
    // The same share of the key, but another common seed: without zero-shares both would say the same.
    let table = Table::new(3, 2);
    let (params, session) = (&table.params, &table.context.session);
    let sent: Vec<Vec<SubShare>> = (0..3)
        .map(|i| split(params, &table.secrets[i as usize], session, i, 2, 3).unwrap())
        .collect();
    let place = |changed: bool| {
        let received: Vec<SubShare> = sent
            .iter()
            .map(|subs| {
                let mut bytes = subs[1].to_secret_bytes(params);
                if changed && subs[1].from() == 0 {
                    bytes[10] ^= 1; // the first byte of the seed
                }
                SubShare::from_secret_bytes(params, &bytes).unwrap()
            })
            .collect();
        let secret = &table.secrets[1];
        ThresholdSecret::combine(params, secret, 1, 2, &received, &sent[1]).unwrap()
    };
    let message = Encoder::new(params).encode(&[1.0], 3, params.scale());
    let ct = encrypt(params, &table.key(), &message.unwrap(), &mut xof(1));
    let instance = table.context.instance_among(5, &[0, 1]).unwrap();
    let release = Release::new(params, &instance, &ct, SmudgingBits::new(20)).unwrap();
    let share = |changed| {
        let secret = place(changed).activate(params, &[0, 1]).unwrap();
        release.encode(&release.share(&secret).unwrap())
    };
    assert_eq!(share(false), share(false));
    assert_ne!(share(true), share(false));
}

#[test]
fn what_was_spoiled_on_the_way_is_refused_and_its_dealer_named() {
    let table = Table::new(3, 2);
    let list = table.dealt();
    let said = |list: &[u8]| table.receive(2, list).unwrap_err().to_string();
    let mut spoiled = list.clone();
    *spoiled.last_mut().unwrap() ^= 1; // the last entry is party 2's, and it reads its own too
    assert!(said(&spoiled).contains("party 2 has not signed"));
    spoiled[5 + 4 + 64 + 1] ^= 1;
    assert!(said(&spoiled).contains("party 0 has not signed"));
    let two = {
        let mut two = table.deal(0);
        table.exchange(0).merge(&mut two, &table.deal(2)).unwrap();
        two
    };
    assert!(said(&two).contains("party 1 dealt no sub-shares"));
    let mut twice = two.clone();
    let refused = table.exchange(0).merge(&mut twice, &table.deal(2));
    assert!(refused.unwrap_err().to_string().contains("party 2 dealt"));
    assert_eq!(twice, two);
    for bad in [&list[..list.len() - 1], &[], &[&list[..], &[0]].concat()] {
        assert!(table.receive(1, bad).is_err());
    }
    let mut more = list.clone();
    more[1] = 200;
    assert!(table.receive(1, &more).is_err());
}

#[test]
fn announcements_that_are_no_keys_are_refused_by_party() {
    let table = Table::new(3, 2);
    assert_eq!(table.announcements[0].len(), ANNOUNCEMENT_LEN);
    let (params, session) = (&table.params, &table.context.session);
    let with = |change: fn(&mut Vec<u8>)| {
        let mut announced = table.announcements.clone();
        change(&mut announced[1]);
        Exchange::new(params, session, 0, 2, &announced).map(drop)
    };
    for change in [
        |keys: &mut Vec<u8>| keys.clear(),
        |keys: &mut Vec<u8>| keys.truncate(500),
        |keys: &mut Vec<u8>| keys.push(0),
        |keys: &mut Vec<u8>| keys[..32].fill(0), // a point of small order
        |keys: &mut Vec<u8>| keys[32..1200].fill(0xff), // residues that are not reduced
    ] {
        let refused = with(change).unwrap_err().to_string();
        assert!(refused.contains("party 1 announced no keys"), "{refused}");
    }
    let none = Exchange::new(params, session, 0, 4, &table.announcements);
    assert!(matches!(none, Err(MheError::Threshold { .. })));
    let outside = Exchange::new(params, session, 3, 2, &table.announcements);
    assert!(matches!(outside, Err(MheError::UnknownParty { .. })));
}

#[test]
fn lists_of_any_bytes_are_refused_without_panic() {
    let table = Table::new(3, 2);
    let list = table.dealt();
    let mut noise = xof(77);
    for round in 0..400usize {
        let mut bytes = list.clone();
        bytes.truncate(noise.next_u64() as usize % (bytes.len() + 1));
        for _ in 0..round % 4 {
            let at = noise.next_u64() as usize % bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << (noise.next_u64() % 8);
            }
        }
        if bytes == list {
            continue;
        }
        assert!(table.receive(0, &bytes).is_err());
        let mut into = table.deal(0);
        let before = into.clone();
        if table.exchange(0).merge(&mut into, &bytes).is_err() {
            assert_eq!(into, before);
        }
    }
}
