//! One workload, timed from inside, for scripts that compare it with other programs or count its instructions.
//!
//! `workload events POLICY WORKERS UPDATES [CORES SHARING]`, `workload rounds REPEATS`: prints the CPU seconds of one of
//! them. Cores are shared `equally`, or `first-come` first served.

use std::hint::black_box;
use straggle_sim::cluster::spec::Sharing;
use straggle_sim::{ClusterSpec, Experiment, Length, Model, Progress, fast::bench};

const USAGE: &str =
    "type: workload events POLICY WORKERS UPDATES [CORES equally|first-come], or workload rounds REPEATS";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let spec = ClusterSpec::new("exp(2)".parse()?);
    let seconds = match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["events", policy, workers, updates, shared @ ..] => {
            let (cores, sharing) = match shared {
                [] => (None, Sharing::Equally),
                [cores, "equally"] => (Some(cores.parse()?), Sharing::Equally),
                [cores, "first-come"] => (Some(cores.parse()?), Sharing::FirstCome),
                _ => return Err(USAGE.into()),
            };
            let spec = spec.with_cores(cores).unwrap().with_sharing(sharing);
            let experiment = Experiment {
                policies: vec![policy.parse()?],
                workers: vec![workers.parse()?],
                spec,
                model: Model::Event,
                length: Length::Updates(updates.parse()?),
                seed: 0,
                deadline_s: None,
            };
            let began = cpu_seconds();
            black_box(experiment.observe(&Progress::default()));
            cpu_seconds() - began
        }
        ["rounds", repeats] => {
            let repeats: u32 = repeats.parse()?;
            let began = cpu_seconds();
            (0..repeats).for_each(|_| drop(black_box(bench::mean_rounds(&spec, 20, 5000))));
            (cpu_seconds() - began) / f64::from(repeats)
        }
        _ => return Err(USAGE.into()),
    };
    println!("{seconds}");
    Ok(())
}

/// Seconds that all threads have had a processor, where the system tells; wall time elsewhere.
fn cpu_seconds() -> f64 {
    let of = |path: std::path::PathBuf| -> Option<f64> {
        let text = std::fs::read_to_string(path).ok()?;
        Some(text.split(' ').next()?.parse::<f64>().ok()? * 1e-9)
    };
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let known: Option<Vec<f64>> = threads.map(|thread| of(thread.path().join("schedstat"))).collect();
    match known {
        Some(seconds) if !seconds.is_empty() => seconds.iter().sum(),
        _ => std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0.0, |now| now.as_secs_f64()),
    }
}
