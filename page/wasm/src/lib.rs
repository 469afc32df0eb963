//! The simulator as the explorable page asks it: a command line in, JSON out.
//!
//! A question is the text that one would type after `straggle`, so the page can show beside every figure the command that
//! makes the same digits: it is what the figure was asked with. The same functions answer in the browser (compiled to
//! WebAssembly, see `exports`) and natively, and a test holds the two equal.
//!
//! Besides `simulate` there are questions that only a picture asks: `lanes` (who works when), `staleness` (a histogram),
//! `draw` (a few step times), `data` (a CSV that was dropped on the page), `task` and `check` (the exercise).

mod cluster;
mod data;
#[cfg(target_arch = "wasm32")]
mod exports;
mod lanes;
mod question;
mod results;
pub mod task;

use question::Question;
use serde::Serialize;
use serde_json::json;
use sim::{Policy, StepTimes};

/// What the page remembers between two questions: the times of a dropped CSV.
#[derive(Debug, Default)]
pub struct Session {
    times: Option<StepTimes>,
}

impl Session {
    /// The answer to a question, as JSON; `{"error": SENTENCE}` where there is none.
    ///
    /// ```
    /// let mut session = straggle_page::Session::default();
    /// let answer = session.answer("simulate --step-time constant(2) --workers 4 --policies sync --updates 10");
    /// assert!(answer.contains("\"mean_s\":2.0"), "{answer}");
    /// ```
    pub fn answer(&mut self, question: &str) -> String {
        let (head, body) = question.split_once('\n').unwrap_or((question, ""));
        self.try_answer(head, body).unwrap_or_else(|error| json!({ "error": error }).to_string())
    }

    fn try_answer(&mut self, head: &str, body: &str) -> Result<String, String> {
        let (command, options) = head.trim().split_once(' ').unwrap_or((head.trim(), ""));
        match command {
            "policies" => text(&Policy::examples().map(|policy| policy.to_string()).collect::<Vec<_>>()),
            "data" => {
                let table = data::read(body)?;
                let described = text(&data::describe(&table)?)?;
                self.times = Some(table);
                Ok(described)
            }
            "task" => text(&task::Task::named(options.trim())),
            "check" => {
                let (answer, name) = options.trim().split_once(' ').ok_or("type: check ANSWER NAME")?;
                let answer = answer.parse().map_err(|_| format!("'{answer}' is not a whole number"))?;
                text(&task::Task::named(name.trim()).check(answer)?)
            }
            _ => {
                let question = Question::read(options, self.times.as_ref())?;
                match command {
                    "simulate" => text(&results::simulate(&question)?),
                    "lanes" => text(&lanes::lanes(&question)?),
                    "staleness" => text(&results::staleness(&question)?),
                    "loss" => text(&results::loss(&question)?),
                    "draw" => text(&results::draw(&question)),
                    "law" => text(&results::law(&question)),
                    _ => Err(format!("there is no question '{command}'")),
                }
            }
        }
    }
}

fn text(answer: &impl Serialize) -> Result<String, String> {
    serde_json::to_string(answer).map_err(|error| error.to_string())
}
