//! `validation.csv`, whose columns are a contract, and `step_time_fits.csv`.

use super::Validated;
use crate::report::rows::csv;
use sim::Law;
use validation::Comparison;

/// `validation.csv`: one row for each claim.
pub fn validation(validated: &Validated) -> Vec<u8> {
    let header = [
        "policy",
        "workers",
        "delay",
        "quantity",
        "predicted",
        "predicted_low",
        "predicted_high",
        "measured",
        "measured_low",
        "measured_high",
        "relative_error",
        "tolerance",
        "verdict",
    ];
    let all = validated.judged.iter().flat_map(|j| j.claims.iter().map(move |claim| (&j.cell, claim)));
    let rows = all.map(|(cell, claim)| {
        let ((predicted_low, predicted_high), (low, high)) = (claim.predicted.ends(), claim.measured.ends());
        [
            cell.policy.to_string(),
            cell.rule.workers.to_string(),
            cell.delay.as_ref().map_or("none".to_string(), Law::to_string),
            claim.quantity.name().to_string(),
            claim.predicted.value.to_string(),
            predicted_low.to_string(),
            predicted_high.to_string(),
            claim.measured.value.to_string(),
            low.to_string(),
            high.to_string(),
            claim.error.value.to_string(),
            claim.tolerance.to_string(),
            claim.verdict.to_string(),
        ]
    });
    csv(&header, rows)
}

/// `step_time_fits.csv`: one row for each law that was fitted to the computing times, and number of workers of whom the
/// slowest is foretold.
pub fn fits(comparison: &Comparison) -> Vec<u8> {
    let header = [
        "family",
        "law",
        "log_likelihood",
        "aic",
        "ks_distance",
        "anderson_darling",
        "p",
        "workers",
        "max_fitted_s",
        "max_measured_s",
    ];
    let rows = comparison.fitted.iter().flat_map(|goodness| {
        goodness.maxima.iter().map(move |maximum| {
            [
                goodness.family.to_string(),
                goodness.law.to_string(),
                goodness.log_likelihood.to_string(),
                goodness.aic.to_string(),
                goodness.ks.to_string(),
                goodness.anderson_darling.to_string(),
                goodness.p.to_string(),
                maximum.workers.to_string(),
                maximum.predicted.to_string(),
                maximum.measured.to_string(),
            ]
        })
    });
    csv(&header, rows)
}
