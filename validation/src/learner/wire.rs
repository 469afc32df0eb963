//! Parameters and submissions on their way between processes: bytes of a fixed layout, and sums.
//!
//! All numbers are little-endian. Parameters are their f32 one after another. A submission is its mean loss and accuracy as
//! f64, then its direction as f32. Versions travel with the task that both belong to.

use crate::learner::digits::{Digits, Submission, Weights};
use crate::models::net::Score;
use sim::{Learner, Task};

/// A learner whose parameters and submissions can cross to other processes.
pub trait Portable: Learner {
    /// Adds the bytes of parameters that a worker reads.
    fn write_params(params: &Self::Params, bytes: &mut Vec<u8>);
    /// Parameters from their bytes.
    fn read_params(bytes: &[u8]) -> Self::Params;
    /// Adds the bytes of a submission.
    fn write_submission(submission: &Self::Gradient, bytes: &mut Vec<u8>);
    /// A submission from its bytes.
    fn read_submission(bytes: &[u8]) -> Self::Gradient;
}

/// A learner whose update needs no more of the submissions than their weighted sum.
pub trait Additive: Learner {
    /// What the submission of the `index`-th of an update's tasks adds to the sum, and its score.
    fn part(&self, version: u64, tasks: &[Task], index: usize, submission: Self::Gradient) -> (Vec<f32>, Score);
    /// Makes the update from the sum of all parts, and their scores in the order of the tasks.
    fn apply_sum(&self, params: &mut Self::Params, tasks: &[Task], sum: &[f32], scores: Vec<Score>);
}

/// Adds the bytes of numbers.
pub(crate) fn write(numbers: &[f32], bytes: &mut Vec<u8>) {
    let begin = bytes.len();
    bytes.resize(begin + 4 * numbers.len(), 0);
    let (places, _) = bytes[begin..].as_chunks_mut();
    places.iter_mut().zip(numbers).for_each(|(place, number)| *place = number.to_le_bytes());
}

/// Numbers from their bytes.
pub(crate) fn read(bytes: &[u8]) -> Vec<f32> {
    let (numbers, rest) = bytes.as_chunks();
    assert!(rest.is_empty(), "whole numbers of f32");
    numbers.iter().map(|&number| f32::from_le_bytes(number)).collect()
}

impl Portable for Digits {
    fn write_params(params: &Weights, bytes: &mut Vec<u8>) {
        write(params.values(), bytes);
    }

    fn read_params(bytes: &[u8]) -> Weights {
        Weights::new(read(bytes))
    }

    fn write_submission(submission: &Submission, bytes: &mut Vec<u8>) {
        bytes.extend(submission.score.loss.to_le_bytes());
        bytes.extend(submission.score.accuracy.to_le_bytes());
        write(&submission.direction, bytes);
    }

    fn read_submission(bytes: &[u8]) -> Submission {
        let (loss, rest) = bytes.split_first_chunk().expect("a loss");
        let (accuracy, rest) = rest.split_first_chunk().expect("an accuracy");
        let score = Score { loss: f64::from_le_bytes(*loss), accuracy: f64::from_le_bytes(*accuracy) };
        Submission { score, direction: read(rest) }
    }
}

impl Additive for Digits {
    fn part(&self, version: u64, tasks: &[Task], index: usize, submission: Submission) -> (Vec<f32>, Score) {
        let (share, Submission { score, mut direction }) = (self.shares(version, tasks)[index], submission);
        direction.iter_mut().for_each(|number| *number *= share);
        (direction, score)
    }

    fn apply_sum(&self, params: &mut Weights, tasks: &[Task], sum: &[f32], scores: Vec<Score>) {
        params.scores = scores.into();
        self.apply(params, tasks[0].local, &[(tasks[0].worker, 1.0, sum)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_crosses_is_the_same_to_the_last_bit() {
        let numbers = vec![0.1, -0.0, f32::MIN_POSITIVE / 4.0, f32::NAN, f32::INFINITY, 3e38];
        let bits = |numbers: &[f32]| numbers.iter().map(|number| number.to_bits()).collect::<Vec<_>>();
        let mut bytes = Vec::new();
        Digits::write_params(&Weights::new(numbers.clone()), &mut bytes);
        assert_eq!(bits(Digits::read_params(&bytes).values()), bits(&numbers));
        let submission = Submission { score: Score { loss: 0.1 + 0.2, accuracy: 1.0 / 3.0 }, direction: numbers };
        bytes.clear();
        Digits::write_submission(&submission, &mut bytes);
        let read = Digits::read_submission(&bytes);
        assert_eq!((read.score, bits(&read.direction)), (submission.score, bits(&submission.direction)));
    }
}
