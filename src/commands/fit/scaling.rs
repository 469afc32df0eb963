//! Runs on several numbers of workers, or over several links: what computing and messages take, what more workers or other links
//! would, and how far to trust that.

use super::Fit;
use crate::error::Error;
use crate::figures::{self, Figure};
use crate::formats::Configurations;
use crate::profile::{Communication, OneOrMany, Profile, SourceFiles};
use crate::report::{Outcome, Report};
use crate::rows::{Row, Tables};
use crate::text::{columns, count, digits};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sim::cluster::comm::Scheme;
use sim::measure::interval::ratio;
use sim::predict::scaling::{ANY_BYTES_PER_S, Configuration, Message, Scaling};
use std::fmt::Write;

/// What runs turned out to be.
pub struct Scaled {
    runs: Vec<Configuration>,
    /// What holds the times of steps and of communication.
    columns: [String; 2],
    fitted: Scaling,
    /// What smaller runs, or those over some links, say of the others.
    predicted: Option<Predicted>,
    profile: Profile,
    saves: bool,
}

/// A part of the runs, predicted from the others.
pub struct Predicted {
    /// Which from which, in words.
    pub what: String,
    /// Whether they are on other numbers of workers, and not over other links.
    pub by_workers: bool,
    /// From what was fitted.
    pub fitted: Scaling,
    /// Those that are predicted.
    pub runs: Vec<Configuration>,
    /// The same fit without each of the runs that it is from.
    without: Vec<Scaling>,
}

impl Predicted {
    /// Runs on more workers than `most`, or, where all are on as many, over other links than the slowest; `None` if there are none of
    /// either.
    pub fn from(runs: &[Configuration], overlap: f64, most: u32) -> Option<Predicted> {
        let by_workers = runs.iter().any(|run| run.workers != runs[0].workers);
        let slowest = runs.iter().filter_map(|run| run.bytes_per_s).reduce(f64::min);
        let known = |run: &&Configuration| match by_workers {
            true => run.workers <= most,
            false => run.bytes_per_s == slowest,
        };
        let (given, others): (Vec<&Configuration>, Vec<&Configuration>) = runs.iter().partition(known);
        let given: Vec<Configuration> = given.into_iter().copied().collect();
        let fitted = Scaling::fit(&given, overlap).filter(|_| !others.is_empty())?;
        let what = match by_workers {
            true => format!("runs on more than {most} workers from those on {most} and fewer"),
            false => format!("the other links from those of {} MB/s", digits(slowest? / 1e6, 3)),
        };
        let but = |i: usize| given.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, run)| *run).collect::<Vec<_>>();
        let without = (0..given.len()).filter_map(|i| Scaling::fit(&but(i), overlap)).collect();
        Some(Predicted { what, by_workers, fitted, runs: others.into_iter().copied().collect(), without })
    }

    /// The middle one of the numbers of workers, from two on.
    pub fn half(runs: &[Configuration]) -> u32 {
        let mut workers: Vec<u32> = runs.iter().map(|run| run.workers).filter(|m| *m > 1).collect();
        workers.sort_unstable();
        workers.dedup();
        workers.get(workers.len().saturating_sub(1) / 2).copied().unwrap_or(1)
    }

    /// Seconds that a fit says of a run: of a step where the number of workers changes, of what a step waits for where links do.
    pub fn seconds(&self, fitted: &Scaling, run: &Configuration) -> f64 {
        if self.by_workers { fitted.step_s(run) } else { fitted.blocked_per_step_s(run) }
    }

    /// Standard error of the mean logarithm of what is predicted for these runs, from the fits without one run each (jackknife).
    pub fn standard_error(&self, runs: &[&Configuration]) -> f64 {
        let log =
            |fitted: &Scaling| runs.iter().map(|run| self.seconds(fitted, run).ln()).sum::<f64>() / runs.len() as f64;
        let logs: Vec<f64> = self.without.iter().map(log).filter(|log| log.is_finite()).collect();
        let (n, mean) = (logs.len() as f64, logs.iter().sum::<f64>() / logs.len().max(1) as f64);
        (logs.iter().map(|log| (log - mean) * (log - mean)).sum::<f64>() * (n - 1.0) / n).max(0.0).sqrt()
    }

    /// Relative errors of the time of a step, and of what communication takes of it.
    fn errors(&self) -> [Vec<f64>; 2] {
        let step = self.runs.iter().map(|run| self.fitted.step_s(run) / run.step_s() - 1.0).collect();
        let some = self.runs.iter().filter(|run| run.blocked_s > 0.0);
        [step, some.map(|run| self.fitted.blocked_per_step_s(run) / run.blocked_per_step_s() - 1.0).collect()]
    }
}

fn mean_size(errors: &[f64]) -> f64 {
    errors.iter().map(|error| error.abs()).sum::<f64>() / errors.len().max(1) as f64
}

/// Mean size of relative errors, in per cent, with its 95 % interval where there are enough.
fn size(errors: &[f64]) -> String {
    let estimate = ratio(errors.iter().map(|error| (100.0 * error.abs(), 1.0)), &(0.0..=f64::INFINITY));
    match estimate.and_then(|estimate| estimate.interval) {
        Some((low, high)) => format!("{:.1} % ({low:.1} to {high:.1})", 100.0 * mean_size(errors)),
        None => format!("{:.1} %", 100.0 * mean_size(errors)),
    }
}

impl Scaled {
    /// What these runs say.
    ///
    /// # Errors
    /// If nobody communicates in them.
    pub fn new(fit: &Fit, runs: Configurations, source: SourceFiles) -> Result<Scaled, Error> {
        let overlap = fit.overlap.map_or(0.0, |share| share.0.0);
        let Configurations { files, columns, .. } = &runs;
        let all = runs.only().map_err(|e| Error::Input(e.to_string()))?.to_vec();
        let Some(fitted) = Scaling::fit(&all, overlap) else {
            let sentence = format!(
                "{}: no run has more than one worker; give runs on several numbers of workers",
                fit.files.first().map_or(String::new(), |file| crate::formats::clip(file))
            );
            return Err(Error::Input(sentence));
        };
        let predicted = Predicted::from(&all, overlap, Predicted::half(&all));
        let link = all.iter().filter_map(|run| run.bytes_per_s).reduce(f64::max);
        let profile = Profile {
            step_time: OneOrMany::One(format!("constant({})", digits(fitted.computing_s, 4))),
            workers: all.iter().map(|run| run.workers).max(),
            measured_under: Some(fit.measured_under.clone()),
            source: Some(SourceFiles { sha256: super::sums(files), ..source }),
            communication: Some(communication(&fitted, link)),
            ..Profile::default()
        };
        Ok(Scaled { columns: columns.clone(), runs: all, fitted, predicted, profile, saves: fit.save.is_some() })
    }

    fn rows(&self) -> Vec<Run> {
        let row = |run: &Configuration| {
            let (step_s, fitted_s) = (run.step_s(), self.fitted.step_s(run));
            Run {
                workers: run.workers,
                machines: run.machines,
                bytes_per_s: run.bytes_per_s,
                steps: run.steps,
                rounds: run.rounds,
                step_s,
                fitted_s,
                blocked_s: run.blocked_per_step_s(),
                fitted_blocked_s: self.fitted.blocked_per_step_s(run),
                error: fitted_s / step_s - 1.0,
            }
        };
        self.runs.iter().map(row).collect()
    }

    fn answer(&self) -> String {
        let fitted = &self.fitted;
        let ms = |seconds: f64| format!("{} ms", digits(1e3 * seconds, 3));
        let how = match fitted.scheme {
            Scheme::Ring => "all-reduce along a ring",
            _ => "all-reduce by halving and doubling",
        };
        let bytes = |message: &Message, knows_links: bool| match knows_links {
            true => format!("{} MB", digits(message.payload_bytes / 1e6, 4)),
            false => format!("bytes that take {}", ms(message.payload_bytes / ANY_BYTES_PER_S)),
        };
        let of = |message: &Message, knows_links: bool| match (message.latency_s > 0.0, message.payload_bytes > 0.0) {
            (true, false) => format!("of messages of {}", ms(message.latency_s)),
            (true, true) => format!("of messages of {} and {}", ms(message.latency_s), bytes(message, knows_links)),
            (false, _) => format!("of {}", bytes(message, knows_links)),
        };
        let message = of(&fitted.between, fitted.knows_links);
        let inside = fitted
            .inside
            .map_or(String::new(), |inside| format!(" between machines, {} inside one", of(&inside, false)));
        let first = match fitted.first_s > 0.0 {
            true => format!("; the first round of a run takes {} more", ms(fitted.first_s)),
            false => String::new(),
        };
        let mut text = format!(
            "A step computes for {}; what is communicated, {how} {message}{inside}, is {}{first}.\n",
            ms(fitted.computing_s),
            match fitted.overlap > 0.0 {
                true => format!("hidden by computing up to a share of {}", fitted.overlap),
                false => "not hidden by computing".to_string(),
            },
        );
        if let Some(of) = &self.predicted {
            let [step, blocked] = of.errors();
            let runs: Vec<&Configuration> = of.runs.iter().filter(|run| of.seconds(&of.fitted, run) > 0.0).collect();
            let sure = match of.standard_error(&runs) {
                error if error > 5e-4 => {
                    format!(" What the fit says of them is sure within {:.1} % (95 %).", 196.0 * error)
                }
                _ => String::new(),
            };
            let _ = match of.by_workers {
                true => writeln!(
                    text,
                    "Tried on {} ({}): a step is {} off on average, the communication in it {}.{sure}",
                    of.what,
                    of.fitted.scheme,
                    size(&step),
                    size(&blocked)
                ),
                false => writeln!(
                    text,
                    "Tried on {} ({}): the communication in a step is {} off on average.{sure}",
                    of.what,
                    of.fitted.scheme,
                    size(&blocked)
                ),
            };
        }
        text
    }
}

/// As a profile has it. Where no bandwidth is known, payload and bandwidth stand for their ratio.
fn communication(fitted: &Scaling, link: Option<f64>) -> Communication {
    let Message { latency_s, payload_bytes } = fitted.between;
    let rate = link.filter(|_| fitted.knows_links).unwrap_or(ANY_BYTES_PER_S);
    let carries = (payload_bytes > 0.0 || latency_s == 0.0).then_some(rate);
    Communication {
        scheme: fitted.scheme.to_string(),
        payload: carries.map(|_| format!("{}MB", digits(payload_bytes / 1e6, 4))),
        bandwidth: carries.map(|rate| format!("{}MB/s", rate / 1e6)),
        group_bandwidth: None,
        latency: (latency_s > 0.0).then(|| format!("{}ms", digits(1e3 * latency_s, 4))),
        overlap: Some(fitted.overlap).filter(|overlap| *overlap > 0.0),
    }
}

impl Report for Scaled {
    fn tables(&self, tables: &mut Tables) {
        tables.add(self.rows());
    }

    fn figures(&self) -> Vec<(&'static str, Figure)> {
        vec![("fit", figures::fit::runs(&self.rows()))]
    }

    fn text(&self) -> String {
        let runs = &self.runs;
        let (least, most) = runs.iter().fold((u32::MAX, 0), |(a, b), run| (a.min(run.workers), b.max(run.workers)));
        let mut text = format!(
            "{} on {}{} workers, with times in '{}' and communication in '{}'.\n{}\n",
            count(runs.len() as u64, "run"),
            if least < most { format!("{least} to ") } else { String::new() },
            most,
            self.columns[0],
            self.columns[1],
            self.answer(),
        );
        let mut workers: Vec<(u32, Option<f64>)> = runs.iter().map(|run| (run.workers, run.bytes_per_s)).collect();
        workers.sort_by(|a, b| a.partial_cmp(b).expect("no NaN"));
        workers.dedup();
        let all = self.rows();
        let row = |&(m, link): &(u32, Option<f64>)| {
            let own: Vec<&Run> = all.iter().filter(|row| row.workers == m && row.bytes_per_s == link).collect();
            let mean = |of: fn(&Run) -> f64| own.iter().map(|row| of(row)).sum::<f64>() / own.len() as f64;
            vec![
                m.to_string(),
                link.map_or("-".to_string(), |rate| digits(rate / 1e6, 4)),
                own.len().to_string(),
                digits(mean(|row| row.step_s), 4),
                digits(mean(|row| row.fitted_s), 4),
                digits(mean(|row| row.blocked_s), 3),
                digits(mean(|row| row.fitted_blocked_s), 3),
            ]
        };
        let header = ["workers", "MB/s", "runs", "step s", "fitted s", "blocked s", "fitted s"];
        text.push_str(&columns(&header, workers.iter().map(row)));
        text
    }

    fn outcome(&self) -> Outcome {
        Outcome::Done
    }

    fn others(&self) -> Vec<(&'static str, String)> {
        super::own_profile(self.saves, &self.profile)
    }

    fn saved(&self, _manifest: &crate::manifest::Manifest) -> Option<(Value, Vec<u8>)> {
        self.saves.then(|| (Value::Null, self.profile.to_toml().into_bytes()))
    }
}

/// A row of `runs.csv`: a run on so many workers, as measured and as fitted.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    pub workers: u32,
    /// Machines that they are on, if that is known.
    pub machines: Option<u32>,
    /// Bandwidth of a link, bytes per second, if that is known.
    pub bytes_per_s: Option<f64>,
    pub steps: u64,
    /// Rounds of communication in them.
    pub rounds: u64,
    /// Seconds of a step with its communication, measured and fitted.
    pub step_s: f64,
    pub fitted_s: f64,
    /// Seconds of the communication in it.
    pub blocked_s: f64,
    pub fitted_blocked_s: f64,
    /// Relative error of the fitted time of a step.
    pub error: f64,
}

impl Row for Run {
    const TABLE: &'static str = "runs";
}
