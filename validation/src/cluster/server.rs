//! A parameter server as a cluster under the simulator's own coordinator, whatever carries its messages.
//!
//! It keeps the parameters and the book: who has a task, whose result is delayed, what was cancelled and is computed all the
//! same, what was interrupted before it began. Workers are reached by a [`Transport`]: threads of this process
//! ([`threads`](crate::cluster::threads)), or processes anywhere, under MPI.
//!
//! A drawn delay passes with the server, who looks at a result only when its delay is over. A step
//! cannot be stopped: a task that is cancelled or interrupted ends with the step that is under way; the result of the one is
//! discarded, that of the other submitted.

use crate::cluster::clock::{Clock, RealTime};
use crate::cluster::failure::Failure;
use serde::{Deserialize, Serialize};
use sim::{Cluster, ClusterSpec, Completion, Law, Learner, RandomKey, Signal, Spent, Task, Time, Variates};
use std::collections::VecDeque;
use std::iter::repeat_n;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// What a worker submits.
pub struct Computed<G> {
    /// Its task, with the steps that it has.
    pub task: Task,
    /// What it computed, or the words of its panic.
    pub result: Result<G, String>,
    /// When it began to compute.
    pub from: Instant,
    /// When it ended.
    pub to: Instant,
    /// When each step but the last was done; empty where nobody says.
    pub steps_done: Vec<Instant>,
    /// When its result was there, if messages take time that is not computing.
    pub arrived: Instant,
}

impl<G> Computed<G> {
    /// Seconds of each of its steps: equal shares where nobody says when each was done.
    fn step_s(&self) -> Vec<f64> {
        let steps = self.task.steps.max(1) as usize;
        if self.steps_done.len() + 1 != steps {
            return vec![(self.to - self.from).as_secs_f64() / steps as f64; steps];
        }
        let ends = self.steps_done.iter().copied().chain([self.to]);
        ends.scan(self.from, |from, to| Some((to - std::mem::replace(from, to)).as_secs_f64())).collect()
    }
}

/// What the steps of a task took, whether anybody wanted its result or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimedTask {
    /// The task, with the steps that it had.
    pub task: Task,
    /// Seconds of computing in each of its steps.
    pub step_s: Vec<f64>,
}

/// How tasks come to the workers, and results to their server.
pub trait Transport<L: Learner> {
    /// Gives a task to its worker, who has none. It may have to wait for a place to compute.
    fn give(&mut self, task: Task, params: L::Params);
    /// Takes the worker's task back, if it has not begun; false if it has.
    fn withdraw(&mut self, worker: u32) -> bool;
    /// The worker is to end its task with the present step.
    fn interrupt(&mut self, worker: u32);
    /// When the worker began its task.
    fn begun(&self, worker: u32) -> Instant;
    /// The server goes on working: whoever waits for a place to compute need not wait for it.
    fn dispatch(&mut self);
    /// A result, if one is there.
    fn poll(&mut self) -> Option<Computed<L::Gradient>>;
    /// Waits for a result, until then or for [`LOOK`].
    fn receive(&mut self, until: Option<Instant>) -> Option<Computed<L::Gradient>>;
    /// Has one worker compute a task while nobody else has one, for nothing.
    ///
    /// # Errors
    /// The words of its panic.
    fn warm_up(&mut self, task: Task, params: L::Params) -> Result<(), String>;
    /// Nobody has a task any more, and another run begins.
    fn begin_anew(&mut self);
}

/// How often a server that waits looks whether it should stop.
pub const LOOK: Duration = Duration::from_millis(50);

/// When a server that waits for a result looks up: then, or after [`LOOK`].
pub(crate) fn wake_up(until: Option<Instant>) -> Instant {
    let wake_up = Instant::now() + LOOK;
    until.map_or(wake_up, |until| until.min(wake_up))
}

/// Workers that learn, and the parameters at their server.
pub struct ParameterServer<L: Learner, T: Transport<L>> {
    learner: Arc<L>,
    draws: Variates,
    params: L::Params,
    submitted: Vec<L::Gradient>,
    workers: Vec<Worker<L::Params, L::Gradient>>,
    transport: T,
    clock: Clock,
    /// Tasks that may still be started.
    left: u64,
    /// When the alarm rings.
    alarm: Option<Time>,
    /// Tasks that were interrupted before their first step.
    empty: VecDeque<Task>,
    /// What each step took, where that is kept.
    timed: Option<Vec<TimedTask>>,
}

struct Worker<P, G> {
    state: State<P, G>,
    /// When it was given its task.
    given: Time,
    /// When it had last computed a task that nobody wanted any more.
    done_discarded: Time,
}

impl<P, G> Worker<P, G> {
    /// Where the time of its task went: it computed between these instants, its result had arrived then, and has been delayed
    /// since.
    fn spent(&self, from: Time, computed: Time, arrived: Time, now: Time) -> Spent {
        let begun = self.given.max(self.done_discarded);
        Spent {
            discarded_s: begun.since(self.given),
            core_s: from.since(begun).max(0.0),
            compute_s: computed.since(from),
            link_s: arrived.since(computed),
            delay_s: now.since(arrived).max(0.0),
            ..Spent::default()
        }
    }
}

enum State<P, G> {
    Idle,
    /// It computes, or waits for a place where it can.
    HasTask,
    /// It computes what nobody wants any more; this is next.
    Discards(Option<(Task, P)>),
    /// It has computed, and the delay passes.
    Delayed(Delayed<G>),
}

struct Delayed<G> {
    task: Task,
    gradient: G,
    from: Time,
    computed: Time,
    arrived: Time,
    until: Time,
}

/// What real workers draw, whose computing takes the time that it takes: their delays, of this law if there are any.
pub fn delays(law: Option<Law>, key: RandomKey) -> Variates {
    let computing: Law = "constant(1)".parse().expect("a law");
    Variates::new(&ClusterSpec::new(computing).with_delay(law), key)
}

/// Steps that every worker takes to be warm.
const WARM_UP: u32 = 3;

impl<L: Learner, T: Transport<L>> ParameterServer<L, T> {
    /// The server of `workers` workers, who are reached by `transport` and delayed as `draws` say. When `stop` is set, no more
    /// completions come.
    pub fn over(
        transport: T,
        learner: Arc<L>,
        draws: &Variates,
        workers: u32,
        stop: Arc<AtomicBool>,
    ) -> ParameterServer<L, T> {
        let worker = |_| Worker { state: State::Idle, given: Time::ZERO, done_discarded: Time::ZERO };
        ParameterServer {
            params: learner.initial(),
            learner,
            draws: draws.clone(),
            submitted: Vec::new(),
            workers: (0..workers).map(worker).collect(),
            transport,
            clock: Clock::new(stop),
            left: u64::MAX,
            alarm: None,
            empty: VecDeque::new(),
            timed: None,
        }
    }

    /// The same, starting only so many tasks: parameters that workers write themselves are at rest when these are submitted.
    /// For policies that cancel nothing and wait for nobody; others would wait for tasks that never come.
    pub fn at_most(mut self, tasks: u64) -> Self {
        self.left = tasks;
        self
    }

    /// The parameters at the server.
    pub fn params(&self) -> &L::Params {
        &self.params
    }

    /// What carried its messages.
    pub fn into_transport(self) -> T {
        self.transport
    }

    /// The time now.
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// Lets everybody compute a few steps, one after the other, for nothing, in tasks of so many steps or fewer, and begins to
    /// count the time anew: a worker's first steps take longer, as it has to ask the system for memory.
    pub fn warm_up(&mut self, steps: u32) {
        // There are learners whose workers change the parameters that they are given: not those at the server.
        let (steps, params) = (steps.min(WARM_UP), self.learner.initial());
        let tasks = (0..self.workers.len() as u32).flat_map(|one| repeat_n(one, WARM_UP.div_ceil(steps) as usize));
        for worker in tasks {
            if let Err(words) = self.transport.warm_up(Task::first(worker, steps), params.clone()) {
                self.clock.fail(Failure::Panicked { worker, serial: 0, words });
                break;
            }
        }
        self.clock.begin_anew();
    }

    fn state(&mut self, worker: u32) -> &mut State<L::Params, L::Gradient> {
        &mut self.workers[worker as usize].state
    }

    fn give(&mut self, task: Task, params: L::Params) {
        *self.state(task.worker) = State::HasTask;
        self.transport.give(task, params);
    }

    fn take(&mut self, computed: Computed<L::Gradient>) {
        if let (Some(timed), true) = (&mut self.timed, computed.result.is_ok()) {
            timed.push(TimedTask { task: computed.task, step_s: computed.step_s() });
        }
        let Computed { task, result, from, to, arrived, .. } = computed;
        let [from, computed, arrived] = [from, to, arrived].map(|then| self.clock.at(then));
        let gradient = match result {
            Ok(gradient) => gradient,
            Err(words) => {
                self.clock.fail(Failure::Panicked { worker: task.worker, serial: task.serial, words });
                return;
            }
        };
        match std::mem::replace(self.state(task.worker), State::Idle) {
            State::Discards(Some((next, params))) => {
                self.workers[task.worker as usize].done_discarded = arrived;
                self.give(next, params);
            }
            State::Discards(None) => {}
            _ => {
                let until = arrived.after(self.draws.task_delay_s(&task));
                let delayed = Delayed { task, gradient, from, computed, arrived, until };
                *self.state(task.worker) = State::Delayed(delayed);
            }
        }
    }

    /// Whose delay is over first, and when.
    fn first(&self) -> Option<(Time, u32)> {
        let delayed = self.workers.iter().zip(0..).filter_map(|(worker, number)| match &worker.state {
            State::Delayed(delayed) => Some((delayed.until, number)),
            _ => None,
        });
        delayed.min()
    }
}

impl<L: Learner, T: Transport<L>> RealTime for ParameterServer<L, T> {
    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn clock_mut(&mut self) -> &mut Clock {
        &mut self.clock
    }

    fn begin_anew(&mut self, draws: &Variates) {
        self.submitted.clear();
        self.empty.clear();
        self.alarm = None;
        for (worker, number) in self.workers.iter_mut().zip(0..) {
            worker.state = match worker.state {
                State::HasTask if self.transport.withdraw(number) => State::Idle,
                State::HasTask | State::Discards(_) => {
                    self.transport.interrupt(number);
                    State::Discards(None)
                }
                State::Idle | State::Delayed(_) => State::Idle,
            };
        }
        // What a worker computes cannot be stopped, and ends soon.
        while self.failure().is_none() && self.workers.iter().any(|worker| matches!(worker.state, State::Discards(_))) {
            if let Some(computed) = self.transport.receive(None) {
                self.take(computed);
            }
        }
        self.workers.iter_mut().for_each(|worker| worker.done_discarded = Time::ZERO);
        self.draws = draws.clone();
        self.params = self.learner.initial();
        self.transport.begin_anew();
        self.clock.begin_anew();
    }

    fn time_steps(&mut self) -> Vec<TimedTask> {
        self.timed.replace(Vec::new()).unwrap_or_default()
    }
}

impl<L: Learner, T: Transport<L>> Cluster for ParameterServer<L, T> {
    fn start(&mut self, task: Task) {
        let Some(left) = self.left.checked_sub(1) else { return };
        self.left = left;
        let params = self.params.clone();
        self.workers[task.worker as usize].given = self.now();
        match self.state(task.worker) {
            State::Discards(next) => *next = Some((task, params)),
            _ => self.give(task, params),
        }
    }

    fn discard(&mut self, task: Task) {
        if task.steps > 0 {
            self.submitted.pop();
        }
    }

    fn interrupt(&mut self, task: Task) {
        let worker = &mut self.workers[task.worker as usize];
        match &mut worker.state {
            State::HasTask if self.transport.withdraw(task.worker) => {
                worker.state = State::Idle;
                self.empty.push_back(Task { steps: 0, ..task });
            }
            State::HasTask => self.transport.interrupt(task.worker),
            State::Discards(next) => {
                if next.take().is_some() {
                    self.empty.push_back(Task { steps: 0, ..task });
                }
            }
            // It is on its way.
            State::Delayed(_) | State::Idle => {}
        }
    }

    fn alarm(&mut self, after: Duration) {
        self.alarm = (after < Duration::MAX).then(|| self.now().after(after.as_secs_f64()));
    }

    fn cancel(&mut self, task: Task) -> Spent {
        let (now, worker) = (self.clock.now(), &mut self.workers[task.worker as usize]);
        match std::mem::replace(&mut worker.state, State::Idle) {
            State::HasTask if self.transport.withdraw(task.worker) => worker.spent(now, now, now, now),
            State::HasTask => {
                self.transport.interrupt(task.worker);
                worker.state = State::Discards(None);
                worker.spent(self.clock.at(self.transport.begun(task.worker)), now, now, now)
            }
            State::Discards(_) => {
                worker.state = State::Discards(None);
                Spent { discarded_s: now.since(worker.given), ..Spent::default() }
            }
            State::Delayed(Delayed { from, computed, arrived, .. }) => worker.spent(from, computed, arrived, now),
            State::Idle => Spent::default(),
        }
    }

    fn update(&mut self, version: u64, from: &[Task]) -> Time {
        self.learner.update(&mut self.params, version, from, &self.submitted);
        self.submitted.clear();
        self.now()
    }

    fn wait(&mut self) -> Option<Signal> {
        while self.failure().is_none() {
            if self.clock.is_to_stop() {
                self.clock.fail(Failure::Stopped);
                break;
            }
            while let Some(computed) = self.transport.poll() {
                self.take(computed);
            }
            if let Some(task) = self.empty.pop_front() {
                let at = self.now();
                let spent = self.workers[task.worker as usize].spent(at, at, at, at);
                return Some(Signal::Finished(Completion { at, task, spent }));
            }
            let (first, now) = (self.first(), self.now());
            let alarm = self.alarm.filter(|&alarm| first.is_none_or(|(until, _)| alarm < until));
            if alarm.is_some_and(|alarm| alarm <= now) {
                self.alarm = None;
                return Some(Signal::Alarm { at: now });
            }
            let Some((_, worker)) = first.filter(|&(until, _)| until <= now) else {
                let next = alarm.or(first.map(|(until, _)| until));
                if let Some(computed) = self.transport.receive(next.and_then(|next| self.clock.when(next))) {
                    self.take(computed);
                }
                continue;
            };
            self.transport.dispatch();
            if let State::Delayed(delayed) = std::mem::replace(self.state(worker), State::Idle) {
                let Delayed { task, gradient, from, computed, arrived, .. } = delayed;
                self.submitted.push(gradient);
                let at = self.now();
                let spent = self.workers[worker as usize].spent(from, computed, arrived, at);
                return Some(Signal::Finished(Completion { at, task, spent }));
            }
        }
        None
    }
}
