//! Coordinator: the one machine behind every policy and in every world.
//!
//! No clock, no thread, no float: what happened goes in, orders come out. A cluster, simulated or real, carries them out and
//! says when an alarm that was ordered has rung.

use crate::policy::{OnCompletion, OnUpdate, Orders, Rule, Task};
use std::time::Duration;

/// Obeys a [`Rule`]: turns what happens into orders.
///
/// ```
/// use straggle_sim::{Coordinator, Orders, Policy};
/// let mut coordinator = Coordinator::new(Policy::k_sync(2).rule(3).unwrap());
/// let mut orders = Orders::default();
/// coordinator.begin(&mut orders);
/// let first = orders.start.clone(); // three tasks, all at version 0
/// coordinator.finished(first[2], &mut orders);
/// assert!(orders.start.is_empty()); // one of two: worker 2 waits
/// coordinator.finished(first[0], &mut orders);
/// assert_eq!(orders.update, [first[2], first[0]]); // two of two: update,
/// assert_eq!(orders.cancel, [first[1]]); // cancel the third,
/// assert_eq!(orders.start.len(), 3); // and start all three anew
/// ```
#[derive(Clone, Debug)]
pub struct Coordinator {
    rule: Rule,
    version: u64,
    hands: Vec<Hand>,
    /// Where a slack is limited.
    clock: Option<SspClock>,
    /// Results submitted since the last update.
    buffer: Vec<Task>,
    /// Submissions since the last update that count, those without a single step included.
    arrived: u32,
    /// Workers with a task.
    running: u32,
    /// Workers without a task, in the order in which they became free.
    free: Vec<u32>,
    /// Whether the alarm is set.
    alarmed: bool,
    /// The round is over: the update waits only for those who were interrupted.
    closing: bool,
}

/// What a worker has to do.
#[derive(Clone, Copy, Debug)]
struct Hand {
    /// Its latest task.
    task: Task,
    /// Whether that is still being worked on.
    running: bool,
}

impl Coordinator {
    /// A coordinator that has given no orders yet.
    pub fn new(rule: Rule) -> Coordinator {
        let none = |worker| Hand {
            task: Task {
                worker,
                steps: rule.steps,
                accumulates: rule.accumulates,
                local: rule.steps > 1 && !rule.accumulates,
                serial: u64::MAX,
                first_step: 0,
                base_version: 0,
            },
            running: false,
        };
        Coordinator {
            rule,
            version: 0,
            hands: (0..rule.workers).map(none).collect(),
            clock: SspClock::of(rule),
            buffer: Vec::new(),
            arrived: 0,
            running: 0,
            free: (0..rule.workers).collect(),
            alarmed: false,
            closing: false,
        }
    }

    /// A coordinator that goes on after so many updates, and gives orders as if nothing had been submitted since. The steps of
    /// each worker begin with this number of its own.
    pub fn resumed(rule: Rule, version: u64, next_steps: &[u64]) -> Coordinator {
        let mut coordinator = Coordinator { version, ..Coordinator::new(rule) };
        for (hand, &next) in coordinator.hands.iter_mut().zip(next_steps) {
            hand.task.first_step = next;
        }
        coordinator
    }

    /// Each worker's own number of the first step that it has not submitted: what [`resumed`](Coordinator::resumed) asks for.
    pub fn next_steps(&self) -> Vec<u64> {
        self.hands.iter().map(|hand| hand.task.first_step).collect()
    }

    /// The rule that it obeys.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// The first orders: everybody starts.
    pub fn begin(&mut self, orders: &mut Orders) {
        orders.clear();
        self.release(orders);
        self.begin_round(orders);
    }

    /// The orders that follow from a task's arrival; its `steps` are those that it has.
    ///
    /// # Panics
    /// If the task was not given, or has been submitted or cancelled before: that is a bug in the cluster.
    #[inline]
    pub fn finished(&mut self, task: Task, orders: &mut Orders) {
        let hand = &mut self.hands[task.worker as usize];
        assert!(hand.running && hand.task.is(&task), "{task:?} is not being worked on");
        hand.running = false;
        // A step that was begun and not ended is not taken again: a step's number is used once.
        let unlimited = hand.task.steps == u32::MAX;
        hand.task.first_step += u64::from(if unlimited { task.steps + 1 } else { hand.task.steps });
        self.running -= 1;
        orders.clear();
        self.free.push(task.worker);
        let slowest_moved = self.clock.as_mut().is_some_and(|clock| clock.finished(task.worker));
        if self.version - task.base_version > self.rule.max_staleness {
            orders.discard = Some(task);
            // It has nothing in the coming update, so it need not wait for it.
            let worker = self.free.pop().expect("it has just been put there");
            self.start(worker, orders);
            return;
        }
        if task.steps > 0 {
            self.buffer.push(task);
        }
        self.arrived += 1;
        let renewed = self.may_close(orders);
        match self.rule.on_completion {
            OnCompletion::Waits => {}
            OnCompletion::StartsAnew { slack: None } => self.release(orders),
            OnCompletion::StartsAnew { slack: Some(_) } => {
                // Unless the slowest moved or work was cancelled, whoever waited before still waits.
                let all = slowest_moved || !orders.cancel.is_empty();
                let waiting = if all { 0 } else { self.free.len() - 1 };
                self.release_within(waiting, orders);
            }
        }
        if renewed {
            self.begin_round(orders);
        }
    }

    /// The orders that follow when the alarm rings: the round is over.
    pub fn alarm(&mut self, orders: &mut Orders) {
        orders.clear();
        self.alarmed = false;
        if self.close(orders) {
            self.begin_round(orders);
        }
    }

    /// The orders that follow when a worker fails, and what it does is lost. The others go on without it: who waits for all
    /// waits for all that live.
    pub fn failed(&mut self, worker: u32, orders: &mut Orders) {
        orders.clear();
        let hand = &mut self.hands[worker as usize];
        if std::mem::take(&mut hand.running) {
            self.running -= 1;
            orders.lost = Some(hand.task);
            self.skip_steps(worker);
            if self.may_close(orders) {
                self.begin_round(orders);
            }
        } else {
            self.free.retain(|&other| other != worker);
        }
    }

    /// The orders that follow when a worker that had failed is back: it starts at the newest parameters.
    pub fn returned(&mut self, worker: u32, orders: &mut Orders) {
        orders.clear();
        if self.closing {
            self.free.push(worker);
        } else {
            self.start(worker, orders);
        }
    }

    /// Closes the round if enough has arrived, or will not arrive any more; true if everybody is to be released.
    #[inline(always)]
    fn may_close(&mut self, orders: &mut Orders) -> bool {
        let waits = self.rule.on_completion == OnCompletion::Waits;
        // Nobody is at work whom to wait for. Whoever has failed is not waited for.
        if waits && self.running == 0 {
            return self.update(orders);
        }
        if self.closing || self.arrived < self.rule.quorum {
            return false;
        }
        if self.rule.grace > Duration::ZERO && waits {
            if !self.alarmed && self.rule.grace < Duration::MAX {
                self.alarmed = true;
                orders.alarm = Some(self.rule.grace);
            }
            return false;
        }
        self.close(orders)
    }

    /// The round is over; true if everybody is to be released.
    #[inline]
    fn close(&mut self, orders: &mut Orders) -> bool {
        match self.rule.on_update {
            OnUpdate::CarriesOn => {}
            OnUpdate::Cancelled => self.cancel_running(orders),
            OnUpdate::Submits if self.running > 0 => {
                self.closing = true;
                orders.interrupt.extend(self.hands.iter().filter(|hand| hand.running).map(|hand| hand.task));
                return false;
            }
            OnUpdate::Submits => {}
        }
        self.update(orders)
    }

    /// Updates the parameters, if there is anything to update them with.
    #[inline]
    fn update(&mut self, orders: &mut Orders) -> bool {
        if !self.buffer.is_empty() {
            self.version += 1;
            orders.version = self.version;
            std::mem::swap(&mut orders.update, &mut self.buffer);
        }
        (self.arrived, self.closing) = (0, false);
        if std::mem::take(&mut self.alarmed) {
            orders.alarm = Some(Duration::MAX);
        }
        if self.rule.on_completion == OnCompletion::Waits {
            self.release(orders);
        }
        true
    }

    /// Sets the alarm of a round that has one from its start.
    #[inline]
    fn begin_round(&mut self, orders: &mut Orders) {
        if self.rule.budget < Duration::MAX {
            self.alarmed = true;
            orders.alarm = Some(self.rule.budget);
        }
    }

    fn cancel_running(&mut self, orders: &mut Orders) {
        for worker in 0..self.rule.workers {
            let hand = &mut self.hands[worker as usize];
            if std::mem::take(&mut hand.running) {
                orders.cancel.push(hand.task);
                self.skip_steps(worker);
                self.free.push(worker);
            }
        }
        self.running = 0;
    }

    /// The steps of a task that comes to nothing are not taken again.
    #[inline]
    fn skip_steps(&mut self, worker: u32) {
        let task = &mut self.hands[worker as usize].task;
        task.first_step += u64::from(task.steps);
    }

    /// Starts every free worker.
    #[inline]
    fn release(&mut self, orders: &mut Orders) {
        for i in 0..self.free.len() {
            self.start(self.free[i], orders);
        }
        self.free.clear();
    }

    /// Starts every free worker, but for the first `waiting` of them, who is not too far ahead of the slowest.
    fn release_within(&mut self, waiting: usize, orders: &mut Orders) {
        let mut free = std::mem::take(&mut self.free);
        let mut kept = waiting;
        for i in waiting..free.len() {
            let worker = free[i];
            if self.clock.as_ref().is_none_or(|clock| clock.allows(worker)) {
                self.start(worker, orders);
            } else {
                free[kept] = worker;
                kept += 1;
            }
        }
        free.truncate(kept);
        self.free = free;
    }

    #[inline]
    fn start(&mut self, worker: u32, orders: &mut Orders) {
        let hand = &mut self.hands[worker as usize];
        let task = Task { serial: hand.task.serial.wrapping_add(1), base_version: self.version, ..hand.task };
        *hand = Hand { task, running: true };
        self.running += 1;
        orders.start.push(task);
    }
}

/// How far everybody is, where nobody may be more than so many tasks ahead of the slowest.
#[derive(Clone, Debug)]
struct SspClock {
    slack: u64,
    /// Tasks each worker has finished.
    finished: Vec<u64>,
    /// The least of `finished`, and how many workers stand there.
    slowest: (u64, u32),
}

impl SspClock {
    /// Nobody has finished anything; `None` if the rule sets no limit.
    fn of(rule: Rule) -> Option<SspClock> {
        match rule.on_completion {
            OnCompletion::Waits | OnCompletion::StartsAnew { slack: None } => None,
            OnCompletion::StartsAnew { slack: Some(slack) } => Some(SspClock {
                slack: u64::from(slack),
                finished: vec![0; rule.workers as usize],
                slowest: (0, rule.workers),
            }),
        }
    }

    /// Whether a worker may start another task.
    #[inline]
    fn allows(&self, worker: u32) -> bool {
        self.finished[worker as usize] - self.slowest.0 <= self.slack
    }

    /// Counts a finished task; true if the slowest worker has moved on.
    ///
    /// The scan costs m, but the slowest moves once in m completions: constant per event in the long run.
    #[inline]
    fn finished(&mut self, worker: u32) -> bool {
        let finished = &mut self.finished[worker as usize];
        *finished += 1;
        if *finished - 1 != self.slowest.0 {
            return false;
        }
        self.slowest.1 -= 1;
        if self.slowest.1 > 0 {
            return false;
        }
        self.slowest.0 += 1;
        self.slowest.1 = self.finished.iter().filter(|&&n| n == self.slowest.0).count() as u32;
        true
    }
}
