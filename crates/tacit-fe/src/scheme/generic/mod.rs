//! The scheme in the generic group model: Dufour-Sans, Gay and Pointcheval, "Reading in the dark" (IACR
//! ePrint 2018/206), as Ryffel, Dufour-Sans, Gay, Bach and Pointcheval use it (NeurIPS 2019).
//!
//! With \[a\]_1 = a·g1, \[a\]_2 = a·g2, \[a\]_T = e(g1,g2)^a:
//!
//! ```text
//!   setup     s, t ∈ Z_r^n uniform                master secret (s, t), public key ([s]_1, [t]_2)
//!   encrypt   γ ∈ Z_r, W ∈ GL_2(Z_r) uniform      c0  = [γ]_1
//!                                                 a_i = [W^{-T} (x_i, γ s_i)]_1       i = 1 … n
//!                                                 b_i = [W (x_i, −t_i)]_2
//!   key       f = Σ f_ij x_i x_j                  k_f = [f(s, t)]_2 = [Σ f_ij s_i t_j]_2
//!   evaluate  e(c0, k_f) · Π e(a_i, b_j)^{f_ij}   = [f(x)]_T
//! ```
//!
//! because ⟨W^{-T}(x_i, γ s_i), W(x_j, −t_j)⟩ = x_i x_j − γ s_i t_j. For a network
//! f_k(x) = Σ_j D_jk (Pᵀx)_j² the n² pairings collapse: with the *projected* ciphertext
//! A_j = Σ_i P_ij a_i and B_j = Σ_i P_ij b_i,
//!
//! ```text
//!   [f_k(x)]_T = e(c0, k_k) · Π_j e(A_j, B_j)^{D_jk}
//! ```
//!
//! which is d pairings of two points each, shared by all K outputs; see [`EvaluationPlan`].
//!
//! The proof is in the **generic group model**: it covers attacks that use the groups as black boxes,
//! whatever inputs they choose and when.

mod encrypt;
mod evaluate;
mod keys;

use super::construction::{Construction, Count, Kinds, Layout};
use super::{
    CiphertextOf, EncryptorOf, EvaluationPlanOf, FunctionalKeyOf, MasterSecretOf, PublicKeyOf,
    Timing,
};

/// The scheme in the generic group model; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GenericGroup {
    timing: Timing,
}

/// (\[s\]_1, \[t\]_2): what one needs to encrypt in the generic group model.
pub type PublicKey = PublicKeyOf<GenericGroup>;

/// (s, t). Never printed, not cloned, erased on drop.
pub type MasterSecret = MasterSecretOf<GenericGroup>;

/// A key for the K outputs of one model, under one master key: \[f_k(s, t)\]_2, K points of G2.
pub type FunctionalKey = FunctionalKeyOf<GenericGroup>;

/// A vector encrypted in the generic group model: (\[γ\]_1, a, b), 2n + 1 points of G1 and 2n of G2.
pub type Ciphertext = CiphertextOf<GenericGroup>;

/// Encrypts in the generic group model.
pub type Encryptor<'a> = EncryptorOf<'a, GenericGroup>;

/// Evaluates in the generic group model.
pub type EvaluationPlan = EvaluationPlanOf<GenericGroup>;

impl GenericGroup {
    /// With another treatment of secrets in [`encrypt`](super::QuadraticFe::encrypt) and
    /// [`encrypt_as_authority`](super::QuadraticFe::encrypt_as_authority); constant-time by default.
    pub fn with_timing(self, timing: Timing) -> Self {
        Self { timing }
    }
}

impl Construction for GenericGroup {
    const LAYOUT: Layout = Layout {
        kinds: Kinds {
            public_key: 0xf1,
            master_secret: 0xf2,
            functional_key: 0xf3,
            ciphertext: 0xf4,
            raw_ciphertext: 0xf5,
        },
        public_key: "fe public key",
        master_secret: "fe master secret",
        scalars: Count { whole: 0, each: 2 },
        public_g1: Count { whole: 0, each: 1 },
        hidden: 0,
        mask: 1,
        g1: 2,
        g2: 2,
    };

    fn timing(&self) -> Timing {
        self.timing
    }
}
