//! Variates of a cluster: what each step of each worker takes, by the keys of its random numbers.

use crate::cluster::spec::{ClusterSpec, Station};
use crate::policy::coordinator::Task;
use crate::random::compute::{Compute, Rows};
use crate::random::key::{Purpose, RandomKey};
use crate::random::law::{Law, Sampler};

/// What each step of each worker takes: a [`ClusterSpec`] with its random numbers.
#[derive(Clone, Debug)]
pub struct Variates {
    compute: Vec<Sampler>,
    rows: Option<Rows>,
    factor: Option<Sampler>,
    delay: Option<Sampler>,
    downlink: Vec<Sampler>,
    uplink: Vec<Sampler>,
    service: Option<Sampler>,
    update: Option<Sampler>,
    all_reduce_s: f64,
    fixed_s: f64,
    /// 1 / speed of each worker in turn.
    slowness: Vec<f64>,
    key: RandomKey,
}

/// Which way a task goes on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Down,
    Up,
}

impl Variates {
    /// The variates of a cluster under a key.
    pub fn new(spec: &ClusterSpec, key: RandomKey) -> Variates {
        let (compute, rows) = match &spec.compute {
            Compute::Laws(laws) => (laws.iter().map(Law::sampler).collect(), None),
            Compute::Rows(rows) => (Vec::new(), Some(rows.clone())),
        };
        let of_stations = |stations: &[Station]| stations.iter().map(|station| station.law.sampler()).collect();
        Variates {
            compute,
            rows,
            factor: spec.factor.as_ref().map(Law::sampler),
            delay: spec.delay.as_ref().map(Law::sampler),
            downlink: of_stations(&spec.downlink),
            uplink: of_stations(&spec.uplink),
            service: spec.service.as_ref().map(Law::sampler),
            update: spec.update.as_ref().map(Law::sampler),
            all_reduce_s: spec.all_reduce_s,
            fixed_s: spec.fixed_s,
            slowness: spec.speeds.iter().map(|speed| 1.0 / speed).collect(),
            key,
        }
    }

    #[inline(always)]
    fn slowness_of(&self, worker: u32) -> f64 {
        match self.slowness[..] {
            [one] => one,
            ref several => several[worker as usize % several.len()],
        }
    }

    /// Seconds of computing in a worker's `step`-th step, on a core of its own.
    #[inline(always)]
    pub fn compute_s(&self, worker: u32, step: u64) -> f64 {
        match (&self.compute[..], &self.factor) {
            ([one], None) => {
                self.slowness_of(worker) * one.draw(self.key.sequence(Purpose::Compute, worker), step) + self.fixed_s
            }
            _ => self.unusual_compute_s(worker, step),
        }
    }

    #[inline(never)]
    fn unusual_compute_s(&self, worker: u32, step: u64) -> f64 {
        let drawn_s = match &self.rows {
            Some(rows) => rows.draw(self.key, worker, step),
            None => {
                let law = &self.compute[worker as usize % self.compute.len()];
                law.draw(self.key.sequence(Purpose::Compute, worker), step)
            }
        };
        let factor = self.factor.as_ref().map_or(1.0, |law| law.draw(self.key.sequence(Purpose::Factor, 0), step));
        self.slowness_of(worker) * (factor * drawn_s) + self.fixed_s
    }

    /// Seconds of computing in many steps of a worker: the `first`-th and every `stride`-th after it.
    #[inline(always)]
    pub(crate) fn fill_compute_s(&self, seconds: &mut [f64], worker: u32, (first, stride): (u64, u64)) {
        match (&self.compute[..], &self.factor) {
            ([one], None) => {
                let (slowness, key) = (self.slowness_of(worker), self.key.sequence(Purpose::Compute, worker));
                one.fill(seconds, slowness, key, (first, stride));
                if self.fixed_s > 0.0 {
                    seconds.iter_mut().for_each(|seconds| *seconds += self.fixed_s);
                }
            }
            _ => {
                let steps = (first..).step_by(stride as usize);
                seconds.iter_mut().zip(steps).for_each(|(s, step)| *s = self.unusual_compute_s(worker, step));
            }
        }
    }

    /// Seconds of delay of a worker's `serial`-th task.
    #[inline]
    pub fn delay_s(&self, worker: u32, serial: u64) -> f64 {
        let delay = self.delay.as_ref();
        delay.map_or(0.0, |law| law.draw(self.key.sequence(Purpose::Delay, worker), serial))
    }

    /// Seconds of delay of a task.
    #[inline]
    pub fn task_delay_s(&self, task: &Task) -> f64 {
        self.delay_s(task.worker, task.serial)
    }

    /// Seconds of service at the `station`-th station on the way of a worker's `serial`-th task.
    #[inline]
    pub(crate) fn link_s(&self, way: Way, station: usize, worker: u32, serial: u64) -> f64 {
        let (stations, first) = match way {
            Way::Up => (&self.uplink, 0),
            Way::Down => (&self.downlink, 1 << 15),
        };
        let number = first + station as u32;
        stations[station].draw(self.key.sequence_of(Purpose::Link, number, worker), serial)
    }

    /// Seconds that the server is busy with a worker's `serial`-th task.
    #[inline]
    pub fn service_s(&self, worker: u32, serial: u64) -> f64 {
        let service = self.service.as_ref();
        service.map_or(0.0, |law| law.draw(self.key.sequence(Purpose::Service, worker), serial))
    }

    /// Seconds that the update which makes `version` takes: at the server, and for the all-reduce.
    #[inline]
    pub fn update_s(&self, version: u64) -> f64 {
        let update = self.update.as_ref();
        update.map_or(0.0, |law| law.draw(self.key.sequence(Purpose::Update, 0), version)) + self.all_reduce_s
    }
}
