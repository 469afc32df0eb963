//! How sure are we? Means with honest intervals, quantiles, all in one pass.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// A mean with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Its standard error, which knows of autocorrelation.
    pub standard_error: f64,
    /// Half the width of the 95 % interval (Student t).
    pub half_width: f64,
}

impl Estimate {
    /// Lower end of the 95 % interval.
    pub fn low(&self) -> f64 {
        self.mean - self.half_width
    }

    /// Upper end of the 95 % interval.
    pub fn high(&self) -> f64 {
        self.mean + self.half_width
    }

    /// How many standard errors the mean lies above `exact`; `None` if nothing varied.
    pub fn z(&self, exact: f64) -> Option<f64> {
        (self.standard_error > 0.0).then(|| (self.mean - exact) / self.standard_error)
    }
}

/// The mean of a stationary series, by batch means.
///
/// Successive values may be correlated (the gaps of an asynchronous run are), but means of long batches hardly are. The
/// series is cut into between [`BATCHES`] and twice as many batches of equal length; when there are more, neighbours
/// are merged, so batches grow with the series, and the values are not kept.
///
/// ```
/// use straggle_sim::Series;
/// let series: Series = [1.0, 2.0, 3.0].into_iter().collect();
/// let estimate = series.estimate().unwrap();
/// assert_eq!(estimate.mean, 2.0);
/// assert_eq!(estimate.standard_error, (1.0f64 / 3.0).sqrt()); // sd 1, of 3 values
/// assert_eq!(series.sd(), Some(1.0));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// Values per batch: a power of two; 0 before the first.
    batch: u64,
    /// Sums of full batches.
    sums: Vec<f64>,
    /// Sum and number of the values in the batch that is being filled.
    open: (f64, u64),
    /// Subtracted from each value before it is squared, against cancellation: the first value.
    shift: f64,
    /// Sums of shifted values and of their squares.
    shifted: (f64, f64),
}

/// Fewest batches of a long series.
pub const BATCHES: usize = 32;

impl Series {
    /// Adds a value.
    #[inline]
    pub fn push(&mut self, value: f64) {
        if self.batch == 0 {
            (self.batch, self.shift) = (1, value);
        }
        let d = value - self.shift;
        self.shifted.0 += d;
        self.shifted.1 += d * d;
        self.open.0 += value;
        self.open.1 += 1;
        if self.open.1 == self.batch {
            self.close_batch();
        }
    }

    /// Adds values one after the other: what [`push`](Series::push) does, with the sums in registers between two batches.
    pub(crate) fn push_all(&mut self, mut values: impl ExactSizeIterator<Item = f64>) {
        if self.batch == 0
            && let Some(first) = values.next()
        {
            self.push(first);
        }
        while values.len() > 0 {
            let room = usize::try_from(self.batch - self.open.1).unwrap_or(usize::MAX);
            let count = room.min(values.len());
            let (mut sum, mut shifted) = (self.open.0, self.shifted);
            for value in values.by_ref().take(count) {
                let d = value - self.shift;
                shifted.0 += d;
                shifted.1 += d * d;
                sum += value;
            }
            (self.open, self.shifted) = ((sum, self.open.1 + count as u64), shifted);
            if self.open.1 == self.batch {
                self.close_batch();
            }
        }
    }

    #[cold]
    fn close_batch(&mut self) {
        self.sums.push(self.open.0);
        self.open = (0.0, 0);
        if self.sums.len() == 2 * BATCHES {
            for i in 0..BATCHES {
                self.sums[i] = self.sums[2 * i] + self.sums[2 * i + 1];
            }
            self.sums.truncate(BATCHES);
            self.batch *= 2;
        }
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.sums.len() as u64 * self.batch + self.open.1
    }

    /// The mean of all values and its interval from the full batches; `None` of fewer than two.
    pub fn estimate(&self) -> Option<Estimate> {
        let batches = self.sums.len();
        if batches < 2 {
            return None;
        }
        let mean = (self.sums.iter().sum::<f64>() + self.open.0) / self.count() as f64;
        let batch = self.batch as f64;
        let centre = self.sums.iter().sum::<f64>() / (batches as f64 * batch);
        let squares: f64 = self.sums.iter().map(|sum| (sum / batch - centre) * (sum / batch - centre)).sum();
        let freedom = (batches - 1) as f64;
        // The variance of a batch's mean, carried over to a mean of all values.
        let standard_error = (squares / freedom * batch / self.count() as f64).sqrt();
        Some(Estimate { mean, standard_error, half_width: t_95(freedom) * standard_error })
    }

    /// Standard deviation of single values; `None` of fewer than two.
    pub fn sd(&self) -> Option<f64> {
        let n = self.count() as f64;
        let (sum, squares) = self.shifted;
        (n > 1.0).then(|| ((squares - sum * sum / n).max(0.0) / (n - 1.0)).sqrt())
    }
}

impl Extend<f64> for Series {
    fn extend<I: IntoIterator<Item = f64>>(&mut self, values: I) {
        values.into_iter().for_each(|value| self.push(value));
    }
}

impl FromIterator<f64> for Series {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Series {
        let mut series = Series::default();
        series.extend(values);
        series
    }
}

/// Half the width of a two-sided 95 % interval, in standard errors.
fn t_95(freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).expect("at least one degree of freedom").inverse_cdf(0.975)
}

/// Counts of positive values in buckets 0.4 % wide, for quantiles of any number of values.
///
/// 256 buckets an octave, cut from the leading bits of the float; zero has a bucket of its own.
#[derive(Clone, Debug, Default)]
pub struct Quantiles {
    zeros: u64,
    /// Number of the first bucket.
    first: u64,
    counts: Vec<u64>,
}

/// Bits of a float below those that name its bucket: 8 bits of its fraction remain.
const BELOW: u32 = 52 - 8;

impl Quantiles {
    /// Counts a value, which is not negative.
    #[inline]
    pub fn push(&mut self, value: f64) {
        let bucket = value.to_bits() >> BELOW;
        // Below the first bucket the difference wraps around to beyond the last.
        let index = bucket.wrapping_sub(self.first) as usize;
        match self.counts.get_mut(index) {
            Some(count) => *count += 1,
            // Zero, and what is less than 2^-1066: bucket 0 is never the first of the others.
            None if bucket == 0 => self.zeros += 1,
            None => self.grow(bucket),
        }
    }

    #[cold]
    fn grow(&mut self, bucket: u64) {
        if self.counts.is_empty() {
            self.first = bucket;
        }
        if bucket < self.first {
            let more = (self.first - bucket) as usize;
            self.counts.splice(0..0, std::iter::repeat_n(0, more));
            self.first = bucket;
        }
        let index = (bucket - self.first) as usize;
        self.counts.resize(self.counts.len().max(index + 1), 0);
        self.counts[index] += 1;
    }

    /// The value below which a share `u` of all values lies, to 0.2 %; `None` of no values.
    pub fn quantile(&self, u: f64) -> Option<f64> {
        let total = self.zeros + self.counts.iter().sum::<u64>();
        if total == 0 {
            return None;
        }
        let rank = ((u * total as f64).ceil() as u64).clamp(1, total);
        let mut seen = self.zeros;
        if rank <= seen {
            return Some(0.0);
        }
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if rank <= seen {
                let bucket = self.first + index as u64;
                let [low, high] = [bucket, bucket + 1].map(|b| f64::from_bits(b << BELOW));
                return Some((low + high) / 2.0);
            }
        }
        unreachable!("ranks end with the total")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_forget_nothing() {
        for n in [2u64, 63, 64, 65, 1000, 4097] {
            let series: Series = (0..n).map(|i| i as f64).collect();
            assert_eq!(series.estimate().unwrap().mean, (n - 1) as f64 / 2.0);
            let variance = (n * (n + 1)) as f64 / 12.0; // of 0..n, with n-1 below the line
            assert!((series.sd().unwrap() / variance.sqrt() - 1.0).abs() < 1e-12, "{n}");
        }
        assert!([1.0].into_iter().collect::<Series>().estimate().is_none());
    }

    #[test]
    fn what_never_varies_has_no_width() {
        let estimate = std::iter::repeat_n(0.1, 10_000).collect::<Series>().estimate().unwrap();
        assert!(estimate.half_width < 1e-15 && (estimate.mean - 0.1).abs() < 1e-15);
    }

    #[test]
    fn quantiles_are_within_their_bucket() {
        let mut quantiles = Quantiles::default();
        // Downwards, so that the buckets have to grow to the left.
        (1..=1000).rev().for_each(|i| quantiles.push(f64::from(i)));
        for (u, exact) in [(0.001, 1.0), (0.5, 500.0), (0.95, 950.0), (1.0, 1000.0)] {
            let found = quantiles.quantile(u).unwrap();
            assert!((found / exact - 1.0).abs() < 0.004, "{u}: {found}");
        }
        quantiles.push(0.0);
        assert_eq!(quantiles.quantile(0.0), Some(0.0));
        assert_eq!(Quantiles::default().quantile(0.5), None);
    }
}
