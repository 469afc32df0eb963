//! Computing times of several of each worker's next steps, drawn at once.
//!
//! Vector code, and worked out while the processor does something else instead of between two events.

use crate::cluster::variates::Variates;

/// The computing times of each worker's next steps.
pub(crate) struct Ahead {
    times_s: Vec<[f64; AHEAD]>,
}

/// Steps of a worker that are drawn at once.
const AHEAD: usize = 16;

/// Up to so many workers; the times of more would not stay in the cache.
const FEW: u32 = 10_000;

impl Ahead {
    pub(crate) fn new(workers: u32) -> Ahead {
        Ahead { times_s: vec![[0.0; AHEAD]; if workers <= FEW { workers as usize } else { 0 }] }
    }

    /// The time of a worker's next step, s.
    #[inline(always)]
    pub(crate) fn seconds(&mut self, draws: &Variates, worker: u32, step: u64) -> f64 {
        let Some(times_s) = self.times_s.get_mut(worker as usize) else { return draws.compute_s(worker, step) };
        let place = step as usize % AHEAD;
        if place == 0 {
            draws.fill_compute_s(times_s, worker, (step, 1));
        }
        times_s[place]
    }
}
