//! What becomes of a worker whose task is cancelled.

use std::fmt;

/// When a worker whose task is cancelled is free again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cancellation {
    /// At once.
    AtOnce,
    /// When the present step is done, which goes on and is discarded; a delay ends at once. So do threads.
    AfterStep,
    /// Nobody is stopped: late results are dropped when they arrive. So do most systems.
    Never,
}

impl fmt::Display for Cancellation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Cancellation::AtOnce => "at-once",
            Cancellation::AfterStep => "after-step",
            Cancellation::Never => "never",
        })
    }
}

impl std::str::FromStr for Cancellation {
    type Err = String;

    fn from_str(text: &str) -> Result<Cancellation, String> {
        let all = [Cancellation::AtOnce, Cancellation::AfterStep, Cancellation::Never];
        let found = all.into_iter().find(|c| c.to_string() == text.replace('_', "-"));
        found.ok_or_else(|| crate::unknown("cancellation", text, &["at-once", "after-step", "never"]))
    }
}
