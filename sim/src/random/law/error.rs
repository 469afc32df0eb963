//! What is said of a law that is none.

use crate::random::law::TraceSource;
use crate::random::syntax::FormError;
use std::fmt;

/// Why a text is no law.
#[derive(Clone, Debug, PartialEq)]
pub enum LawError {
    /// It is typed wrongly, or an argument is out of its range.
    Form(FormError),
    /// A trace with too few or too many arguments.
    Columns {
        /// How many were typed.
        given: usize,
    },
    /// A phase whose law is a trace, or has phases itself.
    Phase {
        /// What was typed.
        text: String,
    },
    /// The mean is infinite, or too small for a number.
    Mean {
        /// The law.
        law: String,
        /// Its mean.
        mean: f64,
    },
    /// A trace with fewer whole steps, which all workers have a time for, than are drawn at once.
    Steps {
        /// The trace.
        source: TraceSource,
        /// How many whole steps there are.
        whole: usize,
    },
    /// A trace without times (`wrong` is `None`), or with one that is not positive and finite.
    Trace {
        /// The trace.
        source: TraceSource,
        /// Which time, counted from 0, and what it is.
        wrong: Option<(usize, f64)>,
    },
}

impl fmt::Display for LawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LawError::Form(error) => error.fmt(f),
            LawError::Columns { given } => {
                write!(f, "trace takes a file and, if need be, a column, not {given} arguments; ")?;
                write!(f, "type trace(steps.csv) or trace(steps.csv, step_time_s), for example")
            }
            LawError::Phase { text } => {
                write!(f, "a phase of markov has a law of numbers, not {text}; ")?;
                write!(f, "type markov(exp(4), exp(1), 20, 5), for example")
            }
            LawError::Mean { law, mean } => {
                write!(f, "the mean of {law} is {mean:e} seconds, which no run can measure; choose milder arguments")
            }
            LawError::Steps { source, whole } => {
                write!(f, "{source} needs more steps that all workers have a time for than the {whole} there are; ")?;
                write!(f, "type pooled or by-worker instead of {}, or shorter blocks", source.dependence)
            }
            LawError::Trace { source, wrong: None } => {
                write!(f, "{source} holds no times; give a CSV file with a column of measured seconds")
            }
            LawError::Trace { source, wrong: Some((index, value)) } => {
                write!(f, "time {} of {source} is {value}; step times are positive, finite seconds", index + 1)
            }
        }
    }
}

impl std::error::Error for LawError {}

impl From<FormError> for LawError {
    fn from(error: FormError) -> LawError {
        LawError::Form(error)
    }
}
