//! What does one worker cost? All that a prediction may know, measured on a single worker that nobody disturbs.
//!
//! The model's parts are measured where they arise: computing and oversleeping by the worker itself, the server's work by
//! the server, and what is left between handing out and having is the way: messages and wake-ups.

use crate::digits::{Digits, HandIn, Weights};
use crate::threaded::Threaded;
use sim::{Draws, Fleet, Law, Learner, Policy, Run, Sharing, Task, TraceSource};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Measured times of one worker and its server, s.
#[derive(Clone, Debug, Default)]
pub struct Calibration {
    /// Computing of a step: of several in one task, their mean.
    pub compute_s: Vec<f64>,
    /// From handing out to having, less computing and the delay that was drawn.
    pub latency_s: Vec<f64>,
    /// Averaging and applying, per update, by the number of gradients in it.
    pub update_s: Vec<(u32, Vec<f64>)>,
}

impl Calibration {
    /// Both together.
    pub fn with(mut self, other: &Calibration) -> Calibration {
        self.compute_s.extend(&other.compute_s);
        self.latency_s.extend(&other.latency_s);
        for (gradients, seconds) in &other.update_s {
            match self.update_s.iter_mut().find(|(n, _)| n == gradients) {
                Some((_, all)) => all.extend(seconds),
                None => self.update_s.push((*gradients, seconds.clone())),
            }
        }
        self
    }

    /// Mean seconds from one update to the next of one worker alone, by its parts.
    pub fn cycle_s(&self, delay: Option<&Law>) -> f64 {
        let mean = |seconds: &[f64]| seconds.iter().sum::<f64>() / seconds.len() as f64;
        let update = self.update_s.iter().find(|(n, _)| *n == 1).map_or(0.0, |(_, seconds)| mean(seconds));
        mean(&self.compute_s) + mean(&self.latency_s) + delay.map_or(0.0, Law::mean) + update
    }

    /// The fleet that a prediction is made for: so many cores, shared by workers and server, these delays, and updates of so
    /// many gradients. The steps of these networks are shorter than a time slice, so they queue for the cores; equal sharing
    /// would make the staleness of async without delay nearly constant, which it is not.
    pub fn fleet(&self, cores: u32, delay: Option<Law>, gradients: u32) -> Fleet {
        let trace = |what: &str, seconds: &[f64]| {
            let source = TraceSource { file: format!("calibration of {what}"), column: None };
            let positive = seconds.iter().map(|s| s.max(1e-9)).collect();
            Law::trace(source, positive).expect("measured times are positive and finite")
        };
        let update = self.update_s.iter().find(|(n, _)| *n == gradients).map(|(_, seconds)| trace("updates", seconds));
        Fleet {
            delay,
            latency: Some(trace("latency", &self.latency_s)),
            update,
            cores: Some(cores),
            sharing: Sharing::FirstCome,
            server_computes: true,
            cancellation: sim::Cancellation::AfterComputing,
            ..Fleet::new(trace("computing", &self.compute_s))
        }
    }
}

/// Runs one worker for so many `tasks` of `steps` steps each with the delays of `draws`, and updates of each number in
/// `gradients` on their own.
///
/// The first tenth is a warm-up and not counted. `None` if the run was stopped.
pub fn calibrate(
    learner: &Arc<Digits>,
    draws: &Draws,
    tasks: u64,
    steps: u32,
    gradients: &[u32],
    stop: &Arc<AtomicBool>,
) -> Option<Calibration> {
    let mut calibration = Calibration::default();
    let rule = Policy::Local(steps).rule(1).expect("one worker, and steps");
    let mut run = Run::new(rule, Threaded::new(learner.clone(), draws, 1, stop.clone()));
    let mut given = run.turn()?.at;
    for task in 0..tasks {
        let turn = run.turn()?;
        let (at, completion) = (turn.at, turn.completion?);
        if task >= tasks / 10 {
            let drawn: f64 = completion.task.step_numbers().map(|step| draws.delay_s(0, step)).sum();
            calibration.compute_s.push(completion.compute_s / f64::from(steps));
            calibration.latency_s.push((completion.at.since(given) - completion.compute_s - drawn).max(0.0));
        }
        given = at;
    }
    let weights = run.cluster().params().clone();
    drop(run);
    for &n in gradients {
        calibration.update_s.push((n, updates(learner, &weights, n, steps)));
    }
    Some(calibration)
}

/// Seconds of a few updates from `n` gradients each, while somebody still reads the parameters, as workers do.
fn updates(learner: &Digits, weights: &Weights, n: u32, steps: u32) -> Vec<f64> {
    let task = |worker| Task { worker, steps, serial: 0, base_version: 0 };
    let tasks: Vec<Task> = (0..n).map(task).collect();
    let one = learner.gradient(weights, task(0));
    let gradients: Vec<HandIn> = vec![one; n as usize];
    let mut weights = weights.clone();
    let time = |_| {
        let read = weights.clone();
        let began = Instant::now();
        learner.update(&mut weights, 1, &tasks, &gradients);
        let seconds = began.elapsed().as_secs_f64();
        drop(read);
        seconds
    };
    (0..12).map(time).skip(2).collect()
}
