use crate::model::ModelError;

/// What can go wrong with functional keys, ciphertexts and models. Grouped by who can mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeError {
    /// The model, or an input that does not fit it.
    #[error(transparent)]
    Model(#[from] ModelError),
}
