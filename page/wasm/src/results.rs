//! What the figures show: observations, staleness counts, loss curves, step times.

use crate::question::Question;
use serde::Serialize;
use sim::experiment::LossPoint;
use sim::{ClusterSpec, Configuration, Law, Progress, RandomKey, Run, Simulated, Variates, theory};

/// One row of `iteration_times.csv`, under its names.
#[derive(Serialize)]
pub(crate) struct Row {
    policy: String,
    workers: u32,
    mean_s: f64,
    ci_low_s: Option<f64>,
    ci_high_s: Option<f64>,
    theory_s: Option<f64>,
    theory_kind: Option<String>,
    gradients_per_update: f64,
    s_per_gradient: f64,
    speedup: f64,
    mean_staleness: Option<f64>,
    idle_share: Option<f64>,
    wasted_share: Option<f64>,
}

/// Every configuration that can be, one after the other; what cannot be is left out, as the binary does.
pub(crate) fn simulate(question: &Question) -> Result<Vec<Row>, String> {
    let experiment = &question.experiment;
    possible(question)?;
    let observations = experiment.observe(&Progress::default()).into_iter().flatten();
    let rows = observations.map(|observation| {
        let usage = observation.usage.as_ref();
        Row {
            policy: observation.cell.policy.to_string(),
            workers: observation.cell.rule.workers,
            mean_s: observation.mean.mean,
            ci_low_s: observation.mean.low(),
            ci_high_s: observation.mean.high(),
            theory_s: observation.theory.map(|theory| theory.seconds),
            theory_kind: observation.theory.map(|theory| theory.kind.to_string()),
            gradients_per_update: observation.gradients_per_update,
            s_per_gradient: observation.s_per_gradient.mean,
            speedup: observation.speedup.mean,
            mean_staleness: usage.map(|usage| usage.mean_staleness.mean),
            idle_share: usage.map(|usage| usage.idle_share.mean),
            wasted_share: usage.map(|usage| usage.wasted_share.mean),
        }
    });
    Ok(rows.collect())
}

/// The configurations; the reason if there is none.
fn possible(question: &Question) -> Result<Vec<Configuration>, String> {
    let (cells, impossible) = question.experiment.cells();
    match (cells.is_empty(), impossible.last()) {
        (true, Some(error)) => Err(error.to_string()),
        _ => Ok(cells),
    }
}

/// How stale the applied gradients of a configuration were.
#[derive(Serialize)]
pub(crate) struct Staleness {
    policy: String,
    workers: u32,
    /// Gradients of staleness 0, 1, ..., in updates.
    counts: Vec<u64>,
    mean: f64,
    /// What conservation says of the mean.
    theory: Option<f64>,
}

/// Steps of every worker after which a histogram begins: all have started together, and that has to be forgotten.
const FORGOTTEN: u32 = 50;

pub(crate) fn staleness(question: &Question) -> Result<Vec<Staleness>, String> {
    let experiment = &question.experiment;
    let sim::Length::Updates(updates) = experiment.length else { return Err("--updates is missing".into()) };
    let of = |cell: Configuration| {
        let (rule, spec) = (cell.rule, &experiment.spec);
        let cluster = Simulated::new(spec.clone(), RandomKey::new(experiment.seed, 0), rule.workers);
        let mut run = Run::new(rule, cluster);
        let (first, mut counts) = (u64::from((FORGOTTEN * rule.workers).div_ceil(rule.quorum)), Vec::new());
        while let Some(step) = run.step() {
            if step.orders.update.is_empty() || step.orders.version <= first {
                continue;
            }
            for task in &step.orders.update {
                let staleness = (step.orders.version - 1 - task.base_version) as usize;
                counts.resize(counts.len().max(staleness + 1), 0);
                counts[staleness] += 1;
            }
            if step.orders.version == first + updates {
                break;
            }
        }
        let all: u64 = counts.iter().sum();
        let sum: u64 = counts.iter().zip(0..).map(|(count, staleness)| count * staleness).sum();
        Staleness {
            policy: cell.policy.to_string(),
            workers: rule.workers,
            counts,
            mean: sum as f64 / all as f64,
            theory: theory::mean_staleness(rule),
        }
    };
    Ok(possible(question)?.into_iter().map(of).collect())
}

/// Loss against time, and what follows from two such curves.
#[derive(Serialize)]
pub(crate) struct Losses {
    curves: Vec<Curve>,
    /// For each curve after the first: when it crosses the first for the last time, s, and the loss there.
    crossings: Vec<Option<(f64, f64)>>,
}

#[derive(Serialize)]
struct Curve {
    policy: String,
    time_s: Vec<f64>,
    loss: Vec<f64>,
    /// Where it settles by theory.
    floor: Option<f64>,
}

pub(crate) fn loss(question: &Question) -> Result<Losses, String> {
    let learner = question.learner.ok_or("--learner quadratic(h, sigma, eta) is missing")?;
    let progress = Progress::default();
    let curve = |cell: Configuration| {
        let points = question.experiment.loss_curve(cell, learner, 100, &progress)?;
        let column = |of: fn(&LossPoint) -> f64| points.iter().map(of).collect();
        let (time_s, loss) = (column(|point| point.time_s), column(|point| point.loss));
        let floor = question.experiment.loss_floor(cell, learner);
        Some(Curve { policy: cell.policy.to_string(), time_s, loss, floor })
    };
    let curves: Vec<Curve> = possible(question)?.into_iter().filter_map(curve).collect();
    let crossings = match curves.split_first() {
        Some((first, others)) => others.iter().map(|other| crossing(first, other)).collect(),
        None => Vec::new(),
    };
    Ok(Losses { curves, crossings })
}

/// The last time at which `b` goes from below `a` to above it, or the other way round.
fn crossing(a: &Curve, b: &Curve) -> Option<(f64, f64)> {
    let difference = |i: usize| at(b, a.time_s[i]).map(|loss| loss.ln() - a.loss[i].ln());
    let mut last = None;
    for i in 1..a.time_s.len() {
        let (Some(before), Some(after)) = (difference(i - 1), difference(i)) else { continue };
        if before.is_finite() && after.is_finite() && before * after < 0.0 {
            let share = before / (before - after);
            let between = |from: f64, to: f64| from + share * (to - from);
            last = Some((between(a.time_s[i - 1], a.time_s[i]), between(a.loss[i - 1], a.loss[i])));
        }
    }
    last
}

/// The loss of a curve at a time, between its points; `None` outside of them.
fn at(curve: &Curve, time: f64) -> Option<f64> {
    let after = curve.time_s.partition_point(|&t| t < time);
    let (before, after) = (after.checked_sub(1)?, (after < curve.time_s.len()).then_some(after)?);
    let share = (time - curve.time_s[before]) / (curve.time_s[after] - curve.time_s[before]);
    Some(curve.loss[before] + share * (curve.loss[after] - curve.loss[before]))
}

/// One step of every worker of each number of workers: seconds.
pub(crate) fn draw(question: &Question) -> Vec<Vec<f64>> {
    let variates = Variates::new(&question.experiment.spec, RandomKey::new(question.experiment.seed, 0));
    let step = |workers: &u32| (0..*workers).map(|worker| variates.compute_s(worker, question.step)).collect();
    question.experiment.workers.iter().map(step).collect()
}

/// A law in a few numbers: of several, their mean, and all else of the first.
#[derive(Serialize)]
pub(crate) struct Summary {
    law: String,
    mean_s: f64,
    cv: f64,
    /// Correlation between a worker's step and its next; none where that is not known of a law, as of measured rows.
    persistence: Option<f64>,
    p50_s: f64,
    p99_s: f64,
    /// Mean of the slowest of 8 over the mean: what waiting for all of them costs.
    slowest_of_8: Option<f64>,
}

pub(crate) fn law(question: &Question) -> Summary {
    let compute = question.experiment.spec.compute();
    let law: &Law = compute.law(0);
    let laws = compute.laws();
    let eight = sim::Policy::SYNC.rule(8).ok();
    let slowest = eight.and_then(|rule| theory::time_per_update(rule, &ClusterSpec::new(law.clone())));
    let persistence = match law {
        Law::Markov(phases) => phases.correlation(1),
        _ if compute.is_independent() => Some(0.0),
        _ => None,
    };
    Summary {
        law: law.to_string(),
        persistence,
        mean_s: laws.iter().map(Law::mean).sum::<f64>() / laws.len() as f64,
        cv: law.variance().sqrt() / law.mean(),
        p50_s: law.quantile(0.5),
        p99_s: law.quantile(0.99),
        slowest_of_8: slowest.map(|theory| theory.seconds / law.mean()),
    }
}
