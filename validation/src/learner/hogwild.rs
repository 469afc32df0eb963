//! Hogwild: one vector of parameters that all workers read and write, without a lock and without a server.
//!
//! F. Niu, B. Recht, C. Ré, S. Wright, *Hogwild!* (2011). A worker reads the vector number by number, computes the gradient
//! of its batch at what it read, and takes its step number by number: load, subtract, store. A number is never torn. It may
//! come from between two steps of others, and of two who change it at the same time one may be lost: that is what doing
//! without order costs.
//!
//! Each worker has a velocity of its own, as in PyTorch's Hogwild example, where every process has its own optimiser.
//! With m workers, the parameters so feel m velocities side by side.
//!
//! The coordinator only hears that a step was taken, and gives out the next task; the parameters do not pass through it. So
//! it does not know how stale a step was, either: a worker that waits for its core has its task, but has read nothing yet.
//! Staleness is counted here, as the steps that others wrote from when a worker began to read to when it began to write.
//!
//! A delay comes after the step. As steps cannot be taken back, no more may be started than are wanted
//! ([`Threaded::at_most`](crate::Threaded::at_most)).

use crate::learner::digits::{Digits, Weights};
use crate::learner::sgd::Sgd;
use crate::models::net::Score;
use sim::{Learner, Task};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// What `Digits` learns, without order, by workers on threads.
///
/// Its gradients are steps that have been taken already, so a cluster that puts off computing them, as the simulated one
/// does until the worker is done, would show no staleness: under simulated time, hogwild is async with a velocity for each
/// worker ([`Velocity::Workers`](crate::learner::digits::Velocity)).
pub struct Hogwild {
    digits: Arc<Digits>,
    workers: u32,
}

impl Hogwild {
    /// So many workers about to learn what `digits` does. Its rule of the learning rate is not looked at: a step has one
    /// gradient, and nobody knows how stale it is.
    pub fn new(digits: Arc<Digits>, workers: u32) -> Hogwild {
        Hogwild { digits, workers }
    }
}

/// What all workers read and write. Cloning shares it.
#[derive(Clone)]
pub struct SharedParameters {
    weights: Arc<Numbers>,
    /// One for each worker, who alone uses it; empty without momentum.
    velocities: Arc<[Numbers]>,
    /// Steps that were begun to be written.
    writes: Arc<AtomicU64>,
    scores: Arc<[Score]>,
    staleness: Arc<[u64]>,
}

/// A step that was taken.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    score: Score,
    staleness: u64,
}

impl SharedParameters {
    /// A copy of the parameters, number by number, while others may write.
    pub fn weights(&self) -> Weights {
        Weights::new(self.weights.read())
    }

    /// How the task in the last update did on its batch.
    pub fn scores(&self) -> &[Score] {
        &self.scores
    }

    /// Steps that others wrote between the reading and the writing of the task in the last update.
    pub fn staleness(&self) -> &[u64] {
        &self.staleness
    }
}

impl Learner for Hogwild {
    type Params = SharedParameters;
    type Gradient = Taken;

    fn initial(&self) -> SharedParameters {
        let parameters = self.digits.beginning();
        let at_rest = vec![0.0; if self.digits.sgd().momentum == 0.0 { 0 } else { parameters.len() }];
        SharedParameters {
            weights: Arc::new(Numbers::new(parameters)),
            velocities: (0..self.workers).map(|_| Numbers::new(&at_rest)).collect(),
            writes: Arc::default(),
            scores: Arc::default(),
            staleness: Arc::default(),
        }
    }

    /// Takes the steps of the task in the common parameters.
    fn gradient(&self, shared: &SharedParameters, task: Task) -> Taken {
        let Sgd { rate, momentum, rule: _ } = self.digits.sgd();
        let SharedParameters { weights, velocities, writes, .. } = shared;
        let velocity = &velocities[task.worker as usize];
        let mut staleness = 0;
        let mut step = |step| {
            let read_at = writes.load(Relaxed);
            let (score, direction) = self.digits.batch_gradient(&Arc::new(weights.read()), task.worker, step);
            staleness += writes.fetch_add(1, Relaxed) - read_at;
            if momentum == 0.0 {
                weights.change(&direction, |w, g| w - rate * g);
            } else {
                velocity.change(&direction, |v, g| momentum * v + g);
                weights.change(&velocity.read(), |w, v| w - rate * v);
            }
            score
        };
        let score = Score::mean(&task.step_numbers().map(&mut step).collect::<Vec<_>>());
        Taken { score, staleness: staleness / u64::from(task.steps) }
    }

    /// The step has been taken; what is left is to say how it went.
    fn update(&self, shared: &mut SharedParameters, _: u64, _: &[Task], from: &[Taken]) {
        shared.scores = from.iter().map(|taken| taken.score).collect();
        shared.staleness = from.iter().map(|taken| taken.staleness).collect();
    }

    fn loss(&self, shared: &SharedParameters) -> f64 {
        Score::mean(&shared.scores).loss
    }
}

/// Numbers that several threads read and write at once.
pub struct Numbers(Box<[AtomicU32]>);

impl Numbers {
    /// These numbers.
    pub fn new(numbers: &[f32]) -> Numbers {
        Numbers(numbers.iter().map(|number| AtomicU32::new(number.to_bits())).collect())
    }

    /// A copy, each number as it is when its turn comes.
    pub fn read(&self) -> Vec<f32> {
        self.0.iter().map(|bits| f32::from_bits(bits.load(Relaxed))).collect()
    }

    /// Replaces each number by what `new` makes of it and its neighbour in `by`. What another thread writes between the
    /// load and the store of a number is lost.
    pub fn change(&self, by: &[f32], new: impl Fn(f32, f32) -> f32) {
        for (bits, &by) in self.0.iter().zip(by) {
            bits.store(new(f32::from_bits(bits.load(Relaxed)), by).to_bits(), Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::scope;

    /// So many threads each add 1 to all numbers, so often; and meanwhile another one keeps reading.
    fn added(length: usize, threads: usize, times: usize, mut seen: impl FnMut(Vec<f32>) + Send) -> Vec<f32> {
        let numbers = Numbers::new(&vec![0.0; length]);
        let ones = vec![1.0; length];
        scope(|scope| {
            let add = || (0..times).for_each(|_| numbers.change(&ones, |number, one| number + one));
            let mut busy: Vec<_> = (0..threads).map(|_| scope.spawn(add)).collect();
            busy.push(scope.spawn(|| (0..times).for_each(|_| seen(numbers.read()))));
            // A join is seen by ThreadSanitizer; how a scope waits is not.
            busy.into_iter().for_each(|thread| thread.join().expect("as it should be"));
        });
        numbers.read()
    }

    #[test]
    fn nobody_ever_reads_half_a_number() {
        // Sums of at most 2^24 ones are exact, so a number that is torn, or made up, is no whole number up to their count.
        for threads in [1, 2, 8] {
            let whole = |number: f32| number.fract() == 0.0 && (0.0..=threads as f32 * 500.0).contains(&number);
            let last = added(1000, threads, 500, |numbers| assert!(numbers.into_iter().all(whole)));
            // The last to write had read its own last but one, so nothing falls below 2 of several.
            assert!(last.into_iter().all(|number| whole(number) && number >= 2.0), "{threads} threads");
        }
    }

    #[test]
    fn only_what_two_write_at_once_can_be_lost() {
        // One thread loses nothing. Several lose a number only if they are at the same one in the same instant, or if a
        // thread is put to sleep between a load and a store, which spoils one number of 100 000.
        assert!(added(1000, 1, 500, drop).into_iter().all(|number| number == 500.0));
        let (length, threads, times) = (100_000, 4, 50);
        let kept: f64 = added(length, threads, times, drop).into_iter().map(f64::from).sum();
        let share = kept / (length * threads * times) as f64;
        println!("{:.3} % lost", 100.0 * (1.0 - share));
        assert!((0.5..=1.0).contains(&share), "{share}");
    }
}
