//! What is said of a policy that is none, or none for so many workers.

use crate::policy::table::{POLICIES, Row};
use crate::policy::typed::{LONGEST_RANGE, MOST_STEPS, Policy};
use std::fmt;

/// Why there is no such policy, or none for so many workers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// No policy has this name.
    Unknown {
        /// What was typed.
        name: String,
    },
    /// The numbers after the colons are missing, superfluous or out of range.
    Argument {
        /// What was typed.
        text: String,
        /// The same policy, typed correctly.
        policy: Policy,
    },
    /// A range in a list that is none.
    Range {
        /// What was typed.
        text: String,
    },
    /// Hardly a step is done before everybody has to submit.
    Budget {
        /// The policy.
        policy: Policy,
        /// The same with time enough.
        usual: Policy,
    },
    /// Hardly a task, or an update of all, is done between two failures.
    Failing {
        /// The policy.
        policy: Policy,
        /// How many workers there are.
        workers: u32,
    },
    /// A worker would be busy for longer than anybody waits, in this world or in simulated time.
    Steps {
        /// The policy.
        policy: Policy,
    },
    /// Nobody works.
    NoWorkers,
    /// The quorum cannot be reached.
    Unreachable {
        /// The policy.
        policy: Policy,
        /// How many workers there are.
        workers: u32,
    },
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PolicyError::Unknown { name } => {
                f.write_str(&crate::unknown("policy", name, &POLICIES.each_ref().map(|row| row.name)))
            }
            PolicyError::Argument { text, policy } => {
                let text = crate::clip(text);
                let Row { name, arguments, .. } = policy.row();
                match arguments {
                    [] => write!(f, "'{text}': {name} takes no number; type {policy}"),
                    [one] => write!(f, "'{text}': {name} takes {one}; type {policy}, for example"),
                    [first, others @ ..] => {
                        write!(f, "'{text}': {name} takes {first}")?;
                        others.iter().try_for_each(|other| write!(f, ", then {other}"))?;
                        write!(f, "; type {policy}, for example")
                    }
                }
            }
            PolicyError::Range { text } => {
                let text = crate::clip(text);
                write!(
                    f,
                    "'{text}': a range is two whole numbers, the lower one first, at most {LONGEST_RANGE} apart; "
                )?;
                write!(f, "type k-sync:1..8, for example")
            }
            PolicyError::Budget { policy, usual } => {
                write!(f, "{policy} is over before a step is done, so that it never updates; type {usual}, for example")
            }
            PolicyError::Failing { policy, workers } => write!(
                f,
                "{policy} with {} hardly ever gets anything done between two failures; raise --mtbf, or for policies that \
                 wait for all type --checkpoint 10m, for example",
                count(*workers)
            ),
            PolicyError::Steps { policy } => write!(
                f,
                "{policy} leaves a worker to itself for more than {MOST_STEPS} steps; type at most {}:{MOST_STEPS}",
                policy.name()
            ),
            PolicyError::NoWorkers => write!(f, "0 workers compute nothing; give at least 1"),
            PolicyError::Unreachable { policy, workers } if policy.name() == "backup" => {
                let workers = count(*workers);
                write!(f, "{policy} leaves nobody to wait for out of {workers}; lower B or raise the workers")
            }
            PolicyError::Unreachable { policy, workers } => {
                write!(f, "the gradients that {policy} waits for can never arrive from {}; ", count(*workers))?;
                write!(f, "lower K or raise the workers")
            }
        }
    }
}

fn count(workers: u32) -> String {
    format!("{workers} worker{}", if workers == 1 { "" } else { "s" })
}
