//! What happens for real? A cluster of threads that race, under the simulator's own coordinator.
//!
//! Each worker is a thread with an inbox. It computes a gradient, sleeps out the delay that was drawn for it, and sends the
//! result to the one outbox that the server reads. Computing cannot be stopped, a sleep can: it is a wait for the inbox, in
//! which a cancellation arrives. A result that was on its way when its task was cancelled is dropped on arrival.

use sim::{Cluster, Completion, Draws, Learner, Task, Time};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Threads that learn, and the parameters at their server.
pub struct Threaded<L: Learner> {
    learner: Arc<L>,
    params: L::Params,
    handed_in: Vec<L::Gradient>,
    inboxes: Vec<Sender<Message<L::Params>>>,
    outbox: Receiver<Handed<L::Gradient>>,
    threads: Vec<JoinHandle<()>>,
    /// The task that each worker has and has not handed in.
    running: Vec<Option<Task>>,
    began: Instant,
    stop: Arc<AtomicBool>,
    failure: Option<Failure>,
}

enum Message<P> {
    Start(Task, P),
    Cancel(Task),
}

struct Handed<G> {
    task: Task,
    result: Result<G, String>,
    compute_s: f64,
    delay_s: f64,
}

/// Why a run on threads ended by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A worker panicked.
    Panicked {
        /// Who.
        worker: u32,
        /// On which of its tasks.
        serial: u64,
        /// With which words.
        words: String,
    },
    /// Someone set `stop`.
    Stopped,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Panicked { worker, serial, words } => {
                write!(f, "worker {worker} failed on its task {serial}: {words}")
            }
            Failure::Stopped => write!(f, "stopped"),
        }
    }
}

impl std::error::Error for Failure {}

/// How often a server that waits looks whether it should stop.
const LOOK: Duration = Duration::from_millis(50);

impl<L> Threaded<L>
where
    L: Learner + Send + Sync + 'static,
    L::Params: Send + 'static,
    L::Gradient: Send + 'static,
{
    /// `workers` threads that learn, in turn on the machine's cores, where each stays: a kernel that wakes two at once may
    /// otherwise let them share one core while another has nothing to do. Each sleeps for the delays of `draws` after its computing. When `stop` is set, no
    /// more completions come.
    pub fn new(learner: Arc<L>, draws: &Draws, workers: u32, stop: Arc<AtomicBool>) -> Threaded<L> {
        let (to_server, outbox) = channel();
        let cores = core_affinity::get_core_ids().unwrap_or_default();
        let (inboxes, threads) = (0..workers)
            .map(|worker| {
                let (to_worker, inbox) = channel();
                let (learner, draws, to_server) = (learner.clone(), draws.clone(), to_server.clone());
                let core = cores.get(worker as usize % cores.len().max(1)).copied();
                let work = move || {
                    // Where the system refuses, the worker runs where it may.
                    let _ = core.map(core_affinity::set_for_current);
                    work(&*learner, &draws, &inbox, &to_server);
                };
                let thread = std::thread::Builder::new().name(format!("worker {worker}")).spawn(work);
                (to_worker, thread.expect("the system starts threads"))
            })
            .unzip();
        Threaded {
            params: learner.initial(),
            learner,
            handed_in: Vec::new(),
            inboxes,
            outbox,
            threads,
            running: vec![None; workers as usize],
            began: Instant::now(),
            stop,
            failure: None,
        }
    }
}

impl<L: Learner> Threaded<L> {
    /// The parameters at the server.
    pub fn params(&self) -> &L::Params {
        &self.params
    }

    /// Why there are no more completions, if there are none.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// The time now.
    pub fn now(&self) -> Time {
        Time::at(self.began.elapsed().as_secs_f64()).expect("clocks run forwards")
    }

    fn send(&self, worker: u32, message: Message<L::Params>) {
        // A worker is gone only if it has panicked, which its last message says.
        let _ = self.inboxes[worker as usize].send(message);
    }
}

impl<L: Learner> Cluster for Threaded<L> {
    fn start(&mut self, task: Task) {
        self.running[task.worker as usize] = Some(task);
        self.send(task.worker, Message::Start(task, self.params.clone()));
    }

    fn cancel(&mut self, task: Task) {
        self.running[task.worker as usize] = None;
        self.send(task.worker, Message::Cancel(task));
    }

    fn update(&mut self, version: u64, from: &[Task]) -> Time {
        self.learner.update(&mut self.params, version, from, &self.handed_in);
        self.handed_in.clear();
        self.now()
    }

    fn wait(&mut self) -> Option<Completion> {
        while self.failure.is_none() {
            if self.stop.load(Ordering::Relaxed) {
                self.failure = Some(Failure::Stopped);
                break;
            }
            // The outbox stays open as long as one worker lives, and the last one's last words say why it died.
            let Ok(handed) = self.outbox.recv_timeout(LOOK) else { continue };
            let Handed { task, result, compute_s, delay_s } = handed;
            match result {
                Err(words) => {
                    self.failure = Some(Failure::Panicked { worker: task.worker, serial: task.serial, words });
                }
                Ok(gradient) if self.running[task.worker as usize] == Some(task) => {
                    self.running[task.worker as usize] = None;
                    self.handed_in.push(gradient);
                    return Some(Completion { at: self.now(), task, compute_s, delay_s });
                }
                // It was cancelled while it was on its way.
                Ok(_) => {}
            }
        }
        None
    }
}

impl<L: Learner> Drop for Threaded<L> {
    /// Sends everybody home and waits for them.
    fn drop(&mut self) {
        self.inboxes.clear();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Longer than anybody sleeps, and not too long for a clock.
const FOREVER_S: f64 = 1e9;

/// A worker's life, until nobody can send it anything any more.
fn work<L: Learner>(
    learner: &L,
    draws: &Draws,
    inbox: &Receiver<Message<L::Params>>,
    server: &Sender<Handed<L::Gradient>>,
) {
    let mut given = None;
    loop {
        if given.is_none() {
            let Ok(message) = inbox.recv() else { return };
            follow(message, &mut given);
        }
        // Of a task that was cancelled before it was begun, nothing is computed.
        inbox.try_iter().for_each(|message| follow(message, &mut given));
        let Some((task, params)) = given.take() else { continue };
        let began = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| learner.gradient(&params, task))).map_err(words_of);
        drop(params);
        let computed = Instant::now();
        let failed = result.is_err();
        let delay_s: f64 = task.step_numbers().map(|step| draws.delay_s(task.worker, step)).sum();
        let until = computed + Duration::from_secs_f64(delay_s.min(FOREVER_S));
        if !failed && !sleep(until, task, inbox, &mut given) {
            continue;
        }
        let (compute_s, delay_s) = ((computed - began).as_secs_f64(), computed.elapsed().as_secs_f64());
        if server.send(Handed { task, result, compute_s, delay_s }).is_err() || failed {
            return;
        }
    }
}

/// Takes note of a message.
fn follow<P>(message: Message<P>, given: &mut Option<(Task, P)>) {
    match message {
        Message::Start(task, params) => *given = Some((task, params)),
        Message::Cancel(task) if given.as_ref().is_some_and(|(given, _)| *given == task) => *given = None,
        // That task is on its way to the server, who will drop it.
        Message::Cancel(_) => {}
    }
}

/// Sleeps until then; false if `task` was cancelled before that, or the server is gone.
fn sleep<P>(until: Instant, task: Task, inbox: &Receiver<Message<P>>, given: &mut Option<(Task, P)>) -> bool {
    loop {
        match inbox.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(Message::Cancel(cancelled)) if cancelled == task => return false,
            Ok(message) => follow(message, given),
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}

/// What a panic said.
fn words_of(panic: Box<dyn std::any::Any + Send>) -> String {
    let words = panic.downcast_ref::<&str>().map(ToString::to_string);
    words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without words".to_string())
}
