//! Collective public key: h_i = e_i − a·s_i, pk = (Σ h_i, a).

use crate::share::share;
use crate::{Instance, InstanceId, MheError, PartySecret, Protocol, Share};
use tacit_ckks::{Parameters, PublicKey};
use tacit_ring::{Basis, Ntt, RnsPoly, sample};

/// Makes the public key of the sum of all secrets, over all ciphertext primes or over all primes.
pub struct CollectivePublicKey {
    params: Parameters,
    instance: Instance,
    id: InstanceId,
    a: RnsPoly<Ntt>,
}

impl CollectivePublicKey {
    /// The instance's `a` comes from the common random string.
    pub fn new(params: &Parameters, instance: &Instance) -> Self {
        let id = instance.bind(Self::NAME, params).id();
        Self::over(params, instance, id, Basis::q(params.max_level() + 1))
    }

    /// Over the special primes too: such a key can also encrypt keys, as somebody outside does who wants to ask in
    /// ciphertexts under a key of its own.
    pub fn extended(params: &Parameters, instance: &Instance) -> Self {
        let id = instance.bind(Self::NAME, params).bytes(b"extended").id();
        Self::over(params, instance, id, params.key_basis())
    }

    fn over(params: &Parameters, instance: &Instance, id: InstanceId, basis: Basis) -> Self {
        let mut xof = instance.crs_seed(&id).expand();
        let a = sample::uniform(params.ring(), basis, &mut xof);
        Self {
            params: params.clone(),
            instance: instance.clone(),
            id,
            a,
        }
    }
}

impl Protocol for CollectivePublicKey {
    type Output = PublicKey;
    const TAG: u8 = 1;
    const NAME: &'static str = "collective public key";

    fn params(&self) -> &Parameters {
        &self.params
    }

    fn id(&self) -> InstanceId {
        self.id
    }

    fn layout(&self) -> Vec<Basis> {
        vec![self.a.basis()]
    }

    fn share(&self, secret: &PartySecret) -> Result<Share<Self>, MheError> {
        let mut xof = secret.randomness("mhe error", &self.id);
        let mut h = secret.lwe(&self.params, &self.a, &mut xof);
        secret.mask(&self.params, &self.instance, &self.id, 0, &mut h)?;
        Ok(share(self.id, vec![h]))
    }

    fn finish(&self, sum: &Share<Self>) -> Result<PublicKey, MheError> {
        self.check(sum)?;
        Ok(PublicKey::from_parts(sum.polys[0].clone(), self.a.clone()))
    }
}
