//! Do prediction and measurement agree? An equivalence test, cell by cell, on differences that carry little noise.
//!
//! The two are paired: a worker's n-th step sleeps equally long in the simulated and in the real run, so the difference of
//! the two runs has lost the sampling noise of the delays. Cut into batches of updates, these differences give a narrow
//! interval for the relative error. The claim passes if the whole interval lies within the tolerance (two one-sided tests at
//! 2.5 % each). It fails if an interval lies wholly outside that is so much wider that all claims of a run hold together with
//! 95 %: of a hundred true claims some would fail by chance otherwise. In between it is undecided.

use statrs::distribution::{ContinuousCDF, StudentsT};
use std::fmt;

/// What an equivalence test says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The error is smaller than the tolerance.
    Pass,
    /// The error is larger than the tolerance.
    Fail,
    /// The interval is too wide to say.
    Undecided,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Undecided => "undecided",
        })
    }
}

/// A number with a 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The estimate.
    pub value: f64,
    /// Half the width of its interval.
    pub half_width: f64,
}

impl Interval {
    /// A number that is known.
    pub fn exactly(value: f64) -> Interval {
        Interval { value, half_width: 0.0 }
    }

    /// The mean of batches that are nearly independent; `None` of fewer than two.
    pub fn of_batches(batches: &[f64]) -> Option<Interval> {
        let n = batches.len() as f64;
        if batches.len() < 2 {
            return None;
        }
        let value = batches.iter().sum::<f64>() / n;
        let variance = batches.iter().map(|b| (b - value) * (b - value)).sum::<f64>() / (n - 1.0);
        let t = StudentsT::new(0.0, 1.0, n - 1.0).expect("positive freedom").inverse_cdf(0.975);
        Some(Interval { value, half_width: t * (variance / n).sqrt() })
    }

    /// Both ends.
    pub fn ends(&self) -> (f64, f64) {
        (self.value - self.half_width, self.value + self.half_width)
    }

    /// Whether it lies within plus or minus `tolerance`, or, made wider by the factor `stretch`, wholly outside.
    pub fn judge(&self, tolerance: f64, stretch: f64) -> Verdict {
        let (low, high) = self.ends();
        let (lowest, highest) = (self.value - stretch * self.half_width, self.value + stretch * self.half_width);
        if low >= -tolerance && high <= tolerance {
            Verdict::Pass
        } else if lowest > tolerance || highest < -tolerance {
            Verdict::Fail
        } else {
            Verdict::Undecided
        }
    }
}

/// How much wider 95 % intervals of the mean of so many batches must be, so that `claims` of them hold together with 95 %
/// (Bonferroni).
///
/// # Panics
/// If there are fewer than two batches.
pub fn stretch(batches: usize, claims: usize) -> f64 {
    let law = StudentsT::new(0.0, 1.0, batches as f64 - 1.0).expect("two batches or more");
    law.inverse_cdf(1.0 - 0.025 / claims.max(1) as f64) / law.inverse_cdf(0.975)
}

/// The relative error of paired batches: mean difference over mean prediction.
pub fn relative_error(predicted: &[f64], measured: &[f64]) -> Option<Interval> {
    let mean = predicted.iter().sum::<f64>() / predicted.len() as f64;
    let differences: Vec<f64> = predicted.iter().zip(measured).map(|(p, m)| (m - p) / mean).collect();
    Interval::of_batches(&differences)
}

/// The relative error of two numbers that have nothing to do with each other.
pub fn unpaired_error(predicted: Interval, measured: Interval) -> Interval {
    let ratio = measured.value / predicted.value;
    let relative = (predicted.half_width / predicted.value).hypot(measured.half_width / measured.value);
    Interval { value: ratio - 1.0, half_width: ratio * relative }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_needs_the_whole_interval() {
        let judge = |value, half_width| Interval { value, half_width }.judge(0.05, 1.0);
        assert_eq!(judge(0.01, 0.03), Verdict::Pass);
        assert_eq!(judge(0.03, 0.03), Verdict::Undecided);
        assert_eq!(judge(-0.10, 0.03), Verdict::Fail);
        assert_eq!(judge(0.0, 0.2), Verdict::Undecided);
        assert_eq!(judge(f64::NAN, 0.0), Verdict::Undecided);
    }

    #[test]
    fn pairs_lose_the_noise_that_they_share() {
        let noise = [1.0, 5.0, 2.0, 8.0, 3.0, 5.0];
        let measured = noise.map(|x| 1.02 * x);
        let paired = relative_error(&noise, &measured).unwrap();
        let apart = unpaired_error(Interval::of_batches(&noise).unwrap(), Interval::of_batches(&measured).unwrap());
        assert!((paired.value - 0.02).abs() < 1e-12 && (apart.value - 0.02).abs() < 1e-12);
        assert!(paired.half_width < 0.02 && apart.half_width > 0.5, "{paired:?} {apart:?}");
    }

    #[test]
    fn many_claims_are_failed_with_more_care_than_one() {
        assert!((stretch(7, 1) - 1.0).abs() < 1e-9);
        // Student's t with 6 degrees of freedom: 2.447 at 97.5 %, 3.707 at 99.5 %.
        assert!((stretch(7, 5) - 3.7074 / 2.4469).abs() < 1e-3);
        let outside = Interval { value: 0.10, half_width: 0.04 };
        assert_eq!((outside.judge(0.05, 1.0), outside.judge(0.05, 1.5)), (Verdict::Fail, Verdict::Undecided));
        let inside = Interval { value: 0.01, half_width: 0.03 };
        assert_eq!(inside.judge(0.05, 3.0), Verdict::Pass);
    }

    #[test]
    fn the_interval_holds_what_it_promises() {
        // 2000 intervals of 10 normal values: 95 % hold the mean, within four standard errors of a share, 0.5 %.
        use rand_distr::{Distribution, StandardNormal};
        let held = (0..2000u64).filter(|&i| {
            let mut key = sim::RandomKey::new(i, 0).at(sim::Purpose::Gradient, 0, 0);
            let values: Vec<f64> = (0..10).map(|_| StandardNormal.sample(&mut key)).collect();
            let (low, high) = Interval::of_batches(&values).unwrap().ends();
            low <= 0.0 && 0.0 <= high
        });
        let share = held.count() as f64 / 2000.0;
        assert!((share - 0.95).abs() < 0.02, "{share}");
    }
}
