//! A worker thread: it computes what it finds in its inbox, and sends the result to the server.

use crate::cluster::bell::Bell;
use crate::cluster::cores::{Core, Cores, Thread};
use crate::cluster::failure::words_of;
use sim::{Learner, Task};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvError, Sender, TryRecvError};
use std::thread::yield_now;
use std::time::{Duration, Instant};

/// What a thread submits.
pub(crate) struct Done<G> {
    pub(crate) task: Task,
    pub(crate) result: Result<G, String>,
    pub(crate) core: Core,
    pub(crate) from: Instant,
    pub(crate) to: Instant,
    /// When each step but the last was done.
    pub(crate) steps_done: Vec<Instant>,
}

/// The server's thread, as workers see it.
pub(crate) struct Server {
    pub(crate) id: Thread,
    pub(crate) bell: Bell,
    /// Where it was brought last, as an index of the cores.
    pub(crate) place: AtomicUsize,
}

impl Server {
    /// Submits to it; if it waits, it is brought to this core and woken there.
    fn submit<T>(&self, cores: &Cores, core: Core, submit: impl FnOnce() -> T) -> T {
        let bring = || {
            self.place.store(core.index(), Ordering::Release);
            cores.put(self.id, core);
        };
        self.bell.ring(bring, submit)
    }
}

/// No core.
pub(crate) const NOWHERE: usize = usize::MAX;

/// How long a worker looks for its next task before it sleeps: somewhat longer than it takes to wake a core on which nobody
/// runs, and short beside a step.
const LOOKS: Duration = Duration::from_micros(100);

/// The next task. Whoever else wants the core meanwhile goes first.
fn next<T>(tasks: &Receiver<T>) -> Result<T, RecvError> {
    let began = Instant::now();
    while began.elapsed() < LOOKS {
        match tasks.try_recv() {
            Ok(task) => return Ok(task),
            Err(TryRecvError::Disconnected) => return Err(RecvError),
            Err(TryRecvError::Empty) => yield_now(),
        }
    }
    tasks.recv()
}

/// A worker's life, until nobody can send it anything any more.
pub(crate) fn work<L: Learner>(
    learner: &L,
    cores: &Cores,
    server: &Server,
    enough: &AtomicBool,
    tasks: &Receiver<(Task, L::Params, Core)>,
    outbox: &Sender<Done<L::Gradient>>,
) {
    while let Ok((task, params, core)) = next(tasks) {
        let from = Instant::now();
        let mut steps_done = Vec::new();
        let mut enough = || {
            steps_done.push(Instant::now());
            enough.load(Ordering::Relaxed)
        };
        let steps = AssertUnwindSafe(|| learner.gradient_until(&params, task, &mut enough));
        let (result, task) = match catch_unwind(steps) {
            Ok((gradient, steps)) => (Ok(gradient), Task { steps, ..task }),
            Err(panic) => (Err(words_of(panic)), task),
        };
        drop(params);
        let to = Instant::now();
        // What follows the last step is part of it.
        steps_done.truncate((task.steps as usize).saturating_sub(1));
        let failed = result.is_err();
        let done = Done { task, result, core, from, to, steps_done };
        let gone = server.submit(cores, core, || outbox.send(done).is_err());
        if gone || failed {
            return;
        }
    }
}
