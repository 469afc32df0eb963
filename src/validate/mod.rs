//! `straggle validate`: calibrate on one worker, foretell many, measure them, and judge.

pub mod args;
mod bench;
mod figure;
mod rows;
mod words;

use crate::error::Error;
use crate::manifest::Manifest;
use crate::output::{self, Output};
use crate::train::MOST_THREADS;
use crate::{progress, trace};
use args::Validate;
use bench::{Bench, Outcome};
use serde_json::json;
use sim::{Law, PolicyError, RandomKey};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use validation::cluster::cores::Cores;
use validation::models::net::device;
use validation::{
    Batches, Claim, Comparison, Configuration, Dataset, Digits, LearningRateRule, Net, Replication, Sgd, Share,
    Verdict, compare,
};

/// All files that can come out of a validation.
const FILES: &[&str] = &[
    "validation.csv",
    "step_time_fits.csv",
    "agreement.svg",
    "agreement.png",
    "time_per_update.svg",
    "time_per_update.png",
    "staleness.svg",
    "staleness.png",
    "step_times.svg",
    "step_times.png",
    "manifest.json",
];

/// A cell with all that is known of it.
struct Judged {
    cell: Configuration,
    claims: Vec<Claim>,
    replications: Vec<Replication>,
}

/// Everything that came out.
struct Validated {
    judged: Vec<Judged>,
    /// Which laws the computing times follow, from all calibrations without delay.
    fitted: Option<Comparison>,
    compute_s: Vec<f64>,
    cores: u32,
    delay: Option<Law>,
    /// Share of the processors' time that others took, where the system tells.
    stolen: Option<f64>,
}

/// Validates, prints the table and the verdict, writes the files.
pub fn run(arguments: &Validate, typed: &[OsString]) -> Result<(), Error> {
    let common = &arguments.common;
    let delay = arguments.delay.0.as_ref().map(trace::law).transpose()?;
    let (cells, impossible) = cells(arguments, delay.as_ref());
    if let (true, Some(error)) = (cells.is_empty(), impossible.last()) {
        return Err(Error::Usage(error.to_string()));
    }
    if let Some(many) = arguments.workers.0.iter().find(|workers| workers.0 > MOST_THREADS) {
        return Err(Error::Usage(format!("{} threads are too many to start; type {MOST_THREADS} at most", many.0)));
    }
    let most = arguments.workers.0.iter().map(|workers| workers.0).max().unwrap_or(1);
    let cores = Cores::of_this_machine().at_most(common.threads.unwrap_or(usize::MAX).min(most as usize));
    let out = common.out.clone().unwrap_or_else(|| PathBuf::from("output/validate"));
    let mut manifest = Manifest::begin(typed, resolved(arguments, delay.as_ref(), cores.number()), common.seed);
    let output = Output::open(&out, FILES)?;
    let progress = progress::progress()?;
    let bench = Bench { arguments, cores: cores.clone(), learner: learner(arguments)?, stop: progress.stop.clone() };

    let before = steal();
    let planned = cells.len();
    let Outcome { judged, compute_s, interrupted } = bench.judge_all(cells)?;
    let stolen = before.zip(steal()).map(|((s0, t0), (s1, t1))| (s1 - s0) as f64 / (t1 - t0).max(1) as f64);

    let fitted = compare(&thinned(&compute_s, 2000), common.seed).ok();
    let validated = Validated { judged, fitted, compute_s, cores: cores.number() as u32, delay, stolen };
    if interrupted {
        manifest.interrupted();
    }
    let done = format!("{} of {planned} cells were measured and kept in {}", validated.judged.len(), out.display());
    if !validated.judged.is_empty() {
        let written = write(&validated, output, manifest)?;
        if !interrupted {
            output::print(&words::report(&validated))?;
            if !common.quiet {
                output::tell("wrote", &written);
            }
        }
    }
    if interrupted {
        return Err(Error::Interrupted { done });
    }
    match validated.count(Verdict::Fail) {
        0 => Ok(()),
        failed => Err(Error::Verdict(format!("{failed} claims failed; the table says which"))),
    }
}

impl Validated {
    /// All claims that decide the verdict.
    fn deciding(&self) -> impl Iterator<Item = (&Configuration, &Claim)> {
        let all = self.judged.iter().flat_map(|j| j.claims.iter().map(move |claim| (&j.cell, claim)));
        all.filter(|(_, claim)| claim.quantity.counts())
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.deciding().filter(|(_, claim)| claim.verdict == verdict).count()
    }
}

/// All combinations, and those that cannot be.
fn cells(arguments: &Validate, delay: Option<&Law>) -> (Vec<Configuration>, Vec<PolicyError>) {
    let (mut cells, mut impossible) = (Vec::new(), Vec::new());
    let families: Vec<Option<Law>> = delay.into_iter().cloned().map(Some).chain([None]).collect();
    for family in &families {
        for &policy in &arguments.policies.0 {
            for workers in &arguments.workers.0 {
                match policy.rule(workers.0) {
                    Ok(rule) => cells.push(Configuration { policy, rule, delay: family.clone() }),
                    Err(error) => impossible.push(error),
                }
            }
        }
    }
    (cells, impossible)
}

fn learner(arguments: &Validate) -> Result<Arc<Digits>, Error> {
    let key = RandomKey::new(arguments.common.seed, 0);
    let data = Dataset::embedded().fitted(arguments.model.input()).map_err(|e| Error::Input(e.to_string()))?;
    let data = Arc::new(data.train);
    // Each worker passes over all data by itself: the cells differ in nothing but who waits for whom.
    let batches = Batches::new(data.len(), arguments.batch_size as usize, Share::Whole, key);
    let batches = batches.map_err(|e| Error::Usage(e.to_string()))?;
    let sgd = Sgd { rate: 0.01, momentum: 0.0, rule: LearningRateRule::Same };
    Ok(Arc::new(Digits::new(Net::new(arguments.model, &device()), data, batches, sgd, key)))
}

fn write(validated: &Validated, mut output: Output, manifest: Manifest) -> Result<output::Written, Error> {
    output.add("validation.csv", rows::validation(validated));
    if let Some(fitted) = &validated.fitted {
        output.add("step_time_fits.csv", rows::fits(fitted));
    }
    let drawings = [
        ("agreement.svg", "agreement.png", figure::agreement(validated)),
        ("time_per_update.svg", "time_per_update.png", figure::time_per_update(validated)),
        ("staleness.svg", "staleness.png", figure::staleness(validated)),
        ("step_times.svg", "step_times.png", figure::step_times(validated)),
    ];
    crate::report::figure::add(&drawings, &mut output)?;
    output.commit(manifest)
}

/// At most so many of the values, evenly.
fn thinned(values: &[f64], most: usize) -> Vec<f64> {
    values.iter().copied().step_by(values.len().div_ceil(most).max(1)).collect()
}

/// Ticks of all processors that others took, and all ticks.
fn steal() -> Option<(u64, u64)> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<u64> = stat.lines().next()?.split_whitespace().skip(1).filter_map(|t| t.parse().ok()).collect();
    Some((*ticks.get(7)?, ticks.iter().take(8).sum()))
}

/// The arguments as they were understood, for the manifest.
fn resolved(arguments: &Validate, delay: Option<&Law>, cores: usize) -> serde_json::Value {
    json!({
        "policies": arguments.policies.0.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "workers": arguments.workers.0.iter().map(|w| w.0).collect::<Vec<_>>(),
        "delay": delay.map_or("none".to_string(), Law::to_string),
        "updates": arguments.updates,
        "tolerance": arguments.tolerance.map(|percent| percent.to_string()),
        "batch_size": arguments.batch_size,
        "model": arguments.model.to_string(),
        "cores": cores,
    })
}
