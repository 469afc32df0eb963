//! Threads as workers: each has an inbox, in which it finds a task and a core to compute it on. What it has computed goes
//! to the one outbox that the server reads; a bell wakes it.
//!
//! At most as many workers compute as there are
//! cores: the others queue, first come first served, instead of being cut into slices by a kernel that does not know what
//! they are doing. A worker keeps the core that it had last if that is free, as its caches are warm there. The server does
//! its own work on the core of the worker whose result woke it, which has nothing else to do.

use crate::cluster::bell::Bell;
use crate::cluster::cores::{Core, Cores, Thread};
use crate::cluster::server::{Computed, ParameterServer, Transport, wake_up};
use crate::cluster::worker::{Done, NOWHERE, Server, work};
use sim::cluster::des::assign;
use sim::{Learner, Task, Variates};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Instant;

/// Threads that learn, and the parameters at their server.
pub type Threaded<L> = ParameterServer<L, Threads<L>>;

/// Worker threads, the cores that they take turns on, and what they have to say.
pub struct Threads<L: Learner> {
    workers: Vec<Worker<L::Params>>,
    outbox: Receiver<Done<L::Gradient>>,
    /// Tasks without a core, first come first served.
    queue: VecDeque<(Task, L::Params)>,
    cores: Cores,
    /// Where the server's thread may run when all is over.
    home: Cores,
    /// Cores that nobody computes on.
    free: Vec<Core>,
    /// The core that the server works on, which it gives away before it sleeps.
    own: Option<Core>,
    server: Arc<Server>,
}

struct Worker<P> {
    inbox: Sender<(Task, P, Core)>,
    thread: JoinHandle<()>,
    id: Thread,
    /// Whether it is to end its task with the present step.
    enough: Arc<AtomicBool>,
    /// Where it was put last.
    core: Option<Core>,
    /// When it was given a core for its task.
    has_core: Instant,
}

impl<P> Worker<P> {
    /// Computes on this core from now on. The system is told only what is new to it.
    fn put(&mut self, cores: &Cores, core: Core) {
        if self.core != Some(core) {
            cores.put(self.id, core);
            self.core = Some(core);
        }
    }
}

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
        ParameterServer::over(Threads::spawn(cores, &learner, workers), learner, draws, workers, stop)
    }
}

impl<L> Threads<L>
where
    L: Learner + Send + Sync + 'static,
    L::Params: Send + 'static,
    L::Gradient: Send + 'static,
{
    /// `workers` threads that take turns on these cores. The thread that calls is their server.
    pub fn spawn(cores: Cores, learner: &Arc<L>, workers: u32) -> Threads<L> {
        let (to_server, outbox) = channel();
        let bell = Bell::new(std::thread::current());
        let server = Arc::new(Server { id: Thread::this(), bell, place: AtomicUsize::new(NOWHERE) });
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
            let id = id.recv().expect("a thread begins");
            Worker { inbox, thread, id, enough, core: None, has_core: Instant::now() }
        };
        Threads {
            workers: (0..workers).map(spawn).collect(),
            outbox,
            queue: VecDeque::new(),
            free: cores.all(),
            home: Cores::of_this_machine(),
            own: None,
            server: server.clone(),
            cores: cores.clone(),
        }
    }
}

impl<L: Learner> Threads<L> {
    /// Free cores go to those who queue, by [`assign`]. Whoever gets the core that the server is on is told last, as it may push
    /// the server off, and the others would wait until it has computed.
    fn hand_out(&mut self) {
        let own = self.cores.here();
        let count = self.free.len().min(self.queue.len());
        let last = |(task, params): (Task, L::Params)| ((task, params), self.workers[task.worker as usize].core);
        let mut places: Vec<_> = self.queue.drain(..count).map(last).collect();
        assign(&mut self.free, &mut places);
        places.sort_by_key(|&(_, core)| core == own);
        for ((task, params), core) in places {
            let Some(core) = core else { continue };
            let worker = &mut self.workers[task.worker as usize];
            worker.put(&self.cores, core);
            worker.enough.store(false, Ordering::Relaxed);
            worker.has_core = Instant::now();
            // A worker is gone only if it has panicked, which its last message says.
            let _ = worker.inbox.send((task, params, core));
        }
    }

    /// Takes in what was computed. The core on which the server was woken is its own, others are free.
    fn taken(&mut self, computed: Done<L::Gradient>) -> Computed<L::Gradient> {
        let Done { task, result, core, from, to, steps_done } = computed;
        if self.own.is_none() && self.server.place.load(Ordering::Acquire) == core.index() {
            self.own = Some(core);
            self.server.place.store(NOWHERE, Ordering::Release);
        } else {
            self.free.push(core);
        }
        Computed { task, result, from, to, steps_done, arrived: to }
    }
}

impl<L: Learner> Transport<L> for Threads<L> {
    fn give(&mut self, task: Task, params: L::Params) {
        self.queue.push_back((task, params));
    }

    fn withdraw(&mut self, worker: u32) -> bool {
        let place = self.queue.iter().position(|(task, _)| task.worker == worker);
        place.and_then(|place| self.queue.remove(place)).is_some()
    }

    fn interrupt(&mut self, worker: u32) {
        self.workers[worker as usize].enough.store(true, Ordering::Relaxed);
    }

    fn begun(&self, worker: u32) -> Instant {
        self.workers[worker as usize].has_core
    }

    fn dispatch(&mut self) {
        self.hand_out();
    }

    fn poll(&mut self) -> Option<Computed<L::Gradient>> {
        let computed = self.outbox.try_recv().ok()?;
        Some(self.taken(computed))
    }

    /// Gives the server's core away and waits for a result, or until then.
    fn receive(&mut self, until: Option<Instant>) -> Option<Computed<L::Gradient>> {
        if until.is_some() {
            // It may wake up by itself, anywhere.
            self.cores.release(self.server.id);
        }
        // Whoever gets this core may push the server off it before it sleeps: it counts as waiting from here on.
        self.server.bell.announce();
        self.free.extend(self.own.take());
        self.hand_out();
        let computed = self.server.bell.wait(wake_up(until), || self.outbox.try_recv().ok());
        computed.map(|computed| self.taken(computed))
    }

    fn warm_up(&mut self, task: Task, params: L::Params) -> Result<(), String> {
        let (worker, core) = (&mut self.workers[task.worker as usize], self.free[self.free.len() - 1]);
        worker.put(&self.cores, core);
        self.cores.put(self.server.id, core);
        worker.inbox.send((task, params, core)).expect("nobody has failed yet");
        self.outbox.recv().expect("the worker answers").result.map(drop)
    }

    fn begin_anew(&mut self) {
        (self.own, self.free) = (None, self.cores.all());
        self.workers.iter_mut().for_each(|worker| worker.core = None);
        self.home.release(self.server.id);
    }
}

impl<L: Learner> Drop for Threads<L> {
    /// Sends everybody home and waits for them.
    fn drop(&mut self) {
        for Worker { inbox, thread, .. } in self.workers.drain(..) {
            drop(inbox);
            let _ = thread.join();
        }
        self.home.release(self.server.id);
    }
}
