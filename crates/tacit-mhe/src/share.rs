//! The one verb set: `share`, `aggregate`, `finish`, and the encoding of shares.

use crate::{InstanceId, MheError, PartySecret};
use std::marker::PhantomData;
use tacit_ckks::Parameters;
use tacit_ring::codec::{Reader, add_encoded, check_encoded, encoded_poly_len, write_poly};
use tacit_ring::{Basis, Ntt, RnsPoly};

/// A party's contribution to a protocol instance, or the sum of several.
pub struct Share<P: ?Sized> {
    pub(crate) id: InstanceId,
    pub(crate) polys: Vec<RnsPoly<Ntt>>,
    pub(crate) protocol: PhantomData<fn() -> P>,
}

impl<P: ?Sized> Clone for Share<P> {
    fn clone(&self) -> Self {
        Self {
            id: self.id,
            polys: self.polys.clone(),
            protocol: PhantomData,
        }
    }
}

impl<P: ?Sized> PartialEq for Share<P> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.polys == other.polys
    }
}

impl<P: Protocol> std::fmt::Debug for Share<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Share of {} in instance {} ({} polynomials)",
            P::NAME,
            self.id,
            self.polys.len()
        )
    }
}

const VERSION: u8 = 1;
const HEADER: usize = 2 + 32;

/// A multiparty protocol: every party makes a share from its secret and the public input, shares
/// are added along any tree, and anyone finishes from the sum.
///
/// Sans-IO and deterministic: the same secret and the same public inputs give the same bytes.
pub trait Protocol {
    /// What the sum of all shares gives.
    type Output;

    /// Identifies the protocol on the wire.
    const TAG: u8;

    /// Identifies the protocol in messages and transcripts.
    const NAME: &'static str;

    /// The parameters.
    fn params(&self) -> &Parameters;

    /// The digest of all public inputs.
    fn id(&self) -> InstanceId;

    /// The basis of each polynomial of a share.
    fn layout(&self) -> Vec<Basis>;

    /// This party's share.
    fn share(&self, secret: &PartySecret) -> Result<Share<Self>, MheError>;

    /// The result, from the sum of the shares of all (active) parties.
    fn finish(&self, sum: &Share<Self>) -> Result<Self::Output, MheError>;

    /// Adds a share to a sum.
    fn aggregate(&self, into: &mut Share<Self>, other: &Share<Self>) -> Result<(), MheError> {
        self.check(into)?;
        self.check(other)?;
        for (into, other) in into.polys.iter_mut().zip(&other.polys) {
            self.params().ring().add_assign(into, other);
        }
        Ok(())
    }

    /// Whether a share belongs here.
    fn check(&self, share: &Share<Self>) -> Result<(), MheError> {
        if share.id != self.id() {
            return Err(MheError::WrongInstance {
                protocol: Self::NAME,
                found: share.id.to_string(),
                expected: self.id().to_string(),
            });
        }
        let layout = self.layout();
        if !share
            .polys
            .iter()
            .map(RnsPoly::basis)
            .eq(layout.iter().copied())
        {
            let (found, expected) = (share.polys.len(), layout.len());
            return Err(MheError::Shape {
                protocol: Self::NAME,
                found,
                expected,
            });
        }
        Ok(())
    }

    /// Size of an encoded share.
    fn encoded_len(&self) -> usize {
        let ring = self.params().ring();
        HEADER
            + self
                .layout()
                .iter()
                .map(|&b| encoded_poly_len(ring, b))
                .sum::<usize>()
    }

    /// Canonical bytes: version, tag, instance, rows.
    fn encode(&self, share: &Share<Self>) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.encoded_len());
        self.encode_into(share, &mut out);
        out
    }

    /// Appends what [`Self::encode`] gives.
    fn encode_into(&self, share: &Share<Self>, out: &mut Vec<u8>) {
        out.extend([VERSION, Self::TAG]);
        out.extend_from_slice(&share.id.0);
        for poly in &share.polys {
            write_poly(out, self.params().ring(), poly);
        }
    }

    /// Strict inverse of [`Self::encode`]: only shares of this very instance are accepted.
    fn decode(&self, bytes: &[u8]) -> Result<Share<Self>, MheError> {
        let mut reader = Reader::new(Self::NAME, bytes);
        self.read_header(&mut reader)?;
        let id = self.id();
        let layout = self.layout();
        let mut polys = Vec::with_capacity(layout.len());
        for basis in layout {
            polys.push(reader.poly(self.params().ring(), basis)?);
        }
        reader.finish()?;
        Ok(Share {
            id,
            polys,
            protocol: PhantomData,
        })
    }

    /// [`Self::aggregate`] on encoded shares, without decoding them; on an error `into` is as it was.
    fn aggregate_encoded(&self, into: &mut [u8], other: &[u8]) -> Result<(), MheError> {
        // All of `other` is checked before any of `into` changes.
        self.check_encoded(into)?;
        self.check_encoded(other)?;
        self.add_checked(into, other);
        Ok(())
    }

    /// Whether bytes are what [`Self::decode`] accepts.
    fn check_encoded(&self, bytes: &[u8]) -> Result<(), MheError> {
        let ring = self.params().ring();
        let mut reader = Reader::new(Self::NAME, bytes);
        self.read_header(&mut reader)?;
        let layout = self.layout();
        let lengths = layout.iter().map(|&basis| encoded_poly_len(ring, basis));
        let needed: usize = lengths.clone().sum();
        let rows = reader.take(needed)?;
        reader.finish()?;
        let mut start = 0;
        for (&basis, length) in layout.iter().zip(lengths) {
            check_encoded(Self::NAME, ring, basis, &rows[start..start + length])?;
            start += length;
        }
        Ok(())
    }

    /// Adds encoded shares that [`Self::check_encoded`] has accepted.
    #[doc(hidden)]
    fn add_checked(&self, into: &mut [u8], other: &[u8]) {
        let ring = self.params().ring();
        let mut start = HEADER;
        for basis in self.layout() {
            let range = start..start + encoded_poly_len(ring, basis);
            start = range.end;
            add_encoded(ring, basis, &mut into[range.clone()], &other[range]);
        }
    }

    /// Version, tag and instance.
    #[doc(hidden)]
    fn read_header(&self, reader: &mut Reader<'_>) -> Result<(), MheError> {
        reader.tag(VERSION)?;
        reader.tag(Self::TAG)?;
        let id = InstanceId(reader.array()?);
        if id == self.id() {
            return Ok(());
        }
        let (found, expected) = (id.to_string(), self.id().to_string());
        Err(MheError::WrongInstance {
            protocol: Self::NAME,
            found,
            expected,
        })
    }

    /// Sums the shares of several parties.
    ///
    /// # Errors
    /// If there are none, or one does not belong here.
    fn sum<'a>(
        &self,
        shares: impl IntoIterator<Item = &'a Share<Self>>,
    ) -> Result<Share<Self>, MheError>
    where
        Self: Sized + 'a,
    {
        let mut shares = shares.into_iter();
        let first = shares
            .next()
            .ok_or_else(|| MheError::ActiveSet("no shares".into()))?;
        let mut sum = first.clone();
        self.check(&sum)?;
        for share in shares {
            self.aggregate(&mut sum, share)?;
        }
        Ok(sum)
    }
}

/// [`Protocol::aggregate_encoded`] for the shares of several instances, one of each: all are added, or on an
/// error none is.
///
/// ```
/// use tacit_ckks::{Parameters, Preset};
/// use tacit_mhe::{CollectivePublicKey, PartySecret, Protocol, SessionContext, aggregate_all};
/// use tacit_ring::RingKind;
///
/// let params = Parameters::new(&Preset::N13.literal(RingKind::Standard))?;
/// let context = SessionContext::derive(&[1; 32], &[2; 32], &[[3; 32], [4; 32]]);
/// let protocols = [0, 1].map(|k| CollectivePublicKey::new(&params, &context.instance(k)));
/// let share_all = |secret: &PartySecret| -> Result<Vec<Vec<u8>>, tacit_mhe::MheError> {
///     (protocols.iter()).map(|p| Ok(p.encode(&p.share(secret)?))).collect()
/// };
/// let mut sums = share_all(&PartySecret::generate(&params)?)?;
/// let others = share_all(&PartySecret::generate(&params)?)?;
///
/// let into = sums.iter_mut().map(Vec::as_mut_slice).collect();
/// aggregate_all(&protocols, into, &others)?;
/// # Ok::<(), tacit_mhe::MheError>(())
/// ```
///
/// # Errors
/// If a share or a sum does not belong to its instance.
///
/// # Panics
/// If there are not as many sums, or shares, as instances.
pub fn aggregate_all<P: Protocol>(
    protocols: &[P],
    mut into: Vec<&mut [u8]>,
    others: &[impl AsRef<[u8]>],
) -> Result<(), MheError> {
    let counts = (into.len(), others.len());
    assert_eq!(
        counts,
        (protocols.len(), protocols.len()),
        "sums and shares"
    );
    for ((protocol, into), other) in protocols.iter().zip(&into).zip(others) {
        protocol.check_encoded(into)?;
        protocol.check_encoded(other.as_ref())?;
    }
    for ((protocol, into), other) in protocols.iter().zip(&mut into).zip(others) {
        protocol.add_checked(into, other.as_ref());
    }
    Ok(())
}

pub(crate) fn share<P: ?Sized>(id: InstanceId, polys: Vec<RnsPoly<Ntt>>) -> Share<P> {
    Share {
        id,
        polys,
        protocol: PhantomData,
    }
}
