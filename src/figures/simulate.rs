//! The figure of `simulate`: what an update and a gradient cost, simulated beside theory.

use super::{Axis, Colour, Dash, Figure, Fill, Mark, Panel, Shape, Style, few, looks};
use sim::theory::Kind;
use sim::{ClusterSpec, Configuration, Experiment, Length, Model, Observation, Policy};

/// Markers of a series; of more numbers of workers, some.
const MOST_MARKERS: usize = 30;

/// Points of a line, policies of a figure, and lines of it where each is a policy.
const MOST_POINTS: usize = 500;
const MOST_POLICIES: usize = 16;
const MOST_ROWS: usize = 50;

/// A quantity of an observation: its label, and what divides the time per update to give it.
struct Quantity {
    label: &'static str,
    per: fn(&Observation) -> f64,
}

const QUANTITIES: [Quantity; 2] = [
    Quantity { label: "Time per update (s)", per: |_| 1.0 },
    Quantity { label: "Time per gradient (s)", per: |o| o.gradients_per_update },
];

const KINDS: [(Kind, Dash, Shape, &str); 4] = [
    (Kind::Exact, Dash::Solid, Shape::Diamond, "theory"),
    (Kind::Lower, Dash::Dotted, Shape::Triangle, "lower bound"),
    (Kind::Upper, Dash::Dashed, Shape::Inverted, "upper bound"),
    (Kind::Approximation, Dash::Dotted, Shape::Diamond, "approximation"),
];

/// Time per update and per gradient: against the number of workers, or, if there is but one number, policy by policy. Around it
/// what was `measured` on threads: how many times as long an update took as in a simulation of the same steps.
pub fn iteration_times(
    experiment: &Experiment,
    observations: &[Observation],
    measured: &[(Configuration, f64)],
) -> Figure {
    let mut workers: Vec<u32> = observations.iter().map(|o| o.cell.rule.workers).collect();
    workers.sort_unstable();
    workers.dedup();
    match workers[..] {
        [_] => by_policy(experiment, observations, measured),
        _ => by_workers(experiment, observations, measured, &workers),
    }
}

/// What threads showed.
const ON_THREADS: &str = "threads, same random numbers";

/// Time per update of an observation on threads, if that was measured, s: a few of their updates are as lucky as the simulation
/// of the same, whose mean is known much better.
fn on_threads(measured: &[(Configuration, f64)], o: &Observation) -> Option<f64> {
    measured.iter().find(|(cell, _)| *cell == o.cell).map(|&(_, times)| times * o.mean.mean)
}

fn by_workers(
    experiment: &Experiment,
    observations: &[Observation],
    measured: &[(Configuration, f64)],
    workers: &[u32],
) -> Figure {
    let (policies, left_out) = few(experiment.policies.clone(), MOST_POLICIES, "policy");
    let names: Vec<String> = policies.iter().map(Policy::to_string).collect();
    let m = |o: &Observation| f64::from(o.cell.rule.workers);
    let panel = |quantity: &Quantity| {
        let mut marks = Vec::new();
        for ((&policy, name), style) in policies.iter().zip(&names).zip(looks(names.iter().map(String::as_str))) {
            let series = observations.iter().filter(|o| o.cell.policy == policy).collect();
            let (series, _): (Vec<&Observation>, _) = few(series, MOST_POINTS, "point");
            let name = match formula(policy, experiment) {
                Some(formula) if !series.is_empty() => format!("{name}: {formula}"),
                _ => name.clone(),
            };
            for (kind, dash, _, _) in KINDS {
                let known = |o: &&&Observation| o.theory.is_some_and(|theory| theory.kind == kind);
                let at = |o: &&Observation| Some((m(o), o.theory?.seconds / (quantity.per)(o)));
                let line: Vec<(f64, f64)> = series.iter().filter(known).filter_map(at).collect();
                if !line.is_empty() {
                    marks.push(Mark::line(line, style.dashed(dash)));
                }
            }
            let ends = |o: &&Observation| {
                let (low, high) = o.mean.interval?;
                Some((m(o), low / (quantity.per)(o), high / (quantity.per)(o)))
            };
            let means = |o: &&Observation| (m(o), o.mean.mean / (quantity.per)(o));
            let solid = Style { dash: Dash::Solid, ..style };
            if series.len() > MOST_MARKERS {
                marks.push(Mark::band(series.iter().filter_map(ends), solid));
            } else {
                marks.push(Mark::intervals(series.iter().filter_map(ends), solid));
            }
            if series.iter().any(|o| o.theory.is_none_or(|theory| theory.kind != Kind::Exact)) {
                marks.push(Mark::line(series.iter().map(means), Style { width: 0.8, ..solid }));
            }
            let every = series.len().div_ceil(MOST_MARKERS).max(1);
            let threads = |o: &&Observation| Some((m(o), on_threads(measured, o)? / (quantity.per)(o)));
            let threads: Vec<(f64, f64)> = series.iter().step_by(every).filter_map(threads).collect();
            if !threads.is_empty() {
                marks.push(Mark::points(threads, hollow(solid)));
            }
            marks.push(Mark::points(series.iter().step_by(every).map(means), solid).named(name));
        }
        Panel::new(Axis::workers(workers.iter().copied()), Axis::log(quantity.label), marks)
    };
    let mut panels: Vec<Panel> = QUANTITIES.iter().map(panel).collect();
    let most = workers.len() > MOST_MARKERS;
    let grey = Style::new(Colour::GREY);
    let sample = if most { Mark::band([], grey) } else { Mark::intervals([], grey) };
    panels[0].marks.extend([sample.named("simulated, 95 %"), Mark::points([], grey).named("simulated, 95 %")]);
    for (kind, dash, _, words) in KINDS {
        if observations.iter().any(|o| o.theory.is_some_and(|theory| theory.kind == kind)) {
            panels[0].marks.push(Mark::line([], grey.dashed(dash)).named(words));
        }
    }
    if !measured.is_empty() {
        panels[0].marks.push(Mark::points([], hollow(grey)).named(ON_THREADS));
    }
    let harmonic = names_harmonic_numbers(experiment);
    let harmonic = if harmonic { " Hₘ = 1 + 1/2 + … + 1/m." } else { "" };
    Figure::new(panels, caption(experiment, None) + harmonic + &left_out)
}

/// A ring around a point.
fn hollow(style: Style) -> Style {
    Style { shape: Shape::Square, fill: Fill::Hollow, radius: 6.5, ..style }
}

fn names_harmonic_numbers(experiment: &Experiment) -> bool {
    experiment.policies.iter().any(|&policy| formula(policy, experiment).is_some_and(|formula| formula.contains('H')))
}

fn by_policy(experiment: &Experiment, observations: &[Observation], measured: &[(Configuration, f64)]) -> Figure {
    let (observations, left_out) = few(observations.iter().collect(), MOST_ROWS, "policy");
    let names: Vec<String> = observations.iter().map(|o: &&Observation| o.cell.policy.to_string()).collect();
    let styles = looks(names.iter().map(String::as_str));
    let panel = |quantity: &Quantity| {
        let mut marks = Vec::new();
        for (row, (o, style)) in observations.iter().zip(&styles).enumerate() {
            let (row, per) = (row as f64, (quantity.per)(o));
            let style = Style { shape: Shape::Circle, dash: Dash::Solid, ..*style };
            if let Some(theory) = o.theory {
                let (_, _, shape, words) = *KINDS.iter().find(|kind| kind.0 == theory.kind).expect("all are there");
                let style = Style { shape, fill: Fill::Hollow, radius: 6.0, ..Style::new(Colour::GREY) };
                marks.push(Mark::points([(theory.seconds / per, row)], style).named(words));
            }
            let interval = o.mean.interval.map(|(low, high)| (row, low / per, high / per));
            marks.push(Mark::intervals_across(interval, style));
            if let Some(seconds) = on_threads(measured, o) {
                marks.push(Mark::points([(seconds / per, row)], hollow(style)).named(ON_THREADS));
            }
            marks.push(Mark::points([(o.mean.mean / per, row)], style));
        }
        let times = || observations.iter().map(|o| o.mean.mean / (quantity.per)(o));
        let (least, most) = times().fold((f64::INFINITY, 0.0f64), |(low, high), t| (low.min(t), high.max(t)));
        let x = if most > 5.0 * least { Axis::log(quantity.label) } else { Axis::linear(quantity.label).with_zero() };
        Panel::new(x, Axis::names(names.clone()), marks)
    };
    let mut panels: Vec<Panel> = QUANTITIES.iter().map(panel).collect();
    panels[1].y = Axis::names(names.iter().map(|_| String::new()).collect());
    let grey = Style::new(Colour::GREY);
    let simulated = [Mark::intervals_across([], grey), Mark::points([], grey)];
    panels[0].marks.splice(0..0, simulated.map(|mark| mark.named("simulated, 95 %")));
    let workers = observations.first().map(|o| o.cell.rule.workers);
    let panel_size = (300.0, 26.0 + 24.0 * observations.len() as f64);
    Figure { panel_size, ..Figure::new(panels, caption(experiment, workers) + &left_out) }
}

/// What was simulated, in a line.
pub fn caption(experiment: &Experiment, workers: Option<u32>) -> String {
    let Experiment { spec, model, length, seed, .. } = experiment;
    let mut parts = vec![format!("Step time {} s", spec.compute())];
    parts.extend(crate::described::parts(spec));
    parts.extend(workers.iter().map(|m| format!("m = {m}")));
    if *model == Model::Gated {
        parts.push("gated model".to_string());
    }
    parts.push(match length {
        Length::Honest => "at least 5000 updates".to_string(),
        Length::Updates(n) => format!("n = {n} updates"),
        Length::Precision(share) => format!("intervals within ±{} %", super::ticks::shortest(100.0 * share)),
    });
    format!("{}, seed {seed}.", parts.join(", "))
}

/// The mean time per update in signs, where it is a formula in m alone: on workers that are all alike and have a core each.
fn formula(policy: Policy, experiment: &Experiment) -> Option<String> {
    let spec = &experiment.spec;
    if *spec != ClusterSpec::of(spec.compute().clone()) {
        return None;
    }
    // With K, E[X]/m is what carries over to K gradients; λ is the rate of exponential times.
    let [law] = spec.compute().laws() else { return None };
    let exponential = law.memoryless_rate().is_some();
    let renewals = |k: u32| match (k, exponential) {
        (1, true) => "1/(mλ)".to_string(),
        (k, true) => format!("{k}/(mλ)"),
        (1, false) => "E[X]/m".to_string(),
        (k, false) => format!("{k} E[X]/m"),
    };
    let kth = |k: u32| match exponential {
        true => format!("(Hₘ − Hₘ₋{})/λ", subscript(k)),
        false => format!("E[{} of m]", ordinal(k)),
    };
    let event = experiment.model == Model::Event;
    let n = policy.number();
    Some(match policy.name() {
        "sync" if exponential => "Hₘ/λ".to_string(),
        "sync" => "E[max of m]".to_string(),
        "k-sync" => kth(n),
        "backup" if exponential => format!("(Hₘ − H{})/λ", subscript(n)),
        "backup" => format!("E[(m−{n})th of m]"),
        "k-async" if exponential || !event => kth(n),
        "k-batch-sync" if exponential => renewals(n),
        "k-batch-async" if exponential || event => renewals(n),
        "async" | "hogwild" if exponential || event => renewals(1),
        "async" | "hogwild" => "E[min of m]".to_string(),
        "local" => format!("E[max of m sums of {n}]"),
        _ => return None,
    })
}

fn subscript(n: u32) -> String {
    let sign = |digit: char| char::from_u32('₀' as u32 + digit.to_digit(10).unwrap_or(0)).unwrap_or(digit);
    n.to_string().chars().map(sign).collect()
}

fn ordinal(n: u32) -> String {
    let suffix = match (n % 10, n % 100) {
        (1, rest) if rest != 11 => "st",
        (2, rest) if rest != 12 => "nd",
        (3, rest) if rest != 13 => "rd",
        _ => "th",
    };
    format!("{n}{suffix}")
}
