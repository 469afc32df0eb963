//! Where between the two ends of an axis does a value fall?

use super::figure::{Axis, Range, Scale, Ticks};

/// An axis once its range is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ruler {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) scale: Scale,
}

/// Share of the span left free beyond the outermost data.
const MARGIN: f64 = 0.04;
/// Values beyond this are treated as infinite, so that differences and squares stay finite.
const HUGE: f64 = 1e100;

impl Ruler {
    /// The range that `axis` asks for, given every value drawn against it.
    pub(super) fn new(axis: &Axis, values: impl Iterator<Item = f64>) -> Self {
        let scale = match axis.ticks {
            Ticks::Categories(_) => Scale::Linear,
            Ticks::Auto | Ticks::Integer => axis.scale,
        };
        if let Range::Fixed(a, b) = axis.range
            && usable(a, scale)
            && usable(b, scale)
        {
            return Self::widened(a.min(b), a.max(b), scale);
        }
        if let Ticks::Categories(names) = &axis.ticks
            && !names.is_empty()
        {
            return Self { low: -0.5, high: names.len() as f64 - 0.5, scale };
        }
        let bounds = values.filter(|&v| usable(v, scale)).fold(None, |bounds, v| match bounds {
            None => Some((v, v)),
            Some((low, high)) => Some((v.min(low), v.max(high))),
        });
        let Some((low, high)) = bounds else {
            return match scale {
                Scale::Linear => Self::widened(0.0, 1.0, scale),
                Scale::Log => Self::widened(0.1, 10.0, scale),
            };
        };
        let zero = axis.from_zero && scale == Scale::Linear;
        let (low, high) = match zero {
            true => (low.min(0.0), high.max(0.0)),
            false => (low, high),
        };
        Self::widened(low, high, scale).padded(zero)
    }

    /// A range with some extent, whatever the two values.
    fn widened(low: f64, high: f64, scale: Scale) -> Self {
        let (low, high) = match scale {
            Scale::Linear if high - low > 1e-9 * low.abs().max(high.abs()) => (low, high),
            Scale::Linear if low == 0.0 => (-1.0, 1.0),
            Scale::Linear => (low - 0.2 * low.abs(), high + 0.2 * high.abs()),
            Scale::Log if high / low > 1.0 + 1e-9 => (low, high),
            Scale::Log => (low / 1.5, high * 1.5),
        };
        Self { low, high, scale }
    }

    fn padded(self, zero: bool) -> Self {
        match self.scale {
            Scale::Linear => {
                let room = MARGIN * (self.high - self.low);
                let keep = |end: f64| zero && end == 0.0;
                Self {
                    low: self.low - if keep(self.low) { 0.0 } else { room },
                    high: self.high + if keep(self.high) { 0.0 } else { room },
                    ..self
                }
            }
            Scale::Log => {
                let room = (self.high / self.low).powf(MARGIN);
                Self { low: self.low / room, high: self.high * room, ..self }
            }
        }
    }

    /// The smallest range that holds both.
    pub(super) fn union(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high), ..self }
    }

    /// 0 at the low end, 1 at the high end; none for what the scale cannot show.
    pub(super) fn at(&self, value: f64) -> Option<f64> {
        if !usable(value, self.scale) {
            return None;
        }
        Some(match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log => (value / self.low).ln() / (self.high / self.low).ln(),
        })
    }
}

/// Whether a value has a place on a scale.
fn usable(value: f64, scale: Scale) -> bool {
    match scale {
        Scale::Linear => value.abs() < HUGE,
        Scale::Log => value > 1.0 / HUGE && value < HUGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_still_get_a_range() {
        for axis in [Axis::linear(""), Axis::log(""), Axis::linear("").integer()] {
            for value in [1e-30, 0.5, 3.0, 1e60] {
                let ruler = Ruler::new(&axis, [value, value, f64::NAN].into_iter());
                assert!(ruler.low < value && value < ruler.high, "{ruler:?}");
                let middle = ruler.at(value).unwrap_or(f64::NAN);
                assert!((0.4..0.6).contains(&middle), "{middle}");
            }
        }
    }

    #[test]
    fn a_log_ruler_refuses_what_has_no_logarithm() {
        let ruler = Ruler::new(&Axis::log("").fixed(1.0, 100.0), std::iter::empty());
        assert_eq!(ruler.at(10.0), Some(0.5));
        for value in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(ruler.at(value), None);
        }
    }
}
