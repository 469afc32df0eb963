//! Rows of the tables that `straggle train` writes.

use super::Trained;
use crate::rows::Row;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use validation::Score;
use validation::run::training::{Snapshot, TaskRecord, Update};

/// A row of `updates.csv`.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct UpdateRow {
    update: u64,
    time_s: f64,
    /// The workers whose gradients it applied, separated by semicolons.
    workers: String,
    /// The staleness of each of these gradients.
    staleness: String,
    /// Mean loss of the batches, before the update.
    loss: f64,
}

impl Row for UpdateRow {
    const TABLE: &'static str = "updates";
}

impl UpdateRow {
    pub(super) fn new(update: &Update) -> UpdateRow {
        let joined = |values: Vec<String>| values.join(";");
        UpdateRow {
            update: update.update,
            time_s: update.at.seconds(),
            workers: joined(update.from.iter().map(|(worker, _)| worker.to_string()).collect()),
            staleness: joined(update.from.iter().map(|(_, staleness)| staleness.to_string()).collect()),
            loss: update.loss(),
        }
    }
}

/// A row of `steps.csv`: a task of a worker.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct StepRow {
    worker: u32,
    serial: u64,
    start_s: f64,
    /// Empty if it was cancelled.
    compute_s: Option<f64>,
    delay_s: Option<f64>,
    finish_s: f64,
    /// Updates that the parameters had seen when they were read.
    base_version: u64,
    /// The update that applied it; empty if it was discarded.
    applied_version: Option<u64>,
}

impl Row for StepRow {
    const TABLE: &'static str = "steps";
}

impl StepRow {
    pub(super) fn new(step: &TaskRecord) -> StepRow {
        StepRow {
            worker: step.task.worker,
            serial: step.task.serial,
            start_s: step.start.seconds(),
            compute_s: step.spent_s.map(|spent| spent.0),
            delay_s: step.spent_s.map(|spent| spent.1),
            finish_s: step.finish.seconds(),
            base_version: step.task.base_version,
            applied_version: step.applied_version,
        }
    }
}

/// A row of `metrics.csv`: a look at the parameters.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Metric {
    time_s: f64,
    update: u64,
    epoch: f64,
    /// Mean over the batches since the last look.
    train_loss: f64,
    test_loss: f64,
    test_accuracy: f64,
}

impl Row for Metric {
    const TABLE: &'static str = "metrics";
}

impl Metric {
    pub(super) fn new(trained: &Trained<'_>, snapshot: &Snapshot, score: &Score) -> Metric {
        Metric {
            time_s: snapshot.at.seconds(),
            update: snapshot.update,
            epoch: trained.epochs(snapshot.steps),
            train_loss: snapshot.train_loss,
            test_loss: score.loss,
            test_accuracy: score.accuracy,
        }
    }
}
