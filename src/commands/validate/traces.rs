//! `straggle validate traces`: measured step times of other clusters, predicted out of sample: the second half of the steps from
//! the first, runs on many workers from those on few, one link from another. Public traces are in the binary; where they come from
//! stands beside them (`tests/data/traces/README.md`).

use super::Validate;
use super::rows::ClaimRow;
use super::words::{counted, error, ms};
use crate::commands::fit::scaling::Predicted;
use crate::error::Error;
use crate::figures::validate::{ErrorRow, errors, height};
use crate::figures::{self, Figure};
use crate::finished::{self, Finished, FinishedRuns};
use crate::formats::{self, Configurations, Measured, Options};
use crate::report::{Job, Outcome, Report};
use crate::rows::Tables;
use crate::session::Session;
use crate::text::{count, or_dash, table};
use sim::StepTimes;
use sim::predict::out_of_sample::{Answer, OutOfSample, out_of_sample};
use sim::predict::scaling::Configuration;
use std::fmt::Write;
use validation::verdict::equivalence::{judge, needed};
use validation::verdict::summary::summary;
use validation::{Claim, Count, Interval, Quantity, Sample, Verdict};

/// A trace in the binary: what it is, its file, the first steps that are left out, the rows that are read.
struct Public {
    name: &'static str,
    file: &'static [u8],
    skip: usize,
    selection: Option<(&'static str, &'static str)>,
}

const PUBLIC: [Public; 8] = [
    Public {
        name: "language model, 32 ranks",
        file: include_bytes!("../../../tests/data/traces/llm_trace_stage0.csv"),
        skip: 0,
        selection: None,
    },
    Public {
        name: "language model, one slow rank",
        file: include_bytes!("../../../tests/data/traces/llm_ar.csv"),
        skip: 0,
        selection: Some(("stage", "0")),
    },
    Public {
        name: "storage, barrier at each step",
        file: include_bytes!("../../../tests/data/traces/storage411_barrier.csv.gz"),
        skip: 0,
        selection: None,
    },
    Public {
        name: "storage, no barrier",
        file: include_bytes!("../../../tests/data/traces/storage411_nobarrier.csv.gz"),
        skip: 0,
        selection: None,
    },
    Public {
        name: "256 copies of a job, epochs",
        file: include_bytes!("../../../tests/data/traces/hpc_deepcam256.csv"),
        // The first epoch warms the caches up.
        skip: 1,
        selection: None,
    },
    Public {
        name: "1 to 16 GPUs, by placement",
        file: include_bytes!("../../../tests/data/traces/pollux_cifar10_placements.csv"),
        skip: 0,
        selection: None,
    },
    Public {
        name: "6 to 64 GPUs",
        file: include_bytes!("../../../tests/data/traces/pollux_cifar10_scalability.csv"),
        skip: 0,
        selection: None,
    },
    Public {
        name: "4 nodes, two links",
        file: include_bytes!("../../../tests/data/traces/diloco_measured.csv"),
        skip: 0,
        selection: None,
    },
];

/// Runs on no more workers predict those on more: as many as most machines have.
const FEW: u32 = 8;

/// How large an error may be unless one is typed: of steps, of runs on more workers, of runs over other links.
const TOLERANCES: [f64; 3] = [0.05, 0.1, 0.15];

/// Local steps of the second question.
const LOCAL: usize = 8;

/// A prediction and what came.
struct Prediction {
    trace: String,
    policy: String,
    workers: u32,
    /// Steps or runs that were predicted.
    number: String,
    /// How steps are drawn, or messages travel.
    model: String,
    kolmogorov: Option<f64>,
    claim: Claim,
}

/// All of them.
struct Traces {
    traces: u64,
    predicted: Vec<Prediction>,
}

/// Reads the traces, which is the quicker half of the work.
pub fn prepare<'a>(arguments: &'a Validate, files: &[String], session: &'a Session) -> Result<Job<'a>, Error> {
    let (tolerance, seed) = (arguments.tolerance.map(|percent| percent.0.0), arguments.common.seed);
    let refuse = |refusal: formats::Refusal| Error::Input(refusal.to_string());
    let mut tables = Vec::new();
    if files.is_empty() {
        for public in PUBLIC {
            let selection =
                public.selection.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            let options = Options { skip: public.skip, selection, ..Options::default() };
            let measured = formats::read_any_bytes(public.name, public.file, &options).map_err(refuse)?;
            tables.push((public.name.to_string(), measured));
        }
    }
    for file in files {
        let measured = formats::read_any(std::slice::from_ref(file), &Options::default()).map_err(refuse)?;
        let (notes, files) = measured.noted();
        session.measured(notes, files);
        tables.push((formats::clip(file), measured));
    }
    Ok(Box::new(move |directory| {
        session.may_leave(directory);
        let finished = Finished::open(directory, &[]).unless_quick();
        let experiment = finished::everything(arguments, &["tolerance", "threads", "out", "format"], session);
        let parts = FinishedRuns { finished: &finished, experiment };
        let (traces, mut predicted) = (tables.len() as u64, Vec::new());
        for (i, (name, measured)) in tables.iter().enumerate() {
            predicted.extend(match measured {
                Measured::Steps(recorded) => {
                    let found = parts.once(&format!("trace {i}"), || out_of_sample(&recorded.times, LOCAL, seed));
                    of_steps(name, &recorded.times, found)?
                }
                Measured::Runs(runs) => of_runs(name, runs)?,
            });
        }
        finished.told(session);
        predicted.iter_mut().for_each(|one| one.claim.tolerance = tolerance.unwrap_or(one.claim.tolerance));
        let all: Vec<(Sample, f64)> = predicted.iter().map(|one| (one.claim.errors, one.claim.tolerance)).collect();
        for (one, verdict) in predicted.iter_mut().zip(judge(&all)) {
            one.claim.verdict = Some(verdict);
        }
        Ok(Box::new(Traces { traces, predicted }))
    }))
}

/// The second half of the steps, from the first.
fn of_steps(name: &str, times: &StepTimes, found: Option<OutOfSample>) -> Result<Vec<Prediction>, Error> {
    let workers = times.workers() as u32;
    let Some(found) = found else {
        return Err(Error::Input(format!(
            "{name} has {} and {}; a prediction out of sample needs two workers and four steps of both",
            count(workers, "worker"),
            count(times.rows().len() as u64, "whole step")
        )));
    };
    let chosen = if found.was_chosen { "" } else { " (not chosen)" };
    let one = |answer: &Answer| {
        let steps = answer.question.steps as f64;
        Prediction {
            trace: name.to_string(),
            policy: local(answer.question.steps as u64),
            workers,
            number: count(found.steps as u64, "step"),
            model: format!("{}{chosen}", found.candidate),
            kolmogorov: Some(answer.kolmogorov),
            claim: claim(
                Quantity::PerUpdate,
                [answer.predicted_s * steps, answer.measured_s * steps],
                // The blocks behind an answer, as if each were measured by itself.
                Sample {
                    n: answer.blocks,
                    mean: answer.log_ratio,
                    sd: answer.standard_error * (answer.blocks as f64).sqrt(),
                },
                TOLERANCES[0],
            ),
        }
    };
    Ok(found.answers.iter().map(one).collect())
}

/// Runs on many workers from those on few, or over other links: job by job, and together by their local steps.
fn of_runs(name: &str, runs: &Configurations) -> Result<Vec<Prediction>, Error> {
    let jobs: Vec<Predicted> =
        runs.jobs.iter().filter_map(|job| Predicted::from(&job.runs, 0.0, few(&job.runs))).collect();
    let Some(first) = jobs.first() else {
        return Err(Error::Input(format!(
            "{name} has no runs on more workers than others, or over other links; give a table that has"
        )));
    };
    let mut local_steps: Vec<u32> = jobs.iter().flat_map(|job| &job.runs).map(|run| run.local_steps).collect();
    local_steps.sort_unstable();
    local_steps.dedup();
    let one = |&steps: &u32| {
        // Seconds predicted and found, and the squares of the standard errors of what each job's runs say.
        let (mut pairs, mut squares, mut most) = (Vec::new(), 0.0, 0);
        for job in &jobs {
            let found_s = |run: &Configuration| if job.by_workers { run.step_s() } else { run.blocked_per_step_s() };
            let is_one = |run: &&Configuration| run.local_steps == steps && found_s(run) > 0.0;
            let own: Vec<&Configuration> = job.runs.iter().filter(is_one).collect();
            pairs.extend(own.iter().map(|run| (job.seconds(&job.fitted, run), found_s(run))));
            most = own.iter().map(|run| run.workers).fold(most, u32::max);
            if !own.is_empty() {
                squares += (own.len() as f64 * job.standard_error(&own)).powi(2);
            }
        }
        let n = pairs.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
        let centre = mean(|(said, found)| (found / said).ln());
        let scatter = pairs.iter().map(|(said, found)| ((found / said).ln() - centre).powi(2)).sum::<f64>() / (n - 1.0);
        // The mean of n errors scatters as they do, and is off by what the fit is, which all share.
        let sd = (scatter + squares / n).sqrt();
        let (quantity, tolerance) =
            if first.by_workers { (Quantity::PerUpdate, TOLERANCES[1]) } else { (Quantity::Blocked, TOLERANCES[2]) };
        let size = mean(|(said, found)| (said / found - 1.0).abs());
        (pairs.len() >= 2).then(|| Prediction {
            trace: name.to_string(),
            policy: local(u64::from(steps)),
            workers: most,
            number: format!("{}, each {:.1} % off", count(pairs.len() as u64, "run"), 100.0 * size),
            model: first.fitted.scheme.to_string(),
            kolmogorov: None,
            claim: claim(
                quantity,
                [mean(|pair| pair.0), mean(|pair| pair.1)],
                Sample { n: pairs.len(), mean: centre, sd },
                tolerance,
            ),
        })
    };
    Ok(local_steps.iter().filter_map(one).collect())
}

/// Workers of the runs that predict the others.
fn few(runs: &[Configuration]) -> u32 {
    match runs.iter().any(|run| run.workers > 1 && run.workers <= FEW) && runs.iter().any(|run| run.workers > FEW) {
        true => FEW,
        false => Predicted::half(runs),
    }
}

fn claim(quantity: Quantity, [predicted, measured]: [f64; 2], errors: Sample, tolerance: f64) -> Claim {
    let exactly = |value: f64| Interval { value, low: value, high: value };
    Claim {
        quantity,
        predicted: exactly(predicted),
        measured: exactly(measured),
        errors,
        tolerance,
        verdict: None,
        parts: None,
        left_s: 0.0,
    }
}

fn local(steps: u64) -> String {
    if steps == 1 { "sync".to_string() } else { format!("local:{steps}") }
}

impl Traces {
    fn counted(&self) -> Count {
        let of = |verdict| self.predicted.iter().filter(|one| one.claim.verdict == Some(verdict)).count();
        Count { pass: of(Verdict::Pass), fail: of(Verdict::Fail), undecided: of(Verdict::Undecided) }
    }

    fn verdict(&self) -> String {
        let mut text = counted(self.counted(), "time");
        let undecided = self.predicted.iter().filter(|one| one.claim.verdict == Some(Verdict::Undecided));
        // As many times the steps as the one that is decided last needs.
        let times = undecided.map(|one| needed(&one.claim.errors, one.claim.tolerance) / one.claim.errors.n as f64);
        let most = times.fold(0.0, f64::max);
        if most > 0.0 {
            let _ = match most < 1000.0 {
                true => write!(text, "; {:.0} times as many steps would decide", most.ceil()),
                false => write!(text, "; no number of steps within reason would decide"),
            };
        }
        text
    }
}

impl Report for Traces {
    fn tables(&self, tables: &mut Tables) {
        tables.add(self.predicted.iter().map(|one| {
            let mut row = ClaimRow::new(one.policy.clone(), one.workers, &one.claim);
            row.trace = Some(one.trace.clone());
            row.dependence = Some(one.model.clone());
            row.kolmogorov = one.kolmogorov;
            row
        }));
    }

    fn figures(&self) -> Vec<(&'static str, Figure)> {
        let row = |one: &Prediction| ErrorRow {
            name: format!("{}, {}", one.trace, one.policy),
            error: one.claim.error(),
            tolerance: one.claim.tolerance,
            verdict: one.claim.verdict,
        };
        let rows: Vec<ErrorRow> = self.predicted.iter().map(row).collect();
        let panel = errors(&rows, "Predicted out of sample");
        let caption =
            "Time per update, or blocked per step. Intervals are 90 %, of steps from moving blocks.".to_string();
        let size = (360.0, height(rows.len()));
        vec![("relative_error", Figure { panel_size: size, ..figures::Figure::new(vec![panel], caption) })]
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{}: the second half of the steps is predicted from the first, runs on many workers from those on few, one link from \
             another.\n\n",
            count(self.traces, "trace")
        );
        let header = [
            "trace",
            "policy",
            "m",
            "of",
            "model",
            "predicted ms",
            "measured ms",
            "error (90 %)",
            "within",
            "Kolmogorov",
            "verdict",
        ];
        let row = |one: &Prediction| {
            let number = |interval: Interval| ms(interval).split(" ±").next().unwrap_or_default().to_string();
            [
                one.trace.clone(),
                one.policy.clone(),
                one.workers.to_string(),
                one.number.clone(),
                one.model.clone(),
                number(one.claim.predicted),
                number(one.claim.measured),
                error(&one.claim),
                format!("{} %", 100.0 * one.claim.tolerance),
                or_dash(one.kolmogorov, |distance| format!("{:.1} %", 100.0 * distance)),
                one.claim.verdict.map_or(String::new(), |verdict| verdict.to_string()),
            ]
        };
        text += &table(header, self.predicted.iter().map(row));
        text.push('\n');
        if let Some(summary) = summary(&self.predicted.iter().map(|one| one.claim.errors).collect::<Vec<_>>()) {
            let Interval { value, low, high } = summary.mean.map(|share| 100.0 * share);
            let _ = writeln!(
                text,
                "Times: predicted within {value:.1} % (90 %: {low:.1} to {high:.1}) over {}.",
                count(summary.count as u64, "prediction")
            );
        }
        let _ = writeln!(text, "Verdict: {}.", self.verdict());
        text
    }

    fn outcome(&self) -> Outcome {
        let Count { pass, fail, undecided } = self.counted();
        match pass > 0 && fail + undecided == 0 {
            true => Outcome::Done,
            false => Outcome::Failed(self.verdict()),
        }
    }
}
