//! `steps.csv` of `straggle train`: a row for each task of a worker, whose time is what it computed and what it was delayed.

use super::{Column, Options, Reading, tidy};
use crate::formats::refusal::Refusal;
use crate::formats::sheet::{Cell, Sheet};

/// The columns by which such a table is known.
const COLUMNS: [&str; 5] = ["worker", "serial", "compute_s", "delay_s", "base_version"];

/// What the time of a task is called.
const TIME: &str = "compute_s + delay_s";

/// Whether a sheet is such a table.
pub fn is(sheet: &Sheet) -> bool {
    COLUMNS.iter().all(|name| sheet.named(name).len() == 1)
}

/// Reads the times of tasks; one that was cancelled has none.
///
/// # Errors
/// As [`tidy::read`].
pub fn read(mut sheet: Sheet, options: &Options) -> Result<Reading, Refusal> {
    let (compute, delay) = (sheet.wanted("compute_s")?, sheet.wanted("delay_s")?);
    let sum = |(a, b): (&Cell, &Cell)| match (*a, *b) {
        (Cell::Number(a, _), Cell::Number(b, _)) => Cell::Number(a + b, None),
        _ => Cell::Missing,
    };
    let times = sheet.columns[compute].iter().zip(&sheet.columns[delay]).map(sum).collect();
    let column = sheet.add_column(TIME.to_string());
    sheet.columns[column] = times;
    tidy::read(&mut sheet, &Options { column: Some(Column::Values(TIME.to_string())), ..options.clone() })
}
