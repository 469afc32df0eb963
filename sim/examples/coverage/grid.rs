//! The grid: its cells, what they cost, and a batch of seeds of one.

use crate::results::{Batch, Judged};
use rayon::prelude::*;
use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::time::Instant;
use straggle_sim::measure::Method;
use straggle_sim::theory::Kind;
use straggle_sim::{ClusterSpec, Estimate, Experiment, Law, Length, Model, Observation, Policy, Progress};

pub const POLICIES: [&str; 8] =
    ["k-async:2", "ssp:2", "async, busy server", "local:4", "sync", "async", "k-batch-async:3", "async, m/2 cores"];

pub const LAWS: [&str; 6] = [
    "gamma(2500, 0.0004)",
    "gamma(11, 0.0909)",
    "exp(1)",
    "hyper-exp(0.9, 2, 0.2)",
    "weibull(0.5, 0.5)",
    "lognormal(0, 1.5)",
];

const WORKERS: [u32; 5] = [2, 8, 50, 100, 1000];

/// Events of the run for the truth, at most, if that makes it as much longer as it has to be.
const LONGEST: f64 = 1e8;

/// How many times as long it is, at least and at most. Its standard error is at most a thirtieth of the half-widths that it judges:
/// with a tenth, as 20 times as long would have, half of what is told of the bias may be its own.
const TIMES: (f64, f64) = (200.0, 1000.0);

/// Core-seconds of an event of the event engine, about.
const EVENT_S: f64 = 6e-8;

/// What a step of iterations that are independent, or of workers that are, takes of that.
const STEP: f64 = 0.6;

/// What an event on shared cores takes.
const SHARED: f64 = 4.0;

/// How many times as precisely the truth is asked for where a precision is.
const FINER: f64 = 16.0;

/// What the truth is run under.
const ANOTHER_SEED: u64 = 1 << 40;

/// A policy, a law and a number of workers.
pub struct Cell {
    pub policy: String,
    pub law: String,
    pub workers: u32,
    precision: Option<f64>,
    experiment: Experiment,
    /// Events of a run, or as many as take as long.
    events: f64,
}

/// As in the first columns of the file.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};{};{};{}", self.policy, self.law, self.workers, self.length())
    }
}

/// The cells of these policies, laws and numbers; all of the grid where none are given.
pub fn cells(
    policies: &[String],
    laws: &[String],
    workers: &[u32],
    precision: Option<f64>,
) -> Result<Vec<Cell>, Box<dyn Error>> {
    let or = |typed: &[String], known: &[&str]| -> Vec<String> {
        if typed.is_empty() { known.iter().map(|known| known.to_string()).collect() } else { typed.to_vec() }
    };
    let workers = if workers.is_empty() { &WORKERS[..] } else { workers };
    let mut cells = Vec::new();
    for &m in workers {
        for policy in or(policies, &POLICIES) {
            for law in or(laws, &LAWS) {
                cells.extend(Cell::new(&policy, &law, m, precision)?);
            }
        }
    }
    Ok(cells)
}

impl Cell {
    /// `None` if there are too few workers for the policy.
    fn new(name: &str, law: &str, m: u32, precision: Option<f64>) -> Result<Option<Cell>, Box<dyn Error>> {
        let times: Law = law.parse()?;
        let plain = ClusterSpec::new(times.clone());
        let (policy, spec) = match name {
            "async, busy server" => {
                let service = format!("exp({})", f64::from(m) / (0.8 * times.mean())).parse()?;
                ("async", plain.with_service(Some(service)))
            }
            "async, m/2 cores" => ("async", plain.with_cores(Some((m / 2).max(1)))?),
            name => (name, plain),
        };
        let policy: Policy = policy.parse()?;
        let length = precision.map_or(Length::Honest, Length::Precision);
        let (policies, workers, model) = (vec![policy], vec![m], Model::Event);
        let experiment = Experiment { policies, workers, spec, model, length, seed: 0, deadline_s: None };
        let plans = experiment.plans(&Progress::default()).expect("nobody stops it");
        let Some(&(configuration, plan)) = plans.first() else { return Ok(None) };
        let rule = configuration.rule;
        // A task without an end has as many steps as there is time for.
        let of_task = f64::from(rule.steps).min(1.0 + rule.budget.as_secs_f64() / times.mean());
        let (tasks, each) = match plan.method {
            Method::Renewal => (rule.workers, STEP),
            Method::Stationary if name == "async, m/2 cores" => (rule.quorum, SHARED),
            Method::Stationary => (rule.quorum, STEP),
            Method::WarmUp => (rule.quorum, 1.0),
        };
        let updates = plan.updates + plan.warm_up * u64::from(plan.replications);
        let events = updates as f64 * f64::from(tasks) * of_task * each;
        let (policy, law) = (name.to_string(), law.to_string());
        Ok(Some(Cell { policy, law, workers: m, precision, experiment, events }))
    }

    /// From a line of a list.
    pub fn read(line: &str, precision: Option<f64>) -> Result<Option<Cell>, Box<dyn Error>> {
        let fields: Vec<&str> = line.split(';').map(str::trim).collect();
        let [policy, law, workers, ..] = fields[..] else {
            return Err(format!("{line}: no policy;law;workers").into());
        };
        Cell::new(policy, law, workers.parse()?, precision)
    }

    /// What is said of it in the file.
    pub fn length(&self) -> String {
        self.precision.map_or("default".to_string(), |precision| precision.to_string())
    }

    /// Core-seconds of one seed, about.
    pub fn run_s(&self) -> f64 {
        self.events * EVENT_S
    }

    /// Core-seconds of the run for the truth, about.
    pub fn truth_s(&self) -> f64 {
        self.run_s() * self.times()
    }

    /// How many times as long it is.
    fn times(&self) -> f64 {
        (LONGEST / self.events).clamp(TIMES.0, TIMES.1)
    }

    fn run(&self, seed: u64, length: Length) -> Observation {
        let mut found = Experiment { seed, length, ..self.experiment.clone() }.observe(&Progress::default());
        found.remove(0).expect("nobody stops it")
    }
}

/// What is judged: the mean time per update, mean staleness, the idle share and three quantiles.
pub const JUDGED: usize = 6;

/// What they are in truth.
#[derive(Clone, Copy)]
pub struct Truth {
    pub values: [f64; JUDGED],
    /// Standard error of the mean time per update; nothing if theory is exact.
    pub error: f64,
    pub exact: bool,
}

fn judged(o: &Observation) -> [Estimate; JUDGED] {
    let usage = o.usage.as_ref().expect("of the event model");
    let [p50, p95, p99] = o.quantiles_s;
    [o.mean, usage.mean_staleness, usage.idle_share, p50, p95, p99]
}

fn truth(cell: &Cell, updates: u64) -> Truth {
    let as_planned = (updates as f64 * cell.times()) as u64;
    // A run to a given precision may take many times as long as is planned: its truth is asked for more precisely, and where that
    // is soon reached it is as long as any.
    let finer = cell.precision.map(|precision| cell.run(ANOTHER_SEED, Length::Precision(precision / FINER)));
    let finer = finer.filter(|finer| finer.updates >= as_planned);
    let long = finer.unwrap_or_else(|| cell.run(ANOTHER_SEED, Length::Updates(as_planned)));
    let mut values = judged(&long).map(|value| value.mean);
    let exact = long.theory.filter(|theory| theory.kind == Kind::Exact);
    if let Some(theory) = exact {
        values[0] = theory.seconds;
    }
    let error = if exact.is_some() { 0.0 } else { long.mean.standard_error };
    Truth { values, error, exact: exact.is_some() }
}

/// Runs these seeds, and the truth beside them if it is not known.
pub fn run(cell: &Cell, seeds: Range<u64>, known: &mut Option<Truth>) -> Batch {
    let began = Instant::now();
    let one = |seed| cell.run(seed, cell.experiment.length);
    let runs = || -> Vec<Observation> { seeds.clone().into_par_iter().map(one).collect() };
    let plans = cell.experiment.plans(&Progress::default()).expect("nobody stops it");
    let updates = plans[0].1.updates;
    let (runs, truth) = rayon::join(runs, || known.unwrap_or_else(|| truth(cell, updates)));
    *known = Some(truth);
    let n = runs.len() as f64;
    let scale = truth.values[0];
    let mean = runs.iter().map(|o| o.mean.mean / scale).sum::<f64>() / n;
    let squares = runs.iter().map(|o| (o.mean.mean / scale - mean).powi(2)).sum::<f64>();
    let half = runs.iter().map(|o| o.mean.half_width().unwrap_or(f64::NAN) / scale).sum::<f64>() / n;
    let count = |i: usize| {
        let truth = truth.values[i];
        // What a clock decides is known as well as the clock is read, late in a long run.
        let same = |mean: f64| (mean - truth).abs() <= 1e-9 * truth.abs();
        let holds = runs.iter().map(|o| judged(o)[i]).filter_map(|e| e.holds(truth).map(|holds| holds || same(e.mean)));
        holds.fold(Judged { truth, ..Judged::default() }, Judged::add)
    };
    Batch {
        policy: cell.policy.clone(),
        law: cell.law.clone(),
        workers: cell.workers,
        length: cell.length(),
        seeds: seeds.clone(),
        mean,
        squares,
        half,
        updates: runs.iter().map(|o| o.updates).sum::<u64>() / runs.len() as u64,
        ms: began.elapsed().as_secs_f64() * 1e3,
        exact: truth.exact,
        error: truth.error / scale,
        judged: std::array::from_fn(count),
    }
}
