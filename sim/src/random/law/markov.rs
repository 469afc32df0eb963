//! Phases that pass: a worker is fast for a while, then slow for a while, and so on.
//!
//! A two-state Markov chain over a worker's steps, with one law for each state. In a step the chain begins anew with the
//! probability r = 1/a + 1/b, a and b the mean stays in steps, and is then slow with probability b/(a + b); otherwise it stays as
//! it is. So the state of any step is that of the last beginning before it, which a backward look at the random numbers of the
//! worker's steps finds: a draw still depends on its key alone. Two states of one chain k steps apart have the correlation
//! (1 - r)^k (Kemeny and Snell, *Finite Markov Chains*, 1960).

use super::Law;
use crate::random::key::Sequence;

/// Two laws, and how long a worker stays with each.
#[derive(Clone, Debug, PartialEq)]
pub struct Phases {
    /// The law of fast steps.
    pub fast: Law,
    /// The law of slow steps.
    pub slow: Law,
    /// Mean number of steps in a row that are fast.
    pub stay_fast: f64,
    /// The same of slow ones.
    pub stay_slow: f64,
}

impl Phases {
    /// The probability that the chain begins anew in a step.
    pub fn renewal(&self) -> f64 {
        1.0 / self.stay_fast + 1.0 / self.stay_slow
    }

    /// The share of the steps that are slow.
    pub fn slow_share(&self) -> f64 {
        self.stay_slow / (self.stay_fast + self.stay_slow)
    }

    /// Of both laws, weighted by their shares of the steps.
    pub(super) fn mix(&self, of: impl Fn(&Law) -> f64) -> f64 {
        let slow = self.slow_share();
        (1.0 - slow) * of(&self.fast) + slow * of(&self.slow)
    }

    /// Correlation between a worker's steps that are so many apart; `None` where the variance is infinite or nothing varies.
    ///
    /// ```
    /// use straggle_sim::Law;
    /// let Law::Markov(phases) = "markov(constant(1), constant(3), 20, 5)".parse().unwrap() else { panic!() };
    /// assert!((phases.correlation(1).unwrap() - 0.75).abs() < 1e-12); // 1 - 1/20 - 1/5
    /// ```
    pub fn correlation(&self, steps: u32) -> Option<f64> {
        let (slow, apart) = (self.slow_share(), self.slow.mean() - self.fast.mean());
        let between = slow * (1.0 - slow) * apart * apart;
        let all = self.variance();
        let kept = (1.0 - self.renewal()).powi(steps.try_into().unwrap_or(i32::MAX));
        (all > 0.0 && all.is_finite()).then(|| between / all * kept)
    }

    pub(super) fn variance(&self) -> f64 {
        let mean = self.mix(Law::mean);
        self.mix(|law| law.variance() + (law.mean() - mean).powi(2))
    }
}

/// Whether a worker's step is slow.
#[inline]
pub(super) fn is_slow(key: Sequence, step: u64, renewal: f64, slow_share: f64) -> bool {
    let phases = key.companion();
    for back in (0..=step).rev() {
        let u = super::draw::unit(phases.word(back));
        // The same number, once it says "anew", is uniform below the probability of that.
        if u < renewal {
            return u < renewal * slow_share;
        }
        if back == 0 {
            return u - renewal < (1.0 - renewal) * slow_share;
        }
    }
    unreachable!("the first step ends the look back")
}
