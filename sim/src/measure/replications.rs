//! What independent replications of a run came to together.
//!
//! A configuration is run several times with independent random numbers, and each run gives one value of everything that is
//! reported. Runs are independent whatever goes on within them: no batch has to be long enough for a correlation, no period can
//! agree with a batch, and one rule makes all intervals (Law, *Simulation Modeling and Analysis*, 2015, 9.4 and 9.5.1, the
//! replication/deletion approach). Its one condition is that a run begins to count in its steady state, which is the matter of
//! [`length`](crate::measure::length).
//!
//! The r-th replication has the same random numbers under every policy, so two policies are compared replication by
//! replication.

use crate::measure::accounts::{Accounts, Ended};
use crate::measure::gaps::{Gaps, Pooled};
use crate::measure::interval::{Estimate, of_residuals, ratio, t_95};
use crate::measure::moments::Moments;
use crate::measure::time_spent::TimeSpent;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// What one replication came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Replication {
    gaps: Moments,
    lengths: Gaps,
    /// Seconds from the first to the last update that count.
    elapsed_s: f64,
    gradients: f64,
    staleness: (f64, f64),
    spent: TimeSpent,
    in_time: f64,
    /// Tasks of each worker that ended, if any of them were thrown away.
    ended: Vec<Ended>,
    /// Seconds per gradient of the single worker that speed-ups compare with.
    single_s: f64,
}

impl Replication {
    /// What the accounts of a finished run say, where a single worker would take `single_s` seconds for a gradient.
    pub fn of(accounts: &Accounts, single_s: f64) -> Replication {
        let updates = accounts.gaps().count() as f64;
        let (staleness, applied) = accounts.staleness_sums();
        Replication {
            gaps: *accounts.gaps(),
            lengths: accounts.lengths().clone(),
            elapsed_s: accounts.gaps().mean().unwrap_or(0.0) * updates,
            gradients: accounts.gradients_per_update().unwrap_or(0.0) * updates,
            staleness: (staleness as f64, applied as f64),
            spent: *accounts.spent(),
            in_time: accounts.in_time() as f64,
            ended: match accounts.ended_tasks().iter().any(|ended| ended.thrown_away > 0) {
                true => accounts.ended_tasks().to_vec(),
                false => Vec::new(),
            },
            single_s,
        }
    }

    fn updates(&self) -> f64 {
        self.gaps.count() as f64
    }
}

/// All replications of a configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Replications {
    all: Vec<Replication>,
    /// The same, each on measured times before and after their rows were drawn again; empty where nothing was measured.
    resampled: Vec<(Replication, Replication)>,
    /// Rows of the shortest trace that is resampled row by row.
    #[serde(default)]
    rows: Option<usize>,
}

/// Times.
const TIMES: RangeInclusive<f64> = 0.0..=f64::INFINITY;
/// Shares of a whole.
const SHARES: RangeInclusive<f64> = 0.0..=1.0;

/// The share of the replications that must have come beyond a quantile, and up to it. With half of them, intervals of 99 % quantiles hold
/// in 91 % of the runs under laws of a coefficient of variation of a tenth; of 250 independent times each, one run in 10 000 has fewer.
const REACHED: f64 = 0.65;

impl Replications {
    /// These.
    pub fn new(all: Vec<Replication>) -> Replications {
        Replications { all, resampled: Vec::new(), rows: None }
    }

    /// With replications on the rows of a trace and on resampled ones, whose differences are the error that it has as a sample.
    /// `rows` are those of the shortest trace that is resampled row by row, if one is.
    pub fn with_resampled(self, before: &Replications, after: Replications, rows: Option<usize>) -> Replications {
        Replications { resampled: before.all.iter().cloned().zip(after.all).collect(), rows, ..self }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The same where a passage to a goal takes the place of a gradient: `needed` updates each, where a single worker takes the
    /// time of `alone` gradients for one. So seconds per gradient, speed-up and ratios are those of passages.
    pub fn per_passage(&self, needed: f64, alone: f64) -> Replications {
        let of = |one: &Replication| Replication {
            gradients: one.updates() / needed,
            single_s: one.single_s * alone,
            ..one.clone()
        };
        let pair = |(before, after): &(Replication, Replication)| (of(before), of(after));
        let all = self.all.iter().map(of).collect();
        Replications { all, resampled: self.resampled.iter().map(pair).collect(), ..*self }
    }

    /// The same of runs that ended with their passages, after so many seconds; and again on resampled rows, if there are any.
    pub fn passages(&self, seconds: &[f64], resampled: &[f64], alone: f64) -> Replications {
        let run = |one: &Replication, seconds: f64| Replication {
            elapsed_s: seconds,
            gradients: 1.0,
            single_s: one.single_s * alone,
            ..one.clone()
        };
        let all: Vec<Replication> = self.all.iter().zip(seconds).map(|(one, &s)| run(one, s)).collect();
        let after = self.all.iter().zip(resampled).map(|(one, &s)| run(one, s));
        Replications { resampled: all.iter().cloned().zip(after).collect(), all, ..*self }
    }

    /// Whether the intervals hold the error of a trace as a sample.
    pub fn are_resampled(&self) -> bool {
        !self.resampled.is_empty()
    }

    /// Updates that count, of all of them.
    pub fn updates(&self) -> u64 {
        self.all.iter().map(|one| one.gaps.count()).sum()
    }

    fn ratio(&self, of: impl Fn(&Replication) -> (f64, f64), possible: &RangeInclusive<f64>) -> Option<Estimate> {
        let estimate = ratio(self.all.iter().map(&of), possible)?;
        let single = |one: &Replication| {
            let (numerator, denominator) = of(one);
            numerator / denominator
        };
        Some(self.with_error_of_rows(estimate, single, possible))
    }

    /// Adds the error that the rows of a trace have as a sample (Efron, Ann. Statist. 7, 1979, 1-26): the scatter, replication by
    /// replication on common random numbers, of what resampling them changes. Few rows know little of their own scatter: Student's
    /// quantile is that of as many. A single one knows nothing.
    fn with_error_of_rows(
        &self,
        estimate: Estimate,
        of: impl Fn(&Replication) -> f64,
        possible: &RangeInclusive<f64>,
    ) -> Estimate {
        let changes = self.resampled.iter().map(|(before, after)| of(after) - of(before));
        self.with_error_of_changes(estimate, changes, possible)
    }

    fn with_error_of_changes(
        &self,
        estimate: Estimate,
        changes: impl Iterator<Item = f64>,
        possible: &RangeInclusive<f64>,
    ) -> Estimate {
        match changes.collect::<Moments>().sd() {
            Some(_) if self.rows == Some(1) => estimate.without_interval(),
            Some(error) => estimate.widened(error, self.t_of_rows(), possible),
            None => estimate,
        }
    }

    fn t_of_rows(&self) -> f64 {
        self.rows.map_or(self.t(), |rows| self.t().max(t_95(rows.max(2) - 1)))
    }

    /// Seconds per update on just these rows of a trace, as if they were all that there is.
    pub fn s_per_update_on_its_rows(&self) -> Option<Estimate> {
        ratio(self.all.iter().map(|one| (one.elapsed_s, one.updates())), &TIMES)
    }

    /// Seconds per update.
    pub fn s_per_update(&self) -> Option<Estimate> {
        self.ratio(|one| (one.elapsed_s, one.updates()), &TIMES)
    }

    /// Single-worker gradients in one update.
    pub fn gradients_per_update(&self) -> Option<Estimate> {
        self.ratio(|one| (one.gradients, one.updates()), &TIMES)
    }

    /// Seconds per single-worker gradient.
    pub fn s_per_gradient(&self) -> Option<Estimate> {
        self.ratio(|one| (one.elapsed_s, one.gradients), &TIMES)
    }

    /// Gradients per second, relative to the single worker.
    pub fn speedup(&self) -> Option<Estimate> {
        self.ratio(|one| (one.single_s * one.gradients, one.elapsed_s), &TIMES)
    }

    /// Mean staleness of applied gradients, in updates.
    pub fn mean_staleness(&self) -> Option<Estimate> {
        self.ratio(|one| one.staleness, &TIMES)
    }

    /// Share of the workers' time without work.
    pub fn idle_share(&self) -> Option<Estimate> {
        self.share(TimeSpent::idle_s)
    }

    /// Share of the workers' time spent on work that was thrown away.
    pub fn wasted_share(&self) -> Option<Estimate> {
        self.share(|spent| spent.discarded_s)
    }

    /// Share of the workers' time that was spent in some way.
    pub fn share(&self, of: impl Fn(&TimeSpent) -> f64) -> Option<Estimate> {
        let share = self.ratio(|one| (of(&one.spent), one.spent.total_s()), &SHARES)?;
        // A run of a few updates that throws away the work of a long time before.
        Some(Estimate { mean: share.mean.clamp(*SHARES.start(), *SHARES.end()), ..share })
    }

    /// Share of the updates that took no longer than the deadline.
    pub fn in_time_share(&self) -> Option<Estimate> {
        self.ratio(|one| (one.in_time, one.updates()), &SHARES)
    }

    /// For each worker, the share of its tasks that was thrown away; empty where none was.
    pub fn thrown_away_shares(&self) -> Vec<Estimate> {
        let workers = self.all.iter().map(|one| one.ended.len()).max().unwrap_or(0);
        let of = |worker: usize| {
            self.ratio(
                |one| {
                    let Ended { applied, thrown_away } = one.ended.get(worker).copied().unwrap_or_default();
                    (thrown_away as f64, (applied + thrown_away) as f64)
                },
                &SHARES,
            )
        };
        // A worker of which no task ended in all runs wasted nothing.
        (0..workers).map(|worker| of(worker).unwrap_or(Estimate::unsure(0.0))).collect()
    }

    /// For each worker, its share of all tasks that were applied; empty where none was thrown away.
    pub fn applied_shares(&self) -> Vec<Estimate> {
        let workers = self.all.iter().map(|one| one.ended.len()).max().unwrap_or(0);
        let sum = |one: &Replication| one.ended.iter().map(|ended| ended.applied as f64).sum::<f64>();
        let sums: Vec<f64> = self.all.iter().map(sum).collect();
        let of_pairs: Vec<(f64, f64)> =
            self.resampled.iter().map(|(before, after)| (sum(before), sum(after))).collect();
        let own = |one: &Replication, worker: usize| one.ended.get(worker).map_or(0.0, |ended| ended.applied as f64);
        let of = |worker| {
            let estimate = ratio(self.all.iter().zip(&sums).map(|(one, sum)| (own(one, worker), *sum)), &SHARES)?;
            let changes = self
                .resampled
                .iter()
                .zip(&of_pairs)
                .map(|((before, after), sums)| own(after, worker) / sums.1 - own(before, worker) / sums.0);
            Some(self.with_error_of_changes(estimate, changes, &SHARES))
        };
        (0..workers).map(|worker| of(worker).unwrap_or(Estimate::unsure(0.0))).collect()
    }

    /// Standard deviation of single times between updates, s.
    pub fn sd_s(&self) -> Option<f64> {
        let centre = self.s_per_update()?.mean;
        let squares: f64 = self.all.iter().map(|one| one.gaps.squares_around(centre)).sum();
        let n = self.updates() as f64;
        (n > 1.0).then(|| (squares / (n - 1.0)).sqrt())
    }

    /// The times between updates that these shares of all do not exceed, s.
    ///
    /// The share of the times up to the quantile varies from replication to replication; its interval, read off the times of
    /// all replications, is the quantile's (Woodruff, J. Am. Statist. Assoc. 47, 1952, 635-646). A share that reaches beyond all
    /// that was seen has no such interval, nor has a quantile beyond which too few of the replications ever came: workers that hardly
    /// vary make the same long times all through one of them, and none in others, and such shares are few and skewed.
    pub fn quantiles_s<const N: usize>(&self, shares: [f64; N]) -> Option<[Estimate; N]> {
        let pooled = Pooled::new(self.all.iter().map(|one| &one.lengths));
        pooled.quantile(0.5)?;
        let total = self.updates() as f64;
        Some(shares.map(|u| {
            let at = pooled.quantile(u).expect("there are some");
            let below = |one: &Replication| one.lengths.up_to(at) as f64;
            let Some(share) = ratio(self.all.iter().map(|one| (below(one), one.updates())), &SHARES) else {
                return Estimate::unsure(at);
            };
            let half = share.interval.map(|(low, high)| (share.mean - low, high - share.mean));
            let seen = |u: f64| u * total >= 1.0 && (1.0 - u) * total >= 1.0;
            let beyond = |one: &&Replication| (one.lengths.up_to(at.next_down()) as f64) < one.updates();
            let up_to = |one: &&Replication| below(one) > 0.0;
            let most = |count: usize| count as f64 >= REACHED * self.all.len() as f64;
            let known = most(self.all.iter().filter(beyond).count()) && most(self.all.iter().filter(up_to).count());
            let half = half.filter(|_| known);
            let ends = half.map(|(below, above)| (u - above, u + below)).filter(|&(low, high)| seen(low) && seen(high));
            let interval = ends.and_then(|(low, high)| pooled.quantile(low).zip(pooled.quantile(high)));
            let standard_error = interval.map_or(f64::NAN, |(low, high)| (high - low) / 2.0 / self.t());
            let of_one = |one: &Replication| Pooled::new(std::iter::once(&one.lengths)).quantile(u).unwrap_or(f64::NAN);
            self.with_error_of_rows(Estimate { mean: at, standard_error, interval }, of_one, &TIMES)
        }))
    }

    /// Student's quantile for as many replications.
    fn t(&self) -> f64 {
        t_95(self.all.len().max(2) - 1)
    }

    /// How many times as many gradients per second as `other` has: replication by replication, on common random numbers.
    ///
    /// The logarithm of the ratio is a difference, whose error is that of the relative residuals, pair by pair; what both have in
    /// common cancels. `None` if there are not as many of both.
    pub fn gradient_rate_over(&self, other: &Replications) -> Option<Estimate> {
        if self.all.len() != other.all.len() {
            return None;
        }
        let relative = |of: &Replications| -> Option<(f64, Vec<f64>)> {
            let mean = of.s_per_gradient()?.mean;
            let scale = mean * of.all.iter().map(|one| one.gradients).sum::<f64>() / of.all.len() as f64;
            Some((mean, of.all.iter().map(|one| (one.elapsed_s - mean * one.gradients) / scale).collect()))
        };
        let ((here_s, here), (there_s, there)) = (relative(self)?, relative(other)?);
        let differences: Vec<f64> = there.iter().zip(&here).map(|(there, here)| there - here).collect();
        let any = f64::NEG_INFINITY..=f64::INFINITY;
        let error = of_residuals(0.0, &differences, 1.0, &any);
        // What resampled rows change, pair by pair.
        let log_rate = |one: &Replication| (one.gradients / one.elapsed_s).ln();
        let change = |of: &Replications| -> Vec<f64> {
            of.resampled.iter().map(|(before, after)| log_rate(after) - log_rate(before)).collect()
        };
        let changes = change(self).into_iter().zip(change(other)).map(|(here, there)| here - there);
        let error = self.with_error_of_changes(error, changes, &any);
        let ratio = there_s / here_s;
        let interval = error.interval.map(|(low, high)| (ratio * low.exp(), ratio * high.exp()));
        Some(Estimate { mean: ratio, standard_error: ratio * error.standard_error, interval })
    }
}
