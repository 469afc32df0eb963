//! The figures of `scaling`: time, speed-up, efficiency and accuracy over workers and samples, and what was learnt by epoch.

use super::{Axis, Colour, Dash, Data, Figure, Fill, Mark, Panel, Scale, Style, Ticks, looks, nth};
use crate::commands::scaling::summary::Summary;
use crate::commands::scaling::{Measured, Measurement};
use crate::text::count;
use validation::{Method, Score};

/// A quantity: its label, of a summary, and of one repeat.
struct Quantity {
    label: &'static str,
    of: fn(&Summary) -> f64,
    each: fn(&Measured, &Measurement) -> f64,
}

const TIME: Quantity = Quantity { label: "Time (s)", of: |line| line.time_s, each: |_, one| one.outcome.wall_time_s };
const SPEEDUP: Quantity = Quantity { label: "Speed-up", of: |line| line.speedup, each: Measured::speedup };
const EFFICIENCY: Quantity = Quantity {
    label: "Efficiency (%)",
    of: |line| 100.0 * line.efficiency(),
    each: |all, one| 100.0 * all.speedup(one) / f64::from(one.trial.workers),
};
const ACCURACY: Quantity = Quantity {
    label: "Test accuracy (%)",
    of: |line| 100.0 * line.test.accuracy,
    each: |_, one| 100.0 * one.outcome.test.accuracy,
};

/// Summaries that belong together, with how they look.
struct Series {
    name: String,
    style: Style,
    lines: Vec<Summary>,
}

/// What would be ideal.
fn ideal(points: impl IntoIterator<Item = (f64, f64)>) -> Mark {
    Mark::line(points, Style::REFERENCE).named("ideal")
}

fn workers_of(m: u32) -> String {
    format!("{m} worker{}", if m == 1 { "" } else { "s" })
}

/// The i-th of n series stands a little beside its x, so that intervals do not cover each other.
pub(super) fn dodged(x: f64, i: usize, n: usize, axis: &Axis, span: f64) -> f64 {
    let beside = i as f64 - (n as f64 - 1.0) / 2.0;
    match axis.scale {
        Scale::Linear => x + 0.012 * span * beside,
        Scale::Log => x * (1.0 + 0.02 * beside),
    }
}

impl Measured {
    fn largest(&self) -> usize {
        self.plan.samples.iter().copied().max().unwrap_or(0)
    }

    /// Of a summary's repeats the least and the greatest; `None` if there is but one.
    fn spread(&self, line: &Summary, quantity: &Quantity) -> Option<(f64, f64)> {
        let same = |one: &&Measurement| {
            (one.trial.method, one.trial.samples, one.trial.workers) == (line.method, line.samples, line.workers)
        };
        let values: Vec<f64> = self.finished.iter().filter(same).map(|one| (quantity.each)(self, one)).collect();
        let ends = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)));
        (values.len() > 1).then_some(ends)
    }

    /// Over the workers: a series for each method on the most samples; of a single method, one for each number of samples.
    fn over_workers(&self) -> Vec<Series> {
        let lines = self.summaries();
        let of = |method: Method, samples: usize| {
            lines.iter().filter(|l| l.method == method && l.samples == samples).copied().collect()
        };
        match self.plan.policies[..] {
            [method] if self.plan.samples.len() > 1 => {
                let samples = self.plan.samples.iter().enumerate();
                samples
                    .map(|(i, &n)| Series { name: format!("{n} images"), style: nth(i), lines: of(method, n) })
                    .collect()
            }
            _ => {
                let names: Vec<String> = self.plan.policies.iter().map(Method::to_string).collect();
                let styles = looks(names.iter().map(String::as_str));
                let methods = self.plan.policies.iter().zip(names.iter().cloned()).zip(styles);
                methods.map(|((&m, name), style)| Series { name, style, lines: of(m, self.largest()) }).collect()
            }
        }
    }

    /// Over the samples: a series for each number of workers.
    fn over_samples(&self, method: Method) -> Vec<Series> {
        let lines = self.summaries();
        let of = |workers: u32| lines.iter().filter(|l| l.method == method && l.workers == workers).copied().collect();
        let workers = self.plan.workers.iter().enumerate();
        workers.map(|(i, &m)| Series { name: workers_of(m), style: nth(i), lines: of(m) }).collect()
    }

    /// The marks of a series: a line, its points, and the spread of the repeats.
    fn marks(&self, series: &[Series], axis: &Axis, x: fn(&Summary) -> f64, quantity: &Quantity) -> Vec<Mark> {
        let xs = || series.iter().flat_map(|one| &one.lines).map(x);
        let span = xs().fold(f64::NEG_INFINITY, f64::max) - xs().fold(f64::INFINITY, f64::min);
        let mut marks = Vec::new();
        for (i, one) in series.iter().enumerate() {
            let at = |line: &Summary| dodged(x(line), i, series.len(), axis, span);
            let solid = Style { dash: Dash::Solid, ..one.style };
            let points: Vec<_> = one.lines.iter().map(|line| (at(line), (quantity.of)(line))).collect();
            let spread = one
                .lines
                .iter()
                .filter_map(|line| self.spread(line, quantity).map(|(low, high)| (at(line), low, high)));
            marks.push(Mark::line(points.clone(), solid).named(&one.name));
            marks.push(Mark::intervals(spread, solid));
            marks.push(Mark::points(points, solid).named(&one.name));
        }
        marks
    }

    /// What a figure over workers or epochs stands on: the largest number of images.
    fn caption(&self) -> String {
        self.caption_on(&format!("{} images", self.largest()))
    }

    /// The same of a figure over the images.
    fn caption_by_size(&self) -> String {
        let least = self.plan.samples.iter().min().expect("at least one");
        self.caption_on(&format!("{least} to {} images", self.largest()))
    }

    fn caption_on(&self, images: &str) -> String {
        let plan = &self.plan;
        let repeats = match plan.repeats {
            1 => "one run each".to_string(),
            n => format!(
                "{n} runs each: medians of times, means of what is learnt, intervals from the least to the greatest"
            ),
        };
        format!(
            "{} on {images}, {}, {}, seed {}; {repeats}.",
            plan.model,
            count(plan.epochs, "epoch"),
            count(self.cores, "core"),
            plan.seed
        )
    }

    fn worker_axis(&self) -> Axis {
        Axis::workers(self.plan.workers.iter().copied())
    }
}

/// Time, speed-up and efficiency against workers: measured with markers, predicted dotted.
pub fn by_workers(measured: &Measured) -> Figure {
    let series = measured.over_workers();
    let over = || measured.plan.workers.iter().map(|&m| f64::from(m));
    let panel = |quantity: &Quantity, best: Option<fn(f64) -> f64>, predicted: Option<fn(&Summary) -> f64>| {
        let mut marks: Vec<Mark> = best.into_iter().map(|best| ideal(over().map(|m| (m, best(m))))).collect();
        for (one, predicted) in series.iter().zip(predicted.iter().cycle()) {
            let points = one.lines.iter().map(|line| (f64::from(line.workers), predicted(line)));
            marks.push(Mark::line(points, one.style.dashed(Dash::Dotted)));
        }
        marks.extend(measured.marks(&series, &measured.worker_axis(), |line| f64::from(line.workers), quantity));
        let y = match quantity.label {
            "Time (s)" => Axis::log(quantity.label),
            _ => Axis::linear(quantity.label).with_zero(),
        };
        Panel::new(measured.worker_axis(), y, marks)
    };
    let mut panels = vec![
        panel(&TIME, None, None),
        panel(&SPEEDUP, Some(|m| m), Some(|line| line.expectation.simulated)),
        panel(&EFFICIENCY, Some(|_| 100.0), Some(|line| 100.0 * line.expectation.simulated / f64::from(line.workers))),
    ];
    panels[0].marks.push(Mark::line([], Style::new(Colour::GREY).dashed(Dash::Dotted)).named("predicted"));
    Figure { panel_size: (240.0, 210.0), ..Figure::new(panels, measured.caption()) }
}

/// Test accuracy against workers and against time.
pub fn accuracy(measured: &Measured) -> Figure {
    let series = measured.over_workers();
    let panel = |x: Axis, of: fn(&Summary) -> f64| {
        Panel::new(x.clone(), Axis::linear(ACCURACY.label), measured.marks(&series, &x, of, &ACCURACY))
    };
    let panels =
        vec![panel(measured.worker_axis(), |line| f64::from(line.workers)), panel(Axis::log(TIME.label), TIME.of)];
    Figure { panel_size: (300.0, 220.0), ..Figure::new(panels, measured.caption()) }
}

/// Time as bars, a group for each number of samples; a panel for each method.
pub fn time_by_size(measured: &Measured) -> Figure {
    let sizes = &measured.plan.samples;
    let panels = measured.plan.policies.iter().map(|&method| {
        let series = measured.over_samples(method);
        let width = 0.8 / series.len() as f64;
        let mut marks = Vec::new();
        for (i, one) in series.iter().enumerate() {
            let middle = |line: &Summary| {
                let group = sizes.iter().position(|&n| n == line.samples).unwrap_or(0) as f64;
                group + (i as f64 + 0.5) * width - 0.4
            };
            let bar = |line: &Summary| [(middle(line) - width / 2.0, 0.0), (middle(line) + width / 2.0, line.time_s)];
            marks.push(Mark::rects(one.lines.iter().map(bar), one.style.filled(Fill::Solid)).named(&one.name));
            let spread =
                one.lines.iter().filter_map(|l| measured.spread(l, &TIME).map(|(low, high)| (middle(l), low, high)));
            marks.push(Mark::intervals(spread, Style::new(Colour::INK)));
        }
        let names = sizes.iter().map(ToString::to_string).collect();
        let groups = Axis { ticks: Ticks::Names(names), ..Axis::linear("Images").over(-0.5, sizes.len() as f64 - 0.5) };
        Panel::new(groups, Axis::linear(TIME.label).with_zero(), marks).titled(method.to_string())
    });
    let panels: Vec<Panel> = panels.collect();
    Figure { columns: panels.len().clamp(1, 2), ..Figure::new(panels, measured.caption_by_size()) }
}

/// Time, speed-up and efficiency against samples, a line for each number of workers; a row for each method.
pub fn by_size(measured: &Measured) -> Figure {
    let mut panels = Vec::new();
    for &method in &measured.plan.policies {
        let series = measured.over_samples(method);
        for (quantity, best) in [(TIME, None), (SPEEDUP, None), (EFFICIENCY, Some(100.0))] {
            let axis = Axis {
                ticks: Ticks::At(measured.plan.samples.iter().map(|&n| n as f64).collect()),
                ..Axis::log("Images")
            };
            let mut marks: Vec<Mark> =
                best.into_iter().map(|y| Mark::new(Data::Horizontal(y), Style::REFERENCE).named("ideal")).collect();
            marks.extend(measured.marks(&series, &axis, |line| line.samples as f64, &quantity));
            let y = if quantity.label == TIME.label {
                Axis::log(TIME.label)
            } else {
                Axis::linear(quantity.label).with_zero()
            };
            let title = if measured.plan.policies.len() > 1 { method.to_string() } else { String::new() };
            panels.push(Panel::new(axis, y, marks).titled(title));
        }
    }
    Figure { columns: 3, panel_size: (240.0, 190.0), ..Figure::new(panels, measured.caption_by_size()) }
}

/// Loss and accuracy of the training batches, epoch by epoch, on the most samples: the mean over the workers, and over the runs
/// where there are several. A band reaches from the lowest run to the highest, of one run from the lowest worker to the highest.
pub fn epochs(measured: &Measured) -> Figure {
    let mut panels = Vec::new();
    for &method in &measured.plan.policies {
        let (mut losses, mut accuracies) = (Vec::new(), Vec::new());
        for (i, &workers) in measured.plan.workers.iter().enumerate() {
            let is_shown = |one: &&Measurement| {
                let trial = one.trial;
                (trial.method, trial.samples, trial.workers) == (method, measured.largest(), workers)
            };
            let runs: Vec<&Measurement> = measured.finished.iter().filter(is_shown).collect();
            let Some(first) = runs.first() else { continue };
            let of_epochs = || 1..=first.trial.epochs;
            let loss: fn(&Score) -> f64 = |score| score.loss;
            for (marks, of) in [(&mut losses, loss), (&mut accuracies, |score| 100.0 * score.accuracy)] {
                let by_run = |epoch: u32| runs.iter().map(move |one| of(&one.outcome.training(epoch)));
                let by_worker = |epoch: u32| {
                    first.outcome.epochs.iter().filter(move |e| e.epoch == epoch).map(move |e| of(&e.train))
                };
                let each = |epoch: u32| {
                    let spread: Vec<f64> =
                        if runs.len() > 1 { by_run(epoch).collect() } else { by_worker(epoch).collect() };
                    let low = spread.iter().copied().fold(f64::INFINITY, f64::min);
                    (f64::from(epoch), low, spread.iter().copied().fold(f64::NEG_INFINITY, f64::max))
                };
                let means: Vec<_> = of_epochs()
                    .map(|epoch| (f64::from(epoch), by_run(epoch).sum::<f64>() / runs.len() as f64))
                    .collect();
                let solid = Style { dash: Dash::Solid, ..nth(i) };
                marks.push(Mark::band(of_epochs().map(each), solid));
                marks.push(Mark::line(means.clone(), solid).named(workers_of(workers)));
                let every = means.len().div_ceil(12).max(1);
                marks.push(Mark::points(means.into_iter().step_by(every), solid).named(workers_of(workers)));
            }
        }
        // Bands lie below all lines.
        for marks in [&mut losses, &mut accuracies] {
            marks.sort_by_key(|mark| !matches!(mark.data, Data::Band(_)));
        }
        let title = if measured.plan.policies.len() > 1 { method.to_string() } else { String::new() };
        let axis = || Axis { ticks: Ticks::CountsFrom(1.0), ..Axis::linear("Epoch") };
        panels.push(Panel::new(axis(), Axis::log("Training loss"), losses).titled(&title));
        panels.push(Panel::new(axis(), Axis::linear("Training accuracy (%)"), accuracies).titled(title));
    }
    let of = if measured.plan.repeats > 1 { "run" } else { "worker" };
    let caption = format!("{} Bands reach from the lowest {of} to the highest.", measured.caption());
    Figure { columns: 2, panel_size: (300.0, 200.0), ..Figure::new(panels, caption) }
}
