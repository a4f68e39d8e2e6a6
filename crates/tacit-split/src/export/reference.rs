//! What both parts make of given rows, in a file, for whoever runs them in another runtime.

use super::Export;
use crate::error::SplitError;
use crate::noise::ClientSecret;
use tacit_nn::store::{Metadata, Parameter, Tensors, to_tensors};
use tacit_nn::{Matrix, predict};

impl Export {
    /// Rows and what becomes of them, as safetensors:
    ///
    /// | tensor | holds |
    /// |---|---|
    /// | `rows` | the rows |
    /// | `features` | what the encoder's file makes of them: normalised, clipped, **bare** |
    /// | `sent` | the same under the veil of this secret: what a client sends |
    /// | `answers_bare` | what the head's file makes of `features` |
    /// | `answers` | what it makes of `sent` |
    ///
    /// The veil is not part of any ONNX file, so another runtime can be held against `features`,
    /// `answers_bare` and `answers`, and takes `sent` as it is. `examples/compare.py` does that with
    /// onnxruntime.
    pub fn reference(&self, rows: &Matrix, secret: ClientSecret) -> Result<Vec<u8>, SplitError> {
        let (client, head) = (self.client(secret)?, self.head()?);
        let features = client.clean(rows)?;
        let sent = client.sent(rows, 0)?;
        let named = [
            ("answers", head.answer(&sent)?),
            ("answers_bare", predict::logits(head.network(), &features)?),
            ("features", features),
            ("rows", rows.clone()),
            ("sent", sent),
        ];
        let tensors: Tensors = named
            .into_iter()
            .map(|(name, matrix)| {
                let shape = vec![matrix.rows(), matrix.columns()];
                let values = matrix.values().to_vec();
                (name.to_owned(), Parameter { shape, values })
            })
            .collect();
        let version = blake3::Hash::from_bytes(self.manifest.version()?).to_hex();
        let note = Metadata::from([("version".to_owned(), version.to_string())]);
        Ok(to_tensors(&tensors, &note)?)
    }
}
