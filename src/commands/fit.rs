//! `straggle fit`: from files of measured step times to a profile, and what can be trusted of it.

mod rows;
pub mod scaling;
mod words;

use crate::cli::{Common, Fit};
use crate::error::Error;
use crate::figures::{self, Figure};
use crate::formats::{self, Input, Measured, Options, Recorded};
use crate::manifest::File;
use crate::profile::{OneOrMany, Profile, SourceFiles, Variance};
use crate::report::{Command, Job, Outcome, Report};
use crate::rows::{Table, Tables};
use crate::session::Session;
pub use rows::{Model, OfWorker, Slowest};
use scaling::Scaled;
use serde_json::Value;
use sim::predict::candidate::{Candidate, Question, longest_drawn, measured, predictions};
use sim::predict::fit::Family;
use sim::predict::goodness::{Goodness, goodness};
use sim::predict::heldout::{self, Choice};
use sim::random::step_times::StepRows;
use sim::{Policy, RandomKey};
use std::path::PathBuf;

/// The profile among the files of a run.
const PROFILE: &str = "profile.toml";

/// The profile as a file of the run, unless it is saved elsewhere.
fn own_profile(saves: bool, profile: &Profile) -> Vec<(&'static str, String)> {
    if saves { Vec::new() } else { vec![(PROFILE, profile.to_toml())] }
}

impl Command for Fit {
    const NAME: &'static str = "fit";
    const TABLES: &'static [Table] =
        &[Table::of::<Model>(), Table::of::<OfWorker>(), Table::of::<Slowest>(), Table::of::<scaling::Run>()];
    const FIGURES: &'static [&'static str] = &["fit"];
    const OTHERS: &'static [&'static str] = &[PROFILE];

    fn common(&self) -> &Common {
        &self.common
    }

    fn save(&self) -> Option<PathBuf> {
        self.save.clone()
    }

    fn resolve(&mut self) -> Result<(), Error> {
        let is_profile = |out: &mut PathBuf| out.extension().is_some_and(|extension| extension == "toml");
        if let Some(profile) = self.common.out.take_if(is_profile)
            && let Some(other) = self.save.replace(profile)
        {
            let other = other.display();
            return Err(Error::Usage(format!(
                "-o and --save {other} both say where the profile goes; type one of them"
            )));
        }
        self.measured_under.parse::<Policy>().map_err(|e| Error::Usage(e.to_string()))?;
        Ok(())
    }

    fn prepare<'a>(&'a self, session: &'a Session) -> Result<Job<'a>, Error> {
        let source = self.source();
        let options: Options = source.options()?;
        let measured = formats::read_any(&self.files, &options).map_err(|e| Error::Input(e.to_string()))?;
        if let Measured::Runs(runs) = &measured {
            runs.only().map_err(|e| Error::Input(e.of(&self.files.join(", ")).to_string()))?;
        }
        if let (Measured::Steps(_), Some(_)) = (&measured, &self.overlap) {
            let sentence = "--overlap is for tables of runs on several numbers of workers; leave it out";
            return Err(Error::Usage(sentence.to_string()));
        }
        let (notes, files) = measured.noted();
        session.measured(notes, files);
        let source = self.relative_to_profile(source);
        Ok(Box::new(move |directory| {
            session.may_leave(directory);
            match measured {
                Measured::Steps(recorded) => Ok(Box::new(Fitted::new(self, recorded, source, session))),
                Measured::Runs(runs) => Ok(Box::new(Scaled::new(self, runs, source)?)),
            }
        }))
    }
}

impl Fit {
    fn source(&self) -> SourceFiles {
        let name = |input: Input| clap::ValueEnum::to_possible_value(&input).map(|value| value.get_name().to_string());
        SourceFiles {
            files: self.files.clone(),
            sha256: Vec::new(),
            column: self.column.clone(),
            unit: self.unit.map(|unit| unit.to_string()),
            input: Some(self.input).filter(|input| *input != Input::Auto).and_then(name),
            skip: self.skip,
            selection: self.selection.clone(),
        }
    }
}

impl Fit {
    /// The same with whole paths where the profile is elsewhere, as its files are found from where it is.
    fn relative_to_profile(&self, source: SourceFiles) -> SourceFiles {
        let here = self.save.as_ref().is_some_and(|save| save.parent().is_none_or(|parent| parent.as_os_str() == ""));
        let whole = |file: &String| match std::path::absolute(file) {
            Ok(path) if !here => path.to_string_lossy().into_owned(),
            _ => file.clone(),
        };
        SourceFiles { files: source.files.iter().map(whole).collect(), ..source }
    }
}

/// By which files are known again.
fn sums(files: &[File]) -> Vec<String> {
    files.iter().map(|file| file.sha256.clone()).collect()
}

/// What the times turned out to be.
pub struct Fitted {
    recorded: Recorded,
    rows: StepRows,
    /// Chosen by steps that were kept aside, where there are enough of several workers.
    choice: Option<Choice>,
    chosen: Candidate,
    laws: Vec<Goodness>,
    profile: Profile,
    /// Whether the profile goes elsewhere than to the other files.
    saves: bool,
    seed: u64,
}

/// Observations beyond which laws are fitted to every so-many-th one: their parameters are known well enough by then.
const MANY: usize = 4000;

impl Fitted {
    fn new(fit: &Fit, recorded: Recorded, source: SourceFiles, session: &Session) -> Fitted {
        let times = &recorded.times;
        let choice = heldout::choose(times, fit.common.seed);
        let chosen = choice.as_ref().map_or_else(|| without_choice(&recorded), |choice| choice.chosen);
        let every = times.len().div_ceil(MANY);
        let seconds: Vec<f64> = times.pooled().iter().copied().step_by(every).collect();
        let mut laws: Vec<Goodness> =
            Family::ALL.into_iter().filter_map(|family| goodness(family, &seconds, 0, fit.common.seed).ok()).collect();
        laws.iter_mut().for_each(|fitted| fitted.law = fitted.law.rounded(4));
        laws.sort_by(|a, b| a.aic.total_cmp(&b.aic));
        // A trace knows nothing beyond its longest time: a few are better told by a law. Nor can what came in by a pipe be read again.
        let few = times.len() < FEW && chosen == Candidate::Pooled;
        let piped = fit.files.iter().any(|file| file == "-");
        let step_time = match laws.first().filter(|_| few || piped) {
            Some(best) => OneOrMany::One(best.law.to_string()),
            None => OneOrMany::default(),
        };
        let shares = times.variance_shares().map(|shares| Variance {
            worker: rounded(shares.worker),
            step: rounded(shares.step),
            rest: rounded(shares.rest),
            lag1: times.lag1_correlation().map(rounded),
        });
        let profile = Profile {
            step_time,
            dependence: Some(chosen.to_string()),
            workers: Some(times.workers() as u32),
            measured_under: Some(fit.measured_under.clone()),
            variance: shares,
            source: Some(SourceFiles { sha256: sums(&recorded.files), ..source }).filter(|_| !piped),
            ..Profile::default()
        };
        let (saves, seed) = (fit.save.is_some(), fit.common.seed);
        let fitted = Fitted { rows: times.rows(), choice, chosen, laws, profile, saves, seed, recorded };
        words::warnings(&fitted).into_iter().for_each(|warning| session.note(warning));
        fitted
    }

    /// What the slowest of m workers takes: measured on random groups, and said by the chosen model.
    fn slowest(&self) -> Vec<Slowest> {
        let workers = self.rows.workers;
        if workers < 2 || self.rows.is_empty() {
            return Vec::new();
        }
        let mut groups: Vec<usize> =
            std::iter::successors(Some(2), |m| Some(m * 2)).take_while(|m| *m < workers).collect();
        groups.push(workers);
        let questions: Vec<Question> = groups.iter().map(|&workers| Question { workers, steps: 1 }).collect();
        let said = predictions(self.chosen, &self.rows, &questions, RandomKey::new(self.seed, 0));
        let mut sorted = self.rows.seconds.clone();
        sorted.sort_by(f64::total_cmp);
        let row = |(question, predicted_s): (&Question, f64)| {
            let measured_s = measured(&self.rows, *question);
            let pooled_s = longest_drawn(&sorted, question.workers as u32);
            Slowest {
                workers: question.workers as u32,
                measured_s,
                predicted_s,
                pooled_s,
                error: predicted_s / measured_s - 1.0,
            }
        };
        questions.iter().zip(said).map(row).collect()
    }

    fn workers(&self) -> Vec<OfWorker> {
        let times = &self.recorded.times;
        let mut means: Vec<f64> = (0..times.workers()).map(|worker| times.mean_of_worker(worker)).collect();
        let of_worker = |worker: usize, median: f64| {
            let seconds = times.of_worker(worker);
            let mean_s = times.mean_of_worker(worker);
            let squares: f64 = seconds.iter().map(|s| (s - mean_s) * (s - mean_s)).sum();
            let sd_s = (squares / (seconds.len().max(2) - 1) as f64).sqrt();
            let worker = times.labels()[worker].clone();
            OfWorker { worker, steps: seconds.len() as u64, mean_s, sd_s, slowness: mean_s / median }
        };
        means.sort_by(f64::total_cmp);
        let median = (means[(means.len() - 1) / 2] + means[means.len() / 2]) / 2.0;
        (0..times.workers()).map(|worker| of_worker(worker, median)).collect()
    }
}

/// Times below which a law takes the place of the trace.
const FEW: usize = 50;

fn rounded(share: f64) -> f64 {
    (share * 1e4).round() / 1e4
}

/// The model where steps cannot be kept aside: several workers that share no steps differ, or do not; one worker's steps
/// depend on each other, or do not.
fn without_choice(recorded: &Recorded) -> Candidate {
    let times = &recorded.times;
    if times.workers() > 1 {
        // Whether a worker's second half is predicted better by its own first half than by everybody's.
        let halves = |worker: usize| {
            let seconds = times.of_worker(worker);
            let half = seconds.len() / 2;
            let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len().max(1) as f64;
            (half > 0).then(|| (mean(&seconds[..half]), mean(&seconds[half..])))
        };
        let means: Vec<(f64, f64)> = (0..times.workers()).filter_map(halves).collect();
        let all = means.iter().map(|(first, _)| first).sum::<f64>() / means.len().max(1) as f64;
        let own: f64 = means.iter().map(|(first, second)| (first - second).powi(2)).sum();
        let others: f64 = means.iter().map(|(_, second)| (all - second).powi(2)).sum();
        return if own < others { Candidate::ByWorker } else { Candidate::Pooled };
    }
    // 3 standard errors of no correlation.
    let noise = 3.0 / (times.len() as f64).sqrt();
    match times.lag1_correlation() {
        Some(r) if r.abs() > noise && times.len() >= 32 => Candidate::Blocks(8),
        _ => Candidate::Pooled,
    }
}

impl Report for Fitted {
    fn tables(&self, tables: &mut Tables) {
        tables.add(self.models());
        tables.add(self.workers());
        tables.add(self.slowest());
    }

    fn figures(&self) -> Vec<(&'static str, Figure)> {
        vec![("fit", figures::fit::fit(&self.recorded.times, self.laws.first().map(|best| &best.law), &self.slowest()))]
    }

    fn text(&self) -> String {
        words::text(self)
    }

    fn outcome(&self) -> Outcome {
        Outcome::Done
    }

    fn others(&self) -> Vec<(&'static str, String)> {
        own_profile(self.saves, &self.profile)
    }

    fn saved(&self, _manifest: &crate::manifest::Manifest) -> Option<(Value, Vec<u8>)> {
        self.saves.then(|| (Value::Null, self.profile.to_toml().into_bytes()))
    }
}

impl Fitted {
    /// All candidates, dependence first, then laws by Akaike's criterion.
    fn models(&self) -> Vec<Model> {
        let mut models: Vec<Model> = Vec::new();
        for trial in self.choice.iter().flat_map(|choice| &choice.trials) {
            let held_out = trial.held_out;
            models.push(Model {
                model: format!("trace, {}", trial.candidate),
                chosen: self.profile.step_time == OneOrMany::default() && trial.candidate == self.chosen,
                rms_error: Some(trial.error),
                excess_error: Some(trial.excess.0),
                excess_se: Some(trial.excess.1),
                predicted_slowest_s: Some(trial.predicted_s),
                held_out_error: Some(held_out.value),
                held_out_low: Some(held_out.value - held_out.half_width),
                held_out_high: Some(held_out.value + held_out.half_width),
                ..Model::default()
            });
        }
        if self.choice.is_none() {
            let chosen = self.profile.step_time == OneOrMany::default();
            models.push(Model { model: format!("trace, {}", self.chosen), chosen, ..Model::default() });
        }
        let measured_s = self.choice.as_ref().map(|choice| choice.measured_s);
        for law in &self.laws {
            let slowest = |workers: u32| law.slowest(workers);
            let predicted = (self.rows.workers >= 2).then(|| slowest(self.rows.workers as u32));
            models.push(Model {
                model: law.law.to_string(),
                chosen: self.profile.step_time == OneOrMany::One(law.law.to_string()),
                aic: Some(law.aic),
                kolmogorov: Some(law.ks),
                predicted_slowest_s: predicted,
                held_out_error: predicted.zip(measured_s).map(|(said, s)| said / s - 1.0),
                ..Model::default()
            });
        }
        models
    }
}

#[cfg(test)]
mod tests;
