//! Choice of a model by the prediction of steps that were kept aside.
//!
//! The steps are cut into folds of consecutive ones. Each fold in turn is kept aside and predicted from the others by every
//! candidate ([`questions`]); the error of a candidate is the root mean square of its relative errors. The simplest candidate
//! is chosen whose error is within one standard error of the least, taken from the paired differences over the folds
//! (Breiman, Friedman, Olshen and Stone 1984, section 3.4.3; Hastie, Tibshirani and Friedman 2009, section 7.10).
//!
//! What the choice is worth is then told of the first half of the steps predicting the second, with an interval from moving
//! blocks of steps of both halves (Künsch 1989), as stalls are few and last: steps that are resampled one by one would
//! promise too much.

use crate::predict::candidate::{Candidate, Question, below, measured, predictions, questions};
use crate::random::key::{Purpose, RandomKey};
use crate::random::step_times::{StepRows, StepTimes};
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Whole steps that are needed for a choice by prediction.
pub const FEWEST_STEPS: usize = 8;

/// Resamplings behind each interval.
const RESAMPLINGS: u64 = 100;

/// A candidate and how it did.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The candidate.
    pub candidate: Candidate,
    /// Root mean square of relative errors over questions, mean over the folds.
    pub error: f64,
    /// How much more that is than the best candidate's, and the standard error of that, from fold to fold.
    pub excess: (f64, f64),
    /// The slowest of all workers in a step, predicted from the first half of the steps, s.
    pub predicted_s: f64,
    /// Relative error of that prediction, against the second half.
    pub held_out: Interval,
}

/// A number and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The number.
    pub value: f64,
    /// Half of its width.
    pub half_width: f64,
}

impl Interval {
    /// Whether it holds a value.
    pub fn holds(self, value: f64) -> bool {
        (self.value - value).abs() <= self.half_width
    }
}

/// All candidates, in the order of their simplicity, and which of them was chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Every candidate.
    pub trials: Vec<Trial>,
    /// The one that was chosen.
    pub chosen: Candidate,
    /// The slowest of all workers in a step of the second half, s.
    pub measured_s: f64,
    /// Whole steps that were used.
    pub steps: usize,
    /// Steps in a block that is resampled.
    pub block: usize,
}

impl Choice {
    /// How the chosen candidate did.
    pub fn trial(&self) -> &Trial {
        self.trials.iter().find(|trial| trial.candidate == self.chosen).expect("one of them was chosen")
    }
}

/// Chooses among the candidates; `None` of a single worker, or of fewer whole steps than [`FEWEST_STEPS`].
pub fn choose(times: &StepTimes, seed: u64) -> Option<Choice> {
    let rows = times.rows();
    if rows.workers < 2 || rows.len() < FEWEST_STEPS {
        return None;
    }
    let folds = if rows.len() < 40 { 4 } else { 8 };
    let key = |fold: usize| RandomKey::new(seed, fold as u64);
    let candidates = candidates(rows.len() - rows.len().div_ceil(folds));
    let mut errors: Vec<Vec<f64>> = vec![Vec::new(); candidates.len()];
    for fold in 0..folds {
        let (from, to) = (fold * rows.len() / folds, (fold + 1) * rows.len() / folds);
        let (rest, aside) = (without(&rows, from, to), part(&rows, from, to));
        let questions = questions(rows.workers, aside.len());
        let truth: Vec<f64> = questions.iter().map(|question| measured(&aside, *question)).collect();
        for (errors, &candidate) in errors.iter_mut().zip(&candidates) {
            let said = predictions(candidate, &rest, &questions, key(fold));
            let squares: f64 = said.iter().zip(&truth).map(|(said, true_s)| (said / true_s - 1.0).powi(2)).sum();
            errors.push((squares / truth.len() as f64).sqrt());
        }
    }
    let mean = |errors: &[f64]| errors.iter().sum::<f64>() / errors.len() as f64;
    let best = errors.iter().min_by(|a, b| mean(a).total_cmp(&mean(b))).expect("several candidates").clone();
    let excess = |errors: &[f64]| {
        let differences: Vec<f64> = errors.iter().zip(&best).map(|(error, best)| error - best).collect();
        let centre = mean(&differences);
        let squares: f64 = differences.iter().map(|d| (d - centre) * (d - centre)).sum();
        (centre, (squares / (folds * (folds - 1)) as f64).sqrt())
    };
    let excesses: Vec<(f64, f64)> = errors.iter().map(|errors| excess(errors)).collect();
    // Less than the noise of the draws behind a prediction is no reason for a less simple model.
    let within = |(more, error): &(f64, f64)| *more <= error.max(4e-4);
    let chosen = excesses.iter().position(within).expect("the best is within any error of itself");

    let block = block_length(&rows);
    let half = rows.len() / 2;
    let (first, second) = (part(&rows, 0, half), part(&rows, half, rows.len()));
    let sync = Question { workers: rows.workers, steps: 1 };
    let measured_s = measured(&second, sync);
    let trial = |((&candidate, errors), &excess): ((&Candidate, &Vec<f64>), &(f64, f64))| {
        let predicted_s = predictions(candidate, &first, &[sync], key(folds))[0];
        let held_out = held_out(candidate, &first, &second, sync, block, seed);
        Trial { candidate, error: mean(errors), excess, predicted_s, held_out }
    };
    Some(Choice {
        trials: candidates.iter().zip(&errors).zip(&excesses).map(trial).collect(),
        chosen: candidates[chosen],
        measured_s,
        steps: rows.len(),
        block,
    })
}

/// The candidates that so many steps allow.
fn candidates(steps: usize) -> Vec<Candidate> {
    let blocks = [4, 16].into_iter().filter(|&length| length as usize * 4 <= steps).map(Candidate::Blocks);
    [Candidate::Pooled, Candidate::ByWorker, Candidate::Rows].into_iter().chain(blocks).collect()
}

/// Relative error of the prediction from the first rows against the second ones, with the interval that moving blocks of both
/// give: what the error would be if nothing but chance were in it, around what it is.
fn held_out(
    candidate: Candidate,
    first: &StepRows,
    second: &StepRows,
    question: Question,
    block: usize,
    seed: u64,
) -> Interval {
    let say = |first: &StepRows, second: &StepRows, key: RandomKey| {
        predictions(candidate, first, &[question], key)[0] / measured(second, question) - 1.0
    };
    let value = say(first, second, RandomKey::new(seed, 0));
    let again = |r: u64| {
        let key = RandomKey::new(seed, 1 + r);
        say(&resampled(first, block, key, 1), &resampled(second, block, key, 2), key)
    };
    let errors: Vec<f64> = (0..RESAMPLINGS).map(again).collect();
    let centre = errors.iter().sum::<f64>() / RESAMPLINGS as f64;
    let sd = (errors.iter().map(|e| (e - centre) * (e - centre)).sum::<f64>() / (RESAMPLINGS - 1) as f64).sqrt();
    let blocks = (first.len().min(second.len()) as f64 / block as f64).max(2.0);
    let t = StudentsT::new(0.0, 1.0, blocks - 1.0).expect("at least one degree of freedom").inverse_cdf(0.975);
    Interval { value, half_width: t * (blocks / (blocks - 1.0)).sqrt() * sd }
}

/// As many rows, in moving blocks.
pub(crate) fn resampled(rows: &StepRows, block: usize, key: RandomKey, what: u64) -> StepRows {
    let mut stream = key.at(Purpose::Compute, u32::MAX - 65, what);
    let block = block.min(rows.len());
    let mut seconds = Vec::with_capacity(rows.seconds.len());
    while seconds.len() < rows.seconds.len() {
        let from = below(&mut stream, rows.len() - block + 1) * rows.workers;
        let more = (rows.seconds.len() - seconds.len()).min(block * rows.workers);
        seconds.extend_from_slice(&rows.seconds[from..from + more]);
    }
    StepRows { seconds, ..rows.clone() }
}

/// Steps after which the slowest worker of a step says no more of the next one: where its autocorrelation is lost in its
/// noise, 2/sqrt(n), but at least the cube root of the number of steps, and at most an eighth of them.
pub(crate) fn block_length(rows: &StepRows) -> usize {
    let slowest: Vec<f64> = rows.iter().map(|row| row.iter().copied().fold(0.0, f64::max)).collect();
    let n = slowest.len();
    let centre = slowest.iter().sum::<f64>() / n as f64;
    let covariance = |lag: usize| -> f64 {
        slowest.iter().zip(&slowest[lag..]).map(|(a, b)| (a - centre) * (b - centre)).sum::<f64>() / n as f64
    };
    let noise = 2.0 / (n as f64).sqrt() * covariance(0);
    let lost = (1..n / 4).find(|&lag| covariance(lag).abs() <= noise).unwrap_or(n / 4);
    lost.max((n as f64).cbrt().ceil() as usize).min(n / 8).max(1)
}

pub(crate) fn part(rows: &StepRows, from: usize, to: usize) -> StepRows {
    let seconds = rows.seconds[from * rows.workers..to * rows.workers].to_vec();
    StepRows { steps: rows.steps[from..to].to_vec(), workers: rows.workers, seconds }
}

fn without(rows: &StepRows, from: usize, to: usize) -> StepRows {
    let (before, after) = (part(rows, 0, from), part(rows, to, rows.len()));
    StepRows {
        steps: [before.steps, after.steps].concat(),
        workers: rows.workers,
        seconds: [before.seconds, after.seconds].concat(),
    }
}

/// Whether the times of a step are equal for all workers, within 1 %, in nine steps of ten: they end after a collective, and
/// say how long the slowest took.
pub fn are_equalised(times: &StepTimes) -> bool {
    let rows = times.rows();
    let equal = |row: &[f64]| {
        let (low, high) = row.iter().fold((f64::INFINITY, 0.0f64), |(low, high), &x| (low.min(x), high.max(x)));
        high <= 1.01 * low
    };
    // Times that hardly vary at all are equal without a collective.
    let varies = times.coefficient_of_variation() > 0.01;
    rows.workers >= 2
        && rows.len() >= 4
        && varies
        && rows.iter().filter(|row| equal(row)).count() * 10 >= rows.len() * 9
}

/// First steps each of which is longer by a quarter than any that comes after them, as those that compile or warm up are: how many,
/// and how many times the median of all steps the longest of them is. At most ten are looked at, and a tenth of all.
pub fn slow_start(times: &StepTimes) -> Option<(usize, f64)> {
    let mut of_step: Vec<(f64, u32)> = vec![(0.0, 0); times.steps().len()];
    for time in times.iter() {
        let at = times.steps().partition_point(|&step| step < time.step);
        of_step[at].0 += time.seconds;
        of_step[at].1 += 1;
    }
    let means: Vec<f64> =
        of_step.into_iter().map(|(sum, n)| sum / f64::from(n.max(1))).filter(|mean| *mean > 0.0).collect();
    let look = (means.len() / 10).min(10);
    let longest = |means: &[f64]| means.iter().copied().fold(0.0, f64::max);
    let are_slow = |&k: &usize| {
        let later = longest(&means[k..]);
        means[..k].iter().all(|mean| *mean > 1.25 * later)
    };
    let slow = (1..=look).rev().find(are_slow)?;
    let mut sorted = means.clone();
    sorted.sort_by(f64::total_cmp);
    Some((slow, longest(&means[..slow]) / sorted[sorted.len() / 2]))
}

/// Whether steps alternate between short and long: their correlation from one to the next is below -0.3, and positive over
/// two.
pub fn alternates(times: &StepTimes) -> Option<f64> {
    let one = times.lag1_correlation().filter(|r| *r < -0.3)?;
    times.lag_correlation(2).filter(|r| *r > 0.2).map(|_| one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::law::Law;
    use crate::random::step_times::StepTime;

    /// Step times of so many workers: what a step's, a worker's and its own random number make of them.
    fn table(
        workers: u32,
        steps: u64,
        seconds: impl Fn(&dyn Fn(Purpose, u32, u64) -> f64, u32, u64) -> f64,
    ) -> StepTimes {
        let unit = Law::Exp { rate: 1.0 }.sampler();
        let draw = |purpose, worker, step| unit.draw(RandomKey::new(3, 0).sequence(purpose, worker), step);
        let of_worker = |worker| (0..steps).map(move |step| (worker, step));
        let times = (0..workers).flat_map(of_worker);
        StepTimes::new(times.map(|(worker, step)| StepTime { worker, step, seconds: seconds(&draw, worker, step) }))
            .unwrap()
    }

    #[test]
    fn the_model_that_made_the_times_is_chosen() {
        let pooled = table(8, 200, |draw, worker, step| 1.0 + draw(Purpose::Compute, worker, step));
        let by_worker = table(8, 200, |draw, worker, step| {
            let slowness = if worker == 5 { 3.0 } else { 1.0 };
            slowness * (1.0 + 0.2 * draw(Purpose::Compute, worker, step))
        });
        let rows = table(8, 200, |draw, worker, step| {
            1.0 + draw(Purpose::Update, 0, step) + 0.1 * draw(Purpose::Compute, worker, step)
        });
        let blocks = table(8, 400, |draw, worker, step| {
            let phase = if draw(Purpose::Update, 0, step / 16) > 1.5 { 4.0 } else { 1.0 };
            phase + 0.1 * draw(Purpose::Compute, worker, step)
        });
        let chosen = [pooled, by_worker, rows].map(|times| choose(&times, 0).unwrap().chosen);
        assert_eq!(chosen, [Candidate::Pooled, Candidate::ByWorker, Candidate::Rows]);
        let persistent = choose(&blocks, 0).unwrap();
        assert!(
            persistent.chosen >= Candidate::Rows && persistent.block >= 8,
            "{} {}",
            persistent.chosen,
            persistent.block
        );
    }

    #[test]
    fn what_is_held_out_lies_in_the_interval() {
        // Of 40 tables whose steps come in blocks of five, where steps that are resampled one by one would be off by sqrt 5:
        // nominal 2 misses; 8 or more have a chance of 1 in 2000.
        let misses = (0..40).filter(|&i| {
            let times = table(4, 120, |draw, worker, step| {
                1.0 + draw(Purpose::Update, 100 + i, step / 5) + 0.1 * draw(Purpose::Compute, 100 * i + worker, step)
            });
            let (rows, sync) = (times.rows(), Question { workers: 4, steps: 1 });
            let (first, second) = (part(&rows, 0, 60), part(&rows, 60, 120));
            !held_out(Candidate::Rows, &first, &second, sync, block_length(&rows), 0).holds(0.0)
        });
        let misses = misses.count();
        assert!(misses < 8, "{misses}");
    }

    #[test]
    fn equal_columns_slow_starts_and_alternation_are_seen() {
        let equal = table(4, 50, |draw, worker, step| {
            1.0 + draw(Purpose::Update, 0, step) + 1e-4 * draw(Purpose::Compute, worker, step)
        });
        let constant = table(4, 50, |draw, worker, step| 1.0 + 1e-4 * draw(Purpose::Compute, worker, step));
        let own = table(4, 50, |draw, worker, step| 1.0 + draw(Purpose::Compute, worker, step));
        assert_eq!([&equal, &constant, &own].map(are_equalised), [true, false, false]);
        let compiled = StepTimes::of_one(
            (0..60).map(|i| [1400.0, 65.0][..].get(i).copied().unwrap_or(if i % 2 == 0 { 44.0 } else { 4.5 })),
        );
        let compiled = compiled.unwrap();
        let (first, factor) = slow_start(&compiled).unwrap();
        assert!(first == 2 && factor > 30.0, "{first} {factor}");
        assert!(alternates(&compiled.skip_first(2).unwrap()).unwrap() < -0.9);
        assert_eq!((slow_start(&own), alternates(&own)), (None, None));
        // A stall among the first steps is none of these.
        let stall = StepTimes::of_one((0..100).map(|i| if i == 5 { 9.0 } else { 1.0 })).unwrap();
        assert_eq!(slow_start(&stall), None);
        let from_the_first = StepTimes::of_one((0..100).map(|i| if i == 0 { 9.0 } else { 1.0 })).unwrap();
        assert_eq!(slow_start(&from_the_first), Some((1, 9.0)));
    }
}
