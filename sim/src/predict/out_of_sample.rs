//! Out-of-sample prediction of measured step times: calibrated on the first half of the steps, compared with the second.
//!
//! The dependence model is chosen by steps kept aside within the first half; nothing of the second half is known to the
//! prediction. Intervals come from moving blocks of both halves, as stalls are few and last.

use crate::predict::candidate::{Candidate, Question, largest_drawn, largest_measured, measured, predictions};
use crate::predict::heldout::{block_length, choose, part, resampled};
use crate::random::key::RandomKey;
use crate::random::step_times::{StepRows, StepTimes};
use serde::{Deserialize, Serialize};

/// A prediction and what came.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// What was asked.
    pub question: Question,
    /// From the first half, s.
    pub predicted_s: f64,
    /// In the second half, s.
    pub measured_s: f64,
    /// Log of measured over predicted.
    pub log_ratio: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Blocks of steps that it stands on, those of the smaller half.
    pub blocks: usize,
    /// Largest distance between the distribution functions of the slowest worker's times (Kolmogorov).
    pub kolmogorov: f64,
}

/// What a table of step times says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutOfSample {
    /// The dependence model.
    pub candidate: Candidate,
    /// Whether the first half was long enough to choose it; whole measured steps are drawn otherwise, which keep most.
    pub was_chosen: bool,
    /// Whole steps in both halves.
    pub steps: usize,
    /// The answers, question by question.
    pub answers: Vec<Answer>,
}

/// Resamplings behind each interval.
const RESAMPLINGS: u64 = 100;
/// Draws behind a distribution function.
const DRAWS: u64 = 2000;

/// Predicts the slowest of all workers for the means of 1 and of `local` steps, as far as there are steps; `None` of a single
/// worker, or of fewer than four whole steps.
///
/// ```
/// use straggle_sim::predict::out_of_sample::out_of_sample;
/// use straggle_sim::{StepTime, StepTimes};
/// let times = (0..2).flat_map(|worker| (0..40).map(move |step| StepTime { worker, step, seconds: 1.0 + f64::from(worker) }));
/// let found = out_of_sample(&StepTimes::new(times)?, 8, 0).ok_or("too few")?;
/// assert!((found.answers[0].predicted_s - 2.0).abs() < 1e-9 && found.answers[0].measured_s == 2.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn out_of_sample(times: &StepTimes, local: usize, seed: u64) -> Option<OutOfSample> {
    let rows = times.rows();
    if rows.workers < 2 || rows.len() < 4 {
        return None;
    }
    let half = rows.len() / 2;
    let middle = times.steps().partition_point(|&step| step < rows.steps[half]);
    let known = times.part(0..times.workers(), 0..middle)?;
    let chosen = choose(&known, seed).map(|choice| choice.chosen);
    let candidate = chosen.unwrap_or(Candidate::Rows);
    let (first, second) = (part(&rows, 0, half), part(&rows, half, rows.len()));
    let block = block_length(&rows);
    let questions = [1, local].into_iter().filter(|&steps| steps == 1 || half >= 4 * steps);
    let answer = |steps| answer(candidate, &first, &second, Question { workers: rows.workers, steps }, block, seed);
    let answers = questions.map(answer).collect();
    Some(OutOfSample { candidate, was_chosen: chosen.is_some(), steps: rows.len(), answers })
}

fn answer(
    candidate: Candidate,
    first: &StepRows,
    second: &StepRows,
    question: Question,
    block: usize,
    seed: u64,
) -> Answer {
    let say = |rows: &StepRows, key| predictions(candidate, rows, &[question], key)[0];
    let predicted_s = say(first, RandomKey::new(seed, 0));
    let measured_s = measured(second, question);
    let block = block.max(question.steps);
    let again = |r: u64| {
        let key = RandomKey::new(seed, 1 + r);
        let (first, second) = (resampled(first, block, key, 1), resampled(second, block, key, 2));
        (measured(&second, question) / say(&first, key)).ln()
    };
    let logs: Vec<f64> = (0..RESAMPLINGS).map(again).collect();
    let centre = logs.iter().sum::<f64>() / RESAMPLINGS as f64;
    let variance = logs.iter().map(|x| (x - centre) * (x - centre)).sum::<f64>() / (RESAMPLINGS - 1) as f64;
    let blocks = (first.len().min(second.len()) / block).max(2);
    // As the variance of few blocks is that of a sample, with n instead of n - 1.
    let standard_error = (variance * blocks as f64 / (blocks - 1) as f64).sqrt();
    let drawn = largest_drawn(candidate, first, question.steps, RandomKey::new(seed, u64::MAX), DRAWS);
    let kolmogorov = distance(drawn, largest_measured(second, question.steps));
    let log_ratio = (measured_s / predicted_s).ln();
    Answer { question, predicted_s, measured_s, log_ratio, standard_error, blocks, kolmogorov }
}

/// Largest distance between the distribution functions of two samples.
fn distance(mut a: Vec<f64>, mut b: Vec<f64>) -> f64 {
    a.sort_by(f64::total_cmp);
    b.sort_by(f64::total_cmp);
    let below = |sorted: &[f64], x: f64| sorted.partition_point(|&y| y <= x) as f64 / sorted.len() as f64;
    a.iter().chain(&b).map(|&x| (below(&a, x) - below(&b, x)).abs()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::key::Purpose;
    use crate::random::law::Law;
    use crate::random::step_times::StepTime;

    #[test]
    fn distances_by_hand() {
        assert_eq!(distance(vec![1.0, 2.0], vec![1.0, 2.0]), 0.0);
        assert_eq!(distance(vec![1.0, 2.0, 3.0, 4.0], vec![3.5, 3.6, 5.0, 6.0]), 0.75);
    }

    #[test]
    fn the_second_half_is_not_known_to_the_prediction() {
        let unit = Law::Exp { rate: 1.0 }.sampler();
        let table = |later: f64| {
            let seconds = |worker, step| {
                let drawn = 1.0 + unit.draw(RandomKey::new(5, 0).sequence(Purpose::Compute, worker), step);
                if step < 60 { drawn } else { later * drawn }
            };
            let cell = |worker, step| StepTime { worker, step, seconds: seconds(worker, step) };
            StepTimes::new((0..6).flat_map(|worker| (0..120).map(move |step| cell(worker, step)))).unwrap()
        };
        let (same, slower) = (out_of_sample(&table(1.0), 8, 0).unwrap(), out_of_sample(&table(1.5), 8, 0).unwrap());
        assert_eq!(same.answers.len(), 2);
        for (same, slower) in same.answers.iter().zip(&slower.answers) {
            assert_eq!(same.predicted_s, slower.predicted_s);
            assert!((slower.log_ratio - same.log_ratio - 1.5f64.ln()).abs() < 1e-9);
            // 4 standard errors, a false alarm in 2000 with their few degrees of freedom; 6 of 60 steps in a half are a block.
            assert!(same.log_ratio.abs() < 4.5 * same.standard_error, "{same:?}");
            assert!(slower.kolmogorov > same.kolmogorov + 0.1, "{same:?} {slower:?}");
        }
    }
}
