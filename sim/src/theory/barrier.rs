//! Waiting for the K-th of m: order statistics of tasks, exact where the law of a task is known, else bounds.

use crate::cluster::spec::ClusterSpec;
use crate::policy::Rule;
use crate::random::compute::Compute;
use crate::random::law::{Aging, Law};
use crate::theory::asynchronous::renewal;
use crate::theory::formula::{
    COMMON, CONSTANT_BATCH, ERLANG, EXPONENTIAL_ORDER, FRESH_LOWER, FRESH_UPPER, HARTLEY_DAVID, MEASURED_ROWS, ORDER,
    SUM_OF_MAXIMA, UNEQUAL,
};
use crate::theory::order::{Sum, kth_of_each, kth_of_exponentials, kth_of_tasks, sum_of};
use crate::theory::{Theory, iid_law, memoryless_rate};

/// E[X_{K:P}] of fresh tasks: exact where the law of a whole task is known, else a bound from above for K = P.
pub(super) fn order_statistic(k: u32, rule: Rule, spec: &ClusterSpec) -> Option<Theory> {
    let (p, h) = (rule.workers, f64::from(rule.steps));
    let fixed_delay = match &spec.delays[..] {
        [] => Some(0.0),
        [Law::Constant { value }] => Some(*value),
        _ => None,
    };
    let fixed_delay = fixed_delay.map(|delay| delay + h * spec.fixed_s);
    if let Some(mu) = memoryless_rate(rule, spec) {
        return EXPONENTIAL_ORDER.is(kth_of_exponentials(k, p, mu, None));
    }
    if let (Some(factor), Some(fixed_delay), 1) = (&spec.factor, fixed_delay, rule.steps) {
        // Everybody takes one step in a round, the same one: the factor is common.
        let without = ClusterSpec { factor: None, delays: Vec::new(), fixed_s: 0.0, ..spec.clone() };
        let theory = order_statistic(k, rule, &without).filter(|theory| theory.kind == COMMON.kind)?;
        return COMMON.is(fixed_delay + factor.mean() * theory.seconds);
    }
    if let (Some(fixed_delay), 1, None) = (fixed_delay, rule.steps, &spec.factor) {
        match &spec.compute {
            Compute::Rows(rows) => {
                return MEASURED_ROWS.is(fixed_delay + rows.mean_of_kth(k, p, |w| spec.speed(w))?);
            }
            Compute::Laws(laws) if laws.len() > 1 => return UNEQUAL.is(fixed_delay + kth_of_each(k, p, spec)?),
            // The steps of a round are independent, whatever one worker's are.
            Compute::Laws(laws) => {
                let step = Sum { shift: 0.0, law: laws[0].clone() };
                let sum = sum_of(1, &laws[0]).unwrap_or(step);
                return ORDER.is(fixed_delay + kth_of_tasks(k, p, &sum, spec)?);
            }
        }
    }
    let law = iid_law(spec)?;
    if let (Some(sum), Some(fixed_delay)) = (sum_of(rule.steps, law), fixed_delay) {
        return ORDER.is(fixed_delay + kth_of_tasks(k, p, &sum, spec)?);
    }
    if k < p {
        return None;
    }
    // The greatest sum is at most the sum of the greatest: steps by steps, computing and delays apart.
    let single = Sum { shift: 0.0, law: law.clone() };
    let apart = |law: &Law| kth_of_tasks(p, p, &Sum { shift: 0.0, law: law.clone() }, &ClusterSpec::new(law.clone()));
    let delays = match &spec.delays[..] {
        [] => 0.0,
        [delay] => apart(delay)?,
        _ => return None,
    };
    let sum_of_maxima = h * (kth_of_tasks(p, p, &single, spec)? + spec.fixed_s) + delays;
    match spec.is_homogeneous(p).then(|| hartley_david(p, rule.steps, spec)) {
        Some(bound) if bound < sum_of_maxima => HARTLEY_DAVID.is(bound),
        _ => SUM_OF_MAXIMA.is(sum_of_maxima),
    }
}

/// E[max] <= E[X] + sd (P-1)/sqrt(2P-1), whatever the law (Hartley and David 1954), for the sum of h steps.
fn hartley_david(p: u32, steps: u32, spec: &ClusterSpec) -> f64 {
    let (mean, p) = (spec.mean_task(0, steps), f64::from(p));
    let compute = f64::from(steps) * spec.compute.law(0).variance() / (spec.speed(0) * spec.speed(0));
    let sd = (compute + spec.delay_of(0).map_or(0.0, Law::variance)).sqrt();
    mean + sd * (p - 1.0) / (2.0 * p - 1.0).sqrt()
}

/// The time of the K-th event of P fresh renewal processes (k-batch-sync).
///
/// The workers' residual times after it, R_i, and Wald's identity give P E[T] = E[X] (K + P) - sum E[R_i]; one of the R_i
/// is a fresh X, and the others are shorter on average where new lasts longer than used, longer where used does.
pub(super) fn fresh_renewals(rule: Rule, spec: &ClusterSpec) -> Option<Theory> {
    let (k, p) = (rule.quorum, rule.workers);
    if k == 1 {
        return order_statistic(1, rule, spec);
    }
    let renewal = renewal(rule, spec);
    let law = iid_law(spec)?;
    if let (Law::Constant { value }, [], true) = (law, &spec.delays[..], spec.is_homogeneous(p)) {
        let step_s = value / spec.speed(0) + spec.fixed_s;
        return CONSTANT_BATCH.is(step_s * f64::from(rule.steps) * f64::from(k.div_ceil(p)));
    }
    let memoryless_each =
        rule.steps == 1 && spec.delays.is_empty() && spec.fixed_s == 0.0 && law.aging() == Aging::Memoryless;
    match aging_of_step(spec) {
        Aging::Memoryless if memoryless_each => ERLANG.is(renewal),
        Aging::Memoryless | Aging::NewLasts if spec.is_homogeneous(p) => FRESH_LOWER.is(renewal),
        Aging::UsedLasts if spec.is_homogeneous(p) => FRESH_UPPER.is(renewal),
        Aging::Memoryless | Aging::NewLasts | Aging::UsedLasts | Aging::Neither => None,
    }
}

/// Sums keep "new lasts longer than used", and nothing else.
fn aging_of_step(spec: &ClusterSpec) -> Aging {
    let ages = |law: &Law| matches!(law.aging(), Aging::Memoryless | Aging::NewLasts);
    match (iid_law(spec), &spec.delays[..]) {
        (Some(law), []) if spec.fixed_s == 0.0 => law.aging(),
        (Some(law), []) if ages(law) => Aging::NewLasts,
        (Some(law), [delay]) if ages(delay) && ages(law) => Aging::NewLasts,
        (_, _) => Aging::Neither,
    }
}
