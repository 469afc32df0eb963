//! Evaluator: test accuracy of the snapshots, beside the training, in a thread of its own.

use sim::Time;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use validation::run::training::Snapshot;
use validation::{Digits, Journal, Split};

/// Evaluates the journal's snapshots as they come, on all test images if there is a target, else on a few.
pub struct Evaluator {
    jobs: Option<Sender<Snapshot>>,
    results: Receiver<(Time, f64)>,
    submitted: usize,
    target: Option<f64>,
    /// Whether training waits for each result, so that where it stops does not depend on when the result comes.
    waits: bool,
    accuracy: Option<f64>,
    reached: Option<Time>,
}

/// Enough for a progress bar.
const A_FEW: usize = 1000;

impl Evaluator {
    /// An evaluator that has seen nothing yet. If training `waits`, [`look`](Evaluator::look) does not return before all results
    /// are there.
    pub fn new(learner: Arc<Digits>, test: Arc<Split>, target: Option<f64>, waits: bool) -> Evaluator {
        let (jobs, inbox) = channel::<Snapshot>();
        let (send, results) = channel();
        let test = if target.is_some() { test } else { Arc::new(test.first(A_FEW)) };
        // It ends when the jobs do.
        std::thread::spawn(move || {
            for job in inbox {
                let score = learner.score(&job.weights, &test);
                if send.send((job.at, score.accuracy)).is_err() {
                    return;
                }
            }
        });
        Evaluator { jobs: Some(jobs), results, submitted: 0, target, waits, accuracy: None, reached: None }
    }

    /// Submits new snapshots and collects results.
    pub fn look(&mut self, journal: &Journal) {
        for snapshot in &journal.snapshots[self.submitted..] {
            let submitted = self.jobs.as_ref().is_some_and(|jobs| jobs.send(snapshot.clone()).is_ok());
            if self.waits
                && submitted
                && let Ok(result) = self.results.recv()
            {
                self.note(result);
            }
        }
        self.submitted = journal.snapshots.len();
        while let Ok(result) = self.results.try_recv() {
            self.note(result);
        }
    }

    /// Waits for all results.
    pub fn finish(&mut self) {
        self.jobs = None;
        while let Ok(result) = self.results.recv() {
            self.note(result);
        }
    }

    fn note(&mut self, (at, accuracy): (Time, f64)) {
        self.accuracy = Some(accuracy);
        if self.target.is_some_and(|target| accuracy >= target) {
            self.reached.get_or_insert(at);
        }
    }

    /// Share of the test images that were classified correctly, by the latest result.
    pub fn accuracy(&self) -> Option<f64> {
        self.accuracy
    }

    /// The time of the first snapshot that reached the target.
    pub fn reached(&self) -> Option<Time> {
        self.reached
    }
}
