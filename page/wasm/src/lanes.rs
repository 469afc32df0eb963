//! Worker lanes: who computes when, and when updates come.

use crate::question::Question;
use serde::Serialize;
use sim::{Completion, RandomKey, Run, Simulated};

/// The part of a run between two times, for each policy on the first number of workers.
#[derive(Serialize)]
pub(crate) struct Lanes {
    policy: String,
    workers: u32,
    /// `[worker, start, end, fate]` of each task that ends in the window or later, in order of its end: seconds, and the
    /// staleness of its gradient, -1 if it was thrown away, -2 if that is not decided yet.
    tasks: Vec<(u32, f64, f64, i64)>,
    /// Times of the updates in the window, s.
    updates: Vec<f64>,
    /// Updates, and gradients in them, from the beginning up to the end of the window.
    made: (u64, u64),
}

pub(crate) fn lanes(question: &Question) -> Result<Vec<Lanes>, String> {
    let experiment = &question.experiment;
    let workers = *experiment.workers.first().ok_or("--workers is missing")?;
    experiment
        .policies
        .iter()
        .map(|policy| {
            let rule = policy.rule(workers).map_err(|error| error.to_string())?;
            let key = RandomKey::new(experiment.seed, 0);
            let run = Run::new(rule, Simulated::new(experiment.spec.clone(), key, workers));
            Ok(window(run, policy.to_string(), workers, (question.from, question.until)))
        })
        .collect()
}

fn window(mut run: Run<Simulated>, policy: String, workers: u32, (from, until): (f64, f64)) -> Lanes {
    let mut lanes = Lanes { policy, workers, tasks: Vec::new(), updates: Vec::new(), made: (0, 0) };
    // When the task that each worker has now began, and where in the list a task stands whose update is still to come.
    let mut began = vec![None; workers as usize];
    let mut waiting: Vec<usize> = Vec::new();
    while let Some(step) = run.step() {
        let at = step.at.seconds();
        if at > until {
            // Who is at work at the end of the window is drawn up to it.
            if let Some(&Completion { task, .. }) = step.completion()
                && let Some(start) = began[task.worker as usize].take()
            {
                lanes.tasks.push((task.worker, start, until, -2));
            }
            break;
        }
        if let Some(&Completion { task, spent, .. }) = step.completion()
            && let Some(start) = began[task.worker as usize].take()
        {
            waiting.push(lanes.tasks.len());
            lanes.tasks.push((task.worker, start, start + spent.total_s() - spent.queue_s - spent.service_s, -2));
        }
        for task in &step.orders.cancel {
            if let Some(start) = began[task.worker as usize].take() {
                lanes.tasks.push((task.worker, start, at, -1));
            }
        }
        if !step.orders.update.is_empty() {
            for (place, task) in waiting.drain(..).zip(&step.orders.update) {
                lanes.tasks[place].3 = (step.orders.version - 1 - task.base_version) as i64;
                lanes.made.1 += u64::from(task.steps);
            }
            lanes.made.0 += 1;
            if at >= from {
                lanes.updates.push(at);
            }
        }
        for task in &step.orders.start {
            began[task.worker as usize] = Some(at);
        }
    }
    for (worker, start) in (0..workers).zip(&began) {
        if let Some(start) = *start {
            lanes.tasks.push((worker, start, until, -2));
        }
    }
    lanes.tasks.retain(|&(_, _, end, _)| end >= from);
    lanes
}
