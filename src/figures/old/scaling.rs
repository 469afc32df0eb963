//! The figures of a scaling run: time, speed-up, efficiency and accuracy, over samples and over workers.

use super::look;
use crate::commands::scaling::summary::Summary;
use crate::commands::scaling::{Measured, Measurement};
use plot::{Axis, Colour, Dash, Entry, Figure, Fill, Mark, Panel, Reference, Shape};
use validation::Method;

/// A quantity of a line.
type Of = fn(&Summary) -> f64;

const TIME: (&str, Of) = ("Time (s)", |line| line.time_s);
const SPEEDUP: (&str, Of) = ("Speed-up", |line| line.speedup);
const EFFICIENCY: (&str, Of) = ("Efficiency (%)", |line| 100.0 * line.efficiency());
const ACCURACY: (&str, Of) = ("Test accuracy (%)", |line| 100.0 * line.test.accuracy);

/// Lines that belong together, with how they look.
struct Series {
    name: String,
    colour: Colour,
    shape: Shape,
    lines: Vec<Summary>,
}

impl Series {
    fn new(name: String, nth: usize, lines: Vec<Summary>) -> Series {
        Series { name, colour: plot::colour(nth), shape: plot::shape(nth), lines }
    }

    fn marks(&self, x: Of, y: Of) -> [Mark; 2] {
        let points = || self.lines.iter().map(|line| (x(line), y(line)));
        [Mark::line(points(), self.colour), Mark::points(points(), self.colour, self.shape)]
    }

    fn entry(&self) -> Entry {
        Entry::new(&self.name, [&Mark::line([], self.colour), &Mark::points([], self.colour, self.shape)])
    }
}

impl Measured {
    fn largest(&self) -> usize {
        self.plan.samples.iter().copied().max().unwrap_or(0)
    }

    /// Over the workers: a series for each method on the most samples; of a single method, one for each number of samples.
    fn over_workers(&self) -> Vec<Series> {
        let lines = self.summaries();
        let of = |method: Method, samples: usize| {
            lines.iter().filter(|l| l.method == method && l.samples == samples).copied().collect()
        };
        match self.plan.policies[..] {
            [method] => {
                let samples = self.plan.samples.iter().enumerate();
                samples.map(|(i, &n)| Series::new(format!("{n} images"), i, of(method, n))).collect()
            }
            _ => {
                let series = |&method: &Method| {
                    let (colour, shape) = look(method.kind(), 0);
                    Series { name: method.to_string(), colour, shape, lines: of(method, self.largest()) }
                };
                self.plan.policies.iter().map(series).collect()
            }
        }
    }

    /// Over the samples: a series for each number of workers.
    fn over_samples(&self, method: Method) -> Vec<Series> {
        let lines = self.summaries();
        let of = |workers: u32| lines.iter().filter(|l| l.method == method && l.workers == workers).copied().collect();
        let workers = self.plan.workers.iter().enumerate();
        workers.map(|(i, &m)| Series::new(workers_of(m), i, of(m))).collect()
    }
}

/// What would be ideal, as a line: as far as there are workers, so that it does not decide what the axes show.
pub fn ideal(points: impl IntoIterator<Item = (f64, f64)>) -> Mark {
    Mark::line(points, Colour::GREY).dashed(Dash::Dashed)
}

fn workers_of(m: u32) -> String {
    format!("{m} worker{}", if m == 1 { "" } else { "s" })
}

/// Time, speed-up and efficiency against workers: measured with markers, foretold by the simulator dotted.
pub fn by_workers(measured: &Measured) -> Figure {
    let series = measured.over_workers();
    let workers: Of = |line| f64::from(line.workers);
    let panel = |(label, y): (&str, Of), best: Option<fn(f64) -> f64>, foretold: Option<Of>| {
        let over = || measured.plan.workers.iter().map(|&m| f64::from(m));
        let mut marks: Vec<Mark> = best.into_iter().map(|best| ideal(over().map(|m| (m, best(m))))).collect();
        for one in &series {
            if let Some(foretold) = foretold {
                let points = one.lines.iter().map(|line| (workers(line), foretold(line)));
                marks.push(Mark::line(points, one.colour).dashed(Dash::Dotted));
            }
            marks.extend(one.marks(workers, y));
        }
        Panel::new(Axis::linear("Number of workers m").integer(), Axis::linear(label).from_zero(), marks)
    };
    let simulated: Of = |line| line.expectation.simulated;
    let efficiency: Of = |line| 100.0 * line.expectation.simulated / f64::from(line.workers);
    let panels = vec![
        panel(TIME, None, None),
        panel(SPEEDUP, Some(|m| m), Some(simulated)),
        panel(EFFICIENCY, Some(|_| 100.0), Some(efficiency)),
    ];
    let mut legend: Vec<Entry> = series.iter().map(Series::entry).collect();
    legend.push(Entry::new("simulated", [&Mark::line([], Colour::GREY).dashed(Dash::Dotted)]));
    legend.push(Entry::new("ideal", [&ideal([])]));
    Figure { legend, panel_size: (270.0, 220.0), ..Figure::new(panels) }
}

/// Test accuracy against workers and against time.
pub fn accuracy(measured: &Measured) -> Figure {
    let series = measured.over_workers();
    let panel = |x: Axis, of: Of| {
        let marks = series.iter().flat_map(|one| one.marks(of, ACCURACY.1)).collect();
        Panel::new(x, Axis::linear(ACCURACY.0), marks)
    };
    let panels = vec![
        panel(Axis::linear("Number of workers m").integer(), |line| f64::from(line.workers)),
        panel(Axis::linear(TIME.0).from_zero(), TIME.1),
    ];
    Figure { legend: series.iter().map(Series::entry).collect(), ..Figure::new(panels) }
}

/// Time as bars, a group for each number of samples; a panel for each method.
pub fn time_by_size(measured: &Measured) -> Figure {
    let mut legend = Vec::new();
    let panels = measured.plan.policies.iter().map(|&method| {
        let series = measured.over_samples(method);
        let width = 0.8 / series.len() as f64;
        let bars = series.iter().enumerate().map(|(i, one)| {
            let place =
                |line: &Summary| measured.plan.samples.iter().position(|&n| n == line.samples).unwrap_or(0) as f64;
            let offset = (i as f64 + 0.5) * width - 0.4;
            Mark::bars(one.lines.iter().map(|l| (place(l) + offset, l.time_s)), width, one.colour, Fill::Solid)
        });
        let bars: Vec<Mark> = bars.collect();
        legend = series.iter().zip(&bars).map(|(one, bar)| Entry::new(&one.name, [bar])).collect();
        let names = measured.plan.samples.iter().map(ToString::to_string);
        Panel::new(Axis::categories("Images", names), Axis::linear(TIME.0).from_zero(), bars).titled(method.to_string())
    });
    let panels: Vec<Panel> = panels.collect();
    Figure { legend, columns: panels.len().min(2), ..Figure::new(panels) }
}

/// Time, speed-up and efficiency against samples, a line for each number of workers; a row for each method.
pub fn by_size(measured: &Measured) -> Figure {
    let mut legend = Vec::new();
    let mut panels = Vec::new();
    for &method in &measured.plan.policies {
        let series = measured.over_samples(method);
        for ((label, y), reference) in [(TIME, None), (SPEEDUP, None), (EFFICIENCY, Some(Reference::Horizontal(100.0)))]
        {
            let mut marks: Vec<Mark> = reference.into_iter().map(Mark::reference).collect();
            marks.extend(series.iter().flat_map(|one| one.marks(|line| line.samples as f64 / 1000.0, y)));
            let panel =
                Panel::new(Axis::linear("Images (thousands)").from_zero(), Axis::linear(label).from_zero(), marks);
            panels.push(if measured.plan.policies.len() > 1 { panel.titled(method.to_string()) } else { panel });
        }
        legend = series.iter().map(Series::entry).collect();
    }
    legend.push(Entry::new("ideal", [&ideal([])]));
    Figure { legend, columns: 3, panel_size: (270.0, 200.0), ..Figure::new(panels) }
}

/// Loss and accuracy of the training batches, epoch by epoch, on the most samples: the mean over the workers, and from the
/// lowest to the highest of them as a band.
pub fn epochs(measured: &Measured) -> Figure {
    let (mut panels, mut legend) = (Vec::new(), Vec::new());
    for &method in &measured.plan.policies {
        let (mut losses, mut accuracies) = (Vec::new(), Vec::new());
        legend.clear();
        for (i, &workers) in measured.plan.workers.iter().enumerate() {
            let is_shown = |f: &&Measurement| {
                let trial = f.trial;
                (trial.method, trial.samples, trial.workers, trial.repeat) == (method, measured.largest(), workers, 0)
            };
            let Some(finished) = measured.finished.iter().find(is_shown) else { continue };
            let outcome = &finished.outcome;
            let (colour, shape) = (plot::colour(i), plot::shape(i));
            for (marks, of) in [
                (&mut losses, (|s| s.loss) as fn(&validation::Score) -> f64),
                (&mut accuracies, |s| 100.0 * s.accuracy),
            ] {
                let each = |epoch: u32| {
                    let ranks = outcome.epochs.iter().filter(move |e| e.epoch == epoch).map(move |e| of(&e.train));
                    let (low, high) =
                        ranks.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (x.min(low), x.max(high)));
                    (f64::from(epoch), low, high)
                };
                let means =
                    || (1..=finished.trial.epochs).map(|epoch| (f64::from(epoch), of(&outcome.training(epoch))));
                marks.push(Mark::band((1..=finished.trial.epochs).map(each), colour));
                marks.push(Mark::line(means(), colour));
                marks.push(Mark::points(means(), colour, shape));
            }
            let marks = [Mark::line([], colour), Mark::points([], colour, shape)];
            legend.push(Entry::new(workers_of(workers), &marks));
        }
        for (label, marks) in [("Training loss", losses), ("Training accuracy (%)", accuracies)] {
            let panel = Panel::new(Axis::linear("Epoch").integer(), Axis::linear(label), marks);
            panels.push(if measured.plan.policies.len() > 1 { panel.titled(method.to_string()) } else { panel });
        }
    }
    Figure { legend, columns: 2, panel_size: (340.0, 210.0), ..Figure::new(panels) }
}
