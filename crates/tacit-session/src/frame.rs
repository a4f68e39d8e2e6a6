//! The one message between parties: a signed header and a payload.
//!
//! ```text
//! head    magic "TCTF" · version u8 · kind u8 · head length u16
//!         session [32] · round u32 · sender u16 · label (u8 length, ASCII)
//!         share frames only: digest of the input answered [32] · set of contributors
//!         payload length u64 · BLAKE3(payload) [32] · Ed25519 signature [64]
//! payload opaque
//! ```
//!
//! The signature covers a domain string and everything before it, so it binds session, round,
//! kind, sender, and through the digest the payload. Because the digest stands in the head, a
//! transport can name a payload before it moves it (resume, chunk, deduplicate), and the head
//! alone proves what a party said: two different heads for one round are evidence, megabytes are
//! not needed.
//!
//! A frame has one encoding. [`Frame::decode`] refuses truncated, oversize and trailing bytes,
//! another version, and a payload that is not the signed one; it says nothing about *who* signed.
//! That is checked against the roster by [`Party`](crate::Party), which accepts nothing without it.
//!
//! ```
//! use tacit_session::{Frame, DecodeError};
//!
//! assert_eq!(Frame::decode(b"GET / HTTP/1.1\r\n", 1024), Err(DecodeError::BadMagic));
//! ```

use std::fmt;
use std::sync::Arc;

use crate::codec::{Reader, Writer};
use crate::digest::Digest;
use crate::error::{DecodeError, Error};
use crate::identity::{IdentityKey, PublicKey, SIGNATURE_LEN};
use crate::party_set::{PartyIndex, PartySet};
use crate::payload::Payload;

/// Schema version of frames.
pub const FRAME_VERSION: u8 = 1;

/// Bytes after which [`Frame::head_len`] knows how long the head is.
pub const HEAD_PREFIX: usize = 8;

const MAGIC: &[u8; 4] = b"TCTF";
const SIGNATURE_DOMAIN: &[u8] = b"tacit frame v1\0";
const WHAT: &str = "frame";

/// What a frame is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FrameKind {
    /// The root's public input of a round, on its way down.
    Input,
    /// The root's last word: the session is complete.
    Complete,
    /// The sum of a subtree's shares, on its way up.
    Share,
    /// To a parent: "send me the input of this round"; to a child: "send me your share".
    Request,
    /// Outside of sessions: from one member of the roster to another, such as a query.
    Letter,
}

impl FrameKind {
    fn code(self) -> u8 {
        match self {
            Self::Input => 1,
            Self::Complete => 2,
            Self::Share => 3,
            Self::Request => 4,
            Self::Letter => 5,
        }
    }

    fn from_code(code: u8) -> Result<Self, DecodeError> {
        [
            Self::Input,
            Self::Complete,
            Self::Share,
            Self::Request,
            Self::Letter,
        ]
        .into_iter()
        .find(|kind| kind.code() == code)
        .ok_or(DecodeError::UnknownKind {
            what: WHAT,
            found: code,
        })
    }
}

impl fmt::Display for FrameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "input",
            Self::Complete => "complete",
            Self::Share => "share",
            Self::Request => "request",
            Self::Letter => "letter",
        })
    }
}

/// Name of a kind of round, such as `refresh`: 1 to 48 of `a-z 0-9 - _ . /`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Label(Arc<str>);

impl Label {
    /// Longest label.
    pub const MAX_LEN: usize = 48;

    /// Checks and keeps a label.
    pub fn new(label: &str) -> Result<Self, Error> {
        Self::checked(label.as_bytes()).ok_or_else(|| Error::Label {
            label: label.to_owned(),
        })
    }

    fn checked(label: &[u8]) -> Option<Self> {
        let fits = (1..=Self::MAX_LEN).contains(&label.len());
        let plain = |b: &u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/');
        let label = std::str::from_utf8(label).ok()?;
        (fits && label.as_bytes().iter().all(plain)).then(|| Self(label.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a share says about itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShareClaim {
    /// Digest of the input the share answers.
    pub input: Digest,
    /// Whose shares are summed in it.
    pub contributors: PartySet,
}

/// The fields of a frame's head.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// What the frame is for.
    pub kind: FrameKind,
    /// Session (or opening) it belongs to.
    pub session: Digest,
    /// Round it belongs to.
    pub round: u32,
    /// Who made and signed it; inputs keep the root as their sender when they are relayed.
    pub sender: PartyIndex,
    /// Label of the round.
    pub label: Label,
    /// Present on [`FrameKind::Share`] only.
    pub claim: Option<ShareClaim>,
    /// Length of the payload.
    pub payload_len: u64,
    /// Digest of the payload.
    pub payload_digest: Digest,
}

/// A header with its signature: what a party is held to.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedHeader(Arc<Head>);

#[derive(PartialEq, Eq)]
struct Head {
    header: Header,
    bytes: Box<[u8]>,
}

impl SignedHeader {
    /// The fields.
    pub fn header(&self) -> &Header {
        &self.0.header
    }

    /// The encoded head, signature included.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// Whether `key` signed this header.
    pub fn verifies(&self, key: &PublicKey) -> bool {
        let (signed, signature) = self.0.bytes.split_at(self.0.bytes.len() - SIGNATURE_LEN);
        signature
            .try_into()
            .is_ok_and(|s| key.verifies(&to_sign(signed), s))
    }

    /// What the signature covers, without it.
    pub(crate) fn signed_part(&self) -> &[u8] {
        self.0.bytes.split_at(self.0.bytes.len() - SIGNATURE_LEN).0
    }

    /// A head with its length before it, of a frame that may be of any size.
    pub(crate) fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let len = from.u16()?;
        Self::decode(from.take(len.into())?, u64::MAX)
    }

    /// Reads a head that fills `bytes`, as [`SignedHeader::as_bytes`] gives it; it says nothing
    /// about who signed.
    pub fn decode(bytes: &[u8], max_payload: u64) -> Result<Self, DecodeError> {
        let mut from = Reader::new(WHAT, bytes);
        let len = Frame::head_len(bytes)?;
        from.take(5)?;
        let kind = FrameKind::from_code(from.u8()?)?;
        from.take(2)?;
        let session = Digest(from.array()?);
        let round = from.u32()?;
        let sender = PartyIndex(from.u16()?);
        let label_len = from.u8()?;
        let label = Label::checked(from.take(label_len.into())?).ok_or(DecodeError::Malformed {
            what: WHAT,
            problem: "label is not 1 to 48 of a-z 0-9 - _ . /",
        })?;
        let claim = match kind {
            FrameKind::Share => Some(ShareClaim {
                input: Digest(from.array()?),
                contributors: PartySet::decode(WHAT, &mut from)?,
            }),
            _ => None,
        };
        let payload_len = from.u64()?;
        if payload_len > max_payload {
            let (claimed, limit) = (payload_len, max_payload);
            return Err(DecodeError::Oversize {
                what: "frame payload",
                claimed,
                limit,
            });
        }
        let payload_digest = Digest(from.array()?);
        from.take(SIGNATURE_LEN)?;
        from.finish()?;
        if len != bytes.len() {
            return Err(DecodeError::Malformed {
                what: WHAT,
                problem: "wrong head length",
            });
        }
        let header = Header {
            kind,
            session,
            round,
            sender,
            label,
            claim,
            payload_len,
            payload_digest,
        };
        Ok(Self(Arc::new(Head {
            header,
            bytes: bytes.into(),
        })))
    }
}

impl fmt::Debug for SignedHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.header.fmt(f)
    }
}

fn to_sign(head: &[u8]) -> Vec<u8> {
    [SIGNATURE_DOMAIN, head].concat()
}

/// A signed header and its payload; cheap to clone.
#[derive(Clone)]
pub struct Frame {
    signed: SignedHeader,
    payload: Payload,
}

impl Frame {
    /// Signs a letter: `subject` says what it belongs to (no session: state machines refuse letters),
    /// `number` tells it from others of this sender. `sender` is the place of `key` among all members
    /// of the roster.
    pub fn letter(
        key: &IdentityKey,
        (subject, number, sender): (Digest, u32, PartyIndex),
        label: Label,
        payload: Payload,
    ) -> Self {
        let place = (subject, number, sender);
        Self::seal(key, FrameKind::Letter, place, label, None, payload)
    }

    /// Signs a frame. `claim` is present exactly for [`FrameKind::Share`].
    pub(crate) fn seal(
        key: &IdentityKey,
        kind: FrameKind,
        place: (Digest, u32, PartyIndex),
        label: Label,
        claim: Option<ShareClaim>,
        payload: Payload,
    ) -> Self {
        debug_assert_eq!(claim.is_some(), kind == FrameKind::Share);
        let (session, round, sender) = place;
        let (payload_len, payload_digest) = (payload.len() as u64, payload.digest());
        let mut out = Writer::with_capacity(256);
        let set = claim
            .as_ref()
            .map_or(0, |c| 32 + 2 + c.contributors.encoded_bits());
        let len = HEAD_PREFIX + 32 + 4 + 2 + 1 + label.0.len() + set + 8 + 32 + SIGNATURE_LEN;
        out.raw(MAGIC)
            .u8(FRAME_VERSION)
            .u8(kind.code())
            .u16(len as u16);
        out.raw(&session.0).u32(round).u16(sender.0);
        out.u8(label.0.len() as u8).raw(label.0.as_bytes());
        if let Some(claim) = &claim {
            out.raw(&claim.input.0);
            claim.contributors.encode(&mut out);
        }
        out.u64(payload_len).raw(&payload_digest.0);
        let signature = key.sign(&to_sign(out.as_slice()));
        out.raw(&signature);
        debug_assert_eq!(out.as_slice().len(), len);
        let header = Header {
            kind,
            session,
            round,
            sender,
            label,
            claim,
            payload_len,
            payload_digest,
        };
        let head = Head {
            header,
            bytes: out.into_bytes().into(),
        };
        Self {
            signed: SignedHeader(Arc::new(head)),
            payload,
        }
    }

    /// The fields of the head.
    pub fn header(&self) -> &Header {
        self.signed.header()
    }

    /// The signed head.
    pub fn signed(&self) -> &SignedHeader {
        &self.signed
    }

    /// The encoded head; on the wire the payload follows it.
    pub fn head(&self) -> &[u8] {
        self.signed.as_bytes()
    }

    /// The payload.
    pub fn payload(&self) -> &Payload {
        &self.payload
    }

    /// Length of the frame on the wire.
    pub fn wire_len(&self) -> usize {
        self.head().len() + self.payload.len()
    }

    /// Head and payload in one piece.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.wire_len());
        bytes.extend_from_slice(self.head());
        bytes.extend_from_slice(&self.payload);
        bytes
    }

    /// Length of the head that begins with `prefix` (at least [`HEAD_PREFIX`] bytes), for readers
    /// of a stream.
    pub fn head_len(prefix: &[u8]) -> Result<usize, DecodeError> {
        let mut from = Reader::new(WHAT, prefix);
        let magic_found = prefix.get(..MAGIC.len()).unwrap_or(prefix);
        if !MAGIC.starts_with(magic_found) {
            return Err(DecodeError::BadMagic);
        }
        from.take(MAGIC.len())?;
        let version = from.u8()?;
        if version != FRAME_VERSION {
            let (found, spoken) = (version, FRAME_VERSION);
            return Err(DecodeError::UnknownVersion {
                what: WHAT,
                found,
                spoken,
            });
        }
        from.u8()?;
        Ok(from.u16()?.into())
    }

    /// Length of the payload that follows `head`, checked against `max_payload`: what a reader of
    /// a stream may then allocate.
    pub fn payload_len(head: &[u8], max_payload: u64) -> Result<u64, DecodeError> {
        Ok(SignedHeader::decode(head, max_payload)?
            .header()
            .payload_len)
    }

    /// Puts a head and its payload together, without copying the payload.
    pub fn from_parts(
        head: &[u8],
        payload: Payload,
        max_payload: u64,
    ) -> Result<Self, DecodeError> {
        let signed = SignedHeader::decode(head, max_payload)?;
        Self::check_payload(signed.header(), &payload)?;
        Ok(Self { signed, payload })
    }

    /// Reads one frame that fills `bytes`. Safe on anything: bounds are checked before memory is
    /// taken, and a claimed length over `max_payload` is refused.
    pub fn decode(bytes: &[u8], max_payload: u64) -> Result<Self, DecodeError> {
        let head_len = Self::head_len(bytes)?;
        let head = Reader::new(WHAT, bytes).take(head_len)?;
        let signed = SignedHeader::decode(head, max_payload)?;
        let rest = &bytes[head_len..];
        let (claimed, there) = (signed.header().payload_len, rest.len() as u64);
        if there < claimed {
            return Err(DecodeError::Truncated {
                what: WHAT,
                needed: claimed,
                left: there,
            });
        }
        if there > claimed {
            return Err(DecodeError::Trailing {
                what: WHAT,
                extra: there - claimed,
            });
        }
        let payload = Payload::from(rest.to_vec());
        Self::check_payload(signed.header(), &payload)?;
        Ok(Self { signed, payload })
    }

    fn check_payload(header: &Header, payload: &Payload) -> Result<(), DecodeError> {
        let same =
            header.payload_len == payload.len() as u64 && header.payload_digest == payload.digest();
        if same {
            Ok(())
        } else {
            Err(DecodeError::PayloadDigest)
        }
    }
}

impl PartialEq for Frame {
    /// The head holds the payload's digest, so equal heads are equal frames.
    fn eq(&self, other: &Self) -> bool {
        self.signed == other.signed
    }
}

impl Eq for Frame {}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Header {
            kind,
            round,
            sender,
            label,
            ..
        } = self.header();
        write!(
            f,
            "Frame({kind} {round} {label} from {sender}, {:?})",
            self.payload
        )
    }
}

#[cfg(test)]
mod tests;
