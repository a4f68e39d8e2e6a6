//! Numbers as people read them: with a unit, a sensible number of digits and, where there is one,
//! a spread.
//!
//! ```
//! use tacit_report::{Quantity, Unit};
//! assert_eq!(Quantity::new(0.97361, Unit::Fraction).to_string(), "97.4 %");
//! assert_eq!(Quantity::new(83.2, Unit::Seconds).to_string(), "1 min 23 s");
//! assert_eq!(Quantity::new(3.5 * 1024.0, Unit::Bytes).to_string(), "3.50 KiB");
//! assert_eq!(Quantity::new(0.0042, Unit::Plain).plus_minus(0.0001).to_string(), "0.0042 ± 0.0001");
//! ```

use std::fmt;

/// What a number counts; decides how it is written and how an axis is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unit {
    /// A bare number.
    #[default]
    Plain,
    /// A part of one, shown as a percentage.
    Fraction,
    /// Seconds, shown as µs, ms, s, min or h.
    Seconds,
    /// Bytes, shown as B, KiB, MiB, GiB or TiB.
    Bytes,
    /// Bits of security or precision.
    Bits,
}

/// A step of a unit: shown = value / `size`, followed by `name`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Step {
    pub size: f64,
    pub name: &'static str,
}

impl Unit {
    /// The step in which a value of this magnitude reads best.
    pub(crate) fn step_for(self, magnitude: f64) -> Step {
        let step = |size, name| Step { size, name };
        const KIB: f64 = 1024.0;
        match self {
            Unit::Plain => step(1.0, ""),
            Unit::Fraction => step(0.01, "%"),
            Unit::Bits => step(1.0, "bits"),
            Unit::Seconds if magnitude == 0.0 => step(1.0, "s"),
            Unit::Seconds if magnitude < 1e-6 => step(1e-9, "ns"),
            Unit::Seconds if magnitude < 1e-3 => step(1e-6, "µs"),
            Unit::Seconds if magnitude < 1.0 => step(1e-3, "ms"),
            Unit::Seconds if magnitude < 180.0 => step(1.0, "s"),
            Unit::Seconds if magnitude < 3.0 * 3600.0 => step(60.0, "min"),
            Unit::Seconds => step(3600.0, "h"),
            Unit::Bytes if magnitude < KIB => step(1.0, "B"),
            Unit::Bytes if magnitude < KIB.powi(2) => step(KIB, "KiB"),
            Unit::Bytes if magnitude < KIB.powi(3) => step(KIB.powi(2), "MiB"),
            Unit::Bytes if magnitude < KIB.powi(4) => step(KIB.powi(3), "GiB"),
            Unit::Bytes => step(KIB.powi(4), "TiB"),
        }
    }
}

/// A number with its unit and, where it was measured more than once, its spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantity {
    /// The value, in the base unit (seconds, bytes, a fraction of one).
    pub value: f64,
    /// Standard deviation, in the same unit.
    pub spread: Option<f64>,
    /// The unit.
    pub unit: Unit,
}

impl Quantity {
    /// A single value.
    pub fn new(value: f64, unit: Unit) -> Self {
        Quantity {
            value,
            spread: None,
            unit,
        }
    }

    /// A whole number of something.
    pub fn count(n: u64) -> Self {
        Quantity::new(n as f64, Unit::Plain)
    }

    /// Adds a standard deviation.
    pub fn plus_minus(mut self, spread: f64) -> Self {
        self.spread = Some(spread);
        self
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if !self.value.is_finite() {
            return f.write_str(if self.value.is_nan() {
                "not a number"
            } else {
                "infinite"
            });
        }
        let magnitude = self.value.abs();
        if self.unit == Unit::Seconds && self.spread.is_none() && magnitude >= 59.95 {
            return long_time(f, self.value);
        }
        let step = self.unit.step_for(magnitude);
        let shown = self.value / step.size;
        let digits = match self.unit {
            Unit::Fraction => 1,
            Unit::Bits => 1,
            Unit::Bytes if step.size == 1.0 => 0,
            Unit::Plain => return plain(f, self.value, self.spread),
            Unit::Seconds | Unit::Bytes => decimals(shown, 3),
        };
        write!(f, "{shown:.digits$}")?;
        if let Some(spread) = self.spread {
            write!(f, " ± {:.digits$}", spread / step.size)?;
        }
        write!(f, " {}", step.name)
    }
}

fn long_time(f: &mut fmt::Formatter, seconds: f64) -> fmt::Result {
    let sign = if seconds < 0.0 { "−" } else { "" };
    let whole = seconds.abs().round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 {
        write!(f, "{sign}{hours} h {minutes:02} min")
    } else {
        write!(f, "{sign}{minutes} min {seconds:02} s")
    }
}

fn plain(f: &mut fmt::Formatter, value: f64, spread: Option<f64>) -> fmt::Result {
    if let Some(spread) = spread {
        // Two digits of the spread decide how many digits of the value mean anything.
        let digits = decimals(spread, 2).min(9);
        let (value, spread) = (format!("{value:.digits$}"), format!("{spread:.digits$}"));
        let trimmed = trailing_zeros(&value).min(trailing_zeros(&spread));
        let cut = |text: &str| {
            text[..text.len() - trimmed]
                .trim_end_matches('.')
                .to_owned()
        };
        return write!(f, "{} ± {}", cut(&value), cut(&spread));
    }
    let magnitude = value.abs();
    if value.fract() == 0.0 && magnitude < 1e15 {
        return f.write_str(&grouped(value as i64));
    }
    if !(1e-4..1e9).contains(&magnitude) {
        return write!(f, "{value:.2e}");
    }
    let digits = decimals(value, 4);
    let text = format!("{value:.digits$}");
    f.write_str(text[..text.len() - trailing_zeros(&text)].trim_end_matches('.'))
}

/// Zeros at the end of the fraction, which carry nothing.
fn trailing_zeros(text: &str) -> usize {
    if !text.contains('.') {
        return 0;
    }
    text.bytes().rev().take_while(|b| *b == b'0').count()
}

/// Decimals that show `significant` digits of `value`.
fn decimals(value: f64, significant: i32) -> usize {
    if value == 0.0 || !value.is_finite() {
        return 0;
    }
    let leading = value.abs().log10().floor() as i32;
    (significant - 1 - leading).clamp(0, 12) as usize
}

/// Thousands set apart by a narrow no-break space: 1 234 567.
fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    if digits.len() < 5 {
        return value.to_string();
    }
    let mut text = String::with_capacity(digits.len() * 2);
    if value < 0 {
        text.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(value: f64, unit: Unit) -> String {
        Quantity::new(value, unit).to_string()
    }

    #[test]
    fn every_unit_reads_naturally_at_every_size() {
        for (value, unit, text) in [
            (0.0, Unit::Plain, "0"),
            (1234.0, Unit::Plain, "1234"),
            (1_234_567.0, Unit::Plain, "1\u{202f}234\u{202f}567"),
            (0.25, Unit::Plain, "0.25"),
            (0.123_456, Unit::Plain, "0.1235"),
            (3.2e-7, Unit::Plain, "3.20e-7"),
            (1.0, Unit::Fraction, "100.0 %"),
            (-0.005, Unit::Fraction, "-0.5 %"),
            (0.0, Unit::Seconds, "0 s"),
            (0.000_012_34, Unit::Seconds, "12.3 µs"),
            (0.25, Unit::Seconds, "250 ms"),
            (1.5, Unit::Seconds, "1.50 s"),
            (59.96, Unit::Seconds, "1 min 00 s"),
            (7384.0, Unit::Seconds, "2 h 03 min"),
            (512.0, Unit::Bytes, "512 B"),
            (3_145_728.0, Unit::Bytes, "3.00 MiB"),
            (64.0, Unit::Bits, "64.0 bits"),
        ] {
            assert_eq!(show(value, unit), text);
        }
    }

    #[test]
    fn a_spread_is_shown_in_the_same_step_as_its_value() {
        let accuracy = Quantity::new(0.9648, Unit::Fraction).plus_minus(0.0123);
        assert_eq!(accuracy.to_string(), "96.5 ± 1.2 %");
        let time = Quantity::new(0.004, Unit::Seconds).plus_minus(0.000_25);
        assert_eq!(time.to_string(), "4.00 ± 0.25 ms");
        let auc = Quantity::new(0.991_234, Unit::Plain).plus_minus(0.0021);
        assert_eq!(auc.to_string(), "0.9912 ± 0.0021");
    }

    #[test]
    fn numbers_that_are_none_are_said_to_be_none() {
        assert_eq!(show(f64::NAN, Unit::Bytes), "not a number");
        assert_eq!(show(f64::INFINITY, Unit::Plain), "infinite");
    }
}
