//! Equivalence test: is a prediction within its tolerance?
//!
//! A claim passes by two one-sided tests at 5 % each (Schuirmann 1987), that is if its 90 % interval lies within the
//! tolerance: a prediction that is wrong by the tolerance passes with 5 % at most. All claims of a run pass together only if
//! each does, which needs no correction (Berger 1982). A claim fails if it is not within the tolerance by a one-sided
//! test, where all claims of a run are judged together by Holm's procedure (1979): a run of right predictions has a failed
//! claim with 5 % at most. In between it is undecided.

use crate::verdict::sample::Sample;
use statrs::distribution::ContinuousCDF;
use std::fmt;

/// Probability of an error of either kind.
pub const ALPHA: f64 = 0.05;

/// What an equivalence test says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The error is smaller than the tolerance.
    Pass,
    /// The error is larger than the tolerance.
    Fail,
    /// The interval is too wide to say.
    Undecided,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Undecided => "undecided",
        })
    }
}

/// How far a mean log ratio may be from 0, down and up, where the relative error may be `tolerance`.
fn bounds(tolerance: f64) -> (f64, f64) {
    ((-tolerance).ln_1p(), tolerance.ln_1p())
}

/// Whether the 90 % interval of log ratios lies within the tolerance.
pub fn passes(errors: &Sample, tolerance: f64) -> bool {
    let (low, high) = bounds(tolerance);
    let interval = errors.interval(1.0 - 2.0 * ALPHA);
    low <= interval.low && interval.high <= high
}

/// Probability of log ratios as far outside the tolerance as these, if the error is the tolerance; 1 where nothing is known.
pub fn failure_p(errors: &Sample, tolerance: f64) -> f64 {
    let (low, high) = bounds(tolerance);
    let beyond = (errors.mean - high).max(low - errors.mean);
    match errors.standard_error() {
        _ if beyond.is_nan() => 1.0,
        0.0 => f64::from(u8::from(beyond <= 0.0)),
        error => errors.student().sf(beyond / error),
    }
}

/// Which of several hypotheses are rejected by Holm's procedure: with probability `alpha` at most, a true one is among them.
pub fn holm(p: &[f64], alpha: f64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut rejected = vec![false; p.len()];
    for (rank, &index) in order.iter().enumerate() {
        if p[index] > alpha / (p.len() - rank) as f64 {
            break;
        }
        rejected[index] = true;
    }
    rejected
}

/// The verdicts on several claims, each with its log ratios and its tolerance, that are judged together.
pub fn judge(claims: &[(Sample, f64)]) -> Vec<Verdict> {
    let p: Vec<f64> = claims.iter().map(|(errors, tolerance)| failure_p(errors, *tolerance)).collect();
    let verdict = |((errors, tolerance), fails): (&(Sample, f64), bool)| match (fails, passes(errors, *tolerance)) {
        (true, _) => Verdict::Fail,
        (false, true) => Verdict::Pass,
        (false, false) => Verdict::Undecided,
    };
    claims.iter().zip(holm(&p, ALPHA)).map(verdict).collect()
}

/// Quantiles of the normal law: 95 %, 95 % of twenty claims together, and 80 %, the chance that enough is enough.
const Z_PASS: f64 = 1.645;
const Z_FAIL: f64 = 2.81;
const Z_POWER: f64 = 0.842;

/// Values that would decide with 80 %, if mean and standard deviation are what they seem to be: from their distance to
/// the nearer bound, inside or outside. Infinite where they stand on it.
pub fn needed(errors: &Sample, tolerance: f64) -> f64 {
    let (low, high) = bounds(tolerance);
    let inside = (errors.mean - low).min(high - errors.mean);
    let quantiles = Z_POWER + if inside > 0.0 { Z_PASS } else { Z_FAIL };
    // Two more than the normal law says, for Student's.
    (quantiles * errors.sd / inside).powi(2) + 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_distr::{Distribution, StandardNormal};

    fn sample(mean: f64, sd: f64, n: usize) -> Sample {
        Sample { n, mean, sd }
    }

    #[test]
    fn a_verdict_needs_the_whole_interval() {
        let one = |mean, sd| judge(&[(sample(mean, sd, 16), 0.05)])[0];
        // Half a width of 90 %: 1.753 · sd/4.
        assert_eq!(one(0.01, 0.08), Verdict::Pass);
        assert_eq!(one(0.03, 0.08), Verdict::Undecided);
        assert_eq!(one(-0.10, 0.08), Verdict::Fail);
        assert_eq!(one(0.0, 0.5), Verdict::Undecided);
        assert_eq!((one(0.04, 0.0), one(0.06, 0.0)), (Verdict::Pass, Verdict::Fail));
        assert_eq!(one(f64::NAN, 0.1), Verdict::Undecided);
    }

    #[test]
    fn holm_by_hand() {
        // 0.01 <= 0.05/4, 0.015 <= 0.05/3, 0.02 <= 0.05/2, 0.06 > 0.05.
        assert_eq!(holm(&[0.02, 0.06, 0.01, 0.015], 0.05), [true, false, true, true]);
        // The smallest is not small enough for four, so nothing is rejected.
        assert_eq!(holm(&[0.04, 0.03, 0.02, 0.013], 0.05), [false; 4]);
        assert_eq!(holm(&[], 0.05), [false; 0]);
    }

    #[test]
    fn many_claims_fail_by_chance_no_oftener_than_one() {
        // 1000 runs of 20 predictions, each wrong by exactly the tolerance. A failed claim is a false alarm: 5 % at most, within
        // 3.5 standard errors (2.4 %) of the count, which chance exceeds once in 4000. To pass is one, too: 5 % of the claims.
        let values = |run: u64, claim: u32| -> Vec<f64> {
            let mut key = sim::RandomKey::new(run, 1).at(sim::Purpose::Gradient, claim, 0);
            let normal = |_| 0.05f64.ln_1p() + 0.03 * Distribution::<f64>::sample(&StandardNormal, &mut key);
            (0..12).map(normal).collect()
        };
        let (mut failed, mut passed) = (0, 0);
        for run in 0..1000 {
            let claims: Vec<_> = (0..20).map(|claim| (Sample::of(&values(run, claim)).unwrap(), 0.05)).collect();
            let verdicts = judge(&claims);
            failed += u32::from(verdicts.contains(&Verdict::Fail));
            passed += verdicts.iter().filter(|verdict| **verdict == Verdict::Pass).count();
        }
        assert!(failed <= 74, "{failed} of 1000 runs");
        assert!((passed as f64 / 20_000.0 - 0.05).abs() < 0.0055, "{passed} of 20 000 claims");
    }

    #[test]
    fn what_is_needed_decides_with_four_in_five() {
        let tried = |mean: f64| {
            let n = needed(&sample(mean, 0.06, 8), 0.05).ceil() as usize;
            let decided = (0..1000u64).filter(|&run| {
                let mut key = sim::RandomKey::new(run, 2).at(sim::Purpose::Gradient, 0, 0);
                let values: Vec<f64> =
                    (0..n).map(|_| mean + 0.06 * Distribution::<f64>::sample(&StandardNormal, &mut key)).collect();
                judge(&[(Sample::of(&values).unwrap(), 0.05)])[0] != Verdict::Undecided
            });
            decided.count()
        };
        // 4 standard errors of 1000 runs are 5 %; to fail is easier for one claim than for the twenty that it is sized for.
        assert!((750..860).contains(&tried(0.02)), "{}", tried(0.02));
        assert!(tried(0.09) > 850, "{}", tried(0.09));
        assert!(needed(&sample(0.05f64.ln_1p(), 0.06, 8), 0.05).is_infinite());
    }
}
