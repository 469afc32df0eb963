//! `straggle train`: from arguments to a trained network, its journal and its figures.

pub mod args;
mod beside;
mod ending;
mod figure;
mod parameters;
mod rows;
mod words;

use crate::error::Error;
use crate::manifest::Manifest;
use crate::output::{self, Output};
use crate::{progress, trace};
use args::{Clock, Train};
use beside::Beside;
use ending::conclude;
use parameters::Loaded;
use serde_json::json;
use sim::{ClusterSpec, Law, Policy, RandomKey, Rule, Time, Variates};
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use validation::cluster::cores::Cores;
use validation::run::training::{Snapshot, Update};
use validation::{
    Architecture, Backend, Batches, Dataset, Digits, End, Ended, Initial, Job, Journal, LearningRateRule, Net,
    NoDevice, PixelScale, Placement, Score, Scoring, Sgd, Share, Source, Velocity, World,
};

/// What the bar shows.
const BAR: &str = "{bar:30} {pos}/{len} steps, {per_sec}, {msg}, {eta} left";

/// All files that can come out of a training run.
const FILES: &[&str] = &[
    "updates.csv",
    "steps.csv",
    "metrics.csv",
    "learning_curve.svg",
    "learning_curve.png",
    "timeline.svg",
    "timeline.png",
    "manifest.json",
];

/// Threads that a machine starts without complaint.
pub const MOST_THREADS: u32 = 1024;

/// A training run that has ended.
struct Trained<'a> {
    arguments: &'a Train,
    rule: Rule,
    samples: usize,
    journal: Journal,
    /// Of each snapshot of the journal.
    scores: Vec<Score>,
    /// Test images that each was scored on.
    scored: usize,
    /// Seconds before the run, which are not counted.
    warmup_s: f64,
    end: End,
    /// When the target was found to be reached, if there was one.
    reached: Option<Time>,
    /// Another run to be drawn beside it.
    beside: Option<Beside>,
}

/// Trains, prints how it went, writes the files.
pub fn run(arguments: &Train, typed: &[OsString]) -> Result<(), Error> {
    let rule = arguments.policy.rule(arguments.workers).map_err(|e| Error::Usage(e.to_string()))?;
    if arguments.policy == Policy::Hogwild {
        refuse_order(arguments)?;
    }
    if arguments.clock == Clock::Wall && arguments.workers > MOST_THREADS {
        let many = arguments.workers;
        return Err(Error::Usage(format!(
            "{many} threads are too many to start; type --workers {MOST_THREADS} at most, or --clock simulated"
        )));
    }
    if rule.steps > 1 && arguments.lr_rule != LearningRateRule::Same {
        return Err(Error::Usage(format!(
            "--lr-rule {} is for gradients, but {} averages parameters; type --lr-rule same",
            arguments.lr_rule, arguments.policy
        )));
    }
    refuse_own_initial(arguments)?;
    let spec = spec(arguments)?;
    let common = &arguments.common;
    let samples = arguments.samples.map(|samples| samples as usize);
    let data = dataset(&arguments.data, arguments.model, arguments.pixels, samples, common.seed)?;
    let key = RandomKey::new(common.seed, 0);
    let share = Share::Dealt { workers: arguments.workers };
    let batches = Batches::new(data.train.len(), arguments.batch_size as usize, share, key);
    let batches = batches.map_err(|e| Error::Usage(e.to_string()))?;
    if arguments.batch_size as usize > data.train.len() {
        return Err(Error::Usage(format!(
            "a batch of {} is more than all {} samples; lower --batch-size",
            arguments.batch_size,
            data.train.len()
        )));
    }
    let sgd = Sgd { rate: arguments.lr.0, momentum: arguments.momentum.0, rule: arguments.lr_rule };
    let out = common.out.clone().unwrap_or_else(|| PathBuf::from("output/train"));
    let beside = arguments.beside.as_deref().map(Beside::read).transpose()?;
    let loaded =
        arguments.load.as_deref().map(|path| Loaded::read(path, arguments.model, arguments.pixels)).transpose()?;
    let mut manifest = Manifest::begin(typed, resolved(arguments, &spec, &out, loaded.as_ref()), common.seed);
    let device = arguments.backend.device().map_err(|error| match error {
        NoDevice::NotBuilt => Error::Usage(error.to_string()),
        NoDevice::NotFound(_) => Error::Input(error.to_string()),
    })?;
    let mut output = Output::open(&out, FILES)?;
    arguments.save.as_deref().map_or(Ok(()), |path| output.also(path))?;
    let progress = progress::progress()?;
    let Dataset { train, test } = data;
    let samples = train.len();
    let learner = Digits::new(Net::new(arguments.model, &device), Arc::new(train), batches, sgd, key);
    let learner = match loaded {
        None => learner,
        Some(loaded) => learner.beginning_with(loaded.parameters).expect("the file was checked"),
    };
    let learner = match arguments.initial {
        Initial::Shared => learner,
        Initial::PerWorker => learner.with_own_initial(key),
    };
    let learner = Arc::new(match arguments.policy {
        Policy::Hogwild => learner.with_velocity(Velocity::Workers(rule.workers)),
        _ => learner,
    });
    let session = Session { arguments, rule, samples, learner, test, stop: progress.stop.clone() };
    let (Ended { journal, end, failure, warmup_s }, reached) = session.train(spec, key);
    let scoring = session.scoring();
    let trained = |scores, end, journal| Trained {
        arguments,
        rule,
        samples,
        journal,
        scores,
        scored: scoring.images,
        warmup_s,
        end,
        reached,
        beside,
    };
    if journal.updates.is_empty() && end != End::Done {
        return conclude(&trained(Vec::new(), end, journal), failure);
    }
    // After the run, so that it disturbs nothing that is timed.
    let test = session.test.first(scoring.images);
    let score = |snapshot: &Snapshot| session.learner.score(&snapshot.weights, &test);
    let scores: Vec<Score> = journal.snapshots.iter().map(score).collect();
    let end = match (end, scores.last(), journal.updates.last()) {
        // The last update's own loss is that of the parameters before it.
        (End::Done, Some(score), Some(last)) if !score.loss.is_finite() => End::Diverged { update: last.update },
        (end, ..) => end,
    };
    let trained = trained(scores, end, journal);
    if end != End::Done && reached.is_none() {
        manifest.interrupted();
    }
    let written = write(&trained, output, manifest)?;
    output::print(&words::report(&trained))?;
    if !common.quiet {
        output::tell("wrote", &written);
    }
    conclude(&trained, failure)
}

/// Refuses what needs somebody who keeps order, where nobody does.
fn refuse_order(arguments: &Train) -> Result<(), Error> {
    if arguments.lr_rule == LearningRateRule::PerStaleness {
        let unknown = "nobody knows how stale a step of hogwild is; type --lr-rule same, or --policy async";
        return Err(Error::Usage(unknown.to_string()));
    }
    Ok(())
}

/// Refuses what only averaging parameters makes sense of.
fn refuse_own_initial(arguments: &Train) -> Result<(), Error> {
    let gpu = arguments.backend == Backend::Gpu;
    let what = match (arguments.initial, arguments.policy) {
        (Initial::PerWorker, Policy::Local(_)) if gpu => {
            "--initial per-worker is for --backend cpu; type --backend cpu"
        }
        (Initial::PerWorker, Policy::Local(_)) => return Ok(()),
        (Initial::PerWorker, _) => {
            "--initial per-worker is for policies that average parameters; type --policy local:H, or --initial shared"
        }
        (Initial::Shared, Policy::Hogwild) if gpu => {
            "a graphics card has no parameters that several workers write at once; type --policy async, or --backend cpu"
        }
        (Initial::Shared, _) => return Ok(()),
    };
    Err(Error::Usage(what.to_string()))
}

/// What a run needs on any cluster.
struct Session<'a> {
    arguments: &'a Train,
    rule: Rule,
    samples: usize,
    learner: Arc<Digits>,
    test: validation::Split,
    stop: Arc<AtomicBool>,
}

impl Session<'_> {
    /// Steps of single workers until the end.
    fn steps(&self) -> u64 {
        let epochs = u64::from(self.arguments.epochs.unwrap_or(2));
        let batches = (epochs * self.samples as u64).div_ceil(u64::from(self.arguments.batch_size));
        self.arguments.updates.map_or(batches, |updates| updates.saturating_mul(self.rule.gradients_per_update()))
    }

    /// How much is scored.
    fn scoring(&self) -> Scoring {
        let asked = self.arguments.score_all || self.arguments.target_accuracy.is_some();
        match asked {
            true => Scoring::all(self.test.len()),
            false => Scoring::within(self.steps().saturating_mul(self.arguments.batch_size.into()), self.test.len()),
        }
    }

    /// Trains, and says when the target was reached, if there was one. Where it stops depends on the scores, so the clock stands
    /// still while they are computed.
    fn train(&self, spec: ClusterSpec, key: RandomKey) -> (Ended, Option<Time>) {
        let Train { common, target_accuracy, batch_size, placement, backend, .. } = self.arguments;
        let steps = self.steps();
        let bar = progress::bar(steps, BAR, common.quiet);
        let every = steps.div_ceil(self.scoring().snapshots);
        let every = match target_accuracy {
            Some(_) => every.min(self.samples as u64 / (4 * u64::from(*batch_size))),
            None => every,
        };
        let slots = *placement == Placement::Kernel || *backend == Backend::Gpu;
        let cores = match slots {
            true => Cores::slots(common.threads.unwrap_or(self.rule.workers as usize)),
            false => Cores::of_this_machine().at_most(common.threads.unwrap_or(usize::MAX)),
        };
        let world = match self.arguments.clock {
            Clock::Wall => World::Threads { cores, delays: Variates::new(&spec, key) },
            Clock::Simulated => World::Simulated { spec, key },
        };
        let job = Job {
            learner: self.learner.clone(),
            policy: self.arguments.policy,
            rule: self.rule,
            steps,
            every,
            world,
            stop: self.stop.clone(),
        };
        let each_update = |journal: &Journal| {
            bar.set_position(journal.steps_applied);
            bar.set_message(words::progress(journal.updates.last().map_or(f64::NAN, Update::loss)));
            if self.stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let mut reached = None;
        let each_snapshot = |snapshot: &Snapshot| {
            let Some(target) = target_accuracy else { return ControlFlow::Continue(()) };
            if reached.is_none() && self.learner.score(&snapshot.weights, &self.test).accuracy >= target.0 {
                reached = Some(snapshot.at);
            }
            if reached.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let ended = job.run(each_update, each_snapshot);
        bar.finish_and_clear();
        (ended, reached)
    }
}

/// Who works under which clock.
fn spec(arguments: &Train) -> Result<ClusterSpec, Error> {
    if arguments.clock == Clock::Wall && arguments.step_time.is_some() {
        return Err(Error::Usage("--step-time is for --clock simulated; real threads take the time they take".into()));
    }
    let compute = arguments.step_time.as_ref().map_or_else(|| Ok("exp(2)".parse().expect("a law")), trace::law)?;
    Ok(ClusterSpec { delay: arguments.delay.as_ref().map(trace::law).transpose()?, ..ClusterSpec::new(compute) })
}

/// A data set by name or of a directory, in the model's shape and on this scale: all of it, or so many images to learn from.
pub fn dataset(
    data: &Path,
    model: Architecture,
    pixels: PixelScale,
    samples: Option<usize>,
    seed: u64,
) -> Result<Dataset, Error> {
    let source: Source = data.display().to_string().parse().expect("every text names a source");
    let scaled = source.open(seed).and_then(|data| data.fitted(model.input())).map(|data| data.scaled(pixels));
    let wanted = match samples {
        None => scaled,
        Some(samples) => scaled.and_then(|data| data.take(samples)),
    };
    wanted.map_err(|e| Error::Input(e.to_string()))
}

fn write(trained: &Trained<'_>, mut output: Output, mut manifest: Manifest) -> Result<output::Written, Error> {
    output.add("updates.csv", rows::updates(trained));
    output.add("steps.csv", rows::steps(trained));
    output.add("metrics.csv", rows::metrics(trained));
    let drawings = [
        ("learning_curve.svg", "learning_curve.png", figure::learning_curve(trained)),
        ("timeline.svg", "timeline.png", figure::timeline(trained)),
    ];
    crate::report::figure::add(&drawings, &mut output)?;
    parameters::save(trained, &mut output, &mut manifest);
    output.commit(manifest)
}

/// A single-precision number with the digits that it was typed with.
pub fn as_typed(number: f32) -> f64 {
    number.to_string().parse().expect("a printed number")
}

/// The arguments as they were understood, for the manifest.
fn resolved(arguments: &Train, spec: &ClusterSpec, out: &Path, loaded: Option<&Loaded>) -> serde_json::Value {
    let simulated = arguments.clock == Clock::Simulated;
    json!({
        "policy": arguments.policy.to_string(),
        "workers": arguments.workers,
        "model": arguments.model.to_string(),
        "data": arguments.data.display().to_string(),
        "pixels": arguments.pixels.to_string(),
        "samples": arguments.samples,
        "batch_size": arguments.batch_size,
        "lr": as_typed(arguments.lr.0),
        "momentum": as_typed(arguments.momentum.0),
        "lr_rule": arguments.lr_rule.to_string(),
        "epochs": arguments.updates.is_none().then_some(arguments.epochs.unwrap_or(2)),
        "updates": arguments.updates,
        "target_accuracy": arguments.target_accuracy.map(|percent| percent.to_string()),
        "delay": spec.delay.as_ref().map(Law::to_string),
        "clock": if simulated { "simulated" } else { "wall" },
        "step_time": simulated.then(|| spec.compute.to_string()),
        "backend": arguments.backend.to_string(),
        "initial": arguments.initial.to_string(),
        "placement": arguments.placement.to_string(),
        "score_all": arguments.score_all,
        "load": loaded.map(Loaded::resolved),
        "save": arguments.save.as_ref().map(|path| path.display().to_string()),
        "beside": arguments.beside.as_ref().map(|path| path.display().to_string()),
        "out": out.display().to_string(),
    })
}
