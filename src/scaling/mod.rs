//! `straggle scaling`: methods over workers and samples, on real threads, beside what theory and the simulator expect.

pub mod args;
pub mod figure;
mod plan;
mod rows;
mod session;
mod store;
pub mod summary;
pub mod words;

pub use plan::Plan;
pub use session::{Finished, Measured, measure};
pub use store::Store;

use crate::error::Error;
use crate::manifest::Manifest;
use crate::output::{self, Output};
use crate::progress;
use args::Scaling;
use std::ffi::OsString;
use std::path::PathBuf;
use validation::Break;

/// All files that can come out of it.
pub const FILES: &[&str] = &[
    "scaling.csv",
    "epochs.csv",
    "time_by_size.svg",
    "time_by_size.png",
    "by_size.svg",
    "by_size.png",
    "by_workers.svg",
    "by_workers.png",
    "accuracy.svg",
    "accuracy.png",
    "epochs.svg",
    "epochs.png",
    "manifest.json",
];

/// Measures, prints the table, writes the files.
pub fn run(arguments: &Scaling, typed: &[OsString]) -> Result<(), Error> {
    let plan = arguments.plan();
    plan.check()?;
    let common = &arguments.common;
    let data = plan.dataset()?;
    let out = common.out.clone().unwrap_or_else(|| PathBuf::from("output/scaling"));
    let mut resolved = plan.resolved();
    resolved["out"] = out.display().to_string().into();
    let mut manifest = Manifest::begin(typed, resolved, common.seed);
    let mut output = Output::open(&out, FILES)?;
    let progress = progress::progress()?;
    if !common.quiet {
        plan.note();
    }
    let measured = measure(plan, &data, &progress.stop, common.quiet, None)?;
    if measured.finished.is_empty() {
        return conclude(&measured);
    }
    if measured.broke.is_some() {
        manifest.interrupted();
    }
    add(&measured, &mut output)?;
    let written = output.commit(manifest)?;
    output::print(&words::report(&measured))?;
    if !common.quiet {
        output::tell("wrote", &written);
    }
    conclude(&measured)
}

/// All files but the manifest.
fn add(measured: &Measured, output: &mut Output) -> Result<(), Error> {
    add_rows(measured, output);
    let mut drawings = vec![
        ("by_workers.svg", "by_workers.png", figure::by_workers(measured)),
        ("accuracy.svg", "accuracy.png", figure::accuracy(measured)),
        ("epochs.svg", "epochs.png", figure::epochs(measured)),
    ];
    if measured.plan.samples.len() > 1 {
        drawings.push(("time_by_size.svg", "time_by_size.png", figure::time_by_size(measured)));
        drawings.push(("by_size.svg", "by_size.png", figure::by_size(measured)));
    }
    crate::report::figure::add(&drawings, output)
}

/// The cells and their epochs.
pub fn add_rows(measured: &Measured, output: &mut Output) {
    output.add("scaling.csv", rows::scaling(measured));
    output.add("epochs.csv", rows::epochs(measured));
}

/// Whether all was measured.
pub fn conclude(measured: &Measured) -> Result<(), Error> {
    let done = match measured.finished.len() {
        0 => "no cell was finished, and nothing was written".to_string(),
        n => format!("{n} of {} cells were finished and kept", measured.planned),
    };
    match &measured.broke {
        None => Ok(()),
        Some((_, Break::Stopped)) => Err(Error::Interrupted { done }),
        Some((trial, Break::Diverged { update })) => Err(Error::Training(format!(
            "the loss is not finite at update {update} of {} with m = {}: the step size is too large; lower --lr; {done}",
            trial.method, trial.workers
        ))),
        Some((_, Break::Failed(failure))) => Err(Error::Training(format!("{failure}; {done}"))),
    }
}
