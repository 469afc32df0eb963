//! Summary of many claims in a line: how far off they are on average, and whether their intervals can be believed.

use crate::verdict::sample::{Interval, Sample};
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// How far off some predictions are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// How many.
    pub count: usize,
    /// Mean absolute log ratio with its 90 % interval. The noise of the measurements is in it, and can only make it larger.
    pub mean: Interval,
    /// Which is the furthest off, by index.
    pub worst: usize,
}

/// Sums up log ratios of independent claims; `None` of none.
pub fn summary(claims: &[Sample]) -> Option<Summary> {
    let count = claims.len();
    let worst = (0..count).max_by(|&a, &b| claims[a].mean.abs().total_cmp(&claims[b].mean.abs()))?;
    let value = claims.iter().map(|claim| claim.mean.abs()).sum::<f64>() / count as f64;
    let variance: f64 = claims.iter().map(|claim| claim.standard_error().powi(2)).sum();
    // The variance of a sum has at least the degrees of freedom of its parts together, nearly a normal law's.
    let half_width = 1.645 * variance.sqrt() / count as f64;
    let mean = Interval { value, low: (value - half_width).max(0.0), high: value + half_width };
    Some(Summary { count, mean, worst })
}

/// An A/A check: policies that are the same must be measured alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alike {
    /// Root mean square difference of a policy from the mean of those that are the same.
    pub differs: f64,
    /// What their standard errors say that it should be.
    pub expected: f64,
    /// Degrees of freedom: policies less groups.
    pub freedom: usize,
    /// Probability of so large a difference, or a larger one, if nothing but that noise makes it.
    pub p: f64,
}

/// Compares those that are the same, group by group; `None` if no group has two.
pub fn alike(groups: &[Vec<Sample>]) -> Option<Alike> {
    let (mut squares, mut variances, mut scaled, mut freedom) = (0.0, 0.0, 0.0, 0);
    for group in groups.iter().filter(|group| group.len() > 1) {
        let weight = |one: &Sample| one.standard_error().max(1e-12).powi(-2);
        let weights: f64 = group.iter().map(weight).sum();
        let mean = group.iter().map(|one| weight(one) * one.mean).sum::<f64>() / weights;
        let more = group.len() - 1;
        squares += group.iter().map(|one| (one.mean - mean).powi(2)).sum::<f64>();
        variances +=
            group.iter().map(|one| one.standard_error().powi(2)).sum::<f64>() * more as f64 / group.len() as f64;
        scaled += group.iter().map(|one| (one.mean - mean).powi(2) * weight(one)).sum::<f64>();
        freedom += more;
    }
    let law = ChiSquared::new(freedom as f64).ok().filter(|_| freedom > 0)?;
    let root = |sum: f64| (sum / freedom as f64).sqrt();
    Some(Alike { differs: root(squares), expected: root(variances), freedom, p: law.sf(scaled) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(mean: f64, sd: f64) -> Sample {
        Sample { n: 16, mean, sd }
    }

    #[test]
    fn a_mean_of_absolute_errors_by_hand() {
        let found = summary(&[sample(0.02, 0.08), sample(-0.04, 0.08)]).unwrap();
        assert_eq!((found.count, found.worst), (2, 1));
        // Standard errors of 0.02 each: 1.645 · 0.02 · √2/2.
        assert!((found.mean.value - 0.03).abs() < 1e-15 && (found.mean.half_width() - 0.02326).abs() < 1e-5);
        assert_eq!(summary(&[]), None);
    }

    #[test]
    fn what_differs_by_more_than_its_noise_is_noticed() {
        let check = |by: f64| alike(&[vec![sample(by, 0.04), sample(-by, 0.04)], vec![sample(0.3, 1.0)]]).unwrap();
        // Standard errors of 0.01: differences from the mean of 0.01 are one each, so chi squared is 2 with 1 degree.
        assert!((check(0.01).p - 0.1573).abs() < 1e-3 && check(0.01).freedom == 1);
        assert!((check(0.01).differs - 0.02f64.sqrt() / 10.0).abs() < 1e-12);
        assert!((check(0.01).expected - 0.01).abs() < 1e-12);
        assert!(check(0.04).p < 1e-4 && check(0.0).p == 1.0);
        assert_eq!(alike(&[vec![sample(0.0, 1.0)]]), None);
    }
}
