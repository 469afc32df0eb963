//! One cell of an experiment, trained for real: a method on so many workers and samples.
//!
//! All trials of a seed begin with the same parameters. A worker's share of an epoch is as many whole batches as pass over 1/m
//! of the samples, so that all workers together make the same steps whatever their number, but for what is rounded up.

use crate::cluster::cores::Cores;
use crate::cluster::failure::Failure;
use crate::cluster::server::delays;
use crate::data::batches::Batches;
use crate::data::images::Split;
use crate::learner::digits::{Digits, Initial, Velocity};
use crate::learner::sgd::Sgd;
use crate::models::net::{Net, Score};
use crate::run::method::Method;
use crate::run::runner::{Ended, Job, World};
use crate::run::training::{End, Journal};
use serde::{Deserialize, Serialize};
use sim::{ClusterSpec, Policy, PolicyError, RandomKey, Rule};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

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
    /// Which parameters the workers begin with.
    pub initial: Initial,
    /// Where time passes.
    pub clock: TrialClock,
    /// Root of all random numbers.
    pub seed: u64,
    /// Which repetition it is, from 0: another order of the samples, and the same parameters to begin with, unless each worker
    /// draws its own.
    pub repeat: u32,
}

/// What time is in a trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrialClock {
    /// Real seconds, on threads.
    #[default]
    Wall,
    /// Simulated seconds, of steps that take times of the law `gamma(25, 0.04)`: 1 s on average, with a coefficient of variation
    /// of 20 %. Any machine then has as many cores as there are workers.
    Simulated,
}

impl fmt::Display for TrialClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            TrialClock::Wall => "wall",
            TrialClock::Simulated => "simulated",
        })
    }
}

/// The cluster of a simulated trial.
pub fn simulated_cluster() -> ClusterSpec {
    ClusterSpec::new("gamma(25, 0.04)".parse().expect("a law"))
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
    /// Seconds from the first step to the last update, on the trial's clock.
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
    /// The same after each epoch of all workers together.
    pub test_by_epoch: Vec<Score>,
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
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrialError {
    /// The policy is none for so many workers.
    #[error(transparent)]
    Policy(PolicyError),
    /// Workers cannot begin with parameters of their own under this method.
    #[error(
        "{method} does not average parameters, so workers cannot begin with their own; type --initial shared, or a policy local:H"
    )]
    OwnInitial {
        /// The method.
        method: Method,
    },
    /// Some workers would have no sample.
    #[error(
        "{workers} workers are more than {samples} samples, which would leave some without any; lower --workers or raise --samples"
    )]
    MoreWorkersThanSamples {
        /// How many workers.
        workers: u32,
        /// How many samples.
        samples: usize,
    },
    /// A batch is larger than what a worker has to learn from.
    #[error(
        "a batch of {batch_size} is more than a worker's share, {share} of {samples} samples with {workers} workers; lower --batch-size or --workers, or raise --samples"
    )]
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
        let averages = match self.method {
            Method::LocalEpoch => true,
            Method::Policy(policy) => policy.name() == "local",
        };
        if self.initial == Initial::PerWorker && !averages {
            return Err(TrialError::OwnInitial { method: self.method });
        }
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
        let first = RandomKey::new(self.seed, 0);
        let digits = Digits::new(net.clone(), train.clone(), batches, self.sgd, key);
        let digits = digits.beginning_with(net.architecture().initial(first)).expect("so many parameters");
        let digits = match self.initial {
            Initial::Shared => digits,
            Initial::PerWorker => digits.with_own_initial(key),
        };
        Arc::new(match self.method {
            Method::Policy(Policy::HOGWILD) => digits.with_velocity(Velocity::Workers(self.workers)),
            Method::Policy(_) | Method::LocalEpoch => digits,
        })
    }

    /// Runs it; `progress` hears after each update how many steps of single workers were made.
    ///
    /// # Errors
    /// Why it broke off.
    ///
    /// # Panics
    /// If it [cannot be made](Trial::rule).
    pub fn run(&self, bench: &Bench<'_>, mut progress: impl FnMut(u64)) -> Result<Outcome, Break> {
        let rule = self.rule().expect("a trial that can be made");
        let learner = self.learner(bench.net, bench.train);
        let world = match self.clock {
            TrialClock::Wall => {
                World::Threads { cores: bench.cores.clone(), delays: delays(None, RandomKey::new(0, 0)) }
            }
            TrialClock::Simulated => {
                World::Simulated { spec: simulated_cluster(), key: RandomKey::new(self.seed, u64::from(self.repeat)) }
            }
        };
        let job = Job {
            learner: learner.clone(),
            policy: self.method.policy(self.steps_per_epoch()),
            rule,
            steps: self.steps(),
            every: u64::from(self.steps_per_epoch()) * u64::from(self.workers),
            world,
            stop: bench.stop.clone(),
            from: None,
            checkpointing: None,
        };
        let each_update = |journal: &Journal| {
            progress(journal.steps_applied);
            let stops = bench.stop.load(Relaxed);
            if stops { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let Ended { journal, end, failure, warmup_s, .. } = job.run(each_update, |_| ControlFlow::Continue(()));
        match (end, failure) {
            (End::Done, _) => {}
            (End::Diverged { update }, _) => return Err(Break::Diverged { update }),
            (_, Some(failure @ Failure::Panicked { .. })) => return Err(Break::Failed(failure)),
            (End::Broken | End::Exhausted, _) => return Err(Break::Stopped),
        }
        let wall_time_s = journal.updates.last().map_or(0.0, |update| update.at.seconds());
        let spent = journal.steps.iter().filter_map(|step| Some((step.spent_s?.0, step.task.steps)));
        let (compute_s, steps) = spent.fold((0.0, 0), |sum, one| (sum.0 + one.0, sum.1 + u64::from(one.1)));
        // The first snapshot is that of the beginning.
        let after = journal.snapshots.iter().skip(1);
        let test_by_epoch: Vec<Score> = after.map(|snapshot| learner.score(&snapshot.weights, bench.test)).collect();
        Ok(Outcome {
            wall_time_s,
            warmup_s,
            updates: journal.updates.len() as u64,
            gradients: journal.steps_applied,
            compute_s: compute_s / steps as f64,
            mean_staleness: journal.mean_staleness(),
            test: *test_by_epoch.last().expect("a run that is done has made an update"),
            test_by_epoch,
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
