//! What should it be? Closed forms and bounds for the mean time per update, under their conditions.
//!
//! Order statistics and the K-policies follow Dutta et al. (2018), local SGD Wang and Joshi (2019), the server's queue the
//! machine repairman; what is derived here says how.
//!
//! P workers, K the quorum, X a worker's time for a task, X_{K:P} the K-th smallest of P. Everything is dispatched on the
//! four dials of the [`Rule`], so policies that are equal have equal theory.

pub(crate) mod order;
pub mod quadrature;

use crate::cluster::spec::{ClusterSpec, Sharing};
use crate::policy::{OnCompletion, OnUpdate, Rule};
use crate::random::law::{Aging, Law};
use crate::theory::order::{Sum, kth_of_tasks, sum_of};
pub use crate::theory::order::{kth_of_exponentials, kth_of_paretos};

/// What theory says of a mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Theory {
    /// Seconds.
    pub seconds: f64,
    /// In what sense.
    pub kind: Kind,
}

/// In what sense a theoretical value holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is the mean, in the long run.
    Exact,
    /// The mean is not less.
    Lower,
    /// The mean is not more.
    Upper,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Kind::Exact => "exact",
            Kind::Lower => "lower",
            Kind::Upper => "upper",
        })
    }
}

fn exact(seconds: f64) -> Option<Theory> {
    Some(Theory { seconds, kind: Kind::Exact })
}

fn lower(seconds: f64) -> Option<Theory> {
    Some(Theory { seconds, kind: Kind::Lower })
}

fn upper(seconds: f64) -> Option<Theory> {
    Some(Theory { seconds, kind: Kind::Upper })
}

/// Mean time per update of `rule` on `fleet` in the long run, s; `None` where nothing is known.
pub fn time_per_update(rule: Rule, spec: &ClusterSpec) -> Option<Theory> {
    if rule.is_timed() || rule.drops_stale() || spec.failures.is_some() || !spec.contention.is_empty() {
        return None;
    }
    // An all-reduce comes after everything else, with nobody at work whom it could delay.
    without_all_reduce(rule, spec).map(|theory| Theory { seconds: theory.seconds + spec.all_reduce_s, ..theory })
}

fn without_all_reduce(rule: Rule, spec: &ClusterSpec) -> Option<Theory> {
    if rule.workers == 1 {
        let seconds = alone(rule, spec);
        return match core_speed(spec) {
            // On which core it is, and so how fast, is the cluster's business.
            Some(fastest) => lower(seconds / fastest),
            None => exact(seconds),
        };
    }
    let cores = spec.cores.filter(|_| spec.shares_cores(rule.workers));
    let queues_for_cores = cores.is_some() && spec.sharing == Sharing::FirstCome;
    if queues_for_cores || spec.computes_discarded_work(rule) {
        return contended(rule, spec, 0.0);
    }
    match (cores, &spec.service, &spec.update, spec.uplink.is_empty() && spec.downlink.is_empty()) {
        (None, None, None, true) => uncontended(rule, spec),
        (None, Some(service), None, true) => served(rule, spec, service),
        (Some(cores), None, None, true) => sharing(rule, spec, cores),
        (_, service, update, _) => {
            let mean = |law: &Option<Law>| law.as_ref().map_or(0.0, Law::mean);
            contended(rule, spec, f64::from(rule.quorum) * mean(service) + mean(update))
        }
    }
}

/// Mean staleness of applied gradients in the long run, in updates: tasks in flight at an update over gradients applied
/// by it (each update makes everybody in flight one version staler). `None` where a limited lead idles workers.
///
/// ```
/// use straggle_sim::{Policy, theory::mean_staleness};
/// let staleness = |policy: &str| mean_staleness(policy.parse::<Policy>().unwrap().rule(8).unwrap());
/// assert_eq!(staleness("sync"), Some(0.0));
/// assert_eq!(staleness("async"), Some(7.0)); // P - 1
/// assert_eq!(staleness("k-async:4"), Some(1.0)); // P/K - 1
/// assert_eq!(staleness("k-batch-async:2"), Some(3.5)); // (P - 1)/K
/// ```
pub fn mean_staleness(rule: Rule) -> Option<f64> {
    if rule.drops_stale() {
        return None;
    }
    let in_flight = match (rule.on_update, rule.on_completion) {
        (OnUpdate::Cancelled | OnUpdate::Submits, _) => 0,
        (OnUpdate::CarriesOn, OnCompletion::Waits) => rule.workers - rule.quorum,
        (OnUpdate::CarriesOn, OnCompletion::StartsAnew { slack: None }) => rule.workers - 1,
        (OnUpdate::CarriesOn, OnCompletion::StartsAnew { slack: Some(_) }) => return None,
    };
    Some(f64::from(in_flight) / f64::from(rule.quorum))
}

/// H_n, the sum of 1/i for i = 1..n.
///
/// ```
/// assert_eq!(straggle_sim::theory::harmonic(2), 1.5);
/// ```
pub fn harmonic(n: u32) -> f64 {
    (1..=n).rev().map(|i| 1.0 / f64::from(i)).sum()
}

/// Time per update of p workers who compute for `compute` seconds on average, any law, and then wait for one server that
/// takes an exponential time of mean `service`: the machine repairman M/M/1//P, whose think times may have any law.
///
/// ```
/// use straggle_sim::theory::repairman;
/// assert!((repairman(1, 1.0, 0.1) - 1.1).abs() < 1e-12); // alone: compute, then hand in
/// ```
pub fn repairman(p: u32, compute: f64, service: f64) -> f64 {
    // 1/p0 = sum over k of P!/(P-k)! (s/E[X])^k: p0 is the share of time in which the server has nothing to do. Summed
    // from the inside out, sum = 1 + P r (1 + (P-1) r (1 + ...)), which may overflow to infinity, and then p0 is 0.
    let ratio = service / compute;
    let inverse = (1..=p).fold(1.0, |sum, n| 1.0 + f64::from(n) * ratio * sum);
    service / (1.0 - 1.0 / inverse)
}

/// Mean-square-stable loss floor of async SGD with p workers of exponential times on the quadratic h w^2/2 with gradient
/// noise sigma and step size eta: (eta sigma^2/2) (1 + P x)/(2 + x - P x^2), x = eta h; closed by
/// the moments E[w^2], E[w r], E[r_i^2], E[r_i r_j] of the parameter w and what the workers read, r_i.
/// `None` if it is not stable, x >= (1 + sqrt(1 + 8 P))/(2 P). With one worker this is the classical SGD floor.
pub fn async_floor(p: u32, h: f64, sigma: f64, eta: f64) -> Option<f64> {
    let (p, x) = (f64::from(p), eta * h);
    let room = 2.0 + x - p * x * x;
    (room > 0.0).then(|| eta * sigma * sigma / 2.0 * (1.0 + p * x) / room)
}

/// The same for sync SGD, which averages p gradients: (eta sigma^2/(2 P))/(2 - x), x = eta h; `None` if x >= 2.
pub fn sync_floor(p: u32, h: f64, sigma: f64, eta: f64) -> Option<f64> {
    let room = 2.0 - eta * h;
    (room > 0.0).then(|| eta * sigma * sigma / (2.0 * f64::from(p)) / room)
}

/// Everybody has a core, the server takes no time.
fn uncontended(rule: Rule, spec: &ClusterSpec) -> Option<Theory> {
    let (k, p) = (rule.quorum, rule.workers);
    let memoryless = memoryless_rate(rule, spec).is_some();
    let renewal = renewal(rule, spec);
    match (rule.on_completion, rule.on_update) {
        (OnCompletion::Waits, OnUpdate::Cancelled) => order_statistic(k, rule, spec),
        (OnCompletion::Waits, OnUpdate::CarriesOn) if k == p || memoryless => order_statistic(k, rule, spec),
        (OnCompletion::Waits, OnUpdate::CarriesOn) if k == 1 => exact(renewal),
        // Workers who wait for the quorum hand in less often than workers who never wait.
        (OnCompletion::Waits, OnUpdate::CarriesOn) => lower(renewal),
        (OnCompletion::StartsAnew { slack: _ }, OnUpdate::Cancelled) => fresh_renewals(rule, spec),
        (OnCompletion::StartsAnew { slack: None }, OnUpdate::CarriesOn) => exact(renewal),
        (OnCompletion::StartsAnew { slack: Some(slack) }, OnUpdate::CarriesOn) => limited_lead(slack, rule, spec),
        (_, OnUpdate::Submits) => None,
    }
}

/// K / (sum over workers of 1/E[X_i]): the long-run rate of workers who never wait, whatever the law.
fn renewal(rule: Rule, spec: &ClusterSpec) -> f64 {
    let rate: f64 = (0..rule.workers).map(|w| 1.0 / spec.mean_task(w, rule.steps)).sum();
    f64::from(rule.quorum) / rate
}

/// The common rate of the workers' tasks, if they are memoryless: K-th of P is then the same fresh or used.
fn memoryless_rate(rule: Rule, spec: &ClusterSpec) -> Option<f64> {
    let plain = rule.steps == 1 && spec.delays.is_empty() && spec.fixed_s == 0.0 && spec.is_homogeneous(rule.workers);
    iid_law(spec)?.memoryless_rate().filter(|_| plain).map(|rate| rate * spec.speed(0))
}

/// The one law of all steps of all workers, if they are independent and differ in nothing but their speeds.
fn iid_law(spec: &ClusterSpec) -> Option<&Law> {
    match spec.compute.laws() {
        [law] if spec.compute.is_independent() && spec.factor.is_none() => Some(law),
        _ => None,
    }
}

/// The time of the K-th event of P fresh renewal processes (k-batch-sync).
///
/// The workers' residual times after it, R_i, and Wald's identity give P E[T] = E[X] (K + P) - sum E[R_i]; one of the R_i
/// is a fresh X, and the others are shorter on average where new lasts longer than used, longer where used does.
fn fresh_renewals(rule: Rule, spec: &ClusterSpec) -> Option<Theory> {
    let (k, p) = (rule.quorum, rule.workers);
    if k == 1 {
        return order_statistic(1, rule, spec);
    }
    let renewal = renewal(rule, spec);
    let law = iid_law(spec)?;
    if let (Law::Constant { value }, [], true) = (law, &spec.delays[..], spec.is_homogeneous(p)) {
        return exact((value / spec.speed(0) + spec.fixed_s) * f64::from(rule.steps) * f64::from(k.div_ceil(p)));
    }
    let memoryless_each =
        rule.steps == 1 && spec.delays.is_empty() && spec.fixed_s == 0.0 && law.aging() == Aging::Memoryless;
    match aging_of_step(spec) {
        Aging::Memoryless if memoryless_each => exact(renewal),
        Aging::Memoryless | Aging::NewLasts if spec.is_homogeneous(p) => lower(renewal),
        Aging::UsedLasts if spec.is_homogeneous(p) => upper(renewal),
        Aging::Memoryless | Aging::NewLasts | Aging::UsedLasts | Aging::Neither => None,
    }
}

/// Sums keep "new lasts longer than used", and nothing else.
fn aging_of_step(spec: &ClusterSpec) -> Aging {
    let ages = |law: &Law| matches!(law.aging(), Aging::Memoryless | Aging::NewLasts);
    match (iid_law(spec), &spec.delays[..]) {
        (Some(law), []) if spec.fixed_s == 0.0 => law.aging(),
        (Some(law), []) if ages(law) => Aging::NewLasts,
        (Some(law), [delay]) if ages(delay) && ages(law) => Aging::NewLasts,
        (_, _) => Aging::Neither,
    }
}

/// Stale synchronous parallel (Ho et al. 2013): nobody more than `lead` tasks ahead of the slowest.
fn limited_lead(slack: u32, rule: Rule, spec: &ClusterSpec) -> Option<Theory> {
    let p = f64::from(rule.workers);
    match (slack, rule.workers, memoryless_rate(rule, spec)) {
        // Rounds with a barrier, one update for each worker.
        (0, _, _) => order_statistic(rule.workers, rule, spec).map(|t| Theory { seconds: t.seconds / p, ..t }),
        // Each worker takes 2(s+1) mu/(2s+3) steps a second.
        (s, 2, Some(mu)) => exact(f64::from(2 * s + 3) / (4.0 * f64::from(s + 1) * mu)),
        // Nobody is faster than without a limit, nor in the long run than the slowest.
        (_, _, _) => {
            let slowest = (0..rule.workers).map(|w| spec.mean_task(w, rule.steps)).fold(0.0, f64::max);
            lower(slowest / p)
        }
    }
}

/// E[X_{K:P}] of fresh tasks: exact where the law of a whole task is known, else a bound from above for K = P.
fn order_statistic(k: u32, rule: Rule, spec: &ClusterSpec) -> Option<Theory> {
    let (p, h) = (rule.workers, f64::from(rule.steps));
    let fixed_delay = match &spec.delays[..] {
        [] => Some(0.0),
        [Law::Constant { value }] => Some(*value),
        _ => None,
    };
    let fixed_delay = fixed_delay.map(|delay| delay + h * spec.fixed_s);
    if let Some(mu) = memoryless_rate(rule, spec) {
        return exact(kth_of_exponentials(k, p, mu, None));
    }
    let law = iid_law(spec)?;
    if let (Some(sum), Some(fixed_delay)) = (sum_of(rule.steps, law), fixed_delay) {
        return exact(fixed_delay + kth_of_tasks(k, p, &sum, spec)?);
    }
    if k < p {
        return None;
    }
    // The greatest sum is at most the sum of the greatest: steps by steps, computing and delays apart.
    let single = Sum { shift: 0.0, law: law.clone() };
    let apart = |law: &Law| kth_of_tasks(p, p, &Sum { shift: 0.0, law: law.clone() }, &ClusterSpec::new(law.clone()));
    let delays = match &spec.delays[..] {
        [] => 0.0,
        [delay] => apart(delay)?,
        _ => return None,
    };
    let sum_of_maxima = h * (kth_of_tasks(p, p, &single, spec)? + spec.fixed_s) + delays;
    upper(match spec.is_homogeneous(p) {
        true => sum_of_maxima.min(hartley_david(p, rule.steps, spec)),
        false => sum_of_maxima,
    })
}

/// E[max] <= E[X] + sd (P-1)/sqrt(2P-1), whatever the law (Hartley and David 1954), for the sum of h steps.
fn hartley_david(p: u32, steps: u32, spec: &ClusterSpec) -> f64 {
    let (mean, p) = (spec.mean_task(0, steps), f64::from(p));
    let compute = f64::from(steps) * spec.compute.law(0).variance() / (spec.speed(0) * spec.speed(0));
    let sd = (compute + spec.delay_of(0).map_or(0.0, Law::variance)).sqrt();
    mean + sd * (p - 1.0) / (2.0 * p - 1.0).sqrt()
}

/// P workers share c < P cores equally.
fn sharing(rule: Rule, spec: &ClusterSpec, cores: u32) -> Option<Theory> {
    let never_waits = match rule.on_completion {
        OnCompletion::Waits => rule.quorum == 1,
        OnCompletion::StartsAnew { slack } => slack.is_none(),
    };
    if never_waits && rule.on_update == OnUpdate::CarriesOn && spec.delays.is_empty() {
        // Nobody ever stops computing, so everybody is slowed down by the same factor all the time.
        return exact(renewal(rule, spec) * (f64::from(rule.workers) / f64::from(cores)).max(1.0));
    }
    let all_wait = rule.on_completion == OnCompletion::Waits;
    match memoryless_rate(rule, spec) {
        Some(mu) if all_wait => exact(kth_of_exponentials(rule.quorum, rule.workers, mu, Some(cores))),
        Some(_) | None => {
            // No core does more than a second of computing in a second.
            let fastest = (0..rule.workers).map(|w| spec.speed(w)).fold(0.0, f64::max);
            let computing = rule.gradients_per_update() as f64 * spec.compute.law(0).mean() / fastest;
            let nothing_lost = rule.on_update == OnUpdate::CarriesOn || rule.quorum == rule.workers && all_wait;
            contended(rule, spec, if nothing_lost { computing / f64::from(cores) } else { 0.0 })
        }
    }
}

/// The server takes a time for each submission.
fn served(rule: Rule, spec: &ClusterSpec, service: &Law) -> Option<Theory> {
    let is_async = rule.quorum == 1
        && rule.on_update == OnUpdate::CarriesOn
        && rule.on_completion == OnCompletion::StartsAnew { slack: None }
        && spec.is_homogeneous(rule.workers);
    if is_async && service.aging() == Aging::Memoryless {
        let task = spec.mean_task(0, rule.steps);
        return exact(repairman(rule.workers, task, service.mean()));
    }
    contended(rule, spec, f64::from(rule.quorum) * service.mean())
}

/// How much faster than its own core a worker may be, where it has to take one of unequal cores; at least 1.
fn core_speed(spec: &ClusterSpec) -> Option<f64> {
    let unequal = spec.core_speeds.iter().any(|&speed| speed != 1.0);
    let queued = spec.cores.is_some() && spec.sharing == Sharing::FirstCome && unequal;
    queued.then(|| spec.core_speeds.iter().copied().fold(1.0, f64::max))
}

/// One worker, one task after the other, one submission after the other, whatever the policy.
fn alone(rule: Rule, spec: &ClusterSpec) -> f64 {
    let mean = |law: &Option<Law>| law.as_ref().map_or(0.0, Law::mean);
    let task = spec.mean_task(0, rule.steps) + mean(&spec.service);
    f64::from(rule.quorum) * task + mean(&spec.update)
}

/// Something gets in the way: no faster than without it, and no faster than `busy` seconds per update.
fn contended(rule: Rule, spec: &ClusterSpec, busy: f64) -> Option<Theory> {
    let bound = |spec: &ClusterSpec| uncontended(rule, spec).filter(|theory| theory.kind != Kind::Upper);
    // Nor is it faster than computing alone.
    let free = bound(spec).or_else(|| bound(&spec.clone().with_delay(None)));
    // Cores may be faster than those on which a worker's own time was taken.
    let least = (free.map_or(0.0, |theory| theory.seconds) / core_speed(spec).unwrap_or(1.0)).max(busy);
    if least > 0.0 { lower(least) } else { None }
}
