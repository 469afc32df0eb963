//! `validation.csv`, whose columns are a contract.

use super::Validated;
use crate::report::rows::csv;
use sim::Law;

/// One row for each claim.
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
