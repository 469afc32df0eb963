//! What is printed of a validation: predictions beside measurements, and what they come to.

use super::rows::name_of;
use super::{Tolerance, Validated};
use crate::text::{count, digits, or_dash, table};
use std::collections::BTreeSet;
use std::fmt::Write;
use validation::predict::links::Line;
use validation::verdict::summary::Summary;
use validation::{Claim, Comparison, Count, Interval, Judged, Parts, Quantity, Verdict};

/// Of so many workers the slowest is predicted from the fitted law, beside drawing from what was measured.
const MOST: u32 = 8;

/// Table and verdict.
pub fn report(validated: &Validated) -> String {
    let judged = &validated.judgement.judged;
    let hosts: BTreeSet<&str> = validated.ranks.iter().map(|rank| &*rank.host).collect();
    let places = match &validated.recorded.links {
        None => count(validated.cores, "core"),
        Some(_) => format!("{} of {}", count(validated.cores, "rank"), count(hosts.len() as u64, "host")),
    };
    let mut text = format!(
        "One worker was calibrated; {} follow from it, on {places}.\n\n",
        count(judged.len() as u64, "configuration"),
    );
    let header = [
        "policy",
        "m",
        "delay",
        "predicted ms",
        "measured ms",
        "error (90 %)",
        "verdict",
        "structure",
        "law",
        "contention",
        "staleness",
        "exponential",
    ];
    text += &table(header, judged.iter().map(|j| row(validated, j)));
    text.push('\n');
    let (earlier, all) = (validated.recorded.earlier, validated.recorded.pairs.len());
    if earlier > 0 {
        let _ = writeln!(
            text,
            "{earlier} of {all} bursts were measured by an earlier run, which had not come to its end.\n"
        );
    }
    if let Some(fitted) = &validated.fitted {
        fits(fitted, &mut text);
    }
    machine(validated, &mut text);
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

/// A relative error with the ends of its interval.
pub(super) fn error(claim: &Claim) -> String {
    let Interval { value, low, high } = claim.error().map(|share| 100.0 * share);
    format!("{value:+.1} % ({low:+.1} to {high:+.1})")
}

pub(super) fn ms(of: Interval) -> String {
    format!("{} ± {}", digits(1e3 * of.value, 4), digits(1e3 * of.half_width(), 2))
}

fn row(validated: &Validated, j: &Judged) -> [String; 12] {
    let (time, first) = (j.time(), validated.first(j));
    let part = |of: fn(&Parts) -> f64| or_dash(time.parts, |parts| format!("{:+.1} %", 100.0 * of(&parts)));
    let beside = j.claim(Quantity::Staleness);
    [
        validated.label(j),
        first.rule.workers.to_string(),
        name_of(&first.delay),
        ms(time.predicted),
        ms(time.measured),
        error(time),
        or_dash(worst(j), |verdict| verdict.to_string()),
        part(|parts| parts.structure),
        part(|parts| parts.law),
        if first.rule.workers > 1 { part(|parts| parts.contention) } else { "–".to_string() },
        or_dash(beside, |claim| format!("{:.2} / {:.2}", claim.predicted.value, claim.measured.value)),
        or_dash(j.claim(Quantity::PerUpdateByGate), |claim| format!("{:+.0} %", 100.0 * claim.error().value)),
    ]
}

/// The verdict of a configuration: the worst of its claims.
fn worst(j: &Judged) -> Option<Verdict> {
    let verdicts = || j.claims.iter().filter_map(|claim| claim.verdict);
    [Verdict::Fail, Verdict::Undecided, Verdict::Pass].into_iter().find(|v| verdicts().any(|w| w == *v))
}

/// What was measured of the machine itself.
fn machine(validated: &Validated, text: &mut String) {
    let contention = validated.recorded.contention();
    if contention.len() > 1 {
        let table: Vec<String> = contention.iter().map(|slowdown| format!("{slowdown:.3}")).collect();
        let _ = writeln!(
            text,
            "Contention: with 1, 2, ... cores computing, a step takes {} times as long.",
            table.join(", ")
        );
    }
    if let Some(links) = &validated.recorded.links {
        for (name, timed) in links.operations() {
            let Line { fixed_s, per_byte_s } = Line::through(timed);
            let _ = writeln!(
                text,
                "Links: {} {name} takes {} ms and {} ms for each MB, {} for the {} bytes of the parameters.",
                if name == "message" { "a" } else { "an" },
                digits(1e3 * fixed_s, 3),
                digits(1e9 * per_byte_s, 3),
                digits(1e3 * Line::through(timed).seconds(links.payload as f64), 3),
                links.payload,
            );
        }
    }
    let hand_off = validated.hand_off();
    let mean = |seconds: &[f64]| 1e3 * seconds.iter().sum::<f64>() / seconds.len() as f64;
    if !hand_off.update_apart_s.is_empty() {
        let _ = writeln!(
            text,
            "Hand-off between cores: an update by a gradient from another core takes {} ms instead of {}; a gradient at \
             parameters from another core {} ms instead of {}.",
            digits(mean(&hand_off.update_apart_s), 3),
            digits(mean(&hand_off.update_together_s), 3),
            digits(mean(&hand_off.gradient_apart_s), 3),
            digits(mean(&hand_off.gradient_together_s), 3),
        );
    }
    if let Some(alike) = validated.judgement.alike {
        let doubt = if alike.p < 0.01 { ": intervals are too narrow, as times drift from burst to burst" } else { "" };
        let _ = writeln!(
            text,
            "A/A check: policies that are the same differ by {:.1} %, where their noise says {:.1} % (p = {:.2}){doubt}.",
            100.0 * alike.differs,
            100.0 * alike.expected,
            alike.p
        );
    }
    if let Some(sentence) = validated.machine.sentence() {
        let _ = writeln!(text, "{sentence}");
    }
}

fn summary(validated: &Validated, text: &mut String) {
    let judgement = &validated.judgement;
    let part = |summary: Summary, what: &str| {
        let Interval { value, low, high } = summary.mean.map(|share| 100.0 * share);
        format!("{value:.1} % (90 %: {low:.1} to {high:.1}) over {} {what}", summary.count)
    };
    let parts: Vec<String> = [(judgement.computing, "computing configurations"), (judgement.delayed, "delayed ones")]
        .into_iter()
        .filter_map(|(summary, what)| summary.map(|summary| part(summary, what)))
        .collect();
    if !parts.is_empty() {
        let _ = writeln!(text, "Time per update: predicted within {}.", parts.join(", "));
    }
    let worst = judgement.judged.iter().max_by(|a, b| {
        let off = |j: &Judged| j.time().errors.mean.abs();
        off(a).total_cmp(&off(b))
    });
    if let Some(worst) = worst {
        let first = validated.first(worst);
        let _ = writeln!(
            text,
            "Furthest off: {} at m = {}, delay {}, by {}; parts: structure {:+.1}, law {:+.1}, contention {:+.1} %.",
            validated.label(worst),
            first.rule.workers,
            name_of(&first.delay),
            error(worst.time()),
            100.0 * worst.time().parts.unwrap_or_default().structure,
            100.0 * worst.time().parts.unwrap_or_default().law,
            100.0 * worst.time().parts.unwrap_or_default().contention,
        );
    }
    for (delayed, name) in [(true, "with the delay"), (false, "without it")] {
        let these = judgement.judged.iter().filter(|j| validated.first(j).delay.is_some() == delayed);
        let mean_of = |of: fn(&Parts) -> f64| {
            let parts: Vec<f64> = these.clone().filter_map(|j| j.time().parts).map(|parts| of(&parts).abs()).collect();
            100.0 * parts.iter().sum::<f64>() / parts.len() as f64
        };
        if these.clone().next().is_some() {
            let _ = writeln!(
                text,
                "Mean absolute parts {name}: structure {:.1}, law {:.1}, contention {:.1} %.",
                mean_of(|parts| parts.structure),
                mean_of(|parts| parts.law),
                mean_of(|parts| parts.contention)
            );
        }
    }
    let _ = match &validated.not_judged {
        Some(why) => writeln!(text, "Verdict: none. {why}."),
        None => writeln!(text, "Verdict: {} ({}).", verdict(validated), tolerances(validated.tolerance)),
    };
}

/// The verdict in a sentence.
pub fn verdict(validated: &Validated) -> String {
    let judgement = &validated.judgement;
    let (time, staleness) = (judgement.count(Quantity::PerUpdate), judgement.count(Quantity::Staleness));
    let mut text = counted(time, "time");
    if staleness.all() > 0 {
        text += &format!("; {}", counted(staleness, "staleness"));
    }
    if judgement.verdict() == Verdict::Undecided {
        text += &format!("; {}", what_would_decide(judgement.left_s() / 60.0, validated));
    }
    text
}

/// `33 of 35 time claims pass, 1 fails, 1 is undecided`.
pub(super) fn counted(Count { pass, fail, undecided }: Count, what: &str) -> String {
    let all = pass + fail + undecided;
    let claims = if all == 1 { "claim" } else { "claims" };
    let mut text = match pass == all {
        true => format!("all {all} {what} {claims} pass"),
        false => format!("{pass} of {all} {what} {claims} pass"),
    };
    for (number, one, several) in [(fail, "fails", "fail"), (undecided, "is undecided", "are undecided")] {
        if number > 0 {
            text += &format!(", {number} {}", if number == 1 { one } else { several });
        }
    }
    text
}

/// More minutes than anybody waits.
const MANY: f64 = 60.0;

fn what_would_decide(more: f64, validated: &Validated) -> String {
    let minutes = (validated.minutes + more).ceil();
    let quieter = if validated.machine.was_busy() { ", or a machine that does nothing else" } else { "" };
    match minutes < MANY {
        true => format!("about {} would decide (--minutes {minutes}){quieter}", count(minutes as u64, "minute")),
        false => format!(
            "an error close to the tolerance takes longer than an hour to decide; type another --tolerance{quieter}"
        ),
    }
}

fn tolerances(tolerance: Tolerance) -> String {
    let percent = |share: f64| digits(100.0 * share, 3).trim_end_matches('0').trim_end_matches('.').to_string();
    let Tolerance { within, beyond } = tolerance;
    match within == beyond {
        true => format!("tolerance {} %", percent(within)),
        false => format!("tolerance {} % for m up to the cores, {} % beyond", percent(within), percent(beyond)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tolerance_that_is_said_is_the_one_that_was_asked_for() {
        let said = |within, beyond| tolerances(Tolerance { within, beyond });
        assert_eq!(said(0.01, 0.01), "tolerance 1 %");
        let usual = "tolerance 5 % for m up to the cores, 10 % beyond";
        assert_eq!(said(0.05, 0.1), usual);
        assert_eq!(said(0.125, 0.125), "tolerance 12.5 %");
    }

    #[test]
    fn claims_are_counted_in_a_sentence() {
        let said = |pass, fail, undecided| counted(Count { pass, fail, undecided }, "time");
        assert_eq!(said(4, 0, 0), "all 4 time claims pass");
        assert_eq!(said(33, 1, 2), "33 of 36 time claims pass, 1 fails, 2 are undecided");
        assert_eq!(said(0, 0, 1), "0 of 1 time claim pass, 1 is undecided");
    }
}
