//! What should it be? Closed forms, bounds and approximations for the mean time per update, under their conditions.
//!
//! Everything is dispatched on the dials of the [`Rule`], so policies that are equal have equal theory, and on what the cluster
//! has beyond workers that compute. Where no formula holds there is none.
//!
//! Rooms, in the order in which to read them: [`formula`] (the table of all formulas, with sources), `order` (who is the K-th
//! of m), `barrier` (waiting for the K-th), `asynchronous` (never waiting, or dropping what is stale), `timed` (a clock decides),
//! `queueing` (a server, shared cores, contention), `server` (a parameter server's link), `failures` (setbacks, checkpoints), `learning` (staleness, loss floors),
//! [`quadrature`]. Communication is in [`comm`](crate::cluster::comm).

mod asynchronous;
mod barrier;
mod failures;
pub mod formula;
mod learning;
pub(crate) mod order;
pub mod quadrature;
mod queueing;
mod server;
mod timed;

pub use crate::theory::asynchronous::{accepted_share, fresh_gradients, fresh_workers};
pub use crate::theory::failures::{Stretch, checkpoint_interval};
pub(crate) use crate::theory::failures::{fails_within, have_variance};
pub use crate::theory::formula::Formula;
pub use crate::theory::learning::{
    async_floor, async_losses, async_stable_below, fresh_losses, mean_staleness, sync_floor,
};
pub use crate::theory::order::{kth_of_exponentials, kth_of_paretos};
pub use crate::theory::queueing::repairman;

use crate::cluster::spec::{Cancellation, ClusterSpec, Sharing};
use crate::policy::{OnCompletion, OnUpdate, Rule};
use crate::random::law::Law;
use crate::theory::asynchronous::{dropping, limited_lead, of_renewal, renewal};
use crate::theory::barrier::{fresh_renewals, order_statistic};
use crate::theory::formula::WAITING_RENEWAL;

/// What theory says of a mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Theory {
    /// Seconds.
    pub seconds: f64,
    /// In what sense.
    pub kind: Kind,
    /// By which formula.
    pub formula: &'static Formula,
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
    /// It is near the mean, on either side.
    Approximation,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Kind::Exact => "exact",
            Kind::Lower => "lower",
            Kind::Upper => "upper",
            Kind::Approximation => "approximation",
        })
    }
}

/// Mean time per update of `rule` on a cluster in the long run, s; `None` where nothing is known.
pub fn time_per_update(rule: Rule, spec: &ClusterSpec) -> Option<Theory> {
    if let Some(failures) = &spec.failures {
        return failures::failing(rule, spec, failures);
    }
    // An all-reduce comes after everything else, with nobody at work whom it could delay.
    without_all_reduce(rule, spec).map(|theory| Theory { seconds: theory.seconds + spec.all_reduce_s, ..theory })
}

fn without_all_reduce(rule: Rule, spec: &ClusterSpec) -> Option<Theory> {
    if rule.workers == 1 && !rule.is_timed() {
        return queueing::single(rule, spec);
    }
    let cores = spec.cores.filter(|_| spec.shares_cores(rule.workers));
    let links = !spec.uplink.is_empty() || !spec.downlink.is_empty();
    let free =
        cores.is_none() && spec.service.is_none() && spec.update.is_none() && !links && spec.contention.is_empty();
    if spec.computes_discarded_work(rule) && !rule.is_timed() && free {
        // A step that goes on until it is done, and is discarded then, takes as long as one that is dropped on arrival.
        let late = dropping(Rule { on_update: OnUpdate::CarriesOn, max_staleness: 0, ..rule }, spec);
        return late.or_else(|| queueing::in_the_way(rule, spec, 0.0));
    }
    if rule.is_timed() || rule.drops_stale() {
        // A step that must be done before a worker submits is nowhere in the formulas.
        let at_once = rule.on_update != OnUpdate::Submits || spec.cancellation == Cancellation::AtOnce;
        let known = free && at_once && !spec.computes_discarded_work(rule);
        return match (known, rule.is_timed(), rule.drops_stale()) {
            (true, true, false) => timed::time_per_update(rule, spec),
            (true, false, true) => dropping(rule, spec),
            (_, _, _) => None,
        };
    }
    if !spec.contention.is_empty() {
        return match spec.computes_discarded_work(rule) {
            true => None,
            false => queueing::contention(rule, spec),
        };
    }
    let queues_for_cores = cores.is_some() && spec.sharing == Sharing::FirstCome;
    if queues_for_cores || spec.computes_discarded_work(rule) {
        return queueing::in_the_way(rule, spec, 0.0);
    }
    if let Some(theory) = server::at_a_parameter_server(rule, spec).filter(|_| cores.is_none()) {
        return Some(theory);
    }
    match (cores, &spec.service, &spec.update, links) {
        (None, None, None, false) => uncontended(rule, spec),
        (None, Some(service), None, false) => queueing::served(rule, spec, service),
        (Some(cores), None, None, false) => queueing::sharing(rule, spec, cores),
        (_, service, update, _) => {
            let mean = |law: &Option<Law>| law.as_ref().map_or(0.0, Law::mean);
            let served_s = f64::from(rule.quorum) * mean(service) + mean(update);
            queueing::in_the_way(rule, spec, served_s.max(f64::from(rule.quorum) * server::busiest_link_s(spec)))
        }
    }
}

/// H_n, the sum of 1/i for i = 1..n.
///
/// ```
/// assert_eq!(straggle_sim::theory::harmonic(2), 1.5);
/// ```
pub fn harmonic(n: u32) -> f64 {
    (1..=n).rev().map(|i| 1.0 / f64::from(i)).sum()
}

/// Everybody has a core, the server takes no time.
fn uncontended(rule: Rule, spec: &ClusterSpec) -> Option<Theory> {
    let (k, p) = (rule.quorum, rule.workers);
    let memoryless = memoryless_rate(rule, spec).is_some();
    match (rule.on_completion, rule.on_update) {
        (OnCompletion::Waits, OnUpdate::Cancelled) => order_statistic(k, rule, spec),
        (OnCompletion::Waits, OnUpdate::CarriesOn) if k == p || memoryless => order_statistic(k, rule, spec),
        (OnCompletion::Waits, OnUpdate::CarriesOn) if k == 1 => of_renewal(rule, spec),
        // Workers who wait for the quorum hand in less often than workers who never wait.
        (OnCompletion::Waits, OnUpdate::CarriesOn) => WAITING_RENEWAL.is(renewal(rule, spec)),
        (OnCompletion::StartsAnew { slack: _ }, OnUpdate::Cancelled) => fresh_renewals(rule, spec),
        (OnCompletion::StartsAnew { slack: None }, OnUpdate::CarriesOn) => of_renewal(rule, spec),
        (OnCompletion::StartsAnew { slack: Some(slack) }, OnUpdate::CarriesOn) => limited_lead(slack, rule, spec),
        (_, OnUpdate::Submits) => None,
    }
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
