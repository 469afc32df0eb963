//! The times between updates of one replication, for quantiles.
//!
//! A few thousand are kept as they are; more are counted in buckets 0.4 % wide, 256 to an octave, cut from the leading bits of
//! the float, each with the mean of what is in it.

use serde::{Deserialize, Serialize};

/// Values that are kept one by one.
const KEPT: usize = 4096;

/// Bits of a float below those that name its bucket: 8 bits of its fraction remain.
const BELOW: u32 = 52 - 8;

/// A collection of times that are not negative.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Gaps {
    kept: Vec<f64>,
    /// Number of the first bucket.
    first: u64,
    /// Count and sum of each bucket.
    buckets: Vec<(u64, f64)>,
}

/// The number of the bucket of a time.
#[inline]
fn bucket(seconds: f64) -> u64 {
    seconds.to_bits() >> BELOW
}

impl Gaps {
    /// Bytes that so many times take, about.
    pub(crate) fn memory(times: u64) -> u64 {
        // Some six octaves are in use where times are counted.
        if times < KEPT as u64 { 8 * times } else { 16 * 256 * 6 }
    }

    /// Adds a time, s.
    #[inline]
    pub fn push(&mut self, seconds: f64) {
        if self.buckets.is_empty() {
            self.kept.push(seconds);
            if self.kept.len() == KEPT {
                let kept = std::mem::take(&mut self.kept);
                self.buckets.push((0, 0.0));
                self.first = bucket(kept[0]);
                kept.into_iter().for_each(|seconds| self.count(seconds));
            }
        } else {
            self.count(seconds);
        }
    }

    #[inline]
    fn count(&mut self, seconds: f64) {
        // Below the first bucket the difference wraps around to beyond the last.
        let index = bucket(seconds).wrapping_sub(self.first) as usize;
        match self.buckets.get_mut(index) {
            Some((count, sum)) => {
                *count += 1;
                *sum += seconds;
            }
            None => self.grow(seconds),
        }
    }

    #[cold]
    fn grow(&mut self, seconds: f64) {
        let bucket = bucket(seconds);
        if bucket < self.first {
            let more = (self.first - bucket) as usize;
            self.buckets.splice(0..0, std::iter::repeat_n((0, 0.0), more));
            self.first = bucket;
        }
        let index = (bucket - self.first) as usize;
        self.buckets.resize(self.buckets.len().max(index + 1), (0, 0.0));
        self.count(seconds);
    }

    /// The times, or the means of buckets, each with how many there are.
    pub fn entries(&self) -> impl Iterator<Item = (f64, u64)> {
        let kept = self.kept.iter().map(|&seconds| (seconds, 1));
        let counted = self.buckets.iter().filter(|(count, _)| *count > 0);
        kept.chain(counted.map(|&(count, sum)| (sum / count as f64, count)))
    }

    /// How many there are.
    pub fn count_all(&self) -> u64 {
        self.kept.len() as u64 + self.buckets.iter().map(|(count, _)| count).sum::<u64>()
    }
}

/// All times of several collections in order, as far as quantiles ask for them.
pub(crate) struct Pooled<'a> {
    parts: Vec<&'a Gaps>,
    /// The first bucket, and how many entries fall into each.
    first: u64,
    counts: Vec<u64>,
    total: u64,
}

impl<'a> Pooled<'a> {
    pub(crate) fn new(parts: Vec<&'a Gaps>) -> Pooled<'a> {
        let entries = || parts.iter().flat_map(|gaps| gaps.entries());
        let (first, last) =
            entries().fold((u64::MAX, 0), |(first, last), (s, _)| (first.min(bucket(s)), last.max(bucket(s))));
        // Zero is far from everything else: it is counted in a bucket of its own, before the others.
        let first =
            if first > 0 { first } else { entries().map(|(s, _)| bucket(s)).filter(|&b| b > 0).min().unwrap_or(1) };
        let mut counts = vec![0; (last.saturating_sub(first) + 2) as usize];
        entries().for_each(|(s, count)| counts[place(s, first)] += count);
        let total = counts.iter().sum();
        Pooled { parts, first, counts, total }
    }

    /// The least time that a share `u` of all does not exceed, s; `None` of none.
    pub(crate) fn quantile(&self, u: f64) -> Option<f64> {
        if self.total == 0 {
            return None;
        }
        let rank = ((u * self.total as f64).ceil() as u64).clamp(1, self.total);
        let mut before = 0;
        let at = self.counts.iter().position(|count| {
            before += count;
            rank <= before
        })?;
        before -= self.counts[at];
        let mut here: Vec<(f64, u64)> =
            self.parts.iter().flat_map(|gaps| gaps.entries()).filter(|&(s, _)| place(s, self.first) == at).collect();
        here.sort_by(|a, b| a.0.total_cmp(&b.0));
        here.into_iter()
            .find(|(_, count)| {
                before += count;
                rank <= before
            })
            .map(|(s, _)| s)
    }
}

/// Where a time is counted: 0 is zero.
fn place(seconds: f64, first: u64) -> usize {
    (bucket(seconds) + 1).saturating_sub(first) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(values: impl IntoIterator<Item = f64>) -> Gaps {
        let mut gaps = Gaps::default();
        values.into_iter().for_each(|value| gaps.push(value));
        gaps
    }

    #[test]
    fn a_few_are_exact_and_many_within_their_bucket() {
        for n in [1u32, 7, 1000, 50_000] {
            // Downwards, so that the buckets have to grow to the left, and in two parts.
            let parts = [gaps((1..=n / 3).rev().map(f64::from)), gaps((n / 3 + 1..=n).rev().map(f64::from))];
            let pooled = Pooled::new(parts.iter().collect());
            for u in [0.001, 0.5, 0.95, 1.0] {
                let exact = (u * f64::from(n)).ceil().max(1.0);
                let found = pooled.quantile(u).unwrap();
                let tolerance = if n > 4096 { 0.004 } else { 0.0 };
                assert!((found / exact - 1.0).abs() <= tolerance, "{u} of {n}: {found} against {exact}");
            }
        }
    }

    #[test]
    fn zeros_and_equals_are_what_they_are() {
        let parts = [gaps(std::iter::repeat_n(0.0, 3)), gaps(std::iter::repeat_n(0.1, 10_000))];
        let pooled = Pooled::new(parts.iter().collect());
        assert_eq!(pooled.quantile(0.0001), Some(0.0));
        assert!((pooled.quantile(0.5).unwrap() - 0.1).abs() < 1e-12);
        assert_eq!(Pooled::new(vec![]).quantile(0.5), None);
    }
}
