//! The exercise: how many workers are worth waiting for?
//!
//! A name is hashed to a cluster with a law of its own, so that a class of thirty has thirty exercises. The answer is the K
//! under which `k-sync:K` gets most gradients through in a second, K / E\[X_{K:m}\], computed and not simulated. K within
//! half a per cent of the best are right: nobody can tell them apart in a simulation of reasonable length.

use serde::Serialize;
use sim::{ClusterSpec, Law, Policy, theory};

/// An exercise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Task {
    /// Whose it is.
    pub name: String,
    /// Workers of the cluster.
    pub workers: u32,
    /// The law of a step, as it is typed.
    pub step_time: String,
    /// What is asked, in words.
    pub text: String,
}

/// Whether an answer is right.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// It is within half a per cent of the best.
    pub correct: bool,
    /// Gradients per second with that answer, relative to the best, at most 1.
    pub of_best: f64,
    /// The verdict in words, which does not give the answer away.
    pub text: String,
}

/// What counts as the best, relative to it.
const CLOSE: f64 = 0.995;

/// FNV-1a, 64 bits (Fowler, Noll, Vo).
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

impl Task {
    /// The exercise of this name; upper and lower case are the same.
    pub fn named(name: &str) -> Task {
        let name = name.trim().to_lowercase();
        let mut bits = hash(&name);
        let mut choose = |from: u64, to: u64| {
            let chosen = from + bits % (to - from + 1);
            bits = hash(&bits.to_string());
            chosen
        };
        let workers = choose(8, 20) as u32;
        // Most of a step is the same for all; the rest has a tail, so that waiting for the last few costs too much.
        let shift = choose(10, 40) as f64 / 100.0;
        let rate = choose(2, 8) as f64 / 2.0;
        let step_time = format!("shifted-exp({shift}, {rate})");
        let text = format!(
            "{workers} workers take {shift} s and an exponential time of mean {:.3} s for each step. Under k-sync:K an update \
             takes the first K gradients and cancels the others. Which K gets most gradients into the model in a second?",
            1.0 / rate
        );
        Task { name, workers, step_time, text }
    }

    /// Gradients a second under k-sync:K.
    fn rate(&self, k: u32) -> f64 {
        let law: Law = self.step_time.parse().expect("a law that was printed can be read");
        let rule = Policy::k_sync(k).rule(self.workers).expect("K is at most the number of workers");
        let theory = theory::time_per_update(rule, &ClusterSpec::new(law)).expect("k-sync is known for every law");
        f64::from(k) / theory.seconds
    }

    /// Compares an answer with the best.
    ///
    /// # Errors
    /// If there is no such K.
    pub fn check(&self, k: u32) -> Result<Verdict, String> {
        if !(1..=self.workers).contains(&k) {
            return Err(format!("K is a whole number from 1 to {}, the number of workers; {k} is not", self.workers));
        }
        let best = (1..=self.workers).map(|k| self.rate(k)).fold(0.0, f64::max);
        let of_best = self.rate(k) / best;
        let correct = of_best >= CLOSE;
        let text = match correct {
            true => format!("k-sync:{k} is right: no K gets more than half a per cent more gradients through"),
            false => format!(
                "k-sync:{k} gets {:.1} % of the best K's gradients through; another K is better",
                100.0 * of_best
            ),
        };
        Ok(Verdict { correct, of_best, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_an_exercise_with_an_answer_between_the_ends() {
        let mut inside = 0;
        for i in 0..200 {
            let task = Task::named(&format!("student {i}"));
            let right: Vec<u32> = (1..=task.workers).filter(|&k| task.check(k).unwrap().correct).collect();
            assert!(!right.is_empty() && right.len() <= 6, "{task:?}: {right:?}");
            inside += u32::from(right[0] > 1 && *right.last().unwrap() < task.workers);
        }
        // Neither "wait for nobody" nor "wait for all" may be a good guess.
        assert!(inside > 150, "{inside} of 200");
    }

    #[test]
    fn a_name_is_the_same_exercise_on_every_machine() {
        let task = Task::named("Ada");
        assert_eq!(task, Task::named(" ada "));
        assert_eq!(hash("a"), 0xaf63_dc4c_8601_ec8c); // the published value
    }

    #[test]
    fn an_answer_that_cannot_be_is_refused() {
        assert!(Task::named("Ada").check(0).is_err());
        assert!(Task::named("Ada").check(1000).is_err());
    }
}
