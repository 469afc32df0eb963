//! Machines that fail: how often, for how long, and what a checkpoint saves.

use crate::cluster::limits::{SpecError, not_negative, positive};
use std::fmt;

/// Machines that fail: exponential times between failures.
///
/// Where all wait for all (sync, local), a failure sets the whole job back to its last checkpoint, and what was done since is
/// done once more, in the same time. Everywhere else the worker's task is lost, and the others go on without it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Failures {
    /// Mean time between failures of one worker, s.
    pub(crate) mtbf_s: f64,
    /// Time until it is back, s.
    pub(crate) restart_s: f64,
    /// Seconds of work between checkpoints, and seconds that one takes. Without checkpoints the parameters survive with the
    /// other workers, and the update in progress is lost.
    pub(crate) checkpoint: Option<(f64, f64)>,
}

impl Failures {
    /// Failures every `mtbf_s` of a worker's time on average, after which it is away for `restart_s`. A checkpoint is made after
    /// every so many seconds of work, and takes so many.
    ///
    /// # Errors
    /// [`SpecError`] for the number that is out of its range.
    pub fn new(mtbf_s: f64, restart_s: f64, checkpoint: Option<(f64, f64)>) -> Result<Failures, SpecError> {
        positive("time between failures", mtbf_s)?;
        not_negative("time to restart", restart_s)?;
        if let Some((interval_s, cost_s)) = checkpoint {
            positive("time between checkpoints", interval_s)?;
            not_negative("cost of a checkpoint", cost_s)?;
        }
        Ok(Failures { mtbf_s, restart_s, checkpoint })
    }

    /// Mean time between failures of one worker, s.
    pub fn mtbf_s(&self) -> f64 {
        self.mtbf_s
    }

    /// Time until a failed worker is back, s.
    pub fn restart_s(&self) -> f64 {
        self.restart_s
    }

    /// Seconds of work between checkpoints, and seconds that one takes.
    pub fn checkpoint(&self) -> Option<(f64, f64)> {
        self.checkpoint
    }
}

impl fmt::Display for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failures { mtbf_s, restart_s, checkpoint } = self;
        write!(f, "each worker fails every {mtbf_s} s and is away for {restart_s} s")?;
        match checkpoint {
            Some((interval_s, cost_s)) => write!(f, ", a checkpoint every {interval_s} s takes {cost_s} s"),
            None => Ok(()),
        }
    }
}
