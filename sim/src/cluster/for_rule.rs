//! A cluster as a policy sees it: what depends on who waits for whom, decided.

use crate::cluster::comm::Scheme;
use crate::cluster::spec::{ClusterSpec, Station};
use crate::policy::{OnCompletion, Rule};
use crate::random::law::Law;

impl ClusterSpec {
    /// The same for a rule: communication as stations, a batch as shares, failures as they strike there.
    ///
    /// Where everybody waits for everybody, rings and trees end the update; workers that do not wait for each other meet at a
    /// parameter server.
    pub fn for_rule(&self, rule: Rule) -> ClusterSpec {
        let mut spec = self.clone();
        spec.fails_together = rule.waits_for_all() && spec.failures.is_some();
        if std::mem::take(&mut spec.splits_batch) {
            spec.speeds.iter_mut().for_each(|speed| *speed *= f64::from(rule.workers));
            spec.shares = rule.workers;
        }
        let Some(communication) = spec.communication.take().filter(|_| rule.workers > 1) else { return spec };
        let reduces = communication.scheme() != Scheme::ParameterServer && rule.on_completion == OnCompletion::Waits;
        if reduces && rule.renews() {
            let computing_s = spec.mean_compute(0);
            spec.all_reduce_s = communication.exposed_s(rule.quorum, computing_s);
            return spec;
        }
        let constant = |value: f64| Law::Constant { value };
        let (transfer_s, latency_s) = (communication.transfer_s(), communication.latency_s());
        let link = (transfer_s > 0.0).then(|| Station::queue(constant(transfer_s), 1));
        let way = (latency_s > 0.0).then(|| Station::delay(constant(latency_s)));
        spec.downlink.extend(link.clone().into_iter().chain(way.clone()));
        spec.uplink.extend(way.into_iter().chain(link));
        spec
    }

    /// The same for so many workers that meet at a parameter server, if nothing else has been decided yet.
    pub(crate) fn for_workers(self, workers: u32) -> ClusterSpec {
        if self.communication.is_none() && !self.splits_batch {
            return self;
        }
        let fails_together = self.fails_together;
        let rule = crate::Policy::ASYNC.rule(workers.max(1)).expect("a rule for any number");
        ClusterSpec { fails_together, ..self.for_rule(rule) }
    }
}
