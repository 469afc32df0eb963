//! Measured times against the law that fits best, and the slowest of m workers, measured and predicted; runs on several numbers
//! of workers, measured and fitted.

use crate::commands::fit::{Slowest, scaling::Run};
use crate::figures::{Axis, Data, Figure, Mark, Panel, nth};
use sim::{Law, StepTimes};

/// Quantiles that are drawn.
const QUANTILES: usize = 200;

/// Left the quantiles of the times against those of the law, right the slowest of m.
pub fn fit(times: &StepTimes, law: Option<&Law>, slowest: &[Slowest]) -> Figure {
    let mut panels = Vec::new();
    if let Some(law) = law {
        let mut sorted = times.pooled().to_vec();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len().min(QUANTILES);
        let share = |i: usize| (i as f64 + 0.5) / n as f64;
        let quantile = |i: usize| sorted[((share(i) * sorted.len() as f64) as usize).min(sorted.len() - 1)];
        let pairs = (0..n).map(|i| (law.quantile(share(i)), quantile(i)));
        let marks = vec![Mark::new(Data::Diagonal, nth(7)), Mark::points(pairs, nth(0))];
        panels.push(
            Panel::new(Axis::linear(format!("Quantile of {law} (s)")), Axis::linear("Measured quantile (s)"), marks)
                .titled("The law that fits best"),
        );
    }
    if !slowest.is_empty() {
        let line = |seconds: fn(&Slowest) -> f64| slowest.iter().map(move |row| (f64::from(row.workers), seconds(row)));
        let marks = vec![
            Mark::line(line(|row| row.pooled_s), nth(2)).named("independent draws"),
            Mark::line(line(|row| row.predicted_s), nth(1)).named("predicted"),
            Mark::points(line(|row| row.measured_s), nth(0)).named("measured"),
        ];
        let workers = Axis::workers(slowest.iter().map(|row| row.workers));
        panels.push(Panel::new(workers, Axis::linear("Time of the slowest (s)"), marks).titled("Slowest of m workers"));
    }
    let caption = format!("{} times of {} workers", times.len(), times.workers());
    Figure::new(panels, caption)
}

/// The time of a step of each run, fitted against measured.
pub fn runs(runs: &[Run]) -> Figure {
    let points = runs.iter().map(|run| (run.step_s, run.fitted_s));
    let marks = vec![Mark::new(Data::Diagonal, nth(7)), Mark::points(points, nth(0))];
    let panel = Panel::new(Axis::linear("Measured time of a step (s)"), Axis::linear("Fitted (s)"), marks);
    Figure::new(vec![panel.titled("Computing and messages")], format!("{} runs", runs.len()))
}
