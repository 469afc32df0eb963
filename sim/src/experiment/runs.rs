//! How is a cell run to its end, and by which engine? The engine chooses itself; nothing of the choice shows in the results.
//!
//! - The event engine ([`Run`] on [`Simulated`]) runs everything, and is what the others are held equal to, to the last bit.
//! - Workers that never wait, on cores of their own, need no queue: [`superposition`](crate::fast::superposition).
//! - Iterations in which everybody starts anew need no events: [`rounds`](crate::fast::rounds), all such cells together.

use crate::cluster::Run;
use crate::cluster::des::Simulated;
use crate::cluster::spec::ClusterSpec;
use crate::cluster::variates::Variates;
use crate::experiment::{Configuration, Experiment, Length, Progress};
use crate::fast::rounds::{Entrant, Rank, Rounds};
use crate::fast::superposition::Superposition;
use crate::fast::width::Width;
use crate::measure::accounts::{Accounts, StalenessAudit};
use crate::policy::Rule;
use crate::random::key::RandomKey;
use rayon::prelude::*;
use std::sync::atomic::Ordering;

/// Updates to discard before counting.
///
/// Where an update leaves nothing behind there is no transient. Otherwise all workers start together and have to fall out
/// of step: the phase of a worker's renewal process is spread over a whole cycle after about 1/CV^2 steps, so each makes
/// four times that many, at least 10 and at most 1000.
pub fn warm_up(rule: Rule, spec: &ClusterSpec) -> u64 {
    if rule.renews() && !spec.computes_discarded_work(rule) {
        return 0;
    }
    let variation = spec.variation();
    let rounds = (4.0 / (variation * variation)).clamp(10.0, 1000.0).ceil() as u64;
    (rounds * u64::from(rule.workers)).div_ceil(u64::from(rule.quorum))
}

/// Updates before `--precision` first looks at the interval.
const FIRST_LOOK: u64 = 1024;

/// Turns between two looks at the [`Progress`].
const LOOK: u64 = 4096;

impl Length {
    /// Updates that are still needed.
    fn more(self, accounts: &Accounts) -> u64 {
        let done = accounts.gaps().count();
        match self {
            Length::Updates(updates) => updates.saturating_sub(done),
            Length::Precision(_) if done < FIRST_LOOK => FIRST_LOOK - done,
            Length::Precision(target) => {
                let estimate = accounts.gaps().estimate().expect("many batches by now");
                let excess = estimate.half_width / (target * estimate.mean);
                // As many as the present variance asks for, and a little more; few looks keep the intervals honest.
                if excess <= 1.0 { 0 } else { (done as f64 * (1.03 * excess * excess - 1.0)).ceil() as u64 }
            }
        }
    }
}

/// Runs all cells on rayon's threads; `None` for those that `watch` stopped.
pub(crate) fn all(experiment: &Experiment, cells: &[Configuration], progress: &Progress) -> Vec<Option<Accounts>> {
    let mut jobs: Vec<Job> = Vec::new();
    for (cell, &Configuration { policy, rule }) in cells.iter().enumerate() {
        let rule = experiment.rule_of(rule);
        let spec = experiment.spec_of(policy, rule);
        // The kernel of rounds knows how long workers are busy only if all of them wait for all.
        let rank = Rank::of(rule, &spec).filter(|_| !experiment.wants_usage() || !rule.cancels());
        let Some(rank) = rank else {
            jobs.push(Job { spec, steps: rule.steps, cells: vec![(cell, rule)], ranks: Vec::new() });
            continue;
        };
        // Cells that share draws end together, and a run that is interrupted keeps what has ended: a few workers do not wait
        // for a thousand. What is drawn twice for that is a thirtieth at most.
        let size = |rule: Rule| rule.workers.ilog2() / 5;
        let alike = |job: &&mut Job| {
            let same_draws = !job.ranks.is_empty() && job.steps == rule.steps && job.spec == spec;
            same_draws && size(job.cells[0].1) == size(rule)
        };
        match jobs.iter_mut().find(alike) {
            Some(job) => {
                job.cells.push((cell, rule));
                job.ranks.push(rank);
            }
            None => jobs.push(Job { spec, steps: rule.steps, cells: vec![(cell, rule)], ranks: vec![rank] }),
        }
    }
    let run = |job: &Job| match job.ranks[..] {
        [] => vec![alone(experiment, job.cells[0].1, &job.spec, progress)],
        _ => rounds(experiment, job, progress),
    };
    let results: Vec<Vec<Option<Accounts>>> = jobs.par_iter().with_max_len(1).map(run).collect();
    let mut tallies: Vec<Option<Accounts>> = cells.iter().map(|_| None).collect();
    for (job, results) in jobs.iter().zip(results) {
        for (&(cell, _), accounts) in job.cells.iter().zip(results) {
            tallies[cell] = accounts;
        }
    }
    tallies
}

/// A cell by itself, or cells that are decided by the same draws.
struct Job {
    spec: ClusterSpec,
    /// Steps in a task.
    steps: u32,
    /// The number of each cell, and the rule that is run.
    cells: Vec<(usize, Rule)>,
    /// For each cell, if rounds decide them.
    ranks: Vec<Rank>,
}

/// Runs a cell by itself.
fn alone(experiment: &Experiment, rule: Rule, spec: &ClusterSpec, progress: &Progress) -> Option<Accounts> {
    let (length, width) = (experiment.length, Width::widest());
    let draws = || Variates::new(spec, RandomKey::new(experiment.seed, 0));
    if let Some(superposition) = Superposition::new(rule, spec, draws(), width) {
        to_its_end(superposition, length, rule, spec, progress)
    } else {
        events(experiment, rule, spec, progress)
    }
}

/// Runs a cell event by event.
fn events(experiment: &Experiment, rule: Rule, spec: &ClusterSpec, progress: &Progress) -> Option<Accounts> {
    let cluster = Simulated::new(spec.clone(), RandomKey::new(experiment.seed, 0), rule.workers);
    let engine = Events {
        run: Run::new(rule, cluster),
        audit: StalenessAudit::default(),
        accounts: Accounts::new(rule.workers),
    };
    to_its_end(engine, experiment.length, rule, spec, progress)
}

/// Something that makes updates.
pub(crate) trait Engine {
    /// Runs until so many updates are made, but for no more than `most` turns; `None` if nothing more can come.
    fn run(&mut self, updates: u64, most: u64) -> Option<()>;
    /// Updates so far.
    fn updates(&self) -> u64;
    fn accounts(&mut self) -> &mut Accounts;
    fn into_tally(self) -> Accounts;
    /// Both sides of the law of conservation of staleness.
    fn sides(&self) -> (u128, u128);
}

struct Events {
    run: Run<Simulated>,
    audit: StalenessAudit,
    accounts: Accounts,
}

impl Engine for Events {
    fn run(&mut self, updates: u64, most: u64) -> Option<()> {
        for _ in 0..most {
            if self.audit.updates() == updates {
                break;
            }
            let step = self.run.step()?;
            self.audit.add(&step);
            self.accounts.add(&step);
        }
        Some(())
    }

    fn updates(&self) -> u64 {
        self.audit.updates()
    }

    fn accounts(&mut self) -> &mut Accounts {
        &mut self.accounts
    }

    fn into_tally(self) -> Accounts {
        self.accounts
    }

    fn sides(&self) -> (u128, u128) {
        self.audit.sides()
    }
}

/// Warms up and runs until the length is reached; `None` if `watch` stops it.
fn to_its_end(
    mut engine: impl Engine,
    length: Length,
    rule: Rule,
    spec: &ClusterSpec,
    progress: &Progress,
) -> Option<Accounts> {
    let warm_up = warm_up(rule, spec);
    let mut goal = warm_up;
    loop {
        while engine.updates() < goal {
            if progress.stopped() {
                return None;
            }
            let from = engine.updates();
            engine.run(goal, LOOK)?;
            progress.updates.fetch_add(engine.updates() - from, Ordering::Relaxed);
        }
        if goal == warm_up {
            engine.accounts().begin();
        }
        match length.more(engine.accounts()) {
            0 => break,
            more => goal = goal.saturating_add(more),
        }
    }
    let (added, had) = engine.sides();
    assert_eq!(added, had, "staleness is not conserved under {rule:?}: a bug in the simulator");
    progress.cells.fetch_add(1, Ordering::Relaxed);
    Some(engine.into_tally())
}

/// Runs cells that are decided by the same draws.
fn rounds(experiment: &Experiment, job: &Job, progress: &Progress) -> Vec<Option<Accounts>> {
    let draws = Variates::new(&job.spec, RandomKey::new(experiment.seed, 0));
    let mut rounds = Rounds::new(&draws, job.steps, experiment.wants_usage(), Width::widest());
    let mut entrants: Vec<(Entrant, u64)> =
        job.cells.iter().zip(&job.ranks).map(|(&(_, rule), &rank)| (Entrant::new(rule, rank), 0)).collect();
    loop {
        let mut running: Vec<&mut Entrant> = Vec::new();
        let mut most = u64::MAX;
        for (entrant, goal) in &mut entrants {
            if *goal == rounds.done() {
                match experiment.length.more(&entrant.accounts) {
                    0 => {
                        rounds.finish(entrant);
                        progress.cells.fetch_add(1, Ordering::Relaxed);
                    }
                    more => *goal = goal.saturating_add(more),
                }
            }
            if *goal > rounds.done() {
                most = most.min(*goal - rounds.done());
                running.push(entrant);
            }
        }
        if running.is_empty() || progress.stopped() {
            break;
        }
        running.sort_by_key(|entrant| entrant.rule.workers);
        let (from, count) = (rounds.done(), running.len() as u64);
        rounds.advance(&mut running, most);
        progress.updates.fetch_add(count * (rounds.done() - from), Ordering::Relaxed);
    }
    entrants.into_iter().map(|(entrant, goal)| (goal <= rounds.done()).then_some(entrant.accounts)).collect()
}

#[cfg(test)]
mod tests;
