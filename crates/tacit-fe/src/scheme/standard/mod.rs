//! The scheme in the standard model: Wee, "Functional Encryption for Quadratic Functions from k-Lin,
//! Revisited" (TCC 2020).
//!
//! # The scheme
//! A vector z is encrypted twice, y1 in G1 under a mask of two dimensions and y2 in G2 under one of one
//! dimension. With \[a\]_1 = a·g1 and so on, and vectors written as rows:
//!
//! ```text
//!   setup     A1 ∈ Z_r^{2×n}, A2 ∈ Z_r^{1×n}, A0 = (1, a), W ∈ Z_r^{2×3n} uniform
//!             public key ([a]_1, [A1]_1, [A0·W]_1, [A2]_2)
//!   encrypt   s1 ∈ Z_r^2, s2, r ∈ Z_r uniform
//!             y1 = [s1·A1 + z]_1      y2 = [s2·A2 + z]_2
//!             y0 = [r·A0]_1           y3 = [x + r·A0·W]_1     x = (s1 ⊗ z ‖ s2·y1) ∈ Z_r^{3n}
//!   key       F symmetric, v_F = ((A1 ⊗ I)·vec F ‖ (A2 ⊗ I)·vec F) ∈ Z_r^{3n}
//!             k_F = [W·v_Fᵀ]_2
//! ```
//!
//! Expanding the product of the two ciphertexts,
//!
//! ```text
//!   y1 F y2ᵀ = z F zᵀ + (s1·A1) F zᵀ + y1 F (s2·A2)ᵀ = f(z) + ⟨x, v_F⟩
//! ```
//!
//! and y0, y3, k_F are functional encryption for that inner product (Agrawal, Libert and Stehlé 2016; Wee
//! 2017): ⟨y3, v_F⟩ − ⟨y0, k_F⟩ = ⟨x, v_F⟩.
//!
//! For F = Σ_j D_jk p_j p_jᵀ the vector v_F is Σ_j D_jk (α_j ⊗ p_j), α_j = (A1·p_j, A2·p_j) ∈ Z_r^3, so
//! that everything projects onto the d columns of P. With Y1_j = ⟨p_j, y1⟩ and the like, and y3 cut into
//! three vectors of n points,
//!
//! ```text
//!   [f_k(z)]_T = e(y0, k_k) · Π_j ( e(Y1_j, Y2_j) · Π_{b=1..3} e(Y3_{b,j}, [−α_{b,j}]_2) )^{D_jk}
//! ```
//!
//! The points \[α_j\]_2 are part of the functional key, their lines part of the [`EvaluationPlan`].
//!
//! # The proof
//! *Selective, simulation-based* security: whoever fixes z before seeing the public key, and then asks
//! for any number of functional keys, sees nothing that could not be computed from their f(z). Each step
//! changes what the attacker sees, indistinguishably:
//!
//! 1. y0 = \[r·A0\]_1 becomes \[c\]_1 for a uniform c, and y3 = \[x + c·W\]_1. This is **DDH in G1**: W is
//!    known to the reduction, and so is all of x.
//! 2. With u such that A0·uᵀ = 0 and c·uᵀ = 1, W becomes W − uᵀ·x, which is as uniform. The public key
//!    shows A0·W and stays. Now y3 = \[c·W\]_1 is free of x, and keys are
//!    k_F = \[W·v_Fᵀ − uᵀ·⟨x, v_F⟩\]_2 with ⟨x, v_F⟩ = y1 F y2ᵀ − f(z). (This is where x, hence z, must not
//!    depend on the public key: *selective*.)
//! 3. s1·A1 becomes uniform, hence y1. The keys need (A1 ⊗ I)·vec F and y1 F y2ᵀ in **G2** while the public
//!    key and the ciphertext need A1 and y1 in **G1**: the assumption is that (A1, s1·A1) looks uniform when
//!    given in both groups, **bilateral 2-Lin**. With one dimension this is false: e(\[y1_i − z_i\]_1, \[A1_j\]_2)
//!    = e(\[y1_j − z_j\]_1, \[A1_i\]_2) would confirm a guess of z. That is why A1 has two rows.
//! 4. s2·A2 becomes uniform, hence y2. The exponents of y1 are known by now, so all that involves A2 or y2 is
//!    in G2: **DDH in G2**, and one dimension is enough.
//!
//! What is left is computed from f(z): y0, y1, y2 and y3 from nothing, keys from y1 F y2ᵀ − f(z). DDH in G1
//! and in G2 together are SXDH.
//!
//! *What keys may show.* Keys here hold \[A1·p_j\]_2 and \[A2·p_j\]_2 for every column p_j, which is more than the
//! \[v_F\]_2 of the paper's keys. It is covered: the reductions of steps 3 and 4 hold all of \[A1\]_2 and \[A2\]_2
//! and could publish them. They are in the keys, at 3d points, because no encryptor needs \[A1\]_2 and a server
//! then needs no public key.
//!
//! *Many ciphertexts.* Simulation is of one ciphertext; that many ciphertexts are indistinguishable from
//! others with the same outputs follows one by one, as for every public-key scheme.
//!
//! # Time and secrets
//! Key generation is constant-time, and so is encryption unless [`Timing::Tables`] is asked for, as in the
//! other scheme.

mod encrypt;
mod evaluate;
mod keys;

use super::construction::{Construction, Count, Kinds, Layout};
use super::{
    CiphertextOf, EncryptorOf, EvaluationPlanOf, FunctionalKeyOf, MasterSecretOf, PublicKeyOf,
    Timing,
};

/// Rows of A1.
const ROWS: usize = 2;
/// Vectors of n entries that x consists of: a multiple of z for each row of A1, and one of y1.
const BLOCKS: usize = ROWS + 1;

/// The scheme in the standard model; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StandardModel {
    timing: Timing,
}

/// (\[a\]_1, \[A1\]_1, \[A0·W\]_1, \[A2\]_2): what one needs to encrypt in the standard model.
pub type PublicKey = PublicKeyOf<StandardModel>;

/// (a, A1, A2, W). Never printed, not cloned, erased on drop.
pub type MasterSecret = MasterSecretOf<StandardModel>;

/// A key for the K outputs of one model, under one master key: \[α_j\]_2 of every column of P that is not
/// zero, three points each, and \[W·v_k\]_2 of every output, two points each.
pub type FunctionalKey = FunctionalKeyOf<StandardModel>;

/// A vector encrypted in the standard model: 4n + 2 points of G1 (y0, y1, y3) and n of G2 (y2).
pub type Ciphertext = CiphertextOf<StandardModel>;

/// Encrypts in the standard model.
pub type Encryptor<'a> = EncryptorOf<'a, StandardModel>;

/// Evaluates in the standard model.
pub type EvaluationPlan = EvaluationPlanOf<StandardModel>;

impl StandardModel {
    /// With another treatment of secrets in [`encrypt`](super::QuadraticFe::encrypt) and
    /// [`encrypt_as_authority`](super::QuadraticFe::encrypt_as_authority); constant-time by default.
    pub fn with_timing(self, timing: Timing) -> Self {
        Self { timing }
    }
}

impl Construction for StandardModel {
    const LAYOUT: Layout = Layout {
        kinds: Kinds {
            public_key: 0xf6,
            master_secret: 0xf7,
            functional_key: 0xf8,
            ciphertext: 0xf9,
            raw_ciphertext: 0xfa,
        },
        public_key: "fe standard public key",
        master_secret: "fe standard master secret",
        // a; the rows of A1, A2, and W.
        scalars: Count {
            whole: 1,
            each: ROWS + 1 + 2 * BLOCKS,
        },
        // a; the rows of A1, and A0·W.
        public_g1: Count {
            whole: 1,
            each: ROWS + BLOCKS,
        },
        hidden: BLOCKS,
        mask: 2,
        g1: 1 + BLOCKS,
        g2: 1,
    };

    fn timing(&self) -> Timing {
        self.timing
    }
}
