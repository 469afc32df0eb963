//! How many tick labels stand clear of each other along an axis?

use super::figure::{Axis, Scale, Ticks};
use super::layout::TICK_TEXT;
use super::ruler::Ruler;
use super::ticks::{self, Tick};
use super::{PlotError, font};

/// Least distance between neighbouring labels.
const APART: f64 = 8.0;
/// Length of a level axis, and of an upright one, that earns another tick.
const PER_TICK: (f64, f64) = (45.0, 30.0);
/// More ticks than this are a ruler, not an axis.
const MOST: usize = 12;

/// The ticks of an upright axis, where labels need no more room than a line each.
pub(super) fn upright(axis: &Axis, ruler: &Ruler, high: f64) -> Vec<Tick> {
    ticks_of(axis, ruler, ((high / PER_TICK.1) as usize).clamp(2, MOST))
}

fn ticks_of(axis: &Axis, ruler: &Ruler, most: usize) -> Vec<Tick> {
    let (low, high) = (ruler.low, ruler.high);
    let mut ticks = match (&axis.ticks, ruler.scale) {
        (Ticks::Categories(names), _) => {
            names.iter().enumerate().map(|(i, name)| Tick { value: i as f64, label: name.clone() }).collect()
        }
        (Ticks::Auto, Scale::Linear) => ticks::linear(low, high, most),
        (Ticks::Integer, Scale::Linear) => ticks::integers(low, high, most),
        (Ticks::Auto, Scale::Log) => ticks::logarithmic(low, high, most),
        (Ticks::Integer, Scale::Log) => {
            let mut whole = ticks::logarithmic(low, high, most);
            whole.retain(|tick| tick.value.fract() == 0.0);
            if whole.len() < 2 {
                whole = ticks::integers(low, high, most);
            }
            whole
        }
    };
    let inside = |tick: &Tick| ruler.at(tick.value).is_some_and(|share| (-1e-6..1.0 + 1e-6).contains(&share));
    ticks.retain(inside);
    ticks
}

/// As many x ticks as stand clear of each other, and the lines that names take turns on.
pub(super) fn level(axis: &Axis, ruler: &Ruler, wide: f64) -> Result<(Vec<Tick>, usize), PlotError> {
    let clear = |ticks: &[Tick], lines: usize| -> Result<bool, PlotError> {
        let mut ends = vec![f64::NEG_INFINITY; lines];
        for (i, tick) in ticks.iter().enumerate() {
            let middle = ruler.at(tick.value).unwrap_or(0.0) * wide;
            let half = font::width(&tick.label, TICK_TEXT)? / 2.0;
            if middle - half < ends[i % lines] + APART {
                return Ok(false);
            }
            ends[i % lines] = middle + half;
        }
        Ok(true)
    };
    if let Ticks::Categories(_) = axis.ticks {
        let ticks = ticks_of(axis, ruler, MOST);
        for lines in 1..3 {
            if clear(&ticks, lines)? {
                return Ok((ticks, lines));
            }
        }
        return Ok((ticks, 3));
    }
    let most = match axis.ticks {
        Ticks::Integer => MOST,
        Ticks::Auto | Ticks::Categories(_) => ((wide / PER_TICK.0) as usize).clamp(2, MOST),
    };
    for most in (3..=most).rev() {
        let ticks = ticks_of(axis, ruler, most);
        if clear(&ticks, 1)? {
            return Ok((ticks, 1));
        }
    }
    Ok((ticks_of(axis, ruler, 2), 1))
}
