//! The bell by which workers wake their server: an event count of one bit over `park` and `unpark`.
//!
//! A worker that rings holds no lock. A blocking channel has one, held while the receiver is woken: the receiver may take the
//! worker's core and give it to another worker before the lock is released, and until that one has computed its step nobody
//! can submit anything. Nothing is lost either: the server announces that it waits and then looks once more; a worker
//! submits and then looks whether the server waits. Whichever comes second sees the other
//! ([Dekker's](https://en.wikipedia.org/wiki/Dekker%27s_algorithm) argument, which needs the two fences).

use super::sync::{AtomicBool, Ordering, Thread, fence, park};
use std::time::Instant;

/// One thread waits, others wake it.
pub(crate) struct Bell {
    /// The one who waits, or is about to.
    sleeper: Thread,
    waits: AtomicBool,
}

impl Bell {
    pub(crate) fn new(sleeper: Thread) -> Bell {
        Bell { sleeper, waits: AtomicBool::new(false) }
    }

    /// The sleeper: whoever rings from here on wakes it.
    pub(crate) fn announce(&self) {
        self.waits.swap(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// The sleeper, who has announced it: blocks until there is something, or until then.
    pub(crate) fn wait<T>(&self, until: Instant, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let found = loop {
            let found = look();
            if found.is_some() || !park(until) {
                break found;
            }
            self.announce();
        };
        self.waits.swap(false, Ordering::SeqCst);
        found
    }

    /// Does what makes the sleeper's waiting pointless, and wakes it. If it waits, `bring` is called before it is woken, and
    /// before `submit` if that can be.
    pub(crate) fn ring<T>(&self, bring: impl Fn(), submit: impl FnOnce() -> T) -> T {
        let mut wakes = self.answers(&bring);
        let submitted = submit();
        if !wakes {
            fence(Ordering::SeqCst);
            wakes = self.answers(&bring);
        }
        if wakes {
            self.sleeper.unpark();
        }
        submitted
    }

    /// Whether it waits, and nobody else wakes it.
    fn answers(&self, bring: impl Fn()) -> bool {
        let answers = self.waits.swap(false, Ordering::SeqCst);
        if answers {
            bring();
        }
        answers
    }
}
