//! Something in the way: a server that is busy, cores that are shared, workers who slow each other down.

use crate::cluster::spec::{ClusterSpec, Sharing};
use crate::policy::{OnCompletion, OnUpdate, Rule};
use crate::random::law::{Aging, Law};
use crate::theory::asynchronous::renewal;
use crate::theory::formula::{
    BUSY_CONSTANT, BUSY_ORDER, BUSY_RENEWAL, BUSY_SINGLE, IN_THE_WAY, REPAIRMAN, SHARED_ORDER, SHARED_RENEWAL, SINGLE,
    UNEQUAL_CORES,
};
use crate::theory::order::kth_of_exponentials;
use crate::theory::{Kind, Theory, iid_law, memoryless_rate, uncontended};

/// Time per update of p workers who compute for `compute` seconds on average, any law, and then wait for one server that
/// takes an exponential time of mean `service`: the machine repairman M/M/1//P, whose think times may have any law.
///
/// ```
/// use straggle_sim::theory::repairman;
/// assert!((repairman(8, 1.0, 1e-17) - 0.125).abs() < 1e-12); // nobody waits
/// assert!((repairman(1, 1.0, 0.1) - 1.1).abs() < 1e-12); // alone: compute, then submit
/// ```
pub fn repairman(p: u32, compute: f64, service: f64) -> f64 {
    contended_repairman(p, compute, service, |_| 1.0)
}

/// The same where computing takes `slowdown(n)` times as long with n computing: a queue whose servers are shared equally, on
/// which the law of the service has no influence (Baskett et al. 1975).
fn contended_repairman(p: u32, compute: f64, service: f64, slowdown: impl Fn(u32) -> f64) -> f64 {
    // 1/p0 = sum over k of P!/(P-k)! (s/E[X])^k: p0 is the share of time in which the server has nothing to do. Summed from the
    // inside out, sum = 1 + P r (1 + (P-1) r (1 + ...)), which may overflow to infinity, and then p0 is 0. What is beyond 1 is kept
    // apart: beside a service of no length it would be lost.
    let ratio = |n: u32| service / (compute * slowdown(n));
    let beyond = (1..=p).fold(0.0, |beyond, n| f64::from(n) * ratio(n) * (1.0 + beyond));
    service + service / beyond
}

/// One worker, one task after the other, one submission after the other, whatever the policy.
pub(super) fn single(rule: Rule, spec: &ClusterSpec) -> Option<Theory> {
    let mean = |law: &Option<Law>| law.as_ref().map_or(0.0, Law::mean);
    let slower = spec.contention.first().map_or(0.0, |factor| factor - 1.0);
    let task = spec.mean_task(0, rule.steps) + mean(&spec.service);
    let longer = slower * f64::from(rule.steps) * spec.mean_compute(0);
    let seconds = f64::from(rule.quorum) * (task + longer) + mean(&spec.update);
    match core_speed(spec) {
        // On which core it is, and so how fast, is the cluster's business.
        Some(fastest) => UNEQUAL_CORES.is(seconds / fastest),
        None if spec.contention.is_empty() => SINGLE.is(seconds),
        None => BUSY_SINGLE.is(seconds),
    }
}

/// How much faster than its own core a worker may be, where it has to take one of unequal cores; at least 1.
fn core_speed(spec: &ClusterSpec) -> Option<f64> {
    let unequal = spec.core_speeds.iter().any(|&speed| speed != 1.0);
    let queued = spec.cores.is_some() && spec.sharing == Sharing::FirstCome && unequal;
    queued.then(|| spec.core_speeds.iter().copied().fold(1.0, f64::max))
}

/// Whether nobody ever waits, for others or for an update.
fn never_waits(rule: Rule) -> bool {
    let goes_on = match rule.on_completion {
        OnCompletion::Waits => rule.quorum == 1,
        OnCompletion::StartsAnew { slack } => slack.is_none(),
    };
    goes_on && rule.on_update == OnUpdate::CarriesOn
}

/// A step takes f(n) times as long while n compute: exact where the number who compute is always the same, or where steps are
/// memoryless, so that it is a pure death process; none otherwise.
pub(super) fn contention(rule: Rule, spec: &ClusterSpec) -> Option<Theory> {
    let slowdown = |n: u32| spec.contention[(n as usize).min(spec.contention.len()) - 1];
    let links = spec.uplink.is_empty() && spec.downlink.is_empty();
    if spec.cores.is_some() || spec.server_computes || spec.update.is_some() || !links || !spec.delays.is_empty() {
        return None;
    }
    let all = slowdown(rule.workers);
    if let Some(service) = &spec.service {
        let alike = rule.quorum == 1 && never_waits(rule) && rule.on_completion != OnCompletion::Waits;
        let known =
            alike && is_independent(spec) && spec.is_homogeneous(rule.workers) && service.aging() == Aging::Memoryless;
        let task_s = spec.mean_task(0, rule.steps);
        return known
            .then(|| contended_repairman(rule.workers, task_s, service.mean(), slowdown))
            .and_then(|s| REPAIRMAN.is(s));
    }
    if never_waits(rule) {
        return BUSY_RENEWAL.is(renewal(rule, spec) * all);
    }
    if rule.on_completion != OnCompletion::Waits {
        return None;
    }
    match (memoryless_rate(rule, spec), iid_law(spec)) {
        (Some(mu), _) => {
            let left = rule.workers - rule.quorum + 1..=rule.workers;
            BUSY_ORDER.is(left.map(|n| slowdown(n) / (f64::from(n) * mu)).sum())
        }
        (None, Some(Law::Constant { .. })) if rule.waits_for_all() && spec.is_homogeneous(rule.workers) => {
            BUSY_CONSTANT.is(spec.mean_task(0, rule.steps) * all)
        }
        (None, _) => None,
    }
}

/// P workers share c < P cores equally.
pub(super) fn sharing(rule: Rule, spec: &ClusterSpec, cores: u32) -> Option<Theory> {
    if never_waits(rule) && spec.delays.is_empty() {
        // Nobody ever stops computing, so everybody is slowed down by the same factor all the time.
        return SHARED_RENEWAL.is(renewal(rule, spec) * (f64::from(rule.workers) / f64::from(cores)).max(1.0));
    }
    let all_wait = rule.on_completion == OnCompletion::Waits;
    match memoryless_rate(rule, spec) {
        Some(mu) if all_wait => SHARED_ORDER.is(kth_of_exponentials(rule.quorum, rule.workers, mu, Some(cores))),
        Some(_) | None => {
            // No core does more than a second of computing in a second; where not all have to, the fastest may do everything.
            let step_s = (0..rule.workers).map(|w| spec.mean_compute(w));
            let computing = match rule.waits_for_all() {
                true => f64::from(rule.steps) * step_s.sum::<f64>(),
                false => rule.gradients_per_update() as f64 * step_s.fold(f64::INFINITY, f64::min),
            };
            let nothing_lost = rule.on_update == OnUpdate::CarriesOn || rule.quorum == rule.workers && all_wait;
            in_the_way(rule, spec, if nothing_lost { computing / f64::from(cores) } else { 0.0 })
        }
    }
}

/// Whether workers have nothing in common.
fn is_independent(spec: &ClusterSpec) -> bool {
    spec.factor.is_none() && spec.compute.is_independent()
}

/// The server takes a time for each submission.
pub(super) fn served(rule: Rule, spec: &ClusterSpec, service: &Law) -> Option<Theory> {
    let is_async = rule.quorum == 1
        && rule.on_update == OnUpdate::CarriesOn
        && rule.on_completion == OnCompletion::StartsAnew { slack: None }
        && spec.is_homogeneous(rule.workers)
        && is_independent(spec);
    if is_async && service.aging() == Aging::Memoryless {
        let task = spec.mean_task(0, rule.steps);
        return REPAIRMAN.is(repairman(rule.workers, task, service.mean()));
    }
    in_the_way(rule, spec, f64::from(rule.quorum) * service.mean())
}

/// Something gets in the way: no faster than without it, and no faster than `busy` seconds per update. Where all wait for all, the
/// slowest travels before and after it computes.
pub(super) fn in_the_way(rule: Rule, spec: &ClusterSpec, busy: f64) -> Option<Theory> {
    let below = |theory: &Theory| matches!(theory.kind, Kind::Exact | Kind::Lower);
    let bound = |spec: &ClusterSpec| uncontended(rule, spec).filter(below);
    // Nor is it faster than computing alone.
    let free = bound(spec).or_else(|| bound(&spec.clone().with_delay(None)));
    // Cores may be faster than those on which a worker's own time was taken.
    let free_s = free.map_or(0.0, |theory| theory.seconds) / core_speed(spec).unwrap_or(1.0);
    let links = spec.downlink.iter().chain(&spec.uplink).filter(|_| rule.waits_for_all());
    let least = (free_s + links.map(|station| station.law.minimum()).sum::<f64>()).max(busy);
    if least > 0.0 { IN_THE_WAY.is(least) } else { None }
}
