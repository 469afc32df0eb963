//! How fast does each compute when there are more workers than cores? Processor sharing in virtual service time.
//!
//! With n tasks computing on c < n cores, each gets c/n of a core. Instead of n remaining times that change with every
//! arrival, one counter grows: the computing that everybody present has been given. A task ends when the counter reaches
//! what it was on its arrival plus the task's own computing, so an event costs O(log m), however many are present.

use crate::queue::Queue;
use crate::time::Time;

/// Cores shared equally by the workers that compute.
#[derive(Clone, Debug)]
pub(crate) struct Cores {
    cores: f64,
    /// How far the sharing has been worked out.
    now: Time,
    /// Seconds of computing given to everybody who was present all along.
    given: Time,
    present: u32,
    /// The value of `given` at which each worker's computing ends.
    ends: Queue,
}

impl Cores {
    pub(crate) fn new(cores: u32, workers: u32) -> Cores {
        Cores { cores: f64::from(cores), now: Time::ZERO, given: Time::ZERO, present: 0, ends: Queue::new(workers) }
    }

    /// Seconds that a second of computing takes now.
    fn stretch(&self) -> f64 {
        (f64::from(self.present) / self.cores).max(1.0)
    }

    fn move_to(&mut self, at: Time) {
        self.given = self.given.after(at.since(self.now) / self.stretch());
        self.now = at;
    }

    /// A worker begins `compute_s` seconds of computing.
    pub(crate) fn join(&mut self, at: Time, worker: u32, compute_s: f64) {
        self.move_to(at);
        self.ends.set(worker, Some(self.given.after(compute_s)));
        self.present += 1;
    }

    /// A worker gives up computing, if it was computing.
    pub(crate) fn leave(&mut self, at: Time, worker: u32) {
        if self.holds(worker) {
            self.move_to(at);
            self.ends.set(worker, None);
            self.present -= 1;
        }
    }

    /// How far the sharing has been worked out.
    pub(crate) fn now(&self) -> Time {
        self.now
    }

    /// Whether a worker is computing.
    pub(crate) fn holds(&self, worker: u32) -> bool {
        self.ends.get(worker).is_some()
    }

    /// Whose computing ends first, and when, if nobody joins or leaves before.
    pub(crate) fn first(&self) -> Option<(Time, u32)> {
        let (end, worker) = self.ends.first()?;
        // Rounding may leave the counter a hair beyond the end.
        let left = end.since(self.given).max(0.0);
        Some((self.now.after(left * self.stretch()), worker))
    }

    /// The first ends.
    pub(crate) fn finish(&mut self, at: Time, worker: u32) {
        self.given = self.given.max(self.ends.get(worker).unwrap_or(self.given));
        self.now = at;
        self.ends.set(worker, None);
        self.present -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs tasks (arrival, computing) to their ends, by the counter.
    fn ends(cores: u32, tasks: &[(f64, f64)]) -> Vec<f64> {
        let mut sharing = Cores::new(cores, tasks.len() as u32);
        let mut ends = vec![0.0; tasks.len()];
        let mut arrivals = tasks.iter().enumerate().peekable();
        loop {
            let arrival = arrivals.peek().map(|(_, task)| Time::at(task.0).unwrap());
            match (sharing.first(), arrival) {
                (Some((at, worker)), next) if next.is_none_or(|next| at <= next) => {
                    sharing.finish(at, worker);
                    ends[worker as usize] = at.seconds();
                }
                (_, Some(at)) => {
                    let (worker, task) = arrivals.next().unwrap();
                    sharing.join(at, worker as u32, task.1);
                }
                (None, None) => return ends,
                (Some(_), None) => unreachable!("the first arm takes these"),
            }
        }
    }

    #[test]
    fn sharing_can_be_followed_by_hand() {
        // Two tasks of 1 s and 2 s on one core: half speed each until 2 s, then the longer one has 1 s left.
        assert_eq!(ends(1, &[(0.0, 1.0), (0.0, 2.0)]), [2.0, 3.0]);
        // As many cores as tasks: nobody waits.
        assert_eq!(ends(2, &[(0.0, 1.0), (0.0, 2.0)]), [1.0, 2.0]);
        // The second comes when the first has 1 s left; both have it done at 1 + 2; the third of the second's seconds is alone.
        assert_eq!(ends(1, &[(0.0, 2.0), (1.0, 2.0)]), [3.0, 4.0]);
        // Three on two cores: each gets 2/3 of a core until 1.5 s, then the two that are left have a core each.
        assert_eq!(ends(2, &[(0.0, 1.0), (0.0, 2.0), (0.0, 3.0)]), [1.5, 2.5, 3.5]);
    }
}
