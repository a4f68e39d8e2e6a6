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
mod format;
mod keys;

pub use evaluate::EvaluationPlan;
pub use keys::{FunctionalKey, MasterSecret, PublicKey};

use super::{CiphertextOf, EncryptorOf, QuadraticFe, Timing};
use crate::error::FeError;
use crate::group::Gt;
use crate::model::IntegerModel;

/// The scheme in the generic group model; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GenericGroup {
    timing: Timing,
}

/// A vector encrypted in the generic group model: (\[γ\]_1, a, b), 2n + 1 points of G1 and 2n of G2.
pub type Ciphertext = CiphertextOf<GenericGroup>;

/// Encrypts in the generic group model.
pub type Encryptor<'a> = EncryptorOf<'a, GenericGroup>;

impl GenericGroup {
    /// With another treatment of secrets in [`QuadraticFe::encrypt`] and
    /// [`QuadraticFe::encrypt_as_authority`]; constant-time by default.
    pub fn with_timing(self, timing: Timing) -> Self {
        Self { timing }
    }
}

impl QuadraticFe for GenericGroup {
    type MasterSecret = MasterSecret;
    type PublicKey = PublicKey;
    type FunctionalKey = FunctionalKey;
    type Ciphertext = Ciphertext;
    type Plan = EvaluationPlan;

    fn setup(&self, inputs: usize, input_max: u16) -> Result<(PublicKey, MasterSecret), FeError> {
        let secret = MasterSecret::generate(inputs, input_max)?;
        Ok((secret.public_key().clone(), secret))
    }

    fn keygen(
        &self,
        secret: &MasterSecret,
        model: &IntegerModel,
    ) -> Result<FunctionalKey, FeError> {
        secret.keygen(model)
    }

    fn encrypt(&self, public: &PublicKey, x: &[u16]) -> Result<Ciphertext, FeError> {
        Encryptor::public_once(public, self.timing).encrypt(x)
    }

    fn encrypt_as_authority(
        &self,
        secret: &MasterSecret,
        x: &[u16],
    ) -> Result<Ciphertext, FeError> {
        Encryptor::authority(secret, self.timing).encrypt(x)
    }

    fn prepare(
        &self,
        key: &FunctionalKey,
        model: &IntegerModel,
        threads: usize,
    ) -> Result<EvaluationPlan, FeError> {
        EvaluationPlan::new(key, model, threads)
    }

    fn evaluate(&self, plan: &EvaluationPlan, ciphertext: &Ciphertext) -> Result<Vec<Gt>, FeError> {
        plan.evaluate(ciphertext)
    }
}
