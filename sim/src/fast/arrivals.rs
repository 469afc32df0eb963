//! Who reaches the server next, and when? Workers that always end what they began, on cores of their own or on shared ones.

use crate::cluster::des::cores::Cores;
use crate::cluster::spec::ClusterSpec;
use crate::cluster::time::Time;
use crate::fast::agenda::Agenda;
use std::collections::VecDeque;

/// Workers on their way to the server, each with one task that nobody cancels.
pub(crate) trait Arrivals: Sized {
    /// Nobody is under way yet; `None` if this fleet works in another way.
    fn of(spec: &ClusterSpec, workers: u32) -> Option<Self>;

    /// A worker begins with a task that takes `compute_s` and arrives at `alone` on a core of its own.
    fn begin(&mut self, worker: u32, at: Time, compute_s: f64, alone: Time);

    /// The next to reach the server.
    fn next(&mut self) -> (Time, u32);

    /// How long the task that a worker handed in at `at` was worked on, if it takes `alone_s` on a core of its own.
    fn worked_s(&self, worker: u32, at: Time, alone_s: f64) -> f64;
}

/// Cores of their own: the end of a task is known at its beginning.
impl Arrivals for Agenda {
    fn of(spec: &ClusterSpec, workers: u32) -> Option<Agenda> {
        spec.shared_cores(workers).is_none().then(|| Agenda::new(workers, spec.mean_step(0)))
    }

    #[inline(always)]
    fn begin(&mut self, worker: u32, _: Time, _: f64, alone: Time) {
        self.add(worker, alone);
    }

    #[inline(always)]
    fn next(&mut self) -> (Time, u32) {
        self.pop()
    }

    #[inline(always)]
    fn worked_s(&self, _: u32, _: Time, alone_s: f64) -> f64 {
        alone_s
    }
}

/// Shared cores and tasks that are nothing but computing: whoever has computed enough is at the server.
pub(crate) struct Sharers {
    cores: Cores,
    /// When each worker began with its task.
    began: Vec<Time>,
    /// Who reached the server while it was busy.
    arrived: VecDeque<(Time, u32)>,
}

impl Arrivals for Sharers {
    fn of(spec: &ClusterSpec, workers: u32) -> Option<Sharers> {
        let cores = spec.shared_cores(workers)?;
        let only_computes = spec.delay.is_none() && spec.latency.is_none() && !spec.server_computes;
        only_computes.then(|| Sharers {
            cores: Cores::new(spec.sharing, cores, &spec.core_speeds, workers),
            began: vec![Time::ZERO; workers as usize],
            arrived: VecDeque::new(),
        })
    }

    #[inline(always)]
    fn begin(&mut self, worker: u32, at: Time, compute_s: f64, _: Time) {
        // Whoever has computed enough by now does not share with those who begin now.
        if self.cores.now() < at {
            while let Some(arrival) = self.cores.first(at) {
                self.cores.finish(arrival.0);
                self.arrived.push_back(arrival);
            }
        }
        self.began[worker as usize] = at;
        self.cores.join(at, worker, compute_s);
    }

    #[inline(always)]
    fn next(&mut self) -> (Time, u32) {
        if let Some(arrival) = self.arrived.pop_front() {
            return arrival;
        }
        let first = self.cores.first(Time::END).expect("somebody is always at work");
        self.cores.finish(first.0);
        first
    }

    #[inline(always)]
    fn worked_s(&self, worker: u32, at: Time, _: f64) -> f64 {
        at.since(self.began[worker as usize])
    }
}
