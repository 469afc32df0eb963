//! Does the fitter find what was put in, and does p mean what it says? By the samples' own statistics.

use rand_distr::Distribution;
use rayon::prelude::*;
use sim::{Law, Purpose, RandomKey};
use statrs::distribution::{ChiSquared, ContinuousCDF};
use std::f64::consts::PI;
use straggle_validation::{Comparison, Family, FitError, compare, fit, goodness, log_likelihood};

/// The `repetition`-th sample of `n` times, s.
fn sample(law: &Law, n: usize, repetition: u64) -> Vec<f64> {
    law.sampler().sample_iter(RandomKey::new(1, repetition).at(Purpose::Compute, 0, 0)).take(n).collect()
}

fn law(text: &str) -> Law {
    text.parse().unwrap()
}

/// One law, at least, of each family; Gumbel laws are far from 0.
const LAWS: [(Family, &str); 11] = [
    (Family::Exponential, "exp(100)"),
    (Family::ShiftedExponential, "shifted-exp(0.02, 100)"),
    (Family::Gamma, "gamma(0.5, 2)"),
    (Family::Gamma, "gamma(4, 0.25)"),
    (Family::Gamma, "gamma(900, 0.00001)"),
    (Family::Weibull, "weibull(0.6, 1)"),
    (Family::Weibull, "weibull(2, 0.5)"),
    (Family::Weibull, "weibull(40, 0.01)"),
    (Family::LogNormal, "lognormal(-4, 0.5)"),
    (Family::LogNormal, "lognormal(-4, 0.01)"),
    (Family::Gumbel, "gumbel(0.5, 0.05)"),
];

/// The parameters of `fitted` less those of `truth`, in standard errors of one observation (the roots of the diagonal of
/// the inverse Fisher information). A shift has none: it approaches the truth n times, not sqrt(n) times, as fast.
fn deviations(truth: &Law, fitted: &Law) -> Vec<f64> {
    match (truth, fitted) {
        (Law::Exp { rate }, Law::Exp { rate: found }) => vec![(found - rate) / rate],
        (Law::ShiftedExp { rate, .. }, Law::ShiftedExp { rate: found, .. }) => vec![(found - rate) / rate],
        (&Law::Gamma { shape: k, scale }, Law::Gamma { shape, scale: found }) => {
            // trigamma(k) by its series, and the integral of the rest.
            let terms = 100_000;
            let end = k + f64::from(terms);
            let trigamma = (0..terms).map(|i| (k + f64::from(i)).powi(-2)).sum::<f64>() + 1.0 / end + 0.5 / (end * end);
            let determinant = k * trigamma - 1.0;
            let errors = [(k / determinant).sqrt(), scale * (trigamma / determinant).sqrt()];
            vec![(shape - k) / errors[0], (found - scale) / errors[1]]
        }
        (&Law::Weibull { shape: k, scale }, Law::Weibull { shape, scale: found }) => {
            vec![(shape - k) / (k * scale_error()), (found - scale) / (scale / k * location_error())]
        }
        (Law::LogNormal { mu, sigma }, Law::LogNormal { mu: found, sigma: spread }) => {
            vec![(found - mu) / sigma, (spread - sigma) / (sigma * 0.5f64.sqrt())]
        }
        (&Law::Gumbel { location, scale }, Law::Gumbel { location: found, scale: spread }) => {
            vec![(found - location) / (scale * location_error()), (spread - scale) / (scale * scale_error())]
        }
        (truth, fitted) => panic!("{fitted} is not of the family of {truth}"),
    }
}

/// Of an extreme-value law of scale 1: sqrt(6)/pi.
fn scale_error() -> f64 {
    6f64.sqrt() / PI
}

/// Of an extreme-value law of scale 1: sqrt(1 + 6 (1 - gamma)^2/pi^2).
fn location_error() -> f64 {
    let euler_gamma = 0.577_215_664_901_532_9;
    (1.0 + (scale_error() * (1.0 - euler_gamma)).powi(2)).sqrt()
}

#[test]
fn the_fitter_recovers_the_parameters_of_every_law_as_closely_as_is_possible() {
    let (n, repetitions) = (5000, 60);
    for (family, text) in LAWS {
        let truth = law(text);
        let runs = 0..repetitions;
        let fitted: Vec<Law> = runs.into_par_iter().map(|i| fit(family, &sample(&truth, n, i)).unwrap()).collect();
        let z: Vec<Vec<f64>> =
            fitted.iter().map(|law| deviations(&truth, law).iter().map(|z| z * (n as f64).sqrt()).collect()).collect();
        for parameter in 0..z[0].len() {
            let z: Vec<f64> = z.iter().map(|z| z[parameter]).collect();
            assert!(z.iter().all(|z| z.abs() < 4.5), "{truth}, parameter {parameter}: {z:?}");
            // No wider than the bound of Cramer and Rao, and no narrower: false alarms once in 10^5.
            let squares: f64 = z.iter().map(|z| z * z).sum();
            let chance = ChiSquared::new(repetitions as f64).unwrap();
            let [low, high] = [5e-6, 1.0 - 5e-6].map(|u| chance.inverse_cdf(u));
            assert!(low < squares && squares < high, "{truth}, parameter {parameter}: {squares} of {repetitions}");
        }
    }
}

#[test]
fn a_fitted_shift_is_too_late_by_an_exponential_time() {
    let truth = law("shifted-exp(0.02, 100)");
    let (n, repetitions) = (1000, 200);
    let excess = (0..repetitions).map(|i| match fit(Family::ShiftedExponential, &sample(&truth, n, i)) {
        // n rate (smallest - shift) is exponential of rate 1, twice that is chi-square of 2 degrees.
        Ok(Law::ShiftedExp { shift, .. }) => 2.0 * n as f64 * 100.0 * (shift - 0.02),
        other => panic!("{other:?}"),
    });
    let excess: Vec<f64> = excess.collect();
    assert!(excess.iter().all(|z| *z > 0.0));
    let chance = ChiSquared::new(2.0 * repetitions as f64).unwrap().cdf(excess.iter().sum());
    assert!((5e-6..1.0 - 5e-6).contains(&chance), "{chance}");
}

#[test]
fn the_truth_is_never_more_likely_than_the_fit() {
    for (family, text) in LAWS {
        let truth = law(text);
        for repetition in 0..100 {
            let x = sample(&truth, 50, repetition);
            let fitted = fit(family, &x).unwrap();
            let [best, of_truth] = [&fitted, &truth].map(|law| log_likelihood(law, &x).unwrap());
            assert!(best >= of_truth, "{fitted}: {best}, {truth}: {of_truth}");
        }
    }
}

#[test]
fn p_is_uniform_where_the_family_is_right() {
    // With 99 repetitions p is one of 0.01, 0.02, ... 1, ten of which fall in each of ten bins. A chi-square of 9 degrees
    // exceeds the limit once in 10^4.
    let limit = ChiSquared::new(9.0).unwrap().inverse_cdf(1.0 - 1e-4);
    let runs = 200;
    for (family, text) in LAWS {
        let truth = law(text);
        let bins: Vec<usize> = (0..runs)
            .into_par_iter()
            .map(|i| {
                let goodness = goodness(family, &sample(&truth, 100, 1000 + i), 99, i).unwrap();
                ((goodness.p * 100.0).round() as usize - 1) / 10
            })
            .collect();
        let counts: Vec<f64> = (0..10).map(|bin| bins.iter().filter(|b| **b == bin).count() as f64).collect();
        let expected = runs as f64 / 10.0;
        let statistic: f64 = counts.iter().map(|count| (count - expected).powi(2) / expected).sum();
        assert!(statistic < limit, "{truth}: {statistic}, {counts:?}");
    }
}

#[test]
fn p_is_as_small_as_can_be_where_the_family_is_wrong() {
    for (family, text) in [
        (Family::Exponential, "gamma(4, 0.25)"),
        (Family::Exponential, "shifted-exp(0.02, 100)"),
        (Family::ShiftedExponential, "gamma(4, 0.25)"),
        (Family::Gamma, "lognormal(-4, 1)"),
        (Family::Weibull, "lognormal(-4, 0.5)"),
        (Family::LogNormal, "exp(2)"),
        (Family::Gumbel, "weibull(10, 1)"),
        (Family::Gamma, "hyper-exp(0.9, 20, 0.5)"),
    ] {
        let goodness = goodness(family, &sample(&law(text), 1000, 0), 199, 0).unwrap();
        assert_eq!(goodness.p, 1.0 / 200.0, "{text} taken for {goodness:?}");
    }
}

#[test]
fn the_true_family_wins_the_comparison() {
    for (family, text) in
        LAWS.into_iter().filter(|(_, text)| !["gamma(900, 0.00001)", "lognormal(-4, 0.01)"].contains(text))
    {
        let comparison = compare(&sample(&law(text), 2000, 7), 0).unwrap();
        assert_eq!(comparison.fitted.len() + comparison.refused.len(), Family::ALL.len());
        assert!(comparison.fitted.is_sorted_by(|a, b| a.aic <= b.aic));
        let of_truth = comparison.fitted.iter().find(|goodness| goodness.family == family).unwrap();
        // Exponential laws are gamma and Weibull laws too, which may be 2 better by chance; 12 once in 10^4 or so.
        assert!(of_truth.aic < comparison.fitted[0].aic + 12.0, "{text}: {comparison:?}");
        assert!(of_truth.p > 1e-2, "{text}: {of_truth:?}");
        for maximum in of_truth.maxima {
            assert!(maximum.error().abs() < 0.15, "{text}: {maximum:?}");
        }
    }
}

#[test]
fn families_that_cannot_be_fitted_do_not_hold_up_the_others() {
    let comparison = compare(&sample(&law("exp(2)"), 200, 0), 0).unwrap();
    assert!(matches!(comparison.refused[..], [(Family::Gumbel, FitError::Negative { .. })]), "{comparison:?}");
    assert_eq!(comparison.fitted.len(), 5);
    assert_eq!(compare(&[1.0, 2.0], 0), Err(FitError::TooFew { given: 2 }));
}

#[test]
fn the_unit_of_time_changes_no_verdict() {
    for text in ["gamma(4, 0.25)", "gumbel(0.5, 0.05)", "lognormal(-4, 0.5)", "weibull(0.6, 1)"] {
        let seconds = sample(&law(text), 300, 3);
        let milliseconds: Vec<f64> = seconds.iter().map(|t| 1000.0 * t).collect();
        let [plain, scaled] = [&seconds, &milliseconds].map(|x| compare(x, 5).unwrap());
        assert_eq!(plain.fitted.len(), scaled.fitted.len());
        for (a, b) in plain.fitted.iter().zip(&scaled.fitted) {
            assert_eq!((a.family, a.p), (b.family, b.p));
            let close = |x: f64, y: f64| assert!((x - y).abs() < 1e-9 * x.abs().max(1.0), "{x} against {y}: {a:?}");
            close(1000.0 * a.law.mean(), b.law.mean());
            close(a.ks, b.ks);
            close(1000.0 * a.gap_at_max.seconds, b.gap_at_max.seconds);
            close(a.anderson_darling, b.anderson_darling);
            // Each density is a thousandth of what it was.
            close(a.aic + 2.0 * 300.0 * 1000f64.ln(), b.aic);
            for (m, n) in a.maxima.iter().zip(&b.maxima) {
                close(m.error(), n.error());
            }
        }
    }
}

#[test]
fn neither_threads_nor_the_order_of_observations_change_a_bit() {
    let mut seconds = sample(&law("lognormal(-4, 0.5)"), 500, 0);
    let on = |threads: usize, seconds: &[f64]| -> Comparison {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| compare(seconds, 9).unwrap())
    };
    let alone = on(1, &seconds);
    seconds.reverse();
    assert_eq!(alone, on(3, &seconds));
    assert_ne!(alone, compare(&seconds, 10).unwrap());
}
