//! What the [`bell`](super::bell) is made of. A test has another module of this name, which tries every interleaving.

pub(super) use std::sync::atomic::{AtomicBool, Ordering, fence};
pub(super) use std::thread::Thread;
use std::time::Instant;

/// Blocks until somebody unparks this thread, until then, or for no reason; `false` if it is past then.
pub(super) fn park(until: Instant) -> bool {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return false;
    }
    std::thread::park_timeout(left);
    true
}
