//! Folds over the steps of a run: the staleness audit, which must hold of every run, and the accounts, which are reported.

use crate::cluster::time::Time;
use crate::cluster::{Signal, Spent, Step};
use crate::measure::gaps::{Gaps, Pooled};
use crate::measure::moments::Moments;
use crate::policy::{Rule, Task};
use serde::{Deserialize, Serialize};

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
    /// The audit of a run that goes on after so many updates.
    pub fn after(version: u64) -> StalenessAudit {
        StalenessAudit { version, ..StalenessAudit::default() }
    }

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

/// Where the workers' time went, in seconds of workers: together workers x elapsed time, up to rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TimeSpent {
    /// Computing what was not thrown away, and waiting for a core to do so.
    pub computing_s: f64,
    /// The delay after computing.
    pub delay_s: f64,
    /// Messages on their way, and waiting for a link.
    pub communication_s: f64,
    /// Waiting for the server, and being served by it.
    pub server_s: f64,
    /// Waiting for other workers.
    pub waiting_s: f64,
    /// Work that was thrown away: on tasks that were cancelled, before or after they were.
    pub discarded_s: f64,
}

impl TimeSpent {
    /// All of it, s.
    pub fn total_s(&self) -> f64 {
        self.computing_s + self.delay_s + self.communication_s + self.server_s + self.waiting_s + self.discarded_s
    }

    /// Having nothing to do: waiting for the server or for others, s.
    pub fn idle_s(&self) -> f64 {
        self.server_s + self.waiting_s
    }

    /// Enters what was spent on a task, `sign` times: forwards, or back.
    fn enter(&mut self, spent: &Spent, thrown_away: bool, sign: f64) {
        let Spent { discarded_s, core_s, compute_s, delay_s, link_s, queue_s, service_s } = *spent;
        self.server_s += sign * (queue_s + service_s);
        if thrown_away {
            self.discarded_s += sign * (discarded_s + core_s + compute_s + delay_s + link_s);
        } else {
            self.discarded_s += sign * discarded_s;
            self.computing_s += sign * (core_s + compute_s);
            self.delay_s += sign * delay_s;
            self.communication_s += sign * link_s;
        }
    }
}

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
    /// What had been spent on the tasks that were under way when counting began, worker by worker.
    before: Vec<Spent>,
    spent: TimeSpent,
}

/// Staleness as it comes about: each update adds 1 to that of every task in flight.
///
/// Over a long run this is the staleness of the applied tasks, and unlike a sum over those that happen to end within a window it
/// has no edges: a task that began before counts for the updates within. What is thrown away within takes all of its staleness
/// with it, as what is in flight at the end leaves behind what it will take.
#[derive(Clone, Copy, Debug, Default)]
struct Ageing {
    version: u64,
    in_flight: u64,
    /// Tasks in flight, summed over the updates, less the staleness of what was thrown away.
    added: i64,
}

impl Ageing {
    /// A task leaves without being applied: its staleness is not that of an applied one.
    fn leave(&mut self, task: &Task) {
        self.in_flight -= 1;
        self.added -= (self.version - task.base_version) as i64;
    }
}

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
            before: Vec::new(),
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
        if let Some(completion) = &step.completion {
            // What has no step, or is too stale, goes into no update.
            let task = completion.task;
            let thrown_away = task.steps == 0 || orders.discard.is_some();
            self.ended(task.worker, completion.at, &completion.spent, thrown_away);
            if thrown_away {
                self.ageing.leave(&task);
            }
        }
        if let (Some(task), Some(Signal::Failed { at, spent, .. })) = (&orders.lost, &step.signal) {
            self.ended(task.worker, *at, spent, true);
            self.ageing.leave(task);
        }
        if !orders.update.is_empty() {
            self.updated(step.at);
            let version = self.ageing.version;
            for task in &orders.update {
                self.applied(version - task.base_version, task.steps);
                self.ended[task.worker as usize].applied += 1;
            }
            self.ageing.in_flight -= orders.update.len() as u64;
            self.ageing.added += self.ageing.in_flight as i64;
            self.ageing.version += 1;
        }
        for (task, spent) in orders.cancel.iter().zip(step.cancelled) {
            self.ended(task.worker, step.at, spent, true);
            self.ageing.leave(task);
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
        let before = (0..).zip(&workers).map(|(w, worker)| if worker.has_task { so_far(w) } else { Spent::default() });
        let before = before.collect();
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
            before,
            ageing,
            ..Accounts::in_sum(self.number)
        };
    }

    /// Enters what workers have been at since the last event: the end of the run.
    pub fn end(&mut self, so_far: impl Fn(u32) -> Spent) {
        for w in 0..self.workers.len() as u32 {
            let Worker { since, has_task } = self.workers[w as usize];
            if has_task {
                self.spent.enter(&so_far(w), false, 1.0);
                self.take_back(w);
            } else {
                self.spent.waiting_s += self.now.since(since);
            }
        }
    }

    /// What was spent before counting began was not spent since. It comes off what was not thrown away, whatever became of the
    /// task: as tasks that are under way at the end count as such, whatever will become of them.
    fn take_back(&mut self, worker: u32) {
        if let Some(before) = self.before.get_mut(worker as usize) {
            self.spent.enter(&std::mem::take(before), false, -1.0);
        }
    }

    #[inline]
    fn ended(&mut self, worker: u32, at: Time, spent: &Spent, thrown_away: bool) {
        self.spent.enter(spent, thrown_away, 1.0);
        self.take_back(worker);
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

    /// Enters updates of a rule under which nobody is at work at an update: how long each took.
    pub(crate) fn add_rounds(&mut self, lengths_s: &[f64], rule: Rule) {
        for &length_s in lengths_s {
            self.now = self.now.after(length_s);
            self.updated(self.now);
        }
        // What everybody read is what the update is of.
        self.applied.0 += lengths_s.len() as u64 * u64::from(rule.quorum);
        self.steps_applied += lengths_s.len() as u64 * rule.gradients_per_update();
    }

    /// Enters updates of a rule under which nobody ever waits: when each was made.
    #[inline]
    pub(crate) fn updated_at(&mut self, instants: &[Time], rule: Rule) {
        instants.iter().for_each(|&at| self.updated(at));
        self.now = self.last_update;
        let updates = instants.len() as u64;
        self.applied.0 += updates * u64::from(rule.quorum);
        self.steps_applied += updates * rule.gradients_per_update();
        self.ageing.added += updates as i64 * (i64::from(rule.workers) - 1);
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

    /// Staleness that came about since counting began, and the tasks that were applied: sums whose ratio is the mean staleness in
    /// the long run.
    pub fn staleness_added(&self) -> (i64, u64) {
        (self.ageing.added, self.applied.0)
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
