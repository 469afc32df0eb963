//! Measured step times as a law: a trace that was typed, read from its file.

use crate::error::Error;
use crate::formats::{self, Options};
use crate::session::Session;
use sim::random::step_times::VarianceShares;
use sim::{Compute, Dependence, Law, LawText, StepTimes, TraceSource};

/// The law that was typed, with its trace read where it has one: one of all measured times. What a reader should know of the
/// file is noted.
///
/// # Errors
/// If the file holds no step times.
pub fn law(text: &LawText, options: &Options, session: &Session) -> Result<Law, Error> {
    match text {
        LawText::Law(law) => Ok(law.clone()),
        LawText::Trace(source) => {
            let seconds = read(source, options, session)?.pooled().to_vec();
            Law::trace(source.clone(), seconds).map_err(|e| Error::Input(e.to_string()))
        }
    }
}

/// The same, drawn from in the way that was typed: a trace may keep which worker and which step a time belongs to.
///
/// # Errors
/// If the file holds no step times, or cannot be drawn from in that way.
pub fn compute(text: &LawText, options: &Options, session: &Session) -> Result<Compute, Error> {
    match text {
        LawText::Law(law) => Ok(law.clone().into()),
        LawText::Trace(source) => {
            let times = read(source, options, session)?;
            if let (Some(shares), Dependence::Pooled) = (times.variance_shares(), source.dependence) {
                let lag1 = times.lag1_correlation().unwrap_or(0.0);
                session.note(known(source, shares, lag1));
            }
            Compute::measured(source, &times).map_err(|e| Error::Input(e.to_string()))
        }
    }
}

/// What a trace knows that pooling it throws away.
fn known(source: &TraceSource, VarianceShares { worker, step, rest }: VarianceShares, lag1: f64) -> String {
    let file = formats::clip(&source.file);
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    let mut text = format!(
        "{file}: of the variance, {} is between workers, {} between steps of all workers, {} neither; correlation from step \
         to step {lag1:.2}",
        percent(worker),
        percent(step),
        percent(rest)
    );
    let advice = match (worker > MATTERS, step > MATTERS, lag1 > MATTERS) {
        (_, true, true) => "rows or blocks:L",
        (_, true, false) => "rows",
        (true, false, _) => "by-worker",
        (false, false, _) => return text,
    };
    text += &format!("; drawing every time independently throws that away: type trace({file}, {advice})");
    text
}

/// A share of the variance that changes the slowest of several workers.
const MATTERS: f64 = 0.1;

fn read(source: &TraceSource, options: &Options, session: &Session) -> Result<StepTimes, Error> {
    let column = source.column.as_ref().map(|column| column.parse().expect("any text names a column"));
    let options = Options { column, ..options.clone() };
    let recorded =
        formats::read(std::slice::from_ref(&source.file), &options).map_err(|e| Error::Input(e.to_string()))?;
    for note in &recorded.notes {
        session.note(format!("{}: {note}", formats::clip(&source.file)));
    }
    session.read(&recorded.files);
    Ok(recorded.times)
}
