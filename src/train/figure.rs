//! The figures of a training run: how it learnt, and what everybody did at first.

use super::Trained;
use crate::report::figure::look;
use plot::{Axis, Colour, Entry, Figure, Fill, Mark, Panel, Rect};
use validation::training::Snapshot;

/// Loss and accuracy against seconds and against updates.
pub fn learning_curve(trained: &Trained<'_>) -> Figure {
    let (colour, shape) = look(trained.arguments.policy, 0);
    let pairs = || trained.journal.snapshots.iter().zip(&trained.scores);
    let against = |x: fn(&Snapshot) -> f64, label: &str| {
        let test = Mark::line(pairs().map(|(snapshot, score)| (x(snapshot), score.loss)), colour);
        let dots = Mark::points(pairs().map(|(snapshot, score)| (x(snapshot), score.loss)), colour, shape);
        let train = Mark::line(pairs().map(|(snapshot, _)| (x(snapshot), snapshot.train_loss)), Colour::GREY);
        let right = || pairs().map(|(snapshot, score)| (x(snapshot), 100.0 * score.accuracy));
        let accuracy = [Mark::line(right(), colour), Mark::points(right(), colour, shape)];
        [
            Panel::new(Axis::linear(label).from_zero(), Axis::linear("Loss").from_zero(), vec![train, test, dots]),
            Panel::new(Axis::linear(label).from_zero(), Axis::linear("Test accuracy (%)"), accuracy.to_vec()),
        ]
    };
    let [loss_by_time, accuracy_by_time] = against(|s| s.at.seconds(), "Time (s)");
    let [loss_by_update, accuracy_by_update] = against(|s| s.update as f64, "Updates");
    let name = format!("{}, m = {}, test", trained.arguments.policy, trained.rule.workers);
    let legend = vec![
        Entry::new(name, [&Mark::line([], colour), &Mark::points([], colour, shape)]),
        Entry::new("training batches", [&Mark::line([], Colour::GREY)]),
    ];
    let panels = vec![loss_by_time, loss_by_update, accuracy_by_time, accuracy_by_update];
    Figure { legend, columns: 2, ..Figure::new(panels) }
}

/// Rounds that the timeline shows.
const ROUNDS: u64 = 8;
/// Workers that it shows.
const ROWS: u32 = 12;

/// Who computed, slept, waited and worked in vain, worker by worker, in the first rounds.
pub fn timeline(trained: &Trained<'_>) -> Figure {
    let workers = trained.rule.workers.min(ROWS);
    let shown = || trained.journal.steps.iter().filter(|s| s.task.worker < workers && s.task.serial < ROUNDS);
    let row = |worker: u32, x0: f64, x1: f64| {
        let middle = f64::from(workers - 1 - worker);
        Rect { x0, x1, y0: middle - 0.32, y1: middle + 0.32 }
    };
    let (mut compute, mut delay, mut cancelled) = (Vec::new(), Vec::new(), Vec::new());
    for step in shown() {
        let (start, worker) = (step.start.seconds(), step.task.worker);
        match step.spent_s {
            Some((compute_s, delay_s)) => {
                compute.push(row(worker, start, start + compute_s));
                delay.push(row(worker, start + compute_s, start + compute_s + delay_s));
            }
            None => cancelled.push(row(worker, start, step.finish.seconds())),
        }
    }
    let marks = [
        ("compute", Mark::rects(compute, plot::colour(0), Fill::Solid)),
        ("delay", Mark::rects(delay, plot::colour(4), Fill::Pale)),
        ("cancelled", Mark::rects(cancelled, plot::colour(1), Fill::Hatched)),
    ];
    let legend = marks.iter().map(|(name, mark)| Entry::new(*name, [mark])).collect();
    let names = (0..workers).rev().map(|worker| format!("worker {worker}"));
    let panel = Panel::new(
        Axis::linear("Time (s)").from_zero(),
        Axis::categories("", names),
        marks.into_iter().map(|(_, mark)| mark).collect(),
    );
    Figure { legend, panel_size: (640.0, 30.0 + 30.0 * f64::from(workers)), ..Figure::new(vec![panel]) }
}
