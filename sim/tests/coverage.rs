//! Do 95 % intervals hold the true mean 95 times in a hundred, as `simulate` makes them?
//!
//! 2000 independent runs a cell; between 93 and 97 % of their intervals must hold the exact mean. If the true coverage were
//! 95 %, a share of 2000 would stray so far with probability 4e-5 (4.1 standard errors): with 8 cells a false-alarm rate of
//! 0.03 % for this file.

mod common;

use common::{observe, rule, spec};
use straggle_sim::theory::{Kind, time_per_update};
use straggle_sim::{ClusterSpec, Length, Observation};

const RUNS: u64 = 2000;

/// The share of runs whose interval holds what theory says, exactly.
fn coverage(name: &str, m: u32, spec: &ClusterSpec, length: Length, each: impl Fn(&Observation)) -> f64 {
    let theory = time_per_update(rule(name, m), spec).unwrap();
    assert_eq!(theory.kind, Kind::Exact);
    let runs = observe(name, m, spec, length, RUNS);
    runs.iter().for_each(each);
    let holds = |o: &&Observation| (o.mean.low()..=o.mean.high()).contains(&theory.seconds);
    runs.iter().filter(holds).count() as f64 / RUNS as f64
}

fn covers(name: &str, m: u32, law: &str) {
    // Not a power of two: the batches that `simulate` uses when one is not full and their number is not 32.
    let share = coverage(name, m, &spec(law), Length::Updates(3000), |o| assert_eq!(o.updates, 3000));
    println!("{name}, {m} workers, {law}: {:.1} %", 100.0 * share);
    assert!((0.93..=0.97).contains(&share), "{name}, {m} workers, {law}: {:.1} %", 100.0 * share);
}

#[test]
fn intervals_of_independent_updates_cover() {
    covers("sync", 8, "exp(2)");
    covers("sync", 8, "gamma(4, 0.25)");
}

#[test]
fn intervals_of_correlated_updates_cover() {
    covers("async", 8, "exp(2)");
    covers("async", 8, "gamma(4, 0.25)");
    covers("k-async:4", 8, "exp(2)");
    covers("k-batch-async:4", 8, "gamma(4, 0.25)");
}

/// Runs that go on until they are precise stop more readily at an interval that is too narrow, but not much.
#[test]
fn intervals_of_a_given_precision_are_that_precise_and_cover() {
    for (name, law) in [("async", "exp(2)"), ("sync", "gamma(4, 0.25)")] {
        let share = coverage(name, 8, &spec(law), Length::Precision(0.03), |o| {
            assert!(o.mean.half_width <= 0.03 * o.mean.mean, "{name}: {:?}", o.mean);
            assert!(o.updates >= 1024);
        });
        println!("{name}, {law}, to 3 %: {:.1} %", 100.0 * share);
        assert!((0.93..=0.97).contains(&share), "{name}, {law}, to 3 %: {:.1} %", 100.0 * share);
    }
}
