//! Which law of a family fits the measured times best? Six families, by maximum likelihood, and when there is no answer.

use crate::predict::likelihood::{mean, most_likely};
use crate::{Law, LawError};
use std::fmt;

/// A family of laws of step times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// `exp(rate)`: the memoryless law.
    Exponential,
    /// `shifted-exp(shift, rate)`: a constant and an exponential part.
    ShiftedExponential,
    /// `gamma(shape, scale)`.
    Gamma,
    /// `weibull(shape, scale)`.
    Weibull,
    /// `lognormal(mu, sigma)`.
    LogNormal,
    /// `gumbel(location, scale)`, of largest values.
    Gumbel,
}

impl Family {
    /// All of them, in the order in which they are reported.
    pub const ALL: [Family; 6] = [
        Family::Exponential,
        Family::ShiftedExponential,
        Family::Gamma,
        Family::Weibull,
        Family::LogNormal,
        Family::Gumbel,
    ];

    /// What its laws are called where they are typed.
    pub fn name(self) -> &'static str {
        match self {
            Family::Exponential => "exp",
            Family::ShiftedExponential => "shifted-exp",
            Family::Gamma => "gamma",
            Family::Weibull => "weibull",
            Family::LogNormal => "lognormal",
            Family::Gumbel => "gumbel",
        }
    }

    /// How many parameters are fitted.
    pub fn parameters(self) -> u32 {
        match self {
            Family::Exponential => 1,
            Family::ShiftedExponential | Family::Gamma | Family::Weibull | Family::LogNormal | Family::Gumbel => 2,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Fewest observations that are fitted.
pub const FEWEST: usize = 10;

/// Seconds that are taken for a time: far beyond any clock, but their powers and ratios are still numbers.
pub const TIMES: std::ops::RangeInclusive<f64> = 1e-100..=1e100;

/// Least coefficient of variation that is fitted.
pub const LEAST_VARIATION: f64 = 1e-4;

/// Least median, in units of the mean, of a law that is of use: means of wilder ones consist of what never happens.
pub const LEAST_MEDIAN: f64 = 1e-7;

/// Why there is no fit.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FitError {
    /// Fewer than [`FEWEST`] observations.
    #[error("a law cannot be fitted to {given} step times; measure at least {FEWEST}, better hundreds")]
    TooFew {
        /// How many there are.
        given: usize,
    },
    /// An observation that is not a number within [`TIMES`].
    #[error("step time {} is {value} seconds; give positive finite seconds only (1e-100 to 1e100)", .index + 1)]
    NotATime {
        /// Which one, counted from 0.
        index: usize,
        /// What it is, s.
        value: f64,
    },
    /// All are equal, or vary by less than [`LEAST_VARIATION`] of their mean.
    #[error("the step times vary by less than 0.01 % of their mean; use constant({median}) as their law")]
    NoSpread {
        /// One in their middle, s.
        median: f64,
    },
    /// The most likely Gumbel law is negative too often to be a law of times.
    #[error("the most likely gumbel({location}, {scale}) is negative with a probability of {:.2e} %, as no time can be; choose among the other laws", 100.0 * below_zero(.location, .scale))]
    Negative {
        /// Its mode, s.
        location: f64,
        /// Its scale, s.
        scale: f64,
    },
    /// Half of the most likely law's times are shorter than [`LEAST_MEDIAN`] of their mean.
    #[error(
        "the most likely {family} has a mean of {mean:e} seconds, ten million times what half of its times take and more than a run can measure; choose among the other laws"
    )]
    Wild {
        /// Of which family it is.
        family: Family,
        /// Its mean, s.
        mean: f64,
    },
    /// The simulator refuses the most likely law for another reason.
    #[error("the most likely {family} is of no use: {why}; choose among the other laws")]
    Refused {
        /// Of which family it is.
        family: Family,
        /// The reason.
        why: LawError,
    },
}

/// The probability that a Gumbel law gives a negative number.
fn below_zero(location: &f64, scale: &f64) -> f64 {
    (-(location / scale).exp()).exp()
}

/// The law of `family` under which the observed `seconds`, in any order, are most likely.
///
/// - **exp**: rate = 1/mean.
/// - **shifted-exp**: shift = the smallest observation, rate = 1/(mean - shift). There is no correction for bias, so that
///   likelihoods of all families are compared at their maxima: the shift is 1/(n rate) too great on average, and the
///   fitted law says that nothing is ever faster than the fastest observation.
/// - **gamma**: ln k - digamma(k) = ln(mean) - mean(ln), scale = mean/k.
/// - **weibull**: the logarithm of a Weibull variable has the extreme-value law of smallest values, whose profile
///   likelihood is solved.
/// - **lognormal**: mean and root mean square deviation of the logarithms.
/// - **gumbel**: its mirror image has the extreme-value law of smallest values.
///
/// Source: N. L. Johnson, S. Kotz, N. Balakrishnan, *Continuous Univariate Distributions*, 2nd ed., chapters 14, 17, 19,
/// 21 (volume 1) and 22 (volume 2).
///
/// ```
/// use straggle_sim::predict::fit::{Family, fit};
/// let seconds: Vec<f64> = (1..=19).map(f64::from).collect();
/// assert_eq!(fit(Family::Exponential, &seconds).unwrap().to_string(), "exp(0.1)"); // 1/10
/// assert_eq!(fit(Family::ShiftedExponential, &seconds).unwrap().mean(), 10.0); // 1 + 9
/// ```
///
/// # Errors
/// [`FitError`]: too few observations, none that could be times, too much alike, or a law that the simulator refuses.
pub fn fit(family: Family, seconds: &[f64]) -> Result<Law, FitError> {
    fit_sorted(family, &sorted(seconds)?)
}

/// The observations in ascending order, if a law can be fitted to them.
pub(crate) fn sorted(seconds: &[f64]) -> Result<Vec<f64>, FitError> {
    if let Some(index) = seconds.iter().position(|t| !TIMES.contains(t)) {
        return Err(FitError::NotATime { index, value: seconds[index] });
    }
    if seconds.len() < FEWEST {
        return Err(FitError::TooFew { given: seconds.len() });
    }
    let mut x = seconds.to_vec();
    x.sort_unstable_by(f64::total_cmp);
    let centre = mean(x.iter().copied());
    let squares = mean(x.iter().map(|t| (t / centre - 1.0).powi(2)));
    if squares.sqrt() < LEAST_VARIATION {
        return Err(FitError::NoSpread { median: x[x.len() / 2] });
    }
    Ok(x)
}

/// The most likely law, if the simulator takes it.
pub(crate) fn fit_sorted(family: Family, x: &[f64]) -> Result<Law, FitError> {
    let law = most_likely(family, x);
    let law: Law = law.to_string().parse().map_err(|why| {
        if let Law::Gumbel { location, scale } = law {
            return FitError::Negative { location, scale };
        }
        FitError::Refused { family, why }
    })?;
    match law.cdf(law.mean() * LEAST_MEDIAN) < 0.5 {
        true => Ok(law),
        false => Err(FitError::Wild { family, mean: law.mean() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predict::likelihood::log_likelihood;

    const SPREAD: [f64; 12] = [0.3, 0.5, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.3, 1.6, 2.0, 3.1];

    #[test]
    fn families_are_called_what_their_laws_are_called() {
        for family in Family::ALL {
            let law = most_likely(family, &SPREAD);
            assert_eq!(law.to_string().split('(').next(), Some(family.name()));
            assert_eq!(format!("{family:>12}").len(), 12);
        }
    }

    #[test]
    fn what_is_no_sample_of_times_is_refused_with_advice() {
        let with = |value: f64| [&SPREAD[..], &[value]].concat();
        for family in Family::ALL {
            for value in [f64::NAN, 0.0, -0.0, -1.0, f64::INFINITY, 1e-320, 1e300] {
                match fit(family, &with(value)) {
                    Err(FitError::NotATime { index: 12, value: found }) => assert_eq!(found.to_bits(), value.to_bits()),
                    other => panic!("{family} of {value}: {other:?}"),
                }
            }
            assert_eq!(fit(family, &SPREAD[..9]), Err(FitError::TooFew { given: 9 }));
            assert_eq!(fit(family, &[]), Err(FitError::TooFew { given: 0 }));
            assert_eq!(fit(family, &[0.1; 50]), Err(FitError::NoSpread { median: 0.1 }));
            assert!(fit(family, &SPREAD[..10]).is_ok() || family == Family::Gumbel);
        }
        for (error, part) in [
            (FitError::TooFew { given: 9 }, "measure at least 10"),
            (FitError::NotATime { index: 12, value: f64::NAN }, "step time 13 is NaN seconds; give positive"),
            (
                FitError::Wild { family: Family::LogNormal, mean: 1e20 },
                "lognormal has a mean of 1e20 seconds, ten million",
            ),
            (FitError::NoSpread { median: 0.1 }, "use constant(0.1)"),
            (FitError::Negative { location: 1.0, scale: 1.0 }, "negative with a probability of 6.60e0 %"),
        ] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }

    #[test]
    fn a_gumbel_law_that_is_often_negative_is_refused_and_the_others_are_not() {
        let exponential: Vec<f64> = (0..100).map(|i| -((f64::from(i) + 0.5) / 100.0).ln()).collect();
        for family in Family::ALL {
            let fitted = fit(family, &exponential);
            match family {
                Family::Gumbel => assert!(matches!(fitted, Err(FitError::Negative { .. })), "{fitted:?}"),
                _ => assert!(fitted.is_ok(), "{fitted:?}"),
            }
        }
    }

    #[test]
    fn tiny_huge_far_apart_and_tied_times_are_fitted() {
        for unit in [1e-90, 1e-12, 1e12, 1e90] {
            let x = SPREAD.map(|t| t * unit);
            for family in Family::ALL.into_iter().filter(|family| *family != Family::Gumbel) {
                let ratio = fit(family, &x).unwrap().mean() / fit(family, &SPREAD).unwrap().mean();
                assert!((ratio / unit - 1.0).abs() < 1e-10, "{family} in units of {unit} s: {ratio}");
            }
        }
        let tied = [[1.0; 20], [2.0; 20]].concat();
        let apart: Vec<f64> = (0..40).map(|i| 10f64.powi(i - 20)).collect();
        let alike: Vec<f64> = (0..40).map(|i| 1.0 + 2e-5 * f64::from(i)).collect();
        for family in Family::ALL {
            for x in [&tied, &apart, &alike] {
                match fit(family, x) {
                    Ok(law) => assert!(log_likelihood(&law, x).unwrap().is_finite(), "{law}"),
                    Err(FitError::Wild { .. } | FitError::Refused { .. }) => assert_eq!(x, &apart),
                    Err(why) => assert_eq!(family, Family::Gumbel, "{why}"),
                }
            }
        }
    }
}
