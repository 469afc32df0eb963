//! `straggle validate`: calibrate one worker, predict many, measure them, and judge the prediction; or predict public traces.

mod machine;
mod report;
mod rows;
mod traces;
mod words;

use crate::cli::{Common, MOST_THREADS, Validate, Where, Workers};
use crate::error::Error;
use crate::finished::{self, Finished};
use crate::formats::Options;
use crate::manifest;
use crate::report::{Command, Job};
use crate::rows::Table;
use crate::session::Session;
use crate::{text, trace};
use machine::Look;
pub use report::Validated;
use rows::{ClaimRow, ContentionRow, FitRow, LinkRow};
use sim::{Law, Policy, PolicyError, RandomKey};
use std::ffi::OsString;
use std::sync::Arc;
use validation::cluster::cores::Cores;
use validation::cluster::mpi::Communicator;
use validation::learner::device::OnDevice;
use validation::predict::ranks::record;
use validation::predict::recorded::Round;
use validation::{
    Backend, Batches, Budget, Configuration, Dataset, Digits, Failure, Judgement, LearningRateRule, Method, NUMERICS,
    Net, NoDevice, OnThreads, Recorded, Sgd, Share, compare,
};

/// How large an error may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// For up to as many workers as cores.
    pub within: f64,
    /// For more.
    pub beyond: f64,
}

impl Tolerance {
    fn of(self, configuration: &Configuration, cores: usize) -> f64 {
        let has_a_core_each = configuration.rule.workers as usize <= cores;
        if has_a_core_each { self.within } else { self.beyond }
    }
}

/// What the bar shows.
const BAR: &str = "{bar:30} {percent} %, {elapsed}, {eta} left";

impl Command for Validate {
    const NAME: &'static str = "validate";
    const TABLES: &'static [Table] =
        &[Table::of::<ClaimRow>(), Table::of::<FitRow>(), Table::of::<ContentionRow>(), Table::of::<LinkRow>()];
    const FIGURES: &'static [&'static str] =
        &["relative_error", "error_parts", "agreement", "time_per_update", "staleness", "step_times"];

    fn common(&self) -> &Common {
        &self.common
    }

    fn is_one_of_many(&self) -> bool {
        self.ranks.cluster == Where::Mpi
    }

    fn follows(&self) -> bool {
        self.ranks.rank().is_some_and(|rank| rank > 0)
    }

    fn resolve(&mut self) -> Result<(), Error> {
        let launch = |size| self.ranks.launch(size, Self::NAME, "");
        match self.ranks.world(3, launch)? {
            None => {
                self.workers.get_or_insert(Workers(vec![1, 2, 4, 8]));
                Ok(())
            }
            Some(communicator) => self.check_world(communicator),
        }
    }

    fn prepare<'a>(&'a self, session: &'a Session) -> Result<Job<'a>, Error> {
        if let Some((what, files)) = self.what.split_first() {
            if what != "traces" {
                let what = crate::formats::clip(what);
                return Err(Error::Usage(format!(
                    "there is nothing called '{what}' to validate; type validate traces"
                )));
            }
            return traces::prepare(self, files, session);
        }
        let delay = self.delay.0.0.as_ref().map(|law| trace::law(law, &Options::default(), session)).transpose()?;
        let (configurations, impossible) = self.configurations(delay.as_ref());
        if let (true, Some(error)) = (configurations.is_empty(), impossible.last()) {
            return Err(Error::Usage(error.to_string()));
        }
        let most = configurations.iter().map(|one| one.rule.workers).max().unwrap_or(1) as usize;
        if most > MOST_THREADS {
            return Err(Error::Usage(format!("{most} threads are too many to start; type {MOST_THREADS} at most")));
        }
        let cores = match self.backend.0 {
            Backend::Cpu => Cores::of_this_machine().at_most(self.common.threads.unwrap_or(usize::MAX).min(most)),
            Backend::Gpu => Cores::slots(self.common.threads.unwrap_or(1)),
        };
        let learner = self.learner()?;
        Ok(Box::new(move |directory| {
            let machine = format!("{} cores {} {NUMERICS}", cores.number(), manifest::cpu().unwrap_or_default());
            let world = self.ranks.communicator().map_or(1, |communicator| communicator.size());
            let key = finished::everything(self, &["out", "format", "tolerance"], session)
                + &machine
                + &format!(" {world} ranks");
            let rounds = Rounds { finished: Finished::open(directory, &[]), key };
            let validated = self.validate(&configurations, cores, learner, delay, session, &rounds)?;
            rounds.finished.told(session);
            Ok(Box::new(validated))
        }))
    }

    fn forgets(&self) -> bool {
        true
    }
}

/// Rounds of measuring, kept as they end.
struct Rounds {
    finished: Finished,
    /// Everything that makes a difference.
    key: String,
}

impl validation::predict::session::Kept for Rounds {
    fn find(&self, name: &str) -> Option<Round> {
        self.finished.find(&format!("{} {name}", self.key))
    }

    fn keep(&self, name: &str, round: &Round) {
        self.finished.keep(&format!("{} {name}", self.key), round);
    }
}

impl Validate {
    /// Trains nothing and predicts, on all ranks if there are some.
    ///
    /// # Errors
    /// Whatever went wrong, with its exit status.
    pub fn run(self, typed: &[OsString]) -> Result<(), Error> {
        let ranks = self.ranks.clone();
        ranks.together(|| crate::report::run(self, typed))
    }

    /// What ranks cannot be asked for.
    fn check_world(&self, communicator: Communicator) -> Result<(), Error> {
        let (size, usage) = (communicator.size(), |sentence: String| Err(Error::Usage(sentence)));
        if size < 2 {
            let line = self.ranks.launch(3, Self::NAME, "");
            return usage(format!("this is a world of 1, with nobody to wait for; type {line}"));
        }
        if self.workers.is_some() {
            return usage(format!("there are {size} ranks, and so many workers; leave --workers out"));
        }
        if !self.what.is_empty() || self.common.threads.is_some() || self.backend.0 == Backend::Gpu {
            return usage(
                "ranks are put to the test on processors, one each; leave traces, -j and --backend out".into(),
            );
        }
        match self.policies.0.contains(&Policy::HOGWILD) {
            true => usage("ranks share no memory that all could write; leave hogwild out of --policies".into()),
            false => Ok(()),
        }
    }

    fn validate(
        &self,
        configurations: &[Configuration],
        cores: Cores,
        learner: Arc<Digits>,
        delay: Option<Law>,
        session: &Session,
        rounds: &Rounds,
    ) -> Result<Validated, Error> {
        let tolerance = self.tolerance();
        let communicator = self.ranks.communicator();
        let (number, there_are) = match communicator {
            None => (cores.number(), Cores::of_this_machine().number()),
            Some(communicator) => (communicator.size() as usize, communicator.cores() as usize),
        };
        // What a rank that waits takes from those that compute is a matter of its MPI and of the system.
        let not_judged = (communicator.is_some() && number > there_are).then(|| {
            format!(
                "{number} ranks share {}, where those that wait take time from those that compute: that is not predicted, and nothing is judged; start as many ranks as there are cores",
                text::count(there_are as u64, "core")
            )
        });
        not_judged.iter().for_each(|why| session.note(why));
        let own = if not_judged.is_some() { 0 } else { number };
        let look = Look::now();
        if let Some(note) = look.warning(there_are) {
            session.note(note);
        }
        let budget = self.updates.map_or(Budget::Seconds(60.0 * self.minutes.0), Budget::Updates);
        let bar = session.bar(1000, BAR);
        let of = |configuration: &Configuration| tolerance.of(configuration, own);
        let watchdog = self.ranks.watch("nothing was measured");
        let progress = |share: f64| {
            watchdog.as_ref().inspect(|watchdog| watchdog.completed());
            bar.set_position((1000.0 * share.min(1.0)) as u64);
        };
        let (mut recorded, mut ranks) = (Recorded::default(), Vec::new());
        let stop = session.progress.stop.clone();
        let measuring =
            validation::Session { seed: self.common.seed, budget, tolerance: &of, progress: &progress, kept: rounds };
        let ended = match communicator {
            Some(communicator) => {
                let (server, recorded) = (self.ranks.server, &mut recorded);
                record(communicator, &measuring, &learner, server, &stop, configurations, recorded)
                    .map(|all| ranks = all)
            }
            None if learner.net().is_on_cpu() => {
                let mut threads = OnThreads::new(&cores, &learner, configurations, &stop);
                measuring.record(configurations, &mut threads, &mut recorded)
            }
            None => {
                let mut threads = OnThreads::new(&cores, &Arc::new(OnDevice::new(learner)), configurations, &stop);
                measuring.record(configurations, &mut threads, &mut recorded)
            }
        };
        bar.finish_and_clear();
        let interrupted = match ended {
            Ok(()) => false,
            Err(Failure::Stopped) => true,
            Err(failure @ Failure::Panicked { .. }) => return Err(Error::Input(failure.to_string())),
        };
        let (machine, minutes) = look.until_now(communicator.is_some());
        let judgement = Judgement::of(&recorded, &recorded.compare(), of);
        let judgement = if not_judged.is_some() { judgement.withheld() } else { judgement };
        let compute_s = recorded.plain_steps_s();
        let fitted = compare(&thinned(&compute_s, 2000), self.common.seed).ok();
        let cores = number as u32;
        Ok(Validated {
            recorded,
            judgement,
            fitted,
            compute_s,
            cores,
            ranks,
            delay,
            tolerance,
            not_judged,
            machine,
            minutes,
            interrupted,
        })
    }

    fn tolerance(&self) -> Tolerance {
        let asked = self.tolerance.map(|percent| percent.0.0);
        Tolerance { within: asked.unwrap_or(0.05), beyond: asked.unwrap_or(0.10) }
    }

    /// All combinations, and those that cannot be.
    fn configurations(&self, delay: Option<&Law>) -> (Vec<Configuration>, Vec<PolicyError>) {
        let (mut configurations, mut impossible) = (Vec::new(), Vec::new());
        let families: Vec<Option<Law>> = delay.into_iter().cloned().map(Some).chain([None]).collect();
        for family in &families {
            for &policy in &self.policies.0 {
                for workers in self.numbers(policy) {
                    match policy.rule(workers) {
                        Ok(rule) => configurations.push(Configuration { policy, rule, delay: family.clone() }),
                        Err(error) => impossible.push(error),
                    }
                }
            }
        }
        (configurations, impossible)
    }

    /// Numbers of workers that a policy is tried with.
    fn numbers(&self, policy: Policy) -> Vec<u32> {
        match self.ranks.communicator() {
            None => self.workers.iter().flat_map(|workers| workers.0.iter().copied()).collect(),
            Some(communicator) => {
                let all_reduces = self.ranks.all_reduces(Method::Policy(policy));
                vec![communicator.size() - u32::from(!all_reduces)]
            }
        }
    }

    fn learner(&self) -> Result<Arc<Digits>, Error> {
        let key = RandomKey::new(self.common.seed, 0);
        let data = Dataset::embedded().fitted(self.model.0.input()).map_err(|e| Error::Input(e.to_string()))?;
        let data = Arc::new(data.train);
        // Each worker passes over all data by itself: configurations differ in nothing but who waits for whom.
        let batches = Batches::new(data.len(), self.batch_size as usize, Share::Whole, key);
        let batches = batches.map_err(|e| Error::Usage(e.to_string()))?;
        let sgd = Sgd { rate: 0.01, momentum: 0.0, rule: LearningRateRule::Same };
        let device = self.backend.0.device().map_err(|error| match error {
            NoDevice::NotBuilt => Error::Usage(error.to_string()),
            NoDevice::NotFound(_) => Error::Input(error.to_string()),
        })?;
        Ok(Arc::new(Digits::new(Net::new(self.model.0, &device), data, batches, sgd, key)))
    }
}

/// At most so many of the values, evenly.
fn thinned(values: &[f64], most: usize) -> Vec<f64> {
    values.iter().copied().step_by(values.len().div_ceil(most).max(1)).collect()
}
