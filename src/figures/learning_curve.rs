//! The figure of `train`: loss and accuracy against time and updates, of one run or of two beside each other.

use super::{Axis, Colour, Dash, Data, Figure, Mark, Panel, Shape, Style, looks};

/// How a run learnt.
#[derive(Clone, Debug)]
pub struct Run {
    /// The policy, as it is typed.
    pub policy: String,
    /// Number of workers.
    pub workers: u64,
    /// In order of time.
    pub points: Vec<Point>,
}

/// What is known of the parameters at some moment.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// When, s.
    pub time_s: f64,
    /// After how many updates.
    pub update: f64,
    /// Mean loss of the batches before; NaN where it is not known.
    pub train_loss: f64,
    /// On the test images.
    pub test_loss: f64,
    /// Share of the test images that are classified correctly.
    pub test_accuracy: f64,
}

/// Markers of a curve; of more points, some.
const MOST_MARKERS: usize = 12;

/// The accuracies that runs have once they have learnt something: those of the initial parameters, by chance, would take up
/// most of an axis.
fn accuracies_of(runs: &[Run], target: Option<f64>) -> Axis {
    let learnt = runs.iter().flat_map(|run| run.points.iter().skip(run.points.len().min(6) / 3));
    let all = learnt.map(|point| point.test_accuracy).chain(target).filter(|accuracy| accuracy.is_finite());
    let (low, high) = all.fold((1.0, 0.0), |(low, high): (f64, f64), a| (low.min(a), high.max(a)));
    let axis = Axis::linear("Test accuracy (%)");
    let margin = 0.06 * (high - low).max(0.01);
    if low <= high { axis.over(100.0 * (low - margin), 100.0 * (high + margin)) } else { axis }
}

/// Loss and accuracy against time (left) and updates (right); the accuracy that was to be reached, if there was one.
pub fn learning_curve(runs: &[Run], target: Option<f64>, caption: String) -> Figure {
    let mut styles = looks(runs.iter().map(|run| run.policy.as_str()));
    if let [first, second] = &mut styles[..]
        && first.colour == second.colour
    {
        // Two runs of one policy would look the same.
        *second = Style { shape: Shape::Square, dash: Dash::Dashed, ..Style::new(Colour::BLACK) };
    }
    let column = |x: fn(&Point) -> f64, label: &str| {
        let (mut losses, mut accuracies) = (Vec::new(), Vec::new());
        for (run, style) in runs.iter().zip(&styles).rev() {
            let name = format!("{}, m = {}", run.policy, run.workers);
            let of = |y: fn(&Point) -> f64| run.points.iter().map(move |point| (x(point), y(point)));
            let every = run.points.len().div_ceil(MOST_MARKERS).max(1);
            // From the end, so that the last point has a marker.
            let sparse =
                |y: fn(&Point) -> f64| run.points.iter().rev().step_by(every).map(move |point| (x(point), y(point)));
            if run.points.iter().any(|point| point.train_loss.is_finite()) {
                let thin = Style { width: 1.0, dash: Dash::Dotted, ..*style };
                losses.push(Mark::line(of(|point| point.train_loss), thin));
            }
            for (marks, y) in [
                (&mut losses, (|point| point.test_loss) as fn(&Point) -> f64),
                (&mut accuracies, |point| 100.0 * point.test_accuracy),
            ] {
                marks.push(Mark::line(of(y), *style).named(&name));
                marks.push(Mark::points(sparse(y), *style).named(&name));
            }
        }
        if let Some(target) = target {
            accuracies.insert(0, Mark::new(Data::Horizontal(100.0 * target), Style::REFERENCE));
        }
        let axis = || Axis::linear(label).with_zero();
        [Panel::new(axis(), Axis::log("Loss"), losses), Panel::new(axis(), accuracies_of(runs, target), accuracies)]
    };
    let [mut loss_by_time, accuracy_by_time] = column(|point| point.time_s, "Time (s)");
    let [loss_by_update, accuracy_by_update] = column(|point| point.update, "Updates");
    let grey = Style::new(Colour::GREY);
    loss_by_time.marks.push(Mark::line([], grey).named("test images"));
    loss_by_time.marks.push(Mark::line([], Style { width: 1.0, dash: Dash::Dotted, ..grey }).named("training batches"));
    if target.is_some() {
        loss_by_time.marks.push(Mark::line([], Style::REFERENCE).named("target"));
    }
    let panels = vec![loss_by_time, loss_by_update, accuracy_by_time, accuracy_by_update];
    Figure { columns: 2, panel_size: (340.0, 210.0), ..Figure::new(panels, caption) }
}
