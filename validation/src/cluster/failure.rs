//! What went wrong on the threads?

/// Why a run on threads ended by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A worker panicked.
    #[error("worker {worker} failed on its task {serial}: {words}")]
    Panicked {
        /// Who.
        worker: u32,
        /// On which of its tasks.
        serial: u64,
        /// With which words.
        words: String,
    },
    /// Someone set `stop`.
    #[error("stopped")]
    Stopped,
}

/// What a panic said.
pub(crate) fn words_of(panic: Box<dyn std::any::Any + Send>) -> String {
    let words = panic.downcast_ref::<&str>().map(ToString::to_string);
    words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without words".to_string())
}
