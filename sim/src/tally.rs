//! What did the run come to? Two folds over its turns: what must hold of every run, and what is to be reported.

use crate::cluster::Turn;
use crate::stats::{Quantiles, Series};
use crate::time::Time;

/// Staleness is conserved: each update adds 1 to the staleness of every task in flight, and nothing else does.
///
/// So the staleness of all tasks that were applied, cancelled or are still open is, to the last digit, the number of
/// tasks in flight summed over the updates. It holds for any law, any policy, any cluster. What it shows is a task that
/// starts at a wrong version; what a task claims when it ends is checked, task by task, in the tests.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    version: u64,
    in_flight: u64,
    /// Sum of tasks in flight over the updates.
    added: u128,
    /// Sum of the staleness of all closed tasks.
    closed: u128,
    /// Sum of the base versions of all open tasks.
    open_base: u128,
}

impl Ledger {
    /// Enters a turn.
    #[inline]
    pub fn add(&mut self, turn: &Turn<'_>) {
        let orders = turn.orders;
        if !orders.update.is_empty() {
            for task in &orders.update {
                self.closed += u128::from(self.version - task.base_version);
                self.open_base -= u128::from(task.base_version);
            }
            self.in_flight -= orders.update.len() as u64;
            self.added += u128::from(self.in_flight);
            self.version += 1;
        }
        for task in &orders.cancel {
            self.closed += u128::from(self.version - task.base_version);
            self.open_base -= u128::from(task.base_version);
        }
        self.in_flight -= orders.cancel.len() as u64;
        self.in_flight += orders.start.len() as u64;
        for task in &orders.start {
            self.open_base += u128::from(task.base_version);
        }
    }

    /// Updates so far.
    pub fn updates(&self) -> u64 {
        self.version
    }

    /// Both sides of the law: what the updates added, and what the tasks have.
    pub fn sides(&self) -> (u128, u128) {
        let open = u128::from(self.in_flight) * u128::from(self.version) - self.open_base;
        (self.added, self.closed + open)
    }
}

/// What a run is reported by, from the moment at which it begins to count.
#[derive(Clone, Debug)]
pub struct Tally {
    began: Time,
    now: Time,
    last_update: Time,
    gaps: Series,
    lengths: Quantiles,
    /// How many applied tasks had each staleness.
    staleness: Vec<u64>,
    steps_applied: u64,
    /// When each worker's task began; [`Time::END`] for those without one.
    running_since: Vec<Time>,
    /// Seconds of work on tasks that ended, and of that on those that were thrown away.
    worked_s: f64,
    wasted_s: f64,
}

impl Tally {
    /// Nothing yet, of `workers` workers.
    pub fn new(workers: u32) -> Tally {
        Tally {
            began: Time::ZERO,
            now: Time::ZERO,
            last_update: Time::ZERO,
            gaps: Series::default(),
            lengths: Quantiles::default(),
            staleness: Vec::new(),
            steps_applied: 0,
            running_since: vec![Time::END; workers as usize],
            worked_s: 0.0,
            wasted_s: 0.0,
        }
    }

    /// Enters a turn.
    #[inline]
    pub fn add(&mut self, turn: &Turn<'_>) {
        let orders = turn.orders;
        self.now = turn.at;
        if let Some(completion) = &turn.completion {
            self.worked_s += completion.compute_s + completion.delay_s;
            self.running_since[completion.task.worker as usize] = Time::END;
        }
        for task in &orders.cancel {
            let since = std::mem::replace(&mut self.running_since[task.worker as usize], Time::END);
            let spent_s = turn.at.since(since);
            self.worked_s += spent_s;
            self.wasted_s += spent_s;
        }
        for task in &orders.start {
            self.running_since[task.worker as usize] = turn.at;
        }
        if !orders.update.is_empty() {
            let gap_s = turn.at.since(self.last_update);
            self.last_update = turn.at;
            self.gaps.push(gap_s);
            self.lengths.push(gap_s);
            for task in &orders.update {
                let staleness = (orders.version - 1 - task.base_version) as usize;
                if staleness >= self.staleness.len() {
                    self.staleness.resize(staleness + 1, 0);
                }
                self.staleness[staleness] += 1;
                self.steps_applied += u64::from(task.steps);
            }
        }
    }

    /// Forgets what was entered, but for who is working: the end of the warm-up.
    pub fn begin(&mut self) {
        let fresh = Tally::new(0);
        let running_since = std::mem::take(&mut self.running_since);
        let now = self.now;
        *self = Tally { began: now, now, last_update: self.last_update, running_since, ..fresh };
        // What is under way was partly done before; it will be entered in full.
        self.worked_s = -self.under_way_s();
    }

    /// Seconds that tasks under way have been worked on.
    fn under_way_s(&self) -> f64 {
        self.running_since.iter().filter(|&&since| since < Time::END).map(|&since| self.now.since(since)).sum()
    }

    /// Seconds between updates.
    pub fn gaps(&self) -> &Series {
        &self.gaps
    }

    /// The gap below which a share `u` of all gaps lies, s.
    pub fn gap_quantile(&self, u: f64) -> Option<f64> {
        self.lengths.quantile(u)
    }

    /// How many applied tasks had staleness 0, 1, 2, ...
    pub fn staleness(&self) -> &[u64] {
        &self.staleness
    }

    /// Mean staleness of the applied tasks, in updates.
    pub fn mean_staleness(&self) -> Option<f64> {
        let applied: u64 = self.staleness.iter().sum();
        let sum: f64 =
            self.staleness.iter().enumerate().map(|(staleness, &count)| staleness as f64 * count as f64).sum();
        (applied > 0).then(|| sum / applied as f64)
    }

    /// Single-worker gradients in one update, on average.
    pub fn gradients_per_update(&self) -> Option<f64> {
        (self.gaps.count() > 0).then(|| self.steps_applied as f64 / self.gaps.count() as f64)
    }

    /// Share of the workers' time in which they had nothing to do or waited for the server.
    pub fn idle_share(&self) -> Option<f64> {
        let worked_s = self.worked_s + self.under_way_s();
        self.share_of_all_time(worked_s).map(|share| (1.0 - share).max(0.0))
    }

    /// Share of the workers' time that went into work that was thrown away.
    pub fn wasted_share(&self) -> Option<f64> {
        self.share_of_all_time(self.wasted_s)
    }

    fn share_of_all_time(&self, seconds: f64) -> Option<f64> {
        let all_s = self.now.since(self.began) * self.running_since.len() as f64;
        (all_s > 0.0).then(|| seconds / all_s)
    }
}
