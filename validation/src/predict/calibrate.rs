//! What does one worker cost? All that a prediction may know, measured on a single worker that nobody disturbs.
//!
//! The model's parts are measured where they arise: computing and oversleeping by the worker itself, the server's work by
//! the server, and what is left between handing out and having is the way: messages and wake-ups.

use crate::cluster::cores::Cores;
use crate::cluster::server::delays;
use crate::cluster::threads::Threaded;
use crate::learner::digits::Digits;
use sim::{ClusterSpec, Law, Policy, RandomKey, Rule, Run, Sharing, Station, TraceSource, Variates};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Measured times of one worker and its server on one core, s.
#[derive(Clone, Debug, Default)]
pub struct Calibration {
    /// Computing of a step: of several in one task, their mean.
    pub compute_s: Vec<f64>,
    /// From handing out to having, less computing and the delay that was drawn.
    pub way_s: Vec<f64>,
}

impl Calibration {
    /// Adds what was measured later.
    pub fn extend(&mut self, later: Calibration) {
        self.compute_s.extend(later.compute_s);
        self.way_s.extend(later.way_s);
    }

    /// Of two calibrations of one core, the one that was disturbed less: whatever else runs on the machine only ever makes a
    /// core slower.
    pub fn less_disturbed(self, other: Calibration) -> Calibration {
        if other.cycle_s() < self.cycle_s() { other } else { self }
    }

    /// Mean seconds from one step handed out to the next.
    pub fn cycle_s(&self) -> f64 {
        mean(&self.compute_s) + mean(&self.way_s)
    }
}

fn mean(seconds: &[f64]) -> f64 {
    seconds.iter().sum::<f64>() / seconds.len() as f64
}

/// The fleet that a prediction is made for: the cores, each as it was calibrated, on which workers and server take turns,
/// these delays, and updates that take so long.
///
/// Without a delay, the way is work on the worker's core: it wakes the server there, who wakes it again. With one, it is
/// waking up too late, which needs no core.
pub fn spec(cores: &[Calibration], delay: Option<Law>, update_s: &[f64]) -> ClusterSpec {
    let means: Vec<f64> = cores.iter().map(|core| mean(&core.compute_s)).collect();
    let core_speeds: Vec<f64> = means.iter().map(|own| mean(&means) / own).collect();
    let trace = |what: &str, seconds: Vec<f64>| {
        let source = TraceSource::file(format!("calibration of {what}"));
        let positive = seconds.iter().map(|s| s.max(1e-9)).collect();
        Law::trace(source, positive).expect("measured times are positive and finite")
    };
    // As long as it would take on a core of speed 1.
    let on_cores = |of: fn(&Calibration) -> &[f64]| -> Vec<f64> {
        let all = cores.iter().zip(&core_speeds);
        all.flat_map(|(core, speed)| of(core).iter().map(move |seconds| seconds * speed)).collect()
    };
    let (service, latency) = match delay {
        None => (Some(trace("ways", on_cores(|core| &core.way_s))), None),
        Some(_) => (None, Some(trace("ways", cores.iter().flat_map(|core| core.way_s.clone()).collect()))),
    };
    ClusterSpec::new(trace("computing", on_cores(|core| &core.compute_s)))
        .with_core_speeds(core_speeds.clone())
        .expect("cores have speeds")
        .with_delay(delay)
        .with_uplink(latency.into_iter().map(Station::delay).collect())
        .with_service(service)
        .with_update(trace("updates", update_s.to_vec()))
        .with_cores(cores.len() as u32)
        .expect("at least one core")
        .with_sharing(Sharing::FirstCome)
        .with_computing_server(true)
        .with_cancellation(sim::Cancellation::AfterStep)
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
}

/// A single worker on each core, warmed up, with the caller as its server on the same core.
pub fn alone(cores: &Cores, learner: &Arc<Digits>, stop: &Arc<AtomicBool>) -> Vec<Threaded<Digits>> {
    let hire = |core| {
        let core = cores.only(core);
        let mut worker = Threaded::on(core, learner.clone(), &delays(None, RandomKey::new(0, 0)), 1, stop.clone());
        worker.warm_up(1);
        worker
    };
    cores.all().into_iter().map(hire).collect()
}

/// Runs each of these single workers in turn for so many tasks. `None` if one was stopped.
pub fn calibrate(workers: &mut [Threaded<Digits>], conditions: &Conditions, tasks: u64) -> Option<Vec<Calibration>> {
    workers.iter_mut().map(|worker| calibrate_one(worker, conditions, tasks)).collect()
}

fn calibrate_one(
    worker: &mut Threaded<Digits>,
    Conditions { steps, draws, cold }: &Conditions,
    tasks: u64,
) -> Option<Calibration> {
    let mut calibration = Calibration::default();
    worker.begin_anew(draws);
    let mut run = Run::new(Policy::local(*steps).rule(1).expect("one worker, and steps"), worker);
    let mut other_things = vec![0u8; if *cold { CACHE } else { 0 }];
    run.step()?;
    // The first task finds the core as others left it.
    run.step()?;
    for _ in 0..tasks {
        // The server shares the core with the worker, who begins only when the server is done.
        other_things.iter_mut().step_by(LINE).for_each(|byte| *byte = byte.wrapping_add(1));
        let given = run.cluster().now();
        let completion = run.step()?.completion?;
        let drawn = draws.task_delay_s(&completion.task);
        let compute_s = completion.spent.compute_s;
        calibration.compute_s.push(compute_s / f64::from(*steps));
        calibration.way_s.push((completion.at.since(given) - compute_s - drawn).max(0.0));
    }
    black_box(&other_things);
    Some(calibration)
}

/// Seconds of `count` updates as `rule` has them, but of gradients that a single worker computes.
///
/// `None` if it was stopped.
pub fn updates(worker: &mut Threaded<Digits>, rule: Rule, count: usize) -> Option<Vec<f64>> {
    // One worker submits as many gradients as an update wants of many.
    let one = rule.updates_of_one_worker();
    // Parameters that somebody still reads are not overwritten.
    let somebody_reads = rule.workers > 1 && !rule.waits_for_all();
    worker.begin_anew(&delays(None, RandomKey::new(0, 0)));
    let mut run = Run::new(one, worker);
    let mut seconds = Vec::new();
    while seconds.len() < count + 1 {
        let read = somebody_reads.then(|| run.cluster().params().clone());
        let step = run.step()?;
        if let (false, Some(completion)) = (step.orders.update.is_empty(), step.completion) {
            seconds.push(step.at.since(completion.at));
        }
        drop(read);
    }
    Some(seconds.split_off(1))
}
