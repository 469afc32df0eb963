//! What would happen, and when? A cluster in simulated time.
//!
//! There are two clocks. The workers' events (end of computing, end of delay) happen in order of time. The server takes
//! what they hand in first come first served, so its own clock, [`Simulated::now`], may run ahead of a hand-in that has
//! to wait: each is done at max(arrival, server free) + service, which is all there is to a queue. Orders are carried out
//! at the server's time.

use crate::cluster::{Cluster, Completion};
use crate::coordinator::Task;
use crate::cores::Cores;
use crate::fleet::{Draws, Fleet};
use crate::learner::{Learner, Learning};
use crate::queue::Queue;
use crate::seed::Luck;
use crate::time::Time;
use std::collections::VecDeque;

/// A [`Fleet`] at work in simulated time, learning something or nothing.
///
/// A task that is cancelled ends at once. Handing out parameters takes no time.
pub struct Simulated<L: Learner = ()> {
    draws: Draws,
    /// The server's clock.
    now: Time,
    jobs: Vec<Job>,
    /// Each worker's end of delay: for the last step of a task, its arrival at the server.
    ends: Queue,
    /// Only if workers have to share cores; otherwise all of a task's steps are known at its start.
    cores: Option<Cores>,
    /// Hand-ins that the workers' side has already produced while the server was busy.
    arrived: VecDeque<(Time, u32)>,
    learning: Learning<L>,
}

#[derive(Clone, Debug)]
struct Job {
    task: Task,
    compute_s: f64,
    delay_s: f64,
    /// Steps that are still to begin.
    steps_left: u32,
    step_began: Time,
}

impl Simulated {
    /// `workers` workers of the fleet, learning nothing.
    pub fn new(fleet: Fleet, luck: Luck, workers: u32) -> Simulated {
        Simulated::learning(fleet, luck, workers, ())
    }
}

impl<L: Learner> Simulated<L> {
    /// `workers` workers of the fleet, learning.
    pub fn learning(fleet: Fleet, luck: Luck, workers: u32, learner: L) -> Simulated<L> {
        let task = Task { worker: 0, steps: 0, serial: 0, base_version: 0 };
        let idle = Job { task, compute_s: 0.0, delay_s: 0.0, steps_left: 0, step_began: Time::ZERO };
        Simulated {
            draws: Draws::new(&fleet, luck),
            now: Time::ZERO,
            jobs: vec![idle; workers as usize],
            ends: Queue::new(workers),
            cores: fleet.cores.filter(|_| fleet.shares_cores(workers)).map(|cores| Cores::new(cores, workers)),
            arrived: VecDeque::new(),
            learning: Learning::new(learner, workers),
        }
    }

    /// The server's time.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The parameters now.
    pub fn learner(&self) -> &Learning<L> {
        &self.learning
    }

    /// The next hand-in that reaches the server, if one does by `until`.
    #[inline]
    fn next_arrival(&mut self, until: Time) -> Option<(Time, u32)> {
        loop {
            let ended = self.ends.first();
            let computed = self.cores.as_ref().and_then(Cores::first);
            match (computed, ended) {
                (Some((at, worker)), ended) if ended.is_none_or(|(end, _)| at <= end) => {
                    if at > until {
                        return None;
                    }
                    self.begin_delay(at, worker);
                }
                (_, Some((at, worker))) => {
                    if at > until {
                        return None;
                    }
                    self.ends.set(worker, None);
                    if self.jobs[worker as usize].steps_left == 0 {
                        return Some((at, worker));
                    }
                    self.begin_step(at, worker);
                }
                (_, None) => return None,
            }
        }
    }

    /// A worker begins its task's next step where cores are shared.
    fn begin_step(&mut self, at: Time, worker: u32) {
        let job = &mut self.jobs[worker as usize];
        let step = job.task.step_numbers().end - u64::from(job.steps_left);
        job.steps_left -= 1;
        job.step_began = at;
        let compute_s = self.draws.compute_s(worker, step);
        let cores = self.cores.as_mut().expect("steps are simulated one by one only where cores are shared");
        cores.join(at, worker, compute_s);
    }

    /// A worker's computing ends, its delay begins.
    fn begin_delay(&mut self, at: Time, worker: u32) {
        self.cores.as_mut().expect("computing ends by itself only where cores are shared").finish(at, worker);
        let job = &mut self.jobs[worker as usize];
        let step = job.task.step_numbers().end - u64::from(job.steps_left) - 1;
        let delay_s = self.draws.delay_s(worker, step);
        job.compute_s += at.since(job.step_began);
        job.delay_s += delay_s;
        self.ends.set(worker, Some(at.after(delay_s)));
    }

    /// Who computes now decides how fast: where cores are shared, the workers' side must not lag behind an order.
    #[inline]
    fn catch_up(&mut self) {
        if self.cores.is_some() {
            while let Some(arrival) = self.next_arrival(self.now) {
                self.arrived.push_back(arrival);
            }
        }
    }
}

impl<L: Learner> Cluster for Simulated<L> {
    #[inline]
    fn start(&mut self, task: Task) {
        self.catch_up();
        self.learning.start(task);
        let (mut compute_s, mut delay_s) = (0.0, 0.0);
        if self.cores.is_none() {
            for step in task.step_numbers() {
                compute_s += self.draws.compute_s(task.worker, step);
                delay_s += self.draws.delay_s(task.worker, step);
            }
            self.ends.set(task.worker, Some(self.now.after(compute_s + delay_s)));
        }
        let steps_left = if self.cores.is_some() { task.steps } else { 0 };
        self.jobs[task.worker as usize] = Job { task, compute_s, delay_s, steps_left, step_began: self.now };
        if self.cores.is_some() {
            self.begin_step(self.now, task.worker);
        }
    }

    fn cancel(&mut self, task: Task) {
        self.catch_up();
        self.ends.set(task.worker, None);
        self.arrived.retain(|&(_, worker)| worker != task.worker);
        if let Some(cores) = &mut self.cores {
            cores.leave(self.now, task.worker);
        }
    }

    #[inline]
    fn update(&mut self, _: u64, from: &[Task]) -> Time {
        self.learning.update(from);
        self.now
    }

    #[inline]
    fn wait(&mut self) -> Option<Completion> {
        let arrival = self.arrived.pop_front();
        let (arrival, worker) = arrival.or_else(|| self.next_arrival(Time::END))?;
        let Job { task, compute_s, delay_s, .. } = self.jobs[worker as usize];
        self.now = self.now.max(arrival).after(self.draws.service_s(worker, task.serial));
        self.learning.finish(task);
        Some(Completion { at: self.now, task, compute_s, delay_s })
    }
}
