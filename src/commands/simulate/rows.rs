//! Rows of the tables that `straggle simulate` writes.

use super::{Curve, Simulation};
use crate::figures;
use crate::rows::Row;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim::experiment::{Comparison, LossPoint, Usage};
use sim::{Estimate, Experiment, Observation};

/// A row of `iteration_times.csv`: one policy on so many workers.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct IterationTime {
    policy: String,
    workers: u32,
    /// Law of the computing time of a step, s.
    step_time: String,
    model: String,
    /// Updates that were counted, after the warm-up.
    updates: u64,
    /// Mean time between two updates, and its 95 % interval.
    mean_s: f64,
    ci_low_s: Option<f64>,
    ci_high_s: Option<f64>,
    /// Standard deviation of the time between two updates.
    sd_s: f64,
    /// Quantiles of the time between two updates.
    p50_s: f64,
    p95_s: f64,
    p99_s: f64,
    /// What theory says of the mean.
    theory_s: Option<f64>,
    /// exact, lower, upper, approximation or none.
    theory_kind: String,
    /// Mean in the gated model.
    gated_s: Option<f64>,
    gradients_per_update: f64,
    s_per_gradient: f64,
    /// Gradients per second, relative to a single worker of mean speed with nothing in its way.
    speedup: f64,
    /// Speed-up per worker.
    efficiency: f64,
    /// Updates between the reading of parameters and the update that the gradient is applied in.
    mean_staleness: Option<f64>,
    /// Share of the workers' time spent waiting.
    idle_share: Option<f64>,
    /// Share of the workers' time spent on discarded work.
    wasted_share: Option<f64>,
    seed: u64,
    /// 95 % intervals of the quantities above; empty where none would be honest.
    p50_low_s: Option<f64>,
    p50_high_s: Option<f64>,
    p95_low_s: Option<f64>,
    p95_high_s: Option<f64>,
    p99_low_s: Option<f64>,
    p99_high_s: Option<f64>,
    s_per_gradient_low: Option<f64>,
    s_per_gradient_high: Option<f64>,
    speedup_low: Option<f64>,
    speedup_high: Option<f64>,
    efficiency_low: Option<f64>,
    efficiency_high: Option<f64>,
    mean_staleness_low: Option<f64>,
    mean_staleness_high: Option<f64>,
    idle_share_low: Option<f64>,
    idle_share_high: Option<f64>,
    wasted_share_low: Option<f64>,
    wasted_share_high: Option<f64>,
    /// How the intervals were made, or none.
    interval_method: String,
    /// What becomes of workers whose work an update does not need: at-once, after-step or never.
    cancellation: String,
    /// The time that was asked about, the share of the updates that took no longer, and its 95 % interval.
    deadline_s: Option<f64>,
    in_time_share: Option<f64>,
    in_time_share_low: Option<f64>,
    in_time_share_high: Option<f64>,
    /// The share of the updates that was asked about, the time that it does not exceed, and its 95 % interval.
    quantile: Option<f64>,
    quantile_s: Option<f64>,
    quantile_low_s: Option<f64>,
    quantile_high_s: Option<f64>,
    /// The formula of theory, and where it comes from.
    theory_formula: Option<String>,
    theory_source: Option<String>,
}

impl Row for IterationTime {
    const TABLE: &'static str = "iteration_times";
}

impl IterationTime {
    pub(super) fn new(simulation: &Simulation, o: &Observation) -> IterationTime {
        let experiment = &simulation.experiment;
        let quantile_s = simulation.quantile_of(o);
        let ([p50, p95, p99], usage) = (o.quantiles_s, o.usage.as_ref());
        let of_usage = |of: fn(&Usage) -> Estimate| usage.map(of);
        let (staleness, idle, wasted) =
            (of_usage(|u| u.mean_staleness), of_usage(|u| u.idle_share), of_usage(|u| u.wasted_share));
        let low = |of: Option<Estimate>| of.and_then(|estimate| estimate.low());
        let high = |of: Option<Estimate>| of.and_then(|estimate| estimate.high());
        IterationTime {
            policy: o.cell.policy.to_string(),
            workers: o.cell.rule.workers,
            step_time: experiment.spec.compute().to_string(),
            model: experiment.model.to_string(),
            updates: o.updates,
            mean_s: o.mean.mean,
            ci_low_s: o.mean.low(),
            ci_high_s: o.mean.high(),
            sd_s: o.sd_s,
            p50_s: p50.mean,
            p95_s: p95.mean,
            p99_s: p99.mean,
            theory_s: o.theory.map(|theory| theory.seconds),
            theory_kind: o.theory.map_or("none".to_string(), |theory| theory.kind.to_string()),
            gated_s: o.gated_s,
            gradients_per_update: o.gradients_per_update,
            s_per_gradient: o.s_per_gradient.mean,
            speedup: o.speedup.mean,
            efficiency: o.efficiency.mean,
            mean_staleness: staleness.map(|estimate| estimate.mean),
            idle_share: idle.map(|estimate| estimate.mean),
            wasted_share: wasted.map(|estimate| estimate.mean),
            seed: experiment.seed,
            p50_low_s: p50.low(),
            p50_high_s: p50.high(),
            p95_low_s: p95.low(),
            p95_high_s: p95.high(),
            p99_low_s: p99.low(),
            p99_high_s: p99.high(),
            s_per_gradient_low: o.s_per_gradient.low(),
            s_per_gradient_high: o.s_per_gradient.high(),
            speedup_low: o.speedup.low(),
            speedup_high: o.speedup.high(),
            efficiency_low: o.efficiency.low(),
            efficiency_high: o.efficiency.high(),
            mean_staleness_low: low(staleness),
            mean_staleness_high: high(staleness),
            idle_share_low: low(idle),
            idle_share_high: high(idle),
            wasted_share_low: low(wasted),
            wasted_share_high: high(wasted),
            interval_method: o.interval_method(),
            cancellation: experiment.spec.cancellation().to_string(),
            deadline_s: experiment.deadline_s,
            in_time_share: o.in_time.map(|share| share.mean),
            in_time_share_low: low(o.in_time),
            in_time_share_high: high(o.in_time),
            quantile: simulation.quantile,
            quantile_s: quantile_s.map(|seconds| seconds.mean),
            quantile_low_s: low(quantile_s),
            quantile_high_s: high(quantile_s),
            theory_formula: o.theory.map(|theory| theory.formula.formula.to_string()),
            theory_source: o.theory.map(|theory| theory.formula.citation.to_string()),
        }
    }
}

/// A row of `workers.csv`: what became of one worker's gradients, where some are thrown away.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct WorkerRow {
    policy: String,
    workers: u32,
    /// The worker's number, from 0, and its mean step time on its own.
    worker: u32,
    mean_step_s: f64,
    /// Share of its gradients that were thrown away, and its 95 % interval.
    thrown_away_share: f64,
    thrown_away_share_low: Option<f64>,
    thrown_away_share_high: Option<f64>,
    /// Its share of all gradients that were applied, and its 95 % interval.
    applied_share: f64,
    applied_share_low: Option<f64>,
    applied_share_high: Option<f64>,
}

impl Row for WorkerRow {
    const TABLE: &'static str = "workers";
}

impl WorkerRow {
    pub(super) fn all<'a>(experiment: &'a Experiment, o: &'a Observation) -> impl Iterator<Item = WorkerRow> + 'a {
        let spec = experiment.spec.for_rule(o.cell.rule);
        (0..).zip(&o.thrown_away).map(move |(worker, (thrown_away, applied))| WorkerRow {
            policy: o.cell.policy.to_string(),
            workers: o.cell.rule.workers,
            worker,
            mean_step_s: spec.mean_compute(worker),
            thrown_away_share: thrown_away.mean,
            thrown_away_share_low: thrown_away.low(),
            thrown_away_share_high: thrown_away.high(),
            applied_share: applied.mean,
            applied_share_low: applied.low(),
            applied_share_high: applied.high(),
        })
    }
}

/// A row of `comparisons.csv`: two policies on as many workers.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Paired {
    workers: u32,
    policy_a: String,
    policy_b: String,
    /// Gradients per second of policy_a over those of policy_b, on common random numbers, and its 95 % interval.
    ratio: f64,
    ci_low: Option<f64>,
    ci_high: Option<f64>,
}

impl Row for Paired {
    const TABLE: &'static str = "comparisons";
}

impl Paired {
    pub(super) fn new(of: &Comparison) -> Paired {
        let Comparison { workers, policy_a, policy_b, ratio } = of;
        Paired {
            workers: *workers,
            policy_a: policy_a.to_string(),
            policy_b: policy_b.to_string(),
            ratio: ratio.mean,
            ci_low: ratio.low(),
            ci_high: ratio.high(),
        }
    }
}

/// A row of `loss_curve.csv`: the mean loss around an update.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Loss {
    policy: String,
    workers: u32,
    time_s: f64,
    update: u64,
    /// Empty where it has diverged.
    loss: f64,
    /// Its 95 % interval over independent runs.
    loss_low: Option<f64>,
    loss_high: Option<f64>,
}

impl Row for Loss {
    const TABLE: &'static str = "loss_curve";
}

/// A row of `time_to_loss.csv`: when a loss is reached for the first time.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct TimeToLoss {
    policy: String,
    workers: u32,
    loss: f64,
    /// Empty if it is not reached.
    time_s: Option<f64>,
}

impl Row for TimeToLoss {
    const TABLE: &'static str = "time_to_loss";
}

impl TimeToLoss {
    pub(super) fn new(row: figures::loss::TimeToLoss) -> TimeToLoss {
        let figures::loss::TimeToLoss { policy, workers, loss, time_s } = row;
        TimeToLoss { policy, workers, loss, time_s }
    }
}

impl Curve {
    pub(super) fn rows(&self) -> impl Iterator<Item = Loss> + '_ {
        let (policy, workers) = (self.cell.policy, self.cell.rule.workers);
        let row = move |&LossPoint { time_s, update, loss, interval }: &LossPoint| Loss {
            policy: policy.to_string(),
            workers,
            time_s,
            update,
            loss,
            loss_low: interval.map(|(low, _)| low),
            loss_high: interval.map(|(_, high)| high),
        };
        self.points.iter().map(row)
    }
}
