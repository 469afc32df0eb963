//! How long does a step take? Laws of positive random times: drawn, integrated, typed and printed.
//!
//! A [`Law`] knows its mean, variance, distribution function and quantiles; its [`Sampler`] draws from it. Laws print in
//! the form in which they are typed. All times are seconds.

mod aging;
mod change;
mod draw;
mod error;
mod gamma;
mod markov;
mod residual;
mod text;

pub use aging::Aging;
pub use draw::Sampler;
pub use error::LawError;
pub use markov::Phases;
pub use text::{LawText, TraceSource};

use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::{erf::erfc, gamma::gamma as euler_gamma};
use std::sync::Arc;

/// A law of positive random times, in seconds, with a finite mean.
///
/// [`Law::with`] and reading from text make sure that the parameters are in range.
///
/// ```
/// use straggle_sim::Law;
/// let law: Law = "shifted-exp(shift = 1, rate = 2)".parse().unwrap();
/// assert_eq!(law.to_string(), "shifted-exp(1, 2)");
/// assert_eq!(law.mean(), 1.5); // 1 + 1/2
/// assert_eq!(law.variance(), 0.25); // 1/2^2
/// assert_eq!(law.survival(1.0), 1.0); // nothing is faster than the shift
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Law {
    /// Density rate * e^(-rate t): the memoryless law.
    Exp {
        /// 1 / mean, per second.
        rate: f64,
    },
    /// A constant and an exponential part.
    ShiftedExp {
        /// The constant part, s.
        shift: f64,
        /// 1 / mean of the exponential part, per second.
        rate: f64,
    },
    /// Always the same.
    Constant {
        /// Seconds.
        value: f64,
    },
    /// Equally likely everywhere between two times.
    Uniform {
        /// The shortest time, s.
        low: f64,
        /// The longest time, s.
        high: f64,
    },
    /// Density proportional to t^(shape-1) e^(-t/scale).
    Gamma {
        /// Shape k; the coefficient of variation is 1/sqrt(k).
        shape: f64,
        /// Scale, s; the mean is shape * scale.
        scale: f64,
    },
    /// Survival e^(-(t/scale)^shape).
    Weibull {
        /// Shape; below 1 the tail is heavier than exponential.
        shape: f64,
        /// Scale, s.
        scale: f64,
    },
    /// The exponential of a normal variable.
    LogNormal {
        /// Mean of the logarithm of the seconds.
        mu: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// Survival (scale/t)^shape from `scale` on: heavy tails.
    Pareto {
        /// The shortest time, s.
        scale: f64,
        /// Tail index, above 1; the variance is infinite up to 2.
        shape: f64,
    },
    /// Distribution function e^(-e^(-(t-location)/scale)), where less than a billionth of it is negative; that part counts as 0.
    Gumbel {
        /// The mode, s.
        location: f64,
        /// Scale, s; the standard deviation is pi/sqrt(6) of it.
        scale: f64,
    },
    /// Exponential of rate1 with probability p, of rate2 otherwise.
    HyperExp {
        /// Probability of `rate1`.
        p: f64,
        /// Rate with probability p, per second.
        rate1: f64,
        /// Rate otherwise, per second.
        rate2: f64,
    },
    /// Normal, of which what is negative does not count: the law of a normal variable that is known to be positive.
    Normal {
        /// Mean before the negative part is cut off, s: the mode. With `cv` below 0.3 it is the mean within 0.1 %.
        mean: f64,
        /// Standard deviation over mean, before that, too.
        cv: f64,
    },
    /// Fast for a while, slow for a while: steps of a worker are not independent.
    Markov(Arc<Phases>),
    /// One of the measured times, all equally likely.
    Trace(Trace),
}

/// Measured times, and where they came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    source: TraceSource,
    sorted: Arc<[f64]>,
}

/// Density of the standard normal law.
fn normal_density(z: f64) -> f64 {
    (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

/// Survival function of the standard normal law.
fn normal_survival(z: f64) -> f64 {
    erfc(z / std::f64::consts::SQRT_2) / 2.0
}

const EULER_GAMMA: f64 = 0.577_215_664_901_532_9;

impl Law {
    /// The law of times drawn from `seconds` with replacement.
    ///
    /// # Errors
    /// [`LawError::Trace`] if there are none, or one of them is not a positive finite number.
    pub fn trace(source: TraceSource, mut seconds: Vec<f64>) -> Result<Law, LawError> {
        if seconds.is_empty() {
            return Err(LawError::Trace { trace: source, wrong: None });
        }
        if let Some(wrong) = seconds.iter().position(|s| !(*s > 0.0 && s.is_finite())) {
            return Err(LawError::Trace { trace: source, wrong: Some((wrong, seconds[wrong])) });
        }
        seconds.sort_by(f64::total_cmp);
        Law::Trace(Trace { source, sorted: seconds.into() }).with_a_measurable_mean()
    }

    /// The mean, s.
    pub fn mean(&self) -> f64 {
        match *self {
            Law::Exp { rate } => 1.0 / rate,
            Law::ShiftedExp { shift, rate } => shift + 1.0 / rate,
            Law::Constant { value } => value,
            Law::Uniform { low, high } => low + (high - low) / 2.0,
            Law::Gamma { shape, scale } => shape * scale,
            Law::Weibull { shape, scale } => scale * euler_gamma(1.0 + 1.0 / shape),
            Law::LogNormal { mu, sigma } => (mu + sigma * sigma / 2.0).exp(),
            Law::Pareto { scale, shape } => scale * shape / (shape - 1.0),
            Law::Gumbel { location, scale } => location + EULER_GAMMA * scale,
            Law::HyperExp { p, rate1, rate2 } => p / rate1 + (1.0 - p) / rate2,
            // mu + sigma h, h the hazard of the standard normal law at the cut (Johnson, Kotz and Balakrishnan 1994, 13.10.1).
            Law::Normal { mean, cv } => mean + mean * cv * normal_density(1.0 / cv) / normal_survival(-1.0 / cv),
            Law::Markov(ref phases) => phases.mix(Law::mean),
            Law::Trace(ref trace) => trace.sorted.iter().sum::<f64>() / trace.sorted.len() as f64,
        }
    }

    /// The variance, s^2; infinite for a Pareto law of shape 2 or less.
    pub fn variance(&self) -> f64 {
        match *self {
            Law::Exp { rate } | Law::ShiftedExp { shift: _, rate } => 1.0 / (rate * rate),
            Law::Constant { value: _ } => 0.0,
            Law::Uniform { low, high } => (high - low) * (high - low) / 12.0,
            Law::Gamma { shape, scale } => shape * scale * scale,
            Law::Weibull { shape, scale } => {
                (scale * euler_gamma(1.0 + 1.0 / shape)).powi(2) * self::gamma::weibull_squared_cv(shape)
            }
            Law::LogNormal { mu, sigma } => (sigma * sigma).exp_m1() * (2.0 * mu + sigma * sigma).exp(),
            Law::Pareto { scale: _, shape } if shape <= 2.0 => f64::INFINITY,
            Law::Pareto { scale, shape } => scale * scale * shape / ((shape - 1.0) * (shape - 1.0) * (shape - 2.0)),
            Law::Gumbel { location: _, scale } => (std::f64::consts::PI * scale).powi(2) / 6.0,
            Law::HyperExp { p, rate1, rate2 } => {
                let mean = self.mean();
                2.0 * (p / (rate1 * rate1) + (1.0 - p) / (rate2 * rate2)) - mean * mean
            }
            // sigma^2 (1 - h (h + mu/sigma)).
            Law::Normal { mean, cv } => {
                let hazard = normal_density(1.0 / cv) / normal_survival(-1.0 / cv);
                (mean * cv).powi(2) * (1.0 - hazard * (hazard + 1.0 / cv))
            }
            Law::Markov(ref phases) => phases.variance(),
            Law::Trace(ref trace) => {
                let mean = self.mean();
                trace.sorted.iter().map(|s| (s - mean) * (s - mean)).sum::<f64>() / trace.sorted.len() as f64
            }
        }
    }

    /// The probability of a time longer than `t` seconds; accurate far out in the tail.
    pub fn survival(&self, t: f64) -> f64 {
        if t < 0.0 {
            return 1.0;
        }
        match *self {
            Law::Exp { rate } => (-rate * t).exp(),
            Law::ShiftedExp { shift, rate } => (-rate * (t - shift).max(0.0)).exp(),
            Law::Constant { value } => f64::from(t < value),
            Law::Uniform { low, high } => ((high - t) / (high - low)).clamp(0.0, 1.0),
            Law::Gamma { shape, scale } => match t / scale {
                0.0 => 1.0,
                f64::INFINITY => 0.0,
                t => self::gamma::upper(shape, t),
            },
            Law::Weibull { shape, scale } => (-(t / scale).powf(shape)).exp(),
            Law::LogNormal { mu, sigma } => erfc((t.ln() - mu) / (sigma * std::f64::consts::SQRT_2)) / 2.0,
            Law::Pareto { scale, shape } => (scale / t).min(1.0).powf(shape),
            Law::Gumbel { location, scale } => -(-(-(t - location) / scale).exp()).exp_m1(),
            Law::HyperExp { p, rate1, rate2 } => p * (-rate1 * t).exp() + (1.0 - p) * (-rate2 * t).exp(),
            Law::Normal { mean, cv } => normal_survival((t / mean - 1.0) / cv) / normal_survival(-1.0 / cv),
            Law::Markov(ref phases) => phases.mix(|law| law.survival(t)),
            Law::Trace(ref trace) => {
                let longer = trace.sorted.len() - trace.sorted.partition_point(|&s| s <= t);
                longer as f64 / trace.sorted.len() as f64
            }
        }
    }

    /// The distribution function: the probability of a time of at most `t` seconds; accurate near 0.
    pub fn cdf(&self, t: f64) -> f64 {
        if t < 0.0 {
            return 0.0;
        }
        match *self {
            Law::Exp { rate } => -(-rate * t).exp_m1(),
            Law::ShiftedExp { shift, rate } => -(-rate * (t - shift).max(0.0)).exp_m1(),
            Law::Gamma { shape, scale } => match t / scale {
                0.0 => 0.0,
                f64::INFINITY => 1.0,
                t => self::gamma::lower(shape, t),
            },
            Law::Weibull { shape, scale } => -(-(t / scale).powf(shape)).exp_m1(),
            Law::LogNormal { mu, sigma } => erfc((mu - t.ln()) / (sigma * std::f64::consts::SQRT_2)) / 2.0,
            Law::Gumbel { location, scale } => (-(-(t - location) / scale).exp()).exp(),
            Law::HyperExp { p, rate1, rate2 } => -p * (-rate1 * t).exp_m1() - (1.0 - p) * (-rate2 * t).exp_m1(),
            Law::Normal { mean, cv } => {
                let below = normal_survival((1.0 - t / mean) / cv) - normal_survival(1.0 / cv);
                below.max(0.0) / normal_survival(-1.0 / cv)
            }
            Law::Markov(ref phases) => phases.mix(|law| law.cdf(t)),
            Law::Constant { .. } | Law::Uniform { .. } | Law::Pareto { .. } | Law::Trace(_) => 1.0 - self.survival(t),
        }
    }

    /// The least time that is not exceeded with probability `u`, 0 <= u < 1, in seconds.
    pub fn quantile(&self, u: f64) -> f64 {
        debug_assert!((0.0..1.0).contains(&u), "a quantile at {u}");
        match *self {
            Law::Exp { rate } => -(-u).ln_1p() / rate,
            Law::ShiftedExp { shift, rate } => shift - (-u).ln_1p() / rate,
            Law::Constant { value } => value,
            Law::Uniform { low, high } => low + u * (high - low),
            Law::Weibull { shape, scale } => scale * (-(-u).ln_1p()).powf(1.0 / shape),
            Law::LogNormal { mu, sigma } => (mu + sigma * Normal::standard().inverse_cdf(u)).exp(),
            Law::Pareto { scale, shape } => scale * (-(-u).ln_1p() / shape).exp(),
            Law::Gumbel { location, scale } => (location - scale * (-u.ln()).ln()).max(0.0),
            Law::Normal { mean, cv } => {
                let (cut, kept) = (normal_survival(1.0 / cv), normal_survival(-1.0 / cv));
                let normal = Normal::standard();
                // From the nearer end: what is left of it has all its digits.
                let z = match u < 0.5 {
                    true => normal.inverse_cdf(cut + u * kept),
                    false => -normal.inverse_cdf((1.0 - u) * kept),
                };
                (mean * (1.0 + cv * z)).max(0.0)
            }
            Law::Gamma { .. } | Law::HyperExp { .. } | Law::Markov(_) => self.quantile_by_bisection(u),
            Law::Trace(ref trace) => {
                let n = trace.sorted.len();
                trace.sorted[((u * n as f64).ceil() as usize).clamp(1, n) - 1]
            }
        }
    }

    /// Halves an interval around the quantile until its ends are neighbours.
    fn quantile_by_bisection(&self, u: f64) -> f64 {
        let (mut low, mut high) = (0.0, self.mean());
        while self.cdf(high) < u {
            (low, high) = (high, 2.0 * high);
        }
        loop {
            let middle = low + (high - low) / 2.0;
            if middle <= low || middle >= high {
                return high;
            }
            if self.cdf(middle) < u { low = middle } else { high = middle }
        }
    }

    /// Whether a worker's successive times are independent.
    pub fn is_independent(&self) -> bool {
        !matches!(self, Law::Markov(phases) if phases.renewal() < 1.0 - 1e-12)
    }

    /// The shortest time that can happen, s.
    pub fn minimum(&self) -> f64 {
        match *self {
            Law::ShiftedExp { shift, rate: _ } => shift,
            Law::Constant { value } => value,
            Law::Uniform { low, high: _ } => low,
            Law::Pareto { scale, shape: _ } => scale,
            Law::Trace(ref trace) => trace.sorted[0],
            Law::Markov(ref phases) => phases.fast.minimum().min(phases.slow.minimum()),
            Law::Exp { .. }
            | Law::Gamma { .. }
            | Law::Weibull { .. }
            | Law::LogNormal { .. }
            | Law::Gumbel { .. }
            | Law::HyperExp { .. }
            | Law::Normal { .. } => 0.0,
        }
    }

    /// The times that a trace can take, in ascending order, with repetitions.
    pub fn atoms(&self) -> Option<&[f64]> {
        match self {
            Law::Trace(trace) => Some(&trace.sorted),
            Law::Constant { value } => Some(std::slice::from_ref(value)),
            Law::Exp { .. }
            | Law::ShiftedExp { .. }
            | Law::Uniform { .. }
            | Law::Gamma { .. }
            | Law::Weibull { .. }
            | Law::LogNormal { .. }
            | Law::Pareto { .. }
            | Law::Gumbel { .. }
            | Law::HyperExp { .. }
            | Law::Normal { .. }
            | Law::Markov(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_undo_the_distribution_function() {
        for law in Law::examples() {
            for u in [1e-6, 0.01, 0.3, 0.5, 0.9, 0.999, 1.0 - 1e-9] {
                let t = law.quantile(u);
                assert!(t >= law.minimum() && t.is_finite(), "{law} at {u}: {t}");
                if law.atoms().is_none() {
                    assert!((law.cdf(t) - u).abs() < 1e-9, "{law} at {u}: {}", law.cdf(t));
                    let ratio = law.survival(t) / (1.0 - u);
                    assert!((ratio - 1.0).abs() < 1e-6, "{law} at {u}: survival off by a factor of {ratio}");
                }
            }
        }
    }

    #[test]
    fn moments_are_integrals_of_the_quantiles() {
        // E[X^n] is the integral of Q(u)^n; midpoints leave out what lies beyond the last of them.
        for law in Law::examples() {
            let n = 200_000;
            let moment = |power: i32| -> f64 {
                (0..n).map(|i| law.quantile((f64::from(i) + 0.5) / f64::from(n)).powi(power)).sum::<f64>()
                    / f64::from(n)
            };
            let (mean, second) = (moment(1), moment(2));
            assert!((mean / law.mean() - 1.0).abs() < 1e-3, "{law}: {mean} against {}", law.mean());
            let exact = law.variance() + law.mean() * law.mean();
            // A Pareto law of shape 2.5 has much of its second moment out there.
            let tolerance = if matches!(law, Law::Pareto { .. }) { 0.2 } else { 2e-3 };
            assert!((second / exact - 1.0).abs() < tolerance, "{law}: {second} against {exact}");
        }
    }

    #[test]
    fn a_trace_is_its_own_distribution() {
        let source = TraceSource::file("steps.csv");
        let law = Law::trace(source.clone(), vec![3.0, 1.0, 1.0, 5.0]).unwrap();
        assert_eq!(law.mean(), 2.5);
        assert_eq!(law.variance(), 2.75); // (0.25 + 2.25 + 2.25 + 6.25) / 4
        assert_eq!([0.5, 1.0, 3.0, 5.0].map(|t| law.cdf(t)), [0.0, 0.5, 0.75, 1.0]);
        assert_eq!([0.0, 0.5, 0.51, 0.75, 0.76].map(|u| law.quantile(u)), [1.0, 1.0, 3.0, 3.0, 5.0]);
        assert_eq!(law.to_string(), "trace(steps.csv)");
        for bad in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
            assert!(Law::trace(source.clone(), vec![1.0, bad]).is_err(), "{bad}");
        }
        assert!(Law::trace(source, vec![]).is_err());
    }
}
