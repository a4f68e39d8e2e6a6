/// What can go wrong with functional keys, ciphertexts and models. Grouped by who can mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeError {}
