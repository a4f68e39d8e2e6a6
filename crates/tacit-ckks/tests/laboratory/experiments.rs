//! Measures the noise of every operation exactly.
//!
//! A [`Specimen`] is a ciphertext with its exact message polynomial and both estimates. The error is an
//! integer polynomial modulo the primes, read without any floating-point transform.

use crate::laboratory::{Laboratory, Poly, error_sum};
use tacit_ckks::noise::*;
use tacit_ckks::*;
use tacit_ring::{Basis, GaloisElement, sample};

/// Width of the flooding in the experiments of releases.
const FLOODING: SmudgingBits = SmudgingBits::new(50);

/// One operation, once.
pub struct Measurement {
    pub name: &'static str,
    pub heuristic: HeuristicNoise,
    pub proven: ProvenNoise,
    /// The error of every coefficient.
    pub errors: Vec<f64>,
}

impl Measurement {
    pub fn mean_square(&self) -> f64 {
        self.errors.iter().map(|e| e * e).sum::<f64>() / self.errors.len() as f64
    }

    pub fn log2_largest(&self) -> f64 {
        (self.errors.iter().fold(0.0f64, |acc, e| acc.max(e.abs()))).log2()
    }

    pub fn log2_sum(&self) -> f64 {
        self.errors.iter().map(|e| e.abs()).sum::<f64>().log2()
    }
}

/// A ciphertext with everything known about it.
#[derive(Clone)]
struct Specimen {
    ct: Ciphertext,
    /// The message polynomial, as encoded.
    exact: Poly,
    heuristic: Tracked<HeuristicNoise>,
    proven: Tracked<ProvenNoise>,
}

/// Applies the same expression to both estimates.
macro_rules! both {
    ($specimen:expr, |$x:ident| $body:expr) => {
        (
            {
                let $x = &$specimen.heuristic;
                $body
            },
            {
                let $x = &$specimen.proven;
                $body
            },
        )
    };
    ($a:expr, $b:expr, |$x:ident, $y:ident| $body:expr) => {
        (
            {
                let ($x, $y) = (&$a.heuristic, &$b.heuristic);
                $body
            },
            {
                let ($x, $y) = (&$a.proven, &$b.proven);
                $body
            },
        )
    };
}

type Estimates = (Tracked<HeuristicNoise>, Tracked<ProvenNoise>);

/// A laboratory at work.
pub struct Experiments {
    pub lab: Laboratory,
    pub model: NoiseModel,
    querier_key: SecretKey,
    querier: PublicKey,
}

impl Experiments {
    pub fn new(params: &Parameters, parties: Option<u32>, seed: u8) -> Self {
        let mut lab = Laboratory::new(params, parties, seed);
        let querier_key = SecretKey::sample(params, &mut lab.xof);
        Self {
            model: match lab.parties {
                None => NoiseModel::single_owner(params),
                Some(parties) => NoiseModel::collective(params, parties),
            },
            querier: PublicKey::generate(params, &querier_key, &mut lab.xof),
            querier_key,
            lab,
        }
    }

    fn message(&self, values: &[f64]) -> Message {
        Message::of(values, self.lab.params.slots())
    }

    fn fresh(&mut self) -> Specimen {
        let values = self.lab.values();
        let (level, scale) = (self.lab.params.max_level(), self.lab.params.scale());
        let plain = self.lab.encoder.encode(&values, level, scale).unwrap();
        let message = self.message(&values);
        Specimen {
            ct: encrypt(&self.lab.params, &self.lab.pk, &plain, &mut self.lab.xof),
            exact: plain.poly().clone(),
            heuristic: Tracked::encrypt(&self.model, message, level, scale),
            proven: Tracked::encrypt(&self.model, message, level, scale),
        }
    }

    /// A plaintext over all primes, as a specimen without ciphertext noise.
    fn plain(&mut self) -> (Plaintext, Estimates) {
        let values = self.lab.values();
        let (level, scale) = (self.lab.params.max_level(), self.lab.params.scale());
        let basis = self.lab.params.key_basis();
        let plain = self.lab.encoder.encode_over(&values, basis, scale).unwrap();
        let message = self.message(&values);
        let estimates = (
            Tracked::encoded(&self.model, message, level, scale),
            Tracked::encoded(&self.model, message, level, scale),
        );
        (plain, estimates)
    }

    fn measure(
        &self,
        name: &'static str,
        ct: &Ciphertext,
        exact: &Poly,
        divided: &[usize],
        (heuristic, proven): Estimates,
    ) -> Measurement {
        assert_eq!(heuristic.level(), ct.level(), "{name}");
        assert!(
            (heuristic.scale() / ct.scale() - 1.0).abs() < 1e-12,
            "{name}"
        );
        let found = decrypt(&self.lab.params, &self.lab.sk, ct);
        Measurement {
            name,
            heuristic: *heuristic.noise(),
            proven: *proven.noise(),
            errors: self.errors(found.poly(), exact, divided),
        }
    }

    /// found − exact/(divided primes), coefficient by coefficient.
    fn errors(&self, found: &Poly, exact: &Poly, divided: &[usize]) -> Vec<f64> {
        let ring = self.lab.params.ring();
        let mut difference = found.restrict(Basis::q(found.basis().q));
        for &index in divided {
            let q = ring.q(index).value();
            ring.mul_scalar_assign(&mut difference, |m| q % m.value());
        }
        ring.sub_assign(&mut difference, exact);
        let factor: f64 = divided.iter().map(|&i| ring.q(i).value() as f64).product();
        let errors = self.centred(&difference);
        errors.into_iter().map(|e| e as f64 / factor).collect()
    }

    /// The integers a polynomial stands for, from its first two primes.
    fn centred(&self, poly: &Poly) -> Vec<i128> {
        let ring = self.lab.params.ring();
        let poly = ring.inverse(poly.restrict(Basis::q(2)));
        let (m0, m1) = (ring.q(0), ring.q(1));
        let inverse = m1.inv(m0.value() % m1.value());
        let product = m0.value() as i128 * m1.value() as i128;
        let join = |(&r0, &r1): (&u64, &u64)| {
            let digit = m1.mul(m1.sub(r1, r0 % m1.value()), inverse);
            let x = r0 as i128 + m0.value() as i128 * digit as i128;
            if x > product / 2 { x - product } else { x }
        };
        poly.row(0).iter().zip(poly.row(1)).map(join).collect()
    }

    /// Every operation once, on fresh messages.
    pub fn run(&mut self) -> Vec<Measurement> {
        let mut out = vec![self.encoding()];
        out.extend(self.encryption());
        out.extend(self.linear());
        out.extend(self.products());
        out.extend(self.rotations());
        out.extend(self.protocols());
        out.extend(self.alone());
        out
    }

    /// What an operation adds to a ciphertext of zero that has no noise at all.
    fn alone(&mut self) -> Vec<Measurement> {
        let (params, top) = (self.lab.params.clone(), self.lab.params.max_level());
        let (ring, scale) = (params.ring(), params.scale());
        let basis = Basis::q(top + 1);
        let s = self.lab.sk.poly();
        let exact: Poly = ring.zero(basis);
        // (−c_1·s − c_2·s², c_1, c_2) with uniform c_1 and c_2.
        let mut c: Vec<Poly> = (0..3)
            .map(|_| sample::uniform(ring, basis, &mut self.lab.xof))
            .collect();
        let mut inner = ring.mul(&c[2], s);
        ring.add_assign(&mut inner, &c[1]);
        c[0] = ring.mul(&inner, s);
        ring.neg_assign(&mut c[0]);
        let product = Ciphertext::from_parts(c.clone(), scale * scale);
        c.pop();
        c[0] = ring.mul(&c[1], s);
        ring.neg_assign(&mut c[0]);
        let ct = Ciphertext::from_parts(c, scale);
        let (h, p) = (
            Tracked::zero(&self.model, top, scale),
            Tracked::zero(&self.model, top, scale),
        );
        let (h3, p3) = (h.mul(&h).unwrap(), p.mul(&p).unwrap());

        let e = &self.lab.evaluator;
        let relinearised = e.relinearise(&product).unwrap();
        let merged = e.relinearise_rescale(&product).unwrap();
        let mut rescaled = product.clone();
        e.rescale_assign(&mut rescaled).unwrap();
        let rotated = e.rotate(&ct, 1).unwrap();
        let mut errors = error_sum(&params, self.model.parties(), &mut self.lab.xof);
        let down = error_sum(&params, self.model.parties(), &mut self.lab.xof);
        ring.add_assign(&mut errors, &down);
        let refreshed = (h.refresh(top), p.refresh(top));
        let narrow = SmudgingBits::new(1);
        let switched = (h.switch_to_public(narrow), p.switch_to_public(narrow));
        let estimates = (h.rotate(), p.rotate());
        vec![
            self.measure("alone: rotate", &rotated, &exact, &[], estimates),
            self.measure(
                "alone: relinearise",
                &relinearised,
                &exact,
                &[],
                (h3.relinearise().unwrap(), p3.relinearise().unwrap()),
            ),
            self.measure(
                "alone: … and rescale at once",
                &merged,
                &exact,
                &[top],
                (
                    h3.relinearise_rescale().unwrap(),
                    p3.relinearise_rescale().unwrap(),
                ),
            ),
            self.measure(
                "alone: rescale a product",
                &rescaled,
                &exact,
                &[top],
                (h3.rescale().unwrap(), p3.rescale().unwrap()),
            ),
            Measurement {
                name: "alone: refresh",
                heuristic: *refreshed.0.noise(),
                proven: *refreshed.1.noise(),
                errors: self.errors(&errors, &exact, &[]),
            },
            self.switched_alone(narrow, switched),
        ]
    }

    /// A switch to the querier's public key with little flooding.
    fn switched_alone(&mut self, flooding: SmudgingBits, (h, p): Estimates) -> Measurement {
        let params = self.lab.params.clone();
        let (ring, level) = (params.ring(), params.max_level());
        let mut sum = Ciphertext::zero(&params, level, params.scale());
        let mut flood: Poly = ring.zero(Basis::q(level + 1));
        for _ in 0..self.model.parties() {
            let xof = &mut self.lab.xof;
            let zero = encrypt_zero(&params, &self.querier, level, params.scale(), xof);
            self.lab.evaluator.add_assign(&mut sum, &zero).unwrap();
            let noise = sample::wide_uniform(ring.n(), flooding.bits(), xof);
            let noise = ring.forward(ring.lift_wide(&noise, flood.basis()));
            ring.add_assign(&mut flood, &noise);
        }
        let exact: Poly = ring.zero(flood.basis());
        ring.add_assign(&mut flood, decrypt(&params, &self.querier_key, &sum).poly());
        Measurement {
            name: "alone: switch to public (w = 1)",
            heuristic: *h.noise(),
            proven: *p.noise(),
            errors: self.errors(&flood, &exact, &[]),
        }
    }

    /// Encoding at a scale of 2^20 against 2^40.
    fn encoding(&mut self) -> Measurement {
        let values = self.lab.values();
        let level = self.lab.params.max_level();
        let [coarse, fine] = [20, 40].map(|bits| {
            self.lab
                .encoder
                .encode(&values, level, 2f64.powi(bits))
                .unwrap()
        });
        let mut difference = coarse.poly().clone();
        let ring = self.lab.params.ring();
        ring.mul_scalar_assign(&mut difference, |_| 1 << 20);
        ring.sub_assign(&mut difference, fine.poly());
        let errors = self.centred(&difference);
        let message = self.message(&values);
        let scale = coarse.scale();
        Measurement {
            name: "encode",
            heuristic: *Tracked::encoded(&self.model, message, level, scale).noise(),
            proven: *Tracked::encoded(&self.model, message, level, scale).noise(),
            errors: errors.iter().map(|&e| e as f64 / 2f64.powi(20)).collect(),
        }
    }

    fn encryption(&mut self) -> Vec<Measurement> {
        let a = self.fresh();
        let (plain, _) = self.plain();
        let (level, scale) = (self.lab.params.max_level(), self.lab.params.scale());
        let plain = Plaintext::from_parts(plain.poly().restrict(Basis::q(level + 1)), scale);
        let seeded = encrypt_seeded(
            &self.lab.params,
            &self.lab.sk,
            &plain,
            [7; 32],
            &mut self.lab.xof,
        );
        let message = Message::bounded(1.0);
        let estimates = (
            Tracked::encrypt_seeded(&self.model, message, level, scale),
            Tracked::encrypt_seeded(&self.model, message, level, scale),
        );
        vec![
            self.measure("encrypt", &a.ct, &a.exact, &[], both!(a, |x| x.clone())),
            self.measure(
                "encrypt, seeded",
                &seeded.expand(&self.lab.params),
                plain.poly(),
                &[],
                estimates,
            ),
        ]
    }

    fn linear(&mut self) -> Vec<Measurement> {
        let (a, b) = (self.fresh(), self.fresh());
        let (plain, (plain_h, plain_p)) = self.plain();
        let ring = self.lab.params.ring();
        let evaluator = &self.lab.evaluator;
        let top = self.lab.params.max_level();
        let mut out = vec![];

        let mut exact = a.exact.clone();
        ring.add_assign(&mut exact, &b.exact);
        let ct = evaluator.add(&a.ct, &b.ct).unwrap();
        let estimates = both!(a, b, |x, y| x.add(y).unwrap());
        out.push(self.measure("add", &ct, &exact, &[], estimates));

        let mut exact = a.exact.clone();
        ring.add_assign(&mut exact, plain.poly());
        let mut ct = a.ct.clone();
        evaluator.add_plain_assign(&mut ct, &plain).unwrap();
        let estimates = (
            a.heuristic.add(&plain_h).unwrap(),
            a.proven.add(&plain_p).unwrap(),
        );
        out.push(self.measure("add plaintext", &ct, &exact, &[], estimates));

        let exact = ring.mul(&a.exact, plain.poly());
        let mut ct = evaluator.mul_plain(&a.ct, &plain).unwrap();
        let (h, p) = (
            a.heuristic.mul_plain(&plain_h).unwrap(),
            a.proven.mul_plain(&plain_p).unwrap(),
        );
        let estimates = (h.clone(), p.clone());
        out.push(self.measure("multiply by plaintext", &ct, &exact, &[], estimates));
        evaluator.rescale_assign(&mut ct).unwrap();
        let estimates = (h.rescale().unwrap(), p.rescale().unwrap());
        out.push(self.measure("… and rescale", &ct, &exact, &[top], estimates));

        let mut ct = a.ct.clone();
        evaluator.rescale_assign(&mut ct).unwrap();
        let estimates = both!(a, |x| x.rescale().unwrap());
        out.push(self.measure("rescale", &ct, &a.exact, &[top], estimates));

        let scale = self.lab.params.scale();
        let mut exact = a.exact.clone();
        let integer = (0.7 * scale).round() as u64;
        ring.mul_scalar_assign(&mut exact, |m| integer % m.value());
        let mut ct = a.ct.clone();
        evaluator.mul_constant_assign(&mut ct, 0.7, scale).unwrap();
        let estimates = both!(a, |x| x.mul_constant(0.7, scale).unwrap());
        out.push(self.measure("multiply by constant", &ct, &exact, &[], estimates));
        out
    }

    fn products(&mut self) -> Vec<Measurement> {
        let (a, b) = (self.fresh(), self.fresh());
        let ring = self.lab.params.ring();
        let evaluator = &self.lab.evaluator;
        let top = self.lab.params.max_level();
        let exact = ring.mul(&a.exact, &b.exact);
        let ct = evaluator.mul(&a.ct, &b.ct).unwrap();
        let mut rescaled = ct.clone();
        evaluator.rescale_assign(&mut rescaled).unwrap();
        let (h, p) = both!(a, b, |x, y| x.mul(y).unwrap());
        let relinearised = evaluator.relinearise(&ct).unwrap();
        let merged = evaluator.relinearise_rescale(&ct).unwrap();
        vec![
            self.measure("multiply", &ct, &exact, &[], (h.clone(), p.clone())),
            self.measure(
                "multiply, rescale",
                &rescaled,
                &exact,
                &[top],
                (h.rescale().unwrap(), p.rescale().unwrap()),
            ),
            self.measure(
                "multiply, relinearise",
                &relinearised,
                &exact,
                &[],
                (h.relinearise().unwrap(), p.relinearise().unwrap()),
            ),
            self.measure(
                "… and rescale at once",
                &merged,
                &exact,
                &[top],
                (
                    h.relinearise_rescale().unwrap(),
                    p.relinearise_rescale().unwrap(),
                ),
            ),
        ]
    }

    fn rotations(&mut self) -> Vec<Measurement> {
        let a = self.fresh();
        let weights: Vec<_> = (0..4).map(|_| self.plain()).collect();
        let ring = self.lab.params.ring();
        let evaluator = &self.lab.evaluator;
        let top = self.lab.params.max_level();
        let mut out = vec![];

        let exact = ring.automorphism(ring.rotation(1), &a.exact);
        let rotated = both!(a, |x| x.rotate());
        let ct = evaluator.rotate(&a.ct, 1).unwrap();
        out.push(self.measure("rotate", &ct, &exact, &[], rotated.clone()));
        let hoisted = evaluator.hoist(&a.ct).unwrap();
        let ct = evaluator.rotate_hoisted(&a.ct, &hoisted, 1).unwrap();
        out.push(self.measure("rotate, hoisted", &ct, &exact, &[], rotated.clone()));
        if let Ok(g) = GaloisElement::conjugation(ring.kind(), ring.log_n()) {
            let exact = ring.automorphism(g, &a.exact);
            let ct = evaluator.conjugate(&a.ct).unwrap();
            out.push(self.measure("conjugate", &ct, &exact, &[], rotated));
        }
        // A key switching at a level whose last digit is not full, on little else.
        if self.lab.params.max_level() > 2 {
            let mut low = a.ct.clone();
            evaluator.drop_to_level(&mut low, 2).unwrap();
            let ct = evaluator.rotate(&low, 1).unwrap();
            let estimates = both!(a, |x| x.drop_to_level(2).unwrap().rotate());
            out.push(self.measure("rotate at level 2", &ct, &exact, &[], estimates));
        }

        let mut acc = None;
        let mut exact: Poly = ring.zero(Basis::q(top + 1));
        let mut estimates: Option<Estimates> = None;
        for (steps, (weight, (h, p))) in weights.iter().enumerate() {
            let steps = steps as i64;
            let rotated = evaluator.rotate_extended(&a.ct, &hoisted, steps).unwrap();
            evaluator
                .mul_plain_extended(&mut acc, &rotated, weight)
                .unwrap();
            let image = ring.automorphism(ring.rotation(steps), &a.exact);
            ring.mul_add_assign(&mut exact, &image, weight.poly());
            let (x, y) = match steps {
                0 => both!(a, |x| x.clone()),
                _ => both!(a, |x| x.rotate_extended()),
            };
            let term = (x.mul_plain(h).unwrap(), y.mul_plain(p).unwrap());
            estimates = Some(match estimates {
                None => term,
                Some((h, p)) => (h.add(&term.0).unwrap(), p.add(&term.1).unwrap()),
            });
        }
        let (h, p) = estimates.unwrap();
        let ct = evaluator.reduce_rescale(&acc.unwrap()).unwrap();
        let estimates = (h.rescale().unwrap(), p.rescale().unwrap());
        out.push(self.measure("linear map, rescale", &ct, &exact, &[top], estimates));
        out
    }

    /// The noise that the multiparty protocols add, without their masks.
    fn protocols(&mut self) -> Vec<Measurement> {
        let a = self.fresh();
        let (params, parties) = (self.lab.params.clone(), self.model.parties());
        let ring = params.ring();
        let basis = a.exact.basis();
        let mut out = vec![];

        let zero = encrypt_zero(
            &params,
            &self.lab.pk,
            a.ct.level(),
            a.ct.scale(),
            &mut self.lab.xof,
        );
        let ct = self.lab.evaluator.add(&a.ct, &zero).unwrap();
        let estimates = both!(a, |x| x.rerandomise(None));
        out.push(self.measure("re-randomise", &ct, &a.exact, &[], estimates));

        let message = decrypt(&params, &self.lab.sk, &a.ct).poly().clone();
        let mut refreshed = message.clone();
        for _ in 0..2 {
            ring.add_assign(
                &mut refreshed,
                &error_sum(&params, parties, &mut self.lab.xof),
            );
        }
        let (h, p) = both!(a, |x| x.refresh(x.level()));
        out.push(Measurement {
            name: "refresh",
            heuristic: *h.noise(),
            proven: *p.noise(),
            errors: self.errors(&refreshed, &a.exact, &[]),
        });

        let mut released = message;
        let mut target = encrypt_zero(
            &params,
            &self.querier,
            a.ct.level(),
            a.ct.scale(),
            &mut self.lab.xof,
        );
        for party in 0..parties {
            let noise = sample::wide_uniform(ring.n(), FLOODING.bits(), &mut self.lab.xof);
            ring.add_assign(&mut released, &ring.forward(ring.lift_wide(&noise, basis)));
            if party > 0 {
                let level = a.ct.level();
                let zero = encrypt_zero(
                    &params,
                    &self.querier,
                    level,
                    a.ct.scale(),
                    &mut self.lab.xof,
                );
                target = self.lab.evaluator.add(&target, &zero).unwrap();
            }
        }
        let (h, p) = both!(a, |x| x.release(FLOODING));
        out.push(Measurement {
            name: "release (w = 50)",
            heuristic: *h.noise(),
            proven: *p.noise(),
            errors: self.errors(&released, &a.exact, &[]),
        });
        let mut answer = decrypt(&params, &self.querier_key, &target).poly().clone();
        ring.add_assign(&mut answer, &released);
        let (h, p) = both!(a, |x| x.switch_to_public(FLOODING));
        out.push(Measurement {
            name: "switch to public (w = 50)",
            heuristic: *h.noise(),
            proven: *p.noise(),
            errors: self.errors(&answer, &a.exact, &[]),
        });
        out
    }
}
