//! What data a benchmark is run on, beside files.

use std::path::Path;
use std::str::FromStr;

/// ROWSxFEATURES.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Rows of all sites together.
    pub rows: usize,
    /// Columns.
    pub features: usize,
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = |part: &str| {
            part.replace('_', "")
                .parse::<usize>()
                .ok()
                .filter(|&n| n > 0)
        };
        let size = text.split_once('x').and_then(|(r, f)| {
            Some(Size {
                rows: parse(r)?,
                features: parse(f)?,
            })
        });
        size.ok_or_else(|| format!("`{text}` is not ROWSxFEATURES, such as 100000x32"))
    }
}

/// The data of a benchmark, for its record.
pub fn described(synthetic: Option<Size>, data: Option<&Path>) -> String {
    match (synthetic, data) {
        (Some(s), _) => format!("synthetic {}x{}", s.rows, s.features),
        (_, Some(path)) => path.display().to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rows_by_features() {
        assert_eq!(
            "1_000x32".parse(),
            Ok(Size {
                rows: 1000,
                features: 32
            })
        );
        for bad in ["", "x", "10", "0x3", "3x0", "axb"] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
    }
}
