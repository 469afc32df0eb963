//! How skewed is the mean of a run? That decides whether an interval is honest.
//!
//! The skewness of a mean of n values is the value's over sqrt n, and Student's interval loses about 0.25 times its square of coverage
//! (Hall, *The Bootstrap and Edgeworth Expansion*, 1992, 2.3, the term in the square of the skewness at z = 1.96).

use crate::cluster::spec::{Cancellation, ClusterSpec};
use crate::policy::{OnCompletion, OnUpdate, Rule};
use crate::random::compute::Compute;
use crate::random::law::Law;
use crate::theory::have_variance;
use crate::theory::order::kth_survival;
use std::borrow::Cow;
use std::ops::Range;

/// A sum that may be skewed: of so many values for each update, each the k-th smallest of m draws.
struct Summed<'a> {
    law: Cow<'a, Law>,
    k: u32,
    m: u32,
    for_each_update: f64,
}

/// The sums whose skewness the mean of a run has: those of all steps that count, and of the times that a barrier lets through.
fn sums(rule: Rule, spec: &ClusterSpec) -> Vec<Summed<'_>> {
    let (m, k, steps) = (rule.workers, rule.quorum, f64::from(rule.steps));
    let waits_for = match rule.on_completion {
        OnCompletion::Waits => Some((k.min(m), 1.0)),
        OnCompletion::StartsAnew { slack: Some(_) } => Some((m, 1.0 / f64::from(m))),
        OnCompletion::StartsAnew { slack: None } => None,
    };
    let all_count = rule.on_update == OnUpdate::CarriesOn || rule.waits_for_all();
    let links = spec.downlink.iter().chain(&spec.uplink).map(|station| &station.law);
    let others = [&spec.service, &spec.update, &spec.factor].into_iter().flatten().chain(&spec.delays);
    let mut sums = Vec::new();
    let single = match &spec.compute {
        Compute::Laws(laws) => most_variable(laws, m),
        Compute::Rows(rows) => {
            // Whole steps are drawn: of each the K-th time, or the mean of all, is one value.
            let last = (k.min(m) as usize).min(rows.steps().workers);
            let first = (m as usize).min(rows.steps().workers);
            let kth = |row: &[f64]| {
                let mut times = row[..first].to_vec();
                *times.select_nth_unstable_by(last - 1, f64::total_cmp).1
            };
            let mean = |row: &[f64]| row.iter().sum::<f64>() / row.len() as f64;
            let (law, values) = match waits_for {
                Some((_, for_each_update)) => (rows.law_of(kth), for_each_update),
                None => (rows.law_of(mean), f64::from(k) / f64::from(m)),
            };
            sums.push(Summed { law: Cow::Owned(law), k: 1, m: 1, for_each_update: values * steps });
            Vec::new()
        }
    };
    for law in single.into_iter().chain(others).chain(links) {
        let (independent, law) = (1.0 / persistence(law), Cow::Borrowed(law));
        if all_count {
            let for_each_update = independent * f64::from(k) * steps;
            sums.push(Summed { law: law.clone(), k: 1, m: 1, for_each_update });
        }
        match waits_for {
            Some((k, each)) => sums.push(Summed { law, k, m, for_each_update: independent * each }),
            None if !all_count => sums.push(Summed { law, k: 1, m, for_each_update: 1.0 }),
            None => {}
        }
    }
    if spec.cancellation == Cancellation::AfterStep && rule.cancels() {
        sums.push(Summed { law: Cow::Borrowed(spec.compute.law(0)), k: 1, m: 1, for_each_update: f64::from(m) });
    }
    sums
}

/// Updates after which enough workers have failed. Each failure costs a time that is spread evenly over an interval: the skewness of
/// their sum is 1.3 over the square root of their number.
fn until_failures(rule: Rule, spec: &ClusterSpec, target: f64) -> f64 {
    let Some(failures) = spec.failures() else { return 0.0 };
    let (m, task_s) = (f64::from(rule.workers), spec.mean_task(0, rule.steps));
    let update_s = if rule.renews() { task_s } else { task_s * f64::from(rule.quorum) / m };
    (1.3 / target).powi(2) * failures.mtbf_s / m / update_s
}

/// Whether the skewness of the mean of so many updates is as small as `target`.
pub(super) fn are_enough(rule: Rule, spec: &ClusterSpec, updates: f64, target: f64) -> bool {
    let have_failed = until_failures(rule, spec, target) <= updates;
    have_failed
        && have_variance(rule, spec)
        && sums(rule, spec).into_iter().all(|Summed { law, k, m, for_each_update }| {
            let values = updates / spec.compute.block() * for_each_update;
            skewness(&law, k, m, values) <= target * values.sqrt()
        })
}

/// Updates after which the skewness of the mean is as small as `target`; `None` if it never is.
pub(super) fn updates_for(rule: Rule, spec: &ClusterSpec, target: f64) -> Option<f64> {
    if !have_variance(rule, spec) {
        return None;
    }
    let needed = |sum: Summed<'_>| Some(values_for(&sum.law, sum.k, sum.m, target)? / sum.for_each_update);
    let most = sums(rule, spec).into_iter().map(needed).try_fold(0.0, |most: f64, updates| Some(most.max(updates?)))?;
    Some((most * spec.compute.block()).max(until_failures(rule, spec, target)))
}

/// Steps of a worker that say as much of the mean as one that is independent.
fn persistence(law: &Law) -> f64 {
    let Law::Markov(phases) = law else { return 1.0 };
    2.0 / phases.renewal() - 1.0
}

/// Of the laws of m workers those whose tails matter: of many, the eight that vary most.
fn most_variable(laws: &[Law], m: u32) -> Vec<&Law> {
    const ENOUGH: usize = 8;
    let mut laws: Vec<&Law> = laws.iter().take(m as usize).collect();
    if laws.len() > ENOUGH {
        laws.sort_by_cached_key(|law| std::cmp::Reverse((law.variance() / law.mean().powi(2)).to_bits()));
        laws.truncate(ENOUGH);
    }
    laws
}

/// How many independent values, each the k-th smallest of m draws, make a mean of this skewness; `None` if none do.
///
/// Of n values hardly any is as rare as one in 100 n: moments are taken up to there, so that laws of which some moments are infinite
/// have their say.
fn values_for(law: &Law, k: u32, m: u32, target: f64) -> Option<f64> {
    let mut n: f64 = 100.0;
    for _ in 0..12 {
        let needed = (skewness(law, k, m, n) / target).powi(2);
        if needed <= n {
            return Some(n.min(needed.max(1.0) * 1.5));
        }
        n = needed.max(1.5 * n);
        if n > 1e12 {
            return None;
        }
    }
    // It grows as fast as the number: the variance is infinite.
    None
}

/// Skewness of the k-th smallest of m draws, as far as n values feel it: up to what one in a hundred runs of so many sees. Where the
/// mean has much of what hardly any run sees, as of a step in a million that takes a million times as long, it is the greatest that
/// n values can have.
fn skewness(law: &Law, k: u32, m: u32, n: f64) -> f64 {
    let longer = |t: f64| kth_survival(k, m, law.survival(t));
    let rare = 0.01 / n;
    // Times, and how likely it is that the k-th smallest is longer; and what the mean has of times beyond.
    let (points, unseen_s): (Vec<(f64, f64)>, f64) = match law.atoms() {
        Some(atoms) => {
            let all = atoms.len() as f64;
            let after = |end: usize| kth_survival(k, m, (all - end as f64) / all);
            let pieces = pieces(atoms.len());
            let point = |range: Range<usize>| (atoms[(range.start + range.end - 1) / 2], after(range.end));
            let is_felt = |range: &Range<usize>| range.start == 0 || after(range.start) > rare;
            (pieces.into_iter().take_while(is_felt).map(point).collect(), 0.0)
        }
        None => {
            const PIECES: u32 = 160;
            let (low, high) = (last_longer(&longer, 1.0 - 1e-3, law.mean()), last_longer(&longer, rare, law.mean()));
            let share = |i: u32| f64::from(i) / f64::from(PIECES);
            let times: Vec<f64> = match low > 0.0 && high > 4.0 * low {
                true => (0..=PIECES).map(|i| low * (high / low).powf(share(i))).collect(),
                false => (0..=PIECES).map(|i| low + (high - low) * share(i)).collect(),
            };
            let middle = |i: usize| if i == 0 { times[0] } else { (times[i - 1] + times[i]) / 2.0 };
            let points = times.iter().enumerate().map(|(i, &t)| (middle(i), longer(t))).collect();
            (points, between_s(&longer, high, last_longer(&longer, rare * 1e-9, law.mean())))
        }
    };
    let mut before = 1.0;
    let mass = |(at, after): (f64, f64)| (at, std::mem::replace(&mut before, after) - after);
    let masses: Vec<(f64, f64)> = points.into_iter().map(mass).collect();
    let weight: f64 = masses.iter().map(|(_, mass)| mass).sum();
    let mean = masses.iter().map(|(t, mass)| t * mass).sum::<f64>() / weight;
    let moment = |power: i32| masses.iter().map(|(t, mass)| (t - mean).powi(power) * mass).sum::<f64>() / weight;
    let variance = moment(2);
    if unseen_s > UNSEEN * (variance / n).sqrt() + 1e-9 * mean {
        return n.sqrt();
    }
    if variance <= (1e-12 * mean).powi(2) { 0.0 } else { moment(3).abs() / variance.powf(1.5) }
}

/// What the mean may have of times that hardly any run sees, in standard errors.
const UNSEEN: f64 = 0.2;

/// What times between these two add to the mean: the integral of the survival function, over pieces that grow in proportion.
fn between_s(longer: &impl Fn(f64) -> f64, from: f64, to: f64) -> f64 {
    const PIECES: i32 = 64;
    let step = (to / from).powf(1.0 / f64::from(PIECES));
    let time = |i: i32| from * step.powi(i);
    (0..PIECES).map(|i| (time(i + 1) - time(i)) * (longer(time(i)) + longer(time(i + 1))) / 2.0).sum()
}

/// So many atoms in pieces that stand for their middle: the last ones, of which skewness is made, one by one.
fn pieces(atoms: usize) -> Vec<Range<usize>> {
    const SINGLE: usize = 64;
    let body = atoms.saturating_sub(SINGLE);
    let size = body.div_ceil(128).max(1);
    let groups = (0..body).step_by(size).map(|start| start..(start + size).min(body));
    groups.chain((body..atoms).map(|i| i..i + 1)).collect()
}

/// The last time that is exceeded with this probability, to three digits.
fn last_longer(longer: &impl Fn(f64) -> f64, probability: f64, mean_s: f64) -> f64 {
    let (mut low, mut high) = (0.0, mean_s);
    while longer(high) > probability && high < 1e300 {
        (low, high) = (high, 4.0 * high);
    }
    for _ in 0..60 {
        let middle = if low > 0.0 { (low * high).sqrt() } else { high / 4.0 };
        if longer(middle) > probability {
            low = middle
        } else {
            high = middle
        }
        if high - low < 1e-3 * high {
            break;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skewness_is_the_laws() {
        let of = |law: &str| skewness(&law.parse().unwrap(), 1, 1, 1e9);
        for (law, exact) in
            [("exp(2)", 2.0), ("gamma(4, 0.25)", 1.0), ("lognormal(0, 0.5)", 1.7502), ("weibull(0.5, 1)", 6.6188)]
        {
            assert!((of(law) / exact - 1.0).abs() < 0.02, "{law}: {}", of(law));
        }
        // The greatest of many exponential times is Gumbel's.
        // A run of 5000 never sees the one in a million that is all of the mean; one of 10⁹ does.
        let rare = "hyper-exp(0.999999, 1e6, 1e-6)".parse().unwrap();
        assert_eq!(skewness(&rare, 1, 1, 5000.0), 5000f64.sqrt());
        assert!((skewness(&rare, 1, 1, 1e9) / 2121.0 - 1.0).abs() < 0.1);
        let gumbel = skewness(&"exp(1)".parse().unwrap(), 1000, 1000, 1e9);
        assert!((gumbel / 1.1395 - 1.0).abs() < 0.02, "{gumbel}");
    }
}
