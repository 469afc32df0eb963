//! A parameter server's link, which all workers share, each way by itself.

use crate::cluster::spec::{ClusterSpec, Sharing, Station};
use crate::policy::{OnCompletion, OnUpdate, Rule};
use crate::random::law::{Aging, Law};
use crate::theory::formula::{LINK_CYCLES, LINK_QUEUE, LINK_ROUNDS};
use crate::theory::queueing::repairman;
use crate::theory::{Theory, iid_law};

/// Exact where nothing is left to chance, or where there is one queue and it is memoryless.
pub(super) fn at_a_parameter_server(rule: Rule, spec: &ClusterSpec) -> Option<Theory> {
    let m = rule.workers;
    let nothing_else = ClusterSpec { downlink: Vec::new(), uplink: Vec::new(), delays: Vec::new(), ..spec.clone() };
    let linked = !spec.downlink.is_empty() || !spec.uplink.is_empty();
    if !linked || !nothing_else.only_computes() || nothing_else.shares_cores(m) || rule.is_timed() || rule.drops_stale()
    {
        return None;
    }
    let never_waits = rule.on_completion == OnCompletion::StartsAnew { slack: None }
        && rule.on_update == OnUpdate::CarriesOn
        && rule.quorum == 1;
    let independent = spec.factor.is_none() && spec.compute.is_independent();
    if let Some(service_s) = one_queue(spec).filter(|_| never_waits && spec.is_homogeneous(m) && independent) {
        return LINK_QUEUE.is(repairman(m, spec.mean_task(0, rule.steps) - service_s, service_s));
    }
    let constant = matches!(iid_law(spec)?, Law::Constant { .. }) && spec.is_homogeneous(m) && spec.delays.is_empty();
    let (down, up) = (constant_link(&spec.downlink)?, constant_link(&spec.uplink)?);
    if !constant || down != up {
        return None;
    }
    let (link_s, task_s) = (down, spec.mean_task(0, rule.steps));
    if rule.waits_for_all() {
        return LINK_ROUNDS.is(task_s + f64::from(m - 1) * link_s);
    }
    never_waits.then(|| (task_s / f64::from(m)).max(link_s)).and_then(|seconds| LINK_CYCLES.is(seconds))
}

/// Mean service of the only queue on the way, if it has one server and its law does not matter or is memoryless.
fn one_queue(spec: &ClusterSpec) -> Option<f64> {
    let mut queues = spec.downlink.iter().chain(&spec.uplink).filter(|station| station.servers.is_some());
    let Station { law, servers } = queues.next().filter(|_| queues.next().is_none())?;
    let known = match servers {
        Some((1, Sharing::Equally)) => true,
        Some((1, Sharing::FirstCome)) => law.aging() == Aging::Memoryless,
        _ => false,
    };
    known.then(|| law.mean())
}

/// Seconds for which a task occupies the one queue of these stations, if all of them are constant.
fn constant_link(stations: &[Station]) -> Option<f64> {
    let constant = stations.iter().all(|station| matches!(station.law, Law::Constant { .. }));
    let mut queues = stations.iter().filter(|station| station.servers.is_some());
    let link = queues.next().filter(|_| constant && queues.next().is_none())?;
    (link.servers == Some((1, Sharing::FirstCome))).then(|| link.law.mean())
}
