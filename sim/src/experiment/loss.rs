//! Loss over time: the mean over independent runs of one configuration, and how sure that is.

use crate::cluster::des::Simulated;
use crate::cluster::{ClusterSpec, Run};
use crate::experiment::{Configuration, Experiment, Length, Model, Progress};
use crate::learn::Quadratic;
use crate::measure::interval::{Estimate, of_skewed};
use crate::policy::Policy;
use crate::random::key::RandomKey;
use crate::theory;
use std::ops::Range;
use std::sync::atomic::Ordering;

impl Experiment {
    /// Mean loss over time of a configuration with its 95 % band: over [`RUNS`] independent runs, and over the updates between about
    /// `points` marks on a logarithmic scale: one by one at first, a few per cent of all later on. `None` if `progress` stopped
    /// it.
    pub fn loss_curve(
        &self,
        cell: Configuration,
        learner: Quadratic,
        points: u32,
        progress: &Progress,
    ) -> Option<Vec<LossPoint>> {
        let last = match self.length {
            Length::Updates(last) => last,
            Length::Honest | Length::Precision(_) => UPDATES,
        };
        let rule = self.rule_of(cell.rule);
        let spec = self.spec_of(cell.policy, rule);
        let bins = logarithmic_bins(last, points);
        // Point by point, run by run.
        let mut losses: Vec<Vec<f64>> = vec![Vec::new(); bins.len()];
        let mut times_s = vec![0.0; bins.len()];
        for replication in 0..RUNS {
            let key = RandomKey::new(self.seed, replication);
            let learner = Quadratic { key, ..learner };
            let mut run = Run::new(rule, Simulated::learning(spec.clone(), key, rule.workers, learner));
            let mut update = 0;
            for (i, bin) in bins.iter().enumerate() {
                let share = 1.0 / (bin.end - bin.start) as f64;
                let mut loss = 0.0;
                for wanted in bin.clone() {
                    while update < wanted {
                        let step = run.step()?;
                        update += u64::from(!step.orders.update.is_empty());
                    }
                    times_s[i] += run.cluster().now().seconds() * share / RUNS as f64;
                    loss += run.cluster().learner().loss() * share;
                }
                losses[i].push(loss);
                if progress.stopped() {
                    return None;
                }
            }
            progress.updates.fetch_add(update, Ordering::Relaxed);
        }
        progress.cells.fetch_add(1, Ordering::Relaxed);
        let points = bins.iter().zip(times_s).zip(losses);
        Some(points.map(|((bin, time_s), losses)| LossPoint::of(bin, time_s, &losses)).collect())
    }

    /// The loss at which a configuration settles, by theory: sync and async with exponential times.
    pub fn loss_floor(&self, cell: Configuration, learner: Quadratic) -> Option<f64> {
        let Quadratic { curvature, noise, step_size, .. } = learner;
        let p = cell.rule.workers;
        match cell.policy {
            Policy::SYNC => theory::sync_floor(p, curvature, noise, step_size),
            Policy::ASYNC if self.is_memoryless() => theory::async_floor(p, curvature, noise, step_size),
            _ => None,
        }
    }

    /// The step size from which on a configuration diverges, by theory: with gradients that are fresh, where 1 - eta h is -1,
    /// as are then its powers over local steps; async with exponential times.
    pub fn stable_below(&self, cell: Configuration, learner: Quadratic) -> Option<f64> {
        let rule = cell.rule;
        let fresh = rule.waits_for_all() || rule.cancels() || rule.max_staleness == 0;
        match cell.policy {
            _ if fresh && (rule.steps == 1 || !rule.is_timed()) => Some(2.0 / learner.curvature),
            Policy::ASYNC if self.is_memoryless() => Some(theory::async_stable_below(rule.workers, learner.curvature)),
            _ => None,
        }
    }

    /// Whether nothing but independent exponential times happens to the workers, all with the same rate.
    fn is_memoryless(&self) -> bool {
        let compute = self.spec.compute();
        let plain = self.spec == ClusterSpec::of(compute.clone()) && self.model == Model::Event;
        plain && compute.laws().len() == 1 && compute.law(0).memoryless_rate().is_some()
    }
}

/// Independent runs that a loss curve averages.
pub const RUNS: u64 = 32;

/// Updates of a loss curve, unless a number is given.
const UPDATES: u64 = 5000;

/// The loss around an update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossPoint {
    /// Updates made: the middle of those that were averaged over.
    pub update: u64,
    /// Mean time of these updates, s.
    pub time_s: f64,
    /// Mean loss after them.
    pub loss: f64,
    /// Its 95 % interval; `None` where the loss is out of all bounds.
    pub interval: Option<(f64, f64)>,
}

impl LossPoint {
    fn of(bin: &Range<u64>, time_s: f64, losses: &[f64]) -> LossPoint {
        let estimate = of_skewed(losses, &(0.0..=f64::INFINITY));
        let Estimate { mean: loss, interval, .. } = estimate.unwrap_or(Estimate::unsure(f64::NAN));
        let interval = interval.filter(|(low, high)| low.is_finite() && high.is_finite());
        LossPoint { update: (bin.start + bin.end - 1) / 2, time_s, loss, interval }
    }
}

/// The updates 0 to `last`, cut into about `points` pieces of equal length on a logarithmic scale, none of them empty.
fn logarithmic_bins(last: u64, points: u32) -> Vec<Range<u64>> {
    let factor = (last as f64).ln() / f64::from(points);
    let mut bins = Vec::from([Range { start: 0, end: 1 }]);
    for i in 0..=points {
        let (start, end) = (bins.last().map_or(0, |bin| bin.end), (f64::from(i) * factor).exp().round() as u64 + 1);
        if end.min(last + 1) > start {
            bins.push(start..end.min(last + 1));
        }
    }
    bins
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_cover_every_update_once() {
        for last in [2, 3, 100, 5000, 1_000_003] {
            let bins = logarithmic_bins(last, 100);
            assert_eq!((bins[0].start, bins.last().unwrap().end), (0, last + 1));
            assert!(bins.windows(2).all(|pair| pair[0].end == pair[1].start && !pair[1].is_empty()), "{last}");
        }
    }
}
