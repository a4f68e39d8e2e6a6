//! Collective relinearisation key in two rounds, with s = Σ s_i and u = Σ u_i for ephemeral ternary u_i.
//!
//! Per digit j: round one sums h0 = −u·a_j + P·w_j·s + e_0 and h1 = s·a_j + e_1; in round two
//! each party adds s_i·h0 + (u_i − s_i)·h1 + e_2, which sums to P·w_j·s² − s·h1 plus noise: the
//! key is (that sum, h1). The two halves of a round-two share are sent as their sum, half the bytes of
//! sending both and no more than what is needed.
//!
//! u_i is a function of the share key and of round one's public inputs: it is recomputed for round two
//! and exists nowhere in between.
//!
//! A key that only multiplies ciphertexts of level ℓ and below has the digits of that level, over q_0…q_ℓ and the special
//! primes. As with [Galois keys](crate::CollectiveGaloisKey) its shares are distributed as those of a key for all levels with
//! the other rows and digits dropped, in both rounds; the level is part of round one's instance, and thereby of round two's and of u_i.

use crate::share::share;
use crate::{Instance, InstanceId, MheError, PartySecret, Protocol, Share};
use tacit_ckks::{
    Parameters, RelinearisationKey, SwitchingKey, add_gadget_multiple, expand_gadget, sample_error,
};
use tacit_ring::{Basis, Ntt, RnsPoly, SecretPoly, sample};

/// Round one.
pub struct RelinearisationRoundOne {
    params: Parameters,
    instance: Instance,
    id: InstanceId,
    level: usize,
    a: Vec<RnsPoly<Ntt>>,
}

/// The public result of round one: (h0_j, h1_j).
#[derive(Debug, Clone, PartialEq)]
pub struct RoundOneSum {
    h0: Vec<RnsPoly<Ntt>>,
    h1: Vec<RnsPoly<Ntt>>,
}

impl RelinearisationRoundOne {
    /// A key for all levels. The instance's a_j come from the common random string.
    pub fn new(params: &Parameters, instance: &Instance) -> Self {
        Self::at_level(params, instance, params.max_level())
    }

    /// A key for levels up to `level`: another instance than that for all levels, unless it is the same.
    ///
    /// # Panics
    /// If the parameters have no such level.
    pub fn at_level(params: &Parameters, instance: &Instance, level: usize) -> Self {
        let top = params.max_level();
        assert!(level <= top, "level {level} of {top}");
        let binding = instance.bind(Self::NAME, params);
        let id = match level == top {
            true => binding.id(),
            false => binding.number(level as u64).id(),
        };
        let a = expand_gadget(params, level, &instance.crs_seed(&id));
        Self {
            params: params.clone(),
            instance: instance.clone(),
            id,
            level,
            a,
        }
    }

    /// The highest level of products that the key relinearises.
    pub fn level(&self) -> usize {
        self.level
    }

    fn basis(&self) -> Basis {
        self.params.key_basis_at(self.level)
    }
}

/// u_i of an instance of round one, over some of the primes.
fn ephemeral(
    params: &Parameters,
    secret: &PartySecret,
    id: &InstanceId,
    basis: Basis,
) -> SecretPoly<Ntt> {
    let ring = params.ring();
    let mut xof = secret.randomness("mhe ephemeral u", id);
    let u = sample::ternary(ring.n(), &mut xof);
    SecretPoly::new(ring.forward(ring.lift_signed(u.as_slice(), basis)))
}

impl Protocol for RelinearisationRoundOne {
    type Output = RoundOneSum;
    const TAG: u8 = 3;
    const NAME: &'static str = "relinearisation key, round one";

    fn params(&self) -> &Parameters {
        &self.params
    }

    fn id(&self) -> InstanceId {
        self.id
    }

    fn layout(&self) -> Vec<Basis> {
        vec![self.basis(); 2 * self.a.len()]
    }

    fn share(&self, secret: &PartySecret) -> Result<Share<Self>, MheError> {
        let (params, ring) = (&self.params, self.params.ring());
        let basis = self.basis();
        let s = secret.key().poly();
        let u = ephemeral(params, secret, &self.id, basis);
        let mut xof = secret.randomness("mhe error", &self.id);
        let (mut h0, mut h1) = (vec![], vec![]);
        for (digit, a) in self.a.iter().enumerate() {
            let mut first = sample_error(params, basis, &mut xof);
            let product = ring.mul(a, &u);
            ring.sub_assign(&mut first, &product);
            add_gadget_multiple(params, digit, s, &mut first);
            secret.mask(params, &self.instance, &self.id, digit, &mut first)?;
            let mut second = sample_error(params, basis, &mut xof);
            ring.mul_add_assign(&mut second, a, s);
            let index = self.a.len() + digit;
            secret.mask(params, &self.instance, &self.id, index, &mut second)?;
            h0.push(first);
            h1.push(second);
        }
        h0.append(&mut h1);
        Ok(share(self.id, h0))
    }

    fn finish(&self, sum: &Share<Self>) -> Result<RoundOneSum, MheError> {
        self.check(sum)?;
        let (h0, h1) = sum.polys.split_at(self.a.len());
        Ok(RoundOneSum {
            h0: h0.to_vec(),
            h1: h1.to_vec(),
        })
    }
}

/// Round two.
pub struct RelinearisationRoundTwo {
    params: Parameters,
    instance: Instance,
    id: InstanceId,
    round_one: InstanceId,
    level: usize,
    sum: RoundOneSum,
}

impl RelinearisationRoundTwo {
    /// Continues from the sum of round one.
    pub fn new(round_one: &RelinearisationRoundOne, sum: RoundOneSum) -> Self {
        let (params, instance) = (&round_one.params, &round_one.instance);
        let mut binding = instance.bind(Self::NAME, params).bytes(&round_one.id.0);
        for poly in sum.h0.iter().chain(&sum.h1) {
            binding = binding.poly(poly);
        }
        Self {
            params: params.clone(),
            instance: instance.clone(),
            id: binding.id(),
            round_one: round_one.id,
            level: round_one.level,
            sum,
        }
    }

    fn basis(&self) -> Basis {
        self.params.key_basis_at(self.level)
    }
}

impl Protocol for RelinearisationRoundTwo {
    type Output = RelinearisationKey;
    const TAG: u8 = 4;
    const NAME: &'static str = "relinearisation key, round two";

    fn params(&self) -> &Parameters {
        &self.params
    }

    fn id(&self) -> InstanceId {
        self.id
    }

    fn layout(&self) -> Vec<Basis> {
        vec![self.basis(); self.sum.h0.len()]
    }

    fn share(&self, secret: &PartySecret) -> Result<Share<Self>, MheError> {
        let (params, ring) = (&self.params, self.params.ring());
        let (s, basis) = (secret.key().poly(), self.basis());
        let mut u_minus_s = ephemeral(params, secret, &self.round_one, basis);
        ring.sub_assign(&mut u_minus_s, s);
        let mut xof = secret.randomness("mhe error", &self.id);
        let mut polys = Vec::with_capacity(self.sum.h0.len());
        for (digit, (h0, h1)) in self.sum.h0.iter().zip(&self.sum.h1).enumerate() {
            let mut h = sample_error(params, basis, &mut xof);
            ring.mul_add_assign(&mut h, h0, s);
            ring.mul_add_assign(&mut h, h1, &u_minus_s);
            secret.mask(params, &self.instance, &self.id, digit, &mut h)?;
            polys.push(h);
        }
        Ok(share(self.id, polys))
    }

    fn finish(&self, sum: &Share<Self>) -> Result<RelinearisationKey, MheError> {
        self.check(sum)?;
        let (b, a) = (sum.polys.clone(), self.sum.h1.clone());
        Ok(RelinearisationKey(SwitchingKey::from_parts(
            &self.params,
            b,
            a,
        )))
    }
}
