//! What does an event cost, and a worker's time? `cargo bench -p straggle-sim`; figures are per run, throughput per event.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use straggle_sim::measure::length::{REPLICATIONS, warm_up};
use straggle_sim::{ClusterSpec, Experiment, Length, Model, Policy, Progress, RandomKey, Variates, fast::bench};

fn main() {
    divan::main();
}

fn spec() -> ClusterSpec {
    ClusterSpec::new("exp(2)".parse().expect("a law"))
}

/// A run of one cell, on the thread that calls.
fn cell(bencher: Bencher<'_, '_>, policy: &str, workers: u32, spec: ClusterSpec) {
    let events = 200_000.max(4 * u64::from(workers));
    let policy: Policy = policy.parse().expect("a policy");
    let rule = policy.rule(workers).expect("enough workers");
    let warm_up = warm_up(rule, &spec) * u64::from(rule.quorum) * u64::from(REPLICATIONS);
    let experiment = Experiment {
        policies: vec![policy],
        workers: vec![workers],
        spec,
        model: Model::Event,
        length: Length::Updates(events / u64::from(rule.quorum)),
        seed: 0,
        deadline_s: None,
    };
    bencher.counter(ItemsCount::new(events + warm_up)).bench(|| experiment.observe(&Progress::default()));
}

#[divan::bench(args = [1, 10, 100, 1000, 10_000, 100_000], max_time = 3)]
fn asynchronous(bencher: Bencher<'_, '_>, workers: u32) {
    cell(bencher, "async", workers, spec());
}

/// What there is in the standard library: pop the earliest, push its next. The same times, and no statistics at all.
#[divan::bench(args = [10, 1000, 100_000], max_time = 3)]
fn binary_heap(bencher: Bencher<'_, '_>, workers: u32) {
    let draws = Variates::new(&spec(), RandomKey::new(0, 0));
    let key = |seconds: f64| seconds.to_bits();
    let mut heap: BinaryHeap<_> = (0..workers).map(|w| Reverse((key(draws.compute_s(w, 0)), w))).collect();
    let mut steps = vec![0; workers as usize];
    bencher.counter(ItemsCount::new(200_000u64)).bench_local(|| {
        for _ in 0..200_000 {
            let Reverse((at, worker)) = heap.pop().expect("never empty");
            let step = &mut steps[worker as usize];
            *step += 1;
            heap.push(Reverse((key(f64::from_bits(at) + draws.compute_s(worker, *step)), worker)));
        }
        black_box(heap.peek().copied())
    });
}

#[divan::bench(args = ["async", "k-async:4", "k-batch-async:4", "ssp:2", "k-sync:200", "sync"], max_time = 3)]
fn a_thousand_workers(bencher: Bencher<'_, '_>, policy: &str) {
    cell(bencher, policy, 1000, spec());
}

#[divan::bench(max_time = 3)]
fn a_thousand_workers_on_500_cores(bencher: Bencher<'_, '_>) {
    cell(bencher, "async", 1000, spec().with_cores(Some(500)).unwrap());
}

#[divan::bench(max_time = 3)]
fn a_thousand_workers_and_a_busy_server(bencher: Bencher<'_, '_>) {
    cell(bencher, "async", 1000, spec().with_service(Some("exp(4000)".parse().expect("a law"))));
}

/// Sync and gated async for 1 to 20 workers: 5000 rows of times, their running maxima and minima, and the 40 means.
#[divan::bench(max_time = 3)]
fn rounds_and_their_means(bencher: Bencher<'_, '_>) {
    let spec = spec();
    bencher.counter(ItemsCount::new(100_000u64)).bench(|| bench::mean_rounds(&spec, 20, 5000));
}

/// The same with intervals, quantiles and theory: all that is reported.
#[divan::bench(max_time = 3)]
fn rounds_and_all_that_is_told_of_them(bencher: Bencher<'_, '_>) {
    let experiment = Experiment {
        policies: vec!["sync".parse().expect("a policy"), "async".parse().expect("a policy")],
        workers: (1..=20).collect(),
        spec: spec(),
        model: Model::Gated,
        length: Length::Updates(5000),
        seed: 0,
        deadline_s: None,
    };
    bencher.counter(ItemsCount::new(100_000u64)).bench(|| experiment.observe(&Progress::default()));
}

#[divan::bench(max_time = 1)]
fn floor_random_words(bencher: Bencher<'_, '_>) {
    let mut buffer = vec![0u64; 4096];
    bencher.counter(ItemsCount::new(4096u64)).bench_local(|| bench::words(black_box(&mut buffer)));
}

#[divan::bench(max_time = 1)]
fn floor_logarithms(bencher: Bencher<'_, '_>) {
    let mut buffer = vec![0.3f64; 4096];
    bencher.counter(ItemsCount::new(4096u64)).bench_local(|| {
        buffer.fill(black_box(0.3));
        bench::logarithms(black_box(&mut buffer));
    });
}
