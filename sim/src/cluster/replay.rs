//! A recorded run as a cluster: it replays the completions of another, one by one.
//!
//! Threads race; what the coordinator and the learner made of the race must not depend on anything but its outcome. So a
//! replayed run ends on the same bits, or there is a bug.

use crate::cluster::time::Time;
use crate::cluster::{Cluster, Completion, Signal, Spent, Step};
use crate::learn::{Learner, Learning};
use crate::policy::Task;
use std::time::Duration;

/// What a cluster decided by itself: what happened when, when each update was done, what was spent on what
/// was cancelled.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    signals: Vec<Signal>,
    updates: Vec<Time>,
    cancelled: Vec<Spent>,
    /// How each step set the alarm.
    alarms: Vec<Option<Duration>>,
}

impl Recording {
    /// Adds a step of the run that is being recorded.
    pub fn add(&mut self, step: &Step<'_>) {
        self.signals.extend(step.signal);
        self.alarms.push(step.orders.alarm);
        self.cancelled.extend_from_slice(step.cancelled);
        if !step.orders.update.is_empty() {
            self.updates.push(step.at);
        }
    }
}

/// Replays a [`Recording`].
pub struct Replay<L: Learner = ()> {
    signals: std::vec::IntoIter<Signal>,
    updates: std::vec::IntoIter<Time>,
    cancelled: std::vec::IntoIter<Spent>,
    alarms: std::vec::IntoIter<Option<Duration>>,
    /// How this step has set the alarm.
    alarm: Option<Duration>,
    /// Each worker's task, and whether it may submit fewer steps than it was given.
    running: Vec<Option<(Task, bool)>>,
    learning: Learning<L>,
    now: Time,
    mismatch: Option<Completion>,
}

impl<L: Learner> Replay<L> {
    /// A cluster of `workers` workers that does what `recording` says.
    pub fn new(recording: Recording, learner: L, workers: u32) -> Replay<L> {
        Replay {
            signals: recording.signals.into_iter(),
            updates: recording.updates.into_iter(),
            cancelled: recording.cancelled.into_iter(),
            alarms: recording.alarms.into_iter(),
            alarm: None,
            running: vec![None; workers as usize],
            learning: Learning::new(learner, workers),
            now: Time::ZERO,
            mismatch: None,
        }
    }

    /// The parameters now.
    pub fn learning(&self) -> &Learning<L> {
        &self.learning
    }

    /// The first completion that does not belong to this rule's run, if the recording was of another.
    pub fn mismatch(&self) -> Option<Completion> {
        self.mismatch
    }
}

impl<L: Learner> Cluster for Replay<L> {
    fn start(&mut self, task: Task) {
        self.running[task.worker as usize] = Some((task, false));
        self.learning.start(task);
    }

    fn discard(&mut self, task: Task) {
        self.learning.discard(task);
    }

    fn interrupt(&mut self, task: Task) {
        if let Some((_, fewer)) = &mut self.running[task.worker as usize] {
            *fewer = true;
        }
    }

    fn alarm(&mut self, after: Duration) {
        self.alarm = Some(after);
    }

    fn cancel(&mut self, task: Task) -> Spent {
        self.running[task.worker as usize] = None;
        self.cancelled.next().unwrap_or_default()
    }

    fn update(&mut self, version: u64, from: &[Task]) -> Time {
        self.learning.update(version, from);
        self.now = self.updates.next().unwrap_or(self.now);
        self.now
    }

    fn wait(&mut self) -> Option<Signal> {
        let signal = self.signals.next()?;
        let same_alarm = self.alarms.next().flatten() == self.alarm.take();
        if !same_alarm {
            let finished = |signal| if let Signal::Finished(completion) = signal { Some(completion) } else { None };
            self.mismatch = finished(signal).or_else(|| self.signals.by_ref().find_map(finished));
            return None;
        }
        match signal {
            Signal::Finished(completion) => {
                let task = completion.task;
                let running = self.running.get_mut(task.worker as usize);
                let fits = |(given, fewer): (Task, bool)| {
                    given.is(&task) && (task.steps == given.steps || fewer && task.steps < given.steps)
                };
                if !running.and_then(Option::take).is_some_and(fits) {
                    self.mismatch = Some(completion);
                    return None;
                }
                self.learning.finish(task);
            }
            Signal::Failed { worker, .. } => self.running[worker as usize] = None,
            Signal::Alarm { .. } | Signal::Returned { .. } => {}
        }
        self.now = signal.at();
        Some(signal)
    }
}
