//! Drawing from a law.
//!
//! Most laws are a monotone map of one unit exponential or uniform number, so a draw is one random word and the map. The
//! rest (gamma, lognormal, mixtures) take a generator.

use super::{Law, markov};
use crate::random::key::Sequence;
use crate::random::ln::{exponential, ln, share};
use rand::Rng;
use rand_distr::Distribution;
use std::sync::Arc;

impl Law {
    /// Variates from the law.
    pub fn sampler(&self) -> Sampler {
        let valid = "a law's parameters were checked when it was made";
        match *self {
            Law::Exp { rate } => Sampler::Exp { shift: 0.0, scale: 1.0 / rate },
            Law::ShiftedExp { shift, rate } => Sampler::Exp { shift, scale: 1.0 / rate },
            Law::Constant { value } => Sampler::Constant(value),
            Law::Uniform { low, high } => Sampler::Uniform { low, width: high - low },
            Law::Gamma { shape, scale } => Sampler::Gamma(rand_distr::Gamma::new(shape, scale).expect(valid)),
            Law::Weibull { shape, scale } => Sampler::Weibull { scale, power: 1.0 / shape },
            Law::LogNormal { mu, sigma } => Sampler::LogNormal(rand_distr::LogNormal::new(mu, sigma).expect(valid)),
            Law::Pareto { scale, shape } => Sampler::Pareto { scale, power: 1.0 / shape },
            Law::Gumbel { location, scale } => Sampler::Gumbel { location, scale },
            Law::HyperExp { p, rate1, rate2 } => Sampler::HyperExp { p, scale1: 1.0 / rate1, scale2: 1.0 / rate2 },
            Law::Normal { mean, cv } => Sampler::Normal(rand_distr::Normal::new(mean, mean * cv).expect(valid)),
            Law::Markov(ref phases) => Sampler::Markov {
                fast: Box::new(phases.fast.sampler()),
                slow: Box::new(phases.slow.sampler()),
                renewal: phases.renewal(),
                slow_share: phases.slow_share(),
            },
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
    /// A scaled power of a unit exponential.
    Weibull {
        /// s
        scale: f64,
        /// 1 / shape.
        power: f64,
    },
    /// Lognormal.
    LogNormal(rand_distr::LogNormal<f64>),
    /// A scaled power of e to a unit exponential.
    Pareto {
        /// s
        scale: f64,
        /// 1 / shape.
        power: f64,
    },
    /// Minus the logarithm of a unit exponential, shifted and scaled, cut off at 0.
    Gumbel {
        /// s
        location: f64,
        /// s
        scale: f64,
    },
    /// A mixture of two exponentials.
    HyperExp {
        /// Probability of the first.
        p: f64,
        /// Mean of the first, s.
        scale1: f64,
        /// Mean of the second, s.
        scale2: f64,
    },
    /// Normal, drawn again until it is positive.
    Normal(rand_distr::Normal<f64>),
    /// One of two, by the phase that the worker is in.
    Markov {
        /// In a fast phase.
        fast: Box<Sampler>,
        /// In a slow phase.
        slow: Box<Sampler>,
        /// Probability that the phase begins anew in a step.
        renewal: f64,
        /// Share of the slow steps.
        slow_share: f64,
    },
    /// One of these, s.
    Trace(Arc<[f64]>),
}

impl Sampler {
    /// The draw that a random word makes; `None` if the law takes more than one.
    #[inline(always)]
    pub(crate) fn of_word(&self, word: u64) -> Option<f64> {
        Some(match *self {
            Sampler::Exp { shift, scale } => shift + scale * exponential(word),
            Sampler::Constant(value) => value,
            Sampler::Uniform { low, width } => low + width * unit(word),
            Sampler::Weibull { scale, power } => scale * exponential(word).powf(power),
            Sampler::Pareto { scale, power } => scale * (exponential(word) * power).exp(),
            // One word in 2^52 is time 0, whose logarithm is not finite.
            Sampler::Gumbel { location, scale } => {
                (location - scale * ln(exponential(word).max(f64::EPSILON / 2.0))).max(0.0)
            }
            // The high half of a 64 x 64 bit product is uniform below n, up to n / 2^64.
            Sampler::Trace(ref times) => times[((u128::from(word) * times.len() as u128) >> 64) as usize],
            Sampler::Gamma(_)
            | Sampler::LogNormal(_)
            | Sampler::HyperExp { .. }
            | Sampler::Normal(_)
            | Sampler::Markov { .. } => return None,
        })
    }

    /// The draw of a worker's `step`-th step.
    #[inline(always)]
    pub(crate) fn draw(&self, key: Sequence, step: u64) -> f64 {
        match self {
            // The law on which most depends, where it is called; the rest would only be in the way there.
            Sampler::Exp { shift, scale } => shift + scale * exponential(key.word(step)),
            _ => self.draw_another(key, step),
        }
    }

    #[inline(never)]
    fn draw_another(&self, key: Sequence, step: u64) -> f64 {
        if let Sampler::Markov { fast, slow, renewal, slow_share } = self {
            let phase = if markov::is_slow(key, step, *renewal, *slow_share) { slow } else { fast };
            return phase.draw(key, step);
        }
        match self.of_word(key.word(step)) {
            Some(seconds) => seconds,
            None => self.sample(&mut key.at(step)),
        }
    }
}

impl Sampler {
    /// Many draws of one worker, `slowness` times as long: of the `first`-th step and every `stride`-th after it.
    #[inline(always)]
    pub(crate) fn fill(&self, seconds: &mut [f64], slowness: f64, key: Sequence, (first, stride): (u64, u64)) {
        let steps = (first..).step_by(stride as usize);
        match self {
            // The law on which most depends, by itself: vector code, with the logarithm in it. In one pass each number would be
            // the end of a chain so long that a processor has only two or three under way at once, and waits; in two it has
            // more.
            Sampler::Exp { shift, scale } => {
                seconds.iter_mut().zip(key.words((first, stride))).for_each(|(seconds, word)| *seconds = share(word));
                seconds.iter_mut().for_each(|seconds| *seconds = slowness * (shift + scale * -ln(*seconds)));
            }
            _ => seconds.iter_mut().zip(steps).for_each(|(seconds, step)| *seconds = slowness * self.draw(key, step)),
        }
    }
}

/// One of 2^52 equally spaced numbers in [0, 1).
#[inline(always)]
pub(super) fn unit(word: u64) -> f64 {
    f64::from_bits(word >> 12 | 1.0f64.to_bits()) - 1.0
}

impl Distribution<f64> for Sampler {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        match self {
            Sampler::Gamma(law) => law.sample(rng),
            Sampler::LogNormal(law) => law.sample(rng),
            Sampler::HyperExp { p, scale1, scale2 } => {
                let scale = if unit(rng.next_u64()) < *p { scale1 } else { scale2 };
                scale * exponential(rng.next_u64())
            }
            Sampler::Normal(law) => loop {
                let seconds = law.sample(rng);
                if seconds > 0.0 {
                    return seconds;
                }
            },
            // By itself, a step is slow as often as steps are.
            Sampler::Markov { fast, slow, slow_share, .. } => {
                let phase = if unit(rng.next_u64()) < *slow_share { slow } else { fast };
                phase.sample(rng)
            }
            Sampler::Exp { .. }
            | Sampler::Constant(_)
            | Sampler::Uniform { .. }
            | Sampler::Weibull { .. }
            | Sampler::Pareto { .. }
            | Sampler::Gumbel { .. }
            | Sampler::Trace(_) => self.of_word(rng.next_u64()).expect("one word is enough for these"),
        }
    }
}
