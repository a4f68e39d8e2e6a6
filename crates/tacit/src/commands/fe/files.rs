//! Keys, models and ciphertexts as files: read within limits, refused by name.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use tacit_collateral::Head;
use tacit_fe::{Ciphertext, FeError, FunctionalKey, IntegerModel, PublicKey, PublicKeyHash};

use crate::Error;
use crate::error::Context;

/// The largest public key and the largest functional key fit.
const KEY_LIMIT: u64 = 16 << 20;
/// The largest ciphertext, with raw points, fits.
const CIPHERTEXT_LIMIT: u64 = 48 << 20;
/// How ciphertext files end.
pub const CIPHERTEXT: &str = "ct";

/// Reads a public key and checks every point.
pub fn public_key(path: &Path) -> Result<PublicKey, Error> {
    let bytes = read(path, KEY_LIMIT)?;
    PublicKey::from_bytes(&bytes)
        .bad_input(|| format!("{} is not a usable public key", path.display()))
        .map_err(|error| error.remedy("ask the authority for its current public key"))
}

/// Reads a functional key and checks every point.
pub fn functional_key(path: &Path) -> Result<FunctionalKey, Error> {
    let bytes = read(path, KEY_LIMIT)?;
    FunctionalKey::from_bytes(&bytes)
        .bad_input(|| format!("{} is not a usable functional key", path.display()))
        .map_err(|error| error.remedy("ask the authority to issue it again"))
}

/// Reads an integer model.
pub fn model(path: &Path) -> Result<IntegerModel, Error> {
    IntegerModel::load(path).bad_input(|| "the model cannot be used")
}

/// Reads a public head.
pub fn head(path: &Path) -> Result<Head, Error> {
    Head::load(path).bad_input(|| "the public head cannot be used")
}

/// Reads a ciphertext. Only raw ones can be trusted, and only if this machine wrote them.
pub fn ciphertext(path: &Path, trusted: bool) -> Result<Ciphertext, Error> {
    let bytes = read(path, CIPHERTEXT_LIMIT)?;
    let read = match trusted {
        true => Ciphertext::from_trusted_bytes(&bytes),
        false => Ciphertext::from_bytes(&bytes),
    };
    usable(read, path, trusted)
}

/// The master key that a ciphertext is under, from its first bytes alone.
pub fn ciphertext_key(path: &Path, trusted: bool) -> Result<PublicKeyHash, Error> {
    let bytes = beginning(path, Ciphertext::NAMED_WITHIN as u64)?;
    usable(Ciphertext::public_key_of(&bytes), path, trusted)
}

fn usable<T>(read: Result<T, FeError>, path: &Path, trusted: bool) -> Result<T, Error> {
    read.bad_input(|| format!("{} is not a usable ciphertext", path.display()))
        .map_err(|error| {
            error.remedy(match trusted {
                true => "leave out --trusted, which is for raw files that this machine wrote",
                false => "have it encrypted again, or take it out of the folder",
            })
        })
}

/// The ciphertext files of a folder, in order of their names.
pub fn ciphertexts(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let unreadable = || format!("no ciphertexts can be read from {}", folder.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).bad_input(unreadable)? {
        let path = entry.bad_input(unreadable)?.path();
        if path.extension().is_some_and(|e| e == CIPHERTEXT) {
            found.push(path);
        }
    }
    if found.is_empty() {
        return Err(Error::bad_input(unreadable())
            .because(format!("no file there ends in .{CIPHERTEXT}"))
            .remedy("give the folder that `tacit fe encrypt` wrote"));
    }
    found.sort();
    Ok(found)
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let bytes = beginning(path, limit + 1)?;
    if bytes.len() as u64 > limit {
        return Err(Error::bad_input(unreadable(path))
            .because(format!("it has more than {limit} bytes"))
            .remedy("check that it is the right file"));
    }
    Ok(bytes)
}

/// At most so many bytes of a file.
fn beginning(path: &Path, most: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let file = File::open(path).bad_input(|| unreadable(path))?;
    file.take(most)
        .read_to_end(&mut bytes)
        .bad_input(|| unreadable(path))?;
    Ok(bytes)
}

fn unreadable(path: &Path) -> String {
    format!("{} cannot be read", path.display())
}
