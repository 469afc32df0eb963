//! Calibration: what one worker costs on each core, alone or beside cores that compute as well. All that a prediction may
//! know; no policy that is predicted is run.
//!
//! The model's parts are measured where they arise: computing and oversleeping by the worker itself, the server's work by
//! the server, and what is left between handing out and having is the way: messages and wake-ups.

use crate::cluster::clock::RealTime;
use crate::cluster::cores::Cores;
use crate::cluster::server::delays;
use crate::cluster::threads::Threaded;
use crate::predict::companions::Companions;
use crate::predict::links::Links;
use sim::{
    Cluster, ClusterSpec, Compute, Law, Learner, RandomKey, Rule, Sharing, Signal, Spent, Station, Task, TraceSource,
    Variates,
};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Measured times of one worker and its server on one core, s.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calibration {
    /// Computing of each step, in order.
    pub compute_s: Vec<f64>,
    /// Of each task from handing out to having, less computing and the delay that was drawn.
    pub way_s: Vec<f64>,
}

impl Calibration {
    /// Adds what was measured later.
    pub fn extend(&mut self, later: &Calibration) {
        self.compute_s.extend(&later.compute_s);
        self.way_s.extend(&later.way_s);
    }

    /// Of two calibrations of one core, the one that was disturbed less: whatever else runs on the machine only ever makes a
    /// core slower.
    pub fn less_disturbed(self, other: Calibration) -> Calibration {
        if other.cycle_s() < self.cycle_s() { other } else { self }
    }

    /// Mean seconds from one task of one step handed out to the next.
    pub fn cycle_s(&self) -> f64 {
        mean(&self.compute_s) + mean(&self.way_s)
    }
}

pub(crate) fn mean(seconds: &[f64]) -> f64 {
    seconds.iter().sum::<f64>() / seconds.len() as f64
}

/// The times that were measured of one thing, as a law.
pub(crate) fn trace(what: &str, seconds: &[f64]) -> Law {
    let source = TraceSource::file(format!("calibration of {what}"));
    let positive = seconds.iter().map(|s| s.max(1e-9)).collect();
    Law::trace(source, positive).expect("measured times are positive and finite")
}

/// What a prediction is made from: cores on which workers and server take turns, and what each thing takes there.
#[derive(Clone, Debug)]
pub struct Costs {
    /// Computing of a step on a core of speed 1, while no other core computes.
    pub compute: Compute,
    /// Speeds of the cores.
    pub core_speeds: Vec<f64>,
    /// Ways of tasks on a core of speed 1.
    pub way: Law,
    /// Updates.
    pub update: Law,
}

impl Costs {
    /// From the times of each core, drawn one by one. A core that was not calibrated is as fast as the others.
    pub fn of(cores: &[Calibration], update_s: &[f64]) -> Costs {
        let known = |core: &&Calibration| !core.compute_s.is_empty();
        let means: Vec<f64> = cores.iter().filter(known).map(|core| mean(&core.compute_s)).collect();
        let usual = mean(&means);
        let speed = |core: &Calibration| if known(&core) { usual / mean(&core.compute_s) } else { 1.0 };
        let core_speeds: Vec<f64> = cores.iter().map(speed).collect();
        // As long as it would take on a core of speed 1.
        let on_cores = |of: fn(&Calibration) -> &[f64]| -> Vec<f64> {
            let all = cores.iter().zip(&core_speeds);
            all.flat_map(|(core, speed)| of(core).iter().map(move |seconds| seconds * speed)).collect()
        };
        Costs {
            compute: trace("computing", &on_cores(|core| &core.compute_s)).into(),
            way: trace("ways", &on_cores(|core| &core.way_s)),
            update: trace("updates", update_s),
            core_speeds,
        }
    }

    /// The cluster that follows, with a delay or without.
    ///
    /// Without one, the way is work on the worker's core: it wakes the server there, who wakes it again. With one, it is
    /// waking up too late, which needs no core.
    pub fn spec(self, delay: Option<Law>) -> ClusterSpec {
        let cores = self.core_speeds.len() as u32;
        let (service, latency) = match delay {
            None => (Some(self.way), None),
            Some(_) => (None, Some(self.way)),
        };
        ClusterSpec::of(self.compute)
            .with_core_speeds(self.core_speeds)
            .expect("cores have speeds")
            .with_delay(delay)
            .with_uplink(latency.into_iter().map(Station::delay).collect())
            .with_service(service)
            .with_update(self.update)
            .with_cores(cores)
            .expect("at least one core")
            .with_sharing(Sharing::FirstCome)
            .with_computing_server(true)
            .with_cancellation(sim::Cancellation::AfterStep)
    }

    /// The cluster of ranks that follows under a rule, with a delay or without, each on a core of its own. The way is waking up
    /// too late; messages are not in it, and the server has nothing else to do.
    pub fn spec_on_ranks(self, delay: Option<Law>, links: &Links, rule: Rule) -> ClusterSpec {
        let late = Station::delay(self.way.clone());
        let spec = self.spec(delay).with_service(None).with_computing_server(false);
        let communication = links.communication(rule);
        if links.all_reduces(rule) {
            return spec.with_uplink(vec![late]).with_communication(communication).for_rule(rule);
        }
        // A server is another rank even if it has a single worker.
        let constant = |value: f64| Law::Constant { value: value.max(f64::MIN_POSITIVE) };
        let (link, way) = (
            Station::queue(constant(communication.transfer_s()), 1),
            Station::delay(constant(communication.latency_s())),
        );
        spec.with_downlink(vec![link.clone(), way.clone()]).with_uplink(vec![late, way, link])
    }
}

/// What a calibration is to be like.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// Steps in a task.
    pub steps: u32,
    /// Delays.
    pub draws: Variates,
    /// How many workers take turns on the core, one task each: each finds the caches as another one left them.
    pub turns: u32,
    /// How many other cores compute meanwhile.
    pub beside: usize,
}

/// On each core a worker, or some that take turns, warmed up, with the caller as their server on the same core, and companions
/// for the other cores.
pub struct Alone<L: Learner> {
    workers: Vec<Threaded<L>>,
    companions: Companions<L>,
}

impl<L> Alone<L>
where
    L: Learner + Send + Sync + 'static,
    L::Params: Send + 'static,
    L::Gradient: Send + 'static,
{
    /// On these cores, with at most so many workers on each.
    pub fn on(cores: &Cores, learner: &Arc<L>, turns: u32, stop: &Arc<AtomicBool>) -> Alone<L> {
        let hire = |core| {
            let (core, no_delay) = (cores.only(core), delays(None, RandomKey::new(0, 0)));
            let mut workers = Threaded::on(core, learner.clone(), &no_delay, turns.max(1), stop.clone());
            workers.warm_up(1);
            workers
        };
        Alone {
            workers: cores.all().into_iter().map(hire).collect(),
            companions: Companions::on(cores, learner.clone()),
        }
    }

    /// Number of cores.
    pub fn cores(&self) -> usize {
        self.workers.len()
    }

    /// The threads that compute beside.
    pub fn companions(&mut self) -> &mut Companions<L> {
        &mut self.companions
    }

    /// Runs the workers of each core for so many tasks, core after core. `None` if one was stopped.
    pub fn calibrate(&mut self, conditions: &Conditions, tasks: u64) -> Option<Vec<Calibration>> {
        (0..self.cores()).map(|core| self.calibrate_core(core, conditions, tasks)).collect()
    }

    /// The same of one core, by its index.
    pub fn calibrate_core(&mut self, core: usize, conditions: &Conditions, tasks: u64) -> Option<Calibration> {
        let cores = self.cores();
        let beside = (1..=conditions.beside.min(cores - 1)).map(|next| (core + next) % cores);
        self.companions.begin(beside);
        let calibration = calibrate(&mut self.workers[core], conditions, tasks);
        self.companions.end();
        calibration
    }
}

/// One task at a time, each to the next worker in turn; an update follows each.
fn calibrate<L: Learner>(
    workers: &mut Threaded<L>,
    Conditions { steps, draws, turns, beside: _ }: &Conditions,
    tasks: u64,
) -> Option<Calibration> {
    let mut calibration = Calibration::default();
    workers.begin_anew(draws);
    let turns = u64::from(*turns).max(1);
    // The first tasks find the core as others left it.
    let before = turns.max(2);
    for version in 0..before + tasks {
        let serial = version / turns;
        let first = Task::first((version % turns) as u32, *steps);
        let task = Task { serial, first_step: serial * u64::from(*steps), base_version: version, ..first };
        if version == before {
            workers.time_steps();
        }
        let given = workers.now();
        workers.start(task);
        let Signal::Finished(completion) = workers.wait()? else { return None };
        workers.update(version + 1, &[task]);
        if version >= before {
            let Spent { compute_s, .. } = completion.spent;
            calibration.way_s.push((completion.at.since(given) - compute_s - draws.task_delay_s(&task)).max(0.0));
        }
    }
    calibration.compute_s = workers.time_steps().into_iter().flat_map(|task| task.step_s).collect();
    Some(calibration)
}
