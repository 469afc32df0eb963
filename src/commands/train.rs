//! `straggle train`: a network, trained for real on threads or under simulated time.

mod beside;
pub mod ranks;
mod resume;
mod words;

use crate::cli::{
    Cluster, Common, Delay, Delays, List, MOST_THREADS, Percent, StepTime, Threads, Training, Typed, at_least, choice,
    dataset, workers,
};
use crate::error::Error;
use crate::figures::timeline::{Activity, Timeline, chrome_trace};
use crate::figures::{self, Figure, learning_curve};
use crate::manifest::{File, Manifest};
use crate::memory;
use crate::profile::Profile;
use crate::report::{self, Command, Job, Outcome, Report};
use crate::rows::{Row, Table, Tables};
use crate::session::Session;
use crate::text::count;
pub use beside::{Beside, Point};
use clap::{Args, ValueEnum};
pub use ranks::RankRow;
use ranks::{Ranks, Where};
use resume::Resumption;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sim::{Cancellation, ClusterSpec, Policy, RandomKey, Rule, Time, Variates};
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use validation::cluster::cores::Cores;
use validation::cluster::mpi::RankTimes;
use validation::data::images::Moments;
use validation::models::checkpoint;
use validation::run::checkpoint::{Checkpointing, Position};
use validation::run::runner;
use validation::run::training::{Snapshot, TaskRecord, Update};
use validation::{
    Backend, Batches, Dataset, Digits, End, Ended, Failure, Initial, Journal, LearningRateRule, Method, Net, NoDevice,
    Placement, Score, Scoring, Sgd, Split, Velocity, World,
};

/// What the bar shows.
const BAR: &str = "{bar:30} {pos}/{len} steps, {per_sec}, {msg}, {eta} left";

/// `straggle train`
#[derive(Clone, Debug, Args, Serialize)]
#[command(after_help = "Examples:\n  straggle train --policies async --workers 4 --lr 0.1 --epochs 1\n  \
    straggle train --model lenet --lr 0.1 --epochs 1 --save lenet.safetensors\n  \
    straggle train --policies ssp:2 --workers 8 --delay 'exp(100)' --target-accuracy 97%\n  \
    straggle train --clock simulated --step-time 'gamma(4, 0.25)' --workers 64 --policies k-async:8\n  \
    mpirun -n 4 straggle train --cluster mpi --policies sync")]
pub struct Train {
    /// When to update and whom to release: sync, k-sync:K, backup:B, k-batch-sync:K, k-async:K, k-batch-async:K, async, ssp:S, local:H, hogwild;
    /// or local:epoch, where parameters are averaged after each pass of each worker over a part of the data of its own.
    #[arg(long, alias = "policy", value_name = "POLICY", default_value = "sync")]
    pub policies: List<Method>,
    /// Workers: threads, or under the simulated clock any number, computed one after another [default: 2, or as many as there are
    /// ranks to compute].
    #[arg(long, value_name = "M", value_parser = workers, allow_hyphen_values = true)]
    pub workers: Option<u32>,
    /// The network, the data and the steps.
    #[command(flatten)]
    #[serde(flatten)]
    pub training: Training,
    /// Learn from the first N images only [default: all].
    #[arg(long, value_name = "N", value_parser = at_least::<u32>(1, 10_000), allow_hyphen_values = true, help_heading = "Learning")]
    pub samples: Option<u32>,
    /// same: an update moves by lr times the average gradient. linear: K times as far, if it averages K. per-staleness: a
    /// gradient s updates old counts 1/max(1, s).
    #[arg(long, value_name = "RULE", default_value = "same", help_heading = "Learning",
        value_parser = choice::<LearningRateRule>(&["same", "linear", "per-staleness"]))]
    pub lr_rule: Typed<LearningRateRule>,
    /// Passes over the data, all workers together [default: 2].
    #[arg(long, value_name = "N", value_parser = at_least::<u32>(1, 2), allow_hyphen_values = true, conflicts_with = "updates", help_heading = "Learning")]
    pub epochs: Option<u32>,
    /// Stop after so many updates instead.
    #[arg(long, alias = "iterations", value_name = "N", value_parser = at_least::<u64>(1, 1000), allow_hyphen_values = true, help_heading = "Learning")]
    pub updates: Option<u64>,
    /// Stop as soon as so many of the test images are classified correctly: 97%.
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true, help_heading = "Learning")]
    pub target_accuracy: Option<Typed<Percent>>,
    /// wall: threads and real seconds. simulated: the same training, the seconds drawn.
    #[arg(long, value_enum, default_value = "wall", help_heading = "Time")]
    pub clock: Clock,
    /// The cluster of a profile, under the simulated clock; what is typed besides takes its place.
    #[arg(long, value_name = "PROFILE.toml", conflicts_with_all = ["step_time", "lambda"], help_heading = "Cluster")]
    pub profile: Option<PathBuf>,
    /// How long a step takes, under the simulated clock.
    #[command(flatten)]
    #[serde(flatten)]
    pub step: StepTime,
    /// What else there is in the cluster, under the simulated clock; a delay on threads, too, where it is a sleep that a cancellation ends
    /// at once.
    #[command(flatten)]
    #[serde(flatten)]
    pub simulated: Cluster,
    /// shared: all workers begin with the same parameters. per-worker: each draws its own, as programs of several processes do that
    /// broadcast nothing; for local:H.
    #[arg(long, value_name = "WHICH", default_value = "shared", help_heading = "Learning",
        value_parser = choice::<Initial>(&["shared", "per-worker"]))]
    pub initial: Typed<Initial>,
    /// cores: as many workers compute as there are cores, each on its own. kernel: all compute at once, and the operating system
    /// slices their time, so that their reads and writes interleave.
    #[arg(long, value_name = "WHO", default_value = "cores", help_heading = "Time",
        value_parser = choice::<Placement>(&["cores", "kernel"]))]
    pub placement: Typed<Placement>,
    /// Score every look at the parameters on all test images, even if that takes longer than the training.
    #[arg(long, help_heading = "Learning")]
    pub score_all: bool,
    /// cpu, or gpu in a build with `--features gpu`: all workers then share one graphics card.
    #[arg(long, value_name = "BACKEND", default_value = "cpu", value_parser = choice::<Backend>(&["cpu", "gpu"]), help_heading = "Learning")]
    pub backend: Typed<Backend>,
    /// Begin with the parameters in this safetensors file.
    #[arg(long, value_name = "FILE")]
    pub load: Option<PathBuf>,
    /// Keep the last parameters in this safetensors file, which says where they come from and how good they are.
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
    /// The --out directory of another run, whose learning curve is drawn beside this one's.
    #[arg(long, value_name = "DIR")]
    pub beside: Option<PathBuf>,
    /// Where workers are.
    #[command(flatten)]
    #[serde(flatten)]
    pub ranks: Ranks,
    /// Checkpoints.
    #[command(flatten)]
    #[serde(flatten)]
    pub resumption: Resumption,
    /// On how many threads.
    #[command(flatten)]
    #[serde(flatten)]
    pub threads: Threads,
    /// What every command takes.
    #[command(flatten)]
    #[serde(flatten)]
    pub common: Common,
}

/// What time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// Real seconds on threads.
    Wall,
    /// Drawn seconds.
    Simulated,
}

/// A training run that has ended.
pub struct Trained<'a> {
    /// What was asked.
    pub arguments: &'a Train,
    /// The policy.
    pub policy: Policy,
    /// The policy for that number of workers.
    pub rule: Rule,
    samples: usize,
    /// What each channel of its pixels was scaled by.
    moments: Vec<Moments>,
    /// All that happened.
    pub journal: Journal,
    /// Of each snapshot of the journal.
    pub scores: Vec<Score>,
    /// Test images that each was scored on.
    pub scored: usize,
    /// Seconds before the run, which are not counted.
    pub warmup_s: f64,
    /// How it ended.
    pub end: End,
    failure: Option<Failure>,
    /// When the target was found to be reached, if there was one.
    reached: Option<Time>,
    /// What each rank did, if there were ranks.
    pub ranks: Vec<RankTimes>,
    /// Another run to be drawn beside it.
    pub beside: Option<Beside>,
}

impl Command for Train {
    const NAME: &'static str = "train";
    const TABLES: &'static [Table] =
        &[Table::of::<UpdateRow>(), Table::of::<StepRow>(), Table::of::<Metric>(), Table::of::<RankRow>()];
    const FIGURES: &'static [&'static str] = &["learning_curve", "timeline"];
    const OTHERS: &'static [&'static str] = &["trace.json"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn save(&self) -> Option<PathBuf> {
        self.save.clone()
    }

    fn is_partial(saved: &[u8]) -> bool {
        checkpoint::about(saved).is_ok_and(|about| about["complete"] == json!(false))
    }

    fn is_one_of_many(&self) -> bool {
        self.ranks.cluster == Where::Mpi
    }

    fn follows(&self) -> bool {
        self.ranks.rank().is_some_and(|rank| rank > 0)
    }

    fn resolve(&mut self) -> Result<(), Error> {
        let usage = |sentence: String| Err(Error::Usage(sentence));
        let method = self.method()?;
        let policy = method.kind();
        let simulated = self.clock == Clock::Simulated;
        let workers = self.ranks.workers(self.workers, method)?;
        self.workers = Some(workers);
        self.check_resumption()?;
        let rule = policy.rule(workers).map_err(|e| Error::Usage(e.to_string()))?;
        if policy == Policy::HOGWILD && self.lr_rule.0 == LearningRateRule::PerStaleness {
            return usage(
                "nobody knows how stale a step of hogwild is; type --lr-rule same, or --policies async".into(),
            );
        }
        let (gpu, averages) = (self.backend.0 == Backend::Gpu, policy.name() == "local");
        if self.ranks.cluster == Where::Mpi {
            if policy == Policy::HOGWILD {
                return usage("ranks share no memory that all could write; type --policies async".into());
            }
            if gpu || simulated {
                return usage(
                    "--cluster mpi is for processors and real seconds; leave --backend and --clock out, or type --cluster threads"
                        .into(),
                );
            }
        }
        match self.initial.0 {
            Initial::PerWorker if !averages => {
                return usage(
                    "--initial per-worker is for policies that average parameters; type --policies local:H, or --initial shared"
                        .into(),
                );
            }
            Initial::PerWorker if gpu => {
                return usage("--initial per-worker is for the processor; type --backend cpu".into());
            }
            Initial::PerWorker | Initial::Shared => {}
        }
        if policy == Policy::HOGWILD && gpu {
            return usage(
                "a graphics card has no parameters that several workers write at once; type --policies async, or --backend cpu"
                    .into(),
            );
        }
        if !simulated && workers as usize > MOST_THREADS {
            return usage(format!(
                "{workers} threads are too many to start; type --workers {MOST_THREADS} at most, or --clock simulated"
            ));
        }
        if (rule.steps > 1 || method == Method::LocalEpoch) && self.lr_rule.0 != LearningRateRule::Same {
            return usage(format!(
                "--lr-rule {} is for gradients, but {method} averages parameters; type --lr-rule same",
                self.lr_rule
            ));
        }
        if !simulated {
            if let Some(option) = self.simulated_only() {
                return usage(format!("--{option} is for --clock simulated; real threads take the time they take"));
            }
            self.simulated.delay.get_or_insert(Typed(Delays::Law(Delay(None))));
        } else if self.profile.is_none() {
            self.step.resolve();
            self.simulated.resolve();
        }
        if self.updates.is_none() {
            self.epochs.get_or_insert(2);
        }
        Ok(())
    }

    fn prepare<'a>(&'a self, session: &'a Session) -> Result<Job<'a>, Error> {
        let training = &self.training;
        let (method, workers) = (self.method()?, self.workers.expect("resolved"));
        let kind = method.kind().rule(workers).map_err(|e| Error::Usage(e.to_string()))?;
        memory::afford_gradients(training.model.0.parameters(), kind)?;
        let samples = self.samples.map(|samples| samples as usize);
        let data = dataset(&training.data, training.model.0, training.pixels.0, samples, self.common.seed)?;
        let (key, samples, batch) =
            (RandomKey::new(self.common.seed, 0), data.train.len(), training.batch_size as usize);
        let batches = Batches::new(samples, batch, method.share(workers), key);
        let batches = batches.map_err(|e| Error::Usage(e.to_string()))?;
        let share = samples.div_ceil(workers as usize).div_ceil(batch);
        let policy = method.policy(u32::try_from(share).unwrap_or(u32::MAX));
        let rule = policy.rule(workers).map_err(|e| Error::Usage(e.to_string()))?;
        let spec = match (&self.profile, self.clock) {
            (Some(path), _) => Profile::spec(path, session)?,
            (None, Clock::Simulated) => ClusterSpec::of(self.step.compute(session)?),
            // Of threads only the delay is drawn.
            (None, Clock::Wall) => ClusterSpec::new("exp(2)".parse().expect("a law")),
        };
        // The world knows the policy's rule, and what communication means for it.
        let spec = self.simulated.onto(spec, &self.step.reading(), session)?.for_rule(rule);
        let rule = if spec.cancellation() == Cancellation::Never { rule.never_cancelling() } else { rule };
        if batch > samples {
            return Err(Error::Usage(format!(
                "a batch of {batch} is more than all {samples} samples; lower --batch-size"
            )));
        }
        let sgd = Sgd { rate: training.lr.0, momentum: training.momentum.0, rule: self.lr_rule.0 };
        let beside = self.beside.as_deref().map(Beside::read).transpose()?;
        let loaded = self.load.as_ref().map(|path| self.parameters(path, session)).transpose()?;
        let device = self.backend.0.device().map_err(|error| match error {
            NoDevice::NotBuilt => Error::Usage(error.to_string()),
            NoDevice::NotFound(_) => Error::Input(error.to_string()),
        })?;
        let checkpoint = self.checkpoint(&self.directory(), session)?;
        Ok(Box::new(move |directory| {
            // Until the first update.
            session.may_leave(directory);
            let Dataset { train, test } = data;
            let learner = Digits::new(Net::new(training.model.0, &device), Arc::new(train), batches, sgd, key)
                .stopped_by(session.progress.stop.clone());
            let learner = match loaded {
                None => learner,
                Some(parameters) => learner.beginning_with(parameters).expect("the file was checked"),
            };
            let learner = match self.initial.0 {
                Initial::Shared => learner,
                Initial::PerWorker => learner.with_own_initial(key),
            };
            let (learner, from) = match checkpoint {
                None => (learner, None),
                Some(checkpoint) => (
                    learner.going_on_with(&checkpoint.weights).map_err(|_| {
                        Error::Input(
                            "the checkpoint is of another network; choose another place with --out DIR".to_string(),
                        )
                    })?,
                    Some(checkpoint.position),
                ),
            };
            let learner = Arc::new(match policy {
                Policy::HOGWILD => learner.with_velocity(Velocity::Workers(rule.workers)),
                _ => learner,
            });
            let trainer = Trainer { arguments: self, policy, rule, samples, learner, test, from, session };
            if let Some(from) = trainer.from.as_ref().filter(|from| from.steps_applied >= trainer.steps()) {
                return Err(Error::Input(format!(
                    "the checkpoint is at the end of this run, after {} steps; raise --epochs or --updates to go further",
                    from.steps_applied
                )));
            }
            let checkpointing = self.checkpointing(directory);
            let (Ended { end, mut journal, failure, warmup_s, ranks }, reached) = trainer.run(spec, key, checkpointing);
            // After the run, so that it disturbs nothing that is timed.
            let test = trainer.test.first(trainer.scoring().images);
            let scores = trainer.scores(&journal, &test);
            let left_out = journal.snapshots.len() - scores.len();
            journal.snapshots.drain(..left_out);
            let end = if left_out > 0 && end == End::Done { End::Broken } else { end };
            let end = match (end, scores.last(), journal.updates.last()) {
                // The last update's own loss is that of the parameters before it.
                (End::Done, Some(score), Some(last)) if !score.loss.is_finite() => {
                    End::Diverged { update: last.update }
                }
                (end, ..) => end,
            };
            Ok(Box::new(Trained {
                arguments: self,
                policy,
                rule,
                samples,
                moments: test.moments(),
                journal,
                scores,
                scored: test.len(),
                warmup_s,
                end,
                failure,
                reached,
                ranks,
                beside,
            }))
        }))
    }
}

impl Train {
    /// Trains, on all ranks if there are some.
    ///
    /// # Errors
    /// Whatever went wrong, with its exit status.
    pub fn run(self, typed: &[OsString]) -> Result<(), Error> {
        let ranks = self.ranks.clone();
        ranks.together(|| report::run(self, typed))
    }

    /// An option of the cluster that threads have no use for.
    fn simulated_only(&self) -> Option<String> {
        let options =
            [serde_json::to_value(&self.step), serde_json::to_value(&self.simulated)].map(|o| o.expect("options"));
        let typed = |(name, value): (&String, &Value)| {
            (name != "delay" && !matches!(value, Value::Null | Value::Bool(false))).then(|| name.replace('_', "-"))
        };
        let of_group = options.iter().filter_map(Value::as_object).flat_map(|group| group.iter().filter_map(typed));
        of_group.chain(self.profile.as_ref().map(|_| "profile".to_string())).next()
    }

    fn method(&self) -> Result<Method, Error> {
        match self.policies.0[..] {
            [method] => Ok(method),
            _ => Err(Error::Usage(
                "train follows one policy; to compare several, type straggle scaling --policies sync,async".to_string(),
            )),
        }
    }

    /// The parameters in a file.
    fn parameters(&self, path: &std::path::Path, session: &Session) -> Result<Vec<f32>, Error> {
        let file = path.display();
        // Every parameter has four bytes, and there is a header.
        let most = 4 * self.training.model.0.parameters() as u64 + (1 << 20);
        let bytes = memory::read(path, most)
            .map_err(|e| Error::Input(format!("cannot read {file}: {e}; give a file made by --save")))?;
        session.read(&[File::new(file.to_string(), &bytes)]);
        let read = checkpoint::from_bytes(self.training.model.0, self.training.pixels.0, &bytes);
        read.map_err(|e| Error::Input(format!("{file} {e}")))
    }
}

/// How long snapshots are scored after a run was stopped.
const SOON: Duration = Duration::from_millis(500);

/// What a run needs on any cluster.
struct Trainer<'a> {
    arguments: &'a Train,
    policy: Policy,
    rule: Rule,
    samples: usize,
    learner: Arc<Digits>,
    test: Split,
    /// Where it goes on from, if it does.
    from: Option<Position>,
    session: &'a Session,
}

impl Trainer<'_> {
    /// Steps of single workers until the end.
    fn steps(&self) -> u64 {
        let epochs = u64::from(self.arguments.epochs.unwrap_or(2));
        let batches = (epochs * self.samples as u64).div_ceil(u64::from(self.arguments.training.batch_size));
        let (version, before) = self.from.as_ref().map_or((0, 0), |from| (from.version, from.steps_applied));
        self.arguments.updates.map_or(batches, |updates| {
            let steps = updates.saturating_sub(version).saturating_mul(self.rule.gradients_per_update());
            before.saturating_add(steps)
        })
    }

    /// How much is scored.
    fn scoring(&self) -> Scoring {
        let batch = u64::from(self.arguments.training.batch_size);
        match self.arguments.score_all || self.arguments.target_accuracy.is_some() {
            true => Scoring::all(self.test.len()),
            false => Scoring::within(self.steps().saturating_mul(batch), self.test.len()),
        }
    }

    /// Scores of the last snapshots, in their order: of all, or of those that there is time for once it was stopped.
    fn scores(&self, journal: &Journal, test: &Split) -> Vec<Score> {
        let (mut scores, mut stopped) = (Vec::new(), None);
        for snapshot in journal.snapshots.iter().rev() {
            if self.session.stopped() && stopped.get_or_insert_with(Instant::now).elapsed() > SOON && !scores.is_empty()
            {
                break;
            }
            scores.push(self.learner.score(&snapshot.weights, test));
        }
        scores.reverse();
        scores
    }

    /// Trains, and says when the target was reached, if there is one. Where the run stops then depends on scores, which are
    /// computed while the clock stands still.
    fn run(&self, spec: ClusterSpec, key: RandomKey, checkpointing: Option<Checkpointing>) -> (Ended, Option<Time>) {
        let Train { training, target_accuracy, placement, backend, threads: Threads { number: threads }, .. } =
            self.arguments;
        let steps = self.steps();
        let bar = self.session.bar(steps, BAR);
        let every = steps.div_ceil(self.scoring().snapshots);
        let a_quarter_pass = self.samples as u64 / (4 * u64::from(training.batch_size));
        let ranks = &self.arguments.ranks;
        let world = match (self.arguments.clock, ranks.communicator()) {
            (Clock::Wall, Some(communicator)) => World::Ranks {
                communicator,
                delays: Variates::new(&spec, key),
                all_reduce: !ranks.server && runner::can_all_reduce(self.rule),
            },
            (Clock::Simulated, _) => World::Simulated { spec, key },
            (Clock::Wall, None) => World::Threads {
                cores: match placement.0 == Placement::Kernel || backend.0 == Backend::Gpu {
                    true => Cores::slots(threads.unwrap_or(self.rule.workers as usize)),
                    false => Cores::of_this_machine().at_most(threads.unwrap_or(usize::MAX)),
                },
                delays: Variates::new(&spec, key),
            },
        };
        let job = runner::Job {
            learner: self.learner.clone(),
            policy: self.policy,
            rule: self.rule,
            steps,
            every: if target_accuracy.is_some() { every.min(a_quarter_pass) } else { every },
            world,
            stop: self.session.progress.stop.clone(),
            from: self.from.clone(),
            checkpointing,
        };
        let watchdog = ranks.watch("no update was made");
        // Ranks hear of it from one another.
        let alone = ranks.communicator().is_none();
        let each_update = |journal: &Journal| {
            self.session.works();
            watchdog.as_ref().inspect(|watchdog| watchdog.completed());
            bar.set_position(journal.steps_applied);
            bar.set_message(words::progress(journal.updates.last().map_or(f64::NAN, Update::loss)));
            if alone && self.session.stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let mut reached = None;
        let each_snapshot = |snapshot: &Snapshot| {
            let Some(Typed(target)) = target_accuracy else { return ControlFlow::Continue(()) };
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

impl Report for Trained<'_> {
    fn tables(&self, tables: &mut Tables) {
        tables.add(self.journal.updates.iter().map(UpdateRow::new));
        tables.add(self.journal.steps.iter().map(StepRow::new));
        tables.add(self.journal.snapshots.iter().zip(&self.scores).map(|(snapshot, score)| Metric {
            time_s: snapshot.at.seconds(),
            update: snapshot.update,
            epoch: self.epochs(snapshot.steps),
            train_loss: snapshot.train_loss,
            test_loss: score.loss,
            test_accuracy: score.accuracy,
        }));
        if !self.ranks.is_empty() {
            tables.add(self.ranks.iter().map(RankRow::new));
        }
    }

    fn figures(&self) -> Vec<(&'static str, Figure)> {
        let own = self.journal.snapshots.iter().zip(&self.scores).map(|(snapshot, score)| learning_curve::Point {
            time_s: snapshot.at.seconds(),
            update: snapshot.update as f64,
            train_loss: snapshot.train_loss,
            test_loss: score.loss,
            test_accuracy: score.accuracy,
        });
        let (policy, workers) = (self.policy.to_string(), u64::from(self.rule.workers));
        let mut runs = vec![learning_curve::Run { policy, workers, points: own.collect() }];
        runs.extend(self.beside.as_ref().map(|beside| {
            learning_curve::Run {
                policy: beside.policy.to_string(),
                workers: beside.workers,
                points: beside
                    .points
                    .iter()
                    .map(|&Point { time_s, update, test_loss, test_accuracy }| learning_curve::Point {
                        time_s,
                        update,
                        train_loss: f64::NAN,
                        test_loss,
                        test_accuracy,
                    })
                    .collect(),
            }
        }));
        let training = &self.arguments.training;
        let caption =
            format!("{}, batches of {}, seed {}.", training.model.0, training.batch_size, self.arguments.common.seed);
        let target = self.arguments.target_accuracy.as_ref().map(|target| target.0.0);
        let (timeline, until_s) = self.timeline();
        vec![
            ("learning_curve", learning_curve::learning_curve(&runs, target, caption.clone())),
            ("timeline", figures::timeline::timeline(&[timeline], until_s, caption)),
        ]
    }

    fn others(&self) -> Vec<(&'static str, String)> {
        vec![("trace.json", chrome_trace(&[self.timeline().0]))]
    }

    fn text(&self) -> String {
        words::report(self)
    }

    fn outcome(&self) -> Outcome {
        assert!(self.journal.is_conserved(), "staleness is not conserved: a bug");
        let made = self.journal.updates.len() as u64;
        let done =
            (made > 0).then(|| format!("{} {} made", count(made, "update"), if made == 1 { "was" } else { "were" }));
        outcome(self.end, self.failure.as_ref(), self.arguments.target_accuracy.map(|_| self.reached.is_some()), done)
    }

    fn saved(&self, manifest: &Manifest) -> Option<(Value, Vec<u8>)> {
        let (last, score) = (self.journal.snapshots.last()?, self.scores.last()?);
        if matches!(self.end, End::Diverged { .. }) {
            return None;
        }
        let score = json!({ "update": last.update, "test_loss": score.loss, "test_accuracy": score.accuracy });
        let (training, parameters) = (&self.arguments.training, last.weights.values());
        let mut arguments = manifest.arguments.clone();
        OWN.iter().for_each(|own| drop(arguments.remove(*own)));
        let seed = self.arguments.common.seed;
        let origin = json!({ "arguments": arguments, "seed": seed, "score": score, "complete": manifest.complete, "moments": self.moments });
        Some((score, checkpoint::to_bytes(training.model.0, training.pixels.0, parameters, origin)))
    }
}

/// Options that make no difference to what is learnt, but, under the wall clock, by chance.
const OWN: [&str; 8] = ["threads", "out", "save", "format", "beside", "score_all", "checkpoint_every", "stall_timeout"];

/// Tasks of a worker that a timeline shows, about.
const SHOWN: f64 = 10.0;

impl Trained<'_> {
    /// What the workers did, and until when it is worth a look: for some tasks of median length.
    fn timeline(&self) -> (Timeline, f64) {
        let title = format!("{}, m = {}", self.policy, self.rule.workers);
        let updates = self.journal.updates.iter().map(|update| update.at.seconds()).collect();
        let mut timeline = Timeline { title, workers: self.rule.workers, spans: Vec::new(), updates };
        let mut lengths = Vec::new();
        for step in &self.journal.steps {
            let (start, finish) = (step.start.seconds(), step.finish.seconds());
            let worker = step.task.worker;
            match step.spent_s {
                Some((compute_s, delay_s)) => {
                    // It may have waited for a core before.
                    let began = start.max(finish - compute_s - delay_s);
                    timeline.add(worker, began, [(compute_s, Activity::Computing), (delay_s, Activity::Delay)]);
                    lengths.push(compute_s + delay_s);
                }
                None => timeline.add(worker, start, [(finish - start, Activity::Cancelled)]),
            }
        }
        lengths.sort_unstable_by(f64::total_cmp);
        let until_s = SHOWN * lengths.get(lengths.len() / 2).copied().unwrap_or(1.0);
        (timeline, until_s)
    }

    /// Passes over the data that so many steps are.
    pub fn epochs(&self, steps: u64) -> f64 {
        steps as f64 * f64::from(self.arguments.training.batch_size) / self.samples as f64
    }
}

/// How a run ended, of which so much is `done`; `reached` says whether it came to its target, if it had one.
fn outcome(end: End, failure: Option<&Failure>, reached: Option<bool>, done: Option<String>) -> Outcome {
    match (end, failure) {
        (End::Done, _) if reached == Some(false) => {
            Outcome::Failed("the target was not reached; raise --epochs or change --lr".to_string())
        }
        (End::Done, _) => Outcome::Done,
        (End::Broken, _) if reached == Some(true) => Outcome::Done,
        (End::Diverged { update }, _) => Outcome::Failed(format!(
            "training diverged at update {update}: from there on the loss is above twice that of guessing; lower --lr"
        )),
        (End::Exhausted, Some(Failure::Panicked { worker, serial, words })) => {
            Outcome::Broke(format!("worker {worker} failed on its task {serial}: {words}"), done)
        }
        (End::Broken | End::Exhausted, _) => Outcome::Interrupted(done),
    }
}

/// A row of `updates.csv`.
#[derive(Serialize, Deserialize, JsonSchema)]
struct UpdateRow {
    update: u64,
    time_s: f64,
    /// The workers whose gradients it applied, separated by semicolons.
    workers: String,
    /// The staleness of each of these gradients.
    staleness: String,
    /// Mean loss of the batches, before the update.
    loss: f64,
}

impl Row for UpdateRow {
    const TABLE: &'static str = "updates";
}

impl UpdateRow {
    fn new(update: &Update) -> UpdateRow {
        let joined = |values: Vec<String>| values.join(";");
        UpdateRow {
            update: update.update,
            time_s: update.at.seconds(),
            workers: joined(update.from.iter().map(|(worker, _)| worker.to_string()).collect()),
            staleness: joined(update.from.iter().map(|(_, staleness)| staleness.to_string()).collect()),
            loss: update.loss(),
        }
    }
}

/// A row of `steps.csv`: a task of a worker.
#[derive(Serialize, Deserialize, JsonSchema)]
struct StepRow {
    worker: u32,
    serial: u64,
    start_s: f64,
    /// Empty if it was cancelled.
    compute_s: Option<f64>,
    delay_s: Option<f64>,
    finish_s: f64,
    /// Updates that the parameters had seen when they were read.
    base_version: u64,
    /// The update that applied it; empty if it was discarded.
    applied_version: Option<u64>,
}

impl Row for StepRow {
    const TABLE: &'static str = "steps";
}

impl StepRow {
    fn new(step: &TaskRecord) -> StepRow {
        StepRow {
            worker: step.task.worker,
            serial: step.task.serial,
            start_s: step.start.seconds(),
            compute_s: step.spent_s.map(|spent| spent.0),
            delay_s: step.spent_s.map(|spent| spent.1),
            finish_s: step.finish.seconds(),
            base_version: step.task.base_version,
            applied_version: step.applied_version,
        }
    }
}

/// A row of `metrics.csv`: a look at the parameters.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Metric {
    time_s: f64,
    update: u64,
    epoch: f64,
    /// Mean over the batches since the last look.
    train_loss: f64,
    test_loss: f64,
    test_accuracy: f64,
}

impl Row for Metric {
    const TABLE: &'static str = "metrics";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_end_has_its_outcome() {
        let done = || Some("3 updates were made".to_string());
        let of = |end, failure: Option<&Failure>, reached| outcome(end, failure, reached, done());
        let panicked = Failure::Panicked { worker: 1, serial: 4, words: "out of memory".into() };
        assert_eq!(
            of(End::Exhausted, Some(&panicked), None),
            Outcome::Broke("worker 1 failed on its task 4: out of memory".into(), done())
        );
        assert_eq!(of(End::Exhausted, Some(&Failure::Stopped), None), Outcome::Interrupted(done()));
        assert_eq!(of(End::Broken, None, None), Outcome::Interrupted(done()));
        assert_eq!(of(End::Broken, None, Some(true)), Outcome::Done);
        assert_eq!(of(End::Done, None, None), Outcome::Done);
        assert!(matches!(of(End::Done, None, Some(false)), Outcome::Failed(_)));
        assert!(
            matches!(of(End::Diverged { update: 3 }, None, None), Outcome::Failed(why) if why.contains("at update 3"))
        );
    }
}
