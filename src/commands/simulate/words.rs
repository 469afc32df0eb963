//! What is printed: theory beside simulation, configuration by configuration, and what it means.

use super::Simulation;
use super::measured::Measured;
use crate::described;
use crate::text::{columns, count, digits, or_dash, percent};
use sim::experiment::comparisons;
use sim::theory::{self, Kind, Theory};
use sim::{Cancellation, Experiment, Length, Model, Observation, Policy};
use std::fmt::Write;

/// The table, and the answer in sentences.
pub fn text(simulation: &Simulation) -> String {
    let Simulation { experiment, observations, .. } = simulation;
    let usage = experiment.model == Model::Event;
    let gated = usage && observations.iter().any(gate_differs);
    let mut header = vec!["policy", "m", "s/update", "± 95 %", "theory", "z"];
    header.extend((!simulation.measured.is_empty()).then_some("on threads"));
    header.extend(gated.then_some("gated"));
    header.extend(["s/gradient", "speed-up", "efficiency"]);
    header.extend(["staleness", "idle", "wasted"].into_iter().filter(|_| usage));
    let deadline = experiment.deadline_s.map(|seconds| format!("≤ {} s", digits(seconds, 3)));
    let quantile = simulation.quantile.map(|share| format!("p{} s", 100.0 * share));
    header.extend(deadline.as_deref());
    header.extend(quantile.as_deref());
    let rows = observations.iter().map(|o| {
        let mut row = vec![
            o.cell.policy.to_string(),
            o.cell.rule.workers.to_string(),
            digits(o.mean.mean, 5),
            or_dash(o.mean.half_width(), |half| digits(half, 2)),
            or_dash(o.theory, bound),
            or_dash(o.z(), |z| format!("{z:+.1}")),
        ];
        if !simulation.measured.is_empty() {
            row.push(or_dash(simulation.measured.iter().find(|measured| measured.cell == o.cell), on_threads));
        }
        row.extend(gated.then(|| or_dash(o.gated_s, |seconds| digits(seconds, 5))));
        row.extend([digits(o.s_per_gradient.mean, 5), format!("{:.2}", o.speedup.mean), percent(o.efficiency.mean)]);
        if let Some(u) = &o.usage {
            row.push(format!("{:.2}", u.mean_staleness.mean));
            row.extend([percent(u.idle_share.mean), percent(u.wasted_share.mean)]);
        }
        row.extend(o.in_time.map(|share| match share.half_width() {
            Some(half) => format!("{} ± {:.1}", percent(share.mean), 100.0 * half),
            None => percent(share.mean),
        }));
        row.extend(simulation.quantile_of(o).map(|seconds| digits(seconds.mean, 4)));
        row
    });
    format!("{}\n{}\n{}", heading(experiment), columns(&header, rows), summary(simulation))
}

/// How much longer threads take, in per cent.
fn on_threads(measured: &Measured) -> String {
    let longer = measured.longer;
    let half = or_dash(longer.half_width(), |half| format!("{:.1}", 100.0 * half));
    format!("{:+.1} ± {half} %", 100.0 * longer.mean)
}

/// Whether the gated model would mislead about this configuration.
fn gate_differs(o: &Observation) -> bool {
    let Some((theory, gated)) = o.theory.filter(|t| t.kind == Kind::Exact).zip(o.gated_s) else { return false };
    (gated / theory.seconds - 1.0).abs() > 0.01
}

fn bound(theory: Theory) -> String {
    let seconds = digits(theory.seconds, 5);
    match theory.kind {
        Kind::Exact => seconds,
        Kind::Lower => format!("≥ {seconds}"),
        Kind::Upper => format!("≤ {seconds}"),
        Kind::Approximation => format!("≈ {seconds}"),
    }
}

/// What is simulated, in one line.
fn heading(experiment: &Experiment) -> String {
    let Experiment { spec, model, length, seed, .. } = experiment;
    let compute = spec.compute();
    let mut text = format!("Step time {compute} s, mean {}", digits(compute.law(0).mean(), 4));
    let mut add = |part: String| text.push_str(&part);
    described::parts(spec).into_iter().for_each(|part| add(format!(", {part}")));
    match length {
        Length::Honest => add("; at least 5000 updates per configuration".to_string()),
        Length::Updates(updates) => add(format!("; {updates} updates per configuration")),
        Length::Precision(share) => add(format!("; intervals within {} %", digits(share * 100.0, 3))),
    }
    match model {
        Model::Event => {}
        Model::Gated => add("; gated model".to_string()),
    }
    add(format!("; seed {seed}\n"));
    text
}

/// The answer.
fn summary(report: &Simulation) -> String {
    let mut text = String::new();
    let observations = &report.observations;
    let Some(most) = observations.iter().map(|o| o.cell.rule.workers).max() else { return text };
    let at_most: Vec<&Observation> = observations.iter().filter(|o| o.cell.rule.workers == most).collect();
    let reference = at_most.iter().find(|o| o.cell.policy == Policy::SYNC).or(at_most.first()).copied();
    for o in at_most.iter().filter(|o| reference.is_some_and(|r| r.cell.policy != o.cell.policy)) {
        let _ = writeln!(text, "{}", compare(o, reference.expect("there is one")));
    }
    text.push_str(&better(observations, most));
    for o in &at_most {
        text.extend(thrown_away(&report.experiment, o).map(|line| line + "\n"));
    }
    text.extend(checkpoints(&report.experiment, most).map(|line| line + "\n"));
    if let Some(assumed) = cancellation(&report.experiment, observations) {
        let _ = writeln!(text, "{assumed}");
    }
    for o in observations.iter().filter(|o| o.breaks_bound()) {
        let _ = writeln!(text, "{}", broken(o));
    }
    if let Some(agreement) = agreement(observations) {
        let _ = writeln!(text, "{agreement}");
    }
    text.extend(threads(&report.measured));
    for o in at_most.iter().filter(|o| o.usage.is_some() && gate_differs(o)) {
        let (exact, gated) = (o.theory.map_or(f64::NAN, |t| t.seconds), o.gated_s.unwrap_or(f64::NAN));
        let _ = writeln!(
            text,
            "The gated model would say {} s per update for {} at m = {most}, {} times the truth: it forgets which workers are under way.",
            digits(gated, 3),
            o.cell.policy,
            digits(gated / exact, 3),
        );
    }
    if !report.curves.is_empty() {
        text.push_str(&losses(report, most));
    }
    text
}

/// How far real threads are from the simulation, over all configurations.
fn threads(measured: &[Measured]) -> Option<String> {
    let off = |measured: &&Measured| measured.longer.mean.abs();
    let furthest = measured.iter().max_by(|a, b| off(a).total_cmp(&off(b)))?;
    let mean = measured.iter().map(|measured| off(&measured)).sum::<f64>() / measured.len() as f64;
    Some(format!(
        "Threads of this machine, which slept through the same step times, against simulation: {}, {} off on average, at most \
         {:+.1} % ({} at m = {}).\n",
        count(measured.len() as u64, "configuration"),
        percent(mean),
        100.0 * furthest.longer.mean,
        furthest.cell.policy,
        furthest.cell.rule.workers,
    ))
}

fn compare(o: &Observation, reference: &Observation) -> String {
    let (policy, other, m) = (o.cell.policy, reference.cell.policy, o.cell.rule.workers);
    let exact = |o: &Observation| o.theory.filter(|t| t.kind == Kind::Exact).map(|t| t.seconds);
    let theory = exact(reference).zip(exact(o)).map(|(reference, o)| reference / o);
    let often = reference.mean.mean / o.mean.mean;
    // Both have the same random numbers: the error of the ratio is that of pairs.
    let paired = o
        .replications
        .gradient_rate_over(&reference.replications)
        .filter(|_| [o, reference].iter().all(|o| o.mean.interval.is_some()));
    let half = paired.and_then(|ratio| Some(ratio.half_width()? / ratio.mean));
    let times = |ratio: f64| match half {
        Some(half) => with_error(ratio, ratio * half),
        None => format!("about {}", digits(ratio, 3)),
    };
    let in_theory = |ratio: f64| format!(" (theory: {})", digits(ratio, 4));
    let updates = if often >= 1.0 {
        let theory = theory.map(in_theory).unwrap_or_default();
        format!("updates {} times as often as {other}{theory}", times(often))
    } else {
        let theory = theory.map(|ratio| in_theory(1.0 / ratio)).unwrap_or_default();
        format!("takes {} times as long for an update as {other}{theory}", times(1.0 / often))
    };
    let gradients = reference.s_per_gradient.mean / o.s_per_gradient.mean;
    let (link, speed) = match gradients {
        ratio if (ratio - 1.0).abs() < 0.01 => ("but", "it is as fast".to_string()),
        ratio if ratio > 1.0 => ("but", format!("it is {} times faster", digits(ratio, 3))),
        ratio => ("and", format!("it is {} times slower", digits(1.0 / ratio, 3))),
    };
    let cost = match &o.usage {
        None => String::new(),
        Some(u) if u.mean_staleness.mean > 0.005 => {
            format!("; its gradients are {} versions old on average", digits(u.mean_staleness.mean, 3))
        }
        Some(u) if u.wasted_share.mean > 0.0005 => {
            format!("; its gradients are fresh, but {:.0} % of the work is discarded", 100.0 * u.wasted_share.mean)
        }
        Some(_) if o.cell.rule.steps > 1 && !o.cell.rule.accumulates => {
            format!("; its workers drift apart for {} steps between averages", o.cell.rule.steps)
        }
        Some(_) => "; its gradients are fresh".to_string(),
    };
    format!("At m = {m}, {policy} {updates}, {link} per gradient {speed}{cost}.")
}

/// Which policy is better on the most workers, by how much, how sure: pairs, on common random numbers; against the fastest alone
/// where there are many.
fn better(observations: &[Observation], most: u32) -> String {
    let at_most: Vec<Observation> = observations.iter().filter(|o| o.cell.rule.workers == most).cloned().collect();
    if at_most.len() < 3 {
        return String::new();
    }
    let fastest = at_most.iter().min_by(|a, b| a.s_per_gradient.mean.total_cmp(&b.s_per_gradient.mean));
    let fastest = fastest.map(|o| o.cell.policy);
    let few = at_most.len() <= 4;
    let pairs = comparisons(&at_most);
    let shown = pairs.iter().filter(|pair| few || [pair.policy_a, pair.policy_b].map(Some).contains(&fastest));
    let rows = shown.map(|pair| {
        let (faster, slower, ratio) = match pair.ratio.mean >= 1.0 {
            true => (pair.policy_a, pair.policy_b, pair.ratio),
            false => (pair.policy_b, pair.policy_a, pair.ratio.under(1.0)),
        };
        let sure = match ratio.interval {
            None => "no interval",
            Some((low, _)) if low > 1.0 => "yes",
            Some(_) => "could be chance",
        };
        let interval = or_dash(ratio.interval, |(low, high)| format!("{} to {}", digits(low, 4), digits(high, 4)));
        vec![faster.to_string(), slower.to_string(), digits(ratio.mean, 4), interval, sure.to_string()]
    });
    let header = ["faster", "than", "gradients/s, times", "95 %", "sure"];
    format!("\nWhich is better at m = {most}, on the same random numbers:\n{}\n", columns(&header, rows))
}

/// Whose gradients are thrown away, where workers differ in that.
fn thrown_away(experiment: &Experiment, o: &Observation) -> Option<String> {
    let shares = || o.thrown_away.iter().map(|(share, _)| share.mean);
    let (least, most) = (shares().fold(f64::INFINITY, f64::min), shares().fold(0.0, f64::max));
    let worker = shares().position(|share| share == most)? as u32;
    let spec = experiment.spec.for_rule(o.cell.rule);
    if spec.is_homogeneous(o.cell.rule.workers) {
        return None;
    }
    Some(format!(
        "{} at m = {} throws away {} to {} of a worker's gradients, most of worker {worker} (mean step {} s), whose share of what is \
         applied is {} (1/m is {}); workers.csv has all.",
        o.cell.policy,
        o.cell.rule.workers,
        percent(least),
        percent(most),
        digits(spec.mean_compute(worker), 3),
        percent(o.thrown_away[worker as usize].1.mean),
        percent(1.0 / f64::from(o.cell.rule.workers)),
    ))
}

/// How often checkpoints lose least, where a failure sets all back.
fn checkpoints(experiment: &Experiment, most: u32) -> Option<String> {
    let failures = experiment.spec.failures()?;
    let (interval_s, cost_s) = failures.checkpoint().filter(|(_, cost_s)| *cost_s > 0.0)?;
    let mtbf_s = failures.mtbf_s() / f64::from(most);
    let best_s = theory::checkpoint_interval(mtbf_s, cost_s);
    Some(format!(
        "Where a failure sets the job back (sync, local), {most} workers fail every {} s, and a checkpoint every {} s loses least \
         (exact for exponential failures; typed: {interval_s} s).",
        digits(mtbf_s, 3),
        digits(best_s, 3),
    ))
}

/// What is assumed of workers whose work an update does not need, where there are any.
fn cancellation(experiment: &Experiment, observations: &[Observation]) -> Option<String> {
    let cancels = |o: &&Observation| o.cell.rule.cancels() && experiment.model == Model::Event;
    let policy = observations.iter().find(cancels)?.cell.policy;
    let assumed = experiment.spec.cancellation();
    let means = match assumed {
        Cancellation::AtOnce => "whoever an update finds at work stops at once and starts anew",
        Cancellation::AfterStep => "whoever an update finds at work finishes its step, which is discarded",
        Cancellation::Never => {
            "nobody is stopped, and gradients that come too late are dropped on arrival, as in most systems"
        }
    };
    Some(format!("Assumed for {policy} and its like (--cancellation {assumed}): {means}."))
}

/// That theory and simulation contradict each other.
fn broken(o: &Observation) -> String {
    format!(
        "{} at m = {}: the simulated {} s lies on the wrong side of what theory says, {} s. Either the run has not reached its \
         steady state, which --updates with a larger number shows, or one of the two is wrong.",
        o.cell.policy,
        o.cell.rule.workers,
        digits(o.mean.mean, 4),
        o.theory.map_or(String::new(), bound),
    )
}

/// A value and its error, which has two digits and says how many the value has.
fn with_error(value: f64, error: f64) -> String {
    let decimals = if error > 0.0 { (1.0 - error.log10().floor()).clamp(0.0, 9.0) as usize } else { 3 };
    format!("{value:.decimals$} ± {error:.decimals$}")
}

/// Simulation against theory over all configurations.
fn agreement(observations: &[Observation]) -> Option<String> {
    let sure = observations.iter().filter(|o| o.mean.interval.is_some());
    let scores: Vec<(f64, &Observation)> = sure.filter_map(|o| o.z().map(|z| (z, o))).collect();
    let (worst, at) = scores.iter().max_by(|a, b| a.0.abs().total_cmp(&b.0.abs()))?;
    let rms = (scores.iter().map(|(z, _)| z * z).sum::<f64>() / scores.len() as f64).sqrt();
    let rule = at.cell.rule;
    Some(format!(
        "Simulation against theory: {}, {rms:.2} standard errors apart (root mean square; about 1 by chance, but rows share \
         their random numbers), at most {:.1} ({} at m = {}).",
        count(scores.len() as u64, "exact mean"),
        worst.abs(),
        at.cell.policy,
        rule.workers,
    ))
}

fn losses(report: &Simulation, most: u32) -> String {
    let mut text = String::new();
    for curve in report.curves.iter().filter(|curve| curve.cell.rule.workers == most) {
        let Some(last) = curve.points.last() else { continue };
        if curve.diverges(last.loss) {
            let limit = curve
                .stable_below
                .map_or("lower eta".to_string(), |eta| format!("it is stable below {}", digits(eta, 3)));
            let sim::Quadratic { step_size, .. } = curve.learner;
            let _ = writeln!(text, "{} at m = {most} diverges at eta {step_size}: {limit}.", curve.cell.policy);
            continue;
        }
        let floor =
            curve.floor.map_or(String::new(), |floor| format!(" (it settles at {} in theory)", digits(floor, 3)));
        let _ = writeln!(
            text,
            "{} at m = {most}: loss {} after {} s, {} updates{floor}.",
            curve.cell.policy,
            digits(last.loss, 3),
            digits(last.time_s, 3),
            last.update,
        );
    }
    text
}
