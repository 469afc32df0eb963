//! `straggle validate`: calibrate on one worker, foretell many, measure them, and judge.

pub mod args;
mod figure;
mod rows;
mod words;

use crate::error::Error;
use crate::manifest::Manifest;
use crate::output::{self, Output};
use crate::train::MOST_THREADS;
use crate::{progress, trace};
use args::Validate;
use indicatif::ProgressBar;
use rand::seq::SliceRandom;
use serde_json::json;
use sim::{Law, Luck, PolicyError, Purpose};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use validation::experiment::{Cell, Series};
use validation::models::device;
use validation::{
    Architecture, Batches, Calibration, Claim, Comparison, Dataset, Digits, LearningRateRule, Net, Predictions, Sgd,
    Share, Verdict, calibrate, claims, compare,
};

/// What the bar shows.
const BAR: &str = "{bar:30} {pos}/{len} cells measured, {eta} left";

/// All files that can come out of a validation.
const FILES: &[&str] = &[
    "validation.csv",
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
    cell: Cell,
    claims: Vec<Claim>,
    predicted: Series,
    measured: Series,
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
    let cores = std::thread::available_parallelism().map_or(1, |n| n.get() as u32);
    let out = common.out.clone().unwrap_or_else(|| PathBuf::from("output/validate"));
    let mut manifest = Manifest::begin(typed, resolved(arguments, delay.as_ref(), cores), common.seed);
    let output = Output::open(&out, FILES)?;
    let watch = progress::watch()?;
    let bench = Bench { arguments, cores, learner: learner(arguments)?, stop: watch.stop.clone() };

    let before = steal();
    let bar = progress::bar(cells.len() as u64, BAR, common.quiet);
    let planned = cells.len();
    let (judged, calibration) = bench.judge_all(cells, &bar)?;
    bar.finish_and_clear();
    let stolen = before.zip(steal()).map(|((s0, t0), (s1, t1))| (s1 - s0) as f64 / (t1 - t0).max(1) as f64);

    let interrupted = judged.len() < planned;
    let compute_s = calibration.compute_s;
    let fitted = compare(&thinned(&compute_s, 2000), common.seed).ok();
    let validated = Validated { judged, fitted, compute_s, cores, delay, stolen };
    if interrupted {
        manifest.interrupted();
    }
    let done = format!("{} of {planned} cells were finished and kept in {}", validated.judged.len(), out.display());
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
    fn deciding(&self) -> impl Iterator<Item = (&Cell, &Claim)> {
        let all = self.judged.iter().flat_map(|j| j.claims.iter().map(move |claim| (&j.cell, claim)));
        all.filter(|(_, claim)| claim.quantity.counts())
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.deciding().filter(|(_, claim)| claim.verdict == verdict).count()
    }
}

/// All combinations, and those that cannot be.
fn cells(arguments: &Validate, delay: Option<&Law>) -> (Vec<Cell>, Vec<PolicyError>) {
    let (mut cells, mut impossible) = (Vec::new(), Vec::new());
    let families: Vec<Option<Law>> = delay.into_iter().cloned().map(Some).chain([None]).collect();
    for family in &families {
        for &policy in &arguments.policies.0 {
            for workers in &arguments.workers.0 {
                let luck = Luck::new(arguments.common.seed, cells.len() as u64);
                match policy.rule(workers.0) {
                    Ok(rule) => cells.push(Cell { policy, rule, delay: family.clone(), luck }),
                    Err(error) => impossible.push(error),
                }
            }
        }
    }
    (cells, impossible)
}

fn learner(arguments: &Validate) -> Result<Arc<Digits>, Error> {
    let luck = Luck::new(arguments.common.seed, 0);
    let data = Arc::new(Dataset::embedded().train);
    // Each worker passes over all data by itself: the cells differ in nothing but who waits for whom.
    let batches = Batches::new(data.len(), arguments.batch_size as usize, Share::Whole, luck);
    let batches = batches.map_err(|e| Error::Usage(e.to_string()))?;
    let sgd = Sgd { rate: 0.01, momentum: 0.0, rule: LearningRateRule::Same };
    Ok(Arc::new(Digits::new(Net::new(Architecture::Mlp, &device()), data, batches, sgd, luck)))
}

/// The machine, and what is trained on it.
struct Bench<'a> {
    arguments: &'a Validate,
    cores: u32,
    learner: Arc<Digits>,
    stop: Arc<AtomicBool>,
}

/// Cells between two calibrations.
const GROUP: usize = 4;
/// Seconds that the calibration of one kind of cell should take.
const CALIBRATION_S: f64 = 0.4;
/// Seconds that a cell should take.
const CELL_S: f64 = 1.1;

impl Bench<'_> {
    /// Calibrates, measures a few cells, calibrates again, and so on: what the machine drifts by is seen from both sides.
    fn judge_all(&self, cells: Vec<Cell>, bar: &ProgressBar) -> Result<(Vec<Judged>, Calibration), Error> {
        let mut order: Vec<usize> = (0..cells.len()).collect();
        order.shuffle(&mut Luck::new(self.arguments.common.seed, 0).at(Purpose::Order, u32::MAX, 0));
        let mut judged: Vec<Option<Judged>> = cells.iter().map(|_| None).collect();
        let mut pure = Calibration::default();
        let Some(mut before) = self.calibrate(&cells) else { return Ok((Vec::new(), pure)) };
        for group in order.chunks(GROUP) {
            let mut measured = Vec::new();
            for &index in group {
                let cell = &cells[index];
                let updates = self.updates(cell, before.of(cell));
                let foretold = cell.predict(before.of(cell), self.cores, updates, cell.luck);
                match cell.measure(&self.learner, updates, &self.stop) {
                    Ok(series) => measured.push((index, updates, foretold, series)),
                    Err(validation::Failure::Stopped) => return Ok((judged.into_iter().flatten().collect(), pure)),
                    Err(failure) => return Err(Error::Training(failure.to_string())),
                }
                bar.inc(1);
            }
            let Some(after) = self.calibrate(&cells) else { break };
            for (index, updates, foretold, series) in measured {
                let cell = &cells[index];
                let tolerance = self.tolerance(cell);
                let later = cell.predict(after.of(cell), self.cores, updates, cell.luck);
                let both = before.of(cell).clone().with(after.of(cell));
                let elsewhere = Luck::new(self.arguments.common.seed, u64::MAX - index as u64);
                let predictions = Predictions {
                    cycle_s: both.cycle_s(cell.delay.as_ref()),
                    unpaired: cell.predict(&both, self.cores, updates, elsewhere),
                    paired: [foretold, later],
                };
                let claims = claims(cell, &predictions, &series, tolerance);
                let [predicted, _] = predictions.paired;
                judged[index] = Some(Judged { cell: cell.clone(), claims, predicted, measured: series });
            }
            pure = pure.with(&after.pure());
            before = after;
        }
        Ok((judged.into_iter().flatten().collect(), pure))
    }

    /// One worker for each kind of cell: with the drawn delay and without, with one step in a task and with several.
    fn calibrate(&self, cells: &[Cell]) -> Option<Calibrations> {
        let mut kinds: Vec<Kind> = cells.iter().map(Kind::of).collect();
        kinds.sort_by_key(|kind| (kind.steps, kind.delay.is_some()));
        kinds.dedup();
        let calibrate = |kind: Kind| {
            let like = |cell: &&Cell| Kind::of(cell) == kind;
            let mut gradients: Vec<u32> = cells.iter().filter(like).map(|cell| cell.rule.quorum).chain([1]).collect();
            gradients.sort_unstable();
            gradients.dedup();
            let example = cells.iter().find(like)?;
            let luck = Luck::new(self.arguments.common.seed, u64::MAX / 2);
            let draws = Cell { luck, ..example.clone() }.draws();
            let step_s = 1e-3 + kind.delay.as_ref().map_or(0.0, Law::mean);
            let tasks = (CALIBRATION_S / step_s / f64::from(kind.steps)).clamp(20.0, 300.0) as u64;
            let calibration = calibrate(&self.learner, &draws, tasks, kind.steps, &gradients, &self.stop)?;
            Some((kind, calibration))
        };
        kinds.into_iter().map(calibrate).collect::<Option<_>>().map(Calibrations)
    }

    /// As many updates as fit into the time of a cell, by a first prediction.
    fn updates(&self, cell: &Cell, calibration: &Calibration) -> u64 {
        self.arguments.updates.unwrap_or_else(|| {
            let tried = cell.predict(calibration, self.cores, 100, cell.luck);
            let seconds: f64 = tried.gaps_s.iter().sum();
            (100.0 * CELL_S / seconds).clamp(60.0, 5000.0) as u64
        })
    }

    fn tolerance(&self, cell: &Cell) -> f64 {
        let usual = if cell.rule.workers <= self.cores { 0.05 } else { 0.10 };
        self.arguments.tolerance.map_or(usual, |percent| percent.0)
    }
}

/// What a calibration holds for.
#[derive(Clone, Debug, PartialEq)]
struct Kind {
    steps: u32,
    delay: Option<Law>,
}

impl Kind {
    fn of(cell: &Cell) -> Kind {
        Kind { steps: cell.rule.steps, delay: cell.delay.clone() }
    }
}

/// What one worker costs, for each kind of cell.
struct Calibrations(Vec<(Kind, Calibration)>);

impl Calibrations {
    fn of(&self, cell: &Cell) -> &Calibration {
        let kind = Kind::of(cell);
        let found = self.0.iter().find(|(k, _)| *k == kind);
        &found.expect("every kind of cell was calibrated").1
    }

    /// Without delay, one step at a time.
    fn pure(&self) -> Calibration {
        let found = self.0.iter().find(|(kind, _)| kind.delay.is_none() && kind.steps == 1);
        found.map(|(_, calibration)| calibration.clone()).unwrap_or_default()
    }
}

fn write(validated: &Validated, mut output: Output, manifest: Manifest) -> Result<output::Written, Error> {
    output.add("validation.csv", rows::validation(validated));
    let drawings = [
        ("agreement.svg", "agreement.png", figure::agreement(validated)),
        ("time_per_update.svg", "time_per_update.png", figure::time_per_update(validated)),
        ("staleness.svg", "staleness.png", figure::staleness(validated)),
        ("step_times.svg", "step_times.png", figure::step_times(validated)),
    ];
    for (svg, png, figure) in drawings {
        output.add(svg, crate::report::figure::svg(&figure)?);
        output.add(png, crate::report::figure::png(&figure)?);
    }
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
fn resolved(arguments: &Validate, delay: Option<&Law>, cores: u32) -> serde_json::Value {
    json!({
        "policies": arguments.policies.0.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "workers": arguments.workers.0.iter().map(|w| w.0).collect::<Vec<_>>(),
        "delay": delay.map_or("none".to_string(), Law::to_string),
        "updates": arguments.updates,
        "tolerance": arguments.tolerance.map(|percent| percent.to_string()),
        "batch_size": arguments.batch_size,
        "model": "mlp",
        "cores": cores,
    })
}
