//! Length-biased draws: the step that is under way when one looks.
//!
//! Whoever looks at a worker at a random time sees a step of length x in proportion to x, and sees it at a place that is
//! uniform within it (inspection paradox; Feller, *An Introduction to Probability Theory and Its Applications II*, 1971,
//! XI.4). Its rest has the density S(t)/E\[X\]: started so, a renewal process is stationary from the first moment.

use super::{Law, Sampler};
use rand::{Rng, RngExt};
use rand_distr::{Distribution, Gamma, LogNormal, Open01};

/// What is neglected of a tail without a closed form.
const NEGLECTED: f64 = 1e-12;

impl Law {
    /// The rest of a step that is under way, s: a uniform share of a [length-biased](Law::length_biased) draw.
    pub fn residual<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let share: f64 = Open01.sample(rng);
        share * self.length_biased(rng)
    }

    /// A draw with density x f(x) / E\[X\], s.
    pub fn length_biased<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let valid = "a law's parameters were checked when it was made";
        let gamma = |shape: f64, scale: f64, rng: &mut R| Gamma::new(shape, scale).expect(valid).sample(rng);
        match *self {
            Law::Exp { rate } => gamma(2.0, 1.0 / rate, rng),
            Law::Constant { value } => value,
            // Density proportional to x between the ends.
            Law::Uniform { low, high } => {
                let u: f64 = Open01.sample(rng);
                (low * low + u * (high * high - low * low)).sqrt()
            }
            Law::Gamma { shape, scale } => gamma(shape + 1.0, scale, rng),
            Law::Weibull { shape, scale } => scale * gamma(1.0 + 1.0 / shape, 1.0, rng).powf(1.0 / shape),
            Law::LogNormal { mu, sigma } => LogNormal::new(mu + sigma * sigma, sigma).expect(valid).sample(rng),
            Law::Pareto { scale, shape } => {
                let u: f64 = Open01.sample(rng);
                scale * u.powf(-1.0 / (shape - 1.0))
            }
            Law::HyperExp { p, rate1, rate2 } => {
                let (first, second) = (p / rate1, (1.0 - p) / rate2);
                let rate = if rng.random::<f64>() * (first + second) < first { rate1 } else { rate2 };
                gamma(2.0, 1.0 / rate, rng)
            }
            // shift + an exponential, of which the fixed part is as good a place to be as the rest: x f(x) is a mixture.
            Law::ShiftedExp { shift, rate } => {
                let tail = 1.0 / rate;
                let shape = if rng.random::<f64>() * (shift + tail) < shift { 1.0 } else { 2.0 };
                shift + gamma(shape, tail, rng)
            }
            Law::Trace(ref trace) => self.by_rejection(trace.sorted[trace.sorted.len() - 1], rng),
            // A slow step is seen in proportion to the time that slow steps take.
            Law::Markov(ref phases) => {
                let slow = phases.slow_share() * phases.slow.mean();
                let phase =
                    if rng.random::<f64>() * phases.mix(Law::mean) < slow { &phases.slow } else { &phases.fast };
                phase.length_biased(rng)
            }
            Law::Gumbel { .. } | Law::Normal { .. } => self.by_rejection(self.quantile(1.0 - NEGLECTED), rng),
        }
    }

    /// Draws of the law itself, each kept with a probability in proportion to its length: for laws with a longest time.
    fn by_rejection<R: Rng + ?Sized>(&self, longest: f64, rng: &mut R) -> f64 {
        let sampler: Sampler = self.sampler();
        loop {
            let seconds = sampler.sample(rng);
            if rng.random::<f64>() * longest <= seconds {
                return seconds;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::key::{Purpose, RandomKey};

    /// E[R] = E[X^2] / (2 E[X]), and P(R > t) is the integral of the survival function from t, over E[X].
    #[test]
    fn the_rest_of_a_step_has_the_integrated_survival() {
        let trace = Law::trace(super::super::TraceSource::file("a"), vec![1.0, 1.0, 7.0, 3.0]);
        for law in Law::examples().into_iter().chain([trace.unwrap()]) {
            let mut rng = RandomKey::new(5, 0).at(Purpose::Phase, 0, 0);
            let n = 40_000;
            let draws: Vec<f64> = (0..n).map(|_| law.residual(&mut rng)).collect();
            for at in [0.2, 0.7, 1.5] {
                let t = at * law.mean();
                let longer = draws.iter().filter(|&&r| r > t).count() as f64 / f64::from(n);
                // The survival function, integrated by its quantiles: E[(X - t)+] / E[X].
                let points = 100_000;
                let excess = |i: i32| (law.quantile((f64::from(i) + 0.5) / f64::from(points)) - t).max(0.0);
                let exact = (0..points).map(excess).sum::<f64>() / f64::from(points) / law.mean();
                let error = (exact * (1.0 - exact) / f64::from(n)).sqrt();
                // 42 comparisons at 4.5 standard errors: a false alarm once in 3500.
                assert!((longer - exact).abs() <= 4.5 * error + 2e-3 * exact, "{law} at {t}: {longer} against {exact}");
            }
        }
    }
}
