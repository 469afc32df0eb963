//! The figures: published hollow and dashed, ours solid, simulated dotted.

use super::scaling::ideal;
use crate::commands::reproduce::comparison::{Pair, QUANTITIES, Quantity};
use crate::commands::scaling::Plan;
use plot::{Axis, Colour, Dash, Entry, Figure, Mark, Panel};
use sim::theory::harmonic;
use sim::{Observation, Policy};

/// Time, speed-up, efficiency and, where it was published, accuracy: over the images if there are several numbers of them,
/// a line for each number of workers; else over the workers, a line for each series.
pub fn comparison(plan: &Plan, pairs: &[Pair]) -> Figure {
    let over_images = plan.samples.len() > 1;
    let key = |pair: &Pair| match over_images {
        true => format!("{} worker{}", pair.row.workers, if pair.row.workers == 1 { "" } else { "s" }),
        false => pair.row.series.clone(),
    };
    let x = |pair: &Pair| match over_images {
        true => pair.line.samples as f64 / 1000.0,
        false => f64::from(pair.row.workers),
    };
    let mut names: Vec<String> = Vec::new();
    for pair in pairs {
        if !names.contains(&key(pair)) {
            names.push(key(pair));
        }
    }
    let axis = || match over_images {
        true => Axis::linear("Images (thousands)").from_zero(),
        false => Axis::linear("Number of workers m").integer(),
    };
    let panel = |quantity: &Quantity| {
        let best = |pair: &Pair| match quantity.column {
            "speedup" if !over_images => (x(pair), f64::from(pair.row.workers)),
            "efficiency" => (x(pair), 100.0),
            _ => (x(pair), f64::NAN),
        };
        let mut marks = vec![ideal(pairs.iter().filter(|pair| key(pair) == names[0]).map(best))];
        for (i, name) in names.iter().enumerate() {
            let (colour, shape) = (plot::colour(i), plot::shape(i));
            let these = || pairs.iter().filter(|pair| key(pair) == *name);
            let foretold = |pair: &Pair| match quantity.column {
                "speedup" => pair.line.expectation.simulated,
                "efficiency" => 100.0 * pair.line.expectation.simulated / f64::from(pair.row.workers),
                _ => f64::NAN,
            };
            marks.push(Mark::line(these().map(|pair| (x(pair), foretold(pair))), colour).dashed(Dash::Dotted));
            let published = || these().filter_map(|pair| Some((x(pair), (quantity.published)(pair)?)));
            let ours = || these().map(|pair| (x(pair), (quantity.ours)(pair)));
            marks.push(Mark::line(published(), colour).dashed(Dash::Dashed));
            marks.push(Mark::points(published(), colour, shape).hollow());
            marks.push(Mark::line(ours(), colour));
            marks.push(Mark::points(ours(), colour, shape));
        }
        let y = Axis::linear(quantity.label.replace("time s", "Time (s)").replace(" %", " (%)"));
        let y = Axis { label: capital(&y.label), ..y };
        let y = match quantity.column {
            "test_accuracy" => y,
            "time_s" => Axis { scale: plot::Scale::Log, ..y },
            _ => y.from_zero(),
        };
        Panel::new(axis(), y, marks)
    };
    let known = |quantity: &&Quantity| pairs.iter().any(|pair| (quantity.published)(pair).is_some());
    let panels: Vec<Panel> = QUANTITIES[..4].iter().filter(known).map(panel).collect();
    let look = |(i, name): (usize, &String)| {
        Entry::new(name, [&Mark::line([], plot::colour(i)), &Mark::points([], plot::colour(i), plot::shape(i))])
    };
    let mut legend: Vec<Entry> = match names.len() {
        1 => Vec::new(),
        _ => names.iter().enumerate().map(look).collect(),
    };
    let one = if names.len() == 1 { plot::colour(0) } else { Colour::GREY };
    legend.push(Entry::new("ours", [&Mark::line([], one), &Mark::points([], one, plot::shape(0))]));
    let published = [Mark::line([], one).dashed(Dash::Dashed), Mark::points([], one, plot::shape(0)).hollow()];
    legend.push(Entry::new("published", &published));
    legend.push(Entry::new("simulated", [&Mark::line([], one).dashed(Dash::Dotted)]));
    legend.push(Entry::new("ideal", [&ideal([])]));
    let columns = if panels.len() == 4 { 2 } else { panels.len().max(1) };
    Figure { legend, columns, panel_size: (290.0, 200.0), ..Figure::new(panels) }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// E0's plot: both curves against m, with the exact ones behind them.
pub fn gated(observations: &[Observation], rate: f64) -> Figure {
    let (mut marks, mut legend) = (Vec::new(), Vec::new());
    let most = observations.iter().map(|o| o.cell.rule.workers).max().unwrap_or(1);
    for (i, (policy, name)) in [(Policy::SYNC, "synchronous"), (Policy::ASYNC, "asynchronous")].into_iter().enumerate()
    {
        let exact = |m: u32| if policy == Policy::SYNC { harmonic(m) / rate } else { 1.0 / (f64::from(m) * rate) };
        let (colour, shape) = (plot::colour(i), plot::shape(i));
        let line = Mark::line((1..=most).map(|m| (f64::from(m), exact(m))), colour);
        let ours = observations.iter().filter(|o| o.cell.policy == policy);
        let points = Mark::points(ours.map(|o| (f64::from(o.cell.rule.workers), o.mean.mean)), colour, shape);
        legend.push(Entry::new(name, [&line, &points]));
        marks.extend([line, points]);
    }
    legend.push(Entry::new("exact", [&Mark::line([], Colour::GREY)]));
    legend.push(Entry::new("simulated", [&Mark::points([], Colour::GREY, plot::shape(0))]));
    let panel = Panel::new(
        Axis::linear("Number of workers (m)").integer(),
        Axis::linear("Average runtime per iteration (s)").from_zero(),
        marks,
    );
    Figure { legend, panel_size: (460.0, 300.0), ..Figure::new(vec![panel]) }
}
