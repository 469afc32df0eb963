//! `straggle validate traces`: measured step times of other clusters, predicted out of sample. Public traces are in the
//! binary; where they come from stands beside them (`tests/data/traces/README.md`).

use super::ClaimRow;
use super::words::{counted, error, ms};
use crate::error::Error;
use crate::figures::validate::{ErrorRow, errors, height};
use crate::figures::{self, Figure};
use crate::formats::{self, Options};
use crate::report::{Job, Outcome, Report};
use crate::rows::Tables;
use crate::session::Session;
use crate::text::{count, table};
use sim::predict::out_of_sample::{Answer, OutOfSample, out_of_sample};
use std::fmt::Write;
use std::path::Path;
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

const PUBLIC: [Public; 5] = [
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
];

/// Local steps of the second question.
const LOCAL: usize = 8;

/// A trace that was predicted.
struct Predicted {
    name: String,
    workers: u32,
    found: OutOfSample,
    claims: Vec<Claim>,
}

/// All of them.
struct Traces {
    predicted: Vec<Predicted>,
    tolerance: f64,
}

/// Reads the traces, which is the quicker half of the work.
pub fn prepare<'a>(files: &[String], tolerance: f64, seed: u64, session: &'a Session) -> Result<Job<'a>, Error> {
    let refuse = |refusal: formats::Refusal| Error::Input(refusal.to_string());
    let mut tables = Vec::new();
    if files.is_empty() {
        for public in PUBLIC {
            let selection =
                public.selection.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            let options = Options { skip: public.skip, selection, ..Options::default() };
            let recorded = formats::read_bytes(public.name, public.file, &options).map_err(refuse)?;
            tables.push((public.name.to_string(), recorded.times));
        }
    }
    for file in files {
        let recorded = formats::read(std::slice::from_ref(file), &Options::default()).map_err(refuse)?;
        recorded.notes.iter().for_each(|note| session.note(note.to_string()));
        if let Some(bytes) =
            Some(file).filter(|file| Path::new(file).is_file()).and_then(|file| std::fs::read(file).ok())
        {
            session.input(file, &bytes);
        }
        tables.push((formats::clip(file), recorded.times));
    }
    Ok(Box::new(move |_| {
        let mut predicted = Vec::new();
        for (name, times) in tables {
            let workers = times.workers() as u32;
            let Some(found) = out_of_sample(&times, LOCAL, seed) else {
                return Err(Error::Input(format!(
                    "{name} has {} and {}; a prediction out of sample needs two workers and four steps of both",
                    count(workers, "worker"),
                    count(times.rows().len() as u64, "whole step")
                )));
            };
            predicted.push(Predicted { name, workers, claims: Vec::new(), found });
        }
        let all: Vec<(Sample, f64)> =
            predicted.iter().flat_map(|one| &one.found.answers).map(|answer| (sample(answer), tolerance)).collect();
        let mut verdicts = judge(&all).into_iter();
        for one in &mut predicted {
            one.claims = one.found.answers.iter().map(|answer| claim(answer, tolerance, verdicts.next())).collect();
        }
        Ok(Box::new(Traces { predicted, tolerance }))
    }))
}

/// The blocks behind an answer, as if each were measured by itself.
fn sample(answer: &Answer) -> Sample {
    Sample { n: answer.blocks, mean: answer.log_ratio, sd: answer.standard_error * (answer.blocks as f64).sqrt() }
}

fn claim(answer: &Answer, tolerance: f64, verdict: Option<Verdict>) -> Claim {
    let exactly = |value: f64| Interval { value, low: value, high: value };
    Claim {
        quantity: Quantity::PerUpdate,
        predicted: exactly(answer.predicted_s * answer.question.steps as f64),
        measured: exactly(answer.measured_s * answer.question.steps as f64),
        errors: sample(answer),
        tolerance,
        verdict,
        parts: None,
        left_s: 0.0,
    }
}

fn policy(answer: &Answer) -> String {
    if answer.question.steps == 1 { "sync".to_string() } else { format!("local:{}", answer.question.steps) }
}

impl Traces {
    fn each(&self) -> impl Iterator<Item = (&Predicted, &Answer, &Claim)> {
        self.predicted
            .iter()
            .flat_map(|one| one.found.answers.iter().zip(&one.claims).map(move |(answer, claim)| (one, answer, claim)))
    }

    fn counted(&self) -> Count {
        let of = |verdict| self.each().filter(|(_, _, claim)| claim.verdict == Some(verdict)).count();
        Count { pass: of(Verdict::Pass), fail: of(Verdict::Fail), undecided: of(Verdict::Undecided) }
    }

    fn verdict(&self) -> String {
        let mut text = counted(self.counted(), "time");
        let undecided = || self.each().filter(|(_, _, claim)| claim.verdict == Some(Verdict::Undecided));
        // As many times the steps as the one that is decided last needs.
        let times = undecided().map(|(_, _, claim)| needed(&claim.errors, claim.tolerance) / claim.errors.n as f64);
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
        tables.add(self.each().map(|(one, answer, claim)| ClaimRow {
            trace: Some(one.name.clone()),
            dependence: Some(one.found.candidate.to_string()),
            kolmogorov: Some(answer.kolmogorov),
            ..ClaimRow::new(policy(answer), one.workers, claim)
        }));
    }

    fn figures(&self) -> Vec<(&'static str, Figure)> {
        let row = |(one, answer, claim): (&Predicted, &Answer, &Claim)| ErrorRow {
            name: format!("{}, {}", one.name, policy(answer)),
            error: claim.error(),
            tolerance: claim.tolerance,
            verdict: claim.verdict.unwrap_or(Verdict::Undecided),
        };
        let rows: Vec<ErrorRow> = self.each().map(row).collect();
        let panel = errors(&rows, "Second half predicted from the first");
        let caption = "Time per update. Intervals are 90 %, from moving blocks of steps.".to_string();
        let size = (360.0, height(rows.len()));
        vec![("relative_error", Figure { panel_size: size, ..figures::Figure::new(vec![panel], caption) })]
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{}: the second half of the steps is predicted from the first.\n\n",
            count(self.predicted.len() as u64, "trace")
        );
        let header = [
            "trace",
            "policy",
            "m",
            "steps",
            "drawn",
            "predicted ms",
            "measured ms",
            "error (90 %)",
            "Kolmogorov",
            "verdict",
        ];
        let row = |(one, answer, claim): (&Predicted, &Answer, &Claim)| {
            let chosen = if one.found.was_chosen { "" } else { " (not chosen)" };
            let number = |interval: Interval| ms(interval).split(" ±").next().unwrap_or_default().to_string();
            [
                one.name.clone(),
                policy(answer),
                one.workers.to_string(),
                one.found.steps.to_string(),
                format!("{}{chosen}", one.found.candidate),
                number(claim.predicted),
                number(claim.measured),
                error(claim),
                format!("{:.1} %", 100.0 * answer.kolmogorov),
                claim.verdict.map_or(String::new(), |verdict| verdict.to_string()),
            ]
        };
        text += &table(header, self.each().map(row));
        text.push('\n');
        if let Some(summary) = summary(&self.each().map(|(_, _, claim)| claim.errors).collect::<Vec<_>>()) {
            let Interval { value, low, high } = summary.mean.map(|share| 100.0 * share);
            let _ = writeln!(
                text,
                "Time per update: predicted within {value:.1} % (90 %: {low:.1} to {high:.1}) over {}.",
                count(summary.count as u64, "prediction")
            );
        }
        let tolerance = 100.0 * self.tolerance;
        let _ = writeln!(text, "Verdict: {} (tolerance {tolerance} %).", self.verdict());
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
