//! The CSV files of a training run, whose columns are a contract.

use super::Trained;
use crate::report::rows::csv;

/// `updates.csv`
pub fn updates(trained: &Trained<'_>) -> Vec<u8> {
    let joined = |values: Vec<String>| values.join(";");
    let rows = trained.journal.updates.iter().map(|update| {
        [
            update.update.to_string(),
            update.at.seconds().to_string(),
            joined(update.from.iter().map(|(worker, _)| worker.to_string()).collect()),
            joined(update.from.iter().map(|(_, staleness)| staleness.to_string()).collect()),
            finite(update.loss()),
        ]
    });
    csv(&["update", "time_s", "workers", "staleness", "loss"], rows)
}

/// `steps.csv`
pub fn steps(trained: &Trained<'_>) -> Vec<u8> {
    let header = ["worker", "serial", "start_s", "compute_s", "delay_s", "finish_s", "base_version", "applied_version"];
    let rows = trained.journal.steps.iter().map(|step| {
        [
            step.task.worker.to_string(),
            step.task.serial.to_string(),
            step.start.seconds().to_string(),
            step.spent_s.map(|spent| spent.0.to_string()).unwrap_or_default(),
            step.spent_s.map(|spent| spent.1.to_string()).unwrap_or_default(),
            step.finish.seconds().to_string(),
            step.task.base_version.to_string(),
            step.applied_version.map(|version| version.to_string()).unwrap_or_default(),
        ]
    });
    csv(&header, rows)
}

/// `metrics.csv`
pub fn metrics(trained: &Trained<'_>) -> Vec<u8> {
    let rows = trained.journal.snapshots.iter().zip(&trained.scores).map(|(snapshot, score)| {
        [
            snapshot.at.seconds().to_string(),
            snapshot.update.to_string(),
            trained.epochs(snapshot.steps).to_string(),
            finite(snapshot.train_loss),
            finite(score.loss),
            score.accuracy.to_string(),
        ]
    });
    csv(&["time_s", "update", "epoch", "train_loss", "test_loss", "test_accuracy"], rows)
}

/// What is not a number is missing.
fn finite(value: f64) -> String {
    if value.is_finite() { value.to_string() } else { String::new() }
}

impl Trained<'_> {
    /// Passes over the data that so many steps are.
    pub fn epochs(&self, steps: u64) -> f64 {
        steps as f64 * f64::from(self.arguments.batch_size) / self.samples as f64
    }
}
