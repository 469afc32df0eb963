//! What did the run come to? Two folds over its turns: what must hold of every run, and what is to be reported.

use crate::cluster::time::Time;
use crate::cluster::{Spent, Step};
use crate::measure::series::{Quantiles, Series};
use crate::policy::Rule;

/// Staleness is conserved: each update adds 1 to the staleness of every task in flight, and nothing else does.
///
/// So the staleness of all tasks that were applied, cancelled or are still open is, to the last digit, the number of
/// tasks in flight summed over the updates. It holds for any law, any policy, any cluster. What it shows is a task that
/// starts at a wrong version; what a task claims when it ends is checked, task by task, in the tests.
#[derive(Clone, Debug, Default)]
pub struct StalenessAudit {
    version: u64,
    in_flight: u64,
    /// Sum of tasks in flight over the updates.
    added: u128,
    /// Sum of the staleness of all closed tasks.
    closed: u128,
    /// Sum of the base versions of all open tasks.
    open_base: u128,
}

impl StalenessAudit {
    /// Enters a turn.
    #[inline]
    pub fn add(&mut self, step: &Step<'_>) {
        let orders = step.orders;
        // What goes into no update: without a step, too stale, or lost.
        let empty = step.completion.map(|completion| completion.task).filter(|task| task.steps == 0);
        for task in empty.into_iter().chain(orders.discard).chain(orders.lost) {
            self.closed += u128::from(self.version - task.base_version);
            self.open_base -= u128::from(task.base_version);
            self.in_flight -= 1;
        }
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
pub struct Accounts {
    began: Time,
    now: Time,
    last_update: Time,
    gaps: Series,
    lengths: Quantiles,
    /// How many applied tasks had each staleness, below [`COUNTED`].
    staleness: Vec<u64>,
    /// Applied tasks, and the sum of their staleness.
    applied: (u64, u64),
    steps_applied: u64,
    days: Vec<Day>,
    /// Seconds of work that was thrown away.
    wasted_s: f64,
}

/// Staleness is counted one by one below this. With a million workers a table of all would be a hundred megabytes.
pub const COUNTED: u64 = 1 << 16;

/// Updates that are entered together.
pub(crate) const BATCH: usize = 256;

/// A worker's working time. It is summed worker by worker, so that the sum does not depend on who was first.
#[derive(Clone, Copy, Debug)]
struct Day {
    /// When its task began; [`Time::END`] if it has none.
    since: Time,
    /// Seconds of work on tasks that ended.
    worked_s: f64,
}

impl Day {
    /// Seconds that the task under way has been worked on.
    fn under_way_s(self, now: Time) -> f64 {
        if self.since < Time::END { now.since(self.since) } else { 0.0 }
    }
}

/// Seconds of work among those spent on a task: waiting for the server is none.
fn worked_s(spent: &Spent) -> f64 {
    spent.discarded_s + spent.core_s + spent.compute_s + spent.delay_s
}

impl Accounts {
    /// Nothing yet, of `workers` workers.
    pub fn new(workers: u32) -> Accounts {
        Accounts {
            began: Time::ZERO,
            now: Time::ZERO,
            last_update: Time::ZERO,
            gaps: Series::default(),
            lengths: Quantiles::default(),
            staleness: Vec::new(),
            applied: (0, 0),
            steps_applied: 0,
            days: vec![Day { since: Time::END, worked_s: 0.0 }; workers as usize],
            wasted_s: 0.0,
        }
    }

    /// Enters a turn.
    #[inline]
    pub fn add(&mut self, step: &Step<'_>) {
        let orders = step.orders;
        self.pass(step.at);
        if let Some(completion) = &step.completion {
            let spent = &completion.spent;
            self.finished(completion.task.worker, worked_s(spent));
            self.wasted_s += spent.discarded_s;
        }
        for (task, spent) in orders.cancel.iter().zip(step.cancelled) {
            self.finished(task.worker, worked_s(spent));
            self.wasted_s += worked_s(spent);
        }
        for task in &orders.start {
            self.started(step.at, task.worker);
        }
        if !orders.update.is_empty() {
            self.updated(step.at);
            for task in &orders.update {
                self.applied(&[orders.version - 1 - task.base_version], task.steps);
            }
        }
    }

    /// Enters updates of a rule under which nobody is at work at an update: how long each took.
    pub(crate) fn add_rounds(&mut self, lengths_s: &[f64], rule: Rule) {
        let mut now = self.now;
        self.add_gaps(lengths_s.iter().map(|&length_s| {
            // The clock rounds: the gap that it shows is not quite the length.
            let before = now;
            now = now.after(length_s);
            now.since(before)
        }));
        self.now = now;
        self.last_update = self.now;
        // What everybody read is what the update is of.
        let applied = lengths_s.len() as u64 * u64::from(rule.quorum);
        self.staleness.resize(self.staleness.len().max(1), 0);
        self.staleness[0] += applied;
        self.applied.0 += applied;
        self.steps_applied += lengths_s.len() as u64 * rule.gradients_per_update();
    }

    /// How long each worker has worked so far, none of which was in vain.
    pub(crate) fn set_worked(&mut self, worked_s: &[f64]) {
        for (day, &worked_s) in self.days.iter_mut().zip(worked_s) {
            day.worked_s = worked_s;
        }
    }

    /// Forgets what was entered, but for who is working: the end of the warm-up.
    pub fn begin(&mut self) {
        let fresh = Accounts::new(0);
        let (mut days, now) = (std::mem::take(&mut self.days), self.now);
        for day in &mut days {
            // What is under way was partly done before; it will be entered in full.
            day.worked_s = -day.under_way_s(now);
        }
        *self = Accounts { began: now, now, last_update: self.last_update, days, ..fresh };
    }

    /// Time has passed.
    #[inline]
    pub(crate) fn pass(&mut self, now: Time) {
        self.now = now;
    }

    /// A worker has handed in what took it so many seconds.
    #[inline]
    pub(crate) fn finished(&mut self, worker: u32, worked_s: f64) {
        let day = &mut self.days[worker as usize];
        day.worked_s += worked_s;
        day.since = Time::END;
    }

    /// A worker was given a task.
    #[inline]
    pub(crate) fn started(&mut self, at: Time, worker: u32) {
        self.days[worker as usize].since = at;
    }

    /// Tasks of so many steps went into updates, each of this staleness.
    #[inline(always)]
    pub(crate) fn applied(&mut self, staleness: &[u64], steps: u32) {
        self.applied.0 += staleness.len() as u64;
        self.applied.1 += staleness.iter().sum::<u64>();
        self.steps_applied += staleness.len() as u64 * u64::from(steps);
        for &staleness in staleness {
            match self.staleness.get_mut(staleness as usize) {
                Some(count) => *count += 1,
                None if staleness < COUNTED => self.count_first(staleness),
                None => {}
            }
        }
    }

    #[cold]
    fn count_first(&mut self, staleness: u64) {
        self.staleness.resize(staleness as usize + 1, 0);
        self.staleness[staleness as usize] = 1;
    }

    /// The parameters were updated.
    #[inline]
    fn updated(&mut self, at: Time) {
        let gap_s = at.since(std::mem::replace(&mut self.last_update, at));
        self.gaps.push(gap_s);
        self.lengths.push(gap_s);
    }

    /// The parameters were updated at each of these instants.
    #[inline(always)]
    pub(crate) fn updated_at(&mut self, instants: &[Time]) {
        let mut last_update = self.last_update;
        self.add_gaps(instants.iter().map(|&at| at.since(std::mem::replace(&mut last_update, at))));
        self.last_update = last_update;
    }

    /// In batches, of two passes each. In the first the clock and three sums are dependent additions side by side, with all
    /// that they need in registers.
    #[inline(always)]
    fn add_gaps(&mut self, mut gaps_s: impl ExactSizeIterator<Item = f64>) {
        let mut batch = [0.0; BATCH];
        while gaps_s.len() > 0 {
            let count = gaps_s.len().min(BATCH);
            let kept = gaps_s.by_ref().take(count).zip(&mut batch);
            self.gaps.push_all(kept.map(|(gap_s, kept)| {
                *kept = gap_s;
                gap_s
            }));
            batch[..count].iter().for_each(|&gap_s| self.lengths.push(gap_s));
        }
    }

    /// Seconds between updates.
    pub fn gaps(&self) -> &Series {
        &self.gaps
    }

    /// The gap below which a share `u` of all gaps lies, s.
    pub fn gap_quantile(&self, u: f64) -> Option<f64> {
        self.lengths.quantile(u)
    }

    /// How many applied tasks had staleness 0, 1, 2, ...; what is [`COUNTED`] or more is in the mean only.
    pub fn staleness(&self) -> &[u64] {
        &self.staleness
    }

    /// Mean staleness of the applied tasks, in updates.
    pub fn mean_staleness(&self) -> Option<f64> {
        let (applied, sum) = self.applied;
        (applied > 0).then(|| sum as f64 / applied as f64)
    }

    /// Single-worker gradients in one update, on average.
    pub fn gradients_per_update(&self) -> Option<f64> {
        (self.gaps.count() > 0).then(|| self.steps_applied as f64 / self.gaps.count() as f64)
    }

    /// Share of the workers' time in which they had nothing to do or waited for the server.
    pub fn idle_share(&self) -> Option<f64> {
        let worked_s = self.days.iter().map(|day| day.worked_s + day.under_way_s(self.now)).sum();
        self.share_of_all_time(worked_s).map(|share| (1.0 - share).max(0.0))
    }

    /// Share of the workers' time that went into work that was thrown away.
    pub fn wasted_share(&self) -> Option<f64> {
        self.share_of_all_time(self.wasted_s)
    }

    fn share_of_all_time(&self, seconds: f64) -> Option<f64> {
        let all_s = self.now.since(self.began) * self.days.len() as f64;
        (all_s > 0.0).then(|| seconds / all_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cancellation, ClusterSpec, Law, Policy, RandomKey, Run, Simulated};

    #[test]
    fn computing_in_vain_is_work_that_is_wasted() {
        // A takes 2 s and B 3 s; an update takes three gradients, whoever they come from, and nobody ever waits.
        //   A  0-2  2-4 | 4-6  6-8  8-(9)-10
        //   B  0-3  3-(4)-6 |  6-9
        // At 4 s B is given a new task, but computes the old one until 6 s; at 9 s it has handed in the new one, and A's is
        // cancelled.
        let spec = ClusterSpec::new(Law::Constant { value: 1.0 })
            .with_speeds(vec![1.0 / 2.0, 1.0 / 3.0])
            .unwrap()
            .with_cancellation(Cancellation::AfterStep);
        let rule = "k-batch-sync:3".parse::<Policy>().unwrap().rule(2).unwrap();
        let mut run = Run::new(rule, Simulated::new(spec, RandomKey::new(0, 0), 2));
        let mut accounts = Accounts::new(2);
        while accounts.gaps().count() < 2 {
            accounts.add(&run.step().unwrap());
        }
        assert_eq!(run.cluster().now().seconds(), 9.0);
        assert!(accounts.idle_share().unwrap() < 1e-12, "{accounts:?}");
        // B from 3 s to 6 s, A from 8 s to 9 s.
        assert!((accounts.wasted_share().unwrap() - 4.0 / 18.0).abs() < 1e-12, "{accounts:?}");
    }
}
