//! Rows of the tables that `straggle validate` writes.

use crate::rows::Row;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim::Law;
use validation::predict::links::{Line, Timed};
use validation::{Claim, Goodness, Maximum};

/// A row of `validation.csv`: a claim.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct ClaimRow {
    policy: String,
    workers: u32,
    /// The law of the delay, or none.
    pub(super) delay: String,
    quantity: String,
    predicted: f64,
    predicted_low: f64,
    predicted_high: f64,
    measured: f64,
    measured_low: f64,
    measured_high: f64,
    /// Measured over predicted, less 1.
    relative_error: f64,
    tolerance: f64,
    /// Empty for what is not judged.
    verdict: Option<String>,
    /// The 90 % interval of the error.
    error_low: f64,
    error_high: f64,
    /// Pairs of bursts, or blocks of steps, that the interval stands on.
    pairs: u64,
    /// Where the error comes from, as logarithms of ratios.
    structure: Option<f64>,
    law: Option<f64>,
    contention: Option<f64>,
    /// The policy that is the same, with which it was measured and judged together.
    pub(super) same_as: Option<String>,
    /// The error of this policy alone.
    pub(super) own_error: Option<f64>,
    /// The trace, how it was drawn from, and the distance of the distribution functions.
    pub(super) trace: Option<String>,
    pub(super) dependence: Option<String>,
    pub(super) kolmogorov: Option<f64>,
}

impl Row for ClaimRow {
    const TABLE: &'static str = "validation";
}

impl ClaimRow {
    pub(super) fn new(policy: String, workers: u32, claim: &Claim) -> ClaimRow {
        let (error, Claim { predicted, measured, .. }) = (claim.error(), claim);
        ClaimRow {
            policy,
            workers,
            delay: name_of(&None),
            quantity: claim.quantity.name().to_string(),
            predicted: predicted.value,
            predicted_low: predicted.low,
            predicted_high: predicted.high,
            measured: measured.value,
            measured_low: measured.low,
            measured_high: measured.high,
            relative_error: error.value,
            tolerance: claim.tolerance,
            verdict: claim.verdict.map(|verdict| verdict.to_string()),
            error_low: error.low,
            error_high: error.high,
            pairs: claim.errors.n as u64,
            structure: claim.parts.map(|parts| parts.structure),
            law: claim.parts.map(|parts| parts.law),
            contention: claim.parts.map(|parts| parts.contention),
            same_as: None,
            own_error: None,
            trace: None,
            dependence: None,
            kolmogorov: None,
        }
    }
}

pub(super) fn name_of(delay: &Option<Law>) -> String {
    delay.as_ref().map_or("none".to_string(), Law::to_string)
}

/// A row of `contention.csv`: how many times as long a step takes with so many cores computing.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct ContentionRow {
    pub(super) cores: u32,
    pub(super) slowdown: f64,
}

impl Row for ContentionRow {
    const TABLE: &'static str = "contention";
}

/// A row of `links.csv`: messages of a size between ranks.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct LinkRow {
    /// A message one way, or an all-reduce.
    operation: String,
    bytes: u64,
    /// Mean seconds.
    measured_s: f64,
    /// By the line through all sizes.
    fitted_s: f64,
}

impl Row for LinkRow {
    const TABLE: &'static str = "links";
}

impl LinkRow {
    pub(super) fn all(operation: &str, timed: &[Timed]) -> Vec<LinkRow> {
        let line = Line::through(timed);
        let row = |one: &Timed| LinkRow {
            operation: operation.to_string(),
            bytes: one.bytes,
            measured_s: one.mean_s(),
            fitted_s: line.seconds(one.bytes as f64),
        };
        timed.iter().filter(|one| !one.seconds.is_empty()).map(row).collect()
    }
}

/// A row of `step_time_fits.csv`: a law fitted to the computing times of one worker, and the slowest of so many.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct FitRow {
    family: String,
    law: String,
    log_likelihood: f64,
    aic: f64,
    /// Largest distance between the distribution functions.
    ks_distance: f64,
    anderson_darling: f64,
    p: f64,
    workers: u32,
    /// Mean time of the slowest of these workers, by the law.
    max_fitted_s: f64,
    /// The same, by drawing from what was measured.
    max_measured_s: f64,
}

impl Row for FitRow {
    const TABLE: &'static str = "step_time_fits";
}

impl FitRow {
    pub(super) fn new(fit: &Goodness, maximum: &Maximum) -> FitRow {
        FitRow {
            family: fit.family.to_string(),
            law: fit.law.to_string(),
            log_likelihood: fit.log_likelihood,
            aic: fit.aic,
            ks_distance: fit.ks,
            anderson_darling: fit.anderson_darling,
            p: fit.p,
            workers: maximum.workers,
            max_fitted_s: maximum.predicted,
            max_measured_s: maximum.measured,
        }
    }
}
