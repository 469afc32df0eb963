//! A parameter server's link, which all workers share, each way by itself: a closed network of queues.

use crate::cluster::spec::{ClusterSpec, Sharing, Station};
use crate::policy::{OnCompletion, OnUpdate, Rule};
use crate::random::law::{Aging, Law};
use crate::theory::asynchronous::of_renewal;
use crate::theory::formula::{LINK_CYCLES, LINK_QUEUES, LINK_QUEUES_APPROXIMATION, LINK_ROUNDS};
use crate::theory::{Theory, iid_law};

/// Exact where nothing is left to chance, or where workers never wait for each other and queues are memoryless or shared equally; near
/// it for other laws of the queues.
pub(super) fn at_a_parameter_server(rule: Rule, spec: &ClusterSpec) -> Option<Theory> {
    let m = rule.workers;
    let (downlink, uplink, delays) = (Vec::new(), Vec::new(), Vec::new());
    let nothing_else = ClusterSpec { downlink, uplink, delays, service: None, ..spec.clone() };
    let linked = !spec.downlink.is_empty() || !spec.uplink.is_empty();
    let free = nothing_else.only_computes() && !nothing_else.shares_cores(m);
    if !linked || !free || rule.is_timed() || rule.drops_stale() || !spec.is_homogeneous(m) {
        return None;
    }
    let never_waits =
        rule.on_completion == OnCompletion::StartsAnew { slack: None } && rule.on_update == OnUpdate::CarriesOn;
    let quorum = f64::from(rule.quorum);
    let constant = |law: &Law| matches!(law, Law::Constant { .. });
    if iid_law(spec).is_some_and(constant) && spec.delays.iter().all(constant) {
        let (down, up) = (constant_link(&spec.downlink)?, constant_link(&spec.uplink)?);
        if down != up || spec.service.is_some() {
            return None;
        }
        let task_s = spec.mean_task(0, rule.steps);
        if rule.waits_for_all() {
            return LINK_ROUNDS.is(task_s + f64::from(m - 1) * up);
        }
        return never_waits.then(|| quorum * (task_s / f64::from(m)).max(up)).and_then(|s| LINK_CYCLES.is(s));
    }
    let independent = spec.factor.is_none() && spec.compute.is_independent();
    if !never_waits || !independent {
        return None;
    }
    let queues = queues(spec)?;
    let served_s: f64 = queues.iter().map(|queue| queue.service_s).sum();
    let service_s = spec.service.as_ref().map_or(0.0, Law::mean);
    let away_s = spec.mean_task(0, rule.steps) + service_s - served_s;
    let seconds = quorum * between_arrivals(m, away_s, &queues);
    match queues[..] {
        [] => of_renewal(rule, spec),
        _ if queues.iter().all(|queue| queue.square == 1.0) => LINK_QUEUES.is(seconds),
        // What is left of a service that is now and then very long is another matter.
        _ if queues.iter().all(|queue| queue.square <= 1.0) => LINK_QUEUES_APPROXIMATION.is(seconds),
        _ => None,
    }
}

/// A queue with one server.
struct Queue {
    service_s: f64,
    /// Of the coefficient of variation of the service; 1 where its law does not matter.
    square: f64,
}

/// The queues on the way, the server's included; `None` if one of them has several servers.
fn queues(spec: &ClusterSpec) -> Option<Vec<Queue>> {
    let square = |law: &Law| match law.aging() {
        Aging::Memoryless => 1.0,
        Aging::NewLasts | Aging::UsedLasts | Aging::Neither => law.variance() / law.mean().powi(2),
    };
    let queue = |law: &Law, square| Queue { service_s: law.mean(), square };
    let on_a_link = |Station { law, servers }: &Station| match servers {
        None => None,
        Some((1, Sharing::Equally)) => Some(Some(queue(law, 1.0))),
        Some((1, Sharing::FirstCome)) => Some(Some(queue(law, square(law)))),
        Some(_) => Some(None),
    };
    let links = spec.downlink.iter().chain(&spec.uplink).filter_map(on_a_link);
    links.chain(spec.service.iter().map(|law| Some(queue(law, square(law))))).collect()
}

/// Mean time between arrivals of m workers who are away for `away_s` seconds on average, any law, and then visit the queues, by mean value
/// analysis: who arrives finds what is there on average with one worker less (Reiser and Lavenberg 1980). That is exact if services are
/// memoryless or shared equally (Baskett et al. 1975). Of others the one that is under way has (1 + CV^2)/2 of a service left on average
/// (Reiser 1979).
fn between_arrivals(m: u32, away_s: f64, queues: &[Queue]) -> f64 {
    let longest_s = queues.iter().map(|queue| queue.service_s).fold(0.0, f64::max);
    let (mut present, mut between_s) = (vec![0.0; queues.len()], f64::INFINITY);
    for workers in 1..=m {
        let mut cycle_s = away_s;
        for (present, &Queue { service_s, square }) in present.iter_mut().zip(queues) {
            let busy = service_s / between_s;
            *present = service_s * (1.0 + *present + busy * (square - 1.0) / 2.0);
            cycle_s += *present;
        }
        between_s = (cycle_s / f64::from(workers)).max(longest_s);
        present.iter_mut().for_each(|stay_s| *stay_s /= between_s);
    }
    between_s
}

/// Seconds for which each task occupies the link that is occupied the longest, s.
pub(super) fn busiest_link_s(spec: &ClusterSpec) -> f64 {
    let busy_s = |Station { law, servers }: &Station| servers.map_or(0.0, |(n, _)| law.mean() / f64::from(n));
    spec.downlink.iter().chain(&spec.uplink).map(busy_s).fold(0.0, f64::max)
}

/// Seconds for which a task occupies the one queue of these stations, if all of them are constant.
fn constant_link(stations: &[Station]) -> Option<f64> {
    let constant = stations.iter().all(|station| matches!(station.law, Law::Constant { .. }));
    let mut queues = stations.iter().filter(|station| station.servers.is_some());
    let link = queues.next().filter(|_| constant && queues.next().is_none())?;
    (link.servers == Some((1, Sharing::FirstCome))).then(|| link.law.mean())
}
