//! Loss against time.

use super::look;
use crate::commands::simulate::{Curve, Simulation};
use plot::{Axis, Colour, Dash, Entry, Figure, Mark, Panel, Shape};
use sim::Policy;
use sim::experiment::LossPoint;

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
pub fn loss_curve(report: &Simulation) -> Figure {
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
