//! How does the cost grow with the workers, the policies, the updates? Prints a CSV, the least time of seven runs.
//!
//! `cargo run --release -p straggle-sim --example cost > sim/cost.csv`, then `cargo run --release -p straggle-plot --example cost`.

use std::time::Instant;
use straggle_sim::{Experiment, Fleet, Length, Model, Policy, Watch};

const EVERY: [&str; 8] =
    ["sync", "async", "k-sync:4", "k-async:4", "k-batch-async:4", "ssp:2", "local:4", "k-batch-sync:4"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("varied,policy,x,ns_per_gradient");
    for policy in ["sync", "async", "k-async:4", "ssp:2", "k-sync:4"] {
        for workers in [4, 10, 32, 100, 316, 1000, 3162, 10_000, 31_623, 100_000] {
            let cost = ns(&[policy.parse()?], workers, 100_000.max(2 * u64::from(workers)))?;
            println!("workers,{policy},{workers},{cost}");
        }
    }
    for count in 1..=EVERY.len() {
        let policies: Vec<Policy> = EVERY[..count].iter().map(|policy| policy.parse()).collect::<Result<_, _>>()?;
        println!("policies,all,{count},{}", ns(&policies, 20, 200_000)?);
    }
    for policy in ["sync", "async"] {
        for gradients in [1000, 10_000, 100_000, 1_000_000, 10_000_000] {
            println!("gradients,{policy},{gradients},{}", ns(&[policy.parse()?], 20, gradients)?);
        }
    }
    Ok(())
}

/// Nanoseconds for each gradient that goes into an update, on one thread.
fn ns(policies: &[Policy], workers: u32, gradients: u64) -> Result<f64, Box<dyn std::error::Error>> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let mut seconds = 0.0;
    for &policy in policies {
        let experiment = Experiment {
            policies: vec![policy],
            workers: vec![workers],
            fleet: Fleet::new("exp(2)".parse()?),
            model: Model::Event,
            length: Length::Updates((gradients / policy.rule(workers)?.gradients_per_update()).max(2)),
            seed: 0,
        };
        let once = || {
            let began = Instant::now();
            pool.install(|| experiment.observe(&Watch::default()));
            began.elapsed().as_secs_f64()
        };
        seconds += (0..7).map(|_| once()).fold(f64::INFINITY, f64::min);
    }
    Ok((seconds * 1e9 / (gradients as f64 * policies.len() as f64) * 10.0).round() / 10.0)
}
