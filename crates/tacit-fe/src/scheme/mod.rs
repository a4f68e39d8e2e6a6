//! Functional encryption of quadratic forms.
//!
//! An *authority* holds a master secret. Whoever has its public key encrypts a vector x of small
//! integers; for a quadratic network f_k(x) = Σ_j D_jk (Pᵀx)_j² the authority issues a *functional
//! key*; and a server with that key and a ciphertext learns f(x), in the exponent, and nothing else of x.
//!
//! # Two schemes
//! | | [`GenericGroup`] ([`generic`]) | [`StandardModel`] ([`standard`]) |
//! |---|---|---|
//! | paper | Dufour-Sans, Gay, Pointcheval 2018 | Wee 2020 |
//! | proven | in the generic group model | from bilateral 2-Lin and SXDH |
//! | against | adaptive choice of inputs | inputs chosen before the public key is seen |
//! | ciphertext | 2n + 1 points of G1, 2n of G2 | 4n + 2 points of G1, n of G2 |
//! | functional key | K points of G2 | 3d + 2K points of G2 |
//!
//! Neither proof implies the other: the first is of a stronger game against attackers that use the groups
//! as black boxes, the second of a weaker game against all attackers. The commands, the authority's
//! folder and the types at the root of this crate are those of the first. Both are [`QuadraticFe`], and
//! [`Evaluator`](crate::Evaluator) decrypts either.
//!
//! # What is promised and what is not
//! * BLS12-381 gives about 126 bits against the best known discrete logarithms.
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
//! use tacit_fe::scheme::{GenericGroup, QuadraticFe, StandardModel};
//! use tacit_fe::{FeError, IntegerModel, group::Gt};
//!
//! fn run(scheme: &impl QuadraticFe) -> Result<Vec<Gt>, FeError> {
//!     let model = IntegerModel::from_json(
//!         br#"{"inputs":2,"hidden":2,"outputs":1,"p":[[1,0],[1,-1]],"d":[[1],[2]],"input_max":9}"#,
//!     )?;
//!     let (public, master) = scheme.setup(2, 9)?;
//!     let key = scheme.keygen(&master, &model)?;
//!     let ciphertext = scheme.encrypt(&public, &[3, 4])?;
//!     let plan = scheme.prepare(&key, &model, 1)?;
//!     scheme.evaluate(&plan, &ciphertext)
//! }
//!
//! let expected = [Gt::generator().pow(7 * 7 + 2 * 4 * 4)];
//! assert_eq!(run(&GenericGroup::default())?, expected);
//! assert_eq!(run(&StandardModel::default())?, expected);
//! # Ok::<(), tacit_fe::FeError>(())
//! ```

mod ciphertext;
mod construction;
mod domain;
mod encryptor;
mod format;
pub mod generic;
mod keys;
mod network;
mod plan;
pub mod standard;
mod timing;

pub use ciphertext::CiphertextOf;
pub use domain::PublicKeyHash;
pub use encryptor::EncryptorOf;
pub use generic::{
    Ciphertext, Encryptor, EvaluationPlan, FunctionalKey, GenericGroup, MasterSecret, PublicKey,
};
pub use keys::{FunctionalKeyOf, MasterSecretOf, PublicKeyOf};
pub use plan::EvaluationPlanOf;
pub use standard::StandardModel;
pub use timing::Timing;

use crate::error::FeError;
use crate::group::Gt;
use crate::model::IntegerModel;
use construction::Construction;

/// Functional encryption of quadratic networks, whatever it rests on: [`GenericGroup`] or [`StandardModel`].
pub trait QuadraticFe: Send + Sync {
    /// What the authority keeps.
    type MasterSecret;
    /// What encryptors use.
    type PublicKey;
    /// What the server gets for a model.
    type FunctionalKey;
    /// An encrypted vector.
    type Ciphertext: Send + Sync;
    /// A functional key made ready for many evaluations.
    type Plan: Send + Sync;

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

    /// Everything of an evaluation that does not depend on the ciphertext, for a number of threads.
    fn prepare(
        &self,
        key: &Self::FunctionalKey,
        model: &IntegerModel,
        threads: usize,
    ) -> Result<Self::Plan, FeError>;

    /// gT^{f_k(x)} for k = 1 … K.
    fn evaluate(
        &self,
        plan: &Self::Plan,
        ciphertext: &Self::Ciphertext,
    ) -> Result<Vec<Gt>, FeError>;
}

impl<S: Construction> QuadraticFe for S {
    type MasterSecret = MasterSecretOf<S>;
    type PublicKey = PublicKeyOf<S>;
    type FunctionalKey = FunctionalKeyOf<S>;
    type Ciphertext = CiphertextOf<S>;
    type Plan = EvaluationPlanOf<S>;

    fn setup(
        &self,
        inputs: usize,
        input_max: u16,
    ) -> Result<(Self::PublicKey, Self::MasterSecret), FeError> {
        let secret = MasterSecretOf::generate(inputs, input_max)?;
        Ok((secret.public_key().clone(), secret))
    }

    fn keygen(
        &self,
        secret: &Self::MasterSecret,
        model: &IntegerModel,
    ) -> Result<Self::FunctionalKey, FeError> {
        secret.keygen(model)
    }

    fn encrypt(&self, public: &Self::PublicKey, x: &[u16]) -> Result<Self::Ciphertext, FeError> {
        EncryptorOf::public_once(public, self.timing()).encrypt(x)
    }

    fn encrypt_as_authority(
        &self,
        secret: &Self::MasterSecret,
        x: &[u16],
    ) -> Result<Self::Ciphertext, FeError> {
        EncryptorOf::authority(secret, self.timing()).encrypt(x)
    }

    fn prepare(
        &self,
        key: &Self::FunctionalKey,
        model: &IntegerModel,
        threads: usize,
    ) -> Result<Self::Plan, FeError> {
        EvaluationPlanOf::new(key, model, threads)
    }

    fn evaluate(
        &self,
        plan: &Self::Plan,
        ciphertext: &Self::Ciphertext,
    ) -> Result<Vec<Gt>, FeError> {
        plan.evaluate(ciphertext)
    }
}
