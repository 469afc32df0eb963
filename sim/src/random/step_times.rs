//! Table of measured step times: worker, step, seconds.
//!
//! The table keeps what a list of numbers loses: which times are one worker's, in the order of its steps, and which belong
//! to one step of all workers. From it come the four ways to draw from measurements (pooled, by worker, whole steps, blocks
//! of steps) and the figures that tell which of them is needed: shares of the variance, and correlation from step to step.

mod statistics;

pub use statistics::VarianceShares;

use std::ops::Range;

/// One measured time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepTime {
    /// Number of the worker.
    pub worker: u32,
    /// Number of the step. Numbers may have gaps; their order is the order of time.
    pub step: u64,
    /// How long the step took this worker, s. NaN where nothing was measured.
    pub seconds: f64,
}

/// Measured values that are not in the table, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Nothing was measured, or what was measured is not a number.
    pub missing: u64,
    /// Zero seconds: a clock too coarse, or a step that was not made.
    pub zero: u64,
    /// Less than zero, or infinite.
    pub impossible: u64,
    /// First steps that were left out on request.
    pub first: u64,
}

impl Dropped {
    /// All of them.
    pub fn total(self) -> u64 {
        self.missing + self.zero + self.impossible + self.first
    }
}

/// Whole steps: those for which every worker has a time.
#[derive(Clone, Debug, PartialEq)]
pub struct StepRows {
    /// Their numbers, ascending.
    pub steps: Vec<u64>,
    /// Number of workers: the length of a row.
    pub workers: usize,
    /// Seconds, row after row; steps x workers.
    pub seconds: Vec<f64>,
}

impl StepRows {
    /// The times of all workers, step by step.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f64]> + Clone {
        self.seconds.chunks_exact(self.workers)
    }

    /// How many whole steps there are.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// Measured step times of some workers: every time is positive and finite, every worker has at least one, and no worker has
/// two for one step.
///
/// ```
/// use straggle_sim::random::step_times::{StepTime, StepTimes};
/// let times = [(0, 0, 1.0), (0, 1, 2.0), (1, 0, 3.0), (1, 1, f64::NAN)];
/// let table = StepTimes::new(times.map(|(worker, step, seconds)| StepTime { worker, step, seconds })).unwrap();
/// assert_eq!(table.of_worker(0), [1.0, 2.0]);
/// assert_eq!(table.pooled(), [1.0, 2.0, 3.0]);
/// assert_eq!(table.rows().seconds, [1.0, 3.0]); // step 1 is not whole
/// assert_eq!(table.dropped().missing, 1);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct StepTimes {
    labels: Vec<String>,
    /// Distinct numbers of steps, ascending.
    steps: Vec<u64>,
    /// Where each worker's times begin; one more than there are workers.
    starts: Vec<usize>,
    /// Worker after worker, each in the order of its steps.
    seconds: Vec<f64>,
    /// The step of each of `seconds`, as an index of `steps`.
    at: Vec<u32>,
    dropped: Dropped,
}

/// Why measured times make no table.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StepTimesError {
    /// No worker has a usable time.
    #[error("no step time is left: {} missing or not a number, {} zero, {} negative or infinite, {} first steps left out", .dropped.missing, .dropped.zero, .dropped.impossible, .dropped.first)]
    Empty {
        /// What was dropped.
        dropped: Dropped,
    },
    /// A worker has no usable time.
    #[error("worker {worker} has no usable step time")]
    WorkerEmpty {
        /// Which.
        worker: String,
    },
    /// A worker has two times for one step.
    #[error("worker {worker} has two times for step {step}")]
    Twice {
        /// Which worker.
        worker: String,
        /// Which step.
        step: u64,
    },
    /// Their squares add up to no number.
    #[error("a step time of {seconds:e} s is too long to calculate with")]
    TooLong {
        /// The longest, s.
        seconds: f64,
    },
    /// More values than can be numbered.
    #[error("{values} step times are more than can be held")]
    TooMany {
        /// How many.
        values: usize,
    },
}

impl StepTimes {
    /// A table of `times`, in any order, whose workers are called by their numbers. Times that are missing, zero, negative
    /// or infinite are dropped and counted.
    ///
    /// # Errors
    /// [`StepTimesError`] if a worker, or all of them, have no usable time, or a worker has two for one step.
    pub fn new(times: impl IntoIterator<Item = StepTime>) -> Result<StepTimes, StepTimesError> {
        StepTimes::labelled(times, |worker| worker.to_string())
    }

    /// The same, with a name for each worker.
    ///
    /// # Errors
    /// As [`StepTimes::new`].
    pub fn labelled(
        times: impl IntoIterator<Item = StepTime>,
        label: impl Fn(u32) -> String,
    ) -> Result<StepTimes, StepTimesError> {
        let mut times: Vec<StepTime> = times.into_iter().collect();
        if times.len() > u32::MAX as usize {
            return Err(StepTimesError::TooMany { values: times.len() });
        }
        times.sort_by_key(|time| (time.worker, time.step));
        let mut steps: Vec<u64> = times.iter().map(|time| time.step).collect();
        steps.sort_unstable();
        steps.dedup();

        let mut table = StepTimes {
            labels: Vec::new(),
            steps: Vec::new(),
            starts: vec![0],
            seconds: Vec::with_capacity(times.len()),
            at: Vec::with_capacity(times.len()),
            dropped: Dropped::default(),
        };
        let mut empty = None;
        for of_worker in times.chunk_by(|a, b| a.worker == b.worker) {
            let name = label(of_worker[0].worker);
            if let Some(pair) = of_worker.windows(2).find(|pair| pair[0].step == pair[1].step) {
                return Err(StepTimesError::Twice { worker: name, step: pair[0].step });
            }
            for time in of_worker {
                match time.seconds {
                    s if s.is_nan() => table.dropped.missing += 1,
                    0.0 => table.dropped.zero += 1,
                    s if !(s > 0.0 && s.is_finite()) => table.dropped.impossible += 1,
                    s => {
                        table.seconds.push(s);
                        table.at.push(steps.partition_point(|&step| step < time.step) as u32);
                    }
                }
            }
            if table.seconds.len() == table.starts[table.starts.len() - 1] {
                empty.get_or_insert_with(|| name.clone());
            }
            table.labels.push(name);
            table.starts.push(table.seconds.len());
        }
        table.steps = steps;
        if !table.seconds.iter().map(|s| s * s).sum::<f64>().is_finite() {
            let seconds = table.seconds.iter().copied().fold(0.0, f64::max);
            return Err(StepTimesError::TooLong { seconds });
        }
        match empty {
            _ if table.seconds.is_empty() => Err(StepTimesError::Empty { dropped: table.dropped }),
            Some(worker) => Err(StepTimesError::WorkerEmpty { worker }),
            None => Ok(table),
        }
    }

    /// One worker's times, step after step.
    ///
    /// # Errors
    /// As [`StepTimes::new`].
    pub fn of_one(seconds: impl IntoIterator<Item = f64>) -> Result<StepTimes, StepTimesError> {
        let times = (0..).zip(seconds).map(|(step, seconds)| StepTime { worker: 0, step, seconds });
        StepTimes::new(times)
    }

    /// Number of workers.
    pub fn workers(&self) -> usize {
        self.labels.len()
    }

    /// The workers' names, in the order of their numbers.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Distinct numbers of steps, ascending.
    pub fn steps(&self) -> &[u64] {
        &self.steps
    }

    /// Number of times, of all workers; at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a table is never empty")]
    pub fn len(&self) -> usize {
        self.seconds.len()
    }

    /// What was dropped.
    pub fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// All times, s, worker after worker.
    pub fn pooled(&self) -> &[f64] {
        &self.seconds
    }

    /// The times of the worker at an index below [`workers`](StepTimes::workers), s, in the order of its steps.
    pub fn of_worker(&self, worker: usize) -> &[f64] {
        &self.seconds[self.range(worker)]
    }

    fn range(&self, worker: usize) -> Range<usize> {
        self.starts[worker]..self.starts[worker + 1]
    }

    /// All values with their keys, worker after worker; workers by index.
    pub fn iter(&self) -> impl Iterator<Item = StepTime> {
        (0..self.workers()).flat_map(move |worker| {
            self.range(worker).map(move |i| StepTime {
                worker: worker as u32,
                step: self.steps[self.at[i] as usize],
                seconds: self.seconds[i],
            })
        })
    }

    /// The steps for which every worker has a time.
    pub fn rows(&self) -> StepRows {
        let workers = self.workers();
        let mut have = vec![0u32; self.steps.len()];
        self.at.iter().for_each(|&step| have[step as usize] += 1);
        let mut row_of = vec![usize::MAX; self.steps.len()];
        let whole: Vec<usize> = (0..have.len()).filter(|&step| have[step] as usize == workers).collect();
        whole.iter().enumerate().for_each(|(row, &step)| row_of[step] = row);
        let mut seconds = vec![0.0; whole.len() * workers];
        for worker in 0..workers {
            for i in self.range(worker) {
                let row = row_of[self.at[i] as usize];
                if row != usize::MAX {
                    seconds[row * workers + worker] = self.seconds[i];
                }
            }
        }
        StepRows { steps: whole.into_iter().map(|step| self.steps[step]).collect(), workers, seconds }
    }

    /// The table without the first `count` steps of each worker, which are counted as dropped.
    ///
    /// # Errors
    /// If a worker has no more steps than that.
    pub fn skip_first(&self, count: usize) -> Result<StepTimes, StepTimesError> {
        let mut first = 0;
        let kept = (0..self.workers()).flat_map(|worker| self.range(worker).skip(count)).collect::<Vec<_>>();
        for worker in 0..self.workers() {
            let range = self.range(worker);
            if range.len() <= count {
                return Err(StepTimesError::WorkerEmpty { worker: self.labels[worker].clone() });
            }
            first += count as u64;
        }
        let mut table = self.kept(&kept, 0..self.workers());
        table.dropped = Dropped { first: self.dropped.first + first, ..self.dropped };
        Ok(table)
    }

    /// The part of the table that is some workers, by index and in that order, in a range of [`steps`](StepTimes::steps), by
    /// index; workers without a time in that range are left out. `None` if nothing is in that part.
    pub fn part(&self, workers: impl IntoIterator<Item = usize>, steps: Range<usize>) -> Option<StepTimes> {
        let inside = |&i: &usize| steps.contains(&(self.at[i] as usize));
        let mut kept = Vec::new();
        let present = workers.into_iter().filter(|&worker| {
            let before = kept.len();
            kept.extend(self.range(worker).filter(inside));
            kept.len() > before
        });
        let present: Vec<usize> = present.collect();
        let table = self.kept(&kept, present);
        (!kept.is_empty()).then_some(StepTimes { dropped: Dropped::default(), ..table })
    }

    /// The values at indices that are grouped by the workers named.
    fn kept(&self, kept: &[usize], workers: impl IntoIterator<Item = usize>) -> StepTimes {
        let mut next = kept.iter().copied().peekable();
        let (mut labels, mut starts) = (Vec::new(), vec![0]);
        let mut taken = 0;
        for worker in workers {
            let range = self.range(worker);
            while next.next_if(|i| range.contains(i)).is_some() {
                taken += 1;
            }
            labels.push(self.labels[worker].clone());
            starts.push(taken);
        }
        let mut steps: Vec<u32> = kept.iter().map(|&i| self.at[i]).collect();
        steps.sort_unstable();
        steps.dedup();
        StepTimes {
            labels,
            starts,
            seconds: kept.iter().map(|&i| self.seconds[i]).collect(),
            at: kept.iter().map(|&i| steps.partition_point(|&step| step < self.at[i]) as u32).collect(),
            steps: steps.into_iter().map(|step| self.steps[step as usize]).collect(),
            dropped: self.dropped,
        }
    }
}

#[cfg(test)]
mod tests;
