//! How far are the measured times from the law that fits them best, and how much of that is chance?
//!
//! A Kolmogorov-Smirnov table hardly ever rejects a law that was fitted to the same data (H. W. Lilliefors, J. Am. Stat.
//! Assoc. 62 (1967) 399). So p comes from data made by the fitted law, to which the family is fitted again: the parametric
//! bootstrap (W. Stute, W. González Manteiga, M. Presedo Quindimil, Metrika 40 (1993) 243).
//!
//! # What this leaves out
//!
//! p supposes independent observations. TaskRecord times of a machine whose speed drifts are not, and then p is too small; it is
//! small, too, when a coarse clock ties many of them, and with enough observations always. The effect sizes, [`Gap`] and
//! [`Maximum`], say whether it matters.

use crate::parallel::*;
use crate::predict::fit::{Family, FitError, fit_sorted, sorted};
use crate::predict::likelihood::{log_likelihood, most_likely};
use rand_distr::Distribution;

use crate::random::key::Stream;
use crate::{ClusterSpec, Law, Policy, Purpose, RandomKey, theory};
use std::collections::VecDeque;

/// Repetitions of the bootstrap: p is a multiple of 1/200.
pub const REPETITIONS: u32 = 199;

/// Numbers of workers of whom the slowest is predicted.
pub const WORKERS: [u32; 4] = [2, 4, 8, 20];

/// How well the best law of a family describes the observations.
#[derive(Clone, Debug, PartialEq)]
pub struct Goodness {
    /// The family.
    pub family: Family,
    /// Its most likely law.
    pub law: Law,
    /// Logarithm of the likelihood of the observations, in seconds.
    pub log_likelihood: f64,
    /// Akaike's criterion, 2 * parameters - 2 * log likelihood: less is better, and 10 less is much better.
    ///
    /// The shift of `shifted-exp` gains twice as much by chance as the criterion allows for.
    pub aic: f64,
    /// Kolmogorov-Smirnov distance: the largest gap between the distribution functions, 0 to 1.
    pub ks: f64,
    /// Where that gap is.
    pub gap_at_max: Gap,
    /// The Anderson-Darling statistic A^2, which weighs the tails.
    pub anderson_darling: f64,
    /// Probability of a distance of at least `ks` if the law were true, by parametric bootstrap.
    pub p: f64,
    /// The mean of the slowest of m workers, for each m of [`WORKERS`].
    pub maxima: [Maximum; WORKERS.len()],
}

impl Goodness {
    /// Mean time of the slowest of so many workers, s, if their steps are independent and have this law.
    pub fn slowest(&self, workers: u32) -> f64 {
        mean_of_longest(&self.law, workers)
    }
}

/// Two distribution functions at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gap {
    /// The time, s.
    pub seconds: f64,
    /// Share of the observations that are shorter (if the law exceeds it) or not longer (if the law falls short of it).
    pub measured: f64,
    /// The law's probability of a time that is not longer.
    pub fitted: f64,
}

impl Gap {
    /// How much the law exceeds the observations; negative where it falls short.
    pub fn excess(self) -> f64 {
        self.fitted - self.measured
    }
}

/// Mean of the longest of some independent step times: the mean time per update of `sync`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Maximum {
    /// How many.
    pub workers: u32,
    /// By the fitted law, s.
    pub predicted: f64,
    /// By observations drawn with replacement, s.
    pub measured: f64,
}

impl Maximum {
    /// The prediction's relative error.
    pub fn error(self) -> f64 {
        self.predicted / self.measured - 1.0
    }
}

/// All families beside each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Those that could be fitted, the least Akaike criterion first.
    pub fitted: Vec<Goodness>,
    /// Those that could not, and why.
    pub refused: Vec<(Family, FitError)>,
}

/// Fits every family to the observed `seconds`, with [`REPETITIONS`] of the bootstrap.
///
/// # Errors
/// [`FitError`] if the observations fit no family: too few, too much alike, not all of them times.
pub fn compare(seconds: &[f64], seed: u64) -> Result<Comparison, FitError> {
    let x = sorted(seconds)?;
    let mut comparison = Comparison { fitted: Vec::new(), refused: Vec::new() };
    for family in Family::ALL {
        match goodness_sorted(family, &x, REPETITIONS, seed) {
            Ok(goodness) => comparison.fitted.push(goodness),
            Err(why) => comparison.refused.push((family, why)),
        }
    }
    comparison.fitted.sort_by(|a, b| a.aic.total_cmp(&b.aic));
    Ok(comparison)
}

/// Fits one family to the observed `seconds` and says how well it does.
///
/// p = (1 + number of repetitions whose distance is at least the observed one)/(1 + `repetitions`). It depends on the
/// seed, the family and the observations, but neither on their order nor on the number of threads. The distance's law
/// does not depend on the parameters, so that p is exact, for all families but `gamma`, where it depends on the shape.
///
/// # Errors
/// As [`crate::predict::fit`](mod@crate::predict::fit).
pub fn goodness(family: Family, seconds: &[f64], repetitions: u32, seed: u64) -> Result<Goodness, FitError> {
    goodness_sorted(family, &sorted(seconds)?, repetitions, seed)
}

fn goodness_sorted(family: Family, x: &[f64], repetitions: u32, seed: u64) -> Result<Goodness, FitError> {
    let law = fit_sorted(family, x)?;
    let gap_at_max = largest_gap(&law, x);
    let ks = gap_at_max.excess().abs();
    let log_likelihood = log_likelihood(&law, x).expect("laws of every family have densities");
    Ok(Goodness {
        family,
        log_likelihood,
        aic: 2.0 * f64::from(family.parameters()) - 2.0 * log_likelihood,
        ks,
        gap_at_max,
        anderson_darling: anderson_darling(&law, x),
        p: bootstrap(family, &law, x.len(), ks, repetitions, seed),
        maxima: maxima(&law, x),
        law,
    })
}

/// Where the distribution functions of `law` and of the ascending `x` differ most.
///
/// Both increase, so between two observations the gap is bounded by what it is there; only pieces that may hold a larger
/// one than is known are halved. Of 2000 observations, fewer than 200 are usually looked at.
fn largest_gap(law: &Law, x: &[f64]) -> Gap {
    let n = x.len() as f64;
    let share = |count: usize| count as f64 / n;
    let mut largest = Gap { seconds: x[0], measured: 0.0, fitted: 0.0 };
    let mut look = |i: usize| {
        let fitted = law.cdf(x[i]);
        for measured in [share(i), share(i + 1)] {
            let gap = Gap { seconds: x[i], measured, fitted };
            if gap.excess().abs() > largest.excess().abs() {
                largest = gap;
            }
        }
        (fitted, largest.excess().abs())
    };
    let (first, last) = (look(0).0, look(x.len() - 1));
    let (mut known, mut pieces) = (last.1, VecDeque::from([(0, first, x.len() - 1, last.0)]));
    while let Some((low, at_low, high, at_high)) = pieces.pop_front() {
        let bound = (at_high - share(low + 1)).max(share(high) - at_low);
        if high - low < 2 || bound <= known {
            continue;
        }
        let middle = low.midpoint(high);
        let (at_middle, largest) = look(middle);
        known = largest;
        pieces.push_back((low, at_low, middle, at_middle));
        pieces.push_back((middle, at_middle, high, at_high));
    }
    largest
}

/// A^2 = -n - 1/n * sum over i = 1..n of (2 i - 1) (ln F(x_i) + ln(1 - F(x_(n+1-i)))), x in ascending order: T. W. Anderson
/// and D. A. Darling, J. Am. Stat. Assoc. 49 (1954) 765. statrs' own loses the upper tail to 1 - F.
fn anderson_darling(law: &Law, x: &[f64]) -> f64 {
    // A fitted shift is an observation, of which the law says F = 0; given it, the others are as good as a sample.
    let least = law.minimum();
    let x = &x[x.partition_point(|&t| t <= least)..];
    let n = x.len() as f64;
    // A probability too small for a number counts as the smallest number, so that the statistic is one.
    let ln = |probability: f64| probability.max(f64::MIN_POSITIVE).ln();
    let pairs = x.iter().zip(x.iter().rev()).enumerate();
    let sum: f64 = pairs.map(|(i, (&t, &u))| (2 * i + 1) as f64 * (ln(law.cdf(t)) + ln(law.survival(u)))).sum();
    -n - sum / n
}

/// p of the distance `ks` of `n` observations from `law`, the most likely one of `family`.
fn bootstrap(family: Family, law: &Law, n: usize, ks: f64, repetitions: u32, seed: u64) -> f64 {
    let sampler = law.sampler();
    // A law of great variation may draw a time that is 0 as a number.
    let least = law.mean() * 1e-200;
    let as_far = |repetition: u32| {
        let mut key = key(seed, family, repetition);
        let mut x: Vec<f64> = (0..n).map(|_| sampler.sample(&mut key).max(least)).collect();
        x.sort_unstable_by(f64::total_cmp);
        largest_gap(&most_likely(family, &x), &x).excess().abs() >= ks
    };
    let far = (0..repetitions).into_par_iter().filter(|&repetition| as_far(repetition)).count();
    (1 + far) as f64 / (1.0 + f64::from(repetitions))
}

/// The generator of one repetition: the address of a worker that no run has.
fn key(seed: u64, family: Family, repetition: u32) -> Stream {
    RandomKey::new(seed, u64::from(repetition)).at(Purpose::Compute, u32::MAX - family as u32, 0)
}

fn maxima(law: &Law, x: &[f64]) -> [Maximum; WORKERS.len()] {
    WORKERS.map(|workers| Maximum {
        workers,
        predicted: mean_of_longest(law, workers),
        measured: mean_of_longest_drawn(x, workers),
    })
}

/// Mean of the longest of `m` times, by the simulator's own theory of `sync`.
fn mean_of_longest(law: &Law, m: u32) -> f64 {
    let rule = Policy::SYNC.rule(m).expect("m is not 0");
    theory::time_per_update(rule, &ClusterSpec::new(law.clone())).map_or(f64::NAN, |theory| theory.seconds)
}

/// Mean of the longest of `m` times drawn from the ascending `x` with replacement: it is one of the i smallest with
/// probability (i/n)^m.
fn mean_of_longest_drawn(x: &[f64], m: u32) -> f64 {
    let among = |count: usize| (count as f64 / x.len() as f64).powi(m as i32);
    x.iter().enumerate().map(|(i, t)| t * (among(i + 1) - among(i))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TraceSource;
    use statrs::distribution::{ContinuousCDF, Exp, Gamma};
    use statrs::stats_tests::anderson_darling::anderson_darling as anderson_darling_of_statrs;

    fn sample(law: &Law, n: usize, seed: u64) -> Vec<f64> {
        let mut x: Vec<f64> = law.sampler().sample_iter(key(seed, Family::Gamma, 0)).take(n).collect();
        x.sort_unstable_by(f64::total_cmp);
        x
    }

    #[test]
    fn the_largest_gap_is_the_one_found_by_looking_everywhere() {
        for (seed, n) in (0..60).zip([2, 3, 10, 101, 1000].into_iter().cycle()) {
            for law in Law::examples() {
                let mut x = sample(&"lognormal(-1, 0.7)".parse().unwrap(), n, seed);
                if seed % 3 == 0 {
                    // A coarse clock ties many.
                    x.iter_mut().for_each(|t| *t = (*t * 20.0).ceil() / 20.0);
                }
                let gaps =
                    x.iter().enumerate().flat_map(|(i, t)| [i, i + 1].map(|k| law.cdf(*t) - k as f64 / n as f64));
                let everywhere = gaps.fold(0.0, |most: f64, gap| most.max(gap.abs()));
                let gap = largest_gap(&law, &x);
                assert_eq!(gap.excess().abs(), everywhere, "{law} and {n} observations");
                assert_eq!(gap.fitted, law.cdf(gap.seconds));
                let [shorter, not_longer] =
                    [x.partition_point(|t| *t < gap.seconds), x.partition_point(|t| *t <= gap.seconds)];
                let of_ties = if gap.excess() > 0.0 { shorter } else { not_longer };
                assert_eq!(gap.measured, of_ties as f64 / n as f64, "{law}: {gap:?}");
            }
        }
    }

    #[test]
    fn a_gap_worked_out_by_hand() {
        // F = t at 0.1, 0.2, 0.9: the law lags behind most at 0.2, where two of three have happened.
        let uniform = "uniform(0, 1)".parse().unwrap();
        let gap = largest_gap(&uniform, &[0.1, 0.2, 0.9]);
        assert_eq!(gap, Gap { seconds: 0.2, measured: 2.0 / 3.0, fitted: uniform.cdf(0.2) });
        assert!((gap.excess() + 2.0 / 3.0 - 0.2).abs() < 1e-15);
    }

    #[test]
    fn the_anderson_darling_statistic_is_that_of_statrs_where_that_one_is_accurate() {
        let agree = |law: &str, of_statrs: &dyn Fn(&[f64]) -> f64| {
            let law: Law = law.parse().unwrap();
            let x = sample(&law, 200, 1);
            let (ours, theirs) = (anderson_darling(&law, &x), of_statrs(&x));
            assert!((ours - theirs).abs() < 1e-6, "{law}: {ours} against {theirs}");
        };
        fn statistic<T: ContinuousCDF<f64, f64>>(x: &[f64], law: T) -> f64 {
            anderson_darling_of_statrs(x, &law).unwrap().0
        }
        agree("exp(2)", &|x| statistic(x, Exp::new(2.0).unwrap()));
        agree("gamma(4, 0.25)", &|x| statistic(x, Gamma::new(4.0, 4.0).unwrap()));
        // Far beyond what 1 - F can tell from 0, and with an observation that is the shift itself.
        assert!(anderson_darling(&"exp(1)".parse().unwrap(), &[0.5, 1.0, 100.0, 2000.0]).is_finite());
        let [shifted, plain] = ["shifted-exp(1, 1)", "exp(1)"].map(|law| law.parse().unwrap());
        let [x, y] = [&[1.0, 1.0, 1.5, 2.0, 4.0][..], &[0.5, 1.0, 3.0]];
        assert!((anderson_darling(&shifted, x) - anderson_darling(&plain, y)).abs() < 1e-12);
    }

    #[test]
    fn the_slowest_worker_takes_what_the_theory_of_sync_says() {
        let x = sample(&"gamma(4, 0.25)".parse().unwrap(), 500, 0);
        let observations = TraceSource::file("observations");
        let trace = Law::trace(observations, x.clone()).unwrap();
        for text in [
            "exp(2)",
            "shifted-exp(0.1, 2)",
            "gamma(0.3, 1)",
            "weibull(2, 0.5)",
            "lognormal(-1, 2)",
            "gumbel(0.5, 0.1)",
        ] {
            let law: Law = text.parse().unwrap();
            for maximum in maxima(&law, &x) {
                let rule = Policy::SYNC.rule(maximum.workers).unwrap();
                for (ours, law) in [(maximum.predicted, &law), (maximum.measured, &trace)] {
                    let theory = theory::time_per_update(rule, &ClusterSpec::new(law.clone())).unwrap().seconds;
                    assert!((ours / theory - 1.0).abs() < 1e-9, "{law}: {ours} against {theory}");
                }
            }
        }
        let [two, ..] = maxima(&"exp(2)".parse().unwrap(), &[1.0, 1.0, 1.0, 3.0]);
        assert!((two.predicted - 0.75).abs() < 1e-12); // 1/4 for the first, 1/2 more for the other
        assert_eq!(two.measured, 1.875); // 1 with probability 9/16, else 3
        assert!((two.error() + 0.6).abs() < 1e-12);
    }

    #[test]
    fn the_slowest_of_workers_who_hardly_differ_is_not_overlooked() {
        for scale in [1e-2, 1e-4, 1e-6] {
            // The maximum of m Gumbel times is one ln(m) scales later.
            let law = Law::Gumbel { location: 1.0, scale };
            for m in WORKERS {
                let later = (mean_of_longest(&law, m) - law.mean()) / scale;
                assert!((later / f64::from(m).ln() - 1.0).abs() < 1e-6, "{m} workers, scale {scale}: {later}");
            }
        }
    }

    #[test]
    fn laws_of_great_variation_have_a_p_or_are_refused() {
        for step in [0.1, 0.3, 1.0, 2.0, 4.0] {
            let apart: Vec<f64> = (-20..20).map(|i| 10f64.powf(step * f64::from(i))).collect();
            for family in Family::ALL {
                match goodness(family, &apart, 19, 1) {
                    Ok(goodness) => assert!((0.05..=1.0).contains(&goodness.p), "{goodness:?}"),
                    Err(why) => assert!(family == Family::Gumbel || step >= 0.3, "{step}: {why}"),
                }
            }
        }
    }
}
