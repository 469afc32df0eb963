//! Who is told what, when a worker hands in? The one machine behind every policy and in every world.
//!
//! No clock, no thread, no float: a completion goes in, orders come out. A cluster, simulated or real, carries them out.

use crate::policy::{OnCompletion, OnUpdate, Rule};

/// One piece of a worker's work: read the parameters, take `steps` steps, hand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Task {
    /// Who does it, 0 to m-1.
    pub worker: u32,
    /// How many steps it has: 1, or H for local SGD.
    pub steps: u32,
    /// How many tasks the worker was given before this one.
    pub serial: u64,
    /// How many updates the parameters had seen when the task was given.
    pub base_version: u64,
}

impl Task {
    /// The worker's own numbers of this task's steps: the addresses of their luck.
    pub fn step_numbers(&self) -> std::ops::Range<u64> {
        let first = self.serial * u64::from(self.steps);
        first..first + u64::from(self.steps)
    }
}

/// What is to be done, in this order: update, cancel, start. Whoever is started so reads the new parameters.
///
/// One value is filled again and again; nothing is allocated per event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// Updates made once these orders are carried out.
    pub version: u64,
    /// Average these tasks' results into the parameters, if there are any; in order of their arrival.
    pub update: Vec<Task>,
    /// Throw these away.
    pub cancel: Vec<Task>,
    /// Start these.
    pub start: Vec<Task>,
}

impl Orders {
    fn clear(&mut self) {
        self.update.clear();
        self.cancel.clear();
        self.start.clear();
    }
}

/// Obeys a [`Rule`]: turns completions into orders.
///
/// ```
/// use straggle_sim::{Coordinator, Orders, Policy};
/// let mut coordinator = Coordinator::new(Policy::KSync(2).rule(3).unwrap());
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
    /// Where a lead is limited.
    clock: Option<SspClock>,
    /// Results handed in since the last update.
    gathered: Vec<Task>,
    /// Workers without a task, in the order in which they became free.
    free: Vec<u32>,
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
        let unborn = |worker| Hand {
            task: Task { worker, steps: rule.steps, serial: u64::MAX, base_version: 0 },
            running: false,
        };
        Coordinator {
            rule,
            version: 0,
            hands: (0..rule.workers).map(unborn).collect(),
            clock: SspClock::of(rule),
            gathered: Vec::new(),
            free: (0..rule.workers).collect(),
        }
    }

    /// The rule that it obeys.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// The first orders: everybody starts.
    pub fn begin(&mut self, orders: &mut Orders) {
        orders.clear();
        self.release(orders);
    }

    /// The orders that follow from a task's arrival.
    ///
    /// # Panics
    /// If the task was not given, or has been handed in or cancelled before: that is a bug in the cluster.
    #[inline]
    pub fn finished(&mut self, task: Task, orders: &mut Orders) {
        let worker = task.worker as usize;
        let hand = &mut self.hands[worker];
        assert!(hand.running && hand.task == task, "{task:?} is not being worked on");
        hand.running = false;
        orders.clear();
        self.free.push(task.worker);
        self.gathered.push(task);
        let slowest_moved = self.clock.as_mut().is_some_and(|clock| clock.finished(task.worker));

        let update = self.gathered.len() == self.rule.quorum as usize;
        if update {
            self.version += 1;
            orders.version = self.version;
            std::mem::swap(&mut orders.update, &mut self.gathered);
            if self.rule.on_update == OnUpdate::Cancelled {
                self.cancel_running(orders);
            }
        }
        match self.rule.on_completion {
            OnCompletion::Waits if !update => {}
            OnCompletion::Waits | OnCompletion::StartsAnew { slack: None } => self.release(orders),
            OnCompletion::StartsAnew { slack: Some(_) } => {
                // Unless the slowest moved or work was cancelled, whoever waited before still waits.
                let waiting = if slowest_moved || !orders.cancel.is_empty() { 0 } else { self.free.len() - 1 };
                self.release_within(waiting, orders);
            }
        }
    }

    fn cancel_running(&mut self, orders: &mut Orders) {
        for hand in &mut self.hands {
            if std::mem::take(&mut hand.running) {
                orders.cancel.push(hand.task);
                self.free.push(hand.task.worker);
            }
        }
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
        let Hand { task, running } = &mut self.hands[worker as usize];
        task.serial = task.serial.wrapping_add(1);
        task.base_version = self.version;
        *running = true;
        orders.start.push(*task);
    }
}

/// How far everybody is, where nobody may be more than so many tasks ahead of the slowest.
#[derive(Clone, Debug)]
pub(crate) struct SspClock {
    slack: u64,
    /// Tasks each worker has finished.
    finished: Vec<u64>,
    /// The least of `finished`, and how many workers stand there.
    slowest: (u64, u32),
}

impl SspClock {
    /// Nobody has finished anything; `None` if the rule sets no limit.
    pub(crate) fn of(rule: Rule) -> Option<SspClock> {
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
    pub(crate) fn allows(&self, worker: u32) -> bool {
        self.finished[worker as usize] - self.slowest.0 <= self.slack
    }

    /// Counts a finished task; true if the slowest worker has moved on.
    ///
    /// The scan costs m, but the slowest moves once in m completions: constant per event in the long run.
    #[inline]
    pub(crate) fn finished(&mut self, worker: u32) -> bool {
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
