//! How does the cost grow with the workers, the policies, the updates? Prints a CSV, the least time of seven runs.
//!
//! `cargo run --release -p straggle-sim --example cost`.

use std::time::Instant;
use straggle_sim::measure::length::{REPLICATIONS, warm_up};
use straggle_sim::{ClusterSpec, Experiment, Length, Model, Policy, Progress};

const EVERY: [&str; 8] =
    ["sync", "async", "k-sync:4", "k-async:4", "k-batch-async:4", "ssp:2", "local:4", "k-batch-sync:4"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("varied,policy,x,ns_per_task");
    for policy in ["sync", "async", "k-async:4", "ssp:2", "k-sync:4"] {
        for workers in [4, 10, 32, 100, 316, 1000, 3162, 10_000, 31_623, 100_000] {
            let cost = ns(&[policy.parse()?], workers, 100_000.max(10 * u64::from(workers)))?;
            println!("workers,{policy},{workers},{cost}");
        }
    }
    for count in 1..=EVERY.len() {
        let policies: Vec<Policy> = EVERY[..count].iter().map(|policy| policy.parse()).collect::<Result<_, _>>()?;
        println!("policies,all,{count},{}", ns(&policies, 20, 200_000)?);
    }
    for policy in ["sync", "async"] {
        for tasks in [1000, 10_000, 100_000, 1_000_000, 10_000_000] {
            println!("tasks,{policy},{tasks},{}", ns(&[policy.parse()?], 20, tasks)?);
        }
    }
    Ok(())
}

/// Nanoseconds for each task that is begun, those of the warm-up included, on one thread.
fn ns(policies: &[Policy], workers: u32, tasks: u64) -> Result<f64, Box<dyn std::error::Error>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let (mut seconds, mut begun) = (0.0, 0);
    for &policy in policies {
        let spec = ClusterSpec::new("exp(2)".parse()?);
        let rule = policy.rule(workers)?;
        let tasks_per_update = u64::from(if rule.renews() { workers } else { rule.quorum });
        let updates = (tasks / tasks_per_update).max(2);
        begun += (updates + warm_up(rule, &spec) * u64::from(REPLICATIONS)) * tasks_per_update;
        let experiment = Experiment {
            policies: vec![policy],
            workers: vec![workers],
            spec,
            model: Model::Event,
            length: Length::Updates(updates),
            seed: 0,
            deadline_s: None,
        };
        let once = || {
            let began = Instant::now();
            pool.install(|| experiment.observe(&Progress::default()));
            began.elapsed().as_secs_f64()
        };
        seconds += (0..7).map(|_| once()).fold(f64::INFINITY, f64::min);
    }
    Ok((seconds * 1e9 / begun as f64 * 10.0).round() / 10.0)
}
