//! A frame has one encoding, and nothing else is a frame.

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;

const LIMIT: u64 = 1 << 20;

fn key(seed: u8) -> IdentityKey {
    IdentityKey::from_seed(&Zeroizing::new([seed; 32]))
}

fn frame(kind: FrameKind, round: u32, sender: u16, payload: Vec<u8>, parties: u16) -> Frame {
    let claim = (kind == FrameKind::Share).then(|| ShareClaim {
        input: Digest::of(b"input"),
        contributors: PartySet::full(parties),
    });
    let place = (Digest::of(b"session"), round, PartyIndex(sender));
    Frame::seal(
        &key(1),
        kind,
        place,
        Label::new("refresh").unwrap(),
        claim,
        payload.into(),
    )
}

fn any_frame() -> impl Strategy<Value = Frame> {
    let kinds = [
        FrameKind::Input,
        FrameKind::Complete,
        FrameKind::Share,
        FrameKind::Request,
    ]
    .to_vec();
    let payload = prop::collection::vec(any::<u8>(), 0..300);
    (
        prop::sample::select(kinds),
        any::<u32>(),
        any::<u16>(),
        payload,
        2..200u16,
    )
        .prop_map(|(kind, round, sender, payload, n)| frame(kind, round, sender, payload, n))
}

proptest! {
    #[test]
    fn decoding_inverts_encoding(frame in any_frame()) {
        let bytes = frame.encode();
        prop_assert_eq!(bytes.len(), frame.wire_len());
        let again = Frame::decode(&bytes, LIMIT).unwrap();
        prop_assert_eq!(again.header(), frame.header());
        prop_assert_eq!(&again.payload()[..], &frame.payload()[..]);
        prop_assert_eq!(again.encode(), bytes);
        prop_assert!(again.signed().verifies(&key(1).public()));
        prop_assert!(!again.signed().verifies(&key(2).public()));
    }

    #[test]
    fn a_stream_reader_learns_lengths_before_it_allocates(frame in any_frame()) {
        let bytes = frame.encode();
        let head_len = Frame::head_len(&bytes[..HEAD_PREFIX]).unwrap();
        prop_assert_eq!(&bytes[..head_len], frame.head());
        let payload_len = Frame::payload_len(frame.head(), LIMIT).unwrap() as usize;
        prop_assert_eq!(head_len + payload_len, bytes.len());
        let payload = Payload::from(bytes[head_len..].to_vec());
        let again = Frame::from_parts(&bytes[..head_len], payload, LIMIT).unwrap();
        prop_assert_eq!(again, frame);
    }

    #[test]
    fn every_truncation_is_refused(frame in any_frame(), at in any::<prop::sample::Index>()) {
        let bytes = frame.encode();
        let cut = at.index(bytes.len());
        prop_assert!(Frame::decode(&bytes[..cut], LIMIT).is_err());
    }

    #[test]
    fn trailing_bytes_are_refused(frame in any_frame(), more in prop::collection::vec(any::<u8>(), 1..9)) {
        let bytes = [frame.encode(), more.clone()].concat();
        let extra = more.len() as u64;
        let refused = Frame::decode(&bytes, LIMIT);
        prop_assert_eq!(refused, Err(DecodeError::Trailing { what: "frame", extra }));
    }

    /// Every single bit counts: a flipped one does not decode, or is no longer signed.
    #[test]
    fn every_flipped_bit_is_found(frame in any_frame(), at in any::<prop::sample::Index>(), bit in 0..8) {
        let mut bytes = frame.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        if let Ok(flipped) = Frame::decode(&bytes, LIMIT) {
            prop_assert!(!flipped.signed().verifies(&key(1).public()));
        }
    }

    #[test]
    fn decoding_anything_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = Frame::decode(&bytes, LIMIT);
        let _ = Frame::head_len(&bytes);
        let dressed = [MAGIC.as_slice(), &[FRAME_VERSION], &bytes].concat();
        let _ = Frame::decode(&dressed, LIMIT);
    }
}

#[test]
fn a_claimed_length_over_the_limit_is_refused_before_anything_is_read() {
    let frame = frame(FrameKind::Input, 1, 0, vec![0; 1000], 2);
    let refused = DecodeError::Oversize {
        what: "frame payload",
        claimed: 1000,
        limit: 999,
    };
    assert_eq!(Frame::decode(&frame.encode(), 999), Err(refused.clone()));
    // The head alone is enough to know.
    assert_eq!(Frame::payload_len(frame.head(), 999), Err(refused.clone()));
    assert_eq!(Frame::decode(frame.head(), 999), Err(refused));
}

#[test]
fn other_versions_kinds_and_protocols_are_told_apart() {
    let bytes = frame(FrameKind::Share, 1, 1, vec![1, 2, 3], 9).encode();
    let with = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        Frame::decode(&bytes, LIMIT).unwrap_err()
    };
    assert_eq!(with(0, b'X'), DecodeError::BadMagic);
    let version = DecodeError::UnknownVersion {
        what: "frame",
        found: 9,
        spoken: FRAME_VERSION,
    };
    assert_eq!(with(4, 9), version);
    assert_eq!(
        with(5, 77),
        DecodeError::UnknownKind {
            what: "frame",
            found: 77
        }
    );
    assert_eq!(with(bytes.len() - 1, 0), DecodeError::PayloadDigest);
    assert!(matches!(
        with(8 + 32 + 4 + 2 + 1, b'R'),
        DecodeError::Malformed { .. }
    ));
}

#[test]
fn a_set_with_bits_past_its_end_is_refused() {
    let frame = frame(FrameKind::Share, 1, 1, Vec::new(), 9);
    let mut bytes = frame.encode();
    let set_ends = bytes.len() - SIGNATURE_LEN - 32 - 8;
    bytes[set_ends - 1] |= 0b10;
    assert!(matches!(
        Frame::decode(&bytes, LIMIT),
        Err(DecodeError::Malformed { .. })
    ));
}

#[test]
fn clones_share_the_payload() {
    let frame = frame(FrameKind::Input, 1, 0, vec![0; 1 << 16], 2);
    let copies: Vec<_> = (0..160).map(|_| frame.clone()).collect();
    assert!(
        copies
            .iter()
            .all(|c| c.payload().as_ptr() == frame.payload().as_ptr())
    );
}

#[test]
fn labels_are_short_and_plain() {
    for good in ["a", "key/relin-1", "refresh", &"x".repeat(48)] {
        assert_eq!(Label::new(good).unwrap().as_str(), good);
    }
    for bad in ["", "A", "a b", "ä", &"x".repeat(49)] {
        assert!(
            matches!(Label::new(bad), Err(Error::Label { .. })),
            "{bad:?}"
        );
    }
}
