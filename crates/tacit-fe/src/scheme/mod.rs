//! Functional encryption of quadratic forms.
//!
//! An *authority* holds a master secret. Whoever has its public key encrypts a vector x of small
//! integers; for a quadratic network f the authority issues a *functional key*; and a server with
//! that key and a ciphertext learns f(x), in the exponent, and nothing else of x.
//!
//! # The scheme
//! [`GenericGroup`] is the scheme of Dufour-Sans, Gay and Pointcheval ("Reading in the dark", IACR
//! ePrint 2018/206) as Ryffel, Dufour-Sans, Gay, Bach and Pointcheval use it (NeurIPS 2019). With
//! \[a\]_1 = a·g1, \[a\]_2 = a·g2, \[a\]_T = e(g1,g2)^a:
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
//! # What is promised and what is not
//! * The proof is in the **generic group model**: it covers attacks that use the groups as black
//!   boxes. BLS12-381 gives about 126 bits against the best known discrete logarithms.
//! * **The outputs leak by design.** The server learns f(x) exactly, and whatever follows from it.
//! * **Any key opens every ciphertext under its master public key**, past and future. Keys are
//!   linear: holders of keys for f and g can make one for f + g, so what counts is the number of
//!   independent outputs ever issued (the authority's rank budget). Revoking means a new master
//!   key.
//! * Nothing says that a ciphertext was made by an honest encryptor, or of inputs in range: an
//!   encryptor can put any exponents into it. A wrong ciphertext gives a wrong output or none.
//! * Holders of the master secret (the authority, and encryptors in authority mode) can read every
//!   ciphertext.
//!
//! # Example
//! ```
//! use tacit_fe::scheme::{Encryptor, GenericGroup, QuadraticFe, Timing};
//! use tacit_fe::{IntegerModel, group::Gt};
//!
//! let model = IntegerModel::from_json(
//!     br#"{"inputs":2,"hidden":2,"outputs":1,"p":[[1,0],[1,-1]],"d":[[1],[2]],"input_max":9}"#,
//! )?;
//! let scheme = GenericGroup::default();
//! let (public, master) = scheme.setup(2, 9)?;
//! let key = scheme.keygen(&master, &model)?;
//! let ciphertext = Encryptor::public(&public, Timing::ConstantTime).encrypt(&[3, 4])?;
//! let plan = scheme.prepare(&key, &model)?;
//! let outputs = scheme.evaluate(&plan, &ciphertext)?;
//! assert_eq!(outputs, [Gt::generator().pow(7 * 7 + 2 * 4 * 4)]);
//! # Ok::<(), tacit_fe::FeError>(())
//! ```

mod ciphertext;
mod encrypt;
mod evaluate;
mod format;
mod keys;

pub use ciphertext::Ciphertext;
pub use encrypt::{Encryptor, Timing};
pub use evaluate::EvaluationPlan;
pub use keys::{FunctionalKey, MasterSecret, PublicKey, PublicKeyHash};

use crate::error::FeError;
use crate::group::Gt;
use crate::model::IntegerModel;

/// Functional encryption of quadratic networks, whatever it rests on.
pub trait QuadraticFe {
    /// What the authority keeps.
    type MasterSecret;
    /// What encryptors use.
    type PublicKey;
    /// What the server gets: one element for each of the K outputs.
    type FunctionalKey;
    /// An encrypted vector.
    type Ciphertext;
    /// A functional key made ready for many evaluations.
    type Plan;

    /// Keys for vectors of `inputs` integers in 0 … `input_max`.
    fn setup(
        &self,
        inputs: usize,
        input_max: u16,
    ) -> Result<(Self::PublicKey, Self::MasterSecret), FeError>;

    /// The key for the K outputs of a model.
    fn keygen(
        &self,
        secret: &Self::MasterSecret,
        model: &IntegerModel,
    ) -> Result<Self::FunctionalKey, FeError>;

    /// Encrypts under the public key. For more than a few vectors keep the scheme's encryptor.
    fn encrypt(&self, public: &Self::PublicKey, x: &[u16]) -> Result<Self::Ciphertext, FeError>;

    /// Encrypts with the master secret: faster, same distribution of ciphertexts.
    fn encrypt_as_authority(
        &self,
        secret: &Self::MasterSecret,
        x: &[u16],
    ) -> Result<Self::Ciphertext, FeError>;

    /// Everything of an evaluation that does not depend on the ciphertext.
    fn prepare(
        &self,
        key: &Self::FunctionalKey,
        model: &IntegerModel,
    ) -> Result<Self::Plan, FeError>;

    /// gT^{f_k(x)} for k = 1 … K.
    fn evaluate(
        &self,
        plan: &Self::Plan,
        ciphertext: &Self::Ciphertext,
    ) -> Result<Vec<Gt>, FeError>;
}

/// The scheme in the generic group model; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GenericGroup {
    timing: Timing,
    threads: usize,
}

impl Default for GenericGroup {
    /// Constant-time, one thread.
    fn default() -> Self {
        Self {
            timing: Timing::ConstantTime,
            threads: 1,
        }
    }
}

impl GenericGroup {
    /// With another treatment of secrets in [`QuadraticFe::encrypt`] and
    /// [`QuadraticFe::encrypt_as_authority`].
    pub fn with_timing(self, timing: Timing) -> Self {
        Self { timing, ..self }
    }

    /// With a number of threads for evaluations; at least one is used.
    pub fn with_threads(self, threads: usize) -> Self {
        let threads = threads.max(1);
        Self { threads, ..self }
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
    ) -> Result<EvaluationPlan, FeError> {
        EvaluationPlan::new(key, model, self.threads)
    }

    fn evaluate(&self, plan: &EvaluationPlan, ciphertext: &Ciphertext) -> Result<Vec<Gt>, FeError> {
        plan.evaluate(ciphertext)
    }
}
