//! Quality gates: a bound on a figure that a run has to meet.
//!
//! ```
//! use tacit_report::{Gate, Run};
//! let mut run = Run::new("demo", "0.1.0", 7)?;
//! run.figure("encrypted.accuracy", 0.97)?;
//! let gate: Gate = "encrypted.accuracy>=0.95".parse()?;
//! assert!(gate.judge(&run).met);
//! # Ok::<(), tacit_report::Error>(())
//! ```

use std::fmt;
use std::str::FromStr;

use crate::{Error, Run, check_name};

/// On which side of the bound the figure has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// The figure is at least the bound.
    AtLeast,
    /// The figure is at most the bound.
    AtMost,
}

/// A bound on a figure, written `name>=number` or `name<=number`.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// The figure's dotted name.
    pub figure: String,
    /// The side of the bound.
    pub relation: Relation,
    /// The bound, finite.
    pub bound: f64,
}

/// A gate and what the run says about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The gate.
    pub gate: Gate,
    /// The run's figure; `None` when the run does not hold it, which never meets a gate.
    pub found: Option<f64>,
    /// Whether the gate is met.
    pub met: bool,
}

impl Gate {
    /// Compares the gate with a run. A figure that is missing does not meet it.
    pub fn judge(&self, run: &Run) -> Verdict {
        let found = run.figures().get(&self.figure);
        let met = found.is_some_and(|value| match self.relation {
            Relation::AtLeast => value >= self.bound,
            Relation::AtMost => value <= self.bound,
        });
        Verdict {
            gate: self.clone(),
            found,
            met,
        }
    }
}

impl FromStr for Gate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = |why: &str| Error::Gate {
            text: text.chars().take(80).collect(),
            why: why.to_owned(),
        };
        let (figure, relation, bound) = if let Some((figure, bound)) = text.split_once(">=") {
            (figure, Relation::AtLeast, bound)
        } else if let Some((figure, bound)) = text.split_once("<=") {
            (figure, Relation::AtMost, bound)
        } else {
            return Err(refuse("it has neither `>=` nor `<=`"));
        };
        let figure = figure.trim();
        check_name(figure).map_err(|_| refuse("the figure's name is not valid"))?;
        let bound: f64 = bound
            .trim()
            .parse()
            .map_err(|_| refuse("the bound is not a number"))?;
        if !bound.is_finite() {
            return Err(refuse("the bound is not finite"));
        }
        Ok(Gate {
            figure: figure.to_owned(),
            relation,
            bound,
        })
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let relation = match self.relation {
            Relation::AtLeast => "≥",
            Relation::AtMost => "≤",
        };
        write!(f, "{} {relation} {}", self.figure, self.bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_figure_never_meets_a_gate() {
        let run = Run::new("demo", "0.1.0", 0).unwrap();
        for text in ["wall_s<=30", "wall_s>=0"] {
            let verdict = text.parse::<Gate>().unwrap().judge(&run);
            assert!(!verdict.met && verdict.found.is_none());
        }
    }

    #[test]
    fn the_bound_itself_meets_the_gate() {
        let mut run = Run::new("demo", "0.1.0", 0).unwrap();
        run.figure("wall_s", 30.0).unwrap();
        assert!("wall_s<=30".parse::<Gate>().unwrap().judge(&run).met);
        assert!("wall_s >= 30".parse::<Gate>().unwrap().judge(&run).met);
        assert!(!"wall_s<=29.9".parse::<Gate>().unwrap().judge(&run).met);
    }

    #[test]
    fn text_that_is_no_gate_is_refused() {
        for bad in [
            "",
            "wall_s",
            "wall_s<30",
            "wall s<=3",
            "wall_s<=x",
            "wall_s>=nan",
            ">=1",
        ] {
            assert!(
                matches!(bad.parse::<Gate>(), Err(Error::Gate { .. })),
                "{bad:?}"
            );
        }
    }
}
