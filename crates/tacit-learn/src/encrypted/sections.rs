//! Payloads of several parts: a count, then each part with its length. Strict.

use super::EncryptedError;

/// Most parts in one payload: all evaluation keys of a wide network, and more.
const MAX_SECTIONS: usize = 1024;

/// Joins parts.
pub(crate) fn join(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 + parts.iter().map(|p| p.len() + 8).sum::<usize>());
    out.extend((parts.len() as u32).to_le_bytes());
    for part in parts {
        out.extend((part.len() as u64).to_le_bytes());
        out.extend_from_slice(part);
    }
    out
}

/// Writes parts one after the other: what [`join`] gives, without their copies.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// For `count` parts of `bytes` bytes in all.
    pub fn new(count: usize, bytes: usize) -> Self {
        let mut out = Vec::with_capacity(4 + 8 * count + bytes);
        out.extend((count as u32).to_le_bytes());
        Self(out)
    }

    /// The next part, appended by `write`.
    pub fn part(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.0.len() + 8;
        self.0.extend([0; 8]);
        write(&mut self.0);
        let length = (self.0.len() - start) as u64;
        self.0[start - 8..start].copy_from_slice(&length.to_le_bytes());
    }

    /// The payload.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// As [`split`], for changing parts in place.
pub(crate) fn split_mut<'a>(
    what: &'static str,
    bytes: &'a mut [u8],
    count: usize,
) -> Result<Vec<&'a mut [u8]>, EncryptedError> {
    let lengths: Vec<usize> = split(what, bytes, count)?.iter().map(|p| p.len()).collect();
    let mut rest = &mut bytes[4..];
    let part = |length| {
        let (head, tail) = std::mem::take(&mut rest).split_at_mut(8 + length);
        rest = tail;
        &mut head[8..]
    };
    Ok(lengths.into_iter().map(part).collect())
}

/// The inverse of [`join`], for exactly `count` parts.
pub(crate) fn split<'a>(
    what: &'static str,
    bytes: &'a [u8],
    count: usize,
) -> Result<Vec<&'a [u8]>, EncryptedError> {
    let parts = split_any(what, bytes)?;
    if parts.len() == count {
        return Ok(parts);
    }
    let problem = format!("{} parts instead of {count}", parts.len());
    Err(EncryptedError::Message { what, problem })
}

/// The inverse of [`join`].
pub(crate) fn split_any<'a>(
    what: &'static str,
    mut bytes: &'a [u8],
) -> Result<Vec<&'a [u8]>, EncryptedError> {
    let wrong = |problem: &str| EncryptedError::Message {
        what,
        problem: problem.into(),
    };
    let truncated = || wrong("truncated");
    let mut number = [0; 8];
    number[..4].copy_from_slice(take(&mut bytes, 4).ok_or_else(truncated)?);
    let count = u64::from_le_bytes(number) as usize;
    if count > MAX_SECTIONS {
        return Err(wrong("too many parts"));
    }
    let mut parts = Vec::with_capacity(count);
    for _ in 0..count {
        number.copy_from_slice(take(&mut bytes, 8).ok_or_else(truncated)?);
        let length = usize::try_from(u64::from_le_bytes(number)).unwrap_or(usize::MAX);
        parts.push(take(&mut bytes, length).ok_or_else(truncated)?);
    }
    if !bytes.is_empty() {
        return Err(wrong("bytes left over"));
    }
    Ok(parts)
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (head, tail) = bytes.split_at_checked(count)?;
    *bytes = tail;
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parts_survive_and_damage_is_refused(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..6),
            cut in 1usize..10,
        ) {
            let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let bytes = join(&slices);
            prop_assert_eq!(split("test", &bytes, parts.len()).unwrap(), slices);
            prop_assert!(split("test", &bytes, parts.len() + 1).is_err());
            let mut writer = Writer::new(parts.len(), 0);
            parts.iter().for_each(|part| writer.part(|out| out.extend(part)));
            prop_assert_eq!(&writer.into_bytes(), &bytes);
            let mut changed = bytes.clone();
            for part in split_mut("test", &mut changed, parts.len()).unwrap() {
                part.fill(7);
            }
            let sevens: Vec<Vec<u8>> = parts.iter().map(|p| vec![7; p.len()]).collect();
            let sevens: Vec<&[u8]> = sevens.iter().map(Vec::as_slice).collect();
            prop_assert_eq!(changed, join(&sevens));
            prop_assert!(split_any("test", &bytes[..bytes.len() - cut.min(bytes.len())]).is_err());
            let long = [bytes, vec![0]].concat();
            prop_assert!(split_any("test", &long).is_err());
        }

        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = split_any("test", &bytes);
        }
    }
}
