//! Calibration: what one worker costs on each core, alone or beside cores that compute as well. All that a prediction may
//! know; no policy that is predicted is run.
//!
//! The model's parts are measured where they arise: computing and oversleeping by the worker itself, the server's work by
//! the server, and what is left between handing out and having is the way: messages and wake-ups.

use crate::cluster::cores::Cores;
use crate::cluster::server::delays;
use crate::cluster::threads::Threaded;
use crate::predict::companions::Companions;
use serde::{Deserialize, Serialize};
use sim::{ClusterSpec, Compute, Law, Learner, Policy, RandomKey, Run, Sharing, Station, TraceSource, Variates};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Measured times of one worker and its server on one core, s.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
}

/// More bytes than a core's own cache has.
const CACHE: usize = 8 << 20;
/// Bytes that a cache holds together.
const LINE: usize = 64;

/// What a calibration is to be like.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// Steps in a task.
    pub steps: u32,
    /// Delays.
    pub draws: Variates,
    /// Whether the worker finds its core's cache full of other things at each task, as it does where workers take turns.
    pub cold: bool,
    /// How many other cores compute meanwhile.
    pub beside: usize,
}

/// A single worker on each core, warmed up, with the caller as its server on the same core, and companions for the other
/// cores.
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
    /// On these cores.
    pub fn on(cores: &Cores, learner: &Arc<L>, stop: &Arc<AtomicBool>) -> Alone<L> {
        let hire = |core| {
            let core = cores.only(core);
            let mut worker = Threaded::on(core, learner.clone(), &delays(None, RandomKey::new(0, 0)), 1, stop.clone());
            worker.warm_up(1);
            worker
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

    /// Runs the single worker of each core in turn for so many tasks. `None` if one was stopped.
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

fn calibrate<L: Learner>(
    worker: &mut Threaded<L>,
    Conditions { steps, draws, cold, beside: _ }: &Conditions,
    tasks: u64,
) -> Option<Calibration> {
    let mut calibration = Calibration::default();
    worker.begin_anew(draws);
    let mut run = Run::new(Policy::local(*steps).rule(1).expect("one worker, and steps"), worker);
    let mut other_things = vec![0u8; if *cold { CACHE } else { 0 }];
    run.step()?;
    // The first task finds the core as others left it.
    run.step()?;
    run.cluster_mut().time_steps();
    for _ in 0..tasks {
        // The server shares the core with the worker, who begins only when the server is done.
        other_things.iter_mut().step_by(LINE).for_each(|byte| *byte = byte.wrapping_add(1));
        let given = run.cluster().now();
        let completion = run.step()?.completion?;
        let drawn = draws.task_delay_s(&completion.task);
        let compute_s = completion.spent.compute_s;
        calibration.way_s.push((completion.at.since(given) - compute_s - drawn).max(0.0));
        // The next one may be under way, but is not done.
        calibration.compute_s.extend(run.cluster_mut().time_steps().into_iter().flat_map(|task| task.step_s));
    }
    black_box(&other_things);
    Some(calibration)
}
