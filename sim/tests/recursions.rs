//! Is the event engine the same as the few lines that each policy comes to on paper? Bit for bit, from the same draws.
//!
//! Exact: no tolerance, no false alarms. SSP is in `ssp.rs`, shared cores are in `sharing.rs`.

mod common;

use common::{gaps, law, odd_fleets, rule, run, spec};
use straggle_sim::cluster::spec::Cancellation;
use straggle_sim::{ClusterSpec, Event, Law, RandomKey, Variates};

const UPDATES: usize = 2000;

/// Variates that each worker takes one after the other.
struct Workers {
    draws: Variates,
    next: Vec<u64>,
}

impl Workers {
    fn new(spec: &ClusterSpec, key: RandomKey, m: usize) -> Workers {
        Workers { draws: Variates::new(spec, key), next: vec![0; m] }
    }

    /// When the worker hands in what it starts now: computing is added first, then the delay.
    fn end(&mut self, worker: usize, start: f64) -> f64 {
        self.next[worker] += 1;
        let (worker, step) = (worker as u32, self.next[worker] - 1);
        start + self.draws.compute_s(worker, step) + self.draws.delay_s(worker, step)
    }
}

fn plain_fleets() -> Vec<ClusterSpec> {
    let odd = odd_fleets().into_iter().filter(|spec| spec.uncontended() == *spec);
    let heavy = ["pareto(0.1, 1.05)", "lognormal(-3, 3)"].map(spec);
    Law::examples().into_iter().map(ClusterSpec::new).chain(heavy).chain(odd).collect()
}

/// Instants of the first updates of a policy.
fn instants(name: &str, m: usize, spec: &ClusterSpec, key: RandomKey) -> Vec<f64> {
    let updates = run(rule(name, m as u32), spec, key).filter(|(_, event)| matches!(event, Event::Updated(_)));
    updates.take(UPDATES).map(|(at, _)| at.seconds()).collect()
}

/// Asserts that a policy updates at the instants of a recursion, which is called with everybody's first ends.
fn is(name: &str, m: usize, mut recursion: impl FnMut(&mut Workers, &mut [f64]) -> f64) {
    for (i, spec) in plain_fleets().iter().enumerate() {
        let key = RandomKey::new(i as u64, 1);
        let mut workers = Workers::new(spec, key, m);
        let mut ends: Vec<f64> = (0..m).map(|worker| workers.end(worker, 0.0)).collect();
        let expected: Vec<f64> = (0..UPDATES).map(|_| recursion(&mut workers, &mut ends)).collect();
        let found = instants(name, m, spec, key);
        assert!(found == expected, "{name}, {m} workers, {spec:?}: {:?} not {:?}", &found[..5], &expected[..5]);
    }
}

/// Workers by the ends of their steps, the lowest number first among equals.
fn in_order(ends: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..ends.len()).collect();
    order.sort_by(|&a, &b| ends[a].total_cmp(&ends[b]));
    order
}

#[test]
fn sync_is_the_maximum_of_fresh_draws() {
    is("sync", 8, |workers, ends| {
        let at = ends.iter().copied().fold(0.0, f64::max);
        (0..ends.len()).for_each(|worker| ends[worker] = workers.end(worker, at));
        at
    });
}

#[test]
fn k_sync_is_the_kth_smallest_of_fresh_draws() {
    is("k-sync:3", 8, |workers, ends| {
        let at = ends[in_order(ends)[2]];
        (0..ends.len()).for_each(|worker| ends[worker] = workers.end(worker, at));
        at
    });
}

#[test]
fn k_async_restarts_the_first_k() {
    for k in [1, 2, 4, 6, 8] {
        is(&format!("k-async:{k}"), 8, |workers, ends| {
            let first = &in_order(ends)[..k];
            let at = ends[first[k - 1]];
            first.iter().for_each(|&worker| ends[worker] = workers.end(worker, at));
            at
        });
    }
}

#[test]
fn k_batch_async_counts_k_renewals() {
    for k in [1, 4, 12] {
        is(&format!("k-batch-async:{k}"), 8, |workers, ends| {
            let mut at = 0.0;
            for _ in 0..k {
                let worker = in_order(ends)[0];
                at = ends[worker];
                ends[worker] = workers.end(worker, at);
            }
            at
        });
    }
}

#[test]
fn k_batch_sync_counts_k_renewals_and_starts_anew() {
    for k in [1, 4, 12] {
        is(&format!("k-batch-sync:{k}"), 8, |workers, ends| {
            let mut at = 0.0;
            for n in 1..=k {
                let worker = in_order(ends)[0];
                at = ends[worker];
                if n < k {
                    ends[worker] = workers.end(worker, at);
                }
            }
            (0..ends.len()).for_each(|worker| ends[worker] = workers.end(worker, at));
            at
        });
    }
}

/// A task of local SGD computes all its steps, then its delay passes, once.
#[test]
fn local_sgd_is_the_maximum_of_sums() {
    for (i, spec) in plain_fleets().iter().enumerate() {
        let key = RandomKey::new(i as u64, 2);
        let draws = Variates::new(spec, key);
        let mut at = 0.0;
        for (round, found) in instants("local:5", 8, spec, key).into_iter().enumerate() {
            let end = |worker: u32| {
                let steps = 5 * round as u64..5 * (round as u64 + 1);
                let compute: f64 = steps.map(|step| draws.compute_s(worker, step)).sum();
                at + compute + draws.delay_s(worker, round as u64)
            };
            at = (0..8).map(end).fold(0.0, f64::max);
            assert_eq!(found, at, "round {round} on {spec:?}");
        }
    }
}

/// First come, first served: a submission is done at max(arrival, server free) + service, an update so much later.
#[test]
fn a_busy_server_is_a_queue() {
    for (i, compute) in ["exp(1)", "constant(1)", "gamma(4, 0.25)", "pareto(0.1, 1.05)"].into_iter().enumerate() {
        for (service, update) in [("exp(10)", None), ("exp(1)", Some("gamma(2, 0.05)")), ("constant(0.1)", None)] {
            let spec = spec(compute).with_service(Some(law(service))).with_update(update.map(law));
            let key = RandomKey::new(i as u64, 3);
            let mut workers = Workers::new(&spec, key, 8);
            let mut arrivals: Vec<f64> = (0..8).map(|worker| workers.end(worker, 0.0)).collect();
            let mut free = 0.0;
            for (version, found) in (1..).zip(instants("async", 8, &spec, key)) {
                let worker = in_order(&arrivals)[0];
                let serial = workers.next[worker] - 1;
                free = f64::max(free, arrivals[worker]) + workers.draws.service_s(worker as u32, serial);
                free += workers.draws.update_s(version);
                arrivals[worker] = workers.end(worker, free);
                assert_eq!(found, free, "{compute}, {service}");
            }
        }
    }
}

/// Where computing cannot be stopped, a worker begins when it is through with what was cancelled.
#[test]
fn k_sync_may_have_to_wait_for_what_is_in_vain() {
    for (i, spec) in plain_fleets().into_iter().enumerate() {
        let spec = spec.with_cancellation(Cancellation::AfterStep);
        let key = RandomKey::new(i as u64, 5);
        let draws = Variates::new(&spec, key);
        // When each worker can begin, and the end of what it computes.
        let (mut at, mut free) = (0.0, vec![0.0; 8]);
        for (round, found) in (0..).zip(instants("k-sync:3", 8, &spec, key)) {
            let began: Vec<f64> = free.iter().map(|&free| f64::max(at, free)).collect();
            let computed: Vec<f64> = (0..8).map(|w| began[w] + draws.compute_s(w as u32, round)).collect();
            let ends: Vec<f64> = (0..8).map(|w| computed[w] + draws.delay_s(w as u32, round)).collect();
            at = ends[in_order(&ends)[2]];
            // What has not begun by then never will.
            free = (0..8).map(|w| if began[w] > at { began[w] } else { computed[w] }).collect();
            assert_eq!(found, at, "round {round} on {spec:?}");
        }
    }
}

/// The gaps that other tests look at add up to the instants.
#[test]
fn gaps_add_up() {
    let (spec, key) = (spec("exp(1)"), RandomKey::new(0, 0));
    let total: f64 = gaps(rule("async", 8), &spec, key, 0).take(UPDATES).sum();
    let last = *instants("async", 8, &spec, key).last().unwrap();
    assert!((total / last - 1.0).abs() < 1e-12);
}
