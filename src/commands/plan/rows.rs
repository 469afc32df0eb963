//! The rows that `plan` writes: `plan.csv`, `pairs.csv`, `what_if.csv`.

use super::goal::{Fate, Outcomes};
use super::race::Point;
use super::what_if::Difference;
use crate::rows::Row;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim::Estimate;

/// A row of `plan.csv`: a policy on so many workers, each quantity with its 95 % interval.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Planned {
    policy: String,
    workers: u32,
    updates_per_s: f64,
    updates_per_s_low: Option<f64>,
    updates_per_s_high: Option<f64>,
    gradients_per_s: f64,
    gradients_per_s_low: Option<f64>,
    gradients_per_s_high: Option<f64>,
    /// Gradients a second, relative to a single worker of mean speed.
    speedup: f64,
    speedup_low: Option<f64>,
    speedup_high: Option<f64>,
    /// Speed-up per worker.
    efficiency: f64,
    efficiency_low: Option<f64>,
    efficiency_high: Option<f64>,
    /// Mean age of an applied gradient, in updates.
    staleness: f64,
    staleness_low: Option<f64>,
    staleness_high: Option<f64>,
    /// Share of the workers' time spent on work that was thrown away.
    wasted_share: f64,
    wasted_share_low: Option<f64>,
    wasted_share_high: Option<f64>,
    /// Seconds to the goal; empty without one, or if it is not reached.
    time_to_goal_s: Option<f64>,
    time_to_goal_s_low: Option<f64>,
    time_to_goal_s_high: Option<f64>,
    /// Updates that were counted.
    updates: u64,
    /// Whether it is the recommendation.
    recommended: bool,
    /// reached, above or diverges; empty without a goal, or where its model says nothing.
    goal: Option<String>,
    /// Step size below which it would not diverge.
    stable_step_size: Option<f64>,
}

impl Row for Planned {
    const TABLE: &'static str = "plan";
}

impl Planned {
    /// The row of a configuration, and of what becomes of the goal, if there is one.
    pub fn new(point: &Point, recommended: bool, goal: Option<&Outcomes>) -> Planned {
        let fate = goal.and_then(|goal| goal.of(point));
        let seconds = goal.and_then(|goal| goal.passages(point)).map(Point::s_per_gradient);
        let stable_step_size = if let Some(Fate::Diverges(below)) = fate { *below } else { None };
        let (update_s, gradient_s, speedup) = (point.s_per_update(), point.s_per_gradient(), point.speedup());
        let (updates, gradients) = (update_s.under(1.0), gradient_s.under(1.0));
        let efficiency = speedup.times(1.0 / f64::from(point.workers()));
        let (staleness, wasted) = (point.staleness(), point.wasted_share());
        Planned {
            policy: point.policy().to_string(),
            workers: point.workers(),
            updates_per_s: updates.mean,
            updates_per_s_low: updates.low(),
            updates_per_s_high: updates.high(),
            gradients_per_s: gradients.mean,
            gradients_per_s_low: gradients.low(),
            gradients_per_s_high: gradients.high(),
            speedup: speedup.mean,
            speedup_low: speedup.low(),
            speedup_high: speedup.high(),
            efficiency: efficiency.mean,
            efficiency_low: efficiency.low(),
            efficiency_high: efficiency.high(),
            staleness: staleness.mean,
            staleness_low: staleness.low(),
            staleness_high: staleness.high(),
            wasted_share: wasted.mean,
            wasted_share_low: wasted.low(),
            wasted_share_high: wasted.high(),
            updates: point.updates(),
            recommended,
            time_to_goal_s: seconds.map(|seconds| seconds.mean),
            time_to_goal_s_low: seconds.and_then(|seconds| seconds.low()),
            time_to_goal_s_high: seconds.and_then(|seconds| seconds.high()),
            goal: fate.map(|fate| fate.word().to_string()),
            stable_step_size,
        }
    }
}

/// A row of `pairs.csv`: two policies on as many workers as the recommendation has.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Pair {
    workers: u32,
    policy_a: String,
    policy_b: String,
    /// Gradients (with a goal, passages to it) per second of policy_a over those of policy_b, on common random numbers, and its
    /// 95 % interval.
    ratio: f64,
    ci_low: Option<f64>,
    ci_high: Option<f64>,
}

impl Row for Pair {
    const TABLE: &'static str = "pairs";
}

impl Pair {
    /// The row of two configurations.
    pub fn new(a: &Point, b: &Point, ratio: Estimate) -> Pair {
        let (workers, policy_a, policy_b) = (a.workers(), a.policy().to_string(), b.policy().to_string());
        Pair { workers, policy_a, policy_b, ratio: ratio.mean, ci_low: ratio.low(), ci_high: ratio.high() }
    }
}

/// A row of `what_if.csv`: what a change does to a policy on so many workers.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct WhatIf {
    change: String,
    policy: String,
    /// Numbers of workers now and then.
    workers: u32,
    workers_then: u32,
    /// Gradients per second then over now, on common random numbers, and its 95 % interval.
    ratio: f64,
    ci_low: Option<f64>,
    ci_high: Option<f64>,
}

impl Row for WhatIf {
    const TABLE: &'static str = "what_if";
}

impl WhatIf {
    /// The row of a difference.
    pub fn new(change: &str, of: &Difference) -> WhatIf {
        WhatIf {
            change: change.to_string(),
            policy: of.policy.to_string(),
            workers: of.workers,
            workers_then: of.workers_then,
            ratio: of.ratio.mean,
            ci_low: of.ratio.low(),
            ci_high: of.ratio.high(),
        }
    }
}
