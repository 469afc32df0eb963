//! Checkpoints of a job that fails: how often is best, and how much longer everything takes.
//!
//! Exponential failures, of which each costs what was done since the last checkpoint.

use crate::cluster::spec::Failures;
use crate::policy::Rule;

/// Seconds of work between checkpoints that lose least, where the job fails every `mtbf_s` on average and a checkpoint costs
/// `cost_s`: M (1 + W(-e^(-1 - C/M))), W the principal branch of Lambert's function. It minimises M (e^((tau + C)/M) - 1)/tau, the
/// mean time for a second of work; √(2 C M) of Young (1974) is its first term, and Daly (Future Gener. Comput. Syst. 22, 2006,
/// 303-312) has more of them.
///
/// ```
/// use straggle_sim::theory::checkpoint_interval;
/// assert!((checkpoint_interval(50.0, 2.0) - 12.84).abs() < 0.01); // Young: 14.14
/// ```
pub fn checkpoint_interval(mtbf_s: f64, cost_s: f64) -> f64 {
    // As a share y of M the interval solves (1 - y) e^y = e^(-C/M), of which the left side falls from 1 to 0 between 0 and 1.
    let target = (-cost_s / mtbf_s).exp();
    let (mut low, mut high) = (0.0f64, 1.0f64);
    for _ in 0..200 {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            break;
        }
        if (1.0 - middle) * middle.exp() > target { low = middle } else { high = middle }
    }
    mtbf_s * high
}

impl Failures {
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
