//! `straggle simulate`: from arguments to observations, and on to the report.

use crate::args::{Percent, Simulate};
use crate::error::Error;
use crate::manifest::Manifest;
use crate::output::{self, Output};
use crate::report::{self, Curve, Report};
use crate::{progress, trace};
use rayon::prelude::*;
use serde_json::json;
use sim::experiment::LossPoint;
use sim::{ClusterSpec, Configuration, Experiment, Law, LawText, LearnerText, Length, Progress, Quadratic, RandomKey};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// Simulates, prints the table, writes the files.
pub fn run(arguments: &Simulate, typed: &[OsString]) -> Result<(), Error> {
    let experiment = experiment(arguments)?;
    let notes = notes(&experiment)?;
    let learner = match arguments.learner {
        LearnerText::None => None,
        LearnerText::Quadratic { h, sigma, eta } => {
            let key = RandomKey::new(experiment.seed, 0);
            Some(Quadratic { curvature: h, noise: sigma, step_size: eta, key })
        }
    };
    let common = &arguments.common;
    let out = common.out.clone().unwrap_or_else(|| PathBuf::from("output/simulate"));
    let mut manifest = Manifest::begin(typed, resolved(&experiment, arguments, &out), experiment.seed);
    let output = Output::open(&out, report::FILES)?;
    let progress = progress::progress()?;
    threads(common.threads)?;

    let cells = experiment.cells().0.len() as u64 * if learner.is_some() { 2 } else { 1 };
    let (observations, curves) = progress::with_bar(&progress, cells, common.quiet, || {
        (experiment.observe(&progress), learner.map(|learner| curves(&experiment, learner, &progress)))
    });
    let interrupted = progress.stop.load(Ordering::Relaxed);
    let planned = observations.len();
    let report = Report {
        observations: observations.into_iter().flatten().collect(),
        curves: curves.into_iter().flatten().flatten().collect(),
        experiment,
    };
    if interrupted {
        manifest.interrupted();
        let done = match report.observations.len() {
            0 => "no cell was finished, and nothing was written".to_string(),
            done => format!(
                "{done} of {planned} cells were finished and kept in {}",
                report::write(&report, output, manifest)?
            ),
        };
        return Err(Error::Interrupted { done });
    }
    let written = report::write(&report, output, manifest)?;
    output::print(&report::text(&report))?;
    if !common.quiet {
        for note in notes {
            output::tell("\x1b[1;33mnote:\x1b[0m", &note);
        }
        output::tell("wrote", &written);
    }
    Ok(())
}

/// What the arguments ask for.
fn experiment(arguments: &Simulate) -> Result<Experiment, Error> {
    let exponential = || LawText::Law("exp(2)".parse().expect("a law"));
    let law = arguments.step_time.as_ref().or(arguments.lambda.as_ref());
    let optional = |law: &Option<LawText>| law.as_ref().map(trace::law).transpose();
    let spec = ClusterSpec::new(trace::law(&law.cloned().unwrap_or_else(exponential))?)
        .with_speeds(arguments.speeds.0.iter().map(|speed| speed.0).collect())
        .and_then(|spec| spec.with_cores(arguments.cores))
        .map_err(|e| Error::Usage(e.to_string()))?
        .with_delay(optional(&arguments.delay)?)
        .with_service(optional(&arguments.server_time)?);
    let mut workers = match &arguments.workers {
        Some(list) => list.0.iter().map(|workers| workers.0).collect(),
        None => (1..=arguments.max_workers.unwrap_or(20)).collect::<Vec<u32>>(),
    };
    workers.sort_unstable();
    workers.dedup();
    let mut policies = arguments.policies.0.clone();
    let mut seen = std::collections::HashSet::new();
    policies.retain(|policy| seen.insert(*policy));
    let length = match arguments.precision {
        Some(Percent(share)) => Length::Precision(share),
        None => Length::Updates(arguments.iterations.unwrap_or(5000)),
    };
    Ok(Experiment { policies, workers, spec, model: arguments.model, length, seed: arguments.common.seed })
}

/// What a reader has to know beside the table; an error if no cell is left.
fn notes(experiment: &Experiment) -> Result<Vec<String>, Error> {
    let (cells, impossible) = experiment.cells();
    let (Some(first), Some(last)) = (impossible.first(), impossible.last()) else {
        return Ok(report::warnings(experiment));
    };
    if cells.is_empty() {
        return Err(Error::Usage(last.to_string()));
    }
    let left_out = match impossible.len() {
        1 => format!("left out one cell: {first}"),
        n => format!("left out {n} cells; the first: {first}"),
    };
    Ok(std::iter::once(left_out).chain(report::warnings(experiment)).collect())
}

/// Starts the threads that cells are simulated on.
pub fn threads(threads: Option<usize>) -> Result<(), Error> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0));
    pool.build_global().map_err(|e| Error::Usage(format!("cannot start the threads: {e}; lower --threads")))
}

/// The loss over time of every cell, as far as they were finished.
fn curves(experiment: &Experiment, learner: Quadratic, progress: &Progress) -> Vec<Option<Curve>> {
    let curve = |cell: Configuration| {
        let points: Vec<LossPoint> = experiment.loss_curve(cell, learner, 100, progress)?;
        Some(Curve { cell, points, floor: experiment.loss_floor(cell, learner) })
    };
    experiment.cells().0.into_par_iter().with_max_len(1).map(curve).collect()
}

/// The arguments as they were understood, for the manifest.
fn resolved(experiment: &Experiment, arguments: &Simulate, out: &Path) -> serde_json::Value {
    let Experiment { policies, workers, spec, model, length, seed: _ } = experiment;
    let text = |law: Option<&Law>| law.map(Law::to_string);
    let (iterations, precision) = match *length {
        Length::Updates(updates) => (Some(updates), None),
        Length::Precision(share) => (None, Some(Percent(share).to_string())),
    };
    json!({
        "step_time": spec.compute().to_string(),
        "delay": text(spec.delay()),
        "server_time": text(spec.service()),
        "speeds": spec.speeds(),
        "cores": spec.cores(),
        "policies": policies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "workers": workers,
        "model": model.to_string(),
        "iterations": iterations,
        "precision": precision,
        "learner": arguments.learner.to_string(),
        "out": out.display().to_string(),
    })
}
