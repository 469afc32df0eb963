//! What is known of a configuration when its runs have ended.

use crate::experiment::Configuration;
use crate::measure::interval::Estimate;
use crate::measure::length::Plan;
use crate::measure::replications::Replications;
use crate::theory::{Kind, Theory};

/// What a configuration came to.
#[derive(Clone, Debug)]
pub struct Observation {
    /// The configuration.
    pub cell: Configuration,
    /// Updates that were counted, in all replications.
    pub updates: u64,
    /// Seconds per update.
    pub mean: Estimate,
    /// Standard deviation of the seconds between two updates.
    pub sd_s: f64,
    /// 50, 95 and 99 % of all gaps between updates are no longer than this, s.
    pub quantiles_s: [Estimate; 3],
    /// Share of the updates that took no longer than the deadline.
    pub in_time: Option<Estimate>,
    /// For each worker, the share of its tasks that was thrown away, and its share of those that were applied; empty where none
    /// was thrown away.
    pub thrown_away: Vec<(Estimate, Estimate)>,
    /// What theory says of the mean in the model that was run.
    pub theory: Option<Theory>,
    /// What the gated model expects, s.
    pub gated_s: Option<f64>,
    /// Single-worker gradients in one update.
    pub gradients_per_update: f64,
    /// Seconds per single-worker gradient.
    pub s_per_gradient: Estimate,
    /// Gradients per second, relative to a single worker of mean speed with nothing in its way.
    pub speedup: Estimate,
    /// Speed-up per worker.
    pub efficiency: Estimate,
    /// Staleness of applied gradients and shares of the workers' time; the gated model knows nothing of them.
    pub usage: Option<Usage>,
    /// How the runs were begun, counted and ended.
    pub plan: Plan,
    /// The runs themselves.
    pub replications: Replications,
}

/// How the workers spent their time.
#[derive(Clone, Debug, PartialEq)]
pub struct Usage {
    /// Mean staleness of applied gradients, in updates.
    pub mean_staleness: Estimate,
    /// Share of the workers' time in which they waited, for others or for the server.
    pub idle_share: Estimate,
    /// Share of the workers' time spent on work that was thrown away.
    pub wasted_share: Estimate,
}

impl Observation {
    /// The mean as far as theory speaks of it: on just the rows of a trace, where one is drawn from; none without an honest interval.
    fn for_theory(&self) -> Option<Estimate> {
        self.mean.interval?;
        self.replications.s_per_update_on_its_rows()
    }

    /// Standard errors between the simulated mean and theory, where theory is exact.
    pub fn z(&self) -> Option<f64> {
        let theory = self.theory.filter(|theory| theory.kind == Kind::Exact)?;
        self.for_theory()?.z(theory.seconds)
    }

    /// Whether the interval lies on the wrong side of a bound of theory.
    pub fn breaks_bound(&self) -> bool {
        let Some((theory, mean)) = self.theory.zip(self.for_theory()) else { return false };
        let Some((low, high)) = mean.interval else { return false };
        let outside = mean.holds(theory.seconds) == Some(false);
        outside
            && match theory.kind {
                Kind::Exact | Kind::Approximation => false,
                Kind::Lower => high < theory.seconds,
                Kind::Upper => low > theory.seconds,
            }
    }

    /// How the intervals were made.
    pub fn interval_method(&self) -> String {
        let rows = if self.replications.are_resampled() { "+row-bootstrap" } else { "" };
        match self.mean.interval {
            Some(_) => format!("{}{rows}", self.plan.method),
            None => "none".to_string(),
        }
    }
}
