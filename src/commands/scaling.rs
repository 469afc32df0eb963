//! `straggle scaling`: policies over workers and samples, on real threads, beside what theory and simulation predict.

pub mod measure;
pub mod plan;
pub mod summary;
pub mod words;

pub use measure::{Measured, Measurement, measure};
pub use plan::Plan;

use crate::cli::{Common, Scaling, Shard, Typed};
use crate::commands::merge::PartOfSweep;
use crate::error::Error;
use crate::figures::{self, Figure};
use crate::finished::Finished;
use crate::report::{Command, Job, Outcome, Report};
use crate::rows::{Row, Table, Tables};
use crate::session::Session;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validation::{Break, LearningRateRule, Sgd, TrialClock};

impl Scaling {
    /// What is asked for.
    fn plan(&self) -> Plan {
        let training = &self.training;
        Plan {
            policies: self.policies.0.clone(),
            workers: self.workers.0.clone(),
            samples: self.samples.0.iter().map(|&samples| samples as usize).collect(),
            repeats: self.repeats,
            model: training.model.0,
            data: training.data.clone(),
            pixels: training.pixels.0,
            epochs: self.epochs,
            batch_size: training.batch_size as usize,
            sgd: Sgd { rate: training.lr.0, momentum: training.momentum.0, rule: LearningRateRule::Same },
            initial: self.training.initial.0,
            clock: TrialClock::Wall,
            seed: self.common.seed,
            backend: self.training.backend.0,
            pinned: self.pin == "yes",
            threads: self.common.threads,
        }
    }
}

impl Command for Scaling {
    const NAME: &'static str = "scaling";
    const TABLES: &'static [Table] = &[Table::of::<ScalingRow>(), Table::of::<EpochRow>()];
    const FIGURES: &'static [&'static str] = &["by_workers", "accuracy", "epochs", "time_by_size", "by_size"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn shard(&self) -> Option<Shard> {
        self.part.shard.map(|Typed(shard)| shard)
    }

    fn resolve(&mut self) -> Result<(), Error> {
        if self.workers.0[0] != 1 {
            self.workers.0.insert(0, 1);
        }
        Ok(())
    }

    fn prepare<'a>(&'a self, session: &'a Session) -> Result<Job<'a>, Error> {
        let plan = self.plan();
        plan.check()?;
        let data = plan.dataset()?;
        let net = plan.net()?;
        Ok(Box::new(move |directory| {
            plan.note(session);
            let finished = Finished::open(directory, &session.parts);
            let measured = measure(plan, &data, &net, session, &finished, self.shard())?;
            Ok(match self.shard() {
                None => Box::new(measured),
                Some(shard) => {
                    let (finished, planned, outcome) = (measured.finished.len(), measured.planned, measured.outcome());
                    Box::new(PartOfSweep { shard, of_what: "trials", finished, planned, outcome })
                }
            })
        }))
    }
}

impl Report for Measured {
    fn tables(&self, tables: &mut Tables) {
        Measured::add_rows(std::slice::from_ref(self), tables);
    }

    fn figures(&self) -> Vec<(&'static str, Figure)> {
        let mut figures = vec![
            ("by_workers", figures::scaling::by_workers(self)),
            ("accuracy", figures::scaling::accuracy(self)),
            ("epochs", figures::scaling::epochs(self)),
        ];
        if self.plan.samples.len() > 1 {
            figures.push(("time_by_size", figures::scaling::time_by_size(self)));
            figures.push(("by_size", figures::scaling::by_size(self)));
        }
        figures
    }

    fn text(&self) -> String {
        words::report(self)
    }

    fn outcome(&self) -> Outcome {
        let finished = self.finished.len();
        let done = (finished > 0).then(|| format!("{finished} of {} trials were finished", self.planned));
        match &self.broke {
            None => Outcome::Done,
            Some((_, Break::Stopped)) => Outcome::Interrupted(done),
            Some((trial, Break::Diverged { update })) => Outcome::Broke(
                format!(
                    "the loss is not finite at update {update} of {} with m = {}: the step size is too large; lower --lr",
                    trial.method, trial.workers
                ),
                done,
            ),
            Some((_, Break::Failed(failure))) => Outcome::Broke(failure.to_string(), done),
        }
    }
}

impl Measured {
    /// The trials of several measurements and their epochs.
    pub fn add_rows(all: &[Measured], tables: &mut Tables) {
        let trials = all.iter().flat_map(|one| one.finished.iter().map(move |finished| ScalingRow::new(one, finished)));
        tables.add(trials);
        tables.add(all.iter().flat_map(|one| &one.finished).flat_map(EpochRow::of));
    }
}

/// A row of `scaling.csv`: a trial.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct ScalingRow {
    /// The policy.
    method: String,
    workers: u32,
    samples: usize,
    repeat: u32,
    /// Without warm-up.
    wall_time_s: f64,
    warmup_s: f64,
    /// Steps per second over those of one worker in the same repeat.
    speedup: f64,
    efficiency: f64,
    updates: u64,
    gradients: u64,
    mean_update_s: f64,
    /// Of the last epoch, mean over the workers.
    train_loss: f64,
    train_accuracy: f64,
    test_loss: f64,
    test_accuracy: f64,
    mean_staleness: f64,
    /// Mean computing time of a step.
    mean_compute_s: f64,
    simulated_speedup: f64,
    theory_speedup: Option<f64>,
    /// Which parameters the workers began with.
    initial: String,
    /// What the seconds are: wall or simulated.
    clock: String,
}

impl Row for ScalingRow {
    const TABLE: &'static str = "scaling";
}

impl ScalingRow {
    fn new(measured: &Measured, finished: &Measurement) -> ScalingRow {
        let (trial, outcome, speedup) = (&finished.trial, &finished.outcome, measured.speedup(finished));
        let train = outcome.last_training();
        ScalingRow {
            method: trial.method.to_string(),
            workers: trial.workers,
            samples: trial.samples,
            repeat: trial.repeat,
            wall_time_s: outcome.wall_time_s,
            warmup_s: outcome.warmup_s,
            speedup,
            efficiency: speedup / f64::from(trial.workers),
            updates: outcome.updates,
            gradients: outcome.gradients,
            mean_update_s: outcome.wall_time_s / outcome.updates as f64,
            train_loss: train.loss,
            train_accuracy: train.accuracy,
            test_loss: outcome.test.loss,
            test_accuracy: outcome.test.accuracy,
            mean_staleness: outcome.mean_staleness,
            mean_compute_s: outcome.compute_s,
            simulated_speedup: finished.expectation.simulated,
            theory_speedup: finished.expectation.theory,
            initial: trial.initial.to_string(),
            clock: trial.clock.to_string(),
        }
    }
}

/// A row of `epochs.csv`: what a worker saw of its batches in an epoch.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct EpochRow {
    /// The policy.
    method: String,
    workers: u32,
    samples: usize,
    repeat: u32,
    epoch: u32,
    /// The worker; empty for the mean over the workers.
    rank: Option<u32>,
    train_loss: f64,
    train_accuracy: f64,
    /// Which parameters the workers began with.
    initial: String,
    /// What the seconds are: wall or simulated.
    clock: String,
    /// On all test images after the epoch; empty for a single worker.
    test_loss: Option<f64>,
    test_accuracy: Option<f64>,
}

impl Row for EpochRow {
    const TABLE: &'static str = "epochs";
}

impl EpochRow {
    fn of(finished: &Measurement) -> Vec<EpochRow> {
        let (trial, outcome) = (&finished.trial, &finished.outcome);
        let ranks = outcome.epochs.iter().map(|e| (e.epoch, Some(e.rank), e.train));
        let means = (1..=trial.epochs).map(|epoch| (epoch, None, outcome.training(epoch)));
        let mut rows: Vec<_> = ranks.chain(means.filter(|mean| mean.2.loss.is_finite())).collect();
        rows.sort_by_key(|row| row.0);
        let test = |epoch: u32, rank: Option<u32>| {
            let after = outcome.test_by_epoch.get(epoch as usize - 1).copied();
            after.filter(|_| rank.is_none())
        };
        let row = |(epoch, rank, train): (u32, Option<u32>, validation::Score)| EpochRow {
            method: trial.method.to_string(),
            workers: trial.workers,
            samples: trial.samples,
            repeat: trial.repeat,
            epoch,
            rank,
            train_loss: train.loss,
            train_accuracy: train.accuracy,
            initial: trial.initial.to_string(),
            clock: trial.clock.to_string(),
            test_loss: test(epoch, rank).map(|score| score.loss),
            test_accuracy: test(epoch, rank).map(|score| score.accuracy),
        };
        rows.into_iter().map(row).collect()
    }
}
