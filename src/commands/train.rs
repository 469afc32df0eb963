//! `straggle train`: a network, trained for real on threads or under simulated time.

mod beside;
pub mod ranks;
mod report;
mod resume;
mod rows;
mod words;

use crate::cli::{Clock, Common, Delay, Delays, MOST_THREADS, Train, Typed, Where, dataset};
use crate::error::Error;
use crate::manifest::File;
use crate::memory;
use crate::profile::Profile;
use crate::report::{Command, Job};
use crate::rows::Table;
use crate::session::Session;
pub use beside::{Beside, Point};
pub use ranks::RankRow;
pub use report::Trained;
use rows::{Metric, StepRow, UpdateRow};
use serde_json::{Value, json};
use sim::{Cancellation, ClusterSpec, Policy, RandomKey, Rule, Time, Variates};
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use validation::cluster::cores::Cores;
use validation::models::checkpoint;
use validation::run::checkpoint::{Checkpointing, Position};
use validation::run::runner;
use validation::run::training::{Snapshot, Update};
use validation::{
    Backend, Batches, Dataset, Digits, End, Ended, Initial, Journal, LearningRateRule, Method, Net, NoDevice,
    Placement, Score, Scoring, Sgd, Split, Velocity, World,
};

/// What the bar shows.
const BAR: &str = "{bar:30} {pos}/{len} steps, {per_sec}, {msg}, {eta} left";

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
        let (gpu, averages) = (self.training.backend.0 == Backend::Gpu, policy.name() == "local");
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
        match self.training.initial.0 {
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
        let reading = self.step.reading(&self.simulated)?;
        let spec = match (&self.profile, self.clock) {
            (Some(path), _) => Profile::spec(path, session)?,
            (None, Clock::Simulated) => ClusterSpec::of(self.step.compute(&reading, session)?),
            // Of threads only the delay is drawn.
            (None, Clock::Wall) => ClusterSpec::new("exp(2)".parse().expect("a law")),
        };
        // The world knows the policy's rule, and what communication means for it.
        let spec = self.simulated.onto(spec, &reading, session)?.for_rule(rule);
        let rule = if spec.cancellation() == Cancellation::Never { rule.never_cancelling() } else { rule };
        if batch > samples {
            return Err(Error::Usage(format!(
                "a batch of {batch} is more than all {samples} samples; lower --batch-size"
            )));
        }
        let sgd = Sgd { rate: training.lr.0, momentum: training.momentum.0, rule: self.lr_rule.0 };
        let beside = self.beside.as_deref().map(Beside::read).transpose()?;
        let loaded = self.load.as_ref().map(|path| self.parameters(path, session)).transpose()?;
        let device = self.training.backend.0.device().map_err(|error| match error {
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
            let learner = match self.training.initial.0 {
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
        ranks.together(|| crate::report::run(self, typed))
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
        let Train { training, target_accuracy, placement, common, .. } = self.arguments;
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
                cores: match placement.0 == Placement::Kernel || training.backend.0 == Backend::Gpu {
                    true => Cores::slots(common.threads.unwrap_or(self.rule.workers as usize)),
                    false => Cores::of_this_machine().at_most(common.threads.unwrap_or(usize::MAX)),
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

/// Options that make no difference to what is learnt, but, under the wall clock, by chance.
const OWN: [&str; 8] = ["threads", "out", "save", "format", "beside", "score_all", "checkpoint_every", "stall_timeout"];
