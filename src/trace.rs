//! Measured step times, read from a column of a CSV file.

use crate::error::Error;
use sim::{Law, LawText, TraceSource};

/// The column that is read unless another is named.
const COLUMN: &str = "step_time_s";

/// The law that was typed, with its trace read where it has one.
pub fn law(text: &LawText) -> Result<Law, Error> {
    match text {
        LawText::Law(law) => Ok(law.clone()),
        LawText::Trace(source) => {
            let seconds = read(source)?;
            Law::trace(source.clone(), seconds).map_err(|e| Error::Input(e.to_string()))
        }
    }
}

fn read(source: &TraceSource) -> Result<Vec<f64>, Error> {
    let TraceSource { file, column, dependence: _ } = source;
    let column = column.as_deref().unwrap_or(COLUMN);
    let unreadable = |e: csv::Error| {
        let reason = match e.kind() {
            csv::ErrorKind::Io(e) => e.to_string(),
            _ => e.to_string(),
        };
        Error::Input(format!("cannot read {file}: {reason}; give a CSV file with a header and a column of seconds"))
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(file).map_err(unreadable)?;
    let header = reader.headers().map_err(unreadable)?.clone();
    if header.is_empty() {
        return Err(Error::Input(format!(
            "{file} is empty; give a CSV file with a header and a column of seconds, {column}"
        )));
    }
    let Some(index) = header.iter().position(|name| name == column) else {
        let names: Vec<&str> = header.iter().collect();
        let example = sim::nearest(column, &names).unwrap_or(names[0]);
        return Err(Error::Input(match names[..] {
            ref names if names.iter().all(|name| name.parse::<f64>().is_ok()) => {
                format!("the first line of {file} is not a header but numbers; put a line with {column} above it")
            }
            [one] if one.contains(';') => format!("the columns of {file} are separated by ';'; separate them by ','"),
            _ => format!(
                "{file} has no column '{column}', only {}; type 'trace({file}, {example})', for example",
                names.join(", ")
            ),
        }));
    };
    let mut seconds = Vec::new();
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = record.get(index).unwrap_or_default();
        let time = cell.parse().ok().filter(|time: &f64| *time > 0.0 && time.is_finite());
        seconds.push(time.ok_or_else(|| {
            Error::Input(format!(
                "line {line} of {file}: {column} is '{cell}', not a positive, finite number of seconds; correct or drop that line"
            ))
        })?);
    }
    Ok(seconds)
}
