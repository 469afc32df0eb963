//! Computing times of all workers: a law for each, or whole measured steps, which keep what they know of each other.
//!
//! Times that are drawn one by one forget which worker was slow all the time, which steps were slow for everybody, and what
//! lasts from step to step. A measured table can be drawn from in four ways ([`Dependence`]), each of which keeps more.

use crate::random::key::{Purpose, RandomKey};
use crate::random::law::{Law, LawError, TraceSource};
use crate::random::persistence::Resampling;
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
    /// What persists, too: so many consecutive measured steps at a time, the first of them after the last (circular blocks,
    /// Politis and Romano 1992).
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
/// Worker w takes the times of measured worker w mod W; each further group of W workers has steps of its own. A block may begin at
/// any step and goes on with the first after the last, so that every measured step is as likely as any other.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    source: TraceSource,
    rows: Arc<StepRows>,
    /// The times of each measured worker, as laws.
    laws: Vec<Law>,
    block: u64,
    /// Where blocks begin, from the shortest to the longest: so that the same random number makes about as long a block of
    /// resampled rows.
    starts: Arc<[u32]>,
    /// The steps that blocks have, each as often as it is drawn.
    drawn: Arc<[u32]>,
    /// How the steps are drawn again.
    resampling: Resampling,
}

impl Rows {
    fn new(source: TraceSource, rows: StepRows, block: u64) -> Result<Rows, LawError> {
        let all: Vec<f64> = rows.iter().map(|row| row.iter().sum()).collect();
        let starts = Rows::shortest_first(&all, block);
        let drawn = (0..all.len() as u32).collect();
        let laws = Rows::laws_of(&source, &rows, &drawn)?;
        // Of a step matter its mean, where nobody waits, and its slowest, where all do.
        let slowest: Vec<f64> = rows.iter().map(|row| row.iter().copied().fold(0.0, f64::max)).collect();
        let resampling = Resampling::of(&all, block).or(Resampling::of(&slowest, block));
        Ok(Rows { source, rows: Arc::new(rows), laws, block, starts, drawn, resampling })
    }

    /// Where blocks begin, in the order of the sums of their steps' values.
    fn shortest_first(values: &[f64], block: u64) -> Arc<[u32]> {
        let in_turn = |step: u64| values[step as usize % values.len()];
        let mut within: f64 = (0..block).map(in_turn).sum();
        let mut sums = Vec::with_capacity(values.len());
        for first in 0..values.len() as u64 {
            sums.push(within);
            within += in_turn(first + block) - in_turn(first);
        }
        let mut starts: Vec<u32> = (0..values.len() as u32).collect();
        starts.sort_by(|&a, &b| sums[a as usize].total_cmp(&sums[b as usize]));
        starts.into()
    }

    /// The same steps with blocks in the order of something else that each step has.
    pub(crate) fn in_order_of(&self, of: impl Fn(&[f64]) -> f64) -> Rows {
        let values: Vec<f64> = self.rows.iter().map(of).collect();
        Rows { starts: Rows::shortest_first(&values, self.block), ..self.clone() }
    }

    /// The times of each measured worker in these steps.
    fn laws_of(source: &TraceSource, rows: &StepRows, steps: &Arc<[u32]>) -> Result<Vec<Law>, LawError> {
        let of = |worker| steps.iter().map(|&step| rows.seconds[step as usize * rows.workers + worker]).collect();
        (0..rows.workers).map(|worker| Law::trace(source.clone(), of(worker))).collect()
    }

    /// Seconds of a worker's `step`-th step.
    #[inline]
    pub(crate) fn draw(&self, key: RandomKey, worker: u32, step: u64) -> f64 {
        let (steps, width) = (self.rows.len(), self.rows.workers);
        let (group, column) = (worker as usize / width, worker as usize % width);
        let word = key.word(Purpose::Rows, group as u32, step / self.block);
        let first = self.starts[below(word, self.starts.len())] as usize;
        self.rows.seconds[(first + (step % self.block) as usize) % steps * width + column]
    }

    /// Mean of the `k`-th smallest time of the first `workers` workers at their speeds over the steps as they are drawn, s;
    /// `None` of more workers than were measured.
    pub(crate) fn mean_of_kth(&self, k: u32, workers: u32, speed: impl Fn(u32) -> f64) -> Option<f64> {
        let (m, width) = (workers as usize, self.rows.workers);
        if m > width {
            return None;
        }
        let mut sum = 0.0;
        let mut times = Vec::with_capacity(m);
        for &step in self.drawn.iter() {
            let row = &self.rows.seconds[step as usize * width..];
            times.clear();
            times.extend((0..).zip(&row[..m]).map(|(w, seconds)| seconds / speed(w)));
            sum += *times.select_nth_unstable_by(k as usize - 1, f64::total_cmp).1;
        }
        Some(sum / self.drawn.len() as f64)
    }

    /// Measured steps, drawn again in stretches of consecutive ones: what persists from step to step stays together, and means of
    /// them scatter as means of other samples would ([`Resampling`]).
    pub(crate) fn resampled(&self, key: RandomKey) -> Rows {
        let steps = self.rows.len() as u64;
        let Resampling { stretch, stretches } = self.resampling;
        let blocks = stretch / self.block;
        let first = |stretch: u64| below(key.word(Purpose::Resample, 4, stretch), steps as usize) as u64;
        let block = |i: u64| ((first(i / blocks) + i % blocks * self.block) % steps) as usize;
        let mut rank = vec![0; steps as usize];
        (0..).zip(self.starts.iter()).for_each(|(place, &start): (u32, _)| rank[start as usize] = place);
        let mut chosen: Vec<u32> = (0..stretches * blocks).map(|i| rank[block(i)]).collect();
        chosen.sort_unstable();
        let starts: Vec<u32> = chosen.into_iter().map(|place| self.starts[place as usize]).collect();
        let within = |&first: &u32| (0..self.block).map(move |after| ((u64::from(first) + after) % steps) as u32);
        let drawn = starts.iter().flat_map(within).collect();
        let laws = Rows::laws_of(&self.source, &self.rows, &drawn).expect("each of them was a time before");
        Rows { laws, starts: starts.into(), drawn, ..self.clone() }
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

/// A random word made uniform below `n`: the high half of a 64 x 64 bit product.
#[inline]
fn below(word: u64, n: usize) -> usize {
    ((u128::from(word) * n as u128) >> 64) as usize
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
            return Err(LawError::Steps { trace: source.clone(), whole: rows.len() });
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
        self.law(worker).mean()
    }

    /// The laws of single steps, repeated over the workers.
    pub fn laws(&self) -> &[Law] {
        match self {
            Compute::Laws(laws) => laws,
            Compute::Rows(rows) => &rows.laws,
        }
    }

    /// How many consecutive steps are drawn at a time.
    pub fn block(&self) -> f64 {
        match self {
            Compute::Laws(_) => 1.0,
            Compute::Rows(rows) => rows.block as f64,
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
