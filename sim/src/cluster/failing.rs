//! Machines that fail: how often, for how long, and what a checkpoint saves.

use crate::cluster::limits::{SpecError, not_negative, positive};
use crate::policy::Rule;
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

    /// Seconds of work between checkpoints, and seconds that one takes.
    pub fn checkpoint(&self) -> Option<(f64, f64)> {
        self.checkpoint
    }

    /// How many times as long everything takes with failures, in expectation, under a rule by which an update takes `update_s` and
    /// a worker's task `task_s` seconds without.
    ///
    /// Where all wait for all, a stretch of T seconds of work and C of a checkpoint has to be run without a failure of anybody,
    /// M = MTBF/m apart: (M + R)(e^((T + C)/M) - 1) seconds for T (Daly 2006, exact for exponential times); without checkpoints T
    /// is an update. Elsewhere a worker loses half a task and its restart, and the others do not wait for it.
    ///
    /// ```
    /// use straggle_sim::{Failures, Policy};
    /// let daily = Failures::new(86_400.0, 300.0, Some((600.0, 5.0))).unwrap();
    /// let of = |policy: Policy| daily.stretch(policy.rule(1).unwrap(), 0.4, 0.4);
    /// assert!((of(Policy::SYNC) - (86_700.0 / 600.0) * (605.0f64 / 86_400.0).exp_m1()).abs() < 1e-12);
    /// ```
    pub fn stretch(&self, rule: Rule, update_s: f64, task_s: f64) -> f64 {
        let &Failures { mtbf_s, restart_s, checkpoint } = self;
        if !rule.waits_for_all() {
            return (mtbf_s + restart_s + task_s / 2.0) / mtbf_s;
        }
        let (work_s, cost_s) = checkpoint.unwrap_or((update_s, 0.0));
        let between_s = mtbf_s / f64::from(rule.workers);
        (between_s + restart_s) * ((work_s + cost_s) / between_s).exp_m1() / work_s
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
