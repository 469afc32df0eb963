//! What is said of a law that is none.

use crate::random::law::TraceSource;
use crate::random::syntax::FormError;

/// Why a text is no law.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LawError {
    /// It is typed wrongly, or an argument is out of its range.
    #[error(transparent)]
    Form(#[from] FormError),
    /// A trace with too few or too many arguments.
    #[error(
        "trace takes a file and, if need be, a column, not {given} arguments; type trace(steps.csv) or trace(steps.csv, step_time_s), for example"
    )]
    Columns {
        /// How many were typed.
        given: usize,
    },
    /// A phase whose law is a trace, or has phases itself.
    #[error("a phase of markov has a law of numbers, not {text}; type markov(exp(4), exp(1), 20, 5), for example")]
    Phase {
        /// What was typed.
        text: String,
    },
    /// The mean is infinite, or too small for a number.
    #[error("the mean of {law} is {mean:e} seconds, which no run can measure; choose milder arguments")]
    Mean {
        /// The law.
        law: String,
        /// Its mean.
        mean: f64,
    },
    /// A trace with fewer whole steps, which all workers have a time for, than are drawn at once.
    #[error("{trace} needs more steps that all workers have a time for than the {whole} there are; type pooled or by-worker instead of {}, or shorter blocks", .trace.dependence)]
    Steps {
        /// The trace.
        trace: TraceSource,
        /// How many whole steps there are.
        whole: usize,
    },
    /// A trace without times (`wrong` is `None`), or with one that is not positive and finite.
    #[error("{}", unusable(.trace, .wrong))]
    Trace {
        /// The trace.
        trace: TraceSource,
        /// Which time, counted from 0, and what it is.
        wrong: Option<(usize, f64)>,
    },
}

/// What is wrong with the times of a trace.
fn unusable(trace: &TraceSource, wrong: &Option<(usize, f64)>) -> String {
    match wrong {
        None => format!("{trace} holds no times; give a CSV file with a column of measured seconds"),
        Some((index, value)) => {
            format!("time {} of {trace} is {value}; step times are positive, finite seconds", index + 1)
        }
    }
}
