//! Accounts: a fold over the steps of a run, which is what is reported of it.

use crate::cluster::time::Time;
use crate::cluster::{Signal, Spent, Step};
use crate::measure::gaps::{Gaps, Pooled};
use crate::measure::moments::Moments;
use crate::measure::time_spent::TimeSpent;
use crate::policy::Rule;
use serde::{Deserialize, Serialize};

/// What a run is reported by, from the moment at which it begins to count: a fold over its steps.
///
/// It begins and ends in the middle of tasks. What was spent on them until then is taken from the cluster
/// ([`begin`](Accounts::begin), [`end`](Accounts::end)), so that a worker's times add up to the elapsed time.
#[derive(Clone, Debug)]
pub struct Accounts {
    began: Time,
    now: Time,
    last_update: Time,
    gaps: Moments,
    lengths: Gaps,
    /// Updates that took no longer than this, s; NaN if nobody asks.
    deadline_s: f64,
    in_time: u64,
    /// How many applied tasks had each staleness, below [`COUNTED`].
    staleness: Vec<u64>,
    /// Applied tasks, and the sum of their staleness.
    applied: (u64, u64),
    steps_applied: u64,
    ageing: Ageing,
    /// How many workers there are.
    number: u32,
    /// Each of them; none where only their sums are entered.
    workers: Vec<Worker>,
    /// Tasks of each worker that ended since counting began.
    ended: Vec<Ended>,
    spent: TimeSpent,
}

/// Staleness as it comes about: each update adds 1 to that of every task in flight.
///
/// Over a long run this is the staleness of the applied tasks, if none is thrown away, and unlike a sum over those that happen to end
/// within a window it has no edges: a task that began before counts for the updates within.
#[derive(Clone, Copy, Debug, Default)]
struct Ageing {
    version: u64,
    in_flight: u64,
    /// Tasks in flight, summed over the updates.
    added: u64,
}

/// Updates that are entered together, at most.
pub(crate) const AT_ONCE: usize = 256;

/// Staleness is counted one by one below this. With a million workers a table of all would be a hundred megabytes.
pub const COUNTED: u64 = 1 << 16;

/// What a worker is at, and since when.
#[derive(Clone, Copy, Debug)]
struct Worker {
    since: Time,
    has_task: bool,
}

/// Tasks of a worker that ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Went into an update.
    pub applied: u64,
    /// Were thrown away: too stale, cancelled or lost.
    pub thrown_away: u64,
}

impl Accounts {
    /// Nothing yet, of `workers` workers, step by step.
    pub fn new(workers: u32) -> Accounts {
        Accounts {
            workers: vec![Worker { since: Time::ZERO, has_task: false }; workers as usize],
            ended: vec![Ended::default(); workers as usize],
            ..Accounts::in_sum(workers)
        }
    }

    /// Nothing yet, of `workers` workers of whom only sums are entered, and nothing is kept of each.
    pub(crate) fn in_sum(workers: u32) -> Accounts {
        Accounts {
            began: Time::ZERO,
            now: Time::ZERO,
            last_update: Time::ZERO,
            gaps: Moments::default(),
            lengths: Gaps::default(),
            deadline_s: f64::NAN,
            in_time: 0,
            staleness: Vec::new(),
            applied: (0, 0),
            steps_applied: 0,
            ageing: Ageing::default(),
            number: workers,
            workers: Vec::new(),
            ended: Vec::new(),
            spent: TimeSpent::default(),
        }
    }

    /// The same, counting the updates that take no longer than this, s.
    pub fn with_deadline(self, deadline_s: Option<f64>) -> Accounts {
        Accounts { deadline_s: deadline_s.unwrap_or(f64::NAN), ..self }
    }

    /// Enters a step of the run.
    #[inline]
    pub fn add(&mut self, step: &Step<'_>) {
        let orders = step.orders;
        self.now = step.at;
        if let Some(completion) = step.completion() {
            // What has no step, or is too stale, goes into no update.
            let task = completion.task;
            let thrown_away = task.steps == 0 || orders.discard.is_some();
            self.ended(task.worker, completion.at, &completion.spent, thrown_away);
            if thrown_away {
                self.ageing.in_flight -= 1;
            }
        }
        if let (Some(task), Some(Signal::Failed { at, spent, .. })) = (&orders.lost, &step.signal) {
            self.ended(task.worker, *at, spent, true);
            self.ageing.in_flight -= 1;
        }
        if !orders.update.is_empty() {
            self.updated(step.at);
            let version = self.ageing.version;
            for task in &orders.update {
                self.applied(version - task.base_version, task.steps);
                self.ended[task.worker as usize].applied += 1;
            }
            self.ageing.in_flight -= orders.update.len() as u64;
            self.ageing.added += self.ageing.in_flight;
            self.ageing.version += 1;
        }
        for (task, spent) in orders.cancel.iter().zip(step.cancelled) {
            self.ended(task.worker, step.at, spent, true);
            self.ageing.in_flight -= 1;
        }
        for task in &orders.start {
            self.started(step.at, task.worker);
        }
        self.ageing.in_flight += orders.start.len() as u64;
    }

    /// Forgets what was entered, but for who is at what: the end of the warm-up. `so_far` tells what the task that a worker is
    /// at has taken until now.
    pub fn begin(&mut self, so_far: impl Fn(u32) -> Spent) {
        let now = self.now;
        let mut workers = std::mem::take(&mut self.workers);
        // What was spent before was not spent since. It comes off what was not thrown away, whatever becomes of the task: as
        // tasks that are under way at the end count as such, whatever will become of them.
        let mut before = TimeSpent::default();
        let busy = (0..).zip(&workers).filter(|(_, worker)| worker.has_task);
        busy.for_each(|(w, _)| before.enter(&so_far(w), false));
        workers.iter_mut().filter(|worker| !worker.has_task).for_each(|worker| worker.since = now);
        let ageing = Ageing { added: 0, ..self.ageing };
        let ended = vec![Ended::default(); workers.len()];
        *self = Accounts {
            began: now,
            now,
            last_update: self.last_update,
            deadline_s: self.deadline_s,
            workers,
            ended,
            ageing,
            spent: before.owed(),
            ..Accounts::in_sum(self.number)
        };
    }

    /// Enters what workers have been at since the last event: the end of the run.
    pub fn end(&mut self, so_far: impl Fn(u32) -> Spent) {
        for w in 0..self.workers.len() as u32 {
            let Worker { since, has_task } = self.workers[w as usize];
            if has_task {
                self.spent.enter(&so_far(w), false);
            } else {
                self.spent.waiting_s += self.now.since(since);
            }
        }
    }

    #[inline]
    fn ended(&mut self, worker: u32, at: Time, spent: &Spent, thrown_away: bool) {
        self.spent.enter(spent, thrown_away);
        self.ended[worker as usize].thrown_away += u64::from(thrown_away);
        self.workers[worker as usize] = Worker { since: at, has_task: false };
    }

    #[inline]
    fn started(&mut self, at: Time, worker: u32) {
        let worker = &mut self.workers[worker as usize];
        self.spent.waiting_s += at.since(worker.since);
        *worker = Worker { since: at, has_task: true };
    }

    /// A task of so many steps went into an update.
    #[inline]
    fn applied(&mut self, staleness: u64, steps: u32) {
        self.applied.0 += 1;
        self.applied.1 += staleness;
        self.steps_applied += u64::from(steps);
        match self.staleness.get_mut(staleness as usize) {
            Some(count) => *count += 1,
            None if staleness < COUNTED => {
                self.staleness.resize(staleness as usize + 1, 0);
                self.staleness[staleness as usize] = 1;
            }
            None => {}
        }
    }

    /// The parameters were updated.
    #[inline]
    fn updated(&mut self, at: Time) {
        let gap_s = at.since(std::mem::replace(&mut self.last_update, at));
        self.gaps.push(gap_s);
        self.lengths.push(gap_s);
        self.in_time += u64::from(gap_s <= self.deadline_s);
    }

    /// The same many times, at most [`AT_ONCE`]: one short loop after the other; how many times it was.
    #[inline(always)]
    fn updated_at(&mut self, instants: impl Iterator<Item = Time>) -> u64 {
        let (mut gaps_s, mut last, mut count) = ([0.0; AT_ONCE], self.last_update, 0);
        for (gap_s, at) in gaps_s.iter_mut().zip(instants) {
            *gap_s = at.since(std::mem::replace(&mut last, at));
            count += 1;
        }
        let gaps_s = &gaps_s[..count];
        self.last_update = last;
        self.gaps.extend(gaps_s.iter().copied());
        self.lengths.extend(gaps_s);
        if self.deadline_s >= 0.0 {
            self.in_time += gaps_s.iter().filter(|&&gap_s| gap_s <= self.deadline_s).count() as u64;
        }
        count as u64
    }

    /// Enters updates of a rule under which nobody is at work at an update: how long each took.
    pub(crate) fn add_rounds(&mut self, lengths_s: &[f64], rule: Rule) {
        for lengths_s in lengths_s.chunks(AT_ONCE) {
            let mut now = self.now;
            self.updated_at(lengths_s.iter().map(|&length_s| {
                now = now.after(length_s);
                now
            }));
            self.now = now;
        }
        // What everybody read is what the update is of.
        self.applied.0 += lengths_s.len() as u64 * u64::from(rule.quorum);
        self.steps_applied += lengths_s.len() as u64 * rule.gradients_per_update();
    }

    /// Enters updates of a rule under which nobody ever waits, at most [`AT_ONCE`]: when each was made.
    #[inline(always)]
    pub(crate) fn add_instants(&mut self, instants: impl Iterator<Item = Time>, rule: Rule) -> u64 {
        let updates = self.updated_at(instants);
        self.now = self.last_update;
        self.applied.0 += updates * u64::from(rule.quorum);
        self.steps_applied += updates * rule.gradients_per_update();
        self.ageing.added += updates * u64::from(rule.workers - 1);
        updates
    }

    /// Workers computed for so many seconds since counting began, all together, and waited for others otherwise.
    pub(crate) fn set_computing(&mut self, computing_s: f64) {
        let waiting_s = (self.worker_seconds() - computing_s).max(0.0);
        self.spent = TimeSpent { computing_s, waiting_s, ..TimeSpent::default() };
    }

    /// Seconds between updates.
    pub fn gaps(&self) -> &Moments {
        &self.gaps
    }

    /// The same as a collection.
    pub fn lengths(&self) -> &Gaps {
        &self.lengths
    }

    /// The gap that a share `u` of all gaps does not exceed, s.
    pub fn gap_quantile(&self, u: f64) -> Option<f64> {
        Pooled::new(std::iter::once(&self.lengths)).quantile(u)
    }

    /// Updates that took no longer than the deadline.
    pub fn in_time(&self) -> u64 {
        self.in_time
    }

    /// Tasks of each worker that ended; nothing where rounds or streams are counted as a whole, and nothing is thrown away.
    pub fn ended_tasks(&self) -> &[Ended] {
        &self.ended
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

    /// Sums whose ratio is the mean staleness in the long run: staleness, and the tasks that were applied. The staleness is what came
    /// about since counting began; where tasks are thrown away, and take theirs with them, it is that of the applied ones.
    pub fn staleness_sums(&self) -> (u64, u64) {
        let (applied, staleness) = self.applied;
        let thrown_away = self.ended.iter().any(|ended| ended.thrown_away > 0);
        (if thrown_away { staleness } else { self.ageing.added }, applied)
    }

    /// Single-worker gradients in one update, on average.
    pub fn gradients_per_update(&self) -> Option<f64> {
        (self.gaps.count() > 0).then(|| self.steps_applied as f64 / self.gaps.count() as f64)
    }

    /// Seconds since counting began, times workers.
    pub fn worker_seconds(&self) -> f64 {
        self.now.since(self.began) * f64::from(self.number)
    }

    /// Where that went; complete after [`end`](Accounts::end).
    pub fn spent(&self) -> &TimeSpent {
        &self.spent
    }

    /// Share of the workers' time in which they waited for others or for the server.
    pub fn idle_share(&self) -> Option<f64> {
        self.share(self.spent.idle_s())
    }

    /// Share of the workers' time that went into work that was thrown away.
    pub fn wasted_share(&self) -> Option<f64> {
        self.share(self.spent.discarded_s)
    }

    fn share(&self, seconds: f64) -> Option<f64> {
        let all_s = self.spent.total_s();
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
        // At 4 s B is given a new task, but computes the old one until 6 s; at 9 s it has submitted the new one, and A's is
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
