//! blst's arithmetic of single elements of F_p and of F_{p²} = F_p\[u\]/(u² + 1), as functions.

use blst::{blst_fp, blst_fp2};

/// p, little-endian.
pub(crate) const P: [u64; 6] = [
    0xb9fe_ffff_ffff_aaab,
    0x1eab_fffe_b153_ffff,
    0x6730_d2a0_f6b0_f624,
    0x6477_4b84_f385_12bf,
    0x4b1b_a7b6_434b_acd7,
    0x1a01_11ea_397f_e69a,
];

/// Wraps functions of blst that write their result through a pointer.
macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident($($arg:ident),+) -> $Type:ident = $function:ident($($rest:literal)?);)+) => {
        $(
            $(#[$doc])*
            pub(super) fn $name($($arg: &$Type),+) -> $Type {
                let mut out = $Type::default();
                // SAFETY: all point to values of the type.
                unsafe { blst::$function(&mut out, $($arg,)+ $($rest)?) };
                out
            }
        )+
    };
}

functions! {
    /// a + b.
    sum(a, b) -> blst_fp = blst_fp_add();
    /// a·b.
    product(a, b) -> blst_fp = blst_fp_mul();
    /// a².
    square(a) -> blst_fp = blst_fp_sqr();
    /// −a.
    negative(a) -> blst_fp = blst_fp_cneg(true);
    /// 1/a, or 0 for 0; not constant-time.
    inverse(a) -> blst_fp = blst_fp_eucl_inverse();
    /// a + b.
    sum2(a, b) -> blst_fp2 = blst_fp2_add();
    /// a·b.
    product2(a, b) -> blst_fp2 = blst_fp2_mul();
    /// a².
    square2(a) -> blst_fp2 = blst_fp2_sqr();
    /// −a.
    negative2(a) -> blst_fp2 = blst_fp2_cneg(true);
    /// 1/a, or 0 for 0; not constant-time.
    inverse2(a) -> blst_fp2 = blst_fp2_eucl_inverse();
}

/// a0 − a1·u.
pub(super) fn conjugate(a: &blst_fp2) -> blst_fp2 {
    blst_fp2 {
        fp: [a.fp[0], negative(&a.fp[1])],
    }
}

/// A small integer.
pub(super) fn small(value: u64) -> blst_fp {
    let mut out = blst_fp::default();
    // SAFETY: six words are read.
    unsafe { blst::blst_fp_from_uint64(&mut out, [value, 0, 0, 0, 0, 0].as_ptr()) };
    out
}

/// Big-endian bytes modulo p.
pub(super) fn from_bytes(bytes: &[u8; 48]) -> blst_fp {
    let mut out = blst_fp::default();
    // SAFETY: 48 bytes are read.
    unsafe { blst::blst_fp_from_bendian(&mut out, bytes.as_ptr()) };
    out
}
