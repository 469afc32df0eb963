//! One row per observation: the CSV files, whose columns are a contract.

use super::Report;

const ITERATION_TIMES: [&str; 23] = [
    "policy",
    "workers",
    "step_time",
    "model",
    "updates",
    "mean_s",
    "ci_low_s",
    "ci_high_s",
    "sd_s",
    "p50_s",
    "p95_s",
    "p99_s",
    "theory_s",
    "theory_kind",
    "gated_s",
    "gradients_per_update",
    "s_per_gradient",
    "speedup",
    "efficiency",
    "mean_staleness",
    "idle_share",
    "wasted_share",
    "seed",
];

/// `iteration_times.csv`
pub fn iteration_times(report: &Report) -> Vec<u8> {
    let experiment = &report.experiment;
    let rows = report.observations.iter().map(|o| {
        let [p50, p95, p99] = o.quantiles_s;
        let usage = o.usage.as_ref();
        [
            o.cell.policy.to_string(),
            o.cell.rule.workers.to_string(),
            experiment.spec.compute().to_string(),
            experiment.model.to_string(),
            o.updates.to_string(),
            o.mean.mean.to_string(),
            o.mean.low().to_string(),
            o.mean.high().to_string(),
            o.sd_s.to_string(),
            p50.to_string(),
            p95.to_string(),
            p99.to_string(),
            or_empty(o.theory.map(|theory| theory.seconds)),
            o.theory.map_or("none".to_string(), |theory| theory.kind.to_string()),
            or_empty(o.gated_s),
            o.gradients_per_update.to_string(),
            o.s_per_gradient().to_string(),
            o.speedup.to_string(),
            o.efficiency().to_string(),
            or_empty(usage.map(|u| u.mean_staleness)),
            or_empty(usage.map(|u| u.idle_share)),
            or_empty(usage.map(|u| u.wasted_share)),
            experiment.seed.to_string(),
        ]
    });
    csv(&ITERATION_TIMES, rows)
}

/// `loss_curve.csv`
pub fn loss_curve(report: &Report) -> Vec<u8> {
    let rows = report.curves.iter().flat_map(|curve| {
        curve.points.iter().map(|point| {
            [
                curve.cell.policy.to_string(),
                curve.cell.rule.workers.to_string(),
                point.time_s.to_string(),
                point.update.to_string(),
                or_empty(Some(point.loss).filter(|loss| loss.is_finite())),
            ]
        })
    });
    csv(&["policy", "workers", "time_s", "update", "loss"], rows)
}

/// Numbers print as the shortest text that reads back as the same number; what is missing is an empty field.
fn or_empty(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A CSV file: the header, then the rows.
pub fn csv<const N: usize>(header: &[&str; N], rows: impl Iterator<Item = [String; N]>) -> Vec<u8> {
    let in_memory = "writing to memory does not fail";
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(header).expect(in_memory);
    rows.for_each(|row| writer.write_record(&row).expect(in_memory));
    writer.into_inner().expect(in_memory)
}
