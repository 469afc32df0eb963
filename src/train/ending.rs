//! Did the training end as it should? If not, one sentence says why, and what was kept.

use super::Trained;
use crate::error::Error;
use validation::{End, Failure};

/// Whether it ended as it should.
pub fn conclude(trained: &Trained<'_>, failure: Option<Failure>) -> Result<(), Error> {
    let done = match trained.journal.updates.len() {
        0 => "no update was made, and nothing was written".to_string(),
        n => format!("{n} updates were made and kept"),
    };
    assert!(trained.journal.is_conserved(), "staleness is not conserved: a bug");
    match (trained.end, failure) {
        (End::Done, _) if trained.arguments.target_accuracy.is_some() && trained.reached.is_none() => {
            Err(Error::Training("the target was not reached; raise --epochs or change --lr".to_string()))
        }
        (End::Done, _) => Ok(()),
        (End::Broken, _) if trained.reached.is_some() => Ok(()),
        (End::Diverged { update }, _) => Err(Error::Training(format!(
            "the loss is not finite at update {update}: the step size is too large; lower --lr; {done}"
        ))),
        (End::RanDry, Some(Failure::Panicked { worker, serial, words })) => {
            Err(Error::Training(format!("worker {worker} failed on its task {serial}: {words}; {done}")))
        }
        (End::Broken | End::RanDry, _) => Err(Error::Interrupted { done }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Arguments, Command};
    use clap::Parser;
    use sim::{Policy, Time};
    use validation::Journal;
    use validation::Score;
    use validation::run::training::Update;

    /// How a run of three updates is concluded that ended like this; and its exit status.
    fn concluded(words: &str, end: End, reached: Option<Time>, failure: Option<Failure>) -> (String, u8) {
        let typed = ["straggle", "train"].into_iter().chain(words.split_whitespace());
        let Ok(Arguments { command: Command::Train(arguments) }) = Arguments::try_parse_from(typed) else {
            panic!("{words}")
        };
        let scores = vec![Score { loss: 1.0, accuracy: 0.5 }];
        let update = |update| Update { update, at: Time::ZERO, from: vec![(0, 0)], scores: scores.clone() };
        let mut journal = Journal::new(2);
        journal.updates = (1..=3).map(update).collect();
        let rule = Policy::SYNC.rule(2).expect("a rule");
        let trained = Trained {
            arguments: &arguments,
            rule,
            samples: 100,
            journal,
            scores: Vec::new(),
            end,
            reached,
            beside: None,
        };
        match conclude(&trained, failure) {
            Ok(()) => (String::new(), 0),
            Err(error) => (error.to_string(), error.status()),
        }
    }

    #[test]
    fn every_end_has_its_sentence_and_status() {
        let panicked = Failure::Panicked { worker: 1, serial: 4, words: "out of luck".into() };
        let (sentence, status) = concluded("", End::RanDry, None, Some(panicked));
        assert_eq!(sentence, "worker 1 failed on its task 4: out of luck; 3 updates were made and kept");
        assert_eq!(status, 3);
        let interrupted = ("interrupted; 3 updates were made and kept".to_string(), 130);
        assert_eq!(concluded("", End::RanDry, None, Some(Failure::Stopped)), interrupted);
        assert_eq!(concluded("", End::Broken, None, None), interrupted);
        assert_eq!(concluded("", End::Done, None, None).1, 0);
        assert_eq!(concluded("", End::Diverged { update: 3 }, None, None).1, 3);
        let target = "--target-accuracy 97%";
        assert_eq!(concluded(target, End::Broken, Some(Time::ZERO), None).1, 0);
        assert_eq!(concluded(target, End::Done, None, None).1, 3);
    }
}
