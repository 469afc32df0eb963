//! A question's options: those of `straggle simulate`, and a few that only pictures need.

use crate::cluster::Around;
use sim::{
    ClusterSpec, Compute, Experiment, Law, LawText, LearnerText, Length, Model, Policy, Quadratic, RandomKey, StepTimes,
};

/// What is asked, in full.
#[derive(Debug)]
pub(crate) struct Question {
    pub experiment: Experiment,
    pub learner: Option<Quadratic>,
    /// Where a picture of the run begins and ends, s.
    pub from: f64,
    pub until: f64,
    /// The step of each worker that is drawn.
    pub step: u64,
}

impl Question {
    /// Reads `--name value` pairs; `trace(...)` as a law stands for `times`.
    pub(crate) fn read(options: &str, times: Option<&StepTimes>) -> Result<Question, String> {
        let mut around = Around::default();
        let mut policies = vec![Policy::SYNC, Policy::ASYNC];
        let mut workers: Vec<u32> = (1..=20).collect();
        let mut spec = ClusterSpec::new(law("exp(2)")?);
        let (mut model, mut updates, mut seed) = (Model::Event, 5000, 0);
        let mut learner = LearnerText::None;
        let (mut from, mut until, mut step) = (0.0, 10.0, 0);
        for (name, value) in pairs(options)? {
            let value = value.as_str();
            match name.as_str() {
                "step-time" => spec = spec.with_compute(compute(value, times)?),
                "delay" => spec = spec.with_delay(law(value)?),
                "server-time" => spec = spec.with_service(law(value)?),
                "speeds" => {
                    let speeds = list(value, |speed: &f64| *speed > 0.0 && speed.is_finite())?;
                    spec = spec.with_speeds(speeds).map_err(|error| error.to_string())?;
                }
                "workers" => workers = list(value, |&m: &u32| (1..=1000).contains(&m))?,
                "max-workers" => workers = (1..=one(value, |&m: &u32| (1..=1000).contains(&m))?).collect(),
                "policies" => policies = list(value, |_| true)?,
                "updates" => updates = one(value, |&n: &u64| (2..=1_000_000).contains(&n))?,
                "seed" => seed = one(value, |_| true)?,
                "model" => {
                    model = value.parse().map_err(|_| format!("there is no model '{value}'; type event or gated"))?
                }
                "learner" => {
                    learner = value.parse().map_err(|error: sim::random::syntax::FormError| error.to_string())?
                }
                "from" => from = one(value, |s: &f64| *s >= 0.0 && s.is_finite())?,
                "until" => until = one(value, |s: &f64| *s > 0.0 && s.is_finite())?,
                "step" => step = one(value, |_| true)?,
                name if around.take(name, value) => {}
                _ => return Err(format!("there is no option --{name}")),
            }
        }
        spec = around.onto(spec)?;
        let learner = match learner {
            LearnerText::None => None,
            LearnerText::Quadratic { h, sigma, eta } => {
                Some(Quadratic { curvature: h, noise: sigma, step_size: eta, key: RandomKey::new(seed, 0) })
            }
        };
        let experiment =
            Experiment { policies, workers, spec, model, length: Length::Updates(updates), seed, deadline_s: None };
        Ok(Question { experiment, learner, from, until, step })
    }
}

/// A law, one for each worker between semicolons, or `times` in the way that the trace names.
fn compute(text: &str, times: Option<&StepTimes>) -> Result<Compute, String> {
    match text.parse::<LawText>() {
        Ok(LawText::Trace(source)) => {
            let times = times.ok_or("there are no measured times here; drop a file of them on the page")?;
            Compute::measured(&source, times).map_err(|error| error.to_string())
        }
        Ok(LawText::Law(law)) => Ok(law.into()),
        Err(_) if text.contains(';') => {
            text.split(';').map(|text| law(text.trim())).collect::<Result<_, _>>().map(Compute::Laws)
        }
        Err(error) => Err(error.to_string()),
    }
}

fn law(text: &str) -> Result<Law, String> {
    match text.parse::<LawText>().map_err(|error| error.to_string())? {
        LawText::Law(law) => Ok(law),
        LawText::Trace(_) => Err("measured times stand for all workers together".into()),
    }
}

/// The options as pairs; a value may stand in single quotes, as in a shell.
fn pairs(options: &str) -> Result<Vec<(String, String)>, String> {
    let mut words = Vec::new();
    for (i, part) in options.split('\'').enumerate() {
        match i % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_string)),
            _ => words.push(part.to_string()),
        }
    }
    let mut pairs = Vec::new();
    let mut words = words.into_iter();
    while let Some(name) = words.next() {
        let name = name.strip_prefix("--").ok_or_else(|| format!("'{name}' is not an option"))?.to_string();
        let value = words.next().ok_or_else(|| format!("--{name} has no value"))?;
        pairs.push((name, value));
    }
    Ok(pairs)
}

fn one<T: std::str::FromStr>(text: &str, holds: impl Fn(&T) -> bool) -> Result<T, String> {
    text.trim().parse().ok().filter(holds).ok_or_else(|| format!("'{text}' is out of range, or not a number"))
}

fn list<T: std::str::FromStr<Err: ToString>>(text: &str, holds: impl Fn(&T) -> bool) -> Result<Vec<T>, String> {
    let each = |item: &str| {
        let value = item.trim().parse().map_err(|error: T::Err| error.to_string())?;
        if holds(&value) { Ok(value) } else { Err(format!("'{item}' is out of range")) }
    };
    text.split(',').map(each).collect()
}
