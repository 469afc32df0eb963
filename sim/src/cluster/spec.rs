//! Who works, and with what? The workers' laws and speeds, the cores they share, the server they hand in to.

pub use crate::cluster::des::cores::Sharing;
use crate::policy::Rule;
use crate::policy::coordinator::Task;
use crate::random::key::{Purpose, RandomKey};
use crate::random::law::{Law, Sampler};
use rand::RngExt;

/// A fleet of workers, as many as a run asks for.
///
/// A step is computing, which needs a core, followed by a delay, which does not.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterSpec {
    /// Computing in one step by a worker of speed 1 on a core of its own, s.
    pub compute: Law,
    /// Delay after the computing of each step, s: network, input, a straggler's sleep.
    pub delay: Option<Law>,
    /// Time that passes once for each task, whatever its steps, without a core: messages and wake-ups, s.
    pub latency: Option<Law>,
    /// Speeds of the workers, repeated over them; a worker of speed 0.5 computes twice as long.
    pub speeds: Vec<f64>,
    /// Cores that all workers share when more of them compute than there are cores; `None` is one core each.
    pub cores: Option<u32>,
    /// How they share them.
    pub sharing: Sharing,
    /// Speeds of the cores, repeated over them, where workers queue for them.
    pub core_speeds: Vec<f64>,
    /// How long the server is busy with a hand-in, first come first served, s; `None` is no time at all.
    pub service: Option<Law>,
    /// How long the server is busy with an update, s; `None` is no time at all.
    pub update: Option<Law>,
    /// Whether the server needs a core for what it does, and shares the workers' cores.
    pub server_computes: bool,
    /// When a worker whose task is cancelled is free again.
    pub cancellation: Cancellation,
}

/// When a worker whose task is cancelled is free again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancellation {
    /// At once.
    AtOnce,
    /// When the computing is done, which goes on in vain; a delay ends at once. So do threads.
    AfterComputing,
}

impl ClusterSpec {
    /// Equal workers, each on a core of its own, without delay, with a server that takes no time.
    pub fn new(compute: Law) -> ClusterSpec {
        ClusterSpec {
            compute,
            delay: None,
            latency: None,
            speeds: vec![1.0],
            cores: None,
            sharing: Sharing::Equally,
            core_speeds: vec![1.0],
            service: None,
            update: None,
            server_computes: false,
            cancellation: Cancellation::AtOnce,
        }
    }

    /// The speed of a worker.
    pub fn speed(&self, worker: u32) -> f64 {
        self.speeds[worker as usize % self.speeds.len()]
    }

    /// Mean seconds of a worker's step on a core of its own: computing and delay.
    pub fn mean_step(&self, worker: u32) -> f64 {
        self.compute.mean() / self.speed(worker) + self.delay.as_ref().map_or(0.0, Law::mean)
    }

    /// Mean seconds per gradient of worker 0 all alone, hand-ins and updates included: what speed-ups compare with.
    pub fn mean_alone(&self) -> f64 {
        let per_task = [&self.latency, &self.service, &self.update].into_iter().flatten();
        self.mean_step(0) + per_task.map(Law::mean).sum::<f64>()
    }

    /// Seconds per gradient of a single worker that is as fast as `workers` workers are on average, with nothing in its way: no
    /// communication, no server, a core of its own. What speed-ups compare with.
    pub fn single_worker_s(&self, workers: u32) -> f64 {
        f64::from(workers) / (0..workers).map(|w| 1.0 / self.mean_step(w)).sum::<f64>()
    }

    /// The same with the rows of every trace drawn again, with replacement; `None` if nothing was measured.
    pub fn resampled(&self, key: RandomKey) -> Option<ClusterSpec> {
        let again = |law: &Option<Law>, which| law.as_ref().and_then(|law| law.resampled(key, which));
        let changed = [again(&Some(self.compute.clone()), 0), again(&self.delay, 1), again(&self.latency, 2)];
        let served = [again(&self.service, 3), again(&self.update, 4)];
        if changed.iter().chain(&served).all(Option::is_none) {
            return None;
        }
        let ([compute, delay, latency], [service, update]) = (changed, served);
        Some(ClusterSpec {
            compute: compute.unwrap_or_else(|| self.compute.clone()),
            delay: delay.or_else(|| self.delay.clone()),
            latency: latency.or_else(|| self.latency.clone()),
            service: service.or_else(|| self.service.clone()),
            update: update.or_else(|| self.update.clone()),
            ..self.clone()
        })
    }

    /// The same workers, and nothing that can come between them.
    pub fn uncontended(&self) -> ClusterSpec {
        let (compute, delay, speeds) = (self.compute.clone(), self.delay.clone(), self.speeds.clone());
        ClusterSpec { delay, speeds, ..ClusterSpec::new(compute) }
    }

    /// Coefficient of variation of worker 0's step.
    pub fn variation(&self) -> f64 {
        let compute = self.compute.variance() / (self.speed(0) * self.speed(0));
        (compute + self.delay.as_ref().map_or(0.0, Law::variance)).sqrt() / self.mean_step(0)
    }

    /// Whether all of the first `workers` workers are equally fast.
    pub fn is_homogeneous(&self, workers: u32) -> bool {
        (1..workers.min(self.speeds.len() as u32)).all(|w| self.speed(w) == self.speed(0))
    }

    /// Whether workers go on computing in vain under this rule.
    pub fn computes_discarded_work(&self, rule: Rule) -> bool {
        self.cancellation == Cancellation::AfterComputing && rule.cancels()
    }

    /// Whether a task is nothing but computing at full speed, which ends it at once if it is cancelled.
    pub(crate) fn is_plain(&self, rule: Rule) -> bool {
        self.only_computes() && self.shared_cores(rule.workers).is_none() && !self.computes_discarded_work(rule)
    }

    /// Whether nothing but computing takes time.
    pub(crate) fn only_computes(&self) -> bool {
        [&self.delay, &self.latency, &self.service, &self.update].into_iter().all(Option::is_none)
    }

    /// The cores, if somebody, the server included, has none of its own, or it matters which.
    pub(crate) fn shared_cores(&self, workers: u32) -> Option<u32> {
        let sharers = workers + u32::from(self.server_computes);
        self.cores.filter(|&cores| cores < sharers || !self.has_equal_cores())
    }

    fn has_equal_cores(&self) -> bool {
        self.core_speeds.iter().all(|&speed| speed == 1.0)
    }

    /// Whether it matters which of the cores `workers` workers have.
    pub fn shares_cores(&self, workers: u32) -> bool {
        self.cores.is_some_and(|cores| cores < workers || !self.has_equal_cores())
    }
}

/// What each step of each worker takes: a [`ClusterSpec`] with its luck.
#[derive(Clone, Debug)]
pub struct Variates {
    compute: Sampler,
    delay: Option<Sampler>,
    latency: Option<Sampler>,
    service: Option<Sampler>,
    update: Option<Sampler>,
    /// 1 / speed of each worker in turn.
    slowness: Vec<f64>,
    key: RandomKey,
    /// What is left of each worker's first task, where a run begins in the middle of things.
    first: Vec<FirstTask>,
}

/// What is left of a task that is under way, s.
#[derive(Clone, Copy, Debug)]
struct FirstTask {
    compute_s: f64,
    delay_s: f64,
    latency_s: f64,
}

impl Variates {
    /// The draws of `fleet` under `luck`.
    pub fn new(spec: &ClusterSpec, key: RandomKey) -> Variates {
        Variates {
            compute: spec.compute.sampler(),
            delay: spec.delay.as_ref().map(Law::sampler),
            latency: spec.latency.as_ref().map(Law::sampler),
            service: spec.service.as_ref().map(Law::sampler),
            update: spec.update.as_ref().map(Law::sampler),
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
        let mean_s = |law: &Option<Law>| law.as_ref().map_or(0.0, Law::mean);
        let (steps, delay_s, latency_s) = (f64::from(rule.steps), mean_s(&spec.delay), mean_s(&spec.latency));
        let task_s = |w: u32| steps * (spec.compute.mean() / spec.speed(w) + delay_s) + latency_s;
        let mut rng = self.key.at(Purpose::Phase, workers, 0);
        let all: f64 = (0..workers).map(|w| 1.0 / task_s(w)).sum();
        let mut left = rng.random::<f64>() * all;
        let fresh = (0..workers).find(|&w| {
            left -= 1.0 / task_s(w);
            left < 0.0
        });
        let first = (0..workers).map(|worker| {
            let task = Task { worker, steps: rule.steps, serial: 0, base_version: 0 };
            let whole = FirstTask {
                compute_s: self.task_compute_s(&task),
                delay_s: self.task_delay_s(&task),
                latency_s: self.latency_s(worker, 0),
            };
            if Some(worker) == fresh { whole } else { self.rest_of(whole, &task, spec, task_s(worker)) }
        });
        Variates { first: first.collect(), ..self }
    }

    /// What is left of a task at a moment within it: it is at one of its parts in proportion to their means.
    fn rest_of(&self, whole: FirstTask, task: &Task, spec: &ClusterSpec, mean_s: f64) -> FirstTask {
        let mut rng = self.key.at(Purpose::Phase, task.worker, 0);
        let slowness = 1.0 / spec.speed(task.worker);
        let mut place_s = rng.random::<f64>() * mean_s;
        // Steps after the one that it is at remain whole.
        let mut rest = |law: &Law, slowness: f64, each: &dyn Fn(u64) -> f64| -> Option<f64> {
            let numbers = task.step_numbers();
            for step in numbers.clone() {
                place_s -= slowness * law.mean();
                if place_s < 0.0 {
                    let later: f64 = (step + 1..numbers.end).map(each).sum();
                    return Some(slowness * law.residual(&mut rng) + later);
                }
            }
            None
        };
        if let Some(compute_s) = rest(&spec.compute, slowness, &|step| self.compute_s(task.worker, step)) {
            return FirstTask { compute_s, ..whole };
        }
        let delay = spec.delay.as_ref();
        if let Some(delay_s) = delay.and_then(|law| rest(law, 1.0, &|step| self.delay_s(task.worker, step))) {
            return FirstTask { compute_s: 0.0, delay_s, ..whole };
        }
        let latency_s = spec.latency.as_ref().map_or(0.0, |law| law.residual(&mut rng));
        FirstTask { compute_s: 0.0, delay_s: 0.0, latency_s }
    }

    /// What is left of a worker's `serial`-th task, if that was under way when the run began.
    #[inline(always)]
    fn under_way(&self, worker: u32, serial: u64) -> Option<&FirstTask> {
        if serial == 0 { self.first.get(worker as usize) } else { None }
    }

    #[inline(always)]
    fn slowness_of(&self, worker: u32) -> f64 {
        match self.slowness[..] {
            [one] => one,
            ref several => several[worker as usize % several.len()],
        }
    }

    /// Seconds of computing in a worker's `step`-th step, on a core of its own.
    #[inline]
    pub fn compute_s(&self, worker: u32, step: u64) -> f64 {
        self.slowness_of(worker) * self.compute.draw(self.key.sequence(Purpose::Compute, worker), step)
    }

    /// Seconds of computing in many steps of a worker: the `first`-th and every `stride`-th after it.
    #[inline(always)]
    pub(crate) fn fill_compute_s(&self, seconds: &mut [f64], worker: u32, (first, stride): (u64, u64)) {
        let (slowness, key) = (self.slowness_of(worker), self.key.sequence(Purpose::Compute, worker));
        self.compute.fill(seconds, slowness, key, (first, stride));
        if let (Some(seconds), Some(rest)) = (seconds.first_mut(), self.under_way(worker, first)) {
            *seconds = rest.compute_s;
        }
    }

    /// Seconds of delay in a worker's `step`-th step.
    #[inline]
    pub fn delay_s(&self, worker: u32, step: u64) -> f64 {
        let delay = self.delay.as_ref();
        delay.map_or(0.0, |law| law.draw(self.key.sequence(Purpose::Delay, worker), step))
    }

    /// Seconds of computing in all steps of a task.
    #[inline]
    pub(crate) fn task_compute_s(&self, task: &Task) -> f64 {
        if let Some(rest) = self.under_way(task.worker, task.serial) {
            return rest.compute_s;
        }
        // By far most tasks are one step, and a loop that may be long costs more than its one pass.
        match task.steps {
            1 => self.compute_s(task.worker, task.serial),
            _ => task.step_numbers().map(|step| self.compute_s(task.worker, step)).sum(),
        }
    }

    /// Seconds of delay in all steps of a task.
    #[inline]
    pub fn task_delay_s(&self, task: &Task) -> f64 {
        if let Some(rest) = self.under_way(task.worker, task.serial) {
            return rest.delay_s;
        }
        match self.delay {
            None => 0.0,
            Some(_) => task.step_numbers().map(|step| self.delay_s(task.worker, step)).sum(),
        }
    }

    /// Seconds that a worker's `serial`-th task loses on the way.
    #[inline]
    pub fn latency_s(&self, worker: u32, serial: u64) -> f64 {
        if let Some(rest) = self.under_way(worker, serial) {
            return rest.latency_s;
        }
        let latency = self.latency.as_ref();
        latency.map_or(0.0, |law| law.draw(self.key.sequence(Purpose::Latency, worker), serial))
    }

    /// Seconds that the server is busy with a worker's `serial`-th task.
    #[inline]
    pub fn service_s(&self, worker: u32, serial: u64) -> f64 {
        let service = self.service.as_ref();
        service.map_or(0.0, |law| law.draw(self.key.sequence(Purpose::Service, worker), serial))
    }

    /// Seconds that the server is busy with the update that makes `version`.
    #[inline]
    pub fn update_s(&self, version: u64) -> f64 {
        let update = self.update.as_ref();
        update.map_or(0.0, |law| law.draw(self.key.sequence(Purpose::Update, 0), version))
    }
}
