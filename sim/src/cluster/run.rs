//! The seam between the coordinator and every world, and the event loop.
//!
//! A [`Cluster`] carries tasks out and knows what time it is. [`Run`] waits for a completion, asks the coordinator, and
//! has its orders carried out.

use crate::cluster::time::Time;
use crate::policy::{Coordinator, Orders, Rule, Task};
use std::time::Duration;

/// A task that was submitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Completion {
    /// When the coordinator had it.
    pub at: Time,
    /// What was submitted.
    pub task: Task,
    /// Where its time went, from the moment it was given to its worker until `at`.
    pub spent: Spent,
}

/// Where the time of one task went, station by station, in seconds: together the time since the task was given to its
/// worker, up to rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// Before it began: the worker still computed a task that had been cancelled.
    pub discarded_s: f64,
    /// Waiting for a core, where workers queue for cores.
    pub core_s: f64,
    /// Computing; cores shared at the same time make it longer.
    pub compute_s: f64,
    /// The delay after computing, which needs no core.
    pub delay_s: f64,
    /// Communication: messages on their way, and waiting for a link.
    pub link_s: f64,
    /// Waiting for the server.
    pub queue_s: f64,
    /// Being served by the server.
    pub service_s: f64,
}

impl Spent {
    /// All of it, s.
    pub fn total_s(&self) -> f64 {
        self.discarded_s + self.core_s + self.compute_s + self.delay_s + self.link_s + self.queue_s + self.service_s
    }
}

/// What a cluster has to say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Signal {
    /// A task was submitted.
    Finished(Completion),
    /// The alarm has rung.
    Alarm {
        /// When.
        at: Time,
    },
    /// A worker has failed, and what it was doing is lost.
    Failed {
        /// When.
        at: Time,
        /// Who.
        worker: u32,
        /// Where the time of its task went, if it had one.
        spent: Spent,
    },
    /// A worker that had failed is back.
    Returned {
        /// When.
        at: Time,
        /// Who.
        worker: u32,
    },
}

impl Signal {
    /// When the coordinator heard of it.
    pub fn at(&self) -> Time {
        match *self {
            Signal::Finished(Completion { at, .. })
            | Signal::Alarm { at }
            | Signal::Failed { at, .. }
            | Signal::Returned { at, .. } => at,
        }
    }
}

/// Where tasks run: in simulated time, on threads, or in a recording.
pub trait Cluster {
    /// Reads the parameters now, and begins.
    fn start(&mut self, task: Task);
    /// The task's result, which was the latest to arrive, is too stale to be of use: forgets it.
    fn discard(&mut self, task: Task);
    /// A running task is to submit the steps that it has, as soon as it can.
    fn interrupt(&mut self, task: Task);
    /// Sets the one alarm to ring so long from now, or, for `Duration::MAX`, not at all.
    fn alarm(&mut self, after: Duration);
    /// Throws a running task away; its completion must not come out of [`wait`](Cluster::wait) any more. Where its time
    /// went until now.
    fn cancel(&mut self, task: Task) -> Spent;
    /// Averages the results of these tasks, all that were submitted since the last update, into the parameters,
    /// which become `version`; says when that is done.
    fn update(&mut self, version: u64, from: &[Task]) -> Time;
    /// What happens next: jumps to it, or blocks for it. `None` if nothing more will.
    fn wait(&mut self) -> Option<Signal>;
}

/// A cluster that is borrowed, and serves another run afterwards.
impl<C: Cluster> Cluster for &mut C {
    fn start(&mut self, task: Task) {
        (**self).start(task);
    }

    fn discard(&mut self, task: Task) {
        (**self).discard(task);
    }

    fn interrupt(&mut self, task: Task) {
        (**self).interrupt(task);
    }

    fn alarm(&mut self, after: Duration) {
        (**self).alarm(after);
    }

    fn cancel(&mut self, task: Task) -> Spent {
        (**self).cancel(task)
    }

    fn update(&mut self, version: u64, from: &[Task]) -> Time {
        (**self).update(version, from)
    }

    fn wait(&mut self) -> Option<Signal> {
        (**self).wait()
    }
}

/// One step of the loop: what came in, what was ordered, when.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// When the orders were given: after the update, if there was one.
    pub at: Time,
    /// What happened; `None` at the very beginning.
    pub signal: Option<&'a Signal>,
    /// What was ordered.
    pub orders: &'a Orders,
    /// Where the time of each cancelled task went, in the order of the orders.
    pub cancelled: &'a [Spent],
}

/// What happens in a run, one thing at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// A task was submitted.
    Finished(Completion),
    /// A result that had just arrived was dropped, as it was too stale.
    Discarded(Task),
    /// A worker failed.
    Failed(u32),
    /// A worker that had failed came back.
    Returned(u32),
    /// A task was lost with its worker.
    Lost(Task),
    /// A result goes into the update that follows.
    Applied(Task),
    /// The parameters have this version now.
    Updated(u64),
    /// A task was thrown away.
    Cancelled(Task),
    /// A task is to submit the steps that it has.
    Interrupted(Task),
    /// A task was given to its worker.
    Started(Task),
}

/// A rule at work on a cluster: [`step`](Run::step) by step, or as an iterator of timed [`Event`]s.
///
/// A stopping rule is `take_while`, a trace is `collect`.
/// ```
/// use straggle_sim::{Event, ClusterSpec, Law, RandomKey, Policy, Run, Simulated};
/// let law: Law = "exp(2)".parse().unwrap();
/// let cluster = Simulated::new(ClusterSpec::new(law), RandomKey::new(0, 0), 4);
/// let run = Run::new(Policy::SYNC.rule(4).unwrap(), cluster);
/// let updates = run.filter(|(_, event)| matches!(event, Event::Updated(_)));
/// let times: Vec<f64> = updates.take(3).map(|(time, _)| time.seconds()).collect();
/// assert!(times[0] < times[1] && times[1] < times[2]);
/// ```
#[derive(Clone, Debug)]
pub struct Run<C> {
    coordinator: Coordinator,
    cluster: C,
    /// What happened last.
    signal: Option<Signal>,
    orders: Orders,
    cancelled: Vec<Spent>,
    begun: bool,
    /// Events of the last step that the iterator has not given out yet, last first.
    unread: Vec<(Time, Event)>,
}

impl<C: Cluster> Run<C> {
    /// A run that has not begun.
    pub fn new(rule: Rule, cluster: C) -> Run<C> {
        Run::under(Coordinator::new(rule), cluster)
    }

    /// A run that has not begun, under a coordinator that may have seen others.
    pub fn under(coordinator: Coordinator, cluster: C) -> Run<C> {
        let (orders, cancelled, unread) = Default::default();
        Run { coordinator, cluster, signal: None, orders, cancelled, begun: false, unread }
    }

    /// Who gives the orders.
    pub fn coordinator(&self) -> &Coordinator {
        &self.coordinator
    }

    /// The cluster it runs on.
    pub fn cluster(&self) -> &C {
        &self.cluster
    }

    /// The cluster it runs on, to be changed between two steps.
    pub fn cluster_mut(&mut self) -> &mut C {
        &mut self.cluster
    }

    /// The cluster it ran on.
    pub fn into_cluster(self) -> C {
        self.cluster
    }

    /// What happens next and what follows from it; `None` if nothing can come any more.
    #[inline]
    pub fn step(&mut self) -> Option<Step<'_>> {
        let mut at = if self.begun {
            self.signal = self.cluster.wait();
            let signal = self.signal.as_ref()?;
            match signal {
                Signal::Finished(completion) => self.coordinator.finished(completion.task, &mut self.orders),
                Signal::Alarm { .. } => self.coordinator.alarm(&mut self.orders),
                Signal::Failed { worker, .. } => self.coordinator.failed(*worker, &mut self.orders),
                Signal::Returned { worker, .. } => self.coordinator.returned(*worker, &mut self.orders),
            }
            signal.at()
        } else {
            self.begun = true;
            self.coordinator.begin(&mut self.orders);
            Time::ZERO
        };
        if let Some(task) = self.orders.discard {
            self.cluster.discard(task);
        }
        if !self.orders.update.is_empty() {
            at = self.cluster.update(self.orders.version, &self.orders.update);
        }
        self.cancelled.clear();
        for &task in &self.orders.cancel {
            self.cancelled.push(self.cluster.cancel(task));
        }
        for &task in &self.orders.interrupt {
            self.cluster.interrupt(task);
        }
        for &task in &self.orders.start {
            self.cluster.start(task);
        }
        if let Some(after) = self.orders.alarm {
            self.cluster.alarm(after);
        }
        Some(Step { at, signal: self.signal.as_ref(), orders: &self.orders, cancelled: &self.cancelled })
    }
}

impl<'a> Step<'a> {
    /// What was submitted, if something was.
    #[inline]
    pub fn completion(&self) -> Option<&'a Completion> {
        match self.signal {
            Some(Signal::Finished(completion)) => Some(completion),
            _ => None,
        }
    }

    /// The step as single events, in the order in which they happened.
    pub fn events(&self) -> impl DoubleEndedIterator<Item = (Time, Event)> {
        let at = self.at;
        let orders = self.orders;
        let version = (!orders.update.is_empty()).then_some(orders.version);
        let happened = self.signal.and_then(|signal| match *signal {
            Signal::Finished(c) => Some((c.at, Event::Finished(c))),
            Signal::Failed { at, worker, .. } => Some((at, Event::Failed(worker))),
            Signal::Returned { at, worker } => Some((at, Event::Returned(worker))),
            Signal::Alarm { .. } => None,
        });
        let discarded = orders.discard.map(|t| (at, Event::Discarded(t)));
        let lost = orders.lost.map(|t| (at, Event::Lost(t)));
        let applied = orders.update.iter().map(move |&t| (at, Event::Applied(t)));
        let updated = version.map(|v| (at, Event::Updated(v)));
        let cancelled = orders.cancel.iter().map(move |&t| (at, Event::Cancelled(t)));
        let interrupted = orders.interrupt.iter().map(move |&t| (at, Event::Interrupted(t)));
        let started = orders.start.iter().map(move |&t| (at, Event::Started(t)));
        let before = happened.into_iter().chain(discarded).chain(lost);
        before.chain(applied).chain(updated).chain(cancelled).chain(interrupted).chain(started)
    }
}

impl<C: Cluster> Iterator for Run<C> {
    type Item = (Time, Event);

    fn next(&mut self) -> Option<(Time, Event)> {
        while self.unread.is_empty() {
            let mut unread = std::mem::take(&mut self.unread);
            let step = self.step();
            let over = step.is_none();
            unread.extend(step.iter().flat_map(|step| step.events()).rev());
            self.unread = unread;
            if over {
                return None;
            }
        }
        self.unread.pop()
    }
}
