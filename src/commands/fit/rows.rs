//! The rows that `fit` writes: `models.csv`, `workers.csv`, `slowest.csv`.

use crate::rows::Row;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A row of `models.csv`: a candidate and how it did.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Model {
    /// Dependence of draws from the trace, or a law.
    pub model: String,
    /// Whether the profile has it.
    pub chosen: bool,
    /// Root mean square of relative errors on steps kept aside, in turn.
    pub rms_error: Option<f64>,
    /// How much more that is than the best candidate's, and its standard error.
    pub excess_error: Option<f64>,
    pub excess_se: Option<f64>,
    /// Akaike's criterion of a law.
    pub aic: Option<f64>,
    /// Kolmogorov's distance of a law from the measured times.
    pub kolmogorov: Option<f64>,
    /// The slowest of all workers, s.
    pub predicted_slowest_s: Option<f64>,
    /// Relative error against the second half of the steps, and its 95 % interval.
    pub held_out_error: Option<f64>,
    pub held_out_low: Option<f64>,
    pub held_out_high: Option<f64>,
}

impl Row for Model {
    const TABLE: &'static str = "models";
}

/// A row of `workers.csv`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct OfWorker {
    pub worker: String,
    pub steps: u64,
    pub mean_s: f64,
    pub sd_s: f64,
    /// Mean over that of the middle worker.
    pub slowness: f64,
}

impl Row for OfWorker {
    const TABLE: &'static str = "workers";
}

/// A row of `slowest.csv`: the slowest of random groups of so many workers.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Slowest {
    pub workers: u32,
    /// Mean over all measured steps, s.
    pub measured_s: f64,
    /// By the chosen model, s.
    pub predicted_s: f64,
    /// By independent draws from all times, s.
    pub pooled_s: f64,
    /// Relative error of the chosen model.
    pub error: f64,
}

impl Row for Slowest {
    const TABLE: &'static str = "slowest";
}
