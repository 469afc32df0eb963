//! What do these policies cost on this fleet, with so many workers? Cells of a table, each a run long enough to be sure.

pub(crate) mod runs;

use crate::cluster::Run;
use crate::cluster::des::Simulated;
use crate::cluster::spec::{Cancellation, ClusterSpec};
pub use crate::experiment::runs::warm_up;
use crate::learn::Quadratic;
use crate::measure::accounts::Accounts;
use crate::measure::series::Estimate;
use crate::policy::{Policy, PolicyError, Rule};
use crate::random::key::RandomKey;
use crate::theory::{self, Kind, Theory};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What carries over from one update to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// Everything that does in reality: workers that are under way stay under way.
    Event,
    /// Nothing: each iteration draws fresh times for all workers (max, min, K-th smallest).
    Gated,
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Model::Event => "event",
            Model::Gated => "gated",
        })
    }
}

impl FromStr for Model {
    type Err = String;

    fn from_str(text: &str) -> Result<Model, String> {
        match text {
            "event" => Ok(Model::Event),
            "gated" => Ok(Model::Gated),
            _ => Err(format!("there is no model '{text}'; type event or gated")),
        }
    }
}

/// How long a cell runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Length {
    /// So many model updates.
    Updates(u64),
    /// Until half the 95 % interval is below this share of the mean.
    Precision(f64),
}

/// Policies by workers, on one fleet.
#[derive(Clone, Debug)]
pub struct Experiment {
    /// The policies, in the order of the table.
    pub policies: Vec<Policy>,
    /// Numbers of workers, in the order of the table.
    pub workers: Vec<u32>,
    /// Who works.
    pub spec: ClusterSpec,
    /// What carries over.
    pub model: Model,
    /// How long.
    pub length: Length,
    /// The root of all luck.
    pub seed: u64,
}

/// One policy with one number of workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// The policy.
    pub policy: Policy,
    /// The policy for that number of workers, in the event model.
    pub rule: Rule,
}

/// What a cell came to.
#[derive(Clone, Debug)]
pub struct Observation {
    /// The cell.
    pub cell: Configuration,
    /// Updates that were counted, after the warm-up.
    pub updates: u64,
    /// Seconds per update.
    pub mean: Estimate,
    /// Standard deviation of the seconds between two updates.
    pub sd_s: f64,
    /// 50, 95 and 99 % of all gaps between updates are shorter than this, s.
    pub quantiles_s: [f64; 3],
    /// What theory says of the mean in the model that was run.
    pub theory: Option<Theory>,
    /// What the gated model expects, s.
    pub gated_s: Option<f64>,
    /// Single-worker gradients in one update.
    pub gradients_per_update: f64,
    /// Gradients per second, relative to one worker alone.
    pub speedup: f64,
    /// Staleness of applied gradients and shares of the workers' time; the gated model knows nothing of them.
    pub usage: Option<Usage>,
}

/// How the workers spent their time.
#[derive(Clone, Debug, PartialEq)]
pub struct Usage {
    /// Mean staleness of applied gradients, in updates.
    pub mean_staleness: f64,
    /// Share of the workers' time without work.
    pub idle_share: f64,
    /// Share of the workers' time spent on work that was thrown away.
    pub wasted_share: f64,
}

impl Observation {
    /// Seconds per gradient.
    pub fn s_per_gradient(&self) -> f64 {
        self.mean.mean / self.gradients_per_update
    }

    /// Speed-up per worker.
    pub fn efficiency(&self) -> f64 {
        self.speedup / f64::from(self.cell.rule.workers)
    }

    /// Standard errors between the simulated mean and theory, where theory is exact.
    pub fn z(&self) -> Option<f64> {
        let theory = self.theory.filter(|theory| theory.kind == Kind::Exact)?;
        self.mean.z(theory.seconds)
    }
}

/// A run seen from another thread: how far it is, and a way to stop it.
#[derive(Debug, Default)]
pub struct Progress {
    /// Set it, and all cells that have not ended are given up.
    pub stop: Arc<AtomicBool>,
    /// Updates simulated so far.
    pub updates: AtomicU64,
    /// Cells that have ended.
    pub cells: AtomicU64,
}

impl Progress {
    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

impl Experiment {
    /// The cells, policy by policy, and the combinations that cannot be, with the reason.
    pub fn cells(&self) -> (Vec<Configuration>, Vec<PolicyError>) {
        let (mut cells, mut impossible) = (Vec::new(), Vec::new());
        for &policy in &self.policies {
            for &workers in &self.workers {
                match policy.rule(workers) {
                    Ok(rule) => cells.push(Configuration { policy, rule }),
                    Err(error) => impossible.push(error),
                }
            }
        }
        (cells, impossible)
    }

    /// Runs all cells on rayon's threads; `None` for those that `watch` stopped. The result does not depend on the threads.
    pub fn observe(&self, progress: &Progress) -> Vec<Option<Observation>> {
        let (cells, _) = self.cells();
        let tallies = runs::all(self, &cells, progress);
        cells.into_iter().zip(tallies).map(|(cell, accounts)| self.observation(cell, &accounts?)).collect()
    }

    /// The fleet as this policy sees it.
    pub(crate) fn spec_of(&self, policy: Policy, rule: Rule) -> ClusterSpec {
        let mut spec = self.spec.for_rule(rule);
        if !policy.has_server() {
            spec.service = None;
        }
        spec
    }

    /// The rule that is run.
    pub(crate) fn rule_of(&self, rule: Rule) -> Rule {
        match (self.model, self.spec.cancellation()) {
            (Model::Gated, _) => rule.gated(),
            (Model::Event, Cancellation::Never) => rule.never_cancelling(),
            (Model::Event, Cancellation::AtOnce | Cancellation::AfterStep) => rule,
        }
    }

    /// Whether anybody asks how the workers spent their time.
    pub(crate) fn wants_usage(&self) -> bool {
        self.model == Model::Event
    }

    /// What a cell's run came to.
    fn observation(&self, cell: Configuration, accounts: &Accounts) -> Option<Observation> {
        let rule = self.rule_of(cell.rule);
        let spec = self.spec_of(cell.policy, rule);
        let mean = accounts.gaps().estimate()?;
        let gradients_per_update = accounts.gradients_per_update()?;
        let [p50, p95, p99] = [0.5, 0.95, 0.99].map(|u| accounts.gap_quantile(u));
        let usage = match self.wants_usage() {
            true => Some(Usage {
                mean_staleness: accounts.mean_staleness()?,
                idle_share: accounts.idle_share()?,
                wasted_share: accounts.wasted_share()?,
            }),
            false => None,
        };
        let gated = (spec.uncontended() == spec).then(|| theory::time_per_update(cell.rule.gated(), &spec)).flatten();
        Some(Observation {
            cell,
            updates: accounts.gaps().count(),
            mean,
            sd_s: accounts.gaps().sd()?,
            quantiles_s: [p50?, p95?, p99?],
            theory: theory::time_per_update(rule, &spec),
            gated_s: gated.filter(|theory| theory.kind == Kind::Exact).map(|theory| theory.seconds),
            gradients_per_update,
            speedup: self.spec.mean_alone(cell.rule.workers) * gradients_per_update / mean.mean,
            usage,
        })
    }

    /// Mean loss over time of one cell, averaged over [`REPLICATIONS`] runs and over the updates between about `points`
    /// marks on a logarithmic scale: one by one at first, a few per cent of all later on.
    pub fn loss_curve(
        &self,
        cell: Configuration,
        learner: Quadratic,
        points: u32,
        progress: &Progress,
    ) -> Option<Vec<LossPoint>> {
        let Length::Updates(last) = self.length else { return None };
        let rule = self.rule_of(cell.rule);
        let spec = self.spec_of(cell.policy, rule);
        let bins = logarithmic_bins(last, points);
        let mut curve: Vec<LossPoint> = bins.iter().map(LossPoint::of_bin).collect();
        for replication in 0..REPLICATIONS {
            let key = RandomKey::new(self.seed, replication);
            let learner = Quadratic { key, ..learner };
            let mut run = Run::new(rule, Simulated::learning(spec.clone(), key, rule.workers, learner));
            let mut update = 0;
            for (point, bin) in curve.iter_mut().zip(&bins) {
                let share = 1.0 / (REPLICATIONS * (bin.end - bin.start)) as f64;
                for wanted in bin.clone() {
                    while update < wanted {
                        let step = run.step()?;
                        update += u64::from(!step.orders.update.is_empty());
                    }
                    point.time_s += run.cluster().now().seconds() * share;
                    point.loss += run.cluster().learner().loss() * share;
                }
                if progress.stopped() {
                    return None;
                }
            }
            progress.updates.fetch_add(update, Ordering::Relaxed);
        }
        progress.cells.fetch_add(1, Ordering::Relaxed);
        Some(curve)
    }

    /// The loss at which a cell settles, by theory: sync and async with exponential times.
    pub fn loss_floor(&self, cell: Configuration, learner: Quadratic) -> Option<f64> {
        let Quadratic { curvature, noise, step_size, .. } = learner;
        let p = cell.rule.workers;
        let plain = self.spec == ClusterSpec::of(self.spec.compute.clone()) && self.model == Model::Event;
        let memoryless = self.spec.compute.law(0).memoryless_rate().is_some() && self.spec.compute.is_independent();
        match cell.policy {
            Policy::SYNC => theory::sync_floor(p, curvature, noise, step_size),
            Policy::ASYNC if plain && memoryless && self.spec.is_homogeneous(p) => {
                theory::async_floor(p, curvature, noise, step_size)
            }
            _ => None,
        }
    }
}

/// Independent runs that a loss curve averages.
pub const REPLICATIONS: u64 = 32;

/// The loss around an update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LossPoint {
    /// Updates made: the middle of those that were averaged over.
    pub update: u64,
    /// Mean time of these updates, s.
    pub time_s: f64,
    /// Mean loss after them.
    pub loss: f64,
}

impl LossPoint {
    fn of_bin(bin: &Range<u64>) -> LossPoint {
        LossPoint { update: (bin.start + bin.end - 1) / 2, time_s: 0.0, loss: 0.0 }
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
