//! Laws made of others: slower, rounded, slow at times, drawn again.

use super::{Law, LawError, Phases, Trace};
use crate::random::key::{Purpose, RandomKey};
use std::sync::Arc;

impl Law {
    /// The same times, `factor` times as long, which must be positive and finite.
    pub fn slower(&self, factor: f64) -> Law {
        match *self {
            Law::Exp { rate } => Law::Exp { rate: rate / factor },
            Law::ShiftedExp { shift, rate } => Law::ShiftedExp { shift: shift * factor, rate: rate / factor },
            Law::Constant { value } => Law::Constant { value: value * factor },
            Law::Uniform { low, high } => Law::Uniform { low: low * factor, high: high * factor },
            Law::Gamma { shape, scale } => Law::Gamma { shape, scale: scale * factor },
            Law::Weibull { shape, scale } => Law::Weibull { shape, scale: scale * factor },
            Law::LogNormal { mu, sigma } => Law::LogNormal { mu: mu + factor.ln(), sigma },
            Law::Pareto { scale, shape } => Law::Pareto { scale: scale * factor, shape },
            Law::Gumbel { location, scale } => Law::Gumbel { location: location * factor, scale: scale * factor },
            Law::HyperExp { p, rate1, rate2 } => Law::HyperExp { p, rate1: rate1 / factor, rate2: rate2 / factor },
            Law::Normal { mean, cv } => Law::Normal { mean: mean * factor, cv },
            Law::Markov(ref phases) => {
                let (fast, slow) = (phases.fast.slower(factor), phases.slow.slower(factor));
                Law::Markov(Arc::new(Phases { fast, slow, ..Phases::clone(phases) }))
            }
            Law::Trace(ref trace) => {
                let sorted = trace.sorted.iter().map(|s| s * factor).collect();
                Law::Trace(Trace { source: trace.source.clone(), sorted })
            }
        }
    }

    /// The same with parameters of so many significant digits, for a person to read.
    pub fn rounded(&self, significant: u32) -> Law {
        let r = |value: f64| match value == 0.0 || !value.is_finite() {
            true => value,
            // What is printed in so many digits is read as the number nearest to them.
            false => format!("{value:.*e}", significant.max(1) as usize - 1).parse().expect("a number was printed"),
        };
        match *self {
            Law::Exp { rate } => Law::Exp { rate: r(rate) },
            Law::ShiftedExp { shift, rate } => Law::ShiftedExp { shift: r(shift), rate: r(rate) },
            Law::Constant { value } => Law::Constant { value: r(value) },
            Law::Uniform { low, high } => Law::Uniform { low: r(low), high: r(high) },
            Law::Gamma { shape, scale } => Law::Gamma { shape: r(shape), scale: r(scale) },
            Law::Weibull { shape, scale } => Law::Weibull { shape: r(shape), scale: r(scale) },
            Law::LogNormal { mu, sigma } => Law::LogNormal { mu: r(mu), sigma: r(sigma) },
            Law::Pareto { scale, shape } => Law::Pareto { scale: r(scale), shape: r(shape) },
            Law::Gumbel { location, scale } => Law::Gumbel { location: r(location), scale: r(scale) },
            Law::HyperExp { p, rate1, rate2 } => Law::HyperExp { p: r(p), rate1: r(rate1), rate2: r(rate2) },
            Law::Normal { mean, cv } => Law::Normal { mean: r(mean), cv: r(cv) },
            Law::Markov(_) | Law::Trace(_) => self.clone(),
        }
    }

    /// Phases in which a time of this law takes `factor` times as long: a `share` of all steps, `lasts` of them in a row on
    /// average, or each by itself, as chance has it.
    ///
    /// # Errors
    /// [`LawError`] if a number is out of its range, or this law has phases already.
    pub fn slow_at_times(&self, factor: f64, share: f64, lasts: Option<f64>) -> Result<Law, LawError> {
        if share <= 0.0 || share >= 1.0 {
            return Ok(if share <= 0.0 { self.clone() } else { self.slower(factor) });
        }
        let stay_slow = lasts.unwrap_or(1.0 / (1.0 - share));
        Law::in_phases(self.clone(), self.slower(factor), stay_slow * (1.0 - share) / share, stay_slow)
    }

    /// A trace of one row less, drawn from its own with replacement, so that means of it scatter as means of independent samples
    /// would (Rao and Wu, J. Am. Statist. Assoc. 83, 1988, 231-241); `None` of a law that was not measured. `which` tells laws apart
    /// that are
    /// resampled under one key.
    pub fn resampled(&self, key: RandomKey, which: u32) -> Option<Law> {
        let Law::Trace(trace) = self else { return None };
        let n = trace.sorted.len();
        let row =
            |i: u64| trace.sorted[((u128::from(key.word(Purpose::Resample, which, i)) * n as u128) >> 64) as usize];
        let mut sorted: Vec<f64> = (0..(n - 1).max(1) as u64).map(row).collect();
        sorted.sort_by(f64::total_cmp);
        Some(Law::Trace(Trace { source: trace.source.clone(), sorted: sorted.into() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_at_times_is_a_mixture_that_may_last() {
        let law: Law = "gamma(625, 0.00056)".parse().unwrap();
        for lasts in [None, Some(20.0)] {
            let mixed = law.slow_at_times(1.2, 0.05, lasts).unwrap();
            assert!((mixed.mean() / (0.35 * 1.01) - 1.0).abs() < 1e-12, "{}", mixed.mean());
            for t in [0.33, 0.36, 0.4, 0.43] {
                let exact = 0.95 * law.cdf(t) + 0.05 * law.cdf(t / 1.2);
                assert!((mixed.cdf(t) - exact).abs() < 1e-12, "{t}");
            }
            assert_eq!(mixed.is_independent(), lasts.is_none());
        }
        assert_eq!(law.slow_at_times(1.2, 0.0, None).unwrap(), law);
        assert_eq!(law.slow_at_times(1.2, 1.0, None).unwrap(), law.slower(1.2));
        // Slow steps that come by chance last 1/(1 - share) on average; less is not possible.
        assert!(law.slow_at_times(1.2, 0.5, Some(1.5)).is_err() && law.slow_at_times(1.2, 0.5, Some(2.5)).is_ok());
        assert!(law.slow_at_times(-1.0, 0.5, None).is_err());
    }

    #[test]
    fn rounded_parameters_are_short_and_near() {
        let law = Law::Gamma { shape: 24.999_134_567, scale: 0.014_000_456_7 };
        assert_eq!(law.rounded(4).to_string(), "gamma(25, 0.014)");
        for law in Law::examples() {
            assert!((law.rounded(4).quantile(0.9) / law.quantile(0.9) - 1.0).abs() < 2e-3, "{law}");
        }
    }

    #[test]
    fn a_slower_law_has_its_quantiles_longer() {
        for law in Law::examples() {
            let slower = law.slower(1.5);
            for u in [0.01, 0.5, 0.99] {
                let (exact, found) = (1.5 * law.quantile(u), slower.quantile(u));
                assert!((found - exact).abs() <= 1e-9 * exact, "{law} at {u}: {found} against {exact}");
            }
        }
    }
}
