//! The same cluster changed: by what was asked, without stragglers, without the worker that is slow all the time. Everything
//! runs on the same random numbers as the cluster as it is, so that differences are paired.

use super::goal::Outcomes;
use super::race::{self, Going, Race};
use super::{Advice, Plan};
use crate::cli::Cluster;
use crate::error::Error;
use crate::profile::Described;
use sim::{Estimate, Policy};

/// A change that was asked for.
pub struct Changed {
    /// In words.
    pub name: String,
    /// The cluster with it.
    pub cluster: Described,
    /// Workers that are fewer.
    pub fewer: u32,
}

/// What a change does to a policy.
pub struct Difference {
    /// Which.
    pub policy: Policy,
    /// Workers now, and then.
    pub workers: u32,
    pub workers_then: u32,
    /// How many times as many gradients a second.
    pub ratio: Estimate,
}

/// What it costs to wait for the slowest.
pub struct Stragglers {
    /// Workers.
    pub workers: u32,
    /// Seconds per update now, and if every worker took the middle one's time.
    pub now_s: Estimate,
    pub even_s: Estimate,
    /// Of the time now: the share that is lost, and the share that would be lost if every worker took its own median.
    pub lost: Estimate,
    pub lost_by_workers: Estimate,
}

/// A worker that is slow all the time, and what to do about it.
pub struct Straggling {
    /// What it is called.
    pub name: String,
    /// Mean step time over that of the middle worker.
    pub slowness: f64,
    /// All workers.
    pub workers: u32,
    /// How many times as many gradients a second sync has without it, and with work shared in proportion to speed.
    pub without: Estimate,
    pub balanced: Estimate,
}

/// A worker is slow all the time whose mean is so many times that of the middle one.
const SLOW: f64 = 1.1;

/// What was typed of the cluster as it is to be taken, and what is a change to what the profile says: a bandwidth of so many times
/// its own, and no contention.
pub fn split(typed: &Cluster) -> (Cluster, Cluster) {
    let (mut plain, mut changes) = (typed.clone(), Cluster::default());
    changes.bandwidth = plain.bandwidth.take_if(|bandwidth| bandwidth.is_relative());
    changes.contention = plain.contention.take_if(|contention| contention.0.is_empty());
    (plain, changes)
}

/// The change that was typed; `around` makes that of what is around the steps.
///
/// # Errors
/// If there is no such worker, or nothing to change.
pub fn changed(
    plan: &Plan,
    cluster: &Described,
    most: u32,
    around: impl FnOnce(&Described) -> Result<Described, Error>,
) -> Result<Option<Changed>, Error> {
    let mut changed = Changed { name: String::new(), cluster: around(cluster)?, fewer: 0 };
    let mut names = Vec::new();
    if let Some(times) = plan.around.bandwidth.as_ref().filter(|bandwidth| bandwidth.is_relative()) {
        names.push(format!("links have {} times the bandwidth", times.value));
    }
    if plan.around.contention.as_ref().is_some_and(|contention| contention.0.is_empty()) {
        names.push("there is no contention".to_string());
    }
    let known = || match cluster.workers().into_iter().map(|worker| worker.name).collect::<Vec<_>>() {
        names if names.is_empty() => format!("0 to {}", most - 1),
        names => format!("{}, or slowest", crate::formats::some_of(names.iter().map(String::as_str))),
    };
    if plan.remove_worker.is_some() && cluster.workers().is_empty() {
        let sentence = "--remove-worker: the profile tells no workers apart; take fewer by --workers";
        return Err(Error::Usage(sentence.to_string()));
    }
    if let Some(text) = &plan.slow {
        let usage = |what: &str| {
            Error::Usage(format!("--slow '{}': {what}; type --slow 1@1.5, for example", crate::formats::clip(text)))
        };
        let (worker, factor) = text.split_once('@').ok_or_else(|| usage("a worker and a factor belong there"))?;
        let factor = factor.trim().parse().ok().filter(|factor: &f64| (1e-3..=1e3).contains(factor));
        let factor = factor.ok_or_else(|| usage("the factor is a number from 0.001 to 1000"))?;
        let slower = changed.cluster.slower(worker.trim(), factor, most);
        changed.cluster = slower.ok_or_else(|| usage(&format!("there is no such worker (there are {})", known())))?;
        names.push(format!("worker {} takes {factor} times as long", worker.trim()));
    }
    if let Some(text) = &plan.remove_worker {
        let without = changed.cluster.find(text).and_then(|place| {
            let name = changed.cluster.workers()[place].name.clone();
            Some((name, changed.cluster.without(place)?))
        });
        let (name, without) = without.ok_or_else(|| {
            Error::Usage(format!("--remove-worker '{}': type one of {}", crate::formats::clip(text), known()))
        })?;
        changed.cluster = without;
        changed.fewer = 1;
        names.push(format!("worker {name} is left out"));
    }
    changed.name = names.join(", ");
    Ok((!names.is_empty()).then_some(changed))
}

impl Advice<'_> {
    /// What a change does to every policy, on the numbers of workers where it was simulated.
    pub fn what_if(
        &self,
        changed: Changed,
        workers: &[u32],
        going: &Going<'_>,
    ) -> Result<(String, Vec<Difference>), Error> {
        let Changed { name, cluster, fewer } = changed;
        let then: Vec<u32> = workers.iter().map(|m| m - fewer.min(*m)).filter(|m| *m > 0).collect();
        let race = self.plan.race(&cluster, &then)?;
        let (then, goal) =
            Outcomes::of_race(self.goal.as_ref().map(|goal| goal.goal.clone()), &race, &going.on("what if"));
        let difference = |point: &super::Point| {
            let workers_then = point.workers().checked_sub(fewer)?;
            let other = then.iter().find(|o| o.policy() == point.policy() && o.workers() == workers_then)?;
            let other = goal.as_ref().map_or(Some(other), |goal| goal.passages(other))?;
            let ratio = other.rate_over(self.value(point)?)?;
            Some(Difference { policy: point.policy(), workers: point.workers(), workers_then, ratio })
        };
        Ok((name, self.points.iter().filter_map(difference).collect()))
    }

    /// One configuration of another cluster, which is called so.
    fn one(
        &self,
        name: &str,
        cluster: &Described,
        policy: Policy,
        workers: u32,
        going: &Going<'_>,
    ) -> Result<Option<super::Point>, Error> {
        let race = Race::new(cluster.spec()?, &[policy], &[workers], cluster.single_s()?, self.plan.common.seed);
        Ok(race.run(&going.on(name), race::by_gradients).pop())
    }

    /// Seconds of an update of sync now, and without stragglers, on all measured workers, or on those that are recommended.
    pub fn stragglers(&self, going: &Going<'_>) -> Result<Option<Stragglers>, Error> {
        let told_apart = self.cluster.workers().len() as u32;
        let recommended = self.best().map_or(0, super::Point::workers);
        let workers = if told_apart > 1 { told_apart } else { self.cluster.measured().unwrap_or(recommended) };
        if workers < 2 {
            return Ok(None);
        }
        let of = |name, cluster: &Described| self.one(name, cluster, Policy::SYNC, workers, going);
        let even = self.cluster.without_stragglers();
        let (Some(now), Some(even)) = (of("now", &self.cluster)?, of("even", &even)?) else { return Ok(None) };
        let own = of("own medians", &self.cluster.at_own_medians())?;
        let Some(ratio) = even.rate_over(&now) else { return Ok(None) };
        let lost = |ratio: f64| 1.0 - 1.0 / ratio;
        let interval = ratio.interval.map(|(low, high)| (lost(low), lost(high)));
        let (now_s, even_s) = (now.s_per_update(), even.s_per_update());
        // Medians do not vary: only the time now does.
        let by_workers_s = own.filter(|_| told_apart > 1).map_or(0.0, |own| own.s_per_update().mean - even_s.mean);
        let lost_by_workers = now_s.under(by_workers_s.max(0.0));
        let lost = Estimate { mean: lost(ratio.mean), standard_error: f64::NAN, interval };
        Ok(Some(Stragglers { workers, now_s, even_s, lost, lost_by_workers }))
    }

    /// The worker that is slow all the time, if there is one, and what sync gains without it.
    pub fn straggling(&self, going: &Going<'_>) -> Result<Option<Straggling>, Error> {
        let workers = self.cluster.workers();
        let (Some(slowest), m) = (workers.last(), workers.len()) else { return Ok(None) };
        let slowness = slowest.mean_s / workers[(m - 1) / 2].mean_s;
        if m < 2 || slowness < SLOW {
            return Ok(None);
        }
        let Some(others) = self.cluster.without(m - 1) else { return Ok(None) };
        let of = |name, cluster: &Described, m: usize| self.one(name, cluster, Policy::SYNC, m as u32, going);
        let now = of("now", &self.cluster, m)?;
        let without = of("without the slowest", &others, m - 1)?;
        let balanced = of("balanced", &self.cluster.balanced(), m)?;
        let gain = |other: Option<super::Point>| other?.rate_over(now.as_ref()?);
        let (Some(without), Some(balanced)) = (gain(without), gain(balanced)) else { return Ok(None) };
        Ok(Some(Straggling { name: slowest.name.clone(), slowness, workers: m as u32, without, balanced }))
    }
}
