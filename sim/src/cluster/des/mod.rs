//! Discrete-event simulation of a cluster.
//!
//! A worker has one task, which is at one place, so there is one pending event for each worker. Delays need no more than
//! that: the end of several in a row is known at the beginning. Queueing stations know who is there and who leaves next.
//!
//! There are two clocks. The workers' events happen in order of time. The server takes what they submit first come first
//! served, so its own clock, [`Simulated::now`], may run ahead of an arrival that has to wait: each is done at
//! max(arrival, server free) + service, which is all there is to a queue. Orders are carried out at the server's time.

mod failures;
mod interrupt;
mod queue;
mod route;
mod station;

pub use station::assign;

use crate::cluster::des::failures::{Outages, Setbacks};
use crate::cluster::des::queue::Queue;
use crate::cluster::des::route::{Leg, Taken};
use crate::cluster::des::station::Station;
use crate::cluster::spec::{Cancellation, ClusterSpec, Station as StationSpec};
use crate::cluster::time::Time;
use crate::cluster::variates::{Part, Variates};
use crate::cluster::{Cluster, Completion, Signal, Spent};
use crate::learn::{Learner, Learning};
use crate::policy::Task;
use crate::random::key::RandomKey;
use std::collections::VecDeque;
use std::time::Duration;

/// A [`ClusterSpec`] at work in simulated time, learning something or nothing.
pub struct Simulated<L: Learner = ()> {
    draws: Variates,
    /// The server's clock.
    now: Time,
    jobs: Vec<Job>,
    /// When each worker's task reaches the next station, or the server, once that is known.
    pending: Queue,
    /// The route before the server.
    legs: Vec<Leg>,
    /// Which leg is computing.
    computing: usize,
    /// Whether a leg is a station at which one waits for others.
    queues: bool,
    /// The server's number among those who share the cores, if it does.
    server: Option<u32>,
    /// Tasks that reached the server while it was busy.
    arrived: VecDeque<(Time, u32)>,
    cancellation: Cancellation,
    alarm: Time,
    outages: Option<Outages>,
    setbacks: Option<Setbacks>,
    learning: Learning<L>,
}

/// What a worker is doing.
#[derive(Clone, Copy)]
struct Job {
    task: Task,
    /// It has a task that has neither been submitted nor cancelled.
    busy: bool,
    /// It still computes for a task that was cancelled; this one begins afterwards.
    waits: bool,
    /// The station where it is or that it reaches next; the number of all if that is the server.
    leg: u8,
    /// Steps whose computing has been drawn.
    drawn: u32,
    /// When it was given its task.
    given: Time,
    /// When it began with it.
    began: Time,
    /// When it came to the station where it is.
    entered: Time,
    /// When the worker can begin with another task.
    free: Time,
    /// How long computing takes on a core of its own, for the steps that have been drawn.
    need_s: f64,
    taken: Taken,
}

impl Simulated {
    /// `workers` workers of the cluster, learning nothing.
    pub fn new(spec: ClusterSpec, key: RandomKey, workers: u32) -> Simulated {
        Simulated::learning(spec, key, workers, ())
    }
}

impl<L: Learner> Simulated<L> {
    /// `workers` workers of the cluster, learning. What depends on the policy, [`ClusterSpec::for_rule`] has to know before;
    /// otherwise workers communicate with a parameter server.
    pub fn learning(spec: ClusterSpec, key: RandomKey, workers: u32, learner: L) -> Simulated<L> {
        let spec = spec.for_workers(workers);
        let draws = Variates::new(&spec, key);
        Simulated::with_variates(spec, draws, workers, learner)
    }

    /// The same with these random numbers, of a cluster that has nothing to decide any more.
    pub fn with_variates(spec: ClusterSpec, draws: Variates, workers: u32, learner: L) -> Simulated<L> {
        let key = draws.key();
        let none = Task::first(0, 0);
        let idle = Job {
            task: none,
            busy: false,
            waits: false,
            leg: 0,
            drawn: 0,
            given: Time::ZERO,
            began: Time::ZERO,
            entered: Time::ZERO,
            free: Time::ZERO,
            need_s: 0.0,
            taken: Taken::default(),
        };
        let sharers = workers + u32::from(spec.server_computes);
        let cores = spec
            .shared_cores(workers)
            .map(|cores| Station::new(spec.sharing, cores, &spec.core_speeds, &spec.contention, sharers));
        let link = |part: fn(usize) -> Part, (i, station): (usize, &StationSpec)| Leg {
            part: part(i),
            station: station.servers.map(|(servers, sharing)| Station::new(sharing, servers, &[1.0], &[], workers)),
        };
        let down = spec.downlink.iter().enumerate().map(|leg| link(Part::Down, leg));
        let up = spec.uplink.iter().enumerate().map(|leg| link(Part::Up, leg));
        let delay = spec.delay().into_iter().map(|_| Leg { part: Part::Delay, station: None });
        let legs: Vec<Leg> = down.chain([Leg { part: Part::Compute, station: cores }]).chain(delay).chain(up).collect();
        let failures = spec.failures.as_ref();
        Simulated {
            draws,
            now: Time::ZERO,
            jobs: vec![idle; workers as usize],
            pending: Queue::new(workers),
            computing: spec.downlink.len(),
            queues: legs.iter().any(|leg| leg.station.is_some()),
            legs,
            server: spec.server_computes.then_some(workers),
            arrived: VecDeque::new(),
            cancellation: spec.cancellation,
            alarm: Time::END,
            outages: failures.filter(|_| !spec.fails_together).map(|f| Outages::new(f, workers, key)),
            setbacks: failures.filter(|_| spec.fails_together).map(|f| Setbacks::new(f, workers, key)),
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

    fn cores(&self) -> Option<&Station> {
        self.legs[self.computing].station.as_ref()
    }

    fn cores_mut(&mut self) -> Option<&mut Station> {
        self.legs[self.computing].station.as_mut()
    }

    /// Where the time of the task that a worker is at went until now: through the parts of its route one after the other.
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
        spent.link_s = through(job.taken.down_s);
        spent.core_s = through(job.taken.core_s);
        spent.compute_s = through(job.taken.compute_s);
        spent.delay_s = through(job.taken.delay_s);
        spent.link_s += through(job.taken.up_s);
        // The rest is where it is now.
        match self.legs.get(usize::from(job.leg)).map(|leg| leg.part) {
            None => spent.queue_s = left_s,
            Some(Part::Down(_) | Part::Up(_)) => spent.link_s += left_s,
            Some(Part::Delay) => spent.delay_s += left_s,
            Some(Part::Compute) => match self.cores() {
                Some(cores) if cores.holds(worker) => {
                    let core_since = cores.had_core_since(worker).unwrap_or(job.entered);
                    let computed_s = self.now.since(core_since).clamp(0.0, left_s);
                    spent.compute_s += computed_s;
                    spent.core_s += left_s - computed_s;
                }
                Some(_) => spent.core_s += left_s,
                None => spent.compute_s += left_s,
            },
        }
        spent
    }

    /// Who is where now decides how fast others are served: the workers' side must not lag behind an order.
    #[inline]
    fn catch_up(&mut self) {
        if self.queues && self.legs.iter().filter_map(|leg| leg.station.as_ref()).any(|s| s.now() < self.now) {
            while let Some(arrival) = self.next_arrival(self.now) {
                self.arrived.push_back(arrival);
            }
        }
    }

    /// The server is busy for so many seconds, or until it has computed so many.
    #[inline(always)]
    fn serve(&mut self, seconds: f64) {
        match self.server {
            Some(server) if seconds > 0.0 && self.cores().is_some() => self.serve_on_cores(server, seconds),
            _ => self.now = self.now.after(seconds),
        }
    }

    #[inline(never)]
    fn serve_on_cores(&mut self, server: u32, seconds: f64) {
        self.catch_up();
        let now = self.now;
        self.cores_mut().expect("shared cores").join_at_once(now, server, seconds);
        while self.cores().is_some_and(|cores| cores.holds(server)) {
            if let Some(arrival) = self.next_arrival(Time::END) {
                self.arrived.push_back(arrival);
            }
        }
        self.now = self.cores().expect("shared cores").now();
    }

    /// A worker's task is nowhere any more; its computing goes on where it cannot be stopped.
    fn drop_task(&mut self, worker: u32, at_once: bool) {
        self.pending.set(worker, None);
        self.arrived.retain(|&(_, other)| other != worker);
        let computing = self.computing;
        let leg = usize::from(self.jobs[worker as usize].leg);
        let held = self.cores().is_some_and(|cores| cores.holds(worker));
        if !at_once && held {
            self.jobs[worker as usize].waits = true;
            self.end_with_this_step(worker);
        } else {
            if held || leg < self.legs.len() {
                let (now, leg) = (self.now, if held { computing } else { leg });
                if let Some(station) = &mut self.legs[leg].station {
                    station.leave(now, worker);
                }
            }
            let free = match at_once || self.cores().is_some() {
                true => self.now,
                false => self.end_of_step(worker),
            };
            let job = &mut self.jobs[worker as usize];
            (job.free, job.waits) = (free, false);
        }
        self.jobs[worker as usize].busy = false;
    }
}

impl<L: Learner> Cluster for Simulated<L> {
    #[inline]
    fn start(&mut self, task: Task) {
        self.catch_up();
        self.learning.start(task);
        let job = &mut self.jobs[task.worker as usize];
        (job.task, job.given, job.busy) = (task, self.now, true);
        if !job.waits {
            let begins = self.now.max(job.free);
            self.begin(begins, task.worker, begins <= self.now);
        }
    }

    fn discard(&mut self, task: Task) {
        self.learning.discard(task);
    }

    fn interrupt(&mut self, task: Task) {
        self.catch_up();
        self.submit_now(task.worker);
    }

    fn alarm(&mut self, after: Duration) {
        // What ends at the very moment is in time, however its own sum was rounded.
        let rounding_s = 1e-12 * after.as_secs_f64() + 1e-14 * self.now.seconds();
        self.alarm = if after < Duration::MAX { self.now.after(after.as_secs_f64() + rounding_s) } else { Time::END };
    }

    fn cancel(&mut self, task: Task) -> Spent {
        self.catch_up();
        let spent = self.spent_so_far(task.worker);
        self.drop_task(task.worker, self.cancellation == Cancellation::AtOnce);
        spent
    }

    #[inline]
    fn update(&mut self, version: u64, from: &[Task]) -> Time {
        self.serve(self.draws.update_s(version));
        if let Some(setbacks) = &mut self.setbacks {
            self.now = setbacks.reached(self.now);
        }
        self.learning.update(version, from);
        self.now
    }

    #[inline]
    fn wait(&mut self) -> Option<Signal> {
        let horizon = match &mut self.outages {
            None => self.alarm,
            Some(outages) => self.alarm.min(outages.next()),
        };
        let arrival = match self.arrived.front() {
            None => self.next_arrival(horizon),
            Some(&(at, _)) if at <= horizon => self.arrived.pop_front(),
            Some(_) => None,
        };
        let Some((arrival, worker)) = arrival else { return self.ring(horizon) };
        let job = &mut self.jobs[worker as usize];
        job.busy = false;
        let Job { task, given, began, taken: Taken { down_s, core_s, compute_s, delay_s, up_s }, .. } = *job;
        self.now = self.now.max(arrival);
        let served_from = self.now;
        if task.steps > 0 {
            self.serve(self.draws.service_s(worker, task.serial));
        }
        self.learning.finish(task);
        let (discarded_s, queue_s, service_s) =
            (began.since(given), served_from.since(arrival), self.now.since(served_from));
        let spent = Spent { discarded_s, core_s, compute_s, delay_s, link_s: down_s + up_s, queue_s, service_s };
        Some(Signal::Finished(Completion { at: self.now, task, spent }))
    }
}

impl<L: Learner> Simulated<L> {
    /// What has happened by this time, when nothing has arrived: the alarm, a failure, a return, or nothing ever.
    #[cold]
    fn ring(&mut self, horizon: Time) -> Option<Signal> {
        if horizon == Time::END {
            return None;
        }
        self.now = self.now.max(horizon);
        let at = self.now;
        if self.alarm <= horizon {
            self.alarm = Time::END;
            return Some(Signal::Alarm { at });
        }
        let (worker, fails) = self.outages.as_mut()?.take();
        if !fails {
            let job = &mut self.jobs[worker as usize];
            (job.free, job.waits) = (at, false);
            return Some(Signal::Returned { at, worker });
        }
        self.catch_up();
        let spent = if self.jobs[worker as usize].busy { self.spent_so_far(worker) } else { Spent::default() };
        self.drop_task(worker, true);
        Some(Signal::Failed { at, worker, spent })
    }
}

#[cfg(test)]
mod tests;
