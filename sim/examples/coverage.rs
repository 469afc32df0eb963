//! Do 95 % intervals hold the truth 95 times in a hundred? Policies by laws by numbers of workers, at the default length.
//!
//! `coverage FILE [SEEDS [POLICY [LAW [WORKERS [PRECISION]]]]]`: 1000 seeds and everything unless less is typed; `all` stands for
//! everything. Each cell of the grid becomes a line of FILE as soon as it ends, and a cell that FILE has is not run again: a grid of
//! hours may be stopped at any time. In the end FILE is printed as the Markdown tables of the book.
//!
//! A cell that would take more than 1.5 10^8 events has fewer seeds, and at least 100. The truth is theory where that is exact, else a
//! run up to a thousand times as long under another seed; its own error is part of the error that is given for the bias. Shares,
//! staleness and quantiles are judged by that long run in any case.

use rayon::prelude::*;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::time::Instant;
use straggle_sim::measure::Method;
use straggle_sim::theory::Kind;
use straggle_sim::{ClusterSpec, Estimate, Experiment, Law, Length, Model, Observation, Policy, Progress};

const POLICIES: [&str; 8] =
    ["k-async:2", "ssp:2", "async, busy server", "local:4", "sync", "async", "k-batch-async:3", "async, m/2 cores"];

const LAWS: [&str; 6] = [
    "gamma(2500, 0.0004)",
    "gamma(11, 0.0909)",
    "exp(1)",
    "hyper-exp(0.9, 2, 0.2)",
    "weibull(0.5, 0.5)",
    "lognormal(0, 1.5)",
];

const WORKERS: [u32; 5] = [2, 8, 50, 100, 1000];

/// Events in all seeds of a cell, at most, if that leaves [`FEWEST`] seeds.
const EVENTS: f64 = 1.5e8;

/// Seeds of a cell, at least.
const FEWEST: f64 = 100.0;

/// Events of the run for the truth, at most, if that makes it 20 times as long.
const LONGEST: f64 = 1e8;

/// A step of iterations that are independent, or of workers that are, over an event.
const STEP: f64 = 0.06;

/// What each line of the file has, after policy, law and workers.
const COLUMNS: &str = "policy;step_time;workers;length;seeds;hold;width;bias;bias_error;half_width;updates;ms;exact;staleness;idle;p50;p95;p99";

type Error = Box<dyn std::error::Error>;

/// One of the quantities of a run.
type Quantity<'a> = &'a dyn Fn(&Observation) -> Estimate;

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let typed = |i: usize| arguments.get(i).map(String::as_str).filter(|&word| word != "all");
    let path = typed(0).ok_or("type a file for the results")?;
    let seeds: u64 = typed(1).map_or(Ok(1000), str::parse)?;
    let (policy, law, workers) = (typed(2), typed(3), typed(4).map(str::parse::<u32>).transpose()?);
    let precision: Option<f64> = typed(5).map(str::parse).transpose()?;
    let chosen = |typed: Option<&str>, known: &[&str]| -> Vec<String> {
        typed.map_or(known.iter().map(|known| known.to_string()).collect(), |one| vec![one.to_string()])
    };
    let mut known = std::fs::read_to_string(path).unwrap_or_default();
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    if known.is_empty() {
        writeln!(file, "{COLUMNS}")?;
    }
    // The hardest first.
    for m in workers.map_or(WORKERS.iter().rev().copied().collect(), |m| vec![m]) {
        for policy in chosen(policy, &POLICIES) {
            for law in chosen(law, &LAWS) {
                let length = precision.map_or("default".to_string(), |precision| precision.to_string());
                let name = format!("{policy};{law};{m};{length};");
                if !known.contains(&format!("\n{name}")) {
                    enter(&mut file, &name, &policy, &law, m, seeds, precision)?;
                }
            }
        }
    }
    known = std::fs::read_to_string(path)?;
    print!("{}", tables(&known));
    Ok(())
}

/// Runs a cell and writes its line, if there is such a cell.
fn enter(
    file: &mut File,
    name: &str,
    policy: &str,
    law: &str,
    m: u32,
    seeds: u64,
    precision: Option<f64>,
) -> Result<(), Error> {
    if let Some(experiment) = experiment(policy, law, m)? {
        let line = cell(&experiment, seeds, precision.map_or(Length::Honest, Length::Precision));
        writeln!(file, "{name}{line}")?;
    }
    Ok(())
}

/// The experiment of a cell; `None` if there are too few workers for the policy.
fn experiment(name: &str, law: &str, m: u32) -> Result<Option<Experiment>, Error> {
    let law: Law = law.parse()?;
    let plain = ClusterSpec::new(law.clone());
    let (policy, spec) = match name {
        "async, busy server" => {
            let service = format!("exp({})", f64::from(m) / (0.8 * law.mean())).parse()?;
            ("async", plain.with_service(Some(service)))
        }
        "async, m/2 cores" => ("async", plain.with_cores(Some((m / 2).max(1)))?),
        name => (name, plain),
    };
    let policy: Policy = policy.parse()?;
    if policy.rule(m).is_err() {
        return Ok(None);
    }
    let (policies, workers, model, length) = (vec![policy], vec![m], Model::Event, Length::Honest);
    Ok(Some(Experiment { policies, workers, spec, model, length, seed: 0, deadline_s: None }))
}

fn run(experiment: &Experiment, seed: u64, length: Length) -> Observation {
    let mut found = Experiment { seed, length, ..experiment.clone() }.observe(&Progress::default());
    found.remove(0).expect("nobody stops it")
}

/// Events of a run, or as many as take as long.
fn events(o: &Observation) -> f64 {
    let rule = o.cell.rule;
    let (steps, each) = match o.plan.method {
        Method::Renewal => (rule.workers * rule.steps, STEP),
        Method::Stationary => (rule.quorum, STEP),
        Method::WarmUp => (rule.quorum, 1.0),
    };
    (o.updates as f64 + o.plan.warm_up as f64 * f64::from(o.plan.replications)) * f64::from(steps) * each
}

/// Share of the intervals that hold a value; NaN if most seeds have none.
fn hold(runs: &[Observation], of: impl Fn(&Observation) -> Estimate, truth: f64) -> f64 {
    let held: Vec<bool> = runs.iter().filter_map(|o| of(o).holds(truth)).collect();
    let share = held.iter().filter(|&&held| held).count() as f64 / held.len() as f64;
    if 2 * held.len() >= runs.len() { share } else { f64::NAN }
}

fn cell(experiment: &Experiment, seeds: u64, length: Length) -> String {
    let began = Instant::now();
    let first = run(experiment, 0, length);
    let affordable = (EVENTS / events(&first)).max(FEWEST) as u64;
    let seeds = seeds.min(affordable);
    let rest = (1..seeds).into_par_iter().map(|seed| run(experiment, seed, length));
    let runs: Vec<Observation> = std::iter::once(first).chain(rest.collect::<Vec<_>>()).collect();
    let ms = began.elapsed().as_secs_f64() * 1e3 / seeds as f64;
    let times = (LONGEST / events(&runs[0])).clamp(20.0, 1000.0);
    let long = run(experiment, 1 << 40, Length::Updates((runs[0].updates as f64 * times) as u64));
    let exact = runs[0].theory.filter(|theory| theory.kind == Kind::Exact);
    let (truth, its_error) = exact.map_or((long.mean.mean, long.mean.standard_error), |theory| (theory.seconds, 0.0));
    let n = runs.len() as f64;
    let half = runs.iter().filter_map(|o| o.mean.half_width()).sum::<f64>() / n;
    let mean = runs.iter().map(|o| o.mean.mean).sum::<f64>() / n;
    let sd = (runs.iter().map(|o| (o.mean.mean - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    let error = (sd * sd / n + its_error * its_error).sqrt();
    let updates = runs.iter().map(|o| o.updates).sum::<u64>() / seeds;
    let usage = |o: &Observation| o.usage.clone().expect("of the event model");
    let mut line = format!(
        "{seeds};{};{};{};{};{};{updates};{ms:.2};{}",
        hold(&runs, |o| o.mean, truth),
        half / (1.96 * sd),
        (mean - truth) / half,
        error / half,
        half / truth,
        exact.is_some(),
    );
    let others: [(Quantity<'_>, f64); 5] = [
        (&|o| usage(o).mean_staleness, usage(&long).mean_staleness.mean),
        (&|o| usage(o).idle_share, usage(&long).idle_share.mean),
        (&|o| o.quantiles_s[0], long.quantiles_s[0].mean),
        (&|o| o.quantiles_s[1], long.quantiles_s[1].mean),
        (&|o| o.quantiles_s[2], long.quantiles_s[2].mean),
    ];
    others.iter().for_each(|(of, truth)| write!(line, ";{}", hold(&runs, of, *truth)).expect("memory"));
    line
}

/// The lines of the file, as Markdown.
fn tables(lines: &str) -> String {
    let mut cells: Vec<Vec<&str>> = lines.lines().skip(1).map(|line| line.split(';').collect()).collect();
    let place = |cell: &Vec<&str>| {
        let at = |known: &[&str], word: &str| known.iter().position(|&one| one == word).unwrap_or(known.len());
        (at(&POLICIES, cell[0]), at(&LAWS, cell[1]), cell[2].parse::<u32>().unwrap_or(0), cell[3].to_string())
    };
    cells.sort_by_key(place);
    let mut text = String::from(
        "| policy | step time | m | seeds | hold, % | width | bias | ± % | updates | staleness | idle | p50 | p95 | p99 |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for cell in cells {
        let number = |i: usize| cell[i].parse::<f64>().unwrap_or(f64::NAN);
        let percent = |i: usize| match number(i) {
            share if share.is_nan() => "–".to_string(),
            share => format!("{:.1}", 100.0 * share),
        };
        let known = if cell[12] == "true" { "" } else { "~" };
        let length = if cell[3] == "default" { String::new() } else { format!(" to {} %", 100.0 * number(3)) };
        writeln!(
            text,
            "| {}{length} | {} | {} | {} | {} | {:.2} | {known}{:+.2} ± {:.2} | {:.2} | {} | {} | {} | {} | {} | {} |",
            cell[0],
            cell[1],
            cell[2],
            cell[4],
            percent(5),
            number(6),
            number(7),
            number(8),
            100.0 * number(9),
            cell[10],
            percent(13),
            percent(14),
            percent(15),
            percent(16),
            percent(17),
        )
        .expect("memory");
    }
    text
}
