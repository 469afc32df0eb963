//! Policies compared in pairs, on the same random numbers.

use crate::experiment::Observation;
use crate::measure::interval::Estimate;
use crate::policy::Policy;
use std::collections::BTreeMap;

/// Two policies with as many workers, on the same random numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// Number of workers.
    pub workers: u32,
    /// The one.
    pub policy_a: Policy,
    /// The other.
    pub policy_b: Policy,
    /// How many times as many gradients per second the one has.
    pub ratio: Estimate,
}

/// More policies on one number of workers are compared with the fastest of them only.
const COMPARED: usize = 100;

/// All pairs of policies among observations of one experiment, by numbers of workers; of more than a hundred, each with the fastest.
pub fn comparisons(observations: &[Observation]) -> Vec<Comparison> {
    let mut pairs = Vec::new();
    let mut by_workers: BTreeMap<u32, Vec<&Observation>> = BTreeMap::new();
    for o in observations {
        by_workers.entry(o.cell.rule.workers).or_default().push(o);
    }
    for alike in by_workers.values() {
        let fastest = alike.iter().min_by(|a, b| a.s_per_gradient.mean.total_cmp(&b.s_per_gradient.mean));
        let fastest = fastest.map(|o| o.cell.policy);
        let all = alike.len() <= COMPARED;
        for (i, a) in alike.iter().enumerate() {
            let with_all = all || Some(a.cell.policy) == fastest;
            for b in alike[i + 1..].iter().filter(|b| with_all || Some(b.cell.policy) == fastest) {
                let Some(ratio) = a.replications.gradient_rate_over(&b.replications) else { continue };
                let honest = a.mean.interval.is_some() && b.mean.interval.is_some();
                let ratio = if honest { ratio } else { ratio.without_interval() };
                pairs.push(Comparison {
                    workers: a.cell.rule.workers,
                    policy_a: a.cell.policy,
                    policy_b: b.cell.policy,
                    ratio,
                });
            }
        }
    }
    pairs
}
