//! E0: the model behind `simulate`, as it was published: fresh draws at each iteration.

use super::args::{Name, Reproduce};
use super::figure;
use crate::error::Error;
use crate::manifest::Manifest;
use crate::output::{self, Output};
use crate::report::table::digits;
use crate::report::{self, Report};
use crate::simulate::threads;
use crate::trace;
use serde::Deserialize;
use serde_json::json;
use sim::theory::harmonic;
use sim::{ClusterSpec, Experiment, LawText, Length, Model, Observation, Policy, Progress};
use std::ffi::OsString;
use std::fmt::Write;
use std::path::Path;
use std::sync::atomic::Ordering;

const FILES: &[&str] = &["iteration_times.csv", "comparison.svg", "comparison.png", "manifest.json"];
const RATE: f64 = 2.0;
const ITERATIONS: u64 = 5000;
const MOST: u32 = 20;

/// What was published of m workers.
#[derive(Deserialize)]
struct Published {
    workers: u32,
    sync_s: f64,
    async_s: f64,
}

/// Simulates, prints the table, writes the files.
pub fn run(arguments: &Reproduce, typed: &[OsString], out: &Path, progress: &Progress) -> Result<(), Error> {
    let common = &arguments.common;
    let law: LawText = format!("exp({RATE})").parse().expect("a law");
    let experiment = Experiment {
        policies: vec![Policy::SYNC, Policy::ASYNC],
        workers: (1..=MOST).collect(),
        spec: ClusterSpec::new(trace::law(&law)?),
        model: Model::Gated,
        length: Length::Updates(ITERATIONS),
        seed: common.seed,
    };
    let resolved = json!({
        "experiment": Name::E0.to_string(),
        "step_time": experiment.spec.compute().to_string(),
        "iterations": ITERATIONS,
        "workers": experiment.workers,
        "out": out.display().to_string(),
    });
    let manifest = Manifest::begin(typed, resolved, common.seed);
    let mut output = Output::open(out, FILES)?;
    threads(common.threads)?;
    let observations: Vec<Observation> = experiment.observe(progress).into_iter().flatten().collect();
    if progress.stop.load(Ordering::Relaxed) {
        return Err(Error::Interrupted { done: "nothing was written".to_string() });
    }
    let figure = figure::gated(&observations, RATE);
    let report = Report { experiment, observations, curves: Vec::new() };
    output.add("iteration_times.csv", report::rows::iteration_times(&report));
    report::figure::add(&[("comparison.svg", "comparison.png", figure)], &mut output)?;
    let written = output.commit(manifest)?;
    output::print(&words(&report.observations))?;
    if !common.quiet {
        output::tell("wrote", &written);
    }
    Ok(())
}

fn words(observations: &[Observation]) -> String {
    let mut text = format!(
        "E0: the gated model, exact | ours: mean seconds per iteration of m workers with steps exp({RATE}), {ITERATIONS} iterations\n\n  m    synchronous                     asynchronous\n"
    );
    let of = |policy, m| observations.iter().find(|o| (o.cell.policy, o.cell.rule.workers) == (policy, m));
    let both = |policy, m: u32, exact: f64| {
        let ours = of(policy, m).map_or(String::new(), |o| {
            let half_width = digits(o.mean.half_width, 2);
            format!("{} ± {half_width}", digits(o.mean.mean, 5))
        });
        format!("{:>8} | {ours:19}", digits(exact, 5))
    };
    for m in 1..=MOST {
        let exact = (harmonic(m) / RATE, 1.0 / (f64::from(m) * RATE));
        let _ =
            writeln!(text, " {m:2} {} {}", both(Policy::SYNC, m, exact.0), both(Policy::ASYNC, m, exact.1).trim_end());
    }
    let table = include_str!("published/e0.csv");
    for row in csv::Reader::from_reader(table.as_bytes()).into_deserialize::<Published>() {
        let row = row.expect("the table in the program is whole");
        let ours = |policy| of(policy, row.workers).map_or(f64::NAN, |o| o.mean.mean);
        let _ = writeln!(
            text,
            "\nPublished for m = {}: {} s and {} s; ours: {} s and {} s.",
            row.workers,
            row.sync_s,
            row.async_s,
            digits(ours(Policy::SYNC), 5),
            digits(ours(Policy::ASYNC), 5)
        );
    }
    text.push_str(
        "- An asynchronous iteration as the least of m fresh draws is right for the exponential law only, which forgets how long a worker has been at work.\n",
    );
    text
}
