//! Configuration of the comparison: a policy on so many workers, in simulated time or in real seconds, on the same random
//! numbers.

use crate::cluster::clock::RealTime;
use crate::cluster::failure::Failure;
use crate::cluster::server::{TimedTask, delays};
use serde::{Deserialize, Serialize};
use sim::{
    Accounts, Cluster, ClusterSpec, Law, OnCompletion, Policy, RandomKey, Rule, Run, Simulated, Spent, StalenessAudit,
    Variates,
};

/// A policy on so many workers, with a drawn delay or none.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// The policy.
    pub policy: Policy,
    /// The policy for that number of workers.
    pub rule: Rule,
    /// The law of the delay added to each task.
    pub delay: Option<Law>,
}

/// What a short run showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// Mean seconds between updates.
    pub s_per_update: f64,
    /// Mean staleness of the gradients that went into updates.
    pub staleness: f64,
    /// How many of them had staleness 0, 1, 2, ...
    pub histogram: Vec<u64>,
    /// Mean seconds of computing in a step.
    pub step_s: f64,
}

/// Runs until `workers` made so many updates, and looks at all but the first tenth; `None` if no more came.
fn observe<C: Cluster>(run: &mut Run<C>, workers: u32, updates: u64) -> Option<Observed> {
    let warm_up = updates.div_ceil(10);
    let (mut audit, mut accounts) = (StalenessAudit::default(), Accounts::new(workers));
    let (mut compute_s, mut steps) = (0.0, 0);
    while audit.updates() < updates {
        let step = run.step()?;
        if let Some(completion) = step.completion() {
            compute_s += completion.spent.compute_s;
            steps += u64::from(completion.task.steps);
        }
        audit.add(&step);
        accounts.add(&step);
        if audit.updates() == warm_up {
            // Only times between updates and staleness are asked for.
            accounts.begin(|_| Spent::default());
        }
    }
    Some(Observed {
        s_per_update: accounts.gaps().mean()?,
        staleness: accounts.mean_staleness()?,
        histogram: accounts.staleness().to_vec(),
        step_s: compute_s / steps as f64,
    })
}

/// What the simulator says of a rule.
pub fn simulate(rule: Rule, spec: ClusterSpec, key: RandomKey, updates: u64) -> Observed {
    let mut run = Run::new(rule, Simulated::new(spec, key, rule.workers));
    observe(&mut run, rule.workers, updates).expect("a simulated cluster never runs dry")
}

impl Configuration {
    /// What the first of these workers do, as many as the configuration has, and what their steps took.
    ///
    /// # Errors
    /// Why they stopped.
    pub fn measure(
        &self,
        cluster: &mut impl RealTime,
        key: RandomKey,
        updates: u64,
    ) -> Result<(Observed, Vec<TimedTask>), Failure> {
        cluster.begin_anew(&self.draws(key));
        cluster.time_steps();
        let observed = observe(&mut Run::new(self.rule, &mut *cluster), self.rule.workers, updates);
        let observed = observed.ok_or_else(|| cluster.failure().cloned().unwrap_or(Failure::Stopped))?;
        Ok((observed, cluster.time_steps()))
    }

    /// The drawn delays, which both worlds share.
    pub fn draws(&self, key: RandomKey) -> Variates {
        delays(self.delay.clone(), key)
    }

    /// Whether the mean staleness depends on how long anything takes. Elsewhere it follows from the dials alone, as each
    /// update adds 1 to the staleness of every task in flight, and their number is known.
    pub fn has_staleness_of_its_own(&self) -> bool {
        let slack = matches!(self.rule.on_completion, OnCompletion::StartsAnew { slack: Some(_) });
        self.rule.workers > 1 && (slack || (self.rule.drops_stale() && self.rule.max_staleness > 0))
    }

    /// Whether both make the same updates at the same times, whatever happens: by the events of a simulated run.
    pub fn is_the_same_as(&self, other: &Configuration) -> bool {
        let events = |of: &Configuration| {
            let computing: Law = "gamma(2, 1)".parse().expect("a law");
            let spec = ClusterSpec::new(computing).with_delay("exp(1)".parse::<Law>().expect("a law"));
            let spec = spec.with_cancellation(sim::Cancellation::AfterStep);
            let run = Run::new(of.rule, Simulated::new(spec, RandomKey::new(1, 0), of.rule.workers));
            run.filter(|(_, event)| matches!(event, sim::Event::Updated(_))).take(100).collect::<Vec<_>>()
        };
        self.rule.workers == other.rule.workers
            && self.rule.steps == other.rule.steps
            && self.delay == other.delay
            && (self.rule == other.rule || events(self) == events(other))
    }
}

/// How stale gradients were, over all runs: how many had staleness 0, 1, 2, ...
pub fn histogram<'a>(observed: impl Iterator<Item = &'a Observed>) -> Vec<u64> {
    observed.fold(Vec::new(), |mut sum, observed| {
        sum.resize(sum.len().max(observed.histogram.len()), 0);
        sum.iter_mut().zip(&observed.histogram).for_each(|(sum, count)| *sum += count);
        sum
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(policy: &str, workers: u32) -> Configuration {
        let policy: Policy = policy.parse().unwrap();
        Configuration { policy, rule: policy.rule(workers).unwrap(), delay: None }
    }

    #[test]
    fn policies_that_are_the_same_are_found_by_their_events() {
        let same = |a: &str, b: &str, workers| configuration(a, workers).is_the_same_as(&configuration(b, workers));
        for (a, b, workers) in
            [("sync", "k-sync:2", 2), ("sync", "k-async:2", 2), ("sync", "async", 1), ("async", "ssp:2", 1)]
        {
            assert!(same(a, b, workers), "{a} and {b} on {workers}");
        }
        for (a, b, workers) in
            [("sync", "k-sync:2", 4), ("sync", "async", 2), ("async", "ssp:1", 2), ("sync", "local:4", 1)]
        {
            assert!(!same(a, b, workers), "{a} and {b} on {workers}");
        }
    }

    #[test]
    fn only_staleness_that_time_decides_is_a_claim() {
        let own = |policy, workers| configuration(policy, workers).has_staleness_of_its_own();
        assert!(own("ssp:2", 2) && own("ringmaster:4", 4));
        for (policy, workers) in [("ssp:2", 1), ("async", 4), ("sync", 4), ("rennala:2", 4), ("k-batch-async:2", 4)] {
            assert!(!own(policy, workers), "{policy}");
        }
    }
}
