//! How fast do updates come when whoever is not done carries on? The event engine without what only others need.
//!
//! Where a task is nothing but computing and an update cancels nothing (async, k-async, k-batch-async), a worker is
//! always at the one task that it was given last, so an event is a few lines: the earliest worker hands in, the update is
//! made if enough have, and whoever is free starts again. No orders are written down and read, no task is carried about.
//! The numbers are the event engine's to the last bit; a test holds it to that.

use crate::coordinator::Task;
use crate::fleet::{Draws, Fleet};
use crate::policy::{Finisher, Rest, Rule};
use crate::queue::Queue;
use crate::runs::Engine;
use crate::tally::Tally;
use crate::time::Time;

/// Workers that hand in and carry on.
pub(crate) struct Flow {
    rule: Rule,
    draws: Draws,
    queue: Queue,
    workers: Vec<Worker>,
    version: u64,
    /// Who has handed in since the last update, and what it had read.
    gathered: Vec<(u32, u64)>,
    tally: Tally,
    conserved: Conserved,
}

/// What a worker is at.
#[derive(Clone, Copy)]
struct Worker {
    serial: u64,
    /// Updates that the parameters had seen when it read them.
    base_version: u64,
    /// How long its task takes.
    compute_s: f64,
    /// How long its next one will. Drawn when this one begins, so that the processor works it out while it looks for the
    /// next event, instead of having the one wait for the other.
    next_s: f64,
}

/// Both sides of the law of conservation, as in the [`Ledger`](crate::tally::Ledger).
#[derive(Default)]
struct Conserved {
    in_flight: u64,
    added: u64,
    closed: u64,
}

impl Flow {
    /// Everybody starts; `None` if the rule or the fleet asks for more than this engine has.
    pub(crate) fn new(rule: Rule, fleet: &Fleet, draws: Draws) -> Option<Flow> {
        let unbounded = match rule.finisher {
            Finisher::Waits | Finisher::StartsAnew { lead: None } => true,
            Finisher::StartsAnew { lead: Some(_) } => false,
        };
        if !(unbounded && rule.rest == Rest::CarriesOn && fleet.is_plain(rule)) {
            return None;
        }
        let worker = |worker| Worker {
            serial: u64::MAX,
            base_version: 0,
            compute_s: 0.0,
            next_s: task_s(&draws, worker, 0, rule.steps),
        };
        let mut flow = Flow {
            rule,
            queue: Queue::new(rule.workers),
            workers: (0..rule.workers).map(worker).collect(),
            draws,
            version: 0,
            gathered: Vec::new(),
            tally: Tally::new(rule.workers),
            conserved: Conserved::default(),
        };
        (0..rule.workers).for_each(|worker| flow.start(worker, Time::ZERO));
        Some(flow)
    }

    #[inline]
    fn hand_in(&mut self) {
        let (at, worker) = self.queue.pop().expect("somebody is always at work");
        let Worker { base_version, compute_s, .. } = self.workers[worker as usize];
        self.tally.finished(at, worker, compute_s);
        self.gathered.push((worker, base_version));
        let waits = self.rule.finisher == Finisher::Waits;
        if self.gathered.len() == self.rule.quorum as usize {
            self.update(at);
            if waits {
                (0..self.gathered.len()).for_each(|i| self.start(self.gathered[i].0, at));
            }
            self.gathered.clear();
        }
        if !waits {
            self.start(worker, at);
        }
    }

    #[inline]
    fn update(&mut self, at: Time) {
        self.tally.updated(at);
        for &(_, base_version) in &self.gathered {
            let staleness = self.version - base_version;
            self.tally.applied(staleness, self.rule.steps);
            self.conserved.closed += staleness;
        }
        self.version += 1;
        self.conserved.in_flight -= self.gathered.len() as u64;
        self.conserved.added += self.conserved.in_flight;
    }

    #[inline]
    fn start(&mut self, number: u32, at: Time) {
        let worker = &mut self.workers[number as usize];
        worker.serial = worker.serial.wrapping_add(1);
        worker.base_version = self.version;
        worker.compute_s = worker.next_s;
        self.queue.set(number, Some(at.after(worker.compute_s)));
        self.tally.started(at, number);
        self.conserved.in_flight += 1;
        worker.next_s = task_s(&self.draws, number, worker.serial + 1, self.rule.steps);
    }
}

/// How long a worker's `serial`-th task takes.
#[inline]
fn task_s(draws: &Draws, worker: u32, serial: u64, steps: u32) -> f64 {
    match steps {
        1 => draws.compute_s(worker, serial),
        _ => draws.task_s(&Task { worker, steps, serial, base_version: 0 }).0,
    }
}

impl Engine for Flow {
    fn run(&mut self, updates: u64, most: u64) -> Option<()> {
        for _ in 0..most {
            if self.version == updates {
                break;
            }
            self.hand_in();
        }
        Some(())
    }

    fn updates(&self) -> u64 {
        self.version
    }

    fn tally(&mut self) -> &mut Tally {
        &mut self.tally
    }

    fn into_tally(self) -> Tally {
        self.tally
    }

    fn sides(&self) -> (u128, u128) {
        let handed_in = self.gathered.iter().map(|&(_, base_version)| base_version);
        let waits = self.rule.finisher == Finisher::Waits;
        // Whoever waits has no other task than the one handed in.
        let at_work = |number: u32| !(waits && self.gathered.iter().any(|&(waiting, _)| waiting == number));
        let workers = (0..).zip(&self.workers).filter(|&(number, _)| at_work(number));
        let open = workers.map(|(_, worker)| worker.base_version).chain(handed_in);
        let has = self.conserved.closed + open.map(|base| self.version - base).sum::<u64>();
        (u128::from(self.conserved.added), u128::from(has))
    }
}
