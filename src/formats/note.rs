//! Notes: what a reader should know of how a file was read.

use super::units::Unit;
use std::fmt;

/// What a reader should know of how a file was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// No unit is named: seconds were assumed.
    UnitAssumed {
        /// Of this column, in quotes.
        column: String,
    },
    /// Another unit was asked for than the name says.
    UnitOverridden {
        /// Of this column.
        column: String,
        /// What its name says.
        named: Unit,
        /// What was typed.
        unit: Unit,
    },
    /// One of several columns of times was read.
    Chosen {
        /// This one.
        column: String,
        /// And not these.
        others: String,
    },
    /// What was asked for does not look like times.
    Suspicious {
        /// The column.
        column: String,
        /// What it looks like.
        what: &'static str,
    },
    /// Times are differences of a clock.
    Differences {
        /// This one.
        column: String,
    },
    /// Times are durations of spans.
    Spans {
        /// Of this name.
        name: String,
    },
    /// A column for each worker.
    Wide {
        /// So many.
        workers: usize,
    },
    /// Step numbers occur several times.
    StepsRepeat,
    /// Times are printed now and then, and so may be means.
    Averaged {
        /// Steps from one to the next.
        every: u64,
    },
    /// Times are what several columns make together.
    Derived {
        /// How.
        from: String,
    },
    /// Rows without a step's number, as of totals, are left out.
    WithoutStep {
        /// So many.
        rows: usize,
    },
    /// Times are the inverse of steps a second.
    Rates,
    /// Lines that could not be read.
    BrokenLines {
        /// So many.
        lines: u64,
    },
    /// Values that are no times.
    Dropped(sim::random::step_times::Dropped),
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::UnitAssumed { column } => {
                write!(f, "{column} names no unit: taken as seconds; type --unit ms if they are milliseconds")
            }
            Note::UnitOverridden { column, named, unit } => {
                write!(f, "'{column}' is read in {unit}, as you typed, although its name says {named}")
            }
            Note::Chosen { column, others } => {
                write!(f, "'{column}' is read as the time of a step; --column chooses another ({others})")
            }
            Note::Suspicious { column, what } => write!(
                f,
                "'{column}' {what}: step times hardly do; type 'diff:{column}' if it is a clock, whose differences are times"
            ),
            Note::Differences { column } => {
                write!(f, "times are differences of '{column}': whatever happens between two of its values is in them")
            }
            Note::Spans { name } => write!(f, "times are the spans called '{name}'"),
            Note::Wide { workers } => write!(f, "{workers} columns are read as one worker each"),
            Note::StepsRepeat => {
                write!(
                    f,
                    "step numbers occur several times, as after a restart: steps are taken in the order of the lines"
                )
            }
            Note::Averaged { every } => write!(
                f,
                "times are printed every {every} steps: if each is the mean over these, single steps scatter more, about {:.1} times \
                 as much where they are independent",
                (*every as f64).sqrt()
            ),
            Note::Derived { from } => write!(f, "no column holds the time of a step: times are {from}"),
            Note::WithoutStep { rows } => write!(f, "rows without the number of a step, {rows} of them, are left out"),
            Note::Rates => write!(
                f,
                "times are the inverse of printed steps a second, which are running means as a rule: single steps scatter more"
            ),
            Note::BrokenLines { lines } => write!(f, "{lines} lines could not be read and are left out"),
            Note::Dropped(dropped) => {
                let parts = [
                    (dropped.first, "first steps, as you asked"),
                    (dropped.missing, "missing or not a number"),
                    (dropped.zero, "zero"),
                    (dropped.impossible, "infinite or negative"),
                ];
                let parts: Vec<String> =
                    parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
                write!(f, "left out: {}", parts.join(", "))
            }
        }
    }
}
