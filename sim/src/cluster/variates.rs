//! Variates of a cluster: what each step of each worker takes, by the keys of its random numbers.

use crate::cluster::spec::{ClusterSpec, Station};
use crate::policy::Rule;
use crate::policy::Task;
use crate::random::compute::{Compute, Rows};
use crate::random::key::{Purpose, RandomKey};
use crate::random::law::{Law, Sampler};
use rand::RngExt;

/// What each step of each worker takes: a [`ClusterSpec`] with its random numbers.
#[derive(Clone, Debug)]
pub struct Variates {
    compute: Vec<Sampler>,
    rows: Option<Rows>,
    factor: Option<Sampler>,
    delays: Vec<Sampler>,
    downlink: Vec<Sampler>,
    uplink: Vec<Sampler>,
    service: Option<Sampler>,
    update: Option<Sampler>,
    all_reduce_s: f64,
    fixed_s: f64,
    /// 1 / speed of each worker in turn.
    slowness: Vec<f64>,
    key: RandomKey,
    /// Where each worker's first task is, where a run begins in the middle of things.
    first: Vec<Option<UnderWay>>,
}

/// A task that is at a part of its route when the run begins: what comes before is over.
#[derive(Clone, Copy, Debug)]
struct UnderWay {
    part: Part,
    rest_s: f64,
}

/// The parts of a route, in order; those of the links by their stations' numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Down(usize),
    Compute,
    Delay,
    Up(usize),
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
            delays: spec.delays.iter().map(Law::sampler).collect(),
            downlink: of_stations(&spec.downlink),
            uplink: of_stations(&spec.uplink),
            service: spec.service.as_ref().map(Law::sampler),
            update: spec.update.as_ref().map(Law::sampler),
            all_reduce_s: spec.all_reduce_s,
            fixed_s: spec.fixed_s,
            slowness: spec.speeds.iter().map(|speed| 1.0 / speed).collect(),
            key,
            first: Vec::new(),
        }
    }

    /// The same from the middle of a run that has gone on for ever, at the moment of an update: one worker, chosen in
    /// proportion to its rate, has just begun a task; each of the others is somewhere within one.
    ///
    /// Where workers never wait, this is the stationary state as an update sees it (Palm), whatever the law, and the mean time
    /// from there to the n-th update is exactly n times the mean time between updates.
    pub fn in_the_middle(self, spec: &ClusterSpec, rule: Rule) -> Variates {
        let workers = rule.workers;
        let mut rng = self.key.at(Purpose::Phase, workers, 0);
        let rate = |w: u32| 1.0 / spec.mean_task(w, rule.steps);
        let mut left = rng.random::<f64>() * (0..workers).map(rate).sum::<f64>();
        let fresh = (0..workers).find(|&w| {
            left -= rate(w);
            left < 0.0
        });
        let under_way = |w: u32| if Some(w) == fresh { None } else { self.somewhere(w, spec, rule.steps) };
        let first = (0..workers).map(under_way).collect();
        Variates { first, ..self }
    }

    /// Somewhere within a worker's first task: it is at one of its parts in proportion to their means.
    fn somewhere(&self, worker: u32, spec: &ClusterSpec, steps: u32) -> Option<UnderWay> {
        let mut rng = self.key.at(Purpose::Phase, worker, 0);
        let mut place_s = rng.random::<f64>() * spec.mean_task(worker, steps);
        for (i, station) in spec.downlink.iter().enumerate() {
            place_s -= station.law.mean();
            if place_s < 0.0 {
                return Some(UnderWay { part: Part::Down(i), rest_s: station.law.residual(&mut rng) });
            }
        }
        let factor = spec.factor.as_ref().map_or(1.0, Law::mean);
        for step in 0..steps {
            place_s -= spec.mean_compute(worker);
            if place_s < 0.0 {
                // Steps after the one that it is at remain whole.
                let later: f64 = (u64::from(step) + 1..u64::from(steps)).map(|step| self.compute_s(worker, step)).sum();
                let fixed_s = spec.fixed_s * rng.random::<f64>();
                let drawn_s = factor * spec.compute.law(worker).residual(&mut rng) / spec.speed(worker);
                return Some(UnderWay { part: Part::Compute, rest_s: drawn_s + fixed_s + later });
            }
        }
        if let Some(delay) = spec.delay_of(worker) {
            place_s -= delay.mean();
            if place_s < 0.0 {
                return Some(UnderWay { part: Part::Delay, rest_s: delay.residual(&mut rng) });
            }
        }
        for (i, station) in spec.uplink.iter().enumerate() {
            place_s -= station.law.mean();
            if place_s < 0.0 {
                return Some(UnderWay { part: Part::Up(i), rest_s: station.law.residual(&mut rng) });
            }
        }
        None
    }

    /// What a part of a worker's `serial`-th task takes, if the task was under way when the run began and the part has begun.
    #[inline(always)]
    fn begun_s(&self, worker: u32, serial: u64, part: Part) -> Option<f64> {
        if serial > 0 {
            return None;
        }
        let UnderWay { part: at, rest_s } = (*self.first.get(worker as usize)?)?;
        match part.cmp(&at) {
            std::cmp::Ordering::Less => Some(0.0),
            std::cmp::Ordering::Equal => Some(rest_s),
            std::cmp::Ordering::Greater => None,
        }
    }

    /// What is left of the computing of a task that was under way when the run began.
    #[inline(always)]
    pub(crate) fn begun_compute_s(&self, task: &Task) -> Option<f64> {
        self.begun_s(task.worker, task.serial, Part::Compute)
    }

    /// Seconds of computing in all steps of a task.
    #[inline]
    pub(crate) fn task_compute_s(&self, task: &Task) -> f64 {
        match (self.begun_compute_s(task), task.steps) {
            (Some(rest_s), _) => rest_s,
            // By far most tasks are one step, and a loop that may be long costs more than its one pass.
            (None, 1) => self.compute_s(task.worker, task.first_step),
            (None, _) => task.step_numbers().map(|step| self.compute_s(task.worker, step)).sum(),
        }
    }

    /// The root of the random numbers.
    pub(crate) fn key(&self) -> RandomKey {
        self.key
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
        if let (Some(seconds), Some(rest_s)) = (seconds.first_mut(), self.begun_s(worker, first, Part::Compute)) {
            *seconds = rest_s;
        }
    }

    /// Seconds of delay of a worker's `serial`-th task.
    #[inline]
    pub fn delay_s(&self, worker: u32, serial: u64) -> f64 {
        if let Some(rest_s) = self.begun_s(worker, serial, Part::Delay) {
            return rest_s;
        }
        let law = match &self.delays[..] {
            [] => return 0.0,
            [one] => one,
            several => &several[worker as usize % several.len()],
        };
        law.draw(self.key.sequence(Purpose::Delay, worker), serial)
    }

    /// Seconds of delay of a task.
    #[inline]
    pub fn task_delay_s(&self, task: &Task) -> f64 {
        self.delay_s(task.worker, task.serial)
    }

    /// Seconds of a part of the route of a worker's `serial`-th task, but for computing, which is drawn step by step.
    #[inline]
    pub(crate) fn part_s(&self, part: Part, worker: u32, serial: u64) -> f64 {
        let (law, number) = match part {
            Part::Delay => return self.delay_s(worker, serial),
            Part::Compute => unreachable!("steps are drawn one by one"),
            Part::Up(station) => (&self.uplink[station], station as u32),
            Part::Down(station) => (&self.downlink[station], 1 << 15 | station as u32),
        };
        let drawn = || law.draw(self.key.sequence_of(Purpose::Link, number, worker), serial);
        self.begun_s(worker, serial, part).unwrap_or_else(drawn)
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
