//! Shares of protocols as they travel: one by itself, or those of several instances as the sections of a payload.

use rayon::prelude::*;
use tacit_mhe::{PartySecret, Protocol, Share, aggregate_all};

use super::keys::missing;
use super::{EncryptedError, sections};

type Result<T> = std::result::Result<T, EncryptedError>;

/// Bytes of a share before its rows: version, protocol, instance.
pub(crate) const HEAD: usize = 34;

/// A party's share of any protocol, encoded.
pub(crate) fn encoded<P: Protocol>(protocol: &P, secret: &PartySecret) -> Result<Vec<u8>> {
    let share: Share<P> = protocol.share(secret)?;
    Ok(protocol.encode(&share))
}

/// A party's shares of several instances.
pub(crate) fn encoded_all<P: Protocol>(protocols: &[P], secret: &PartySecret) -> Result<Vec<u8>> {
    let bytes = protocols.iter().map(P::encoded_len).sum();
    let mut out = sections::Writer::new(protocols.len(), bytes);
    for protocol in protocols {
        let share = protocol.share(secret)?;
        out.part(|out| protocol.encode_into(&share, out));
    }
    Ok(out.into_bytes())
}

/// Adds one share per instance, in place; nothing changes unless all can be added.
pub(crate) fn add_shares<P: Protocol>(
    protocols: &[P],
    into: &mut [u8],
    share: &[u8],
) -> Result<()> {
    let theirs = sections::split("share", share, protocols.len())?;
    let ours = sections::split_mut("sum", into, protocols.len())?;
    Ok(aggregate_all(protocols, ours, &theirs)?)
}

/// What the sum of all shares gives.
pub(crate) fn finish<P: Protocol>(protocol: &P, sum: &[u8]) -> Result<P::Output> {
    Ok(protocol.finish(&protocol.decode(sum)?)?)
}

/// What the sums of several instances give, each by its number made into something.
pub(crate) fn finish_all<P, T>(
    protocols: &[P],
    sums: &[u8],
    make: impl Fn(usize, P::Output) -> Result<T> + Sync,
) -> Result<Vec<T>>
where
    P: Protocol + Sync,
    T: Send,
{
    let parts = sections::split(P::NAME, sums, protocols.len())?;
    (protocols.par_iter().zip(parts).enumerate())
        .map(|(k, (protocol, part))| make(k, finish(protocol, part)?))
        .collect()
}

/// A round that ends with no instance to finish, or another one's.
pub(crate) fn not_entered() -> EncryptedError {
    missing("round", "finished without having been entered")
}
