//! Staleness, and where the loss settles.

use crate::policy::{OnCompletion, OnUpdate, Rule};

/// Mean staleness of applied gradients in the long run, in updates: tasks in flight at an update over gradients applied
/// by it (each update makes everybody in flight one version staler). `None` where a limited lead idles workers.
///
/// ```
/// use straggle_sim::{Policy, theory::mean_staleness};
/// let staleness = |policy: &str| mean_staleness(policy.parse::<Policy>().unwrap().rule(8).unwrap());
/// assert_eq!(staleness("sync"), Some(0.0));
/// assert_eq!(staleness("async"), Some(7.0)); // P - 1
/// assert_eq!(staleness("k-async:4"), Some(1.0)); // P/K - 1
/// assert_eq!(staleness("k-batch-async:2"), Some(3.5)); // (P - 1)/K
/// ```
pub fn mean_staleness(rule: Rule) -> Option<f64> {
    if rule.drops_stale() {
        return None;
    }
    let in_flight = match (rule.on_update, rule.on_completion) {
        (OnUpdate::Cancelled | OnUpdate::Submits, _) => 0,
        (OnUpdate::CarriesOn, OnCompletion::Waits) => rule.workers - rule.quorum,
        (OnUpdate::CarriesOn, OnCompletion::StartsAnew { slack: None }) => rule.workers - 1,
        (OnUpdate::CarriesOn, OnCompletion::StartsAnew { slack: Some(_) }) => return None,
    };
    Some(f64::from(in_flight) / f64::from(rule.quorum))
}

/// Mean-square-stable loss floor of async SGD with p workers of exponential times on the quadratic h w^2/2 with gradient
/// noise sigma and step size eta: (eta sigma^2/2) (1 + P x)/(2 + x - P x^2), x = eta h; closed by
/// the moments E[w^2], E[w r], E[r_i^2], E[r_i r_j] of the parameter w and what the workers read, r_i.
/// `None` if it is not stable, x >= (1 + sqrt(1 + 8 P))/(2 P). With one worker this is the classical SGD floor.
pub fn async_floor(p: u32, h: f64, sigma: f64, eta: f64) -> Option<f64> {
    let (p, x) = (f64::from(p), eta * h);
    let room = 2.0 + x - p * x * x;
    (room > 0.0).then(|| eta * sigma * sigma / 2.0 * (1.0 + p * x) / room)
}

/// Step sizes from which on that async SGD is not stable: (1 + sqrt(1 + 8 P))/(2 P h).
pub fn async_stable_below(p: u32, h: f64) -> f64 {
    let p = f64::from(p);
    (1.0 + (1.0 + 8.0 * p).sqrt()) / (2.0 * p * h)
}

/// The same for sync SGD, which averages p gradients: (eta sigma^2/(2 P))/(2 - x), x = eta h; `None` if x >= 2.
pub fn sync_floor(p: u32, h: f64, sigma: f64, eta: f64) -> Option<f64> {
    let room = 2.0 - eta * h;
    (room > 0.0).then(|| eta * sigma * sigma / (2.0 * f64::from(p)) / room)
}

/// Mean losses on the quadratic h w^2/2 with gradient noise sigma and step size eta after 0, 1, 2, ... updates of `gradients`
/// fresh gradients each: E\[w^2\] falls by (1 - eta h)^2 and gains eta^2 sigma^2/K. From w = `start` on.
pub fn fresh_losses(gradients: u32, h: f64, sigma: f64, eta: f64, start: f64) -> impl Iterator<Item = f64> {
    let (kept, gained) = ((1.0 - eta * h).powi(2), (eta * sigma).powi(2) / f64::from(gradients));
    std::iter::successors(Some(start * start), move |square| Some(kept * square + gained))
        .map(move |square| h * square / 2.0)
}

/// The same of async with `p` workers of exponential times, who all begin at w = `start`: each update is of a worker chosen
/// evenly, as what is left of every step is a step, so four moments follow each other: E\[w^2\], E\[w r_i\], E\[r_i^2\],
/// E\[r_i r_j\], r_i what worker i has read.
///
/// ```
/// use straggle_sim::theory::{async_floor, async_losses};
/// let settled = async_losses(8, 1.0, 1.0, 0.05, 1.0).nth(20_000).unwrap();
/// assert!((settled / async_floor(8, 1.0, 1.0, 0.05).unwrap() - 1.0).abs() < 1e-9);
/// ```
pub fn async_losses(p: u32, h: f64, sigma: f64, eta: f64, start: f64) -> impl Iterator<Item = f64> {
    let (p, x, noise) = (f64::from(p), eta * h, (eta * sigma).powi(2));
    let next = move |&[ww, wr, rr, rs]: &[f64; 4]| {
        let square = ww - 2.0 * x * wr + x * x * rr + noise;
        let across = wr - x * rs;
        Some([
            square,
            square / p + (1.0 - 1.0 / p) * across,
            square / p + (1.0 - 1.0 / p) * rr,
            // With one worker there is no other, and this moment has no weight.
            2.0 / p * across + (1.0 - 2.0 / p).max(0.0) * rs,
        ])
    };
    std::iter::successors(Some([start * start; 4]), next).map(move |[square, ..]| h * square / 2.0)
}
