//! The times between updates of one replication, for quantiles.
//!
//! A few thousand are kept as they are; more are counted in buckets 0.1 % wide, 1024 to an octave, cut from the leading bits of
//! the float. A bucket knows its least and its greatest time, between which what it has counts as evenly spread: a constant stays
//! what it is, and a quantile is known to far less than the width of a bucket.

use serde::{Deserialize, Serialize};

/// Values that are kept one by one.
const KEPT: usize = 4096;

/// Bits of a float below those that name its bucket: 10 bits of its fraction remain.
const BELOW: u32 = 52 - 10;

/// A collection of times that are not negative.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Gaps {
    kept: Vec<f64>,
    /// How many are counted that are 0, far from everything else.
    zeros: u64,
    /// Number of the first bucket.
    first: u64,
    buckets: Vec<Bucket>,
}

/// Times that are counted together.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Bucket {
    count: u64,
    least: f64,
    greatest: f64,
}

impl Bucket {
    const EMPTY: Bucket = Bucket { count: 0, least: f64::MAX, greatest: 0.0 };

    #[inline(always)]
    fn add(&mut self, seconds: f64) {
        self.count += 1;
        // Seldom, so that nothing is stored.
        if seconds < self.least {
            self.least = seconds;
        }
        if seconds > self.greatest {
            self.greatest = seconds;
        }
    }

    fn merge(&mut self, other: Bucket) {
        self.count += other.count;
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
    }

    /// The `rank`-th of its times, from 1 on.
    fn ranked(&self, rank: u64) -> f64 {
        let place = (rank - 1) as f64 / (self.count.max(2) - 1) as f64;
        self.least + (self.greatest - self.least) * place
    }

    /// How many of its times are no longer.
    fn up_to(&self, seconds: f64) -> u64 {
        if seconds >= self.greatest {
            self.count
        } else if seconds < self.least {
            0
        } else {
            let place = (seconds - self.least) / (self.greatest - self.least);
            1 + (place * (self.count - 1) as f64) as u64
        }
    }
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
        if times < KEPT as u64 { 8 * times } else { 24 * 1024 * 6 }
    }

    /// Adds a time, s.
    #[inline]
    pub fn push(&mut self, seconds: f64) {
        if self.is_kept() {
            self.kept.push(seconds);
            if self.kept.len() == KEPT {
                self.stop_keeping();
            }
        } else {
            self.count(seconds);
        }
    }

    /// Adds many times, s.
    #[inline]
    pub(crate) fn extend(&mut self, times: &[f64]) {
        let few = if self.is_kept() { times.len().min(KEPT - self.kept.len()) } else { 0 };
        times[..few].iter().for_each(|&seconds| self.push(seconds));
        let mut left = &times[few..];
        while !left.is_empty() {
            // Most of them fall into buckets that are there.
            let (first, buckets) = (self.first, &mut self.buckets[..]);
            let mut known = 0;
            for &seconds in left {
                let Some(bucket) = buckets.get_mut(bucket(seconds).wrapping_sub(first) as usize) else { break };
                bucket.add(seconds);
                known += 1;
            }
            left = &left[known..];
            if let Some((&other, rest)) = left.split_first() {
                self.count(other);
                left = rest;
            }
        }
    }

    #[cold]
    fn stop_keeping(&mut self) {
        std::mem::take(&mut self.kept).into_iter().for_each(|seconds| self.count(seconds));
    }

    /// Whether all of them are kept one by one.
    #[inline(always)]
    fn is_kept(&self) -> bool {
        self.buckets.is_empty() && self.zeros == 0
    }

    #[inline]
    fn count(&mut self, seconds: f64) {
        match seconds == 0.0 {
            true => self.zeros += 1,
            false => self.bucket_of(bucket(seconds)).add(seconds),
        }
    }

    #[inline]
    fn bucket_of(&mut self, number: u64) -> &mut Bucket {
        // Below the first bucket the difference wraps around to beyond the last.
        if number.wrapping_sub(self.first) >= self.buckets.len() as u64 {
            self.grow(number);
        }
        &mut self.buckets[(number - self.first) as usize]
    }

    #[cold]
    fn grow(&mut self, number: u64) {
        if self.buckets.is_empty() {
            self.first = number;
        }
        if number < self.first {
            let more = (self.first - number) as usize;
            self.buckets.splice(0..0, std::iter::repeat_n(Bucket::EMPTY, more));
            self.first = number;
        }
        let index = (number - self.first) as usize;
        self.buckets.resize(self.buckets.len().max(index + 1), Bucket::EMPTY);
    }

    /// How many times are no longer.
    pub fn up_to(&self, seconds: f64) -> u64 {
        let kept = self.kept.iter().filter(|&&kept| kept <= seconds).count() as u64;
        let counted = (self.first..).zip(&self.buckets).take_while(|&(number, _)| number <= bucket(seconds));
        kept + self.zeros + counted.map(|(_, bucket)| bucket.up_to(seconds)).sum::<u64>()
    }
}

/// All times of several collections, for quantiles: one by one if all are kept, else in buckets.
pub(crate) enum Pooled {
    Kept(Grouped),
    Counted(Gaps),
}

/// Times in groups of about as long ones, 32 to an octave. Only the group that is asked for is put in order.
pub(crate) struct Grouped {
    times: Vec<f64>,
    /// Where each group begins, and where the last ends.
    starts: Vec<usize>,
}

impl Grouped {
    fn new<'a>(parts: impl Iterator<Item = &'a [f64]> + Clone) -> Grouped {
        let number = |seconds: &f64| (seconds.to_bits() >> (52 - 5)) as usize;
        let all = || parts.clone().flatten();
        // Zero is far from everything else: it has a group of its own, before the others.
        let (first, last) = all()
            .map(number)
            .filter(|&number| number > 0)
            .fold((usize::MAX, 0), |(first, last), number| (first.min(number), last.max(number)));
        let group = |seconds: &f64| (number(seconds) + 1).saturating_sub(first);
        let mut starts = vec![0; last.saturating_sub(first.min(last)) + 3];
        all().for_each(|seconds| starts[group(seconds) + 1] += 1);
        let mut before = 0;
        for start in &mut starts {
            before += *start;
            *start = before;
        }
        let (mut next, mut times) = (starts.clone(), vec![0.0; before]);
        for seconds in all() {
            let next = &mut next[group(seconds)];
            times[*next] = *seconds;
            *next += 1;
        }
        Grouped { times, starts }
    }

    /// The time at an index of all in order.
    fn at(&self, index: usize) -> f64 {
        let group = self.starts.partition_point(|&start| start <= index) - 1;
        let mut times = self.times[self.starts[group]..self.starts[group + 1]].to_vec();
        *times.select_nth_unstable_by(index - self.starts[group], f64::total_cmp).1
    }
}

impl Pooled {
    pub(crate) fn new<'a>(parts: impl Iterator<Item = &'a Gaps> + Clone) -> Pooled {
        if parts.clone().all(Gaps::is_kept) {
            return Pooled::Kept(Grouped::new(parts.map(|gaps| &gaps.kept[..])));
        }
        let mut all = Gaps::default();
        for gaps in parts {
            all.zeros += gaps.zeros;
            gaps.kept.iter().for_each(|&seconds| all.count(seconds));
            let counted = (gaps.first..).zip(&gaps.buckets).filter(|(_, bucket)| bucket.count > 0);
            counted.for_each(|(number, &bucket)| all.bucket_of(number).merge(bucket));
        }
        Pooled::Counted(all)
    }

    /// The least time that a share `u` of all does not exceed, s; `None` of none.
    pub(crate) fn quantile(&self, u: f64) -> Option<f64> {
        let rank = |total: u64| ((u * total as f64).ceil() as u64).clamp(1, total.max(1));
        match self {
            Pooled::Kept(all) if all.times.is_empty() => None,
            Pooled::Kept(all) => Some(all.at(rank(all.times.len() as u64) as usize - 1)),
            Pooled::Counted(all) => {
                let mut left = rank(all.zeros + all.buckets.iter().map(|bucket| bucket.count).sum::<u64>());
                if left <= all.zeros {
                    return Some(0.0);
                }
                left -= all.zeros;
                let at = all.buckets.iter().find(|bucket| {
                    let here = left <= bucket.count;
                    left -= if here { 0 } else { bucket.count };
                    here
                })?;
                Some(at.ranked(left))
            }
        }
    }
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
    fn a_few_are_kept_and_many_are_counted() {
        for n in [1u32, 7, 1000, 50_000] {
            // Downwards, so that the buckets have to grow to the left, and in two parts.
            let parts = [gaps((1..=n / 3).rev().map(f64::from)), gaps((n / 3 + 1..=n).rev().map(f64::from))];
            let pooled = Pooled::new(parts.iter());
            for u in [0.001, 0.5, 0.95, 1.0] {
                let exact = (u * f64::from(n)).ceil().max(1.0);
                let found = pooled.quantile(u).unwrap();
                // Even values are found to the last digits: they are as evenly spread as what is counted passes for.
                assert!((found / exact - 1.0).abs() <= 1e-9, "{u} of {n}: {found} against {exact}");
                let below: u64 = parts.iter().map(|part| part.up_to(found + 0.5)).sum();
                assert!(below.abs_diff(exact as u64) <= 1, "{u} of {n}: {below}");
            }
        }
    }

    #[test]
    fn zeros_and_equals_are_what_they_are() {
        let parts = [gaps(std::iter::repeat_n(0.0, 3)), gaps(std::iter::repeat_n(0.1, 10_000))];
        let pooled = Pooled::new(parts.iter());
        assert_eq!(pooled.quantile(0.0001), Some(0.0));
        assert_eq!(pooled.quantile(0.5), Some(0.1));
        let few = [gaps([0.0, 3.0, 0.0]), gaps([1e-300, 2.0])];
        let pooled = Pooled::new(few.iter());
        assert_eq!([0.4, 0.6, 0.8, 1.0].map(|u| pooled.quantile(u).unwrap()), [0.0, 1e-300, 2.0, 3.0]);
        let many = gaps([0.0, 0.1].into_iter().cycle().take(10_000));
        assert_eq!((many.up_to(0.05), many.up_to(0.1)), (5000, 10_000));
        let pooled = Pooled::new([many].iter());
        assert_eq!((pooled.quantile(0.5), pooled.quantile(0.51)), (Some(0.0), Some(0.1)));
        assert_eq!(Pooled::new([].iter()).quantile(0.5), None);
    }
}
