//! A run and the rest of the world: how far it is, a way to stop it, what it need not do again.

use crate::measure::replications::Replications;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What has ended already: in an earlier run, or in another process.
pub trait Kept: Sync {
    /// What runs of this name came to, if they are there.
    fn find(&self, name: &str) -> Option<Replications>;
    /// Keeps what runs of this name have come to.
    fn keep(&self, name: &str, found: &Replications);
}

/// Nothing is kept.
impl Kept for () {
    fn find(&self, _: &str) -> Option<Replications> {
        None
    }

    fn keep(&self, _: &str, _: &Replications) {}
}

/// A run seen from another thread: how far it is, and a way to stop it.
#[derive(Debug, Default)]
pub struct Progress {
    /// Set it, and all configurations that have not ended are given up.
    pub stop: Arc<AtomicBool>,
    /// Updates simulated so far.
    pub updates: AtomicU64,
    /// Configurations that have ended.
    pub cells: AtomicU64,
}

impl Progress {
    /// Whether it was.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}
