//! What did we find out? The same observations as a table, as sentences, as CSV and as a figure.

pub mod figure;
pub mod rows;
pub mod table;
mod words;

pub use table::text;
pub use words::warnings;

use crate::error::Error;
use crate::manifest::Manifest;
use crate::output::{Output, Written};
use sim::experiment::LossPoint;
use sim::{Configuration, Experiment, Observation};

/// All files that can come out of an experiment.
pub const FILES: &[&str] = &[
    "iteration_times.csv",
    "iteration_times.svg",
    "iteration_times.png",
    "loss_curve.csv",
    "loss_curve.svg",
    "loss_curve.png",
    "manifest.json",
];

/// All that came out of an experiment.
#[derive(Debug)]
pub struct Report {
    /// What was asked.
    pub experiment: Experiment,
    /// The cells that ended.
    pub observations: Vec<Observation>,
    /// The losses over time, if something was learnt.
    pub curves: Vec<Curve>,
}

/// The loss over time of one cell.
#[derive(Debug)]
pub struct Curve {
    /// The cell.
    pub cell: Configuration,
    /// Updates, time, loss.
    pub points: Vec<LossPoint>,
    /// Where it settles, by theory.
    pub floor: Option<f64>,
}

/// Writes all files.
pub fn write(report: &Report, mut output: Output, manifest: Manifest) -> Result<Written, Error> {
    output.add("iteration_times.csv", rows::iteration_times(report));
    let times = crate::figures::simulate::iteration_times(&report.experiment, &report.observations);
    figure::draw(&[("iteration_times.svg", "iteration_times.png", times)], &mut output);
    if !report.curves.is_empty() {
        output.add("loss_curve.csv", rows::loss_curve(report));
        let drawing = ("loss_curve.svg", "loss_curve.png", figure::loss_curve(report));
        figure::add(&[drawing], &mut output)?;
    }
    output.commit(manifest)
}
