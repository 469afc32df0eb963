//! Do the intervals of everything else hold: shares, staleness, quantiles, paired comparisons, runs to a given precision, and what
//! stands on measured times?
//!
//! Many independent runs each; the share of intervals that hold the truth must be within 2.9 standard deviations of 95 %, which
//! a correct program misses once in 270: for the 30 shares judged here, a false-alarm rate of 12 % for other seeds; these are
//! fixed. The truth is exact, or a run a few hundred times as long.

mod common;

use common::{mean_of, observe, policy, spec};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;
use straggle_sim::experiment::comparisons;
use straggle_sim::random::key::Purpose;
use straggle_sim::random::step_times::StepTime;
use straggle_sim::theory::{harmonic, kth_of_exponentials};
use straggle_sim::{
    ClusterSpec, Compute, Dependence, Estimate, Experiment, Failures, Length, Model, Observation, Progress, RandomKey,
    StepTimes, TraceSource,
};

/// Judges the intervals of independent runs.
fn holds(what: &str, estimates: &[Estimate], truth: f64) {
    if let Some(wrong) = strays(what, estimates, truth) {
        panic!("{wrong}");
    }
}

/// The same; what is wrong, if it is.
fn strays(what: &str, estimates: &[Estimate], truth: f64) -> Option<String> {
    let n = estimates.len() as f64;
    let held = estimates.iter().filter(|estimate| estimate.holds(truth).expect("an interval")).count() as f64 / n;
    let mean = mean_of(&estimates.iter().map(|estimate| estimate.mean).collect::<Vec<f64>>()).mean;
    println!("{what}: {:.1} % hold {truth:.6}, {mean:.6} on average", 100.0 * held);
    let band = 2.9 * (0.95 * 0.05 / n).sqrt();
    ((held - 0.95).abs() > band).then(|| format!("{what}: {:.1} % of {n} hold {truth}", 100.0 * held))
}

fn each<T>(runs: &[Observation], of: impl Fn(&Observation) -> T) -> Vec<T> {
    runs.iter().map(of).collect()
}

fn staleness(o: &Observation) -> Estimate {
    o.usage.as_ref().expect("usage").mean_staleness
}

fn idle(o: &Observation) -> Estimate {
    o.usage.as_ref().expect("usage").idle_share
}

fn wasted(o: &Observation) -> Estimate {
    o.usage.as_ref().expect("usage").wasted_share
}

/// One run, many times as long, of other random numbers.
fn long(name: &str, m: u32, spec: &ClusterSpec, updates: u64) -> Observation {
    let (policies, workers, length) = (vec![policy(name)], vec![m], Length::Updates(updates));
    let experiment = Experiment {
        policies,
        workers,
        spec: spec.clone(),
        model: Model::Event,
        length,
        deadline_s: None,
        seed: 1 << 40,
    };
    experiment.observe(&Progress::default()).remove(0).expect("never stopped")
}

/// The greatest of 8 exponential times has the distribution function (1 - e^(-t))^8, and workers compute 1/H_8 of the time.
#[test]
fn quantiles_and_idle_shares_of_a_barrier_hold() {
    let runs = observe("sync", 8, &spec("exp(1)"), Length::Honest, 1000);
    for (i, u) in [0.5f64, 0.95, 0.99].into_iter().enumerate() {
        holds(&format!("sync, p{}", 100.0 * u), &each(&runs, |o| o.quantiles_s[i]), -(-u.powf(0.125)).ln_1p());
    }
    holds("sync, idle", &each(&runs, idle), 1.0 - 1.0 / harmonic(8));
}

/// Times between updates of workers that never wait exceed t with probability S(t) (integral of S beyond t / E[X])^(m-1) (Cox 1962).
#[test]
fn quantiles_of_independent_workers_hold() {
    let runs = observe("async", 8, &spec("weibull(0.5, 0.5)"), Length::Honest, 1000);
    // With y = (t/0.5)^0.5 and a mean of 1: S = e^-y, and beyond t it has (1 + y) e^-y.
    let longer = |y: f64| (-y).exp() * ((1.0 + y) * (-y).exp()).powi(7);
    for (i, u) in [0.5f64, 0.95, 0.99].into_iter().enumerate() {
        let (mut low, mut high) = (0.0, 10.0);
        for _ in 0..100 {
            let middle = (low + high) / 2.0;
            if longer(middle) > 1.0 - u { low = middle } else { high = middle }
        }
        holds(&format!("async, p{}", 100.0 * u), &each(&runs, |o| o.quantiles_s[i]), 0.5 * low * low);
    }
}

/// K of m Poisson processes' events end an update, and what is under way is lost: (m-1)/K (1 - (1 - 1/m)^K) of all. A worker with n of
/// the other K - 1 events, which fall anywhere, has been at its task for 1/(n + 1) of the time on average; n is binomial.
#[test]
fn shares_of_discarded_work_hold() {
    let runs = observe("k-batch-sync:8", 4, &spec("exp(1)"), Length::Honest, 400);
    holds("k-batch-sync:8, wasted", &each(&runs, wasted), 3.0 / 8.0 * (1.0 - 0.75f64.powi(8)));
    assert!(runs.iter().all(|o| idle(o).mean == 0.0), "nobody ever waits");
}

#[test]
fn staleness_and_idle_shares_after_a_warm_up_hold() {
    for (name, law) in [("ssp:2", "exp(1)"), ("ssp:2", "weibull(0.5, 0.5)"), ("k-async:3", "lognormal(0, 1.5)")] {
        let spec = spec(law);
        let runs = observe(name, 8, &spec, Length::Honest, 300);
        let truth = long(name, 8, &spec, 200 * runs[0].updates.min(20_000));
        let what = format!("{name}, {law}");
        holds(&format!("{what}, mean"), &each(&runs, |o| o.mean), truth.mean.mean);
        holds(&format!("{what}, idle"), &each(&runs, idle), idle(&truth).mean);
        if name == "ssp:2" {
            holds(&format!("{what}, staleness"), &each(&runs, staleness), staleness(&truth).mean);
        }
    }
}

#[test]
fn staleness_of_what_is_not_too_stale_holds() {
    let spec = spec("exp(1)");
    let runs = observe("ringmaster:8", 8, &spec, Length::Honest, 300);
    let truth = long("ringmaster:8", 8, &spec, 1_000_000);
    holds("ringmaster:8, staleness", &each(&runs, staleness), staleness(&truth).mean);
    holds("ringmaster:8, wasted", &each(&runs, wasted), wasted(&truth).mean);
}

/// Exact ratios of gradients per second, and the narrower for it that both policies see the same stragglers.
#[test]
fn paired_comparisons_hold_and_are_narrower_than_unpaired_ones() {
    let policies = ["sync", "k-sync:7", "async"].map(policy).to_vec();
    let base = Experiment {
        policies,
        workers: vec![8],
        spec: spec("exp(1)"),
        model: Model::Event,
        length: Length::Honest,
        deadline_s: None,
        seed: 0,
    };
    let run = |seed| -> Vec<Observation> {
        Experiment { seed, ..base.clone() }.observe(&Progress::default()).into_iter().map(Option::unwrap).collect()
    };
    let runs: Vec<Vec<Observation>> = (0..1000).into_par_iter().map(run).collect();
    let rates = [(8.0, 8), (7.0, 7)].map(|(gradients, k)| gradients / kth_of_exponentials(k, 8, 1.0, None));
    for (pair, truth) in [rates[0] / rates[1], rates[0] / 8.0, rates[1] / 8.0].into_iter().enumerate() {
        let ratios: Vec<_> = runs.iter().map(|run| comparisons(run)[pair]).collect();
        let what = format!("{} over {}", ratios[0].policy_a, ratios[0].policy_b);
        holds(&what, &ratios.iter().map(|ratio| ratio.ratio).collect::<Vec<_>>(), truth);
    }
    let narrower = |run: &&Vec<Observation>| {
        let relative = |e: Estimate| e.standard_error / e.mean;
        let apart = relative(run[0].s_per_gradient).hypot(relative(run[1].s_per_gradient));
        relative(comparisons(run)[0].ratio) < apart
    };
    assert!(runs.iter().filter(narrower).count() > 990);
}

/// The sequential rule on skewed times and after a warm-up.
#[test]
fn intervals_of_a_given_precision_hold_for_heavy_tails() {
    for (name, m, law, target, exact) in [
        ("async", 8, "lognormal(0, 1.5)", 0.015, (1.125f64).exp() / 8.0),
        ("async", 8, "hyper-exp(0.9, 2, 0.2)", 0.02, 0.95 / 8.0),
        ("sync", 2, "weibull(0.5, 0.5)", 0.02, 1.75),
        ("ssp:2", 2, "exp(1)", 0.02, 7.0 / 12.0),
    ] {
        let runs = observe(name, m, &spec(law), Length::Precision(target), 300);
        assert!(runs.iter().all(|o| o.mean.half_width().unwrap() <= target * o.mean.mean));
        holds(&format!("{name}, {law} to {target}"), &each(&runs, |o| o.mean), exact);
    }
}

#[test]
fn an_infinite_variance_has_no_interval_and_no_endless_run() {
    for name in ["async", "sync", "ssp:2"] {
        let o = observe(name, 8, &spec("pareto(1, 1.5)"), Length::Precision(0.001), 1).remove(0);
        assert_eq!(o.mean.interval, None);
        assert!(o.updates <= 200_000, "{} updates", o.updates);
    }
}

/// A law whose rarest steps are so rare that no default run is honest: to a given precision it runs as long as it has to.
#[test]
fn a_given_precision_is_not_reached_before_it_is_honest() {
    let spec = spec("hyper-exp(0.99999, 1, 0.01)");
    let o = observe("async", 8, &spec, Length::Precision(0.05), 1).remove(0);
    let default = observe("async", 8, &spec, Length::Honest, 1).remove(0);
    assert!(o.mean.interval.is_some() && o.updates >= default.updates, "{:?} after {}", o.mean, o.updates);
}

/// Measured times of so many workers, who have in common what is left of the steps before, of a scatter of `common_s`.
fn measured(workers: u32, steps: u64, (common_s, persistence): (f64, f64), seed: u64) -> StepTimes {
    let normal = |worker, step| -> f64 {
        StandardNormal.sample(&mut RandomKey::new(seed, 1 << 32).at(Purpose::Compute, worker, step))
    };
    let mut common = normal(workers, 0);
    let mut times = Vec::new();
    for step in 0..steps {
        let seconds = |worker| 3.0 + common_s * common + 0.2 * normal(worker, step);
        times.extend((0..workers).map(|worker| StepTime { worker, step, seconds: seconds(worker) }));
        common = persistence * common + (1.0 - persistence * persistence).sqrt() * normal(workers, step + 1);
    }
    StepTimes::new(times).unwrap()
}

/// Intervals of sync with two workers on so many traces, each a sample of one process.
fn on_traces(traces: u64, dependence: Dependence, trace: impl Fn(u64) -> StepTimes + Sync) -> Vec<Estimate> {
    let one = |seed| {
        let source = TraceSource { file: "steps.csv".into(), column: None, dependence };
        let spec = ClusterSpec::of(Compute::measured(&source, &trace(seed)).unwrap());
        let (policies, workers, length) = (vec![policy("sync")], vec![2], Length::Honest);
        let experiment = Experiment { policies, workers, spec, model: Model::Event, length, deadline_s: None, seed };
        experiment.observe(&Progress::default()).remove(0).expect("never stopped").mean
    };
    (0..traces).into_par_iter().map(one).collect()
}

/// 3 s, and half the mean distance of two normal times: 0.2 s / sqrt(pi).
const GREATER_OF_TWO: f64 = 3.0 + 0.2 * 0.564_189_583_547_756_3;

#[test]
fn intervals_on_a_trace_hold_its_error_as_a_sample() {
    let independent = |seed| measured(1, 60, (0.0, 0.0), seed);
    holds("pooled", &on_traces(1000, Dependence::Pooled, independent), GREATER_OF_TWO);
    let coinciding = |seed| measured(2, 60, (0.2, 0.0), seed);
    holds("rows", &on_traces(1000, Dependence::Rows, coinciding), GREATER_OF_TWO);
}

/// What persists is seen in the trace, and what is drawn again for its error is drawn in stretches that are as long, whether the model
/// keeps it or not.
#[test]
fn intervals_on_a_persistent_trace_hold_its_error_as_a_sample() {
    // Under blocks a run is as many times as long.
    let cases = [
        (Dependence::Rows, 0.6, 1000),
        (Dependence::Rows, 0.8, 1000),
        (Dependence::Blocks(50), 0.6, 200),
        (Dependence::Blocks(50), 0.8, 200),
        (Dependence::Blocks(10), 0.8, 300),
    ];
    let wrong = cases.into_iter().filter_map(|(dependence, persistence, traces)| {
        let persistent = |seed| measured(2, 2000, (0.2, persistence), seed);
        strays(&format!("{dependence}, {persistence}"), &on_traces(traces, dependence, persistent), GREATER_OF_TWO)
    });
    assert_eq!(wrong.collect::<Vec<String>>(), Vec::<String>::new());
}

/// Phases that last for many steps: the exact mean of workers who never wait is E[X]/m, whatever depends on what.
#[test]
fn intervals_hold_where_phases_last() {
    for (m, stay) in [(4, 30), (4, 100), (16, 30)] {
        let law = format!("markov(constant(0.1), constant(1), {stay}, {stay})");
        let runs = observe("async", m, &spec(&law), Length::Honest, 200);
        holds(&format!("async, {m}, {law}"), &each(&runs, |o| o.mean), 0.55 / f64::from(m));
    }
}

/// Few rows know little, and say so: Student's quantile of as many. The slower of two is of a trace always a little below what it is of its
/// law, by a fifth of a standard error for ten rows, and so a few intervals less hold: 90 to 97 % of 1000, 92.7 expected.
#[test]
fn intervals_on_a_trace_of_few_rows_hold() {
    for rows in [3, 5, 10] {
        let found = on_traces(1000, Dependence::Pooled, |seed| measured(1, rows, (0.0, 0.0), seed));
        let held = found.iter().filter(|estimate| estimate.holds(GREATER_OF_TWO) == Some(true)).count();
        assert!((900..=970).contains(&held), "{rows} rows: {held} of 1000 hold");
    }
    let one = |seed| measured(1, 1, (0.0, 0.0), seed);
    assert!(on_traces(10, Dependence::Pooled, one).iter().all(|estimate| estimate.interval.is_none()));
}

/// An infinite variance after failures, and budgets that everybody meets in all that was seen: nothing is known of what is rare.
#[test]
fn what_is_too_heavy_or_was_never_seen_has_no_interval() {
    let failing = spec("exp(1)").with_failures(Failures::new(2.9, 0.0, None).unwrap());
    assert!(observe("sync", 3, &failing, Length::Honest, 3).iter().all(|o| o.mean.interval.is_none()));
    let rarely = spec("weibull(0.5, 0.5)").with_speeds(vec![1.0, 3.0]).unwrap();
    let runs = observe("anytime:1", 5, &rarely, Length::Honest, 60);
    let widths = runs.iter().filter_map(|o| o.mean.interval).map(|(low, high)| high - low);
    assert!(widths.clone().all(|width| width > 0.0) && widths.count() < runs.len());
}
