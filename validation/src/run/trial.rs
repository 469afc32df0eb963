//! What does one cell of an experiment take, and what is learnt in it? A method on so many workers and samples, for real.
//!
//! All trials of a seed begin with the same parameters. Before, each worker takes a few steps whose results are thrown
//! away: what only the first steps cost (memory that the system has yet to give, code that has yet to be read) is warm-up,
//! reported and not counted.
//!
//! A worker's share of an epoch is as many whole batches as pass over 1/m of the samples, so that all workers together make
//! the same steps whatever their number, but for what is rounded up.

use crate::cluster::cores::Cores;
use crate::cluster::failure::Failure;
use crate::cluster::threads::{Threaded, delays};
use crate::data::batches::Batches;
use crate::data::images::Split;
use crate::learner::digits::{Digits, Sgd};
use crate::learner::hogwild::Hogwild;
use crate::models::net::{Net, Score};
use crate::run::method::Method;
use crate::run::training::{End, Holds, Journal, train};
use serde::{Deserialize, Serialize};
use sim::{Learner, Policy, PolicyError, RandomKey, Rule, Run};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// One cell of an experiment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trial {
    /// How workers are kept in step.
    pub method: Method,
    /// Worker threads.
    pub workers: u32,
    /// Samples to learn from: the first so many.
    pub samples: usize,
    /// Samples in a worker's batch.
    pub batch_size: usize,
    /// Passes over the samples, all workers together.
    pub epochs: u32,
    /// How gradients become steps.
    pub sgd: Sgd,
    /// Root of all luck.
    pub seed: u64,
    /// Which repetition it is, from 0: another order of the samples, the same parameters to begin with.
    pub repeat: u32,
}

/// Where a trial runs.
pub struct Bench<'a> {
    /// The network.
    pub net: &'a Net,
    /// At least as many samples as the trial has.
    pub train: &'a Arc<Split>,
    /// What the result is examined with.
    pub test: &'a Split,
    /// Where workers compute.
    pub cores: &'a Cores,
    /// Ends the trial when it is set.
    pub stop: &'a Arc<AtomicBool>,
}

/// What came out of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Seconds from the first step to the last update.
    pub wall_time_s: f64,
    /// Seconds of the steps before, which were thrown away.
    pub warmup_s: f64,
    /// Model updates.
    pub updates: u64,
    /// Steps of single workers that went into them.
    pub gradients: u64,
    /// Mean computing time of such a step, s.
    pub compute_s: f64,
    /// Mean staleness of what was applied, in updates.
    pub mean_staleness: f64,
    /// On all test images, at the end.
    pub test: Score,
    /// What each worker saw of its batches, epoch by epoch.
    pub epochs: Vec<Epoch>,
}

/// A worker's epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// From 1.
    pub epoch: u32,
    /// Which worker.
    pub rank: u32,
    /// Mean over its batches, each before the step that it led to, under dropout.
    pub train: Score,
}

impl Outcome {
    /// Steps of single workers per second.
    pub fn rate(&self) -> f64 {
        self.gradients as f64 / self.wall_time_s
    }

    /// Mean over the workers in the last epoch.
    pub fn last_training(&self) -> Score {
        self.training(self.epochs.iter().map(|epoch| epoch.epoch).max().unwrap_or(0))
    }

    /// Mean over the workers in this epoch.
    pub fn training(&self, epoch: u32) -> Score {
        let scores: Vec<Score> = self.epochs.iter().filter(|e| e.epoch == epoch).map(|e| e.train).collect();
        Score::mean(&scores)
    }
}

/// Why a trial cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrialError {
    /// The policy is none for so many workers.
    Policy(PolicyError),
    /// Some workers would have no sample.
    MoreWorkersThanSamples {
        /// How many workers.
        workers: u32,
        /// How many samples.
        samples: usize,
    },
    /// A batch is larger than what a worker has to learn from.
    BatchBeyondShare {
        /// Samples in a batch.
        batch_size: usize,
        /// Samples in the smallest share.
        share: usize,
        /// How many samples.
        samples: usize,
        /// How many workers.
        workers: u32,
    },
}

impl fmt::Display for TrialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrialError::Policy(error) => error.fmt(f),
            TrialError::MoreWorkersThanSamples { workers, samples } => write!(
                f,
                "{workers} workers are more than {samples} samples, which would leave some without any; lower --workers or raise --samples"
            ),
            TrialError::BatchBeyondShare { batch_size, share, samples, workers } => write!(
                f,
                "a batch of {batch_size} is more than a worker's share, {share} of {samples} samples with {workers} workers; lower --batch-size or --workers, or raise --samples"
            ),
        }
    }
}

impl std::error::Error for TrialError {}

/// Why a trial broke off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Break {
    /// Someone set `stop`.
    Stopped,
    /// The loss of this update was not finite.
    Diverged {
        /// Which update.
        update: u64,
    },
    /// A worker panicked.
    Failed(Failure),
}

impl Trial {
    /// Steps of one worker that pass over its share of the samples.
    pub fn steps_per_epoch(&self) -> u32 {
        let share = self.samples.div_ceil(self.workers as usize);
        u32::try_from(share.div_ceil(self.batch_size)).unwrap_or(u32::MAX)
    }

    /// Steps of single workers in all.
    pub fn steps(&self) -> u64 {
        u64::from(self.epochs) * u64::from(self.steps_per_epoch()) * u64::from(self.workers)
    }

    /// The rule that it follows.
    ///
    /// # Errors
    /// Why it cannot be made.
    pub fn rule(&self) -> Result<Rule, TrialError> {
        let Trial { workers, samples, batch_size, .. } = *self;
        let rule = self.method.policy(self.steps_per_epoch()).rule(workers).map_err(TrialError::Policy)?;
        let share = samples / workers as usize;
        if share == 0 {
            return Err(TrialError::MoreWorkersThanSamples { workers, samples });
        }
        if batch_size > share {
            return Err(TrialError::BatchBeyondShare { batch_size, share, samples, workers });
        }
        Ok(rule)
    }

    /// The learner, about to begin.
    pub fn learner(&self, net: &Net, train: &Arc<Split>) -> Arc<Digits> {
        let key = RandomKey::new(self.seed, u64::from(self.repeat));
        let batches = Batches::new(self.samples, self.batch_size, self.method.share(self.workers), key);
        let batches = batches.expect("each worker has samples: `rule` makes sure");
        let beginning = net.architecture().initial(RandomKey::new(self.seed, 0));
        let digits = Digits::new(net.clone(), train.clone(), batches, self.sgd, key);
        Arc::new(digits.beginning_with(beginning).expect("so many parameters"))
    }

    /// Runs it; `progress` hears after each update how many steps of single workers were made.
    ///
    /// # Errors
    /// Why it broke off.
    ///
    /// # Panics
    /// If it [cannot be made](Trial::rule).
    pub fn run(&self, bench: &Bench<'_>, progress: impl FnMut(u64)) -> Result<Outcome, Break> {
        let rule = self.rule().expect("a trial that can be made");
        let digits = self.learner(bench.net, bench.train);
        match self.method {
            Method::Policy(Policy::HOGWILD) => {
                let commons = Arc::new(Hogwild::new(digits.clone(), self.workers));
                self.on_threads(rule, &commons, &digits, bench, progress)
            }
            Method::Policy(_) | Method::LocalEpoch => self.on_threads(rule, &digits, &digits, bench, progress),
        }
    }

    fn on_threads<L>(
        &self,
        rule: Rule,
        learner: &Arc<L>,
        digits: &Digits,
        bench: &Bench<'_>,
        mut progress: impl FnMut(u64),
    ) -> Result<Outcome, Break>
    where
        L: Learner<Params: Send, Gradient: Send> + Send + Sync + 'static,
        Threaded<L>: Holds,
    {
        let no_delay = delays(None, RandomKey::new(0, 0));
        let mut threads =
            Threaded::on(bench.cores.clone(), learner.clone(), &no_delay, rule.workers, bench.stop.clone());
        // Where every task is an update, none is begun that would come after the end.
        if rule.quorum == 1 && !rule.cancels() {
            threads = threads.at_most(self.steps().div_ceil(u64::from(rule.steps)));
        }
        let warming_up = Instant::now();
        threads.warm_up(rule.steps);
        let warmup_s = warming_up.elapsed().as_secs_f64();
        let mut run = Run::new(rule, threads);
        let (journal, end) = train(&mut run, rule.workers, self.steps(), self.steps(), |journal| {
            progress(journal.steps_applied);
            ControlFlow::Continue(())
        });
        match end {
            End::Done | End::Broken => {}
            End::Diverged { update } => return Err(Break::Diverged { update }),
            End::RanDry => match run.cluster().failure().cloned() {
                Some(failure @ Failure::Panicked { .. }) => return Err(Break::Failed(failure)),
                Some(Failure::Stopped) | None => {
                    // A worker in the middle of a long local epoch would be waited for; whoever stops does not want that.
                    std::mem::forget(run);
                    return Err(Break::Stopped);
                }
            },
        }
        let wall_time_s = journal.updates.last().map_or(0.0, |update| update.at.seconds());
        let spent = journal.steps.iter().filter_map(|step| Some((step.spent_s?.0, step.task.steps)));
        let (compute_s, steps) = spent.fold((0.0, 0), |sum, one| (sum.0 + one.0, sum.1 + u64::from(one.1)));
        Ok(Outcome {
            wall_time_s,
            warmup_s,
            updates: journal.updates.len() as u64,
            gradients: journal.steps_applied,
            compute_s: compute_s / steps as f64,
            mean_staleness: journal.mean_staleness(),
            test: digits.score(&run.cluster().weights(), bench.test),
            epochs: self.epochs(rule, &journal),
        })
    }

    /// The scores of each worker's batches, epoch by epoch of its own steps. Who takes more steps than others has more
    /// batches in the last one.
    fn epochs(&self, rule: Rule, journal: &Journal) -> Vec<Epoch> {
        let mut seen: Vec<Vec<Score>> = vec![Vec::new(); self.workers as usize * self.epochs as usize];
        let mut tasks = vec![0; self.workers as usize];
        for update in &journal.updates {
            for (&(rank, _), &score) in update.from.iter().zip(&update.scores) {
                let epoch = tasks[rank as usize] * u64::from(rule.steps) / u64::from(self.steps_per_epoch());
                let epoch = epoch.min(u64::from(self.epochs) - 1);
                seen[rank as usize * self.epochs as usize + epoch as usize].push(score);
                tasks[rank as usize] += 1;
            }
        }
        let known = seen.iter().enumerate().filter(|(_, scores)| !scores.is_empty());
        let epoch = |(i, scores): (usize, &Vec<Score>)| Epoch {
            epoch: i as u32 % self.epochs + 1,
            rank: i as u32 / self.epochs,
            train: Score::mean(scores),
        };
        known.map(epoch).collect()
    }
}
