//! Computing times of all workers: a law for each, or whole measured steps, which keep what they know of each other.
//!
//! Times that are drawn one by one forget which worker was slow all the time, which steps were slow for everybody, and what
//! lasts from step to step. A measured table can be drawn from in four ways ([`Dependence`]), each of which keeps more.

use crate::random::key::{Purpose, RandomKey};
use crate::random::law::{Law, LawError, TraceSource};
use crate::random::step_times::{StepRows, StepTimes};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// What draws from a measured table keep of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dependence {
    /// Nothing: every step of every worker is one of all measured times.
    #[default]
    Pooled,
    /// Who it is: every worker draws from the times of one measured worker.
    ByWorker,
    /// What coincides: a step is a whole measured step, of all workers together.
    Rows,
    /// What persists, too: so many consecutive measured steps at a time (moving blocks, Künsch 1989).
    Blocks(u32),
}

impl fmt::Display for Dependence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Dependence::Pooled => f.write_str("pooled"),
            Dependence::ByWorker => f.write_str("by-worker"),
            Dependence::Rows => f.write_str("rows"),
            Dependence::Blocks(steps) => write!(f, "blocks:{steps}"),
        }
    }
}

impl FromStr for Dependence {
    type Err = ();

    fn from_str(text: &str) -> Result<Dependence, ()> {
        match text.replace('_', "-").as_str() {
            "pooled" => Ok(Dependence::Pooled),
            "by-worker" => Ok(Dependence::ByWorker),
            "rows" => Ok(Dependence::Rows),
            other => {
                let steps = other.strip_prefix("blocks:").and_then(|steps| steps.parse().ok());
                steps.filter(|&steps| steps > 0).map(Dependence::Blocks).ok_or(())
            }
        }
    }
}

/// How long workers of speed 1 compute in each step.
#[derive(Clone, Debug, PartialEq)]
pub enum Compute {
    /// Independent steps: a law for each worker, repeated over them.
    Laws(Vec<Law>),
    /// Whole measured steps.
    Rows(Rows),
}

/// Measured steps of all workers, drawn in blocks of consecutive ones.
///
/// Worker w takes the times of measured worker w mod W; each further group of W workers has steps of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    source: TraceSource,
    rows: Arc<StepRows>,
    /// The times of each measured worker, as laws.
    laws: Vec<Law>,
    /// Mean of each measured worker's times as they are drawn, s.
    means: Vec<f64>,
    block: u64,
}

impl Rows {
    fn new(source: TraceSource, rows: StepRows, block: u64) -> Result<Rows, LawError> {
        let column = |worker| rows.iter().map(move |row: &[f64]| row[worker]);
        let law = |worker| Law::trace(source.clone(), column(worker).collect());
        let laws = (0..rows.workers).map(law).collect::<Result<_, _>>()?;
        let mean = |worker| {
            let drawn = column(worker).zip(Rows::weights(rows.len(), block));
            let (sum, total) = drawn.fold((0.0, 0.0), |(sum, total), (seconds, w)| (sum + w * seconds, total + w));
            sum / total
        };
        let means = (0..rows.workers).map(mean).collect();
        Ok(Rows { laws, means, rows: Arc::new(rows), source, block })
    }

    /// Seconds of a worker's `step`-th step.
    #[inline]
    pub(crate) fn draw(&self, key: RandomKey, worker: u32, step: u64) -> f64 {
        let (steps, width) = (self.rows.len() as u64, self.rows.workers);
        let (group, column) = (worker as usize / width, worker as usize % width);
        let word = key.word(Purpose::Rows, group as u32, step / self.block);
        // The high half of a 64 x 64 bit product is uniform below the number of places where a block can begin.
        let first = (u128::from(word) * u128::from(steps - self.block + 1)) >> 64;
        self.rows.seconds[(first as usize + (step % self.block) as usize) * width + column]
    }

    /// How often a measured step is drawn, relative to others: those near the ends are in fewer blocks.
    fn weights(steps: usize, block: u64) -> impl Iterator<Item = f64> {
        let (steps, block) = (steps as u64, block);
        (0..steps).map(move |i| (i.min(steps - block) + 1 - (i + 1).saturating_sub(block)) as f64)
    }

    /// Mean of the `k`-th smallest time of the first `workers` workers at their speeds over the steps as they are drawn, s;
    /// `None` of more workers than were measured.
    pub(crate) fn mean_of_kth(&self, k: u32, workers: u32, speed: impl Fn(u32) -> f64) -> Option<f64> {
        let m = workers as usize;
        if m > self.rows.workers {
            return None;
        }
        let (mut sum, mut total) = (0.0, 0.0);
        let mut times = Vec::with_capacity(m);
        for (row, weight) in self.rows.iter().zip(Rows::weights(self.rows.len(), self.block)) {
            times.clear();
            times.extend((0..).zip(&row[..m]).map(|(w, seconds)| seconds / speed(w)));
            let (_, kth, _) = times.select_nth_unstable_by(k as usize - 1, f64::total_cmp);
            sum += weight * *kth;
            total += weight;
        }
        Some(sum / total)
    }

    /// As many measured steps, drawn again in blocks of consecutive ones from a circle (Politis and Romano 1992): what persists
    /// from step to step stays together. Blocks are as long as those that are drawn from, or the cube root of the number of steps.
    pub(crate) fn resampled(&self, key: RandomKey) -> Rows {
        let (steps, width) = (self.rows.len() as u64, self.rows.workers);
        let block = self.block.max((steps as f64).cbrt().ceil() as u64);
        let begin = |number: u64| {
            let word = key.word(Purpose::Resample, 4, number);
            ((u128::from(word) * u128::from(steps)) >> 64) as u64
        };
        let row = |i: u64| ((begin(i / block) + i % block) % steps) as usize;
        let seconds = (0..steps).flat_map(|i| self.rows.seconds[row(i) * width..][..width].iter().copied()).collect();
        let rows = StepRows { steps: self.rows.steps.clone(), workers: width, seconds };
        Rows::new(self.source.clone(), rows, self.block).expect("each of them was a time before")
    }

    /// The law of something that each measured step has: positive seconds.
    pub(crate) fn law_of(&self, of: impl Fn(&[f64]) -> f64) -> Law {
        Law::trace(self.source.clone(), self.rows.iter().map(of).collect())
            .expect("positive seconds of positive seconds")
    }

    /// The measured steps.
    pub fn steps(&self) -> &StepRows {
        &self.rows
    }

    /// How many consecutive ones are drawn at a time.
    pub fn block(&self) -> u64 {
        self.block
    }
}

impl Compute {
    /// Draws from a measured table in the way that its source names.
    ///
    /// # Errors
    /// [`LawError`] if the table cannot be drawn from in that way.
    pub fn measured(source: &TraceSource, times: &StepTimes) -> Result<Compute, LawError> {
        let law = |seconds: &[f64]| Law::trace(source.clone(), seconds.to_vec());
        let by_worker = || (0..times.workers()).map(|worker| law(times.of_worker(worker))).collect::<Result<_, _>>();
        let block = match source.dependence {
            Dependence::Pooled => return Ok(Compute::Laws(vec![law(times.pooled())?])),
            Dependence::ByWorker => return Ok(Compute::Laws(by_worker()?)),
            Dependence::Rows => 1,
            Dependence::Blocks(steps) => u64::from(steps),
        };
        let rows = times.rows();
        if (rows.len() as u64) < block {
            return Err(LawError::Steps { source: source.clone(), whole: rows.len() });
        }
        Rows::new(source.clone(), rows, block).map(Compute::Rows)
    }

    /// The law of a worker's single steps.
    pub fn law(&self, worker: u32) -> &Law {
        let laws = self.laws();
        &laws[worker as usize % laws.len()]
    }

    /// Mean of a worker's single steps, s.
    pub fn mean(&self, worker: u32) -> f64 {
        match self {
            Compute::Laws(_) => self.law(worker).mean(),
            Compute::Rows(rows) => rows.means[worker as usize % rows.means.len()],
        }
    }

    /// The laws of single steps, repeated over the workers.
    pub fn laws(&self) -> &[Law] {
        match self {
            Compute::Laws(laws) => laws,
            Compute::Rows(rows) => &rows.laws,
        }
    }

    /// Whether steps are independent, of one worker and between workers.
    pub fn is_independent(&self) -> bool {
        match self {
            Compute::Laws(laws) => laws.iter().all(Law::is_independent),
            Compute::Rows(_) => false,
        }
    }
}

impl From<Law> for Compute {
    fn from(law: Law) -> Compute {
        Compute::Laws(vec![law])
    }
}

impl fmt::Display for Compute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Compute::Rows(rows) => rows.source.fmt(f),
            Compute::Laws(laws) => {
                // A trace by worker is typed once.
                let distinct = laws.windows(2).any(|pair| pair[0].to_string() != pair[1].to_string());
                let shown = if distinct { &laws[..] } else { &laws[..1] };
                shown.iter().enumerate().try_for_each(|(i, law)| write!(f, "{}{law}", if i > 0 { "; " } else { "" }))
            }
        }
    }
}
