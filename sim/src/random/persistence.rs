//! Persistence of a series: how sure its mean is, and how long the stretches have to be that are resampled as one.
//!
//! The mean of n values has the variance v/n, where v is the sum of the autocovariances at all lags. It is estimated with a flat-top
//! lag window, whose bandwidth the data choose: twice the lag beyond which nothing is significant (Politis, *Adaptive bandwidth
//! choice*, J. Nonparametr. Stat. 15, 2003, 517-533), and at least the cube root of n, below which a short series shows nothing. From
//! the same sums comes the length of stretches that is best for a circular block bootstrap (Politis and White, Econometric Rev. 23,
//! 2004, 53-70, with the correction of Patton, Politis and White, 28, 2009, 372-375).
//!
//! Even the best stretches cut dependence off at their ends, so their means scatter too little, by an eighth under a lag-1 correlation
//! of 0.8 and 2000 values; and the variance is itself an estimate. Both are made good by drawing fewer of them.

/// What is resampled of a series: so many stretches of so many values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resampling {
    pub(crate) stretch: u64,
    pub(crate) stretches: u64,
}

/// Lags that are looked at, times values, at most.
const PRODUCTS: usize = 100_000_000;

/// Lags in a row without significance, after which nothing more is looked for.
const SILENCE: usize = 5;

impl Resampling {
    /// For a series whose stretches have to be whole blocks of `block` values: as many stretches as make means of resampled series
    /// scatter as means of other series of the same process do, seen from this one.
    pub(crate) fn of(values: &[f64], block: u64) -> Resampling {
        let n = values.len() as f64;
        let (series, block) = (Series::new(values), block as f64);
        let bandwidth = series.bandwidth();
        let (long_run, moment, weights) = series.sums(bandwidth);
        if series.variance <= (1e-12 * series.mean).powi(2) {
            return Resampling { stretch: block as u64, stretches: ((n / block).ceil() as u64).max(2) - 1 };
        }
        let best = (1.5 * n * (moment / long_run.max(series.variance)).powi(2)).cbrt().clamp(1.0, (n / 4.0).max(1.0));
        let stretch = ((best / block).round().max(1.0) * block).max(1.0);
        // A window takes (sum of its weights)/n of the variance with the mean that it is taken about.
        let unbiased = long_run / (1.0 - weights / n).max(0.1);
        let seen = stretch * series.variance_of_stretches(stretch as usize);
        // A variance of so many degrees of freedom: Student's quantile over the normal one, squared, is 1 + (z^2 + 1)/(2 df).
        let freedom = 0.75 * n / bandwidth as f64;
        let unsure = 1.0 + (1.96f64.powi(2) + 1.0) / 2.0 / freedom;
        let stretches = n * seen / (stretch * unbiased.max(seen) * unsure);
        Resampling { stretch: stretch as u64, stretches: (stretches as u64).max(1) }
    }

    /// That of either which leaves more in doubt.
    pub(crate) fn or(self, other: Resampling) -> Resampling {
        let values = |of: Resampling| of.stretch * of.stretches;
        let stretch = self.stretch.max(other.stretch);
        let stretches = self.stretches.min(other.stretches);
        Resampling { stretch, stretches: stretches.min(values(self).max(values(other)) / stretch).max(1) }
    }
}

/// A series about its mean.
struct Series {
    mean: f64,
    variance: f64,
    deviations: Vec<f64>,
}

impl Series {
    fn new(values: &[f64]) -> Series {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let deviations: Vec<f64> = values.iter().map(|value| value - mean).collect();
        let variance = deviations.iter().map(|d| d * d).sum::<f64>() / values.len() as f64;
        Series { mean, variance, deviations }
    }

    fn len(&self) -> usize {
        self.deviations.len()
    }

    fn autocovariance(&self, lag: usize) -> f64 {
        let pairs = self.deviations.iter().zip(self.deviations.iter().skip(lag));
        pairs.map(|(a, b)| a * b).sum::<f64>() / self.len() as f64
    }

    /// The greatest lag that the window sees.
    fn bandwidth(&self) -> usize {
        let n = self.len();
        let most = (n / 4).min((n as f64).sqrt().max(PRODUCTS as f64 / n as f64) as usize).max(1);
        let digits = (n as f64).log10();
        let (silence, bound) = (SILENCE.max(digits.sqrt().ceil() as usize), 2.0 * (digits / n as f64).sqrt());
        let (mut last, mut lag) = (0, 1);
        while lag <= last + silence && lag <= most {
            if self.autocovariance(lag).abs() >= bound * self.variance {
                last = lag;
            }
            lag += 1;
        }
        (2 * last).max((n as f64).cbrt().ceil() as usize).min(most)
    }

    /// Autocovariances summed over all lags; times their lags; and the weights in the first sum.
    fn sums(&self, bandwidth: usize) -> (f64, f64, f64) {
        let (mut long_run, mut moment, mut weights) = (self.variance, 0.0, 1.0);
        for lag in 1..=bandwidth.min(self.len() - 1) {
            let weight = (2.0 * (1.0 - lag as f64 / bandwidth as f64)).min(1.0);
            let both = 2.0 * weight * self.autocovariance(lag);
            long_run += both;
            moment += lag as f64 * both;
            weights += 2.0 * weight;
        }
        (long_run, moment, weights)
    }

    /// Variance of the means of all circular stretches of this length.
    fn variance_of_stretches(&self, length: usize) -> f64 {
        let n = self.len();
        let mut sum: f64 = (0..length).map(|i| self.deviations[i % n]).sum();
        let mut squares = 0.0;
        for first in 0..n {
            squares += (sum / length as f64).powi(2);
            sum += self.deviations[(first + length) % n] - self.deviations[first];
        }
        squares / n as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::key::{Purpose, RandomKey};
    use rand_distr::{Distribution, StandardNormal};

    fn persistent(n: u64, correlation: f64, seed: u64) -> Vec<f64> {
        let normal = |i| -> f64 { StandardNormal.sample(&mut RandomKey::new(seed, 7).at(Purpose::Compute, 0, i)) };
        let mut value = normal(0);
        let next = |i| {
            value = correlation * value + (1.0 - correlation * correlation).sqrt() * normal(i);
            value
        };
        (1..=n).map(next).collect()
    }

    /// The sum of r^|k| over all k is (1 + r)/(1 - r), that of |k| r^|k| is 2 r/(1 - r)^2. The relative variance of the estimate is
    /// (4/3) bandwidth/n, and an average over 100 series is within 5 standard errors: a false-alarm rate of 1e-6 for each of two.
    #[test]
    fn the_variance_of_the_mean_is_found() {
        for (n, r) in [(2000, 0.0), (20_000, 0.8)] {
            let one = |seed| {
                let series = Series::new(&persistent(n, r, seed));
                let bandwidth = series.bandwidth();
                (series.sums(bandwidth).0, bandwidth as f64 / n as f64)
            };
            let found: Vec<(f64, f64)> = (0..100).map(one).collect();
            let mean = |of: fn(&(f64, f64)) -> f64| found.iter().map(of).sum::<f64>() / 100.0;
            let (long_run, error) = (mean(|of| of.0), (4.0 / 3.0 * mean(|of| of.1) / 100.0).sqrt());
            let exact = (1.0 + r) / (1.0 - r);
            // What is cut off and what the mean takes are below 2 %.
            assert!((long_run / exact - 1.0).abs() < 5.0 * error + 0.02, "{r}: {long_run} against {exact}");
        }
    }

    #[test]
    fn stretches_are_as_long_as_dependence_lasts() {
        let one = |r, block, seed| Resampling::of(&persistent(20_000, r, seed), block);
        let of = |r, block| one(r, block, 1);
        // (1.5 n (2r/(1 - r^2))^2)^(1/3) = 84 for r = 0.8; one series says 20 to 30 more or less, and 100 their mean within a tenth.
        let mean = (0..100).map(|seed| one(0.8, 1, seed).stretch as f64).sum::<f64>() / 100.0;
        assert!((70.0..95.0).contains(&mean), "{mean}");
        let alone = of(0.0, 1);
        // Where nothing persists the estimate of that is noise about 0, and a stretch of any such length is as good.
        assert!(alone.stretch < 100 && alone.stretch * alone.stretches > 15_000, "{alone:?}");
        assert_eq!(of(0.8, 1000).stretch, 1000);
        assert_eq!(Resampling::of(&[1.0; 12], 4), Resampling { stretch: 4, stretches: 2 });
        assert_eq!(Resampling::of(&[1.0], 1), Resampling { stretch: 1, stretches: 1 });
    }
}
