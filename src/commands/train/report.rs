//! What came of a training run: tables, figures, and how it ended.

use super::rows::{Metric, StepRow, UpdateRow};
use super::{Beside, OWN, Point, RankRow, Train, words};
use crate::figures::timeline::{Activity, Timeline, chrome_trace};
use crate::figures::{self, Figure, learning_curve};
use crate::manifest::Manifest;
use crate::report::{Outcome, Report};
use crate::rows::Tables;
use crate::text::count;
use serde_json::{Value, json};
use sim::{Policy, Rule, Time};
use validation::cluster::mpi::RankTimes;
use validation::data::images::Moments;
use validation::models::checkpoint;
use validation::{End, Failure, Journal, Score};

/// A training run that has ended.
pub struct Trained<'a> {
    /// What was asked.
    pub arguments: &'a Train,
    /// The policy.
    pub policy: Policy,
    /// The policy for that number of workers.
    pub rule: Rule,
    pub(super) samples: usize,
    /// What each channel of its pixels was scaled by.
    pub(super) moments: Vec<Moments>,
    /// All that happened.
    pub journal: Journal,
    /// Of each snapshot of the journal.
    pub scores: Vec<Score>,
    /// Test images that each was scored on.
    pub scored: usize,
    /// Seconds before the run, which are not counted.
    pub warmup_s: f64,
    /// How it ended.
    pub end: End,
    pub(super) failure: Option<Failure>,
    /// When the target was found to be reached, if there was one.
    pub(super) reached: Option<Time>,
    /// What each rank did, if there were ranks.
    pub ranks: Vec<RankTimes>,
    /// Another run to be drawn beside it.
    pub beside: Option<Beside>,
}

impl Report for Trained<'_> {
    fn tables(&self, tables: &mut Tables) {
        tables.add(self.journal.updates.iter().map(UpdateRow::new));
        tables.add(self.journal.steps.iter().map(StepRow::new));
        let snapshots = self.journal.snapshots.iter().zip(&self.scores);
        tables.add(snapshots.map(|(snapshot, score)| Metric::new(self, snapshot, score)));
        if !self.ranks.is_empty() {
            tables.add(self.ranks.iter().map(RankRow::new));
        }
    }

    fn figures(&self) -> Vec<(&'static str, Figure)> {
        let own = self.journal.snapshots.iter().zip(&self.scores).map(|(snapshot, score)| learning_curve::Point {
            time_s: snapshot.at.seconds(),
            update: snapshot.update as f64,
            train_loss: snapshot.train_loss,
            test_loss: score.loss,
            test_accuracy: score.accuracy,
        });
        let (policy, workers) = (self.policy.to_string(), u64::from(self.rule.workers));
        let mut runs = vec![learning_curve::Run { policy, workers, points: own.collect() }];
        runs.extend(self.beside.as_ref().map(|beside| {
            learning_curve::Run {
                policy: beside.policy.to_string(),
                workers: beside.workers,
                points: beside
                    .points
                    .iter()
                    .map(|&Point { time_s, update, test_loss, test_accuracy }| learning_curve::Point {
                        time_s,
                        update,
                        train_loss: f64::NAN,
                        test_loss,
                        test_accuracy,
                    })
                    .collect(),
            }
        }));
        let training = &self.arguments.training;
        let caption =
            format!("{}, batches of {}, seed {}.", training.model.0, training.batch_size, self.arguments.common.seed);
        let target = self.arguments.target_accuracy.as_ref().map(|target| target.0.0);
        let (timeline, until_s) = self.timeline();
        vec![
            ("learning_curve", learning_curve::learning_curve(&runs, target, caption.clone())),
            ("timeline", figures::timeline::timeline(&[timeline], until_s, caption)),
        ]
    }

    fn others(&self) -> Vec<(&'static str, String)> {
        vec![("trace.json", chrome_trace(&[self.timeline().0]))]
    }

    fn text(&self) -> String {
        words::report(self)
    }

    fn outcome(&self) -> Outcome {
        assert!(self.journal.is_conserved(), "staleness is not conserved: a bug");
        let made = self.journal.updates.len() as u64;
        let done =
            (made > 0).then(|| format!("{} {} made", count(made, "update"), if made == 1 { "was" } else { "were" }));
        outcome(self.end, self.failure.as_ref(), self.arguments.target_accuracy.map(|_| self.reached.is_some()), done)
    }

    fn saved(&self, manifest: &Manifest) -> Option<(Value, Vec<u8>)> {
        let (last, score) = (self.journal.snapshots.last()?, self.scores.last()?);
        if matches!(self.end, End::Diverged { .. }) {
            return None;
        }
        let score = json!({ "update": last.update, "test_loss": score.loss, "test_accuracy": score.accuracy });
        let (training, parameters) = (&self.arguments.training, last.weights.values());
        let mut arguments = manifest.arguments.clone();
        OWN.iter().for_each(|own| drop(arguments.remove(*own)));
        let seed = self.arguments.common.seed;
        let origin = json!({ "arguments": arguments, "seed": seed, "score": score, "complete": manifest.complete, "moments": self.moments });
        Some((score, checkpoint::to_bytes(training.model.0, training.pixels.0, parameters, origin)))
    }
}

/// Tasks of a worker that a timeline shows, about.
const SHOWN: f64 = 10.0;

impl Trained<'_> {
    /// What the workers did, and until when it is worth a look: for some tasks of median length.
    fn timeline(&self) -> (Timeline, f64) {
        let title = format!("{}, m = {}", self.policy, self.rule.workers);
        let updates = self.journal.updates.iter().map(|update| update.at.seconds()).collect();
        let mut timeline = Timeline { title, workers: self.rule.workers, spans: Vec::new(), updates };
        let mut lengths = Vec::new();
        for step in &self.journal.steps {
            let (start, finish) = (step.start.seconds(), step.finish.seconds());
            let worker = step.task.worker;
            match step.spent_s {
                Some((compute_s, delay_s)) => {
                    // It may have waited for a core before.
                    let began = start.max(finish - compute_s - delay_s);
                    timeline.add(worker, began, [(compute_s, Activity::Computing), (delay_s, Activity::Delay)]);
                    lengths.push(compute_s + delay_s);
                }
                None => timeline.add(worker, start, [(finish - start, Activity::Cancelled)]),
            }
        }
        lengths.sort_unstable_by(f64::total_cmp);
        let until_s = SHOWN * lengths.get(lengths.len() / 2).copied().unwrap_or(1.0);
        (timeline, until_s)
    }

    /// Passes over the data that so many steps are.
    pub fn epochs(&self, steps: u64) -> f64 {
        steps as f64 * f64::from(self.arguments.training.batch_size) / self.samples as f64
    }
}

/// How a run ended, of which so much is `done`; `reached` says whether it came to its target, if it had one.
fn outcome(end: End, failure: Option<&Failure>, reached: Option<bool>, done: Option<String>) -> Outcome {
    match (end, failure) {
        (End::Done, _) if reached == Some(false) => {
            Outcome::Failed("the target was not reached; raise --epochs or change --lr".to_string())
        }
        (End::Done, _) => Outcome::Done,
        (End::Broken, _) if reached == Some(true) => Outcome::Done,
        (End::Diverged { update }, _) => Outcome::Failed(format!(
            "training diverged at update {update}: from there on the loss is above twice that of guessing; lower --lr"
        )),
        (End::Exhausted, Some(Failure::Panicked { worker, serial, words })) => {
            Outcome::Broke(format!("worker {worker} failed on its task {serial}: {words}"), done)
        }
        (End::Broken | End::Exhausted, _) => Outcome::Interrupted(done),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_its_outcome() {
        let done = || Some("3 updates were made".to_string());
        let of = |end, failure: Option<&Failure>, reached| outcome(end, failure, reached, done());
        let panicked = Failure::Panicked { worker: 1, serial: 4, words: "out of memory".into() };
        assert_eq!(
            of(End::Exhausted, Some(&panicked), None),
            Outcome::Broke("worker 1 failed on its task 4: out of memory".into(), done())
        );
        assert_eq!(of(End::Exhausted, Some(&Failure::Stopped), None), Outcome::Interrupted(done()));
        assert_eq!(of(End::Broken, None, None), Outcome::Interrupted(done()));
        assert_eq!(of(End::Broken, None, Some(true)), Outcome::Done);
        assert_eq!(of(End::Done, None, None), Outcome::Done);
        assert!(matches!(of(End::Done, None, Some(false)), Outcome::Failed(_)));
        assert!(
            matches!(of(End::Diverged { update: 3 }, None, None), Outcome::Failed(why) if why.contains("at update 3"))
        );
    }
}
