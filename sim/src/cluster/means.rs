//! What a cluster's times are on average if nobody is in the way, and what it would be if it had been measured once more.

use crate::cluster::spec::ClusterSpec;
use crate::policy::{OnCompletion, Rule};
use crate::random::compute::Compute;
use crate::random::key::RandomKey;
use crate::random::law::Law;

impl ClusterSpec {
    /// Mean seconds of computing in a worker's step, on a core of its own.
    pub fn mean_compute(&self, worker: u32) -> f64 {
        let factor = self.factor.as_ref().map_or(1.0, Law::mean);
        factor * self.compute.mean(worker) / self.speed(worker) + self.fixed_s
    }

    /// Mean seconds of a worker's task of so many steps on its way to the server if nobody else is there.
    pub fn mean_task(&self, worker: u32, steps: u32) -> f64 {
        let links = self.downlink.iter().chain(&self.uplink).map(|station| station.law.mean());
        f64::from(steps) * self.mean_compute(worker) + self.mean_delay(worker) + links.sum::<f64>()
    }

    /// Mean seconds of a gradient by a worker of mean speed that is all alone: what speed-ups compare with. It has the delay, but
    /// nobody to communicate with or to wait for; of a batch that is shared out it does all shares at once.
    pub fn single_worker_s(&self, workers: u32) -> f64 {
        let distinct = workers.min(self.repeats_after());
        let once_s = |worker| (self.fixed_s + self.mean_delay(worker)) / f64::from(self.shares);
        let rates = (0..distinct).map(|worker| 1.0 / (self.mean_compute(worker) - self.fixed_s + once_s(worker)));
        f64::from(distinct) / rates.sum::<f64>()
    }

    /// Mean seconds from one update of worker 0 to its next if it is all alone, one step a task: its task, the server, the update.
    pub fn mean_cycle(&self) -> f64 {
        let served = [&self.service, &self.update].into_iter().flatten();
        self.mean_task(0, 1) + served.map(Law::mean).sum::<f64>()
    }

    /// The same with measured steps in the order of what the rule makes of them, so that resampled steps differ from them in nothing else:
    /// a barrier of the time of its K-th worker, others of all workers' times. `None` if no whole steps were measured.
    pub(crate) fn in_order_for(&self, rule: Rule) -> Option<ClusterSpec> {
        let Compute::Rows(rows) = &self.compute else { return None };
        let first = (rule.workers as usize).min(rows.steps().workers);
        let times = |row: &[f64]| -> Vec<f64> { (0..).zip(&row[..first]).map(|(w, s)| s / self.speed(w)).collect() };
        let ordered = match rule.on_completion {
            OnCompletion::Waits => rows.in_order_of(|row| {
                let k = (rule.quorum as usize).min(first);
                *times(row).select_nth_unstable_by(k - 1, f64::total_cmp).1
            }),
            OnCompletion::StartsAnew { .. } => rows.in_order_of(|row| times(row).iter().sum()),
        };
        Some(ClusterSpec { compute: Compute::Rows(ordered), ..self.clone() })
    }

    /// The same with the rows of every trace drawn again, with replacement; `None` if nothing was measured. Whole measured
    /// steps are drawn again in blocks of consecutive ones.
    pub fn resampled(&self, key: RandomKey) -> Option<ClusterSpec> {
        let again = |law: &Option<Law>, which| law.as_ref().and_then(|law| law.resampled(key, which));
        let (service, update) = (again(&self.service, 2), again(&self.update, 3));
        let all = |laws: &[Law], first: u32| -> Option<Vec<Law>> {
            let resampled: Vec<Option<Law>> =
                (first..).zip(laws).map(|(which, law)| law.resampled(key, which)).collect();
            let any = resampled.iter().any(Option::is_some);
            let kept = resampled.into_iter().zip(laws).map(|(again, law)| again.unwrap_or_else(|| law.clone()));
            any.then(|| kept.collect())
        };
        let compute = match &self.compute {
            Compute::Rows(rows) => Some(Compute::Rows(rows.resampled(key))),
            Compute::Laws(laws) => all(laws, 16).map(Compute::Laws),
        };
        // The first one as ever, the others beyond all numbers of workers.
        let delays = match &self.delays[..] {
            [law] => law.resampled(key, 1).map(|law| vec![law]),
            laws => all(laws, 1 << 31),
        };
        if compute.is_none() && delays.is_none() && [&service, &update].into_iter().all(Option::is_none) {
            return None;
        }
        Some(ClusterSpec {
            compute: compute.unwrap_or_else(|| self.compute.clone()),
            delays: delays.unwrap_or_else(|| self.delays.clone()),
            service: service.or_else(|| self.service.clone()),
            update: update.or_else(|| self.update.clone()),
            ..self.clone()
        })
    }
}
