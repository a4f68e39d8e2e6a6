//! The two kinds of multiples that keys and ciphertexts are made of, many at a time: of a generator by
//! full scalars, and of the points of a public key, all by one secret factor, blinding small inputs.

use tacit_ring::Xof;
use zeroize::Zeroizing;

use super::Scalar;
use super::both::InLanes;
use super::fixed::{Accumulation, Lookup, Summand, Tables};

/// Bits of a scalar.
const SCALAR_BITS: usize = 255;

/// Signed digits of four bits for the points of a public key: eight entries.
const WINDOW: usize = 4;

/// Tables of a generator, for multiples by scalars: no doublings.
pub(crate) struct Generator<C> {
    tables: Tables<C>,
    lookup: Lookup,
}

#[allow(private_bounds)]
impl<C: InLanes> Generator<C> {
    /// The tables, in the size that suits the way they are read.
    pub(crate) fn new(lookup: Lookup) -> Self {
        // Reading a table in full costs as much as an addition at about 2^6 entries.
        let window = match lookup {
            Lookup::Masked => 6,
            Lookup::Indexed => 8,
        };
        let generator = C::to_affine(&[C::generator()]);
        Self {
            tables: Tables::new(&generator, SCALAR_BITS, window, SCALAR_BITS),
            lookup,
        }
    }

    /// Memory used.
    pub(crate) fn bytes(&self) -> usize {
        self.tables.bytes()
    }

    /// One multiple for each scalar; none if one of them is the identity.
    pub(crate) fn multiples(&self, scalars: &[Scalar], xof: &mut Xof) -> Option<Vec<C::Affine>> {
        let sums = Accumulation {
            summands: &[Summand {
                tables: &self.tables,
                digits: &self.tables.digits(scalars),
            }],
            count: scalars.len(),
            lookup: self.lookup,
        };
        sums.run(xof)
    }

    /// The same for scalars that may be zero: if one is, all are multiplied one by one (which shows in
    /// the time taken).
    pub(crate) fn multiples_of_any(&self, scalars: &[Scalar], xof: &mut Xof) -> Vec<C::Affine> {
        self.multiples(scalars, xof).unwrap_or_else(|| {
            let g = C::generator();
            let points: Vec<C::Point> = scalars.iter().map(|s| C::mul(&g, s)).collect();
            C::to_affine(&points)
        })
    }
}

/// Tables of a list of known points.
pub(crate) struct PointTables<C>(Tables<C>);

#[allow(private_bounds)]
impl<C: InLanes> PointTables<C> {
    /// A number of tables for each point: more memory, fewer doublings.
    pub(crate) fn new(points: &[C::Affine], tables: usize) -> Self {
        Self(Tables::new(points, SCALAR_BITS, WINDOW, tables))
    }

    /// Memory used.
    pub(crate) fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

/// The vector that is encrypted.
pub(crate) struct SmallInputs {
    scalars: Zeroizing<Vec<Scalar>>,
    bits: usize,
}

impl SmallInputs {
    /// Of a vector of values up to `largest`.
    pub(crate) fn new(x: &[u16], largest: u16) -> Self {
        let scalars = x.iter().map(|&x| Scalar::from(u64::from(x)));
        Self {
            scalars: Zeroizing::new(scalars.collect()),
            bits: (u16::BITS - largest.leading_zeros()) as usize,
        }
    }

    /// x.
    pub(crate) fn scalars(&self) -> &[Scalar] {
        &self.scalars
    }
}

/// x_i·of_x·G + Σ_b factor_b·P_{b,i} for all i, with G the generator and the points of each table those
/// P_b; none in an exception of the affine formula, or if a sum is the identity.
#[allow(private_bounds)]
pub(crate) fn blinded<C: InLanes>(
    x: &SmallInputs,
    of_x: &Scalar,
    points: &[(&PointTables<C>, &Scalar)],
    lookup: Lookup,
    xof: &mut Xof,
) -> Option<Vec<C::Affine>> {
    let count = x.scalars.len();
    // x has few digits, so its tables are quickly made; they are of a secret point, used once.
    let base = C::to_affine(&[C::mul(&C::generator(), of_x)]);
    let small = Tables::new(&base, x.bits, WINDOW, x.bits);
    let small_digits = small.digits(&x.scalars);
    let digits: Vec<Zeroizing<Vec<i16>>> = points
        .iter()
        .map(|(tables, factor)| tables.0.digits(&Zeroizing::new(vec![**factor; count])))
        .collect();
    let mut summands: Vec<Summand<'_, C>> = vec![Summand {
        tables: &small,
        digits: &small_digits,
    }];
    for ((tables, _), digits) in points.iter().zip(&digits) {
        summands.push(Summand {
            tables: &tables.0,
            digits,
        });
    }
    let sums = Accumulation {
        summands: &summands,
        count,
        lookup,
    };
    sums.run(xof)
}
