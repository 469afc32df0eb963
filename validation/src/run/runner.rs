//! The runner: one training run on any cluster, from its learner to its journal.
//!
//! What every command that trains needs is here once: which learner a policy and a device ask for, that no task is begun
//! whose step could not be taken back, that threads are warm before the clock runs, and why a run ended.

use crate::cluster::cores::Cores;
use crate::cluster::failure::Failure;
use crate::cluster::threads::Threaded;
use crate::learner::device::OnDevice;
use crate::learner::digits::Digits;
use crate::learner::hogwild::Hogwild;
use crate::run::state::{ModelState, Observable};
use crate::run::training::{End, Journal, Snapshot, train};
use sim::{Cluster, ClusterSpec, Policy, RandomKey, Rule, Run, Simulated, Variates};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Where a run's time passes.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one of it in a run")]
pub enum World {
    /// On threads, in real seconds.
    Threads {
        /// Cores, or slots, that workers compute on.
        cores: Cores,
        /// Their delays.
        delays: Variates,
    },
    /// In simulated seconds.
    Simulated {
        /// The cluster.
        spec: ClusterSpec,
        /// The root of its random numbers.
        key: RandomKey,
    },
}

/// A training run about to begin.
#[derive(Clone)]
pub struct Job {
    /// What is learnt.
    pub learner: Arc<Digits>,
    /// The policy.
    pub policy: Policy,
    /// The policy for its workers.
    pub rule: Rule,
    /// Steps of single workers until the end.
    pub steps: u64,
    /// Steps of single workers from one snapshot of the parameters to the next.
    pub every: u64,
    /// Where.
    pub world: World,
    /// Ends the run when it is set.
    pub stop: Arc<AtomicBool>,
}

/// A run that has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// What happened.
    pub journal: Journal,
    /// How it ended.
    pub end: End,
    /// Why there were no more completions, if that is how.
    pub failure: Option<Failure>,
    /// Real seconds of the steps before, which were thrown away; 0 in simulated time.
    pub warmup_s: f64,
}

impl Job {
    /// Runs it. `each_update` is called after each update; `each_snapshot` after each snapshot, while the clock stands still.
    pub fn run(
        &self,
        each_update: impl FnMut(&Journal) -> ControlFlow<()>,
        each_snapshot: impl FnMut(&Snapshot) -> ControlFlow<()>,
    ) -> Ended {
        let on_device = (!self.learner.net().is_on_cpu()).then(|| OnDevice::new(self.learner.clone()));
        match (&self.world, on_device) {
            (World::Threads { cores, delays }, Some(learner)) => {
                self.on_threads(Arc::new(learner), cores, delays, each_update, each_snapshot)
            }
            (World::Threads { cores, delays }, None) if self.policy == Policy::HOGWILD => {
                let learner = Arc::new(Hogwild::new(self.learner.clone(), self.rule.workers));
                self.on_threads(learner, cores, delays, each_update, each_snapshot)
            }
            (World::Threads { cores, delays }, None) => {
                self.on_threads(self.learner.clone(), cores, delays, each_update, each_snapshot)
            }
            (World::Simulated { spec, key }, Some(learner)) => {
                let cluster = Simulated::learning(spec.clone(), *key, self.rule.workers, Arc::new(learner));
                self.on(cluster, each_update, each_snapshot).0
            }
            (World::Simulated { spec, key }, None) => {
                let cluster = Simulated::learning(spec.clone(), *key, self.rule.workers, self.learner.clone());
                self.on(cluster, each_update, each_snapshot).0
            }
        }
    }

    fn on_threads<L>(
        &self,
        learner: Arc<L>,
        cores: &Cores,
        delays: &Variates,
        each_update: impl FnMut(&Journal) -> ControlFlow<()>,
        each_snapshot: impl FnMut(&Snapshot) -> ControlFlow<()>,
    ) -> Ended
    where
        L: Observable<Params: Send, Gradient: Send> + Send + Sync + 'static,
    {
        let mut threads = Threaded::on(cores.clone(), learner, delays, self.rule.workers, self.stop.clone());
        // Where every task is an update, none is begun that would come after the end: a step of hogwild cannot be taken back.
        if self.rule.quorum == 1 && !self.rule.cancels() {
            threads = threads.at_most(self.steps.div_ceil(u64::from(self.rule.steps)));
        }
        let began = Instant::now();
        threads.warm_up(self.rule.steps);
        let warmup_s = began.elapsed().as_secs_f64();
        let (mut ended, run) = self.on(threads, each_update, each_snapshot);
        ended.failure = run.cluster().failure().cloned();
        ended.warmup_s = warmup_s;
        if ended.failure == Some(Failure::Stopped) {
            // A worker in the middle of a long local epoch would be waited for; whoever stops does not want that.
            std::mem::forget(run);
        }
        ended
    }

    fn on<C: Cluster + ModelState>(
        &self,
        cluster: C,
        each_update: impl FnMut(&Journal) -> ControlFlow<()>,
        each_snapshot: impl FnMut(&Snapshot) -> ControlFlow<()>,
    ) -> (Ended, Run<C>) {
        let mut run = Run::new(self.rule, cluster);
        let (journal, end) = train(&mut run, self.rule.workers, self.steps, self.every, each_update, each_snapshot);
        (Ended { journal, end, failure: None, warmup_s: 0.0 }, run)
    }
}
