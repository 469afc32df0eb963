//! How is a cell run to its end, and by which engine? The engine chooses itself; nothing of the choice shows in the results.
//!
//! - The event engine ([`Run`] on [`Simulated`]) runs everything, and is what the others are held equal to, to the last bit.
//! - Workers that carry on need no orders: [`flow`](crate::flow).
//! - Workers that never wait, on cores of their own, need no queue: [`superposition`](crate::superposition).
//! - Iterations in which everybody starts anew need no events: [`rounds`](crate::rounds), all such cells together.

use crate::agenda::Agenda;
use crate::arrivals::Sharers;
use crate::cluster::Run;
use crate::experiment::{Cell, Experiment, Length, Watch};
use crate::fleet::{Draws, Fleet};
use crate::flow::Flow;
use crate::policy::Rule;
use crate::rounds::{Entrant, Rank, Rounds};
use crate::seed::Luck;
use crate::simulated::Simulated;
use crate::superposition::Superposition;
use crate::tally::{Ledger, Tally};
use crate::width::Width;
use rayon::prelude::*;
use std::sync::atomic::Ordering;

/// Updates to discard before counting.
///
/// Where an update leaves nothing behind there is no transient. Otherwise all workers start together and have to fall out
/// of step: the phase of a worker's renewal process is spread over a whole cycle after about 1/CV^2 steps, so each makes
/// four times that many, at least 10 and at most 1000.
pub fn warm_up(rule: Rule, fleet: &Fleet) -> u64 {
    if rule.renews() && !fleet.computes_in_vain(rule) {
        return 0;
    }
    let variation = fleet.variation();
    let rounds = (4.0 / (variation * variation)).clamp(10.0, 1000.0).ceil() as u64;
    (rounds * u64::from(rule.workers)).div_ceil(u64::from(rule.quorum))
}

/// Updates before `--precision` first looks at the interval.
const FIRST_LOOK: u64 = 1024;

/// Turns between two looks at the [`Watch`].
const LOOK: u64 = 4096;

impl Length {
    /// Updates that are still needed.
    fn more(self, tally: &Tally) -> u64 {
        let done = tally.gaps().count();
        match self {
            Length::Updates(updates) => updates.saturating_sub(done),
            Length::Precision(_) if done < FIRST_LOOK => FIRST_LOOK - done,
            Length::Precision(target) => {
                let estimate = tally.gaps().estimate().expect("many batches by now");
                let excess = estimate.half_width / (target * estimate.mean);
                // As many as the present variance asks for, and a little more; few looks keep the intervals honest.
                if excess <= 1.0 { 0 } else { (done as f64 * (1.03 * excess * excess - 1.0)).ceil() as u64 }
            }
        }
    }
}

/// Runs all cells on rayon's threads; `None` for those that `watch` stopped.
pub(crate) fn all(experiment: &Experiment, cells: &[Cell], watch: &Watch) -> Vec<Option<Tally>> {
    let mut jobs: Vec<Job> = Vec::new();
    for (cell, &Cell { policy, rule }) in cells.iter().enumerate() {
        let (fleet, rule) = (experiment.fleet_of(policy), experiment.rule_of(rule));
        // The kernel of rounds knows how long workers are busy only if all of them wait for all.
        let rank = Rank::of(rule, &fleet).filter(|_| !experiment.wants_usage() || !rule.cancels());
        let Some(rank) = rank else {
            jobs.push(Job { fleet, steps: rule.steps, cells: vec![(cell, rule)], ranks: Vec::new() });
            continue;
        };
        // Cells that share draws end together, and a run that is interrupted keeps what has ended: a few workers do not wait
        // for a thousand. What is drawn twice for that is a thirtieth at most.
        let size = |rule: Rule| rule.workers.ilog2() / 5;
        let alike = |job: &&mut Job| {
            let same_draws = !job.ranks.is_empty() && job.steps == rule.steps && job.fleet == fleet;
            same_draws && size(job.cells[0].1) == size(rule)
        };
        match jobs.iter_mut().find(alike) {
            Some(job) => {
                job.cells.push((cell, rule));
                job.ranks.push(rank);
            }
            None => jobs.push(Job { fleet, steps: rule.steps, cells: vec![(cell, rule)], ranks: vec![rank] }),
        }
    }
    let run = |job: &Job| match job.ranks[..] {
        [] => vec![alone(experiment, job.cells[0].1, &job.fleet, watch)],
        _ => rounds(experiment, job, watch),
    };
    let results: Vec<Vec<Option<Tally>>> = jobs.par_iter().with_max_len(1).map(run).collect();
    let mut tallies: Vec<Option<Tally>> = cells.iter().map(|_| None).collect();
    for (job, results) in jobs.iter().zip(results) {
        for (&(cell, _), tally) in job.cells.iter().zip(results) {
            tallies[cell] = tally;
        }
    }
    tallies
}

/// A cell by itself, or cells that are decided by the same draws.
struct Job {
    fleet: Fleet,
    /// Steps in a task.
    steps: u32,
    /// The number of each cell, and the rule that is run.
    cells: Vec<(usize, Rule)>,
    /// For each cell, if rounds decide them.
    ranks: Vec<Rank>,
}

/// Runs a cell by itself.
fn alone(experiment: &Experiment, rule: Rule, fleet: &Fleet, watch: &Watch) -> Option<Tally> {
    let (length, width) = (experiment.length, Width::widest());
    let draws = || Draws::new(fleet, Luck::new(experiment.seed, 0));
    if let Some(superposition) = Superposition::new(rule, fleet, draws(), width) {
        to_its_end(superposition, length, rule, fleet, watch)
    } else if let Some(flow) = Flow::<Agenda>::new(rule, fleet, draws(), width) {
        to_its_end(flow, length, rule, fleet, watch)
    } else if let Some(flow) = Flow::<Sharers>::new(rule, fleet, draws(), width) {
        to_its_end(flow, length, rule, fleet, watch)
    } else {
        events(experiment, rule, fleet, watch)
    }
}

/// Runs a cell event by event.
fn events(experiment: &Experiment, rule: Rule, fleet: &Fleet, watch: &Watch) -> Option<Tally> {
    let cluster = Simulated::new(fleet.clone(), Luck::new(experiment.seed, 0), rule.workers);
    let engine = Events { run: Run::new(rule, cluster), ledger: Ledger::default(), tally: Tally::new(rule.workers) };
    to_its_end(engine, experiment.length, rule, fleet, watch)
}

/// Something that makes updates.
pub(crate) trait Engine {
    /// Runs until so many updates are made, but for no more than `most` turns; `None` if nothing more can come.
    fn run(&mut self, updates: u64, most: u64) -> Option<()>;
    /// Updates so far.
    fn updates(&self) -> u64;
    fn tally(&mut self) -> &mut Tally;
    fn into_tally(self) -> Tally;
    /// Both sides of the law of conservation of staleness.
    fn sides(&self) -> (u128, u128);
}

struct Events {
    run: Run<Simulated>,
    ledger: Ledger,
    tally: Tally,
}

impl Engine for Events {
    fn run(&mut self, updates: u64, most: u64) -> Option<()> {
        for _ in 0..most {
            if self.ledger.updates() == updates {
                break;
            }
            let turn = self.run.turn()?;
            self.ledger.add(&turn);
            self.tally.add(&turn);
        }
        Some(())
    }

    fn updates(&self) -> u64 {
        self.ledger.updates()
    }

    fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn into_tally(self) -> Tally {
        self.tally
    }

    fn sides(&self) -> (u128, u128) {
        self.ledger.sides()
    }
}

/// Warms up and runs until the length is reached; `None` if `watch` stops it.
fn to_its_end(mut engine: impl Engine, length: Length, rule: Rule, fleet: &Fleet, watch: &Watch) -> Option<Tally> {
    let warm_up = warm_up(rule, fleet);
    let mut goal = warm_up;
    loop {
        while engine.updates() < goal {
            if watch.stopped() {
                return None;
            }
            let from = engine.updates();
            engine.run(goal, LOOK)?;
            watch.updates.fetch_add(engine.updates() - from, Ordering::Relaxed);
        }
        if goal == warm_up {
            engine.tally().begin();
        }
        match length.more(engine.tally()) {
            0 => break,
            more => goal = goal.saturating_add(more),
        }
    }
    let (added, had) = engine.sides();
    assert_eq!(added, had, "staleness is not conserved under {rule:?}: a bug in the simulator");
    watch.cells.fetch_add(1, Ordering::Relaxed);
    Some(engine.into_tally())
}

/// Runs cells that are decided by the same draws.
fn rounds(experiment: &Experiment, job: &Job, watch: &Watch) -> Vec<Option<Tally>> {
    let draws = Draws::new(&job.fleet, Luck::new(experiment.seed, 0));
    let mut rounds = Rounds::new(&draws, job.steps, experiment.wants_usage(), Width::widest());
    let mut entrants: Vec<(Entrant, u64)> =
        job.cells.iter().zip(&job.ranks).map(|(&(_, rule), &rank)| (Entrant::new(rule, rank), 0)).collect();
    loop {
        let mut running: Vec<&mut Entrant> = Vec::new();
        let mut most = u64::MAX;
        for (entrant, goal) in &mut entrants {
            if *goal == rounds.done() {
                match experiment.length.more(&entrant.tally) {
                    0 => {
                        rounds.finish(entrant);
                        watch.cells.fetch_add(1, Ordering::Relaxed);
                    }
                    more => *goal = goal.saturating_add(more),
                }
            }
            if *goal > rounds.done() {
                most = most.min(*goal - rounds.done());
                running.push(entrant);
            }
        }
        if running.is_empty() || watch.stopped() {
            break;
        }
        running.sort_by_key(|entrant| entrant.rule.workers);
        let (from, count) = (rounds.done(), running.len() as u64);
        rounds.advance(&mut running, most);
        watch.updates.fetch_add(count * (rounds.done() - from), Ordering::Relaxed);
    }
    entrants.into_iter().map(|(entrant, goal)| (goal <= rounds.done()).then_some(entrant.tally)).collect()
}

#[cfg(test)]
mod tests;
