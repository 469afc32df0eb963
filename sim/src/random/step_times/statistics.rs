//! What measured times are like: means, shares of the variance, correlation from step to step, drift.
//!
//! Variance shares are the components of the two-way random-effects layout without replication (Searle, Casella and
//! McCulloch 1992, *Variance Components*, chapter 4), which are unbiased whatever the number of steps.

use super::StepTimes;

/// Shares of the variance of step times; together they are 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VarianceShares {
    /// Between workers: some are slow all the time.
    pub worker: f64,
    /// Between steps: all workers are slow at once.
    pub step: f64,
    /// Neither: independent from worker to worker and from step to step, as far as shares can tell.
    pub rest: f64,
}

impl StepTimes {
    /// Mean of all times, s.
    pub fn mean(&self) -> f64 {
        mean(&self.seconds)
    }

    /// Mean of a worker's times, s.
    pub fn mean_of_worker(&self, worker: usize) -> f64 {
        mean(self.of_worker(worker))
    }

    /// Standard deviation of all times over their mean; 0 of a single time.
    pub fn coefficient_of_variation(&self) -> f64 {
        let mean = self.mean();
        let squares: f64 = self.seconds.iter().map(|s| (s - mean) * (s - mean)).sum();
        (squares / (self.len().max(2) - 1) as f64).sqrt() / mean
    }

    /// Shares of the variance that belong to workers, to steps and to neither; `None` of fewer than two workers or two whole
    /// steps, or where nothing varies.
    ///
    /// With W workers and S whole steps the mean squares of workers, steps and the rest have expectations rest + S worker,
    /// rest + W step and rest.
    pub fn variance_shares(&self) -> Option<VarianceShares> {
        let rows = self.rows();
        let (w, s) = (rows.workers, rows.len());
        if w < 2 || s < 2 {
            return None;
        }
        let all = mean(&rows.seconds);
        let of_steps: Vec<f64> = rows.iter().map(mean).collect();
        let of_workers: Vec<f64> =
            (0..w).map(|worker| rows.iter().map(|row| row[worker]).sum::<f64>() / s as f64).collect();
        let squares = |means: &[f64]| means.iter().map(|m| (m - all) * (m - all)).sum::<f64>();
        let deviation = |(row, of_step): (&[f64], &f64)| -> f64 {
            row.iter().zip(&of_workers).map(|(x, of_worker)| (x - of_worker - of_step + all).powi(2)).sum()
        };
        let rest = rows.iter().zip(&of_steps).map(deviation).sum::<f64>() / ((w - 1) * (s - 1)) as f64;
        let between_workers = s as f64 * squares(&of_workers) / (w - 1) as f64;
        let between_steps = w as f64 * squares(&of_steps) / (s - 1) as f64;
        let worker = ((between_workers - rest) / s as f64).max(0.0);
        let step = ((between_steps - rest) / w as f64).max(0.0);
        let total = worker + step + rest;
        // Less than rounding can make of equal times is no variance.
        (total > (1e-12 * all).powi(2)).then(|| VarianceShares {
            worker: worker / total,
            step: step / total,
            rest: rest / total,
        })
    }

    /// Correlation between a worker's successive steps, about that worker's own mean; `None` where nothing varies.
    pub fn lag1_correlation(&self) -> Option<f64> {
        self.lag_correlation(1)
    }

    /// The same between steps that are `lag` apart.
    pub fn lag_correlation(&self, lag: usize) -> Option<f64> {
        let (mut products, mut squares, mut pairs, mut values) = (0.0, 0.0, 0usize, 0usize);
        for worker in 0..self.workers() {
            let times = self.of_worker(worker);
            let mean = mean(times);
            squares += times.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
            products += times.iter().zip(times.iter().skip(lag)).map(|(x, y)| (x - mean) * (y - mean)).sum::<f64>();
            pairs += times.len().saturating_sub(lag);
            values += times.len();
        }
        let varies = squares > values as f64 * (1e-12 * self.mean()).powi(2);
        (pairs > 0 && varies).then(|| products / pairs as f64 / (squares / values as f64))
    }

    /// Mean of the second half of each worker's steps over that of the first, less 1: how far times drift; and its standard error.
    /// `None` where a worker has fewer than four steps, of which nobody knows how much halves differ by chance.
    ///
    /// The error is that of the sums over all workers, step by step, whatever these have in common; successive ones are correlated
    /// as in an autoregression of the first order, of which means of n have (1 + r)/(1 - r) times the variance of independent ones.
    pub fn drift(&self) -> Option<(f64, f64)> {
        let workers = || (0..self.workers()).map(|worker| self.of_worker(worker));
        let shortest = workers().map(<[f64]>::len).min().filter(|&shortest| shortest >= 4)?;
        let (mut first, mut second) = (0.0, 0.0);
        for times in workers() {
            let half = times.len() / 2;
            first += mean(&times[..half]);
            second += mean(&times[times.len() - half..]);
        }
        let sums: Vec<f64> = (0..shortest).map(|i| workers().map(|times| times[i]).sum()).collect();
        let half = shortest / 2;
        let residuals = |sums: &[f64]| -> Vec<f64> {
            let centre = mean(sums);
            sums.iter().map(|sum| sum - centre).collect()
        };
        let halves = [residuals(&sums[..half]), residuals(&sums[shortest - half..])];
        let squares: f64 = halves.iter().flatten().map(|x| x * x).sum();
        let products: f64 = halves.iter().flat_map(|half| half.windows(2)).map(|pair| pair[0] * pair[1]).sum();
        let r = if squares > 0.0 { (products / squares).clamp(0.0, 0.99) } else { 0.0 };
        let variance = squares / (2 * half - 2) as f64 / half as f64 * (1.0 + r) / (1.0 - r);
        let ratio = second / first;
        Some((ratio - 1.0, (variance * (1.0 + ratio * ratio)).sqrt() / first))
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
