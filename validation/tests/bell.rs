//! No submission is slept through: every interleaving, with up to three preemptions, of
//! workers who ring and a server who waits, by a model checker
//! ([loom](https://docs.rs/loom)). The file under test is the one that the threads use; a clock that never ends stands in
//! for its deadline, so that whoever is not woken sleeps for ever, which the checker calls a deadlock.

mod sync {
    pub use loom::sync::atomic::{AtomicBool, Ordering, fence};
    pub use loom::thread::Thread;

    pub fn park(_: std::time::Instant) -> bool {
        loom::thread::park();
        true
    }
}

#[path = "../src/cluster/bell.rs"]
mod bell;

use bell::Bell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use std::time::Instant;

/// Two workers submit a result each by `submit`, and the server waits for both.
fn all_arrive(submit: impl Fn(&Bell, &AtomicUsize) + Copy + Send + Sync + 'static) {
    // Errors in such hand-shakes take one or two untimely switches; the number of interleavings grows exponentially in them.
    let mut checker = loom::model::Builder::new();
    checker.preemption_bound = Some(3);
    checker.check(move || {
        let (bell, outbox) = (Arc::new(Bell::new(thread::current())), Arc::new(AtomicUsize::new(0)));
        for _ in 0..2 {
            let (bell, outbox) = (bell.clone(), outbox.clone());
            thread::spawn(move || submit(&bell, &outbox));
        }
        let mut taken = 0;
        while taken < 2 {
            bell.announce();
            let there = || Some(outbox.swap(0, Ordering::AcqRel)).filter(|&there| there > 0);
            taken += bell.wait(Instant::now(), there).expect("it waits until something is there");
        }
        // Nobody is joined: a server that is woken once more would seem to the checker to have been joined too early.
    });
}

fn send(outbox: &AtomicUsize) {
    outbox.fetch_add(1, Ordering::AcqRel);
}

#[test]
fn whoever_rings_is_heard() {
    all_arrive(|bell, outbox| bell.ring(|| (), || send(outbox)));
}

/// The checker finds what it is there to find: a worker that looks whether the server waits, and only then submits.
#[test]
#[should_panic(expected = "deadlock")]
fn who_rings_first_and_submits_afterwards_is_not() {
    all_arrive(|bell, outbox| {
        bell.ring(|| (), || ());
        send(outbox);
    });
}
