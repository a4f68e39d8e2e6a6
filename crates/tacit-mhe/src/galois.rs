//! Collective Galois key for φ_g, switch-then-permute: per digit j,
//! h_i = −a_j·φ_{g⁻¹}(s_i) + P·w_j·s_i + e; the key is (Σ h_i, a_j).
//!
//! A key that only rotates ciphertexts of level ℓ and below has the digits of that level, over q_0…q_ℓ and the
//! special primes. Its shares hide s_i no less than those of a key for all levels do. Drop the other rows and digits
//! of such a share, and what is left is distributed as this one: uniform a_j modulo Q·P are uniform modulo Q_ℓ·P, errors
//! are the same integers, P·w_j restricts to itself. So whoever learns something from these samples, fewer and at a
//! smaller modulus, learns it from those. The level is part of the instance, so shares for two levels have neither a_j
//! nor errors nor shares of zero in common.

use crate::share::share;
use crate::{Instance, InstanceId, MheError, PartySecret, Protocol, Share};
use tacit_ckks::{GaloisKey, Parameters, SwitchingKey, add_gadget_multiple, expand_gadget};
use tacit_ring::{Basis, GaloisElement, Ntt, RnsPoly, SecretPoly};

/// Makes the Galois key of the sum of all secrets for one automorphism.
pub struct CollectiveGaloisKey {
    params: Parameters,
    instance: Instance,
    id: InstanceId,
    element: GaloisElement,
    level: usize,
    a: Vec<RnsPoly<Ntt>>,
}

impl CollectiveGaloisKey {
    /// A key for all levels. The instance's a_j come from the common random string.
    pub fn new(params: &Parameters, instance: &Instance, element: GaloisElement) -> Self {
        Self::at_level(params, instance, element, params.max_level())
    }

    /// A key for levels up to `level`: another instance than that for all levels, unless it is the same.
    ///
    /// # Panics
    /// If the parameters have no such level.
    pub fn at_level(
        params: &Parameters,
        instance: &Instance,
        element: GaloisElement,
        level: usize,
    ) -> Self {
        let top = params.max_level();
        assert!(level <= top, "level {level} of {top}");
        let binding = instance.bind(Self::NAME, params).number(element.value());
        let id = match level == top {
            true => binding.id(),
            false => binding.number(level as u64).id(),
        };
        let a = expand_gadget(params, level, &instance.crs_seed(&id));
        Self {
            params: params.clone(),
            instance: instance.clone(),
            id,
            element,
            level,
            a,
        }
    }

    /// The highest level of ciphertexts that the key rotates.
    pub fn level(&self) -> usize {
        self.level
    }

    fn basis(&self) -> Basis {
        self.params.key_basis_at(self.level)
    }
}

impl Protocol for CollectiveGaloisKey {
    type Output = GaloisKey;
    const TAG: u8 = 2;
    const NAME: &'static str = "collective Galois key";

    fn params(&self) -> &Parameters {
        &self.params
    }

    fn id(&self) -> InstanceId {
        self.id
    }

    fn layout(&self) -> Vec<Basis> {
        vec![self.basis(); self.a.len()]
    }

    fn share(&self, secret: &PartySecret) -> Result<Share<Self>, MheError> {
        let (params, ring) = (&self.params, self.params.ring());
        let s = secret.key().poly();
        let inverse = self.element.inverse(ring.kind(), ring.log_n());
        let target = SecretPoly::new(ring.automorphism(inverse, s));
        let mut xof = secret.randomness("mhe error", &self.id);
        let mut polys = Vec::with_capacity(self.a.len());
        for (digit, a) in self.a.iter().enumerate() {
            let mut h = tacit_ckks::sample_error(params, self.basis(), &mut xof);
            let product = ring.mul(a, &target);
            ring.sub_assign(&mut h, &product);
            add_gadget_multiple(params, digit, s, &mut h);
            secret.mask(params, &self.instance, &self.id, digit, &mut h)?;
            polys.push(h);
        }
        Ok(share(self.id, polys))
    }

    fn finish(&self, sum: &Share<Self>) -> Result<GaloisKey, MheError> {
        self.check(sum)?;
        let key = SwitchingKey::from_parts(&self.params, sum.polys.clone(), self.a.clone());
        Ok(GaloisKey {
            element: self.element,
            key,
        })
    }
}
