//! How likely are the measured times under a law, and under which law of a family are they most likely?

use crate::Law;
use crate::predict::fit::Family;
use statrs::function::gamma::ln_gamma;
use std::f64::consts::PI;

/// The most likely law, whether the simulator takes it or not. `x` is in ascending order and not all the same.
pub(crate) fn most_likely(family: Family, x: &[f64]) -> Law {
    let each = || x.iter().copied();
    match family {
        Family::Exponential => Law::Exp { rate: 1.0 / mean(each()) },
        Family::ShiftedExponential => {
            let shift = x[0];
            Law::ShiftedExp { shift, rate: 1.0 / mean(each().map(|t| t - shift)) }
        }
        Family::Gamma => {
            let centre = mean(each());
            let shape = gamma_shape(-mean(each().map(|t| (t / centre).ln())));
            Law::Gamma { shape, scale: centre / shape }
        }
        Family::Weibull => {
            let (location, scale) = smallest_extreme(&each().map(f64::ln).collect::<Vec<_>>());
            Law::Weibull { shape: 1.0 / scale, scale: location.exp() }
        }
        Family::LogNormal => {
            let logs: Vec<f64> = each().map(f64::ln).collect();
            let mu = mean(logs.iter().copied());
            Law::LogNormal { mu, sigma: mean(logs.iter().map(|y| (y - mu) * (y - mu))).sqrt() }
        }
        Family::Gumbel => {
            let (location, scale) = smallest_extreme(&each().map(|t| -t).collect::<Vec<_>>());
            Law::Gumbel { location: -location, scale }
        }
    }
}

pub(crate) fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
}

/// The shape k of a gamma law for which ln k - digamma(k) = `s`, the logarithm of the mean less the mean logarithm.
fn gamma_shape(s: f64) -> f64 {
    // Within 1.5 % of the solution: T. P. Minka, Estimating a Gamma distribution, 2002.
    let start = (3.0 - s + ((s - 3.0) * (s - 3.0) + 24.0 * s).sqrt()) / (12.0 * s);
    root(start, |k| {
        let (value, slope) = log_minus_digamma(k);
        (s - value, -slope)
    })
}

/// ln k - digamma(k) and its derivative, without the cancellation for great k: up to 10 by the recurrence
/// digamma(k) = digamma(k + 1) - 1/k, from there by the asymptotic series (DLMF 5.5.2, 5.11.2, 5.15.8).
fn log_minus_digamma(k: f64) -> (f64, f64) {
    let (mut z, mut sum, mut squares) = (k, 0.0, 0.0);
    while z < 10.0 {
        sum += 1.0 / z;
        squares += 1.0 / (z * z);
        z += 1.0;
    }
    let r = 1.0 / (z * z);
    let digamma = r * (1.0 / 12.0 - r * (1.0 / 120.0 - r * (1.0 / 252.0 - r * (1.0 / 240.0 - r / 132.0))));
    let trigamma = r / z * (1.0 / 6.0 - r * (1.0 / 30.0 - r * (1.0 / 42.0 - r * (1.0 / 30.0 - r * 5.0 / 66.0))));
    (sum + (k / z).ln() + 0.5 / z + digamma, 1.0 / k - 1.0 / z - squares - 0.5 * r - trigamma)
}

/// Location a and scale b of the extreme-value law of smallest values, survival e^(-e^((y - a)/b)): b solves
/// b = (sum of y e^(y/b))/(sum of e^(y/b)) - mean(y), and then a = b ln(mean(e^(y/b))).
fn smallest_extreme(y: &[f64]) -> (f64, f64) {
    // Counted from the greatest, the exponentials are at most 1.
    let top = y.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let y: Vec<f64> = y.iter().map(|y| y - top).collect();
    let centre = mean(y.iter().copied());
    let sd = mean(y.iter().map(|y| (y - centre) * (y - centre))).sqrt();
    let sums = |b: f64| {
        y.iter().fold((0.0, 0.0, 0.0), |(w, wy, wyy), y| {
            let weight = (y / b).exp();
            (w + weight, wy + weight * y, wyy + weight * y * y)
        })
    };
    // The standard deviation is pi/sqrt(6) of the scale.
    let b = root(sd * 6f64.sqrt() / PI, |b| {
        let (w, wy, wyy) = sums(b);
        let weighted = wy / w;
        (b - weighted + centre, 1.0 + (wyy / w - weighted * weighted) / (b * b))
    });
    (top + b * (sums(b).0 / y.len() as f64).ln(), b)
}

/// Where an increasing function of positive numbers is 0, given its value and slope: Newton's method, and halving or
/// doubling where that leaves the interval in which the root must lie.
fn root(start: f64, f: impl Fn(f64) -> (f64, f64)) -> f64 {
    let (mut low, mut high, mut x) = (0.0, f64::INFINITY, start);
    for _ in 0..100 {
        let (value, slope) = f(x);
        if value > 0.0 {
            high = x
        } else {
            low = x
        }
        let newton = x - value / slope;
        let next = match newton >= low && newton <= high {
            true => newton,
            false if high.is_finite() => low + (high - low) / 2.0,
            false => 2.0 * low,
        };
        if (next - x).abs() <= 1e-13 * x {
            return next;
        }
        x = next;
    }
    x
}

/// Logarithm of the density at `t` seconds, per second; minus infinity where the law has none. `None` for laws of other
/// families than [`Family`] knows.
///
/// ```
/// let law = "weibull(1, 0.5)".parse().unwrap(); // is exp(2)
/// assert_eq!(straggle_sim::predict::likelihood::ln_density(&law, 1.0), Some(2f64.ln() - 2.0));
/// ```
pub fn ln_density(law: &Law, t: f64) -> Option<f64> {
    let within = |least: f64, value: f64| if t >= least { value } else { f64::NEG_INFINITY };
    // Nothing is certain of 0 itself, where a gamma or Weibull density may be infinite.
    let after_zero = |value: f64| if t > 0.0 { value } else { f64::NEG_INFINITY };
    match *law {
        Law::Exp { rate } => Some(within(0.0, rate.ln() - rate * t)),
        Law::ShiftedExp { shift, rate } => Some(within(shift, rate.ln() - rate * (t - shift))),
        Law::Gamma { shape, scale } => {
            let x = t / scale;
            Some(after_zero((shape - 1.0) * x.ln() - x - ln_gamma(shape) - scale.ln()))
        }
        Law::Weibull { shape, scale } => {
            let x = t / scale;
            Some(after_zero((shape / scale).ln() + (shape - 1.0) * x.ln() - x.powf(shape)))
        }
        Law::LogNormal { mu, sigma } => {
            let z = (t.ln() - mu) / sigma;
            Some(after_zero(-z * z / 2.0 - t.ln() - sigma.ln() - (2.0 * PI).ln() / 2.0))
        }
        Law::Gumbel { location, scale } => {
            let z = (t - location) / scale;
            Some(within(0.0, -z - (-z).exp() - scale.ln()))
        }
        Law::Normal { mean, cv } => {
            let z = (t / mean - 1.0) / cv;
            let kept = statrs::function::erf::erfc(-1.0 / cv / std::f64::consts::SQRT_2) / 2.0;
            Some(within(0.0, -z * z / 2.0 - (mean * cv).ln() - (2.0 * PI).ln() / 2.0 - kept.ln()))
        }
        Law::Constant { .. }
        | Law::Uniform { .. }
        | Law::Pareto { .. }
        | Law::HyperExp { .. }
        | Law::Markov(_)
        | Law::Trace(_) => None,
    }
}

/// Logarithm of the likelihood of independent observations, seconds: the sum of [`ln_density`] over them.
pub fn log_likelihood(law: &Law, seconds: &[f64]) -> Option<f64> {
    seconds.iter().map(|&t| ln_density(law, t)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::quadrature::integral;
    use statrs::function::gamma::digamma;

    #[test]
    fn the_digamma_of_the_fitter_is_the_usual_one() {
        for k in [1e-3, 0.1, 0.5, 1.0, 3.7, 9.99, 10.0, 50.0, 1e4] {
            let (value, slope) = log_minus_digamma(k);
            let usual: f64 = k.ln() - digamma(k);
            assert!((value - usual).abs() < 1e-10 * usual.max(1e-2), "{k}: {value} against {usual}");
            let h = 1e-4 * k;
            let difference = (log_minus_digamma(k + h).0 - log_minus_digamma(k - h).0) / (2.0 * h);
            assert!((slope / difference - 1.0).abs() < 1e-6, "{k}: {slope} against {difference}");
        }
    }

    #[test]
    fn shapes_of_gamma_laws_are_found_over_twenty_orders_of_magnitude() {
        for k in [1e-8, 1e-3, 0.5, 1.0, 2.0, 1e3, 1e8, 1e12] {
            let found = gamma_shape(log_minus_digamma(k).0);
            assert!((found / k - 1.0).abs() < 1e-10, "{found} for {k}");
        }
    }

    #[test]
    fn densities_integrate_to_the_distribution_function() {
        for text in ["exp(2)", "shifted-exp(0.1, 2)", "gamma(4, 0.25)", "gamma(1.5, 1)", "weibull(2, 0.5)"]
            .into_iter()
            .chain(["lognormal(-1, 0.5)", "gumbel(0.5, 0.1)", "gamma(400, 0.01)"])
        {
            let law: Law = text.parse().unwrap();
            let density = |t: f64| ln_density(&law, t).unwrap().exp();
            for (u, v) in [(0.01, 0.5), (0.5, 0.9), (0.9, 0.999)] {
                let found = integral(&density, law.quantile(u), law.quantile(v), 1e-12);
                assert!((found - (v - u)).abs() < 1e-9, "{law} from {u} to {v}: {found}");
            }
        }
        for text in ["exp(2)", "gamma(4, 0.25)", "weibull(2, 0.5)", "lognormal(-1, 0.5)", "gumbel(0.5, 0.1)"] {
            assert_eq!(ln_density(&text.parse().unwrap(), -1.0), Some(f64::NEG_INFINITY), "{text}");
        }
        assert_eq!(ln_density(&"shifted-exp(0.1, 2)".parse().unwrap(), 0.09), Some(f64::NEG_INFINITY));
        for text in ["constant(1)", "uniform(1, 2)", "pareto(1, 2)", "hyper-exp(0.9, 2, 0.2)"] {
            assert_eq!(ln_density(&text.parse().unwrap(), 1.5), None, "{text}");
        }
    }

    const SPREAD: [f64; 12] = [0.3, 0.5, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.3, 1.6, 2.0, 3.1];

    #[test]
    fn no_neighbour_of_the_fit_is_more_likely() {
        let tied = [[1.0; 20], [1.2; 20]].concat();
        for x in [&SPREAD[..], &tied] {
            for family in Family::ALL {
                // Whether the simulator takes it does not matter here.
                let law = most_likely(family, x);
                let best = log_likelihood(&law, x).unwrap();
                for factor in [0.9, 0.999, 1.001, 1.1] {
                    for neighbour in neighbours(&law, factor) {
                        let likelihood = log_likelihood(&neighbour, x).unwrap();
                        assert!(likelihood < best, "{neighbour}: {likelihood} against {best} of {law}");
                    }
                }
            }
        }
    }

    /// The law with one and with the other parameter multiplied by `factor`.
    fn neighbours(law: &Law, factor: f64) -> Vec<Law> {
        match *law {
            Law::Exp { rate } => vec![Law::Exp { rate: rate * factor }],
            Law::ShiftedExp { shift, rate } => {
                vec![Law::ShiftedExp { shift: shift * factor, rate }, Law::ShiftedExp { shift, rate: rate * factor }]
            }
            Law::Gamma { shape, scale } => {
                vec![Law::Gamma { shape: shape * factor, scale }, Law::Gamma { shape, scale: scale * factor }]
            }
            Law::Weibull { shape, scale } => {
                vec![Law::Weibull { shape: shape * factor, scale }, Law::Weibull { shape, scale: scale * factor }]
            }
            Law::LogNormal { mu, sigma } => {
                vec![Law::LogNormal { mu: mu + factor.ln(), sigma }, Law::LogNormal { mu, sigma: sigma * factor }]
            }
            Law::Gumbel { location, scale } => {
                vec![
                    Law::Gumbel { location: location * factor, scale },
                    Law::Gumbel { location, scale: scale * factor },
                ]
            }
            ref other => unreachable!("{other} is of no family"),
        }
    }
}
