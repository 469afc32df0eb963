//! The figures of a validation.

use super::look;
use crate::commands::validate::{Judged, Validated};
use plot::{Axis, Colour, Dash, Entry, Figure, Fill, Mark, Panel, Reference};
use sim::Policy;
use validation::predict::experiment::histogram;
use validation::{Claim, Histogram, Quantity, density_curve, quantile_pairs};

impl Validated {
    fn policies(&self) -> Vec<Policy> {
        let mut policies: Vec<Policy> = self.judged.iter().map(|j| j.cell.policy).collect();
        let mut seen = std::collections::HashSet::new();
        policies.retain(|policy| seen.insert(*policy));
        policies
    }

    /// (workers, claim) of one policy and family.
    fn claims(&self, policy: Policy, delayed: bool, quantity: Quantity) -> Vec<(f64, &Claim)> {
        let judged = self.judged.iter().filter(|j| j.cell.policy == policy && j.cell.delay.is_some() == delayed);
        let claims = judged.flat_map(|j| j.claims.iter().map(|claim| (f64::from(j.cell.rule.workers), claim)));
        claims.filter(|(_, claim)| claim.quantity == quantity).collect()
    }

    fn families(&self) -> Vec<(bool, String)> {
        let delayed = self.delay.iter().map(|law| (true, format!("Delay {law} s")));
        delayed.chain([(false, "Pure computing".to_string())]).collect()
    }
}

/// Measured against predicted time per update, with the band of the tolerance.
pub fn agreement(validated: &Validated) -> Figure {
    let tolerance = validated.tolerance.within;
    let within = Mark::reference(Reference::Within(tolerance));
    let mut legend = vec![Entry::new(format!("±{} %", crate::text::digits(100.0 * tolerance, 2)), [&within])];
    let panels = validated.families().into_iter().map(|(delayed, title)| {
        let mut marks = vec![Mark::reference(Reference::Within(tolerance)), Mark::reference(Reference::Diagonal)];
        for policy in validated.policies() {
            let (colour, shape) = look(policy, 0);
            let claims = validated.claims(policy, delayed, Quantity::PerUpdate);
            let ms = |seconds: f64| 1e3 * seconds;
            let bars =
                claims.iter().map(|(_, c)| (ms(c.predicted.value), ms(c.measured.ends().0), ms(c.measured.ends().1)));
            marks.push(Mark::error_bars(bars, colour));
            marks.push(Mark::points(
                claims.iter().map(|(_, c)| (ms(c.predicted.value), ms(c.measured.value))),
                colour,
                shape,
            ));
        }
        Panel::new(Axis::log("Predicted (ms per update)"), Axis::log("Measured (ms per update)"), marks).titled(title)
    });
    let panels = panels.collect();
    for policy in validated.policies() {
        let (colour, shape) = look(policy, 0);
        legend.push(Entry::new(policy.to_string(), [&Mark::points([], colour, shape)]));
    }
    Figure { legend, panel_size: (300.0, 300.0), ..Figure::new(panels) }
}

/// Time per update against workers: measured, simulated, and by the plain exponential model.
pub fn time_per_update(validated: &Validated) -> Figure {
    let mut legend = Vec::new();
    let panels = validated.families().into_iter().map(|(delayed, title)| {
        let mut marks = Vec::new();
        for policy in validated.policies() {
            let (colour, shape) = look(policy, 0);
            let claims = validated.claims(policy, delayed, Quantity::PerUpdate);
            let measured = |c: &Claim| (1e3 * c.measured.ends().0, 1e3 * c.measured.ends().1);
            marks.push(Mark::line(claims.iter().map(|(m, c)| (*m, 1e3 * c.predicted.value)), colour));
            marks.push(Mark::error_bars(claims.iter().map(|(m, c)| (*m, measured(c).0, measured(c).1)), colour));
            marks.push(Mark::points(claims.iter().map(|(m, c)| (*m, 1e3 * c.measured.value)), colour, shape));
            let gates = validated.claims(policy, delayed, Quantity::PerUpdateByGate);
            marks.push(
                Mark::line(gates.iter().map(|(m, c)| (*m, 1e3 * c.predicted.value)), colour).dashed(Dash::Dotted),
            );
        }
        Panel::new(Axis::linear("Number of workers m").integer(), Axis::log("Time per update (ms)"), marks)
            .titled(title)
    });
    let panels = panels.collect();
    for policy in validated.policies() {
        let (colour, shape) = look(policy, 0);
        legend.push(Entry::new(policy.to_string(), [&Mark::line([], colour), &Mark::points([], colour, shape)]));
    }
    legend.push(Entry::new(
        "measured, 95 %",
        [&Mark::error_bars([], Colour::GREY), &Mark::points([], Colour::GREY, plot::shape(0))],
    ));
    legend.push(Entry::new("predicted", [&Mark::line([], Colour::GREY)]));
    legend.push(Entry::new("exponential model", [&Mark::line([], Colour::GREY).dashed(Dash::Dotted)]));
    Figure { legend, ..Figure::new(panels) }
}

/// How stale gradients were, at the largest number of workers: foretold as lines, measured as bars.
pub fn staleness(validated: &Validated) -> Figure {
    let most = validated.judged.iter().map(|j| j.cell.rule.workers).max().unwrap_or(1);
    let stale = |policy: &Policy| {
        let counts =
            |j: &&Judged| j.cell.policy == *policy && j.replications.iter().any(|r| r.measured.histogram.len() > 1);
        validated.judged.iter().any(|j| counts(&j))
    };
    let policies: Vec<Policy> = validated.policies().into_iter().filter(stale).collect();
    let panels = validated.families().into_iter().flat_map(|(delayed, title)| {
        let at_most =
            validated.judged.iter().filter(move |j| j.cell.rule.workers == most && j.cell.delay.is_some() == delayed);
        let of = |policy: Policy| at_most.clone().find(|j| j.cell.policy == policy);
        let panels: Vec<Panel> = policies
            .iter()
            .filter_map(|&policy| of(policy))
            .map(|j| {
                let (colour, shape) = look(j.cell.policy, 0);
                let share = |histogram: &[u64]| -> Vec<(f64, f64)> {
                    let all: u64 = histogram.iter().sum();
                    histogram.iter().enumerate().map(|(s, &n)| (s as f64, n as f64 / all as f64)).collect()
                };
                let foretold = share(&histogram(j.replications.iter().map(|r| &r.predicted)));
                let marks = vec![
                    Mark::bars(share(&histogram(j.replications.iter().map(|r| &r.measured))), 0.8, colour, Fill::Light),
                    Mark::line(foretold.clone(), colour),
                    Mark::points(foretold, colour, shape),
                ];
                let title = format!("{}, m = {most}. {title}", j.cell.policy);
                Panel::new(Axis::linear("Staleness (updates)"), Axis::linear("Share of gradients").from_zero(), marks)
                    .titled(title)
            })
            .collect();
        panels
    });
    let panels: Vec<Panel> = panels.collect();
    let legend = vec![
        Entry::new("measured", [&Mark::bars([], 0.8, Colour::GREY, Fill::Light)]),
        Entry::new("predicted", [&Mark::line([], Colour::GREY)]),
    ];
    let columns = policies.len().max(1);
    Figure { legend, columns, panel_size: (240.0, 180.0), ..Figure::new(panels) }
}

/// How long computing took, the laws that fit, and how far the exponential is from it.
pub fn step_times(validated: &Validated) -> Figure {
    let ms: Vec<f64> = validated.compute_s.clone();
    let (mut densities, mut pairs, mut legend) = (Vec::new(), Vec::new(), Vec::new());
    if let (Some(histogram), Some(fitted)) = (Histogram::new(&ms), &validated.fitted) {
        let bars = histogram.edges.windows(2).zip(&histogram.densities).map(|(edge, density)| plot::Rect {
            x0: 1e3 * edge[0],
            x1: 1e3 * edge[1],
            y0: 0.0,
            y1: density / 1e3,
        });
        let bars = Mark::rects(bars.collect::<Vec<_>>(), Colour::GREY, Fill::Light);
        legend.push(Entry::new("measured", [&bars]));
        densities.push(bars);
        let ends = (histogram.edges[0], histogram.edges[histogram.edges.len() - 1]);
        for (index, goodness) in fitted.fitted.iter().enumerate() {
            let curve = density_curve(&goodness.law, ends.0, ends.1, 300);
            let line = Mark::line(curve.into_iter().map(|(t, d)| (1e3 * t, d / 1e3)), plot::colour(index));
            legend.push(Entry::new(format!("{} (KS {:.2})", goodness.family, goodness.ks), [&line]));
            densities.push(line);
            let exponential = goodness.family == validation::Family::Exponential;
            if index == 0 || exponential {
                let points = quantile_pairs(&goodness.law, &ms).into_iter().map(|(law, seen)| (1e3 * law, 1e3 * seen));
                pairs.push(Mark::points(points, plot::colour(index), plot::shape(index)));
            }
        }
    }
    pairs.insert(0, Mark::reference(Reference::Diagonal));
    let panels = vec![
        Panel::new(Axis::linear("Computing time (ms)"), Axis::linear("Density (1/ms)").from_zero(), densities),
        Panel::new(Axis::linear("Quantile of the fitted law (ms)"), Axis::linear("Measured quantile (ms)"), pairs),
    ];
    Figure { legend, ..Figure::new(panels) }
}
