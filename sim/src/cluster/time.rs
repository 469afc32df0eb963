//! When did it happen? An instant on a cluster's clock, in seconds since the run began.

use std::cmp::Ordering;

/// An instant, in seconds since the run began; never negative, never NaN.
///
/// Durations are plain `f64` seconds and carry `_s` in their names; an instant never is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Time(f64);

impl Time {
    /// The beginning of the run.
    pub const ZERO: Time = Time(0.0);

    /// Later than everything that happens.
    pub const END: Time = Time(f64::INFINITY);

    /// The instant `seconds` after the beginning; `None` if that is negative or NaN.
    pub fn at(seconds: f64) -> Option<Time> {
        (seconds >= 0.0).then_some(Time(seconds + 0.0))
    }

    /// The instant `delay_s` later. Delays are not negative.
    #[inline]
    pub fn after(self, delay_s: f64) -> Time {
        debug_assert!(delay_s >= 0.0, "a delay of {delay_s} s");
        Time(self.0 + delay_s)
    }

    /// Seconds from `earlier` to here.
    #[inline]
    pub fn since(self, earlier: Time) -> f64 {
        self.0 - earlier.0
    }

    /// Seconds since the run began.
    #[inline]
    pub fn seconds(self) -> f64 {
        self.0
    }

    /// An integer that orders as the instants do: the bits of a float that is not negative.
    #[inline]
    pub(crate) fn bits(self) -> u64 {
        self.0.to_bits()
    }

    #[inline]
    pub(crate) fn from_bits(bits: u64) -> Time {
        Time(f64::from_bits(bits))
    }
}

impl Eq for Time {}

impl Ord for Time {
    #[inline]
    fn cmp(&self, other: &Time) -> Ordering {
        // As `total_cmp`, without what that does for numbers below zero.
        self.bits().cmp(&other.bits())
    }
}

impl PartialOrd for Time {
    #[inline]
    fn partial_cmp(&self, other: &Time) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_order_as_their_bits_do() {
        let instants = [0.0, 1e-300, 0.5, 1.0, 1e300].map(|s| Time::at(s).unwrap());
        for pair in instants.windows(2) {
            assert!(pair[0] < pair[1] && pair[0].bits() < pair[1].bits());
        }
        assert_eq!(Time::at(-0.0), Some(Time::ZERO), "minus zero is the beginning");
        assert_eq!(Time::at(-1.0), None);
        assert_eq!(Time::at(f64::NAN), None);
    }
}
