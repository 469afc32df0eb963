//! The runner: one training run on any cluster, from its learner to its journal.
//!
//! What every command that trains needs is here once: which learner a policy and a device ask for, that no task is begun
//! whose step could not be taken back, that threads are warm before the clock runs, and why a run ended.

use crate::cluster::clock::RealTime;
use crate::cluster::cores::Cores;
use crate::cluster::failure::Failure;
use crate::cluster::mpi::{Communicator, RankTimes};
use crate::cluster::threads::Threaded;
use crate::learner::device::OnDevice;
use crate::learner::digits::Digits;
use crate::learner::hogwild::Hogwild;
use crate::run::checkpoint::{Checkpointing, Position};
use crate::run::state::{ModelState, Observable};
use crate::run::training::{End, Journal, Snapshot, train_from};
use sim::{Cluster, ClusterSpec, Coordinator, Policy, RandomKey, Rule, Run, Simulated, Variates};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Steps of a task after which everything is warm: memory is there, code is in the caches.
const WARM_UP: u32 = 4;

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
    /// On the ranks of MPI, in real seconds. All of them run the same job.
    Ranks {
        /// This process among them.
        communicator: Communicator,
        /// Their delays.
        delays: Variates,
        /// Whether they add up what they compute, each with a coordinator of its own; otherwise rank 0 serves the others.
        all_reduce: bool,
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
    /// Where it goes on from, if it does.
    pub from: Option<Position>,
    /// Checkpoints, if it takes some.
    pub checkpointing: Option<Checkpointing>,
}

/// Whether ranks can add up what they compute, each with a coordinator of its own: all that happens is that everybody waits for
/// everybody.
pub fn can_all_reduce(rule: Rule) -> bool {
    rule.waits_for_all() && rule.budget == Duration::MAX && rule.steps < u32::MAX
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
    /// What each rank did, if there are ranks.
    pub ranks: Vec<RankTimes>,
}

impl Job {
    /// Runs it. `each_update` is called after each update; `each_snapshot` after each snapshot, while the clock stands still.
    pub fn run(
        &self,
        each_update: impl FnMut(&Journal) -> ControlFlow<()>,
        each_snapshot: impl FnMut(&Snapshot) -> ControlFlow<()>,
    ) -> Ended {
        if let World::Ranks { communicator, delays, all_reduce } = &self.world {
            return self.on_ranks(*communicator, delays, *all_reduce, each_update, each_snapshot);
        }
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
            (World::Ranks { .. }, _) => unreachable!("the ranks have their work already"),
        }
    }

    #[cfg(feature = "mpi")]
    fn on_ranks(
        &self,
        communicator: Communicator,
        delays: &Variates,
        all_reduce: bool,
        each_update: impl FnMut(&Journal) -> ControlFlow<()>,
        each_snapshot: impl FnMut(&Snapshot) -> ControlFlow<()>,
    ) -> Ended {
        use crate::cluster::mpi::{all_reduce::AllReduce, ranks};
        let (learner, stop, began) = (self.learner.clone(), self.stop.clone(), Instant::now());
        if all_reduce {
            let cluster = AllReduce::new(communicator, learner, delays, self.rule.steps, stop);
            let warmup_s = began.elapsed().as_secs_f64();
            let (ended, run) = self.on(cluster, each_update, each_snapshot);
            let (failure, ranks) = (run.cluster().failure().cloned(), run.into_cluster().end());
            return Ended { failure, warmup_s, ranks, ..ended };
        }
        if communicator.rank() > 0 {
            let ranks = ranks::work(communicator, &*learner, delays);
            return Ended { journal: Journal::default(), end: End::Exhausted, failure: None, warmup_s: 0.0, ranks };
        }
        let mut server = ranks::Served::new(communicator, learner, delays, stop);
        server.warm_up(self.rule.steps.min(WARM_UP));
        let warmup_s = began.elapsed().as_secs_f64();
        let (ended, run) = self.on(server, each_update, each_snapshot);
        let (failure, ranks) = (run.cluster().failure().cloned(), run.into_cluster().into_transport().end());
        Ended { failure, warmup_s, ranks, ..ended }
    }

    #[cfg(not(feature = "mpi"))]
    fn on_ranks(
        &self,
        communicator: Communicator,
        _: &Variates,
        _: bool,
        _: impl FnMut(&Journal) -> ControlFlow<()>,
        _: impl FnMut(&Snapshot) -> ControlFlow<()>,
    ) -> Ended {
        match communicator {}
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
            let before = self.from.as_ref().map_or(0, |from| from.steps_applied);
            threads = threads.at_most(self.steps.saturating_sub(before).div_ceil(u64::from(self.rule.steps)));
        }
        let began = Instant::now();
        threads.warm_up(self.rule.steps.min(WARM_UP));
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
        let workers = self.rule.workers;
        let (coordinator, journal) = match &self.from {
            None => (Coordinator::new(self.rule), Journal::new(workers)),
            Some(from) => {
                let from = from.clone().for_workers(workers);
                (Coordinator::resumed(self.rule, from.version, &from.next_steps), Journal::resumed(workers, &from))
            }
        };
        let mut run = Run::under(coordinator, cluster);
        let checkpointing = self.checkpointing.as_ref();
        let (journal, end) =
            train_from(&mut run, journal, self.steps, self.every, checkpointing, each_update, each_snapshot);
        (Ended { journal, end, failure: None, warmup_s: 0.0, ranks: Vec::new() }, run)
    }
}
