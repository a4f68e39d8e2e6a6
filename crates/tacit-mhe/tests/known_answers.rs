//! Every byte that parties exchange, against an independent slow implementation.
//!
//! `kat/oracle.py` computes the protocols on whole integers with schoolbook arithmetic and its own
//! BLAKE3, and checks every result against the key that no party has. Its outputs are committed as
//! `kat/vectors.json`. These tests compute the same from the same inputs and compare bytes; no
//! vector may go unused. A deliberate change of a convention is made in the oracle first.

use std::collections::BTreeMap;
use tacit_ckks::{
    Ciphertext, Parameters, ParametersLiteral, Plaintext, PublicKey, SecretKey, encrypt,
};
use tacit_mhe::threshold::{SubShare, ThresholdSecret, split};
use tacit_mhe::*;
use tacit_ring::codec::write_poly;
use tacit_ring::{Basis, GaloisElement, Ntt, RingKind, RnsPoly, Seed, WideIntegers, Xof, sample};

/// Vectors not yet compared.
struct Vectors(BTreeMap<String, String>);

impl Vectors {
    fn load(section: &str) -> Self {
        let text = include_str!("kat/vectors.json");
        let mut all: BTreeMap<String, BTreeMap<String, String>> =
            serde_json::from_str(text).expect("the vectors are JSON");
        Self(all.remove(section).expect("the section exists"))
    }

    #[track_caller]
    fn check(&mut self, name: &str, bytes: &[u8]) {
        let expected = self
            .0
            .remove(name)
            .unwrap_or_else(|| panic!("no unused vector is named {name}"));
        // Long values are committed as their digest.
        let found = match expected.strip_prefix("blake3:") {
            Some(_) => format!("blake3:{}", blake3::hash(bytes).to_hex()),
            None => bytes.iter().map(|b| format!("{b:02x}")).collect(),
        };
        assert_eq!(found, expected, "{name}");
    }

    /// Shares of all parties, each through its encoding; returns the result.
    #[track_caller]
    fn run<P: Protocol>(&mut self, name: &str, protocol: &P, secrets: &[PartySecret]) -> P::Output {
        self.check(&format!("{name}/id"), protocol.id().as_bytes());
        let mut shares = Vec::new();
        for (index, secret) in secrets.iter().enumerate() {
            let share = protocol.share(secret).unwrap();
            self.check(&format!("{name}/share {index}"), &protocol.encode(&share));
            shares.push(share);
        }
        protocol.finish(&protocol.sum(&shares).unwrap()).unwrap()
    }

    #[track_caller]
    fn finish(self) {
        let unused: Vec<_> = self.0.keys().collect();
        assert!(
            unused.is_empty(),
            "vectors nothing was compared with: {unused:?}"
        );
    }
}

fn words(values: &[u64]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn wide(values: &WideIntegers) -> Vec<u8> {
    (0..values.len())
        .flat_map(|i| (0..values.limbs()).map(move |limb| values.limb(limb)[i]))
        .flat_map(u64::to_le_bytes)
        .collect()
}

#[test]
fn expansion_and_samplers_give_the_known_answers() {
    let mut vectors = Vectors::load("samplers");
    let bytes: [u8; 32] = std::array::from_fn(|i| i as u8);
    let seed = Seed::from_bytes(bytes);
    let mut stream = [0; 200];
    seed.expand().fill(&mut stream);
    vectors.check("expansion", &stream);

    let derived = Seed::derive("known answer", [b"ab".as_slice(), b"", b"c"]);
    vectors.check("derivation", &derived.to_public_bytes());
    let child = seed.child("known answer", [b"ab".as_slice(), b"c"]);
    vectors.check("child", &child.to_public_bytes());

    let signed = |x: &[i64]| x.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    let ternary = sample::ternary(1000, &mut seed.expand());
    vectors.check("ternary", &signed(ternary.as_slice()));
    let gaussian = sample::gaussian(1000, &mut seed.expand());
    vectors.check("gaussian", &signed(gaussian.as_slice()));
    for bits in [1, 63, 64, 117] {
        let values = sample::wide_uniform(20, bits, &mut seed.expand());
        vectors.check(&format!("wide uniform {bits}"), &wide(&values));
    }
    vectors.finish();
}

const PARTIES: u8 = 3;
const W: SmudgingBits = SmudgingBits::new(18);

fn parameters(kind: RingKind) -> Parameters {
    Parameters::insecure_toy(&ParametersLiteral {
        kind,
        log_n: 4,
        q_bits: vec![50, 40, 40, 40],
        p_bits: vec![50, 50],
        log_scale: 40,
    })
    .unwrap()
}

fn xof(tag: u8) -> Xof {
    Seed::from_bytes([tag; 32]).expand()
}

/// Fresh party secrets: each comes with an empty ledger.
fn secrets(params: &Parameters, tag: u8) -> Vec<PartySecret> {
    (0..PARTIES)
        .map(|i| PartySecret::from_seed(params, &Seed::from_bytes([tag + i; 32])))
        .collect()
}

fn message(params: &Parameters) -> Vec<i64> {
    (0..params.ring().n() as i64)
        .map(|j| ((j * j + 1) * 2_654_435_761 + 12_345) % (1 << 34) - (1 << 33))
        .collect()
}

fn lifted(params: &Parameters, values: &[i64], basis: Basis) -> RnsPoly<Ntt> {
    params
        .ring()
        .forward(params.ring().lift_signed(values, basis))
}

fn rows(params: &Parameters, poly: &RnsPoly<Ntt>) -> Vec<u8> {
    let mut out = Vec::new();
    write_poly(&mut out, params.ring(), poly);
    out
}

fn ciphertext(params: &Parameters, pk: &PublicKey, tag: u8, primes: usize) -> Ciphertext {
    let poly = lifted(params, &message(params), Basis::q(primes));
    encrypt(
        params,
        pk,
        &Plaintext::from_parts(poly, params.scale()),
        &mut xof(tag),
    )
}

fn transforms(vectors: &mut Vectors, params: &Parameters) {
    let ring = params.ring();
    let primes: Vec<u64> = ring.moduli(ring.full_basis()).map(|m| m.value()).collect();
    vectors.check("primes", &words(&primes));
    vectors.check("parameters digest", params.digest());
    let m = lifted(params, &message(params), params.key_basis());
    vectors.check("transform", &words(m.words()));
    vectors.check("product", &words(ring.mul(&m, &m).words()));
    let g = ring.rotation(3);
    vectors.check("rotation by 3/element", &g.value().to_le_bytes());
    vectors.check("rotation by 3", &words(ring.automorphism(g, &m).words()));
}

/// A level that cuts through the second digit.
const CUT: usize = 2;

fn keys(vectors: &mut Vectors, params: &Parameters, context: &SessionContext) -> PublicKey {
    let parties = secrets(params, 10);
    let protocol = CollectivePublicKey::new(params, &context.instance(0));
    let pk = vectors.run("public key", &protocol, &parties);
    vectors.check("public key/result", &pk.to_bytes(params));

    let element = params.ring().rotation(3);
    let protocol = CollectiveGaloisKey::new(params, &context.instance(2), element);
    let galois = vectors.run("Galois key", &protocol, &parties);
    vectors.check("Galois key/result", &galois.key.to_bytes(params));

    let protocol = CollectiveGaloisKey::at_level(params, &context.instance(3), element, CUT);
    let galois = vectors.run("Galois key at level 2", &protocol, &parties);
    vectors.check("Galois key at level 2/result", &galois.key.to_bytes(params));

    let all = RelinearisationRoundOne::new(params, &context.instance(1));
    let low = RelinearisationRoundOne::at_level(params, &context.instance(4), CUT);
    for (one, suffix) in [(all, ""), (low, " at level 2")] {
        let sum = vectors.run(
            &format!("relinearisation round one{suffix}"),
            &one,
            &parties,
        );
        let two = RelinearisationRoundTwo::new(&one, sum);
        let key = vectors.run(
            &format!("relinearisation round two{suffix}"),
            &two,
            &parties,
        );
        let result = format!("relinearisation{suffix}/result");
        vectors.check(&result, &key.0.to_bytes(params));
    }
    pk
}

fn key_switches(
    vectors: &mut Vectors,
    params: &Parameters,
    context: &SessionContext,
    pk: &PublicKey,
) {
    let parties = secrets(params, 10);
    let ct = ciphertext(params, pk, 50, 4);
    vectors.check("encryption", &ct.to_bytes(params));
    let protocol = Release::new(params, &context.instance(5), &ct, W).unwrap();
    let released = vectors.run("release", &protocol, &parties);
    vectors.check("release/result", &rows(params, released.poly()));

    let ct = ciphertext(params, pk, 51, 4);
    let switch = KeySwitchToSecret::new(params, &context.instance(6), &ct, &[9; 32], W).unwrap();
    vectors.check("switch to secret/id", switch.protocol().id().as_bytes());
    let mut shares = Vec::new();
    for (index, (old, new)) in parties.iter().zip(&secrets(params, 20)).enumerate() {
        let share = switch.share_towards(old, new).unwrap();
        let bytes = switch.protocol().encode(&share);
        vectors.check(&format!("switch to secret/share {index}"), &bytes);
        shares.push(share);
    }
    let sum = switch.protocol().sum(&shares).unwrap();
    let switched = switch.finish(&sum).unwrap();
    vectors.check("switch to secret/result", &switched.to_bytes(params));

    let ct = ciphertext(params, pk, 52, 4);
    let querier = SecretKey::sample(params, &mut xof(77));
    let target = PublicKey::generate(params, &querier, &mut xof(78));
    let protocol = KeySwitchToPublic::new(params, &context.instance(7), &ct, &target, W).unwrap();
    let answer = vectors.run("switch to public", &protocol, &parties);
    vectors.check("switch to public/result", &answer.to_bytes(params));
}

fn refreshes(vectors: &mut Vectors, params: &Parameters, context: &SessionContext, pk: &PublicKey) {
    let n = params.ring().n() as i64;
    let weight = |values: Vec<i64>| {
        let poly = lifted(params, &values, Basis::q(4));
        Plaintext::from_parts(poly, 2f64.powi(20))
    };
    let identity: GaloisElement = params.ring().rotation(0);
    let diagonals = vec![
        (
            identity,
            weight((0..n).map(|j| (7 * j + 3) % 21 - 10).collect()),
        ),
        (
            params.ring().rotation(3),
            weight((0..n).map(|j| (5 * j + 1) % 17 - 8).collect()),
        ),
    ];
    let maps = [
        ("refresh", ExactMap::IDENTITY),
        ("refresh times 128", ExactMap::Multiple { bits: 7 }),
        ("refresh mapped", ExactMap::Diagonals(diagonals.clone())),
        (
            "refresh scaled",
            ExactMap::Scaled {
                factor: 201,
                scale: 201.25,
            },
        ),
        (
            "refresh by a shared map",
            ExactMap::Shared(SharedMap::new(diagonals)),
        ),
    ];
    let mask = MaskBits::hiding(36.0, 64, params.ring().n(), 100);
    for (index, (name, map)) in maps.into_iter().enumerate() {
        let ct = ciphertext(params, pk, 53 + index as u8, 3);
        let instance = context.instance(8 + index as u64);
        let protocol = Refresh::new(params, &instance, ct, 3, mask, map).unwrap();
        let fresh = vectors.run(name, &protocol, &secrets(params, 10));
        vectors.check(&format!("{name}/result"), &fresh.to_bytes(params));
    }
}

fn threshold(vectors: &mut Vectors, params: &Parameters, context: &SessionContext, pk: &PublicKey) {
    let parties = secrets(params, 10);
    let count = PARTIES as u32;
    let sent: Vec<Vec<SubShare>> = (0..count)
        .map(|i| split(params, &parties[i as usize], &context.session, i, 2, count).unwrap())
        .collect();
    for sub in sent.iter().flatten() {
        let name = format!("sub-share {} to {}", sub.from(), sub.to());
        vectors.check(&name, &sub.to_secret_bytes(params));
    }
    let active = [0u32, 2];
    let acting: Vec<PartySecret> = active
        .iter()
        .map(|&me| {
            let copy = |sub: &SubShare| {
                SubShare::from_secret_bytes(params, &sub.to_secret_bytes(params)).unwrap()
            };
            let received: Vec<_> = sent.iter().map(|subs| copy(&subs[me as usize])).collect();
            let (own, secret) = (&sent[me as usize], &parties[me as usize]);
            ThresholdSecret::combine(params, secret, me, 2, &received, own)
                .unwrap()
                .activate(params, &active)
                .unwrap()
        })
        .collect();
    let ct = ciphertext(params, pk, 61, 4);
    let instance = context.instance_among(12, &active).unwrap();
    let protocol = Release::new(params, &instance, &ct, W).unwrap();
    let released = vectors.run("threshold release", &protocol, &acting);
    vectors.check("threshold release/result", &rows(params, released.poly()));
}

fn everything(section: &str, kind: RingKind) {
    let mut vectors = Vectors::load(section);
    let params = parameters(kind);
    transforms(&mut vectors, &params);

    let nonces: Vec<[u8; 32]> = (0..PARTIES).map(|i| [3 + i; 32]).collect();
    let context = SessionContext::derive(&[1; 32], &[2; 32], &nonces);
    vectors.check("session", &context.session);
    vectors.check("common random string", &context.crs);

    let pk = keys(&mut vectors, &params, &context);
    key_switches(&mut vectors, &params, &context, &pk);
    refreshes(&mut vectors, &params, &context, &pk);
    let party = &secrets(&params, 10)[0];
    let randomised = Private::new(ciphertext(&params, &pk, 60, 4))
        .rerandomise(&params, &pk, party, b"round 1", Some(W))
        .unwrap();
    vectors.check("re-randomisation", &randomised.to_bytes(&params));
    threshold(&mut vectors, &params, &context, &pk);
    vectors.finish();
}

#[test]
fn every_protocol_gives_the_known_answers_over_the_standard_ring() {
    everything("standard", RingKind::Standard);
}

#[test]
fn every_protocol_gives_the_known_answers_over_the_conjugate_invariant_ring() {
    everything("conjugate-invariant", RingKind::ConjugateInvariant);
}
