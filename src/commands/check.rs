//! `straggle check`: the answer to the exercise on the page.

use crate::cli::Check;
use crate::error::Error;
use ::page::task::Task;

impl Check {
    /// Says whether it is right.
    ///
    /// # Errors
    /// If it is wrong, or cannot be an answer.
    pub fn run(&self) -> Result<(), Error> {
        let task = Task::named(&self.seed);
        let verdict = task.check(self.answer).map_err(Error::Usage)?;
        if verdict.correct || self.plain.json {
            self.plain.print(&format!("{}\n", verdict.text), &verdict)?;
        }
        if verdict.correct { Ok(()) } else { Err(Error::Verdict(verdict.text)) }
    }
}
