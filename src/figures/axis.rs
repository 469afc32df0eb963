//! Ruler: an axis once it knows the marks. What it spans, how values become lengths, which ticks it has.
//!
//! For plotters it is a coordinate of its own ([`Ranged`]), since neither its linear nor its logarithmic one takes ticks
//! from outside.

use super::ticks::{self, Tick};
use super::{Axis, Data, Mark, Scale, Ticks};
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, ValueFormatter};
use plotters::prelude::Ranged;
use std::ops::Range;

/// Share of a fitted range that is left free at each end.
const MARGIN: f64 = 0.04;

/// How much the ends of intervals and bands may lengthen an axis beyond what the points need, in lengths of that.
const LENIENCE: f64 = 1.0;

/// An axis with its range and ticks.
#[derive(Clone, Debug)]
pub(super) struct Ruler {
    low: f64,
    high: f64,
    scale: Scale,
    /// Labelled, from the low end to the high one.
    pub(super) ticks: Vec<Tick>,
    minor: Vec<f64>,
}

/// Which coordinate of the marks belongs to an axis.
pub(super) type Coordinate = fn((f64, f64)) -> f64;

impl Ruler {
    /// An axis of `length` pixels whose ticks' labels are as long as `room` says, along the axis.
    pub(super) fn new(axis: &Axis, of: Coordinate, marks: &[Mark], length: f64, room: impl Fn(&str) -> f64) -> Ruler {
        let (low, high) = axis.range.unwrap_or_else(|| fitted(axis, of, marks));
        let mut ruler = Ruler { low, high, scale: axis.scale, ticks: Vec::new(), minor: Vec::new() };
        let (least, most) = (low.min(high), low.max(high));
        if axis.scale == Scale::Log && axis.ticks == Ticks::Round {
            ruler.minor = ticks::minor(least, most);
        }
        let fits = |ticks: &[Tick]| {
            let clear = |pair: &[Tick]| {
                let between = (ruler.unit(pair[1].value) - ruler.unit(pair[0].value)).abs() * length;
                between >= (room(&pair[0].label) + room(&pair[1].label)) / 2.0
            };
            ticks.windows(2).all(clear)
        };
        let at_most = |candidates: &dyn Fn(usize) -> Vec<Tick>| {
            let first_fit = (2..=11).rev().map(candidates).find(|ticks| fits(ticks));
            first_fit.unwrap_or_else(|| candidates(2))
        };
        ruler.ticks = match &axis.ticks {
            Ticks::Round => match axis.scale {
                Scale::Linear => at_most(&|n| ticks::linear(least, most, n)),
                Scale::Log => at_most(&|n| ticks::logarithmic(least, most, n)),
            },
            Ticks::CountsFrom(first) => at_most(&|n| ticks::counts(*first, most, n)),
            Ticks::At(values) => {
                let mut kept: Vec<Tick> = Vec::new();
                for tick in ticks::given(values) {
                    kept.push(tick);
                    if !fits(&kept) {
                        kept.pop();
                    }
                }
                kept
            }
            Ticks::Names(names) => {
                let tick = |(i, name): (usize, &String)| Tick { value: i as f64, label: name.clone() };
                names.iter().enumerate().map(tick).collect()
            }
        };
        ruler
    }

    /// Where a value is between the ends, 0 to 1; NaN if it cannot be drawn.
    pub(super) fn unit(&self, value: f64) -> f64 {
        let at = |value: f64| match self.scale {
            Scale::Linear => value,
            Scale::Log if value > 0.0 => value.ln(),
            Scale::Log => f64::NAN,
        };
        (at(value) - at(self.low)) / (at(self.high) - at(self.low))
    }

    /// The value there.
    pub(super) fn value(&self, unit: f64) -> f64 {
        match self.scale {
            Scale::Linear => self.low + unit * (self.high - self.low),
            Scale::Log => (self.low.ln() + unit * (self.high.ln() - self.low.ln())).exp(),
        }
    }

    /// The end of an interval as far as it can be drawn: on a log axis what is not positive is below everything.
    pub(super) fn held(&self, value: f64) -> f64 {
        let (least, most) = (self.low.min(self.high), self.low.max(self.high));
        value.clamp(least, most)
    }
}

impl Ranged for Ruler {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let along = f64::from(limit.1 - limit.0) * self.unit(*value);
        limit.0 + along.round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        match hint.weight().allow_light_points() {
            true => self.minor.clone(),
            false => self.ticks.iter().map(|tick| tick.value).collect(),
        }
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Ruler {
    fn format_ext(&self, value: &f64) -> String {
        self.ticks.iter().find(|tick| tick.value == *value).map(|tick| tick.label.clone()).unwrap_or_default()
    }
}

/// The range of an axis that all marks decide together.
fn fitted(axis: &Axis, of: Coordinate, marks: &[Mark]) -> (f64, f64) {
    let drawable = |value: &f64| value.is_finite() && (axis.scale == Scale::Linear || *value > 0.0);
    let at = |value: f64| if axis.scale == Scale::Log { value.ln() } else { value };
    let span = |values: &[f64]| -> Option<(f64, f64)> {
        let mut drawn = values.iter().copied().filter(drawable).map(at);
        let first = drawn.next()?;
        Some(drawn.fold((first, first), |(low, high), value| (low.min(value), high.max(value))))
    };
    let (mut firm, mut soft) = (Vec::new(), Vec::new());
    for mark in marks {
        mark.data.extent(of, &mut firm, &mut soft);
    }
    if axis.from_zero && axis.scale == Scale::Linear {
        firm.push(0.0);
    }
    if let Ticks::At(values) = &axis.ticks {
        firm.extend(values);
    }
    let (mut low, mut high) = match (span(&firm), span(&soft)) {
        (Some((low, high)), Some((least, most))) => {
            let room = LENIENCE * least_span(high - low, high);
            (low.min(least.max(low - room)), high.max(most.min(high + room)))
        }
        (Some(span), None) | (None, Some(span)) => span,
        (None, None) => (at(1.0), at(10.0)),
    };
    if low == high {
        let half = match axis.scale {
            Scale::Linear if low == 0.0 => 1.0,
            Scale::Linear => 0.1 * low.abs(),
            Scale::Log => std::f64::consts::LN_2,
        };
        (low, high) = (low - half, high + half);
    }
    let margin = MARGIN * (high - low);
    let starts_at_zero = axis.from_zero && axis.scale == Scale::Linear && low == 0.0;
    let ends_at_zero = axis.from_zero && axis.scale == Scale::Linear && high == 0.0;
    let low = if starts_at_zero { low } else { low - margin };
    let high = if ends_at_zero { high } else { high + margin };
    // Lengths are differences of what is here: those are to be numbers, too.
    match axis.scale {
        Scale::Linear => (low.max(-f64::MAX / 4.0), high.min(f64::MAX / 4.0)),
        Scale::Log => (low.exp().max(f64::MIN_POSITIVE), high.exp().min(f64::MAX)),
    }
}

/// A span that intervals may lengthen, if there is but one point.
fn least_span(span: f64, at: f64) -> f64 {
    if span > 0.0 { span } else { at.abs().max(1e-300) }
}

impl Data {
    /// The values on one axis: those that it must show, and those that it shows within reason.
    fn extent(&self, of: Coordinate, firm: &mut Vec<f64>, soft: &mut Vec<f64>) {
        // Where a mark does not depend on this axis, NaN stands for that.
        match self {
            Data::Line(points) | Data::Points(points) => firm.extend(points.iter().copied().map(of)),
            Data::Intervals(intervals) => {
                for &[from, to] in intervals {
                    // The coordinate that both ends have in common is where the interval stands.
                    let (from, to) = (of(from), of(to));
                    if from == to { firm.push(from) } else { soft.extend([from, to]) }
                }
            }
            Data::Band(points) => soft.extend(points.iter().flat_map(|&(x, low, high)| [of((x, low)), of((x, high))])),
            Data::Rects(rects) => firm.extend(rects.iter().flatten().copied().map(of)),
            Data::Horizontal(y) => firm.push(of((f64::NAN, *y))),
            Data::Vertical(x) => firm.push(of((*x, f64::NAN))),
            Data::Diagonal => {}
            Data::Text(at, _) => firm.push(of(*at)),
        }
    }
}

/// Both axes of a panel; fitted ones are one and the same where a diagonal says that one quantity is on both.
pub(super) fn ranges(x: &Axis, y: &Axis, marks: &[Mark]) -> (Axis, Axis) {
    let same = marks.iter().any(|mark| matches!(mark.data, Data::Diagonal));
    match (same, x.range, y.range) {
        (true, None, None) => {
            let (a, b) = (fitted(x, |point| point.0, marks), fitted(y, |point| point.1, marks));
            let range = Some((a.0.min(b.0), a.1.max(b.1)));
            (Axis { range, ..x.clone() }, Axis { range, ..y.clone() })
        }
        _ => (x.clone(), y.clone()),
    }
}
