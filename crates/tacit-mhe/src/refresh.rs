//! Refresh: interactive bootstrapping, optionally fused with an exact linear map.
//!
//! Each party masks its part of the decryption and un-masks it in a fresh encryption:
//!
//! - down, at the input level: c_1·s_i − M_i + e_i;
//! - up, at the output level: −a·s_i + L(M_i) + e'_i, with a from the common random string, fresh
//!   for every instance;
//! - result: (L(lift(c_0 + Σ down)) + Σ up, a).
//!
//! The masks M_i are uniform on [−2^b, 2^b) with b = λ_s + log2(message bound) + log2(coefficients
//! × refreshes of the plan), so that everything revealed is statistically independent of the message. The message bound counts noise and
//! garbage slots. The sum of message and masks must not wrap: log2 Q_in ≥ b + log2(parties) + 2.
//!
//! L is an integer multiple or a sum of plaintext-weighted automorphisms, applied *exactly* modulo the output
//! primes to masks and to the lifted polynomial alike; a floating-point transform of the masks
//! would be wrong.
//!
//! **What a refresh does not hide.** The result decrypts to the message with the noise of the input and Σ e_i. Where that is
//! later *released*, flooding covers the noise that came after the refresh only. What is then known is c_0 + c_1·s + Σ e_i,
//! and if the message is known in places (padding, copies), c_0 + c_1·s there too: after a rescale that is r_1·s over the integers with
//! a known r_1, hidden by Σ e_i alone. The last refresh before a release therefore takes *wider errors* ([`Refresh::with_wide_errors`]):
//! e_i = 2^k·g + u with g as always and u uniform on [−2^k, 2^k). With one honest party and C coefficients revealed, what is learnt about its s_i
//! is at most C/2·log2(1 + |r_1·s_i|²/σ²) bits, |r_1·s_i|² = N/18 a coefficient, σ = 3.2·2^k ([`wide_error_bits`]).

use crate::context::Binding;
use crate::share::share;
use crate::{Instance, InstanceId, MheError, PartySecret, Protocol, Share, ShareInput};
use std::sync::Arc;
use tacit_ckks::{Ciphertext, Parameters, Plaintext, sample_error};
use tacit_ring::convert::BaseExtension;
use tacit_ring::ntt::NttTable;
use tacit_ring::{Basis, GaloisElement, Ntt, RnsPoly, SecretPoly, Transcript, sample};

/// Width of the masks, with what it was computed from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MaskBits {
    bits: u32,
    lambda_s: u32,
    log2_message: f64,
}

impl MaskBits {
    /// b = λ_s + log2(bound on the scaled message's coefficients) + log2(coefficients × refreshes),
    /// rounded up.
    pub fn hiding(log2_message: f64, lambda_s: u32, coefficients: usize, refreshes: u64) -> Self {
        let union = (coefficients as f64).log2() + (refreshes.max(1) as f64).log2();
        let bits = (lambda_s as f64 + log2_message.max(0.0) + union).ceil() as u32;
        Self {
            bits,
            lambda_s,
            log2_message,
        }
    }

    /// b.
    pub fn bits(self) -> u32 {
        self.bits
    }

    /// Modulus bits needed at the input level for a number of parties.
    pub fn modulus_bits(self, parties: usize) -> f64 {
        self.bits as f64 + (parties as f64).log2() + 2.0
    }
}

/// An exact ℤ-linear map on polynomials: x ↦ Σ p_k·φ_k(x), with p_k over the output primes.
#[derive(Debug, Clone)]
pub enum ExactMap {
    /// x ↦ 2^bits·x: raises the scale without adding noise.
    Multiple {
        /// log2 of the factor.
        bits: u32,
    },
    /// x ↦ factor·x, declared as a multiplication of the scale: brings it exactly to where it should be.
    Scaled {
        /// The integer that is multiplied by, not 0.
        factor: u64,
        /// What the scale is multiplied by: the factor, before it was rounded.
        scale: f64,
    },
    /// A slot-linear map by diagonals, as encoded plaintexts at the output level, all at one scale.
    Diagonals(Vec<(GaloisElement, Plaintext)>),
    /// The same, for maps that serve many refreshes: held once, hashed once.
    Shared(SharedMap),
}

/// Diagonals with their digest, which stands for them in the instances they serve.
///
/// An instance binds the digest in place of the plaintexts: two maps with one digest would be a collision of the hash,
/// as two instances with one id are.
#[derive(Debug, Clone)]
pub struct SharedMap(Arc<Digested>);

#[derive(Debug)]
struct Digested {
    terms: Vec<(GaloisElement, Plaintext)>,
    digest: [u8; 32],
}

impl SharedMap {
    /// Diagonals as in [`ExactMap::Diagonals`].
    pub fn new(terms: Vec<(GaloisElement, Plaintext)>) -> Self {
        let mut transcript = Transcript::new("mhe refresh map");
        transcript.append_u64(terms.len() as u64);
        for (g, p) in &terms {
            let basis = p.poly().basis();
            transcript
                .append_u64(g.value())
                .append_u64(p.scale().to_bits())
                .append_u64(basis.q as u64)
                .append_u64(basis.p as u64)
                .append_words(p.poly().words());
        }
        let digest = transcript.digest();
        Self(Arc::new(Digested { terms, digest }))
    }

    /// What stands for the map.
    pub fn digest(&self) -> &[u8; 32] {
        &self.0.digest
    }
}

impl ExactMap {
    /// The identity.
    pub const IDENTITY: ExactMap = ExactMap::Multiple { bits: 0 };

    fn apply(&self, params: &Parameters, x: RnsPoly<Ntt>) -> RnsPoly<Ntt> {
        let ring = params.ring();
        match self {
            ExactMap::Multiple { bits: 0 } => x,
            ExactMap::Multiple { bits } => {
                let mut x = x;
                ring.mul_scalar_assign(&mut x, |m| m.pow(2, *bits as u64));
                x
            }
            ExactMap::Scaled { factor, .. } => {
                let mut x = x;
                ring.mul_scalar_assign(&mut x, |m| factor % m.value());
                x
            }
            ExactMap::Diagonals(_) | ExactMap::Shared(_) => {
                let mut terms = self.terms().iter();
                let Some((element, weight)) = terms.next() else {
                    return ring.zero(x.basis());
                };
                // Of a party's masks, these would give away what it adds to the decryption.
                let x = SecretPoly::new(x);
                let mut out = match element.is_identity() {
                    true => ring.mul(&x, weight.poly()),
                    false => {
                        let permuted = SecretPoly::new(ring.automorphism(*element, &x));
                        ring.mul(&permuted, weight.poly())
                    }
                };
                for (element, weight) in terms {
                    let permuted = SecretPoly::new(ring.automorphism(*element, &x));
                    ring.mul_add_assign(&mut out, &permuted, weight.poly());
                }
                out
            }
        }
    }

    fn terms(&self) -> &[(GaloisElement, Plaintext)] {
        match self {
            ExactMap::Multiple { .. } | ExactMap::Scaled { .. } => &[],
            ExactMap::Diagonals(terms) => terms,
            ExactMap::Shared(map) => &map.0.terms,
        }
    }

    fn scale(&self) -> f64 {
        match self {
            ExactMap::Multiple { bits } => (*bits as f64).exp2(),
            ExactMap::Scaled { scale, .. } => *scale,
            _ => self.terms().first().map_or(1.0, |(_, p)| p.scale()),
        }
    }

    /// Refuses what gives no ciphertext of the output level with a scale of its own.
    fn check(&self, output_level: usize) -> Result<(), MheError> {
        let scale = self.scale();
        let unfit = |(_, p): &(_, Plaintext)| p.level() < output_level || p.scale() != scale;
        let why = match self {
            ExactMap::Scaled { factor, .. } if *factor == 0 || !(scale > 0.0 && scale < 1e300) => {
                "refresh: a factor must not be 0, and its scale a positive number"
            }
            ExactMap::Diagonals(_) | ExactMap::Shared(_) if self.terms().is_empty() => {
                "refresh: a map needs a diagonal"
            }
            _ if self.terms().iter().any(unfit) => {
                "refresh: diagonals must share one scale and reach the output level"
            }
            _ => return Ok(()),
        };
        Err(tacit_ckks::CkksError::Unsupported(why).into())
    }

    /// Injective: the kinds differ in the number of fields or in the length of the first one.
    fn bind(&self, binding: Binding) -> Binding {
        match self {
            ExactMap::Multiple { bits } => binding.number(*bits as u64),
            ExactMap::Scaled { factor, scale } => binding
                .bytes(b"scaled")
                .number(*factor)
                .number(scale.to_bits()),
            ExactMap::Diagonals(terms) => {
                terms
                    .iter()
                    .fold(binding.number(terms.len() as u64), |binding, (g, p)| {
                        binding
                            .number(g.value())
                            .number(p.scale().to_bits())
                            .poly(p.poly())
                    })
            }
            ExactMap::Shared(map) => binding.bytes(b"shared map").bytes(map.digest()),
        }
    }
}

/// k, for released numbers whose error is to stay near 2^−`precision_bits`: as wide as that allows.
pub fn wide_error_bits(
    params: &Parameters,
    scale: f64,
    parties: usize,
    precision_bits: u32,
) -> u32 {
    let slots = params.ring().n() as f64;
    let log2_sigma =
        scale.log2() - f64::from(precision_bits) - 0.5 * (slots * parties as f64).log2();
    (log2_sigma - 3.2f64.log2()).floor().max(0.0) as u32
}

/// Refreshes one ciphertext.
pub struct Refresh {
    params: Parameters,
    instance: Instance,
    id: InstanceId,
    input: ShareInput,
    /// For whoever finishes.
    c0: Option<RnsPoly<Ntt>>,
    output_level: usize,
    mask: MaskBits,
    map: ExactMap,
    /// k: errors are 2^k times as wide as elsewhere.
    wide: u32,
    a: RnsPoly<Ntt>,
}

impl Refresh {
    /// Checks that the masks hide the message and fit the input modulus.
    pub fn new(
        params: &Parameters,
        instance: &Instance,
        ciphertext: Ciphertext,
        output_level: usize,
        mask: MaskBits,
        map: ExactMap,
    ) -> Result<Self, MheError> {
        let input = ShareInput::of(&ciphertext)?;
        let mut refresh = Self::from_input(params, instance, input, output_level, mask, map)?;
        refresh.c0 = ciphertext.into_polys().into_iter().next();
        Ok(refresh)
    }

    /// The same instance, for parties that give shares and do not finish.
    pub fn from_input(
        params: &Parameters,
        instance: &Instance,
        input: ShareInput,
        output_level: usize,
        mask: MaskBits,
        map: ExactMap,
    ) -> Result<Self, MheError> {
        if output_level > params.max_level() {
            let (operation, needed, found) = ("refresh", output_level, params.max_level());
            return Err(tacit_ckks::CkksError::Level {
                operation,
                needed,
                found,
            }
            .into());
        }
        map.check(output_level)?;
        let level = input.level();
        let have = params.log2_q(level);
        let need = mask.modulus_bits(instance.parties());
        if have < need {
            let (message, lambda) = (mask.log2_message, mask.lambda_s);
            return Err(MheError::MaskTooNarrow {
                level,
                have,
                need,
                message,
                lambda,
            });
        }
        let (id, a) = named(params, instance, &input, output_level, mask, &map, 0);
        Ok(Self {
            params: params.clone(),
            instance: instance.clone(),
            id,
            input,
            c0: None,
            output_level,
            mask,
            map,
            wide: 0,
            a,
        })
    }

    /// The same with errors 2^`bits` times as wide, for the last refresh before a release: another instance unless `bits` is 0.
    pub fn with_wide_errors(mut self, bits: u32) -> Self {
        if bits != self.wide {
            let (params, instance, map) = (&self.params, &self.instance, &self.map);
            let (level, mask) = (self.output_level, self.mask);
            (self.id, self.a) = named(params, instance, &self.input, level, mask, map, bits);
            self.wide = bits;
        }
        self
    }

    /// What everybody knows of the result before it exists: (0, a), at its scale. A linear function of results has the
    /// same c_1 as that function of these.
    pub fn without_c0(&self) -> Ciphertext {
        let zero = self.params.ring().zero(self.a.basis());
        Ciphertext::from_parts(vec![zero, self.a.clone()], self.output_scale())
    }

    fn output_scale(&self) -> f64 {
        self.input.scale * self.map.scale()
    }

    /// The centred representative modulo the input primes, modulo the output primes.
    fn lift(&self, x: RnsPoly<Ntt>) -> RnsPoly<Ntt> {
        let ring = self.params.ring();
        let input = x.basis();
        let output = Basis::q(self.output_level + 1);
        let mut out = ring.zero(output);
        let shared = input.q.min(output.q);
        for j in 0..shared {
            out.row_mut(j).copy_from_slice(x.row(j));
        }
        if output.q > shared {
            let tables: Vec<&NttTable> = ring.tables(output).collect();
            let (source, targets) = tables.split_at(shared);
            let extension = BaseExtension::new(source, targets);
            let digits = extension.digits(ring.kernels(), source, x.rows());
            for (j, table) in targets.iter().enumerate() {
                let row = out.row_mut(shared + j);
                extension.extend(ring.kernels(), j, &digits, row);
                table.forward(ring.kernels(), row);
            }
        }
        out
    }
}

/// The name of an instance, bound to everything public, and the common random polynomial that it draws.
fn named(
    params: &Parameters,
    instance: &Instance,
    input: &ShareInput,
    output_level: usize,
    mask: MaskBits,
    map: &ExactMap,
    wide: u32,
) -> (InstanceId, RnsPoly<Ntt>) {
    let binding = instance
        .bind(Refresh::NAME, params)
        .number(output_level as u64)
        .number(mask.bits as u64)
        .share_input(input);
    let binding = match wide {
        0 => binding,
        wide => binding.bytes(b"wide errors").number(u64::from(wide)),
    };
    let id = map.bind(binding).id();
    let mut xof = instance.crs_seed(&id).expand();
    let a = sample::uniform(params.ring(), Basis::q(output_level + 1), &mut xof);
    (id, a)
}

impl Protocol for Refresh {
    type Output = Ciphertext;
    const TAG: u8 = 7;
    const NAME: &'static str = "refresh";

    fn params(&self) -> &Parameters {
        &self.params
    }

    fn id(&self) -> InstanceId {
        self.id
    }

    fn layout(&self) -> Vec<Basis> {
        vec![self.input.c1.basis(), self.a.basis()]
    }

    fn share(&self, secret: &PartySecret) -> Result<Share<Self>, MheError> {
        let (params, ring) = (&self.params, self.params.ring());
        let c1 = &self.input.c1;
        secret.ledger().admit(Self::NAME, c1, self.id)?;
        let mut xof = secret.randomness("mhe mask", &self.id);
        let mask = sample::wide_uniform(ring.n(), self.mask.bits, &mut xof);
        let mut xof = secret.randomness("mhe error", &self.id);

        let mut down = sample_error(params, c1.basis(), &mut xof);
        if self.wide > 0 {
            let mut xof = secret.randomness("mhe wide error", &self.id);
            let fine = sample::wide_uniform(ring.n(), self.wide, &mut xof);
            ring.mul_scalar_assign(&mut down, |m| m.pow(2, u64::from(self.wide)));
            let fine = SecretPoly::new(ring.forward(ring.lift_wide(&fine, c1.basis())));
            ring.add_assign(&mut down, &fine);
        }
        ring.mul_add_assign(&mut down, c1, secret.key().poly());
        let lowered = SecretPoly::new(ring.forward(ring.lift_wide(&mask, c1.basis())));
        ring.sub_assign(&mut down, &lowered);

        let raised = ring.forward(ring.lift_wide(&mask, self.a.basis()));
        let mut up = self.map.apply(params, raised);
        let lwe = secret.lwe(params, &self.a, &mut xof);
        ring.add_assign(&mut up, &lwe);

        secret.mask(params, &self.instance, &self.id, 0, &mut down)?;
        secret.mask(params, &self.instance, &self.id, 1, &mut up)?;
        Ok(share(self.id, vec![down, up]))
    }

    fn finish(&self, sum: &Share<Self>) -> Result<Ciphertext, MheError> {
        self.check(sum)?;
        let ring = self.params.ring();
        let protocol = Self::NAME;
        let only_shares = MheError::OnlyShares { protocol };
        let mut masked = self.c0.clone().ok_or(only_shares)?;
        ring.add_assign(&mut masked, &sum.polys[0]);
        let mut c0 = self.map.apply(&self.params, self.lift(masked));
        ring.add_assign(&mut c0, &sum.polys[1]);
        let c = vec![c0, self.a.clone()];
        Ok(Ciphertext::from_parts(c, self.output_scale()))
    }
}
