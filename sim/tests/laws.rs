//! Are whole distributions right, not only means: what is drawn, the time of an iteration, the gap between updates?
//!
//! Kolmogorov-Smirnov on independent values, p-values as in `common`: about 85 judgements of 1e-5 each, a false-alarm rate
//! of 0.08 % for this file.

mod common;

use common::{gaps, judge_counts, judge_law, judge_mean, law, out_of_step, rule, run, spec};
use rayon::prelude::*;
use statrs::distribution::{Beta, ContinuousCDF, Erlang};
use straggle_sim::theory::quadrature::integral;
use straggle_sim::{ClusterSpec, Event, Law, RandomKey, Run, Simulated, TraceSource, Variates};

const DRAWS: u64 = 200_000;

/// Variates over workers, steps and replications, as a run makes them.
fn draws(spec: &ClusterSpec) -> Vec<f64> {
    let all: Vec<Variates> = (0..10).map(|replication| Variates::new(spec, RandomKey::new(0, replication))).collect();
    let one = |i: u64| all[(i % 10) as usize].compute_s((i / 10 % 20) as u32, i / 200);
    (0..DRAWS).map(one).collect()
}

#[test]
fn every_sampler_draws_from_its_distribution_function() {
    let more = [
        "gamma(0.3, 2)",
        "gamma(1, 1)",
        "weibull(0.5, 0.5)",
        "pareto(0.1, 1.05)",
        "lognormal(0, 2)",
        "hyper-exp(0.1, 0.1, 10)",
        "shifted-exp(0, 3)",
        "gumbel(1, 0.3)",
        "normal(0.5, 0.02)",
        "normal(0.5, 1)",
        "normal(1, 5)",
    ];
    for law in
        Law::examples().into_iter().chain(more.map(law)).filter(|law| law.atoms().is_none() && law.is_independent())
    {
        let values = draws(&ClusterSpec::new(law.clone()));
        judge_law(&law.to_string(), values.clone(), |t| law.cdf(t));
        // The same by quantiles: u = F(t) is uniform.
        judge_law(&law.to_string(), values.iter().map(|&t| 1.0 - law.survival(t)).collect(), |u| u.clamp(0.0, 1.0));
        assert!(values.iter().all(|&t| t >= law.minimum()));
        let sums = values.iter().step_by(100).map(|&t| law.cdf(t) + law.survival(t));
        sums.for_each(|sum| assert!((sum - 1.0).abs() < 1e-12, "{law}: {sum}"));
    }
    assert!(draws(&spec("constant(0.5)")).iter().all(|&t| t == 0.5));
}

#[test]
fn a_trace_is_drawn_evenly_and_speeds_divide_times() {
    let seconds: Vec<f64> = (1..=7).map(f64::from).collect();
    let trace = Law::trace(TraceSource::file("seven"), seconds).unwrap();
    let mut counts = [0; 7];
    draws(&ClusterSpec::new(trace)).iter().for_each(|&t| counts[t as usize - 1] += 1);
    judge_counts("trace", &counts, |_| 1.0 / 7.0, 7);

    let plain = Variates::new(&spec("gamma(4, 0.25)"), RandomKey::new(0, 0));
    let unequal = spec("gamma(4, 0.25)").with_speeds(vec![1.0, 0.5, 4.0]).unwrap();
    let unequal = Variates::new(&unequal, RandomKey::new(0, 0));
    for (worker, slowness) in [(0, 1.0), (1, 2.0), (2, 0.25), (3, 1.0), (4, 2.0)] {
        (0..100).for_each(|n| assert_eq!(unequal.compute_s(worker, n), slowness * plain.compute_s(worker, n)));
    }
}

/// Neighbours in step, worker, replication, seed and purpose: products of uniforms have the mean 1/4.
#[test]
fn neighbours_luck_is_independent() {
    let uniform = spec("uniform(0, 1)").with_delay(Some(law("uniform(0, 1)"))).with_service(Some(law("uniform(0, 1)")));
    let here = Variates::new(&uniform, RandomKey::new(0, 0));
    let next_replication = Variates::new(&uniform, RandomKey::new(0, 1));
    let next_seed = Variates::new(&uniform, RandomKey::new(1, 0));
    type Neighbour<'a> = &'a dyn Fn(u32, u64) -> f64;
    let neighbours: [(&str, Neighbour); 6] = [
        ("step", &|worker, n| here.compute_s(worker, n + 1)),
        ("worker", &|worker, n| here.compute_s(worker + 1, n)),
        ("replication", &|worker, n| next_replication.compute_s(worker, n)),
        ("seed", &|worker, n| next_seed.compute_s(worker, n)),
        ("delay", &|worker, n| here.delay_s(worker, n)),
        ("service", &|worker, n| here.service_s(worker, n)),
    ];
    for (what, neighbour) in neighbours {
        // Every second worker and step, so that products share no factor.
        let product = |i: u64| {
            let (worker, n) = (2 * (i % 10) as u32, 2 * (i / 10));
            here.compute_s(worker, n) * neighbour(worker, n)
        };
        judge_mean(&format!("next {what}"), &(0..DRAWS).map(product).collect::<Vec<f64>>(), 0.25);
    }
}

/// Pr(X_{P:P} <= t) = F(t)^P and Pr(X_{K:P} <= t) = I_{F(t)}(K, P-K+1): iterations are independent, all are used.
#[test]
fn iteration_times_have_the_law_of_order_statistics() {
    for name in ["exp(2)", "gamma(4, 0.25)", "uniform(0.1, 0.9)", "pareto(0.3, 2.5)", "weibull(0.5, 0.5)"] {
        let spec = spec(name);
        for (k, m) in [(8, 8), (20, 20), (4, 8), (1, 8)] {
            let times =
                gaps(rule(&format!("k-sync:{k}"), m), &spec, RandomKey::new(k.into(), 0), 0).take(20_000).collect();
            let order = Beta::new(f64::from(k), f64::from(m - k + 1)).unwrap();
            judge_law(&format!("k-sync:{k} of {m}, {name}"), times, |t| match k == m {
                true => spec.compute().law(0).cdf(t).powi(m as i32),
                false => order.cdf(spec.compute().law(0).cdf(t)),
            });
        }
    }
}

/// K memoryless gradients of P workers: Erlang(K, P mu). Both are exact from the first update on.
#[test]
fn k_batches_of_memoryless_gradients_are_erlang() {
    for policy in ["k-batch-sync:12", "k-batch-async:12"] {
        let times = gaps(rule(policy, 8), &spec("exp(2)"), RandomKey::new(0, 0), 0).take(20_000).collect();
        let erlang = Erlang::new(12, 16.0).unwrap();
        judge_law(policy, times, |t| erlang.cdf(t));
    }
}

/// A long-run gap of async from each of many runs: one alone, since successive gaps are correlated.
fn stationary_gaps(m: u32, spec: &ClusterSpec, runs: u64) -> Vec<f64> {
    let rule = rule("async", m);
    let skip = 3 * out_of_step(rule, spec) as usize;
    let one = |replication| gaps(rule, spec, RandomKey::new(11, replication), skip).next().expect("runs do not end");
    (0..runs).into_par_iter().map(one).collect()
}

/// 2.3: Pr(T > t) = S(t) (integral of S from t on / E[X])^(P-1).
#[test]
fn async_gaps_have_their_stationary_law() {
    for name in ["exp(2)", "uniform(0.1, 0.9)", "gamma(4, 0.25)", "shifted-exp(0.5, 2)", "weibull(0.7, 1)"] {
        let spec = spec(name);
        let law = spec.compute().law(0);
        for m in [2, 4, 8] {
            let values = stationary_gaps(m, &spec, 10_000);
            // E[(X - t)+] = E[X] - integral of S up to t.
            let beyond = |t: f64| 1.0 - integral(&|u| law.survival(u), 0.0, t, 1e-10) / law.mean();
            judge_law(&format!("async gaps, {m} workers, {name}"), values, |t| {
                1.0 - law.survival(t) * beyond(t).max(0.0).powi(m as i32 - 1)
            });
        }
    }
}

/// 2.3: for many workers the gap is exponential of rate P/E[X], whatever the law; how far it still is from that, the
/// stationary law tells (0.002 for 200 workers of this law, of which 4000 draws see nothing).
#[test]
fn async_gaps_of_many_workers_are_exponential() {
    let spec = spec("gamma(4, 0.25)");
    judge_law("200 workers", stationary_gaps(200, &spec, 4000), |t| -(-200.0 * t).exp_m1());
}

/// A run that begins in the middle of things is stationary from its first moment: the first round, and every number of updates, has
/// its long-run mean, whatever the law and the workers. One whose workers all start fresh has not.
#[test]
fn a_run_that_begins_in_the_middle_needs_no_warm_up() {
    let uneven = |law: &str| spec(law).with_speeds(vec![1.0, 0.5, 3.0]).unwrap();
    let delayed = |law: &str| uneven(law).with_delay(Some(common::law("gamma(2, 0.3)")));
    let plain = ["uniform(0.1, 0.9)", "gamma(4, 0.25)", "shifted-exp(0.9, 10)", "weibull(0.5, 0.5)"].map(spec);
    let others = [uneven("hyper-exp(0.9, 2, 0.2)"), uneven("lognormal(0, 1)"), delayed("constant(1)")];
    for (policy, spec) in
        plain.into_iter().chain(others).flat_map(|spec| [("async", spec.clone()), ("async-local", spec)])
    {
        let steps = if policy == "async" { 1 } else { 3 };
        let rule = rule(&format!("async-local:{steps}"), 7);
        let after = |updates: u64, middle: bool| -> Vec<f64> {
            let one = |replication| {
                let draws = Variates::new(&spec, RandomKey::new(12, replication));
                let draws = if middle { draws.in_the_middle(&spec, rule) } else { draws };
                let mut run = Run::new(rule, Simulated::with_variates(spec.clone(), draws, 7, ()));
                while run.step().expect("runs do not end").orders.version < updates {}
                run.cluster().now().seconds()
            };
            (0..4000).into_par_iter().map(one).collect()
        };
        let rate: f64 = (0..7).map(|w| 1.0 / spec.mean_task(w, steps)).sum();
        for updates in [1, 5, 20] {
            let what = format!("{updates} updates, {spec:?}");
            judge_mean(&what, &after(updates, true), updates as f64 / rate);
        }
        if spec.delay().is_none() && steps == 1 {
            let fresh = common::mean_of(&after(20, false));
            assert!(fresh.z(20.0 / rate).unwrap().abs() > 6.0, "the first rounds are others: {fresh:?} for {spec:?}");
        }
    }
}

/// 2.3: of workers who start fresh, E[N(t)] -> P (t/E[X] + (CV^2 - 1)/2); Var of the time for N updates -> N (E[X]/P)^2 CV^2.
#[test]
fn async_counts_start_with_the_bias_of_renewal_theory() {
    let (spec, m, t) = (spec("gamma(4, 0.25)"), 8, 12.0);
    let count = |replication| {
        let updates = run(rule("async", m), &spec, RandomKey::new(13, replication));
        let updates = updates.take_while(|(at, _)| at.seconds() <= t);
        updates.filter(|(_, event)| matches!(event, Event::Updated(_))).count() as f64
    };
    let counts: Vec<f64> = (0..20_000).into_par_iter().map(count).collect();
    // The approach is exponential, e^(-2 * 4 * 12) for the slowest of this law's modes.
    judge_mean("N(t)", &counts, f64::from(m) * (t - 0.375));
}

/// 2.3: successive gaps are correlated (-0.13 for a uniform law and four workers), which a batch of one value forgets.
#[test]
fn async_gaps_are_correlated() {
    let rule = rule("async", 4);
    let lag_1 = |name: &str| {
        let spec = spec(name);
        let gaps: Vec<f64> = gaps(rule, &spec, RandomKey::new(14, 0), 10_000).take(400_000).collect();
        let mean = spec.compute().law(0).mean() / 4.0;
        let (deviations, squares): (Vec<f64>, f64) = (
            gaps.windows(2).map(|w| (w[0] - mean) * (w[1] - mean)).collect(),
            gaps.iter().map(|g| (g - mean).powi(2)).sum(),
        );
        deviations.iter().sum::<f64>() / squares
    };
    // White noise of 400 000 values has lag-1 correlations of 0.0016.
    let (uniform, memoryless) = (lag_1("uniform(0, 2)"), lag_1("exp(1)"));
    assert!(
        (uniform + 0.13).abs() < 0.005 + 5.0 * 0.0016,
        "{uniform} instead of the -0.13 that the reference tables print"
    );
    assert!(memoryless.abs() < 5.0 * 0.0016, "{memoryless}: gaps of memoryless workers are independent");
}

/// Steps of one chain are no sample, but the steps of one number of many workers are; and steps of one worker keep their
/// closed correlation.
#[test]
fn phases_pass_and_leave_their_correlation() {
    for text in
        ["markov(exp(4), exp(1), 20, 5)", "markov(constant(1), gamma(4, 1), 2, 2)", "markov(exp(1), exp(0.1), 300, 30)"]
    {
        let law = law(text);
        let Law::Markov(phases) = &law else { panic!("{law}") };
        let variates = Variates::new(&ClusterSpec::new(law.clone()), RandomKey::new(11, 0));
        for step in [0, 1, 1000] {
            let values: Vec<f64> = (0..20_000).map(|worker| variates.compute_s(worker, step)).collect();
            if law.minimum() == 0.0 && !text.contains("constant") {
                judge_law(text, values.clone(), |t| law.cdf(t));
            }
            let fast = values.iter().filter(|&&t| t == 1.0).count() as u64;
            if text.contains("constant") {
                judge_counts(text, &[fast, values.len() as u64 - fast], |_| 0.5, 2);
            }
        }
        // Worker by worker: products at a distance, and the mean.
        let (mean, sd) = (law.mean(), law.variance().sqrt());
        for lag in [1u32, 3, 10] {
            let of = |worker: u32| {
                let steps: Vec<f64> = (0..600).map(|step| (variates.compute_s(worker, step) - mean) / sd).collect();
                let pairs = steps.iter().zip(&steps[lag as usize..]);
                pairs.map(|(a, b)| a * b).sum::<f64>() / (600 - lag) as f64
            };
            let found: Vec<f64> = (0..300).map(of).collect();
            judge_mean(&format!("{text}, lag {lag}"), &found, phases.correlation(lag).unwrap());
        }
        let means: Vec<f64> =
            (0..300).map(|worker| (0..600).map(|step| variates.compute_s(worker, step)).sum::<f64>() / 600.0).collect();
        judge_mean(&format!("{text}, mean"), &means, mean);
    }
}
