//! The journal of a training run: every update, every task, and the parameters at some moments.

use crate::data::images::CLASSES;
use crate::learner::digits::Weights;
use crate::models::net::Score;
use crate::run::checkpoint::{Checkpointing, Position};
use crate::run::state::ModelState;
use sim::{Cluster, Completion, Run, StalenessAudit, Step, Task, Time};
use std::ops::ControlFlow;

/// One update.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// Its number, from 1: the version that it made.
    pub update: u64,
    /// When it was done.
    pub at: Time,
    /// Whose gradients went into it, in the order in which they came, and how stale each was, in updates.
    pub from: Vec<(u32, u64)>,
    /// How each of these did on its batches, on average.
    pub scores: Vec<Score>,
}

impl Update {
    /// Mean batch loss of the gradients in it.
    pub fn loss(&self) -> f64 {
        Score::mean(&self.scores).loss
    }
}

/// One task of one worker.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskRecord {
    /// The task.
    pub task: Task,
    /// When it was given.
    pub start: Time,
    /// When it was submitted, or cancelled.
    pub finish: Time,
    /// Seconds of computing and of delay; not known of a task that was cancelled.
    pub spent_s: Option<(f64, f64)>,
    /// The version that its gradient made; `None` if it was cancelled or never applied.
    pub applied_version: Option<u64>,
}

/// The parameters at some moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When.
    pub at: Time,
    /// After so many updates.
    pub update: u64,
    /// After so many steps of single workers that were applied.
    pub steps: u64,
    /// Mean batch loss over the updates since the snapshot before; NaN at the beginning.
    pub train_loss: f64,
    /// The parameters.
    pub weights: Weights,
}

/// Everything that is written down of a run.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    /// All updates.
    pub updates: Vec<Update>,
    /// All tasks that came to an end.
    pub steps: Vec<TaskRecord>,
    /// The parameters at the beginning, now and then, and at the end.
    pub snapshots: Vec<Snapshot>,
    /// Steps that were applied so far.
    pub steps_applied: u64,
    audit: StalenessAudit,
    /// Each worker's task and when it was given.
    given: Vec<Option<(Task, Time)>>,
    /// Submitted, not yet applied: index into `steps`.
    waiting: Vec<usize>,
    losses_since: (f64, u64),
    /// Where the run went on from: updates before it, and their seconds.
    before: (u64, f64),
}

impl Journal {
    /// An empty journal of `workers` workers.
    pub fn new(workers: u32) -> Journal {
        Journal { given: vec![None; workers as usize], ..Journal::default() }
    }

    /// The journal of a run that goes on from somewhere: it begins there, with the updates, the steps and the seconds that there
    /// were.
    pub fn resumed(workers: u32, from: &Position) -> Journal {
        Journal {
            audit: StalenessAudit::after(from.version),
            steps_applied: from.steps_applied,
            before: (from.version, from.seconds),
            ..Journal::new(workers)
        }
    }

    /// Updates so far, those before it included.
    pub fn version(&self) -> u64 {
        self.before.0 + self.updates.len() as u64
    }

    /// Writes down a step of the event loop; `scores` are those of the tasks in its update, if it has one, and `staleness` is what
    /// the workers themselves counted, if they did.
    pub fn add(&mut self, step: &Step<'_>, scores: &[Score], staleness: Option<&[u64]>) {
        self.audit.add(step);
        let (orders, now) = (step.orders, step.at.after(self.before.1));
        if let Some(&Completion { at, task, spent }) = step.completion() {
            self.end(task, at.after(self.before.1), Some((spent.compute_s, spent.delay_s)));
            // What has no step, or is too stale, goes into no update.
            if task.steps > 0 && orders.discard != Some(task) {
                self.waiting.push(self.steps.len() - 1);
            }
        }
        if !orders.update.is_empty() {
            for index in self.waiting.drain(..) {
                self.steps[index].applied_version = Some(orders.version);
                self.steps_applied += u64::from(self.steps[index].task.steps);
            }
            let from = |(i, task): (usize, &Task)| {
                let counted = staleness.and_then(|staleness| staleness.get(i).copied());
                (task.worker, counted.unwrap_or(orders.version - 1 - task.base_version))
            };
            let from = orders.update.iter().enumerate().map(from).collect();
            let update = Update { update: orders.version, at: now, from, scores: scores.to_vec() };
            self.losses_since.0 += update.loss();
            self.updates.push(update);
            self.losses_since.1 += 1;
        }
        for &task in orders.cancel.iter().chain(&orders.lost) {
            self.end(task, now, None);
        }
        for &task in &orders.start {
            self.given[task.worker as usize] = Some((task, now));
        }
    }

    fn end(&mut self, task: Task, finish: Time, spent_s: Option<(f64, f64)>) {
        let (_, start) = self.given[task.worker as usize].take().expect("it was given");
        self.steps.push(TaskRecord { task, start, finish, spent_s, applied_version: None });
    }

    /// Keeps the parameters.
    pub fn snapshot(&mut self, at: Time, weights: Weights) {
        let (sum, count) = std::mem::take(&mut self.losses_since);
        self.snapshots.push(Snapshot {
            at,
            update: self.version(),
            steps: self.steps_applied,
            train_loss: sum / count as f64,
            weights,
        });
    }

    /// Mean staleness of the applied gradients, in updates.
    pub fn mean_staleness(&self) -> f64 {
        let (sum, count) = self.updates.iter().flat_map(|u| &u.from).fold((0, 0u64), |(s, n), f| (s + f.1, n + 1));
        sum as f64 / count as f64
    }

    /// Whether staleness was conserved, exactly.
    pub fn is_conserved(&self) -> bool {
        let (added, had) = self.audit.sides();
        added == had
    }
}

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It had done all it should.
    Done,
    /// `each_update` said so.
    Broken,
    /// The cluster gave no more completions.
    Exhausted,
    /// The loss of this update was not finite, or from this one on it stayed far above that of guessing.
    Diverged {
        /// Which update.
        update: u64,
    },
}

/// Losses beyond twice that of guessing, -ln(1/classes), tell of a step size that is too large, and not of a bad batch.
const DIVERGED: f64 = 2.0 * std::f64::consts::LN_10;
const _: () = assert!(CLASSES == 10);

/// The fewest updates that tell it.
const TELLING: usize = 10;

/// From which update on all losses were beyond [`DIVERGED`], to the end, if those are at least a twentieth of all and ten.
fn diverged_at(updates: &[Update]) -> Option<u64> {
    let good = updates.iter().rposition(|update| update.loss() <= DIVERGED).map_or(0, |last| last + 1);
    let bad = updates.len() - good;
    (bad >= TELLING.max(updates.len() / 20)).then(|| updates[good].update)
}

/// Trains until so many steps of single workers were applied, and keeps the parameters every so many of them.
///
/// `each_update` is called after each update, `each_snapshot` after each snapshot, while the clock stands still.
pub fn train<C: Cluster + ModelState>(
    run: &mut Run<C>,
    workers: u32,
    steps: u64,
    every: u64,
    each_update: impl FnMut(&Journal) -> ControlFlow<()>,
    each_snapshot: impl FnMut(&Snapshot) -> ControlFlow<()>,
) -> (Journal, End) {
    train_from(run, Journal::new(workers), steps, every, None, each_update, each_snapshot)
}

/// The same from wherever the journal is, with a checkpoint now and then.
pub fn train_from<C: Cluster + ModelState>(
    run: &mut Run<C>,
    mut journal: Journal,
    steps: u64,
    every: u64,
    checkpointing: Option<&Checkpointing>,
    mut each_update: impl FnMut(&Journal) -> ControlFlow<()>,
    mut each_snapshot: impl FnMut(&Snapshot) -> ControlFlow<()>,
) -> (Journal, End) {
    let mut next_snapshot = 0;
    let end = loop {
        let Some(step) = run.step() else { break End::Exhausted };
        let (at, updated) = (step.at, !step.orders.update.is_empty());
        // The orders are kept apart from the cluster, whose scores the journal needs to see: two short borrows.
        let (signal, orders, cancelled) = (step.signal.copied(), step.orders.clone(), step.cancelled.to_vec());
        let step = Step { at, signal: signal.as_ref(), orders: &orders, cancelled: &cancelled };
        journal.add(&step, run.cluster().scores(), run.cluster().staleness());
        let now = at.after(journal.before.1);
        let mut reached = ControlFlow::Continue(());
        if journal.steps_applied >= next_snapshot {
            next_snapshot = journal.steps_applied + every.max(1);
            run.cluster_mut().off_the_clock(|cluster| {
                journal.snapshot(now, cluster.weights());
                reached = each_snapshot(journal.snapshots.last().expect("just taken"));
            });
        }
        if updated {
            if !journal.updates.last().is_some_and(|update| update.loss().is_finite()) {
                break End::Diverged { update: orders.version };
            }
            if let Some(checkpointing) = checkpointing.filter(|one| journal.version().is_multiple_of(one.every)) {
                let position = Position {
                    version: journal.version(),
                    steps_applied: journal.steps_applied,
                    seconds: now.seconds(),
                    next_steps: run.coordinator().next_steps(),
                };
                run.cluster_mut().off_the_clock(|cluster| (checkpointing.write)(&position, &cluster.weights()));
            }
            if reached.is_break() || each_update(&journal).is_break() {
                break End::Broken;
            }
            if journal.steps_applied >= steps {
                break End::Done;
            }
        }
    };
    let end = match (end, diverged_at(&journal.updates)) {
        (End::Done, Some(update)) => End::Diverged { update },
        (end, _) => end,
    };
    let last = journal.updates.last().map(|u| (u.update, u.at));
    if let Some((update, at)) = last
        && journal.snapshots.last().is_none_or(|snapshot| snapshot.update < update)
    {
        journal.snapshot(at, run.cluster().weights());
        let _ = each_snapshot(journal.snapshots.last().expect("just taken"));
    }
    (journal, end)
}
