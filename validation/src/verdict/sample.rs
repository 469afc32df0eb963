//! Sample of log ratios, measured over predicted, of pairs that stand close together in time, and its interval.
//!
//! A ratio forgets how fast the machine happened to be, which drifts by more within seconds than a good prediction is wrong;
//! its logarithm treats too fast and too slow alike, and is the relative error to first order.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Number, mean and standard deviation of some values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// How many, at least 2.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Their standard deviation, with n - 1.
    pub sd: f64,
}

impl Sample {
    /// The sample of these values; `None` of fewer than two.
    pub fn of(values: &[f64]) -> Option<Sample> {
        let n = values.len();
        if n < 2 {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
        Some(Sample { n, mean, sd: (squares / (n - 1) as f64).sqrt() })
    }

    /// Standard error of the mean.
    pub fn standard_error(&self) -> f64 {
        self.sd / (self.n as f64).sqrt()
    }

    /// Student's t for its degrees of freedom.
    pub(crate) fn student(&self) -> StudentsT {
        StudentsT::new(0.0, 1.0, self.n as f64 - 1.0).expect("one degree of freedom or more")
    }

    /// The interval that holds the mean of what was sampled with this probability.
    pub fn interval(&self, confidence: f64) -> Interval {
        let half_width = self.student().inverse_cdf(0.5 + 0.5 * confidence) * self.standard_error();
        Interval { value: self.mean, low: self.mean - half_width, high: self.mean + half_width }
    }
}

/// A number and the ends of its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The estimate.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Both ends and the value through a function that ascends.
    pub fn map(self, f: impl Fn(f64) -> f64) -> Interval {
        Interval { value: f(self.value), low: f(self.low), high: f(self.high) }
    }

    /// Of a logarithm of a ratio: the ratio less one.
    pub fn relative(self) -> Interval {
        self.map(f64::exp_m1)
    }

    /// Half its width.
    pub fn half_width(self) -> f64 {
        (self.high - self.low) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_that_of_student() {
        assert_eq!(Sample::of(&[1.0]), None);
        let sample = Sample::of(&[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert_eq!((sample.n, sample.mean), (4, 2.5));
        assert!((sample.sd - (5.0f64 / 3.0).sqrt()).abs() < 1e-15);
        // Three degrees of freedom: 2.353 at 95 % one-sided, 3.182 at 97.5 %.
        assert!((sample.interval(0.90).half_width() - 2.3534 * sample.standard_error()).abs() < 1e-4);
        assert!((sample.interval(0.95).half_width() - 3.1824 * sample.standard_error()).abs() < 1e-4);
    }

    #[test]
    fn the_interval_holds_what_it_promises() {
        // 4000 intervals of 10 normal values: 90 % hold the mean; 4 standard errors of the share are 1.9 %, a false alarm in
        // 16 000.
        use rand_distr::{Distribution, StandardNormal};
        let held = (0..4000u64).filter(|&i| {
            let mut key = sim::RandomKey::new(i, 0).at(sim::Purpose::Gradient, 0, 0);
            let values: Vec<f64> = (0..10).map(|_| StandardNormal.sample(&mut key)).collect();
            let interval = Sample::of(&values).unwrap().interval(0.90);
            interval.low <= 0.0 && 0.0 <= interval.high
        });
        let share = held.count() as f64 / 4000.0;
        assert!((share - 0.90).abs() < 0.019, "{share}");
    }
}
