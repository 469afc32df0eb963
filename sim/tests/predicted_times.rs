//! Does the simulator do what theory says? Batches of seeds against every exact entry of its tables, of
//! simulated values, and its bounds.
//!
//! A batch is 40 runs of 16 384 updates; its mean is judged by the scatter of the runs, and each run's own standard error
//! by a chi-square of z-scores (see `common`). About 570 judgements of 1e-5 each: a false-alarm rate of 0.6 % for this
//! file. What a batch can see is a bias of about five of its standard errors, 0.3 to 1 % by law and policy.

mod common;

use common::{
    FALSE_ALARM, batch, judge, judge_batch, judge_chi_square, judge_mean, law, mean_s, observe, rule, spec, t_p,
    theory_s,
};
use rayon::prelude::*;
use straggle_sim::cluster::spec::Cancellation;
use straggle_sim::theory::{Kind, time_per_update};
use straggle_sim::{ClusterSpec, Experiment, Law, Length, Model, Observation, Progress, RandomKey, Station};

/// Runs a batch of a cell and judges it against an exact theory, which there must be.
fn judge_cell(name: &str, m: u32, spec: &ClusterSpec) {
    let theory = time_per_update(rule(name, m), spec).unwrap_or_else(|| panic!("no theory for {name}"));
    assert_eq!(theory.kind, Kind::Exact, "{name} on {spec:?}");
    let batch = batch(name, m, spec);
    assert!(batch.iter().all(|o| o.theory == Some(theory)));
    judge_batch(&format!("{name}, {m} workers, {}", spec.compute().law(0)), &batch, theory.seconds);
}

/// Asserts that a mean is what the reference tables print for it from another simulation, which it vouches for to better than 1 %:
/// to tell a wrong rule from a right one, no more. The same cells are followed bit for bit in `recursions.rs`.
fn meets_the_table(what: &str, batch: &[Observation], printed: f64) {
    let found = mean_s(batch);
    let beyond = ((found.mean - printed).abs() - 0.01 * printed).max(0.0);
    let t = beyond / found.standard_error;
    judge(&format!("{what}: {:.5} instead of {printed}", found.mean), t_p(t, batch.len() as f64 - 1.0));
}

const LAWS: [&str; 7] = [
    "exp(1)",
    "shifted-exp(1, 1)",
    "uniform(0, 2)",
    "gamma(4, 0.25)",
    "weibull(0.5, 0.5)",
    "lognormal(-0.125, 0.5)",
    "hyper-exp(0.9, 2, 0.18181818181818182)",
];

#[test]
fn order_statistics_are_predicted_for_every_law() {
    for name in LAWS {
        for (policy, m) in [("sync", 8), ("k-sync:4", 8), ("backup:2", 8), ("sync", 2), ("k-sync:1", 8)] {
            judge_cell(policy, m, &spec(name));
        }
    }
}

#[test]
fn async_is_predicted_for_every_law() {
    for name in LAWS {
        for (policy, m) in [("async", 8), ("k-batch-async:4", 8), ("async", 1), ("async", 3)] {
            judge_cell(policy, m, &spec(name));
        }
    }
}

#[test]
fn exponential_times_are_predicted_for_policies_between() {
    for (policy, m) in [
        ("k-async:2", 8),
        ("k-async:4", 8),
        ("k-async:6", 8),
        ("k-batch-sync:4", 8),
        ("k-batch-sync:12", 8),
        ("ssp:0", 2),
        ("ssp:1", 2),
        ("ssp:2", 2),
        ("ssp:4", 2),
        ("ssp:0", 8),
        ("local:2", 2),
        ("local:5", 8),
        ("local:20", 8),
    ] {
        judge_cell(policy, m, &spec("exp(1)"));
    }
    judge_cell("local:5", 8, &spec("gamma(4, 0.25)").with_delay(Some(law("constant(0.5)"))));
}

#[test]
fn unequal_workers_are_predicted() {
    let speeds = |name: &str| spec(name).with_speeds(vec![1.0, 1.0, 2.0, 4.0]).unwrap();
    for policy in ["sync", "k-sync:2", "async", "k-batch-async:3"] {
        judge_cell(policy, 4, &speeds("exp(1)"));
        judge_cell(policy, 6, &speeds("gamma(4, 0.25)"));
        judge_cell(policy, 4, &speeds("shifted-exp(1, 1)"));
    }
    // A delay does not get faster with the worker.
    judge_cell("async", 4, &speeds("uniform(0, 2)").with_delay(Some(law("exp(2)"))));
}

/// What never varies is exact to the last few bits.
#[test]
fn constant_times_are_exact() {
    let spec = spec("constant(0.3)");
    for policy in ["sync", "k-sync:4", "async", "k-batch-async:4", "k-async:4", "k-batch-sync:4", "ssp:2", "local:5"] {
        let theory = match policy {
            "ssp:2" | "k-async:4" => theory_s("async", 8, &spec) * f64::from(rule(policy, 8).quorum),
            _ => theory_s(policy, 8, &spec),
        };
        let observed = observe(policy, 8, &spec, Length::Honest, 1).remove(0);
        let ratio = observed.mean.mean / theory;
        assert!((ratio - 1.0).abs() < 1e-9, "{policy}: {} against {theory}", observed.mean.mean);
    }
}

/// Each squared deviation from the known mean has the variance for its mean: sync updates are independent.
#[test]
fn variances_of_order_statistics_are_predicted() {
    let squares = |n: u32| (1..=n).map(|i| f64::from(i).powi(-2)).sum::<f64>();
    for (k, p) in [(8, 8), (4, 8), (1, 8), (3, 3)] {
        let (kf, pf) = (f64::from(k), f64::from(p));
        let uniform = 4.0 * kf * (pf - kf + 1.0) / ((pf + 1.0) * (pf + 1.0) * (pf + 2.0));
        for (name, variance) in [("exp(1)", squares(p) - squares(p - k)), ("uniform(0, 2)", uniform)] {
            let policy = format!("k-sync:{k}");
            let mean = theory_s(&policy, p, &spec(name));
            let gaps = common::gaps(rule(&policy, p), &spec(name), RandomKey::new(0, 0), 0);
            let deviations: Vec<f64> = gaps.take(100_000).map(|gap| (gap - mean) * (gap - mean)).collect();
            judge_mean(&format!("variance of {policy}, {p} workers, {name}"), &deviations, variance);
        }
    }
    // K gradients of P memoryless workers, whoever they come from: Erlang, variance K / (P mu)^2.
    let gaps = common::gaps(rule("k-batch-sync:12", 8), &spec("exp(1)"), RandomKey::new(0, 0), 0);
    let deviations: Vec<f64> = gaps.take(100_000).map(|gap| (gap - 1.5) * (gap - 1.5)).collect();
    judge_mean("variance of k-batch-sync:12", &deviations, 12.0 / 64.0);
}

/// Reference numbers for P = 8, and its bounds: E[X_{K:P}] from above where new lasts longer than used, from
/// below where used lasts longer, K E[X]/P from below always.
#[test]
fn k_async_meets_the_table_and_stays_within_its_bounds() {
    let table = [
        ("exp(1)", [0.2677, 0.6345, 1.2179]),
        ("shifted-exp(1, 1)", [0.534, 1.240, 2.046]),
        ("uniform(0, 2)", [0.266, 0.625, 1.163]),
        ("hyper-exp(0.9, 2, 0.18181818181818182)", [0.272, 0.657, 1.383]),
    ];
    for (name, printed) in table {
        for (k, printed) in [2, 4, 6].into_iter().zip(printed) {
            let (policy, spec) = (format!("k-async:{k}"), spec(name));
            let batch = batch(&policy, 8, &spec);
            meets_the_table(&format!("{policy} {name}"), &batch, printed);
            let fresh = theory_s(&format!("k-sync:{k}"), 8, &spec);
            let renewal = f64::from(k) * spec.compute().law(0).mean() / 8.0;
            let found = mean_s(&batch);
            let noise = 5.0 * found.standard_error;
            assert!(found.mean > renewal - noise, "{policy} {name}: {} below {renewal}", found.mean);
            // The exponential law is both.
            let (new_lasts, used_lasts) =
                (!name.starts_with("hyper"), !name.starts_with("sh") && !name.starts_with('u'));
            assert!(!new_lasts || found.mean < fresh + noise, "{policy} {name}: {} above {fresh}", found.mean);
            assert!(!used_lasts || found.mean > fresh - noise, "{policy} {name}: {} below {fresh}", found.mean);
        }
    }
}

#[test]
fn k_batch_sync_meets_the_table() {
    for (k, printed) in [(4, 1.634), (12, 3.649)] {
        let batch = batch(&format!("k-batch-sync:{k}"), 8, &spec("shifted-exp(1, 1)"));
        meets_the_table(&format!("k-batch-sync:{k}"), &batch, printed);
    }
}

/// Whatever theory calls exact is, and whatever it calls a bound is one, on every fleet and policy it speaks of: many
/// cells, judged less sharply than the others.
#[test]
fn theory_holds_wherever_it_speaks() {
    let policies = [
        "sync",
        "k-sync:4",
        "k-batch-sync:4",
        "k-batch-sync:12",
        "k-async:4",
        "k-async:1",
        "k-batch-async:4",
        "ssp:0",
        "ssp:1",
        "ssp:5",
        "local:4",
        "async",
    ];
    let mut fleets: Vec<ClusterSpec> =
        Law::examples().into_iter().map(ClusterSpec::new).chain(common::odd_fleets()).collect();
    let discarded = |name: &str| spec(name).with_cancellation(Cancellation::AfterStep);
    fleets.extend([discarded("exp(1)"), discarded("gamma(4, 0.25)")]);
    fleets.push(discarded("exp(1)").with_cores(Some(3)).unwrap());
    fleets.push(spec("gamma(4, 0.25)").with_cores(Some(2)).unwrap());
    fleets.push(spec("exp(1)").with_uplink(Some(law("exp(2)")).into_iter().map(Station::delay).collect()));
    fleets.push(spec("exp(1)").with_update(Some(law("exp(20)"))));
    let serving = spec("exp(1)").with_service(Some(law("exp(2)"))).with_computing_server(true);
    fleets.extend([8, 5].map(|cores| serving.clone().with_cores(Some(cores)).unwrap()));
    // A mean can be judged where the variance is finite, and by its scatter where there is some.
    fleets.retain(|spec| spec.compute().law(0).variance().is_finite() && spec.compute().law(0).atoms().is_none());
    let cells: Vec<(&str, &ClusterSpec)> = policies.iter().flat_map(|p| fleets.iter().map(move |f| (*p, f))).collect();
    let judged = |&(policy, spec): &(&str, &ClusterSpec)| -> Option<Kind> {
        let theory = time_per_update(rule(policy, 8), spec)?;
        let found = mean_s(&observe(policy, 8, spec, Length::Updates(1024), 16));
        let beyond = match theory.kind {
            Kind::Exact => (theory.seconds - found.mean).abs(),
            Kind::Lower => theory.seconds - found.mean,
            Kind::Upper => found.mean - theory.seconds,
            Kind::Approximation => return None,
        };
        let what = format!("{policy} on {spec:?}: {} against {theory:?}", found.mean);
        judge(&what, t_p((beyond / found.standard_error).max(0.0), 15.0));
        Some(theory.kind)
    };
    let kinds: Vec<Kind> = cells.par_iter().filter_map(judged).collect();
    let count = |kind| kinds.iter().filter(|&&k| k == kind).count();
    let counts = [Kind::Exact, Kind::Lower, Kind::Upper].map(count);
    println!("{counts:?} exact values, lower and upper bounds");
    assert!(counts.iter().all(|&n| n > 3), "{counts:?} exact values, lower and upper bounds");
}

/// Think times of any law, service of the exponential law: 2.6.
#[test]
fn a_busy_server_is_predicted() {
    for compute in ["exp(1)", "constant(1)", "uniform(0, 2)", "weibull(0.5, 0.5)"] {
        for m in [1, 8, 16] {
            judge_cell("async", m, &spec(compute).with_service(Some(law("exp(10)"))));
        }
    }
    // Twice as much work at the server as the workers can do: it is never free, and who is faster does not matter.
    let busy = spec("exp(2)").with_service(Some(law("exp(1)")));
    judge_batch("saturated", &batch("async", 32, &busy), 1.0);
}

#[test]
fn shared_cores_are_predicted() {
    let shared = |name: &str, cores: u32| spec(name).with_cores(Some(cores)).unwrap();
    for (policy, m, cores) in [("sync", 8, 2), ("sync", 8, 7), ("k-sync:4", 8, 6), ("k-async:4", 8, 3), ("sync", 3, 1)]
    {
        judge_cell(policy, m, &shared("exp(1)", cores));
    }
    for name in ["exp(1)", "gamma(4, 0.25)", "uniform(0, 2)"] {
        for (policy, m, cores) in [("async", 8, 2), ("async", 5, 3), ("k-batch-async:4", 8, 3)] {
            judge_cell(policy, m, &shared(name, cores));
        }
    }
    let unequal = shared("gamma(4, 0.25)", 2).with_speeds(vec![1.0, 0.5, 3.0]).unwrap();
    judge_cell("async", 6, &unequal);
}

/// The model of fresh draws is its own theory: max, min and K-th smallest.
#[test]
fn the_gated_model_is_predicted() {
    for name in ["exp(2)", "gamma(4, 0.25)", "weibull(0.5, 0.5)"] {
        let experiment = |seed| Experiment {
            policies: ["sync", "async", "k-async:4", "k-batch-async:1", "ssp:3", "hogwild"].map(common::policy).into(),
            workers: vec![8],
            spec: spec(name),
            model: Model::Gated,
            length: Length::Updates(common::UPDATES),
            seed,
            deadline_s: None,
        };
        let seeds: Vec<_> = (0..common::SEEDS).map(|seed| experiment(seed).observe(&Progress::default())).collect();
        for cell in 0..seeds[0].len() {
            let batch: Vec<Observation> = seeds.iter().map(|cells| cells[cell].clone().unwrap()).collect();
            let k = if batch[0].cell.rule.quorum == 1 {
                "k-sync:1".to_string()
            } else {
                format!("k-sync:{}", batch[0].cell.rule.quorum)
            };
            let exact = theory_s(&k, 8, &spec(name));
            assert_eq!(batch[0].theory.map(|t| t.seconds), Some(exact));
            judge_batch(&format!("gated {} {name}", batch[0].cell.policy), &batch, exact);
        }
    }
}

/// The judges themselves: they let the truth pass and see a bias of five standard errors, and intervals too narrow.
#[test]
fn the_judges_can_condemn() {
    let batch = batch("async", 8, &spec("exp(1)"));
    let found = mean_s(&batch);
    let condemned = |exact: f64| std::panic::catch_unwind(|| judge_batch("a wrong value", &batch, exact)).is_err();
    assert!(!condemned(0.125));
    assert!(condemned(0.125 + 6.5 * found.standard_error) && condemned(0.125 - 6.5 * found.standard_error));
    assert!(std::panic::catch_unwind(|| judge_chi_square("half as wide", 4.0 * 40.0, 40.0)).is_err());
    assert!(std::panic::catch_unwind(|| judge_chi_square("twice as wide", 40.0 / 4.0, 40.0)).is_err());
    assert!(std::panic::catch_unwind(|| judge("unlikely", FALSE_ALARM / 2.0)).is_err());
}
