//! Delays, rates and topologies as they are written on the command line.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use tacit_session::plan::TopologyPlan;
use tacit_session::topology::Network;

/// A time, such as `20ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

/// Bits a second, such as `100mbit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(pub u64);

/// A topology: `star`, or the arity of a tree; `direct-star` and `direct-2` are those without a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tree {
    /// As the plan writes it.
    pub plan: TopologyPlan,
    /// Whether sites dial their parents, rather than a hub.
    pub direct: bool,
}

impl Tree {
    /// Everyone talks to the first.
    pub const STAR: Self = Self {
        plan: TopologyPlan::Star,
        direct: false,
    };
    /// Two children each.
    pub const BINARY: Self = Self::of(2, false);

    const fn of(arity: u16, direct: bool) -> Self {
        let plan = TopologyPlan::Tree { arity };
        Self { plan, direct }
    }
}

/// A positive number and the factor of its unit.
fn scaled(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(at);
    let factor = units.iter().find(|(name, _)| *name == unit)?.1;
    let number: f64 = number.trim().parse().ok()?;
    let value = number * factor;
    (1.0..=1e15).contains(&value).then_some(value)
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let micros = scaled(text, &[("us", 1.0), ("ms", 1e3), ("s", 1e6)]);
        let micros = micros.ok_or_else(|| format!("`{text}` is no time, such as 20ms or 0.1s"))?;
        Ok(Self(Duration::from_micros(micros as u64)))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bits = scaled(text, &[("kbit", 1e3), ("mbit", 1e6), ("gbit", 1e9)]);
        let bits = bits.ok_or_else(|| format!("`{text}` is no rate, such as 100mbit or 1gbit"))?;
        Ok(Self(bits as u64))
    }
}

impl Rate {
    /// Sites with links of this rate and this round trip to a hub.
    pub fn network(self, round_trip: Span) -> Network {
        Network::through_a_hub(round_trip.0.as_secs_f64(), self.0 as f64 / 8.0)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Mbit/s", self.0 as f64 / 1e6)
    }
}

impl FromStr for Tree {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let direct = text.strip_prefix("direct-");
        let arity = direct.or(text.strip_prefix("tree-")).unwrap_or(text);
        match (text, arity.parse()) {
            ("star", _) => Ok(Self::STAR),
            ("direct-star", _) => Ok(Self {
                direct: true,
                ..Self::STAR
            }),
            (_, Ok(arity @ 2..=256)) => Ok(Self::of(arity, direct.is_some())),
            _ => Err(format!(
                "`{text}` is neither star, direct-star nor a tree of 2 to 256 children, such as tree-2 or direct-2"
            )),
        }
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.plan {
            TopologyPlan::Star if self.direct => f.write_str("direct-star"),
            TopologyPlan::Star => f.write_str("star"),
            TopologyPlan::Tree { arity } if self.direct => write!(f, "direct-{arity}"),
            TopologyPlan::Tree { arity } => write!(f, "tree-{arity}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_rates_and_topologies_are_read_and_nonsense_is_not() {
        assert_eq!("20ms".parse(), Ok(Span(Duration::from_millis(20))));
        assert_eq!("0.5s".parse(), Ok(Span(Duration::from_millis(500))));
        assert_eq!("100mbit".parse(), Ok(Rate(100_000_000)));
        assert_eq!("star".parse(), Ok(Tree::STAR));
        assert_eq!("2".parse(), Ok(Tree::BINARY));
        assert_eq!(Tree::BINARY.to_string().parse(), Ok(Tree::BINARY));
        assert_eq!("direct-3".parse(), Ok(Tree::of(3, true)));
        let direct = "direct-star".parse::<Tree>().unwrap();
        assert!(direct.direct && direct.plan == TopologyPlan::Star);
        assert_eq!(direct.to_string(), "direct-star");
        assert!(
            ["20", "ms", "-1ms", "1e30s", "0ms"]
                .iter()
                .all(|t| t.parse::<Span>().is_err())
        );
        assert!(
            ["100", "1mb", "nanmbit"]
                .iter()
                .all(|t| t.parse::<Rate>().is_err())
        );
        assert!(
            ["1", "tree", "257"]
                .iter()
                .all(|t| t.parse::<Tree>().is_err())
        );
    }
}
