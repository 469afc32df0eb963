//! `straggle check`: the answer to the exercise on the page.

use crate::cli::Plain;
use crate::error::Error;
use ::page::task::Task;
use clap::Args;

/// `straggle check`
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:\n  straggle check 6 --seed ada")]
pub struct Check {
    /// The K that was found.
    #[arg(value_name = "ANSWER")]
    pub answer: u32,
    /// The name whose exercise it is: any text, upper and lower case are the same.
    #[arg(long, value_name = "NAME")]
    pub seed: String,
    /// What every command takes.
    #[command(flatten)]
    pub plain: Plain,
}

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
