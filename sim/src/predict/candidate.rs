//! Candidates for a model of measured step times, and what each says of steps to come: how long the slowest of m workers
//! takes, for a step, and for the mean of several steps.
//!
//! A candidate is a way to draw whole steps of all workers from a table of measured ones. What is asked of each is the same
//! that is asked of the measured table, so that predictions and measurements are compared like with like.

use crate::random::key::{Purpose, RandomKey, Stream};
use crate::random::step_times::StepRows;
use rand::Rng;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A way to draw steps from measured ones, from the simplest to that which keeps most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Candidate {
    /// Every time of every worker is one of all measured times.
    Pooled,
    /// Every worker draws from its own times.
    ByWorker,
    /// A step is a whole measured step.
    Rows,
    /// So many consecutive measured steps at a time.
    Blocks(u32),
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Candidate::Pooled => f.pad("pooled"),
            Candidate::ByWorker => f.pad("by-worker"),
            Candidate::Rows => f.pad("rows"),
            Candidate::Blocks(steps) => f.pad(&format!("blocks:{steps}")),
        }
    }
}

/// A question: how long does the slowest of so many workers take for the mean of so many consecutive steps?
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Question {
    /// Workers, taken at random from those that were measured.
    pub workers: usize,
    /// Steps; 1 is what `sync` waits for, more are local steps.
    pub steps: usize,
}

/// The questions that a table of so many workers and whole steps can be asked: groups of 2, 8, 32, ... and of all workers, and
/// 1, 2, 4, ... steps.
pub fn questions(workers: usize, steps: usize) -> Vec<Question> {
    let growing = |from: usize, by: usize, most: usize| {
        std::iter::successors(Some(from), move |n| Some(n * by)).take_while(move |n| *n < most)
    };
    let groups: Vec<usize> = growing(2, 4, workers).chain((workers >= 2).then_some(workers)).collect();
    let lengths: Vec<usize> = growing(1, 2, (steps / 2).clamp(2, 17)).collect();
    groups.iter().flat_map(|&workers| lengths.iter().map(move |&steps| Question { workers, steps })).collect()
}

/// Means over windows of consecutive steps of the slowest of random groups of workers: what was measured.
pub fn measured(rows: &StepRows, question: Question) -> f64 {
    let windows = rows.len() / question.steps;
    let width = question.steps * rows.workers;
    let weights = weights(rows.workers, question.workers);
    let mut means = vec![0.0; rows.workers];
    let largest = |window: &[f64]| {
        means.fill(0.0);
        for row in window.chunks_exact(rows.workers) {
            means.iter_mut().zip(row).for_each(|(sum, x)| *sum += x / question.steps as f64);
        }
        if question.workers < rows.workers {
            means.sort_unstable_by(f64::total_cmp);
        }
        expected_largest(&means, &weights)
    };
    rows.seconds.chunks_exact(width).map(largest).sum::<f64>() / windows as f64
}

/// Probability that the i-th smallest of `all` values is the largest of a random group of `group` of them,
/// C(i-1, m-1)/C(W, m); nothing for a group of all, whose largest needs no order.
fn weights(all: usize, group: usize) -> Vec<f64> {
    let mut weights = vec![0.0; if group < all { all } else { 0 }];
    // From the largest down: it is in the group with probability m/W; the next one leads if it is in and the largest is not.
    let mut none_larger = 1.0;
    for (i, weight) in weights.iter_mut().enumerate().rev() {
        let is_in = (group as f64 / (i + 1) as f64).min(1.0);
        *weight = none_larger * is_in;
        none_larger *= 1.0 - is_in;
    }
    weights
}

/// Mean of the largest of a group; the values ascend where the group is not all of them.
fn expected_largest(values: &[f64], weights: &[f64]) -> f64 {
    match weights {
        [] => values.iter().copied().fold(0.0, f64::max),
        weights => values.iter().zip(weights).map(|(value, weight)| value * weight).sum(),
    }
}

/// Windows that a prediction draws for each question: the fewer workers, the more, for about the same work.
fn windows(workers: usize) -> usize {
    (60_000 / workers).clamp(500, 5000)
}

/// What a candidate that draws from `rows` says of each question, s, on random numbers of this key.
pub fn predictions(candidate: Candidate, rows: &StepRows, questions: &[Question], key: RandomKey) -> Vec<f64> {
    let mut answers = vec![0.0; questions.len()];
    let longest = questions.iter().map(|question| question.steps).max().unwrap_or(1);
    let weights: Vec<Vec<f64>> = questions.iter().map(|question| weights(rows.workers, question.workers)).collect();
    let mut sums = vec![0.0; rows.workers];
    let mut means = vec![0.0; rows.workers];
    let mut row = vec![0.0; rows.workers];
    let windows = windows(rows.workers);
    for window in 0..windows {
        let mut stream = key.at(Purpose::Compute, u32::MAX - 64, window as u64);
        let mut place = Place { block_left: 0, next: 0 };
        sums.fill(0.0);
        for step in 1..=longest {
            draw(candidate, rows, &mut row, &mut place, &mut stream);
            sums.iter_mut().zip(&row).for_each(|(sum, x)| *sum += x);
            let asked = |question: &Question| question.steps == step;
            if !questions.iter().any(asked) {
                continue;
            }
            means.iter_mut().zip(&sums).for_each(|(mean, sum)| *mean = sum / step as f64);
            if questions.iter().any(|question| asked(question) && question.workers < rows.workers) {
                means.sort_unstable_by(f64::total_cmp);
            }
            for ((answer, weights), _) in answers.iter_mut().zip(&weights).zip(questions).filter(|(_, q)| asked(q)) {
                *answer += expected_largest(&means, weights) / windows as f64;
            }
        }
    }
    // Single steps need no windows where whole rows are drawn: every measured one is as good as another.
    if matches!(candidate, Candidate::Rows | Candidate::Blocks(_)) {
        for (answer, question) in answers.iter_mut().zip(questions).filter(|(_, question)| question.steps == 1) {
            *answer = measured(rows, *question);
        }
    }
    answers
}

/// The slowest of all workers in the mean of so many steps, s: window after window of consecutive measured ones.
pub(crate) fn largest_measured(rows: &StepRows, steps: usize) -> Vec<f64> {
    let largest = |window: &[f64]| {
        let of = |worker: usize| window.iter().skip(worker).step_by(rows.workers).sum::<f64>() / steps as f64;
        (0..rows.workers).map(of).fold(0.0, f64::max)
    };
    rows.seconds.chunks_exact(steps * rows.workers).map(largest).collect()
}

/// The same in so many windows that a candidate draws.
pub(crate) fn largest_drawn(
    candidate: Candidate,
    rows: &StepRows,
    steps: usize,
    key: RandomKey,
    count: u64,
) -> Vec<f64> {
    let mut row = vec![0.0; rows.workers];
    let window = |window: u64| {
        let mut stream = key.at(Purpose::Compute, u32::MAX - 64, window);
        let mut place = Place { block_left: 0, next: 0 };
        let mut sums = vec![0.0; rows.workers];
        for _ in 0..steps {
            draw(candidate, rows, &mut row, &mut place, &mut stream);
            sums.iter_mut().zip(&row).for_each(|(sum, x)| *sum += x);
        }
        sums.into_iter().fold(0.0, f64::max) / steps as f64
    };
    (0..count).map(window).collect()
}

/// Where in a block of measured steps the draws are.
struct Place {
    block_left: u32,
    next: usize,
}

fn draw(candidate: Candidate, rows: &StepRows, row: &mut [f64], place: &mut Place, stream: &mut Stream) {
    let (steps, workers) = (rows.len(), rows.workers);
    match candidate {
        Candidate::Pooled => row.iter_mut().for_each(|x| *x = rows.seconds[below(stream, rows.seconds.len())]),
        Candidate::ByWorker => {
            row.iter_mut().enumerate().for_each(|(w, x)| *x = rows.seconds[below(stream, steps) * workers + w]);
        }
        Candidate::Rows | Candidate::Blocks(_) => {
            let length = if let Candidate::Blocks(length) = candidate { length.min(steps as u32) } else { 1 };
            if place.block_left == 0 {
                *place = Place { block_left: length, next: below(stream, steps - length as usize + 1) };
            }
            row.copy_from_slice(&rows.seconds[place.next * workers..(place.next + 1) * workers]);
            place.block_left -= 1;
            place.next += 1;
        }
    }
}

/// A whole number below `n`, uniform up to n / 2^64.
pub(crate) fn below(stream: &mut Stream, n: usize) -> usize {
    ((u128::from(stream.next_u64()) * n as u128) >> 64) as usize
}

/// Mean of the longest of `m` times drawn from the ascending `x` with replacement: it is one of the i smallest with
/// probability (i/n)^m.
///
/// ```
/// use straggle_sim::predict::candidate::longest_drawn;
/// assert_eq!(longest_drawn(&[1.0, 1.0, 1.0, 3.0], 2), 1.875); // 1 with probability 9/16, else 3
/// ```
pub fn longest_drawn(x: &[f64], m: u32) -> f64 {
    let among = |count: usize| (count as f64 / x.len() as f64).powi(m as i32);
    x.iter().enumerate().map(|(i, t)| t * (among(i + 1) - among(i))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(workers: usize, seconds: &[f64]) -> StepRows {
        StepRows { steps: (0..(seconds.len() / workers) as u64).collect(), workers, seconds: seconds.to_vec() }
    }

    #[test]
    fn weights_are_those_of_random_groups() {
        // Of three values, groups of two: {1,2}, {1,3}, {2,3} have the largest 2, 3, 3.
        let weights_of_two = weights(3, 2);
        assert!(weights_of_two.iter().zip([0.0, 1.0 / 3.0, 2.0 / 3.0]).all(|(a, b)| (a - b).abs() < 1e-15));
        assert_eq!(expected_largest(&[1.0, 5.0, 2.0], &weights(3, 3)), 5.0);
        assert!((weights(411, 8).iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn what_was_measured_by_hand() {
        let rows = rows(2, &[1.0, 3.0, 5.0, 1.0]);
        assert_eq!(measured(&rows, Question { workers: 2, steps: 1 }), 4.0);
        assert_eq!(measured(&rows, Question { workers: 2, steps: 2 }), 3.0); // means 3 and 2
    }

    #[test]
    fn each_candidate_says_what_it_keeps() {
        // Two workers, alternately slow together: pooled forgets that they are slow at once, rows keep it, blocks of two know
        // that the mean of two steps is always the same.
        let rows = rows(2, &(0..64).map(|i| if i % 4 < 2 { 1.0 } else { 3.0 }).collect::<Vec<_>>());
        let [one, two] = [Question { workers: 2, steps: 1 }, Question { workers: 2, steps: 2 }];
        let say = |candidate| predictions(candidate, &rows, &[one, two], RandomKey::new(0, 0));
        // The larger of two independent is 3 with probability 3/4, with standard deviation 0.87.
        let error = 4.5 * 0.87 / (windows(2) as f64).sqrt();
        assert!((say(Candidate::Pooled)[0] - 2.5).abs() < error && (say(Candidate::ByWorker)[0] - 2.5).abs() < error);
        assert_eq!(say(Candidate::Rows)[0], 2.0);
        assert!((say(Candidate::Rows)[1] - 2.0).abs() < error);
        assert!(say(Candidate::Blocks(2)).iter().all(|s| (s - 2.0).abs() < 1e-9));
    }
}
