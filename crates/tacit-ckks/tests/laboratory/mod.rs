//! Keys for tests: of one owner, or of several parties as the protocols make them, that is sums of
//! shares and the relinearisation key in two rounds. Only a laboratory holds the sum of the secrets.

use tacit_ckks::*;
use tacit_ring::{Basis, GaloisElement, Ntt, RnsPoly, SecretPoly, Seed, Xof, sample};

pub type Poly = RnsPoly<Ntt>;

pub struct Laboratory {
    pub params: Parameters,
    pub encoder: Encoder,
    pub evaluator: Evaluator,
    pub sk: SecretKey,
    pub pk: PublicKey,
    /// The number of parties; `None` for keys of one owner.
    pub parties: Option<u32>,
    pub xof: Xof,
}

impl Laboratory {
    /// Keys of one owner for `None`, of so many parties otherwise; the rotations are by 1, 2 and 3.
    pub fn new(params: &Parameters, parties: Option<u32>, seed: u8) -> Self {
        let mut xof = Seed::from_bytes([seed; 32]).expand();
        let ring = params.ring();
        let mut elements: Vec<_> = (1..4).map(|r| ring.rotation(r)).collect();
        elements.extend(GaloisElement::conjugation(ring.kind(), ring.log_n()).ok());
        let (sk, pk, mut keys) = match parties {
            None => {
                let sk = SecretKey::sample(params, &mut xof);
                let pk = PublicKey::generate(params, &sk, &mut xof);
                let keys = EvaluationKeys::generate(params, &sk, &[], &mut xof);
                (sk, pk, keys)
            }
            Some(parties) => {
                let sk = ternary_sum(params, parties, &mut xof);
                let relinearisation = Some(two_rounds(params, &sk, parties, &mut xof));
                let a = sample::uniform(ring, Basis::q(params.max_level() + 1), &mut xof);
                let b = minus_product(params, error_sum(params, parties, &mut xof), &a, sk.poly());
                let b = b.restrict(a.basis());
                let keys = EvaluationKeys {
                    relinearisation,
                    ..Default::default()
                };
                (sk, PublicKey::from_parts(b, a), keys)
            }
        };
        for element in elements {
            keys.insert(match parties {
                None => GaloisKey::generate(params, &sk, element, &mut xof),
                Some(parties) => collective_galois(params, &sk, element, parties, &mut xof),
            });
        }
        Self {
            encoder: Encoder::new(params),
            evaluator: Evaluator::new(params, keys),
            params: params.clone(),
            sk,
            pk,
            parties,
            xof,
        }
    }

    /// One value per slot, uniform on [−1, 1).
    pub fn values(&mut self) -> Vec<f64> {
        let mut words = vec![0; self.params.slots()];
        self.xof.fill_words(&mut words);
        words
            .iter()
            .map(|&w| w as i64 as f64 * 2f64.powi(-63))
            .collect()
    }
}

fn ternary_sum(params: &Parameters, parties: u32, xof: &mut Xof) -> SecretKey {
    let ring = params.ring();
    let mut sum: Poly = ring.zero(params.key_basis());
    for _ in 0..parties {
        ring.add_assign(&mut sum, SecretKey::sample(params, xof).poly());
    }
    SecretKey::from_poly(SecretPoly::new(sum))
}

pub fn error_sum(params: &Parameters, parties: u32, xof: &mut Xof) -> Poly {
    let ring = params.ring();
    let mut sum: Poly = ring.zero(params.key_basis());
    for _ in 0..parties {
        ring.add_assign(&mut sum, &sample_error(params, params.key_basis(), xof));
    }
    sum
}

/// x − a·s over the primes of `a`.
fn minus_product(params: &Parameters, x: Poly, a: &Poly, s: &Poly) -> Poly {
    let ring = params.ring();
    let mut out = x.restrict(a.basis());
    ring.sub_assign(&mut out, &ring.mul(a, s));
    out
}

fn collective_galois(
    params: &Parameters,
    sk: &SecretKey,
    element: GaloisElement,
    parties: u32,
    xof: &mut Xof,
) -> GaloisKey {
    let ring = params.ring();
    let a = expand_gadget(
        params,
        params.max_level(),
        &Seed::derive("test gadget", [element.value().to_le_bytes().as_slice()]),
    );
    let inverse = element.inverse(ring.kind(), ring.log_n());
    let target = ring.automorphism(inverse, sk.poly());
    let b = a
        .iter()
        .enumerate()
        .map(|(digit, a)| {
            let mut b = minus_product(params, error_sum(params, parties, xof), a, &target);
            add_gadget_multiple(params, digit, sk.poly(), &mut b);
            b
        })
        .collect();
    GaloisKey {
        element,
        key: SwitchingKey::from_parts(params, b, a),
    }
}

/// The two-round relinearisation key, all parties' sums at once.
fn two_rounds(
    params: &Parameters,
    sk: &SecretKey,
    parties: u32,
    xof: &mut Xof,
) -> RelinearisationKey {
    let ring = params.ring();
    let s = sk.poly();
    let u = ternary_sum(params, parties, xof);
    let mut u_minus_s = u.poly().clone();
    ring.sub_assign(&mut u_minus_s, s);
    let a = expand_gadget(params, params.max_level(), &Seed::from_bytes([9; 32]));
    let (mut b, mut h1s) = (vec![], vec![]);
    for (digit, a) in a.iter().enumerate() {
        let mut h0 = minus_product(params, error_sum(params, parties, xof), a, u.poly());
        add_gadget_multiple(params, digit, s, &mut h0);
        let mut h1 = error_sum(params, parties, xof);
        ring.mul_add_assign(&mut h1, a, s);
        let mut sum = error_sum(params, parties, xof);
        ring.mul_add_assign(&mut sum, &h0, s);
        ring.mul_add_assign(&mut sum, &h1, &u_minus_s);
        b.push(sum);
        h1s.push(h1);
    }
    RelinearisationKey(SwitchingKey::from_parts(params, b, h1s))
}
