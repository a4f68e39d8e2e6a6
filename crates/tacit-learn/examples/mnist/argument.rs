//! Arguments of examples, by position.

use std::fmt::Display;
use std::str::FromStr;

/// The argument at a position; without it `default`, or a refusal that says what to give.
pub fn argument<T: FromStr<Err: Display>>(
    at: usize,
    what: &str,
    default: Option<T>,
) -> Result<T, String> {
    match std::env::args().nth(at) {
        Some(text) => text.parse().map_err(|e| format!("{what}, `{text}`: {e}")),
        None => default.ok_or_else(|| format!("give {what}")),
    }
}
