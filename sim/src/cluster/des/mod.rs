//! Discrete-event simulation of a cluster.
//!
//! There are two clocks. The workers' events (end of computing, end of delay) happen in order of time. The server takes
//! what they submit first come first served, so its own clock, [`Simulated::now`], may run ahead of an arrival that has
//! to wait: each is done at max(arrival, server free) + service, which is all there is to a queue. Orders are carried out
//! at the server's time.

pub(crate) mod cores;
pub(crate) mod queue;

pub use cores::assign;

use crate::cluster::des::cores::Cores;
use crate::cluster::des::queue::Queue;
use crate::cluster::spec::{Cancellation, ClusterSpec, Variates};
use crate::cluster::time::Time;
use crate::cluster::{Cluster, Completion, Spent};
use crate::learn::{Learner, Learning};
use crate::policy::coordinator::Task;
use crate::random::key::RandomKey;
use std::collections::VecDeque;

/// A [`ClusterSpec`] at work in simulated time, learning something or nothing.
///
/// A task's steps compute one after the other, then their delays pass and what is lost on the way, then it is handed in. Handing out parameters takes
/// no time.
pub struct Simulated<L: Learner = ()> {
    draws: Variates,
    /// The server's clock.
    now: Time,
    jobs: Vec<Job>,
    /// When each worker's hand-in reaches the server, once its computing is known to end.
    arrivals: Queue,
    /// Only where cores have to be shared; otherwise the end of a task is known at its start.
    cores: Option<Cores>,
    /// The server's number among those who share the cores, if it does.
    server: Option<u32>,
    /// Hand-ins that reached the server while it was busy.
    arrived: VecDeque<(Time, u32)>,
    cancellation: Cancellation,
    learning: Learning<L>,
}

/// What a worker is doing.
#[derive(Clone, Copy)]
struct Job {
    task: Task,
    /// When it was given its task.
    given: Time,
    /// When it began with it: to compute, or to wait for a core.
    began: Time,
    /// How long it waited for a core.
    core_s: f64,
    /// How long computing takes: longer than was drawn, where cores are shared.
    compute_s: f64,
    delay_s: f64,
    latency_s: f64,
    /// When the worker can begin with another task.
    free: Time,
    /// It still computes for a task that was cancelled; this one begins afterwards.
    waits: bool,
}

impl Simulated {
    /// `workers` workers of the fleet, learning nothing.
    pub fn new(spec: ClusterSpec, key: RandomKey, workers: u32) -> Simulated {
        Simulated::learning(spec, key, workers, ())
    }
}

impl<L: Learner> Simulated<L> {
    /// `workers` workers of the fleet, learning.
    pub fn learning(spec: ClusterSpec, key: RandomKey, workers: u32, learner: L) -> Simulated<L> {
        let draws = Variates::new(&spec, key);
        Simulated::with_variates(spec, draws, workers, learner)
    }

    /// The same with these random numbers.
    pub fn with_variates(spec: ClusterSpec, draws: Variates, workers: u32, learner: L) -> Simulated<L> {
        let task = Task { worker: 0, steps: 0, serial: 0, base_version: 0 };
        let idle = Job {
            task,
            given: Time::ZERO,
            began: Time::ZERO,
            core_s: 0.0,
            compute_s: 0.0,
            delay_s: 0.0,
            latency_s: 0.0,
            free: Time::ZERO,
            waits: false,
        };
        let sharers = workers + u32::from(spec.server_computes);
        let shared = spec.shared_cores(workers);
        Simulated {
            draws,
            now: Time::ZERO,
            jobs: vec![idle; workers as usize],
            arrivals: Queue::new(workers),
            cores: shared.map(|cores| Cores::new(spec.sharing, cores, &spec.core_speeds, sharers)),
            server: spec.server_computes.then_some(workers),
            arrived: VecDeque::new(),
            cancellation: spec.cancellation,
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
        while let Some(cores) = &mut self.cores {
            let arrival = self.arrivals.first().map(|(at, _)| at);
            // What arrives now comes before anybody gets a core that is free now: the server may want it.
            if arrival.is_some_and(|arrival| arrival <= cores.now()) {
                break;
            }
            let Some((at, sharer)) = cores.first(until) else { break };
            if arrival.is_some_and(|arrival| arrival < at) {
                break;
            }
            cores.finish(at);
            if self.server == Some(sharer) {
                return None;
            }
            let Some(arrives) = self.end_computing(at, sharer) else { continue };
            // Most often nothing follows the computing, and nobody else is on the way.
            if arrives == at && arrival.is_none_or(|arrival| arrival > at) {
                return Some((at, sharer));
            }
            self.arrivals.set(sharer, Some(arrives));
        }
        self.arrivals.first().filter(|&(at, _)| at <= until)?;
        self.arrivals.pop()
    }

    /// Where cores are shared: a worker has computed enough. When does its hand-in reach the server, if it was not in vain?
    #[inline]
    fn end_computing(&mut self, at: Time, worker: u32) -> Option<Time> {
        let job = &mut self.jobs[worker as usize];
        if std::mem::take(&mut job.waits) {
            self.begin_computing(at, worker);
            return None;
        }
        let core_since = self.cores.as_ref().and_then(|cores| cores.had_core_since(worker)).unwrap_or(job.began);
        (job.core_s, job.compute_s) = (core_since.since(job.began), at.since(core_since));
        job.free = at;
        Some(at.after(job.delay_s).after(job.latency_s))
    }

    /// A worker begins with its task.
    #[inline]
    fn begin_computing(&mut self, at: Time, worker: u32) {
        let job = &mut self.jobs[worker as usize];
        job.began = at;
        job.compute_s = self.draws.task_compute_s(&job.task);
        job.delay_s = self.draws.task_delay_s(&job.task);
        job.latency_s = self.draws.latency_s(worker, job.task.serial);
        match &mut self.cores {
            Some(cores) => cores.join(at, worker, job.compute_s),
            None => {
                job.free = at.after(job.compute_s);
                self.arrivals.set(worker, Some(job.free.after(job.delay_s).after(job.latency_s)));
            }
        }
    }

    /// Where the time of the task that a worker is at went until now: through its stations one after the other.
    pub fn spent_so_far(&self, worker: u32) -> Spent {
        let job = &self.jobs[worker as usize];
        if job.waits {
            return Spent { discarded_s: self.now.since(job.given), ..Spent::default() };
        }
        let begun = job.began.min(self.now);
        let mut left_s = self.now.since(begun);
        let mut through = |seconds: f64| {
            let here_s = seconds.min(left_s);
            left_s -= here_s;
            here_s
        };
        let mut spent = Spent { discarded_s: begun.since(job.given), ..Spent::default() };
        match self.cores.as_ref().filter(|_| job.free <= job.began) {
            // Still at its computing, or waiting for a core.
            Some(cores) => {
                let core_since = cores.had_core_since(worker).filter(|_| cores.holds(worker));
                let waits_s =
                    if cores.holds(worker) { core_since.unwrap_or(begun).since(begun) } else { f64::INFINITY };
                spent.core_s = through(waits_s);
                spent.compute_s = left_s;
            }
            None => {
                spent.core_s = through(job.core_s);
                spent.compute_s = through(job.compute_s);
                spent.delay_s = through(job.delay_s);
                spent.link_s = through(job.latency_s);
                spent.queue_s = left_s;
            }
        }
        spent
    }

    /// Who computes now decides how fast: where cores are shared, the workers' side must not lag behind an order.
    #[inline]
    fn catch_up(&mut self) {
        if self.cores.as_ref().is_some_and(|cores| cores.now() < self.now) {
            while let Some(arrival) = self.next_arrival(self.now) {
                self.arrived.push_back(arrival);
            }
        }
    }

    /// The server is busy for so many seconds, or until it has computed so many.
    #[inline]
    fn serve(&mut self, seconds: f64) {
        let shares = self.server.filter(|_| self.cores.is_some() && seconds > 0.0);
        let Some(server) = shares else {
            self.now = self.now.after(seconds);
            return;
        };
        self.catch_up();
        let cores = self.cores.as_mut().expect("shared cores");
        cores.join_at_once(self.now, server, seconds);
        while self.cores.as_ref().is_some_and(|cores| cores.holds(server)) {
            if let Some(arrival) = self.next_arrival(Time::END) {
                self.arrived.push_back(arrival);
            }
        }
        self.now = self.cores.as_ref().expect("shared cores").now();
    }
}

impl<L: Learner> Cluster for Simulated<L> {
    #[inline]
    fn start(&mut self, task: Task) {
        self.catch_up();
        self.learning.start(task);
        let job = &mut self.jobs[task.worker as usize];
        (job.task, job.given) = (task, self.now);
        if !job.waits {
            let begins = self.now.max(job.free);
            self.begin_computing(begins, task.worker);
        }
    }

    fn cancel(&mut self, task: Task) -> Spent {
        self.catch_up();
        let spent = self.spent_so_far(task.worker);
        self.arrivals.set(task.worker, None);
        self.arrived.retain(|&(_, worker)| worker != task.worker);
        let job = &mut self.jobs[task.worker as usize];
        match (self.cancellation, &mut self.cores) {
            // What has not begun yet never will.
            (Cancellation::AfterComputing, None) if self.now < job.began => job.free = job.began,
            (Cancellation::AfterComputing, None) => {}
            (Cancellation::AfterComputing, Some(cores)) if cores.holds(task.worker) => job.waits = true,
            (_, cores) => {
                job.free = self.now;
                job.waits = false;
                if let Some(cores) = cores {
                    cores.leave(self.now, task.worker);
                }
            }
        }
        spent
    }

    #[inline]
    fn update(&mut self, version: u64, from: &[Task]) -> Time {
        self.serve(self.draws.update_s(version));
        self.learning.update(version, from);
        self.now
    }

    #[inline]
    fn wait(&mut self) -> Option<Completion> {
        let arrival = self.arrived.pop_front();
        let (arrival, worker) = arrival.or_else(|| self.next_arrival(Time::END))?;
        let Job { task, given, began, core_s, compute_s, delay_s, latency_s: link_s, .. } = self.jobs[worker as usize];
        self.now = self.now.max(arrival);
        let served_from = self.now;
        self.serve(self.draws.service_s(worker, task.serial));
        self.learning.finish(task);
        let (discarded_s, queue_s, service_s) =
            (began.since(given), served_from.since(arrival), self.now.since(served_from));
        let spent = Spent { discarded_s, core_s, compute_s, delay_s, link_s, queue_s, service_s };
        Some(Completion { at: self.now, task, spent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Event, Run};
    use crate::policy::Policy;
    use crate::random::law::Law;

    fn constant(seconds: f64) -> Law {
        Law::Constant { value: seconds }
    }

    /// The times of the first updates.
    fn updates(policy: &str, workers: u32, spec: ClusterSpec) -> Vec<f64> {
        let rule = policy.parse::<Policy>().unwrap().rule(workers).unwrap();
        let run = Run::new(rule, Simulated::new(spec, RandomKey::new(0, 0), workers));
        let updates = run.filter(|(_, event)| matches!(event, Event::Updated(_)));
        updates.take(4).map(|(at, _)| at.seconds()).collect()
    }

    #[test]
    fn a_busy_server_serves_one_after_the_other() {
        // All three arrive at 1 s; the server needs 2 s for each, and 1 s for an update.
        let spec = ClusterSpec { service: Some(constant(2.0)), ..ClusterSpec::new(constant(1.0)) };
        assert_eq!(updates("async", 3, spec.clone()), [3.0, 5.0, 7.0, 9.0]);
        assert_eq!(updates("sync", 3, spec.clone()), [7.0, 14.0, 21.0, 28.0]);
        let spec = ClusterSpec { update: Some(constant(1.0)), ..spec };
        assert_eq!(updates("async", 3, spec.clone()), [4.0, 7.0, 10.0, 13.0]);
        assert_eq!(updates("sync", 3, spec), [8.0, 16.0, 24.0, 32.0]);
    }

    #[test]
    fn a_server_that_computes_takes_its_share_of_the_cores() {
        // One core, one worker: computing and serving take turns. Two workers: both have computed at 2 s, and the server
        // has the core to itself for the first hand-in; then it shares with the first worker, who has begun anew.
        let spec = ClusterSpec {
            service: Some(constant(1.0)),
            cores: Some(1),
            server_computes: true,
            ..ClusterSpec::new(constant(1.0))
        };
        assert_eq!(updates("async", 1, spec.clone()), [2.0, 4.0, 6.0, 8.0]);
        assert_eq!(updates("async", 2, spec)[..2], [3.0, 5.0]);
    }

    #[test]
    fn computing_in_vain_goes_on_where_it_cannot_be_stopped() {
        // The slow worker computes for 3 s; the fast one is done every second and its hand-in is an update.
        let spec = ClusterSpec { speeds: vec![1.0, 1.0 / 3.0], ..ClusterSpec::new(constant(1.0)) };
        let spec = ClusterSpec { cancellation: Cancellation::AfterComputing, ..spec };
        let rule = Policy::KSync(1).rule(2).unwrap();
        for cores in [None, Some(1)] {
            let cluster = Simulated::new(ClusterSpec { cores, ..spec.clone() }, RandomKey::new(0, 0), 2);
            let mut began = Vec::new();
            let mut run = Run::new(rule, cluster);
            for _ in 0..14 {
                run.step().unwrap();
                began.push(run.cluster().jobs[1].began.seconds());
            }
            began.dedup();
            began.truncate(5);
            let expected: &[f64] = if cores.is_some() {
                // Each has half the core, so the fast one needs 2 s and the slow one 6 s.
                &[0.0, 6.0, 12.0, 18.0, 24.0]
            } else {
                &[0.0, 3.0, 6.0, 9.0, 12.0]
            };
            assert_eq!(began, expected, "{cores:?}");
        }
    }
}
