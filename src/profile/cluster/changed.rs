//! The cluster of a profile changed: a worker slower, or left out, work shared by speed, nobody straggling.

use super::{Described, Steps};
use sim::Law;

impl Described {
    /// The same, and one of `most` workers, by its name or its number, takes `factor` times as long.
    pub fn slower(&self, worker: &str, factor: f64, most: u32) -> Option<Described> {
        let mut changed = self.clone();
        if changed.slowness.is_empty() {
            // All are alike: as many of them as there may be, so that one can be another.
            let index = worker.parse().ok().filter(|&index: &usize| index < most as usize)?;
            (changed.slowness, changed.numbers) = (vec![1.0; most as usize], (0..most as usize).collect());
            changed.slowness[index] *= factor;
            if let Steps::Laws(laws) = &self.steps {
                changed.steps = Steps::Laws(vec![laws[0].clone(); most as usize]);
            }
        } else {
            let index = self.find(worker)?;
            changed.slowness[index] *= factor;
        }
        changed.sort();
        Some(changed)
    }

    /// The place of a worker that is told apart, by its name, or `slowest`.
    pub fn find(&self, worker: &str) -> Option<usize> {
        let workers = self.workers();
        match worker {
            "slowest" => workers.len().checked_sub(1),
            name => workers.iter().position(|one| one.name == name),
        }
    }

    /// The same without the worker at a place; `None` if nobody is left, or all are alike.
    pub fn without(&self, place: usize) -> Option<Described> {
        let others: Vec<usize> = (0..self.slowness.len()).filter(|&other| other != place).collect();
        let mut changed = self.clone();
        changed.keep(&others);
        (!others.is_empty() && others.len() < self.slowness.len()).then_some(changed)
    }

    /// The same work for all together, shared in proportion to the workers' speeds, so that all take the same time on average.
    pub fn balanced(&self) -> Described {
        let means: Vec<f64> = self.workers().iter().map(|worker| worker.mean_s).collect();
        let harmonic_s = means.len() as f64 / means.iter().map(|mean_s| 1.0 / mean_s).sum::<f64>();
        let slowness =
            self.slowness.iter().zip(&means).map(|(slowness, mean_s)| slowness * harmonic_s / mean_s).collect();
        Described { slowness, ..self.clone() }
    }

    /// The same where every worker takes its own median in every step.
    pub fn at_own_medians(&self) -> Described {
        let steps = match &self.steps {
            Steps::Laws(laws) => Steps::Laws(laws.iter().map(|law| constant(law.quantile(0.5))).collect()),
            Steps::Measured(times, _) if self.slowness.is_empty() => {
                Steps::Laws(vec![constant(median(times.pooled()))])
            }
            Steps::Measured(times, _) => {
                Steps::Laws((0..times.workers()).map(|worker| constant(median(times.of_worker(worker)))).collect())
            }
        };
        Described { steps, ..self.clone() }
    }

    /// The same where every worker takes, in every step, what the middle one of them takes, on average over the steps.
    pub fn without_stragglers(&self) -> Described {
        let seconds = match &self.steps {
            Steps::Laws(laws) => {
                let slowness = |worker: usize| self.slowness.get(worker).copied().unwrap_or(1.0);
                median(&laws.iter().enumerate().map(|(w, law)| law.quantile(0.5) * slowness(w)).collect::<Vec<_>>())
            }
            Steps::Measured(times, _) => {
                let rows = times.rows();
                match rows.is_empty() || rows.workers < 3 {
                    true => median(times.pooled()),
                    false => rows.iter().map(median).sum::<f64>() / rows.len() as f64,
                }
            }
        };
        Described { steps: Steps::Laws(vec![constant(seconds)]), slowness: Vec::new(), ..self.clone() }
    }
}

fn constant(value: f64) -> Law {
    Law::Constant { value }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0
}
