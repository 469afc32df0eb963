//! `straggle reproduce`: published experiments with their published setting, and ours beside the published figures.

pub mod args;
mod comparison;
mod experiment;
mod figure;
mod gated;
mod published;
mod words;

use crate::error::Error;
use crate::manifest::Manifest;
use crate::output::{self, Output};
use crate::progress;
use crate::scaling::{self, Measured, Store, measure};
use args::{Name, Reproduce};
use experiment::Experiment;
use sim::Progress;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// All files that can come out of an experiment that trains.
const FILES: &[&str] = &[
    "comparison.csv",
    "comparison.svg",
    "comparison.png",
    "scaling.csv",
    "epochs.csv",
    "epochs.svg",
    "epochs.png",
    "time_by_size.svg",
    "time_by_size.png",
    "manifest.json",
];

/// Runs the experiments, one after another.
pub fn run(arguments: &Reproduce, typed: &[OsString]) -> Result<(), Error> {
    let names = &arguments.experiment.0;
    let progress = progress::progress()?;
    for (i, &name) in names.iter().enumerate() {
        let directory = if arguments.quick && name != Name::E0 { format!("{name}-quick") } else { name.to_string() };
        let parent = arguments.common.out.clone().unwrap_or_else(|| PathBuf::from("output/reproduce"));
        let out = parent.join(directory);
        match Experiment::new(name, arguments.quick, &arguments.data, &arguments.common) {
            None => gated::run(arguments, typed, &out, &progress)?,
            Some(experiment) => train(&experiment, arguments, typed, &out, &progress)?,
        }
        if i + 1 < names.len() {
            output::print("\n")?;
        }
    }
    Ok(())
}

/// Goes on where an earlier run with the same setting ended, compares, writes the files.
fn train(
    experiment: &Experiment,
    arguments: &Reproduce,
    typed: &[OsString],
    out: &Path,
    progress: &Progress,
) -> Result<(), Error> {
    let (plan, quiet) = (&experiment.plan, arguments.common.quiet);
    plan.check()?;
    let data = plan.dataset()?;
    let mut resolved = plan.resolved();
    resolved["experiment"] = experiment.name.to_string().into();
    resolved["quick"] = arguments.quick.into();
    resolved["out"] = out.display().to_string().into();
    let mut manifest = Manifest::begin(typed, resolved, plan.seed);
    let mut output = Output::open(out, FILES)?;
    let store = Store::open(out)?;
    if !quiet {
        plan.note();
    }
    let measured = measure(plan.clone(), &data, &progress.stop, quiet, Some(store))?;
    if measured.finished.is_empty() {
        return conclude(&measured);
    }
    if measured.broke.is_some() {
        manifest.interrupted();
    }
    let pairs = comparison::pairs(experiment, &measured);
    output.add("comparison.csv", comparison::comparison(&pairs));
    scaling::add_rows(&measured, &mut output);
    let mut drawings = vec![
        ("comparison.svg", "comparison.png", figure::comparison(plan, &pairs)),
        ("epochs.svg", "epochs.png", scaling::figure::epochs(&measured)),
    ];
    if plan.samples.len() > 1 {
        drawings.push(("time_by_size.svg", "time_by_size.png", scaling::figure::time_by_size(&measured)));
    }
    crate::report::figure::add(&drawings, &mut output)?;
    let written = output.commit(manifest)?;
    output::print(&words::report(experiment, &measured, &pairs, arguments.quick))?;
    if !quiet {
        if measured.kept > 0 {
            let file = out.join(Store::NAME);
            let kept = measured.kept;
            output::tell(
                "\x1b[1;33mnote:\x1b[0m",
                &format!("{kept} cells are from an earlier run; remove {} to run them again", file.display()),
            );
        }
        output::tell("wrote", &written);
    }
    conclude(&measured)
}

/// Whether all was measured; if not, it need not be begun anew.
fn conclude(measured: &Measured) -> Result<(), Error> {
    scaling::conclude(measured).map_err(|error| match error {
        Error::Interrupted { done } => {
            Error::Interrupted { done: format!("{done}; the same command goes on from there") }
        }
        other => other,
    })
}
