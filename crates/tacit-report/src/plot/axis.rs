//! Axes: what is measured, on which scale, and where the ticks go.
//!
//! Ticks are multiples of 1, 2 or 5 times a power of ten in the step of the unit that fits the
//! data (minutes rather than thousands of seconds); on a logarithmic scale they are powers of
//! ten, with 2 and 5 in between when there are fewer than three of them.

use super::refuse;
use crate::quantity::Step;
use crate::{Error, Quantity, Unit};

/// How values are spread along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Evenly.
    Linear,
    /// By their logarithm; values must be positive.
    Log,
}

/// What an axis measures.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// The label, without the unit.
    pub label: String,
    /// The unit.
    pub unit: Unit,
    /// The scale.
    pub scale: Scale,
    /// Whether zero is always shown (linear scale only).
    pub from_zero: bool,
    /// Whether values are whole numbers, so that there are no ticks in between.
    pub whole: bool,
}

impl Axis {
    /// A linear axis.
    pub fn new(label: impl Into<String>, unit: Unit) -> Self {
        let label = label.into();
        Axis {
            label,
            unit,
            scale: Scale::Linear,
            from_zero: false,
            whole: false,
        }
    }

    /// A linear axis of whole numbers: rounds, parties, samples.
    pub fn count(label: impl Into<String>) -> Self {
        Axis {
            whole: true,
            ..Axis::new(label, Unit::Plain)
        }
    }

    /// The same axis with a logarithmic scale.
    pub fn log(mut self) -> Self {
        self.scale = Scale::Log;
        self
    }

    /// The same axis with zero always shown.
    pub fn from_zero(mut self) -> Self {
        self.from_zero = true;
        self
    }

    /// The label with the unit it is shown in.
    pub(super) fn heading(&self, step: Step) -> String {
        if step.name.is_empty() {
            self.label.clone()
        } else {
            format!("{} ({})", self.label, step.name)
        }
    }
}

/// An axis fitted to data: maps values to pixels and knows its ticks.
#[derive(Debug, Clone)]
pub(super) struct Ruler {
    low: f64,
    high: f64,
    log: bool,
    pub step: Step,
    ticks: Vec<(f64, String)>,
}

impl Ruler {
    /// Fits the axis to the values; `plot` is named in errors.
    pub fn fit(
        plot: &str,
        axis: &Axis,
        values: impl IntoIterator<Item = f64>,
        wanted: usize,
    ) -> Result<Self, Error> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values {
            if !value.is_finite() {
                return Err(refuse(
                    plot,
                    format!("{} has a value that is {value}", axis.label),
                ));
            }
            if axis.scale == Scale::Log && value <= 0.0 {
                let what = format!(
                    "{} has the value {value}, which a logarithmic axis cannot show; use a linear one",
                    axis.label
                );
                return Err(refuse(plot, what));
            }
            low = low.min(value);
            high = high.max(value);
        }
        if low > high {
            return Err(refuse(plot, format!("{} has no values", axis.label)));
        }
        let step = axis.unit.step_for(low.abs().max(high.abs()));
        match axis.scale {
            Scale::Linear => Ruler::linear(plot, axis, low, high, step, wanted),
            Scale::Log => {
                // One step for the whole axis: that of the middle of the data.
                let step = axis.unit.step_for((low.ln() / 2.0 + high.ln() / 2.0).exp());
                Ok(Ruler::log(low / step.size, high / step.size, step))
            }
        }
    }

    fn linear(
        plot: &str,
        axis: &Axis,
        mut low: f64,
        mut high: f64,
        step: Step,
        wanted: usize,
    ) -> Result<Self, Error> {
        let within_one = axis.unit == Unit::Fraction && low >= 0.0 && high <= 1.0;
        if axis.from_zero {
            low = low.min(0.0);
            high = high.max(0.0);
        }
        // A span that the numbers cannot resolve is shown as a point with some room around it.
        if high - low <= 1e-9 * low.abs().max(high.abs()) {
            let room = if high == 0.0 {
                step.size
            } else {
                0.1 * high.abs()
            };
            low -= if axis.from_zero { 0.0 } else { room };
            high += room;
        }
        let span = (high - low) / step.size;
        if !span.is_finite() {
            return Err(refuse(
                plot,
                format!("{} spans more than can be drawn", axis.label),
            ));
        }
        let mut every = nice(span / wanted.max(1) as f64);
        if axis.whole {
            every = every.max(1.0);
        }
        let first = (low / step.size / every + 1e-9).floor();
        let last = (high / step.size / every - 1e-9).ceil();
        let decimals = (-every.log10().floor()).clamp(0.0, 12.0) as usize;
        let mut ruler = Ruler {
            low: first * every * step.size,
            high: last * every * step.size,
            log: false,
            step,
            ticks: Vec::new(),
        };
        if within_one {
            ruler.low = ruler.low.max(0.0);
            ruler.high = ruler.high.min(1.0);
        }
        for k in 0..=((last - first) as usize).min(4 * wanted) {
            let shown = (first + k as f64) * every;
            let value = shown * step.size;
            let slack = 1e-9 * (ruler.high - ruler.low);
            if value >= ruler.low - slack && value <= ruler.high + slack {
                ruler.ticks.push((value, tick_label(shown, decimals)));
            }
        }
        Ok(ruler)
    }

    fn log(low: f64, high: f64, step: Step) -> Self {
        let decades = (high / low).log10();
        let within: &[f64] = if decades < 3.0 {
            &[1.0, 2.0, 5.0]
        } else {
            &[1.0]
        };
        let (first, last) = (low.log10().floor() as i32, high.log10().ceil() as i32);
        let every = ((last - first) / 8).max(1) as usize;
        let marks: Vec<f64> = (first..=last)
            .step_by(every)
            .flat_map(|power| within.iter().map(move |k| k * 10f64.powi(power)))
            .filter(|mark| mark.is_finite() && *mark > 0.0)
            .collect();
        let below = marks
            .iter()
            .copied()
            .rfind(|m| *m <= low * 1.0001)
            .unwrap_or(low);
        let above = marks
            .iter()
            .copied()
            .find(|m| *m >= high * 0.9999)
            .unwrap_or(high);
        let above = if above > below { above } else { below * 10.0 };
        let ticks = marks
            .into_iter()
            .filter(|m| *m >= below && *m <= above)
            .map(|mark| {
                (
                    mark * step.size,
                    Quantity::new(mark, Unit::Plain).to_string(),
                )
            })
            .collect();
        Ruler {
            low: below * step.size,
            high: above * step.size,
            log: true,
            step,
            ticks,
        }
    }

    /// Where a value lies between the two pixels.
    pub fn at(&self, value: f64, from: f64, to: f64) -> f64 {
        let part = if self.log {
            (value.ln() - self.low.ln()) / (self.high.ln() - self.low.ln())
        } else {
            (value - self.low) / (self.high - self.low)
        };
        from + part.clamp(0.0, 1.0) * (to - from)
    }

    /// Tick values with their labels.
    pub fn ticks(&self) -> &[(f64, String)] {
        &self.ticks
    }
}

/// A number with a real minus sign, and none at all on a zero.
fn tick_label(shown: f64, decimals: usize) -> String {
    let text = format!("{shown:.decimals$}");
    if text.bytes().all(|b| matches!(b, b'-' | b'0' | b'.')) {
        text.trim_start_matches('-').to_owned()
    } else {
        text.replace('-', "−")
    }
}

/// The smallest of 1, 2, 5 × 10^k that is at least `raw`.
fn nice(raw: f64) -> f64 {
    if raw <= 0.0 || !raw.is_finite() {
        return 1.0;
    }
    let power = 10f64.powf(raw.log10().floor());
    let lead = raw / power;
    let lead = if lead <= 1.0 + 1e-9 {
        1.0
    } else if lead <= 2.0 + 1e-9 {
        2.0
    } else if lead <= 5.0 + 1e-9 {
        5.0
    } else {
        10.0
    };
    lead * power
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(axis: &Axis, values: &[f64]) -> Vec<String> {
        let ruler = Ruler::fit("p", axis, values.iter().copied(), 5).unwrap();
        ruler
            .ticks()
            .iter()
            .map(|(_, label)| label.clone())
            .collect()
    }

    #[test]
    fn ticks_are_round_numbers_around_the_data() {
        let accuracy = Axis::new("accuracy", Unit::Fraction);
        assert_eq!(
            labels(&accuracy, &[0.61, 0.974]),
            ["60", "70", "80", "90", "100"]
        );
        let delta = Axis::new("change", Unit::Plain);
        assert_eq!(
            labels(&delta, &[-0.2, 0.3]),
            ["−0.2", "−0.1", "0.0", "0.1", "0.2", "0.3"]
        );
    }

    #[test]
    fn whole_numbers_get_no_ticks_in_between() {
        assert_eq!(labels(&Axis::count("round"), &[0.0, 2.0]), ["0", "1", "2"]);
    }

    #[test]
    fn times_are_divided_in_the_unit_that_fits() {
        let time = Axis::new("time", Unit::Seconds).from_zero();
        assert_eq!(labels(&time, &[580.0]), ["0", "2", "4", "6", "8", "10"]);
    }

    #[test]
    fn a_logarithmic_axis_shows_decades() {
        let rows = Axis::count("rows").log();
        assert_eq!(labels(&rows, &[10.0, 100_000.0]).len(), 5);
        assert_eq!(labels(&rows, &[10.0, 40.0]), ["10", "20", "50"]);
    }

    #[test]
    fn what_cannot_be_drawn_is_an_error_that_names_the_axis() {
        let axis = Axis::new("noise", Unit::Bits);
        for bad in [
            vec![],
            vec![f64::NAN],
            vec![1.0, f64::INFINITY],
            vec![f64::MIN, f64::MAX],
        ] {
            let error = Ruler::fit("margin", &axis, bad, 5).unwrap_err().to_string();
            assert!(
                error.contains("noise") && error.contains("margin"),
                "{error}"
            );
        }
        let error = Ruler::fit("margin", &axis.log(), [0.0, 1.0], 5).unwrap_err();
        assert!(error.to_string().contains("logarithmic"));
    }

    proptest! {
        #[test]
        fn every_value_lies_on_the_axis_and_ticks_stay_few(
            values in prop::collection::vec(-1e12f64..1e12, 1..20), zero: bool,
        ) {
            let mut axis = Axis::new("x", Unit::Plain);
            axis.from_zero = zero;
            let ruler = Ruler::fit("p", &axis, values.iter().copied(), 5).unwrap();
            prop_assert!((2..=12).contains(&ruler.ticks().len()), "{:?}", ruler.ticks());
            for value in values {
                let slack = 1e-6 * (ruler.high - ruler.low);
                prop_assert!(value >= ruler.low - slack && value <= ruler.high + slack);
            }
        }

        #[test]
        fn any_finite_values_are_drawn_or_refused_without_panic(
            a in prop::num::f64::ANY, b in prop::num::f64::ANY, log: bool,
        ) {
            let mut axis = Axis::new("x", Unit::Bytes);
            if log { axis = axis.log(); }
            if let Ok(ruler) = Ruler::fit("p", &axis, [a, b], 5) {
                prop_assert!(ruler.at(a, 0.0, 100.0).is_finite());
            }
        }
    }
}
