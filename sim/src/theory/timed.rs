//! Updates that a clock decides: a grace for those who are nearly done, a budget after which everybody submits what it has.

use crate::cluster::spec::ClusterSpec;
use crate::policy::{OnUpdate, Rule};
use crate::theory::barrier::order_statistic;
use crate::theory::formula::{ANYTIME, BUDGET, BUDGET_APPROXIMATION, GRACE};
use crate::theory::order::{kth_of_exponentials, sum_of};
use crate::theory::quadrature::integral;
use crate::theory::{Theory, iid_law, memoryless_rate};
use statrs::distribution::{ContinuousCDF, Normal};
use std::time::Duration;

/// Mean time per update of a timed rule whose workers compute independently, with nothing in their way.
pub(super) fn time_per_update(rule: Rule, spec: &ClusterSpec) -> Option<Theory> {
    match rule.on_update {
        OnUpdate::Cancelled => grace(rule, spec),
        OnUpdate::CarriesOn => None,
        // Until the K-th has all of its steps; what the others have by then is theirs.
        // They are delayed on their way, too.
        OnUpdate::Submits if rule.budget == Duration::MAX && !spec.delays.is_empty() => None,
        OnUpdate::Submits if rule.budget == Duration::MAX => order_statistic(rule.quorum, rule, spec),
        OnUpdate::Submits => budget(rule, spec),
    }
}

/// The K-th of p, and then at most g seconds until the last: what is left of memoryless steps is a step.
fn grace(rule: Rule, spec: &ClusterSpec) -> Option<Theory> {
    let mu = memoryless_rate(rule, spec)?;
    let late = rule.workers - rule.quorum;
    let somebody_is_late = |t: f64| -((late as f64) * (-(-mu * t).exp()).ln_1p()).exp_m1();
    // By then hardly anybody is late any more.
    let until_s = rule.grace.as_secs_f64().min((f64::from(late).ln() + 40.0) / mu);
    let waiting_s = integral(&somebody_is_late, 0.0, until_s, 1e-12 / mu);
    GRACE.is(kth_of_exponentials(rule.quorum, rule.workers, mu, None) + waiting_s)
}

/// Everybody submits what it has after a time, if not all are done before. Where nobody has anything, all begin anew.
fn budget(rule: Rule, spec: &ClusterSpec) -> Option<Theory> {
    let law = iid_law(spec).filter(|_| spec.delays.is_empty())?;
    let budget_s = rule.budget.as_secs_f64();
    let longer = |t: f64, w: u32| law.survival((t - spec.fixed_s) * spec.speed(w));
    let nobody: f64 = (0..rule.workers).map(|w| longer(budget_s, w)).product();
    if rule.steps == u32::MAX {
        return ANYTIME.is(budget_s / (1.0 - nobody));
    }
    let fixed_s = f64::from(rule.steps) * spec.fixed_s;
    let is_about_normal = law.variance() <= 0.25 * f64::from(rule.steps) * law.mean() * law.mean();
    match sum_of(rule.steps, law) {
        Some(sum) => {
            let distinct = rule.workers.min(spec.repeats_after());
            let number = |first: u32| f64::from((rule.workers - first).div_ceil(distinct));
            let somebody_computes = |t: f64| {
                let done = |w: u32| number(w) * (-sum.law.survival((t - fixed_s) * spec.speed(w) - sum.shift)).ln_1p();
                -(0..distinct).map(done).sum::<f64>().exp_m1()
            };
            let seconds = match law.atoms() {
                Some(_) => order_statistic(rule.workers, rule, spec)?.seconds.min(budget_s),
                None => integral(&somebody_computes, 0.0, budget_s, 1e-12 * budget_s),
            };
            // Of a trace with several atoms the least of a budget and a maximum is not the least of their means.
            (law.atoms().is_none_or(|atoms| atoms.len() == 1)).then(|| BUDGET.is(seconds / (1.0 - nobody)))?
        }
        None if spec.is_homogeneous(rule.workers) && is_about_normal && rule.workers > 1 => {
            let (m, n) = (f64::from(rule.steps), f64::from(rule.workers));
            let (mean_s, sd_s) = (spec.mean_compute(0) * m, law.variance().sqrt() / spec.speed(0) * m.sqrt());
            let z = |share: f64| Normal::standard().inverse_cdf(share);
            let gumbel = (1.0 - GAMMA) * z(1.0 - 1.0 / n) + GAMMA * z(1.0 - 1.0 / (std::f64::consts::E * n));
            BUDGET_APPROXIMATION.is(budget_s.min(mean_s + sd_s * gumbel) / (1.0 - nobody))
        }
        None => None,
    }
}

/// Euler's constant.
const GAMMA: f64 = 0.577_215_664_901_532_9;
