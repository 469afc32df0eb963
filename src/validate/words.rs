//! The table of predictions and measurements, and what it comes to.

use super::{Judged, Validated};
use crate::report::table::digits;
use sim::Law;
use std::fmt::Write;
use validation::{Claim, Comparison, Configuration, Quantity, Verdict};

/// Of so many workers the slowest is foretold from the fitted law, beside drawing from what was measured.
const MOST: u32 = 8;

/// Table and verdict.
pub fn report(validated: &Validated) -> String {
    let mut text = format!(
        "One worker was calibrated; {} cells follow from it, on {} cores.\n\n",
        validated.judged.len(),
        validated.cores
    );
    let _ = writeln!(
        text,
        " policy     m  delay       predicted ms      measured ms    error ± 95 %  verdict     staleness       by law  exponential"
    );
    for j in &validated.judged {
        let _ = writeln!(text, "{}", line(j));
    }
    text.push('\n');
    if let Some(fitted) = &validated.fitted {
        fits(fitted, &mut text);
    }
    summary(validated, &mut text);
    text
}

/// Which law the computing times follow, and how far from the truth each of them is.
fn fits(comparison: &Comparison, text: &mut String) {
    let _ = writeln!(
        text,
        "Computing times of one worker, fitted by maximum likelihood\n\n law            largest gap       A²      ΔAIC       p   mean of the slowest of {MOST}"
    );
    let least = comparison.fitted.first().map_or(0.0, |best| best.aic);
    for goodness in &comparison.fitted {
        let slowest = goodness.maxima.iter().find(|maximum| maximum.workers == MOST);
        let _ = writeln!(
            text,
            " {:13} {:>12.3} {:>8} {:>9.0} {:>7.3}   {:>+6.1} %",
            goodness.family.to_string(),
            goodness.ks,
            digits(goodness.anderson_darling, 3),
            goodness.aic - least,
            goodness.p,
            slowest.map_or(f64::NAN, |maximum| 100.0 * maximum.error()),
        );
    }
    text.push('\n');
}

fn claim(j: &Judged, quantity: Quantity) -> Option<&Claim> {
    j.claims.iter().find(|claim| claim.quantity == quantity)
}

fn line(j: &Judged) -> String {
    let per_update = claim(j, Quantity::PerUpdate).expect("every cell has one");
    let staleness = claim(j, Quantity::Staleness).expect("every cell has one");
    let ms = |seconds: f64| digits(1e3 * seconds, 4);
    let error_of =
        |quantity| claim(j, quantity).map_or("–".to_string(), |claim| format!("{:+.1} %", 100.0 * claim.error.value));
    format!(
        " {:9} {:>2}  {:9} {:>8} ± {:<6} {:>8} ± {:<6} {:>+6.1} ± {:<4.1} %  {:9} {:>5.2} / {:<5.2} {:>9} {:>9}",
        j.cell.policy,
        j.cell.rule.workers,
        j.cell.delay.as_ref().map_or("none".to_string(), Law::to_string),
        ms(per_update.predicted.value),
        digits(1e3 * per_update.predicted.half_width, 2),
        ms(per_update.measured.value),
        digits(1e3 * per_update.measured.half_width, 2),
        100.0 * per_update.error.value,
        100.0 * per_update.error.half_width,
        worst(j).to_string(),
        staleness.predicted.value,
        staleness.measured.value,
        error_of(Quantity::PerUpdateByLaw),
        error_of(Quantity::PerUpdateByGate),
    )
}

/// The verdict of a cell: the worst of its claims that count.
fn worst(j: &Judged) -> Verdict {
    let counts = || j.claims.iter().filter(|claim| claim.quantity.counts()).map(|claim| claim.verdict);
    [Verdict::Fail, Verdict::Undecided].into_iter().find(|v| counts().any(|w| w == *v)).unwrap_or(Verdict::Pass)
}

/// What a single worker cannot show, and is the likeliest to be behind an error.
fn effect(cell: &Configuration, cores: u32) -> &'static str {
    match (cell.rule.workers, &cell.delay) {
        (1, _) => "one worker needs no model, so this is the machine's drift between calibration and run",
        (m, _) if m > cores => "workers that take turns on a core find its cache full of each other's numbers",
        (_, None) => "cores that are busy at once share memory and power",
        (_, Some(_)) => "waking up takes longer beside others",
    }
}

fn summary(validated: &Validated, text: &mut String) {
    let errors: Vec<(f64, &Configuration)> = validated
        .judged
        .iter()
        .map(|j| (claim(j, Quantity::PerUpdate).expect("every cell has one").error.value.abs(), &j.cell))
        .collect();
    let mean = errors.iter().map(|(error, _)| error).sum::<f64>() / errors.len() as f64;
    if let Some((worst, cell)) = errors.iter().max_by(|a, b| a.0.total_cmp(&b.0)) {
        let _ = writeln!(
            text,
            "Time per update: {:.1} % off on average over {} cells, {:.1} % at worst ({} at m = {}, delay {}: {}).",
            100.0 * mean,
            errors.len(),
            100.0 * worst,
            cell.policy,
            cell.rule.workers,
            cell.delay.as_ref().map_or("none".to_string(), Law::to_string),
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
    let tolerances = "tolerance 5 % for m up to the cores, 10 % beyond, staleness conserved exactly";
    let _ = writeln!(text, "Verdict: {pass} claims pass, {fail} fail, {undecided} are undecided{more} ({tolerances}).");
}
