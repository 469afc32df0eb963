//! Do prediction and measurement agree? An equivalence test, cell by cell, on differences that carry little noise.
//!
//! The two are paired: a worker's n-th step sleeps equally long in the simulated and in the real run, so the difference of
//! the two runs has lost the sampling noise of the delays. Cut into batches of updates, these differences give a narrow
//! interval for the relative error. The claim passes if the whole interval lies within the tolerance (two one-sided tests at
//! 2.5 % each), fails if it lies wholly outside, and is undecided otherwise.

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

    /// The same with another, independent uncertainty.
    pub fn widened(self, by: f64) -> Interval {
        Interval { half_width: self.half_width.hypot(by), ..self }
    }

    /// Whether it lies within plus or minus `tolerance`.
    pub fn judge(&self, tolerance: f64) -> Verdict {
        let (low, high) = self.ends();
        if low >= -tolerance && high <= tolerance {
            Verdict::Pass
        } else if low > tolerance || high < -tolerance {
            Verdict::Fail
        } else {
            Verdict::Undecided
        }
    }
}

/// Means of equal batches of a series, the first `warm_up` values left out and what is left over at the end.
pub fn batches(series: &[f64], warm_up: usize, count: usize) -> Vec<f64> {
    let rest = &series[warm_up.min(series.len())..];
    let length = rest.len() / count;
    if length == 0 {
        return rest.to_vec();
    }
    rest.chunks_exact(length).take(count).map(|batch| batch.iter().sum::<f64>() / length as f64).collect()
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
        let judge = |value, half_width| Interval { value, half_width }.judge(0.05);
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
    fn batches_are_equal_and_leave_the_warm_up_out() {
        let series: Vec<f64> = (0..11).map(f64::from).collect();
        assert_eq!(batches(&series, 2, 3), [3.0, 6.0, 9.0]);
        assert_eq!(batches(&series, 9, 3), [9.0, 10.0]);
    }

    #[test]
    fn the_interval_holds_what_it_promises() {
        // 2000 intervals of 10 normal values: 95 % hold the mean, within four standard errors of a share, 0.5 %.
        use rand_distr::{Distribution, StandardNormal};
        let held = (0..2000u64).filter(|&i| {
            let mut luck = sim::Luck::new(i, 0).at(sim::Purpose::Gradient, 0, 0);
            let values: Vec<f64> = (0..10).map(|_| StandardNormal.sample(&mut luck)).collect();
            let (low, high) = Interval::of_batches(&values).unwrap().ends();
            low <= 0.0 && 0.0 <= high
        });
        let share = held.count() as f64 / 2000.0;
        assert!((share - 0.95).abs() < 0.02, "{share}");
    }
}
