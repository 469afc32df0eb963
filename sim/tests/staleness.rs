//! How stale are gradients: whole laws by chi-square, means and variances by their scatter.
//!
//! Gradients are taken far enough apart to be independent. About 56 judgements of 1e-5 each (see `common`): a false-alarm
//! rate of 0.06 % for this file.

mod common;

use common::{judge_counts, judge_mean, mean_of, out_of_step, rule, run, spec};
use rayon::prelude::*;
use straggle_sim::{Accounts, ClusterSpec, RandomKey, Rule, theory};

/// The staleness of the gradient in one place of an update, of every `every`-th update after the warm-up.
fn staleness(rule: Rule, spec: &ClusterSpec, place: usize, every: u64, count: usize) -> Vec<u64> {
    let mut run = run(rule, spec, RandomKey::new(place as u64, 0));
    let mut next = out_of_step(rule, spec);
    let mut found = Vec::with_capacity(count);
    while found.len() < count {
        let orders = run.step().expect("simulated clusters never run dry").orders;
        if !orders.update.is_empty() && orders.version > next {
            found.push(orders.version - 1 - orders.update[place].base_version);
            next += every;
        }
    }
    found
}

fn counts(values: &[u64]) -> Vec<u64> {
    let mut counts = vec![0; *values.iter().max().expect("some") as usize + 1];
    values.iter().for_each(|&value| counts[value as usize] += 1);
    counts
}

fn geometric(p: f64) -> impl Fn(usize) -> f64 {
    move |staleness| p * (1.0 - p).powi(staleness as i32)
}

/// Each update is anybody's with equal chances: Pr(k) = (1/P)(1 - 1/P)^k, mean P - 1, variance P (P-1).
#[test]
fn memoryless_async_staleness_is_geometric() {
    for p in [2u32, 8, 20] {
        // Beyond 40 P updates an overlap has a chance of e^-40.
        let values = staleness(rule("async", p), &spec("exp(2)"), 0, 40 * u64::from(p), 20_000);
        let p = f64::from(p);
        judge_counts(&format!("async, {p} workers"), &counts(&values), geometric(1.0 / p), 8 * p as usize);
        let squares: Vec<f64> = values.iter().map(|&v| (v as f64 - p + 1.0).powi(2)).collect();
        judge_mean(&format!("variance for {p} workers"), &squares, p * (p - 1.0));
    }
}

/// Each update takes K of P with equal chances: geometric with p = K/P, in whatever place of the update.
#[test]
fn memoryless_k_async_staleness_is_geometric() {
    for k in [2u32, 4, 6] {
        for place in [0, k as usize - 1] {
            let values = staleness(rule(&format!("k-async:{k}"), 8), &spec("exp(2)"), place, 160, 20_000);
            let what = format!("k-async:{k}, place {place}");
            judge_counts(&what, &counts(&values), geometric(f64::from(k) / 8.0), 40);
        }
    }
}

/// A gradient in place l = 1..K began G submissions before, G geometric(1/P) on 1, 2, ...: tau = max(0, ceil((G - l)/K)).
#[test]
fn memoryless_k_batch_async_staleness_depends_on_the_place() {
    let longer = |hand_ins: usize| (7.0f64 / 8.0).powi(hand_ins as i32);
    let in_place = |k: usize, l: usize, tau: usize| match tau {
        0 => 1.0 - longer(l),
        _ => longer(l + (tau - 1) * k) - longer(l + tau * k),
    };
    for k in [4, 12] {
        let rule = rule(&format!("k-batch-async:{k}"), 8);
        for l in [1, 2, k] {
            let values = staleness(rule, &spec("exp(2)"), l - 1, 320 / k as u64 + 1, 20_000);
            judge_counts(&format!("k = {k}, place {l}"), &counts(&values), |tau| in_place(k, l, tau), 40);
        }
    }
    // The reference numbers, which are the average over places.
    let all = |tau: usize| (1..=4).map(|l| in_place(4, l, tau)).sum::<f64>() / 4.0;
    for (tau, printed) in [0.2758, 0.2997, 0.1757, 0.1030, 0.0604].into_iter().enumerate() {
        assert!((all(tau) - printed).abs() < 0.50001e-4, "Pr({tau}) = {}", all(tau));
    }
    let p0 = 1.0 - (1..=4).map(longer).sum::<f64>() / 4.0;
    assert!((p0 - all(0)).abs() < 1e-12);
}

/// Shares of updates and mean staleness of each worker: (1/m_i)/sum(1/m_j) and m_i sum_{j != i} 1/m_j, for any law.
///
/// For exponential rates (1, 1, 2, 4): .125, .125, .25, .5, and 7, 7, 3, 1; and then each worker's staleness is geometric.
#[test]
fn unequal_workers_have_their_shares_and_their_staleness() {
    let (m, updates, replications) = (4, 4000, 200);
    let exact = [(0.125, 7.0), (0.125, 7.0), (0.25, 3.0), (0.5, 1.0)];
    for name in ["exp(1)", "gamma(4, 0.25)", "uniform(0.1, 0.9)"] {
        let spec = spec(name).with_speeds(vec![1.0, 1.0, 2.0, 4.0]).unwrap();
        let rule = rule("async", m);
        let one = |replication| {
            let mut run = run(rule, &spec, RandomKey::new(21, replication));
            let (mut counts, mut sums) = ([0.0; 4], [0.0; 4]);
            let first = out_of_step(rule, &spec);
            loop {
                let orders = run.step().expect("simulated clusters never run dry").orders;
                match orders.version {
                    version if version > first + updates => break (counts, sums),
                    version if version > first => {
                        let task = orders.update[0];
                        counts[task.worker as usize] += 1.0 / updates as f64;
                        sums[task.worker as usize] += (version - 1 - task.base_version) as f64 / updates as f64;
                    }
                    _ => {}
                }
            }
        };
        let runs: Vec<([f64; 4], [f64; 4])> = (0..replications).into_par_iter().map(one).collect();
        for (worker, (share, mean)) in exact.into_iter().enumerate() {
            let what = format!("worker {worker} of {name}");
            judge_mean(&format!("share of {what}"), &runs.iter().map(|r| r.0[worker]).collect::<Vec<f64>>(), share);
            // The sum over a worker's gradients is share times mean; a ratio of two random numbers would be biased.
            let excess: Vec<f64> = runs.iter().map(|r| r.1[worker] - mean * r.0[worker]).collect();
            judge_mean(&format!("staleness of {what}"), &excess, 0.0);
        }
    }
}

#[test]
fn unequal_memoryless_workers_are_multinomial_and_geometric() {
    let spec = spec("exp(1)").with_speeds(vec![1.0, 1.0, 2.0, 4.0]).unwrap();
    let rates = [0.125, 0.125, 0.25, 0.5];
    let mut run = run(rule("async", 4), &spec, RandomKey::new(22, 0));
    let (mut shares, mut by_worker) = (vec![0; 4], vec![Vec::new(); 4]);
    while shares.iter().sum::<u64>() < 400_000 {
        let orders = run.step().expect("simulated clusters never run dry").orders;
        let Some(task) = orders.update.first() else { continue };
        // Each update is anybody's, independently of all before.
        shares[task.worker as usize] += 1;
        if orders.version % 320 < 4 && u64::from(task.worker) == orders.version % 320 {
            by_worker[task.worker as usize].push(orders.version - 1 - task.base_version);
        }
    }
    judge_counts("shares", &shares, |worker| rates[worker], 4);
    for (worker, values) in by_worker.iter().enumerate() {
        judge_counts(&format!("worker {worker}"), &counts(values), geometric(rates[worker]), 40);
    }
}

/// Means for laws that are not memoryless, over whole runs, task by task: unlike in the sum over updates, which `simulate` prints,
/// theory could be missed here.
#[test]
fn mean_staleness_does_not_depend_on_the_law() {
    for name in ["gamma(4, 0.25)", "shifted-exp(0.5, 2)", "weibull(0.5, 0.5)"] {
        for (policy, m) in [("async", 8), ("k-async:4", 8), ("k-batch-async:4", 8)] {
            let (rule, spec) = (rule(policy, m), spec(name));
            let one = |replication| {
                let (mut run, mut accounts) = (run(rule, &spec, RandomKey::new(22, replication)), Accounts::new(m));
                let first = out_of_step(rule, &spec);
                while accounts.gaps().count() < first {
                    accounts.add(&run.step().expect("simulated clusters never run dry"));
                }
                accounts.begin(|worker| run.cluster().spent_so_far(worker));
                while accounts.gaps().count() < 4096 {
                    accounts.add(&run.step().expect("simulated clusters never run dry"));
                }
                accounts.mean_staleness().expect("gradients were applied")
            };
            let means: Vec<f64> = (0..40).map(one).collect();
            let exact = theory::mean_staleness(rule).unwrap();
            judge_mean(&format!("{policy}, {name}"), &means, exact);
        }
    }
}

/// P = 8, variances 20.0 (Uniform) and 15.1 (1+Exp), and Pr(0) = .0012: simulated elsewhere, to 1 % and to its digits.
#[test]
fn regular_times_have_regular_staleness() {
    for (name, printed) in [("uniform(0, 2)", 20.0), ("shifted-exp(1, 1)", 15.1)] {
        let values = staleness(rule("async", 8), &spec(name), 0, 80, 100_000);
        let squares: Vec<f64> = values.iter().map(|&v| (v as f64 - 7.0).powi(2)).collect();
        let found = mean_of(&squares);
        assert!((found.mean - printed).abs() < 0.01 * printed + 5.0 * found.standard_error, "{name}: {found:?}");
        assert!(found.mean < 23.4, "below the Poisson approximation");
        if name.starts_with("shifted") {
            let fresh = values.iter().filter(|&&v| v == 0).count() as f64 / values.len() as f64;
            let noise = (0.0012f64 / values.len() as f64).sqrt();
            assert!((fresh - 0.0012).abs() < 0.00005 + 5.0 * noise, "Pr(0) = {fresh}");
        }
    }
}

/// The chance of a fresh gradient: at most 1/P where new lasts longer than used, at least 1/P where used does.
#[test]
fn fresh_gradients_are_rarer_where_new_lasts_longer() {
    let share = |name: &str| {
        let values = staleness(rule("async", 8), &spec(name), 0, 80, 40_000);
        values.iter().filter(|&&v| v == 0).count() as f64 / values.len() as f64
    };
    // One standard error is 0.0017.
    let (new_lasts, used_lasts) = (share("gamma(4, 0.25)"), share("weibull(0.5, 0.5)"));
    assert!(new_lasts < 0.125 - 5.0 * 0.0017, "{new_lasts}");
    assert!(used_lasts > 0.125 + 5.0 * 0.0017, "{used_lasts}");
}
