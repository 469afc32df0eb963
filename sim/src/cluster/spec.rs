//! Cluster specification: the workers' laws, and the stations on a task's route.
//!
//! A task visits stations in order: downlink, compute, delay, uplink, server; a synchronous update may end in an all-reduce.
//! A station is a delay (no queue), a first-come-first-served queue with c servers, or processor sharing, and has a law. So a
//! new effect is a new station or a new law, and no branch in the engine.

pub use crate::cluster::cancellation::Cancellation;
use crate::cluster::comm::Communication;
pub use crate::cluster::failing::Failures;
pub use crate::cluster::limits::SpecError;
use crate::cluster::limits::{all_positive, need, not_negative};
pub use crate::cluster::station::{Sharing, Station};
use crate::policy::Rule;
use crate::random::compute::Compute;
use crate::random::law::Law;

/// Workers of a cluster, as many as a run asks for, and the stations of their tasks.
///
/// ```
/// use straggle_sim::{ClusterSpec, Law};
/// let spec = ClusterSpec::new("exp(2)".parse::<Law>()?).with_speeds(vec![1.0, 0.5])?.with_cores(4)?;
/// assert_eq!(spec.mean_compute(1), 1.0); // half a second at speed 1/2
/// assert!(spec.with_speeds(vec![]).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterSpec {
    /// Computing in one step by a worker of speed 1 that is not slowed down by others, s.
    pub(crate) compute: Compute,
    /// What multiplies a step of all workers alike.
    pub(crate) factor: Option<Law>,
    /// Speeds of the workers, repeated over them; a worker of speed 0.5 computes twice as long.
    pub(crate) speeds: Vec<f64>,
    /// Seconds of every step that no speed makes shorter.
    pub(crate) fixed_s: f64,
    /// Whether the law is for the whole batch, of which each worker has its share.
    pub(crate) splits_batch: bool,
    /// Shares of a batch that one worker would do at once, if it were alone.
    pub(crate) shares: u32,
    /// After computing, once for each task, without a core: a straggler's sleep, messages, s; laws repeated over the workers, or
    /// none.
    pub(crate) delays: Vec<Law>,
    /// Stations before computing, and after the delay.
    pub(crate) downlink: Vec<Station>,
    pub(crate) uplink: Vec<Station>,
    /// Cores that all workers share when more of them compute than there are cores; `None` is one core each.
    pub(crate) cores: Option<u32>,
    pub(crate) sharing: Sharing,
    /// Speeds of the cores, repeated over them, where workers queue for them.
    pub(crate) core_speeds: Vec<f64>,
    /// How much longer a step takes with 1, 2, 3, ... workers computing.
    pub(crate) contention: Vec<f64>,
    /// How long the server is busy with a submission, first come first served, s; `None` is no time at all.
    pub(crate) service: Option<Law>,
    /// How long the server is busy with an update, s; `None` is no time at all.
    pub(crate) update: Option<Law>,
    /// How long the all-reduce takes that ends an update, s.
    pub(crate) all_reduce_s: f64,
    /// Whether the server needs a core for what it does, and shares the workers' cores.
    pub(crate) server_computes: bool,
    pub(crate) cancellation: Cancellation,
    /// Communication that is not yet made stations, as they depend on the policy.
    pub(crate) communication: Option<Communication>,
    pub(crate) failures: Option<Failures>,
    /// Whether a failure sets the whole job back.
    pub(crate) fails_together: bool,
}

impl ClusterSpec {
    /// Equal workers, each on a core of its own, without delay, with a server that takes no time.
    pub fn new(compute: Law) -> ClusterSpec {
        ClusterSpec::of(Compute::from(compute))
    }

    /// The same, computing as measured, or by a law for each worker.
    pub fn of(compute: Compute) -> ClusterSpec {
        ClusterSpec {
            compute,
            factor: None,
            speeds: vec![1.0],
            fixed_s: 0.0,
            splits_batch: false,
            shares: 1,
            delays: Vec::new(),
            downlink: Vec::new(),
            uplink: Vec::new(),
            cores: None,
            sharing: Sharing::Equally,
            core_speeds: vec![1.0],
            contention: Vec::new(),
            service: None,
            update: None,
            all_reduce_s: 0.0,
            server_computes: false,
            cancellation: Cancellation::AtOnce,
            communication: None,
            failures: None,
            fails_together: false,
        }
    }

    /// The same cluster, computing otherwise.
    pub fn with_compute(self, compute: Compute) -> ClusterSpec {
        ClusterSpec { compute, ..self }
    }

    /// With speeds, repeated over the workers: one of speed 0.5 computes twice as long.
    ///
    /// # Errors
    /// [`SpecError`] if there is none, or one is not positive and finite.
    pub fn with_speeds(self, speeds: Vec<f64>) -> Result<ClusterSpec, SpecError> {
        all_positive("speeds", &speeds)?;
        Ok(ClusterSpec { speeds, ..self })
    }

    /// With a delay after the computing of each task, which needs no core.
    pub fn with_delay(self, delay: impl Into<Option<Law>>) -> ClusterSpec {
        ClusterSpec { delays: delay.into().into_iter().collect(), ..self }
    }

    /// The same with a law for each worker, repeated over them.
    pub fn with_delays(self, delays: Vec<Law>) -> ClusterSpec {
        ClusterSpec { delays, ..self }
    }

    /// With a factor that multiplies a step of all workers alike.
    pub fn with_common_factor(self, factor: impl Into<Option<Law>>) -> ClusterSpec {
        ClusterSpec { factor: factor.into(), ..self }
    }

    /// With stations that a task visits before its computing: it reads the parameters, and waits for them.
    pub fn with_downlink(self, downlink: Vec<Station>) -> ClusterSpec {
        ClusterSpec { downlink, ..self }
    }

    /// With stations that a task visits after its computing and its delay, on its way to the server.
    pub fn with_uplink(self, uplink: Vec<Station>) -> ClusterSpec {
        ClusterSpec { uplink, ..self }
    }

    /// With cores that all workers share when more of them compute than there are cores.
    ///
    /// # Errors
    /// [`SpecError`] of no cores.
    pub fn with_cores(self, cores: impl Into<Option<u32>>) -> Result<ClusterSpec, SpecError> {
        let cores = cores.into();
        need("number of cores", f64::from(cores.unwrap_or(1)), cores != Some(0), "at least 1")?;
        Ok(ClusterSpec { cores, ..self })
    }

    /// Whether workers share cores equally or queue for them.
    pub fn with_sharing(self, sharing: Sharing) -> ClusterSpec {
        ClusterSpec { sharing, ..self }
    }

    /// With speeds of the cores, repeated over them, where workers queue for them.
    ///
    /// # Errors
    /// [`SpecError`] if there is none, or one is not positive and finite.
    pub fn with_core_speeds(self, core_speeds: Vec<f64>) -> Result<ClusterSpec, SpecError> {
        all_positive("speeds of cores", &core_speeds)?;
        Ok(ClusterSpec { core_speeds, ..self })
    }

    /// With contention: how many times as long a step takes with 1, 2, 3, ... workers computing; more of them are slowed down
    /// as the last number says.
    ///
    /// # Errors
    /// [`SpecError`] if there is none, or one is not positive and finite.
    pub fn with_contention(self, contention: Vec<f64>) -> Result<ClusterSpec, SpecError> {
        all_positive("contention", &contention)?;
        Ok(ClusterSpec { contention, ..self })
    }

    /// Without contention.
    pub fn without_contention(self) -> ClusterSpec {
        ClusterSpec { contention: Vec::new(), ..self }
    }

    /// With a server that is busy for a time with each submission, first come first served.
    pub fn with_service(self, service: impl Into<Option<Law>>) -> ClusterSpec {
        ClusterSpec { service: service.into(), ..self }
    }

    /// With a server that is busy for a time with each update.
    pub fn with_update(self, update: impl Into<Option<Law>>) -> ClusterSpec {
        ClusterSpec { update: update.into(), ..self }
    }

    /// Whether the server needs a core for what it does, and shares the workers' cores.
    pub fn with_computing_server(self, server_computes: bool) -> ClusterSpec {
        ClusterSpec { server_computes, ..self }
    }

    /// When a worker whose task is cancelled is free again.
    pub fn with_cancellation(self, cancellation: Cancellation) -> ClusterSpec {
        ClusterSpec { cancellation, ..self }
    }

    /// With communication. A lone worker has nobody to communicate with, and pays for none.
    pub fn with_communication(self, communication: impl Into<Option<Communication>>) -> ClusterSpec {
        ClusterSpec { communication: communication.into(), ..self }
    }

    /// With failures.
    pub fn with_failures(self, failures: impl Into<Option<Failures>>) -> ClusterSpec {
        ClusterSpec { failures: failures.into(), ..self }
    }

    /// Strong scaling: the law is for the whole batch on one worker; each of m workers computes its m-th part of it, and
    /// `fixed_s` more.
    ///
    /// # Errors
    /// [`SpecError`] if that is negative or not finite.
    pub fn with_global_batch(self, fixed_s: f64) -> Result<ClusterSpec, SpecError> {
        not_negative("fixed part of a step", fixed_s)?;
        Ok(ClusterSpec { splits_batch: true, fixed_s, ..self })
    }

    /// What workers compute.
    pub fn compute(&self) -> &Compute {
        &self.compute
    }

    /// The law of worker 0's delay.
    pub fn delay(&self) -> Option<&Law> {
        self.delays.first()
    }

    /// The laws of the workers' delays, repeated over them; none without a delay.
    pub fn delays(&self) -> &[Law] {
        &self.delays
    }

    /// The law of a worker's delay.
    pub fn delay_of(&self, worker: u32) -> Option<&Law> {
        self.delays.get(worker as usize % self.delays.len().max(1))
    }

    /// Mean delay of a worker's task, s.
    pub(super) fn mean_delay(&self, worker: u32) -> f64 {
        self.delay_of(worker).map_or(0.0, Law::mean)
    }

    /// What multiplies a step of all workers alike.
    pub fn common_factor(&self) -> Option<&Law> {
        self.factor.as_ref()
    }

    /// How many times as long a step takes with 1, 2, 3, ... workers computing; empty if they do not disturb each other.
    pub fn contention(&self) -> &[f64] {
        &self.contention
    }

    /// The part of a step that no share of a batch makes shorter, if the law is for the whole batch, s.
    pub fn global_batch(&self) -> Option<f64> {
        self.splits_batch.then_some(self.fixed_s)
    }

    /// How long the server is busy with a submission.
    pub fn service(&self) -> Option<&Law> {
        self.service.as_ref()
    }

    /// Speeds of the workers, repeated over them.
    pub fn speeds(&self) -> &[f64] {
        &self.speeds
    }

    /// Cores that all workers share.
    pub fn cores(&self) -> Option<u32> {
        self.cores
    }

    /// When a worker whose task is cancelled is free again.
    pub fn cancellation(&self) -> Cancellation {
        self.cancellation
    }

    /// The communication, as typed.
    pub fn communication(&self) -> Option<&Communication> {
        self.communication.as_ref()
    }

    /// The failures.
    pub fn failures(&self) -> Option<&Failures> {
        self.failures.as_ref()
    }

    /// The speed of a worker.
    pub fn speed(&self, worker: u32) -> f64 {
        self.speeds[worker as usize % self.speeds.len()]
    }

    /// The same workers, and nothing that can come between them.
    pub fn uncontended(&self) -> ClusterSpec {
        ClusterSpec {
            factor: self.factor.clone(),
            delays: self.delays.clone(),
            speeds: self.speeds.clone(),
            fixed_s: self.fixed_s,
            splits_batch: self.splits_batch,
            shares: self.shares,
            ..ClusterSpec::of(self.compute.clone())
        }
    }

    /// The probability that a step of the quickest of the workers takes no longer than this, if nobody is in its way.
    pub(crate) fn step_within(&self, workers: u32, seconds: f64) -> f64 {
        let least = self.factor.as_ref().map_or(1.0, Law::minimum);
        let left_s = seconds - self.fixed_s;
        let of = |w: u32| match (left_s > 0.0, least > 0.0) {
            (false, _) => 0.0,
            (true, false) => 1.0,
            (true, true) => self.compute.law(w).cdf(left_s * self.speed(w) / least),
        };
        (0..workers.min(self.repeats_after())).map(of).fold(0.0, f64::max)
    }

    /// Rows of the shortest trace that single times are drawn from.
    pub(crate) fn fewest_rows(&self) -> Option<usize> {
        let laws = match &self.compute {
            Compute::Laws(laws) => &laws[..],
            Compute::Rows(_) => &[],
        };
        let others = [&self.factor, &self.service, &self.update].into_iter().flatten().chain(&self.delays);
        let measured = laws.iter().chain(others).filter(|law| matches!(law, Law::Trace(_)));
        measured.filter_map(Law::atoms).map(<[f64]>::len).min()
    }

    /// How many times as long a step takes, where all begin at once.
    pub(crate) fn first_slowdown(&self, workers: u32) -> f64 {
        let busy = self.contention.get((workers as usize).min(self.contention.len()).wrapping_sub(1)).copied();
        let shared = self.shared_cores(workers).filter(|_| self.sharing == Sharing::Equally);
        busy.unwrap_or(1.0).max(shared.map_or(1.0, |cores| f64::from(workers) / f64::from(cores)))
    }

    /// Seconds until the first worker has its parameters, at least.
    pub(crate) fn first_message_s(&self) -> f64 {
        self.downlink.iter().map(|station| station.law.minimum()).sum()
    }

    /// Coefficient of variation of worker 0's task of one step.
    pub fn variation(&self) -> f64 {
        let compute = self.compute.law(0).variance() / (self.speed(0) * self.speed(0));
        (compute + self.delay_of(0).map_or(0.0, Law::variance)).sqrt() / self.mean_task(0, 1)
    }

    /// Workers from this one on are the same as the first ones.
    pub(crate) fn repeats_after(&self) -> u32 {
        let lengths = [self.compute.laws().len(), self.speeds.len(), self.delays.len().max(1)].map(|n| n as u64);
        let common = lengths.into_iter().try_fold(1u64, |common, n| (common / gcd(common, n)).checked_mul(n));
        common.and_then(|common| u32::try_from(common).ok()).unwrap_or(u32::MAX)
    }

    /// Whether all of the first `workers` workers have the same laws and speed.
    pub fn is_homogeneous(&self, workers: u32) -> bool {
        let same = |w: u32| {
            self.speed(w) == self.speed(0)
                && self.compute.law(w) == self.compute.law(0)
                && self.delay_of(w) == self.delay_of(0)
        };
        (1..workers.min(self.repeats_after())).all(same)
    }

    /// Whether workers go on computing for tasks that were cancelled under this rule.
    pub fn computes_discarded_work(&self, rule: Rule) -> bool {
        self.cancellation == Cancellation::AfterStep && rule.cancels()
    }

    /// Whether a task is nothing but computing at full speed, which ends it at once if it is cancelled.
    pub(crate) fn is_plain(&self, rule: Rule) -> bool {
        self.only_computes() && self.shared_cores(rule.workers).is_none() && !self.computes_discarded_work(rule)
    }

    /// Whether nothing but computing takes time.
    pub(crate) fn only_computes(&self) -> bool {
        let laws = [&self.service, &self.update];
        let links = self.downlink.is_empty() && self.uplink.is_empty() && self.communication.is_none();
        self.delays.is_empty()
            && laws.into_iter().all(Option::is_none)
            && links
            && self.all_reduce_s == 0.0
            && self.failures.is_none()
    }

    /// The cores, if somebody, the server included, has none of its own, or it matters which, or how many compute.
    pub(crate) fn shared_cores(&self, workers: u32) -> Option<u32> {
        let sharers = workers + u32::from(self.server_computes);
        match self.contention.is_empty() {
            true => self.cores.filter(|&cores| cores < sharers || !self.has_equal_cores()),
            false => Some(self.cores.unwrap_or(sharers)),
        }
    }

    fn has_equal_cores(&self) -> bool {
        self.sharing == Sharing::Equally || self.core_speeds.iter().all(|&speed| speed == 1.0)
    }

    /// Whether it matters which of the cores `workers` workers have, or how many of them compute.
    pub fn shares_cores(&self, workers: u32) -> bool {
        !self.contention.is_empty() || self.cores.is_some_and(|cores| cores < workers || !self.has_equal_cores())
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
