//! Testbed: real workers that stay from burst to burst, where configurations are measured and one worker is calibrated.
//!
//! A validation asks for nothing else, so it is the same on the threads of a machine and on
//! the ranks of MPI ([`ranks`](crate::predict::ranks)).

use crate::cluster::cores::Cores;
use crate::cluster::failure::Failure;
use crate::cluster::server::{TimedTask, delays};
use crate::cluster::threads::Threaded;
use crate::predict::calibrate::{Alone, Calibration, Conditions};
use crate::predict::companions::HandOff;
use crate::predict::experiment::{Configuration, Observed};
use crate::predict::links::Links;
use sim::{Learner, RandomKey, Rule};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A burst of a run, about to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// Of which configuration, as an index.
    pub configuration: usize,
    /// Root of its random numbers.
    pub seed: u64,
    /// Which repetition it is.
    pub replication: u64,
    /// Updates until its end.
    pub updates: u64,
}

impl Burst {
    /// Key of its random numbers.
    pub fn key(self) -> RandomKey {
        RandomKey::new(self.seed, self.replication)
    }
}

/// Real workers, and the places where they compute.
pub trait Testbed {
    /// Places where a worker computes undisturbed.
    fn cores(&self) -> usize;

    /// Has one worker compute so many tasks on this core. `None` if it was stopped.
    fn calibrate(&mut self, core: usize, conditions: &Conditions, tasks: u64) -> Option<Calibration>;

    /// Runs a burst of its configuration: what was seen of it, and what its steps took.
    ///
    /// # Errors
    /// Why it ended before.
    fn measure(&mut self, burst: Burst, of: &Configuration) -> Result<(Observed, Vec<TimedTask>), Failure>;

    /// Seconds of `count` updates as `rule` has them, where whoever makes them has nothing else to do. `None` if that was stopped.
    fn updates(&mut self, rule: Rule, count: usize) -> Option<Vec<f64>>;

    /// Times so many updates and gradients where worker and server share a core and where they do not, if they ever do. `None` if
    /// that was stopped.
    fn hand_off(&mut self, count: usize) -> Option<HandOff>;

    /// What messages cross, if any do; nothing was sent there yet.
    fn links(&self) -> Option<Links> {
        None
    }

    /// Sends messages of all sizes over the links, so many of each, and writes down how long they took.
    fn time_links(&mut self, _: &mut Links, _count: usize) {}
}

/// Threads that stay, so that each burst begins with warm ones.
pub struct OnThreads<L: Learner> {
    all: Threaded<L>,
    alone: Alone<L>,
}

impl<L> OnThreads<L>
where
    L: Learner + Send + Sync + 'static,
    L::Params: Send + 'static,
    L::Gradient: Send + 'static,
{
    /// As many workers as the largest of the configurations has, on these cores.
    pub fn new(
        cores: &Cores,
        learner: &Arc<L>,
        configurations: &[Configuration],
        stop: &Arc<AtomicBool>,
    ) -> OnThreads<L> {
        let most = configurations.iter().map(|one| one.rule.workers).max().unwrap_or(1);
        let no_delay = delays(None, RandomKey::new(0, 0));
        let mut all = Threaded::on(cores.clone(), learner.clone(), &no_delay, most, stop.clone());
        all.warm_up(1);
        let turns = most.div_ceil(cores.number() as u32);
        OnThreads { all, alone: Alone::on(cores, learner, turns, stop) }
    }
}

impl<L> Testbed for OnThreads<L>
where
    L: Learner + Send + Sync + 'static,
    L::Params: Send + 'static,
    L::Gradient: Send + 'static,
{
    fn cores(&self) -> usize {
        self.alone.cores()
    }

    fn calibrate(&mut self, core: usize, conditions: &Conditions, tasks: u64) -> Option<Calibration> {
        self.alone.calibrate_core(core, conditions, tasks)
    }

    fn measure(&mut self, burst: Burst, of: &Configuration) -> Result<(Observed, Vec<TimedTask>), Failure> {
        of.measure(&mut self.all, burst.key(), burst.updates)
    }

    fn updates(&mut self, rule: Rule, count: usize) -> Option<Vec<f64>> {
        self.alone.companions().updates(rule, count)
    }

    fn hand_off(&mut self, count: usize) -> Option<HandOff> {
        self.alone.companions().hand_off(count)
    }
}
