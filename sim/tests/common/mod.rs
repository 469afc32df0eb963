//! How do the tests run cells, and how do they judge them? Short ways to make things, and p-values.
//!
//! Every random comparison ends in a p-value, and a test fails where that is below [`FALSE_ALARM`]: one correct build in
//! 100 000 would fail for each p-value that is judged, if seeds were not fixed. So a file's false-alarm rate is the number
//! of its judgements times that; each file says how many it has. Seeds are fixed: what passes once passes always.

#![allow(dead_code)] // each test binary uses its share of this

use rayon::prelude::*;
use statrs::distribution::{ChiSquared, ContinuousCDF, Normal, StudentsT};
use straggle_sim::cluster::spec::{Cancellation, Sharing};
use straggle_sim::theory::time_per_update;
use straggle_sim::{
    ClusterSpec, Estimate, Event, Experiment, Law, Length, Model, Observation, Policy, Progress, RandomKey, Rule, Run,
    Simulated, Station, Time,
};

/// The probability with which a correct program would fail one judgement.
pub const FALSE_ALARM: f64 = 1e-5;

/// A law as typed.
pub fn law(text: &str) -> Law {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A plain fleet with a law as typed.
pub fn spec(text: &str) -> ClusterSpec {
    ClusterSpec::new(law(text))
}

/// A policy as typed.
pub fn policy(text: &str) -> Policy {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A policy's rule for `m` workers.
pub fn rule(text: &str, m: u32) -> Rule {
    policy(text).rule(m).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// What theory says of the mean time per update, where it says anything.
pub fn theory_s(text: &str, m: u32, spec: &ClusterSpec) -> f64 {
    time_per_update(rule(text, m), spec).unwrap_or_else(|| panic!("no theory for {text}")).seconds
}

/// A run that has not begun.
pub fn run(rule: Rule, spec: &ClusterSpec, key: RandomKey) -> Run<Simulated> {
    Run::new(rule, Simulated::new(spec.clone(), key, rule.workers))
}

/// The first events of a run.
pub fn events(rule: Rule, spec: &ClusterSpec, key: RandomKey, count: usize) -> Vec<(Time, Event)> {
    run(rule, spec, key).take(count).collect()
}

/// The times between updates, without end, from the first update on; `skip` of them are left out.
pub fn gaps(rule: Rule, spec: &ClusterSpec, key: RandomKey, skip: usize) -> impl Iterator<Item = f64> + use<> {
    let updates = run(rule, spec, key).filter(|(_, event)| matches!(event, Event::Updated(_)));
    let gap = |last: &mut Time, (at, _): (Time, Event)| Some(at.since(std::mem::replace(last, at)));
    updates.scan(Time::ZERO, gap).skip(skip)
}

/// Updates after which workers that all start fresh are out of step under a rule that carries on: four diffusions of a phase over
/// its cycle.
pub fn out_of_step(rule: Rule, spec: &ClusterSpec) -> u64 {
    let rounds = (4.0 / (spec.variation() * spec.variation())).clamp(10.0, 1000.0);
    (rounds * f64::from(rule.workers) / f64::from(rule.quorum)).ceil() as u64
}

/// Fleets in which something is unusual: speeds, delays, cores, a busy server, and all of it.
pub fn odd_fleets() -> Vec<ClusterSpec> {
    let plain = spec("gamma(4, 0.25)");
    let speeds = spec("exp(2)").with_speeds(vec![1.0, 0.5, 3.0]).unwrap();
    let delayed = plain.clone().with_delay(Some(law("exp(5)")));
    let shared = spec("pareto(0.3, 1.2)").with_cores(Some(2)).unwrap();
    let busy = plain.clone().with_service(Some(law("exp(8)")));
    let all = spec("weibull(0.5, 0.5)")
        .with_speeds(vec![1.0, 0.25])
        .unwrap()
        .with_delay(Some(law("uniform(0, 0.3)")))
        .with_cores(Some(3))
        .unwrap()
        .with_service(Some(law("gamma(2, 0.05)")));
    // Everything at once and in step: all ties there can be.
    let ties = spec("constant(0.5)").with_cores(Some(2)).unwrap().with_service(Some(law("constant(0.25)")));
    // As on threads: computing cannot be stopped, and the server needs a core for submissions and updates.
    let (latency, update) = (Some(law("gamma(2, 0.01)")), Some(law("exp(20)")));
    let threads = all
        .clone()
        .with_uplink(latency.into_iter().map(Station::delay).collect())
        .with_update(update)
        .with_computing_server(true)
        .with_cancellation(Cancellation::AfterStep);
    let discarded = delayed.clone().with_cancellation(Cancellation::AfterStep);
    let queued = threads.clone().with_sharing(Sharing::FirstCome);
    vec![speeds, delayed, shared, busy, all, ties, threads, discarded, queued]
}

/// Updates of one run in a batch of seeds, over its 20 replications.
pub const UPDATES: u64 = 1 << 14;

/// Independent runs in a batch of seeds.
pub const SEEDS: u64 = 40;

/// The same cell under [`SEEDS`] seeds, each run as `simulate` runs it.
pub fn batch(text: &str, m: u32, spec: &ClusterSpec) -> Vec<Observation> {
    observe(text, m, spec, Length::Updates(UPDATES), SEEDS)
}

/// The same cell under many seeds.
pub fn observe(text: &str, m: u32, spec: &ClusterSpec, length: Length, seeds: u64) -> Vec<Observation> {
    let (policies, workers) = (vec![policy(text)], vec![m]);
    let base =
        Experiment { policies, workers, spec: spec.clone(), model: Model::Event, length, seed: 0, deadline_s: None };
    let one =
        |seed| Experiment { seed, ..base.clone() }.observe(&Progress::default()).remove(0).expect("never stopped");
    (0..seeds).into_par_iter().map(one).collect()
}

/// A mean over independent values, with its standard error from nothing but their scatter.
pub fn mean_of(values: &[f64]) -> Estimate {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    let standard_error = (squares / (n - 1.0) / n).sqrt();
    Estimate { mean, standard_error, interval: None }
}

/// The mean time per update over a batch of seeds.
pub fn mean_s(batch: &[Observation]) -> Estimate {
    mean_of(&batch.iter().map(|o| o.mean.mean).collect::<Vec<f64>>())
}

/// Judges independent values, whose mean should be `exact`, by Student's t.
pub fn judge_mean(what: &str, values: &[f64], exact: f64) {
    let found = mean_of(values);
    let t = found.z(exact).expect("something varies");
    judge(&format!("{what}: {:.6} against {exact:.6}, t = {t:+.2}", found.mean), t_p(t, values.len() as f64 - 1.0));
}

/// Judges a batch of seeds, whose long-run mean should be `exact`, twice: the mean over all seeds by what the seeds'
/// scatter says, and the z-scores, by each run's own standard error, by chi-square: neither too wide nor too narrow.
pub fn judge_batch(what: &str, batch: &[Observation], exact: f64) {
    let means: Vec<f64> = batch.iter().map(|o| o.mean.mean).collect();
    judge_mean(what, &means, exact);
    let z = |o: &Observation| as_normal(o.mean.z(exact).expect("something varies"), 19.0);
    let squares = batch.iter().map(z).map(|z| z * z).sum();
    judge_chi_square(&format!("z-scores of {what}"), squares, batch.len() as f64);
}

/// Fails if `p` is too small.
pub fn judge(what: &str, p: f64) {
    assert!(p > FALSE_ALARM, "{what} (p = {p:.1e})");
}

/// Fails if a chi-square statistic is too large or too small.
pub fn judge_chi_square(what: &str, statistic: f64, freedom: f64) {
    let law = ChiSquared::new(freedom).expect("degrees of freedom");
    let p = 2.0 * law.cdf(statistic).min(law.sf(statistic));
    judge(&format!("{what}: chi-square {statistic:.1} with {freedom} degrees of freedom"), p);
}

/// Judges counts of independent draws against the probabilities of 0, 1, 2, ..., whose tail beyond the last is one more
/// class. Classes that expect fewer than 10 are added to the next, the last to the one before. One-sided.
pub fn judge_counts(what: &str, counts: &[u64], probabilities: impl Fn(usize) -> f64, classes: usize) {
    let total = counts.iter().sum::<u64>() as f64;
    let mut left = 1.0;
    let mut all: Vec<(f64, f64)> = Vec::new();
    for class in 0..classes {
        let p = probabilities(class);
        left -= p;
        all.push((counts.get(class).map_or(0.0, |&c| c as f64), p * total));
    }
    all.push((counts.iter().skip(classes).sum::<u64>() as f64, left.max(0.0) * total));
    let mut merged: Vec<(f64, f64)> = Vec::new();
    for (seen, expected) in all {
        match merged.last_mut() {
            Some(last) if last.1 < 10.0 => *last = (last.0 + seen, last.1 + expected),
            _ => merged.push((seen, expected)),
        }
    }
    if merged.last().is_some_and(|last| last.1 < 10.0) && merged.len() > 1 {
        let (seen, expected) = merged.pop().expect("the last");
        let last = merged.last_mut().expect("the one before");
        *last = (last.0 + seen, last.1 + expected);
    }
    assert!(merged.len() > 1, "{what}: one class cannot be wrong");
    let statistic: f64 = merged.iter().map(|(seen, expected)| (seen - expected) * (seen - expected) / expected).sum();
    let freedom = (merged.len() - 1) as f64;
    let p = ChiSquared::new(freedom).expect("degrees of freedom").sf(statistic);
    judge(&format!("{what}: chi-square {statistic:.1} with {freedom} degrees of freedom"), p);
}

/// Judges independent draws from a continuous law by Kolmogorov and Smirnov.
pub fn judge_law(what: &str, mut draws: Vec<f64>, cdf: impl Fn(f64) -> f64) {
    draws.sort_by(f64::total_cmp);
    let n = draws.len() as f64;
    let far = |(i, &x): (usize, &f64)| {
        let (below, f) = (i as f64 / n, cdf(x));
        (f - below).max(below + 1.0 / n - f)
    };
    let distance = draws.iter().enumerate().map(far).fold(0.0, f64::max);
    judge(&format!("{what}: distribution functions {distance:.4} apart"), kolmogorov_p(distance, n));
}

/// Probability that n draws from the very law lie farther apart from it: Kolmogorov's limit with Stephens's correction.
fn kolmogorov_p(distance: f64, n: f64) -> f64 {
    let x = (n.sqrt() + 0.12 + 0.11 / n.sqrt()) * distance;
    let term = |k: i32| f64::from(1 - 2 * ((k + 1) % 2)) * (-2.0 * f64::from(k * k) * x * x).exp();
    if x < 0.3 { 1.0 } else { (2.0 * (1..100).map(term).sum::<f64>()).clamp(0.0, 1.0) }
}

/// Two-sided p-value of Student's t.
pub fn t_p(t: f64, freedom: f64) -> f64 {
    2.0 * StudentsT::new(0.0, 1.0, freedom).expect("degrees of freedom").sf(t.abs())
}

/// The normal value that is as unlikely as this t.
fn as_normal(t: f64, freedom: f64) -> f64 {
    let tail = StudentsT::new(0.0, 1.0, freedom).expect("degrees of freedom").sf(t.abs());
    -Normal::standard().inverse_cdf(tail) * t.signum()
}
