//! Repeats of a configuration, summed up: the median of times, as others on the machine only ever make them longer, and
//! the mean of what is learnt.

use super::{Measured, Measurement};
use validation::{Expectation, Method, Score};

/// What the repeats of a configuration come to.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    /// The policy.
    pub method: Method,
    /// Samples.
    pub samples: usize,
    /// Workers.
    pub workers: u32,
    /// Seconds, without warm-up.
    pub time_s: f64,
    /// Seconds of warm-up.
    pub warmup_s: f64,
    /// Steps per second over those of one worker in the same repeat.
    pub speedup: f64,
    /// Mean computing time of a step, s.
    pub compute_s: f64,
    /// In the last epoch, over all workers.
    pub train: Score,
    /// At the end.
    pub test: Score,
    /// Updates.
    pub staleness: f64,
    /// What was predicted.
    pub expectation: Expectation,
}

impl Summary {
    /// Speed-up per worker.
    pub fn efficiency(&self) -> f64 {
        self.speedup / f64::from(self.workers)
    }
}

impl Measured {
    /// Steps per second over those of one worker in the same repeat, with as many samples.
    pub fn speedup(&self, finished: &Measurement) -> f64 {
        let trial = finished.trial;
        let alone = validation::Trial { workers: 1, ..trial };
        let base = self.finished.iter().find(|other| other.trial == alone).expect("one worker runs first");
        finished.outcome.rate() / base.outcome.rate()
    }

    /// One for each method, number of samples and number of workers.
    pub fn summaries(&self) -> Vec<Summary> {
        let plan = &self.plan;
        let mut summaries = Vec::new();
        for &method in &plan.policies {
            for &samples in &plan.samples {
                summaries.extend(plan.workers.iter().filter_map(|&workers| self.summary(method, samples, workers)));
            }
        }
        summaries
    }

    fn summary(&self, method: Method, samples: usize, workers: u32) -> Option<Summary> {
        let is_here = |f: &&Measurement| {
            let trial = f.trial;
            (trial.method, trial.samples, trial.workers) == (method, samples, workers)
        };
        let these: Vec<&Measurement> = self.finished.iter().filter(is_here).collect();
        let first = these.first()?;
        let mean = |of: &dyn Fn(&Measurement) -> f64| these.iter().map(|f| of(f)).sum::<f64>() / these.len() as f64;
        let median = |of: &dyn Fn(&Measurement) -> f64| median(these.iter().map(|f| of(f)).collect());
        let scores = |of: &dyn Fn(&Measurement) -> Score| Score::mean(&these.iter().map(|f| of(f)).collect::<Vec<_>>());
        Some(Summary {
            method,
            samples,
            workers,
            time_s: median(&|f| f.outcome.wall_time_s),
            warmup_s: median(&|f| f.outcome.warmup_s),
            speedup: median(&|f| self.speedup(f)),
            compute_s: median(&|f| f.outcome.compute_s),
            train: scores(&|f| f.outcome.last_training()),
            test: scores(&|f| f.outcome.test),
            staleness: mean(&|f| f.outcome.mean_staleness),
            expectation: first.expectation,
        })
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len();
    (values[(n - 1) / 2] + values[n / 2]) / 2.0
}

#[cfg(test)]
mod tests {
    #[test]
    fn half_of_the_values_are_below_the_median() {
        assert_eq!(super::median(vec![3.0]), 3.0);
        assert_eq!(super::median(vec![9.0, 1.0, 2.0]), 2.0);
        assert_eq!(super::median(vec![9.0, 1.0, 2.0, 4.0]), 3.0);
    }
}
