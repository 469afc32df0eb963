//! What does one worker cost? All that a prediction may know, measured on a single worker that nobody disturbs.
//!
//! The model's parts are measured where they arise: computing and oversleeping by the worker itself, the server's work by
//! the server, and what is left between handing out and having is the way: messages and wake-ups.

use crate::digits::{Digits, HandIn};
use crate::threaded::Threaded;
use sim::{Draws, Fleet, Law, Learner, Policy, Rule, Run, Sharing, Task, TraceSource};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Measured times of one worker and its server, s.
#[derive(Clone, Debug, Default)]
pub struct Calibration {
    /// Computing of a step: of several in one task, their mean.
    pub compute_s: Vec<f64>,
    /// From handing out to having, less computing and the delay that was drawn.
    pub way_s: Vec<f64>,
}

impl Calibration {
    /// Both together.
    pub fn with(mut self, other: &Calibration) -> Calibration {
        self.compute_s.extend(&other.compute_s);
        self.way_s.extend(&other.way_s);
        self
    }

    /// The fleet that a prediction is made for: so many cores, on which workers and server take turns, these delays, and
    /// updates that take so long.
    ///
    /// Without a delay, the way is work on the worker's core: it wakes the server there, who wakes it again. With one, it is
    /// waking up too late, which needs no core.
    pub fn fleet(&self, cores: u32, delay: Option<Law>, update_s: &[f64]) -> Fleet {
        let trace = |what: &str, seconds: &[f64]| {
            let source = TraceSource { file: format!("calibration of {what}"), column: None };
            let positive = seconds.iter().map(|s| s.max(1e-9)).collect();
            Law::trace(source, positive).expect("measured times are positive and finite")
        };
        let way = Some(trace("ways", &self.way_s));
        let (service, latency) = if delay.is_none() { (way, None) } else { (None, way) };
        Fleet {
            delay,
            latency,
            service,
            update: Some(trace("updates", update_s)),
            cores: Some(cores),
            sharing: Sharing::FirstCome,
            server_computes: true,
            cancellation: sim::Cancellation::AfterComputing,
            ..Fleet::new(trace("computing", &self.compute_s))
        }
    }
}

/// Tasks at the beginning that are not counted.
const WARM_UP: u64 = 3;

/// Runs one worker for so many `tasks` of `steps` steps each with the delays of `draws`. The first few are a warm-up.
/// `None` if the run was stopped.
pub fn calibrate(
    learner: &Arc<Digits>,
    draws: &Draws,
    tasks: u64,
    steps: u32,
    stop: &Arc<AtomicBool>,
) -> Option<Calibration> {
    let mut calibration = Calibration::default();
    let rule = Policy::Local(steps).rule(1).expect("one worker, and steps");
    let mut run = Run::new(rule, Threaded::new(learner.clone(), draws, 1, stop.clone()));
    let mut given = run.turn()?.at;
    for task in 0..WARM_UP + tasks {
        let turn = run.turn()?;
        let (at, completion) = (turn.at, turn.completion?);
        if task >= WARM_UP {
            let drawn: f64 = completion.task.step_numbers().map(|step| draws.delay_s(0, step)).sum();
            calibration.compute_s.push(completion.compute_s / f64::from(steps));
            calibration.way_s.push((completion.at.since(given) - completion.compute_s - drawn).max(0.0));
        }
        given = at;
    }
    Some(calibration)
}

/// Seconds of `count` updates of so many gradients under a rule, one after the other.
pub fn updates(learner: &Digits, rule: Rule, count: usize) -> Vec<f64> {
    let task = |worker| Task { worker, steps: rule.steps, serial: 0, base_version: 0 };
    let tasks: Vec<Task> = (0..rule.quorum).map(task).collect();
    let mut weights = learner.initial();
    let one = learner.gradient(&weights, task(0));
    let gradients: Vec<HandIn> = vec![one; tasks.len()];
    // Parameters that somebody still reads are not overwritten.
    let somebody_reads = rule.workers > 1 && !rule.waits_for_all();
    let time = |_| {
        let read = somebody_reads.then(|| weights.clone());
        let began = Instant::now();
        learner.update(&mut weights, 1, &tasks, &gradients);
        let seconds = began.elapsed().as_secs_f64();
        drop(read);
        seconds
    };
    (0..count + 2).map(time).skip(2).collect()
}
