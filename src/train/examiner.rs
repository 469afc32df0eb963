//! How good is it by now? Examinations beside the training, in a thread of their own.

use sim::Time;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use validation::run::training::Snapshot;
use validation::{Digits, Journal, Split};

/// Examines the journal's snapshots as they come, on all test images if there is a target, else on a few.
pub struct Examiner {
    papers: Option<Sender<Snapshot>>,
    marks: Receiver<(Time, f64)>,
    handed_out: usize,
    target: Option<f64>,
    /// Whether training waits for each mark, so that where it stops does not depend on when the mark comes.
    waits: bool,
    accuracy: Option<f64>,
    reached: Option<Time>,
}

/// Enough for a progress bar.
const A_FEW: usize = 1000;

impl Examiner {
    /// An examiner who has seen nothing yet. If training `waits`, [`look`](Examiner::look) does not return before all is
    /// marked.
    pub fn new(learner: Arc<Digits>, test: Arc<Split>, target: Option<f64>, waits: bool) -> Examiner {
        let (papers, desk) = channel::<Snapshot>();
        let (send, marks) = channel();
        let test = if target.is_some() { test } else { Arc::new(test.first(A_FEW)) };
        // It ends when the papers do.
        std::thread::spawn(move || {
            for paper in desk {
                let score = learner.score(&paper.weights, &test);
                if send.send((paper.at, score.accuracy)).is_err() {
                    return;
                }
            }
        });
        Examiner { papers: Some(papers), marks, handed_out: 0, target, waits, accuracy: None, reached: None }
    }

    /// Hands out new snapshots and collects what is marked.
    pub fn look(&mut self, journal: &Journal) {
        for snapshot in &journal.snapshots[self.handed_out..] {
            let handed_out = self.papers.as_ref().is_some_and(|papers| papers.send(snapshot.clone()).is_ok());
            if self.waits
                && handed_out
                && let Ok(mark) = self.marks.recv()
            {
                self.note(mark);
            }
        }
        self.handed_out = journal.snapshots.len();
        while let Ok(mark) = self.marks.try_recv() {
            self.note(mark);
        }
    }

    /// Waits for all marks.
    pub fn finish(&mut self) {
        self.papers = None;
        while let Ok(mark) = self.marks.recv() {
            self.note(mark);
        }
    }

    fn note(&mut self, (at, accuracy): (Time, f64)) {
        self.accuracy = Some(accuracy);
        if self.target.is_some_and(|target| accuracy >= target) {
            self.reached.get_or_insert(at);
        }
    }

    /// Share of the images that were told right, by the latest mark.
    pub fn accuracy(&self) -> Option<f64> {
        self.accuracy
    }

    /// The time of the first snapshot that reached the target.
    pub fn reached(&self) -> Option<Time> {
        self.reached
    }
}
