//! Running configurations to their end, replication by replication, each by the engine that suits it.
//!
//! - The event engine ([`Run`] on [`Simulated`]) runs everything, and is what the others are held equal to, to the last bit.
//! - Workers that never wait, on cores of their own, need no event list: [`superposition`](crate::fast::superposition).
//! - Iterations in which everybody starts anew need no events: [`rounds`](crate::fast::rounds), all such configurations together.
//!
//! The choice does not show in the results, nor does the number of threads.

use crate::cluster::Run;
use crate::cluster::des::Simulated;
use crate::cluster::spec::ClusterSpec;
use crate::cluster::variates::Variates;
use crate::experiment::{Experiment, Kept, Progress};
use crate::fast::rounds::{Entrant, Rank, Rounds};
use crate::fast::superposition::Superposition;
use crate::fast::width::Width;
use crate::measure::accounts::Accounts;
use crate::measure::length::{Method, Plan};
use crate::measure::replications::{Replication, Replications};
use crate::parallel::*;
use crate::policy::{OnUpdate, Rule};
use crate::random::key::RandomKey;
use std::sync::atomic::Ordering;

/// Steps that workers begin between two looks at the [`Progress`].
const LOOK: u64 = 4096;

/// A configuration that is to be run.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// The configuration.
    pub(crate) name: String,
    pub(crate) rule: Rule,
    /// The cluster as its policy sees it, replication by replication; or one for all.
    pub(crate) specs: Vec<ClusterSpec>,
    pub(crate) plan: Plan,
}

impl Job {
    /// What is kept of it, among all runs of one experiment.
    fn key(&self) -> String {
        format!("{} updates={}", self.name, self.plan.updates)
    }

    fn spec(&self, r: u32) -> &ClusterSpec {
        &self.specs[r as usize % self.specs.len()]
    }

    fn replication(&self, accounts: &Accounts, r: u32) -> Replication {
        Replication::of(accounts, self.spec(r).single_worker_s(self.rule.workers))
    }
}

/// Runs all of them on rayon's threads, but for those that are kept; `None` for those that were stopped.
pub(crate) fn all(
    experiment: &Experiment,
    jobs: &[Job],
    progress: &Progress,
    kept: &dyn Kept,
) -> Vec<Option<Replications>> {
    let mut results: Vec<Option<Replications>> = jobs.iter().map(|job| kept.find(&job.key())).collect();
    progress.cells.fetch_add(results.iter().flatten().count() as u64, Ordering::Relaxed);
    let (mut groups, mut lone): (Vec<Group>, Vec<Group>) = Default::default();
    for (i, job) in jobs.iter().enumerate().filter(|&(i, _)| results[i].is_none()) {
        // The kernel of rounds knows how long workers are busy only if all of them wait for all.
        let rank = Rank::of(job.rule, job.spec(0)).filter(|_| !experiment.wants_usage() || !job.rule.cancels());
        let Some(rank) = rank else {
            lone.push(Group { jobs: vec![i], ranks: Vec::new() });
            continue;
        };
        // Those that share draws end together, and a run that is interrupted keeps what has ended: a few workers do not wait
        // for a thousand. What is drawn twice for that is a thirtieth at most.
        let size = |rule: Rule| rule.workers.ilog2() / 5;
        let alike = |group: &&mut Group| {
            let other = &jobs[group.jobs[0]];
            let same_draws = other.rule.steps == job.rule.steps && other.specs == job.specs;
            same_draws && other.plan.replications == job.plan.replications && size(other.rule) == size(job.rule)
        };
        match groups.iter_mut().find(alike) {
            Some(group) => {
                group.jobs.push(i);
                group.ranks.push(rank);
            }
            None => groups.push(Group { jobs: vec![i], ranks: vec![rank] }),
        }
    }
    groups.extend(lone);
    let run = |group: &Group| {
        let replications = jobs[group.jobs[0]].plan.replications;
        let one = |r: u32| match group.ranks[..] {
            // Not even begun, as that takes a moment for each of many workers.
            _ if progress.stopped() => None,
            [] => alone(experiment, &jobs[group.jobs[0]], r, progress)
                .map(|accounts| vec![jobs[group.jobs[0]].replication(&accounts, r)]),
            _ => rounds(experiment, jobs, group, r, progress),
        };
        let found: Option<Vec<Vec<Replication>>> = (0..replications).into_par_iter().map(one).collect();
        progress.cells.fetch_add(found.as_ref().map_or(0, |_| group.jobs.len() as u64), Ordering::Relaxed);
        let mut by_job: Vec<Vec<Replication>> = group.jobs.iter().map(|_| Vec::new()).collect();
        for replication in found? {
            by_job.iter_mut().zip(replication).for_each(|(all, one)| all.push(one));
        }
        let by_job: Vec<Replications> = by_job.into_iter().map(Replications::new).collect();
        group.jobs.iter().zip(&by_job).for_each(|(&job, found)| kept.keep(&jobs[job].key(), found));
        Some(by_job)
    };
    let found: Vec<_> = groups.par_iter().with_max_len(1).map(run).collect();
    for (group, found) in groups.iter().zip(found) {
        for (&job, found) in group.jobs.iter().zip(found.into_iter().flatten()) {
            results[job] = Some(found);
        }
    }
    results
}

/// A configuration by itself, or several that are decided by the same draws.
struct Group {
    jobs: Vec<usize>,
    /// For each, if rounds decide them.
    ranks: Vec<Rank>,
}

/// The random numbers of a replication.
fn draws(experiment: &Experiment, job: &Job, r: u32) -> Variates {
    let (rule, spec) = (job.rule, job.spec(r));
    let draws = Variates::new(spec, RandomKey::new(experiment.seed, u64::from(r)));
    let in_the_middle = job.plan.method != Method::Renewal && rule.on_update == OnUpdate::CarriesOn;
    if in_the_middle { draws.in_the_middle(spec, rule) } else { draws }
}

/// Runs one replication of a configuration by itself.
fn alone(experiment: &Experiment, job: &Job, r: u32, progress: &Progress) -> Option<Accounts> {
    let updates = job.plan.warm_up_of(r) + job.plan.updates_of(r);
    let draws = draws(experiment, job, r);
    let look = (LOOK / u64::from(job.rule.steps)).max(1);
    match Superposition::new(job.rule, job.spec(r), draws.clone(), updates, Width::widest()) {
        Some(superposition) => {
            to_its_end(superposition.with_deadline(experiment.deadline_s), &job.plan, r, look, progress)
        }
        None => to_its_end(
            Events::new(job.rule, job.spec(r), draws).with_deadline(experiment.deadline_s),
            &job.plan,
            r,
            look,
            progress,
        ),
    }
}

/// Something that makes updates.
pub(crate) trait Engine {
    /// Runs until so many updates are made, but for no more than about `most` tasks; `None` if nothing more can come.
    fn run(&mut self, updates: u64, most: u64) -> Option<()>;
    /// Updates so far.
    fn updates(&self) -> u64;
    /// Begins to count.
    fn begin(&mut self);
    /// What was counted.
    fn finish(self) -> Accounts;
}

/// The event engine.
pub(crate) struct Events {
    run: Run<Simulated>,
    updates: u64,
    accounts: Accounts,
}

impl Events {
    pub(crate) fn new(rule: Rule, spec: &ClusterSpec, draws: Variates) -> Events {
        let cluster = Simulated::with_variates(spec.clone(), draws, rule.workers, ());
        Events { run: Run::new(rule, cluster), updates: 0, accounts: Accounts::new(rule.workers) }
    }

    /// Counts the updates that take no longer than this, s.
    fn with_deadline(self, deadline_s: Option<f64>) -> Events {
        Events { accounts: self.accounts.with_deadline(deadline_s), ..self }
    }
}

impl Engine for Events {
    fn run(&mut self, updates: u64, most: u64) -> Option<()> {
        let mut left = most;
        while left > 0 && self.updates < updates {
            let step = self.run.step()?;
            self.updates += u64::from(!step.orders.update.is_empty());
            // An update may be what a million workers have waited for.
            left = left.saturating_sub(1 + step.orders.start.len() as u64);
            self.accounts.add(&step);
        }
        Some(())
    }

    fn updates(&self) -> u64 {
        self.updates
    }

    fn begin(&mut self) {
        let cluster = self.run.cluster();
        self.accounts.begin(|worker| cluster.spent_so_far(worker));
    }

    fn finish(mut self) -> Accounts {
        let cluster = self.run.cluster();
        self.accounts.end(|worker| cluster.spent_so_far(worker));
        self.accounts
    }
}

/// Warms up and runs until as many updates are counted as planned; `None` if it is stopped.
///
/// It looks at the progress after every `look` tasks or so.
fn to_its_end(mut engine: impl Engine, plan: &Plan, r: u32, look: u64, progress: &Progress) -> Option<Accounts> {
    let warm_up = plan.warm_up_of(r);
    for goal in [warm_up, warm_up + plan.updates_of(r)] {
        while engine.updates() < goal {
            if progress.stopped() {
                return None;
            }
            let from = engine.updates();
            engine.run(goal, look)?;
            progress.updates.fetch_add(engine.updates() - from, Ordering::Relaxed);
        }
        if goal == warm_up && goal > 0 && plan.updates_of(r) > 0 {
            engine.begin();
        }
    }
    Some(engine.finish())
}

/// Runs one replication of configurations that are decided by the same draws.
fn rounds(
    experiment: &Experiment,
    jobs: &[Job],
    group: &Group,
    r: u32,
    progress: &Progress,
) -> Option<Vec<Replication>> {
    let first = &jobs[group.jobs[0]];
    let draws = draws(experiment, first, r);
    let mut rounds =
        Rounds::new(&draws, first.rule.steps, experiment.wants_usage(), Width::widest()).stopped_by(&progress.stop);
    let entrant = |(&job, &rank): (&usize, &Rank)| {
        let Job { rule, plan, .. } = &jobs[job];
        (Entrant::new(*rule, rank, experiment.deadline_s), plan.updates_of(r))
    };
    let mut entrants: Vec<(Entrant, u64)> = group.jobs.iter().zip(&group.ranks).map(entrant).collect();
    loop {
        let mut running: Vec<&mut Entrant> = Vec::new();
        let mut most = u64::MAX;
        for (entrant, goal) in &mut entrants {
            if *goal > rounds.done() {
                most = most.min(*goal - rounds.done());
                running.push(entrant);
            }
        }
        if running.is_empty() {
            break;
        }
        running.sort_by_key(|entrant| entrant.rule.workers);
        let (from, count) = (rounds.done(), running.len() as u64);
        rounds.advance(&mut running, most);
        if progress.stopped() {
            return None;
        }
        progress.updates.fetch_add(count * (rounds.done() - from), Ordering::Relaxed);
        for (entrant, goal) in &mut entrants {
            if *goal == rounds.done() {
                rounds.finish(entrant);
            }
        }
    }
    let of = |(&job, (entrant, _)): (&usize, &(Entrant, u64))| jobs[job].replication(&entrant.accounts, r);
    Some(group.jobs.iter().zip(&entrants).map(of).collect())
}

#[cfg(test)]
mod tests;
