//! The CSV files of a scaling run, whose columns are a contract.

use super::Measured;
use crate::report::rows::csv;

/// `scaling.csv`: one row for each cell and repeat.
pub fn scaling(measured: &Measured) -> Vec<u8> {
    let header = [
        "method",
        "workers",
        "samples",
        "repeat",
        "wall_time_s",
        "warmup_s",
        "speedup",
        "efficiency",
        "updates",
        "gradients",
        "mean_update_s",
        "train_loss",
        "train_accuracy",
        "test_loss",
        "test_accuracy",
        "mean_staleness",
        "mean_compute_s",
        "simulated_speedup",
        "theory_speedup",
    ];
    let rows = measured.finished.iter().map(|finished| {
        let (trial, outcome, speedup) = (&finished.trial, &finished.outcome, measured.speedup(finished));
        let train = outcome.last_training();
        [
            trial.method.to_string(),
            trial.workers.to_string(),
            trial.samples.to_string(),
            trial.repeat.to_string(),
            outcome.wall_time_s.to_string(),
            outcome.warmup_s.to_string(),
            speedup.to_string(),
            (speedup / f64::from(trial.workers)).to_string(),
            outcome.updates.to_string(),
            outcome.gradients.to_string(),
            (outcome.wall_time_s / outcome.updates as f64).to_string(),
            train.loss.to_string(),
            train.accuracy.to_string(),
            outcome.test.loss.to_string(),
            outcome.test.accuracy.to_string(),
            outcome.mean_staleness.to_string(),
            outcome.compute_s.to_string(),
            finished.expectation.simulated.to_string(),
            finished.expectation.theory.map(|theory| theory.to_string()).unwrap_or_default(),
        ]
    });
    csv(&header, rows)
}

/// `epochs.csv`: what each worker saw of its batches in each epoch; a row without a rank is the mean over the workers.
pub fn epochs(measured: &Measured) -> Vec<u8> {
    let rows = measured.finished.iter().flat_map(|finished| {
        let (trial, outcome) = (&finished.trial, &finished.outcome);
        let ranks = outcome.epochs.iter().map(|e| (e.epoch, e.rank.to_string(), e.train));
        let means = (1..=trial.epochs).map(|epoch| (epoch, String::new(), outcome.training(epoch)));
        let mut rows: Vec<_> = ranks.chain(means.filter(|mean| mean.2.loss.is_finite())).collect();
        rows.sort_by_key(|row| row.0);
        rows.into_iter().map(|(epoch, rank, train)| {
            [
                trial.method.to_string(),
                trial.workers.to_string(),
                trial.samples.to_string(),
                trial.repeat.to_string(),
                epoch.to_string(),
                rank,
                train.loss.to_string(),
                train.accuracy.to_string(),
            ]
        })
    });
    csv(&["method", "workers", "samples", "repeat", "epoch", "rank", "train_loss", "train_accuracy"], rows)
}
