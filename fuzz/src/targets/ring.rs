//! The rows of a polynomial.

use super::canonical;
use std::sync::LazyLock;
use tacit_ring::codec::{Reader, write_poly};
use tacit_ring::{Basis, Ntt, Ring, RingKind, RnsPoly, Seed, ntt_primes, sample};

static STANDARD: LazyLock<Ring> = LazyLock::new(|| ring(RingKind::Standard));
static REAL: LazyLock<Ring> = LazyLock::new(|| ring(RingKind::ConjugateInvariant));

const BASIS: Basis = Basis { q: 2, p: 1 };

fn ring(kind: RingKind) -> Ring {
    let primes = ntt_primes(&[50, 40, 50], kind.root_order(4)).expect("such primes exist");
    Ring::new(kind, 4, &primes[..2], &primes[2..]).expect("a valid ring")
}

fn run(ring: &Ring, data: &[u8]) -> bool {
    let mut reader = Reader::new("polynomial", data);
    let Ok(poly): Result<RnsPoly<Ntt>, _> = reader.poly(ring, BASIS) else {
        return false;
    };
    if reader.finish().is_err() {
        return false;
    }
    let mut again = Vec::new();
    write_poly(&mut again, ring, &poly);
    canonical(data, &again)
}

fn seeds(ring: &Ring) -> Vec<Vec<u8>> {
    let uniform = sample::uniform(ring, BASIS, &mut Seed::from_bytes([1; 32]).expand());
    [uniform, ring.zero(BASIS)]
        .iter()
        .map(|poly| {
            let mut bytes = Vec::new();
            write_poly(&mut bytes, ring, poly);
            bytes
        })
        .collect()
}

pub fn standard(data: &[u8]) -> bool {
    run(&STANDARD, data)
}

pub fn standard_seeds() -> Vec<Vec<u8>> {
    seeds(&STANDARD)
}

pub fn real(data: &[u8]) -> bool {
    run(&REAL, data)
}

pub fn real_seeds() -> Vec<Vec<u8>> {
    seeds(&REAL)
}
