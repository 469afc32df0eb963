//! Formulas of what else a cluster has: contention, nobody who can be stopped, budgets, laws for each worker, measured steps,
//! a common factor, passing phases. Each simulated mean against the exact one.
//!
//! A judgement fails a correct program with probability 1e-5; there are about forty.

mod common;

use common::{judge, mean_s, observe, rule, spec, t_p};
use straggle_sim::theory::{self, Kind, checkpoint_interval, time_per_update};
use straggle_sim::{Cancellation, ClusterSpec, Compute, Dependence, Length, StepTimes, TraceSource};

/// The policy is run on 8 workers, or so many, and its mean is what an exact formula says, which is of a row of this condition.
fn meets(policy: &str, m: u32, spec: &ClusterSpec, condition: &str) {
    let seen = match spec.cancellation() {
        Cancellation::Never => rule(policy, m).never_cancelling(),
        Cancellation::AtOnce | Cancellation::AfterStep => rule(policy, m),
    };
    let theory = time_per_update(seen, spec).unwrap_or_else(|| panic!("{policy} has no formula"));
    assert_eq!(theory.kind, Kind::Exact, "{policy}: {theory:?}");
    assert!(theory.formula.condition.contains(condition), "{policy}: {theory:?}");
    let found = mean_s(&observe(policy, m, spec, Length::Updates(4096), 12));
    match found.standard_error > 1e-12 * found.mean {
        true => {
            let t = (found.mean - theory.seconds) / found.standard_error;
            judge(&format!("{policy}, {condition}: {} against {}", found.mean, theory.seconds), t_p(t, 11.0));
        }
        false => {
            assert!((found.mean / theory.seconds - 1.0).abs() < 1e-9, "{policy}: {} {}", found.mean, theory.seconds)
        }
    }
}

#[test]
fn contention_is_a_death_process_or_a_constant_number_who_compute() {
    let busy = |law: &str| spec(law).with_contention(vec![1.0, 1.1, 1.3, 1.6]).unwrap();
    for policy in ["sync", "k-sync:3", "k-async:3"] {
        meets(policy, 8, &busy("exp(1)"), "contention");
    }
    meets("async", 8, &busy("gamma(4, 0.25)"), "contention");
    meets("fedbuff:2:3", 8, &busy("exp(1)"), "contention");
    meets("local:3", 4, &busy("constant(1)"), "contention");
    meets("async", 1, &busy("exp(1)").with_contention(vec![1.5]).unwrap(), "contention");
    let served = busy("gamma(4, 0.25)").with_service(Some("exp(4)".parse().unwrap()));
    meets("async", 6, &served, "contention");
    assert_eq!(time_per_update(rule("sync", 8), &busy("gamma(4, 0.25)")), None);
    assert_eq!(time_per_update(rule("ssp:2", 8), &busy("exp(1)")), None);
}

#[test]
fn late_workers_are_a_chain_whether_they_are_dropped_on_arrival_or_finish_their_step() {
    for cancellation in [Cancellation::Never, Cancellation::AfterStep] {
        let spec = spec("exp(1)").with_cancellation(cancellation);
        for policy in ["k-sync:1", "k-sync:5", "backup:1", "k-batch-sync:4", "k-batch-sync:12"] {
            meets(policy, 8, &spec, "Exp");
        }
    }
    // By hand: two workers, the first of which counts, and half of the time the late one is first: 1/2 + 1/2 (1/2).
    assert_eq!(theory::fresh_workers(1, 2), Some(0.75));
}

#[test]
fn budgets_are_tried_again_where_nobody_has_anything() {
    meets("anytime:0.5", 2, &spec("exp(1)"), "independent steps");
    meets("anytime:0.5", 3, &spec("gamma(4, 0.25)"), "independent steps");
    meets("drop-compute:2:4", 4, &spec("exp(2)"), "sum of M steps");
    meets("drop-compute:0.4:2", 2, &spec("gamma(4, 0.25)"), "sum of M steps");
    meets("drop-compute:4:4", 4, &spec("gamma(25, 0.04)").with_speeds(vec![1.0, 2.0]).unwrap(), "sum of M steps");
    meets("k-local:3:4", 8, &spec("gamma(4, 0.25)"), "sum of H steps");
    // Only near where the sum has no law: within a few per cent.
    let weibull = spec("weibull(2, 0.5)");
    let theory = time_per_update(rule("drop-compute:100:8", 32), &weibull).unwrap();
    assert_eq!(theory.kind, Kind::Approximation);
    let found = mean_s(&observe("drop-compute:100:8", 32, &weibull, Length::Updates(4096), 12)).mean;
    assert!((found / theory.seconds - 1.0).abs() < 0.02, "{found} {theory:?}");
}

#[test]
fn unequal_laws_common_factors_and_phases_have_their_order_statistics() {
    let laws =
        |texts: &[&str]| ClusterSpec::of(Compute::Laws(texts.iter().map(|text| text.parse().unwrap()).collect()));
    let unequal = laws(&["exp(1)", "gamma(4, 0.25)", "weibull(2, 0.5)"]);
    for policy in ["sync", "k-sync:3"] {
        meets(policy, 7, &unequal, "a law for each worker");
    }
    meets("async", 7, &unequal, "any law");
    let common = spec("gamma(4, 0.25)").with_common_factor(Some("uniform(0.5, 2)".parse().unwrap()));
    meets("sync", 8, &common, "in common");
    meets("k-sync:5", 8, &common, "in common");
    let phases = spec("markov(exp(4), exp(1), 5, 2)");
    meets("sync", 8, &phases, "any law");
    meets("k-sync:3", 8, &phases, "any law");
    assert!(time_per_update(rule("local:4", 8), &phases).is_none_or(|theory| theory.kind != Kind::Exact));
    assert!(time_per_update(rule("k-batch-sync:12", 8), &phases).is_none());
}

#[test]
fn measured_steps_are_their_own_mean() {
    let times = (0..3u32).flat_map(|worker| {
        (0..40u64).map(move |step| {
            let seconds = 1.0 + f64::from(worker) / 10.0 + ((step * 7 + u64::from(worker) * 3) % 11) as f64 / 5.0;
            straggle_sim::StepTime { worker, step, seconds }
        })
    });
    let times = StepTimes::new(times).unwrap();
    for dependence in [Dependence::Rows, Dependence::Blocks(7), Dependence::ByWorker] {
        let source = TraceSource { dependence, ..TraceSource::file("made up") };
        let measured = ClusterSpec::of(Compute::measured(&source, &times).unwrap());
        let condition =
            if dependence == Dependence::ByWorker { "a law for each worker" } else { "whole measured steps" };
        for policy in ["sync", "k-sync:2"] {
            meets(policy, 3, &measured, condition);
        }
        meets("async", 3, &measured, "any law");
    }
}

#[test]
fn nothing_is_said_where_nothing_holds() {
    let failing = spec("exp(1)").with_failures(straggle_sim::Failures::new(100.0, 5.0, None).unwrap());
    for policy in ["k-sync:4", "ssp:2", "rennala:4", "grace:4:0.5"] {
        assert_eq!(time_per_update(rule(policy, 8), &failing), None, "{policy}");
    }
    let shared = spec("exp(1)").with_cores(Some(2)).unwrap();
    for policy in ["rennala:4", "ringmaster:4", "grace:4:0.5", "anytime:2"] {
        assert_eq!(time_per_update(rule(policy, 8), &shared), None, "{policy}");
        assert_eq!(
            time_per_update(rule(policy, 8), &spec("exp(1)").with_service(Some("exp(9)".parse().unwrap()))),
            None
        );
    }
    for policy in ["rennala:4", "ringmaster:4", "grace:4:0.5"] {
        assert_eq!(time_per_update(rule(policy, 8), &spec("gamma(4, 0.25)")), None, "{policy}");
    }
}

/// The exact interval loses least: the mean time of work tau and its checkpoint is M (e^((tau + C)/M) - 1).
#[test]
fn no_other_checkpoint_interval_loses_less() {
    for (mtbf, cost) in [(50.0, 2.0), (1000.0, 1.0), (10.0, 8.0)] {
        let best = checkpoint_interval(mtbf, cost);
        let loss = |tau: f64| mtbf * ((tau + cost) / mtbf).exp_m1() / tau;
        for factor in [0.9, 0.99, 1.01, 1.1] {
            assert!(loss(best) < loss(factor * best), "{mtbf}, {cost}: {best}");
        }
    }
}

#[test]
fn every_formula_has_a_source() {
    let all = theory::formula::formulas();
    assert!(all.len() > 30);
    for formula in &all {
        assert!(!formula.citation.is_empty() && !formula.condition.is_empty(), "{formula:?}");
        assert_eq!(all.iter().filter(|other| other == &formula).count(), 1, "{formula:?} stands there twice");
    }
}
