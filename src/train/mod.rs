//! `straggle train`: from arguments to a trained network, its journal and its figures.

pub mod args;
mod beside;
mod ending;
mod examiner;
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
use examiner::Examiner;
use parameters::Loaded;
use serde_json::json;
use sim::{Cluster, ClusterSpec, Law, Learner, Policy, RandomKey, Rule, Run, Simulated, Task, Time, Variates};
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use validation::cluster::cores::Cores;
use validation::run::training::Update;
use validation::{
    Backend, Batches, Dataset, Digits, End, Hogwild, Holds, Journal, LearningRateRule, Net, NoDevice, PixelScale,
    Score, Sgd, Share, Threaded,
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

/// Looks at the parameters between the beginning and the end.
const SNAPSHOTS: u64 = 20;

/// A training run that has ended.
struct Trained<'a> {
    arguments: &'a Train,
    rule: Rule,
    samples: usize,
    journal: Journal,
    /// Of each snapshot of the journal, on all test images.
    scores: Vec<Score>,
    end: End,
    /// When the target was found to be reached, if there was one.
    reached: Option<Time>,
    /// Another run to be drawn beside it.
    beside: Option<Beside>,
}

/// Trains, prints how it went, writes the files.
pub fn run(arguments: &Train, typed: &[OsString]) -> Result<(), Error> {
    let rule = arguments.policy.rule(arguments.workers).map_err(|e| Error::Usage(e.to_string()))?;
    if arguments.policy == Policy::HOGWILD {
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
    let spec = spec(arguments)?;
    let common = &arguments.common;
    let data = dataset(&arguments.data, arguments.pixels, arguments.samples.map(|samples| samples as usize))?;
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
    let (samples, test) = (train.len(), Arc::new(test));
    let learner = Digits::new(Net::new(arguments.model, &device), Arc::new(train), batches, sgd, key);
    let cores = Cores::of_this_machine().at_most(common.threads.unwrap_or(usize::MAX));
    let learner = Arc::new(match loaded {
        None => learner,
        Some(loaded) => learner.beginning_with(loaded.parameters).expect("the file was checked"),
    });
    if arguments.backend == Backend::Gpu {
        // A graphics card's programs are compiled when they are first used: before the clock runs.
        let task = Task::first(0, 1);
        learner.gradient(&learner.initial(), task);
    }

    let (end, journal, reached, failure) = {
        let session = Session { arguments, rule, samples, learner: learner.clone(), test: test.clone() };
        match arguments.clock {
            Clock::Wall if arguments.policy == Policy::HOGWILD => {
                let commons = Arc::new(Hogwild::new(learner.clone(), rule.workers));
                let threads =
                    Threaded::on(cores, commons, &Variates::new(&spec, key), rule.workers, progress.stop.clone());
                let (end, journal, reached, run) = session.train(threads.at_most(session.steps()), &progress.stop);
                (end, journal, reached, run.cluster().failure().cloned())
            }
            Clock::Wall => {
                let threads = Threaded::on(
                    cores,
                    learner.clone(),
                    &Variates::new(&spec, key),
                    rule.workers,
                    progress.stop.clone(),
                );
                let (end, journal, reached, run) = session.train(threads, &progress.stop);
                (end, journal, reached, run.cluster().failure().cloned())
            }
            Clock::Simulated => {
                let cluster = Simulated::learning(spec, key, rule.workers, learner.clone());
                let (end, journal, reached, _) = session.train(cluster, &progress.stop);
                (end, journal, reached, None)
            }
        }
    };
    if journal.updates.is_empty() && end != End::Done {
        let trained = Trained { arguments, rule, samples, journal, scores: Vec::new(), end, reached, beside };
        return conclude(&trained, failure);
    }
    let scores: Vec<Score> = journal.snapshots.iter().map(|snapshot| learner.score(&snapshot.weights, &test)).collect();
    let end = match (end, scores.last(), journal.updates.last()) {
        // The last update's own loss is that of the parameters before it.
        (End::Done, Some(score), Some(last)) if !score.loss.is_finite() => End::Diverged { update: last.update },
        (end, ..) => end,
    };
    let trained = Trained { arguments, rule, samples, journal, scores, end, reached, beside };
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
    if arguments.clock == Clock::Simulated && arguments.momentum.0 > 0.0 {
        return Err(Error::Usage(
            "under simulated time hogwild is async, whose velocity is the server's; type --policy async, or --momentum 0"
                .to_string(),
        ));
    }
    Ok(())
}

/// What a run needs on any cluster.
struct Session<'a> {
    arguments: &'a Train,
    rule: Rule,
    samples: usize,
    learner: Arc<Digits>,
    test: Arc<validation::Split>,
}

impl Session<'_> {
    /// Steps of single workers until the end.
    fn steps(&self) -> u64 {
        let epochs = u64::from(self.arguments.epochs.unwrap_or(2));
        let batches = (epochs * self.samples as u64).div_ceil(u64::from(self.arguments.batch_size));
        self.arguments.updates.map_or(batches, |updates| updates.saturating_mul(self.rule.gradients_per_update()))
    }

    fn train<C: Cluster + Holds>(&self, cluster: C, stop: &AtomicBool) -> (End, Journal, Option<Time>, Run<C>) {
        let steps = self.steps();
        let bar = progress::bar(steps, BAR, self.arguments.common.quiet);
        let target = self.arguments.target_accuracy.map(|percent| percent.0);
        let examines = target.is_some() || !bar.is_hidden();
        let waits = self.arguments.clock == Clock::Simulated;
        let mut examiner = examines.then(|| Examiner::new(self.learner.clone(), self.test.clone(), target, waits));
        let mut reached = None;
        let mut run = Run::new(self.rule, cluster);
        let a_quarter_pass = self.samples as u64 / (4 * u64::from(self.arguments.batch_size));
        let every = if target.is_some() { a_quarter_pass.min(steps / SNAPSHOTS) } else { steps / SNAPSHOTS };
        let (journal, end) = validation::train(&mut run, self.rule.workers, steps, every, |journal| {
            bar.set_position(journal.steps_applied);
            if let Some(examiner) = &mut examiner {
                examiner.look(journal);
                reached = examiner.reached();
            }
            let loss = journal.updates.last().map_or(f64::NAN, Update::loss);
            bar.set_message(words::progress(loss, examiner.as_ref().and_then(Examiner::accuracy)));
            let over = reached.is_some() || stop.load(Ordering::Relaxed);
            if over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        bar.finish_and_clear();
        if let Some(examiner) = &mut examiner
            && reached.is_none()
        {
            examiner.finish();
            reached = examiner.reached();
        }
        (end, journal, reached, run)
    }
}

/// Who works under which clock.
fn spec(arguments: &Train) -> Result<ClusterSpec, Error> {
    if arguments.clock == Clock::Wall && arguments.step_time.is_some() {
        return Err(Error::Usage("--step-time is for --clock simulated; real threads take the time they take".into()));
    }
    let compute = arguments.step_time.as_ref().map_or_else(|| Ok("exp(2)".parse().expect("a law")), trace::law)?;
    Ok(ClusterSpec::new(compute).with_delay(arguments.delay.as_ref().map(trace::law).transpose()?))
}

/// The digits in the binary (`mnist`) or of a directory, on this scale: all of them, or so many to learn from.
pub fn dataset(data: &Path, pixels: PixelScale, samples: Option<usize>) -> Result<Dataset, Error> {
    let read = if data == Path::new("mnist") { Ok(Dataset::embedded()) } else { Dataset::from_dir(data) };
    let scaled = read.map(|data| data.scaled(pixels));
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
        "delay": spec.delay().map(Law::to_string),
        "clock": if simulated { "simulated" } else { "wall" },
        "step_time": simulated.then(|| spec.compute().to_string()),
        "backend": arguments.backend.to_string(),
        "load": loaded.map(Loaded::resolved),
        "save": arguments.save.as_ref().map(|path| path.display().to_string()),
        "beside": arguments.beside.as_ref().map(|path| path.display().to_string()),
        "out": out.display().to_string(),
    })
}
