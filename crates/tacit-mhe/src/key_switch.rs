//! Key switching: how anything leaves the collective key.
//!
//! - to a secret, shared among the same parties: h_i = c_1·(s_i − s'_i) + e_i. With s' = 0 the
//!   result is the message in the clear for everyone: the *release* of a plan.
//! - to a public key (p_0, p_1) of someone outside, the querier:
//!   (c_1·s_i + u_i·p_0 + e_{i,0}, u_i·p_1 + e_{i,1}); only the owner of that key can read the
//!   result.
//!
//! e_i and e_{i,0} are *flooding* noise, uniform on [−2^w, 2^w): they hide the noise of the ciphertext,
//! which depends on the secret (Li and Micciancio, EUROCRYPT 2021). w is a [`SmudgingBits`], computed from a proven bound of
//! that noise; each party's flooding suffices alone, as N − 1 parties may collude.

use crate::share::share;
use crate::{Instance, InstanceId, MheError, PartySecret, Protocol, Share, SmudgingBits};
use tacit_ckks::{Ciphertext, Parameters, Plaintext, PublicKey, sample_error};
use tacit_ring::{Basis, Ntt, RnsPoly, SecretPoly, Xof, sample};

fn checked(
    protocol: &'static str,
    params: &Parameters,
    ct: &Ciphertext,
    smudging: SmudgingBits,
    parties: usize,
) -> Result<(), MheError> {
    if ct.polys().len() != 2 {
        return Err(tacit_ckks::CkksError::Degree {
            operation: "key switch",
            needed: 2,
            found: ct.polys().len(),
        }
        .into());
    }
    let modulus = params.log2_q(ct.level());
    let bits = smudging.bits();
    if bits == 0 || bits as f64 + (parties as f64).log2() + 2.0 > modulus {
        return Err(MheError::Smudging {
            protocol,
            bits,
            modulus,
        });
    }
    Ok(())
}

/// c_1·s_i + flooding.
fn flooded(
    params: &Parameters,
    secret: &PartySecret,
    c1: &RnsPoly<Ntt>,
    smudging: SmudgingBits,
    xof: &mut Xof,
) -> RnsPoly<Ntt> {
    let ring = params.ring();
    let noise = sample::wide_uniform(ring.n(), smudging.bits(), xof);
    let mut h = ring.forward(ring.lift_wide(&noise, c1.basis()));
    ring.mul_add_assign(&mut h, c1, secret.key().poly());
    h
}

/// Decryption towards everyone, as the plan allows.
pub struct Release {
    params: Parameters,
    instance: Instance,
    id: InstanceId,
    ciphertext: Ciphertext,
    smudging: SmudgingBits,
}

impl Release {
    /// Checks that the smudging fits the ciphertext.
    pub fn new(
        params: &Parameters,
        instance: &Instance,
        ciphertext: &Ciphertext,
        smudging: SmudgingBits,
    ) -> Result<Self, MheError> {
        checked(Self::NAME, params, ciphertext, smudging, instance.parties())?;
        let id = instance
            .bind(Self::NAME, params)
            .number(smudging.bits() as u64)
            .ciphertext(ciphertext)
            .id();
        let ciphertext = ciphertext.clone();
        Ok(Self {
            params: params.clone(),
            instance: instance.clone(),
            id,
            ciphertext,
            smudging,
        })
    }
}

impl Protocol for Release {
    type Output = Plaintext;
    const TAG: u8 = 5;
    const NAME: &'static str = "release";

    fn params(&self) -> &Parameters {
        &self.params
    }

    fn id(&self) -> InstanceId {
        self.id
    }

    fn layout(&self) -> Vec<Basis> {
        vec![Basis::q(self.ciphertext.level() + 1)]
    }

    fn share(&self, secret: &PartySecret) -> Result<Share<Self>, MheError> {
        let c1 = &self.ciphertext.polys()[1];
        secret.ledger().admit(Self::NAME, c1, self.id)?;
        let mut xof = secret.randomness("mhe flooding", &self.id);
        let mut h = flooded(&self.params, secret, c1, self.smudging, &mut xof);
        secret.mask(&self.params, &self.instance, &self.id, 0, &mut h)?;
        Ok(share(self.id, vec![h]))
    }

    fn finish(&self, sum: &Share<Self>) -> Result<Plaintext, MheError> {
        self.check(sum)?;
        let mut m = self.ciphertext.polys()[0].clone();
        self.params.ring().add_assign(&mut m, &sum.polys[0]);
        Ok(Plaintext::from_parts(m, self.ciphertext.scale()))
    }
}

/// Key switch to a secret s' = Σ s'_i that the same parties hold (key rotation): each party
/// makes its share with [`KeySwitchToSecret::share_towards`].
pub struct KeySwitchToSecret(Release);

impl KeySwitchToSecret {
    /// `target` identifies the new key (for example the digest of its public key).
    pub fn new(
        params: &Parameters,
        instance: &Instance,
        ciphertext: &Ciphertext,
        target: &[u8; 32],
        smudging: SmudgingBits,
    ) -> Result<Self, MheError> {
        let mut inner = Release::new(params, instance, ciphertext, smudging)?;
        inner.id = instance
            .bind("key switch to a secret", params)
            .bytes(target)
            .number(smudging.bits() as u64)
            .ciphertext(ciphertext)
            .id();
        Ok(Self(inner))
    }

    /// h_i = c_1·(s_i − s'_i) + e_i.
    pub fn share_towards(
        &self,
        secret: &PartySecret,
        target: &PartySecret,
    ) -> Result<Share<Release>, MheError> {
        let mut out = self.0.share(secret)?;
        let ring = self.0.params.ring();
        let product = SecretPoly::new(ring.mul(&self.0.ciphertext.polys()[1], target.key().poly()));
        ring.sub_assign(&mut out.polys[0], &product);
        Ok(out)
    }

    /// The protocol whose shares these are, for encoding and aggregation.
    pub fn protocol(&self) -> &Release {
        &self.0
    }

    /// The ciphertext under the new key.
    pub fn finish(&self, sum: &Share<Release>) -> Result<Ciphertext, MheError> {
        let c0 = self.0.finish(sum)?.poly().clone();
        let ct = &self.0.ciphertext;
        Ok(Ciphertext::from_parts(
            vec![c0, ct.polys()[1].clone()],
            ct.scale(),
        ))
    }
}

/// Key switch to a public key: the answer to a querier.
pub struct KeySwitchToPublic {
    inner: Release,
    target: PublicKey,
}

impl KeySwitchToPublic {
    /// Checks that the smudging fits the ciphertext.
    pub fn new(
        params: &Parameters,
        instance: &Instance,
        ciphertext: &Ciphertext,
        target: &PublicKey,
        smudging: SmudgingBits,
    ) -> Result<Self, MheError> {
        let mut inner = Release::new(params, instance, ciphertext, smudging)?;
        let (p0, p1) = target.parts();
        inner.id = instance
            .bind(Self::NAME, params)
            .poly(p0)
            .poly(p1)
            .number(smudging.bits() as u64)
            .ciphertext(ciphertext)
            .id();
        Ok(Self {
            inner,
            target: target.clone(),
        })
    }
}

impl Protocol for KeySwitchToPublic {
    type Output = Ciphertext;
    const TAG: u8 = 6;
    const NAME: &'static str = "key switch to a public key";

    fn params(&self) -> &Parameters {
        &self.inner.params
    }

    fn id(&self) -> InstanceId {
        self.inner.id
    }

    fn layout(&self) -> Vec<Basis> {
        vec![Basis::q(self.inner.ciphertext.level() + 1); 2]
    }

    fn share(&self, secret: &PartySecret) -> Result<Share<Self>, MheError> {
        let Release {
            params,
            instance,
            id,
            ciphertext,
            smudging,
        } = &self.inner;
        let ring = params.ring();
        let c1 = &ciphertext.polys()[1];
        secret.ledger().admit(Self::NAME, c1, *id)?;
        let mut h0 = flooded(
            params,
            secret,
            c1,
            *smudging,
            &mut secret.randomness("mhe flooding", id),
        );
        let mut xof = secret.randomness("mhe encryption", id);
        let u = sample::ternary(ring.n(), &mut xof);
        let u = SecretPoly::new(ring.forward(ring.lift_signed(u.as_slice(), c1.basis())));
        let (p0, p1) = self.target.parts();
        ring.mul_add_assign(&mut h0, &u, p0);
        let mut h1 = sample_error(params, c1.basis(), &mut xof);
        ring.mul_add_assign(&mut h1, &u, p1);
        secret.mask(params, instance, id, 0, &mut h0)?;
        secret.mask(params, instance, id, 1, &mut h1)?;
        Ok(share(*id, vec![h0, h1]))
    }

    fn finish(&self, sum: &Share<Self>) -> Result<Ciphertext, MheError> {
        self.check(sum)?;
        let ct = &self.inner.ciphertext;
        let mut c0 = ct.polys()[0].clone();
        self.inner.params.ring().add_assign(&mut c0, &sum.polys[0]);
        Ok(Ciphertext::from_parts(
            vec![c0, sum.polys[1].clone()],
            ct.scale(),
        ))
    }
}
