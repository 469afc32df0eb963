//! Failures of workers: outages of single workers, or setbacks of the whole job.

use crate::cluster::des::queue::Queue;
use crate::cluster::spec::Failures;
use crate::cluster::time::Time;
use crate::random::key::Purpose;
use crate::random::key::RandomKey;
use crate::random::ln::{exponential, share};

/// Workers that fail one by one and come back.
pub(super) struct Outages {
    mtbf_s: f64,
    restart_s: f64,
    key: RandomKey,
    /// When each worker fails or, if it is away, returns.
    next: Queue,
    /// How often each worker has failed, and whether it is away.
    workers: Vec<(u64, bool)>,
}

impl Outages {
    pub(super) fn new(failures: &Failures, workers: u32, key: RandomKey) -> Outages {
        let &Failures { mtbf_s, restart_s, checkpoint: _ } = failures;
        let mut outages =
            Outages { mtbf_s, restart_s, key, next: Queue::new(workers), workers: vec![(0, false); workers as usize] };
        (0..workers).for_each(|worker| outages.live(Time::ZERO, worker));
        outages
    }

    /// A worker lives from now on until its next failure.
    fn live(&mut self, at: Time, worker: u32) {
        let (failures, _) = self.workers[worker as usize];
        let until_s = self.mtbf_s * exponential(self.key.word(Purpose::Failure, worker, failures));
        self.next.set(worker, Some(at.after(until_s)));
    }

    /// When the next worker fails or returns.
    pub(super) fn next(&mut self) -> Time {
        self.next.first().map_or(Time::END, |(at, _)| at)
    }

    /// Who is next, and whether it fails or returns.
    pub(super) fn take(&mut self) -> (u32, bool) {
        let (at, worker) = self.next.pop().expect("every worker fails again");
        let (failures, away) = &mut self.workers[worker as usize];
        *away = !*away;
        if *away {
            *failures += 1;
            self.next.set(worker, Some(at.after(self.restart_s)));
            (worker, true)
        } else {
            self.live(at, worker);
            (worker, false)
        }
    }
}

/// A job that is set back to its last checkpoint by every failure, and does again what it had done since, in the same time.
///
/// Time between updates is stretched: work on one clock, work, checkpoints, repeated work and restarts on the other. Failures
/// come at the rate of all workers together while the job runs, and not while it restarts (Daly 2006).
pub(super) struct Setbacks {
    failures: Failures,
    workers: u32,
    key: RandomKey,
    count: u64,
    /// The update before this one.
    last: Time,
    /// Seconds of work since the last checkpoint.
    since_checkpoint_s: f64,
    /// Seconds of running until the next failure.
    until_failure_s: f64,
}

/// Failures before a piece of work is done, at which its mean takes the place of drawing them: updates that take so many are so rare
/// that each counts for more than all others.
const MANY: u32 = 100_000;

/// A piece of work in times between failures, beyond which it is not done before any clock stops.
const TOO_MUCH: f64 = 60.0;

impl Setbacks {
    pub(super) fn new(failures: &Failures, workers: u32, key: RandomKey) -> Setbacks {
        let mut setbacks = Setbacks {
            failures: *failures,
            workers,
            key,
            count: 0,
            last: Time::ZERO,
            since_checkpoint_s: 0.0,
            until_failure_s: 0.0,
        };
        // It begins anywhere between two checkpoints, as every update of the long run does.
        if let Some((interval_s, _)) = failures.checkpoint {
            setbacks.since_checkpoint_s = interval_s * share(key.word(Purpose::Failure, 1, 0));
        }
        setbacks.draw();
        setbacks
    }

    fn draw(&mut self) {
        let mean_s = self.failures.mtbf_s / f64::from(self.workers);
        self.until_failure_s = mean_s * exponential(self.key.word(Purpose::Failure, 0, self.count));
        self.count += 1;
    }

    /// When an update is made that would be made at `at` if nothing failed after the one before.
    pub(super) fn reached(&mut self, at: Time) -> Time {
        let mut left_s = at.since(self.last);
        let (mut took_s, mut failed) = (0.0, 0);
        while left_s > 0.0 {
            let (interval_s, cost_s) = self.failures.checkpoint.unwrap_or((f64::INFINITY, 0.0));
            let to_checkpoint_s = interval_s - self.since_checkpoint_s;
            let reaches = left_s >= to_checkpoint_s;
            let piece_s = if reaches { to_checkpoint_s } else { left_s };
            let runs_s = if reaches { piece_s + cost_s } else { piece_s };
            if self.until_failure_s < runs_s && failed < MANY {
                failed += 1;
                took_s += self.until_failure_s + self.failures.restart_s;
                left_s += std::mem::take(&mut self.since_checkpoint_s);
                self.draw();
                continue;
            }
            if self.until_failure_s < runs_s {
                // Failures are exponential, so what is still to come is what it was at the beginning: Daly's mean.
                let between_s = self.failures.mtbf_s / f64::from(self.workers);
                took_s += (between_s + self.failures.restart_s) * (runs_s / between_s).min(TOO_MUCH).exp_m1() - runs_s;
                self.draw();
                self.until_failure_s += runs_s;
            }
            failed = 0;
            self.until_failure_s -= runs_s;
            took_s += runs_s;
            left_s -= piece_s;
            self.since_checkpoint_s = if reaches { 0.0 } else { self.since_checkpoint_s + piece_s };
        }
        if self.failures.checkpoint.is_none() {
            self.since_checkpoint_s = 0.0;
        }
        self.last = self.last.after(took_s);
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where it takes more failures than are drawn, the mean is still (M + R)(e^(X/M) - 1). Times of an update are about exponential,
    /// so that 300 of them are within 5 standard errors of 1/√300 but in one run in 10⁶.
    #[test]
    fn work_that_hardly_ever_gets_done_takes_its_mean() {
        for exponent in [5.0, 13.0] {
            let (m, restart_s) = (2.0, 0.5);
            let failures = Failures::new(2.0 * m, restart_s, None).unwrap();
            let mut setbacks = Setbacks::new(&failures, 2, RandomKey::new(7, 0));
            let mut at = Time::ZERO;
            for _ in 0..300 {
                at = setbacks.reached(at.after(exponent * m));
            }
            let ratio = at.seconds() / 300.0 / ((m + restart_s) * f64::exp_m1(exponent));
            assert!((ratio - 1.0).abs() < 5.0 / 300f64.sqrt(), "{exponent}: {ratio}");
        }
    }
}
