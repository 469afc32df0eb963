//! Count, mean and scatter of values, in one pass.

use serde::{Deserialize, Serialize};

/// Values as they come, of which the first two moments are kept.
///
/// ```
/// use straggle_sim::Moments;
/// let moments: Moments = [1.0, 2.0, 3.0].into_iter().collect();
/// assert_eq!((moments.count(), moments.mean(), moments.sd()), (3, Some(2.0), Some(1.0)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    count: u64,
    /// Subtracted from each value before it is squared, against cancellation: the first value.
    shift: f64,
    /// Sums of the shifted values and of their squares.
    sums: (f64, f64),
}

impl Moments {
    /// Adds a value.
    #[inline]
    pub fn push(&mut self, value: f64) {
        if self.count == 0 {
            self.shift = value;
        }
        self.count += 1;
        let d = value - self.shift;
        self.sums.0 += d;
        self.sums.1 += d * d;
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their mean; `None` of none.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.shift + self.sums.0 / self.count as f64)
    }

    /// The sum of their squared distances from `centre`.
    pub fn squares_around(&self, centre: f64) -> f64 {
        let (sum, squares) = self.sums;
        let d = centre - self.shift;
        (squares - 2.0 * d * sum + d * d * self.count as f64).max(0.0)
    }

    /// Their standard deviation; `None` of fewer than two.
    pub fn sd(&self) -> Option<f64> {
        let centre = self.mean().filter(|_| self.count > 1)?;
        Some((self.squares_around(centre) / (self.count - 1) as f64).sqrt())
    }
}

impl Extend<f64> for Moments {
    fn extend<I: IntoIterator<Item = f64>>(&mut self, values: I) {
        values.into_iter().for_each(|value| self.push(value));
    }
}

impl FromIterator<f64> for Moments {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Moments {
        let mut moments = Moments::default();
        moments.extend(values);
        moments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_far_from_zero() {
        for n in [2u32, 63, 1000, 4097] {
            let moments: Moments = (0..n).map(|i| 1e9 + f64::from(i)).collect();
            let n = f64::from(n);
            assert!((moments.mean().unwrap() - 1e9 - (n - 1.0) / 2.0).abs() < 1e-6);
            assert!((moments.sd().unwrap() / (n * (n + 1.0) / 12.0).sqrt() - 1.0).abs() < 1e-12, "{n}");
        }
        assert_eq!([1.0].into_iter().collect::<Moments>().sd(), None);
        assert_eq!(Moments::default().mean(), None);
    }
}
