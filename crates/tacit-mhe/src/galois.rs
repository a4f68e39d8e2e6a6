//! Collective Galois key for φ_g, switch-then-permute: per digit j,
//! h_i = −a_j·φ_{g⁻¹}(s_i) + P·w_j·s_i + e; the key is (Σ h_i, a_j).

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
    a: Vec<RnsPoly<Ntt>>,
}

impl CollectiveGaloisKey {
    /// The instance's a_j come from the common random string.
    pub fn new(params: &Parameters, instance: &Instance, element: GaloisElement) -> Self {
        let id = instance
            .bind(Self::NAME, params)
            .number(element.value())
            .id();
        let a = expand_gadget(params, &instance.crs_seed(&id));
        Self {
            params: params.clone(),
            instance: instance.clone(),
            id,
            element,
            a,
        }
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
        vec![self.params.key_basis(); self.params.digits()]
    }

    fn share(&self, secret: &PartySecret) -> Result<Share<Self>, MheError> {
        let (params, ring) = (&self.params, self.params.ring());
        let s = secret.key().poly();
        let inverse = self.element.inverse(ring.kind(), ring.log_n());
        let target = SecretPoly::new(ring.automorphism(inverse, s));
        let mut xof = secret.randomness("mhe error", &self.id);
        let mut polys = Vec::with_capacity(self.a.len());
        for (digit, a) in self.a.iter().enumerate() {
            let mut h = tacit_ckks::sample_error(params, params.key_basis(), &mut xof);
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
