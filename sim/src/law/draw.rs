//! Drawing from a law.

use super::Law;
use rand::Rng;
use rand_distr::Distribution;
use std::sync::Arc;

impl Law {
    /// Draws from the law.
    pub fn sampler(&self) -> Sampler {
        let valid = "a law's parameters were checked when it was made";
        match *self {
            Law::Exp { rate } => Sampler::Exp { shift: 0.0, scale: 1.0 / rate },
            Law::ShiftedExp { shift, rate } => Sampler::Exp { shift, scale: 1.0 / rate },
            Law::Constant { value } => Sampler::Constant(value),
            Law::Uniform { low, high } => Sampler::Uniform { low, width: high - low },
            Law::Gamma { shape, scale } => Sampler::Gamma(rand_distr::Gamma::new(shape, scale).expect(valid)),
            Law::Weibull { shape, scale } => Sampler::Weibull(rand_distr::Weibull::new(scale, shape).expect(valid)),
            Law::LogNormal { mu, sigma } => Sampler::LogNormal(rand_distr::LogNormal::new(mu, sigma).expect(valid)),
            Law::Pareto { scale, shape } => Sampler::Pareto(rand_distr::Pareto::new(scale, shape).expect(valid)),
            Law::Gumbel { location, scale } => Sampler::Gumbel(rand_distr::Gumbel::new(location, scale).expect(valid)),
            Law::HyperExp { p, rate1, rate2 } => Sampler::HyperExp { p, scale1: 1.0 / rate1, scale2: 1.0 / rate2 },
            Law::Trace(ref trace) => Sampler::Trace(trace.sorted.clone()),
        }
    }
}

/// A law made ready to draw from.
#[derive(Clone, Debug)]
pub enum Sampler {
    /// A shift and a scaled unit exponential.
    Exp {
        /// s
        shift: f64,
        /// s
        scale: f64,
    },
    /// Always this, s.
    Constant(f64),
    /// Between `low` and `low + width`.
    Uniform {
        /// s
        low: f64,
        /// s
        width: f64,
    },
    /// Gamma.
    Gamma(rand_distr::Gamma<f64>),
    /// Weibull.
    Weibull(rand_distr::Weibull<f64>),
    /// Lognormal.
    LogNormal(rand_distr::LogNormal<f64>),
    /// Pareto.
    Pareto(rand_distr::Pareto<f64>),
    /// Gumbel, cut off at 0.
    Gumbel(rand_distr::Gumbel<f64>),
    /// A mixture of two exponentials.
    HyperExp {
        /// Probability of the first.
        p: f64,
        /// Mean of the first, s.
        scale1: f64,
        /// Mean of the second, s.
        scale2: f64,
    },
    /// One of these, s.
    Trace(Arc<[f64]>),
}

impl Distribution<f64> for Sampler {
    #[inline]
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        let exp1 = |rng: &mut R| -> f64 { rand_distr::Exp1.sample(rng) };
        let unit = |rng: &mut R| -> f64 { rand_distr::StandardUniform.sample(rng) };
        match self {
            Sampler::Exp { shift, scale } => shift + scale * exp1(rng),
            Sampler::Constant(value) => *value,
            Sampler::Uniform { low, width } => low + width * unit(rng),
            Sampler::Gamma(law) => law.sample(rng),
            Sampler::Weibull(law) => law.sample(rng),
            Sampler::LogNormal(law) => law.sample(rng),
            Sampler::Pareto(law) => law.sample(rng),
            Sampler::Gumbel(law) => law.sample(rng).max(0.0),
            Sampler::HyperExp { p, scale1, scale2 } => {
                let scale = if unit(rng) < *p { scale1 } else { scale2 };
                scale * exp1(rng)
            }
            // The high half of a 64 x 64 bit product is uniform below n, up to n / 2^64.
            Sampler::Trace(times) => times[((u128::from(rng.next_u64()) * times.len() as u128) >> 64) as usize],
        }
    }
}
