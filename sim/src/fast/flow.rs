//! How fast do updates come when whoever is not done carries on? The event engine without what only others need.
//!
//! Where an update cancels nothing (async, k-async, k-batch-async, ssp), a worker is always at the one task that it was
//! given last, so an event is a few lines: whoever reaches the server next hands in, the server takes it, the update is
//! made if enough have, and whoever may start again does. No orders are written down and read, no task is carried about.
//! The numbers are the event engine's to the last bit; a test holds it to that.

use crate::cluster::spec::{ClusterSpec, Variates};
use crate::cluster::time::Time;
use crate::experiment::runs::Engine;
use crate::fast::arrivals::Arrivals;
use crate::fast::width::{Kernel, Width};
use crate::measure::accounts::{Accounts, BATCH};
use crate::policy::coordinator::{SspClock, Task};
use crate::policy::{OnCompletion, OnUpdate, Rule};

/// Workers that hand in and carry on.
pub(crate) struct Flow<A> {
    rule: Rule,
    draws: Variates,
    /// The server's clock.
    now: Time,
    arrivals: A,
    workers: Vec<Worker>,
    ahead: Ahead,
    serving: Ahead,
    version: u64,
    /// Who has handed in since the last update, and what it had read; not the one whose hand-in makes the update.
    gathered: Vec<(u32, u64)>,
    clock: Option<SspClock>,
    /// Workers that are too far ahead of the slowest, in order of their arrival.
    held_back: Vec<u32>,
    accounts: Accounts,
    /// Updates that are still to be entered.
    updated: Vec<Time>,
    conserved: Conserved,
    /// Whether tasks are nothing but computing and the server takes no time.
    plain: bool,
    width: Width,
}

/// What a worker is at.
#[derive(Clone, Copy)]
struct Worker {
    /// How many tasks it had before this one.
    serial: u64,
    /// Updates that the parameters had seen when it read them.
    base_version: u64,
    /// Computing and delay in its task, on a core of its own.
    worked_s: f64,
}

/// Both sides of the law of conservation, as in the [`StalenessAudit`](crate::measure::accounts::StalenessAudit).
#[derive(Default)]
struct Conserved {
    in_flight: u64,
    added: u64,
    closed: u64,
}

/// Times of one kind, several of each worker's next tasks at once: vector code, and worked out while the processor does
/// something else instead of between two events.
pub(crate) struct Ahead {
    times_s: Vec<[f64; AHEAD]>,
    of: Kind,
}

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// How long a worker computes.
    Compute,
    /// How long the server is busy with it.
    Service,
}

/// Tasks of a worker that are drawn at once.
const AHEAD: usize = 16;

/// Up to so many workers; the times of more would not stay in the cache.
const FEW: u32 = 10_000;

impl Ahead {
    pub(crate) fn new(rule: Rule, of: Kind) -> Ahead {
        let few = rule.workers <= FEW && rule.steps == 1;
        Ahead { times_s: vec![[0.0; AHEAD]; if few { rule.workers as usize } else { 0 }], of }
    }

    /// The time of a worker's next task, s.
    #[inline(always)]
    pub(crate) fn seconds(&mut self, draws: &Variates, task: Task) -> f64 {
        let Task { worker, serial, .. } = task;
        let Some(times_s) = self.times_s.get_mut(worker as usize) else {
            return match self.of {
                Kind::Compute => draws.task_compute_s(&task),
                Kind::Service => draws.service_s(worker, serial),
            };
        };
        let place = serial as usize % AHEAD;
        if place == 0 {
            match self.of {
                Kind::Compute => draws.fill_compute_s(times_s, worker, (serial, 1)),
                Kind::Service => draws.fill_service_s(times_s, worker, serial),
            }
        }
        times_s[place]
    }
}

impl<A: Arrivals> Flow<A> {
    /// Everybody starts; `None` if the rule or the fleet asks for more than this engine has.
    pub(crate) fn new(rule: Rule, spec: &ClusterSpec, draws: Variates, width: Width) -> Option<Flow<A>> {
        if rule.on_update != OnUpdate::CarriesOn {
            return None;
        }
        let worker = Worker { serial: u64::MAX, base_version: 0, worked_s: 0.0 };
        let mut flow = Flow {
            rule,
            draws,
            now: Time::ZERO,
            arrivals: A::of(spec, rule.workers)?,
            workers: vec![worker; rule.workers as usize],
            ahead: Ahead::new(rule, Kind::Compute),
            serving: Ahead::new(rule, Kind::Service),
            version: 0,
            gathered: Vec::new(),
            clock: SspClock::of(rule),
            held_back: Vec::new(),
            accounts: Accounts::new(rule.workers),
            updated: Vec::with_capacity(BATCH),
            conserved: Conserved::default(),
            plain: spec.only_computes(),
            width,
        };
        (0..rule.workers).for_each(|worker| flow.start(worker));
        Some(flow)
    }

    #[inline(always)]
    fn hand_in(&mut self) {
        let (arrival, worker) = self.arrivals.next();
        let Worker { serial, base_version, worked_s } = self.workers[worker as usize];
        self.now = self.now.max(arrival);
        if !self.plain {
            let task = Task { worker, steps: self.rule.steps, serial, base_version };
            self.now = self.now.after(self.serving.seconds(&self.draws, task));
        }
        self.accounts.finished(worker, self.arrivals.worked_s(worker, arrival, worked_s));
        let moved_on = self.clock.as_mut().is_some_and(|clock| clock.finished(worker));
        let enough = self.gathered.len() + 1 == self.rule.quorum as usize;
        if enough {
            self.update(base_version);
        } else {
            self.gathered.push((worker, base_version));
        }
        match self.rule.on_completion {
            OnCompletion::Waits if !enough => {}
            OnCompletion::Waits => {
                // Not `for_each`, whose closure is not compiled for the width.
                for i in 0..self.gathered.len() {
                    self.start(self.gathered[i].0);
                }
                self.start(worker);
            }
            OnCompletion::StartsAnew { slack: None } => self.start(worker),
            OnCompletion::StartsAnew { slack: Some(_) } => {
                self.held_back.push(worker);
                // Unless the slowest moved on, whoever waited before still waits.
                self.let_go(if moved_on { 0 } else { self.held_back.len() - 1 });
            }
        }
        if enough {
            self.gathered.clear();
        }
    }

    /// The hand-ins so far and one more, which had read `last_version`, are averaged.
    #[inline(always)]
    fn update(&mut self, last_version: u64) {
        if !self.plain {
            self.now = self.now.after(self.draws.update_s(self.version + 1));
        }
        self.updated.push(self.now);
        for i in 0..self.gathered.len() {
            self.apply(self.gathered[i].1);
        }
        self.apply(last_version);
        self.version += 1;
        self.conserved.added += self.conserved.in_flight;
    }

    /// Enters the updates of the last few turns.
    #[inline(always)]
    fn enter(&mut self) {
        self.accounts.updated_at(&self.updated);
        self.updated.clear();
        self.accounts.pass(self.now);
    }

    #[inline(always)]
    fn apply(&mut self, base_version: u64) {
        let staleness = self.version - base_version;
        self.accounts.applied(&[staleness], self.rule.steps);
        self.conserved.closed += staleness;
        self.conserved.in_flight -= 1;
    }

    /// Starts whoever is not too far ahead of the slowest, but for the first `waiting`.
    #[inline(always)]
    fn let_go(&mut self, waiting: usize) {
        let mut kept = waiting;
        for i in waiting..self.held_back.len() {
            let worker = self.held_back[i];
            if self.clock.as_ref().is_none_or(|clock| clock.allows(worker)) {
                self.start(worker);
            } else {
                self.held_back[kept] = worker;
                kept += 1;
            }
        }
        self.held_back.truncate(kept);
    }

    #[inline(always)]
    fn start(&mut self, number: u32) {
        let worker = &mut self.workers[number as usize];
        worker.serial = worker.serial.wrapping_add(1);
        worker.base_version = self.version;
        let task =
            Task { worker: number, steps: self.rule.steps, serial: worker.serial, base_version: worker.base_version };
        let compute_s = self.ahead.seconds(&self.draws, task);
        worker.worked_s = compute_s;
        let mut arrival = self.now.after(compute_s);
        if !self.plain {
            let delay_s = self.draws.task_delay_s(&task);
            worker.worked_s += delay_s;
            arrival = arrival.after(delay_s).after(self.draws.latency_s(number, task.serial));
        }
        self.arrivals.begin(number, self.now, compute_s, arrival);
        self.accounts.started(self.now, number);
        self.conserved.in_flight += 1;
    }
}

/// Many events, compiled for every width: so is all that is called.
struct Events<'a, A> {
    flow: &'a mut Flow<A>,
    updates: u64,
    most: u64,
}

impl<A: Arrivals> Kernel for Events<'_, A> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for _ in 0..self.most {
            if self.flow.version == self.updates {
                break;
            }
            self.flow.hand_in();
            if self.flow.updated.len() == BATCH {
                self.flow.enter();
            }
        }
        self.flow.enter();
    }
}

impl<A: Arrivals> Engine for Flow<A> {
    fn run(&mut self, updates: u64, most: u64) -> Option<()> {
        self.width.run(Events { flow: self, updates, most });
        Some(())
    }

    fn updates(&self) -> u64 {
        self.version
    }

    fn accounts(&mut self) -> &mut Accounts {
        &mut self.accounts
    }

    fn into_tally(self) -> Accounts {
        self.accounts
    }

    fn sides(&self) -> (u128, u128) {
        // Who has handed in and not started again has no task but the one handed in.
        let mut idle = vec![false; self.workers.len()];
        let waiting =
            self.gathered.iter().map(|&(worker, _)| worker).filter(|_| self.rule.on_completion == OnCompletion::Waits);
        waiting.chain(self.held_back.iter().copied()).for_each(|worker| idle[worker as usize] = true);
        let at_work = self.workers.iter().zip(idle).filter(|&(_, idle)| !idle).map(|(worker, _)| worker.base_version);
        let open = at_work.chain(self.gathered.iter().map(|&(_, base_version)| base_version));
        let has = self.conserved.closed + open.map(|base| self.version - base).sum::<u64>();
        (u128::from(self.conserved.added), u128::from(has))
    }
}
