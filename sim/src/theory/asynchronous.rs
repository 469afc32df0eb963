//! Workers that never wait, or not for all: renewal theory, stale synchronous parallel, and gradients that are dropped for being stale.

use crate::cluster::spec::ClusterSpec;
use crate::policy::{OnCompletion, OnUpdate, Rule};
use crate::theory::barrier::order_statistic;
use crate::theory::formula::{LATE, RENEWAL, RENNALA, RINGMASTER, SSP_SLOWEST, SSP_TWO};
use crate::theory::{Theory, memoryless_rate};

/// K / (sum over workers of 1/E[X_i]): the long-run rate of workers who never wait, whatever the law.
pub(super) fn renewal(rule: Rule, spec: &ClusterSpec) -> f64 {
    let distinct = rule.workers.min(spec.repeats_after());
    let times = |first: u32| f64::from((rule.workers - first).div_ceil(distinct));
    let rate: f64 = (0..distinct).map(|w| times(w) / spec.mean_task(w, rule.steps)).sum();
    f64::from(rule.quorum) / rate
}

/// The same as theory.
pub(super) fn of_renewal(rule: Rule, spec: &ClusterSpec) -> Option<Theory> {
    RENEWAL.is(renewal(rule, spec))
}

/// Stale synchronous parallel (Ho et al. 2013): nobody more than `slack` tasks ahead of the slowest.
pub(super) fn limited_lead(slack: u32, rule: Rule, spec: &ClusterSpec) -> Option<Theory> {
    let p = f64::from(rule.workers);
    match (slack, rule.workers, memoryless_rate(rule, spec)) {
        // Rounds with a barrier, one update for each worker.
        (0, _, _) => order_statistic(rule.workers, rule, spec).map(|t| Theory { seconds: t.seconds / p, ..t }),
        // Each worker takes 2(s+1) mu/(2s+3) steps a second.
        (s, 2, Some(mu)) => SSP_TWO.is((2.0 * f64::from(s) + 3.0) / (4.0 * (f64::from(s) + 1.0) * mu)),
        // Nobody is faster than without a limit, nor in the long run than the slowest.
        (_, _, _) => {
            let slowest = (0..rule.workers.min(spec.repeats_after())).map(|w| spec.mean_task(w, rule.steps));
            SSP_SLOWEST.is(slowest.fold(0.0, f64::max) / p)
        }
    }
}

/// Gradients that are too old are dropped when they arrive: chains that count who is at a stale step, for memoryless steps of
/// equal workers with nothing in their way.
pub(super) fn dropping(rule: Rule, spec: &ClusterSpec) -> Option<Theory> {
    let mu = memoryless_rate(rule, spec)?;
    let (k, p) = (rule.quorum, rule.workers);
    match (rule.on_completion, rule.on_update, rule.max_staleness) {
        (OnCompletion::StartsAnew { slack: None }, OnUpdate::CarriesOn, 0) => RENNALA.is(fresh_gradients(k, p)? / mu),
        (OnCompletion::Waits, OnUpdate::CarriesOn, 0) => LATE.is(fresh_workers(k, p)? / mu),
        (OnCompletion::StartsAnew { slack: None }, OnUpdate::CarriesOn, oldest) if k == 1 => {
            RINGMASTER.is(1.0 / (f64::from(p) * mu * accepted_share(p, oldest.saturating_add(1))))
        }
        (_, _, _) => None,
    }
}

/// States beyond which a recursion takes too long.
const MOST_STATES: u64 = 1 << 24;

/// Mean time, in units of a mean step, until K gradients at the newest parameters are there, of p workers who never wait and of
/// whom p - 1 are at a stale step when the parameters are new: f(j, k) = 1 + (j/p) f(j-1, k) + (1 - j/p) f(j, k-1) arrivals, p of
/// them in a unit. `None` if K is too large to count.
///
/// ```
/// use straggle_sim::theory::fresh_gradients;
/// assert_eq!(fresh_gradients(1, 1), Some(1.0)); // alone nothing is stale
/// assert!((fresh_gradients(4, 8).unwrap() - 1.07561).abs() < 1e-5); // in exact fractions
/// ```
pub fn fresh_gradients(k: u32, p: u32) -> Option<f64> {
    if u64::from(k) * u64::from(p) > MOST_STATES {
        return None;
    }
    let share = |j: u32| f64::from(j) / f64::from(p);
    // Stale ones from none upwards, for each number of gradients that are missing.
    let mut arrivals = vec![0.0; p as usize];
    for _ in 0..k {
        for j in 0..p {
            let one_less = if j > 0 { share(j) * arrivals[j as usize - 1] } else { 0.0 };
            arrivals[j as usize] = 1.0 + one_less + (1.0 - share(j)) * arrivals[j as usize];
        }
    }
    Some(arrivals[p as usize - 1] / f64::from(p))
}

/// The same of K distinct workers who wait when they have submitted, while p - K are late from the update before: with j at a
/// stale step and k missing, b = p - K + k compute, and f(j, k) = (1 + j f(j-1, k) + (b-j) f(j, k-1))/b.
///
/// ```
/// use straggle_sim::theory::fresh_workers;
/// assert_eq!(fresh_workers(2, 2), Some(1.5)); // nobody is late
/// // One of two: half of the time the late one comes first, and starts anew.
/// assert_eq!(fresh_workers(1, 2), Some(0.75));
/// ```
pub fn fresh_workers(k: u32, p: u32) -> Option<f64> {
    if u64::from(k) * u64::from(p - k + 1) > MOST_STATES {
        return None;
    }
    let mut seconds = vec![0.0; (p - k + 1) as usize];
    for missing in 1..=k {
        let busy = f64::from(p - k + missing);
        for j in 0..seconds.len() {
            let one_less = if j > 0 { j as f64 * seconds[j - 1] } else { 0.0 };
            seconds[j] = (1.0 + one_less + (busy - j as f64) * seconds[j]) / busy;
        }
    }
    seconds.last().copied()
}

/// The share of p equal workers' gradients that are less than `limit` updates old when they arrive, where older ones are
/// dropped, in mean field: during a step others make a geometric number of updates, at the rate that is accepted.
///
/// ```
/// use straggle_sim::theory::accepted_share;
/// assert!((1.0 - accepted_share(8, 8) - 0.2485).abs() < 1e-4);
/// assert_eq!(accepted_share(8, u64::MAX), 1.0);
/// ```
pub fn accepted_share(p: u32, limit: u64) -> f64 {
    let own = 1.0 / f64::from(p);
    // What is accepted falls as more is accepted: one root, between nothing and all.
    let accepted = |q: f64| {
        let others = (1.0 - own) * q;
        1.0 - (others / (own + others)).powf(limit as f64)
    };
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if accepted(middle) > middle { low = middle } else { high = middle }
    }
    if accepted(1.0) >= 1.0 { 1.0 } else { (low + high) / 2.0 }
}
