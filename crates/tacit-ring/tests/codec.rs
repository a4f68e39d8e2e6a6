//! Encoded polynomials: every width round-trips, and damage is refused.

use proptest::prelude::*;
use tacit_ring::codec::{Reader, add_encoded, check_encoded, encoded_poly_len, write_poly};
use tacit_ring::{Basis, DecodeError, Ntt, Ring, RingKind, RnsPoly, Seed, sample};

/// Primes ≡ 1 mod 32 of one to seven bytes.
const PRIMES: [u64; 7] = [
    97,
    7681,
    786_433,
    469_762_049,
    1_099_511_627_521,
    4_398_046_509_473,
    1_125_899_906_842_273,
];

fn ring() -> Ring {
    let primes: Vec<u64> = PRIMES
        .iter()
        .map(|&q| {
            (q..)
                .find(|&q| q % 32 == 1 && tacit_ring::is_prime(q))
                .unwrap()
        })
        .collect();
    Ring::new(RingKind::Standard, 4, &primes, &[]).unwrap()
}

fn encoded(ring: &Ring, seed: u8) -> (RnsPoly<Ntt>, Vec<u8>) {
    let mut xof = Seed::from_bytes([seed; 32]).expand();
    let poly = sample::uniform(ring, ring.full_basis(), &mut xof);
    let mut bytes = vec![];
    write_poly(&mut bytes, ring, &poly);
    (poly, bytes)
}

fn decoded(ring: &Ring, bytes: &[u8]) -> Result<RnsPoly<Ntt>, DecodeError> {
    let mut reader = Reader::new("poly", bytes);
    let poly = reader.poly(ring, ring.full_basis())?;
    reader.finish()?;
    Ok(poly)
}

proptest! {
    #[test]
    fn every_width_round_trips_and_adds(seed: u8) {
        let ring = ring();
        let basis = ring.full_basis();
        let (a, mut bytes) = encoded(&ring, seed);
        prop_assert_eq!(bytes.len(), encoded_poly_len(&ring, basis));
        prop_assert!(check_encoded("poly", &ring, basis, &bytes).is_ok());
        prop_assert_eq!(&decoded(&ring, &bytes).unwrap(), &a);
        let (b, other) = encoded(&ring, seed.wrapping_add(1));
        add_encoded(&ring, basis, &mut bytes, &other);
        let mut sum = a;
        ring.add_assign(&mut sum, &b);
        prop_assert_eq!(&decoded(&ring, &bytes).unwrap(), &sum);
    }

    #[test]
    fn damage_is_refused(seed: u8, cut in 0usize..440, limb in 0usize..7, index in 0usize..16) {
        let ring = ring();
        let (_, bytes) = encoded(&ring, seed);
        let cut = cut.min(bytes.len() - 1);
        let refused = matches!(decoded(&ring, &bytes[..cut]), Err(DecodeError::Truncated { .. }));
        prop_assert!(refused);
        let mut longer = bytes.clone();
        longer.push(0);
        let refused = matches!(decoded(&ring, &longer), Err(DecodeError::TrailingBytes { .. }));
        prop_assert!(refused);
        // A residue with all bits set is too large.
        let start = encoded_poly_len(&ring, Basis::q(limb));
        let width = (encoded_poly_len(&ring, Basis::q(limb + 1)) - start) / 16;
        let mut large = bytes.clone();
        large[start + width * index..][..width].fill(0xff);
        match decoded(&ring, &large) {
            Err(DecodeError::Residue { limb: l, index: i, .. }) => {
                prop_assert_eq!((l, i), (limb, index));
            }
            other => prop_assert!(false, "{:?}", other.map(|_| ())),
        }
    }
}
