//! Arithmetic on ciphertexts.
//!
//! Every operation checks levels and scales and says what to do when they do not fit. Binary operations on
//! ciphertexts of different levels work at the lower one.

mod accumulate;
mod combine;
mod hoist;
mod keyswitch;
mod multiply;
mod rotate;

pub(crate) use accumulate::ExtendedAccumulator;
pub use hoist::{ExtendedCiphertext, Hoisted};

use crate::{Ciphertext, CkksError, EvaluationKeys, Parameters, Plaintext};
use std::sync::Arc;
use tacit_ring::{Basis, Modulus, RnsPoly};

/// Relative difference below which two scales count as equal.
const SCALE_TOLERANCE: f64 = 1e-9;

/// Computes on ciphertexts with a set of public evaluation keys. Cheap to clone.
///
/// ```
/// use tacit_ckks::{decrypt, encrypt, EvaluationKeys, Encoder, Evaluator, Parameters, Preset, PublicKey, SecretKey};
/// use tacit_ring::{RingKind, Xof};
///
/// let params = Parameters::new(&Preset::N13.literal(RingKind::ConjugateInvariant))?;
/// let mut xof = Xof::from_os()?;
/// let sk = SecretKey::generate(&params)?;
/// let pk = PublicKey::generate(&params, &sk, &mut xof);
/// let evaluator = Evaluator::new(&params, EvaluationKeys::generate(&params, &sk, &[1], &mut xof));
/// let encoder = Encoder::new(&params);
///
/// let x = encoder.encode(&[1.5, 2.0], params.max_level(), params.scale())?;
/// let x = encrypt(&params, &pk, &x, &mut xof);
/// let y = evaluator.mul_rescale(&x, &evaluator.rotate(&x, 1)?)?;
/// let y = encoder.decode(&decrypt(&params, &sk, &y));
/// assert!((y[0] - 3.0).abs() < 1e-3);
/// # Ok::<(), tacit_ckks::CkksError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Evaluator {
    params: Parameters,
    keys: Arc<EvaluationKeys>,
}

impl Evaluator {
    /// An evaluator with the given keys (possibly none).
    pub fn new(params: &Parameters, keys: EvaluationKeys) -> Self {
        Self {
            params: params.clone(),
            keys: Arc::new(keys),
        }
    }

    /// An evaluator on keys that others use too.
    pub fn with_shared_keys(params: &Parameters, keys: Arc<EvaluationKeys>) -> Self {
        Self {
            params: params.clone(),
            keys,
        }
    }

    /// The parameters.
    pub fn params(&self) -> &Parameters {
        &self.params
    }

    /// The keys.
    pub fn keys(&self) -> &EvaluationKeys {
        &self.keys
    }

    /// a + b.
    pub fn add(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext, CkksError> {
        let (low, high) = if a.level() <= b.level() {
            (a, b)
        } else {
            (b, a)
        };
        let mut out = low.clone();
        self.add_assign(&mut out, high)?;
        Ok(out)
    }

    /// a += b; drops `a` to the level of `b` if that is lower.
    pub fn add_assign(&self, a: &mut Ciphertext, b: &Ciphertext) -> Result<(), CkksError> {
        same_scale("add", a.scale, b.scale)?;
        if b.level() < a.level() {
            self.drop_to_level(a, b.level())?;
        }
        let ring = self.params.ring();
        while a.c.len() < b.c.len() {
            a.c.push(ring.zero(a.c[0].basis()));
        }
        for (a, b) in a.c.iter_mut().zip(&b.c) {
            ring.add_assign(a, b);
        }
        Ok(())
    }

    /// a − b.
    pub fn sub(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext, CkksError> {
        let mut negated = b.clone();
        self.neg_assign(&mut negated);
        self.add(a, &negated)
    }

    /// a = −a.
    pub fn neg_assign(&self, a: &mut Ciphertext) {
        for poly in &mut a.c {
            self.params.ring().neg_assign(poly);
        }
    }

    /// a += m.
    pub fn add_plain_assign(&self, a: &mut Ciphertext, m: &Plaintext) -> Result<(), CkksError> {
        same_scale("add plaintext", a.scale, m.scale)?;
        if m.level() < a.level() {
            self.drop_to_level(a, m.level())?;
        }
        self.params.ring().add_assign(&mut a.c[0], &m.poly);
        Ok(())
    }

    /// a −= m.
    pub fn sub_plain_assign(&self, a: &mut Ciphertext, m: &Plaintext) -> Result<(), CkksError> {
        same_scale("subtract plaintext", a.scale, m.scale)?;
        if m.level() < a.level() {
            self.drop_to_level(a, m.level())?;
        }
        self.params.ring().sub_assign(&mut a.c[0], &m.poly);
        Ok(())
    }

    /// a += the same value in every slot.
    pub fn add_constant_assign(&self, a: &mut Ciphertext, value: f64) -> Result<(), CkksError> {
        let ring = self.params.ring();
        let basis = a.c[0].basis();
        let constant = value * a.scale;
        let modulus = ring.log2_modulus(basis);
        if constant.is_nan() || constant.abs() >= (modulus - 2.0).exp2() {
            return Err(CkksError::Value {
                slot: 0,
                value,
                scale: a.scale.log2(),
                modulus,
            });
        }
        for (row, m) in a.c[0].rows_mut().zip(ring.moduli(basis)) {
            let c = integer_residue(constant, m);
            for x in row {
                *x = m.add(*x, c);
            }
        }
        Ok(())
    }

    /// a·m. The scale becomes the product of both scales; usually [`Self::rescale_assign`] follows.
    pub fn mul_plain(&self, a: &Ciphertext, m: &Plaintext) -> Result<Ciphertext, CkksError> {
        let level = a.level().min(m.level());
        let scale = a.scale * m.scale;
        self.check_scale("multiply by plaintext", scale, level)?;
        let ring = self.params.ring();
        let basis = Basis::q(level + 1);
        let mut c: Vec<Poly> = a.c.iter().map(|_| ring.unspecified(basis)).collect();
        // Row by row, so that a row of the plaintext is fetched once.
        for j in 0..=level {
            for (out, a) in c.iter_mut().zip(&a.c) {
                (ring.kernels().mul)(out.row_mut(j), a.row(j), m.poly.row(j), ring.q(j));
            }
        }
        Ok(Ciphertext { c, scale })
    }

    /// a ·= m.
    pub fn mul_plain_assign(&self, a: &mut Ciphertext, m: &Plaintext) -> Result<(), CkksError> {
        let level = a.level().min(m.level());
        self.check_scale("multiply by plaintext", a.scale * m.scale, level)?;
        self.drop_to_level(a, level)?;
        for poly in &mut a.c {
            self.params.ring().mul_assign(poly, &m.poly);
        }
        a.scale *= m.scale;
        Ok(())
    }

    /// acc += a·m, with acc already at the product's scale and at a level not above either's.
    pub fn mul_plain_add_assign(
        &self,
        acc: &mut Ciphertext,
        a: &Ciphertext,
        m: &Plaintext,
    ) -> Result<(), CkksError> {
        same_scale("multiply-add plaintext", acc.scale, a.scale * m.scale)?;
        let found = a.level().min(m.level());
        if found < acc.level() {
            let (operation, needed) = ("multiply-add plaintext", acc.level());
            return Err(CkksError::Level {
                operation,
                needed,
                found,
            });
        }
        let ring = self.params.ring();
        while acc.c.len() < a.c.len() {
            acc.c.push(ring.zero(acc.c[0].basis()));
        }
        for (acc, a) in acc.c.iter_mut().zip(&a.c) {
            ring.mul_add_assign(acc, a, &m.poly);
        }
        Ok(())
    }

    /// a ·= a constant, encoded at `scale`, which multiplies the scale of `a`.
    pub fn mul_constant_assign(
        &self,
        a: &mut Ciphertext,
        value: f64,
        scale: f64,
    ) -> Result<(), CkksError> {
        self.check_scale("multiply by constant", a.scale * scale, a.level())?;
        let constant = value * scale;
        if !constant.is_finite() || constant.abs() >= 2f64.powi(120) {
            let modulus = self.params.log2_q(a.level());
            return Err(CkksError::Value {
                slot: 0,
                value,
                scale: scale.log2(),
                modulus,
            });
        }
        for poly in &mut a.c {
            self.params
                .ring()
                .mul_scalar_assign(poly, |m| integer_residue(constant, m));
        }
        a.scale *= scale;
        Ok(())
    }

    /// Divides by the last prime, with rounding: the scale shrinks by it, the level by one.
    pub fn rescale_assign(&self, a: &mut Ciphertext) -> Result<(), CkksError> {
        let level = a.level();
        if level == 0 {
            return Err(CkksError::Level {
                operation: "rescale",
                needed: 1,
                found: 0,
            });
        }
        let division = self.params.division(a.c[0].basis(), level);
        for poly in &mut a.c {
            *poly = division.apply(self.params.ring(), poly);
        }
        a.scale /= self.params.q_at(level);
        Ok(())
    }

    /// Forgets primes down to `level`; the scale stays.
    pub fn drop_to_level(&self, a: &mut Ciphertext, level: usize) -> Result<(), CkksError> {
        if level > a.level() {
            let (operation, found) = ("drop level", a.level());
            return Err(CkksError::Level {
                operation,
                needed: level,
                found,
            });
        }
        self.check_scale("drop level", a.scale, level)?;
        for poly in &mut a.c {
            poly.truncate(level + 1);
        }
        Ok(())
    }

    pub(crate) fn check_scale(
        &self,
        operation: &'static str,
        scale: f64,
        level: usize,
    ) -> Result<(), CkksError> {
        let modulus = self.params.log2_q(level);
        if scale.log2() + 1.0 < modulus {
            return Ok(());
        }
        Err(CkksError::ScaleOverflow {
            operation,
            scale: scale.log2(),
            modulus,
        })
    }

    fn linear(&self, ct: &Ciphertext, operation: &'static str) -> Result<(), CkksError> {
        match ct.c.len() {
            2 => Ok(()),
            found => Err(CkksError::Degree {
                operation,
                needed: 2,
                found,
            }),
        }
    }
}

/// round(x) mod q for |x| < 2^1000.
fn integer_residue(x: f64, m: &Modulus) -> u64 {
    let x = x.round();
    if x.abs() < 2f64.powi(62) {
        return m.reduce_i64(x as i64);
    }
    let exponent = x.abs().log2() as i32 - 60;
    let mantissa = (x * (-exponent as f64).exp2()) as i64;
    m.mul(m.reduce_i64(mantissa), m.pow(2, exponent as u64))
}

pub(crate) fn same_scale(operation: &'static str, left: f64, right: f64) -> Result<(), CkksError> {
    if (left / right - 1.0).abs() < SCALE_TOLERANCE {
        return Ok(());
    }
    Err(CkksError::Scale {
        operation,
        left: left.log2(),
        right: right.log2(),
    })
}

/// Shorthand for the polynomial type of ciphertexts.
pub(crate) type Poly = RnsPoly<tacit_ring::Ntt>;
