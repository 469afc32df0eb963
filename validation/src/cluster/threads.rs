//! Threads that race, as a cluster under the simulator's own coordinator.
//!
//! Each worker is a thread with an inbox, in which it finds a task and a core to compute it on. What it has computed goes
//! to the one outbox that the server reads and blocks on. The server lets at most as many workers compute as there are
//! cores: the others queue, first come first served, instead of being cut into slices by a kernel that does not know what
//! they are doing. A worker keeps the core that it had last if that is free, as its caches are warm there. The server does
//! its own work on the core of the worker whose result woke it, which has nothing else to do.
//!
//! A drawn delay passes with the server, who looks at a result only when its delay is over. A step
//! cannot be stopped: a task that is cancelled or interrupted ends with the step that is under way; the result of the one is
//! discarded, that of the other submitted.

use crate::cluster::cores::{Core, Cores, Thread};
use crate::cluster::failure::Failure;
use crate::cluster::worker::{Computed, NOWHERE, Server, work};
use sim::cluster::des::assign;
use sim::{Cluster, ClusterSpec, Completion, Law, Learner, RandomKey, Signal, Spent, Task, Time, Variates};
use std::collections::VecDeque;
use std::iter::repeat_n;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Threads that learn, and the parameters at their server.
pub struct Threaded<L: Learner> {
    learner: Arc<L>,
    draws: Variates,
    params: L::Params,
    submitted: Vec<L::Gradient>,
    workers: Vec<Worker<L::Params, L::Gradient>>,
    outbox: Receiver<Computed<L::Gradient>>,
    /// Workers with a task and without a core, first come first served.
    queue: VecDeque<u32>,
    cores: Cores,
    /// Where the server's thread may run when all is over.
    home: Cores,
    /// Cores that nobody computes on.
    free: Vec<Core>,
    /// The core that the server works on, which it gives away before it sleeps.
    own: Option<Core>,
    server: Arc<Server>,
    began: Instant,
    stop: Arc<AtomicBool>,
    failure: Option<Failure>,
    /// Tasks that may still be started.
    left: u64,
    /// When the alarm rings.
    alarm: Option<Instant>,
    /// Tasks that were interrupted before their first step.
    empty: VecDeque<Task>,
    /// What each step took, where that is kept.
    timed: Option<Vec<TimedTask>>,
}

/// What the steps of a task took, whether anybody wanted its result or not.
#[derive(Clone, Debug, PartialEq)]
pub struct TimedTask {
    /// The task, with the steps that it had.
    pub task: Task,
    /// Seconds of computing in each of its steps.
    pub step_s: Vec<f64>,
}

struct Worker<P, G> {
    inbox: Sender<(Task, P, Core)>,
    thread: JoinHandle<()>,
    id: Thread,
    /// Whether it is to end its task with the present step.
    enough: Arc<AtomicBool>,
    /// Where it computed last.
    core: Option<Core>,
    state: State<P, G>,
    /// When it was given its task.
    given: Instant,
    /// When it was given a core for it.
    has_core: Instant,
    /// When it had last computed a task that nobody wanted any more.
    done_discarded: Instant,
}

impl<P, G> Worker<P, G> {
    /// Where the time of its task went: it computed between these instants, and has been delayed since.
    fn spent(&self, from: Instant, computed: Instant, now: Instant) -> Spent {
        let begun = self.given.max(self.done_discarded);
        Spent {
            discarded_s: (begun - self.given).as_secs_f64(),
            core_s: from.saturating_duration_since(begun).as_secs_f64(),
            compute_s: (computed - from).as_secs_f64(),
            delay_s: now.saturating_duration_since(computed).as_secs_f64(),
            ..Spent::default()
        }
    }
}

enum State<P, G> {
    Idle,
    /// It waits for a core.
    Waits(Task, P),
    Computes,
    /// It computes what nobody wants any more; this is next.
    Discards(Option<(Task, P)>),
    /// It has computed, and the delay passes.
    Delayed(Delayed<G>),
}

struct Delayed<G> {
    task: Task,
    gradient: G,
    from: Instant,
    computed: Instant,
    until: Instant,
}

/// What threads draw, whose computing takes the time that it takes: their delays, of this law if there are any.
pub fn delays(law: Option<Law>, key: RandomKey) -> Variates {
    let computing: Law = "constant(1)".parse().expect("a law");
    Variates::new(&ClusterSpec::new(computing).with_delay(law), key)
}

/// How often a server that waits looks whether it should stop.
const LOOK: Duration = Duration::from_millis(50);

/// Steps that every worker takes to be warm.
const WARM_UP: u32 = 3;

/// Longer than anybody is delayed, and not too long for a clock.
const FOREVER_S: f64 = 1e9;

impl<L> Threaded<L>
where
    L: Learner + Send + Sync + 'static,
    L::Params: Send + 'static,
    L::Gradient: Send + 'static,
{
    /// `workers` threads that learn on the machine's cores, and after computing are delayed as `draws` say. The thread that
    /// calls is the server. When `stop` is set, no more completions come.
    pub fn new(learner: Arc<L>, draws: &Variates, workers: u32, stop: Arc<AtomicBool>) -> Threaded<L> {
        Threaded::on(Cores::of_this_machine(), learner, draws, workers, stop)
    }

    /// The same on these cores.
    pub fn on(cores: Cores, learner: Arc<L>, draws: &Variates, workers: u32, stop: Arc<AtomicBool>) -> Threaded<L> {
        let (to_server, outbox) = channel();
        let server =
            Arc::new(Server { id: Thread::this(), waits: AtomicBool::new(false), place: AtomicUsize::new(NOWHERE) });
        let spawn = |worker| {
            let (inbox, tasks) = channel();
            let (learner, to_server) = (learner.clone(), to_server.clone());
            let (cores, server, (here, id)) = (cores.clone(), server.clone(), channel());
            let enough = Arc::new(AtomicBool::new(false));
            let told = enough.clone();
            let work = move || {
                here.send(Thread::this()).expect("the server waits for it");
                work(&*learner, &cores, &server, &told, &tasks, &to_server);
            };
            let thread = std::thread::Builder::new().name(format!("worker {worker}")).spawn(work);
            let thread = thread.expect("the system starts threads");
            let (id, now) = (id.recv().expect("a thread begins"), Instant::now());
            Worker {
                inbox,
                thread,
                id,
                enough,
                core: None,
                state: State::Idle,
                given: now,
                has_core: now,
                done_discarded: now,
            }
        };
        Threaded {
            params: learner.initial(),
            draws: draws.clone(),
            submitted: Vec::new(),
            workers: (0..workers).map(spawn).collect(),
            outbox,
            queue: VecDeque::new(),
            free: cores.all(),
            cores: cores.clone(),
            home: Cores::of_this_machine(),
            own: None,
            server: server.clone(),
            began: Instant::now(),
            stop,
            failure: None,
            left: u64::MAX,
            alarm: None,
            empty: VecDeque::new(),
            timed: None,
            learner: learner.clone(),
        }
    }
}

impl<L: Learner> Threaded<L> {
    /// The same, starting only so many tasks: parameters that workers write themselves are at rest when these are submitted.
    /// For policies that cancel nothing and wait for nobody; others would wait for tasks that never come.
    pub fn at_most(mut self, tasks: u64) -> Threaded<L> {
        self.left = tasks;
        self
    }

    /// What each step takes from now on, and has taken since this was last asked for.
    pub fn time_steps(&mut self) -> Vec<TimedTask> {
        self.timed.replace(Vec::new()).unwrap_or_default()
    }

    /// The parameters at the server.
    pub fn params(&self) -> &L::Params {
        &self.params
    }

    /// Why there are no more completions, if there are none.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Does something while the clock stands still. Workers that compute go on computing.
    pub fn stop_clock(&mut self, work: impl FnOnce(&Self)) {
        let before = Instant::now();
        work(self);
        let pause = before.elapsed();
        self.began += pause;
        self.alarm = self.alarm.map(|alarm| alarm + pause);
        for worker in &mut self.workers {
            for instant in [&mut worker.given, &mut worker.has_core, &mut worker.done_discarded] {
                *instant += pause;
            }
            if let State::Delayed(delayed) = &mut worker.state {
                for instant in [&mut delayed.from, &mut delayed.computed, &mut delayed.until] {
                    *instant += pause;
                }
            }
        }
    }

    /// The time now.
    pub fn now(&self) -> Time {
        self.time_of(Instant::now())
    }

    fn time_of(&self, now: Instant) -> Time {
        Time::at((now - self.began).as_secs_f64()).expect("clocks run forwards")
    }

    /// Lets everybody compute a few steps, one after the other, for nothing, in tasks of so many steps or fewer, and begins to
    /// count the time anew: a thread's first steps take longer, as it has to ask the system for memory.
    pub fn warm_up(&mut self, steps: u32) {
        // There are learners whose workers change the parameters that they are given: not those at the server.
        let (steps, params) = (steps.min(WARM_UP), self.learner.initial());
        let tasks = (0..).zip(&self.workers).flat_map(|one| repeat_n(one, WARM_UP.div_ceil(steps) as usize));
        for (number, worker) in tasks {
            let core = self.free[self.free.len() - 1];
            self.cores.put(worker.id, core);
            self.cores.put(self.server.id, core);
            let task = Task::first(number, steps);
            worker.inbox.send((task, params.clone(), core)).expect("nobody has failed yet");
            if let Err(words) = self.outbox.recv().expect("the worker answers").result {
                self.failure = Some(Failure::Panicked { worker: number, serial: 0, words });
                break;
            }
        }
        self.began = Instant::now();
    }

    /// Makes ready for another run, with these delays: everybody drops what it does, the parameters are the first ones again,
    /// and the time is counted anew. Threads that stay have their memory already.
    pub fn begin_anew(&mut self, draws: &Variates) {
        self.queue.clear();
        self.submitted.clear();
        self.empty.clear();
        self.alarm = None;
        for worker in &mut self.workers {
            worker.enough.store(true, Ordering::Relaxed);
            worker.core = None;
            worker.state = match worker.state {
                State::Computes | State::Discards(_) => State::Discards(None),
                State::Idle | State::Waits(..) | State::Delayed(_) => State::Idle,
            };
        }
        // What a worker computes cannot be stopped, and ends soon.
        while self.failure.is_none() && self.workers.iter().any(|worker| matches!(worker.state, State::Discards(_))) {
            match self.outbox.recv() {
                Ok(computed) => self.take(computed),
                Err(_) => break,
            }
        }
        self.draws = draws.clone();
        self.params = self.learner.initial();
        (self.own, self.free) = (None, self.cores.all());
        self.home.release(self.server.id);
        self.began = Instant::now();
    }

    fn state(&mut self, worker: u32) -> &mut State<L::Params, L::Gradient> {
        &mut self.workers[worker as usize].state
    }

    /// Free cores go to those who queue, by [`assign`]. Whoever gets the server's `own` is told last, as it may push the
    /// server off.
    fn hand_out(&mut self, own: Option<Core>) {
        let count = self.free.len().min(self.queue.len());
        let last = |worker| (worker, self.workers[worker as usize].core);
        let mut places: Vec<(u32, Option<Core>)> = self.queue.drain(..count).map(last).collect();
        assign(&mut self.free, &mut places);
        places.sort_by_key(|&(_, core)| core == own);
        for (worker, core) in places {
            let Some(core) = core else { continue };
            let worker = &mut self.workers[worker as usize];
            if let State::Waits(task, params) = std::mem::replace(&mut worker.state, State::Idle) {
                self.cores.put(worker.id, core);
                worker.core = Some(core);
                worker.enough.store(false, Ordering::Relaxed);
                (worker.state, worker.has_core) = (State::Computes, Instant::now());
                // A worker is gone only if it has panicked, which its last message says.
                let _ = worker.inbox.send((task, params, core));
            }
        }
    }

    fn wait_for_core(&mut self, task: Task, params: L::Params) {
        *self.state(task.worker) = State::Waits(task, params);
        self.queue.push_back(task.worker);
    }

    /// Takes in what was computed. The core on which the server was woken is its own, others are free.
    fn receive(&mut self, computed: Computed<L::Gradient>) {
        if self.own.is_none() && self.server.place.load(Ordering::Acquire) == computed.core.index() {
            self.own = Some(computed.core);
            self.server.place.store(NOWHERE, Ordering::Release);
        } else {
            self.free.push(computed.core);
        }
        self.take(computed);
    }

    fn take(&mut self, computed: Computed<L::Gradient>) {
        if let (Some(timed), true) = (&mut self.timed, computed.result.is_ok()) {
            timed.push(TimedTask { task: computed.task, step_s: computed.step_s() });
        }
        let Computed { task, result, from, to, .. } = computed;
        let gradient = match result {
            Ok(gradient) => gradient,
            Err(words) => {
                let failure = Failure::Panicked { worker: task.worker, serial: task.serial, words };
                self.failure.get_or_insert(failure);
                return;
            }
        };
        match std::mem::replace(self.state(task.worker), State::Idle) {
            State::Discards(Some((next, params))) => {
                self.workers[task.worker as usize].done_discarded = to;
                self.wait_for_core(next, params);
            }
            State::Discards(None) => {}
            _ => {
                let delay_s = self.draws.task_delay_s(&task);
                let until = to + Duration::from_secs_f64(delay_s.min(FOREVER_S));
                *self.state(task.worker) = State::Delayed(Delayed { task, gradient, from, computed: to, until });
            }
        }
    }

    /// Whose delay is over first, and when.
    fn first(&self) -> Option<(Instant, u32)> {
        let delayed = self.workers.iter().zip(0..).filter_map(|(worker, number)| match &worker.state {
            State::Delayed(delayed) => Some((delayed.until, number)),
            _ => None,
        });
        delayed.min()
    }

    /// Gives its core away and waits for a result, or until then.
    ///
    /// It blocks on the outbox itself, so no result can be missed. That it waits is announced only so that the worker
    /// who ends the waiting brings it to a core first.
    fn sleep(&mut self, until: Option<Instant>) {
        let wake_up = Instant::now() + LOOK;
        let wake_up = until.map_or(wake_up, |until| until.min(wake_up));
        if until.is_some() {
            // It may wake up by itself, anywhere.
            self.cores.release(self.server.id);
        }
        // Whoever gets this core may push the server off it before it blocks: it counts as waiting from here on.
        self.server.waits.store(true, Ordering::Release);
        let own = self.own.take();
        self.free.extend(own);
        self.hand_out(own);
        let computed = self.outbox.recv_timeout(wake_up.saturating_duration_since(Instant::now()));
        self.server.waits.store(false, Ordering::Release);
        if let Ok(computed) = computed {
            self.receive(computed);
        }
    }
}

impl<L: Learner> Cluster for Threaded<L> {
    fn start(&mut self, task: Task) {
        let Some(left) = self.left.checked_sub(1) else { return };
        self.left = left;
        let params = self.params.clone();
        self.workers[task.worker as usize].given = Instant::now();
        match self.state(task.worker) {
            State::Discards(next) => *next = Some((task, params)),
            _ => self.wait_for_core(task, params),
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
            State::Computes => worker.enough.store(true, Ordering::Relaxed),
            State::Waits(..) => {
                worker.state = State::Idle;
                self.queue.retain(|&worker| worker != task.worker);
                self.empty.push_back(Task { steps: 0, ..task });
            }
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
        self.alarm = Instant::now().checked_add(after).filter(|_| after < Duration::MAX);
    }

    fn cancel(&mut self, task: Task) -> Spent {
        let (worker, now) = (&mut self.workers[task.worker as usize], Instant::now());
        match std::mem::replace(&mut worker.state, State::Idle) {
            State::Computes => {
                worker.enough.store(true, Ordering::Relaxed);
                worker.state = State::Discards(None);
                worker.spent(worker.has_core, now, now)
            }
            State::Discards(_) => {
                worker.state = State::Discards(None);
                Spent { discarded_s: (now - worker.given).as_secs_f64(), ..Spent::default() }
            }
            State::Waits(..) => {
                self.queue.retain(|&worker| worker != task.worker);
                worker.spent(now, now, now)
            }
            State::Delayed(Delayed { from, computed, .. }) => worker.spent(from, computed, now),
            State::Idle => Spent::default(),
        }
    }

    fn update(&mut self, version: u64, from: &[Task]) -> Time {
        self.learner.update(&mut self.params, version, from, &self.submitted);
        self.submitted.clear();
        self.now()
    }

    fn wait(&mut self) -> Option<Signal> {
        while self.failure.is_none() {
            if self.stop.load(Ordering::Relaxed) {
                self.failure = Some(Failure::Stopped);
                break;
            }
            while let Ok(computed) = self.outbox.try_recv() {
                self.receive(computed);
            }
            if let Some(task) = self.empty.pop_front() {
                let now = Instant::now();
                let spent = self.workers[task.worker as usize].spent(now, now, now);
                return Some(Signal::Finished(Completion { at: self.time_of(now), task, spent }));
            }
            let (first, now) = (self.first(), Instant::now());
            let alarm = self.alarm.filter(|&alarm| first.is_none_or(|(until, _)| alarm < until));
            if alarm.is_some_and(|alarm| alarm <= now) {
                self.alarm = None;
                return Some(Signal::Alarm { at: self.time_of(now) });
            }
            let Some((_, worker)) = first.filter(|&(until, _)| until <= now) else {
                self.sleep(alarm.or(first.map(|(until, _)| until)));
                continue;
            };
            // The server goes on working; the other cores need not wait for it.
            self.hand_out(None);
            if let State::Delayed(delayed) = std::mem::replace(self.state(worker), State::Idle) {
                let Delayed { task, gradient, from, computed, .. } = delayed;
                self.submitted.push(gradient);
                let now = Instant::now();
                let spent = self.workers[worker as usize].spent(from, computed, now);
                return Some(Signal::Finished(Completion { at: self.time_of(now), task, spent }));
            }
        }
        None
    }
}

impl<L: Learner> Drop for Threaded<L> {
    /// Sends everybody home and waits for them.
    fn drop(&mut self) {
        for Worker { inbox, thread, .. } in self.workers.drain(..) {
            drop(inbox);
            let _ = thread.join();
        }
        self.home.release(self.server.id);
    }
}
