//! A worker thread: it computes what it finds in its inbox, and sends the result to the server.

use crate::cluster::bell::Bell;
use crate::cluster::cores::{Core, Cores, Thread};
use crate::cluster::failure::words_of;
use sim::{Learner, Task};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::Instant;

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

/// A worker's life, until nobody can send it anything any more.
pub(crate) fn work<L: Learner>(
    learner: &L,
    cores: &Cores,
    server: &Server,
    enough: &AtomicBool,
    tasks: &Receiver<(Task, L::Params, Core)>,
    outbox: &Sender<Done<L::Gradient>>,
) {
    for (task, params, core) in tasks {
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
