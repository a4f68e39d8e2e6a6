//! Hardened networks in folders, and the secrets of clients.

use std::path::{Path, PathBuf};

use tacit_data::tasks::TaskData;
use tacit_nn::layered::{Architecture, Layered};
use tacit_nn::train::{Recipe, fit};
use tacit_nn::{Draws, Samples};
use tacit_seal::file;
use tacit_split::client::{Deployment, Head};
use tacit_split::export::{self, Manifest};
use tacit_split::harden::{Hardened, Method, harden};
use tacit_split::noise::ClientSecret;
use zeroize::Zeroizing;

use super::model;
use crate::Error;
use crate::error::Context;

/// The file a client's secret is kept in, beside its encoder.
const SECRET: &str = "client.secret";

/// The folder of an export: named itself, or by one of its files.
pub fn folder(path: &Path) -> PathBuf {
    match path.is_dir() {
        true => path.to_owned(),
        false => path.parent().map_or_else(PathBuf::new, Path::to_owned),
    }
}

/// Encoder and head of an export. Where the head is not there, as at a client, one is trained on the
/// features of `rows` in its place: for the audit it only has to know what the public answer tells.
pub fn deployment(path: &Path, rows: &TaskData) -> Result<(Manifest, Deployment, HeadUsed), Error> {
    let folder = folder(path);
    let unusable = || "the encoder cannot be used";
    let secret = ClientSecret::generate().failed(|| "no secret can be drawn")?;
    let (manifest, client) = export::load_client(&folder, secret).bad_input(unusable)?;
    if folder.join(&manifest.head.file).exists() {
        let (_, head) = export::load_head(&folder).bad_input(unusable)?;
        return Ok((manifest, Deployment { client, head }, HeadUsed::Exported));
    }
    let sent = client.sent(&model::rows(rows)?, 0).bad_input(unusable)?;
    let classes = rows.public.classes.len();
    let failed = || "no head can be trained on the features";
    let sizes = [sent.columns(), 64, classes];
    let architecture = Architecture::mlp(&sizes).failed(failed)?;
    let network =
        Layered::new(&architecture, &mut Draws::new(0, "head of an audit")).failed(failed)?;
    let samples = Samples::new(sent, rows.public.values.clone(), classes).failed(failed)?;
    let fitted = fit(network, &samples, None, &Recipe::default(), |_| {}).failed(failed)?;
    let head = Head::new(fitted.network, manifest.veil).failed(failed)?;
    Ok((manifest, Deployment { client, head }, HeadUsed::Trained))
}

/// Where the head of an audit is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadUsed {
    /// From the export.
    Exported,
    /// Trained on the auditor's rows.
    Trained,
}

/// A network as it was deployed, cut at the same place and without a veil.
pub fn undefended(network: &Layered, cut: usize, rows: &TaskData) -> Result<Hardened, Error> {
    let samples = model::samples(rows, &rows.public)?;
    let recipe = tacit_split::Recipe::of(Method::Undefended);
    harden(network, cut, &samples, &samples, None, &recipe, |_| {})
        .bad_input(|| "the network cannot be cut there")
}

/// A client's part in memory, under a secret of its own.
pub fn deploy(hardened: &Hardened) -> Result<Deployment, Error> {
    let secret = ClientSecret::generate().failed(|| "no secret can be drawn")?;
    Deployment::of(hardened, secret).failed(|| "the network cannot be taken apart")
}

/// The secret in a file, made when it is not there: readable by its owner alone.
pub fn secret(path: Option<&Path>, folder: &Path) -> Result<ClientSecret, Error> {
    let path = path.map_or_else(|| folder.join(SECRET), Path::to_owned);
    let broken = || format!("{} holds no secret", path.display());
    if path.exists() {
        let text = std::fs::read_to_string(&path).bad_input(broken)?;
        let bytes = unhex(text.trim()).ok_or_else(|| {
            Error::bad_input(broken())
                .remedy("it is 64 hexadecimal digits; remove it to begin a new one")
        })?;
        return Ok(ClientSecret::from_bytes(bytes));
    }
    let secret = ClientSecret::generate().failed(|| "no secret can be drawn")?;
    let digits = secret.expose().iter().map(|b| format!("{b:02x}"));
    let digits = Zeroizing::new(digits.collect::<String>());
    file::create(&path, digits.as_bytes())
        .failed(|| format!("{} cannot be written", path.display()))?;
    Ok(secret)
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let bytes = text.as_bytes();
    if bytes.len() != 64 || !bytes.is_ascii() {
        return None;
    }
    let mut found = [0; 32];
    for (byte, at) in found.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let first = secret(None, folder.path()).unwrap();
        let again = secret(None, folder.path()).unwrap();
        assert_eq!(first.expose(), again.expose());
        let path = folder.path().join("other");
        std::fs::write(&path, "12").unwrap();
        assert!(secret(Some(&path), folder.path()).is_err());
    }
}
