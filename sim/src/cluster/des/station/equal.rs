//! Processor sharing in virtual service time.
//!
//! With n tasks computing on c < n cores, each gets c/n of a core. Instead of n remaining times that change with every
//! arrival, one counter grows: the computing that everybody present has been given. A task ends when the counter reaches
//! what it was on its arrival plus the task's own computing, so an event costs O(log m), however many are present.

use crate::cluster::des::queue::Queue;
use crate::cluster::time::Time;

/// Cores that all who compute share equally.
#[derive(Clone, Debug)]
pub(crate) struct Equal {
    cores: f64,
    /// How much slower everybody is with 1, 2, 3, ... at work.
    contention: Vec<f64>,
    now: Time,
    /// Seconds of computing given to everybody who was present all along.
    given: Time,
    present: u32,
    /// The value of `given` at which each worker's computing ends.
    ends: Queue,
}

impl Equal {
    pub(super) fn new(cores: u32, contention: &[f64], sharers: u32) -> Equal {
        Equal {
            cores: f64::from(cores),
            contention: contention.to_vec(),
            now: Time::ZERO,
            given: Time::ZERO,
            present: 0,
            ends: Queue::new(sharers),
        }
    }

    /// Seconds that a second of computing takes now.
    fn stretch(&self) -> f64 {
        let shared = (f64::from(self.present) / self.cores).max(1.0);
        match self.contention.last() {
            None => shared,
            Some(last) => shared * self.contention.get((self.present as usize).saturating_sub(1)).unwrap_or(last),
        }
    }

    pub(super) fn now(&self) -> Time {
        self.now
    }

    pub(super) fn remaining_s(&self, at: Time, worker: u32) -> f64 {
        let given = self.given.after(at.since(self.now) / self.stretch());
        self.ends.get(worker).map_or(0.0, |end| end.since(given).max(0.0))
    }

    fn move_to(&mut self, at: Time) {
        self.given = self.given.after(at.since(self.now) / self.stretch());
        self.now = at;
    }

    pub(super) fn join(&mut self, at: Time, worker: u32, compute_s: f64) {
        self.move_to(at);
        self.ends.set(worker, Some(self.given.after(compute_s)));
        self.present += 1;
    }

    pub(super) fn set_remaining(&mut self, at: Time, worker: u32, seconds: f64) {
        self.move_to(at);
        self.ends.set(worker, Some(self.given.after(seconds)));
    }

    pub(super) fn holds(&self, worker: u32) -> bool {
        self.ends.get(worker).is_some()
    }

    pub(super) fn leave(&mut self, at: Time, worker: u32) {
        if self.holds(worker) {
            self.move_to(at);
            self.ends.set(worker, None);
            self.present -= 1;
        }
    }

    pub(super) fn first(&mut self) -> Option<(Time, u32)> {
        let (end, worker) = self.ends.first()?;
        // Rounding may leave the counter a hair beyond the end.
        let left = end.since(self.given).max(0.0);
        Some((self.now.after(left * self.stretch()), worker))
    }

    #[inline]
    pub(super) fn finish(&mut self, at: Time) {
        if let Some((end, _)) = self.ends.pop() {
            self.given = self.given.max(end);
            self.now = at;
            self.present -= 1;
        }
    }
}
