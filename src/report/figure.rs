//! The figures: time per update against workers, and loss against time.

use super::{Curve, Report};
use crate::error::Error;
use crate::output::Output;
use plot::{Axis, Colour, Dash, Entry, Figure, Mark, Panel, PlotError, Shape};
use sim::Policy;
use sim::experiment::LossPoint;

/// Figures by the names of their two files, SVG and PNG, which are drawn side by side.
pub fn add(drawings: &[(&'static str, &'static str, Figure)], output: &mut Output) -> Result<(), Error> {
    let refused = |error: PlotError| Error::Draw(error.to_string());
    for (svg, png, figure) in drawings {
        let (drawn_svg, drawn_png) = rayon::join(|| plot::svg(figure), || plot::png(figure));
        output.add(svg, drawn_svg.map_err(refused)?);
        output.add(png, drawn_png.map_err(refused)?);
    }
    Ok(())
}

/// Figures by the names of their two files, SVG and PNG.
pub fn draw(drawings: &[(&'static str, &'static str, crate::figures::Figure)], output: &mut Output) {
    for (svg_name, png_name, figure) in drawings {
        let svg = crate::figures::svg(figure);
        output.add(png_name, crate::figures::png(&svg));
        output.add(svg_name, svg.into_bytes());
    }
}

/// How a policy looks in every figure: a colour for each kind, whatever else is in the figure; of several of one kind
/// (`k-sync:2`, `k-sync:4`), the `nth` has another shape.
pub fn look(policy: Policy, nth: usize) -> (Colour, Shape) {
    let (colour, shape) = match policy.name() {
        "sync" => (0, 0),
        "async" => (1, 1),
        "k-async" => (2, 2),
        "k-sync" => (3, 3),
        "ssp" => (4, 4),
        "local" | "async-local" | "k-local" => (5, 5),
        "k-batch-async" | "fedbuff" => (6, 6),
        "k-batch-sync" => (7, 0),
        // Eight colours are what eyes can tell apart: the rare ones share theirs with their next of kin.
        "backup" | "grace" => (3, 0),
        "hogwild" => (4, 2),
        "rennala" | "ringmaster" => (1, 3),
        _ => (0, 4),
    };
    (plot::colour(colour), plot::shape(shape + nth))
}

/// Each policy with how it looks.
fn looks(policies: &[Policy]) -> impl Iterator<Item = (Policy, Colour, Shape)> + '_ {
    policies.iter().enumerate().map(|(i, &policy)| {
        let same_kind = |other: &&Policy| other.name() == policy.name();
        let (colour, shape) = look(policy, policies[..i].iter().filter(same_kind).count());
        (policy, colour, shape)
    })
}

/// A line that stands for all lines of its kind.
fn grey(dash: Dash) -> Mark {
    Mark::line([], Colour::GREY).dashed(dash)
}

/// Loss against time and against updates, for the largest number of workers.
pub fn loss_curve(report: &Report) -> Figure {
    let most = report.curves.iter().map(|curve| curve.cell.rule.workers).max().unwrap_or(1);
    let (mut by_time, mut by_update, mut legend) = (Vec::new(), Vec::new(), Vec::new());
    let curves: Vec<&Curve> = report.curves.iter().filter(|curve| curve.cell.rule.workers == most).collect();
    let policies: Vec<Policy> = curves.iter().map(|curve| curve.cell.policy).collect();
    for (Curve { cell, points, floor }, (_, colour, _)) in curves.into_iter().zip(looks(&policies)) {
        let at = |x: fn(&LossPoint) -> f64| points.iter().map(move |point| (x(point), point.loss));
        let line = Mark::line(at(|p| p.time_s), colour);
        legend.push(Entry::new(format!("{}, m = {most}", cell.policy), [&line]));
        by_time.push(line);
        by_update.push(Mark::line(at(|p| p.update as f64), colour));
        if let (Some(floor), [_, first, .., last]) = (floor, &points[..]) {
            let settled = |x: fn(&LossPoint) -> f64| {
                Mark::line([first, last].map(|point| (x(point), *floor)), colour).dashed(Dash::Dotted)
            };
            by_time.push(settled(|p| p.time_s));
            by_update.push(settled(|p| p.update as f64));
        }
    }
    if report.curves.iter().any(|curve| curve.floor.is_some()) {
        legend.push(Entry::new("floor by theory", [&grey(Dash::Dotted)]));
    }
    let loss = || Axis::log("Mean loss");
    let panels =
        vec![Panel::new(Axis::log("Time (s)"), loss(), by_time), Panel::new(Axis::log("Updates"), loss(), by_update)];
    Figure { legend, ..Figure::new(panels) }
}
