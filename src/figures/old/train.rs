//! The figures of a training run: how it learnt, and what everybody did at first.

use super::look;
use crate::commands::train::{Point, Trained};
use plot::{Axis, Colour, Entry, Figure, Fill, Mark, Panel, Rect, Shape};
use sim::Policy;
use validation::run::training::Snapshot;

/// Loss and accuracy against seconds and against updates; another run beside it, if one was named.
pub fn learning_curve(trained: &Trained<'_>) -> Figure {
    let (colour, shape) = look(trained.policy, 0);
    let pairs = || trained.journal.snapshots.iter().zip(&trained.scores);
    let other = trained.beside.as_ref().map(|beside| {
        let same = beside.policy == trained.policy;
        // Two runs of one policy would look the same.
        let (colour, shape) = if same { (Colour::BLACK, plot::shape(1)) } else { look(beside.policy, 0) };
        (beside, colour, shape)
    });
    let against = |x: fn(&Snapshot) -> f64, other_x: fn(&Point) -> f64, label: &str| {
        let train = Mark::line(pairs().map(|(snapshot, _)| (x(snapshot), snapshot.train_loss)), Colour::GREY);
        let loss = pairs().map(|(snapshot, score)| (x(snapshot), score.loss));
        let accuracy = pairs().map(|(snapshot, score)| (x(snapshot), 100.0 * score.accuracy));
        let (mut losses, mut accuracies) = (vec![train], Vec::new());
        if let Some((beside, colour, shape)) = &other {
            let points = || beside.points.iter();
            losses.extend(curve(points().map(|p| (other_x(p), p.test_loss)), *colour, *shape));
            accuracies.extend(curve(points().map(|p| (other_x(p), 100.0 * p.test_accuracy)), *colour, *shape));
        }
        losses.extend(curve(loss, colour, shape));
        accuracies.extend(curve(accuracy, colour, shape));
        [
            Panel::new(Axis::linear(label).from_zero(), Axis::linear("Loss").from_zero(), losses),
            Panel::new(Axis::linear(label).from_zero(), Axis::linear("Test accuracy (%)"), accuracies),
        ]
    };
    let [loss_by_time, accuracy_by_time] = against(|s| s.at.seconds(), |p| p.time_s, "Time (s)");
    let [loss_by_update, accuracy_by_update] = against(|s| s.update as f64, |p| p.update, "Updates");
    let entry = |policy: Policy, workers: u64, colour, shape| {
        Entry::new(format!("{policy}, m = {workers}, test"), &curve([].into_iter(), colour, shape))
    };
    let mut legend = vec![entry(trained.policy, trained.rule.workers.into(), colour, shape)];
    legend.extend(other.as_ref().map(|(beside, colour, shape)| entry(beside.policy, beside.workers, *colour, *shape)));
    legend.push(Entry::new("training batches", [&Mark::line([], Colour::GREY)]));
    let panels = vec![loss_by_time, loss_by_update, accuracy_by_time, accuracy_by_update];
    Figure { legend, columns: 2, ..Figure::new(panels) }
}

/// A line with its points.
fn curve(points: impl Iterator<Item = (f64, f64)>, colour: Colour, shape: Shape) -> [Mark; 2] {
    let points: Vec<(f64, f64)> = points.collect();
    [Mark::line(points.clone(), colour), Mark::points(points, colour, shape)]
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
        let (start, finish, worker) = (step.start.seconds(), step.finish.seconds(), step.task.worker);
        match step.spent_s {
            Some((compute_s, delay_s)) => {
                // It may have waited for a core before.
                let start = start.max(finish - compute_s - delay_s);
                compute.push(row(worker, start, start + compute_s));
                delay.push(row(worker, start + compute_s, start + compute_s + delay_s));
            }
            None => cancelled.push(row(worker, start, finish)),
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
