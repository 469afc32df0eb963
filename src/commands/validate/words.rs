//! What is printed of a validation: predictions beside measurements, and what they come to.

use super::{Judged, Tolerance, Validated, name_of};
use crate::text::{count, digits, or_dash, table};
use std::fmt::Write;
use validation::{Claim, Comparison, Configuration, Quantity, Verdict};

/// Of so many workers the slowest is predicted from the fitted law, beside drawing from what was measured.
const MOST: u32 = 8;

/// Table and verdict.
pub fn report(validated: &Validated) -> String {
    let mut text = format!(
        "One worker was calibrated; {} follow from it, on {}.\n\n",
        count(validated.judged.len() as u64, "configuration"),
        count(validated.cores, "core"),
    );
    let header = [
        "policy",
        "m",
        "delay",
        "predicted ms",
        "measured ms",
        "error ± 95 %",
        "verdict",
        "staleness",
        "by law",
        "exponential",
    ];
    text += &table(header, validated.judged.iter().map(row));
    text.push('\n');
    if let Some(fitted) = &validated.fitted {
        fits(fitted, &mut text);
    }
    summary(validated, &mut text);
    text
}

/// Which law the computing times follow, and how far from the truth each of them is.
fn fits(comparison: &Comparison, text: &mut String) {
    let _ = writeln!(text, "Computing times of one worker, fitted by maximum likelihood\n");
    let least = comparison.fitted.first().map_or(0.0, |best| best.aic);
    let slowest = format!("mean of the slowest of {MOST}");
    let rows = comparison.fitted.iter().map(|goodness| {
        let slowest = goodness.maxima.iter().find(|maximum| maximum.workers == MOST);
        [
            goodness.family.to_string(),
            format!("{:.3}", goodness.ks),
            digits(goodness.anderson_darling, 3),
            format!("{:.0}", goodness.aic - least),
            format!("{:.3}", goodness.p),
            or_dash(slowest, |maximum| format!("{:+.1} %", 100.0 * maximum.error())),
        ]
    });
    *text += &table(["law", "largest gap", "A²", "ΔAIC", "p", &slowest], rows);
    text.push('\n');
}

fn claim(j: &Judged, quantity: Quantity) -> Option<&Claim> {
    j.claims.iter().find(|claim| claim.quantity == quantity)
}

fn row(j: &Judged) -> [String; 10] {
    let per_update = claim(j, Quantity::PerUpdate).expect("every configuration has one");
    let staleness = claim(j, Quantity::Staleness).expect("every configuration has one");
    let ms = |of: &validation::Interval| format!("{} ± {}", digits(1e3 * of.value, 4), digits(1e3 * of.half_width, 2));
    let error_of = |quantity| or_dash(claim(j, quantity), |claim| format!("{:+.1} %", 100.0 * claim.error.value));
    [
        j.cell.policy.to_string(),
        j.cell.rule.workers.to_string(),
        name_of(&j.cell.delay),
        ms(&per_update.predicted),
        ms(&per_update.measured),
        format!("{:+.1} ± {:.1} %", 100.0 * per_update.error.value, 100.0 * per_update.error.half_width),
        worst(j).to_string(),
        format!("{:.2} / {:.2}", staleness.predicted.value, staleness.measured.value),
        error_of(Quantity::PerUpdateByLaw),
        error_of(Quantity::PerUpdateByGate),
    ]
}

/// The verdict of a configuration: the worst of its claims that count.
fn worst(j: &Judged) -> Verdict {
    let counts = || j.claims.iter().filter(|claim| claim.quantity.counts()).map(|claim| claim.verdict);
    [Verdict::Fail, Verdict::Undecided].into_iter().find(|v| counts().any(|w| w == *v)).unwrap_or(Verdict::Pass)
}

/// What a single worker cannot show, and is the likeliest to be behind an error.
fn effect(cell: &Configuration, cores: u32) -> &'static str {
    match (cell.rule.workers, &cell.delay) {
        (1, _) => "one worker needs no model, so this is the machine's drift between calibration and run",
        (m, _) if m > cores => "workers that share a core find its cache full of each other's numbers",
        (_, None) => "cores that are busy at once share memory and power",
        (_, Some(_)) => "waking up takes longer beside others",
    }
}

fn summary(validated: &Validated, text: &mut String) {
    let errors: Vec<(f64, &Configuration)> = validated
        .judged
        .iter()
        .map(|j| (claim(j, Quantity::PerUpdate).expect("every configuration has one").error.value.abs(), &j.cell))
        .collect();
    let mean = errors.iter().map(|(error, _)| error).sum::<f64>() / errors.len() as f64;
    if let Some((worst, cell)) = errors.iter().max_by(|a, b| a.0.total_cmp(&b.0)) {
        let _ = writeln!(
            text,
            "Time per update: {:.1} % off on average over {} configurations, {:.1} % at worst ({} at m = {}, delay {}: {}).",
            100.0 * mean,
            errors.len(),
            100.0 * worst,
            cell.policy,
            cell.rule.workers,
            name_of(&cell.delay),
            effect(cell, validated.cores),
        );
    }
    for (family, name) in [(true, "with the delay"), (false, "without it")] {
        let gates = validated.judged.iter().filter(|j| j.cell.delay.is_some() == family);
        let errors: Vec<f64> =
            gates.filter_map(|j| claim(j, Quantity::PerUpdateByGate)).map(|claim| claim.error.value.abs()).collect();
        if !errors.is_empty() {
            let _ = writeln!(
                text,
                "The plain exponential model (H_m/λ, 1/(mλ)) is {:.0} % off on average {name}, {:.0} % at worst.",
                100.0 * errors.iter().sum::<f64>() / errors.len() as f64,
                100.0 * errors.iter().copied().fold(0.0, f64::max),
            );
        }
    }
    if let Some(stolen) = validated.stolen.filter(|stolen| *stolen > 0.005) {
        let _ = writeln!(text, "Other machines took {:.0} % of the processors' time meanwhile.", 100.0 * stolen);
    }
    let [pass, fail, undecided] = [Verdict::Pass, Verdict::Fail, Verdict::Undecided].map(|v| validated.count(v));
    let more = if undecided > 0 { "; more --updates would decide" } else { "" };
    let tolerances = tolerances(validated.tolerance);
    let _ = writeln!(text, "Verdict: {pass} claims pass, {fail} fail, {undecided} are undecided{more} ({tolerances}).");
}

fn tolerances(tolerance: Tolerance) -> String {
    let percent = |share: f64| digits(100.0 * share, 3).trim_end_matches('0').trim_end_matches('.').to_string();
    let Tolerance { within, beyond } = tolerance;
    let time = match within == beyond {
        true => format!("tolerance {} %", percent(within)),
        false => format!("tolerance {} % for m up to the cores, {} % beyond", percent(within), percent(beyond)),
    };
    format!("{time}, staleness conserved exactly")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tolerance_that_is_said_is_the_one_that_was_asked_for() {
        let said = |within, beyond| tolerances(Tolerance { within, beyond });
        assert_eq!(said(0.01, 0.01), "tolerance 1 %, staleness conserved exactly");
        let usual = "tolerance 5 % for m up to the cores, 10 % beyond, staleness conserved exactly";
        assert_eq!(said(0.05, 0.1), usual);
        assert_eq!(said(0.125, 0.125), "tolerance 12.5 %, staleness conserved exactly");
    }
}
