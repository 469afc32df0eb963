//! Tasks, and orders about them: what a coordinator and a cluster say to each other.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One piece of a worker's work: read the parameters, take some steps, submit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Task {
    /// Who does it, 0 to m-1.
    pub worker: u32,
    /// How many steps it has at most, once it is submitted how many it had: 1, H for local SGD, M with micro-batches.
    pub steps: u32,
    /// Whether the steps are micro-batches at the same parameters, added up, instead of local steps.
    pub accumulates: bool,
    /// Whether it may have several local steps, so that its result is how far the parameters have moved.
    pub local: bool,
    /// How many tasks the worker was given before this one.
    pub serial: u64,
    /// The worker's own number of its first step: the key of that step's random numbers.
    pub first_step: u64,
    /// How many updates the parameters had seen when the task was given.
    pub base_version: u64,
}

impl Task {
    /// A worker's first task, of so many local steps.
    pub fn first(worker: u32, steps: u32) -> Task {
        Task { worker, steps, accumulates: false, local: steps > 1, serial: 0, first_step: 0, base_version: 0 }
    }

    /// The worker's own numbers of this task's steps.
    pub fn step_numbers(&self) -> std::ops::Range<u64> {
        self.first_step..self.first_step + u64::from(self.steps)
    }

    /// Whether this is the other task, however many steps either has.
    #[inline]
    pub fn is(&self, other: &Task) -> bool {
        (self.worker, self.serial, self.base_version) == (other.worker, other.serial, other.base_version)
    }

    /// What its result counts for in an average: as many gradients as it accumulates, or one model.
    pub fn weight(&self) -> u32 {
        if self.accumulates { self.steps } else { 1 }
    }
}

/// What is to be done, in this order: discard, update, cancel, interrupt, start, set the alarm. Whoever is started so reads
/// the new parameters.
///
/// One value is filled again and again; nothing is allocated per event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// Updates made once these orders are carried out.
    pub version: u64,
    /// This result, which has just arrived, is too stale: throw it away.
    pub discard: Option<Task>,
    /// This task is lost with its worker, who has failed.
    pub lost: Option<Task>,
    /// Average these tasks' results into the parameters, if there are any; in order of their arrival.
    pub update: Vec<Task>,
    /// Throw these away.
    pub cancel: Vec<Task>,
    /// These are to submit the steps that they have.
    pub interrupt: Vec<Task>,
    /// Start these.
    pub start: Vec<Task>,
    /// Ring so long from now, or, with `Duration::MAX`, not at all any more.
    pub alarm: Option<Duration>,
}

impl Orders {
    pub(super) fn clear(&mut self) {
        self.discard = None;
        self.lost = None;
        self.update.clear();
        self.cancel.clear();
        self.interrupt.clear();
        self.start.clear();
        self.alarm = None;
    }
}
