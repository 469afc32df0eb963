//! The figures of `reproduce`: published hollow and dashed, ours solid, predicted dotted.

use super::{Axis, Colour, Dash, Figure, Fill, Mark, Panel, Shape, Style, Ticks, nth};
use crate::commands::reproduce::comparison::{Pair, QUANTITIES, Quantity};
use crate::commands::scaling::Plan;
use sim::theory::harmonic;
use sim::{Observation, Policy};

/// Time, speed-up, efficiency and accuracy: over the images if there are several numbers of them, a line for each number of
/// workers; else over the workers, a line for each series. Published times that were summed over the workers, and everything
/// that follows from them, are marked as such.
pub fn comparison(plan: &Plan, pairs: &[Pair]) -> Figure {
    let over_images = plan.samples.len() > 1;
    let key = |pair: &Pair| match over_images {
        true => format!("{} worker{}", pair.row.workers, if pair.row.workers == 1 { "" } else { "s" }),
        false => pair.row.series.clone(),
    };
    let x = |pair: &Pair| match over_images {
        true => pair.line.samples as f64,
        false => f64::from(pair.row.workers),
    };
    let mut names: Vec<String> = Vec::new();
    for pair in pairs {
        if !names.contains(&key(pair)) {
            names.push(key(pair));
        }
    }
    let axis = || match over_images {
        true => Axis { ticks: Ticks::At(plan.samples.iter().map(|&n| n as f64).collect()), ..Axis::log("Images") },
        false => Axis::workers(pairs.iter().map(|pair| pair.row.workers)),
    };
    let summed = pairs.iter().any(|pair| pair.wall_s != pair.row.time_s);
    let published_as = |style: Style| match summed {
        true => Style { shape: Shape::Cross, ..style.dashed(Dash::Dashed) },
        false => style.dashed(Dash::Dashed).filled(Fill::Hollow),
    };
    let panel = |quantity: &Quantity| {
        let best = |pair: &Pair| match quantity.column {
            "speedup" if !over_images => (x(pair), f64::from(pair.row.workers)),
            "efficiency" => (x(pair), 100.0),
            _ => (x(pair), f64::NAN),
        };
        let ideal = pairs.iter().filter(|pair| names.first() == Some(&key(pair))).map(best);
        let mut marks = vec![Mark::line(ideal, Style { dash: Dash::Solid, ..Style::REFERENCE })];
        for (i, name) in names.iter().enumerate() {
            let style = Style { dash: Dash::Solid, ..nth(i) };
            let these = || pairs.iter().filter(|pair| key(pair) == *name);
            let predicted = |pair: &Pair| match quantity.column {
                "speedup" => pair.line.expectation.simulated,
                "efficiency" => 100.0 * pair.line.expectation.simulated / f64::from(pair.row.workers),
                _ => f64::NAN,
            };
            let published = || these().filter_map(|pair| Some((x(pair), (quantity.published)(pair)?)));
            let ours = || these().map(|pair| (x(pair), (quantity.ours)(pair)));
            marks.push(Mark::line(these().map(|pair| (x(pair), predicted(pair))), style.dashed(Dash::Dotted)));
            marks.push(Mark::line(published(), Style { width: 1.1, ..published_as(style) }));
            // More than m times as fast on m workers, or what follows from it.
            let beyond =
                |pair: &&Pair| pair.speedup > f64::from(pair.row.workers) && quantity.column != "test_accuracy";
            let of = |pair: &Pair| Some((x(pair), (quantity.published)(pair)?));
            let (over, plausible): (Vec<&Pair>, Vec<&Pair>) = these().partition(beyond);
            marks.push(Mark::points(plausible.into_iter().filter_map(of), published_as(style)));
            let over: Vec<(f64, f64)> = over.into_iter().filter_map(of).collect();
            if !over.is_empty() {
                let style = Style { shape: Shape::Plus, radius: 5.0, ..style };
                marks.push(Mark::points(over, style));
            }
            marks.push(Mark::line(ours(), style));
            let mark = Mark::points(ours(), style);
            marks.push(if names.len() > 1 { mark.named(name) } else { mark });
        }
        let y = match quantity.column {
            "time_s" => Axis::log("Time (s)"),
            "speedup" => Axis::linear("Speed-up").with_zero(),
            "efficiency" => Axis::linear("Efficiency (%)").with_zero(),
            _ => Axis::linear("Test accuracy (%)"),
        };
        Panel::new(axis(), y, marks)
    };
    let mut panels: Vec<Panel> = QUANTITIES[..4].iter().map(panel).collect();
    let one = if names.len() == 1 { nth(0) } else { Style::new(Colour::GREY) };
    let told = if summed { "published, summed over workers and divided by m" } else { "published" };
    if pairs.iter().any(|pair| pair.speedup > f64::from(pair.row.workers)) {
        let style = Style { shape: Shape::Plus, radius: 5.0, ..one };
        panels[0].marks.push(Mark::points([], style).named("published, faster than m times one worker"));
    }
    let entries = [
        (one, "ours", true),
        (published_as(one), told, true),
        (one.dashed(Dash::Dotted), "predicted", false),
        (Style { dash: Dash::Solid, ..Style::REFERENCE }, "ideal", false),
    ];
    for (style, name, marker) in entries {
        panels[0].marks.push(Mark::line([], style).named(name));
        if marker {
            panels[0].marks.push(Mark::points([], style).named(name));
        }
    }
    let mut caption = format!("{}, {} epochs, seed {}.", plan.model, plan.epochs, plan.seed);
    if summed {
        caption += " No wall time was published: the sums over all workers cannot tell how long anybody waited.";
    }
    Figure { columns: 2, panel_size: (290.0, 190.0), ..Figure::new(panels, caption) }
}

/// E0's plot: both curves against m, with the exact ones behind them.
pub fn gated(observations: &[Observation], rate: f64) -> Figure {
    let mut marks = Vec::new();
    let most = observations.iter().map(|o| o.cell.rule.workers).max().unwrap_or(1);
    let curves = [(Policy::SYNC, "synchronous: Hₘ/λ"), (Policy::ASYNC, "asynchronous: 1/(mλ)")];
    for (i, (policy, name)) in curves.into_iter().enumerate() {
        let exact = |m: u32| if policy == Policy::SYNC { harmonic(m) / rate } else { 1.0 / (f64::from(m) * rate) };
        let ours = observations.iter().filter(|o| o.cell.policy == policy);
        let points = ours.map(|o| (f64::from(o.cell.rule.workers), o.mean.mean));
        marks.push(Mark::line((1..=most).map(|m| (f64::from(m), exact(m))), nth(i)));
        marks.push(Mark::points(points, nth(i)).named(name));
    }
    marks.push(Mark::line([], Style::new(Colour::GREY)).named("exact"));
    let workers = Axis::workers(observations.iter().map(|o| o.cell.rule.workers));
    let panel = Panel::new(workers, Axis::linear("Mean time per iteration (s)").with_zero(), marks);
    Figure { panel_size: (460.0, 280.0), ..Figure::new(vec![panel], format!("Gated model, step time exp({rate}) s.")) }
}
