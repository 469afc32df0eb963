//! What went wrong on the threads?

use std::fmt;

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

/// What a panic said.
pub(crate) fn words_of(panic: Box<dyn std::any::Any + Send>) -> String {
    let words = panic.downcast_ref::<&str>().map(ToString::to_string);
    words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without words".to_string())
}
