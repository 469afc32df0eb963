//! Do 95 % intervals hold the truth 95 times in a hundred? Policies by laws by numbers of workers, at the default length.
//!
//! `coverage [SEEDS [POLICY [LAW [WORKERS]]]]`: 1000 seeds and everything unless less is typed; `all` stands for everything. Prints
//! a Markdown table: the share of seeds whose interval for the mean time per update holds the truth; the mean half-width over 1.96
//! standard deviations of the means, which is 1 for an interval that knows the scatter; the bias over the mean half-width; the
//! mean half-width in percent of the mean; updates; milliseconds per run. The truth is theory where that is exact, else a run
//! hundreds of times as long under another seed, whose own standard error is small beside the bias that is judged.

use rayon::prelude::*;
use std::time::Instant;
use straggle_sim::theory::Kind;
use straggle_sim::{ClusterSpec, Experiment, Law, Length, Model, Observation, Policy, Progress};

const POLICIES: [&str; 8] =
    ["async", "k-batch-async:3", "k-async:2", "ssp:2", "sync", "local:4", "async, busy server", "async, m/2 cores"];

const LAWS: [&str; 6] = [
    "gamma(2500, 0.0004)",
    "gamma(11, 0.0909)",
    "exp(1)",
    "hyper-exp(0.9, 2, 0.2)",
    "weibull(0.5, 0.5)",
    "lognormal(0, 1.5)",
];

const WORKERS: [u32; 5] = [2, 8, 50, 100, 1000];

/// Steps that the run for the truth takes at most.
const LONGEST: f64 = 1e8;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let typed = |i: usize| arguments.get(i).map(String::as_str).filter(|&word| word != "all");
    let seeds: u64 = typed(0).map_or(Ok(1000), str::parse)?;
    let (policy, law, workers) = (typed(1), typed(2), typed(3).map(str::parse).transpose()?);
    let precision: Option<f64> = typed(4).map(str::parse).transpose()?;
    let chosen = |typed: Option<&'static str>, known: &[&'static str]| typed.map_or(known.to_vec(), |one| vec![one]);
    let leaked = |word: Option<&str>| word.map(|word| &*Box::leak(word.to_string().into_boxed_str()));
    println!("| policy | step time | m | hold, % | width | bias | ± % | updates | ms |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for policy in chosen(leaked(policy), &POLICIES) {
        for law in chosen(leaked(law), &LAWS) {
            for &m in workers.map_or(WORKERS.to_vec(), |m| vec![m]).iter() {
                println!("{}", row(policy, law, m, seeds, precision)?);
            }
        }
    }
    Ok(())
}

/// The experiment of a row.
fn experiment(name: &str, law: &str, m: u32) -> Result<Option<Experiment>, Box<dyn std::error::Error>> {
    let law: Law = law.parse()?;
    let plain = ClusterSpec::new(law.clone());
    let (policy, spec) = match name {
        "async, busy server" => {
            let service = format!("exp({})", f64::from(m) / (0.8 * law.mean())).parse()?;
            ("async", plain.with_service(Some(service)))
        }
        "async, m/2 cores" => ("async", plain.with_cores(Some((m / 2).max(1))).unwrap()),
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

fn row(
    name: &str,
    law: &str,
    m: u32,
    seeds: u64,
    precision: Option<f64>,
) -> Result<String, Box<dyn std::error::Error>> {
    let Some(experiment) = experiment(name, law, m)? else {
        return Ok(format!("| {name} | {law} | {m} | | | | | | |"));
    };
    let length = precision.map_or(Length::Honest, Length::Precision);
    let began = Instant::now();
    let runs: Vec<Observation> = (0..seeds).into_par_iter().map(|seed| run(&experiment, seed, length)).collect();
    let ms = began.elapsed().as_secs_f64() * 1e3 / seeds as f64;
    let exact = runs[0].theory.filter(|theory| theory.kind == Kind::Exact);
    let truth = exact.map_or_else(
        || {
            let plan = runs[0].plan;
            let steps = runs[0].gradients_per_update
                * (plan.updates as f64 / f64::from(plan.replications) + plan.warm_up as f64);
            let times = (LONGEST / (steps * f64::from(plan.replications))).clamp(20.0, 1000.0);
            run(&experiment, 1 << 40, Length::Updates((plan.updates as f64 * times) as u64)).mean.mean
        },
        |theory| theory.seconds,
    );
    let n = seeds as f64;
    let hold = runs.iter().filter(|o| o.mean.holds(truth) == Some(true)).count() as f64 / n;
    let half = runs.iter().filter_map(|o| o.mean.half_width()).sum::<f64>() / n;
    let mean = runs.iter().map(|o| o.mean.mean).sum::<f64>() / n;
    let sd = (runs.iter().map(|o| (o.mean.mean - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    let (width, bias) = (half / (1.96 * sd), (mean - truth) / half);
    let updates = runs.iter().map(|o| o.updates).sum::<u64>() / seeds;
    let known = if exact.is_some() { "" } else { "~" };
    Ok(format!(
        "| {name} | {law} | {m} | {:.1} | {width:.2} | {known}{bias:+.3} | {:.2} | {updates} | {ms:.1} |",
        100.0 * hold,
        100.0 * half / truth,
    ))
}
