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
use sim::predict::scaling::{Configuration, Scaling};
use std::fmt::Write;

/// What runs turned out to be.
pub struct Scaled {
    runs: Vec<Configuration>,
    /// What holds the times of steps and of communication.
    columns: [String; 2],
    fitted: Scaling,
    /// What smaller runs, or those over some links, say of the others.
    foretold: Option<Foretold>,
    profile: Profile,
}

/// A part of the runs, predicted from the others.
pub struct Foretold {
    /// Which from which, in words.
    pub what: String,
    /// Whether they are on other numbers of workers, and not over other links.
    pub by_workers: bool,
    /// How messages travel.
    pub scheme: Scheme,
    /// Each, with the seconds of its step and of the communication in it that are predicted.
    pub runs: Vec<(Configuration, f64, f64)>,
}

impl Foretold {
    /// Runs on more workers than `most`, or, where all are on as many, over other links than the slowest; `None` if there are none of
    /// either.
    pub fn from(runs: &[Configuration], overlap: f64, most: u32) -> Option<Foretold> {
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
        let one = |run: &Configuration| (*run, fitted.step_s(run), fitted.blocked_per_step_s(run));
        Some(Foretold { what, by_workers, scheme: fitted.scheme, runs: others.into_iter().map(one).collect() })
    }

    /// The middle one of the numbers of workers, from two on.
    pub fn half(runs: &[Configuration]) -> u32 {
        let mut workers: Vec<u32> = runs.iter().map(|run| run.workers).filter(|m| *m > 1).collect();
        workers.sort_unstable();
        workers.dedup();
        workers.get(workers.len().saturating_sub(1) / 2).copied().unwrap_or(1)
    }

    /// Relative errors of the time of a step, and of what communication takes of it.
    fn errors(&self) -> [Vec<f64>; 2] {
        let step = self.runs.iter().map(|(run, step_s, _)| step_s / run.step_s() - 1.0).collect();
        let some = self.runs.iter().filter(|(run, _, _)| run.blocked_s > 0.0);
        [step, some.map(|(run, _, blocked_s)| blocked_s / run.blocked_per_step_s() - 1.0).collect()]
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
        let foretold = Foretold::from(&all, overlap, Foretold::half(&all));
        let link = all.iter().filter_map(|run| run.bytes_per_s).reduce(f64::max);
        let profile = Profile {
            step_time: OneOrMany::One(format!("constant({})", digits(fitted.computing_s, 4))),
            workers: all.iter().map(|run| run.workers).max(),
            measured_under: Some(fit.measured_under.clone()),
            source: Some(SourceFiles { sha256: super::sums(files), ..source }),
            communication: Some(communication(&fitted, link)),
            ..Profile::default()
        };
        Ok(Scaled { columns: columns.clone(), runs: all, fitted, foretold, profile })
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
            _ => "log2(m) messages to m workers",
        };
        let message = match fitted.payload_bytes {
            None => format!("of {} each", ms(fitted.latency_s)),
            Some(bytes) if fitted.latency_s == 0.0 => format!("of {} MB", digits(bytes / 1e6, 4)),
            Some(bytes) => format!("of {} and {} MB", ms(fitted.latency_s), digits(bytes / 1e6, 4)),
        };
        let inside = fitted.inside_s.map_or(String::new(), |s| format!(" between machines, {} inside one", ms(s)));
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
        if let Some(of) = &self.foretold {
            let [step, blocked] = of.errors();
            let _ = match of.by_workers {
                true => writeln!(
                    text,
                    "Tried on {} ({}): a step is {} off on average, the communication in it {}.",
                    of.what,
                    of.scheme,
                    size(&step),
                    size(&blocked)
                ),
                false => writeln!(
                    text,
                    "Tried on {} ({}): the communication in a step is {} off on average.",
                    of.what,
                    of.scheme,
                    size(&blocked)
                ),
            };
        }
        text
    }
}

/// As a profile has it.
fn communication(fitted: &Scaling, link: Option<f64>) -> Communication {
    let link = link.filter(|_| fitted.payload_bytes.is_some());
    Communication {
        scheme: fitted.scheme.to_string(),
        payload: fitted.payload_bytes.filter(|_| link.is_some()).map(|bytes| format!("{}MB", digits(bytes / 1e6, 4))),
        bandwidth: link.map(|rate| format!("{}MB/s", rate / 1e6)),
        group_bandwidth: None,
        latency: Some(fitted.latency_s)
            .filter(|latency_s| *latency_s > 0.0 || link.is_none())
            .map(|latency_s| format!("{}ms", digits(1e3 * latency_s, 4))),
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

    fn saved(&self, _manifest: &crate::manifest::Manifest) -> Option<(Value, Vec<u8>)> {
        Some((Value::Null, self.profile.to_toml().into_bytes()))
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
