//! How a run begins, when it begins to count, and how long it goes on.
//!
//! Three cases, by what is true of the rule on the cluster:
//!
//! - **Renewal**: an update leaves nothing under way, so iterations are independent and a run counts from its first moment.
//! - **Stationary**: workers never wait for anything, so they are independent renewal processes. A run begins in the middle of
//!   things, at an update ([`Variates::in_the_middle`](crate::cluster::Variates::in_the_middle)), and is stationary from there.
//! - **Warm-up**: everything else begins in the middle of things too, which takes the worst out of it, and then runs until
//!   three things have passed that can last: phases of workers that hardly vary, rests of very long steps, and the way of the
//!   fastest to the end of SSP's slack.
//!
//! How many updates make an interval honest is a matter of the law's tail (see `skewness`): a run is as long
//! as makes the skewness of its mean small, and a given length that leaves it large has no interval.

use crate::cluster::spec::{ClusterSpec, Sharing};
use crate::measure::accounts::Ended;
use crate::measure::gaps::Gaps;
use crate::measure::replications::Replication;
use crate::measure::skewness::{are_enough, updates_for};
use crate::policy::{OnCompletion, OnUpdate, Rule};
use crate::random::law::{Law, Phases};
use std::fmt;

/// How the runs of a configuration begin, and why an interval from them is honest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Iterations are independent of each other.
    Renewal,
    /// Runs begin in their stationary state.
    Stationary,
    /// Runs begin near it, and do not count at first.
    WarmUp,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Method::Renewal => "renewal-replications",
            Method::Stationary => "stationary-replications",
            Method::WarmUp => "warmed-up-replications",
        })
    }
}

/// Independent runs of one configuration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// How they begin.
    pub method: Method,
    /// How many there are.
    pub replications: u32,
    /// Updates of each that do not count, at least.
    pub warm_up: u64,
    /// Updates that should not count, where that would take too long.
    pub warm_up_wanted: Option<u64>,
    /// Updates of a whole number of rounds: the longest period that times between them can have.
    pub period: u64,
    /// Updates of all together that count.
    pub updates: u64,
    /// Whether that is enough for an honest interval.
    pub honest: Honest,
}

/// Whether an interval is honest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Honest {
    /// It is.
    Yes,
    /// There are too few updates: so many would do.
    From(u64),
    /// The law's tail is too heavy for any run that ends.
    Never,
}

/// Replications, where there are as many updates.
pub const REPLICATIONS: u32 = 20;

/// Replications of a run that stops when it is precise: so many that its scatter is known well, or it would stop too soon wherever
/// that happens to look small.
pub const REPLICATIONS_TO_PRECISION: u32 = 80;

/// Updates that are counted at least, unless a number is given.
pub(crate) const UPDATES: u64 = 5000;

/// The skewness of a mean at which a run is long enough.
const SKEWNESS: f64 = 0.1;

/// The skewness of a mean beyond which no interval is honest.
const DISHONEST: f64 = 0.2;

/// Steps in all replications together that a run may take to become honest by itself: seconds.
const AFFORDABLE: f64 = 2e7;

/// Steps of all warm-ups together, at most.
const WARMING_UP: f64 = 4e7;

/// Steps in all replications together that a run may take to see what changes slowly: some 70 ms of workers that never wait.
const MIXING: f64 = 2e6;

impl Plan {
    /// Bytes that the results of a configuration take, about.
    pub(crate) fn memory(&self, rule: Rule) -> u64 {
        let replications = u64::from(self.replications);
        let times = Gaps::memory(self.updates / replications.max(1));
        let each = if rule.cancels() { u64::from(rule.workers) * size_of::<Ended>() as u64 } else { 0 };
        replications * (size_of::<Replication>() as u64 + times + each)
    }

    /// As many updates as an honest interval needs, and at least 5000.
    pub fn honest(rule: Rule, spec: &ClusterSpec) -> Plan {
        Plan::at_least(rule, spec, UPDATES, REPLICATIONS).through_slow_changes(rule, spec)
    }

    /// As many updates as an honest interval needs, and at least so many (or, of steps that are drawn in blocks, of those), in so
    /// many replications.
    pub fn at_least(rule: Rule, spec: &ClusterSpec, least: u64, replications: u32) -> Plan {
        let most = (AFFORDABLE / steps_per_update(rule)).max(least as f64);
        let least = (least as f64 * spec.compute.block()).min(most);
        let plan = if are_enough(rule, spec, least, SKEWNESS) {
            Plan::with(rule, spec, least as u64, replications, Honest::Yes)
        } else {
            let updates = least.max(updates_for(rule, spec, SKEWNESS).unwrap_or(0.0)).min(most) as u64;
            Plan::of(rule, spec, updates, replications)
        };
        // Half as long as the warm-up, which is then not most of the work; and whole rounds, so that a period of workers that
        // hardly vary is cut nowhere.
        plan.longer(plan.updates.max(plan.warm_up / 2 * u64::from(plan.replications.min(REPLICATIONS))))
    }

    /// Long enough that every replication sees what changes slowly, if that is affordable: the phases that workers who hardly vary
    /// can be in, and how far workers can be ahead under SSP. A mean is right without, but intervals of quantiles and shares hold too
    /// seldom.
    pub fn through_slow_changes(self, rule: Rule, spec: &ClusterSpec) -> Plan {
        let rounds = match self.method {
            Method::Renewal => 0.0,
            Method::Stationary => phase_rounds(rule, spec),
            Method::WarmUp => slack_rounds(rule, spec),
        };
        let updates = updates_of_rounds(rule, rounds).saturating_mul(u64::from(self.replications.min(REPLICATIONS)));
        let is_affordable = updates as f64 * steps_per_update(rule) <= MIXING;
        if is_affordable { self.longer(self.updates.max(updates)) } else { self }
    }

    /// So many updates.
    pub fn of(rule: Rule, spec: &ClusterSpec, updates: u64, replications: u32) -> Plan {
        let honest = if updates >= crate::measure::interval::FEWEST as u64
            && are_enough(rule, spec, updates as f64, DISHONEST)
        {
            Honest::Yes
        } else {
            updates_for(rule, spec, SKEWNESS)
                .map_or(Honest::Never, |enough| Honest::From(round_up(enough.max(100.0)).max(updates + 1)))
        };
        Plan::with(rule, spec, updates, replications, honest)
    }

    fn with(rule: Rule, spec: &ClusterSpec, updates: u64, replications: u32, honest: Honest) -> Plan {
        let replications = u64::from(replications).min(updates).max(1) as u32;
        let method = method(rule, spec);
        let period = match method {
            Method::Renewal => 1,
            Method::Stationary | Method::WarmUp => u64::from(rule.workers / gcd(rule.workers, rule.quorum)),
        };
        let (warm_up, wanted) = (warm_up(rule, spec), warm_up_wanted(rule, spec));
        let warm_up_wanted = Some(wanted).filter(|&wanted| wanted > warm_up);
        Plan { method, replications, warm_up, warm_up_wanted, period, updates, honest }
    }

    /// At least so many updates, in whole rounds.
    pub fn longer(self, updates: u64) -> Plan {
        let replications = u64::from(self.replications);
        let updates = updates.div_ceil(replications).div_ceil(self.period) * self.period * replications;
        let honest = match self.honest {
            Honest::From(enough) if enough <= updates => Honest::Yes,
            honest => honest,
        };
        Plan { updates, honest, ..self }
    }

    /// Updates of the `r`-th replication that do not count. They end at places spread evenly over a round: where updates come in
    /// bunches, a window that always began before a bunch would count one too many.
    pub fn warm_up_of(&self, r: u32) -> u64 {
        match self.method {
            Method::Renewal | Method::Stationary => 0,
            Method::WarmUp => self.warm_up + u64::from(r) * self.period / u64::from(self.replications),
        }
    }

    /// Updates of the `r`-th replication that count.
    pub fn updates_of(&self, r: u32) -> u64 {
        let (updates, all) = (self.updates, u64::from(self.replications));
        updates / all + u64::from(u64::from(r) < updates % all)
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// A number to type: two digits.
fn round_up(n: f64) -> u64 {
    let unit = 10f64.powf(n.log10().floor() - 1.0).max(1.0);
    ((n / unit).ceil() * unit) as u64
}

/// Which of the three cases it is.
pub fn method(rule: Rule, spec: &ClusterSpec) -> Method {
    // Workers that take more steps in a fast phase than in a slow one are not seen in them as often as their steps are.
    let one_each = rule.on_completion == OnCompletion::Waits || rule.quorum == 1;
    let in_turn = one_each && rule.on_update != OnUpdate::Submits;
    if rule.renews() && !spec.computes_discarded_work(rule) && (in_turn || phases(spec).next().is_none()) {
        return Method::Renewal;
    }
    let never_waits = match rule.on_completion {
        OnCompletion::StartsAnew { slack: None } => true,
        OnCompletion::StartsAnew { slack: Some(_) } => false,
        OnCompletion::Waits => rule.quorum == 1,
    };
    let free_server = spec.service.is_none() && spec.update.is_none() && !rule.drops_stale();
    let queues = spec.downlink.iter().chain(&spec.uplink).any(|station| station.servers.is_some());
    let free_server =
        free_server && !queues && spec.failures.is_none() && spec.factor.is_none() && spec.compute.is_independent();
    // Where all who share cores equally do nothing but compute, all of them always do, and each is slowed down by the same.
    let alone = match spec.shared_cores(rule.workers) {
        None => true,
        Some(_) => spec.sharing == Sharing::Equally && spec.only_computes() && !spec.server_computes,
    };
    match never_waits && rule.on_update == OnUpdate::CarriesOn && free_server && alone {
        true => Method::Stationary,
        false => Method::WarmUp,
    }
}

/// Updates of each replication that do not count.
///
/// In rounds, of one task for every worker: ten, and
///
/// - the phase of a worker's renewal process forgets its beginning as exp(-2 pi^2 CV^2 n) after n tasks (the first mode of
///   diffusion on a circle): eight times that;
/// - what is left of a step that is under way has the mean (1 + CV^2)/2: four times that;
/// - phases that last are as many as their steps are at first, and not as they are at a moment: eight times as long as a chain remembers;
/// - machines that fail are all up at first: until as many are away as in the long run, five times over;
/// - under SSP, until the fastest has used up its slack against the slowest, s / (1 - slow/fast), or until chance alone has
///   spread the workers over it: s^2/CV^2, less for many, of whom some pair is farthest apart.
pub fn warm_up(rule: Rule, spec: &ClusterSpec) -> u64 {
    let most = (WARMING_UP / f64::from(REPLICATIONS) / f64::from(rule.workers)).max(10.0);
    updates_of_rounds(rule, warm_up_rounds(rule, spec).min(most))
}

/// The same, however long it takes.
fn warm_up_wanted(rule: Rule, spec: &ClusterSpec) -> u64 {
    updates_of_rounds(rule, warm_up_rounds(rule, spec))
}

fn updates_of_rounds(rule: Rule, rounds: f64) -> u64 {
    (rounds * f64::from(rule.workers) / tasks_per_update(rule)).ceil() as u64
}

/// Tasks that end from one update to the next, about: those that make it, and those that are dropped for their staleness.
///
/// While one of T tasks per update lasts, m workers make u = m / T updates. Of exponential tasks that begin anywhere between two
/// of them, evenly spaced, a share 1 - u exp(-R / u) (1 - exp(-1 / u)) sees no more than R and is not too stale: that is K in T.
/// Other laws differ; no more tasks are taken to end than one of every worker, so that a warm-up is rather too long.
fn tasks_per_update(rule: Rule) -> f64 {
    let (m, quorum) = (f64::from(rule.workers), f64::from(rule.quorum));
    if !rule.drops_stale() || quorum >= m {
        return quorum;
    }
    let not_too_stale = |u: f64| 1.0 + u * (-(rule.max_staleness as f64) / u).exp() * (-1.0 / u).exp_m1();
    let (mut few, mut many) = (1.0, m / quorum);
    for _ in 0..60 {
        let u = (few + many) / 2.0;
        if not_too_stale(u) > quorum * u / m { few = u } else { many = u }
    }
    m / few
}

fn warm_up_rounds(rule: Rule, spec: &ClusterSpec) -> f64 {
    if method(rule, spec) != Method::WarmUp {
        return 0.0;
    }
    let square = square_of_variation(rule, spec);
    let phases = phase_rounds(rule, spec).min(2000.0);
    let rests = (2.0 * (1.0 + square)).min(2000.0);
    10.0 + phases + rests + slack_rounds(rule, spec) + failing_rounds(rule, spec) + persistence_rounds(spec)
}

/// Rounds until a worker's phase has forgotten its beginning.
fn phase_rounds(rule: Rule, spec: &ClusterSpec) -> f64 {
    8.0 / (2.0 * std::f64::consts::PI.powi(2) * square_of_variation(rule, spec))
}

fn square_of_variation(rule: Rule, spec: &ClusterSpec) -> f64 {
    task_variation(rule, spec).powi(2).clamp(1e-12, 1e12)
}

/// The laws of phases that last.
fn phases(spec: &ClusterSpec) -> impl Iterator<Item = &Phases> {
    spec.compute.laws().iter().chain(&spec.delays).filter_map(|law| match law {
        Law::Markov(phases) if !law.is_independent() => Some(&**phases),
        _ => None,
    })
}

/// Rounds until phases are as they are seen in the long run: a chain forgets its beginning as (1 - r)^n after n steps, of which the slow
/// ones take so many times as long as the fast ones of others; eight times that.
fn persistence_rounds(spec: &ClusterSpec) -> f64 {
    let rounds = |phases: &Phases| {
        let ratio = phases.slow.mean() / phases.fast.mean();
        8.0 / phases.renewal() * ratio.max(1.0 / ratio)
    };
    phases(spec).map(rounds).fold(0.0, f64::max)
}

/// Rounds until as many workers are away as in the long run: the rates of failing and of coming back add up.
fn failing_rounds(rule: Rule, spec: &ClusterSpec) -> f64 {
    let Some(failures) = spec.failures() else { return 0.0 };
    let relaxation_s = failures.mtbf_s * failures.restart_s / (failures.mtbf_s + failures.restart_s);
    5.0 * relaxation_s / spec.mean_task(0, rule.steps)
}

/// Rounds until SSP's slack is used up.
fn slack_rounds(rule: Rule, spec: &ClusterSpec) -> f64 {
    let OnCompletion::StartsAnew { slack: Some(slack) } = rule.on_completion else { return 0.0 };
    let square = square_of_variation(rule, spec);
    let (slack, m) = (f64::from(slack), f64::from(rule.workers));
    let by_chance = 2.0 * slack * slack / square / (1.0 + 4.0 * m.ln());
    let times = (0..rule.workers).map(|w| spec.mean_task(w, 1));
    let (fast, slow) = times.fold((f64::INFINITY, 0.0), |(fast, slow): (f64, f64), s| (fast.min(s), slow.max(s)));
    // A round is as many tasks as workers, most of them of the fast: at most as many of each as the fastest takes.
    if fast == slow && square <= 1e-12 {
        // Nobody ever gets ahead.
        return 0.0;
    }
    let by_speed = 1.5 * slack / (1.0 - fast / slow).max(f64::MIN_POSITIVE);
    by_speed.min(by_chance)
}

/// Coefficient of variation of a task: the largest of all workers, who differ in how much of it is computing.
fn task_variation(rule: Rule, spec: &ClusterSpec) -> f64 {
    let delay = |w: u32| spec.delay_of(w).map_or(0.0, Law::variance);
    let of = |w: u32| (spec.compute.law(w).variance() / spec.speed(w).powi(2) + delay(w)).sqrt() / spec.mean_task(w, 1);
    let distinct = rule.workers.min(spec.repeats_after());
    (0..distinct).map(of).fold(0.0, f64::max) / f64::from(rule.steps).sqrt()
}

/// Steps that workers take for one update, whether it uses them or not.
fn steps_per_update(rule: Rule) -> f64 {
    let tasks = if rule.renews() { f64::from(rule.workers.max(rule.quorum)) } else { tasks_per_update(rule) };
    f64::from(rule.steps) * tasks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::spec::Cancellation;
    use crate::cluster::{Event, Run, Simulated};
    use crate::policy::Policy;
    use crate::random::key::RandomKey;

    fn plan(policy: &str, m: u32, law: &str) -> Plan {
        let rule = policy.parse::<Policy>().unwrap().rule(m).unwrap();
        Plan::honest(rule, &ClusterSpec::new(law.parse().unwrap()))
    }

    #[test]
    fn runs_are_as_long_as_their_law_needs() {
        assert_eq!(plan("sync", 8, "exp(2)").updates, 5000);
        assert!(plan("async", 8, "hyper-exp(0.999, 2, 0.002)").updates > 200_000);
        assert!(plan("sync", 8, "lognormal(0, 1.5)").updates > 10_000);
        assert_eq!(plan("async", 8, "pareto(0.3, 1.5)").honest, Honest::Never);
        assert_eq!(plan("async", 20, "exp(2)").updates % (20 * 20), 0, "whole rounds");
        let few = |updates| {
            let rule = Policy::SYNC.rule(8).unwrap();
            Plan::of(rule, &ClusterSpec::new("lognormal(0, 1.5)".parse().unwrap()), updates, REPLICATIONS).honest
        };
        assert!(matches!(few(64), Honest::From(_)) && few(100_000) == Honest::Yes);
    }

    /// Within a fifth, as the share that counts is about right and the sample is large.
    #[test]
    fn tasks_that_are_dropped_count_as_work() {
        for (policy, m) in [("rennala:4", 64), ("rennala:1", 64), ("ringmaster:3", 64), ("ringmaster:20", 64)] {
            let rule = policy.parse::<Policy>().unwrap().rule(m).unwrap();
            let spec = ClusterSpec::new("exp(1)".parse().unwrap());
            let run = Run::new(rule, Simulated::new(spec, RandomKey::new(0, 0), m));
            let (mut tasks, mut updates) = (0, 0);
            for (_, event) in run.take_while(|(time, _)| time.seconds() < 1000.0) {
                match event {
                    Event::Finished(_) => tasks += 1,
                    Event::Updated(_) => updates += 1,
                    _ => {}
                }
            }
            let (found, told) = (f64::from(tasks) / f64::from(updates), tasks_per_update(rule));
            assert!((found / told - 1.0).abs() < 0.2, "{policy}: {found} tasks an update, {told} by the formula");
        }
    }

    /// A slack of 10^4 tasks takes 2 10^7 rounds of chance to use up, of which a run affords 40 million steps.
    #[test]
    fn a_warm_up_that_is_cut_short_is_told() {
        let cut = plan("ssp:10000", 8, "exp(1)");
        assert_eq!(cut.warm_up, (WARMING_UP / f64::from(REPLICATIONS)) as u64);
        assert!(cut.warm_up_wanted.unwrap() > 10 * cut.warm_up, "{cut:?}");
        for whole in [plan("ssp:2", 8, "exp(1)"), plan("sync", 8, "exp(1)"), plan("async", 1000, "lognormal(0, 1.5)")] {
            assert_eq!(whole.warm_up_wanted, None);
        }
    }

    /// Phases that last are rounds of warm-up, where workers do not take their steps in turn.
    #[test]
    fn phases_that_last_are_waited_for() {
        let law = "markov(constant(0.1), constant(1), 100, 100)";
        for policy in ["async", "k-async:2", "k-batch-sync:4", "anytime:1"] {
            let plan = plan(policy, 16, law);
            assert_eq!(plan.method, Method::WarmUp, "{policy}");
            // A slow stay takes as long as 1000 fast steps.
            assert!(plan.updates >= 9 * plan.warm_up && plan.warm_up >= 1000, "{policy}: {plan:?}");
        }
        for policy in ["sync", "k-sync:3", "k-batch-sync:1"] {
            assert_eq!(plan(policy, 16, law).method, Method::Renewal, "{policy}");
        }
        // Nobody gets ahead where nothing varies.
        assert_eq!(plan("ssp:1", 5, "constant(1)").warm_up_wanted, None);
    }

    #[test]
    fn each_case_is_told_from_the_others() {
        let spec = ClusterSpec::new("exp(2)".parse().unwrap());
        let of = |policy: &str, spec: &ClusterSpec| method(policy.parse::<Policy>().unwrap().rule(8).unwrap(), spec);
        let served = spec.clone().with_service(Some("exp(9)".parse().unwrap()));
        let shared = spec.clone().with_cores(Some(4)).unwrap();
        let in_vain = spec.clone().with_cancellation(Cancellation::AfterStep);
        for policy in ["sync", "k-sync:3", "local:4", "k-batch-sync:3"] {
            assert_eq!(of(policy, &spec), Method::Renewal);
            assert_eq!(of(policy, &served), Method::Renewal);
        }
        for policy in ["async", "k-batch-async:3", "k-async:1", "ssp:infinite"] {
            assert_eq!(of(policy, &spec), Method::Stationary);
            assert_eq!(of(policy, &shared), Method::Stationary);
            assert_eq!(of(policy, &served), Method::WarmUp);
        }
        for policy in ["k-async:3", "ssp:2"] {
            assert_eq!(of(policy, &spec), Method::WarmUp);
        }
        assert_eq!(of("k-sync:3", &in_vain), Method::WarmUp);
    }
}
